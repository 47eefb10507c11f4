"""Another label at equal score: by hand, against regression, on simulated proxies, and on real spending."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.special import expit

from primum.errors import PrimumError
from primum.measure.equal_score import at_equal_score, band_rows, by_score, of_moments, of_tally
from primum.measure.intervals import wilson
from primum.tally.count import count
from primum.tally.moment import count_moments


def hand():
    """Two bands; need 1 and 3 in group a, 2 and 5 in group b; people 10/30 and 30/10."""
    rows = [("a", "0", 0.5, 1.5), ("a", "1", 2.5, 3.5), ("b", "0", 1.5, 2.5), ("b", "1", 4.5, 5.5)]
    sizes = [10, 30, 30, 10]
    frame = [
        (g, band, value)
        for (g, band, lo, hi), n in zip(rows, sizes, strict=True)
        for value in [lo] * (n // 2) + [hi] * (n // 2)
    ]
    people = pl.DataFrame(frame, schema=["g", "band", "need"], orient="row")
    return of_moments(count_moments(people, ["need"], ["g", "band"]))


def test_by_hand():
    """Within bands −1 and −2; half of all people are in each: −1.5, though the plain means differ by 2.5 − 2.75."""
    a = next(e for e in at_equal_score(hand(), "b") if e.group == "a")
    assert a.difference.value == pytest.approx(-1.5)
    assert (a.own, a.other, a.shared) == pytest.approx((2.0, 3.5, 1.0))
    assert a.crude.value == pytest.approx(2.5 - 2.75)
    s2 = [0.25 * n / (n - 1) / n for n in (10, 30, 30, 10)]
    half = 1.959964 * np.sqrt(0.25 * sum(s2))
    assert (a.difference.low, a.difference.high) == pytest.approx((-1.5 - half, -1.5 + half))
    assert "need is 2 in a and 3.5 in b" in a.words


def proxy(n, seed=0, gap=0.8):
    """A score that predicts cost; at equal score group b has `gap` more need; b is tested half as often."""
    rng = np.random.default_rng([seed, n])
    g = np.where(rng.random(n) < 0.3, "b", "a")
    score = expit(rng.normal(size=n) + 0.5 * (g == "a"))
    need = rng.poisson(0.5 + 3 * score + gap * (g == "b"))
    tested = rng.random(n) < np.where(g == "b", 0.3, 0.6) * (0.5 + 0.5 * score)
    return pl.DataFrame({"g": g, "score": score, "need": need, "tested": tested.astype(int)})


def test_a_proxy_is_found_and_its_size():
    e = next(x for x in at_equal_score(by_score(proxy(40_000), "score", "need", "g"), "a") if x.group == "b")
    assert e.difference.low < 0.8 < e.difference.high
    assert e.difference.value == pytest.approx(0.8, abs=0.06)
    assert abs(e.score_difference) < 0.01
    assert e.shared == 1.0


def test_the_difference_is_that_of_a_regression_on_bands():
    """With the same gap in every band, weighted by precision or by people: both near a linear model's coefficient."""
    frame = proxy(20_000, seed=2)
    band = np.searchsorted(np.quantile(frame["score"], np.arange(1, 20) / 20), frame["score"].to_numpy())
    x = np.column_stack([np.eye(20)[band], frame["g"].to_numpy() == "b"]).astype(float)
    fit = sm.OLS(frame["need"].to_numpy(), x).fit()
    e = next(v for v in at_equal_score(by_score(frame, "score", "need", "g"), "a") if v.group == "b")
    assert e.difference.value == pytest.approx(fit.params[-1], abs=0.01)
    assert (e.difference.high - e.difference.low) / 3.92 == pytest.approx(fit.bse[-1], rel=0.2)


def test_intervals_cover():
    hits = []
    for i in range(200):
        found = at_equal_score(by_score(proxy(1500, seed=i + 10), "score", "need", "g", bands=10), "a")
        d = found[0].difference
        hits.append(d.low <= 0.8 <= d.high)
    assert np.mean(hits) >= 0.90


def test_testing_rates_at_equal_score():
    """Tested half as often at every score: seen in the tally of 'tested', Wilson limits by band."""
    frame = proxy(20_000, seed=3)
    t = of_tally(count(frame, "tested", "score", "g"), bands=10)
    assert t.binary
    b = next(x for x in at_equal_score(t, "a") if x.group == "b")
    assert b.difference.high < -0.15
    assert b.own / b.other == pytest.approx(0.5, abs=0.04)
    rows = [r for r in band_rows(t) if r["group"] == "a"]
    assert len(rows) == 10
    k, n = round(rows[3]["mean"] * rows[3]["n"]), rows[3]["n"]
    low, high = wilson(k, n)
    assert (rows[3]["low"], rows[3]["high"]) == pytest.approx((float(low), float(high)))
    assert sum(r["n"] for r in band_rows(t)) == 20_000


