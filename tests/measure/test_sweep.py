"""One sweep over every registered metric: what must hold of any measure, whatever it measures."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations_with_replacement, product
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from primum.finding import Estimate, Status
from primum.measure.kernel import Metric
from primum.measure.metric import METRICS, metric
from primum.measure.table import Settings, estimates
from primum.tally.count import count
from primum.tally.score import ScoreTally
from primum.usecase import METRIC_IDS

AT = 0.29  # 0.29 · 100 is 28.999999999999996 in floating point
POINTS = Settings(at=AT, replicates=20)
EDGES = (0.0, 0.07, 0.1, 0.29, math.nextafter(0.29, 0), math.nextafter(0.29, 1), 0.57, 0.58, 1.0)
SCORE = st.sampled_from(EDGES) | st.integers(0, 100).map(lambda k: k / 100) | st.floats(0, 1)
PERSON = st.tuples(
    st.integers(0, 1), SCORE, st.sampled_from(["a", "b", None]), st.sampled_from("xy"), st.integers(1, 3)
)
PEOPLE = st.lists(PERSON, min_size=1, max_size=30)


def cohort(people) -> pl.DataFrame:
    schema = {"y": pl.Int64, "s": pl.Float64, "g": pl.String, "h": pl.String, "w": pl.Float64}
    return pl.DataFrame(people, schema=schema, orient="row")


def tallied(frame: pl.DataFrame, weight: str | None = None) -> ScoreTally:
    return count(frame, "y", "s", ["g", "h"], weight=weight)


def measured(view: ScoreTally, name: str, how: Settings = POINTS) -> dict[tuple[str, ...], Estimate]:
    return {g: e[name] for g, e in zip(view.groups, estimates(view, [name], how), strict=True)}


def numbers(view: ScoreTally, name: str) -> dict[tuple[str, ...], float]:
    return {g: e.value for g, e in measured(view, name).items()}


def same(a: dict, b: dict, tolerance: float = 1e-12) -> None:
    assert a.keys() == b.keys()
    for key, value in a.items():
        if math.isnan(value) or math.isnan(b[key]):
            assert math.isnan(value), f"{key}: {value} against {b[key]}"
            assert math.isnan(b[key]), f"{key}: {value} against {b[key]}"
        else:
            assert value == pytest.approx(b[key], rel=tolerance, abs=tolerance), key


def sane(e: Estimate, m: Metric) -> None:
    """A value within its range and its interval, or no value and a reason for it."""
    if e.status is Status.NOT_ESTIMABLE:
        assert math.isnan(e.value)
        assert math.isnan(e.low)
        assert math.isnan(e.high)
        assert e.reason.strip()
        return
    assert m.range[0] <= e.value <= m.range[1]
    if e.status is Status.IMPRECISE:
        assert math.isnan(e.low)
        assert math.isnan(e.high)
        assert e.reason.strip()
        return
    assert e.status is Status.OK
    assert e.reason == ""
    if m.interval == "none":
        return
    assert m.range[0] <= e.low < e.high <= m.range[1], "an interval has a width"
    if m.interval in {"wilson", "mover", "delong", "closed"}:
        assert e.low - 1e-12 <= e.value <= e.high + 1e-12, "an interval holds its own point"


# calibration is found by iteration: it agrees to its own stopping rule, not to the last bit
TOLERANCE = {"calibration_intercept": 1e-7, "calibration_slope": 1e-5}

# what is taken off for chance depends on how many people there are, not on how much they weigh
COUNTS_PEOPLE = {"debiased_calibration_error"}


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # to shrink takes minutes
@given(people=PEOPLE, data=st.data())
def test_every_metric(name, people, data):
    m, tolerance, frame = METRICS[name], TOLERANCE.get(name, 1e-11), cohort(people)
    whole = tallied(frame)
    everywhere = numbers(whole, name)

    # within range, or undefined with a reason; never both
    for e in measured(whole, name).values():
        sane(e, m)

    # adding tallies is adding people
    cut = data.draw(st.integers(0, len(people)), label="people in the first hospital")
    if 0 < cut < len(people):
        merged = tallied(frame[:cut]) + tallied(frame[cut:])
        same(numbers(merged, name), everywhere, tolerance)

    # the order of people is nothing
    order = data.draw(st.permutations(range(len(people))), label="order")
    same(numbers(tallied(frame[order]), name), everywhere, tolerance)

    # the names of groups are nothing
    other = frame.with_columns(pl.col("g").replace({"a": "zebra", "b": "(aardvark)"}))
    renamed = {
        ({"zebra": "a", "(aardvark)": "b"}.get(g, g), h): v for (g, h), v in numbers(tallied(other), name).items()
    }
    same(renamed, everywhere, tolerance)

    # a weight of k is k people
    if name not in COUNTS_PEOPLE:
        copies = frame[np.repeat(np.arange(len(people)), [p[4] for p in people])]
        same(numbers(tallied(frame, "w"), name), numbers(tallied(copies), name), tolerance)

    # weights have no unit
    if name != "n":
        double = frame.with_columns(pl.col("w") * 7)
        same(numbers(tallied(double, "w"), name), numbers(tallied(frame, "w"), name), tolerance)

    # a margin of the tally is a direct count of the margin
    by = data.draw(st.sampled_from([[], ["g"], ["h"], ["h", "g"]]), label="by")
    same(numbers(whole.by(by), name), numbers(count(frame, "y", "s", by), name), tolerance)


@pytest.mark.parametrize("name", METRICS)
def test_metadata_is_complete(name):
    m = METRICS[name]
    assert m.id == name
    for text in (m.title, m.words, m.formula, m.reference):
        assert text == text.strip() != ""
    assert m.title[0].isupper()
    assert m.range[0] < m.range[1]
    hints = Metric.__annotations__
    for field in ("better", "needs", "denominator", "interval"):
        allowed = get_args(eval(hints[field], {"Literal": __import__("typing").Literal}))
        assert getattr(m, field) in allowed
    assert (m.rate is not None) == (m.interval == "wilson")
    assert (m.interval == "none") <= (m.better == "none"), "a merit has an interval"


def test_every_metric_that_a_use_case_may_name_exists_and_no_other():
    assert tuple(METRICS) == METRIC_IDS or set(METRICS) == set(METRIC_IDS)


def test_an_unknown_metric_is_told_with_the_nearest_spelling():
    with pytest.raises(Exception, match="There is no metric 'sensitvity'") as caught:
        metric("sensitvity")
    assert "did you mean 'sensitivity'?" in str(caught.value)


# -- undefined is a value with a reason -------------------------------------------------------------------------------

ONLY_EVENTS = {"sensitivity", "fnr", "auroc", "average_precision", "standardised_net_benefit"}
FOUND = {"nne", "fp_per_tp"}  # need somebody who is selected and has it
SPARSE = {"debiased_calibration_error"}  # needs two people in a fifteenth of the group
BOTH = {"balanced_accuracy", "auroc", "calibration_intercept", "calibration_slope"}
CASES = {
    # name: (outcomes, scores, metrics without a value)
    "no events": ([0, 0, 0], [0.1, 0.3, 0.9], ONLY_EVENTS | BOTH | FOUND | SPARSE),
    "no non-events": ([1, 1, 1], [0.1, 0.3, 0.9], {"specificity", "fpr"} | BOTH | SPARSE),
    "one person with it": ([1], [0.4], {"specificity", "fpr", "npv"} | BOTH | SPARSE),
    "one person without it": ([0], [0.2], ONLY_EVENTS | BOTH | {"ppv"} | FOUND | SPARSE),
    "nobody selected": ([0, 1, 1, 0], [0.1, 0.2, 0.05, 0.28], {"ppv"} | FOUND | SPARSE),
    "everybody selected": ([0, 1, 1, 0], [0.3, 0.5, 0.29, 0.9], {"npv"} | SPARSE),
    "all the same score": ([0, 1, 1, 0], [0.3] * 4, {"npv", "calibration_slope"}),
    "perfect separation": ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], {"calibration_slope"} | SPARSE),
    "nobody at risk": ([0, 1], [0.0, 0.0], {"ppv", "oe_ratio", "calibration_slope"} | FOUND),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", METRICS)
def test_what_cannot_be_computed_has_a_reason_and_is_never_zero(name, case):
    outcome, score, undefined = CASES[case]
    view = count(pl.DataFrame({"y": outcome, "s": score}), "y", "s")
    e = estimates(view, [name], Settings(at=AT, replicates=50))[0][name]
    sane(e, METRICS[name])
    assert (e.status is Status.NOT_ESTIMABLE) == (name in undefined), e
    assert e.n == len(outcome)
    assert (e.events, e.nonevents) == (sum(outcome), len(outcome) - sum(outcome))


@pytest.mark.parametrize("name", METRICS)
def test_a_group_in_which_nobody_has_a_score_is_shown_without_a_value(name):
    frame = pl.DataFrame({"y": [0, 1, 1], "s": [0.2, 0.6, None], "g": ["a", "a", "b"]})
    view = count(frame, "y", "s", ["g"], missing="exclude")
    e = measured(view, name)[("b",)]
    assert e.status is Status.NOT_ESTIMABLE
    assert math.isnan(e.value)
    assert e.reason.startswith("nobody")
    assert e.n == 0


@pytest.mark.parametrize("name", METRICS)
def test_people_whose_weight_is_zero_do_not_count(name):
    frame = pl.DataFrame({"y": [0, 1, 1, 0, 1], "s": [0.2, 0.6, 0.1, 0.5, 0.9], "w": [1.0, 1, 1, 1, 0]})
    with_them = count(frame, "y", "s", weight="w")
    without = count(frame.filter(pl.col("w") > 0), "y", "s", weight="w")
    same(numbers(with_them, name), numbers(without, name))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("weights", [(5.0, 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 2.0), (1e-9, 1e9, 1.0, 1.0)])
def test_extreme_weights_give_a_value_or_a_reason_and_no_warning(name, weights):
    frame = pl.DataFrame({"y": [1, 1, 0, 0], "s": [0.6, 0.2, 0.1, 0.5], "w": weights})
    sane(measured(count(frame, "y", "s", weight="w"), name, Settings(at=AT, replicates=50))[()], METRICS[name])


@pytest.mark.parametrize("name", [k for k, m in METRICS.items() if m.probability])
def test_points_are_not_taken_for_probabilities(name):
    frame = pl.DataFrame({"y": [0, 1, 1, 0], "s": [1.0, 7, 2, 6]})
    view = count(frame, "y", "s", thresholds=[0.5], score_range=(0, 10))
    e = estimates(view, [name], Settings(at=0.5, replicates=50))[0][name]
    assert e.status is Status.NOT_ESTIMABLE
    assert e.reason == "the score is in points, not a probability"


def test_what_reads_the_score_as_a_probability_is_marked_so():
    wanted = {"brier", "oe_ratio", "calibration_intercept", "calibration_slope"}
    wanted |= {"debiased_calibration_error", "ici", "e50", "e90"}
    wanted |= {
        "net_benefit",
        "standardised_net_benefit",
        "interventions_avoided",
    }  # their exchange rate is the odds of the threshold
    assert {k for k, m in METRICS.items() if m.probability} == wanted


def test_no_interval_ever_has_no_width():
    """All metrics on every possible cohort of up to three people with three scores."""
    seen = 0
    how = Settings(at=0.5, replicates=40)
    people, groups = [], 0
    for size in (1, 2, 3):
        for members in combinations_with_replacement(product((0, 1), (0.0, 0.3, 0.5)), size):
            people += [(y, s, str(groups)) for y, s in members]
            groups += 1
    frame = pl.DataFrame(people, schema=["y", "s", "g"], orient="row")
    view = count(frame, "y", "s", ["g"])
    for found in estimates(view, METRICS, how):
        for name, e in found.items():
            sane(e, METRICS[name])
            if METRICS[name].interval != "none" and math.isfinite(e.low):
                assert e.high - e.low > 1e-9
                seen += 1
    assert seen > 100


# -- thresholds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.07, 0.1, 0.14, 0.28, 0.29, 0.3, 0.55, 0.56, 0.57, 0.58, 0.7, 0.99, 0.123, 1 / 3])
@pytest.mark.parametrize("declared", [True, False])
def test_a_score_equal_to_the_threshold_is_selected_and_one_ulp_below_is_not(t, declared):
    if not declared and round(t * 100) / 100 != t:
        pytest.skip("only whole per cents need no declaring")
    scores = [t, math.nextafter(t, 0), math.nextafter(t, 1)]
    frame = pl.DataFrame({"y": [1, 1, 1], "s": scores, "g": ["at", "below", "above"]})
    view = count(frame, "y", "s", ["g"], thresholds=[t] if declared else [])
    selected = {g: e.value for (g,), e in measured(view, "selection_rate", replace(POINTS, at=t)).items()}
    assert selected == {"at": 1, "below": 0, "above": 1}


@pytest.mark.parametrize(("low", "high"), [(0, 10), (1, 10), (-3, 3), (0, 27), (0, 300), (0.1, 0.7)])
@pytest.mark.parametrize("share", [0.07, 0.1, 0.29, 0.5, 0.57, 0.9])
def test_thresholds_are_exact_on_a_scale_of_points_too(low, high, share):
    t = low + (high - low) * share
    frame = pl.DataFrame({"y": [1, 1], "s": [t, math.nextafter(t, -math.inf)], "g": ["at", "below"]})
    view = count(frame, "y", "s", ["g"], thresholds=[t], score_range=(low, high))
    selected = {g: e.value for (g,), e in measured(view, "selection_rate", replace(POINTS, at=t)).items()}
    assert selected == {"at": 1, "below": 0}
