"""ScoreTally: group × outcome × score bin → people and weighted sums. All that score-based measures need.

Cells are sparse: only those with people in them exist. `n` counts people; `w` = Σw, `ww` = Σw², `ws` = Σw·s and
`wss` = Σw·s² carry weights and scores exactly, so that means, the Brier score and weighted counts have no bin error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.tally.addable import same_clustering, same_question
from primum.tally.cluster import Clusters, Shared
from primum.tally.grid import DECISIONS, Grid, merge_grids

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SUMS = ("w", "ww", "ws", "wss")
_DENSE = 2**21


@dataclass(frozen=True)
class Counts:
    """Weighted confusion counts, each of shape (..., groups); `n` people and `ww` = Σw² with the same four cells."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats


@dataclass(frozen=True, eq=False)
class ScoreTally:
    """Counts and sums of one score against one outcome, per group of patients.

    Attributes
    ----------
    attributes
        Names of the grouping columns.
    groups
        The combinations of levels that occur, one tuple (a level per attribute) each.
    group, outcome, label
        Index into `groups`, 0/1 and score bin of each cell, shape (cells,), sorted.
    n, w, ww, ws, wss
        Sums of each cell, shape (cells,).
    grid
        Edges of the score axis.
    left_out
        (group tuple) → people without a score or an outcome, not counted in the cells.
    clusters
        What people share who belong together; None when everyone is independent.
    """

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    group: Ints
    outcome: Ints
    label: Ints
    n: Ints
    w: Floats
    ww: Floats
    ws: Floats
    wss: Floats
    grid: Grid
    outcome_name: str = "outcome"
    score_name: str = "score"
    left_out: dict[tuple[str, ...], int] = field(default_factory=dict)
    clusters: Clusters | None = None

    # -- adding and regrouping ------------------------------------------------------------------------------------

    def __add__(self, other: ScoreTally) -> ScoreTally:
        return self.merge(other)

    def merge(self, other: ScoreTally) -> ScoreTally:
        """Return the tally of both sets of people. A group that only one side has is kept as it is.

        Raises
        ------
        PrimumError
            If attributes, outcome or score axis differ.
        """
        same_question(self, other)
        if self.score_name != other.score_name:
            raise PrimumError(
                f"These tallies cannot be added: their scores differ ('{self.score_name}' against "
                f"'{other.score_name}')."
            )
        grid = merge_grids(self.grid, other.grid)
        groups = tuple(sorted(set(self.groups) | set(other.groups)))
        at = {g: i for i, g in enumerate(groups)}
        left = np.array([at[g] for g in self.groups], dtype=np.int64)
        right = np.array([at[g] for g in other.groups], dtype=np.int64)
        out = dict(self.left_out)
        for key, k in other.left_out.items():
            out[key] = out.get(key, 0) + k
        both = {
            "group": np.concatenate([left[self.group], right[other.group]]),
            **{k: np.concatenate([getattr(self, k), getattr(other, k)]) for k in ("outcome", "label", "n", *SUMS)},
        }
        same_clustering(self, other)
        linked = self.clusters.merge(other.clusters) if self.clusters and other.clusters else None
        return replace(self, groups=groups, grid=grid, left_out=out, clusters=linked, **_collapse(both, len(groups)))

    def by(self, *names: str | Sequence[str]) -> ScoreTally:
        """Return the tally of fewer attributes, in the order named; `by()` is everyone together.

        Raises
        ------
        PrimumError
            For a name that is not an attribute of this tally.
        """
        wanted = tuple(x for n in names for x in ([n] if isinstance(n, str) else n))
        for name in wanted:
            if name not in self.attributes:
                raise unknown("attribute", name, self.attributes, where="this tally")
        if wanted == self.attributes:
            return self
        keep = [self.attributes.index(n) for n in wanted]
        short = [tuple(g[i] for i in keep) for g in self.groups]
        groups = tuple(sorted(set(short)))
        at = {g: i for i, g in enumerate(groups)}
        to = np.array([at[s] for s in short], dtype=np.int64)
        out: dict[tuple[str, ...], int] = {}
        for key, k in self.left_out.items():
            part = tuple(key[i] for i in keep)
            out[part] = out.get(part, 0) + k
        cells = {
            "group": to[self.group] if len(self.group) else self.group,
            **{k: getattr(self, k) for k in ("outcome", "label", "n", *SUMS)},
        }
        return replace(self, attributes=wanted, groups=groups, left_out=out, **_collapse(cells, len(groups)))

    def select(self, groups: Sequence[tuple[str, ...]]) -> ScoreTally:
        """Return the tally of these groups only, in this order."""
        at = {g: i for i, g in enumerate(groups)}
        old = np.array([at.get(g, -1) for g in self.groups], dtype=np.int64)
        index = old[self.group] if len(self.group) else self.group
        keep = index >= 0
        cells = {
            "group": index[keep],
            **{k: getattr(self, k)[keep] for k in ("outcome", "label", "n", *SUMS)},
        }
        left = {k: v for k, v in self.left_out.items() if k in at}
        return replace(self, groups=tuple(groups), left_out=left, **_collapse(cells, len(groups)))

    def decided(self, threshold: float) -> ScoreTally:
        """Return the tally of what is decided at one threshold: two bins of the score, few cells.

        Raises
        ------
        PrimumError
            If the threshold is neither declared nor a whole per cent of the range.
        """
        grid = Grid(self.grid.low, self.grid.high, (threshold,), DECISIONS)
        reached = self.label >= self.grid.cut(threshold)
        cells = {k: getattr(self, k) for k in ("group", "outcome", "n", *SUMS)} | {"label": reached.astype(np.int64)}
        return replace(self, grid=grid, clusters=None, **_collapse(cells, len(self.groups)))

    def without(self, group: tuple[str, ...]) -> ScoreTally:
        """Return everyone outside `group` as one group named '(everyone else)'."""
        everyone, name = self._everyone, ("(everyone else)",) * len(self.attributes)
        first, last = np.searchsorted(self.group, np.array([0, 1]) + self.groups.index(group))
        own = slice(int(first), int(last))
        span = int(everyone.label.max(initial=0)) + 1
        at = np.searchsorted(everyone.outcome * span + everyone.label, self.outcome[own] * span + self.label[own])
        less = {k: getattr(everyone, k).copy() for k in ("n", *SUMS)}
        for k, values in less.items():
            values[at] -= getattr(self, k)[own]
        keep = less["n"] > 0
        cells = {k: getattr(everyone, k)[keep] for k in ("group", "outcome", "label")}
        left_out = sum(self.left_out.values()) - self.left_out.get(group, 0)
        rest = replace(
            everyone, left_out={(): left_out} if left_out else {}, **cells, **{k: v[keep] for k, v in less.items()}
        )
        linked = self.clusters
        if linked is not None:
            shared = linked.rest(self.attributes, group)
            views = {self.attributes: {} if shared is None else {name: shared}}
            linked = Clusters(linked.name, views, {self.attributes: linked.crossing.get(self.attributes, 0)})
        return replace(rest, attributes=self.attributes, groups=(name,), clusters=linked)

    @cached_property
    def _everyone(self) -> ScoreTally:
        return self.by()

    def shared(self, group: int) -> Shared | None:
        """Return what the clusters of one group share; None when everyone is independent."""
        return None if self.clusters is None else self.clusters.of(self.attributes, self.groups[group])

    def merged_cells(self) -> ScoreTally:
        """Return the same tally with cells of the same group, outcome and label added up."""
        cells = {k: getattr(self, k) for k in ("group", "outcome", "label", "n", *SUMS)}
        return replace(self, **_collapse(cells, len(self.groups)))

    # -- reading --------------------------------------------------------------------------------------------------

    def people(self) -> Ints:
        """Return the number of people per group and outcome, shape (groups, 2)."""
        key = self.group * 2 + self.outcome
        return np.bincount(key, weights=self.n, minlength=2 * len(self.groups)).astype(np.int64).reshape(-1, 2)

    def sums(self, what: str) -> Floats:
        """Return Σ of `w`, `ww`, `ws` or `wss` per group and outcome, shape (groups, 2)."""
        key = self.group * 2 + self.outcome
        return _added(key, getattr(self, what), 2 * len(self.groups)).reshape(-1, 2)

    def at(self, threshold: float, what: str = "w") -> Counts:
        """Return the confusion counts when everyone with score ≥ `threshold` is selected, each of shape (groups,).

        `what` = "w" for weighted counts (the default), "n" for people, "ww" for Σw².

        Raises
        ------
        PrimumError
            If the threshold is neither declared nor a whole per cent of the range.
        """
        return self.at_label(self.grid.cut(threshold), what)

    def at_label(self, label: int | Ints, what: str = "w") -> Counts:
        """Return the confusion counts when every bin from `label` on is selected: one label, or one for each group."""
        positive = self.label >= (np.asarray(label)[self.group] if np.ndim(label) else label)
        key = (self.group * 2 + self.outcome) * 2 + positive
        table = _added(key, getattr(self, what), 4 * len(self.groups)).reshape(-1, 2, 2)
        return Counts(tp=table[:, 1, 1], fp=table[:, 0, 1], fn=table[:, 1, 0], tn=table[:, 0, 0])

    def selected(self, thresholds: Sequence[float]) -> Ints:
        """Return people at or above each threshold, shape (groups, 2 outcomes, thresholds)."""
        cuts = np.array([self.grid.cut(t) for t in thresholds], dtype=np.int64)
        order = np.argsort(cuts, kind="stable")
        step = np.searchsorted(cuts[order], self.label, side="right")  # how many cuts each cell reaches
        width = len(cuts) + 1
        key = (self.group * 2 + self.outcome) * width + step
        table = np.bincount(key, weights=self.n, minlength=2 * len(self.groups) * width)
        reach = table.reshape(len(self.groups), 2, width)[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
        result = np.empty(reach.shape, dtype=np.int64)
        result[..., order] = reach.astype(np.int64)
        return result

    def measure(
        self,
        metrics: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        at: float | None = None,
        *,
        replicates: int = 1000,
        seed: int = 0,
        level: float = 0.95,
    ) -> pl.DataFrame:
        """Return estimates with intervals as one long frame; see `primum.measure.table.frame`."""
        from primum.measure.table import frame

        wanted = [metrics] if isinstance(metrics, str) else list(metrics)
        return frame(self, wanted, by=by, at=at, replicates=replicates, seed=seed, level=level)

    # -- files ----------------------------------------------------------------------------------------------------

    def write(self, path: str | Path) -> Path:
        """Write the tally to a file: versioned, checksummed, without rows."""
        from primum.tally.file import to_bytes

        file = Path(path)
        file.write_bytes(to_bytes(self))
        return file

    @classmethod
    def read(cls, path: str | Path) -> ScoreTally:
        """Read a tally; see `primum.tally.file.read`."""
        from primum.tally.file import read

        return read(path)

    def frame(self) -> pl.DataFrame:
        """Return the cells as a frame, a column per attribute."""
        import polars as pl

        levels: dict[str, Any] = {
            a: [self.groups[i][j] for i in self.group.tolist()] for j, a in enumerate(self.attributes)
        }
        cells = {k: getattr(self, k) for k in ("outcome", "label", "n", *SUMS)}
        return pl.DataFrame({**levels, **cells})

    def __repr__(self) -> str:
        people = int(self.n.sum())
        by = " × ".join(self.attributes) or "everyone"
        what = f"{self.score_name} against {self.outcome_name}"
        return f"<ScoreTally {what}: {people:,} people, {len(self.groups)} groups by {by}>"

    def _repr_html_(self) -> str:
        from html import escape

        lines = [(" × ".join(self.attributes) or "group", "people", self.outcome_name)]
        for group, (without, having) in zip(self.groups, self.people().tolist(), strict=True):
            lines.append((" · ".join(group) or "everyone", f"{without + having:,}", f"{having:,}"))
        cells = ["".join(f"<td>{escape(x)}</td>" for x in line) for line in lines]
        return "<table>" + "".join(f"<tr>{c}</tr>" for c in cells) + "</table>"


def _added(key: Ints, values: npt.NDArray[Any], size: int) -> Floats:
    """Return the sum of `values` for each key below `size`."""
    return np.asarray(np.bincount(key, weights=values, minlength=size), dtype=np.float64)


def _collapse(cells: dict[str, Any], groups: int) -> dict[str, Any]:
    """Add up cells that share group, outcome and label; sort them."""
    if not len(cells["group"]):
        return cells
    span = int(cells["label"].max()) + 1
    if groups * 2 * span >= 2**62:
        raise PrimumError(f"{groups} groups are more than one tally can index.")
    key = (cells["group"] * 2 + cells["outcome"]) * span + cells["label"]
    size = groups * 2 * span
    if size <= max(_DENSE, 2 * len(key)):  # few enough possible cells to have a place each: no sorting
        there = np.zeros(size, dtype=bool)
        there[key] = True
        found, index = np.flatnonzero(there), key
    else:
        found, index = np.unique(key, return_inverse=True)
        size = len(found)
        there = np.ones(size, dtype=bool)
    added: dict[str, Any] = {k: np.bincount(index, weights=cells[k], minlength=size)[there] for k in ("w", "ws", "wss")}
    same = cells["ww"] is cells["w"]  # nobody has a weight
    added["ww"] = added["w"] if same else np.bincount(index, weights=cells["ww"], minlength=size)[there]
    added["n"] = np.bincount(index, weights=cells["n"], minlength=size)[there].astype(np.int64)
    rest, added["label"] = np.divmod(found, span)
    added["group"], added["outcome"] = np.divmod(rest, 2)
    return added
