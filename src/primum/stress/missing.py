"""Missing inputs: what happens to each group when an input is not there, and how wrong what is filled in would be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.measure.intervals import z_value
from primum.measure.utility import odds

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
STREAM = 52_301
EVERYTHING = "all columns"


@dataclass(frozen=True)
class Loss:
    """Inputs that are missing at the same time, under one name."""

    name: str
    columns: tuple[str, ...]


def losses(columns: Sequence[str], blocks: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[Loss]:
    """Return what is taken away: each column alone, then each block.

    Raises
    ------
    PrimumError
        If a column is not among the names, or a block has the name of a column.
    """
    for column in [*columns, *(c for listed in blocks.values() for c in listed)]:
        if column not in names:
            raise unknown("feature", column, list(names))
    for block in blocks:
        if block in columns:
            raise PrimumError(f"The block '{block}' has the name of a column.", mend="call it something else")
    return [*(Loss(c, (c,)) for c in columns), *(Loss(b, tuple(listed)) for b, listed in blocks.items())]


def without(values: Floats, names: Sequence[str], loss: Loss) -> Floats:
    """Return a copy of the features, shape (people, columns), in which nobody has the inputs of this loss."""
    out = values.copy()
    out[:, [list(names).index(c) for c in loss.columns]] = np.nan
    return out


def changes(
    pairs: npt.ArrayLike, threshold: float | None, *, level: float = 0.95
) -> dict[str, tuple[float, float, float]]:
    """Return how sensitivity, specificity and net benefit change from one decision about people to another.

    Parameters
    ----------
    pairs
        People by outcome, first and second decision, shape (2, 2, 2), as in `PairedTally.n`.
    threshold
        Gives the price of a false alarm; None where the score is in points, and then there is no net benefit.
    level
        Of the intervals.

    Returns
    -------
    dict
        Metric -> (second minus first, low, high); NaN where nobody could be counted.

    Notes
    -----
    Half a person is added to each cell in which the decisions differ, so that no change at all has an interval too.
    Source: Agresti & Min (2005), Stat Med 24:729-740, for shares; the same for net benefit, as one mean over people.
    Not valid for people who belong together (families, repeated visits): the intervals are then too narrow.
    """
    n = np.asarray(pairs, dtype=np.float64)
    found, lost, alarmed, spared = n[1, 0, 1], n[1, 1, 0], n[0, 0, 1], n[0, 1, 0]
    out = {
        "sensitivity": _mean((1.0, -1.0), (found, lost), n[1].sum(), level),
        "specificity": _mean((1.0, -1.0), (spared, alarmed), n[0].sum(), level),
    }
    if threshold is not None and threshold < 1:
        w = odds(threshold)
        out["net_benefit"] = _mean((1.0, -1.0, w, -w), (found, lost, spared, alarmed), n.sum(), level)
    return out


def _mean(worth: Sequence[float], counts: Sequence[float], people: float, level: float) -> tuple[float, float, float]:
    """Return the mean worth per person of people who change, with its interval; all others count 0."""
    if people <= 0:
        return math.nan, math.nan, math.nan
    w, k = np.asarray(worth), np.asarray(counts, dtype=np.float64)
    more, size = k + 0.5, people + 0.5 * len(w)
    centre = float(w @ more) / size
    error = math.sqrt(max(float(w**2 @ more) / size - centre**2, 0.0) / size)
    value, half = float(w @ k) / people, z_value(level) * error
    return value, min(centre - half, value), max(centre + half, value)


def masked(values: Floats, share: float, *, columns: Sequence[int] | None = None, seed: int = 0) -> Bools:
    """Return which known values are hidden: each with chance `share`, whoever it is (MCAR), shape (people, columns).

    Raises
    ------
    PrimumError
        If the share is not above 0 and below 1.
    """
    if not 0 < share < 1:
        raise PrimumError(f"A share of {share:g} cannot be hidden.", expected="a number above 0 and below 1")
    chosen = np.zeros(values.shape[1], dtype=bool)
    chosen[list(range(values.shape[1])) if columns is None else list(columns)] = True
    drawn = np.random.default_rng([seed, STREAM]).random(values.shape) < share
    return np.asarray(drawn & chosen & ~np.isnan(values))


def masking_errors(
    true: Floats,
    filled: Floats,
    hidden: Bools,
    group: npt.ArrayLike,
    *,
    names: Sequence[str],
    categories: Sequence[int] = (),
    level: float = 0.95,
) -> list[dict[str, Any]]:
    """Return how wrong the filled-in values are, for each column and group, and for all columns together.

    Numbers: error in standard deviations of the column's known values, so that columns can be put together: the mean
    (`bias`) and the root mean square (`error`). Categories: the share of wrong ones (`error`).

    Parameters
    ----------
    true, filled
        Features before they were hidden and after they were filled, shape (people, columns).
    hidden
        What was hidden, from `masked`.
    group
        One label a person.
    names, categories
        Names of the columns, and positions of those that hold codes.
    level
        Of the intervals.

    Returns
    -------
    list
        Rows: column, group, n (values), bias with `bias_low`/`bias_high`, error with `low`/`high`, and `ratio` with
        its limits: the error in relation to that of everybody else. NaN where fewer than two values were hidden.

    Notes
    -----
    Hiding at random shows how well a value can be told from the others where it *was* measured. Those who were not
    measured may be harder. A draw errs √2 times as much as the best guess with the same equations, on purpose.
    """
    labels = np.asarray(group)
    z = z_value(level)
    rows: list[dict[str, Any]] = []
    squares: list[Floats] = []
    whose: list[npt.NDArray[Any]] = []
    for j, name in enumerate(names):
        at = np.flatnonzero(hidden[:, j])
        if at.size < 2:
            continue
        if j in categories:
            miss = (true[at, j] != filled[at, j]).astype(np.float64)
            rows += _by_group(name, "share wrong", None, miss, labels[at], z, root=False)
            continue
        spread = float(np.nanstd(true[:, j]))
        error = (filled[at, j] - true[at, j]) / spread if spread > 0 else np.zeros(at.size)
        rows += _by_group(name, "root mean square, in standard deviations", error, error**2, labels[at], z, root=True)
        squares.append(error**2)
        whose.append(labels[at])
    if squares:
        what = "root mean square, in standard deviations"
        rows += _by_group(EVERYTHING, what, None, np.concatenate(squares), np.concatenate(whose), z, root=True)
    return rows


def _by_group(
    column: str, what: str, signed: Floats | None, size: Floats, labels: npt.NDArray[Any], z: float, *, root: bool
) -> list[dict[str, Any]]:
    rows = []
    for g in np.unique(labels).tolist():
        own = labels == g
        value, low, high = _size(size[own], z, root=root)
        rest = _size(size[~own], z, root=root)
        bias = (math.nan,) * 3 if signed is None else _plain(signed[own], z)
        rows.append(
            {
                "column": column, "group": str(g), "what": what, "n": int(own.sum()), "bias": bias[0],
                "bias_low": bias[1], "bias_high": bias[2], "error": value, "low": low, "high": high,
                **_ratio((value, low, high), rest),
            }
        )  # fmt: skip
    return rows


def _plain(x: Floats, z: float) -> tuple[float, float, float]:
    if x.size < 2:
        return math.nan, math.nan, math.nan
    mean, half = float(x.mean()), z * float(x.std(ddof=1)) / math.sqrt(x.size)
    return mean, mean - half, mean + half


def _size(x: Floats, z: float, *, root: bool) -> tuple[float, float, float]:
    """Return a mean of non-negative numbers (or its root) with limits on the log scale."""
    if x.size < 2 or x.mean() <= 0:
        return (0.0 if x.size > 1 else math.nan), math.nan, math.nan
    mean = float(x.mean())
    half = z * float(x.std(ddof=1)) / math.sqrt(x.size) / mean
    power = 0.5 if root else 1.0
    return mean**power, mean**power * math.exp(-half * power), mean**power * math.exp(half * power)


def _ratio(a: tuple[float, float, float], b: tuple[float, float, float]) -> dict[str, float]:
    from primum.measure.intervals import ratio

    if not all(math.isfinite(v) and v > 0 for v in (*a, *b)):
        return {"ratio": math.nan, "ratio_low": math.nan, "ratio_high": math.nan}
    low, high = ratio(a, b)
    return {"ratio": a[0] / b[0], "ratio_low": float(low), "ratio_high": float(high)}
