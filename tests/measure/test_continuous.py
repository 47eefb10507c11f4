"""Measures of a continuous outcome: written out, against statsmodels, scikit-learn and the bootstrap, and on data."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.measure.continuous import calibration, estimates, frame
from primum.measure.moments import MOMENT_METRICS, SAME_OUTCOME, SAME_PREDICTION, moment_metric
from primum.measure.table import COLUMNS
from primum.tally.count_continuous import count_continuous

ALL = list(MOMENT_METRICS)


def people(n=400, seed=0, families=80):
    rng = np.random.default_rng(seed)
    fam = rng.integers(0, families, n)
    u = rng.normal(0, 30, families)[fam]
    y = 120 + u + rng.normal(0, 40, n)
    p = 120 + 0.6 * (y - 120) + rng.normal(5, 25, n)
    return pl.DataFrame(
        {"y": y, "p": p, "g": np.where(fam % 3 == 0, "a", "b"), "fam": fam, "w": rng.gamma(2, 0.5, n).round(3)}
    )


def one(table, metric, group="everyone", comparison="estimate"):
    keep = (pl.col("metric") == metric) & (pl.col("group") == group) & (pl.col("comparison") == comparison)
    return table.filter(keep).row(0, named=True)


@pytest.mark.parametrize("weight", [None, "w"])
def test_values_are_the_formulas(weight):
    from sklearn import metrics

    data = people()
    y, p = data["y"].to_numpy(), data["p"].to_numpy()
    w = np.ones(len(y)) if weight is None else data["w"].to_numpy()
    found = frame(count_continuous(data, "y", "p", weight=weight), ALL)
    c = np.cov(y, p, aweights=w)
    expected = {
        "mean_outcome": np.average(y, weights=w),
        "mean_prediction": np.average(p, weights=w),
        "mae": metrics.mean_absolute_error(y, p, sample_weight=w),
        "mse": metrics.mean_squared_error(y, p, sample_weight=w),
        "rmse": metrics.root_mean_squared_error(y, p, sample_weight=w),
        "bias": np.average(p - y, weights=w),
        "observed_expected": (w * y).sum() / (w * p).sum(),
        "r2": metrics.r2_score(y, p, sample_weight=w),
        "pearson_r": c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]),
        "calibration_slope": c[0, 1] / c[1, 1],
        "calibration_intercept": np.average(y, weights=w) - c[0, 1] / c[1, 1] * np.average(p, weights=w),
    }
    assert set(expected) == set(ALL)
    for name, value in expected.items():
        row = one(found, name)
        assert row["value"] == pytest.approx(value, rel=1e-9), name
        assert row["low"] < row["value"] < row["high"]
    assert found.columns == list(COLUMNS)
    assert found["events"].null_count() == len(found)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("cluster", [None, "fam"])
def test_calibration_and_means_agree_with_statsmodels(weight, cluster):
    import statsmodels.api as sm

    data = people()
    y, p, fam = (data[k].to_numpy() for k in ("y", "p", "fam"))
    w = np.ones(len(y)) if weight is None else data["w"].to_numpy()
    found = frame(count_continuous(data, "y", "p", weight=weight, cluster=cluster))
    how = {"cov_type": "HC1"} if cluster is None else {"cov_type": "cluster", "cov_kwds": {"groups": fam}}
    line = sm.WLS(y, sm.add_constant(p), weights=w).fit(**how, use_t=True)
    mean = {k: sm.WLS(v, np.ones(len(y)), weights=w).fit(**how, use_t=True)
            for k, v in {"bias": p - y, "mean_outcome": y, "mean_prediction": p}.items()}  # fmt: skip
    pairs = [("calibration_intercept", line, 0), ("calibration_slope", line, 1)]
    for name, fit, k in [*pairs, *((name, fit, 0) for name, fit in mean.items())]:
        row = one(found, name)
        assert row["value"] == pytest.approx(fit.params[k], rel=1e-9)
        # weighted people lend t their effective number, statsmodels all of them
        near = 1e-9 if weight is None or cluster else 4e-3
        assert row["high"] - row["low"] == pytest.approx(np.diff(fit.conf_int()[k])[0], rel=near)
        if cluster is None and weight is None:
            assert row["n_effective"] is None
        else:
            assert len(y) / 5 < row["n_effective"] < 1.2 * len(y)  # families may also differ less than strangers
    assert one(found, "r2")["value"] == pytest.approx(
        1 - ((y - p) ** 2 * w).sum() / (w * (y - np.average(y, weights=w)) ** 2).sum()
    )


def test_standard_errors_are_those_of_the_bootstrap():
    data = people(500, seed=3)
    y, p = data["y"].to_numpy(), data["p"].to_numpy()
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(y), (1500, len(y)))
    a, b = y[draws], p[draws]
    mse = ((a - b) ** 2).mean(1)
    boot = {"mae": np.abs(a - b).mean(1), "mse": mse, "rmse": np.sqrt(mse), "r2": 1 - mse / a.var(1),
            "observed_expected": a.mean(1) / b.mean(1),
            "pearson_r": ((a - a.mean(1, keepdims=True)) * b).mean(1) / (a.std(1) * b.std(1))}  # fmt: skip
    found = frame(count_continuous(data, "y", "p"))
    for name, values in boot.items():
        row = one(found, name)
        width = np.diff(np.quantile(values, [0.025, 0.975]))[0]
        assert row["high"] - row["low"] == pytest.approx(width, rel=0.12), name


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_a_weight_of_two_is_a_person_counted_twice(seed):
    rng = np.random.default_rng(seed)
    data = people(60, seed).with_columns(pl.Series("w", rng.integers(1, 4, 60)), pl.int_range(60).alias("id"))
    again = data.select(pl.all().repeat_by("w").explode())
    weighted = frame(count_continuous(data, "y", "p", ["g"], weight="w", cluster="id", edges=[100, 120]))
    repeated = frame(count_continuous(again, "y", "p", ["g"], cluster="id", edges=[100, 120]))
    np.testing.assert_allclose(weighted["value"], repeated["value"], rtol=1e-8)
    single = ~pl.col("metric").is_in(["calibration_slope", "calibration_intercept", "pearson_r"])
    for side in ("low", "high"):  # (n − 1)/(n − 2) is that of rows
        a, b = (x.filter(single)[side].to_numpy() for x in (weighted, repeated))
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@given(st.integers(0, 10_000), st.sampled_from([0.001, 1.0, 1e4]), st.floats(-1e5, 1e5))
@settings(max_examples=25)
def test_units_and_origins_do_not_matter(seed, scale, origin):
    data = people(80, seed)
    moved = data.with_columns(pl.col("y") * scale + origin, pl.col("p") * scale + origin)
    a, b = (estimates(count_continuous(x, "y", "p"), ALL)[0] for x in (data, moved))
    for name in ("r2", "pearson_r", "calibration_slope"):
        for k in ("value", "low", "high"):
            assert getattr(b[name], k) == pytest.approx(getattr(a[name], k), rel=1e-4)
    for name in ("mae", "rmse", "bias"):
        assert b[name].low == pytest.approx(a[name].low * scale, rel=1e-4, abs=1e-5 * scale)


def test_sites_are_one_population():
    data = people()
    how = {"edges": [90, 120, 150], "cluster": "fam"}
    tallies = [count_continuous(data.filter(pl.col("fam") % 2 == k), "y", "p", ["g"], **how) for k in (0, 1)]
    whole = count_continuous(data, "y", "p", ["g"], **how)
    a, b = frame(tallies[0] + tallies[1], against="overall"), frame(whole, against="overall")
    for k in ("value", "low", "high"):
        np.testing.assert_allclose(a[k], b[k], rtol=1e-9)


def test_differences_against_a_group_and_everyone_else():
    data = people(900)
    tally = count_continuous(data, "y", "p", ["g"])
    found = frame(tally, ["mae", "bias", "r2"], by="g", against="overall")
    a, b = one(found, "bias", "a"), one(found, "bias", "b")
    d = one(found, "bias", "a", "difference")
    assert d["comparator"] == "everyone else"
    assert d["value"] == pytest.approx(a["value"] - b["value"])
    # two symmetric intervals combine to the usual one
    assert d["high"] - d["value"] == pytest.approx(np.hypot(a["high"] - a["value"], b["high"] - b["value"]))
    named = frame(tally, ["mae", "bias", "r2"], by="g", against="b")
    assert one(named, "bias", "a", "difference")["low"] == pytest.approx(d["low"])
    ratio = one(named, "mae", "a", "ratio")
    assert ratio["value"] == pytest.approx(one(named, "mae", "a")["value"] / one(named, "mae", "b")["value"])
    assert ratio["low"] < ratio["value"] < ratio["high"]
    assert named.filter(comparison="ratio")["metric"].to_list() == ["mae"]
    with pytest.raises(PrimumError, match="There is no group 'c' in 'g'"):
        frame(tally, ["bias"], by="g", against="c")


def test_what_cannot_be_measured_says_why():
    data = pl.DataFrame(
        {
            "y": [1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 4.0, 0.0, 1.0],
            "p": [1.0, 2.0, 3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 2.0, -1.0, -2.0],
            "g": ["same y"] * 3 + ["same p"] * 3 + ["one"] + ["ok"] * 2 + ["negative"] * 2,
        }
    )
    found = frame(count_continuous(data, "y", "p", ["g"]), by="g")
    for group, metric, reason in (
        ("same y", "r2", SAME_OUTCOME),
        ("same y", "pearson_r", SAME_OUTCOME),
        ("same p", "calibration_slope", SAME_PREDICTION),
        ("same p", "calibration_intercept", SAME_PREDICTION),
        ("same p", "pearson_r", SAME_PREDICTION),
        ("one", "r2", SAME_OUTCOME),
        ("negative", "observed_expected", "the mean prediction is not above 0"),
    ):
        row = one(found, metric, group)
        assert (row["status"], row["reason"]) == ("not estimable", reason)
        assert np.isnan(row["value"])
    assert one(found, "calibration_slope", "same y")["value"] == pytest.approx(0)
    alone = one(found, "mae", "one")
    assert (alone["value"], alone["status"]) == (0, "below the declared precision")
    assert one(found, "bias", "one")["reason"] == "these people do not vary enough for an interval"
    with pytest.raises(PrimumError, match=r"metric of a continuous outcome 'rsme'(.|\n)*did you mean 'rmse'"):
        moment_metric("rsme")


def test_a_group_that_nobody_is_counted_in_is_shown():
    data = pl.DataFrame({"y": [1.0, 2.0, 3.0, None], "p": [1.0, 2.5, 2.0, 4.0], "g": ["a", "a", "a", "b"]})
    row = one(frame(count_continuous(data, "y", "p", ["g"]), by="g"), "mae", "b")
    assert (row["n"], row["status"], row["reason"]) == (0, "not estimable", "nobody in this group")


def test_one_cluster_has_no_interval():
    data = people(50).with_columns(pl.lit("here").alias("hospital"))
    row = one(frame(count_continuous(data, "y", "p", cluster="hospital")), "mae")
    assert np.isfinite(row["value"])
    assert np.isnan(row["low"])


def test_the_calibration_curve_is_the_mean_of_each_bin():
    data = people(1000)
    tally = count_continuous(data, "y", "p", edges=list(range(0, 300, 5)))
    curve = calibration(tally, 0)
    assert 8 <= len(curve) <= 10
    assert sum(b["n"] for b in curve) == 1000
    assert all(b["low"] < b["observed"] < b["high"] for b in curve)
    start = 0
    ordered = data.sort("p")
    for b in curve:
        part = ordered[start : start + b["n"]]
        start += b["n"]
        y = part["y"].to_numpy()
        assert b["predicted"] == pytest.approx(part["p"].mean())
        assert b["observed"] == pytest.approx(y.mean())
        from scipy import stats

        low, high = stats.t.interval(0.95, len(y) - 1, y.mean(), y.std(ddof=1) / np.sqrt(len(y)))
        assert (b["low"], b["high"]) == (pytest.approx(low), pytest.approx(high))
    wide = calibration(count_continuous(data, "y", "p", edges=list(range(0, 300, 5)), cluster="fam"), 0)
    assert wide[3]["high"] - wide[3]["low"] > curve[3]["high"] - curve[3]["low"]
    assert calibration(count_continuous(people(15), "y", "p"), 0)[0]["n"] == 15


def simulated(rng, n, clustered):
    fam = np.repeat(np.arange(n // 5), 5) if clustered else np.arange(n)
    u = rng.normal(0, 0.7, n)[fam] if clustered else np.zeros(n)
    p = rng.normal(0, 1, n)
    y = 0.3 + 0.8 * p + u + rng.normal(0, 1, n) * (0.6 + 0.3 * np.abs(p))
    return pl.DataFrame({"y": y, "p": p, "fam": fam})


@pytest.mark.parametrize(("n", "clustered"), [(40, False), (200, False), (300, True)])
def test_intervals_cover(n, clustered):
    rng = np.random.default_rng([7, n])
    truth = {
        k: e.value for k, e in estimates(count_continuous(simulated(rng, 400_000, clustered), "y", "p"), ALL)[0].items()
    }
    hits = dict.fromkeys(ALL, 0)
    repeats = 200
    for _ in range(repeats):
        tally = count_continuous(
            simulated(rng, n, clustered), "y", "p", edges=[0], cluster="fam" if clustered else None
        )
        for k, e in estimates(tally, ALL)[0].items():
            hits[k] += e.low <= truth[k] <= e.high
    poor = ["observed_expected"]  # a ratio of means near 0 has no such interval
    cover = {k: h / repeats for k, h in hits.items() if k not in poor}
    assert min(cover.values()) >= 0.90, cover
    assert max(cover.values()) <= 0.995, cover


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 200, 1000])
@pytest.mark.parametrize("skewed", [False, True])
def test_intervals_cover_at_length(n, skewed):
    rng = np.random.default_rng([11, n])

    def draw(n):
        p = rng.gamma(2, 1, n)
        noise = rng.exponential(1, n) - 1 if skewed else rng.normal(0, 1, n)
        return pl.DataFrame({"y": 0.2 + 0.9 * p + noise, "p": p})

    truth = {k: e.value for k, e in estimates(count_continuous(draw(2_000_000), "y", "p"), ALL)[0].items()}
    hits = dict.fromkeys(ALL, 0)
    repeats = 2000
    for _ in range(repeats):
        for k, e in estimates(count_continuous(draw(n), "y", "p", edges=[2]), ALL)[0].items():
            hits[k] += e.low <= truth[k] <= e.high
    cover = {k: round(h / repeats, 3) for k, h in hits.items()}
    print(n, "skewed" if skewed else "normal", cover)
    squares = {20: 0.72, 50: 0.8, 200: 0.87, 1000: 0.91} if skewed else {20: 0.9}  # fourth moments are found late
    least = {20: 0.83, 50: 0.87}.get(n, 0.92)
    for k, share in cover.items():
        assert share >= (squares.get(n, 0.92) if k in {"mse", "rmse"} else least), cover


def out_of_fold(x, y, folds=5, seed=0):
    fold = np.random.default_rng(seed).integers(0, folds, len(y))
    design = np.column_stack([np.ones(len(y)), x])
    p = np.empty(len(y))
    for k in range(folds):
        p[fold == k] = design[fold == k] @ np.linalg.lstsq(design[fold != k], y[fold != k], rcond=None)[0]
    return p


def test_spending_is_predicted_too_low_for_the_sick(data_dir):
    file = data_dir / "meps_2006" / "meps_2006.parquet"
    if not file.exists():
        pytest.skip("no MEPS 2006 among the test data")
    raw = pl.read_parquet(file)
    race = pl.when(pl.col("BLACK") == 1).then(pl.lit("Black")).when(pl.col("ASIAN") == 1).then(pl.lit("Asian"))
    raw = raw.with_columns(
        pl.when(pl.col("GENDER") == 1).then(pl.lit("female")).otherwise(pl.lit("male")).alias("sex"),
        race.otherwise(pl.lit("everybody else")).alias("race"),
        pl.when(pl.col("POOR") == 1).then(pl.lit("poor")).otherwise(pl.lit("better")).alias("health"),
    )
    p = out_of_fold(raw.select("AGE", "GENDER", "FAMSIZE", "insured").to_numpy().astype(float), raw["EXP"].to_numpy())
    tally = count_continuous(raw.with_columns(pl.Series("p", p)), "EXP", "p", ["sex", "race", "health"])
    found = frame(tally, against="overall")
    assert one(found, "mae")["n"] == raw.height
    assert set(found["status"]) <= {"ok", "not estimable"}
    poor = one(found, "bias", "poor")
    assert poor["high"] < -500  # dollars a year
    assert one(found, "bias", "poor", "difference")["high"] < 0
    y = raw["EXP"].to_numpy()
    assert one(found, "r2")["value"] == pytest.approx(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert 0 < one(found, "r2")["value"] < 0.2
    assert one(found, "calibration_slope")["low"] < 1 < one(found, "calibration_slope")["high"]


def test_birth_weight_by_payer(data_dir):
    file = data_dir / "natality_2014" / "natality_2014_100k.parquet"
    if not file.exists():
        pytest.skip("no births among the test data")
    raw = pl.read_parquet(file).filter(pl.col("dplural") == 1).drop_nulls(["dbwt", "combgest", "mager"])
    p = out_of_fold(raw.select("combgest", "mager").to_numpy().astype(float), raw["dbwt"].to_numpy().astype(float))
    tally = count_continuous(raw.with_columns(pl.Series("p", p)), "dbwt", "p", ["pay"])
    found = frame(tally, by="pay", against="overall")
    assert "(missing)" in found["group"].to_list()
    for row in found.filter(metric="mae", comparison="estimate").iter_rows(named=True):
        assert 200 < row["low"] < row["high"] < 500  # grams
    large = (pl.col("metric") == "r2") & (pl.col("comparison") == "estimate") & (pl.col("n") > 500)
    for row in found.filter(large).iter_rows(named=True):
        assert 0.1 < row["value"] < 0.7
    whole = one(frame(tally, by=[]), "bias")
    assert whole["low"] < 0 < whole["high"]
    medicaid = one(found, "bias", "medicaid", "difference")
    assert medicaid["low"] > 10  # predicted grams too high, compared with the others
