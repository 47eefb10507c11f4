"""Many comparisons at once: adjusted p-values and one critical value for all of them. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
FEW = 200


@dataclass(frozen=True)
class MaxT:
    """What `max_t` found: one critical value for every |T| and the adjusted p-values, shape (comparisons,)."""

    critical: float
    adjusted: Floats


def holm(p: npt.ArrayLike) -> Floats:
    """Return Holm's adjusted p-values, shape (comparisons,); reject where they are ≤ α. NaN stays NaN, uncounted.

    Controls the chance of any false rejection under every dependence between the comparisons.
    Source: Holm (1979), Scand J Stat 6:65-70. Not valid when the p-values themselves are not (small counts with a
    normal approximation), nor when the comparisons were chosen after seeing them.
    """
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    result = np.full(p.shape, np.nan)
    result[order] = np.minimum(steps, 1.0)
    return result


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Return q-values, shape (comparisons,): the false-discovery rate at which each would be called. NaN stays NaN.

    Source: Benjamini & Hochberg (1995), J R Stat Soc B 57:289-300. For exploration: it bounds the expected share of
    false calls, not the chance of one. Not valid under negative dependence (each group against everyone else has a
    little of it; the excess is then at most 1 + ½ + … + 1/m, and in simulation nil), nor for invalid p-values.
    """
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    m = len(order)
    steps = p[order] * m / np.arange(1, m + 1)
    result = np.full(p.shape, np.nan)
    result[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return result


def max_t(estimates: npt.ArrayLike, draws: npt.ArrayLike, se: npt.ArrayLike, level: float = 0.95) -> MaxT:
    """Return the single-step max-T critical value and the adjusted p-values of "each of the estimates is 0".

    Parameters
    ----------
    estimates, se
        Shape (comparisons,). Comparisons whose estimate is NaN or whose `se` is not above 0 are passed over (NaN).
    draws
        Bootstrap replicates of the estimates, shape (replicates, comparisons), with all comparisons of one replicate
        from the same resample: their dependence is what makes this sharper than Bonferroni. NaN: not drawn.
    level
        Simultaneous level; the critical value c satisfies |T| > c exactly where the adjusted p is ≤ 1 − level.

    Notes
    -----
    Source: Westfall & Young (1993), Resampling-Based Multiple Testing. Not valid with fewer than about 20 / (1 − level)
    replicates, nor when single draws are far from normal (a handful of events): there one small group sets the
    critical value of all. `gaussian` removes that; the limits must then be right for small counts by themselves.
    """
    estimates, draws, se = (np.asarray(x, dtype=np.float64) for x in (estimates, draws, se))
    known = np.isfinite(estimates) & (se > 0)
    adjusted = np.full(estimates.shape, np.nan)
    if not known.any():
        return MaxT(float("nan"), adjusted)
    t = np.abs(draws[:, known] - estimates[known]) / se[known]
    largest = np.sort(np.where(np.isnan(t), 0.0, t).max(axis=1))
    size = len(largest)
    beyond = size - np.searchsorted(largest, np.abs(estimates[known]) / se[known], side="left")
    adjusted[known] = (1 + beyond) / (size + 1)
    allowed = int(np.floor((1 - level) * (size + 1) * (1 + 1e-12))) - 1  # this many may lie beyond
    critical = largest[size - 1 - allowed] if allowed >= 0 else np.inf
    return MaxT(float(critical), adjusted)


def gaussian(draws: npt.ArrayLike, replicates: int, rng: np.random.Generator) -> Floats:
    """Return standard normal draws with the correlations of `draws`, shape (replicates, comparisons).

    Each new row is a random normal combination of the standardised old ones (a multiplier bootstrap), so no replicate
    of a small, skewed cell can dominate the largest. A column that does not vary becomes independent noise.
    Source: Chernozhukov, Chetverikov & Kato (2013), Ann Stat 41:2786-2819. Not valid as a description of the tails of
    a single small group: only the dependence is kept.
    """
    draws = np.asarray(draws, dtype=np.float64)
    known = np.isfinite(draws)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, draws - np.where(known, draws, 0.0).sum(axis=0) / count, 0.0)
    norm = np.sqrt(np.square(centred).sum(axis=0))
    size = np.abs(np.where(known, draws, 0.0)).max(axis=0, initial=0.0)
    flat = norm <= 1e-12 * np.maximum(size, 1e-300) * np.sqrt(count)
    unit = centred / np.where(flat, 1.0, norm)
    if unit.shape[1] <= FEW:  # a square root of the correlations does the same with less work
        power, axes = np.linalg.eigh(unit.T @ unit)
        unit = np.sqrt(np.maximum(power, 0.0))[:, None] * axes.T
    result = rng.standard_normal((replicates, unit.shape[0])) @ unit
    result[:, flat] = rng.standard_normal((replicates, int(flat.sum())))
    return np.asarray(result, dtype=np.float64)
