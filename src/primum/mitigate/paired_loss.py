"""What one risk gives a person over another: paired gains in log loss, Brier score or net benefit, and their test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.certify.bound import bound as bound_named
from primum.certify.need import units_needed
from primum.certify.sample import Sample, sample
from primum.certify.utility import net_benefit
from primum.errors import PrimumError, unknown
from primum.finding import Estimate, Status

Floats = npt.NDArray[np.float64]
MEASURES = ("log loss", "brier", "net benefit")
EDGE = 1e-6
LEAST_EVENTS = 10
GAINS, HARMED, UNKNOWN = "gains", "harmed", "not assessable"


@dataclass(frozen=True)
class Gain:
    """The mean gain of a group and what it shows.

    Attributes
    ----------
    estimate
        Mean of (loss before − loss after), positive = better after; two one-sided 1 − α limits.
    p_gain, p_harm
        One-sided, of H0: mean gain ≤ 0, and ≥ 0.
    verdict
        "gains", "harmed" or "not assessable".
    need
        More people of this group with whom a difference of this size would show at 80 % power; None where it is
        shown, or the mean is 0 or cannot be had.
    """

    estimate: Estimate
    p_gain: float
    p_harm: float
    verdict: str
    need: int | None


def gains(
    outcome: npt.ArrayLike, before: npt.ArrayLike, after: npt.ArrayLike, measure: str, threshold: float | None = None
) -> tuple[Floats, float, float]:
    """Return each person's gain, shape (people,), and the least and greatest possible.

    Log loss takes risks within [1e-6, 1 − 1e-6]; net benefit compares decisions at the threshold.

    Raises
    ------
    PrimumError
        For an unknown measure, risks outside [0, 1], lengths that differ, or net benefit without a threshold.
    """
    if measure not in MEASURES:
        raise unknown("measure", measure, MEASURES)
    y, p, q = (np.asarray(v, dtype=np.float64).ravel() for v in (outcome, before, after))
    if not y.size == p.size == q.size:
        raise PrimumError(f"Outcome and risks have {y.size}, {p.size} and {q.size} rows.", expected="the same number")
    for name, v in (("first", p), ("second", q)):
        if not ((v >= 0) & (v <= 1)).all():
            raise PrimumError(f"The {name} risk has missing values or values outside 0 to 1.", expected="0 to 1")
    if not np.isin(y, (0, 1)).all():
        raise PrimumError("The outcome has missing values or values other than 0 and 1.", expected="0 or 1")
    if measure == "net benefit":
        utility = net_benefit(threshold)
        cut = float(threshold or 0)
        each = utility.gain[y.astype(int), (p >= cut).astype(int), (q >= cut).astype(int)]
        return each, *utility.limits
    if measure == "brier":
        return (y - p) ** 2 - (y - q) ** 2, -1.0, 1.0
    p, q = np.clip(p, EDGE, 1 - EDGE), np.clip(q, EDGE, 1 - EDGE)
    each = np.where(y == 1, np.log(q) - np.log(p), np.log1p(-q) - np.log1p(-p))
    most = math.log(1 - EDGE) - math.log(EDGE)
    return each, -most, most


def usual_bound(measure: str) -> str:
    """Return the default bound: Gaffke's for net benefit, where harm is rare; Student's t for losses that all have."""
    return "gaffke" if measure == "net benefit" else "student"


def judged(
    each: Floats, outcome: npt.ArrayLike, low: float, high: float, *, alpha: float, bound: str, seed: int = 0
) -> Gain:
    """Return the mean gain of one group, its limits and its verdict.

    Not assessable, whatever the limits say, below 10 people with (or without) the outcome.

    Parameters
    ----------
    each
        Gains of the group's people, shape (people,), from models that never saw them.
    outcome
        Their outcome.
    low, high
        Least and greatest possible gain.
    alpha
        Level of each one-sided test.
    bound
        A name of `certify.bound`.
    seed
        Of the bound.
    """
    y = np.asarray(outcome)
    n, events = len(each), int(y.sum())
    b = bound_named(bound)
    found: Sample = sample(each, low=low, high=high)
    method = f"{b.name}, two one-sided limits"
    if n == 0 or not found.values.any():
        value, reason = (math.nan, "nobody of this group") if n == 0 else (0.0, "the two risks do the same for all")
        status = Status.NOT_ESTIMABLE if n == 0 else Status.OK
        e = Estimate(value, value, value, method, n, events, n - events, status, reason, 1 - 2 * alpha)
        return Gain(e, 1.0, 1.0, UNKNOWN, None)
    mirror = found.mirrored
    limits = b.lower(found, alpha, seed=seed), -b.lower(mirror, alpha, seed=seed)
    p_gain, p_harm = b.p_value(found, 0.0, seed=seed), b.p_value(mirror, 0.0, seed=seed)
    few = min(events, n - events) < LEAST_EVENTS
    verdict = UNKNOWN if few else GAINS if limits[0] > 0 else HARMED if limits[1] < 0 else UNKNOWN
    reason = f"fewer than {LEAST_EVENTS} people with, or without, the outcome" if few else ""
    status = Status.IMPRECISE if few else Status.OK
    estimate = Estimate(found.mean, *limits, method, n, events, n - events, status, reason, 1 - 2 * alpha)
    need = None
    if verdict == UNKNOWN and found.mean != 0:
        wanted = units_needed(found if found.mean > 0 else mirror, 0.0, alpha)
        need = max(1, math.ceil(wanted) - n) if math.isfinite(wanted) else None
    return Gain(estimate, float(p_gain), float(p_harm), verdict, need)


def level(alpha: float) -> float:
    """Return the level of a test.

    Raises
    ------
    PrimumError
        If it is not above 0 and below one half.
    """
    if not 0 < alpha < 0.5:
        raise PrimumError(f"alpha is {alpha!r}.", expected="a level above 0 and below 0.5, such as 0.05")
    return float(alpha)
