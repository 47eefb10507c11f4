"""Families, hospitals, weights: the same numbers as statsmodels, and intervals that cover."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.measure.metric import METRICS
from primum.tally.count import count
from primum.tally.file import read, to_bytes

MANY = ["prevalence", "sensitivity", "ppv", "net_benefit", "auroc", "brier", "oe_ratio", "calibration_slope"]


def families(rng, number=1500, spread=1.0):
    fam = np.repeat(np.arange(number), rng.integers(1, 6, number))
    n = len(fam)
    u = spread * rng.normal(size=number)[fam]
    y = rng.random(n) < 1 / (1 + np.exp(2 - u - rng.normal(0, 0.7, n)))
    s = 1 / (1 + np.exp(2 - 0.8 * u - rng.normal(0, 0.7, n)))
    group = rng.choice(["a", "b"], number)[fam]
    return pl.DataFrame({"y": y.astype(int), "s": s, "g": group, "fam": fam, "w": rng.gamma(2, 0.5, n)})


def robust(values, fam, weights):
    import statsmodels.api as sm

    fit = sm.WLS(values, np.ones(len(values)), weights=weights).fit(cov_type="cluster", cov_kwds={"groups": fam})
    return float(fit.params[0]), float(fit.bse[0])


@pytest.mark.parametrize("weight", [None, "w"])
def test_effective_people_agree_with_statsmodels(weight):
    frame = families(np.random.default_rng(3))
    tally = count(frame, "y", "s", ["g"], thresholds=[0.2], cluster="fam", weight=weight)
    long = tally.measure(["prevalence", "sensitivity"], by="g", at=0.2)
    for g in "ab":
        part = frame.filter(pl.col("g") == g)
        cases = part.filter(pl.col("y") == 1)
        for name, rows, values in (
            ("prevalence", part, part["y"].to_numpy().astype(float)),
            ("sensitivity", cases, (cases["s"].to_numpy() >= 0.2).astype(float)),
        ):
            weights = np.ones(len(rows)) if weight is None else rows["w"].to_numpy()
            p, se = robust(values, rows["fam"].to_numpy(), weights)
            got = long.filter((pl.col("metric") == name) & (pl.col("group") == g)).row(0, named=True)
            assert got["value"] == pytest.approx(p)
            # few_clusters enlarges the variance by (t/z)², a few per mille here
            assert got["n_effective"] == pytest.approx(p * (1 - p) / se**2, rel=0.01)


def test_independent_people_as_clusters_of_one_change_almost_nothing():
    frame = families(np.random.default_rng(5)).with_row_index("id")
    plain = count(frame, "y", "s", ["g"], thresholds=[0.2]).measure(MANY, by="g", at=0.2)
    alone = count(frame, "y", "s", ["g"], thresholds=[0.2], cluster="id").measure(MANY, by="g", at=0.2)
    np.testing.assert_allclose(plain["value"], alone["value"])
    widths = [(x["high"] - x["low"]).to_numpy() for x in (plain, alone)]
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.05)


def test_twins_counted_twice_do_not_make_the_interval_shorter():
    rng = np.random.default_rng(8)
    one = families(rng, 400).with_row_index("id")
    twice = pl.concat([one, one])
    single = count(one, "y", "s", thresholds=[0.2]).measure(MANY, at=0.2)
    double = count(twice, "y", "s", thresholds=[0.2], cluster="id").measure(MANY, at=0.2)
    np.testing.assert_allclose(single["value"], double["value"])
    widths = [(x["high"] - x["low"]).to_numpy() for x in (single, double)]
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.06)


def test_merged_sites_give_the_sums_of_the_whole():
    frame = families(np.random.default_rng(1))
    left, right = frame.filter(pl.col("fam") < 700), frame.filter(pl.col("fam") >= 700)
    both = count(left, "y", "s", ["g"], thresholds=[0.2], cluster="fam") + count(
        right, "y", "s", ["g"], thresholds=[0.2], cluster="fam"
    )
    whole = count(frame, "y", "s", ["g"], thresholds=[0.2], cluster="fam")
    a, b = (t.measure(MANY, by="g", at=0.2) for t in (both, whole))
    for column in ("value", "low", "high", "n_effective"):
        np.testing.assert_allclose(a[column].to_numpy(), b[column].to_numpy(), rtol=1e-8)


def test_a_file_keeps_the_clusters(tmp_path):
    tally = count(families(np.random.default_rng(1), 100), "y", "s", ["g"], thresholds=[0.2], cluster="fam")
    place = tmp_path / "a.tally"
    place.write_bytes(to_bytes(tally))
    a, b = tally.measure(MANY, by="g", at=0.2), read(place).measure(MANY, by="g", at=0.2)
    assert a.equals(b)


def test_a_grouping_not_counted_is_refused_by_name():
    frame = families(np.random.default_rng(1), 50).with_columns(h=pl.lit("x"))
    tally = count(frame, "y", "s", ["g", "h"], thresholds=[0.2], cluster="fam", views=[["g"]])
    with pytest.raises(PrimumError, match="not counted by h"):
        tally.measure(["sensitivity"], by="h", at=0.2)


def test_only_one_side_with_clusters_cannot_be_added():
    frame = families(np.random.default_rng(1), 50)
    with pytest.raises(PrimumError, match="only one of them was counted with clusters"):
        count(frame, "y", "s", cluster="fam") + count(frame, "y", "s")


def test_families_that_cross_groups_are_counted_and_told():
    frame = families(np.random.default_rng(1), 200).with_columns(
        g=pl.Series(np.random.default_rng(2).choice(["a", "b"], len(families(np.random.default_rng(1), 200))))
    )
    tally = count(frame, "y", "s", ["g"], thresholds=[0.2], cluster="fam")
    spans = frame.group_by("fam").agg(pl.col("g").n_unique()).filter(pl.col("g") > 1).height
    assert tally.clusters is not None
    assert tally.clusters.crossing["g",] == spans
    everyone = count(frame, "y", "s", thresholds=[0.2], cluster="fam").measure(["sensitivity"], at=0.2)
    assert tally.measure(["sensitivity"], by=[], at=0.2)["low"][0] == everyone["low"][0]


def test_missing_cluster_means_alone():
    frame = families(np.random.default_rng(4), 300).with_columns(none=pl.lit(None, dtype=pl.String))
    plain = count(frame, "y", "s", thresholds=[0.2]).measure(["brier"], at=0.2)
    alone = count(frame, "y", "s", thresholds=[0.2], cluster="none").measure(["brier"], at=0.2)
    assert alone["low"][0] == pytest.approx(plain["low"][0], rel=0.02)


def test_every_metric_has_a_cluster_robust_interval_or_a_reason():
    tally = count(families(np.random.default_rng(4), 300), "y", "s", ["g"], thresholds=[0.2], cluster="fam")
    long = tally.measure(list(METRICS), by="g", at=0.2).filter(pl.col("metric") != "n")
    assert long.filter(pl.col("low").is_nan() & (pl.col("reason") == "")).is_empty()
    assert long.filter(pl.col("low") >= pl.col("high")).is_empty()


def test_intervals_cover_with_families_where_the_naive_ones_do_not():
    rng = np.random.default_rng(12)
    big = families(rng, 60_000, spread=2.0)
    truth = count(big, "y", "s", thresholds=[0.2]).measure(["sensitivity", "auroc"], at=0.2)["value"].to_numpy()
    hits = np.zeros((2, 2))
    repeats = 120
    for _ in range(repeats):
        frame = families(rng, 120, spread=2.0)
        for j, cluster in enumerate((None, "fam")):
            got = count(frame, "y", "s", thresholds=[0.2], cluster=cluster).measure(["sensitivity", "auroc"], at=0.2)
            hits[j] += (got["low"].to_numpy() <= truth) & (truth <= got["high"].to_numpy())
    naive, robust_hits = hits / repeats
    assert naive[0] < 0.92
    assert (robust_hits > 0.90).all()
