"""Utility thresholds: each group decides from the risk on that is worth most to it at the declared exchange rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.certify.utility import net_benefit
from primum.measure.steps import steps
from primum.measure.utility import odds
from primum.mitigate.group_thresholds import Force, GroupThresholds, ThresholdRepair, allowed, chosen, nearest, too_few
from primum.mitigate.group_thresholds import ranked as by_worth
from primum.tally.score import ScoreTally

FEWEST = 50
BOTH = {1: "with", 0: "without"}


def utility_thresholds(
    view: ScoreTally,
    at: float,
    *,
    fewest: int = FEWEST,
    standard_errors: float = 2.0,
    force: Force = None,
) -> GroupThresholds:
    """Return the threshold of each group that maximises its net benefit TP/n − FP/n · w, w = t/(1 − t).

    Parameters
    ----------
    view
        Tally by one attribute or an intersection; of risks.
    at
        The declared threshold t: it sets the exchange rate, and it is what a group keeps.
    fewest
        A group with fewer people with or without the outcome keeps t, and it is said.
    standard_errors
        A group moves only if its own threshold gains more than this many standard errors of the gain over t (paired,
        on the people here). 0: the maximum whatever its uncertainty; in a calibrated group it costs other people
        net benefit, which 2 mostly spares them.
    force
        "+": no group's selection rate may fall, "-": none may rise, None: both may happen.

    Of thresholds worth the same, the nearest to t; of two equally near, the lower.

    For a risk calibrated within the group the best threshold is t itself (Pfohl et al. 2022, FAccT): another one says
    that the score is not calibrated there near t, and calibrating it is then the better repair. Not valid as a
    forecast: the maximum over thresholds flatters, the more the smaller the group, so certify on other people. The
    gain's standard error takes the threshold as given. Not valid when the outcome is recorded less often in one
    group: net benefit then rewards the record.

    Raises
    ------
    PrimumError
        If t is no edge of the tally, not strictly between 0 and 1, or `force` is unknown.
    """
    net_benefit(at)  # refuses a threshold without an exchange rate
    w, common = odds(at), view.grid.cut(at)
    now, now_squares = view.at_label(common), view.at_label(common, "ww")
    labels = np.full(len(view.groups), common, dtype=np.int64)
    reasons = too_few(view, fewest, BOTH)
    for i, reason in enumerate(reasons):
        if reason:
            continue
        s = steps(view, i)
        near = nearest(s, common)
        order = by_worth(s, s.tp - w * s.fp, near, common, view.grid)
        labels[i] = near[order[allowed(near, common, force)[order]][0]]
    own, squares = view.at_label(labels), view.at_label(labels, "ww")
    gain = (own.tp - now.tp) - w * (own.fp - now.fp)
    error = np.sqrt(np.abs(squares.tp - now_squares.tp) + w**2 * np.abs(squares.fp - now_squares.fp))
    for i in np.flatnonzero((labels != common) & (gain <= standard_errors * error)).tolist():
        labels[i] = common
        reasons[i] = (
            "keeps the common threshold: another one would gain no more than "
            f"{standard_errors:g} standard error{'' if standard_errors == 1 else 's'}"
        )
    return chosen(view, at, labels, reasons)


class UtilityThresholds(ThresholdRepair):
    """Decide in each group from the risk on that has the highest net benefit there; see `utility_thresholds`.

    Parameters
    ----------
    estimator, prefit
        The base model, and whether it is fitted already.
    threshold
        The declared threshold: exchange rate, and common threshold.
    fewest, standard_errors, force
        As in `utility_thresholds`.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        fewest: int = FEWEST,
        standard_errors: float = 2.0,
        force: Force = None,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.fewest = fewest
        self.standard_errors = standard_errors
        self.force = force

    def _choose(self, view: ScoreTally, at: float) -> GroupThresholds:
        return utility_thresholds(view, at, fewest=self.fewest, standard_errors=self.standard_errors, force=self.force)
