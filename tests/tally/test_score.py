"""Adding, regrouping and reading tallies."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.tally.count import count
from primum.tally.score import SUMS, ScoreTally

PERSON = st.tuples(st.integers(0, 1), st.floats(0, 1), st.sampled_from(["a", "b", "c"]), st.sampled_from("xy"))
PEOPLE = st.lists(PERSON, min_size=1, max_size=40)


def tallied(people, **more) -> ScoreTally:
    return count(pl.DataFrame(people, schema=["y", "s", "g", "h"], orient="row"), "y", "s", ["g", "h"], **more)


def identical(a: ScoreTally, b: ScoreTally) -> None:
    assert (a.attributes, a.groups, a.left_out) == (b.attributes, b.groups, b.left_out)
    for name in ("group", "outcome", "label", "n"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in SUMS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, atol=1e-15)


@given(PEOPLE, st.integers(1, 39))
def test_adding_tallies_is_counting_everybody(people, cut):
    if cut >= len(people):
        return
    one, two = tallied(people[:cut]), tallied(people[cut:])
    identical(one + two, tallied(people))
    identical(two + one, tallied(people))


@given(PEOPLE)
def test_regrouping_is_counting_by_less(people):
    frame = pl.DataFrame(people, schema=["y", "s", "g", "h"], orient="row")
    whole = tallied(people)
    for by in ([], ["g"], ["h"], ["h", "g"]):
        identical(whole.by(by), count(frame, "y", "s", by))
    identical(whole.by("g").by(), whole.by())
    assert whole.by("g", "h") is whole


@given(PEOPLE, st.lists(st.integers(0, 100).map(lambda k: k / 100), min_size=1, max_size=8))
def test_who_is_selected(people, thresholds):
    found = tallied(people).selected(thresholds)
    for i, group in enumerate(tallied(people).groups):
        for y in (0, 1):
            scores = [s for (o, s, g, h) in people if (g, h) == group and o == y]
            assert found[i, y].tolist() == [sum(s >= t for s in scores) for t in thresholds]


@given(PEOPLE, st.sampled_from([0.0, 0.1, 0.123, 0.5, 1.0]))
def test_what_is_decided_at_one_threshold_needs_two_bins(people, threshold):
    whole = tallied(people, thresholds=[0.123])
    small = whole.decided(threshold)
    assert len(small.n) <= 4 * len(small.groups)
    np.testing.assert_array_equal(small.people(), whole.people())
    for view in ([], ["g"], ["g", "h"]):
        a, b = (t.by(*view).at(threshold) for t in (whole, small))
        for name in ("tp", "fp", "fn", "tn"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    identical(small, tallied(people, thresholds=[threshold], decisions_only=True))
    with pytest.raises(PrimumError, match=r"0\.1234 was not declared"):
        whole.decided(0.1234)


def test_confusion_counts_by_hand():
    frame = pl.DataFrame({"y": [1, 1, 0, 0, 1], "s": [0.5, 0.2, 0.5, 0.1, 0.9], "w": [1.0, 2, 3, 4, 5]})
    found = count(frame, "y", "s", weight="w")
    c, n, ww = found.at(0.5), found.at(0.5, "n"), found.at(0.5, "ww")
    assert [float(x[0]) for x in (c.tp, c.fp, c.fn, c.tn)] == [6, 3, 2, 4]
    assert [float(x[0]) for x in (n.tp, n.fp, n.fn, n.tn)] == [2, 1, 1, 1]
    assert [float(x[0]) for x in (ww.tp, ww.fp, ww.fn, ww.tn)] == [26, 9, 4, 16]
    assert found.people().tolist() == [[2, 3]]
    assert found.sums("w").tolist() == [[7, 8]]
    np.testing.assert_allclose(found.sums("ws"), [[3 * 0.5 + 4 * 0.1, 0.5 + 2 * 0.2 + 5 * 0.9]])


def test_a_group_that_one_hospital_alone_has_stays_itself():
    one, two = tallied([(1, 0.5, "a", "x"), (0, 0.1, "b", "x")]), tallied([(1, 0.7, "c", "y")])
    both = one + two
    assert both.groups == (("a", "x"), ("b", "x"), ("c", "y"))
    assert both.people().sum(axis=1).tolist() == [1, 1, 1]


def test_what_was_left_out_is_added_and_regrouped():
    people = [(1, 0.5, "a", "x"), (0, None, "b", "x"), (0, None, "b", "y")]
    one = tallied(people, missing="exclude")
    both = one + one
    assert both.left_out == {("b", "x"): 2, ("b", "y"): 2}
    assert both.by("g").left_out == {("b",): 4}
    assert both.by().left_out == {(): 4}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"by": ["g"]}, r"one is by \['g', 'h'\], the other by \['g'\]"),
        ({"by": ["h", "g"]}, r"one is by \['g', 'h'\], the other by \['h', 'g'\]"),
        ({"outcome_name": "death"}, r"outcomes differ \('y' against 'death'\)"),
        ({"thresholds": [0.123]}, r"thresholds differ \(\(\) against \(0\.123,\)\)"),
        ({"score_range": (0, 10)}, r"high differ \(1\.0 against 10\.0\)"),
        ({"score_range": (-1, 1)}, r"low differ \(0\.0 against -1\.0\)"),
    ],
)
def test_tallies_that_do_not_belong_together_say_why(other, named):
    frame = pl.DataFrame([(1, 0.5, "a", "x")], schema=["y", "s", "g", "h"], orient="row")
    one = count(frame, "y", "s", ["g", "h"])
    two = count(frame, "y", "s", **({"by": ["g", "h"]} | other))
    with pytest.raises(PrimumError, match=named) as caught:
        one + two
    assert "cannot be added" in str(caught.value)


def test_regrouping_by_what_is_not_there_is_refused():
    with pytest.raises(PrimumError, match="There is no attribute 'sex' in this tally") as caught:
        tallied([(1, 0.5, "a", "x")]).by("sex")
    assert caught.value.available == ["g", "h"] or set(caught.value.available) == {"g", "h"}


def test_groups_can_be_chosen_and_everyone_else_put_together():
    view = tallied([(1, 0.5, "a", "x"), (0, 0.1, "b", "x"), (0, 0.2, "c", "x"), (1, 0.9, "c", "y")]).by("g")
    chosen = view.select([("c",), ("a",)])
    assert chosen.groups == (("c",), ("a",))
    assert chosen.people().tolist() == [[1, 1], [0, 1]]
    rest = view.without(("c",))
    assert rest.groups == (("(everyone else)",),)
    assert rest.people().tolist() == [[1, 1]]
    alone = view.select([("a",)]).without(("a",))
    assert alone.people().tolist() == [[0, 0]]


def test_cells_as_a_frame():
    view = tallied([(1, 0.5, "a", "x"), (0, 0.1, "b", "x"), (1, 0.5, "a", "x")])
    frame = view.frame()
    assert frame.columns[:2] == ["g", "h"]
    assert frame.select(pl.col("n").sum()).item() == 3
    assert frame.filter(pl.col("g") == "a")["n"].to_list() == [2]


def test_how_a_tally_looks():
    view = tallied([(1, 0.5, "<a>", "x"), (0, 0.1, "b", "x")])
    assert repr(view) == "<ScoreTally s against y: 2 people, 2 groups by g × h>"
    html = view._repr_html_()
    assert "&lt;a&gt; · x" in html
    assert "<a>" not in html
