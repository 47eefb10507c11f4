"""Student's t: the usual bound, here as a comparison only, because it certifies harm too often in small groups."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from primum.certify.level import checked, settled
from primum.certify.sample import Sample

Floats = npt.NDArray[np.float64]


def lower(sample: Sample, alpha: float, *, seed: int = 0) -> float:  # noqa: ARG001 - all bounds share a signature
    """Return the one-sided 1 − α lower limit, mean − t_{1−α, n−1} s/√n, not below the least possible value.

    NOT valid in small samples whose harms are rare: where no harmed patient happens to be drawn, s is far too small.
    With s = 0 the limit is the mean itself, as the usual analysis has it. Below two observations it is the least
    possible value. `seed` changes nothing.
    """
    from scipy.special import stdtrit

    checked(alpha)
    if sample.n < 2:
        return sample.low
    error = math.sqrt(sample.variance / sample.n) if (sample.counts > 0).sum() > 1 else 0.0
    return max(sample.low, float(sample.mean + stdtrit(sample.n - 1, alpha) * error))


def p_value(sample: Sample, null: float, *, seed: int = 0) -> float:  # noqa: ARG001 - all bounds share a signature
    """Return the one-sided p-value of mean ≤ null; with s = 0 it is 0 above the null and 1 otherwise."""
    known = settled(sample, null)
    if known is not None:
        return known
    return float(p_many(sample.counts[None, :], sample.values, (sample.low, sample.high), null)[0])


def p_many(counts: npt.ArrayLike, values: Floats, limits: tuple[float, float], null: float, *, seed: int = 0) -> Floats:  # noqa: ARG001
    """Return the p-values of many samples of the same values; counts of shape (samples, k), the null within limits."""
    from scipy.special import stdtr

    counts = np.asarray(counts, dtype=np.int64)
    n = counts.sum(-1)
    mean = counts @ values / np.maximum(n, 1)
    squares = np.einsum("rk,rk->r", counts, (values - mean[:, None]) ** 2)
    squares[(counts > 0).sum(-1) < 2] = 0.0  # all equal: rounding is no variance
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(squares / (n - 1) / n)
        t = (mean - null) / error
        p = np.where(error > 0, stdtr(n - 1, -t), np.where(mean > null, 0.0, 1.0))
    return np.where(n < 2, 1.0, p)
