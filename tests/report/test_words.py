from __future__ import annotations

import dataclasses
import math
import re

import pytest

from primum.finding import Estimate, Finding, Status, Verdict, judge
from primum.report import words
from primum.report.numbers import NBSP

FORBIDDEN = re.compile(
    r"\b(un)?fair(ness|ly)?\b|unbiased|complian|no difference|worst group|best group|gap\b", re.IGNORECASE
)


def finding(value=-0.05, low=-0.14, high=0.03, *, metric="sensitivity", verdict=None, margin=0.1, **more):
    estimate = Estimate(value, low, high, "Newcombe", 525, more.pop("events", 26), more.pop("nonevents", 499))
    verdict = verdict or judge(low, high, margin, better="higher")
    return Finding(
        "PRM-G01", "Shortfall", "boosting", metric, more.pop("attribute", "ethnicity"), more.pop("group", "Asian"),
        more.pop("comparator", "everyone else"), estimate, margin, verdict, **more,
    )  # fmt: skip


def test_not_assessable_says_how_many_more_cases_are_needed():
    f = finding(verdict=Verdict.NOT_ASSESSABLE, more_events=120)
    assert words.sentence(f, "depression") == (
        "Asian (ethnicity): 26 cases among 525 people; 120 more would give 80 % power to notice a 10-point shortfall."
    )


def test_not_assessable_without_a_number_gives_the_reason():
    f = finding(verdict=Verdict.NOT_ASSESSABLE, reason="the interval is too wide")
    assert words.sentence(f) == "Asian (ethnicity): 26 cases among 525 people; the interval is too wide."
    none = finding(math.nan, math.nan, math.nan, verdict=Verdict.NOT_ASSESSABLE, events=0)
    assert words.sentence(none) == "Asian (ethnicity): no cases among 525 people."


def test_people_without_the_outcome_are_asked_for_where_the_metric_needs_them():
    f = finding(
        metric="specificity", verdict=Verdict.NOT_ASSESSABLE, more_events=1200, more_kind="non-events", nonevents=9
    )
    said = words.sentence(f, "depression")
    assert said.startswith(
        "Asian (ethnicity): 9 people without depression among 525 people; 1,200 more would give 80 % power"
    )


def test_harm_is_told_in_people_and_against_the_margin():
    said = words.sentence(finding(-0.287, -0.413, -0.172))
    assert said == (
        f"Asian (ethnicity): of every 100 who have it, 29 fewer are found than among everyone else [17–41{NBSP}fewer]. "
        "The whole interval lies beyond a 10-point shortfall, the most that was declared acceptable."
    )


def test_inconclusive_is_never_told_as_no_difference():
    said = words.sentence(finding())
    assert said.endswith("These numbers cannot tell whether the difference is larger than the margin.")
    assert f"5 fewer are found than among everyone else [14 fewer to{NBSP}3 more]" in said


def test_no_harm_leaves_smaller_shortfalls_open():
    said = words.sentence(finding(0.004, -0.07, 0.08))
    assert "as many are found as among everyone else" in said
    assert said.endswith("Even the worst end of the interval is less than a 10-point shortfall.")


def test_an_end_that_rounds_to_the_margin_does_not_contradict_the_verdict():
    said = words.sentence(finding(-0.01, -0.096, 0.07))
    assert f"[9.6 fewer to{NBSP}7.0 more]. Even the worst end of the interval is less than a 10-point" in said


def test_one_is_singular():
    assert "1 fewer is found than" in words.sentence(finding(-0.01, -0.05, 0.03))
    assert "1 case among" in words.needs(finding(verdict=Verdict.NOT_ASSESSABLE, events=1), "it")


def test_a_metric_with_an_ideal_is_compared_with_it():
    f = finding(-0.3, -0.6, 0.1, metric="calibration_slope", comparator="ideal (1)", margin=0.2)
    said = words.sentence(f)
    assert said.startswith("Asian (ethnicity): Calibration slope is 0.30 lower than the ideal, 1 [−0.60")


def test_undefined_gives_its_reason():
    f = finding(math.nan, math.nan, math.nan, verdict=Verdict.SUPPRESSED, reason="fewer than five people")
    assert words.sentence(f) == "Asian (ethnicity): inconclusive (suppressed)."  # a reason would tell how few


