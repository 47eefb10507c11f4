"""Levelling up: a floor for each group's sensitivity, reached by lowering thresholds only as far as needed."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.measure.capacity import SLACK
from primum.measure.kernel import divide
from primum.measure.steps import Steps, steps
from primum.mitigate.group_thresholds import GroupThresholds, ThresholdRepair, chosen, nearest, too_few
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
Rate = Literal["sensitivity", "specificity", "selected"]
RATES: tuple[Rate, ...] = ("sensitivity", "specificity", "selected")
BEST: Literal["best"] = "best"
_NEEDS: dict[str, dict[int, str]] = {"sensitivity": {1: "with"}, "specificity": {0: "without"}, "selected": {}}


def level_up(
    view: ScoreTally, at: float, floor: float | Literal["best"], *, rate: Rate = "sensitivity", fewest: int = 1
) -> GroupThresholds:
    """Return thresholds with which every group reaches a floor, each moved only as far as needed.

    A group below the floor of sensitivity (or of the share selected) has its own threshold lowered to the highest
    score that reaches it; one below the floor of specificity has it raised to the lowest. All other groups keep
    theirs. So on these people the rate falls in no group: levelling up only. What it costs is told by the other rate
    and the net benefit in `GroupThresholds.rows`, and whether it holds for other people by a certificate.

    Parameters
    ----------
    view
        Tally by one attribute or an intersection.
    at
        The declared threshold, common to all.
    floor
        The least that every group gets, above 0 and at most 1; "best": what the best-off group has at `at`.
    rate
        "sensitivity", "specificity" or "selected" (the share of the group that is selected).
    fewest
        A group with fewer people in the denominator keeps the common threshold, and it is said.

    One pass over the steps of each group: the cost is linear in the cells of the tally, whatever the number of groups.
    Sources: minimum-rate constraints as in Delaney et al. (2024), NeurIPS (OxonFair), found here without a grid.
    Mittelstadt, Wachter & Russell (2023) on levelling down. Not valid out of sample: in a small group the floor is
    reached for these people only.

    Raises
    ------
    PrimumError
        For a floor outside (0, 1], an unknown rate, a threshold that is no edge, or "best" without any value.
    """
    if rate not in RATES:
        raise unknown("rate", str(rate), RATES)
    common = view.grid.cut(at)
    reasons = too_few(view, fewest, _NEEDS[rate])
    has = _value(view.at_label(common), rate)
    aim = _aim(floor, has, np.array([not r for r in reasons], dtype=bool))
    labels = np.full(len(view.groups), common, dtype=np.int64)
    for i, reason in enumerate(reasons):
        if reason or not has[i] < aim - SLACK:
            continue
        s = steps(view, i)
        k = _first(s, aim, rate)
        labels[i] = nearest(s, common)[k]
        all_of_them = k == len(s.labels) - 1 if rate == "specificity" else k == 0
        if all_of_them:
            reasons[i] = f"the floor of {aim:.3g} can be reached only by selecting " + (
                "nobody" if rate == "specificity" else "everyone"
            )
    return chosen(view, at, labels, reasons)


def _aim(floor: float | str, has: Floats, assessed: npt.NDArray[np.bool_]) -> float:
    if floor == BEST:
        known = has[assessed & np.isfinite(has)]
        if not known.size:
            raise PrimumError("No group has a value to level up to.", mend="declare a floor, such as 0.8")
        return float(known.max())
    if isinstance(floor, str) or not 0 < floor <= 1:
        raise PrimumError(f"A floor of {floor!r} is none.", expected="above 0, at most 1; or 'best'")
    return float(floor)


def _value(c: Counts, rate: str) -> Floats:
    if rate == "sensitivity":
        return divide(c.tp, c.tp + c.fn)
    if rate == "specificity":
        return divide(c.tn, c.tn + c.fp)
    return divide(c.tp + c.fp, c.tp + c.fp + c.fn + c.tn)


def _first(s: Steps, aim: float, rate: str) -> int:
    """Return the step that reaches the aim and changes least: the highest, or for specificity the lowest."""
    if rate == "specificity":
        return int(np.flatnonzero(s.fp <= s.nonevents * (1 - aim + SLACK))[0])
    reached, total = (s.tp, s.events) if rate == "sensitivity" else (s.selected, s.everyone)
    return int(np.flatnonzero(reached >= total * (aim - SLACK))[-1])


class LevelUp(ThresholdRepair):
    """Guarantee each group a minimum rate by moving its own threshold only as far as needed; see `level_up`.

    With `rate` "sensitivity" or "selected" nobody selected before is left out; with "specificity" nobody is newly
    selected.

    Parameters
    ----------
    estimator, prefit
        The base model, and whether it is fitted already.
    threshold
        The declared threshold, common to all.
    floor, rate, fewest
        As in `level_up`.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        floor: float | Literal["best"] = BEST,
        rate: Rate = "sensitivity",
        fewest: int = 1,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.floor = floor
        self.rate = rate
        self.fewest = fewest

    def _choose(self, view: ScoreTally, at: float) -> GroupThresholds:
        return level_up(view, at, self.floor, rate=self.rate, fewest=self.fewest)
