"""Who belongs to which group: one column or several, missing membership a group of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from primum.errors import PrimumError
from primum.usecase import MISSING

ATTRIBUTE = "group"
JOIN = " · "
Texts = npt.NDArray[np.str_]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Membership:
    """Group membership of people, in one or several attributes.

    Attributes
    ----------
    attributes
        Names of the attributes.
    labels
        Text, shape (people, attributes).
    """

    attributes: tuple[str, ...]
    labels: Texts

    @cached_property
    def coded(self) -> tuple[tuple[Texts, Codes], ...]:
        """For each attribute its groups, sorted, and the number of each person's group among them."""
        return tuple(coded(self.labels[:, j]) for j in range(len(self.attributes)))

    @property
    def groups(self) -> tuple[tuple[str, str], ...]:
        """Every (attribute, group) that occurs, sorted within the attribute."""
        return tuple((a, str(g)) for a, (names, _) in zip(self.attributes, self.coded, strict=True) for g in names)

    def of(self, attribute: str, group: str) -> npt.NDArray[np.bool_]:
        """Return who belongs to a group, shape (people,)."""
        return np.asarray(self.labels[:, self.attributes.index(attribute)] == group)

    @cached_property
    def coded_cells(self) -> tuple[Texts, Codes]:
        """The groups of all attributes joined with " · " that occur (disjoint), and the number of each person's."""
        names, codes = self.coded[0]
        for more, at in self.coded[1:]:
            seen, codes = np.unique(codes * len(more) + at, return_inverse=True)
            pairs = zip(names[seen // len(more)].tolist(), more[seen % len(more)].tolist(), strict=True)
            names = np.array([JOIN.join(pair) for pair in pairs], dtype=np.str_)
        return names, codes

    @property
    def cells(self) -> Texts:
        """One label a person: the groups of all attributes joined with " · " (disjoint groups), shape (people,)."""
        names, codes = self.coded_cells
        return np.asarray(names[codes])


def coded(labels: Texts | Sequence[str]) -> tuple[Texts, Codes]:
    """Return the labels that occur, sorted, and the number of each person's label among them.

    As `np.unique(labels, return_inverse=True)`, by hashing instead of sorting: text is compared once a label.
    """
    text = pl.Series(labels.tolist() if isinstance(labels, np.ndarray) else labels, dtype=pl.String)
    names = text.unique().sort()
    codes = text.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    return np.array(names.to_list(), dtype=np.str_), codes


def membership(group: Any, n: int) -> Membership:
    """Read group membership given as a list, an array (people,) or (people, attributes), or any frame.

    Raises
    ------
    PrimumError
        If it is missing, or has another number of rows than the people.
    """
    if group is None:
        raise PrimumError(
            "Group membership is needed here and was not given.",
            expected="group=…: one label a person, or a frame with one column an attribute",
        )
    names, columns = _columns(group)
    if any(len(c) != n for c in columns):
        raise PrimumError(
            f"Group membership has {len(columns[0])} rows, the people {n}.", expected="one row a person, same order"
        )
    if not columns:
        raise PrimumError("Group membership has no columns.", expected="at least one attribute")
    text = [[MISSING if v is None or v != v else str(v) for v in c] for c in columns]  # noqa: PLR0124 - NaN
    parts = tuple(coded(c) for c in text)
    people = Membership(names, np.stack([labels[codes] for labels, codes in parts], axis=1))
    vars(people)["coded"] = parts  # known already: `cached_property` would read it off the labels again
    return people


def _columns(group: Any) -> tuple[tuple[str, ...], list[list[Any]]]:
    if isinstance(group, Membership):
        return group.attributes, [group.labels[:, j].tolist() for j in range(len(group.attributes))]
    if isinstance(group, dict):
        return tuple(map(str, group)), [list(v) for v in group.values()]
    frame = nw.from_native(group, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return tuple(frame.columns), [frame[c].to_list() for c in frame.columns]
    if isinstance(frame, nw.Series):
        return (frame.name or ATTRIBUTE,), [frame.to_list()]
    array = np.asarray(group, dtype=object)
    if array.ndim == 1:
        return (ATTRIBUTE,), [array.tolist()]
    return tuple(f"{ATTRIBUTE} {j + 1}" for j in range(array.shape[1])), [
        array[:, j].tolist() for j in range(array.shape[1])
    ]
