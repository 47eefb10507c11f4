"""Bounds for groups whose members are not all known: what a metric could be, whoever the unknown people are.

Two situations. Some people's membership is missing: each of them could belong to any group. Or membership is known for
nobody, but a proxy z (a district, a surname) is, and with it P(group | z): then per z the joint table of membership and
what happened lies between Fréchet's limits. Both give intervals without any assumption; they are as narrow as the data
allow, and no interval of a sample.
Sources: Manski (2003), Partial Identification of Probability Distributions; Kallus, Mao & Zhou (2022), Manag Sci
68:1959-1981; Chen et al. (2019), FAccT 339-348 (why thresholded and weighted proxies are biased).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.measure.intervals import wilson

Floats = npt.NDArray[np.float64]
CELLS: dict[str, tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]] = {
    # metric -> cells (outcome, decision) that count for it, and those that count against it
    "sensitivity": (((1, 1),), ((1, 0),)),
    "specificity": (((0, 0),), ((0, 1),)),
    "selection_rate": (((0, 1), (1, 1)), ((0, 0), (1, 0))),
    "prevalence": (((1, 0), (1, 1)), ((0, 0), (0, 1))),
    "ppv": (((1, 1),), ((0, 1),)),
}


@dataclass(frozen=True)
class Bounds:
    """What a quantity could be.

    Attributes
    ----------
    known
        Its value among those whose membership is known; NaN where there are none.
    low, high
        Least and largest possible value for these people; NaN where nobody could be counted.
    outer_low, outer_high
        The same with the uncertainty of a sample around either end; NaN where none was asked for.
    """

    known: float
    low: float
    high: float
    outer_low: float = float("nan")
    outer_high: float = float("nan")


def mean_bounds(worth: npt.ArrayLike, known: npt.ArrayLike, unassigned: npt.ArrayLike) -> Bounds:
    """Return the sharp bounds of a group's mean when any of the unassigned people may belong to it.

    Parameters
    ----------
    worth
        What a person of each kind counts, shape (kinds,).
    known
        Members of the group of each kind, shape (kinds,).
    unassigned
        People of each kind whose membership is not known, shape (kinds,).

    Notes
    -----
    The largest mean takes in the unassigned whose worth lies above it, in falling order of worth.

    Raises
    ------
    PrimumError
        If shapes differ or a count is negative.
    """
    w, k, u = (np.asarray(v, dtype=np.float64) for v in (worth, known, unassigned))
    if not w.shape == k.shape == u.shape or (k < 0).any() or (u < 0).any():
        raise PrimumError(
            f"Worth, members and unassigned people have shapes {w.shape}, {k.shape} and {u.shape}.",
            expected="one count, not below 0, for each kind",
        )
    value = float(w @ k / k.sum()) if k.sum() > 0 else float("nan")
    return Bounds(value, -_largest(-w, k, u), _largest(w, k, u))


def _largest(worth: Floats, known: Floats, unassigned: Floats) -> float:
    total, people = float(worth @ known), float(known.sum())
    for i in np.argsort(-worth, kind="stable"):
        if unassigned[i] > 0 and (people == 0 or worth[i] > total / people):
            total, people = total + float(worth[i] * unassigned[i]), people + float(unassigned[i])
    return total / people if people > 0 else float("nan")


def rate_bounds(known: tuple[float, float], unassigned: tuple[float, float], *, level: float = 0.95) -> Bounds:
    """Return the bounds of a share: (counting for it, counting against it) among members and among the unassigned.

    The outer limits are Wilson's at either end; they cover the whole range of possible values with at least `level`.
    """
    both = mean_bounds((1.0, 0.0), known, unassigned)
    (k, against), (more, less) = known, unassigned
    low = wilson(k, k + against + less, level)[0] if k + against + less > 0 else np.nan
    high = wilson(k + more, k + more + against, level)[1] if k + more + against > 0 else np.nan
    return Bounds(both.known, both.low, both.high, float(low), float(high))


def difference_bounds(a: Bounds, b: Bounds) -> Bounds:
    """Return the bounds of a − b of two groups that share the unassigned people.

    Sharp for shares: those who count for it go to one group and those who count against it to the other. For other
    means the range is valid but may be wider than needed.
    """
    return Bounds(
        a.known - b.known, a.low - b.high, a.high - b.low, a.outer_low - b.outer_high, a.outer_high - b.outer_low
    )


def proxy_bounds(metric: str, stratum: npt.ArrayLike, belongs: npt.ArrayLike, happened: npt.ArrayLike) -> list[Bounds]:
    """Return, for every group, the sharp bounds of a metric when membership is known through a proxy only.

    Within a stratum z, P(group, cell | z) lies in [max(0, p + q − 1), min(p, q)]; the metric rises with the cells that
    count for it and falls with those that count against it, and both ends can be reached together.

    Parameters
    ----------
    metric
        "sensitivity", "specificity", "selection_rate", "prevalence" or "ppv".
    stratum
        P(z), shape (strata,).
    belongs
        P(group | z), shape (strata, groups); rows add up to 1.
    happened
        P(outcome, decision | z), shape (strata, 2, 2); tables add up to 1.

    Returns
    -------
    list
        One `Bounds` a group; `known` is the proxy-weighted value, which is right only where membership and what
        happened are independent given z.

    Raises
    ------
    PrimumError
        For an unknown metric, or tables that are no probabilities.
    """
    if metric not in CELLS:
        raise unknown("bound for the metric", metric, list(CELLS))
    p, q, weight = (np.asarray(v, dtype=np.float64) for v in (belongs, happened, stratum))
    if p.ndim != 2 or q.shape != (len(p), 2, 2) or weight.shape != (len(p),):
        raise PrimumError(
            f"Strata, membership and what happened have shapes {weight.shape}, {p.shape} and {q.shape}.",
            expected="(strata,), (strata, groups) and (strata, 2, 2)",
        )
    whole = (np.allclose(p.sum(axis=1), 1), np.allclose(q.sum(axis=(1, 2)), 1), np.isclose(weight.sum(), 1))
    if not all(whole) or min(p.min(), q.min(), weight.min()) < 0:
        raise PrimumError(
            "Membership, what happened or the strata are no probabilities.",
            expected="none below 0; P(group | z), P(outcome, decision | z) and P(z) each add up to 1",
        )
    up, down = (sum(q[:, y, d] for y, d in cells) for cells in CELLS[metric])
    return [_through(weight, p[:, g], np.asarray(up), np.asarray(down)) for g in range(p.shape[1])]


def _through(weight: Floats, p: Floats, up: Floats, down: Floats) -> Bounds:
    def share(count: Floats, against: Floats) -> float:
        top, bottom = float(weight @ count), float(weight @ (count + against))
        return top / bottom if bottom > 1e-15 else float("nan")

    least, most = (np.maximum(p + q - 1, 0.0) for q in (up, down)), (np.minimum(p, q) for q in (up, down))
    (up_least, down_least), (up_most, down_most) = least, most
    return Bounds(share(p * up, p * down), share(up_least, down_most), share(up_most, down_least))


def proxy_difference(bounds: Sequence[Bounds], one: int, two: int) -> Bounds:
    """Return the bounds of the difference of two groups; sharp where there are only these two."""
    return difference_bounds(bounds[one], bounds[two])
