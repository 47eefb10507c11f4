"""The paired difference: what the change of model is worth to one unit of a group, and limits on its mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.certify.bound import Bound
from primum.certify.sample import Sample, sample
from primum.certify.utility import Utility

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The units of one group: people, or weighted people, or clusters of them.

    Attributes
    ----------
    vectors
        Total weight of a unit's people by (outcome, decision before, decision after), shape (k, 2, 2, 2).
    counts
        How many units have each, shape (k,).
    load
        The greatest total weight of one unit, declared; None where each unit is one person of weight 1.
    word
        What a unit is, in the plural.
    """

    vectors: Floats
    counts: Ints
    load: float | None = None
    word: str = "people"


@dataclass(frozen=True, eq=False)
class Worth:
    """What a change of decision is worth to one person, and who is counted.

    Attributes
    ----------
    values
        Shape (2, 2, 2), indexed [outcome, decision before, decision after].
    counted
        Outcomes of the people over whom the mean is taken, shape (2,).
    """

    values: Floats
    counted: npt.NDArray[np.bool_]

    @property
    def low(self) -> float:
        """The worst that can happen to one person."""
        return float(self.values[self.counted].min())

    @property
    def high(self) -> float:
        """The best that can happen to one person."""
        return float(self.values[self.counted].max())


def worth(utility: Utility) -> Worth:
    """Return what the utility says of each change."""
    return Worth(utility.gain, utility.counted)


def people(pairs_n: npt.ArrayLike) -> Evidence:
    """Return counts (outcome, before, after) as units of one person each."""
    n = np.asarray(pairs_n, dtype=np.int64).ravel()
    return Evidence(np.eye(8)[n > 0].reshape(-1, 2, 2, 2), n[n > 0])


def difference_sample(pairs_n: npt.ArrayLike, utility: Utility) -> Sample:
    """Return the paired differences d = u(after, y) − u(before, y) of one group.

    Parameters
    ----------
    pairs_n
        People by (outcome, decision before, decision after), shape (2, 2, 2).
    utility
        Its limits bound the sample; with `among` "cases" only cases are in it.
    """
    return excess(people(pairs_n), worth(utility), 0.0)


def excess(evidence: Evidence, scale: Worth, null: float) -> Sample:
    """Return z = Σ weight · (value − null) of every unit that has a person to count.

    E[z] ≤ 0 exactly when the (weighted) mean of the values is ≤ null. |z| is bounded by the declared load times the
    greatest possible |value − null|.
    """
    counted = np.broadcast_to(scale.counted[:, None, None], (2, 2, 2))
    there = evidence.vectors[:, counted].sum(axis=1) > 0
    z = (evidence.vectors[:, counted] @ (scale.values[counted] - null))[there]
    low, high = scale.low - null, scale.high - null
    if evidence.load is not None:
        low, high = min(0.0, low * evidence.load), max(0.0, high * evidence.load)
    return sample(z, evidence.counts[there], low=low, high=high)


def estimate(evidence: Evidence, scale: Worth) -> float:
    """Return the (weighted) mean of the values; NaN without anybody to count."""
    z = excess(evidence, scale, 0.0)
    weight = total(evidence, scale)
    return float(z.values @ z.counts) / weight if weight else float("nan")


def total(evidence: Evidence, scale: Worth) -> float:
    """Return the total weight of those who are counted."""
    return float(evidence.counts @ evidence.vectors[:, scale.counted].sum(axis=(1, 2, 3)))


def lower_limit(evidence: Evidence, scale: Worth, bound: Bound, alpha: float, *, seed: int = 0) -> float:
    """Return the one-sided 1 − α lower limit of the mean value.

    For units that are not single people it is found by inversion: the greatest null that is still rejected.
    """
    if evidence.load is None:
        return bound.lower(excess(evidence, scale, 0.0), alpha, seed=seed)
    return _root(lambda null: bound.lower(excess(evidence, scale, null), alpha, seed=seed), scale.low, scale.high)


def upper_limit(evidence: Evidence, scale: Worth, bound: Bound, alpha: float, *, seed: int = 0) -> float:
    """Return the one-sided 1 − α upper limit of the mean value: the lower limit of the mirror."""
    mirror = Worth(-scale.values, scale.counted)
    return -lower_limit(evidence, mirror, bound, alpha, seed=seed)


def p_value(evidence: Evidence, scale: Worth, null: float, bound: Bound, *, seed: int = 0) -> float:
    """Return the p-value of H0: mean value ≤ null."""
    if evidence.load is None:
        return bound.p_value(excess(evidence, scale, 0.0), null, seed=seed)
    return bound.p_value(excess(evidence, scale, null), 0.0, seed=seed)


def _root(lower: Callable[[float], float], least: float, greatest: float) -> float:
    """Return the null at which the bound of a decreasing function crosses 0, a shade too low rather than too high."""
    from scipy.optimize import brentq

    if lower(least) <= 0:
        return least
    if lower(greatest) >= 0:
        return greatest
    fine = 1e-7 * (greatest - least)
    return max(least, float(brentq(lower, least, greatest, xtol=fine)) - 2 * fine)
