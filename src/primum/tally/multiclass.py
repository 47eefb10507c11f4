"""ClassTally: one ScoreTally per class (one against the rest), and who of each class was decided to be what.

Measures of one class need only its own tally. A mean over classes is a mean over the same people, so its variance also
needs what people share between classes: Σ w² over pairs of coarse cells, one cell (score segment × is it this class)
for each of two classes; or, with clusters, Σ_c T_cᵢ T_cⱼ over the cells of all classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.tally.cluster import Clusters, Shared
from primum.tally.grid import Grid
from primum.tally.score import ScoreTally

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Group = tuple[str, ...]
STRIDE = 4096  # coarse cells of class k have codes from k · STRIDE; those of the decisions come after the last class
DECIDED = Grid(thresholds=(0.5,), resolution=1)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Σ w² of people in coarse cell `i` of one class and `j` of a later one; `group` as in the tallies."""

    group: Ints
    i: Ints
    j: Ints
    value: Floats

    def of(self, group: int) -> tuple[Ints, Ints, Floats]:
        """Return the pairs of one group."""
        here = self.group == group
        return self.i[here], self.j[here], self.value[here]


@dataclass(frozen=True, eq=False)
class ClassTally:
    """Counts of several classes and their scores, per group of patients.

    Attributes
    ----------
    classes
        Names, in the order declared.
    ovr
        For each class, the tally of its score against "is it this class".
    n, w, ww
        People, Σw and Σw² by group, true class and decided class, shape (groups, classes, classes).
    pairs
        What people share between classes; None when it was not counted.
    clusters
        What clusters share between all cells of all classes and of the decisions; None when everyone is independent.
    """

    classes: tuple[str, ...]
    ovr: tuple[ScoreTally, ...]
    n: Ints
    w: Floats
    ww: Floats
    pairs: Pairs | None = None
    clusters: Clusters | None = None

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the grouping columns."""
        return self.ovr[0].attributes

    @property
    def groups(self) -> tuple[Group, ...]:
        """The combinations of levels that occur."""
        return self.ovr[0].groups

    @property
    def left_out(self) -> dict[Group, int]:
        """People without an outcome or a score, by group."""
        return self.ovr[0].left_out

    def __add__(self, other: ClassTally) -> ClassTally:
        return self.merge(other)

    def merge(self, other: ClassTally) -> ClassTally:
        """Return the tally of both sets of people. A group that only one side has is kept as it is.

        Raises
        ------
        PrimumError
            If classes, attributes, outcome, thresholds or the presence of clusters differ.
        """
        if self.classes != other.classes:
            raise PrimumError(
                f"These tallies cannot be added: their classes differ ({list(self.classes)} against "
                f"{list(other.classes)}).",
                mend="count again with the same classes in the same order",
            )
        if (self.pairs is None) != (other.pairs is None) or (self.clusters is None) != (other.clusters is None):
            raise PrimumError(
                "These tallies cannot be added: only one of them was counted with clusters or joint=False.",
            )
        ovr = tuple(a.merge(b) for a, b in zip(self.ovr, other.ovr, strict=True))
        at = {g: i for i, g in enumerate(ovr[0].groups)}
        to = [np.array([at[g] for g in t.groups], dtype=np.int64) for t in (self, other)]
        size = len(at)
        tables = {
            k: _moved(getattr(self, k), to[0], size) + _moved(getattr(other, k), to[1], size) for k in ("n", "w", "ww")
        }
        pairs = None
        if self.pairs is not None and other.pairs is not None:
            pairs = _joined([(self.pairs, to[0]), (other.pairs, to[1])])
        linked = self.clusters.merge(other.clusters) if self.clusters and other.clusters else None
        return replace(self, ovr=ovr, pairs=pairs, clusters=linked, **tables)

    def by(self, *names: str | Sequence[str]) -> ClassTally:
        """Return the tally of fewer attributes, in the order named; `by()` is everyone together.

        Raises
        ------
        PrimumError
            For a name that is not an attribute of this tally.
        """
        ovr = tuple(t.by(*names) for t in self.ovr)
        keep = [self.attributes.index(n) for n in ovr[0].attributes]
        at = {g: i for i, g in enumerate(ovr[0].groups)}
        to = np.array([at[tuple(g[i] for i in keep)] for g in self.groups], dtype=np.int64)
        return self._regrouped(ovr, to)

    def without(self, group: Group) -> ClassTally:
        """Return everyone outside `group` as one group named '(everyone else)'."""
        ovr = tuple(t.without(group) for t in self.ovr)
        to = np.array([-1 if g == group else 0 for g in self.groups], dtype=np.int64)
        rest = self._regrouped(ovr, to)
        if self.clusters is None:
            return rest
        shared = self.clusters.rest(self.attributes, group)
        views = {self.attributes: {} if shared is None else {ovr[0].groups[0]: shared}}
        return replace(rest, clusters=Clusters(self.clusters.name, views, self.clusters.crossing))

    def shared(self, group: int) -> Shared | None:
        """Return what the clusters of one group share; None when everyone is independent."""
        return None if self.clusters is None else self.clusters.of(self.attributes, self.groups[group])

    def decided(self, k: int) -> ScoreTally:
        """Return "was decided to be class k" as a score of 0 or 1 against "is class k", with threshold 0.5."""
        own = np.arange(len(self.classes)) == k
        cells: dict[str, list[Any]] = {x: [] for x in ("group", "outcome", "label", "n", "w", "ww")}
        for y in (0, 1):
            for label in (0, 1):
                there = np.outer(own == y, own == label)
                n = self.n[:, there].sum(axis=1)
                has = np.flatnonzero(n)
                cells["group"].append(has)
                cells["outcome"].append(np.full(len(has), y))
                cells["label"].append(np.full(len(has), label))
                for x in ("n", "w", "ww"):
                    cells[x].append(getattr(self, x)[:, there].sum(axis=1)[has])
        flat: dict[str, Any] = {x: np.concatenate(v) for x, v in cells.items()}
        order = np.lexsort((flat["label"], flat["outcome"], flat["group"]))
        flat = {x: v[order] for x, v in flat.items()}
        sums = {"ws": flat["w"] * flat["label"], "wss": flat["w"] * flat["label"]}
        linked = None
        if self.clusters is not None:
            groups = {g: self._decided(s, k) for g, s in self.clusters.views.get(self.attributes, {}).items()}
            crossing = {self.attributes: self.clusters.crossing.get(self.attributes, 0)}
            linked = Clusters(self.clusters.name, {self.attributes: groups}, crossing)
        return replace(self.ovr[k], grid=DECIDED, clusters=linked, **flat, **sums)

    def _decided(self, shared: Shared, k: int) -> Shared:
        """Return what clusters share of decisions about class k: cells selected × 2 + outcome."""
        first, size = len(self.classes) * STRIDE, len(self.classes)
        here = (shared.i >= first) & (shared.j >= first)

        def cell(code: Ints) -> Ints:
            true, decided = np.divmod(code[here] - first, size)
            return np.asarray((decided == k) * 2 + (true == k), dtype=np.int64)

        return Shared(cell(shared.i), cell(shared.j), shared.value[here], shared.clusters)

    def _regrouped(self, ovr: tuple[ScoreTally, ...], to: Ints) -> ClassTally:
        size = len(ovr[0].groups)
        tables = {k: _moved(getattr(self, k), to, size) for k in ("n", "w", "ww")}
        pairs = None if self.pairs is None else _joined([(self.pairs, to)])
        return replace(self, ovr=ovr, pairs=pairs, **tables)

    def __repr__(self) -> str:
        by = " × ".join(self.attributes) or "everyone"
        what = f"{self.ovr[0].score_name} for {len(self.classes)} classes"
        return f"<ClassTally {what}: {int(self.n.sum()):,} people, {len(self.groups)} groups by {by}>"


def _moved(table: npt.NDArray[Any], to: Ints, size: int) -> Any:
    """Return a table per group added up by new group; −1 leaves a group out."""
    out = np.zeros((size, *table.shape[1:]), dtype=table.dtype)
    np.add.at(out, to[to >= 0], table[to >= 0])
    return out


def _joined(parts: Sequence[tuple[Pairs, Ints]]) -> Pairs:
    group = np.concatenate([to[p.group] for p, to in parts])
    i, j, value = (np.concatenate([getattr(p, k) for p, _ in parts]) for k in ("i", "j", "value"))
    keep = group >= 0
    group, i, j, value = group[keep], i[keep], j[keep], value[keep]
    span = int(max(i.max(initial=0), j.max(initial=0))) + 1
    found, at = np.unique((group * span + i) * span + j, return_inverse=True)
    rest, second = np.divmod(found, span)
    where, first = np.divmod(rest, span)
    total = np.asarray(np.bincount(at, weights=value, minlength=len(found)), dtype=np.float64)
    return Pairs(where, first, second, total)
