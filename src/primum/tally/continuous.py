"""ContinuousTally: group × bin of the prediction → people and sums of powers. All that a continuous outcome needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.tally.addable import same_clustering, same_question
from primum.tally.cluster import Clusters, Shared
from primum.tally.powers import PRODUCTS, TERMS, columns

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Group = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ContinuousTally:
    """Sums of predictions and errors per group and bin of the prediction; no value of a single person is kept.

    Attributes
    ----------
    attributes, groups
        As in `ScoreTally`.
    edges
        Inner edges of the bins, increasing; the outer bins are open. The middle edge is the centre about which powers
        are taken, so that large values do not lose digits.
    group, bin
        Index into `groups`, and how many edges are at or below the prediction, of each cell, shape (cells,), sorted.
    n
        People of each cell, shape (cells,).
    w, ww
        Σ w z, shape (cells, 7), and Σ w² of products of terms, shape (cells, 21); see `primum.tally.powers`.
    left_out
        (group tuple) → people without an outcome or a prediction, not counted in the cells.
    clusters
        Σ_c T_c T_cᵀ with T_c = Σ w z over the people of cluster c; None when everyone is independent.
    """

    attributes: tuple[str, ...]
    groups: tuple[Group, ...]
    edges: tuple[float, ...]
    group: Ints
    bin: Ints
    n: Ints
    w: Floats
    ww: Floats
    outcome_name: str = "outcome"
    prediction_name: str = "prediction"
    left_out: dict[Group, int] = field(default_factory=dict)
    clusters: Clusters | None = None

    @property
    def centre(self) -> float:
        """The prediction about which powers are taken."""
        return self.edges[len(self.edges) // 2]

    def __add__(self, other: ContinuousTally) -> ContinuousTally:
        return self.merge(other)

    def merge(self, other: ContinuousTally) -> ContinuousTally:
        """Return the tally of both sets of people. A group that only one side has is kept as it is.

        Raises
        ------
        PrimumError
            If attributes, outcome or edges differ, or only one side has clusters.
        """
        same_question(self, other)
        if self.edges != other.edges:
            raise PrimumError(
                f"These tallies cannot be added: the edges of their bins differ ({_shown(self.edges)} against "
                f"{_shown(other.edges)}).",
                expected="the same edges at every site",
                mend="count again with edges=… of the other tally",
            )
        same_clustering(self, other)
        groups = tuple(sorted(set(self.groups) | set(other.groups)))
        at = {g: i for i, g in enumerate(groups)}
        parts = [np.array([at[g] for g in t.groups], dtype=np.int64)[t.group] for t in (self, other)]
        left = dict(self.left_out)
        for key, k in other.left_out.items():
            left[key] = left.get(key, 0) + k
        linked = self.clusters.merge(other.clusters) if self.clusters and other.clusters else None
        sums = {k: np.concatenate([getattr(self, k), getattr(other, k)]) for k in ("bin", "n", "w", "ww")}
        cells = collapsed({"group": np.concatenate(parts), **sums}, len(self.edges) + 1)
        return replace(self, groups=groups, left_out=left, clusters=linked, **cells)

    def by(self, *names: str | Sequence[str]) -> ContinuousTally:
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
        keep = [self.attributes.index(n) for n in wanted]
        return replace(_renamed(self, [tuple(g[i] for i in keep) for g in self.groups]), attributes=wanted)

    def without(self, group: Group) -> ContinuousTally:
        """Return everyone outside `group` as one group named '(everyone else)'."""
        name = ("(everyone else)",) * len(self.attributes)
        kept = np.array([g != group for g in self.groups], dtype=bool)[self.group]
        cells = {k: getattr(self, k)[kept] for k in ("group", "bin", "n", "w", "ww")}
        left = {k: v for k, v in self.left_out.items() if k != group}
        rest = _renamed(replace(self, left_out=left, **cells), [name] * len(self.groups))
        if self.clusters is None:
            return rest
        shared = self.clusters.rest(self.attributes, group)
        views = {self.attributes: {} if shared is None else {name: shared}}
        crossing = {self.attributes: self.clusters.crossing.get(self.attributes, 0)}
        return replace(rest, clusters=Clusters(self.clusters.name, views, crossing))

    def shared(self, group: int) -> Shared | None:
        """Return what the clusters of one group share; None when everyone is independent."""
        return None if self.clusters is None else self.clusters.of(self.attributes, self.groups[group])

    def totals(self) -> tuple[Ints, Floats, Floats]:
        """Return people, Σ w z and Σ w² of the products per group: shapes (groups,), (groups, 7), (groups, 21)."""
        size = len(self.groups)
        people = np.bincount(self.group, weights=self.n, minlength=size).astype(np.int64)
        return people, added(self.group, self.w, size), added(self.group, self.ww, size)

    def frame(self) -> pl.DataFrame:
        """Return the cells as a frame: a column per attribute, bin, people, and sums in the units of the outcome."""
        import polars as pl

        levels: dict[str, Any] = {
            a: [self.groups[i][j] for i in self.group.tolist()] for j, a in enumerate(self.attributes)
        }
        w, u, e, uu, ue, ee, size = self.w.T
        p, c = u + self.centre * w, self.centre
        pp, pe = uu + 2 * c * u + c**2 * w, ue + c * e
        named = {"w": w, "predicted": p, "predicted²": pp, "outcome": p - e, "outcome²": pp - 2 * pe + ee}
        named |= {"predicted · outcome": pp - pe, "error²": ee, "|error|": size}
        return pl.DataFrame({**levels, "bin": self.bin, "n": self.n, **named})

    def __repr__(self) -> str:
        by = " × ".join(self.attributes) or "everyone"
        what = f"{self.prediction_name} against {self.outcome_name}"
        return f"<ContinuousTally {what}: {int(self.n.sum()):,} people, {len(self.groups)} groups by {by}>"


def added(key: Ints, values: Floats, size: int) -> Floats:
    """Return the sums of the rows of `values` for each key below `size`, shape (size, columns)."""
    out = np.zeros((size, values.shape[1]))
    np.add.at(out, key, values)
    return out


def collapsed(cells: dict[str, Any], bins: int) -> dict[str, Any]:
    """Add up cells that share group and bin; sort them."""
    found, index = np.unique(cells["group"] * bins + cells["bin"], return_inverse=True)
    group, at = np.divmod(found, bins)
    n = np.bincount(index, weights=cells["n"], minlength=len(found)).astype(np.int64)
    return {"group": group, "bin": at, "n": n, **{k: added(index, cells[k], len(found)) for k in ("w", "ww")}}


def sums_of(prediction: npt.ArrayLike, outcome: npt.ArrayLike, centre: float) -> tuple[Floats, Floats]:
    """Return z and the products of each person, shapes (people, 7) and (people, 21): the sums, written out."""
    p = np.asarray(prediction, dtype=np.float64)
    u, e = p - centre, p - np.asarray(outcome, dtype=np.float64)
    return np.stack(columns(u, e, TERMS), axis=-1), np.stack(columns(u, e, PRODUCTS), axis=-1)


def _shown(edges: tuple[float, ...]) -> str:
    inner = ", ".join(f"{x:g}" for x in (edges if len(edges) <= 4 else edges[:3]))
    return f"{inner}{'' if len(edges) <= 4 else f', … {edges[-1]:g}'}"


def _renamed(tally: ContinuousTally, names: Sequence[Group]) -> ContinuousTally:
    """Return the tally with a new name for each group; groups of the same name are added up."""
    groups = tuple(sorted(set(names)))
    at = {g: i for i, g in enumerate(groups)}
    to = np.array([at[g] for g in names], dtype=np.int64)
    old = dict(zip(tally.groups, names, strict=True))
    left: dict[Group, int] = {}
    for key, k in tally.left_out.items():
        left[old[key]] = left.get(old[key], 0) + k
    cells = {"group": to[tally.group], **{k: getattr(tally, k) for k in ("bin", "n", "w", "ww")}}
    return replace(tally, groups=groups, left_out=left, **collapsed(cells, len(tally.edges) + 1))
