"""Curves and long tables from a tally."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as sk
from statsmodels.stats.proportion import proportion_confint

from primum.errors import PrimumError
from primum.measure.curves import calibration, decision, roc, thresholds_table
from primum.measure.table import COLUMNS
from primum.tally.count import count


def people(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    s = np.round(rng.beta(1, 4, n), 2)
    return pl.DataFrame({"y": rng.random(n) < s, "s": s, "g": rng.choice(["a", "b"], n)})


def test_a_calibration_curve_by_hand():
    frame = pl.DataFrame({"y": [0, 1, 0, 1, 1, 1], "s": [0.1, 0.1, 0.2, 0.8, 0.8, 0.9]})
    points = calibration(count(frame, "y", "s"), 0, bins=2, fewest=1)
    assert [p["n"] for p in points] == [3, 3]
    assert [p["events"] for p in points] == [1, 3]
    assert [p["predicted"] for p in points] == pytest.approx([0.4 / 3, 2.5 / 3])
    assert [p["observed"] for p in points] == pytest.approx([1 / 3, 1])
    for p in points:
        assert (p["low"], p["high"]) == pytest.approx(proportion_confint(p["events"], p["n"], method="wilson"))


def test_a_calibration_curve_holds_everybody_once_in_bins_of_a_fair_size():
    frame = people()
    points = calibration(count(frame, "y", "s"), 0)
    assert 8 <= len(points) <= 10
    assert sum(p["n"] for p in points) == 1000
    assert sum(p["events"] for p in points) == frame["y"].sum()
    assert [p["predicted"] for p in points] == sorted(p["predicted"] for p in points)
    assert sum(p["n"] * p["predicted"] for p in points) == pytest.approx(frame["s"].sum())
    assert min(p["n"] for p in points) >= 50


def test_few_people_make_few_bins():
    assert len(calibration(count(people(50), "y", "s"), 0)) <= 2
    assert len(calibration(count(people(5), "y", "s"), 0)) == 1


def test_curves_of_nobody_are_empty_and_raise_no_warning():
    frame = pl.DataFrame({"y": [0, 1, 1], "s": [0.2, 0.6, None], "g": ["a", "a", "b"]})
    view = count(frame, "y", "s", ["g"], missing="exclude")
    assert calibration(view, 1) == []
    assert roc(view, 1) == []
    for p in decision(view, [0.1, 0.5])[1]:
        assert all(math.isnan(p[k]) for k in ("model", "low", "high", "treat_all"))


def test_curves_where_weights_are_zero_raise_no_warning():
    frame = pl.DataFrame({"y": [0, 1, 1, 0], "s": [0.2, 0.6, 0.9, 0.95], "w": [1.0, 1.0, 0.0, 0.0]})
    view = count(frame, "y", "s", weight="w")
    points = calibration(view, 0, bins=4, fewest=1)
    assert all(math.isfinite(p["observed"]) for p in points)
    assert len(roc(view)) > 1


def test_points_have_no_calibration_curve():
    frame = pl.DataFrame({"y": [0, 1], "s": [2, 7]})
    assert calibration(count(frame, "y", "s", score_range=(0, 10)), 0) == []


def test_the_roc_curve_is_scikit_learns():
    frame = people()
    curve = roc(count(frame, "y", "s"), points=1000)
    fpr, tpr, _ = sk.roc_curve(frame["y"], frame["s"], drop_intermediate=False)
    np.testing.assert_allclose([p["fpr"] for p in curve], fpr, atol=1e-12)
    np.testing.assert_allclose([p["sensitivity"] for p in curve], tpr, atol=1e-12)


def test_a_coarse_roc_curve_has_the_same_area():
    frame = people(5000)
    view = count(frame, "y", "s")
    curve = roc(view, points=50)
    assert len(curve) <= 60
    area = np.trapezoid([p["sensitivity"] for p in curve], [p["fpr"] for p in curve])
    assert area == pytest.approx(sk.roc_auc_score(frame["y"], frame["s"]), abs=2e-3)
    assert curve[0] == {"fpr": 0.0, "sensitivity": 0.0}
    assert curve[-1] == {"fpr": 1.0, "sensitivity": 1.0}


def test_a_decision_curve_begins_at_treating_everybody():
    view = count(people(), "y", "s", "g")
    for points in decision(view, [0.0, 0.01, 0.5, 0.99]):
        assert points[0]["model"] == pytest.approx(points[0]["treat_all"])
        for p in points:
            assert p["low"] < p["model"] < p["high"]


def test_the_table_behind_the_slider():
    frame = people()
    t = [0.0, 0.1, 0.29, 0.57, 1.0]
    rows = thresholds_table(count(frame, "y", "s", "g"), t)
    assert [r["group"] for r in rows] == ["a", "b"]
    for r in rows:
        mine = frame.filter(pl.col("g") == r["group"])
        assert r["events"] == mine["y"].sum()
        assert r["nonevents"] == len(mine) - mine["y"].sum()
        assert r["tp"] == [mine.filter(pl.col("y"), pl.col("s") >= x).height for x in t]
        assert r["fp"] == [mine.filter(~pl.col("y"), pl.col("s") >= x).height for x in t]
    everyone = thresholds_table(count(frame, "y", "s"), t)[0]
    assert (everyone["attribute"], everyone["group"]) == ("overall", "everyone")


# -- the long frame ---------------------------------------------------------------------------------------------------


def tally(**more):
    frame = people().with_columns(h=pl.Series(np.tile(["x", "y"], 500)))
    return count(frame, "y", "s", ["g", "h"], **more)


def test_measure_gives_overall_each_attribute_and_the_intersection():
    rows = tally().measure(["sensitivity", "auroc"], at=0.2)
    assert tuple(rows.columns) == COLUMNS
    assert rows["attribute"].unique(maintain_order=True).to_list() == ["overall", "g", "h", "g × h"]
    assert rows.filter(pl.col("attribute") == "g × h")["group"].unique().sort().to_list() == [
        "a · x",
        "a · y",
        "b · x",
        "b · y",
    ]
    assert rows.filter(pl.col("attribute") == "overall")["group"].to_list() == ["everyone"] * 2
    assert rows.filter(pl.col("metric") == "auroc")["at"].null_count() == rows.height // 2
    assert set(rows["comparison"]) == {"estimate"}


@pytest.mark.parametrize(("by", "groups"), [("g", 2), (["h", "g"], 4), ([], 1)])
def test_measure_by(by, groups):
    assert tally().measure(["ppv"], by=by, at=0.2).height == groups


def test_the_only_declared_threshold_need_not_be_repeated():
    one = tally(thresholds=[0.123]).measure(["ppv"], by=[])
    assert one["at"].to_list() == [0.123]
    with pytest.raises(PrimumError, match=r"ppv need a decision threshold") as caught:
        tally(thresholds=[0.123, 0.2]).measure(["ppv", "auroc"], by=[])
    assert "0.123" in str(caught.value)
    with pytest.raises(PrimumError, match="need a decision threshold"):
        tally().measure(["ppv"])
    assert tally().measure(["auroc", "prevalence", "n"], by=[]).height == 3


def test_mistakes_in_measure():
    with pytest.raises(PrimumError, match="There is no metric 'auc'"):
        tally().measure(["auc"])
    with pytest.raises(PrimumError, match="There is no attribute 'sex' in this tally"):
        tally().measure(["auroc"], by="sex")
    with pytest.raises(PrimumError, match=r"threshold 0\.1234 was not declared"):
        tally().measure(["ppv"], at=0.1234)


def test_the_same_numbers_come_out_twice():
    names = ["brier", "oe_ratio", "standardised_net_benefit", "average_precision"]
    assert tally().measure(names, at=0.2).equals(tally().measure(names, at=0.2))


def test_a_higher_level_is_wider_for_every_metric():
    from primum.measure.metric import METRICS

    names = [k for k, m in METRICS.items() if m.interval != "none"]
    narrow, wide = (tally().measure(names, by=[], at=0.2, level=level) for level in (0.8, 0.99))
    assert (wide["low"] <= narrow["low"]).all()
    assert (wide["high"] >= narrow["high"]).all()
    assert (wide["high"] - wide["low"] > narrow["high"] - narrow["low"]).all()
    assert (wide["value"] == narrow["value"]).all()
