"""The attrition ledger: by hand, against published interval methods, and what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.finding import Status
from primum.measure.attrition import Step, ledger
from primum.measure.intervals import wilson

STEPS = [
    Step("invited", {"a": 1000, "b": 400}),
    Step("linked", {"a": 900, "b": 300}),
    Step("measured", {"a": 600, "b": 100}, "aside"),
    Step("recorded", {"a": 810, "b": 270}),
    Step("flagged", {"a": 81, "b": 54}, "reached"),
]


def row(rows, step, group):
    return next(r for r in rows if (r["step"], r["group"]) == (step, group))


def test_by_hand():
    rows = ledger(STEPS, ["a", "b"])
    assert len(rows) == 10
    b = row(rows, "linked", "b")
    assert (b["before"], b["after"]) == (400, 300)
    assert b["lost"].value == 0.25
    assert (b["lost"].low, b["lost"].high) == pytest.approx([float(x) for x in wilson(100, 400)])
    assert b["more"].value == pytest.approx(0.25 - 0.10)
    assert row(rows, "recorded", "b")["left"] == pytest.approx(270 / 400)
    assert row(rows, "invited", "a")["lost"] is None


def test_newcombe_method_10():
    """Newcombe (1998), example (a): 56/70 − 48/80 has the interval 0.0524 to 0.3339."""
    rows = ledger([Step("there", {"a": 70, "b": 80}), Step("after", {"a": 14, "b": 32})], ["a", "b"])
    e = row(rows, "after", "a")["more"]
    assert (e.value, e.low, e.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_nobody_leaves_aside_and_the_end_counts_who_is_reached():
    rows = ledger(STEPS, ["a", "b"])
    assert row(rows, "measured", "b")["lost"].value == pytest.approx(2 / 3)
    assert row(rows, "recorded", "b")["before"] == 300  # not the 100 measured
    flagged = row(rows, "flagged", "b")
    assert flagged["lost"].value == pytest.approx(0.2)
    assert flagged["more"].value == pytest.approx(0.1)


def test_what_is_empty_has_a_reason():
    rows = ledger([Step("there", {"a": 5, "b": 0}), Step("after", {"a": 5, "b": 0})], ["a", "b"])
    assert row(rows, "after", "b")["lost"].status is Status.NOT_ESTIMABLE
    assert np.isnan(row(rows, "after", "b")["left"])
    assert "nobody else" in row(rows, "after", "a")["more"].reason
    assert row(rows, "after", "a")["lost"].value == 0


def test_losses_of_groups_alike_cover_zero():
    rng = np.random.default_rng(2)
    hits = 0
    for a, b in zip(rng.binomial(300, 0.1, 1000), rng.binomial(900, 0.1, 1000), strict=True):
        rows = ledger([Step("x", {"a": 300, "b": 900}), Step("y", {"a": 300 - int(a), "b": 900 - int(b)})], ["a", "b"])
        e = row(rows, "y", "a")["more"]
        hits += e.low <= 0 <= e.high
    assert 0.935 < hits / 1000 < 0.97


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "no step"),
        ([Step("x", {"a": 3}), Step("y", {"a": 4})], "more people in a than before"),
        ([Step("x", {"a": 3}), Step("y", {"a": 2}), Step("z", {"a": 3}, "reached")], "more people in a"),
        ([Step("x", {"a": -1})], "below 0"),
    ],
)
def test_what_is_refused(steps, words):
    with pytest.raises(PrimumError, match=words):
        ledger(steps, ["a"])
