"""Atoms and releases: the hidden counts of the finest cross, and the numbers a reader sees of them.

An atom is one cell of the full cross of all categorical variables of a report, outcome and prediction included. Its
count is hidden. A release is one number that leaves the room: the sum over a set of atoms, of which a reader knows an
interval (a single value where it is printed exactly).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.measure.table import EVERYONE

if TYPE_CHECKING:
    from primum.tally.score import ScoreTally

Ints = npt.NDArray[np.int64]
Support = npt.NDArray[np.bool_]
Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Atoms:
    """Counts of distinct persons in the full cross of categorical variables.

    Attributes
    ----------
    names
        The variables, outcome and prediction included.
    levels
        The labels of each variable.
    counts
        Unweighted people, shape (levels of the first variable, levels of the second, …).

    Raises
    ------
    PrimumError
        If the shape does not fit, a name or label occurs twice, or a count is negative or no whole number.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    counts: Ints

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts)
        shape = tuple(len(own) for own in self.levels)
        if counts.shape != shape or len(self.names) != len(self.levels):
            raise PrimumError(
                f"The counts have the shape {counts.shape}.", expected=f"{shape}, one axis a variable: {self.names}"
            )
        for what in (self.names, *self.levels):
            if len(set(what)) != len(what):
                raise PrimumError(f"A name occurs twice in {list(what)}.", mend="give each a name of its own")
        whole = counts.astype(np.int64)
        if (whole != counts).any() or (whole < 0).any():
            raise PrimumError(
                "A count of people is negative or no whole number.",
                expected="distinct people, unweighted",
                mend="count people, not weights: a threshold protects persons",
            )
        object.__setattr__(self, "counts", whole)

    @property
    def size(self) -> int:
        """How many atoms there are."""
        return int(self.counts.size)


@dataclass(frozen=True, eq=False)
class Release:
    """One number that a reader sees.

    Attributes
    ----------
    where
        Its place in the report.
    support
        Which atoms it adds up, shape (atoms,).
    low, high
        What a reader knows of it: equal where it is printed exactly, an interval where it is rounded.
    """

    where: str
    support: Support
    low: float
    high: float


def marginals(atoms: Atoms, variables: Sequence[str]) -> list[tuple[Key, Support]]:
    """Return each cell of the table of these variables: its labels, and the atoms it adds up.

    Parameters
    ----------
    atoms
        The full cross.
    variables
        The variables of the table; none is the grand total.

    Raises
    ------
    PrimumError
        For a variable that the atoms do not have.
    """
    for name in variables:
        if name not in atoms.names:
            raise unknown("variable", name, atoms.names, where="these atoms")
    axes = [atoms.names.index(name) for name in variables]
    at = np.indices(atoms.counts.shape).reshape(len(atoms.names), -1)
    cells: list[tuple[Key, Support]] = []
    for place in np.ndindex(*(len(atoms.levels[a]) for a in axes)):
        support = np.ones(atoms.size, dtype=np.bool_)
        for axis, i in zip(axes, place, strict=True):
            support &= at[axis] == i
        cells.append((tuple(atoms.levels[a][i] for a, i in zip(axes, place, strict=True)), support))
    return cells


def place(variables: Sequence[str], key: Sequence[str]) -> str:
    """Return the name of a cell: "sex=women · outcome=1"; "everyone" for the grand total."""
    return " · ".join(f"{name}={label}" for name, label in zip(variables, key, strict=True)) or EVERYONE


def people(atoms: Atoms, support: Support) -> int:
    """Return how many people a set of atoms holds."""
    return int(atoms.counts.reshape(-1)[support].sum())


def exact(atoms: Atoms, variables: Sequence[str]) -> list[Release]:
    """Return every cell of a table as it would be printed without protection."""
    cells = marginals(atoms, variables)
    found = [(place(variables, key), support, float(people(atoms, support))) for key, support in cells]
    return [Release(where, support, n, n) for where, support, n in found]


def known(release: Release) -> bool:
    """Whether a reader knows the number exactly."""
    return math.isclose(release.low, release.high)


def from_tally(tally: ScoreTally, threshold: float) -> Atoms:
    """Return the atoms of a tally at a decision threshold: its attributes × outcome × prediction.

    Raises
    ------
    PrimumError
        If the threshold was not declared before counting, or an attribute has the name of outcome or prediction.
    """
    decided = tally.decided(threshold)
    levels = tuple(tuple(sorted({g[i] for g in decided.groups})) for i in range(len(decided.attributes)))
    counts = np.zeros((*(len(own) for own in levels), 2, 2), dtype=np.int64)
    at = [tuple(levels[i].index(label) for i, label in enumerate(g)) for g in decided.groups]
    for group, outcome, label, n in zip(decided.group, decided.outcome, decided.label, decided.n, strict=True):
        counts[(*at[int(group)], int(outcome), int(label))] += n
    return Atoms((*decided.attributes, "outcome", "prediction"), (*levels, ("0", "1"), ("0", "1")), counts)
