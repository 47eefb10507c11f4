"""The state of a claim: from the whole interval, never from the point."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal

from primum.check.groups import wider
from primum.finding import Estimate, Status

Direction = Literal["at least", "at most", "within"]


class State(StrEnum):
    """How a claim stands."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    SUPPRESSED = "inconclusive (suppressed)"
    UNTESTED = "not testable here"
    HUMAN = "human judgement"


def state_of(
    estimate: Estimate,
    direction: Direction,
    threshold: float,
    *,
    half_width: float | None = None,
    events: int | None = None,
    behind: int | None = None,
    imprecise: str = "",
) -> tuple[State, str]:
    """Return the state of a claim and, where it is open, why.

    Supported: the whole interval lies on the good side of the threshold, strictly. Refuted: the whole interval lies
    on the bad side. Otherwise inconclusive. "within" means closer to 0 than the threshold, on both sides.

    Parameters
    ----------
    estimate
        The number that was measured, on the scale of `threshold`.
    half_width
        Widest half of the interval that may support the claim; a wider one may still refute it.
    events, behind
        Fewest people that the claim may rest on, and how many it does rest on; too few settle nothing.
    imprecise
        Why the audit itself held the number for too imprecise; "" where it did not.

    Raises
    ------
    ValueError
        If the direction is unknown, or "within" comes without a threshold above 0.
    """
    if direction not in {"at least", "at most", "within"}:
        raise ValueError(f"a direction is 'at least', 'at most' or 'within', not '{direction}'")
    if direction == "within" and not threshold > 0:
        raise ValueError(f"within asks for a threshold above 0, not {threshold}")
    if estimate.status is Status.SUPPRESSED:
        return State.SUPPRESSED, estimate.reason or "the number is withheld to protect people"
    if not estimate.ok or not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return State.UNTESTED, estimate.reason or "there is no number with an interval"
    if events is not None and behind is not None and behind < events:
        return State.INCONCLUSIVE, f"it rests on {behind:,} people; {events:,} were declared necessary"
    good, bad = _sides(estimate.low, estimate.high, direction, threshold)
    half = (estimate.high - estimate.low) / 2
    if not bad and half_width is not None and half > half_width:
        imprecise = wider(half, half_width)
    return _settled(good, bad, imprecise)


def _settled(good: bool, bad: bool, imprecise: str) -> tuple[State, str]:  # noqa: FBT001 - two sides of one interval
    if imprecise:
        return State.INCONCLUSIVE, imprecise
    if good:
        return State.SUPPORTED, ""
    if bad:
        return State.REFUTED, ""
    return State.INCONCLUSIVE, "the interval lies on both sides of the threshold"


def _sides(low: float, high: float, direction: str, threshold: float) -> tuple[bool, bool]:
    """Return whether the whole interval is good, and whether it is bad."""
    if direction == "at least":
        return low > threshold, high < threshold
    if direction == "at most":
        return high < threshold, low > threshold
    return low > -threshold and high < threshold, low > threshold or high < -threshold
