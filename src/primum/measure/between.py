"""A group and its comparator: difference and ratio of two independent estimates, from their limits alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from primum.finding import Estimate, Status
from primum.measure.intervals import mover, ratio

REST = "everyone else"


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Return a − b of two groups without people in common, by combining their limits.

    Not valid for groups that share people, families or hospitals.
    Source: Zou & Donner (2008), Stat Med 27:1693-1702.
    """
    if reason := _reason(a, b):
        return _undefined(a, reason)
    low, high = mover((a.value, a.low, a.high), (b.value, b.low, b.high))
    return replace(
        a, value=a.value - b.value, low=float(low), high=float(high), method="independent sum of limits",
        status=Status.OK, reason="", n_effective=None,
    )  # fmt: skip


def quotient(a: Estimate, b: Estimate) -> Estimate:
    """Return a / b of two groups without people in common, by combining the logarithms of their limits."""
    if reason := _reason(a, b):
        return _undefined(a, reason)
    if a.value <= 0 or b.value <= 0:
        who = "comparator" if b.value <= 0 else "group"
        return _undefined(a, f"the value of the {who} is not above 0, so a ratio has no interval")
    low, high = ratio((a.value, a.low, a.high), (b.value, b.low, b.high))
    return replace(
        a, value=a.value / b.value, low=float(low), high=float(high), method="independent sum of log limits",
        status=Status.OK, reason="", n_effective=None,
    )  # fmt: skip


def _reason(a: Estimate, b: Estimate) -> str:
    if not a.ok:
        return a.reason
    if not b.ok:
        return f"comparator: {b.reason}"
    if not all(np.isfinite(x) for x in (a.low, a.high, b.low, b.high)):
        return "there is no interval for one of the two"
    return ""


def _undefined(a: Estimate, reason: str) -> Estimate:
    nan = float("nan")
    return replace(
        a, value=nan, low=nan, high=nan, method="none", status=Status.NOT_ESTIMABLE, reason=reason, n_effective=None
    )
