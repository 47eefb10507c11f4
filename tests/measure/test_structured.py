"""Structured estimates of intersections: additive truth, real interactions, goodness of fit."""

from __future__ import annotations

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.measure.structured import design, structured

LEVELS = [(sex, eth) for sex in "FM" for eth in "wxyz"]


def test_design_has_an_intercept_and_every_level_but_the_first():
    x = design(LEVELS)
    assert x.shape == (8, 1 + 1 + 3)
    assert np.linalg.matrix_rank(x) == 5


def test_agrees_with_weighted_least_squares_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    y, n = rng.uniform(0.6, 0.8, 8), rng.integers(30, 300, 8)
    found = structured(LEVELS, y, n, np.full(8, 0.2))
    if found.interaction == 0:
        oracle = sm.WLS(y, design(LEVELS), weights=n).fit()
        np.testing.assert_allclose(found.additive, oracle.fittedvalues, rtol=1e-8)
    v = 0.2 / n
    fitted = sm.WLS(y, design(LEVELS), weights=1 / v).fit().fittedvalues
    assert found.q == pytest.approx(((y - fitted) ** 2 / v).sum())
    assert found.df == 3


def test_small_cells_gain_when_effects_are_additive():
    rng = np.random.default_rng(7)
    truth = np.array([0.55 + 0.1 * (s == "M") + 0.05 * "wxyz".index(e) for s, e in LEVELS])
    n = np.array([400, 300, 40, 15, 400, 300, 40, 15])
    raw_error, own_error = [], []
    for _ in range(300):
        k = rng.binomial(n, truth)
        y = k / n
        found = structured(LEVELS, y, n, y * (1 - y))
        raw_error.append((y - truth) ** 2)
        own_error.append((found.value - truth) ** 2)
    assert np.mean(own_error, axis=0)[[3, 7]].sum() < 0.7 * np.mean(raw_error, axis=0)[[3, 7]].sum()


def test_goodness_of_fit_holds_its_level_and_finds_an_interaction():
    rng = np.random.default_rng(9)
    n = np.full(8, 150)
    additive = np.array([0.6 + 0.1 * (s == "M") for s, _ in LEVELS])
    crossed = additive.copy()
    crossed[0] -= 0.25

    def rejected(truth):
        count = 0
        for _ in range(300):
            y = rng.binomial(n, truth) / n
            count += structured(LEVELS, y, n, y * (1 - y)).p < 0.05
        return count / 300

    assert rejected(additive) < 0.09
    assert rejected(crossed) > 0.8


def test_an_empty_cell_gets_the_prediction_with_the_interaction_s_spread():
    y, n = np.array([0.6, 0.7, 0.65, np.nan, 0.7, 0.9, 0.5, 0.8]), np.array([90, 90, 90, 0, 90, 90, 90, 90])
    found = structured(LEVELS, y, n, np.full(8, 0.2))
    assert found.weight[3] == 0
    assert np.isfinite(found.value).all()
    assert found.high[3] - found.low[3] > found.high[0] - found.low[0]


def test_nobody_anywhere_is_told():
    with pytest.raises(PrimumError, match="No intersection has anybody in it"):
        structured(LEVELS, [np.nan] * 8, [0] * 8, [0.2] * 8)
