"""Comparators without coin tosses: thresholds that give all groups the same sensitivity, or the same two rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.measure.capacity import SLACK, reaching
from primum.measure.steps import Steps, steps
from primum.measure.utility import odds
from primum.mitigate.group_thresholds import Force, GroupThresholds, ThresholdRepair, allowed, chosen, nearest, too_few
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CASES = {1: "with"}
BOTH = {1: "with", 0: "without"}
POSITIONS = 256  # of the window of rates, in each direction
MOST = 1024


def same_sensitivity(
    view: ScoreTally, at: float, *, sensitivity: float | None = None, exchange: float | None = None, fewest: int = 1
) -> GroupThresholds:
    """Return thresholds with which all groups have the same sensitivity, up to one step of their scores.

    Each group takes its highest threshold that reaches the common sensitivity. Left out, that is the one at which all
    groups together have the highest utility: every sensitivity at which a group changes is tried, exactly, by one
    sort of all steps. Of equals, the one nearest to what everyone together has at `at`.

    A comparator: groups above the common sensitivity are levelled down. Hardt, Price & Srebro (2016), NeurIPS.

    Parameters
    ----------
    exchange
        The threshold whose odds are the exchange rate of the utility; `at` if left out. .5 gives accuracy.
    fewest
        A group with fewer cases keeps the common threshold, and it is said.

    Raises
    ------
    PrimumError
        For a sensitivity outside (0, 1], a threshold that is no edge, or one without an exchange rate.
    """
    common, w = view.grid.cut(at), _odds(at if exchange is None else exchange)
    if sensitivity is not None and not 0 < sensitivity <= 1:
        raise PrimumError(f"A sensitivity of {sensitivity:g} is no target.", expected="above 0, at most 1")
    reasons = too_few(view, fewest, CASES)
    own = {i: steps(view, i) for i, reason in enumerate(reasons) if not reason}
    labels = np.full(len(view.groups), common, dtype=np.int64)
    if own:
        now = view.at_label(common)
        aim = sensitivity if sensitivity is not None else _best(list(own.values()), w, now.tp.sum(), now.fn.sum())
        for i, s in own.items():
            labels[i] = nearest(s, common)[reaching(s, aim)]
    return chosen(view, at, labels, reasons)


def _best(groups: list[Steps], w: float, found: float, missed: float) -> float:
    """Return the common sensitivity at which the utility of all these groups together is highest."""
    rates, rises, base, scale = [], [], 0.0, 0.0
    for s in groups:
        rate, last = np.unique(s.tp[::-1] / s.events, return_index=True)  # the highest step of each rate
        worth = (s.tp - w * s.fp)[::-1][last]
        rates.append(rate)
        rises.append(np.append(np.diff(worth), 0.0))
        base, scale = base + worth[0], scale + s.everyone
    rate, rise = np.concatenate(rates), np.concatenate(rises)
    order = np.argsort(rate, kind="stable")
    rate, total = rate[order], base + np.cumsum(rise[order])
    tried = np.unique(rate)
    before = np.searchsorted(rate, tried, side="left") - 1  # rises at lower rates have happened
    worth = np.where(before >= 0, total[before], base)
    best = np.flatnonzero(worth >= worth.max() - 1e-9 * scale)
    return float(tried[best[np.argmin(np.abs(tried[best] - found / (found + missed)))]])


@dataclass(frozen=True, eq=False)
class _Curve:
    """One group: the rates of its steps, and what each is worth."""

    labels: Ints
    tpr: Floats
    fpr: Floats
    worth: Floats  # in whole units, so that equals are equal
    distance: Floats
    change: Floats

    def span(self, rate: Floats, start: Floats, gap: float) -> tuple[Ints, Ints]:
        """Return the first and last step whose rate lies in [start, start + gap], for each start."""
        rising = rate[::-1]
        last = len(rate) - 1 - np.searchsorted(rising, start - SLACK, side="left")
        first = len(rate) - np.searchsorted(rising, start + gap + SLACK, side="right")
        return first, last

    def best(self, first: Ints, last: Ints) -> Floats:
        """Return the highest worth in each range; none may be empty."""
        level = np.frexp(last - first + 1)[1] - 1
        highest = np.empty((int(level.max()) + 1, len(self.worth)))  # row l: of 2^l steps from here on
        highest[0] = self.worth
        for row in range(1, len(highest)):
            half, below = 1 << (row - 1), highest[row - 1]
            np.maximum(below[:-half], below[half:], out=highest[row, :-half])
            highest[row, -half:] = below[-half:]
        return np.asarray(np.maximum(highest[level, first], highest[level, last - (1 << level) + 1]))

    def pick(self, first: int, last: int) -> int:
        """Return the step of highest worth in a range: of equals, the nearest to the common threshold."""
        worth = self.worth[first : last + 1]
        equal = first + np.flatnonzero(worth == worth.max())
        return int(equal[np.argmin(self.distance[equal])])


def _curve(s: Steps, w: float, view: ScoreTally, common: int, force: Force, unit: float) -> _Curve:
    near = nearest(s, common)
    keep = np.flatnonzero(allowed(near, common, force))
    worth = np.round((s.tp - w * s.fp)[keep] / unit)
    now = s.selected[np.searchsorted(s.labels, common)]
    return _Curve(
        labels=near[keep],
        tpr=s.tp[keep] / s.events,
        fpr=s.fp[keep] / s.nonevents,
        worth=worth,
        distance=np.abs(view.grid.value(near[keep]) - view.grid.value(common)),
        change=np.abs(s.selected[keep] - now),
    )


def equalized_odds(
    view: ScoreTally,
    at: float,
    *,
    gap: float = 0.02,
    exchange: float | None = None,
    force: Force = None,
    fewest: int = 1,
) -> GroupThresholds:
    """Return the thresholds of highest utility with which no two groups differ by more than `gap` in either rate.

    The rates are sensitivity and the share of non-cases selected. All groups must lie in a window of rates
    [a, a + gap] × [b, b + gap]; for each position of the window each group takes its own best step inside, found from
    a table of range maxima. The cost grows with the number of groups, not with its power. With at most 256 different
    rates in all, every window that matters is tried and the answer is the best there is; with more, windows lie
    1/255 (at most a quarter of `gap`) apart, and the answer is at least as good as the best with a gap smaller by
    so much.

    A comparator: nothing here keeps a group from losing, and with a small gap all groups end where the worst one can
    follow. "+" or "-" as `force` keep every group's selection rate from falling or rising. Selecting nobody, or
    everybody, always has no gap: `reasons` says where that is what came out. Source of the criterion: Hardt, Price &
    Srebro (2016), NeurIPS. Not valid out of sample.

    Parameters
    ----------
    exchange
        The threshold whose odds are the exchange rate of the utility; `at` if left out. .5 gives accuracy.
    fewest
        A group with fewer people with or without the outcome keeps the common threshold, and it is said.

    Raises
    ------
    PrimumError
        For a gap outside [0, 1) or too small for so many scores, an unknown `force`, or a threshold that is no edge
        or has no exchange rate.
    """
    common, w = view.grid.cut(at), _odds(at if exchange is None else exchange)
    if not 0 <= gap < 1:
        raise PrimumError(f"A gap of {gap:g} is none.", expected="at least 0, less than 1")
    reasons = too_few(view, fewest, BOTH)
    there = [i for i, reason in enumerate(reasons) if not reason]
    unit = 1e-9 * max(float(view.w.sum()), 1.0)
    labels = np.full(len(view.groups), common, dtype=np.int64)
    if there:
        labels[there] = _search([_curve(steps(view, i), w, view, common, force, unit) for i in there], gap)
    return chosen(view, at, labels, reasons)


def _search(curves: list[_Curve], gap: float) -> Ints:
    """Return the best label of each group in the best window; of equals, where fewest people change."""
    a, b = (_starts([getattr(c, name) for c in curves], gap) for name in ("tpr", "fpr"))
    spans = [(*c.span(c.tpr, a, gap), *c.span(c.fpr, b, gap)) for c in curves]
    touched = np.ones((len(a), len(b)), dtype=bool)
    for first, last, start, end in spans:  # few windows touch every curve
        touched &= (first <= last)[:, None] & (start <= end) & (first[:, None] <= end) & (start <= last[:, None])
    i, j = np.nonzero(touched)
    ranges = [(np.maximum(first[i], start[j]), np.minimum(last[i], end[j])) for first, last, start, end in spans]
    total = np.sum([c.best(*r) for c, r in zip(curves, ranges, strict=True)], axis=0)
    equal = np.flatnonzero(total == total.max())
    bounds = np.array([[first[equal], last[equal]] for first, last in ranges])  # groups, 2, windows
    windows = np.unique(bounds.reshape(-1, len(equal)).T, axis=0).reshape(-1, len(curves), 2).tolist()
    plans = [[c.pick(*r) for c, r in zip(curves, window, strict=True)] for window in windows]
    moved = [sum(float(c.change[k]) for c, k in zip(curves, plan, strict=True)) for plan in plans]
    plan = plans[int(np.argmin(moved))]
    return np.array([c.labels[k] for c, k in zip(curves, plan, strict=True)], dtype=np.int64)


def _starts(rates: list[Floats], gap: float) -> Floats:
    """Return where windows begin: at every rate that occurs, or evenly when these are many."""
    most = max(np.count_nonzero(np.diff(x)) for x in rates) + 1
    own = np.unique(np.concatenate(rates)) if most <= POSITIONS else np.zeros(0)
    if 0 < len(own) <= POSITIONS:
        return own
    wanted = max(POSITIONS, math.ceil(4 / gap) + 1 if gap > 0 else MOST + 1)
    if wanted > MOST:
        raise PrimumError(
            f"A gap of {gap:g} is too small to be searched among {max(most, len(own)):,} different rates.",
            expected=f"at least {4 / (MOST - 1):.3g}",
            mend="allow a wider gap: between groups of patients one as small as this cannot be told from chance",
        )
    return np.linspace(0.0, 1.0, wanted)


def _odds(exchange: float) -> float:
    net_benefit(exchange)  # refuses a threshold without an exchange rate
    return odds(exchange)


class SameSensitivity(ThresholdRepair):
    """A comparator: the same sensitivity in all groups, by thresholds alone; see `same_sensitivity`.

    Parameters
    ----------
    estimator, prefit
        The base model, and whether it is fitted already.
    threshold
        The declared threshold.
    sensitivity, exchange, fewest
        As in `same_sensitivity`.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        sensitivity: float | None = None,
        exchange: float | None = None,
        fewest: int = 1,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.sensitivity = sensitivity
        self.exchange = exchange
        self.fewest = fewest

    def _choose(self, view: ScoreTally, at: float) -> GroupThresholds:
        return same_sensitivity(view, at, sensitivity=self.sensitivity, exchange=self.exchange, fewest=self.fewest)


class EqualizedOdds(ThresholdRepair):
    """A comparator: nearly the same sensitivity and false-positive rate in all groups; see `equalized_odds`.

    Parameters
    ----------
    estimator, prefit
        The base model, and whether it is fitted already.
    threshold
        The declared threshold.
    gap, exchange, force, fewest
        As in `equalized_odds`.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        gap: float = 0.02,
        exchange: float | None = None,
        force: Force = None,
        fewest: int = 1,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.gap = gap
        self.exchange = exchange
        self.force = force
        self.fewest = fewest

    def _choose(self, view: ScoreTally, at: float) -> GroupThresholds:
        return equalized_odds(view, at, gap=self.gap, exchange=self.exchange, force=self.force, fewest=self.fewest)
