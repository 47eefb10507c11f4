"""PairedTally: group × outcome × decision of model 0 × decision of model 1 → people. What a change of model changes."""

from __future__ import annotations

from collections.abc import Mapping
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
    groups: Mapping[str, Any] | None = None,
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
        If lengths differ, or a value is missing or not 0/1.
    """
    columns = [np.asarray(v) for v in (outcome, first, second)]
    if len({len(v) for v in columns}) > 1:
        sizes = [len(v) for v in columns]
        raise PrimumError(
            f"Outcome and decisions have {sizes[0]}, {sizes[1]} and {sizes[2]} rows.", expected="the same number"
        )
    y, a, b = (
        binary(v, name) for v, name in zip(columns, ("outcome", "first decision", "second decision"), strict=True)
    )
    found, index = members(groups or {}, len(y))
    key = ((index * 2 + y) * 2 + a) * 2 + b
    n = np.bincount(key, minlength=8 * len(found)).reshape(len(found), 2, 2, 2)
    return PairedTally(attributes=tuple(groups or {}), groups=found, n=n)


def binary(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    """Return a column of 0 and 1 as whole numbers, shape (people,).

    Raises
    ------
    PrimumError
        If a value is missing, or neither 0 nor 1.
    """
    v = np.asarray(values).ravel()
    good = (v == 0) | (v == 1)
    if not good.all():
        lost = sum(_label(x) == MISSING for x in v[~good].tolist())
        if lost:
            raise PrimumError(
                f"{lost} of {v.size} people have no {name}.",
                expected="0 or 1 for everybody",
                mend="leave them out and count who they are, by group, or impute and pool the certificates",
            )
        raise PrimumError(f"The {name} has values other than 0 and 1.", expected="0 or 1")
    return v.astype(np.int64)


def members(groups: Mapping[str, Any], n: int) -> tuple[tuple[tuple[str, ...], ...], npt.NDArray[np.int64]]:
    """Return the combinations of labels that occur, sorted, and the place of each person's, shape (people,).

    Without attributes everybody belongs to (). Missing labels are the group `MISSING`.

    Raises
    ------
    PrimumError
        If a column has another number of rows.
    """
    found: tuple[tuple[str, ...], ...] = ((),)
    index = np.zeros(n, dtype=np.int64)
    for name, labels in groups.items():
        if len(labels) != n:
            raise PrimumError(
                f"The column of groups '{name}' has {len(labels)} rows, the outcome {n}.",
                expected="the same number",
            )
        known, code = _codes(labels)
        both, index = distinct(index * len(known) + code, len(found) * len(known))
        found = tuple((*found[k // len(known)], known[k % len(known)]) for k in both.tolist())
    return found, index


def distinct(key: npt.NDArray[np.int64], size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the keys (0 … size − 1) that occur, sorted, and the place of each."""
    if size > 4 * len(key) + 1000:
        there, place = np.unique(key, return_inverse=True)
        return there, place
    there = np.flatnonzero(np.bincount(key, minlength=size))
    place = np.zeros(size, dtype=np.int64)
    place[there] = np.arange(len(there))
    return there, place[key]


def _codes(labels: Any) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the distinct labels as sorted text, and the place of each person's: one look-up a person."""
    values = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    if len(set(map(type, values))) > 1:  # 1, 1.0 and True are one key but three labels
        values = [_label(v) for v in values]
    seen: dict[Any, int] = {}
    code = np.fromiter((seen.setdefault(v, len(seen)) for v in values), dtype=np.int64, count=len(values))
    text = [_label(v) for v in seen]
    known = sorted(set(text))
    place = {label: k for k, label in enumerate(known)}
    return known, np.array([place[t] for t in text], dtype=np.int64)[code]


def _label(value: Any) -> str:
    if value is None or type(value).__name__ == "NAType":
        return MISSING
    return MISSING if value != value else str(value)  # noqa: PLR0124 - only NaN differs from itself


def _spread(
    old: tuple[tuple[str, ...], ...], n: npt.NDArray[np.int64], groups: tuple[tuple[str, ...], ...]
) -> npt.NDArray[np.int64]:
    at = {g: i for i, g in enumerate(groups)}
    result = np.zeros((len(groups), *n.shape[1:]), dtype=np.int64)
    np.add.at(result, np.array([at[g] for g in old], dtype=np.int64), n)
    return result
