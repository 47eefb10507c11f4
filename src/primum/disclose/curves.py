"""Curves thinned on a public grid so that no step is about a few people (R8).

A curve with a point for every score gives every patient away. Here thresholds lie on a grid that does not depend on
the data, and neighbouring bins are joined, from the highest score down, until each step holds at least t events and t
non-events. Every curve of one release must be drawn from the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

if TYPE_CHECKING:
    from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CENTS = tuple(np.arange(100, -1, -1) / 100)


@dataclass(frozen=True, eq=False)
class Steps:
    """Bins from the highest score down.

    Attributes
    ----------
    thresholds
        The lower edge of each step, decreasing, shape (steps,).
    events, nonevents
        People in each step, shape (steps,).
    """

    thresholds: Floats
    events: Ints
    nonevents: Ints

    @property
    def roc(self) -> tuple[Floats, Floats]:
        """False-positive and true-positive rates from (0, 0) to (1, 1), shape (steps + 1,) each."""
        hit, alarm = (np.concatenate([[0], np.cumsum(x)]) for x in (self.events, self.nonevents))
        return alarm / alarm[-1], hit / hit[-1]

    @property
    def auroc(self) -> float:
        """Area under the thinned curve; ties inside a step count half."""
        x, y = self.roc
        return float(np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1])) / 2)

    @property
    def precision_recall(self) -> tuple[Floats, Floats]:
        """Recall and precision at each threshold, shape (steps,)."""
        hit, alarm = np.cumsum(self.events), np.cumsum(self.nonevents)
        return hit / hit[-1], hit / (hit + alarm)

    @property
    def observed(self) -> Floats:
        """Share of events in each step, for a calibration curve, shape (steps,)."""
        return np.asarray(self.events / (self.events + self.nonevents), dtype=np.float64)

    @property
    def net_benefit(self) -> Floats:
        """Net benefit at each threshold, shape (steps,); not a number at a threshold of 1."""
        people = (self.events + self.nonevents).sum()
        t = self.thresholds
        odds = np.divide(t, 1 - t, out=np.full(len(t), np.nan), where=t < 1)
        return np.asarray((np.cumsum(self.events) - np.cumsum(self.nonevents) * odds) / people, dtype=np.float64)


def binned(scores: npt.ArrayLike, outcome: npt.ArrayLike, grid: npt.ArrayLike = CENTS) -> Steps:
    """Count people on a public grid of thresholds.

    Parameters
    ----------
    scores, outcome
        One a person, shape (persons,); outcome 0/1.
    grid
        Thresholds from high to low; the last must not lie above any score.

    Raises
    ------
    PrimumError
        If the grid is not decreasing or leaves people below it.
    """
    s, y, edges = np.asarray(scores, float), np.asarray(outcome).astype(np.int64), np.asarray(grid, float)
    if (np.diff(edges) >= 0).any() or (len(s) and s.min() < edges[-1]):
        raise PrimumError(
            "The grid is not decreasing, or scores lie below it.", expected="public thresholds, high to low"
        )
    at = np.searchsorted(-edges, -s, side="left")  # the first threshold that the score reaches
    counts = [np.bincount(at[y == k], minlength=len(edges)).astype(np.int64) for k in (1, 0)]
    return Steps(edges, *counts)


def from_tally(tally: ScoreTally, group: int) -> Steps:
    """Count one group of a tally on the whole per cents of the score's range."""
    low, high = tally.grid.low, tally.grid.high
    edges = low + (high - low) * np.array(CENTS)
    cuts = np.array([tally.grid.cut(float(e)) for e in edges])
    own = tally.group == group
    at = np.searchsorted(-cuts, -tally.label[own], side="left")
    y, n = tally.outcome[own], tally.n[own]
    counts = [np.bincount(at[y == k], weights=n[y == k], minlength=len(edges)).astype(np.int64) for k in (1, 0)]
    return Steps(edges, *counts)


def thinned(steps: Steps, t: int) -> Steps | None:
    """Join neighbouring bins until each step holds at least t events and t non-events; None if there is no such step.

    What is left over at the low end joins the last step.

    Raises
    ------
    PrimumError
        If t is below 1.
    """
    if t < 1:
        raise PrimumError(f"Steps of {t} people.", expected="at least 1")
    last: list[int] = []
    events = nonevents = 0
    for i, (e, m) in enumerate(zip(steps.events.tolist(), steps.nonevents.tolist(), strict=True)):
        events, nonevents = events + e, nonevents + m
        if events >= t and nonevents >= t:
            last.append(i)
            events = nonevents = 0
    if not last:
        return None
    last[-1] = len(steps.thresholds) - 1
    starts = [0, *[i + 1 for i in last[:-1]]]
    return Steps(
        steps.thresholds[last], np.add.reduceat(steps.events, starts), np.add.reduceat(steps.nonevents, starts)
    )


def thinned_times(times: npt.ArrayLike, leavers: npt.ArrayLike, t: int) -> tuple[Floats, Ints] | None:
    """Join neighbouring intervals of follow-up until at least t people leave in each; None if fewer than t leave.

    Parameters
    ----------
    times
        The end of each interval on a public grid, increasing, shape (intervals,).
    leavers
        People whose follow-up ends in it, by event or censoring, shape (intervals,).
    t
        The least number of leavers a step.
    """
    ends, gone = np.asarray(times, dtype=np.float64), np.asarray(leavers, dtype=np.int64)
    kept: list[int] = []
    held = 0
    for i, n in enumerate(gone.tolist()):
        held += n
        if held >= t:
            kept.append(i)
            held = 0
    if not kept:
        return None
    kept[-1] = len(ends) - 1
    return ends[kept], np.add.reduceat(gone, [0, *[i + 1 for i in kept[:-1]]])
