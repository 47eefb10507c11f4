"""Betting: how much one would have won by betting, patient after patient, that the mean is above a null value."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from primum.certify.level import checked, settled
from primum.certify.sample import Sample

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

ORDERS = 10  # random orders whose e-values are averaged
AIM = 0.05  # the level at which stakes aim; valid at any other
CAUTION = 0.75  # the share of the wealth that one patient may cost at most
START = (0.5, 0.25)  # mean and variance of X ∈ [0, 1] before the first patient
GROWTH = 50  # in large samples a stake is renewed after every further 1/50 of the patients
SALT = 20240215
AT_ONCE = 5_000_000  # numbers held at a time


def lower(sample: Sample, alpha: float, *, seed: int = 0) -> float:
    """Return the one-sided 1 − α lower confidence bound on the mean from a bet.

    With X = (d − low)/(high − low) and m the null on that scale, the wealth E = Π (1 + λ_t (X_t − m)) has expectation
    at most 1 if the mean is not above the null, so 1/E is a p-value (Markov); the bound is the null at which E = 1/α.
    The stake λ_t = min(√(2 ln(1/.05) / (n σ̂²_{t−1})), .75/m) knows earlier patients only, by their running variance.
    A sample has no order, so E is the average over ten random orders: an average of e-values is one.

    Source: Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting, J R Stat Soc B
    86:1-27. Proven for every n and every distribution within the limits, for independent observations (cluster by
    cluster otherwise) and limits declared beforehand. The price is power: about that of a test at a smaller level.

    Raises
    ------
    PrimumError
        If α does not lie between 0 and 1.
    """
    from scipy.optimize import brentq

    checked(alpha)
    if sample.n == 0 or sample.high <= sample.low:
        return sample.low
    bets, target = _bets_on(sample, seed), math.log(1 / alpha)
    if _log_e(*bets, 0.0)[0] <= target:
        return sample.low
    m = brentq(lambda m: float(_log_e(*bets, m)[0]) - target, 0.0, 1.0, xtol=1e-14)
    return sample.low + float(m) * (sample.high - sample.low)


def p_value(sample: Sample, null: float, *, seed: int = 0) -> float:
    """Return the p-value of mean ≤ null, min(1, 1/E), from the same orders as `lower`."""
    known = settled(sample, null)
    if known is not None:
        return known
    return float(_p(_log_e(*_bets_on(sample, seed), (null - sample.low) / (sample.high - sample.low)))[0])


def e_value(sample: Sample, null: float, *, seed: int = 0) -> float:
    """Return E itself, evidence against mean ≤ null: expectation at most 1 under the null, so that averages are valid.

    Where the limits alone decide it is infinite or, with nothing to be learnt, 1.
    """
    return evidence(sample, seed=seed)(null)


def evidence(sample: Sample, *, seed: int = 0) -> Callable[[float], float]:
    """Return `e_value` as a function of the null: the orders are drawn once."""
    if not sample.n:
        return lambda null: 1.0 if settled(sample, null) else math.inf
    bets = _bets_on(sample, seed)

    def against(null: float) -> float:
        known = settled(sample, null)
        if known is not None:
            return 1.0 if known else math.inf
        with np.errstate(over="ignore"):
            return float(np.exp(_log_e(*bets, (null - sample.low) / (sample.high - sample.low)))[0])

    return against


def p_many(counts: npt.ArrayLike, values: Floats, limits: tuple[float, float], null: float, *, seed: int = 0) -> Floats:
    """Return the p-values of many samples of the same size and values; counts of shape (samples, k).

    Each has random orders of its own, so that only the first has those of `p_value`.
    """
    counts, rng = np.asarray(counts, dtype=np.int64), np.random.default_rng([seed, SALT])
    low, high = limits
    x, m = (values - low) / (high - low), (null - low) / (high - low)
    n = int(counts[0].sum())
    size = max(1, AT_ONCE // (ORDERS * min(n, len(_block_sizes(n)) * len(x)) + 1))
    parts = (counts[i : i + size] for i in range(0, len(counts), size))
    return np.concatenate([_p(_log_e(*_bets(part, x, rng), m)) for part in parts])


def _p(log_e: Floats) -> Floats:
    """Return min(1, 1/E)."""
    return np.exp(-np.maximum(log_e, 0.0))


def _bets_on(sample: Sample, seed: int) -> tuple[Floats, Counts, Floats]:
    """Return the bets on one sample."""
    x = (sample.values - sample.low) / (sample.high - sample.low)
    return _bets(sample.counts[None, :], x, np.random.default_rng([seed, SALT]))


def _bets(counts: Counts, x: Floats, rng: np.random.Generator) -> tuple[Floats, Counts, Floats]:
    """Return what is bet on, in random orders: values, how many share the stake, and the stake before its cap.

    Shapes (samples, orders, items), or what broadcasts to it. Patient by patient in small samples; in large ones by
    blocks of patients, an item being one value in one block, so that half a billion cost as much as some thousands.
    """
    n = int(counts[0].sum())
    sizes = _block_sizes(n)
    if n <= len(sizes) * len(x):
        each = np.stack([np.repeat(np.arange(len(x)), c) for c in counts])
        values = x[rng.permuted(np.repeat(each[:, None, :], ORDERS, axis=1), axis=-1)]
        return values, np.ones(1, dtype=np.int64), _stakes(np.ones(n, dtype=np.int64), values, values**2)
    blocks = _ordered(counts, sizes, rng)
    stakes = _stakes(sizes, blocks @ x, blocks @ x**2)
    shape = (*blocks.shape[:2], -1)
    return np.tile(x, len(sizes)), blocks.reshape(shape), np.repeat(stakes, len(x), axis=-1)


def _block_sizes(n: int) -> Counts:
    """Return how many patients each block has: one at first, later 1/50 of those before."""
    sizes, seen = [], 0
    while seen < n:
        sizes.append(min(n - seen, max(1, seen // GROWTH)))
        seen += sizes[-1]
    return np.array(sizes, dtype=np.int64)


def _ordered(counts: Counts, sizes: Counts, rng: np.random.Generator) -> Counts:
    """Return the counts in each block of a random order, shape (samples, orders, blocks, k).

    Blocks are drawn one after another from those who are left.
    """
    left, blocks = np.repeat(counts[:, None, :], ORDERS, axis=1), []
    for size in sizes:
        taken = np.zeros_like(left)
        others, need = left.sum(-1), np.full(left.shape[:-1], size)
        for j in range(left.shape[-1]):
            others = others - left[..., j]
            taken[..., j] = rng.hypergeometric(left[..., j], others, need)
            need = need - taken[..., j]
        blocks.append(taken)
        left = left - taken
    return np.stack(blocks, axis=2)


def _stakes(sizes: Counts, sums: Floats, squares: Floats) -> Floats:
    """Return the stake on each block, before its cap, from what was seen before it; shape (..., blocks)."""
    seen, total = np.cumsum(sizes), np.cumsum(sums, axis=-1)
    mean = (START[0] + total) / (seen + 1)
    variance = (START[1] + np.cumsum(squares, axis=-1) - 2 * mean * total + seen * mean**2) / (seen + 1)
    before = np.concatenate([np.full_like(variance[..., :1], START[1]), variance[..., :-1]], axis=-1)
    return np.asarray(np.sqrt(2 * math.log(1 / AIM) / (seen[-1] * before)), dtype=np.float64)


def _log_e(values: Floats, shared: Counts, stakes: Floats, m: float) -> Floats:
    """Return the logarithm of the averaged wealth, shape (samples,)."""
    capped = np.minimum(stakes, CAUTION / m if m > 0 else np.inf)
    log_e = (shared * np.log1p(capped * (values - m))).sum(-1)
    top = log_e.max(axis=-1)
    return np.asarray(top + np.log(np.exp(log_e - top[..., None]).mean(-1)))
