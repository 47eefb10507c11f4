"""Between-group variance: the table of Lum et al., written-out formulas, and an interval that covers."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from primum.errors import PrimumError
from primum.measure.estimate import Settings
from primum.measure.spread import between, rate_noise, spread, spread_interval
from primum.tally.count import count

SETTINGS = Settings(at=0.5, replicates=400)


def people(rates, n, rng):
    """Rows of groups with these rates of the outcome."""
    group = np.repeat(np.arange(len(rates)), n)
    outcome = rng.binomial(1, np.asarray(rates)[group])
    score = expit(rng.normal(-0.5 + outcome, 1.0))
    return count(pl.DataFrame({"y": outcome, "s": score, "g": group.astype(str)}), "y", "s", "g", thresholds=[0.5])


# Lum, Zhang & Bower (2022): 12 groups, true rate .8 in all of them
@pytest.mark.parametrize(
    ("n", "gap", "naive"), [(20, 0.284, 0.00797), (50, 0.183, 0.0032), (200, 0.092, 0.0008), (1000, 0.041, 0.00016)]
)
def test_equal_groups_look_spread_out_until_the_noise_is_taken_off(n, gap, naive):
    k = np.random.default_rng(0).binomial(n, 0.8, (4000, 12))
    found, corrected = between(k / n, rate_noise(k, n))
    assert np.ptp(k / n, axis=1).mean() == pytest.approx(gap, abs=0.003)
    assert found.mean() == pytest.approx(naive, rel=0.03)
    assert abs(corrected.mean()) < 3 * corrected.std() / math.sqrt(4000)
    assert abs(corrected.mean()) < 0.00012


def test_the_formula_written_out():
    k, n = np.array([8.0, 5, 9]), np.array([10.0, 10, 20])
    p = [0.8, 0.5, 0.45]
    noise = [0.8 * 0.2 / 9, 0.5 * 0.5 / 9, 0.45 * 0.55 / 19]
    mean = sum(p) / 3
    naive, corrected = between(k / n, rate_noise(k, n))
    assert naive == pytest.approx(sum((x - mean) ** 2 for x in p) / 2)
    assert corrected == pytest.approx(naive - sum(noise) / 3)
    assert np.isnan(rate_noise([1], [1])).all()


def test_a_true_spread_is_found_without_bias():
    rng = np.random.default_rng(1)
    rate = np.linspace(0.6, 0.9, 12)
    k = rng.binomial(40, rate, (4000, 12))
    naive, corrected = between(k / 40, rate_noise(k, np.full(12, 40)))
    assert corrected.mean() == pytest.approx(rate.var(ddof=1), rel=0.03)
    assert naive.mean() > 1.4 * rate.var(ddof=1)


def test_replicates_are_centred_on_the_corrected_variance():
    rng, size = np.random.default_rng(5), np.full(40, 50)
    k = rng.binomial(50, np.linspace(0.5, 0.8, 40))
    _, corrected = between(k / 50, rate_noise(k, size))
    drawn = rng.binomial(50, k / 50, (20_000, 40))
    middle = np.mean(spread_interval(drawn / 50, rate_noise(drawn, size), level=1e-6))
    assert middle == pytest.approx(corrected, rel=0.05)  # subtracted once, it would be a half more


@pytest.mark.parametrize(("groups", "n", "true"), [(6, 100, 0.08), (12, 200, 0.05), (12, 50, 0.0)])
def test_the_interval_covers_the_true_variance(groups, n, true):
    rng, hits, repeats = np.random.default_rng(2), 0, 150
    for _ in range(repeats):
        rate = np.clip(0.7 + true * rng.standard_normal(groups), 0.05, 0.95)
        p = rng.binomial(n, rate) / n
        drawn, size = rng.binomial(n, p, (300, groups)), np.full(groups, n)
        low, high = spread_interval(drawn / n, rate_noise(drawn, size))
        hits += low <= rate.var(ddof=1) <= high
    assert hits / repeats >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / repeats)


def test_the_spread_of_a_tally_is_raw_and_is_shown_from_zero():
    rng = np.random.default_rng(3)
    equal, unequal = people([0.3] * 8, 150, rng), people(np.linspace(0.1, 0.6, 8), 150, rng)
    for view in (equal, unequal):
        k, n = view.people()[:, 1].astype(float), view.people().sum(axis=1).astype(float)
        found = spread(view, "prevalence", SETTINGS)
        assert (found.naive, found.corrected) == pytest.approx([float(x) for x in between(k / n, rate_noise(k, n))])
        assert found.low < found.corrected < found.high
        assert len(found.groups) == 8
        assert found == spread(view, "prevalence", SETTINGS)
        assert found.shown == pytest.approx(math.sqrt(max(found.corrected, 0)))
    assert spread(equal, "prevalence", SETTINGS).low < 0  # not cut off
    assert spread(unequal, "prevalence", SETTINGS).low > 0.01
    auroc = spread(unequal, "auroc", SETTINGS)
    assert auroc.low < 0 < auroc.naive < auroc.high + auroc.naive


def test_too_few_groups_have_no_spread_and_who_is_left_out_is_named():
    rng = np.random.default_rng(4)
    view = people([0.5, 0.0], 60, rng)
    found = spread(view, "sensitivity", SETTINGS)
    assert math.isnan(found.corrected)
    assert math.isnan(found.shown)
    assert found.left_out == ("1",)
    with pytest.raises(PrimumError, match="sensitivty"):
        spread(view, "sensitivty", SETTINGS)
