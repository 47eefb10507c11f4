"""Informative missingness: does the outcome differ between those who were measured and those who were not?

Small cells are shown as few: a share from three people is noise, and may point at them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.intervals import mover, wilson

Floats = npt.NDArray[np.float64]
FEW = 5
KEYS = ("measured_rate", "measured_low", "measured_high", "missing_rate", "missing_low", "missing_high",
        "difference", "low", "high", "p")  # fmt: skip
NOBODY = "everybody was measured"
NO_ONE_MEASURED = "nobody was measured"


def measured_or_not(counts: npt.ArrayLike, *, level: float = 0.95, few: int = FEW) -> dict[str, Any]:
    """Return outcome rates among the measured and the not measured, and their difference, of one group.

    The difference is not measured minus measured, with Newcombe's interval; p is the score test's.

    Parameters
    ----------
    counts
        People, shape (2, 2): first axis measured, not measured; second without, with the outcome.
    level
        Of the intervals.
    few
        Where any of the four cells has fewer people than this (and not none), all four are hidden and `reason` says
        so; with 0 nothing is hidden.

    Notes
    -----
    Source: Newcombe (1998), Stat Med 17:873-890. Not valid for clustered people counted as independent. Hiding cells
    here keeps small cells from being read as results; it is no protection of a release, in which hidden cells could be
    found from totals.
    """
    c = np.asarray(counts, dtype=np.int64)
    n, events = c.sum(axis=1), c[:, 1]
    total = int(n.sum())
    row: dict[str, Any] = {"n": total, "few": False, "reason": "", **dict.fromkeys(KEYS, math.nan)}
    share = tuple(float(v) for v in wilson(n[1], total, level)) if total else (math.nan, math.nan)
    row |= {"share": n[1] / total if total else math.nan, "share_low": share[0], "share_high": share[1]}
    row |= {"measured": int(n[0]), "missing": int(n[1]), "measured_events": int(events[0])}
    row |= {"missing_events": int(events[1])}
    if 0 in n:
        row["reason"] = "nobody in this group" if not total else NOBODY if n[1] == 0 else NO_ONE_MEASURED
        if few and 0 < min(events.sum(), total - events.sum()) < few:
            row |= {"measured_events": None, "missing_events": None}
        return row
    if few and ((c > 0) & (c < few)).any():
        hidden = ["measured_events", "missing_events"]
        if (n < few).any():
            hidden += ["measured", "missing", "share", "share_low", "share_high"]
        return row | dict.fromkeys(hidden, None) | {"few": True, "reason": f"fewer than {few} people in a cell"}
    rate = events / n
    low, high = wilson(events, n, level)
    d_low, d_high = mover((rate[1], low[1], high[1]), (rate[0], low[0], high[0]))
    return row | {
        "measured_rate": float(rate[0]), "measured_low": float(low[0]), "measured_high": float(high[0]),
        "missing_rate": float(rate[1]), "missing_low": float(low[1]), "missing_high": float(high[1]),
        "difference": float(rate[1] - rate[0]), "low": float(d_low), "high": float(d_high),
        "p": score_test(events, n),
    }  # fmt: skip


def score_test(events: npt.ArrayLike, n: npt.ArrayLike) -> float:
    """Return the two-sided p-value of equal shares of two groups (pooled variance); 1 where nobody differs."""
    from scipy.special import ndtr

    k, size = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    p = k.sum() / size.sum()
    spread = p * (1 - p) * (1 / size).sum()
    return float(2 * ndtr(-abs(k[0] / size[0] - k[1] / size[1]) / math.sqrt(spread))) if spread > 0 else 1.0


def shares_differ(lost: npt.ArrayLike, people: npt.ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Return the difference of two shares (first − second) with Newcombe's interval; NaN where a group is empty."""
    k, n = np.asarray(lost, dtype=np.float64), np.asarray(people, dtype=np.float64)
    if (n <= 0).any():
        return math.nan, math.nan, math.nan
    rate, (low, high) = k / n, wilson(k, n, level)
    least, most = mover((rate[0], low[0], high[0]), (rate[1], low[1], high[1]))
    return float(rate[0] - rate[1]), float(least), float(most)
