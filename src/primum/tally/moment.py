"""MomentTally: group → people, Σw, Σwx, Σwx² of some columns; means and spreads that can be added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.tally.engine import collected
from primum.tally.named import coded, series


@dataclass(frozen=True, eq=False)
class MomentTally:
    """Sums per group of patients.

    Attributes
    ----------
    attributes, groups
        As in `ScoreTally`.
    columns
        Names of the numbers summed.
    people
        Rows per group, shape (groups,).
    n, x, xx
        Known values, their sum and sum of squares, shape (groups, columns).
    """

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    people: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    x: npt.NDArray[np.float64]
    xx: npt.NDArray[np.float64]

    def __add__(self, other: MomentTally) -> MomentTally:
        return self.merge(other)

    def merge(self, other: MomentTally) -> MomentTally:
        """Return the tally of both sets of people.

        Raises
        ------
        PrimumError
            If attributes or columns differ.
        """
        for name in ("attributes", "columns"):
            if getattr(self, name) != getattr(other, name):
                raise PrimumError(
                    f"These tallies cannot be added: their {name} differ "
                    f"({list(getattr(self, name))} against {list(getattr(other, name))})."
                )
        groups = tuple(sorted(set(self.groups) | set(other.groups)))
        return _stack([self, other], groups, [lambda g: g] * 2)

    def by(self, *names: str) -> MomentTally:
        """Return the tally of fewer attributes; `by()` is everyone together."""
        for name in names:
            if name not in self.attributes:
                raise unknown("attribute", name, self.attributes, where="this tally")
        keep = [self.attributes.index(n) for n in names]

        def short(g: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(g[i] for i in keep)

        groups = tuple(sorted({short(g) for g in self.groups}))
        return replace(_stack([self], groups, [short]), attributes=tuple(names))

    def order(self, labels: Sequence[str]) -> MomentTally:
        """Return the groups in the order of these labels (levels joined with " · "); others follow, sorted."""
        rank = {label: i for i, label in enumerate(labels)}
        groups = tuple(sorted(self.groups, key=lambda g: (rank.get(" · ".join(g), len(rank)), g)))
        return _stack([self], groups, [lambda g: g])

    def mean(self) -> npt.NDArray[np.float64]:
        """Return the means, shape (groups, columns); NaN where nothing is known."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.n > 0, self.x / self.n, np.nan)

    def sd(self) -> npt.NDArray[np.float64]:
        """Return the sample standard deviations (n − 1), shape (groups, columns); NaN below two values."""
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = (self.xx - self.x**2 / self.n) / (self.n - 1)
        return np.where(self.n > 1, np.sqrt(np.maximum(spread, 0)), np.nan)


def count_moments(frame: Any, columns: Sequence[str], by: Sequence[str] = ()) -> MomentTally:
    """Count rows into a `MomentTally`; missing values are left out of their own column only.

    Parameters
    ----------
    frame
        Any frame narwhals knows.
    columns
        Numeric (or boolean) columns.
    by
        Columns of group membership; missing membership becomes "(missing)".

    Raises
    ------
    PrimumError
        For a column that does not exist.
    """
    data = nw.from_native(frame)
    schema = data.collect_schema()
    for column in [*columns, *by]:
        if column not in schema:
            raise unknown("column", column, schema.names(), where="the data")
    x = []
    for j, c in enumerate(columns):
        value = nw.col(c).cast(nw.Float64)
        x.append(nw.when(~value.is_nan()).then(value).alias(f"x{j}"))
    wide = data.select(*[nw.col(c).alias(f"g{i}") for i, c in enumerate(by)], nw.lit(1).alias("one"), *x)
    wide = wide.with_columns(*[(nw.col(f"x{j}") * nw.col(f"x{j}")).alias(f"q{j}") for j in range(len(columns))])
    aggregates = [nw.col("one").sum().alias("people")]
    for j in range(len(columns)):
        aggregates += [
            nw.col(f"x{j}").count().alias(f"n{j}"),
            nw.col(f"x{j}").sum().alias(f"s{j}"),
            nw.col(f"q{j}").sum().alias(f"t{j}"),
        ]
    rows = collected(
        wide.group_by([f"g{i}" for i in range(len(by))]).agg(*aggregates) if by else wide.select(*aggregates)
    )
    groups, group = coded([series(rows[f"g{i}"]) for i in range(len(by))], len(rows))

    def table(letters: Sequence[str], kind: type) -> Any:
        """Add up rows of the same group (missing and not-a-number are one) and return (groups, columns)."""
        wide: Any = np.zeros((len(groups), len(letters)), dtype=kind)
        for j, name in enumerate(letters):
            np.add.at(wide[:, j], group, np.array([v or 0 for v in rows[name].to_list()], dtype=kind))
        return wide

    several = range(len(columns))
    return MomentTally(
        attributes=tuple(by),
        groups=groups,
        columns=tuple(columns),
        people=table(["people"], np.int64)[:, 0],
        n=table([f"n{j}" for j in several], np.int64),
        x=table([f"s{j}" for j in several], np.float64),
        xx=table([f"t{j}" for j in several], np.float64),
    )


def _stack(tallies: Sequence[MomentTally], groups: tuple[tuple[str, ...], ...], names: Sequence[Any]) -> MomentTally:
    at = {g: i for i, g in enumerate(groups)}
    first = tallies[0]
    shape = (len(groups), len(first.columns))
    people = np.zeros(len(groups), dtype=np.int64)
    n, x, xx = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
    for tally, name in zip(tallies, names, strict=True):
        to = np.array([at[name(g)] for g in tally.groups], dtype=np.int64)
        np.add.at(people, to, tally.people)
        np.add.at(n, to, tally.n)
        np.add.at(x, to, tally.x)
        np.add.at(xx, to, tally.xx)
    return replace(first, groups=groups, people=people, n=n, x=x, xx=xx)
