"""Groups made alike under a capacity: which share of each group gets one of so many places."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Goal = Literal["opportunity", "odds"]
POINTS, SWEEPS = 801, 20


def top(score: Floats, places: int) -> Bools:
    """Return who has one of the `places` highest scores, shape (people,); of equals, who comes first in the data."""
    chosen = np.zeros(len(score), dtype=np.bool_)
    chosen[np.argsort(-score, kind="stable")[:places]] = True
    return chosen


def top_by_group(score: Floats, codes: Ints, places: Ints) -> Bools:
    """Return who has one of their group's places, shape (people,)."""
    chosen = np.zeros(len(score), dtype=np.bool_)
    for g, k in enumerate(places.tolist()):
        own = np.flatnonzero(codes == g)
        chosen[own[top(score[own], k)]] = True
    return chosen


def equal_shares(codes: Ints, groups: int, places: int) -> Ints:
    """Return each group's places when all groups have the same share of their people chosen; they add up."""
    people = np.bincount(codes, minlength=groups).astype(np.int64)
    return filled(people / len(codes), people, places)


def filled(parts: Floats, people: Ints, places: int) -> Ints:
    """Return whole places in proportion to `parts` that add up to `places`, none above its group's people."""
    exact = parts / parts.sum() * places
    whole = np.asarray(np.minimum(np.floor(exact).astype(np.int64), people), dtype=np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    short = min(places, int(people.sum())) - int(whole.sum())
    while short > 0:
        for g in order.tolist():
            if short > 0 and whole[g] < people[g]:
                whole[g] += 1
                short -= 1
    return whole


def alike(score: Floats, outcome: Bools, codes: Ints, groups: int, places: int, goal: Goal) -> Ints:
    """Return each group's places for which the groups' rates lie closest together, shape (groups,).

    "opportunity" makes the range of sensitivities smallest; "odds" the larger of the two ranges, of sensitivities and
    of shares of non-cases selected. Starts from one threshold for everybody and moves places between two groups at a
    time, over a grid of 801 divisions of what both have, until no move helps. With two groups that is the best
    division on the grid; with more it need not be.

    A comparator: it promises nothing about anybody's loss. Not valid where a group has no one with (or without) the
    outcome: that group keeps the places it has under one threshold.
    """
    people = np.bincount(codes, minlength=groups)
    found = []
    for g in range(groups):
        own = codes == g
        order = np.argsort(-score[own], kind="stable")
        found.append(np.concatenate([[0.0], np.cumsum(outcome[own][order])]))
    events = np.array([f[-1] for f in found])
    usable = np.flatnonzero((events > 0) & (people > events)).tolist()
    now = np.bincount(codes[top(score, places)], minlength=groups).astype(np.int64)

    def rates(g: int, k: Ints) -> tuple[Floats, Floats]:
        return found[g][k] / events[g], (k - found[g][k]) / (people[g] - events[g])

    def gap(columns: list[tuple[Floats, Floats]]) -> Floats:
        first = np.ptp(np.stack(np.broadcast_arrays(*[c[0] for c in columns])), axis=0)
        if goal == "opportunity":
            return np.asarray(first)
        return np.asarray(np.maximum(first, np.ptp(np.stack(np.broadcast_arrays(*[c[1] for c in columns])), axis=0)))

    for _ in range(SWEEPS):
        before = now.copy()
        for a, b in combinations(usable, 2):
            both = int(now[a] + now[b])
            low, high = max(0, both - int(people[b])), min(both, int(people[a]))
            tried = np.unique(np.append(np.round(np.linspace(low, high, POINTS)).astype(np.int64), now[a]))
            others = [rates(g, now[g : g + 1]) for g in usable if g not in {a, b}]
            size = gap([rates(a, tried), rates(b, both - tried), *others])
            best = np.flatnonzero(size <= size.min() + 1e-12)
            now[a] = tried[best[np.argmin(np.abs(tried[best] - now[a]))]]
            now[b] = both - now[a]
        if (now == before).all():
            break
    return now
