"""Every intersection of attributes up to a depth, with its confusion counts in both halves, as one flat array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.cells import KINDS, Cells, Ints
from primum.tally.score import Counts

MOST = 1_000_000  # subgroups; 64 MB of counts


@dataclass(frozen=True, eq=False)
class Lattice:
    """All subgroups of one to `depth` attributes, those that nobody is in included.

    Attributes
    ----------
    attributes, levels
        As in `Cells`.
    subsets
        Which attributes are crossed, as positions; each has all combinations of their levels, last one fastest.
    start
        First subgroup of each subset, and the end, shape (subsets + 1,).
    counts
        People, shape (subgroups, 2 halves, 4 kinds); kinds are TN, FP, FN, TP.
    total
        Everybody, shape (2, 4).
    """

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    subsets: tuple[tuple[int, ...], ...]
    start: Ints
    counts: Ints
    total: Ints

    def where(self, i: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the attributes and levels of subgroup `i`, as positions."""
        s = int(np.searchsorted(self.start, i, side="right")) - 1
        subset = self.subsets[s]
        code = np.unravel_index(i - int(self.start[s]), [len(self.levels[a]) for a in subset])
        return subset, tuple(int(c) for c in code)

    def ancestors(self, i: int) -> Iterator[int]:
        """Yield every subgroup that takes some, not all, of the attributes of `i`; the broadest first."""
        subset, code = self.where(i)
        for size in range(1, len(subset)):
            for keep in combinations(range(len(subset)), size):
                s = self.subsets.index(tuple(subset[k] for k in keep))
                shape = [len(self.levels[subset[k]]) for k in keep]
                yield int(self.start[s]) + int(np.ravel_multi_index([code[k] for k in keep], shape))

    def names(self) -> Iterator[tuple[str, str, int]]:
        """Yield attribute ("sex × site"), group ("female · north") and depth of every subgroup, in order."""
        for subset in self.subsets:
            attribute = " × ".join(self.attributes[a] for a in subset)
            groups = [""]
            for a in subset:
                groups = [f"{g} · {level}" if g else level for g in groups for level in self.levels[a]]
            for group in groups:
                yield attribute, group, len(subset)

    def name(self, i: int) -> tuple[str, str]:
        """Return attribute and group of subgroup `i`."""
        subset, code = self.where(i)
        levels = (self.levels[a][c] for a, c in zip(subset, code, strict=True))
        return " × ".join(self.attributes[a] for a in subset), " · ".join(levels)

    def repeats(self) -> npt.NDArray[np.bool_]:
        """Return which subgroups hold the same people as one with an attribute less, shape (subgroups,)."""
        people = self.counts.sum(axis=(1, 2))
        result = np.zeros(len(people), dtype=np.bool_)
        for subset, first, end in zip(self.subsets, self.start, self.start[1:], strict=False):
            if len(subset) > 1:
                table = people[first:end].reshape([len(self.levels[a]) for a in subset])
                same = np.zeros(table.shape, dtype=np.bool_)
                for axis in range(len(subset)):
                    same |= table == table.sum(axis=axis, keepdims=True)
                result[first:end] = (same & (table > 0)).ravel()
        return result


def counts_of(table: Ints) -> Counts:
    """Return an array of kinds, shape (..., 4), as confusion counts."""
    kinds = table.astype(np.float64)
    return Counts(tp=kinds[..., 3], fp=kinds[..., 1], fn=kinds[..., 2], tn=kinds[..., 0])


def lattice(cells: Cells, depth: int) -> Lattice:
    """Count every subgroup: one `bincount` for each set of `depth` attributes; smaller sets are sums of those.

    The cost is (attributes over depth) × cells, whatever the number of people behind them.

    Raises
    ------
    PrimumError
        When there would be more than a million subgroups.
    """
    sizes = [len(levels) for levels in cells.levels]
    depth = min(depth, len(sizes))
    subsets = [s for d in range(1, depth + 1) for s in combinations(range(len(sizes)), d)]
    start = np.cumsum([0, *(prod(sizes[a] for a in s) for s in subsets)], dtype=np.int64)
    if start[-1] > MOST:
        raise PrimumError(
            f"{len(sizes)} attributes make {int(start[-1]):,} subgroups of up to {depth} attributes.",
            expected=f"at most {MOST:,}",
            mend="search fewer attributes, join rare levels, or take a smaller depth",
        )
    place = {s: i for i, s in enumerate(subsets)}
    counts = np.empty((int(start[-1]), 2, KINDS), dtype=np.int64)
    for s, table in _tables(cells, sizes, depth):
        counts[start[place[s]] : start[place[s] + 1]] = table
    for s in subsets:
        if len(s) < depth:
            more = [a for a in range(len(sizes)) if a not in s][: depth - len(s)]
            whole = tuple(sorted((*s, *more)))
            table = counts[start[place[whole]] : start[place[whole] + 1]].reshape(
                [*(sizes[a] for a in whole), 2, KINDS]
            )
            summed = table.sum(axis=tuple(whole.index(a) for a in more))
            counts[start[place[s]] : start[place[s] + 1]] = summed.reshape(-1, 2, KINDS)
    total = counts[: sizes[0]].sum(axis=0)
    return Lattice(cells.attributes, cells.levels, tuple(subsets), start, counts, total)


def _tables(cells: Cells, sizes: list[int], depth: int) -> Iterator[tuple[tuple[int, ...], Ints]]:
    """Yield the table of every set of exactly `depth` attributes, shape (subgroups, 2, 4)."""
    searched, confirming = (np.flatnonzero(half) for half in cells.n)
    at = np.concatenate([searched, confirming])
    people = np.concatenate([cells.n[0][searched], cells.n[1][confirming]])
    weights = None if (people == 1).all() else people.astype(np.float64)  # sums below 2^53 are exact
    kind = cells.kind[at]
    kind[len(searched) :] += KINDS
    codes = [c[at] for c in cells.codes]
    last = [c * np.int32(2 * KINDS) + kind for c in codes]
    key = np.empty(len(at), dtype=np.int32)

    def grow(chosen: tuple[int, ...], prefix: npt.NDArray[np.int32]) -> Iterator[tuple[tuple[int, ...], Ints]]:
        for a in range(chosen[-1] + 1 if chosen else 0, len(sizes)):
            if len(chosen) + 1 < depth:
                yield from grow((*chosen, a), prefix * np.int32(sizes[a]) + codes[a])
            else:
                np.multiply(prefix, np.int32(sizes[a] * 2 * KINDS), out=key)
                np.add(key, last[a], out=key)
                size = prod(sizes[b] for b in (*chosen, a)) * 2 * KINDS
                found = np.bincount(key, weights=weights, minlength=size)
                yield (*chosen, a), found.astype(np.int64, copy=False).reshape(-1, 2, KINDS)

    yield from grow((), np.zeros(len(at), dtype=np.int32))
