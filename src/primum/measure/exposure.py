"""Exposure: when people are invited from the top of the ranking, does each group get its share of those in need?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.kernel import divide
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
BINS = 64
_DRAW = 0xE09


def ratio(chosen: Floats, needy: Floats, window: tuple[float, float] = (0.0, 1.0)) -> tuple[Floats, Floats]:
    """Return ρ_g(τ) = P(g | s ≥ τ)/P(g | y = 1), shape (..., groups, bins), and the mass of τ in each bin.

    Parameters
    ----------
    chosen
        People of each group in every score bin, bins in increasing order of score, shape (..., groups, bins).
    needy
        People with the outcome in each group, shape (..., groups).
    window
        Ranks of τ among all people, lowest score 0, highest 1: (0.5, 1) looks only at thresholds in the upper half.
    """
    everyone = chosen.sum(-2)
    reach = np.cumsum(chosen[..., ::-1], axis=-1)[..., ::-1]
    total = np.cumsum(everyone[..., ::-1], axis=-1)[..., ::-1]
    due = divide(needy, needy.sum(-1, keepdims=True))
    rank = np.cumsum(everyone, axis=-1) / everyone.sum(-1, keepdims=True)
    before = np.concatenate([np.zeros_like(rank[..., :1]), rank[..., :-1]], axis=-1)
    mass = np.maximum(np.minimum(rank, window[1]) - np.maximum(before, window[0]), 0.0)[..., None, :]
    return divide(divide(reach, total[..., None, :]), due[..., None]), mass / mass.sum(-1, keepdims=True)


def under_representation(rho: Floats, mass: Floats, due: Floats | float = 1.0) -> Floats:
    """Return EUR_g = E_τ[max(1 − ρ_g(τ), 0)], shape (..., groups); `due` may replace the 1, shape (groups, bins)."""
    short = np.where(mass > 0, np.maximum(due - rho, 0.0), 0.0)
    return np.asarray((short * mass).sum(-1))


def exposure(
    view: ScoreTally,
    *,
    window: tuple[float, float] = (0.0, 1.0),
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[dict[str, Any]]:
    """Return expected under-representation of every group of a tally by one attribute, with what it is due.

    τ runs through the scores of all people. 0: at no threshold has the group less than its share of those with the
    outcome; .40: on average its share among those selected is 40 % short. Groups with the same AUROC can differ
    widely, because AUROC ranks within a group. `due` is the group's share of those with the outcome.

    The interval is a bootstrap of all cells. EUR is never below 0 and above it by chance alone in small groups: where
    it is no more than when everybody's group is dealt out anew, by what groups are due, the lower limit is 0.
    Source: Petersen et al. (2023), FAccT, arXiv 2302.08851.

    Not valid where the outcome is recorded less often in a group (it is then due less than it needs), for people who
    belong together (no interval is given), or as a verdict on a model: a group whose risks are all certain has more
    of its people near the top than one of the same size whose risks are middling.

    Raises
    ------
    PrimumError
        For a window that is not part of (0, 1).
    """
    if not 0 <= window[0] < window[1] <= 1:
        raise PrimumError(f"The window {window} holds no ranks.", expected="0 ≤ lowest < highest ≤ 1")
    labels, at = np.unique(view.label, return_inverse=True)
    shape = (len(view.groups), 2, len(labels))
    place = np.ravel_multi_index((view.group, view.outcome, at), shape)
    w = np.bincount(place, weights=view.w, minlength=int(np.prod(shape))).reshape(shape)
    value = under_representation(*ratio(w.sum(1), w[:, 1].sum(-1), window))
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    if view.clusters is None and len(view.groups) > 1:
        low, high = _limits(view, at, value, window, replicates, seed, level)
    people, due = view.people(), divide(w[:, 1].sum(-1), w[:, 1].sum())
    return [
        {
            "attribute": " × ".join(view.attributes), "group": " · ".join(g), "window": list(window),
            "value": float(value[i]), "low": float(low[i]), "high": float(high[i]), "level": level,
            "due": float(due[i]), "share": float(w[i].sum() / w.sum()),
            "n": int(people[i].sum()), "events": int(people[i, 1]),
            "reason": "" if np.isfinite(value[i]) else "nobody with the outcome in this group",
        }
        for i, g in enumerate(view.groups)
    ]  # fmt: skip


def _limits(
    view: ScoreTally,
    at: npt.NDArray[np.int64],
    value: Floats,
    window: tuple[float, float],
    replicates: int,
    seed: int,
    level: float,
) -> tuple[Floats, Floats]:
    """Return bootstrap limits, from people resampled over group × outcome × about `BINS` bins."""
    people = np.bincount(at, weights=view.n)
    rank = (np.cumsum(people) - people / 2) / people.sum()
    part = np.unique((rank * BINS).astype(np.int64), return_inverse=True)[1]
    shape = (len(view.groups), 2, int(part.max()) + 1)
    place = np.ravel_multi_index((view.group, view.outcome, part[at]), shape)
    size = int(np.prod(shape))
    sums: list[Floats] = [
        np.bincount(place, weights=x, minlength=size).astype(np.float64) for x in (view.n, view.w, view.ww)
    ]
    n, w, ww = sums
    rng = np.random.default_rng([seed, _DRAW])

    def short(cells: Floats) -> Floats:
        return under_representation(*ratio(cells.sum(-2), cells[..., 1, :].sum(-1), window))

    coarse = short(w.reshape(shape))
    chosen, chance = np.empty((2, replicates, len(value)))
    for start in range(0, replicates, 100):
        rows = slice(start, min(start + 100, replicates))
        some = rows.stop - start
        chosen[rows] = short(_resampled(n, w, ww, some, rng).reshape(some, *shape))
        chance[rows] = short(_dealt(w.reshape(shape), ww.reshape(shape), some, rng))
    known = np.isfinite(value)
    top, least = (
        np.quantile(np.where(known, np.nan_to_num(x), 0.0), 0.5 + level / 2, axis=0) for x in (chosen, chance)
    )
    top = top + value - coarse  # what the coarser bins miss
    low = np.where(coarse <= least, 0.0, np.clip(2 * value - top, 0.0, value))
    return np.where(known, low, np.nan), np.where(known, np.clip(top, value, 1.0), np.nan)


def _resampled(n: Floats, w: Floats, ww: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Return bootstrap samples of people in cells, shape (size, cells)."""
    some = np.flatnonzero(n)
    drawn = rng.multinomial(int(n.sum()), n[some] / n.sum(), size=size)
    mean = w[some] / n[some]
    spread = np.maximum(ww[some] / n[some] - mean**2, 0.0)
    weight = drawn * mean
    if (spread > 1e-12 * np.maximum(ww[some], 1e-300)).any():
        weight = np.maximum(weight + rng.standard_normal(drawn.shape) * np.sqrt(drawn * spread), 0.0)
    table = np.zeros((size, len(n)))
    table[:, some] = weight
    return table


def _dealt(w: Floats, ww: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Return cells (size, groups, 2, bins) in which every person's group is dealt out anew, by what groups are due."""
    total, squares = w.sum(0), ww.sum(0)
    people = np.rint(np.nan_to_num(divide(total**2, squares))).astype(np.int64)
    due = w[:, 1].sum(-1) / w[:, 1].sum()
    dealt = rng.multinomial(people, due, size=(size, *people.shape))
    each = np.nan_to_num(divide(total, people))
    return np.asarray(np.moveaxis(dealt * each[..., None], -1, 1), dtype=np.float64)
