"""Rubin's rules: written out, against statsmodels, and their promise by simulation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.intervals import wilson
from primum.measure.pooling import pool, pool_estimates, pooled_share, rubin, scale_of

BY_HAND = """\
quantity,values,variances,complete_df,mean,within,between,total,share,df
five,1 2 3 4 5,2 2 2 2 2,96,3,2,5/2,5,3/5,9.0
same,7 7 7,1 4 1,10,7,2,0,2,0,110/13
"""
# five: B = 10/4, T = 2 + 6/5 · 5/2 = 5, λ = 3/5; ν_old = 4/(9/25) = 100/9, ν_obs = 96·97/99 · 2/5 = 37.62…;
# 1/ν = 9/100 + 1/37.62… = 0.11658…, ν = 8.577…  (the last column is checked against this, not read)


def by_hand():
    """Return the rows of the table above with the degrees of freedom from exact fractions."""
    for line in BY_HAND.splitlines()[1:]:
        name, values, variances, complete, *_ = line.split(",")
        q, u = ([Fraction(v) for v in text.split()] for text in (values, variances))
        m, c = len(q), Fraction(complete)
        mean, within = sum(q) / m, sum(u) / m
        between = sum((v - mean) ** 2 for v in q) / (m - 1)
        total = within + (1 + Fraction(1, m)) * between
        share = (total - within) / total
        inverse = share**2 / (m - 1) + 1 / (c * (c + 1) / (c + 3) * (1 - share))
        told = [Fraction(v) for v in line.split(",")[4:9]]
        assert told == [mean, within, between, total, share], name
        yield q, u, c, mean, total, share, 1 / inverse


def test_rubin_by_hand():
    for q, u, c, mean, total, share, df in by_hand():
        found = rubin([float(v) for v in q], [float(v) for v in u], complete_df=float(c))
        assert found.value == pytest.approx(float(mean))
        assert found.error**2 == pytest.approx(float(total))
        assert found.missing_information == pytest.approx(float(share))
        assert found.df == pytest.approx(float(df))


def test_rubin_against_statsmodels():
    """The same completed data through statsmodels' own combination."""
    import pandas as pd
    from statsmodels.imputation import mice
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(3)
    x = rng.normal(size=300)
    frame = pd.DataFrame({"x": x, "y": 1 + 2 * x + rng.normal(size=300)})
    frame.loc[rng.random(300) < 0.4, "x"] = np.nan
    np.random.seed(4)
    study = mice.MICE("y ~ x", OLS, mice.MICEData(frame))
    pooled = study.fit(n_burnin=2, n_imputations=8)
    for k in range(2):
        values = [float(np.asarray(r.params)[k]) for r in study.results_list]
        variances = [float(np.asarray(r.cov_params())[k, k]) for r in study.results_list]
        found = rubin(values, variances)
        assert found.value == pytest.approx(float(np.asarray(pooled.params)[k]))
        scale = float(np.asarray(pooled.scale)) if np.ndim(pooled.scale) == 0 else 1.0
        theirs = float(np.asarray(pooled.cov_params())[k, k])
        assert found.error**2 == pytest.approx(theirs, rel=1e-6), scale
        assert found.missing_information == pytest.approx(float(np.asarray(pooled.frac_miss_info)[k]), rel=1e-6)


def test_nothing_missing_leaves_the_variance_alone():
    found = rubin([2.0, 2.0], [9.0, 9.0])
    assert (found.error, found.missing_information, found.df) == (3.0, 0.0, math.inf)


def test_scales_follow_the_metric():
    names = ("sensitivity", "auroc", "oe_ratio", "net_benefit", "calibration_slope")
    assert [scale_of(n) for n in names] == ["logit", "logit", "log", "plain", "plain"]


def test_pooling_a_share_is_done_on_the_log_odds():
    p, n = np.array([0.8, 0.9, 0.85]), 200
    found = pool(p, p * (1 - p) / n, scale="logit", complete_df=n - 1)
    eta = np.log(p / (1 - p))
    total = np.mean(1 / (n * p * (1 - p))) + 4 / 3 * eta.var(ddof=1)
    assert found.value == pytest.approx(1 / (1 + math.exp(-eta.mean())))
    assert found.rubin.error**2 == pytest.approx(total)
    middle = [math.log(v / (1 - v)) for v in (found.low, found.value, found.high)]
    assert middle[1] - middle[0] == pytest.approx(middle[2] - middle[1])


