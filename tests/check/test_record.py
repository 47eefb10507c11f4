"""PRM-R01, the record against the truth; and findings about the people and the plan."""

from __future__ import annotations

import math

import polars as pl
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from primum.check.people import people_findings, plan_findings
from primum.check.record import nothing_to_compare, record_findings, record_rows
from primum.finding import Status, Verdict
from primum.tally.moment import count_moments


def tally(**groups):
    """For each group (people who truly have it, of whom recorded)."""
    rows = [(g, float(i < k)) for g, (n, k) in groups.items() for i in range(n)]
    return count_moments(pl.DataFrame(rows, schema=["sex", "recorded"], orient="row"), ["recorded"], ["sex"])


def test_a_hand_example():
    """Of 100 women 60 are recorded, of 80 men 70."""
    both = tally(women=(100, 60), men=(80, 70))
    rows = {r["group"]: r for r in record_rows(both, "sex")}
    women = rows["women"]
    assert (women["n_truth"], women["recorded"], women["missed"]) == (100, 60, 40)
    assert women["share_missed"] == pytest.approx(0.4)
    assert (women["low"], women["high"]) == pytest.approx(proportion_confint(40, 100, method="wilson"))
    found = {f.group: f for f in record_findings(both, "sex", 0.1)}
    f = found["women"]
    assert f.estimate.value == pytest.approx(0.4 - 0.125)
    expected = confint_proportions_2indep(40, 100, 10, 80, method="newcomb", compare="diff")
    assert (f.estimate.low, f.estimate.high) == pytest.approx(expected)
    assert f.verdict is Verdict.HARM
    assert f.check == "PRM-R01"
    assert "of 100 people who truly have it, 40% are not in the record" in f.words
    men = found["men"].estimate
    assert (men.value, men.low, men.high) == pytest.approx((-f.estimate.value, -f.estimate.high, -f.estimate.low))
    assert found["men"].verdict is not Verdict.HARM


def test_a_group_in_which_nobody_truly_has_it():
    both = tally(women=(100, 60), men=(80, 70)) + count_moments(
        pl.DataFrame({"sex": ["other"], "recorded": [None]}, schema={"sex": pl.String, "recorded": pl.Float64}),
        ["recorded"],
        ["sex"],
    )
    row = {r["group"]: r for r in record_rows(both, "sex")}["other"]
    assert row["n_truth"] == 0
    assert math.isnan(row["share_missed"])
    assert row["status"] == Status.NOT_ESTIMABLE
    assert row["reason"] == "nobody here truly has the outcome"
    f = {f.group: f for f in record_findings(both, "sex", 0.1)}["other"]
    assert f.verdict is Verdict.NOT_ASSESSABLE
    assert f.row()["value"] is None


def test_equal_recording_shows_no_harm():
    verdicts = {f.verdict for f in record_findings(tally(women=(200, 150), men=(200, 150)), "sex", 0.1)}
    assert Verdict.HARM not in verdicts


def test_a_single_group_is_compared_with_nobody():
    assert record_findings(tally(women=(100, 60)), "sex", 0.1) == []


def test_no_truth_is_said():
    f = nothing_to_compare()
    assert f.verdict is Verdict.NOT_APPLICABLE
    assert "cannot be seen in these data" in f.words


# -- people and plan --------------------------------------------------------------------------------------------------

PEOPLE = {"n": 100, "events": 10, "leakage": [], "missing_codes": [], "representativeness": []}


def test_no_leak_is_a_finding_too():
    (f,) = people_findings(PEOPLE)
    assert (f.check, f.verdict) == ("PRM-P01", Verdict.NO_HARM)


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [("problem", Verdict.HARM), ("warning", Verdict.INCONCLUSIVE), ("note", Verdict.NOT_APPLICABLE)],
)
def test_leaks(severity, verdict):
    leak = {"check": "x", "title": "Copied rows", "what": "3 rows are copied.", "columns": [], "severity": severity}
    (f,) = people_findings(PEOPLE | {"leakage": [leak]})
    assert (f.check, f.group, f.verdict) == ("PRM-P01", "Copied rows", verdict)
    assert "3 rows are copied." in f.words


def test_missing_codes():
    code = {"column": "bmi", "code": 9999, "count": 1234, "how": "detected"}
    found = people_findings(PEOPLE | {"missing_codes": [code]})
    f = next(f for f in found if f.check == "PRM-P02")
    assert f.group == "bmi"
    assert "1,234" in f.words
    assert "9999" in f.words


def test_representativeness():
    row = {
        "attribute": "sex",
        "level": "Female",
        "n": 100,
        "share": 0.3,
        "declared": 0.5,
        "difference": -0.2,
        "low": -0.28,
        "high": -0.1,
    }
    found = people_findings(PEOPLE | {"representativeness": [row]})
    f = next(f for f in found if f.check == "PRM-P03")
    assert (f.estimate.value, f.estimate.low, f.estimate.high) == (-0.2, -0.28, -0.1)
    assert f.words == "sex, Female: 30.0% here, 50.0% in the population."
    unknown = row | {"low": None, "high": None, "difference": None, "share": None}
    f = next(f for f in people_findings(PEOPLE | {"representativeness": [unknown]}) if f.check == "PRM-P03")
    assert f.row()["value"] is None


def test_a_changed_plan():
    (f,) = plan_findings([{"field": "decision.threshold", "before": 0.1, "now": 0.2}])
    assert (f.check, f.group) == ("PRM-D01", "decision.threshold")
    assert "was 0.1 when the plan was frozen, and is 0.2 now" in f.words
    assert plan_findings([]) == []
