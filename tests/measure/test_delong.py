"""The interval of AUROC: DeLong against an independent implementation, its promise, and where it breaks down."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm

from primum.measure.delong import auroc_interval, delong_variance, newcombe
from primum.measure.ranking import auroc
from primum.measure.table import Settings, estimates
from primum.tally.count import count
from primum.tally.resample import Histogram, histogram


def tallied(y, s, w=None):
    frame = pl.DataFrame({"y": y, "s": s} | ({} if w is None else {"w": w}))
    return count(frame, "y", "s", weight=None if w is None else "w")


def placements(y, s):
    """DeLong's variance written out over all pairs, from the paper's definitions."""
    x, z = s[y == 1], s[y == 0]
    psi = (x[:, None] > z).astype(float) + 0.5 * (x[:, None] == z)
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return psi.mean(), v10.var(ddof=1) / len(x) + v01.var(ddof=1) / len(z)


def exact(y, s) -> Histogram:
    """Every distinct score in a bin of its own."""
    labels, at = np.unique(s, return_inverse=True)
    n = np.stack([np.bincount(at[y == k], minlength=len(labels)) for k in (0, 1)]).astype(float)
    return Histogram(n=n, w=n, ww=n, ws=n * labels, wss=n * labels**2, selected=labels >= 2)


def test_a_case_by_hand():
    """Events .9 .8 .4, non-events .7 .3 .2: eight of nine pairs are in order, variance 1/27/3 + 1/27/3."""
    h = histogram(tallied([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.4, 0.7, 0.3, 0.2]), 0)
    assert float(auroc(h)) == pytest.approx(8 / 9)
    assert delong_variance(h) == pytest.approx(2 / 81)
    # two equal parts with two degrees of freedom each: Satterthwaite gives (a + a)² / (a²/2 + a²/2) = 4
    half = 2.7764451051977987 * math.sqrt(2 / 81) / (8 / 9 * 1 / 9)
    assert auroc_interval(h, 0.95) == pytest.approx((expit(logit(8 / 9) - half), expit(logit(8 / 9) + half), "DeLong"))


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 100)), min_size=4, max_size=60).filter(
        lambda rows: 2 <= sum(y for y, _ in rows) <= len(rows) - 2
    )
)
def test_the_variance_is_that_of_the_placement_values(rows):
    y, s = np.array([r[0] for r in rows]), np.array([r[1] for r in rows]) / 100
    h = histogram(tallied(y, s), 0)
    area, variance = placements(y, s)
    assert float(auroc(h)) == pytest.approx(area, abs=1e-12)
    assert delong_variance(h) == pytest.approx(variance, abs=1e-12)


def test_the_variance_of_continuous_scores():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 700)
    s = expit(rng.normal(size=700) + y - 2)
    area, variance = placements(y, s)
    h = histogram(tallied(y, s), 0)
    assert float(auroc(h)) == pytest.approx(area, abs=1e-4)
    assert delong_variance(h) == pytest.approx(variance, rel=1e-3)


def test_equal_weights_change_nothing():
    rng = np.random.default_rng(6)
    y, s = rng.integers(0, 2, 80), rng.integers(0, 50, 80) / 50
    plain, heavy = histogram(tallied(y, s), 0), histogram(tallied(y, s, np.full(80, 3.7)), 0)
    assert delong_variance(heavy) == pytest.approx(delong_variance(plain), rel=1e-10)


def test_unequal_weights_widen_the_interval_about_as_the_bootstrap_does():
    rng = np.random.default_rng(7)
    n = 400
    y, w = rng.integers(0, 2, n), rng.choice([0.3, 1.0, 4.0], n)
    s = np.round(expit(rng.normal(size=n) + y), 2)

    def area(i):
        x, z = s[i][y[i] == 1], s[i][y[i] == 0]
        a, b = w[i][y[i] == 1], w[i][y[i] == 0]
        psi = (x[:, None] > z) + 0.5 * (x[:, None] == z)
        return a @ psi @ b / a.sum() / b.sum()

    spread = np.std([area(rng.integers(0, n, n)) for _ in range(600)])
    h = histogram(tallied(y, s, w), 0)
    assert float(auroc(h)) == pytest.approx(area(np.arange(n)), abs=1e-12)
    assert math.sqrt(delong_variance(h)) == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize(("events", "nonevents"), [(1, 1), (1, 5), (3, 3), (2, 300), (100, 100), (1000, 1000)])
def test_perfect_separation_never_has_an_interval_of_one_to_one(events, nonevents):
    y = np.r_[np.ones(events, int), np.zeros(nonevents, int)]
    for s, end in ((np.where(y == 1, 0.9, 0.1), 1.0), (np.where(y == 1, 0.1, 0.9), 0.0)):
        e = estimates(tallied(y, s), ["auroc"], Settings())[0]["auroc"]
        assert e.value == end
        assert e.method == "Newcombe"
        assert e.high - e.low > 1e-4
        assert end in (e.low, e.high)


@pytest.mark.parametrize(("a", "m", "n"), [(0.9, 10, 20), (0.5, 1, 1), (0.7, 1, 30), (1.0, 3, 3), (0.0, 4, 9)])
def test_newcombes_limits_solve_his_equation(a, m, n):
    """Method 5 of Newcombe (2006): (a − θ)² = z² V(θ), V of Hanley & McNeil with (m + n)/2 − 1 for both sizes."""
    z = norm.ppf(0.975)

    def miss(t):
        spread = 1 + ((m + n) / 2 - 1) * ((1 - t) / (2 - t) + t / (1 + t))
        return (a - t) ** 2 - z**2 * t * (1 - t) / (m * n) * spread

    low, high = newcombe(a, m, n, 0.95)
    assert 0 <= low <= a <= high <= 1
    assert low < high
    for limit in (low, high):
        assert miss(limit) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.999])
def test_a_higher_level_is_wider(level):
    h = exact(np.array([1, 1, 1, 0, 0, 0]), np.array([0.9, 0.8, 0.4, 0.7, 0.3, 0.2]))
    low, high, _ = auroc_interval(h, level)
    wider = auroc_interval(h, (1 + level) / 2)
    assert wider[0] < low < 8 / 9 < high < wider[1]


def coverage(n, prevalence, area, repeats, seed=0):
    """Share of binormal samples whose interval covers, and how many had the fallback."""
    rng = np.random.default_rng([seed, n, int(prevalence * 100), int(area * 100)])
    shift = math.sqrt(2) * norm.ppf(area)
    covered, used, fallback = 0, 0, 0
    while used < repeats:
        y = (rng.random(n) < prevalence).astype(int)
        if not 0 < y.sum() < n:
            continue
        low, high, method = auroc_interval(exact(y, rng.normal(size=n) + shift * y), 0.95)
        assert high > low
        covered += low <= area <= high
        fallback += method == "Newcombe"
        used += 1
    return covered / repeats, fallback / repeats


# With about five events the variance of five placements is a guess; Student's quantile makes up for most of it.
FLOORS = {(20, 0.2): 0.91, (100, 0.05): 0.90, (100, 0.2): 0.91, (1000, 0.05): 0.91}


@pytest.mark.parametrize(("n", "prevalence"), FLOORS)
def test_the_interval_covers(n, prevalence):
    share, _ = coverage(n, prevalence, 0.8, 400)
    assert share >= FLOORS[n, prevalence]


@pytest.mark.slow
@pytest.mark.parametrize("area", [0.5, 0.75, 0.9])
@pytest.mark.parametrize("prevalence", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("n", [20, 100, 1000])
def test_the_interval_covers_everywhere(n, prevalence, area):
    share, fallback = coverage(n, prevalence, area, 2000, seed=1)
    print(f"AUROC {area}  n {n:4}  prevalence {prevalence:.2f}  coverage {share:.3f}  fallback {fallback:.3f}")
    assert share >= (0.90 if n * prevalence == 5 else 0.91)
