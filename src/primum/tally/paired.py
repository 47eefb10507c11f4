"""PairedTally: group × outcome × decision of model 0 × decision of model 1 → people. What a change of model changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.usecase import MISSING


@dataclass(frozen=True, eq=False)
class PairedTally:
    """Counts of two decisions about the same people.

    Attributes
    ----------
    attributes, groups
        As in `ScoreTally`.
    n
        People, shape (groups, outcome 0/1, decision of the first 0/1, decision of the second 0/1).
    """

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    n: npt.NDArray[np.int64]

    def __add__(self, other: PairedTally) -> PairedTally:
        return self.merge(other)

    def merge(self, other: PairedTally) -> PairedTally:
        """Return the tally of both sets of people.

        Raises
        ------
        PrimumError
            If the attributes differ.
        """
        if self.attributes != other.attributes:
            raise PrimumError(
                f"These tallies cannot be added: one is by {list(self.attributes)}, the other by "
                f"{list(other.attributes)}."
            )
        groups = tuple(sorted(set(self.groups) | set(other.groups)))
        return replace(
            self, groups=groups, n=_spread(self.groups, self.n, groups) + _spread(other.groups, other.n, groups)
        )

    def by(self, *names: str) -> PairedTally:
        """Return the tally of fewer attributes; `by()` is everyone together."""
        for name in names:
            if name not in self.attributes:
                raise unknown("attribute", name, self.attributes, where="this tally")
        keep = [self.attributes.index(k) for k in names]
        short = tuple(tuple(g[i] for i in keep) for g in self.groups)
        groups = tuple(sorted(set(short)))
        return replace(self, attributes=tuple(names), groups=groups, n=_spread(short, self.n, groups))


def count_pairs(
    outcome: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: dict[str, Any] | None = None,
) -> PairedTally:
    """Count two decisions (0/1) about the same people.

    Parameters
    ----------
    outcome, first, second
        0/1, shape (people,).
    groups
        Attribute → labels, shape (people,).

    Raises
    ------
    PrimumError
        If lengths differ or a value is not 0/1.
    """
    y, a, b = (np.asarray(v) for v in (outcome, first, second))
    if not (len(y) == len(a) == len(b)):
        raise PrimumError(
            f"Outcome and decisions have {len(y)}, {len(a)} and {len(b)} rows.", expected="the same number"
        )
    for name, v in (("outcome", y), ("first decision", a), ("second decision", b)):
        if not np.isin(v, (0, 1)).all():
            raise PrimumError(f"The {name} has values other than 0 and 1.", expected="0 or 1")
    attributes = tuple(groups or {})
    for name, labels in (groups or {}).items():
        if len(labels) != len(y):
            raise PrimumError(
                f"The column of groups '{name}' has {len(labels)} rows, the outcome {len(y)}.",
                expected="the same number",
            )
    columns = [[_label(v) for v in labels] for labels in (groups or {}).values()]
    members = list(zip(*columns, strict=True)) if attributes else [()] * len(y)
    found = tuple(sorted(set(members)))
    at = {g: i for i, g in enumerate(found)}
    index = np.fromiter((at[m] for m in members), dtype=np.int64, count=len(y))
    key = ((index * 2 + y.astype(np.int64)) * 2 + a.astype(np.int64)) * 2 + b.astype(np.int64)
    n = np.bincount(key, minlength=8 * len(found)).reshape(len(found), 2, 2, 2)
    return PairedTally(attributes=attributes, groups=found, n=n)


def _label(value: Any) -> str:
    return MISSING if value is None or value != value else str(value)  # noqa: PLR0124 - only NaN differs from itself


def _spread(
    old: tuple[tuple[str, ...], ...], n: npt.NDArray[np.int64], groups: tuple[tuple[str, ...], ...]
) -> npt.NDArray[np.int64]:
    at = {g: i for i, g in enumerate(groups)}
    result = np.zeros((len(groups), *n.shape[1:]), dtype=np.int64)
    np.add.at(result, np.array([at[g] for g in old], dtype=np.int64), n)
    return result
