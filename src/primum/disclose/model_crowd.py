"""The training people behind the parts of a model: distinct persons and households, never rows and never weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.disclose.presets import Policy
from primum.disclose.units import LEVELS
from primum.errors import PrimumError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """Whose the training rows are.

    Attributes
    ----------
    rows
        How many training rows there are.
    codes
        Unit of each row by level, whole numbers, shape (rows,); None where every row is a person of its own.
    least
        The least number of units by level; levels that the policy leaves to a person are not in it.
    uncounted
        Levels that the policy has a number for and nobody gave identifiers of.
    """

    rows: int
    codes: Mapping[str, Ints | None]
    least: Mapping[str, int]
    uncounted: tuple[str, ...] = ()

    @property
    def t(self) -> int:
        """The least number of persons."""
        return self.least["persons"]

    @property
    def people(self) -> int:
        """Distinct persons."""
        code = self.codes["persons"]
        return self.rows if code is None else len(np.unique(code))


def crowd(
    rows: int,
    policy: Policy,
    *,
    persons: npt.ArrayLike | None = None,
    households: npt.ArrayLike | None = None,
    institutions: npt.ArrayLike | None = None,
) -> Crowd:
    """Return whose the training rows are.

    Parameters
    ----------
    rows
        Number of training rows.
    policy
        Thresholds of each level.
    persons, households, institutions
        An identifier a row, shape (rows,). Without persons every row is somebody else.

    Raises
    ------
    PrimumError
        If identifiers are not one a row.
    """
    codes: dict[str, Ints | None] = {}
    least: dict[str, int] = {}
    uncounted = []
    for level, given, key in zip(
        LEVELS, (persons, households, institutions), ("t", "t_household", "t_institution"), strict=True
    ):
        if isinstance(policy[key], int):
            if given is not None or level == "persons":
                least[level] = int(policy[key])
            else:
                uncounted.append(level)
        codes[level] = None
        if given is not None:
            column = np.asarray(given)
            if column.shape != (rows,):
                raise PrimumError(f"The {level} have {len(column)} rows.", expected=f"{rows}, one a training row")
            codes[level] = np.unique(column, return_inverse=True)[1].astype(np.int64)
    return Crowd(rows, codes, least, tuple(uncounted))


def behind(people: Crowd, groups: npt.ArrayLike, k: int, level: str = "persons") -> Ints:
    """Return the distinct units in each of k groups, shape (k,).

    Parameters
    ----------
    people
        Whose the rows are.
    groups
        Group of each row, 0 … k − 1, shape (rows,); rows below 0 are in none.
    k
        Number of groups.
    level
        "persons", "households" or "institutions".
    """
    at = np.asarray(groups, dtype=np.int64)
    code = people.codes[level]
    if code is None:
        return np.bincount(at[at >= 0], minlength=k)
    pairs = np.unique(at[at >= 0] * (int(code.max()) + 1) + code[at >= 0])
    return np.bincount(pairs // (int(code.max()) + 1), minlength=k)


def short(people: Crowd, groups: npt.ArrayLike, k: int, *, cap: npt.ArrayLike | None = None) -> npt.NDArray[np.bool_]:
    """Return which groups have somebody in them and too few units on any level, shape (k,).

    Parameters
    ----------
    people, groups, k
        As in `behind`.
    cap
        Rows that a group was in truth fitted on, shape (k,), where that is fewer than fall into it (bootstrap, folds);
        nobody can stand behind it more often than that.
    """
    found = np.zeros(k, dtype=np.bool_)
    most = np.full(k, people.rows) if cap is None else np.asarray(cap)
    for level, least in people.least.items():
        n = np.minimum(behind(people, groups, k, level), most)
        found |= (n > 0) & (n < least)
    return found
