"""What may be wrong with the rows, told after counting them: which column, how many people, what to do."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from primum.errors import PrimumError
from primum.tally.derive import ABOVE, BAD_OUTCOME, BAD_WEIGHT, BELOW, MISSING_SCORE, MISSING_WEIGHT
from primum.tally.grid import Grid


def verify(counted: dict[str, Any], data: Any, outcome: str, score: str, weight: str | None, grid: Grid) -> int:
    """Check what was counted; return how many people have no score. `data` is asked again only to tell the extremes.

    Raises
    ------
    PrimumError
        For no rows, an outcome other than 0 and 1, scores out of range, or weights that cannot be.
    """
    n, y, label = counted["n"], counted["y"], counted["label"]
    total = int(n.sum())
    if not total:
        raise PrimumError("There are no rows to count.", mend="check the filters of the population")
    bad = int(n[y == BAD_OUTCOME].sum())
    if bad:
        raise PrimumError(
            f"The outcome '{outcome}' is neither 0 nor 1 in {bad:,} of {total:,} rows.",
            expected="0, 1 or missing",
            mend="say which values mean that the outcome is present (outcome: when: …)",
        )
    if weight:
        _weights(counted, data, weight)
    out = int(n[(label == BELOW) | (label == ABOVE)].sum())
    if out:
        low, high = _extremes(data, score, grid)
        raise PrimumError(
            f"{out:,} of {total:,} values of '{score}' lie outside [{grid.low:g}, {grid.high:g}] "
            f"(from {low:g} to {high:g}).",
            expected="risks between 0 and 1, or points with a declared range",
            mend="for points, declare scale: points and range: [lowest, highest]",
        )
    return int(n[label == MISSING_SCORE].sum())


def no_scores(lost: int, total: int, score: str) -> PrimumError:
    """Return the error for people without a score."""
    return PrimumError(
        f"{lost:,} of {total:,} values of '{score}' are missing or not a number.",
        expected="a score for everybody",
        mend="declare missing_scores: exclude; the people left out are then shown by group",
    )


def _weights(counted: dict[str, Any], data: Any, weight: str) -> None:
    label = counted["label"]
    if (label == MISSING_WEIGHT).any():
        raise PrimumError(f"The weight '{weight}' is missing for some people.", mend="give everybody a weight")
    if (label == BAD_WEIGHT).any():
        low, high = _extremes(data, weight)
        raise PrimumError(
            f"The weight '{weight}' runs from {low:g} to {high:g}.", expected="finite weights, none negative"
        )
    if not (counted["w"] > 0).any():
        raise PrimumError(f"The weight '{weight}' is zero for everybody.", expected="some weight above zero")


def _extremes(data: Any, column: str, outside: Grid | None = None) -> tuple[float, float]:
    """Return the lowest and highest number, of those outside the range if one is given."""
    x = nw.col("x")
    found = data.select(nw.col(column).cast(nw.Float64).alias("x")).filter(~x.is_null() & ~x.is_nan())
    if outside is not None:
        found = found.filter((x < outside.low) | (x > outside.high))
    both = found.select(x.min().alias("low"), x.max().alias("high"))
    both = both.collect("polars") if isinstance(both, nw.LazyFrame) else both
    low, high = (float(np.asarray(both[k].to_numpy(), dtype=np.float64)[0]) for k in ("low", "high"))
    return low, high
