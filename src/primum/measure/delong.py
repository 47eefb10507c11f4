"""The interval of AUROC from the tally."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, stdtrit

from primum.measure.intervals import z_value
from primum.measure.ranking import auroc
from primum.tally.resample import Histogram


def delong_variance(h: Histogram) -> float:
    """Return the DeLong variance of AUROC; NaN with fewer than two events or non-events."""
    return delong(h)[0]


def delong(h: Histogram) -> tuple[float, float]:
    """Return the DeLong variance of AUROC and its degrees of freedom (Satterthwaite); NaN where people are too few.

    With weights, the variance of the weighted Mann-Whitney statistic by linearisation (effective sample sizes).
    Source: DeLong et al. (1988), Biometrics 44:837-845.
    """
    zero, one = h.w[0], h.w[1]
    nothing = float("nan"), float("nan")
    if h.n[0].sum() < 2 or h.n[1].sum() < 2:
        return nothing
    a = float(auroc(h))
    below = (np.cumsum(zero) - zero / 2) / zero.sum()  # placement of each event
    above = (one[::-1].cumsum()[::-1] - one / 2) / one.sum()  # placement of each non-event
    parts, spread = [], []
    for place, w, ww in ((below, one, h.ww[1]), (above, zero, h.ww[0])):
        effective = w.sum() ** 2 / ww.sum()
        if effective < 1.01:  # the weight of one person is all there is
            return nothing
        parts.append(float((ww * (place - a) ** 2).sum() / w.sum() ** 2 * effective / (effective - 1)))
        spread.append(parts[-1] ** 2 / (effective - 1))
    return sum(parts), sum(parts) ** 2 / sum(spread) if sum(spread) > 0 else float("nan")


def auroc_interval(h: Histogram, level: float) -> tuple[float, float, str]:
    """Return low, high and the method: DeLong on the logit scale; Newcombe's score method where DeLong breaks down.

    The quantile is Student's t with Satterthwaite's degrees of freedom: with five events the normal quantile covers
    .85 to .90 instead of .95, the t quantile .92 to .95. DeLong's variance is 0 for perfect separation and
    undefined for a single event: an interval [1, 1] from three patients would be a lie, so Newcombe's method 5 takes
    over there.
    Source: Newcombe (2006), Stat Med 25:559-573.
    """
    a = float(auroc(h))
    variance, df = delong(h)
    if np.isfinite(variance) and variance > 0 and 0 < a < 1:
        half = float(stdtrit(df, 0.5 + level / 2)) * np.sqrt(variance) / (a * (1 - a))
        return float(expit(logit(a) - half)), float(expit(logit(a) + half)), "DeLong"
    effective = [float(h.w[y].sum() ** 2 / h.ww[y].sum()) for y in (0, 1)]
    low, high = newcombe(a, effective[1], effective[0], level)
    return low, high, "Newcombe"


def newcombe(a: float, events: float, nonevents: float, level: float) -> tuple[float, float]:
    """Return Newcombe's method 5 score interval of an AUROC `a`."""
    z = z_value(level)
    mean = (events + nonevents) / 2 - 1

    def gap(theta: float) -> float:
        spread = 1 + mean * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (a - theta) ** 2 - z**2 * theta * (1 - theta) / (events * nonevents) * spread

    def solve(inside: float, outside: float) -> float:
        if gap(outside) <= 0:
            return outside
        for _ in range(80):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if gap(middle) <= 0 else (inside, middle)
        return (inside + outside) / 2

    return (0.0 if a <= 0 else solve(a, 0.0)), (1.0 if a >= 1 else solve(a, 1.0))
