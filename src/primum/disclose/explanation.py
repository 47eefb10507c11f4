"""Explanations that show people one by one are blocked, and replaced by what may be shown of them together (R9)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.disclose.digits import digits
from primum.disclose.model_crowd import Crowd, behind, crowd, short
from primum.disclose.presets import Policy
from primum.disclose.rules_dominance import dominance_rule
from primum.disclose.rules_quantiles import public_bins
from primum.errors import PrimumError

REPLACED = "protected (replaced)"
BAR, BINS, HEX, CURVE, SHIFT, COUNTS, MEAN = (
    "bar of mean absolute values",
    "means in public bins",
    "hexagons of a public size",
    "partial dependence on a public grid",
    "average shift",
    "counts in public bins",
    "average of those shown",
)


@dataclass(frozen=True)
class Replaced:
    """What stands in the place of a display of single people.

    Attributes
    ----------
    kind
        What was asked for.
    status
        "protected (replaced)" or "blocked".
    by
        What replaces it; empty when blocked.
    n
        Distinct people behind it; 0 when blocked, because a number below t is told to nobody.
    rows
        The replacement as a table; a withheld entry has None for its numbers.
    words
        One sentence that may leave.
    """

    kind: str
    status: str
    by: str = ""
    n: int = 0
    rows: tuple[dict[str, Any], ...] = field(default=())
    words: str = ""


@dataclass(frozen=True)
class _Asked:
    values: np.ndarray
    names: tuple[str, ...]
    policy: Policy
    people: Crowd
    x: np.ndarray | None
    grid: Sequence[float] | None
    chosen: np.ndarray | None
    digits: int

    def rounded(self, value: float) -> float:
        """Return a number with as many significant digits as its people allow (R7)."""
        if value == 0:
            return 0.0
        return round(float(value), self.digits - 1 - math.floor(math.log10(abs(value))))


def exportable(
    kind: str,
    values: npt.ArrayLike,
    names: Sequence[str],
    policy: Policy,
    *,
    x: npt.ArrayLike | None = None,
    grid: Sequence[float] | None = None,
    chosen: npt.ArrayLike | None = None,
    persons: npt.ArrayLike | None = None,
) -> Replaced:
    """Return what may leave in the place of an individual display.

    Parameters
    ----------
    kind
        A name in `KINDS`. Any other display is blocked: what is not registered does not leave.
    values
        What would have been drawn, (rows, columns): attributions by feature, coordinates, curves by grid point,
        shifts or feature values by feature.
    names
        One name a column.
    policy
        t, the dominance rule and digits.
    x
        Where the rows lie, (rows,): the feature of a dependence or ICE plot, the prediction of a residual plot.
    grid
        Public numbers, chosen before looking: edges of bins, points of a curve, or the two sizes of a hexagon.
    chosen
        Which rows are the misclassified ones, (rows,).
    persons
        Identifier of each row; without it every row is somebody else.

    Returns
    -------
    The replacement; blocked when fewer than t people (or nobody) stand behind it, or the kind has none.

    Raises
    ------
    PrimumError
        If shapes do not fit, a number is missing or infinite, or the replacement needs `x`, `grid` or `chosen`.

    Notes
    -----
    Means are shown with floor(log₁₀ n) significant digits, at most three. A bar whose sum one person (or two) dominates
    is withheld, and so is one that is not 0 for fewer than t people. When the entries withheld would together be fewer
    than t people, the smallest of the others is withheld too, because the total is public.
    """
    if kind not in KINDS:
        words = f"'{kind}' is not registered as a display, and nothing unregistered leaves."
        return Replaced(kind, "blocked", words=words)
    asked = _asked(values, names, policy, x, grid, chosen, persons)
    n = asked.people.people
    if n < asked.people.t:
        return Replaced(kind, "blocked", words=f"Fewer than {asked.people.t} people stand behind it.")
    by, make = KINDS[kind]
    rows = make(asked)
    if not rows or all(None in row.values() for row in rows):
        return Replaced(kind, "blocked", words=f"No part of it has at least {asked.people.t} people.")
    hidden = any(None in row.values() for row in rows)
    words = f"Single people are not shown: {by}, over {n} people" + ("; some parts are withheld." if hidden else ".")
    return Replaced(kind, REPLACED, by, n, tuple(rows), words)


def _asked(
    values: npt.ArrayLike,
    names: Sequence[str],
    policy: Policy,
    x: npt.ArrayLike | None,
    grid: Sequence[float] | None,
    chosen: npt.ArrayLike | None,
    persons: npt.ArrayLike | None,
) -> _Asked:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise PrimumError(
            f"Values of shape {table.shape} and {len(names)} names.", expected="one row a person, one name a column"
        )
    if not np.isfinite(table).all():
        raise PrimumError("Some values are missing or infinite.", mend="leave those people out, and count them")
    beside = [None if v is None else np.asarray(v) for v in (x, chosen)]
    for name, column in zip(("x", "chosen"), beside, strict=True):
        if column is not None and column.shape != (len(table),):
            raise PrimumError(f"'{name}' has {len(column)} entries.", expected=f"{len(table)}, one a row")
    people = crowd(len(table), policy, persons=persons)
    places = max(1, digits(people.people, ceiling=int(policy["max_digits"]))) if len(table) else 1
    where, which = beside
    return _Asked(table, tuple(names), policy, people, None if where is None else where.astype(np.float64), grid,
                  None if which is None else which.astype(np.bool_), places)  # fmt: skip


def _need(value: Any, name: str, why: str) -> Any:
    if value is None:
        raise PrimumError(f"This replacement needs '{name}'.", expected=why)
    return value


def _bar(a: _Asked) -> list[dict[str, Any]]:
    """Mean absolute value of each feature, largest first."""
    rows = []
    for j, name in enumerate(a.names):
        size = np.abs(a.values[:, j])
        moved = int(behind(a.people, np.where(size > 0, 0, -1), 1)[0])
        told = dominance_rule(_by_person(size, a.people), a.policy)
        shown = (moved == 0 or moved >= a.people.t) and told.passes
        rows.append({"feature": name, "mean_absolute": a.rounded(float(size.mean())) if shown else None})
    return sorted(rows, key=lambda r: (r["mean_absolute"] is None, -(r["mean_absolute"] or 0), r["feature"]))


def _in_bins(a: _Asked, x: np.ndarray) -> tuple[np.ndarray, list[tuple[float | None, float | None]], np.ndarray]:
    """Return the bin of each row, the bins (None where open), and which may be shown."""
    edges = list(_need(a.grid, "grid", "edges of bins on a public scale, chosen before looking"))
    public_bins(x, edges)
    at = np.searchsorted(np.asarray(edges), x, side="right")
    limits = list(zip([None, *edges], [*edges, None], strict=True))
    return at, limits, _shown(at, len(limits), a.people)


def _shown(at: np.ndarray, k: int, people: Crowd) -> np.ndarray:
    """Return which cells may be shown: enough units in each, and in all that are hidden together."""
    n = behind(people, at, k)
    shown = (n > 0) & ~short(people, at, k)
    while shown.any() and short(people, np.where(shown[at], -1, 0), 1)[0]:
        shown[np.flatnonzero(shown)[n[shown].argmin()]] = False
    return shown


def _binned_means(a: _Asked) -> list[dict[str, Any]]:
    """Mean of the first column in public bins of x."""
    at, limits, shown = _in_bins(a, _need(a.x, "x", "where each row lies, one number a row"))
    n = behind(a.people, at, len(limits))
    rows: list[dict[str, Any]] = []
    for i, (low, high) in enumerate(limits):
        mean = a.rounded(float(a.values[at == i, 0].mean())) if shown[i] else None
        rows.append({"from": "below" if low is None else low, "to": "above" if high is None else high,
                     "mean": mean, "n": int(n[i]) if shown[i] else None})  # fmt: skip
    return rows


def _binned_counts(a: _Asked) -> list[dict[str, Any]]:
    """People in public bins of the first column."""
    at, limits, shown = _in_bins(a, a.values[:, 0])
    n = behind(a.people, at, len(limits))
    return [
        {"from": "below" if low is None else low, "to": "above" if high is None else high,
         "n": int(n[i]) if shown[i] else None}
        for i, (low, high) in enumerate(limits)
    ]  # fmt: skip


def _hexagons(a: _Asked) -> list[dict[str, Any]]:
    """People in hexagons of a public size; the lattice starts at 0, so that it tells nothing of the data."""
    if a.values.shape[1] != 2:
        raise PrimumError(f"A scatter of {a.values.shape[1]} columns.", expected="two columns, across and up")
    size = np.asarray(_need(a.grid, "grid", "width and height of a hexagon, public numbers"), dtype=np.float64)
    if size.shape != (2,) or not (size > 0).all():
        raise PrimumError("The size of a hexagon is two numbers above 0.", expected="grid=(width, height)")
    unit = a.values / size
    centres = [np.round(unit - shift) + shift for shift in (0.0, 0.5)]
    far = [((unit - c) ** 2 * np.array([1.0, 3.0])).sum(axis=1) for c in (centres[0], centres[1])]
    centre = np.where((far[0] <= far[1])[:, None], centres[0], centres[1])
    cells, at = np.unique(centre, axis=0, return_inverse=True)
    at = np.ravel(at)
    shown, n = _shown(at, len(cells), a.people), behind(a.people, at, len(cells))
    across, up = a.names
    return [
        {across: float(c[0] * size[0]), up: float(c[1] * size[1]), "n": int(k)}
        for c, k, ok in zip(cells, n, shown, strict=True)
        if ok
    ]


def _curve(a: _Asked) -> list[dict[str, Any]]:
    """Mean of all curves at each public point that has enough people around it."""
    points = np.asarray(_need(a.grid, "grid", "the public points at which the curves were computed"), dtype=np.float64)
    x = _need(a.x, "x", "the value of the feature that each person has")
    if len(points) != a.values.shape[1] or (np.diff(points) <= 0).any():
        raise PrimumError(
            f"{len(points)} points and {a.values.shape[1]} columns.", expected="one increasing point a column"
        )
    public_bins(x, points.tolist())
    at = np.searchsorted((points[1:] + points[:-1]) / 2, x, side="right")
    few = ~_shown(at, len(points), a.people)
    means = a.values.mean(axis=0)
    return [{"at": float(p), "mean": None if few[i] else a.rounded(float(means[i]))} for i, p in enumerate(points)]


def _shift(a: _Asked) -> list[dict[str, Any]]:
    """Average change of each feature; of misclassified cases, how they differ from the others on average."""
    if a.chosen is None:
        return _averages(a, a.values.mean(axis=0), np.abs(a.values) > 0, "average_shift")
    sides = behind(a.people, np.where(a.chosen, 0, 1), 2)
    if short(a.people, np.where(a.chosen, 0, 1), 2).any() or (sides == 0).any():
        return []
    gap = a.values[a.chosen].mean(axis=0) - a.values[~a.chosen].mean(axis=0)
    return [{"feature": f, "average_difference": a.rounded(float(d))} for f, d in zip(a.names, gap, strict=True)]


def _missed(a: _Asked) -> list[dict[str, Any]]:
    _need(a.chosen, "chosen", "which rows are the misclassified ones")
    return _shift(a)


def _mean(a: _Asked) -> list[dict[str, Any]]:
    """Average of the examples that would have been shown."""
    unlike = np.empty(a.values.shape, dtype=np.bool_)
    for j in range(a.values.shape[1]):
        values, counts = np.unique(a.values[:, j], return_counts=True)
        unlike[:, j] = a.values[:, j] != values[counts.argmax()]
    return _averages(a, a.values.mean(axis=0), unlike, "average", certain=True)


def _averages(
    a: _Asked, means: np.ndarray, moved: np.ndarray, name: str, *, certain: bool = False
) -> list[dict[str, Any]]:
    """Return averages, without those that fewer than t people alone have moved, or one of them dominates.

    Where `certain`, an average that nobody has moved is withheld too: it is what everybody has.
    """
    rows = []
    for j, feature in enumerate(a.names):
        who = np.where(moved[:, j], 0, -1)
        few = short(a.people, who, 1)[0] or (certain and not moved[:, j].any())
        few = few or dominance_rule(_by_person(np.abs(a.values[:, j]), a.people), a.policy).status == "fail"
        rows.append({"feature": feature, name: None if few else a.rounded(float(means[j]))})
    return rows


def _by_person(values: np.ndarray, people: Crowd) -> np.ndarray:
    code = people.codes["persons"]
    return values if code is None else np.bincount(code, weights=values)


KINDS: Mapping[str, tuple[str, Callable[[_Asked], list[dict[str, Any]]]]] = {
    "beeswarm": (BAR, _bar),
    "waterfall": (BAR, _bar),
    "force": (BAR, _bar),
    "scatter": (HEX, _hexagons),
    "dependence": (BINS, _binned_means),
    "residual points": (BINS, _binned_means),
    "rug": (COUNTS, _binned_counts),
    "ice": (CURVE, _curve),
    "counterfactual": (SHIFT, _shift),
    "misclassified cases": (SHIFT, _missed),
    "nearest examples": (MEAN, _mean),
    "prototypes": (MEAN, _mean),
}
