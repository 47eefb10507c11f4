"""How many people an external validation needs for a wanted precision, by outcome prevalence and discrimination.

Source: Riley et al. (2021), Stat Med 40:4230-4251; (2024), BMJ 384:e074821.
"""

from __future__ import annotations

import numpy as np

from primum.measure.intervals import z_value


def n_observed_expected(prevalence: float, half_width: float, *, level: float = 0.95) -> float:
    """Return n for an O/E of 1 known to ± `half_width`: (1 − φ)/(φ·SE²); φ = .1 and SE = .051 need 3,461."""
    se = half_width / z_value(level)
    return (1 - prevalence) / (prevalence * se**2)


def se_auroc(n: float, prevalence: float, auroc: float) -> float:
    """Return the standard error of an AUROC (Newcombe's form of Hanley & McNeil's) with `n` people."""
    c, phi = auroc, prevalence
    spread = 1 + (n / 2 - 1) * (1 - c) / (2 - c) + (n / 2 - 1) * c / (1 + c)
    return float(np.sqrt(c * (1 - c) * spread / (n**2 * phi * (1 - phi))))


def n_auroc(prevalence: float, auroc: float, half_width: float, *, level: float = 0.95) -> float:
    """Return n for an AUROC known to ± `half_width`."""
    wanted = half_width / z_value(level)
    low, high = 2.0, 1e9
    for _ in range(200):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if se_auroc(middle, prevalence, auroc) <= wanted else (middle, high)
    return high


def n_slope(prevalence: float, auroc: float, half_width: float, *, level: float = 0.95) -> float:
    """Return n for a calibration slope of 1 known to ± `half_width`.

    The linear predictor is taken as normal with equal spread in people with and without the outcome, and calibrated;
    its spread then follows from the AUROC.
    """
    from scipy.special import expit, logit, ndtri

    se = half_width / z_value(level)
    sigma = np.sqrt(2) * ndtri(auroc)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    a = b = c = 0.0
    for share, shift in ((prevalence, 0.5), (1 - prevalence, -0.5)):
        lp = logit(prevalence) + shift * sigma**2 + sigma * nodes
        v = expit(lp) * (1 - expit(lp))
        a += share * float((weights * v).sum())
        b += share * float((weights * v * lp).sum())
        c += share * float((weights * v * lp**2).sum())
    return a / (se**2 * (a * c - b**2))


def n_rate(expected: float, half_width: float, *, level: float = 0.95) -> float:
    """Return the denominator for a rate known to ± `half_width` (Wilson)."""
    from primum.measure.intervals import wilson

    low, high = 1.0, 1e9
    for _ in range(200):
        middle = float(np.sqrt(low * high))
        bounds = wilson(expected * middle, middle, level)
        low, high = (low, middle) if float(bounds[1] - bounds[0]) / 2 <= half_width else (middle, high)
    return high