def test_checks_without_comparison_bring_their_own_words():
    f = dataclasses.replace(finding(), margin=None, comparator="", words="A person has two rows.")
    assert words.sentence(f) == "A person has two rows."


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0.1, "One miss is taken to be as bad as 9 false alarms."),
        (0.15, "One miss is taken to be as bad as 5.7 false alarms."),
        (0.5, "One miss is taken to be as bad as one false alarm."),
        (0.8, "One miss is taken to be less bad than one false alarm: 4 misses weigh as much."),
        (None, ""), (0.0, ""), (1.0, ""),
    ],
)  # fmt: skip
def test_exchange_rate_is_the_odds_of_the_threshold(at, expected):
    assert words.exchange(at) == expected


def test_a_scale_of_points_and_a_capacity_do_not_pretend_to_an_exchange_rate():
    assert "does not say" in words.exchange(7, scale="points")
    assert words.exchange(0.1, capacity=True).startswith("A threshold here makes sense only if")


def test_natural_frequencies_add_up(sample):
    row = {"per": 1000, "with_outcome": 90.4, "found": 74.6, "missed": 15.8, "false_alarms": 368.2, "left_alone": 541.4}
    said = words.per_thousand(row, {"low": 0.79, "high": 0.857}, sample.usecase())
    assert said == (
        f"Of 1,000 people, 90 have depression. The model finds 75{NBSP}[71–77] of them and misses 15; "
        "368 others are selected for nothing."
    )


def test_natural_frequencies_without_cases_or_counts(sample):
    row = {"per": 1000, "with_outcome": 0.0, "found": 0, "missed": 0, "false_alarms": 380, "left_alone": 620}
    assert "nearly none have depression" in words.per_thousand(row, None, sample.usecase())
    assert "cannot be said: hidden" in words.per_thousand(
        row | {"with_outcome": None, "reason": "hidden"}, None, sample.usecase()
    )


def test_missing_membership_is_a_group_with_a_name():
    assert words.group_name("ethnicity", "(missing)") == "Ethnicity not recorded"
    assert words.group_name("sex × ethnicity", "Women · (missing)") == "Women · not recorded"
    assert words.group_name("overall", "everyone") == "Everyone"


def test_margins_in_plain_words():
    assert words.acceptable("sensitivity", 0.1) == "10 in 100 fewer than in the group compared with"
    assert words.acceptable("fnr", 0.125) == "12.5 in 100 more than in the group compared with"
    assert words.margin("calibration_slope", 0.2) == "0.2 of calibration slope"


def test_chips_tell_by_shape_and_word_not_by_colour_alone():
    chips = [words.chip(finding(verdict=v)) for v in Verdict]
    assert len({c["text"] for c in chips}) == len(Verdict)
    assert len({c["shape"] for c in chips}) == len(Verdict)
    assert words.chip(finding(verdict=Verdict.NOT_ASSESSABLE, more_events=120))["text"] == "not assessable (+120)"


def test_the_interval_is_explained_at_its_level():
    assert words.intervals(0.95).startswith(f"Numbers in square brackets are 95{NBSP}% intervals")
    assert f"99.5{NBSP}%" in words.intervals(0.995)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("metric", ["sensitivity", "ppv", "fpr", "auroc", "calibration_slope", "balanced_accuracy"])
@pytest.mark.parametrize("value", [(-0.3, -0.5, -0.1), (0.0, -0.2, 0.2), (math.nan,) * 3])
def test_no_sentence_claims_what_an_audit_cannot_know(verdict, metric, value):
    for more in (None, 12):
        f = finding(*value, metric=metric, verdict=verdict, more_events=more, reason="few people")
        said = words.sentence(f, "depression")
        assert not FORBIDDEN.search(said)
        assert "nan" not in said
        assert said.endswith(".")
        assert ".." not in said


def test_reason_of_the_estimate_is_used_when_the_finding_has_none():
    estimate = Estimate(math.nan, math.nan, math.nan, "", 0, 0, 0, Status.NOT_ESTIMABLE, "nobody was selected")
    f = dataclasses.replace(finding(verdict=Verdict.NOT_APPLICABLE), estimate=estimate)
    assert words.sentence(f) == "Asian (ethnicity): nobody was selected."
