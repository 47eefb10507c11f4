"""Bootstrap replicates of every group's confusion counts at once, straight from the cells of a tally."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
CELLS = ("tp", "fp", "fn", "tn")


def draw_confusion(
    view: ScoreTally, threshold: float | None, replicates: int, rng: np.random.Generator, *, smooth: float = 0.0
) -> Counts:
    """Return weighted confusion counts of `replicates` resamples of all people, each of shape (replicates, groups).

    Every cell is a Poisson count with the observed mean: the Poisson bootstrap, which is the multinomial one with the
    number of people in each group left to chance, as it is in a new sample. Unequal weights inside a cell add normal
    noise with the right variance. The cost depends on the number of groups alone, not on the number of people.

    Parameters
    ----------
    view
        Tally by one attribute or an intersection.
    threshold
        Decision threshold; None for metrics without one.
    replicates
        How many resamples.
    rng
        Source of randomness.
    smooth
        Added to every cell of a group with people in it (the total stays): ½ lets an empty cell vary.

    Notes
    -----
    Source: Hanley & MacGibbon (2006), Comput Methods Programs Biomed 83:57-62. Not valid for clustered people (the
    spread is then too small; correlations between groups' comparisons remain about right). Quantiles of replicates
    are poor intervals below about ten people in a cell, and for a range or maximum at any size.
    """
    at = view.grid.low if threshold is None else threshold
    parts = [view.at(at, what) for what in ("n", "w", "ww")]
    people, weight, square = (np.stack([getattr(x, c) for c in CELLS]) for x in parts)  # (4, groups)
    total = people.sum(axis=0)
    mean = people
    if smooth:
        mean = np.where(total > 0, (people + smooth) * total / (total + 4 * smooth), 0.0)
    drawn = rng.poisson(mean[:, None, :], size=(4, replicates, people.shape[1])).astype(np.float64)
    if not (np.array_equal(weight, people) and np.array_equal(square, people)):
        with np.errstate(invalid="ignore", divide="ignore"):
            usual = np.where(total > 0, weight.sum(axis=0) / total, 0.0)
            each = np.where(people > 0, weight / people, usual)
            spread = np.where(people > 0, np.maximum(square / people - each**2, 0.0), 0.0)
        noise = rng.standard_normal(drawn.shape) * np.sqrt(drawn * spread[:, None, :])
        drawn = np.maximum(drawn * each[:, None, :] + noise, 0.0)
    return Counts(*drawn)


def everyone_else(c: Counts) -> Counts:
    """Return, for every group, the counts of all other groups together; same shape (..., groups)."""
    parts = (getattr(c, k) for k in CELLS)
    return Counts(*(np.maximum(x.sum(axis=-1, keepdims=True) - x, 0.0) for x in parts))
