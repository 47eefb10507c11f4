"""Intervals in closed form: proportions, differences, ratios. All vectorised; NaN where undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def z_value(level: float) -> float:
    """Return the two-sided standard normal quantile, 1.96 for level .95."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Any, Any]:
    """Return the Wilson score interval of a proportion k/n.

    `k` and `n` may be effective (non-integer) counts; shape is broadcast. NaN where n = 0.
    Source: Wilson (1927), J Am Stat Assoc 22:209-212. Not valid for clustered people counted as independent.
    """
    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = z_value(level)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = k / n
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low = np.where(k <= 0, 0.0, centre - half)
    high = np.where(k >= n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def mover(
    a: tuple[Any, Any, Any], b: tuple[Any, Any, Any], *, weight: float = 1.0, correlation: npt.ArrayLike = 0.0
) -> tuple[Floats, Floats]:
    """Return the interval of a − weight·b from (value, low, high) of each.

    With Wilson limits and weight 1 this is Newcombe's hybrid score interval (method 10).
    Sources: Newcombe (1998), Stat Med 17:873-890; Zou & Donner (2008), Stat Med 27:1693-1702.
    """
    (a0, al, ah), (b0, bl, bh) = (tuple(np.asarray(v, dtype=np.float64) for v in x) for x in (a, b))
    rho = np.asarray(correlation, dtype=np.float64)
    value = a0 - weight * b0

    def reach(x: Any, y: Any) -> Any:
        # independent parts have no product, not even 0 × ∞
        return np.sqrt(np.maximum(x**2 + y**2 - (2 * rho * x * y if rho.any() else 0.0), 0))

    return value - reach(a0 - al, weight * (bh - b0)), value + reach(ah - a0, weight * (b0 - bl))


def ratio(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Floats, Floats]:
    """Return the interval of a/b for positive quantities: `mover` on the log scale. NaN where a value is not positive.

    A lower limit of 0 gives a lower ratio limit of 0; likewise an infinite upper limit is possible.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = ([np.log(np.asarray(v, dtype=np.float64)) for v in x] for x in (a, b))
        low, high = mover((one[0], one[1], one[2]), (two[0], two[1], two[2]))
        bad = ~(np.isfinite(one[0]) & np.isfinite(two[0]))
        return np.where(bad, np.nan, np.exp(low)), np.where(bad, np.nan, np.exp(high))


def katz(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike, level: float = 0.95) -> Any:
    """Return the log-method interval of a ratio of two independent proportions. NaN where a count is 0.

    Source: Katz et al. (1978), Biometrics 34:469-474.
    """
    k1, n1, k2, n2 = (np.asarray(v, dtype=np.float64) for v in (k1, n1, k2, n2))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(k1 / n1) - np.log(k2 / n2)
        half = z_value(level) * np.sqrt(1 / k1 - 1 / n1 + 1 / k2 - 1 / n2)
        bad = ~((k1 > 0) & (k2 > 0))
        return np.where(bad, np.nan, np.exp(log_ratio - half)), np.where(bad, np.nan, np.exp(log_ratio + half))
