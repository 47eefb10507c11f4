"""A proven bound for any bounded quantity: the worst sample that looks no worse than the one that was seen."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from primum.certify.level import checked, settled
from primum.certify.sample import Sample

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

DRAWS = 1999  # of the uniform order statistics
BETA = 0.001  # the quantile that orders samples: chosen for power where most differences are 0, never for validity
GROWTH = 1.01  # of the blocks of order statistics, away from both ends
SALT = 20210603


def lower(sample: Sample, alpha: float, *, seed: int = 0) -> float:
    r"""Return a one-sided 1 − α lower confidence bound on the mean with guaranteed coverage.

    The mirrored bound of Phan, Thomas & Learned-Miller (2021), Towards practical mean bounds for small samples, ICML,
    arXiv 2106.03163. Values are on the scale where `low` is 0 and `high` is 1, and sorted.

    *Induced mean.* If z_(i) = F⁻¹(U_(i)) with uniform order statistics U, the mean of F is at least
    m(z, U) = Σ z_(i) (U_(i+1) − U_(i)), U_(n+1) = 1: whatever lies below z_(1) is taken to be 0.
    *Order.* T(z) = Σ z_(i) (w_(i−1) − w_i), where w_i is the .001 quantile of 1 − U_(i+1), Beta(n − i, i + 1), and
    w_n = 0. This is the induced mean at fixed U, as in Anderson's bound, with equal local levels, so that few harms
    count almost as in Clopper & Pearson's bound.
    *Bound.* The α-quantile over U of B(x, U) = min {m(z, U): T(z) ≥ T(x)}.

    *Why it holds.* Let U′ be new and z = F⁻¹(U′). Where T(z) ≥ T(x), B(x, U′) ≤ m(z, U′) ≤ mean. So
    P(B(x, U′) ≤ mean) is at least the probability of a sample that looks as good as x, which is a p-value. Counting
    the sample itself among the draws, (1 + #)/(1 + draws), keeps it one whatever the number of draws.
    *Why it can be computed.* Both m and T are linear in the increments of z: the minimum is the lower convex envelope
    of the points (w_i, 1 − U_(i+1)) at T(x). Order statistics far from both ends are held in blocks, each block as
    the worst of its corners, which can only lower the bound.

    It is valid for independent observations only, with limits declared beforehand. It is much less powerful than
    Gaffke's bound in small groups: samples may look alike in T and differ much in mean.

    Raises
    ------
    PrimumError
        If α does not lie between 0 and 1.
    """
    checked(alpha)
    if sample.n == 0 or sample.high <= sample.low:
        return sample.low
    rank = int(np.searchsorted(np.arange(1, DRAWS + 2) / (DRAWS + 1), alpha))  # p-values that are below alpha
    if rank < 1:
        return sample.low
    means = _means(sample, seed)
    return float(np.partition(means, rank - 1)[rank - 1])


def p_value(sample: Sample, null: float, *, seed: int = 0) -> float:
    """Return the p-value of mean ≤ null, from the same draws as `lower`; it is never below 1/2000."""
    known = settled(sample, null)
    if known is not None:
        return known
    return float((1 + (_means(sample, seed) <= null).sum()) / (1 + DRAWS))


def p_many(counts: npt.ArrayLike, values: Floats, limits: tuple[float, float], null: float, *, seed: int = 0) -> Floats:
    """Return the p-values of many samples of the same size and values; counts of shape (samples, k).

    Turned round: each draw has a greatest T at which B ≤ null, so that the draws are gone through only once.
    """
    counts = np.asarray(counts, dtype=np.int64)
    low, high = limits
    m = (null - low) / (high - low)
    weight, above = _blocks(int(counts[0].sum()), seed)
    greatest = -_envelope(-above, np.broadcast_to(-weight, above.shape), -m)
    reached = np.searchsorted(np.sort(greatest), _order(counts, values, low, high), side="left")
    return np.asarray((1 + len(greatest) - reached) / (1 + len(greatest)), dtype=np.float64)


def _means(sample: Sample, seed: int) -> Floats:
    """Return B, on the sample's own scale, one a draw."""
    height = _order(sample.counts[None, :], sample.values, sample.low, sample.high)[0]
    return sample.low + _least_means(sample.n, float(height), seed) * (sample.high - sample.low)


def _order(counts: Counts, values: Floats, low: float, high: float) -> Floats:
    """Return T of each sample, shape (samples,): each step up in value, times the weight of those above it."""
    from scipy.special import betaincinv

    n = int(counts[0].sum())
    below = np.cumsum(counts, axis=1) - counts
    rest = np.maximum(n - below, 0)
    weight = np.where(rest > 0, betaincinv(np.maximum(rest, 1), below + 1, BETA), 0.0)
    steps = np.diff((values - low) / (high - low), prepend=0.0)
    return np.asarray(weight @ steps, dtype=np.float64)


@lru_cache(maxsize=2)
def _blocks(n: int, seed: int) -> tuple[Floats, Floats]:
    """Return the worst corner of each block: the weight w of its first, and drawn 1 − U of its last.

    Shapes (blocks,) and (draws, blocks). The last column is the sample of least values only, (0, 0).
    """
    from scipy.special import betaincinv

    half = [0]
    while half[-1] < n // 2:
        half.append(min(n // 2, max(half[-1] + 1, int(half[-1] * GROWTH))))
    starts = np.unique([*half, *(n - np.array(half))])
    starts = starts[starts < n]
    sizes = np.diff([*starts, n])
    rng = np.random.default_rng([seed, SALT, n])
    gaps = rng.standard_gamma(np.append(sizes, 1.0), size=(DRAWS, len(sizes) + 1))
    total = np.cumsum(gaps[:, ::-1], axis=1)[:, ::-1]
    above = total[:, 1:] / total[:, :1]  # 1 − U of the last order statistic in each block
    weight = betaincinv(n - starts, starts + 1.0, BETA)
    return np.append(weight, 0.0), np.concatenate([above, np.zeros((DRAWS, 1))], axis=1)


def _least_means(n: int, height: float, seed: int) -> Floats:
    """Return B for a sample of this T, one a draw."""
    weight, above = _blocks(n, seed)
    return _envelope(np.broadcast_to(weight, above.shape), above, min(height, float(weight[0])))


def _envelope(x: Floats, y: Floats, at: float) -> Floats:
    """Return the least mean of y among mixtures of points whose mean of x is at least `at`, one a row.

    Starts with the lowest point on the right, and turns the chord through `at` until no point lies below it.
    """
    right, gap = x >= at, np.abs(x - at)
    now: Floats = np.where(right, y, np.inf).min(axis=1)
    rows = np.arange(len(now))
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(200):
            slope = (y - now[:, None]) / np.where(right, gap, -gap)
            i = np.where(right & (gap > 0), slope, np.inf).argmin(axis=1)
            j = np.where(right, -np.inf, slope).argmax(axis=1)
            ends, near, far = ~right[rows, j] & right[rows, i], gap[rows, j], gap[rows, i]
            chord = np.where(ends, (y[rows, i] * near + y[rows, j] * far) / (near + far), np.inf)
            if not (chord < now - 1e-15).any():
                break
            now = np.minimum(now, chord)
    return now
