"""Demographic disparity of a decision, as it is and within strata: who has more than its part of the refusals?

DD_g = n_g(refused)/n(refused) − n_g(accepted)/n(accepted), and CDD_g = (1/n) Σ_s n_s DD_g,s over strata s.
Source: Wachter, Mittelstadt & Russell (2021), Comput Law Secur Rev 41:105567; the definition of AWS SageMaker Clarify.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.intervals import z_value
from primum.measure.kernel import divide

Floats = npt.NDArray[np.float64]
NO_STRATUM = "no stratum holds people with either decision"
METHOD = "linearised"


@dataclass(frozen=True)
class Disparity:
    """Conditional demographic disparity of every group.

    Attributes
    ----------
    value
        CDD, shape (groups,), from −1 to 1; above 0 where the group has more of the refusals than of the acceptances.
    psi
        What a unit of weight in a cell moves each value by, shape (groups, groups, strata, 2): the group judged, the
        group of the person, the stratum, refused 0 or accepted 1.
    compared
        Share of people in strata with both decisions; the others say nothing.
    people
        People (weights) in those strata.
    """

    value: Floats
    psi: Floats
    compared: float
    people: float

    def estimates(self, squares: npt.ArrayLike, n: npt.ArrayLike, *, level: float = 0.95) -> list[Estimate]:
        """Return an estimate a group; people are independent of each other.

        Parameters
        ----------
        squares
            Σw² of refused and accepted, shape (groups, strata, 2); without weights, people.
        n
            People of each group, shape (groups,).
        level
            Of the interval.
        """
        spread = np.sqrt((self.psi**2 * np.asarray(squares, dtype=np.float64)).sum((1, 2, 3)))
        half = z_value(level) * spread
        return [
            estimate(float(v), float(v - h), float(v + h), int(k), level)
            for v, h, k in zip(self.value, half, np.asarray(n), strict=True)
        ]


def estimate(value: float, low: float, high: float, n: int, level: float, method: str = METHOD) -> Estimate:
    """Return one disparity as an estimate within [−1, 1], with a reason where there is none."""
    if not np.isfinite(value):
        nan = float("nan")
        return Estimate(nan, nan, nan, "none", n, 0, 0, Status.NOT_ESTIMABLE, NO_STRATUM, level)
    return Estimate(value, max(low, -1.0), min(high, 1.0), method, n, 0, 0, level=level)


def demographic_disparity(refused: npt.ArrayLike, accepted: npt.ArrayLike) -> Floats:
    """Return DD of each group from counts of shape (groups, ...); NaN where nobody is refused, or nobody accepted."""
    no, yes = _counts(refused, accepted)
    return np.asarray(divide(no, no.sum(0, keepdims=True)) - divide(yes, yes.sum(0, keepdims=True)), dtype=np.float64)


def conditional_disparity(refused: npt.ArrayLike, accepted: npt.ArrayLike) -> Disparity:
    """Return CDD of each group from (weighted) counts of shape (groups, strata); one stratum gives DD itself.

    A stratum in which everybody, or nobody, is refused compares nobody and is left out of the mean: 0/0 is never 0.
    The interval takes strata and decisions as random, by linearisation. It is not valid where most strata hold a
    handful of people, and CDD proves no discrimination: the strata may leave out a reason, or contain one that is
    itself unjust.

    Raises
    ------
    PrimumError
        For counts of another shape, or below 0.
    """
    no, yes = _counts(refused, accepted)
    if no.ndim != 2:
        raise PrimumError(f"These counts have {no.ndim} axes.", expected="two axes: groups × strata")
    total_no, total_yes = no.sum(0), yes.sum(0)
    usable = (total_no > 0) & (total_yes > 0)
    stratum = np.where(usable, total_no + total_yes, 0.0)
    people, everyone = float(stratum.sum()), float(no.sum() + yes.sum())
    groups, strata = no.shape
    if not people > 0:
        return Disparity(np.full(groups, np.nan), np.zeros((groups, groups, strata, 2)), 0.0, 0.0)
    part = stratum / people
    share = [np.nan_to_num(divide(k, t)) for k, t in ((no, total_no), (yes, total_yes))]
    each = np.where(usable, share[0] - share[1], 0.0)
    value = each @ part
    member = np.eye(groups)[:, :, None]
    psi = np.zeros((groups, groups, strata, 2))
    for d, (sign, total) in enumerate(((1.0, total_no), (-1.0, total_yes))):
        moved = sign * part * np.nan_to_num(divide(1.0, total)) * (member - share[d][:, None, :])
        psi[..., d] = np.where(usable, moved + ((each - value[:, None]) / people)[:, None, :], 0.0)
    return Disparity(np.asarray(value, dtype=np.float64), psi, people / everyone, people)


def reversed_by(crude: float, given: float) -> bool:
    """Say whether the strata turn the disparity round (Simpson's paradox)."""
    return bool(np.isfinite(crude) and np.isfinite(given) and crude * given < 0)


def _counts(refused: npt.ArrayLike, accepted: npt.ArrayLike) -> tuple[Any, Any]:
    no, yes = np.asarray(refused, dtype=np.float64), np.asarray(accepted, dtype=np.float64)
    if no.shape != yes.shape or not no.ndim:
        raise PrimumError(
            f"Refused and accepted people differ in shape: {no.shape} and {yes.shape}.",
            expected="a count for every group (and stratum) in both",
        )
    if not (np.isfinite(no).all() and np.isfinite(yes).all()) or (no < 0).any() or (yes < 0).any():
        raise PrimumError("A count of people is below 0 or not a number.", expected="numbers of people, 0 or more")
    return no, yes
