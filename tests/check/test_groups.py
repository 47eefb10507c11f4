"""PRM-G01: verdicts on groups, and what is said when there are too few people."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from primum.check.groups import group_findings, shortfall, wider
from primum.check.overall import overall_findings
from primum.finding import Estimate, Verdict
from primum.measure import between
from primum.measure.compare import Comparison, compare
from primum.measure.metric import METRICS, metric
from primum.measure.table import Settings, estimates
from primum.tally.count import count
from primum.usecase import Precision, UseCase

HOW = Settings(at=0.5, replicates=200)


def usecase(margins=None, precision=None) -> UseCase:
    return UseCase.model_validate(
        {
            "name": "test", "title": "t", "question": "q", "intended_use": "u", "population": "p",
            "data": {"path": "x.csv"}, "groups": [{"column": "g"}], "decision": {"act": "act", "threshold": 0.5},
            "outcome": {"name": "y", "when": [{"column": "y", "equals": 1}], "recorded_by": "somebody"},
            "models": [{"name": "m", "score": "s"}],
            "margins": margins or {"sensitivity": 0.1},
            "precision": precision or {},
        }
    )  # fmt: skip


def groups(**counts):
    """Tally with, for each group, (found, missed, false alarms, left alone)."""
    rows = []
    for g, (tp, fn, fp, tn) in counts.items():
        rows += [(1, 0.8, g)] * tp + [(1, 0.2, g)] * fn + [(0, 0.8, g)] * fp + [(0, 0.2, g)] * tn
    return count(pl.DataFrame(rows, schema=["y", "s", "g"], orient="row"), "y", "s", "g")


def findings(view, margins=None, precision=None, reference="overall"):
    case = usecase(margins, precision)
    found = compare(view, list(case.margins), HOW, reference)
    return {(f.group, f.metric): f for f in group_findings(case, "m", "g", found)}


LARGE = (640, 160, 400, 1600)


def test_harm_no_harm_and_inconclusive():
    found = findings(
        groups(ref=LARGE, low=(200, 200, 100, 400), like=(800, 200, 250, 1000), unsure=(74, 26, 50, 200)),
        reference="ref",
    )
    assert {g: f.verdict for (g, _), f in found.items()} == {
        "low": Verdict.HARM,
        "like": Verdict.NO_HARM,
        "unsure": Verdict.INCONCLUSIVE,
    }
    low = found["low", "sensitivity"]
    assert low.estimate.value == pytest.approx(-0.3)
    assert low.comparator == "ref"
    assert low.margin == 0.1
    assert low.more_events is None
    assert low.check == "PRM-G01"
    assert found["unsure", "sensitivity"].more_events > 0


def test_26_cases_with_a_low_point_estimate_are_not_assessable_and_how_many_more_is_told():
    precision = {"sensitivity": {"events": 50, "half_width": 0.15}}
    for found in (13, 18, 5):  # even where the whole interval lies beyond the margin: too few is too few
        f = findings(groups(ref=LARGE, few=(found, 26 - found, 60, 300)), precision=precision, reference="ref")[
            "few", "sensitivity"
        ]
        assert f.verdict is Verdict.NOT_ASSESSABLE
        assert f.more_events > 0
        assert f.more_kind == "events"
        assert f.estimate.events == 26
        assert "only 26 people with the outcome; at least 50 were declared necessary" in f.reason
        assert f"{f.more_events:,} more cases" in f.words


def test_few_but_beyond_the_margin_is_told_as_a_signal():
    precision = {"sensitivity": {"events": 50}}
    f = findings(groups(ref=LARGE, few=(3, 23, 60, 300)), precision=precision, reference="ref")["few", "sensitivity"]
    assert f.verdict is Verdict.NOT_ASSESSABLE
    assert f.estimate.high < -0.1
    assert "signal" in f.reason


def test_ten_events_are_necessary_unless_something_else_is_declared():
    view = groups(ref=LARGE, nine=(9, 0, 30, 100), ten=(10, 0, 30, 100))
    found = findings(view, reference="ref")
    assert "only 9 people with the outcome; at least 10" in found["nine", "sensitivity"].reason
    assert "only" not in found["ten", "sensitivity"].reason


def test_a_wide_interval_is_not_assessable_unless_it_shows_harm():
    precision = {"sensitivity": {"events": 5, "half_width": 0.05}}
    found = findings(
        groups(ref=LARGE, like=(40, 10, 50, 200), low=(10, 40, 50, 200)), precision=precision, reference="ref"
    )
    like = found["like", "sensitivity"]
    assert like.verdict is Verdict.NOT_ASSESSABLE
    assert "wider than the declared ±0.05" in like.reason
    assert like.more_events > 0
    assert found["low", "sensitivity"].verdict is Verdict.HARM


def test_a_group_without_events_is_not_assessable():
    f = findings(groups(ref=LARGE, none=(0, 0, 30, 100)), reference="ref")["none", "sensitivity"]
    assert f.verdict is Verdict.NOT_ASSESSABLE
    assert f.reason == "nobody with the outcome in this group"
    assert f.more_events > 0
    assert math.isnan(f.estimate.value)
    assert f.row()["value"] is None


def test_a_comparator_without_events_is_not_assessable():
    f = findings(groups(ref=(0, 0, 400, 100), some=(50, 50, 30, 100)), reference="ref")["some", "sensitivity"]
    assert f.verdict is Verdict.NOT_ASSESSABLE
    assert "comparator: nobody with the outcome" in f.reason


def test_where_lower_is_better_more_is_harm():
    margins = {"fpr": 0.1, "fnr": 0.1}
    found = findings(groups(ref=LARGE, bad=(320, 80, 300, 300)), margins, reference="ref")
    assert found["bad", "fpr"].verdict is Verdict.HARM
    assert found["bad", "fpr"].estimate.value == pytest.approx(0.3)
    assert found["bad", "fnr"].verdict is Verdict.NO_HARM


def test_specificity_counts_people_without_the_outcome():
    f = findings(groups(ref=LARGE, few=(100, 20, 3, 5)), {"specificity": 0.1}, reference="ref")["few", "specificity"]
    assert f.verdict is Verdict.NOT_ASSESSABLE
    assert f.more_kind == "non-events"
    assert "only 8 people without the outcome" in f.reason
    assert "people without the outcome" in f.words


def calibrated(factor: float, n=6000, seed=0):
    rng = np.random.default_rng(seed)
    s = rng.uniform(0.05, 0.5, n)
    g = np.where(np.arange(n) % 2, "a", "b")
    y = rng.random(n) < s * np.where(g == "a", factor, 1.0)
    return count(pl.DataFrame({"y": y, "s": s, "g": g}), "y", "s", "g")


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.NO_HARM), (1.6, Verdict.HARM), (0.6, Verdict.HARM)])
def test_metrics_with_an_ideal_are_judged_against_it(factor, verdict):
    """Observed over expected of 1.6 and of 0.6 are both wrong, whatever the comparator does."""
    found = findings(calibrated(factor), {"oe_ratio": 0.2}, reference="b")
    f = found["a", "oe_ratio"]
    assert f.comparator == "ideal (1)"
    assert f.verdict is verdict
    assert f.estimate.value == pytest.approx(factor - 1, abs=0.1)
    assert set(found) == {("a", "oe_ratio")}


def test_a_calibration_intercept_is_judged_against_zero():
    f = findings(calibrated(1.6), {"calibration_intercept": 0.2}, reference="b")["a", "calibration_intercept"]
    assert f.comparator == "ideal (0)"
    assert f.verdict is Verdict.HARM


def test_only_metrics_with_a_margin_are_judged():
    view = groups(ref=LARGE, other=(80, 20, 50, 200))
    found = compare(view, ["sensitivity", "ppv", "auroc"], HOW, "ref")
    assert [f.metric for f in group_findings(usecase(), "m", "g", found)] == ["sensitivity"]


def test_more_cases_are_told_as_often_as_they_help():
    """Fewer cases need more; and a group with the number told is assessable."""
    previous = math.inf
    for size in (5, 20, 80):
        f = findings(
            groups(ref=(8000, 2000, 10, 10), few=(size * 4 // 5, size - size * 4 // 5, 30, 100)), reference="ref"
        )
        more = f["few", "sensitivity"].more_events
        assert 0 < more < previous
        previous = more
    need = 80 + previous
    f = findings(
        groups(ref=(8000, 2000, 10, 10), few=(round(need * 0.7), need - round(need * 0.7), 30, 100)), reference="ref"
    )
    assert f["few", "sensitivity"].verdict is not Verdict.NOT_ASSESSABLE


def more_of(name: str, half: float, rest: float, behind: int, shift: float = 1.0) -> int:
    """More events that are told for a group and a comparator whose interval has half-width `rest` times `shift`."""
    m = metric(name)
    own = Estimate(0.7, 0.7 - half, 0.7 + half, "x", 1000, 200, 800)
    other = Estimate(0.72, 0.72 - rest * shift, 0.72 + rest, "x", 9000, behind, 9000 - behind)
    found = Comparison("few", "everyone else", m, own, other, between.difference(own, other), None)
    (f,) = group_findings(usecase({name: 0.05}), "m", "g", [found])
    assert f.more_events is not None
    return f.more_events


@pytest.mark.parametrize("rest", [0.005, 0.015, 0.0245, 0.03, 0.034, 0.0349, 0.035, 0.0355, 0.05])
def test_nearly_the_same_limits_ask_for_nearly_the_same_number(rest):
    """0.035 is the half-width that tells 0.05 from chance: a fixed comparator at it would leave no room at all."""
    for shift in (0.98, 1.02):
        assert more_of("auroc", 0.06, rest, 300, shift) == pytest.approx(more_of("auroc", 0.06, rest, 300), rel=0.1)


@pytest.mark.parametrize("behind", [100, 300, 640, 650, 660, 700, 2000, 20000])
def test_nearly_the_same_comparator_asks_for_nearly_the_same_number(behind):
    """About 650 cases of a comparator with .72 tell 0.05 from chance, with nothing left for the group."""
    for other in (round(behind * 0.98), round(behind * 1.02)):
        assert more_of("sensitivity", 0.06, 0.03, other) == pytest.approx(
            more_of("sensitivity", 0.06, 0.03, behind), rel=0.1
        )


def test_a_comparator_that_matters_is_told_with_the_number():
    large, small = (groups(ref=tuple(k * v for v in (160, 40, 100, 400)), few=(37, 13, 60, 300)) for k in (50, 1))
    assert "; about " in findings(large, reference="ref")["few", "sensitivity"].words
    assert "in a larger study of the same make-up" in findings(small, reference="ref")["few", "sensitivity"].words


@pytest.mark.parametrize(
    ("half", "declared", "said"),
    [(0.1503, 0.15, "0.151"), (0.1549, 0.15, "0.155"), (0.158, 0.15, "0.16"), (0.2, 0.15, "0.20"),
     (0.15000001, 0.15, "0.151"), (0.31, 0.125, "0.31")],
)  # fmt: skip
def test_a_wider_interval_reads_as_wider(half, declared, said):
    assert wider(half, declared) == f"the interval is ±{said}, wider than the declared ±{declared:g}"


def test_every_metric_can_be_judged_in_words():
    names = [k for k, m in METRICS.items() if m.better != "none"]
    found = findings(calibrated(1.2), dict.fromkeys(names, 0.1), reference="b")
    assert {m for _, m in found} == set(names)
    for f in found.values():
        assert f.words.startswith(f"g, a: {f.verdict}. ")
        assert f.words.endswith(".")
        assert "nan" not in f.words
        assert "None" not in f.words


def test_what_is_short():
    e = Estimate(0.7, 0.5, 0.9, "Wilson", 100, 26, 74)
    few, wide = shortfall(e, metric("sensitivity"), Precision(events=30, half_width=0.3))
    assert "only 26" in few
    assert wide == ""
    few, wide = shortfall(e, metric("specificity"), Precision(events=30, half_width=0.1))
    assert few == ""
    assert "±0.20, wider than the declared ±0.1" in wide


# -- calibration overall ----------------------------------------------------------------------------------------------


def overall(view, margins):
    return {f.metric: f for f in overall_findings(usecase(margins), "m", estimates(view.by(), METRICS, HOW)[0])}


def test_calibration_overall():
    margins = {"oe_ratio": 0.2, "calibration_slope": 0.3}
    good = overall(calibrated(1.0), margins)
    assert set(good) == {"oe_ratio", "calibration_slope", "calibration_intercept"}
    assert good["oe_ratio"].verdict is Verdict.NO_HARM
    assert good["calibration_slope"].verdict is Verdict.NO_HARM
    assert good["calibration_intercept"].verdict is Verdict.NOT_APPLICABLE
    assert good["calibration_intercept"].reason == "no margin was declared"
    bad = overall(calibrated(2.0), margins)["oe_ratio"]
    assert bad.verdict is Verdict.HARM
    assert bad.estimate.value == pytest.approx(0.5, abs=0.1)
    assert "ideal 1" in bad.words


def test_points_have_no_calibration():
    frame = pl.DataFrame({"y": [0, 1, 1, 0], "s": [1.0, 7, 2, 6]})
    view = count(frame, "y", "s", thresholds=[0.5], score_range=(0, 10))
    for f in overall(view, {"oe_ratio": 0.2}).values():
        assert f.verdict is Verdict.NOT_APPLICABLE
        assert "points" in f.reason


def test_nobody_with_the_outcome_has_no_calibration_slope():
    view = count(pl.DataFrame({"y": [0, 0, 0], "s": [0.1, 0.2, 0.3]}), "y", "s")
    found = overall(view, {"calibration_slope": 0.2})
    assert found["calibration_slope"].verdict is Verdict.NOT_ASSESSABLE
    assert "nobody with the outcome" in found["calibration_slope"].reason
