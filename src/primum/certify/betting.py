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
GROWTH = 50  # a stake is renewed after each patient at first, later after every further 1/50 of them
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
    bets, x = _bets(sample, seed)
    target = math.log(1 / alpha)
    if _log_e(*bets, x, 0.0)[0] <= target:
        return sample.low
    m = brentq(lambda m: float(_log_e(*bets, x, m)[0]) - target, 0.0, 1.0, xtol=1e-14)
    return sample.low + float(m) * (sample.high - sample.low)


def p_value(sample: Sample, null: float, *, seed: int = 0) -> float:
    """Return the p-value of mean ≤ null, min(1, 1/E), from the same orders as `lower`."""
    known = settled(sample, null)
    if known is not None:
        return known
    bets, x = _bets(sample, seed)
    return float(_p(_log_e(*bets, x, (null - sample.low) / (sample.high - sample.low)))[0])


def e_value(sample: Sample, null: float, *, seed: int = 0) -> float:
    """Return E itself, evidence against mean ≤ null: expectation at most 1 under the null, so that averages are valid.

    Where the limits alone decide it is infinite or, with nothing to be learnt, 1.
    """
    return evidence(sample, seed=seed)(null)


def evidence(sample: Sample, *, seed: int = 0) -> Callable[[float], float]:
    """Return `e_value` as a function of the null: the orders are drawn once."""
    if not sample.n:
        return lambda null: 1.0 if settled(sample, null) else math.inf
    bets, x = _bets(sample, seed)

    def against(null: float) -> float:
        known = settled(sample, null)
        if known is not None:
            return 1.0 if known else math.inf
        with np.errstate(over="ignore"):
            return float(np.exp(_log_e(*bets, x, (null - sample.low) / (sample.high - sample.low)))[0])

    return against


def p_many(counts: npt.ArrayLike, values: Floats, limits: tuple[float, float], null: float, *, seed: int = 0) -> Floats:
    """Return the p-values of many samples of the same size and values; counts of shape (samples, k).

    Each has random orders of its own, so that only the first has those of `p_value`.
    """
    counts, rng = np.asarray(counts, dtype=np.int64), np.random.default_rng([seed, SALT])
    low, high = limits
    x, m = (values - low) / (high - low), (null - low) / (high - low)
    blocks = GROWTH * (2 + math.log1p(int(counts[0].sum()) / GROWTH))
    size = max(1, int(AT_ONCE / (ORDERS * blocks * len(x))))
    parts = (counts[i : i + size] for i in range(0, len(counts), size))
    return np.concatenate([_p(_log_e(*_stakes(_ordered(part, rng), x), x, m)) for part in parts])


def _p(log_e: Floats) -> Floats:
    """Return min(1, 1/E)."""
    return np.exp(-np.maximum(log_e, 0.0))


def _bets(sample: Sample, seed: int) -> tuple[tuple[Counts, Floats], Floats]:
    """Return a sample's ordered blocks with their stakes, and its values from 0 to 1."""
    x = (sample.values - sample.low) / (sample.high - sample.low)
    return _stakes(_ordered(sample.counts[None, :], np.random.default_rng([seed, SALT])), x), x


def _ordered(counts: Counts, rng: np.random.Generator) -> Counts:
    """Return the counts in each block of a random order, shape (samples, orders, blocks, k).

    Blocks are drawn one after another from those who are left, never patient by patient: half a billion people
    cost as much as a thousand.
    """
    left = np.repeat(counts[:, None, :], ORDERS, axis=1)
    n, blocks = int(counts[0].sum()), []
    seen = 0
    while seen < n:
        size = min(n - seen, max(1, seen // GROWTH))
        blocks.append(_taken(rng, left, size))
        left = left - blocks[-1]
        seen += size
    return np.stack(blocks, axis=2)


def _taken(rng: np.random.Generator, left: Counts, size: int) -> Counts:
    """Return how many of each value are among `size` drawn without replacement from those left."""
    taken = np.zeros_like(left)
    others, need = left.sum(-1), np.full(left.shape[:-1], size)
    for j in range(left.shape[-1]):
        others = others - left[..., j]
        taken[..., j] = rng.hypergeometric(left[..., j], others, need)
        need = need - taken[..., j]
    return taken


def _stakes(blocks: Counts, x: Floats) -> tuple[Counts, Floats]:
    """Return the blocks, and before its cap the stake on each, from what was seen before it."""
    sizes = blocks.sum(-1)
    seen = np.cumsum(sizes, axis=-1)
    total, squares = np.cumsum(blocks @ x, axis=-1), np.cumsum(blocks @ x**2, axis=-1)
    mean = (START[0] + total) / (seen + 1)
    variance = (START[1] + squares - 2 * mean * total + seen * mean**2) / (seen + 1)
    before = np.concatenate([np.full_like(variance[..., :1], START[1]), variance[..., :-1]], axis=-1)
    return blocks, np.sqrt(2 * math.log(1 / AIM) / (seen[..., -1:] * before))


def _log_e(blocks: Counts, stakes: Floats, x: Floats, m: float) -> Floats:
    """Return the logarithm of the averaged wealth, shape (samples,)."""
    capped = np.minimum(stakes, CAUTION / m if m > 0 else np.inf)
    each = sum(blocks[..., j] * np.log1p(capped * (x[j] - m)) for j in range(len(x)))
    log_e = np.asarray(each).sum(-1)
    top = log_e.max(axis=-1)
    return np.asarray(top + np.log(np.exp(log_e - top[..., None]).mean(-1)))
