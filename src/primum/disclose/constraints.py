"""What a set of releases says about the hidden counts, as linear equalities and intervals over whole numbers ≥ 0.

People of atoms that no release and no question tells apart are one unknown: a sum of whole numbers ≥ 0 is itself a
whole number ≥ 0, so nothing is lost. This makes the attack on a whole report small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.disclose.releases import Release
from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Support = npt.NDArray[np.bool_]
Outcome = Literal["solved", "unbounded", "time ran out", "contradictory", "failed"]

RESIDUAL = 1e-6
MANY_ROWS = 1500


@dataclass(frozen=True, eq=False)
class System:
    """Releases as rows over merged unknowns.

    Attributes
    ----------
    cells
        Number of unknowns.
    cell_of
        Which unknown each atom belongs to, shape (atoms,).
    equal, value
        Exact releases: 0/1 rows, shape (exact, cells), and their values.
    between, low, high
        Releases known as an interval: 0/1 rows, shape (intervals, cells), and their limits; ±∞ for none.
    """

    cells: int
    cell_of: npt.NDArray[np.intp]
    equal: Any
    value: Floats
    between: Any
    low: Floats
    high: Floats

    def row(self, support: Support) -> Floats:
        """Return a set of atoms as a 0/1 row over the unknowns."""
        row = np.zeros(self.cells)
        row[self.cell_of[support]] = 1.0
        return row


def system(releases: Sequence[Release], questions: Sequence[Support]) -> System:
    """Return the releases as a system over as few unknowns as they and the questions tell apart.

    Parameters
    ----------
    releases
        What a reader sees.
    questions
        Sets of atoms that will be asked about, each of shape (atoms,).

    Raises
    ------
    PrimumError
        If the supports have different lengths, a limit is no number, or a lower limit exceeds its upper one.
    """
    from scipy.sparse import csr_array

    supports = [np.asarray(r.support, dtype=bool).reshape(-1) for r in releases]
    asked = [np.asarray(q, dtype=bool).reshape(-1) for q in questions]
    sizes = {len(s) for s in [*supports, *asked]}
    if len(sizes) != 1:
        raise PrimumError(
            f"The releases and questions speak of {sorted(sizes)} atoms.",
            expected="one list of atoms for all of them",
            mend="express all over the same cross of variables; ledger.earlier() does so for earlier exports",
        )
    for release in releases:
        if not release.low <= release.high:
            raise PrimumError(
                f"The release '{release.where}' lies between {release.low} and {release.high}.",
                expected="a lower limit not above the upper one, both numbers",
            )
    told = np.vstack([*supports, *asked])
    _, first, cell_of = np.unique(np.packbits(told, axis=0), axis=1, return_index=True, return_inverse=True)
    rows = told[: len(supports)][:, first]
    low = np.array([r.low for r in releases], dtype=np.float64)
    high = np.array([r.high for r in releases], dtype=np.float64)
    exact = np.isfinite(low) & (high - low <= 1e-9)
    return System(
        cells=len(first),
        cell_of=np.asarray(cell_of).reshape(-1),
        equal=csr_array(rows[exact].astype(np.float64)),
        value=low[exact],
        between=csr_array(rows[~exact].astype(np.float64)),
        low=low[~exact],
        high=high[~exact],
    )


class RowSpace:
    """The test whether a count follows from exact releases by adding and subtracting them.

    A count c is recovered if some weights y have yᵀA = c. The least squares solution is exact up to rounding: small
    systems through the eigenvectors of A Aᵀ, large ones through LSQR, and in both the residual itself is looked at.
    """

    def __init__(self, known: System) -> None:
        self._equal, self._value = known.equal, known.value
        self._roots: tuple[Floats, Floats] | None = None
        if 0 < len(self._value) <= MANY_ROWS:
            sizes, vectors = np.linalg.eigh((self._equal @ self._equal.T).toarray())
            keep = sizes > 1e-10 * max(1.0, float(sizes[-1]))
            self._roots = (sizes[keep], vectors[:, keep])

    def value(self, row: Floats) -> float | None:
        """Return the value of the count over `row` if it is recovered, else None."""
        if not len(self._value):
            return None
        if self._roots is not None:
            sizes, vectors = self._roots
            weights = vectors @ ((vectors.T @ (self._equal @ row)) / sizes)
        else:
            from scipy.sparse.linalg import lsqr

            weights = lsqr(self._equal.T, row, atol=1e-12, btol=1e-12, conlim=0.0)[0]
        residual = float(np.linalg.norm(self._equal.T @ weights - row))
        return float(weights @ self._value) if residual < RESIDUAL else None


def extreme(known: System, row: Floats, *, largest: bool, whole: bool, seconds: float) -> tuple[Outcome, float]:
    """Return how the search for the smallest or largest possible count ended, and that count.

    Parameters
    ----------
    known
        The releases.
    row
        The count asked about.
    largest
        True for the maximum.
    whole
        True demands whole numbers of people (integer program); False is the linear relaxation, a wider interval.
    seconds
        Time that is left.
    """
    outcome, value, _ = solved(known, row, largest=largest, whole=whole, seconds=seconds)
    return outcome, value


def solved(
    known: System, row: Floats, *, largest: bool, whole: bool, seconds: float
) -> tuple[Outcome, float, Floats | None]:
    """Return as `extreme`, and a table of counts that is consistent with all releases and reaches it, if there is one.

    Such a table proves what a count can be, whatever else is asked.
    """
    if seconds <= 0:
        return "time ran out", math.nan, None
    sign = -1.0 if largest else 1.0
    found = _least(known, sign * row, seconds, whole=whole)
    outcomes: dict[int, Outcome] = {0: "solved", 1: "time ran out", 2: "contradictory", 3: "unbounded"}
    outcome = outcomes.get(int(found.status), "failed")
    if outcome == "unbounded":
        return outcome, -sign * math.inf, None
    if outcome != "solved" or found.fun is None:
        return outcome, math.nan, None
    return outcome, sign * float(found.fun), np.asarray(found.x, dtype=np.float64)


def _least(known: System, cost: Floats, seconds: float, *, whole: bool) -> Any:
    """Minimise a count, by a linear program or over whole numbers."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rules = []
    if len(known.value):
        rules.append(LinearConstraint(known.equal, known.value, known.value))
    if len(known.low):
        rules.append(LinearConstraint(known.between, known.low, known.high))
    return milp(
        cost,
        integrality=np.full(known.cells, int(whole)),
        bounds=Bounds(0, np.inf),
        constraints=rules,
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
