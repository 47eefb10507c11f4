"""Every threshold of a group that selects different people: the steps of its score axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.tally.score import ScoreTally

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """One group, seen from each bin that somebody is in.

    Attributes
    ----------
    labels
        Bins in increasing order of score, shape (steps,); the last is above every score and selects nobody.
    tp, fp
        Weighted people with and without the outcome at or above each, shape (steps,).
    events, nonevents
        Their totals.
    """

    labels: Ints
    tp: Floats
    fp: Floats
    events: float
    nonevents: float

    @property
    def everyone(self) -> float:
        """Weighted people."""
        return self.events + self.nonevents

    @property
    def selected(self) -> Floats:
        """Weighted people at or above each step."""
        return np.asarray(self.tp + self.fp)


def steps(view: ScoreTally, group: int) -> Steps:
    """Return the steps of one group; only the empty one where nobody has a score."""
    first, last = np.searchsorted(view.group, [group, group + 1])
    cells = slice(int(first), int(last))
    label = view.label[cells]
    order = np.argsort(label, kind="stable")  # two sorted runs, one an outcome: one pass
    rises = np.diff(label[order], prepend=-1) > 0
    labels, at = label[order][rises], np.empty(len(label), dtype=np.int64)
    at[order] = np.cumsum(rises) - 1
    table = np.bincount(view.outcome[cells] * len(labels) + at, weights=view.w[cells], minlength=2 * len(labels))
    reach = np.cumsum(table.reshape(2, -1)[:, ::-1], axis=-1)[:, ::-1] if len(labels) else np.zeros((2, 0))
    top = view.grid.labels(view.grid.high) + 1
    fp, tp = (np.append(x, 0.0) for x in reach)
    return Steps(np.append(labels, top).astype(np.int64), tp, fp, float(tp[0]), float(fp[0]))


def thresholds(view: ScoreTally, labels: Ints) -> Floats:
    """Return the score from which on each bin begins; NaN above every score."""
    return np.where(labels > view.grid.labels(view.grid.high), np.nan, view.grid.value(labels))