def test_both_ways_of_counting_agree():
    frame = proxy(5000, seed=4)
    tally = at_equal_score(of_tally(count(frame, "tested", "score", "g"), bands=20), "a")[0]
    rows = at_equal_score(by_score(frame, "score", "tested", "g", bands=20), "a")[0]
    assert tally.difference.value == pytest.approx(rows.difference.value, abs=0.004)
    assert tally.difference.high - tally.difference.low == pytest.approx(
        rows.difference.high - rows.difference.low, rel=0.05
    )


def test_scores_that_groups_do_not_share():
    frame = pl.DataFrame({
        "g": ["a"] * 60 + ["b"] * 60, "score": np.r_[np.linspace(0, 0.49, 60), np.linspace(0.51, 1, 60)],
        "need": np.tile([0, 1, 2], 40),
    })  # fmt: skip
    e = at_equal_score(by_score(frame, "score", "need", "g", bands=4), "a")[0]
    assert e.shared == 0
    assert not e.difference.ok
    assert "no band of the score holds people of both" in e.difference.reason
    assert "no comparison at equal score" in e.words
    part = frame.vstack(frame.with_columns(score=1 - pl.col("score")).head(30))
    assert 0 < at_equal_score(by_score(part, "score", "need", "g", bands=4), "a")[0].shared < 1


def test_everyone_else_is_a_comparator():
    frame = proxy(6000, seed=5).with_columns(
        g=pl.when(pl.int_range(pl.len()) % 7 == 0).then(pl.lit("c")).otherwise(pl.col("g"))
    )
    found = at_equal_score(by_score(frame, "score", "need", "g"))
    assert [e.group for e in found] == ["a", "b", "c"]
    assert {e.comparator for e in found} == {"everyone else"}


def test_people_without_score_or_label_are_left_out():
    frame = proxy(1000).with_columns(
        need=pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise(pl.col("need"))
    )
    assert by_score(frame, "score", "need", "g").n.sum() == 900


def test_bands_without_variation_still_have_a_width():
    """Nobody tested in one band: the variance is not 0."""
    frame = pl.DataFrame({"g": ["a", "b"] * 40, "score": [0.1] * 40 + [0.9] * 40, "tested": [0] * 40 + [0, 1] * 20})
    e = at_equal_score(by_score(frame, "score", "tested", "g", bands=2), "a")[0]
    assert e.difference.ok
    assert e.difference.low < e.difference.value < e.difference.high


def test_spending_on_equal_limitation(data_dir):
    """Among people with a limitation, 1,954 dollars for Black and 2,228 for other people: less at equal need."""
    frame = pl.read_parquet(data_dir / "meps_2006" / "meps_2006.parquet").with_columns(
        g=pl.when(pl.col("BLACK") == 1).then(pl.lit("Black")).otherwise(pl.lit("other"))
    )
    frame = frame.filter(pl.col("ASIAN") == 0)
    limited = frame.filter(pl.col("ANYLIMIT") == 1)
    means = dict(limited.group_by("g").agg(pl.col("EXP").mean()).iter_rows())
    assert (means["Black"], means["other"]) == pytest.approx((1954, 2228), abs=1)
    t = by_score(frame.with_columns(limit=pl.col("ANYLIMIT")), "EXP", "limit", "g", bands=10)
    e = next(x for x in at_equal_score(t, "other") if x.group == "Black")
    assert e.difference.low > 0  # at equal spending, Black people are more often limited


def test_bad_input():
    frame = proxy(100)
    with pytest.raises(PrimumError, match="no column 'needs'"):
        by_score(frame, "score", "needs", "g")
    with pytest.raises(PrimumError, match="same 'score'"):
        by_score(frame.with_columns(score=pl.lit(0.5)), "score", "need", "g")
    with pytest.raises(PrimumError, match="no group 'z'"):
        at_equal_score(by_score(frame, "score", "need", "g"), "z")
    with pytest.raises(PrimumError, match="only one group"):
        at_equal_score(by_score(frame.with_columns(g=pl.lit("a")), "score", "need", "g"))
    with pytest.raises(PrimumError, match="band of the score"):
        of_moments(count_moments(frame, ["need"], ["g"]))
    with pytest.raises(PrimumError, match="weighted"):
        of_tally(count(frame.with_columns(w=pl.lit(2.0)), "tested", "score", "g", weight="w"))
    with pytest.raises(PrimumError, match="Only decisions"):
        of_tally(count(frame, "tested", "score", "g", thresholds=[0.5], decisions_only=True))
