"""The unknowns of the attack: one table of people for each set of attributes that are crossed, joined where they share.

Counts are only ever told of one attribute, or of attributes that are crossed. So the full cross of all attributes need
not be written out: tables over the cliques of a chordal graph of crossed attributes, with equal margins wherever two of
them meet, can be put together to a table of the full cross, and back (Dobra & Fienberg 2000, PNAS 97:11885-11892; for
whole numbers each step of putting together is a transportation problem, which has whole solutions). The bounds are the
same, with hundreds of unknowns instead of millions.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.release.pieces import Mask, Variable

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Slice:
    """People with one outcome and scores in [low, high)."""

    outcome: int
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each unknown stands.

    Attributes
    ----------
    variables
        Name → its pieces.
    slices
        The last axis of every table.
    tables
        The attributes of each table.
    starts
        The first unknown of each table; the last entry is their number.
    tree
        Pairs of tables that share people: all of them through the slices, some through attributes as well.
    """

    variables: Mapping[str, Variable]
    slices: tuple[Slice, ...]
    tables: tuple[tuple[str, ...], ...]
    starts: tuple[int, ...]
    tree: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return self.starts[-1]

    def shape(self, table: int) -> tuple[int, ...]:
        """Return the pieces of each attribute of a table, and the slices."""
        return (*(len(self.variables[n].pieces) for n in self.tables[table]), len(self.slices))

    def home(self, names: Sequence[str]) -> int | None:
        """Return the smallest table that has these attributes; None where none has."""
        fits = [i for i, t in enumerate(self.tables) if set(names) <= set(t)]
        return min(fits, key=lambda i: self.starts[i + 1] - self.starts[i]) if fits else None

    def where(self, names: Sequence[str], mask: Mask, slices: npt.NDArray[np.bool_]) -> Index | None:
        """Return the unknowns that a set of pieces of some attributes adds up, in some slices."""
        table = self.home(names)
        if table is None:
            return None
        own = self.tables[table]
        order = sorted(range(len(names)), key=lambda i: own.index(names[i]))
        shaped = np.transpose(mask, order) if mask.ndim else mask
        at = {names[i]: n for i, n in zip(order, shaped.shape, strict=True)}
        shaped = shaped.reshape([at.get(n, 1) for n in own])
        full = np.broadcast_to(shaped[..., None] & slices, self.shape(table))
        return self.starts[table] + np.flatnonzero(full)

    def seams(self) -> list[tuple[Index, Index]]:
        """Return pairs of sets of unknowns that hold the same people."""
        found = []
        for a, b in self.tree:
            shared = [n for n in self.tables[a] if n in self.tables[b]]
            sizes = [range(len(self.variables[n].pieces)) for n in shared]
            cells = itertools.product(*sizes, range(len(self.slices)))
            found += [(self._at(a, shared, cell), self._at(b, shared, cell)) for cell in cells]
        return found

    def _at(self, table: int, shared: Sequence[str], cell: tuple[int, ...]) -> Index:
        grid = self.starts[table] + np.arange(int(np.prod(self.shape(table)))).reshape(self.shape(table))
        place: list[int | slice] = [slice(None)] * (len(self.tables[table]) + 1)
        for name, i in zip(shared, cell[:-1], strict=True):
            place[self.tables[table].index(name)] = i
        place[-1] = cell[-1]
        return np.ravel(grid[tuple(place)])


def layout(
    variables: Mapping[str, Variable], crossed: Sequence[Sequence[str]], slices: Sequence[Slice], *, whole: bool = True
) -> Layout:
    """Return tables for attributes of which these sets are crossed.

    Parameters
    ----------
    variables
        Every attribute.
    crossed
        Sets of attributes about whose cells something is told or asked.
    slices
        The outcomes and score steps.
    whole
        False keeps each set of crossed attributes a table of its own even where that loses a little of what follows
        from several of them: for reports with too many crossed attributes.
    """
    sets = [frozenset(c) for c in crossed] + [frozenset({n}) for n in variables]
    cliques = _cliques(list(variables), sets, {n: len(v.pieces) for n, v in variables.items()}) if whole else sets
    maximal = [c for c in dict.fromkeys(cliques) if not any(c < o for o in cliques)] or [frozenset()]
    tables = tuple(tuple(sorted(c)) for c in maximal)
    sizes = [int(np.prod([len(variables[n].pieces) for n in t], dtype=np.int64)) * len(slices) for t in tables]
    starts = (0, *itertools.accumulate(sizes))
    return Layout(variables, tuple(slices), tables, starts, _tree(tables))


def _cliques(names: Sequence[str], sets: Sequence[frozenset[str]], sizes: Mapping[str, int]) -> list[frozenset[str]]:
    """Return the cliques of a chordal graph that holds every set, by taking away the cheapest attribute in turn."""
    near = {n: {o for s in sets if n in s for o in s} - {n} for n in names}
    found = []
    left = sorted(names)
    while left:

        def cost(n: str) -> tuple[int, float]:
            missing = sum(b not in near[a] for a, b in itertools.combinations(sorted(near[n]), 2))
            return missing, float(np.prod([sizes[o] for o in near[n]], dtype=np.float64))

        first = min(left, key=cost)
        found.append(frozenset({first, *near[first]}))
        for a, b in itertools.combinations(near[first], 2):
            near[a].add(b)
            near[b].add(a)
        for o in near[first]:
            near[o].discard(first)
        left.remove(first)
    return found


def _tree(tables: Sequence[tuple[str, ...]]) -> tuple[tuple[int, int], ...]:
    """Return a spanning tree of tables that share as many attributes as can be (a junction tree)."""
    joined, rest, tree = {0}, set(range(1, len(tables))), []
    while rest:
        a, b = max(
            ((a, b) for a in sorted(joined) for b in sorted(rest)),
            key=lambda p: len(set(tables[p[0]]) & set(tables[p[1]])),
        )
        tree.append((a, b))
        joined.add(b)
        rest.discard(b)
    return tuple(tree)
