"""A group against its comparator."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from primum.errors import PrimumError
from primum.finding import Status
from primum.measure.compare import compare, comparison_rows
from primum.measure.metric import METRICS
from primum.measure.table import COLUMNS, Settings
from primum.tally.count import count

HOW = Settings(at=0.5, replicates=100)


def cohort(n=900, seed=0, **more):
    rng = np.random.default_rng(seed)
    s = np.round(rng.random(n), 2)
    frame = pl.DataFrame({"y": rng.random(n) < s, "s": s, "g": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])})
    return count(frame.with_columns(**more), "y", "s", "g")


def by(found):
    return {(c.group, c.metric.id): c for c in found}


def test_a_named_comparator():
    view = cohort()
    found = by(compare(view, ["sensitivity", "fpr"], HOW, "a"))
    assert set(found) == {(g, m) for g in "bc" for m in ("sensitivity", "fpr")}
    c = found["b", "sensitivity"]
    assert c.comparator == "a"
    n = view.at(0.5, "n")
    k1, n1, k2, n2 = n.tp[1], n.tp[1] + n.fn[1], n.tp[0], n.tp[0] + n.fn[0]
    assert c.difference.value == pytest.approx(k1 / n1 - k2 / n2)
    expected = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff")
    assert (c.difference.low, c.difference.high) == pytest.approx(expected, rel=1e-9)
    assert c.difference.method == "Newcombe"
    assert c.ratio.value == pytest.approx(k1 / n1 / (k2 / n2))
    expected = confint_proportions_2indep(k1, n1, k2, n2, method="log", compare="ratio")
    assert (c.ratio.low, c.ratio.high) == pytest.approx(expected, rel=1e-9)
    assert c.ratio.method == "log (Katz)"
    assert (c.difference.n, c.difference.events) == (c.own.n, c.own.events)


def test_without_one_each_group_is_compared_with_everyone_else():
    view = cohort()
    found = by(compare(view, ["ppv"], HOW))
    assert {g for g, _ in found} == {"a", "b", "c"}
    c = found["b", "ppv"]
    assert c.comparator == "everyone else"
    n = view.at(0.5, "n")
    rest = [0, 2]
    assert c.other.value == pytest.approx(n.tp[rest].sum() / (n.tp[rest] + n.fp[rest]).sum())
    assert c.other.n == c.own.n * 0 + view.people()[rest].sum()


def test_two_groups_mirror_each_other():
    rng = np.random.default_rng(3)
    s = np.round(rng.random(300), 2)
    view = count(pl.DataFrame({"y": rng.random(300) < s, "s": s, "g": rng.choice(["a", "b"], 300)}), "y", "s", "g")
    for name in ("sensitivity", "auroc", "balanced_accuracy", "net_benefit"):
        one, two = compare(view, [name], HOW, "a")[0].difference, compare(view, [name], HOW, "b")[0].difference
        assert (one.value, one.low, one.high) == pytest.approx((-two.value, -two.high, -two.low))


def test_auroc_of_independent_groups_adds_variances():
    view = cohort(4000, seed=5)
    c = by(compare(view, ["auroc"], HOW, "a"))["b", "auroc"]
    half = math.hypot((c.own.high - c.own.low) / 2, (c.other.high - c.other.low) / 2)
    assert (c.difference.high - c.difference.low) / 2 == pytest.approx(half, rel=0.01)


def test_what_is_undefined_stays_undefined_with_its_reason():
    frame = pl.DataFrame({"y": [1, 1, 0, 0, 0, 0], "s": [0.9, 0.1, 0.6, 0.2, 0.7, 0.8], "g": list("aaaabb")})
    view = count(frame, "y", "s", "g")
    lacking = by(compare(view, ["sensitivity"], HOW, "a"))["b", "sensitivity"]
    for e in (lacking.difference, lacking.ratio):
        assert e.status is Status.NOT_ESTIMABLE
        assert math.isnan(e.value)
        assert e.reason == "nobody with the outcome in this group"
    against = by(compare(view, ["sensitivity"], HOW, "b"))["a", "sensitivity"]
    assert against.own.ok
    assert against.difference.reason == "comparator: nobody with the outcome in this group"


def test_a_ratio_to_nothing_has_no_interval():
    frame = pl.DataFrame({"y": [1, 1, 1, 1], "s": [0.9, 0.1, 0.2, 0.3], "g": list("aabb")})
    c = by(compare(count(frame, "y", "s", "g"), ["sensitivity"], HOW, "b"))["a", "sensitivity"]
    assert c.difference.value == 0.5
    assert c.difference.low < 0.5 < c.difference.high
    assert c.ratio.status is Status.NOT_ESTIMABLE
    assert "comparator is not above 0" in c.ratio.reason


def test_a_metric_that_may_be_negative_has_no_ratio():
    found = by(compare(cohort(), ["net_benefit", "calibration_slope", "auroc"], HOW, "a"))
    assert found["b", "net_benefit"].ratio is None
    assert found["b", "calibration_slope"].ratio is None
    assert found["b", "auroc"].ratio is not None


def test_a_single_group_has_nobody_to_be_compared_with():
    view = count(pl.DataFrame({"y": [0, 1], "s": [0.2, 0.7], "g": ["a", "a"]}), "y", "s", "g")
    assert compare(view, ["sensitivity"], HOW) == []
    assert compare(view, ["sensitivity"], HOW, "a") == []


def test_an_unknown_comparator_is_told_with_those_there_are():
    with pytest.raises(PrimumError, match=r"There is no group 'A' in 'g'") as caught:
        compare(cohort(), ["sensitivity"], HOW, "A")
    assert set(caught.value.available) == {"a", "b", "c"}


def test_every_metric_with_an_interval_can_be_compared():
    found = compare(cohort(), list(METRICS), HOW, "a")
    assert {c.metric.id for c in found} == {k for k, m in METRICS.items() if m.interval != "none"}
    for c in found:
        assert c.difference.ok, c.metric.id
        assert c.difference.value == pytest.approx(c.own.value - c.other.value)
        assert c.difference.low < c.difference.value < c.difference.high
        if c.ratio is not None and c.ratio.ok:
            assert 0 <= c.ratio.low < c.ratio.value < c.ratio.high
    rows = comparison_rows(found, model="m", attribute="g", at=0.5)
    assert {tuple(r) for r in rows} == {COLUMNS}
    assert {r["comparison"] for r in rows} == {"difference", "ratio"}
    assert {r["at"] for r in rows if r["metric"] == "auroc"} == {None}
    assert {r["at"] for r in rows if r["metric"] == "ppv"} == {0.5}


def test_the_order_of_groups_does_not_change_a_comparison():
    view = cohort()
    turned = view.select([("c",), ("b",), ("a",)])
    names = ["sensitivity", "brier", "calibration_slope"]
    one, two = by(compare(view, names, HOW, "a")), by(compare(turned, names, HOW, "a"))
    for key, c in one.items():
        other = two[key].difference
        assert (c.difference.value, c.difference.low, c.difference.high) == pytest.approx(
            (other.value, other.low, other.high)
        )
