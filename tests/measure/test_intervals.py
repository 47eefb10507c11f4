"""Intervals in closed form against published examples, other packages, and exact enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from primum.finding import Verdict, judge
from primum.measure.intervals import katz, mover, ratio, wilson, z_value
from primum.measure.power import equal_groups, people_needed, scaled


def newcombe(k1, n1, k2, n2, level=0.95):
    sides = [(np.asarray(k) / n, *wilson(k, n, level)) for k, n in ((k1, n1), (k2, n2))]
    return mover(*sides)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_wilson_is_the_score_interval_of_statsmodels(level):
    for n in (1, 2, 3, 7, 26, 100, 3696):
        k = np.unique(np.r_[np.arange(min(n, 20) + 1), n // 2, n - 1, n])
        expected = proportion_confint(k, n, alpha=1 - level, method="wilson")
        np.testing.assert_allclose(wilson(k, n, level), expected, rtol=1e-10, atol=1e-12)


def test_wilson_reaches_its_ends_exactly_and_has_no_value_without_people():
    low, high = wilson([0, 5, 0], [5, 5, 0])
    assert low[0] == 0
    assert 0 < high[0] < 1
    assert high[1] == 1
    assert 0 < low[1] < 1
    assert math.isnan(low[2])
    assert math.isnan(high[2])


# Newcombe (1998), Stat Med 17:873-890, Table II, method 10
PUBLISHED = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0),
    (10, 10, 0, 10, 0.6075, 1.0),
]


@pytest.mark.parametrize(("k1", "n1", "k2", "n2", "low", "high"), PUBLISHED)
def test_a_difference_of_rates_has_newcombes_published_interval(k1, n1, k2, n2, low, high):
    found = newcombe(k1, n1, k2, n2)
    assert float(found[0]) == pytest.approx(low, abs=5.1e-5)
    assert float(found[1]) == pytest.approx(high, abs=5.1e-5)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_a_difference_of_rates_agrees_with_statsmodels(level):
    for k1, n1, k2, n2 in [(1, 4, 3, 9), (20, 26, 610, 800), (0, 7, 5, 6), (532, 1901, 461, 966)]:
        expected = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff", alpha=1 - level)
        np.testing.assert_allclose(newcombe(k1, n1, k2, n2, level), expected, rtol=1e-9)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_a_ratio_of_rates_agrees_with_statsmodels(level):
    for k1, n1, k2, n2 in [(1, 4, 3, 9), (20, 26, 610, 800), (532, 1901, 461, 966)]:
        expected = confint_proportions_2indep(k1, n1, k2, n2, method="log", compare="ratio", alpha=1 - level)
        np.testing.assert_allclose(katz(k1, n1, k2, n2, level), expected, rtol=1e-9)


def test_a_ratio_with_an_empty_count_has_no_interval():
    low, high = katz([0, 3], [5, 5], [2, 0], [5, 5])
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_ratio_from_limits_is_the_log_interval_when_limits_are_symmetric_on_the_log_scale():
    z, s1, s2 = 1.96, 0.11, 0.24
    a = tuple(0.4 * np.exp(k * z * s1) for k in (0, -1, 1))
    b = tuple(0.7 * np.exp(k * z * s2) for k in (0, -1, 1))
    half = z * math.hypot(s1, s2)
    low, high = ratio(a, b)
    assert float(low) == pytest.approx(0.4 / 0.7 * math.exp(-half))
    assert float(high) == pytest.approx(0.4 / 0.7 * math.exp(half))
    assert float(ratio((0.4, 0.0, 0.6), b)[0]) == 0
    assert np.isnan(ratio((0.0, 0.0, 0.6), b)).all()


def test_limits_of_a_weighted_correlated_difference():
    """With symmetric limits MOVER is the textbook variance of a − w·b."""
    w, rho, a, b = 0.25, -0.4, 0.03, 0.05
    low, high = mover((0.3, 0.3 - a, 0.3 + a), (0.2, 0.2 - b, 0.2 + b), weight=w, correlation=rho)
    half = math.sqrt(a**2 + (w * b) ** 2 - 2 * rho * w * a * b)
    assert float(low) == pytest.approx(0.25 - half)
    assert float(high) == pytest.approx(0.25 + half)


def test_the_normal_quantile():
    assert z_value(0.95) == pytest.approx(1.959963984540054)


# -- how many more people ---------------------------------------------------------------------------------------------


def test_two_equal_groups_with_80_and_70_per_cent_need_291_each():
    assert math.ceil(equal_groups(0.80, 0.70)) == 291
    assert people_needed(0.80, 0.10, 291) == pytest.approx(291, rel=0.01)
    assert math.ceil(291 / 0.05) == 5820  # patients a group at 5 % prevalence


def test_needs_grow_as_the_comparator_shrinks_and_end_when_it_alone_is_too_small():
    needs = [people_needed(0.8, 0.1, n) for n in (1e9, 10_000, 1000, 291, 150)]
    assert needs == sorted(needs)
    assert needs[0] == pytest.approx(people_needed(0.8, 0.1), rel=1e-4)
    assert people_needed(0.8, 0.1, 100) == math.inf
    assert people_needed(0.8, 0.1, 0) == math.inf


def test_a_smaller_margin_needs_more_people():
    assert people_needed(0.8, 0.05) > 3 * people_needed(0.8, 0.10)


def test_half_the_width_needs_four_times_the_events():
    assert scaled(26, 0.2, 0.1) == pytest.approx(104)
    assert scaled(0, 0.2, 0.1) == math.inf
    assert scaled(26, math.nan, 0.1) == math.inf


@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_the_number_told_gives_the_power_promised(margin):
    """With that many people in the group, the lower limit of an equal group clears −margin in about 80 %."""
    rng = np.random.default_rng(2)
    n2 = 2000
    n1 = math.ceil(people_needed(0.75, margin, n2))
    k1, k2 = rng.binomial(n1, 0.75 - margin, 20_000), rng.binomial(n2, 0.75, 20_000)
    _, high = newcombe(k1, n1, k2, n2)
    assert np.mean(high < 0) == pytest.approx(0.80, abs=0.04)


# -- promises, by exact enumeration -----------------------------------------------------------------------------------

SIZES, RATES = (20, 100, 1000), (0.05, 0.2, 0.5)


def binomial(n, p):
    k = np.arange(n + 1)
    return k, binom.pmf(k, n, p)


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("n", SIZES)
def test_wilson_covers(n, p):
    k, chance = binomial(n, p)
    low, high = wilson(k, n)
    coverage = chance[(low <= p) & (p <= high)].sum()
    assert coverage >= 0.92
    assert chance.sum() == pytest.approx(1)


def test_wilson_covers_on_average_over_all_rates():
    for n in (10, 20, 50):
        k = np.arange(n + 1)
        low, high = wilson(k, n)
        p = np.linspace(0.005, 0.995, 199)
        covers = (low[:, None] <= p) & (p <= high[:, None])
        coverage = (binom.pmf(k[:, None], n, p) * covers).sum(axis=0)
        assert 0.945 <= coverage.mean() <= 0.965
        assert coverage.min() >= 0.83  # known dips close to 0 and 1 (Brown, Cai & DasGupta 2001)


@pytest.mark.parametrize("gap", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize(("n1", "n2"), [(20, 20), (20, 100), (20, 1000), (100, 100), (100, 1000), (1000, 1000)])
def test_a_difference_of_rates_covers(n1, n2, p, gap):
    (k1, c1), (k2, c2) = binomial(n1, p), binomial(n2, p + gap)
    low, high = newcombe(k1[:, None], n1, k2[None, :], n2)
    chance = c1[:, None] * c2
    assert chance[(low <= -gap) & (-gap <= high)].sum() >= 0.93


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.10])
@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize(("n1", "n2"), [(20, 1000), (100, 100), (1000, 1000)])
def test_harm_is_not_shown_where_there_is_none(n1, n2, p, margin):
    """Under equality: at most 2.5 %, far less in truth. At a shortfall of exactly the margin: 2.5 % and some."""
    (k1, c1), (k2, c2) = binomial(n1, p), binomial(n2, p)
    low, high = newcombe(k1[:, None], n1, k2[None, :], n2)
    chance = c1[:, None] * c2
    assert chance[high < -margin].sum() <= 0.025
    if p > margin:
        k1, c1 = binomial(n1, p - margin)
        at_the_edge = c1[:, None] * c2
        assert at_the_edge[high < -margin].sum() <= 0.045
        assert at_the_edge[low > -margin].sum() <= 0.055, "no harm is not claimed at the margin either"


def test_the_verdict_is_what_the_interval_says():
    k1, k2 = np.arange(0, 101, 5), np.arange(0, 201, 10)
    low, high = newcombe(k1[:, None], 100, k2[None, :], 200)
    for lo, hi in zip(low.ravel(), high.ravel(), strict=True):
        verdict = judge(float(lo), float(hi), 0.05, better="higher")
        assert (verdict is Verdict.HARM) == (hi < -0.05)
        assert (verdict is Verdict.NO_HARM) == (lo > -0.05)


@pytest.mark.parametrize("prevalence", [0.01, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("k", [2, 5, 10, 20])
def test_intervals_of_every_group_cover_under_equality(k, prevalence):
    """All groups truly alike: each group's difference to everyone else covers 0, whatever the number of groups.

    (A percentile interval of the largest minus the smallest rate never does.)
    """
    rng = np.random.default_rng([k, int(prevalence * 100)])
    repeats = 2000
    events = rng.binomial(400, prevalence, (repeats, k)).astype(float)
    found = rng.binomial(events.astype(int), 0.7).astype(float)
    rest, rest_found = events.sum(1, keepdims=True) - events, found.sum(1, keepdims=True) - found
    with np.errstate(invalid="ignore"):
        low, high = newcombe(found, events, rest_found, rest)
    known = np.isfinite(low) & np.isfinite(high)
    assert known.mean() > 0.95
    assert np.mean((low <= 0) & (high >= 0), where=known) >= 0.94
