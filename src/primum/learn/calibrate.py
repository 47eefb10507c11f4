"""Calibration on the log-odds scale: two numbers, learned from people the model has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TINY = 1e-7
PRIOR = 1.0
LEAST_SLOPE = 0.01


@dataclass(frozen=True)
class Recalibration:
    """Risk = expit(intercept + slope * logit(score)); the slope is positive, so nobody changes places."""

    intercept: float
    slope: float

    def apply(self, score: np.ndarray) -> np.ndarray:
        """Return the recalibrated risks, in [0, 1], in the shape of `score`."""
        return expit(self.intercept + self.slope * logit(score))


def logit(p: np.ndarray) -> np.ndarray:
    """Return the log odds of `p`, kept finite."""
    p = np.clip(p, TINY, 1 - TINY)
    return np.asarray(np.log(p) - np.log1p(-p))


def expit(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def recalibrate(score: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None) -> Recalibration:
    """Fit intercept and slope by maximum likelihood (Cox 1958; Platt 1999; Steyerberg 2019).

    A weak prior (one person's worth, around slope 1) keeps the slope finite when the score separates a small
    sample completely. The intercept has no prior, so the mean risk equals the share with the outcome. A slope
    at or below zero, as a model without signal may earn, becomes `LEAST_SLOPE`: recalibration never turns the
    order of the model around.

    Parameters
    ----------
    score
        (people,) probabilities from a model that was not trained on these people.
    outcome
        (people,) 0 or 1; both occur.
    weight
        (people,) sample weights.
    """
    x, y = logit(score), np.asarray(outcome, dtype=float)
    w = np.ones_like(y) if weight is None else np.asarray(weight, dtype=float)
    start = float(logit(np.asarray(np.average(y, weights=w))))
    fitted = _newton(np.array([start, 0.0]), x, y, w)
    if fitted[1] >= LEAST_SLOPE:
        return Recalibration(float(fitted[0]), float(fitted[1]))
    held = _newton(np.array([start, LEAST_SLOPE]), x, y, w, free=1)
    return Recalibration(float(held[0]), LEAST_SLOPE)


def _newton(beta: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, *, free: int = 2) -> np.ndarray:
    """Climb the penalised likelihood by damped Newton steps, over the first `free` coefficients."""
    design = np.stack([np.ones_like(x), x], axis=1)

    def loss(b: np.ndarray) -> float:
        eta = design @ b
        return float(w @ (np.logaddexp(0, eta) - y * eta) + PRIOR * (b[1] - 1) ** 2 / 2)

    for _ in range(100):
        p = expit(design @ beta)
        slope = design.T @ (w * (p - y)) + PRIOR * np.array([0.0, beta[1] - 1])
        curve = (design * (w * p * (1 - p))[:, None]).T @ design + np.diag([TINY, PRIOR])
        step = np.zeros(2)
        step[:free] = np.linalg.solve(curve[:free, :free], slope[:free])
        here, size = loss(beta), 1.0
        while loss(beta - size * step) > here and size > TINY:
            size /= 2
        beta = beta - size * step
        if np.abs(size * step).max() < 1e-10:
            break
    return beta
