"""Number needed to evaluate, false alarms, interventions avoided, and differences along decision curves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.finding import Status
from primum.measure.compare import compare
from primum.measure.curves import decision
from primum.measure.decision_difference import between_groups, over_defaults
from primum.measure.intervals import wilson
from primum.measure.metric import METRICS
from primum.measure.table import Settings, estimates
from primum.tally.count import count


def group(tp, fp, fn, tn, name="a", high=0.7, low=0.1):
    n = tp + fp + fn + tn
    y = [1] * tp + [0] * fp + [1] * fn + [0] * tn
    return pl.DataFrame({"y": y, "s": [high] * (tp + fp) + [low] * (fn + tn), "g": [name] * n})


def found(frame, at=0.5, **more):
    names = ["nne", "fp_per_tp", "interventions_avoided", "ppv", "net_benefit"]
    return estimates(count(frame, "y", "s", **more), names, Settings(at=at))[0]


def test_the_number_needed_is_the_reciprocal_of_ppv_with_its_limits():
    e = found(group(10, 30, 5, 55))
    low, high = (float(x) for x in wilson(10, 40))
    assert (e["nne"].value, e["nne"].low, e["nne"].high) == pytest.approx((4, 1 / high, 1 / low))
    assert (e["fp_per_tp"].value, e["fp_per_tp"].low) == pytest.approx((3, 1 / high - 1))
    assert e["nne"].method == "reciprocal of Wilson"


def test_without_false_alarms_one_is_enough_and_the_interval_has_a_width():
    e = found(group(6, 0, 2, 20))
    assert e["nne"].value == e["nne"].low == 1
    assert e["nne"].high == pytest.approx(1 / float(wilson(6, 6)[0]))
    assert (e["fp_per_tp"].value, e["fp_per_tp"].low) == (0, 0)


@pytest.mark.parametrize(
    ("cells", "reason"), [((0, 0, 3, 9), "nobody in this group is selected"), ((0, 4, 3, 9), "only false alarms")]
)
def test_nobody_selected_or_nobody_found_has_no_number(cells, reason):
    e = found(group(*cells))
    for name in ("nne", "fp_per_tp"):
        assert e[name].status is Status.NOT_ESTIMABLE
        assert reason in e[name].reason


def test_interventions_avoided_are_the_gain_over_treating_everybody():
    """30 FP, 10 TP, 5 FN, 55 TN at t = .2: 55 − 5·4 = 35 spared of 100, net of 4 for each missed case."""
    e = found(group(10, 30, 5, 55), at=0.2)["interventions_avoided"]
    assert e.value == pytest.approx(35)
    everybody = 0.15 - 0.85 * 0.25
    assert e.value == pytest.approx(100 * (found(group(10, 30, 5, 55), at=0.2)["net_benefit"].value - everybody) / 0.25)
    assert e.low < 35 < e.high <= 100


def test_a_threshold_of_zero_spares_nobody():
    e = found(group(10, 30, 5, 55), at=0.0)["interventions_avoided"]
    assert e.status is Status.NOT_ESTIMABLE
    assert "no exchange rate" in e.reason


@pytest.mark.parametrize(("p", "n"), [(0.1, 200), (0.3, 60), (0.02, 1500)])
def test_intervals_cover(p, n):
    """PPV about 1/2 and prevalence p: counts drawn, truth known."""
    rng = np.random.default_rng(int(1000 * p))
    share = np.array([p * 0.8, p * 0.7, p * 0.2, 1 - 1.7 * p])
    draws = rng.multinomial(n, share, size=400)
    draws = draws[draws[:, 0] > 0]
    view = count(pl.concat([group(*d, name=f"{i:03d}") for i, d in enumerate(draws.tolist())]), "y", "s", ["g"])
    truth = {"nne": 1.5 / 0.8, "fp_per_tp": 0.7 / 0.8, "interventions_avoided": 100 * (share[3] - share[2])}
    settings = Settings(at=0.5)
    got = estimates(view, list(truth), settings)
    for name, t in truth.items():
        assert np.mean([e[name].low <= t <= e[name].high for e in got]) >= 0.92


def test_weights_give_log_limits_and_effective_people():
    frame = group(10, 30, 5, 55).with_columns(w=pl.Series(np.random.default_rng(0).choice([0.5, 2.0], 100)))
    e = estimates(count(frame, "y", "s", weight="w"), ["nne"], Settings(at=0.5))[0]["nne"]
    assert e.low < e.value < e.high
    assert e.n_effective < 100


def test_groups_are_compared_by_all_of_them():
    view = count(pl.concat([group(10, 30, 5, 55), group(40, 20, 20, 120, "b")]), "y", "s", ["g"])
    got = {
        c.metric.id: c for c in compare(view, ["net_benefit", "nne", "interventions_avoided"], Settings(at=0.5), "b")
    }
    for c in got.values():
        assert c.difference.low < c.difference.value < c.difference.high
    assert got["net_benefit"].difference.value == pytest.approx(-0.2 - 0.1)
    assert METRICS["nne"].better == "lower"


# -- along the curve --------------------------------------------------------------------------------------------------

PUBLISHED = {
    0.05: (0.105544, 0.094737),
    0.10: (0.087407, 0.044444),
    0.20: (0.067333, -0.075),
    0.35: (0.050154, -0.323077),
}


def test_the_published_decision_curve(data_dir):
    frame = pl.read_csv(data_dir / "dca" / "dca.csv", null_values="NA")
    view = count(frame, "cancer", "cancerpredmarker")
    for row in over_defaults(view, list(PUBLISHED))[0]:
        model, everybody = PUBLISHED[row["t"]]
        assert (row["model"], row["treat_all"], row["treat_none"]) == pytest.approx((model, everybody, 0), abs=1e-6)
        assert row["over_all"] == pytest.approx(model - everybody, abs=1e-6)
        assert row["over_all_low"] < row["over_all"] < row["over_all_high"]
        assert row["over_best"] == pytest.approx(min(model, model - everybody), abs=1e-6)


def test_the_gain_over_treating_everybody_is_paired():
    """The same people twice: its interval is that of TN·w − FN, and it covers."""
    rng, hits, t = np.random.default_rng(3), [], 0.2
    share = np.array([0.08, 0.15, 0.02, 0.75])
    truth = share[3] * 0.25 - share[2]
    for d in rng.multinomial(300, share, size=300).tolist():
        row = over_defaults(count(group(*d), "y", "s"), [t])[0][0]
        hits.append(row["over_all_low"] <= truth <= row["over_all_high"])
    assert np.mean(hits) >= 0.92


def test_the_difference_between_groups_is_that_of_compare():
    view = count(pl.concat([group(10, 30, 5, 55), group(40, 20, 20, 120, "b")]), "y", "s", ["g"])
    row = between_groups(view, 0, 1, [0.3])[0]
    c = compare(view, ["net_benefit"], Settings(at=0.3), "b")[0].difference
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((c.value, c.low, c.high))
    a, b = (p[0]["model"] for p in decision(view, [0.3]))
    assert row["standardised"] == pytest.approx(a / 0.15 - b / 0.3)
