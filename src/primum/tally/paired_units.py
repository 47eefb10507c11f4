"""UnitTally: what a change of model changes for families, practices or weighted people, equal ones counted together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.tally.paired import binary, distinct, members

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Group = tuple[str, ...]
View = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Units:
    """The units of one group.

    Attributes
    ----------
    vectors
        Total weight of a unit's people by (outcome, first decision, second decision), distinct ones only,
        shape (k, 2, 2, 2).
    counts
        How many units have each, shape (k,).
    people
        People in them.
    """

    vectors: Floats
    counts: Ints
    people: int


@dataclass(frozen=True, eq=False)
class UnitTally:
    """Distinct units and how many there are of each, for every way of grouping that was asked for.

    Attributes
    ----------
    views
        Names of attributes → group → its units. A unit with people in several groups is counted in each.
    max_weight, max_size
        Declared beforehand: the greatest weight of one person, the most people in one unit.
    word
        What a unit is, in the plural: "people", "families".

    Notes
    -----
    Weights that all differ make every unit distinct: such a tally is as telling as rows, and is not for release.
    """

    views: Mapping[View, Mapping[Group, Units]]
    max_weight: float
    max_size: int
    word: str

    def merge(self, other: UnitTally) -> UnitTally:
        """Return the tally of both; a unit lies wholly in one of them.

        Raises
        ------
        PrimumError
            If they were counted by other groupings, or under other declared limits.
        """
        mine, theirs = (self.max_weight, self.max_size, self.word), (other.max_weight, other.max_size, other.word)
        if set(self.views) != set(other.views) or mine != theirs:
            raise PrimumError(
                f"These tallies of units cannot be added: {sorted(self.views)}, {mine} and {sorted(other.views)}, "
                f"{theirs}.",
                expected="the same groupings, greatest weight, greatest size and kind of unit",
            )
        views = {
            view: {
                g: _together([t[g] for t in (mine, other.views[view]) if g in t])
                for g in sorted({*mine, *other.views[view]})
            }
            for view, mine in self.views.items()
        }
        return UnitTally(views, self.max_weight, self.max_size, self.word)

    def __add__(self, other: UnitTally) -> UnitTally:
        return self.merge(other)


def count_units(
    outcome: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: Mapping[str, Any],
    *,
    clusters: Sequence[Any] | npt.NDArray[Any] | None = None,
    weights: npt.ArrayLike | None = None,
    max_weight: float | None = None,
    max_size: int | None = None,
    views: Iterable[View] | None = None,
    word: str = "",
) -> UnitTally:
    """Count units: clusters of people who belong together, weighted people, or both.

    Parameters
    ----------
    outcome, first, second
        0/1, shape (people,).
    groups
        Attribute → labels, shape (people,).
    clusters
        A code for each person's cluster (family, practice, person with several visits); None: each on their own.
    weights
        Sampling weights ≥ 0; None: 1 each.
    max_weight, max_size
        The greatest weight one person can have, and the most people one unit can hold. Declared, not looked up in
        these data: the bounds of the certificate rest on them. Needed where there are weights, or clusters.
    views
        Groupings to count; each attribute on its own if left out.
    word
        What a unit is, in the plural.

    Raises
    ------
    PrimumError
        If a limit is missing or exceeded, a weight is negative or missing, or a cluster code is missing.
    """
    y = binary(outcome, "outcome")
    if not y.size == np.size(first) == np.size(second):
        raise PrimumError("Outcome and decisions differ in length.", expected="one row a person in each")
    cell = (y * 2 + binary(first, "first decision")) * 2 + binary(second, "second decision")
    w, top = _weights(weights, y.size, max_weight)
    unit, size = _clusters(clusters, y.size, max_size)
    wanted = [tuple(v) for v in views] if views is not None else [(a,) for a in groups]
    result: dict[View, dict[Group, Units]] = {}
    for view in wanted:
        for name in view:
            if name not in groups:
                raise unknown("attribute", name, list(groups), where="these groups")
        found, at = members({name: groups[name] for name in view}, y.size)
        result[view] = {g: _units(cell[at == k], w[at == k], unit[at == k]) for k, g in enumerate(found)}
    return UnitTally(result, top, size, word or ("people" if clusters is None else "clusters"))


def _units(cell: Ints, weight: Floats, unit: Ints) -> Units:
    size = int(unit.max()) + 1 if unit.size else 0
    there, at = distinct(unit, size)
    sums: Floats = np.bincount(at * 8 + cell, weights=weight, minlength=8 * len(there)).astype(np.float64)
    return _together([Units(sums.reshape(-1, 2, 2, 2), np.ones(len(there), dtype=np.int64), len(cell))])


def _together(parts: list[Units]) -> Units:
    import polars as pl

    flat = np.concatenate([u.vectors.reshape(-1, 8) for u in parts])
    # sums of the same weights in another order differ in the last digit: twelve digits make them equal again
    columns = [f"{k}" for k in range(8)]
    frame = pl.DataFrame(np.round(flat, 12), schema=columns, orient="row").with_columns(
        pl.Series("units", np.concatenate([u.counts for u in parts]))
    )
    found = frame.group_by(columns).agg(pl.col("units").sum()).sort(columns)
    vectors = found.select(columns).to_numpy().reshape(-1, 2, 2, 2)
    return Units(vectors, found["units"].to_numpy().astype(np.int64), sum(u.people for u in parts))


def _weights(weights: npt.ArrayLike | None, n: int, top: float | None) -> tuple[Floats, float]:
    if weights is None:
        return np.ones(n), 1.0
    w = np.asarray(weights, dtype=np.float64).ravel()
    if w.size != n or not np.isfinite(w).all() or (w < 0).any():
        raise PrimumError(
            f"There are {w.size} weights for {n} people, {int((~np.isfinite(w)).sum())} missing and "
            f"{int((w < 0).sum())} negative.",
            expected="one weight of at least 0 for everybody",
        )
    greatest = float(w.max(initial=0.0))
    if top is None or not top > 0 or greatest > top:
        raise PrimumError(
            f"The greatest weight is {greatest:g}; declared as the greatest possible: {top}.",
            expected="max_weight=…, declared beforehand and not exceeded",
            mend="trim the weights at a value chosen before outcomes are read; a certificate is as good as this limit",
        )
    return w, float(top)


def _clusters(clusters: Sequence[Any] | npt.NDArray[Any] | None, n: int, top: int | None) -> tuple[Ints, int]:
    if clusters is None:
        return np.arange(n), 1
    found, unit = members({"cluster": clusters}, n)
    if ("(missing)",) in found:
        raise PrimumError(
            "Some people have no cluster code.",
            expected="a code for everybody",
            mend="give those who belong to nobody a code of their own",
        )
    greatest = int(np.bincount(unit).max()) if n else 0
    if top is None or top < 1 or greatest > top:
        raise PrimumError(
            f"The largest cluster has {greatest} people; declared as the largest possible: {top}.",
            expected="max_size=…, declared beforehand and not exceeded",
            mend="use smaller units (the household, not the hospital): a certificate is as good as this limit",
        )
    return unit, int(top)
