"""The largest gap between two groups, with an interval that contains zero when all groups are equal."""

from __future__ import annotations

from dataclasses import dataclass

from primum.measure.estimate import Settings
from primum.measure.gaps import PAIRS, gaps
from primum.tally.score import ScoreTally


@dataclass(frozen=True)
class Widest:
    """The largest gap between two groups, with an interval that contains 0 when all are equal.

    `highest` and `lowest` are the groups with the largest and the smallest value; `value` their difference.
    NaN and "" where fewer than two groups have a value.
    """

    metric: str
    highest: str
    lowest: str
    value: float
    low: float
    high: float
    level: float


def widest(view: ScoreTally, name: str, settings: Settings) -> Widest:
    """Return max − min between groups with an interval that contains 0 when all are equal, and the two groups' names.

    The interval is [the largest lower limit, or 0; the largest upper limit] over all pairs with simultaneous limits,
    so it covers the true range at least at its level. A percentile bootstrap interval of max − min never covers 0:
    the range of a replicate is larger than that of the data, which is larger than the true one. Conservative in its
    upper limit. Not valid in the cases where `gaps` is not.

    Raises
    ------
    PrimumError
        For an unknown metric, one of a decision without a threshold, or more than 200 groups.
    """
    pairs = [g for g in gaps(view, [name], settings, PAIRS) if not g.reason]
    nan = float("nan")
    if not pairs:
        return Widest(name, "", "", nan, nan, nan, settings.level)
    top = max(pairs, key=lambda g: abs(g.value))
    highest, lowest = (top.group, top.comparator) if top.value >= 0 else (top.comparator, top.group)
    low = max(0.0, *(max(g.joint_low, -g.joint_high) for g in pairs))
    high = max(max(g.joint_high, -g.joint_low) for g in pairs)
    return Widest(name, highest, lowest, abs(top.value), low, high, settings.level)
