"""Standardised differences between two groups: how far apart, in units of their spread, whatever their sizes.

Sources: Austin (2009), Stat Med 28:3083-3107, for numbers and two categories; Yang & Dalton (2012), SAS
Global Forum 335-2012, for more than two categories. 0.1 is a common line below which a difference is called
small.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def smd_number(mean1: float, sd1: float, mean2: float, sd2: float) -> float:
    """Return (x̄1 − x̄2) / √((s1² + s2²) / 2); NaN when both are constant or a group is empty."""
    spread = math.sqrt((sd1**2 + sd2**2) / 2) if math.isfinite(sd1) and math.isfinite(sd2) else math.nan
    return (mean1 - mean2) / spread if spread > 0 else math.nan


def smd_binary(share1: float, share2: float) -> float:
    """Return the signed standardised difference of two shares, with variance p(1 − p)."""
    return smd_number(
        share1, math.sqrt(max(share1 * (1 - share1), 0.0)), share2, math.sqrt(max(share2 * (1 - share2), 0.0))
    )


def smd_categories(counts1: npt.ArrayLike, counts2: npt.ArrayLike) -> float:
    """Return the Mahalanobis distance between two multinomial shares (unsigned).

    The last category is left out; the covariance is the mean of the two groups' diag(p) − p pᵀ. The
    pseudo-inverse keeps a category that nobody is in from making the covariance singular. NaN when a group is
    empty or nothing varies.
    """
    a, b = (np.asarray(c, dtype=np.float64) for c in (counts1, counts2))
    if a.sum() == 0 or b.sum() == 0:
        return math.nan
    there = (a + b) > 0
    p, q = a[there] / a.sum(), b[there] / b.sum()
    if p.size < 2:
        return math.nan
    spread = (_covariance(p) + _covariance(q))[:-1, :-1] / 2
    gap = (p - q)[:-1]
    inverse = np.linalg.pinv(spread, hermitian=True)
    if not np.allclose(spread @ inverse @ gap, gap, atol=1e-9):
        return math.nan  # the groups share no category: infinitely far apart
    return math.sqrt(max(float(gap @ inverse @ gap), 0.0))


def _covariance(p: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.diag(p) - np.outer(p, p))
