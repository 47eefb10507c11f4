"""Logistic recalibration of many groups at once, each drawn towards everyone's by as much as chance explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.learn.calibrate import LEAST_SLOPE, expit, logit, recalibrate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PRIOR_SPREAD = 0.25
STEPS, POLISH, CLOSE = 300, 30, 1e-10


@dataclass(frozen=True)
class ShrunkenFits:
    """Risk = expit(intercept + slope · logit(score)), by group.

    Attributes
    ----------
    intercept, slope
        Shape (groups,).
    kept
        How much of each group's own deviation (intercept, slope) is kept: 0 = everyone's, 1 = its own; shape
        (groups, 2), the slope's is 0 where slopes do not differ.
    pooled
        Everyone's intercept and slope.
    spread
        Standard deviation between groups of the intercept (at the mean score) and of the slope.
    """

    intercept: Floats
    slope: Floats
    kept: Floats
    pooled: tuple[float, float]
    spread: tuple[float, float]

    def apply(self, score: Floats, at: Ints) -> Floats:
        """Return the recalibrated risk of people in groups `at`, shape (people,)."""
        return expit(self.intercept[at] + self.slope[at] * logit(score))


def shrunken_fits(
    score: Floats, outcome: npt.ArrayLike, at: Ints, groups: int, *, weight: Floats | None = None, slopes: bool = True
) -> ShrunkenFits:
    """Fit everyone's intercept and slope, then each group's deviations from them, shrunk by empirical Bayes.

    Deviations are normal around 0; each group's is its posterior mode. The variance between groups is
    (s² + Σ deviation²) / (1 + Σ kept), the fixed point of Fellner and Schall (MacKay), as if one further group had
    been seen with a deviation of s = 0.25 (log-odds; slope): so two large groups that happen to agree do not forbid
    a third to differ. A group with few events, or none of them, keeps everyone's calibration. Weights count
    relative to their mean. The slope stays at 0.01 or above, so that the order within a group is kept.
    Sources: Fellner (1986), Technometrics 28:51-60; Schall (1991), Biometrika 78:719-727.

    Parameters
    ----------
    score
        Probabilities from a model not trained on these people, shape (people,).
    outcome
        0/1, shape (people,).
    at
        Group of each person, 0 to groups − 1.
    groups
        Number of groups, each with at least one person.
    weight
        Sample weights.
    slopes
        Whether slopes may differ between groups.
    """
    y = np.asarray(outcome, dtype=np.float64)
    w = np.ones_like(y) if weight is None else weight * (weight.size / weight.sum())
    everyone = recalibrate(score, y, w)
    x = logit(score)
    centre = float(np.average(x, weights=w))
    z = x - centre
    start = everyone.intercept + everyone.slope * centre
    u, v = np.zeros(groups), np.zeros(groups)
    between = np.array([PRIOR_SPREAD**2, PRIOR_SPREAD**2])
    keep = np.zeros((groups, 2))

    def climb(*, slope_too: bool) -> tuple[float, Floats]:
        """Take one damped Newton step for all groups; return its size and the posterior variances."""
        nonlocal u, v
        p = expit(start + u[at] + (everyone.slope + v[at]) * z)
        r, q = w * (y - p), w * p * (1 - p)
        g0, g1, h00, h01, h11 = (np.bincount(at, k, groups) for k in (r, r * z, q, q * z, q * z * z))
        g0, h00 = g0 - u / between[0], h00 + 1 / between[0]
        if not slope_too:
            du = np.clip(g0 / h00, -1, 1)
            u = u + du
            return float(np.abs(du).max()), np.stack([1 / h00, np.full(groups, between[1])], 1)
        g1, h11 = g1 - v / between[1], h11 + 1 / between[1]
        det = h00 * h11 - h01**2
        du, dv = (np.clip(d / det, -1, 1) for d in (h11 * g0 - h01 * g1, h00 * g1 - h01 * g0))
        u, v = u + du, v + dv
        return float(max(np.abs(du).max(), np.abs(dv).max())), np.stack([h11 / det, h00 / det], 1)

    for _ in range(STEPS):
        moved, variance = climb(slope_too=slopes)
        keep = np.clip(1 - variance / between, 0, 1)
        squares = PRIOR_SPREAD**2 + np.array([u @ u, v @ v])
        fresh = squares / (1 + keep.sum(0))
        change = np.abs(fresh / between - 1).max()
        between = fresh
        if moved < 1e-7 and change < 1e-7:
            break
    floor = LEAST_SLOPE - everyone.slope
    if (v < floor).any():
        v = np.maximum(v, floor)
    for _ in range(POLISH):
        if climb(slope_too=slopes and not (v <= floor).any())[0] < CLOSE:
            break
    slope = np.maximum(everyone.slope + v, LEAST_SLOPE)
    return ShrunkenFits(
        intercept=start + u - slope * centre,
        slope=slope,
        kept=keep,
        pooled=(everyone.intercept, everyone.slope),
        spread=(float(np.sqrt(between[0])), float(np.sqrt(between[1])) if slopes else 0.0),
    )
