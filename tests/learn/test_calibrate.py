"""Recalibration on the log-odds scale."""

from __future__ import annotations

import numpy as np
import pytest

from primum.learn.calibrate import LEAST_SLOPE, expit, logit, recalibrate


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-1, 1.2, n))
    return risk, (rng.random(n) < risk).astype(int), rng


def test_a_known_distortion_is_undone():
    risk, y, _ = draw(200_000)
    distorted = expit((logit(risk) - 0.7) / 0.5)
    fix = recalibrate(distorted, y)
    assert fix.slope == pytest.approx(0.5, abs=0.01)
    assert fix.intercept == pytest.approx(0.7, abs=0.02)
    np.testing.assert_allclose(fix.apply(distorted), risk, atol=0.01)


def test_it_agrees_with_unpenalised_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    risk, y, rng = draw(3000, seed=2)
    w = rng.uniform(0.2, 3, len(y))
    fix = recalibrate(risk**2, y, w)
    oracle = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(logit(risk**2)[:, None], y, sample_weight=w)
    assert fix.slope == pytest.approx(oracle.coef_[0, 0], rel=5e-3)  # the prior is worth one person
    assert fix.intercept == pytest.approx(oracle.intercept_[0], abs=5e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_risk_is_the_share_with_the_outcome(weighted):
    risk, y, rng = draw(500, seed=3)
    w = rng.uniform(0.1, 5, len(y)) if weighted else np.ones(len(y))
    fixed = recalibrate(risk / 3, y, w if weighted else None).apply(risk / 3)
    assert np.average(fixed, weights=w) == pytest.approx(np.average(y, weights=w), abs=1e-9)


def test_complete_separation_stays_finite():
    y = np.repeat([0, 1], 10)
    fix = recalibrate(np.repeat([0.4, 0.6], 10), y)
    assert 1 < fix.slope < 50
    assert np.isfinite(fix.apply(np.array([0.0, 1.0]))).all()


def test_order_is_never_turned_around():
    risk, y, _ = draw(2000, seed=4)
    fix = recalibrate(1 - risk, y)
    assert fix.slope == LEAST_SLOPE
    assert fix.apply(1 - risk).mean() == pytest.approx(y.mean(), abs=1e-9)
    assert (np.diff(fix.apply(np.sort(risk))) >= 0).all()


def test_the_same_score_for_everybody():
    y = np.repeat([0, 1], [90, 10])
    fix = recalibrate(np.full(100, 0.5), y)
    assert fix.apply(np.array([0.5])) == pytest.approx(0.1)


def test_scores_of_0_and_1_are_kept_finite():
    y = np.array([0, 1] * 50)
    score = np.where(np.arange(100) < 50, y, 1 - y).astype(float)
    assert np.isfinite(recalibrate(score, y).apply(score)).all()
