"""Between-group spread: how much groups truly differ, once the noise of small groups is taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.estimate import Settings
from primum.measure.kernel import divide
from primum.measure.metric import metric
from primum.measure.sides import sides, stream
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Between-group variance of one metric.

    Attributes
    ----------
    naive
        Variance of the group values: too large, the more so the smaller the groups.
    corrected, low, high
        Less the noise; may be negative, which says "no more spread than chance". NaN with fewer than two groups.
    shown
        √max(corrected, 0): a standard deviation on the metric's own scale, for display only.
    groups, left_out
        Names of the groups that count, and of those without a value.
    """

    metric: str
    naive: float
    corrected: float
    low: float
    high: float
    level: float
    groups: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def shown(self) -> float:
        """The standard deviation between groups, 0 where the corrected variance is negative."""
        return float(np.sqrt(max(self.corrected, 0.0))) if np.isfinite(self.corrected) else float("nan")


def rate_noise(k: Any, n: Any) -> Floats:
    """Return the unbiased variance of the rate k/n, p(1 − p)/(n − 1); NaN below two people."""
    p = divide(k, n)
    return divide(p * (1 - p), np.asarray(n, dtype=np.float64) - 1)


def between(value: Any, noise: Any) -> tuple[Floats, Floats]:
    """Return naive and corrected between-group variance over the last axis, shape (...,).

    V̂ = Σ(ȳₖ − ȳ)²/(K − 1) − (1/K) Σ s²ₖ/nₖ: unbiased for the variance of the K true values, each group counting the
    same whatever its size. `noise` is s²ₖ/nₖ. Source: Lum, Zhang & Bower (2022). Not valid for groups that share
    people, nor when the noise itself is a guess (one or two people).
    """
    value, noise = np.asarray(value, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    naive = value.var(axis=-1, ddof=1)
    return naive, naive - noise.mean(axis=-1)


def spread_interval(draws: Floats, draw_noise: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of the double-corrected bootstrap of the between-group variance.

    Replicates carry the noise twice, once from the people and once from the resampling, so it is subtracted twice.

    Parameters
    ----------
    draws, draw_noise
        Values of the K groups and their noise in each replicate, shape (replicates, K).

    Notes
    -----
    Not valid as a test of "no spread" (use `equality`): a variance at its lower end has no normal error, and the
    interval then covers 0 more often than it says. With K = 2 or 3 groups, it is very wide, as it must be.
    """
    twice = draws.var(axis=-1, ddof=1) - 2 * draw_noise.mean(axis=-1)
    low, high = np.quantile(twice, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def spread(view: ScoreTally, name: str, settings: Settings) -> Spread:
    """Return the between-group variance of one metric with its interval.

    Rates are redrawn from their (effective) counts, other metrics from a normal distribution with the standard error
    of their interval. Not valid for those in groups with fewer than about ten events.

    Raises
    ------
    PrimumError
        For an unknown metric, or one of a decision without a threshold.
    """
    m = metric(name)
    s = sides(view, m, settings)
    known = np.flatnonzero([not r for r in s.reason])
    value, size = s.value[known], s.size[known]
    if m.rate is not None:
        noise = rate_noise(value * size, size)
    else:
        low, high = s.limits(known, 1.0, safe=False)
        noise = ((high - low) / 2) ** 2
    fine = np.isfinite(noise)
    known, value, size, noise = known[fine], value[fine], size[fine], noise[fine]
    names = tuple(s.groups[i] for i in known)
    out = tuple(g for g in s.groups if g not in names)
    nan = float("nan")
    if len(known) < 2:
        return Spread(name, nan, nan, nan, nan, settings.level, names, out)
    rng, shape = stream(view, settings, f"spread {name}"), (settings.replicates, len(known))
    if m.rate is not None:
        n = np.maximum(np.rint(size), 2).astype(np.int64)
        drawn = rng.binomial(n, value, size=shape)
        draws, draw_noise = drawn / n, rate_noise(drawn, n) * (n - 1) / (size - 1)
    else:
        draws, draw_noise = value + rng.standard_normal(shape) * np.sqrt(noise), np.broadcast_to(noise, shape)
    naive, corrected = between(value, noise)
    low, high = spread_interval(draws, draw_noise, settings.level)
    return Spread(name, float(naive), float(corrected), low, high, settings.level, names, out)
