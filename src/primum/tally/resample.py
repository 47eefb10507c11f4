"""Resampling people without touching rows: a multinomial draw over the cells of a tally."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
BINS = 64


@dataclass(frozen=True, eq=False)
class Histogram:
    """One group along the score axis; leading axes are replicates.

    Attributes
    ----------
    n, w, ww, ws, wss
        People and weighted sums, shape (..., 2 outcomes, bins), bins in increasing order of score.
    selected
        Whether a bin lies at or above the threshold, shape (bins,).
    """

    n: Floats
    w: Floats
    ww: Floats
    ws: Floats
    wss: Floats
    selected: npt.NDArray[np.bool_]


def histogram(tally: ScoreTally, group: int, threshold: float | None = None) -> Histogram:
    """Return the histogram of one group, with the bins that occur."""
    first, last = np.searchsorted(tally.group, [group, group + 1])
    cells = slice(int(first), int(last))
    labels, at = np.unique(tally.label[cells], return_inverse=True)
    key = tally.outcome[cells] * len(labels) + at

    def table(values: npt.NDArray[Any]) -> Floats:
        added = np.bincount(key, weights=values[cells], minlength=2 * len(labels))
        return np.asarray(added, dtype=np.float64).reshape(2, len(labels))

    cut = np.inf if threshold is None else tally.grid.cut(threshold)
    return Histogram(
        n=table(tally.n), w=table(tally.w), ww=table(tally.ww), ws=table(tally.ws), wss=table(tally.wss),
        selected=labels >= cut,
    )  # fmt: skip


def coarsen(h: Histogram, bins: int = BINS) -> Histogram:
    """Return the histogram with at most about `bins` bins of equal numbers of people; the threshold stays an edge."""
    width = h.n.shape[-1]
    if width <= bins:
        return h
    people = h.n.sum(axis=0)
    rank = (np.cumsum(people) - people / 2) / people.sum()
    part = np.minimum((rank * bins).astype(np.int64), bins - 1) * 2 + h.selected
    starts = np.flatnonzero(np.r_[True, part[1:] != part[:-1]])

    def add(x: Floats) -> Floats:
        return np.asarray(np.add.reduceat(x, starts, axis=-1), dtype=np.float64)

    return Histogram(n=add(h.n), w=add(h.w), ww=add(h.ww), ws=add(h.ws), wss=add(h.wss), selected=h.selected[starts])


def segmented(tally: ScoreTally, group: int, threshold: float | None = None) -> tuple[Histogram, npt.NDArray[np.int64]]:
    """Return the histogram of one group on the coarse cells that clusters share, and the code of each cell, sorted.

    Codes have shape (2 · bins,) in the order of the raveled histogram: those of non-events, then those of events.
    """
    h = histogram(tally, group, threshold)
    first, last = np.searchsorted(tally.group, [group, group + 1])
    labels = np.unique(tally.label[int(first) : int(last)])
    segments = tally.grid.segments(labels)
    starts = np.flatnonzero(np.r_[True, segments[1:] != segments[:-1]]) if len(segments) else np.zeros(0, dtype=int)

    def add(x: Floats) -> Floats:
        return np.asarray(np.add.reduceat(x, starts, axis=-1), dtype=np.float64) if len(starts) else x

    coarse = Histogram(n=add(h.n), w=add(h.w), ww=add(h.ww), ws=add(h.ws), wss=add(h.wss), selected=h.selected[starts])
    return coarse, np.concatenate([segments[starts] * 2, segments[starts] * 2 + 1])


def resample(h: Histogram, replicates: int, rng: np.random.Generator) -> Histogram:
    """Return `replicates` bootstrap samples of the people in the histogram, along a new first axis.

    Equivalent to resampling rows when everyone in a cell has the same weight and score; with unequal weights the
    spread inside a cell is added as normal noise with the right variance.
    """
    people = h.n.sum()
    flat = h.n.ravel()
    draws = rng.multinomial(int(people), flat / people, size=replicates).astype(np.float64)
    n = draws.reshape(replicates, *h.n.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = [np.where(h.n > 0, x / h.n, 0.0) for x in (h.w, h.ww, h.ws, h.wss)]
    spread = np.maximum(mean[1] - mean[0] ** 2, 0.0)
    w = n * mean[0]
    if (spread > 1e-12 * np.maximum(mean[1], 1e-300)).any():
        w = np.maximum(w + rng.standard_normal(n.shape) * np.sqrt(n * spread), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(mean[0] > 0, w / mean[0], 0.0)
    return Histogram(n=n, w=w, ww=n * mean[1], ws=scale * mean[2], wss=scale * mean[3], selected=h.selected)
