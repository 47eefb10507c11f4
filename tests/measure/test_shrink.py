"""Shrinkage: written-out posteriors, limits, and coverage of the groups it is meant for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from primum.measure.shrink import beta_binomial, between_variance, normal_normal


def test_posterior_is_the_beta_of_prior_and_counts():
    k, n = np.array([10, 20, 45, 800]), np.array([20, 30, 50, 1000])
    found = beta_binomial(k, n)
    size = found.centre * (1 - found.centre) / found.between**2 - 1
    a, b = found.centre * size + k, (1 - found.centre) * size + n - k
    np.testing.assert_allclose(found.value, a / (a + b), rtol=1e-9)
    known = (n / (1 + (n - 1) / (size + 1))).sum()
    mean, keep = a / (a + b), n / (n + size)
    spread = mean * (1 - mean) / (a + b + 1) + (1 - keep) ** 2 * found.centre * (1 - found.centre) / known
    s = mean * (1 - mean) / spread - 1
    np.testing.assert_allclose(found.low, beta.ppf(0.025, mean * s, (1 - mean) * s), rtol=1e-6)
    np.testing.assert_allclose(found.high, beta.ppf(0.975, mean * s, (1 - mean) * s), rtol=1e-6)
    np.testing.assert_allclose(found.weight, n / (n + size), rtol=1e-6)


def test_small_groups_move_more_than_large_ones_and_stay_between_raw_and_centre():
    k, n = np.array([2, 200, 70]), np.array([10, 1000, 100])
    found = beta_binomial(k, n)
    raw = k / n
    assert found.weight[0] < found.weight[2] < found.weight[1]
    assert np.all((found.value - raw) * (found.centre - raw) >= 0)
    assert np.all(np.abs(found.value - raw) <= np.abs(found.centre - raw) + 1e-12)


def test_equal_groups_collapse_and_a_group_without_people_gets_the_prior():
    found = beta_binomial([80, 160, 240, 0], [100, 200, 300, 0])
    assert found.between < 0.03
    np.testing.assert_allclose(found.value, 0.8, atol=0.005)
    assert found.weight[3] == 0
    assert np.isfinite(found.value).all()


def test_marginal_likelihood_is_at_its_maximum():
    from scipy.stats import betabinom

    k, n = np.array([5, 30, 44, 12]), np.array([20, 40, 50, 60])
    found = beta_binomial(k, n)
    size = found.centre * (1 - found.centre) / found.between**2 - 1

    def likelihood(centre, s):
        weak = 0.5 * np.log(centre * (1 - centre)) - 0.5 * ((np.log(s) - 3.4) / 2.5) ** 2
        return betabinom.logpmf(k, n, centre * s, (1 - centre) * s).sum() + weak

    best = likelihood(found.centre, size)
    for centre, s in [(found.centre * 1.02, size), (found.centre, size * 1.2), (found.centre, size / 1.2)]:
        assert likelihood(centre, s) < best + 1e-6


def test_normal_normal_by_hand():
    y, v = np.array([0.2, 0.5, 0.8]), np.array([0.01, 0.02, 0.01])
    w = 1 / v
    mean = (w * y).sum() / w.sum()
    q = (w * (y - mean) ** 2).sum()
    tau2 = (q - 2) / (w.sum() - (w**2).sum() / w.sum())
    found = normal_normal(y, np.sqrt(v))
    assert found.between**2 == pytest.approx(tau2)
    centre = (y / (v + tau2)).sum() / (1 / (v + tau2)).sum()
    np.testing.assert_allclose(found.value, centre + tau2 / (tau2 + v) * (y - centre))


def test_between_variance_agrees_with_statsmodels():
    from statsmodels.stats.meta_analysis import combine_effects

    rng = np.random.default_rng(4)
    v = rng.uniform(0.01, 0.05, 12)
    y = rng.normal(0, np.sqrt(v + 0.03))
    oracle = combine_effects(y, v, method_re="dl").tau2
    assert between_variance(y, v, np.ones((12, 1))) == pytest.approx(oracle)


def test_an_undefined_group_gets_the_centre_and_all_the_uncertainty():
    found = normal_normal([0.2, 0.5, 0.8, np.nan], [0.05, 0.05, 0.05, np.nan])
    assert found.value[3] == pytest.approx(found.centre)
    assert found.high[3] - found.low[3] > found.high[0] - found.low[0]


@pytest.mark.parametrize(("k", "n"), [([0, 0], [5, 3]), ([5, 3], [5, 3]), ([0, 3], [5, 3]), ([0, 0], [500_000, 3])])
def test_nought_and_everybody_are_not_taken_for_certain(k, n):
    found = beta_binomial(k, n)
    assert ((found.low > 0) | (np.array(k) == 0)).all()
    assert (found.high < 1).all()
    assert ((found.value > 0) & (found.value < 1)).all()
    assert (found.high - found.low)[1] > (0.02 if sum(n) < 100 else 1e-6)


def test_intervals_cover_groups_drawn_from_the_prior():
    rng = np.random.default_rng(8)
    hit = total = 0
    for _ in range(60):
        p = rng.beta(16, 4, 25)
        n = rng.integers(10, 80, 25)
        found = beta_binomial(rng.binomial(n, p), n)
        hit += ((found.low <= p) & (p <= found.high)).sum()
        total += 25
    assert 0.92 < hit / total < 0.975


def test_groups_that_collapse_are_no_surer_than_everyone_together():
    found = beta_binomial([191, 128], [277, 182])
    pooled = 319 / 459
    half = 1.96 * np.sqrt(pooled * (1 - pooled) / 459)
    assert (found.high - found.low > 1.9 * half).all()
