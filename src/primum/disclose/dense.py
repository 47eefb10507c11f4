"""A tally as a small dense table on public edges of the score: groups × outcome × bin, for each sum that it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from primum.errors import unknown
from primum.tally.cluster import Clusters, Shared
from primum.tally.grid import PER_CENTS, STEPS, Grid
from primum.tally.score import SUMS, ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
KEPT = ("n", *SUMS)


@dataclass(frozen=True, eq=False)
class Dense:
    """Sums by group, outcome and bin.

    Attributes
    ----------
    groups
        Labels, one tuple each.
    edges
        Lower edge of each bin, increasing; the first is the low end of the score.
    sums
        n, Σw, Σw², Σws and Σws², shape (5, groups, 2, bins).
    """

    groups: tuple[tuple[str, ...], ...]
    edges: Floats
    sums: Floats

    @property
    def n(self) -> Ints:
        """People, shape (groups, 2, bins)."""
        return np.asarray(self.sums[0], dtype=np.int64)

    def steps(self, starts: Ints) -> Dense:
        """Return the same with neighbouring bins joined; `starts` are the first bins of the steps."""
        return replace(self, edges=self.edges[starts], sums=np.add.reduceat(self.sums, starts, axis=-1))

    def joined(self, shown: npt.NDArray[np.bool_], name: tuple[str, ...]) -> Dense:
        """Return the groups shown and, last, all others together under one name, if there are others."""
        kept = [g for g, s in zip(self.groups, shown, strict=True) if s]
        parts = [self.sums[:, shown]]
        if not shown.all():
            parts.append(self.sums[:, ~shown].sum(axis=1, keepdims=True))
            kept.append(name)
        return replace(self, groups=tuple(kept), sums=np.concatenate(parts, axis=1))


def public_edges(grid: Grid) -> Floats:
    """Return the edges that do not depend on the data: whole per cents of the range, and declared thresholds."""
    cents = grid.low + (grid.high - grid.low) * np.arange(PER_CENTS) / PER_CENTS
    inside = {float(e) for e in [*cents, *grid.thresholds] if grid.is_edge(float(e)) and e < grid.high}
    return np.array(sorted({grid.low, *inside}), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Cube:
    """A tally made ready to be tabulated by any of its attributes on the same edges.

    Attributes
    ----------
    tally, edges
        What is tabulated, and the lower edge of each bin.
    levels, codes
        The labels of each attribute in order, and which of them each group has, shape (groups,).
    at
        The bin of each cell, shape (cells,).
    """

    tally: ScoreTally
    edges: Floats
    levels: tuple[tuple[str, ...], ...]
    codes: tuple[Ints, ...]
    at: Ints

    def dense(self, names: Sequence[str]) -> Dense:
        """Return the sums by some attributes; groups come in the order of their labels.

        Raises
        ------
        PrimumError
            For a name that is not an attribute of the tally.
        """
        for name in names:
            if name not in self.tally.attributes:
                raise unknown("attribute", name, self.tally.attributes, where="this tally")
        axes = [self.tally.attributes.index(n) for n in names]
        key = np.zeros(len(self.tally.groups), dtype=np.int64)
        for a in axes:
            key = key * len(self.levels[a]) + self.codes[a]
        _, first, to = np.unique(key, return_index=True, return_inverse=True)
        groups = tuple(tuple(self.tally.groups[i][a] for a in axes) for i in first.tolist())
        cell = (to.reshape(-1)[self.tally.group] * 2 + self.tally.outcome) * len(self.edges) + self.at
        size = len(groups) * 2 * len(self.edges)
        sums = [np.bincount(cell, weights=getattr(self.tally, k), minlength=size) for k in KEPT]
        return Dense(
            groups, self.edges, np.array(sums, dtype=np.float64).reshape(len(KEPT), len(groups), 2, len(self.edges))
        )


def cube(tally: ScoreTally, edges: Floats) -> Cube:
    """Return a tally made ready to be tabulated on these edges.

    Raises
    ------
    PrimumError
        If an edge is not one of the tally's.
    """
    cuts = np.array([tally.grid.cut(float(e)) for e in edges[1:]], dtype=np.int64)
    levels, codes = [], []
    for k in range(len(tally.attributes)):
        own = [g[k] for g in tally.groups]
        levels.append(tuple(sorted(set(own))))
        place = {x: i for i, x in enumerate(levels[-1])}
        codes.append(np.array([place[x] for x in own], dtype=np.int64))
    at = np.searchsorted(cuts, tally.label, side="right")
    return Cube(tally, edges, tuple(levels), tuple(codes), at)


def dense(tally: ScoreTally, names: Sequence[str], edges: Floats) -> Dense:
    """Return the tally by some of its attributes on these edges.

    Raises
    ------
    PrimumError
        If an edge is not one of the tally's, or a name not one of its attributes.
    """
    return cube(tally, edges).dense(names)


def to_tally(table: Dense, names: Sequence[str], like: ScoreTally, clusters: Clusters | None = None) -> ScoreTally:
    """Return a dense table as a tally whose only edges are its own; empty cells are left out."""
    grid = Grid(like.grid.low, like.grid.high, tuple(float(e) for e in table.edges[1:]), STEPS)
    group, outcome, label = np.nonzero(table.n)
    cells = table.sums[:, group, outcome, label]
    return ScoreTally(
        attributes=tuple(names),
        groups=table.groups,
        group=group.astype(np.int64),
        outcome=outcome.astype(np.int64),
        label=label.astype(np.int64),
        n=cells[0].astype(np.int64),
        w=cells[1],
        ww=cells[2],
        ws=cells[3],
        wss=cells[4],
        grid=grid,
        outcome_name=like.outcome_name,
        score_name=like.score_name,
        clusters=clusters,
    )


def linked(tally: ScoreTally, names: Sequence[str], table: Dense, rest: tuple[str, ...]) -> Clusters | None:
    """Return what clusters share in the groups of a dense table, on its bins; None when everyone is independent.

    A coarse cell of the tally that spans several bins is counted in the lowest of them. Declared thresholds split
    coarse cells, so what is decided keeps its variance exactly; that of ranking measures is near it.
    """
    found = tally.clusters
    if found is None or tuple(names) not in found.views:
        return None
    labels = np.unique(tally.label)
    cuts = np.array([tally.grid.cut(float(e)) for e in table.edges[1:]], dtype=np.int64)
    segments, first = np.unique(tally.grid.segments(labels), return_index=True)
    to = np.zeros(int(segments.max(initial=0)) + 1, dtype=np.int64)
    to[segments] = np.searchsorted(cuts, labels[first], side="right")

    def moved(shared: Shared) -> Shared:
        i, j = (to[c // 2] * 2 + c % 2 for c in (shared.i, shared.j))
        return replace(shared, i=i, j=j)

    view = found.views[tuple(names)]
    groups = {g: moved(view[g]) for g in table.groups if g in view}
    whole = found.views.get((), {}).get(())
    if rest in table.groups and whole is not None:
        left = moved(whole)
        for shared in groups.values():
            left = left.plus(shared, -1)
        groups[rest] = left
    views = {tuple(names): groups}
    if whole is not None:
        views[()] = {(): moved(whole)}
    return Clusters(found.name, views, {v: found.crossing.get(v, 0) for v in views})
