"""One-sided tests of one subgroup against other people, vectorised, and false discovery rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.multiplicity import benjamini_hochberg

Floats = npt.NDArray[np.float64]


def fisher_lower(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Return the p-value of Fisher's exact test that the first proportion is lower; 1 where a group is empty.

    Exact (conservative, because counts are discrete) for independent people at any size.
    Source: Fisher (1935), J R Stat Soc 98:39-82.
    """
    k1, n1, k2, n2 = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64).ravel() for v in (k1, n1, k2, n2)))
    total, marked = n1 + n2, k1 + k2
    low = np.maximum(0.0, n1 - (total - marked))
    below = k1 <= n1 * marked / np.maximum(total, 1)
    # sum the tail away from the middle: P(X ≤ k), or 1 − P(X ≥ k + 1) seen from the other side
    k = np.where(below, k1, n1 - (k1 + 1))
    m = np.where(below, marked, total - marked)
    floor = np.where(below, low, np.maximum(0.0, n1 - marked))
    tail = np.where(k >= floor, _tail(np.maximum(k, floor), n1, m, total, floor), 0.0)
    p = np.where(below, tail, 1 - tail)
    return np.asarray(np.where((n1 > 0) & (n2 > 0), np.clip(p, 0.0, 1.0), 1.0), dtype=np.float64)


def _tail(k: Floats, n: Floats, marked: Floats, total: Floats, floor: Floats) -> Floats:
    """Return P(X ≤ k) for a hypergeometric X, k at or below its mean, by the ratio of neighbouring terms."""
    from scipy.special import gammaln

    def choose(a: Floats, b: Floats) -> Any:
        return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)

    first = np.exp(choose(marked, k) + choose(total - marked, n - k) - choose(total, n))
    added, term, j = np.ones_like(k), np.ones_like(k), k.copy()
    active = np.flatnonzero(j > floor)
    while active.size:
        a, x = active, j[active]
        term[a] *= x * (total[a] - marked[a] - n[a] + x) / ((marked[a] - x + 1) * (n[a] - x + 1))
        added[a] += term[a]
        j[a] -= 1
        active = a[(j[a] > floor[a]) & (term[a] > 1e-16 * added[a])]
    return np.asarray(first * added, dtype=np.float64)


def score_lower(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike, margin: npt.ArrayLike
) -> Floats:
    """Return the p-value that the first proportion is lower by more than `margin` > 0; 1 where a group is empty.

    The variance is that of the most likely proportions which differ by just the margin. Approximate: not to be
    trusted with fewer than about ten people on either side of a proportion.
    Source: Farrington & Manning (1990), Stat Med 9:1447-1454.
    """
    from scipy.special import ndtr

    k1, n1, k2, n2 = (np.asarray(v, dtype=np.float64) for v in (k1, n1, k2, n2))
    delta = -np.asarray(margin, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        p1, p2, theta = k1 / n1, k2 / n2, n2 / n1
        a = 1 + theta
        b = -(1 + theta + p1 + theta * p2 + delta * (theta + 2))
        c = delta**2 + delta * (2 * p1 + theta + 1) + p1 + theta * p2
        d = -p1 * delta * (1 + delta)
        v = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + d / (2 * a)
        u = np.where(v >= 0, 1.0, -1.0) * np.sqrt(np.maximum((b / (3 * a)) ** 2 - c / (3 * a), 0))
        w = (np.pi + np.arccos(np.clip(np.where(u == 0, 0.0, v / u**3), -1, 1))) / 3
        q1 = np.clip(2 * u * np.cos(w) - b / (3 * a), 0, 1)
        q2 = np.clip(q1 - delta, 0, 1)
        spread = np.sqrt(q1 * (1 - q1) / n1 + q2 * (1 - q2) / n2)
        z = (p1 - p2 - delta) / spread
    return np.asarray(np.where(np.isfinite(z), ndtr(z), 1.0), dtype=np.float64)


def mean_lower(
    m1: npt.ArrayLike, v1: npt.ArrayLike, n1: npt.ArrayLike, m2: npt.ArrayLike, v2: npt.ArrayLike, n2: npt.ArrayLike,
    margin: npt.ArrayLike = 0.0,
) -> Floats:  # fmt: skip
    """Return the p-value that the first mean is lower by more than `margin`; 1 where it cannot be said.

    A z test that takes the larger of both variances for the first group, because a group with few hits by chance has
    too small a variance of its own. Approximate: needs some tens of people with a non-zero value.
    """
    from scipy.special import ndtr

    m1, v1, n1, m2, v2, n2 = (np.asarray(x, dtype=np.float64) for x in (m1, v1, n1, m2, v2, n2))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (m1 - m2 + np.asarray(margin)) / np.sqrt(np.maximum(v1, v2) / n1 + v2 / n2)
    return np.asarray(np.where(np.isfinite(z) & (n1 > 0) & (n2 > 0), ndtr(z), 1.0), dtype=np.float64)


def price(tests: int, method: str) -> float:
    """Return how many times stricter than BH a method is: 1 + ½ + … + 1/tests for "BY"."""
    return float(np.sum(1 / np.arange(1, tests + 1))) if method == "BY" else 1.0


def adjusted(p: npt.ArrayLike, method: str = "BH") -> Floats:
    """Return p-values adjusted for the false discovery rate.

    "BH" holds it when the tests are independent or positively dependent (PRDS); overlapping subgroups mostly are, but
    a subgroup and its opposite are not. "BY" holds it under any dependence, at a price of about ln(tests).
    Source: Benjamini & Yekutieli (2001), Ann Stat 29:1165-1188.
    """
    found = benjamini_hochberg(p)
    return np.asarray(np.minimum(found * price(found.size, method), 1.0), dtype=np.float64)
