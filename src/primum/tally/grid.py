"""The score axis of a tally: public bin edges that do not depend on the data, so that tallies can be added.

A score s on [low, high] is scaled to u in [0, 1]. Bins are uniform in √u, which puts many more of them where clinical
risks live (near zero), and √ is correctly rounded by IEEE 754, so every engine puts every score in the same bin.
Whole per cents of the range and every declared threshold are edges too: a decision "score ≥ threshold" is exact.

The label of a bin is the number of edges at or below the score: order-preserving, and an exact function of the score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

RESOLUTION = 2**15
PER_CENTS = 100
SEGMENTS = 64  # coarse cells, for what clusters share
DECISIONS = 1  # the resolution of a tally that knows only what is decided at the declared thresholds
STEPS = 0  # that of a tally whose bins were joined afterwards: its thresholds are its steps, from end to end


@dataclass(frozen=True)
class Grid:
    """Edges of the score axis.

    Attributes
    ----------
    low, high
        Range of the score; probabilities have (0, 1).
    thresholds
        Declared thresholds on the score's own scale, increasing; whole per cents of the range need no declaring.
    resolution
        Number of √-uniform bins, a power of two. 1: the declared thresholds are the only edges, not even whole per
        cents, which serves decisions at these thresholds and nothing else. 0: the same, but the thresholds are steps
        over the whole axis, made by joining bins, and ranking is measured on them.
    """

    low: float = 0.0
    high: float = 1.0
    thresholds: tuple[float, ...] = ()
    resolution: int = RESOLUTION

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise PrimumError(
                f"The score range ({self.low}, {self.high}) is empty or infinite.", expected="low < high, both finite"
            )
        if not isinstance(self.resolution, int) or self.resolution < 0 or self.resolution & (self.resolution - 1):
            raise PrimumError(f"The resolution {self.resolution} is not a power of two.", expected="1, 2, 4, … 32768")
        if list(self.thresholds) != sorted(set(self.thresholds)):
            raise PrimumError(f"Thresholds {list(self.thresholds)} are not increasing and distinct.")
        outside = [t for t in self.thresholds if not self.low <= t <= self.high]
        if outside:
            raise PrimumError(
                f"The threshold{'s' if len(outside) > 1 else ''} {outside} lie outside the range of the score.",
                expected=f"a value from {self.low} to {self.high}",
                mend="give the threshold on the scale of the score, or declare the range of the points",
            )

    @property
    def probability(self) -> bool:
        """Whether scores are on the probability scale."""
        return (self.low, self.high) == (0.0, 1.0)

    @property
    def decisions_only(self) -> bool:
        """Whether the tally knows what is decided at the declared thresholds, and nothing else."""
        return self.resolution == DECISIONS

    @property
    def stepped(self) -> bool:
        """Whether the declared thresholds are the only edges."""
        return self.resolution in {DECISIONS, STEPS}

    def label(self, score: nw.Expr) -> nw.Expr:
        """Return the expression that labels each score (Int64), for any engine narwhals knows."""
        if self.stepped:
            return self._reached(score)
        unit = score if self.probability else (score - self.low) * (1 / (self.high - self.low))
        bins = (unit.sqrt() * self.resolution).floor().cast(nw.Int64)
        near = (unit * PER_CENTS).floor()
        hundred = near * 0 + PER_CENTS  # a column: by a scalar, polars divides through the reciprocal, one ulp off
        # near may be one off because of rounding; the two comparisons make it exact
        cents = (
            near.cast(nw.Int64) + (unit >= (near + 1) / hundred).cast(nw.Int64) - (unit < near / hundred).cast(nw.Int64)
        )
        label = bins + cents
        for t in self._extra():
            label = label + (score >= t).cast(nw.Int64)
        return label

    def labels(self, score: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the label of each score; the NumPy twin of `label`."""
        s = np.asarray(score, dtype=np.float64)
        if self.stepped:
            return np.searchsorted(np.array(self.thresholds, dtype=np.float64), s, side="right").astype(np.int64)
        unit = s if self.probability else (s - self.low) * (1 / (self.high - self.low))
        bins = np.floor(np.sqrt(unit) * self.resolution).astype(np.int64)
        near = np.floor(unit * PER_CENTS)
        cents = near.astype(np.int64) + (unit >= (near + 1) / PER_CENTS) - (unit < near / PER_CENTS)
        label = bins + cents
        for t in self._extra():
            label = label + (s >= t)
        return np.asarray(label, dtype=np.int64)

    def segment(self, score: nw.Expr) -> nw.Expr:
        """Return the coarse cell of each score (Int64): √-uniform segments, split at every declared threshold."""
        if self.stepped:
            return self._reached(score)
        unit = (score - self.low) / (self.high - self.low) if not self.probability else score
        label = (unit.sqrt() * min(SEGMENTS, self.resolution)).floor().cast(nw.Int64)
        for t in self.thresholds:
            label = label + (score >= t).cast(nw.Int64)
        return label

    def segments(self, label: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the coarse cell in which each bin lies; every edge of a coarse cell is an edge of a bin."""
        if self.stepped:
            return np.asarray(label, dtype=np.int64)
        s = self.value(label)
        unit = s if self.probability else (s - self.low) * (1 / (self.high - self.low))
        coarse = np.floor(np.sqrt(unit) * min(SEGMENTS, self.resolution)).astype(np.int64)
        for t in self.thresholds:
            coarse = coarse + (s >= t)
        return np.asarray(coarse, dtype=np.int64)

    def cut(self, threshold: float) -> int:
        """Return the lowest label at or above a threshold that is an edge.

        Raises
        ------
        PrimumError
            If the threshold is not an edge; a decision could then not be counted exactly.
        """
        if not self.is_edge(threshold):
            raise PrimumError(
                f"The threshold {threshold:g} was not declared before counting.",
                available=[f"{t:g}" for t in self.thresholds]
                + ([] if self.stepped else ["every whole per cent of the score's range"]),
                mend=f"count again with thresholds=[…, {threshold:g}], or use one of those above",
            )
        return int(self.labels(threshold))

    def is_edge(self, threshold: float) -> bool:
        """Whether decisions at this threshold can be counted exactly."""
        if not self.low <= threshold <= self.high:
            return False
        if threshold in self.thresholds:
            return True
        if self.stepped:
            return threshold == self.low
        if self.probability or threshold == self.low:
            return self._is_cent(threshold)
        # on a scale of points a whole per cent may fall between two scores that scale to the same number
        below = self.labels(np.nextafter(threshold, -np.inf))
        return self._is_cent(threshold) and bool(self.labels(threshold) > below)

    def value(self, label: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return a score that carries each label: the lower edge of its bin, up to rounding."""
        wanted = np.asarray(label, dtype=np.int64)
        if self.stepped:
            least = np.array([self.low, *self.thresholds], dtype=np.float64)
            return np.asarray(least[wanted.clip(0, len(self.thresholds))], dtype=np.float64)
        edges, labels = _edges(self)
        at = np.searchsorted(labels, wanted, side="left").clip(0, len(edges) - 1)
        return np.asarray(edges[at], dtype=np.float64)

    def _reached(self, score: nw.Expr) -> nw.Expr:
        """Return how many declared thresholds each score reaches (Int64)."""
        if not self.thresholds:
            return (score < self.low).cast(nw.Int64)  # 0 for everybody
        reached = (score >= self.thresholds[0]).cast(nw.Int64)
        for t in self.thresholds[1:]:
            reached = reached + (score >= t).cast(nw.Int64)
        return reached

    def _is_cent(self, threshold: float) -> bool:
        unit = (threshold - self.low) / (self.high - self.low) if not self.probability else threshold
        return round(unit * PER_CENTS) / PER_CENTS == unit

    def _extra(self) -> list[float]:
        return [t for t in self.thresholds if not (self.probability and self._is_cent(t))]


@lru_cache(maxsize=16)
def _edges(grid: Grid) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return every edge of a grid and its label, both increasing."""
    width = grid.high - grid.low
    parts = [
        grid.low + width * (np.arange(grid.resolution + 1) / grid.resolution) ** 2,
        grid.low + width * np.arange(PER_CENTS + 1) / PER_CENTS,
        np.array(grid.thresholds, dtype=np.float64),
    ]
    edges = np.unique(np.concatenate(parts))
    return edges, grid.labels(edges)


def merge_grids(a: Grid, b: Grid) -> Grid:
    """Return the grid that two tallies share.

    Raises
    ------
    PrimumError
        If they differ; the message names the difference.
    """
    for name in ("low", "high", "thresholds", "resolution"):
        left, right = getattr(a, name), getattr(b, name)
        if left != right:
            raise PrimumError(
                f"These tallies cannot be added: their {name} differ ({left} against {right}).",
                expected="the same range, thresholds and resolution at every site",
                mend="count again with the same thresholds",
            )
    return a
