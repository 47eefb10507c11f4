"""Weights in a release: whether one person's shows through a sum of weights (R3), and how such sums leave (R7).

**Dominance.** Of a cell only n, W = Σw and Q = Σw² are kept, not who weighs what. Every rule on dominance bounds a sum
c·x of the n weights x, of which the largest comes first: c = (1, 0, …) for the largest one, c = (1, …, 1, 0, …) for the
k largest, and c = (1 + p, 1, 0, …) for the p % rule, as W − x₁ − x₂ ≥ p·x₁ says (1 + p)·x₁ + x₂ ≤ W. With the means
c̄ = Σc/n and x̄ = W/n, by Cauchy and Schwarz

    c·x = n·c̄·x̄ + (c − c̄)·(x − x̄) ≤ c̄·W + √(Σc² − n·c̄²)·√(Q − W²/n),

so that the share of the sum is at most Σc/n + √((Σc² − (Σc)²/n)·(1/m − 1/n)), where m = W²/Q is the effective number of
people (Kish 1965). Without n this says that the largest has at most 1/√m and the k largest have at most √(k/m). A cell
in which the bound passes, passes the rule; for the largest one nothing better can be said from n, W and Q. W and Q of
groups and score steps add up, so that the rule holds for whatever is joined.

**What leaves** of a cell of n people is its mean weight, to a step of 1, 2 or 5 times a power of ten that is no smaller
than one in 10ᵈ of it, d being the digits of n people, at least 1. Then n steps are at least one mean weight (half a one
of five people): where weights take many values, none far above the others, their sums hardly tell who is in a cell. Of
weights that take few values they tell how many of a stratum are in it, and of one that is far above the others, where
it is; so a person answers for the weights before they leave (the exception "R3 weights").
Beside it leaves the ratio n·Q/W² (1 where all weigh alike), rounded upwards to d decimals, so that intervals come out
wider rather than narrower.

Not covered: persons with several rows (refused), the share of a household or an institution in a sum of weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from primum.disclose.digits import CEILING
from primum.disclose.presets import Policy
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
WHOLE = 2.0**55
"""What all weights together are carried as, in whole numbers beside the counts."""
_SAME = 2**25
"""How far apart two sums of the same people's weights may be, for being added in another order and cut off."""
_SLACK, _NEAR = 1e-9, 1e-6
_MANTISSAS = np.array([1.0, 2.0, 5.0, 10.0])


class Limit(NamedTuple):
    """A rule on dominance: c·x may be at most this share of the sum; `total` is Σc, `squares` Σc²."""

    total: float
    squares: float
    share: float
    words: str


def limits(policy: Policy) -> tuple[Limit, ...]:
    """Return the rules on dominance that a policy has: d1, (nk_n, nk_k) and p_pct."""
    found = []
    if policy["d1"] is not None:
        d1 = float(policy["d1"])
        found.append(Limit(1.0, 1.0, d1, f"no person with more than {d1:.0%} of the weight of a cell"))
    if policy["nk_n"] is not None and policy["nk_k"] is not None:
        n, k = float(policy["nk_n"]), float(policy["nk_k"])
        found.append(Limit(n, n, k, f"no {n:g} people with more than {k:.0%} of it"))
    if policy["p_pct"] is not None:
        p = float(policy["p_pct"])
        words = f"the others with at least {p:g} % of the largest weight"
        found.append(Limit(2 + p / 100, (1 + p / 100) ** 2 + 1, 1.0, words))
    return tuple(found)


def weighted(tallies: Iterable[ScoreTally]) -> bool:
    """Whether anybody in these tallies counts for more or less than one."""
    return any(bool((t.w != t.n).any() or (t.ww != t.n).any()) for t in tallies)


def scales(tallies: Iterable[ScoreTally]) -> tuple[float, float]:
    """Return what Σw and Σw² are multiplied with to be carried as whole numbers, the same for all these tallies."""
    sums = [(float(t.w.sum()), float(t.ww.sum())) for t in tallies]
    return WHOLE / max(w for w, _ in sums), WHOLE / max(ww for _, ww in sums)