def test_pooled_share_is_wilson_when_nothing_is_missing():
    found = pooled_share([0.3, 0.3, 0.3], [1e6, 1e6, 1e6])
    low, high = wilson(0.3e6, 1e6)
    assert (found.low, found.high) == pytest.approx((float(low), float(high)), rel=1e-6)


def test_pooled_share_is_the_published_interval():
    """Lott & Reiter (2020), equation for the limits, written out."""
    p, n = np.array([0.1, 0.2, 0.15, 0.12]), 50
    found = pooled_share(p, np.full(4, n))
    r = 1.25 * p.var(ddof=1) / np.mean(p * (1 - p) / n)
    # their r rests on the mean of the variances, ours on the mean share too: the same to the third decimal
    from scipy.stats import t as student

    t2 = student.ppf(0.975, found.rubin.df) ** 2
    q, k = p.mean(), t2 / n + t2 * r / n
    middle, half = (2 * q + k) / (2 * (1 + k)), math.sqrt((2 * q + k) ** 2 / (4 * (1 + k) ** 2) - q**2 / (1 + k))
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=1e-9)


def share(k, n, **changes):
    """Return sensitivity as the audit estimates it."""
    low, high = wilson(k, n)
    base = {"value": k / n, "low": float(low), "high": float(high), "method": "Wilson", "n": 2 * n, "events": n,
            "nonevents": n}  # fmt: skip
    return Estimate(**(base | changes))


def test_estimates_that_do_not_differ_stay_as_they_are():
    assert pool_estimates([share(7, 10)] * 3, "sensitivity") == share(7, 10)


def test_pooled_estimates_widen_with_what_is_not_known():
    near = pool_estimates([share(70, 100), share(71, 100)], "sensitivity")
    far = pool_estimates([share(55, 100), share(85, 100)], "sensitivity")
    alone = share(70, 100)
    assert alone.high - alone.low < near.high - near.low < far.high - far.low
    assert "Rubin's rules over 2 draws (Wilson)" in near.method


def test_shares_at_the_end_of_the_scale_are_pooled_too():
    found = pool_estimates([share(10, 10), share(9, 10), share(10, 10)], "sensitivity")
    assert 0.35 < found.low < found.value < found.high <= 1
    none = pool_estimates([share(0, 10), share(0, 10, method="again")], "sensitivity")
    assert none.low == 0
    assert none.high == pytest.approx(float(wilson(0, 10)[1]), abs=0.08)


def test_what_is_undefined_in_one_draw_is_undefined():
    gone = share(7, 10, value=math.nan, status=Status.NOT_ESTIMABLE, reason="nobody reaches the threshold")
    found = pool_estimates([share(7, 10), gone], "ppv")
    assert not found.ok
    assert found.reason == "in 1 of 2 draws: nobody reaches the threshold"


def test_bad_input():
    with pytest.raises(PrimumError, match="There is 1 imputation"):
        rubin([1.0], [1.0])
    with pytest.raises(PrimumError, match="at least two draws"):
        pool_estimates([share(1, 2)], "sensitivity")
    with pytest.raises(PrimumError, match="one variance, not below 0"):
        rubin([1.0, 2.0], [1.0])
    with pytest.raises(PrimumError, match="cannot be pooled on the scale 'logit'"):
        pool([0.0, 0.5], [0.1, 0.1], scale="logit")


def coverage(repeats, n, lost, m, seed):
    """Return how often the pooled interval of a share covers .3 when `lost` of the outcomes are imputed properly."""
    rng = np.random.default_rng(seed)
    hit = 0
    for _ in range(repeats):
        y = rng.random(n) < 0.3
        seen = rng.random(n) >= lost
        k, s = int(y[seen].sum()), int(seen.sum())
        p = rng.beta(k + 0.5, s - k + 0.5, m)
        total = k + rng.binomial(n - s, p)
        found = pool_estimates([share(int(t), n) for t in total], "sensitivity")
        hit += found.low <= 0.3 <= found.high
    return hit / repeats


def test_pooled_intervals_cover():
    assert coverage(400, 80, 0.4, 5, 11) > 0.92


@pytest.mark.slow
def test_pooled_intervals_cover_closely():
    for n, lost in ((40, 0.3), (80, 0.5), (300, 0.3)):
        assert 0.935 < coverage(4000, n, lost, 10, n) < 0.98
