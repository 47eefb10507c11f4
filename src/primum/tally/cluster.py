"""People who belong together: what families, hospitals and repeat visits add to a tally.

For every cluster c and coarse cell i (outcome × score segment) of a group, T_ci is the weight of its people there.
The sum Σ_c T_ci T_cj over clusters is all that a variance by linearisation needs, and it can be added across sites
as long as a cluster lies within one site. Clusters that cross groups are counted in each; that they make two groups
alike is left out of the variance of a difference, which is then, as a rule, too large rather than too small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Group = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Shared:
    """Σ_c T_cᵢ T_cⱼ of one group, sparse: cells i, j and their sum; `clusters` is how many clusters the group has."""

    i: Ints
    j: Ints
    value: Floats
    clusters: int

    def dense(self, cells: Ints) -> Floats:
        """Return the matrix over these cells, in their order, shape (len(cells), len(cells))."""
        place = np.full(int(max(self.i.max(initial=-1), cells.max(initial=-1))) + 1, -1, dtype=np.int64)
        place[cells] = np.arange(len(cells))
        a, b = place[self.i], place[self.j]
        known = (a >= 0) & (b >= 0)
        key = a[known] * len(cells) + b[known]
        matrix = np.bincount(key, weights=self.value[known], minlength=len(cells) ** 2)
        return np.asarray(matrix, dtype=np.float64).reshape(len(cells), len(cells))

    def plus(self, other: Shared, sign: int = 1) -> Shared:
        """Return the sum (or, with sign −1, the difference) of two groups without common clusters."""
        return Shared(
            np.concatenate([self.i, other.i]),
            np.concatenate([self.j, other.j]),
            np.concatenate([self.value, sign * other.value]),
            self.clusters + sign * other.clusters,
        )


@dataclass(frozen=True, eq=False)
class Clusters:
    """Shared sums of every group, for each way of grouping that was asked for when counting.

    `views` maps attribute names → group → sums; `crossing` maps the same names → clusters with people in several
    groups.
    """

    name: str
    views: dict[tuple[str, ...], dict[Group, Shared]]
    crossing: dict[tuple[str, ...], int]

    def merge(self, other: Clusters) -> Clusters:
        """Return the sums of two sites whose clusters do not overlap.

        Raises
        ------
        PrimumError
            If the two were not counted for the same groupings.
        """
        if set(self.views) != set(other.views):
            raise PrimumError("These tallies cannot be added: their clusters were counted for different groupings.")
        views: dict[tuple[str, ...], dict[Group, Shared]] = {}
        for view, groups in self.views.items():
            both = dict(groups)
            for g, shared in other.views[view].items():
                both[g] = both[g].plus(shared) if g in both else shared
            views[view] = both
        return replace(self, views=views, crossing={v: k + other.crossing[v] for v, k in self.crossing.items()})

    def of(self, view: tuple[str, ...], group: Group) -> Shared | None:
        """Return the sums of one group; None for a group without people.

        Raises
        ------
        PrimumError
            If this grouping was not asked for when counting.
        """
        if view not in self.views:
            raise PrimumError(
                f"The clusters ('{self.name}') were not counted by {' × '.join(view) or 'everyone'}.",
                available=[" × ".join(v) or "everyone" for v in self.views],
                mend="count again with this intersection among views=[…]",
            )
        return self.views[view].get(group)

    def rest(self, view: tuple[str, ...], group: Group) -> Shared | None:
        """Return the sums of everyone outside a group: all less the group's own (exact when no cluster crosses)."""
        everyone, own = self.of((), ()), self.of(view, group)
        return everyone if everyone is None or own is None else everyone.plus(own, -1)


def shared_sums(
    cluster: Ints,
    cell: Ints,
    weight: Floats,
    members: Sequence[Group],
    attributes: tuple[str, ...],
    views: Any,
    name: str,
) -> Clusters:
    """Return the sums over clusters for every view.

    Parameters
    ----------
    cluster, cell, weight
        Code of the cluster, of the coarse cell, and Σw of each row of a table counted by cluster, groups and cell.
    members
        The group of each row, a level per attribute.
    attributes, views
        Names of the attributes; tuples of names to group by.
    name
        Of the cluster column, for messages.
    """
    found: dict[tuple[str, ...], dict[Group, Shared]] = {}
    crossing: dict[tuple[str, ...], int] = {}
    for view in views:
        keep = [attributes.index(a) for a in view]
        short = [tuple(m[k] for k in keep) for m in members]
        groups = sorted(set(short))
        code = _codes(short, groups)
        found[view] = {
            g: _of_group(cluster[code == k], cell[code == k], weight[code == k]) for k, g in enumerate(groups)
        }
        pairs = np.unique(np.stack([cluster, code]), axis=1)
        crossing[view] = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    return Clusters(name=name, views=found, crossing=crossing)


def _codes(short: Sequence[Group], groups: Sequence[Group]) -> Ints:
    at: Mapping[Group, int] = {g: i for i, g in enumerate(groups)}
    return np.fromiter((at[s] for s in short), dtype=np.int64, count=len(short))


def _of_group(cluster: Ints, cell: Ints, weight: Floats) -> Shared:
    from scipy.sparse import coo_array

    rows, row = np.unique(cluster, return_inverse=True)
    cells, column = np.unique(cell, return_inverse=True)
    t = coo_array((weight, (row, column)), shape=(len(rows), len(cells))).tocsr()
    s = (t.T @ t).tocoo()
    i, j = s.coords
    return Shared(cells[i].astype(np.int64), cells[j].astype(np.int64), np.asarray(s.data, dtype=np.float64), len(rows))