def carried(w: Floats, ww: Floats, by: tuple[float, float]) -> tuple[Ints, Ints]:
    """Return Σw, cut off, and Σw², rounded up, as whole numbers: the effective people are never too many."""
    return np.floor(w * by[0]).astype(np.int64), np.ceil(ww * by[1]).astype(np.int64)


def spread_out(n: Ints, w: Ints, ww: Ints, by: tuple[float, float], rules: Iterable[Limit]) -> Bools:
    """Return whether no person's weight shows through the sum, cell by cell.

    Parameters
    ----------
    n, w, ww
        People, and Σw and Σw² as they are carried, each of one shape. Differences of two populations, too: those that
        cannot be sums of as many weights do not pass, as nothing can be said of them.
    by
        What w and ww were multiplied with.
    rules
        The limits of the policy.
    """
    total, squares = w / by[0], ww / by[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        each = 1 / n
        spread = squares / np.square(total) - each  # 1/m − 1/n
        ok = (w > 0) & (ww > 0) & (spread >= -_NEAR * each)
        room = np.maximum(spread, 0.0)
        for c in rules:
            most = c.total * each + np.sqrt(np.maximum(c.squares - c.total**2 * each, 0.0) * room)
            ok &= most * (1 + _SLACK) <= c.share
    nobody = (n == 0) & (w <= _SAME)
    weightless = (n > 0) & (w == 0) & (ww == 0)
    return np.asarray(np.where(n == 0, nobody, ok | weightless), dtype=np.bool_)


def step(mean: Floats, n: Floats, ceiling: int = CEILING) -> Floats:
    """Return the step to which the mean weight of n people is rounded; 0 where there is no weight.

    At most `ceiling` digits, as of any number of the release.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        least = np.where((mean > 0) & (n > 0), mean * 10.0 ** -_digits(n, ceiling), 1.0)
        power = 10.0 ** np.floor(np.log10(least) + _SLACK)
        ratio = least / power * (1 - _SLACK)
    found = _MANTISSAS[np.searchsorted(_MANTISSAS, ratio)] * power
    return np.asarray(np.where((mean > 0) & (n > 0), found, 0.0), dtype=np.float64)


def coarse(sums: Floats, ceiling: int = CEILING) -> Floats:
    """Return sums of cells as they may leave.

    Parameters
    ----------
    sums
        n, Σw, Σw², Σws and Σws², shape (5, …), n as it leaves.
    ceiling
        The most digits.

    Returns
    -------
    The same shape: n people of the rounded mean weight and the rounded ratio, with the mean scores that they had.
    """
    n, w, ww = sums[0], sums[1], sums[2]
    there = (n > 0) & (w > 0)
    people = np.where(there, n, 1.0)
    mean = np.where(there, w / people, 0.0)
    unit = np.where(there, step(mean, people, ceiling), 1.0)
    rounded = np.maximum(np.floor(mean / unit + 0.5), 1.0) * unit
    places = 10.0 ** _digits(people, ceiling)
    ratio = np.where(there, people * ww / np.where(there, w, 1.0) ** 2, 1.0)
    ratio = np.maximum(np.ceil(ratio * places - _NEAR) / places, 1.0)
    new = np.where(there, n * rounded, 0.0)
    kept = np.where(there, new / np.where(there, w, 1.0), 0.0)
    squares = np.where(there, ratio * new**2 / people, 0.0)
    return np.stack([n, new, squares, sums[3] * kept, sums[4] * kept])


def mean_weight(n: int, w: float, ww: float) -> dict[str, float | None]:
    """Return the mean weight of a cell, and n·Σw²/(Σw)², as the register tells them; None where nobody is."""
    if n <= 0 or w <= 0:
        return {"weight": 0.0 if n > 0 else None, "weight_ratio": None}
    return {"weight": float(f"{w / n:.12g}"), "weight_ratio": float(f"{n * ww / w**2:.9g}")}


def _digits(n: Floats, ceiling: int) -> Floats:
    """Return the digits of R7 of many numbers of people at once, at least 1; see `primum.disclose.digits`."""
    found = np.floor(np.log10(np.maximum(n, 1.0)) + 1e-12)
    return np.asarray(np.clip(found, 1, max(min(ceiling, CEILING), 1)), dtype=np.float64)
