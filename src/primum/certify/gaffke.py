"""Gaffke's bound: weigh the data at random together with one patient who fared as badly as possible."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from primum.certify.gamma_sum import below_zero
from primum.certify.level import checked, settled
from primum.certify.sample import Sample

Floats = npt.NDArray[np.float64]

AT_ONCE = 10_000  # numbers of samples times values


def lower(sample: Sample, alpha: float, *, seed: int = 0) -> float:  # noqa: ARG001 - all bounds share a signature
    """Return Gaffke's one-sided 1 − α lower confidence bound on the mean.

    The α-quantile of Σ W_i d_(i), where d are the observations and one more at the least possible value, and
    W ~ Dirichlet(1, …, 1): a Bayesian bootstrap that includes one worst case. The quantile is computed, not drawn,
    so that `seed` changes nothing and two people get the same number. Without observations it is `sample.low`.

    Sources: Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
    variable; Learned-Miller & Thomas (2019), arXiv 1905.06208. For observations that are all either the least possible
    value or one other it is the exact bound of Clopper & Pearson. For other bounded observations the coverage is
    conjectured, not proven. NOT valid for related observations (count clusters as one) or limits chosen after looking.

    Raises
    ------
    PrimumError
        If α does not lie between 0 and 1.
    """
    checked(alpha)
    return float(lower_many(sample.counts[None, :], sample.values, (sample.low, sample.high), alpha)[0])


def p_value(sample: Sample, null: float, *, seed: int = 0) -> float:  # noqa: ARG001 - all bounds share a signature
    """Return the p-value of mean ≤ null: the probability that Σ W_i d_(i) ≤ null. See `lower`."""
    known = settled(sample, null)
    if known is not None:
        return known
    return float(p_many(sample.counts[None, :], sample.values, (sample.low, sample.high), null)[0])


def p_many(
    counts: npt.ArrayLike,
    values: Floats,
    limits: tuple[float, float],
    null: float | Floats,
    *,
    seed: int = 0,  # noqa: ARG001 - all bounds share a signature
) -> Floats:
    """Return the p-values of many samples of the same values: P(Σ G_j (v_j − null) ≤ 0), G_j ~ Gamma(count_j).

    Parameters
    ----------
    counts
        How many units have each value, shape (samples, k).
    values
        Distinct values in increasing order, none below `low`, shape (k,).
    limits
        The least and the greatest possible value; the greatest plays no part.
    null
        The mean under the null hypothesis, within the limits: a number or shape (samples,).
    seed
        Plays no part.

    Returns
    -------
    Floats
        Shape (samples,).
    """
    low, counts = limits[0], np.asarray(counts, dtype=np.float64)
    seen = counts.any(axis=0)
    counts, values = counts[:, seen], np.asarray(values)[seen]
    null = np.broadcast_to(np.asarray(null, dtype=np.float64), counts.shape[:1])
    above = np.where(counts > 0, values, low).max(axis=-1, initial=low)
    open_ = (above > null) & (null > low)
    p = np.where(above > null, 0.0, 1.0)  # all at or below the null: certain; the null at the least value: impossible
    for rows in _chunks(np.flatnonzero(open_), counts.shape[1]):
        reach = (null[rows] - low)[:, None]
        a = np.concatenate([np.full_like(reach, -1.0), (values - null[rows, None]) / reach], axis=1)
        p[rows] = below_zero(np.concatenate([np.ones_like(reach), counts[rows]], axis=1), a)
    return p


def lower_many(counts: npt.ArrayLike, values: Floats, limits: tuple[float, float], alpha: float) -> Floats:
    """Return the lower bounds of many samples of the same values; parameters as in `p_many`, shape (samples,).

    The null value at which p = α. The normal quantile of p is nearly a straight line in the null value, along which
    secants run; halving a bracket is the fallback.
    """
    from scipy.special import ndtri

    low, counts = limits[0], np.asarray(counts, dtype=np.int64)
    result = np.full(len(counts), low, dtype=np.float64)
    top = np.where(counts > 0, values, low).max(axis=-1, initial=low)
    todo = np.flatnonzero(top > low)
    n = counts[todo].sum(-1)
    mean = (counts[todo] @ values + low) / (n + 1)
    squares = (counts[todo] * (values - mean[:, None]) ** 2).sum(-1) + (low - mean) ** 2
    spread = np.sqrt(squares / (n + 1) / (n + 2))  # mean and sd of the random mean
    left, right, target = np.full(len(todo), low, dtype=np.float64), top[todo], float(ndtri(alpha))
    now, slope = mean + target * spread, 1 / spread
    now = np.where((now > left) & (now < right), now, (left + right) / 2)
    active, before, height = np.arange(len(todo)), now.copy(), np.full(len(todo), np.nan)
    for _ in range(100):
        i = active
        z = ndtri(p_many(counts[todo[i]], values, limits, now[i])) - target
        right[i], left[i] = np.where(z >= 0, now[i], right[i]), np.where(z < 0, now[i], left[i])
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (z - height[i]) / (now[i] - before[i])
            slope[i] = np.where(np.isfinite(found) & (found > 0), found, slope[i])
            step = now[i] - z / slope[i]
        before[i], height[i] = now[i], z
        inside = (step > left[i]) & (step < right[i])
        done = (np.abs(z) < 1e-11) | (right[i] - left[i] <= 1e-14 * (top[todo[i]] - low))
        now[i] = np.where(done, now[i], np.where(inside, step, (left[i] + right[i]) / 2))
        active = i[~done]
        if not active.size:
            break
    result[todo] = now
    return result


def _chunks(rows: npt.NDArray[np.int64], k: int) -> Iterator[npt.NDArray[np.int64]]:
    """Return the rows in parts small enough for memory."""
    size = max(1, AT_ONCE // max(k, 1))
    return (rows[i : i + size] for i in range(0, len(rows), size))
