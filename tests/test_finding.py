"""Verdicts from intervals and margins, and findings as rows."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.finding import Estimate, Finding, Status, Verdict, judge

H, N, I, X = Verdict.HARM, Verdict.NO_HARM, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE  # noqa: E741
NAN, INF = math.nan, math.inf

TABLE = [
    # low, high, verdict when higher, lower, zero is better; margin 0.1
    (-0.30, -0.11, H, N, H),
    (-0.30, -0.10, I, N, I),  # touching the margin is not beyond it
    (-0.30, -0.05, I, N, I),
    (-0.10, 0.00, I, N, I),
    (-0.09, 0.00, N, N, N),
    (-0.05, 0.05, N, N, N),
    (-0.05, 0.10, N, I, I),
    (0.00, 0.20, N, I, I),
    (0.10, 0.20, N, I, I),
    (0.11, 0.20, N, H, H),
    (-0.20, 0.20, I, I, I),
    (NAN, 0.20, X, X, X),
    (-0.20, NAN, X, X, X),
    (NAN, NAN, X, X, X),
    (-INF, 0.20, X, X, X),
    (-0.05, INF, X, X, X),
]


@pytest.mark.parametrize(("low", "high", "higher", "lower", "zero"), TABLE)
def test_the_truth_table(low, high, higher, lower, zero):
    assert judge(low, high, 0.1, better="higher") is higher
    assert judge(low, high, 0.1, better="lower") is lower
    assert judge(low, high, 0.1, better="zero") is zero


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.001, 1))
def test_one_direction_mirrors_the_other(low, width, margin):
    high = low + width
    assert judge(low, high, margin, better="higher") is judge(-high, -low, margin, better="lower")
    assert judge(low, high, margin, better="zero") is judge(-high, -low, margin, better="zero")
    harmed = [judge(low, high, margin, better=b) is H for b in ("higher", "lower")]
    assert (judge(low, high, margin, better="zero") is H) == any(harmed)


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.01, 0.5))
def test_a_wider_margin_never_turns_no_harm_into_harm(low, width, margin):
    rank = {H: 0, I: 1, N: 2}
    for better in ("higher", "lower", "zero"):
        narrow, wide = (rank[judge(low, low + width, m, better=better)] for m in (margin, 2 * margin))
        assert wide >= narrow


@pytest.mark.parametrize("margin", [0, -0.1, NAN])
def test_a_margin_is_positive(margin):
    with pytest.raises(ValueError, match="a margin is a positive number"):
        judge(-0.1, 0.1, margin, better="higher")


def test_an_unknown_direction():
    with pytest.raises(ValueError, match="'higher', 'lower' or 'zero', not 'one'"):
        judge(-0.1, 0.1, 0.1, better="one")


FINDING = Finding(
    check="PRM-G01", title="Performance", model="boosting", metric="sensitivity", attribute="sex", group="Female",
    comparator="everyone else", estimate=Estimate(-0.12, -0.2, -0.04, "Newcombe", 310, 41, 269), margin=0.1,
    verdict=Verdict.INCONCLUSIVE, reason="why", more_events=120, more_kind="events", words="In words.",
)  # fmt: skip
UNDEFINED = Estimate(NAN, NAN, NAN, "none", 9, 0, 9, Status.NOT_ESTIMABLE, "nobody with the outcome in this group", 0.9)


@pytest.mark.parametrize(
    "finding",
    [
        FINDING,
        replace(FINDING, estimate=UNDEFINED, verdict=Verdict.NOT_ASSESSABLE, more_events=None, margin=None),
        replace(FINDING, estimate=replace(FINDING.estimate, status=Status.IMPRECISE, reason="wide")),
        *[replace(FINDING, verdict=v) for v in Verdict],
    ],
)
def test_a_finding_goes_through_json_and_comes_back(finding):
    row = finding.row()
    text = json.dumps(row, allow_nan=False)
    back = Finding.from_row(json.loads(text))
    assert back.row() == row
    assert repr(back) == repr(finding)  # NaN is not equal to itself, but looks the same


def test_a_row_is_flat_and_has_no_nan():
    row = replace(FINDING, estimate=UNDEFINED).row()
    assert row["value"] is row["low"] is row["high"] is None
    assert (row["status"], row["status_reason"]) == ("not estimable", "nobody with the outcome in this group")
    assert (row["verdict"], row["reason"]) == ("inconclusive", "why")
    assert all(isinstance(v, str | int | float | None) for v in row.values())


def test_an_estimate_says_whether_there_is_a_value():
    assert FINDING.estimate.ok
    assert replace(FINDING.estimate, status=Status.IMPRECISE).ok
    assert not UNDEFINED.ok
    assert not replace(FINDING.estimate, status=Status.SUPPRESSED).ok
    assert not replace(FINDING.estimate, value=INF).ok


def test_the_words_of_verdicts_are_fixed():
    assert [str(v) for v in Verdict] == [
        "harm shown", "no harm shown within the margin", "inconclusive", "not assessable", "suppressed",
        "not applicable",
    ]  # fmt: skip
