"""Bins with a crowd in each: edges on round numbers, rare categories joined, and few enough of them to be learned."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from primum.errors import PrimumError
from primum.learn.newton import fit_logistic

STEPS = 10
SIGNIFICANT = 3.84
FREEDOM = 10
RIDGE = 1.0
TINY, NEW = 1e-9, 1e-6
Floats = npt.NDArray[np.float64]
Column = tuple[int, str, float]
"""A column of 0 and 1: the feature, "from" (that number up), "is" (that category), "other" or "missing", and which."""


class CrowdedBins(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Turns features into a few columns of 0 and 1, each of which splits off at least `least` people.

    Numbers are cut at multiples of a round step (1, 2 or 5 times a power of ten, a tenth of four standard deviations,
    rounded up); neighbouring bins are joined until each holds `least` people. Categories of fewer people are joined
    into "other", as are those that were never seen; where too few are left over for that, they count as the usual one.
    Missing is a category of its own where `least` people miss a value, and otherwise counts as the usual one. Of all
    columns those are kept that forward selection by the score test takes into a logistic regression (Rao 1948), at most
    one for every `per` people with (or without) the outcome.

    Parameters
    ----------
    categories
        Positions of the features that hold codes of categories; all others are numbers.
    least
        The fewest people of any bin, and on either side of any column.
    per
        People with, and without, the outcome for each column kept.

    Attributes
    ----------
    columns_
        The columns kept: feature, kind, and the number or code.
    steps_
        Feature that is a number → its step.
    usual_
        Feature → what a value that is missing counts as: a multiple of the step, or a code.
    named_
        Category features → codes that have a column or were common enough for one; all others are "other".

    Notes
    -----
    People are rows here; where somebody has several, give rows of their own kind or a larger `least`. Weights play no
    part in which bins there are. Nothing that is kept is a value of a person: no minimum, maximum, median or quantile.
    """

    def __init__(self, categories: tuple[int, ...] = (), least: int = 10, per: int = 10) -> None:
        self.categories = categories
        self.least = least
        self.per = per

    def fit(self, X: Any, y: Any) -> Self:
        """Choose the columns for X (people, features) and y (people,) of 0 and 1.

        Raises
        ------
        PrimumError
            If `least` or `per` is below 1, or there are too few people for a single bin.
        """
        x, outcome = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if self.least < 1 or self.per < 1:
            raise PrimumError(
                f"least = {self.least} and per = {self.per} are no numbers of people.", expected="1 or more"
            )
        if len(x) < 2 * self.least:
            raise PrimumError(
                f"{len(x)} people cannot be split into bins of {self.least}.",
                expected=f"at least {2 * self.least} people", mend="train on more people",
            )  # fmt: skip
        self.n_features_in_ = x.shape[1]
        self.steps_: dict[int, float] = {}
        self.usual_: dict[int, float] = {}
        self.named_: dict[int, tuple[float, ...]] = {}
        found: list[Column] = []
        for j in range(x.shape[1]):
            found += self._categories(j, x[:, j]) if j in self.categories else self._numbers(j, x[:, j])
            if self.least <= np.isnan(x[:, j]).sum() <= len(x) - self.least:
                found.append((j, "missing", 0.0))
        fewest = min(outcome.sum(), len(outcome) - outcome.sum())
        most = max(0, min(int(fewest // self.per), len(x) - FREEDOM - 2))
        kept = forward(self._design(x, found), outcome, most)
        self.columns_ = sorted((found[k] for k in kept), key=lambda c: (c[0], c[1], c[2]))
        return self

    def transform(self, X: Any) -> Floats:
        """Return the columns kept, shape (people, columns)."""
        return self._design(np.asarray(X, dtype=np.float64), self.columns_)

    def _numbers(self, j: int, values: Floats) -> list[Column]:
        """Return the edges of a feature that is a number, and remember its step and its usual value."""
        known = values[~np.isnan(values)]
        whole = bool((known == np.round(known)).all())
        self.steps_[j] = step = round_step(known, whole=whole)
        edges = crowded_edges(known, step, self.least)
        bounds = [-math.inf, *edges]
        at = np.searchsorted(edges, known, side="right")
        most = int(np.bincount(at, minlength=len(bounds)).argmax()) if len(known) else 0
        self.usual_[j] = bounds[most] if most else (edges[0] - step if edges else 0.0)
        return [(j, "from", e) for e in edges]

    def _categories(self, j: int, values: Floats) -> list[Column]:
        """Return the columns of a feature that holds codes: each common one but the usual, and the others together."""
        codes, n = np.unique(values[~np.isnan(values)], return_counts=True)
        common = codes[n >= self.least]
        self.usual_[j] = float(codes[n.argmax()]) if len(codes) else 0.0
        rare = int(n[n < self.least].sum())
        self.named_[j] = tuple(float(c) for c in common)
        kept: list[Column] = [(j, "is", float(c)) for c in common if c != self.usual_[j]]
        sides = [(c, int((values == c[2]).sum())) for c in kept]
        kept = [c for c, k in sides if len(values) - k >= self.least]
        return kept + ([(j, "other", 0.0)] if self.least <= rare <= len(values) - self.least else [])

    def _design(self, x: Floats, columns: list[Column]) -> Floats:
        out = np.zeros((len(x), len(columns)))
        for k, (j, kind, at) in enumerate(columns):
            missing = np.isnan(x[:, j])
            values = np.where(missing, self.usual_[j], x[:, j])
            if kind == "from":
                out[:, k] = values >= at
            elif kind == "is":
                out[:, k] = values == at
            elif kind == "other":
                out[:, k] = ~np.isin(values, self.named_[j])
            else:
                out[:, k] = missing
        return out


def round_step(known: Floats, *, whole: bool) -> float:
    """Return 1, 2 or 5 times a power of ten, at least a tenth of four standard deviations; 1 or more for whole numbers.

    0 where all values are the same.
    """
    spread = 4 * float(known.std()) / STEPS if len(known) else 0.0
    if not spread > 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(spread))
    step = next(float(f"{m * power:.6g}") for m in (1, 2, 5, 10) if m * power >= spread * (1 - 1e-9))
    return max(step, 1.0) if whole else step


def crowded_edges(known: Floats, step: float, least: int) -> list[float]:
    """Return the multiples of a step between which (and beyond which) at least `least` people lie, from below."""
    if not step > 0 or len(known) < 2 * least:
        return []
    ordered = np.sort(known)
    edges: list[float] = []
    below = 0
    for i in range(math.ceil(ordered[0] / step), math.floor(ordered[-1] / step) + 2):
        edge = float(f"{i * step:.12g}")
        at = int(np.searchsorted(ordered, edge, side="left"))
        if at - below >= least and len(ordered) - at >= least:
            edges.append(edge)
            below = at
    return edges


def forward(B: Floats, y: Floats, most: int) -> list[int]:
    """Return the columns that forward selection takes, in the order in which it does.

    Parameters
    ----------
    B
        Columns of 0 and 1, shape (people, columns).
    y
        Outcome, shape (people,).
    most
        How many at most.

    Notes
    -----
    In each round the column with the largest score statistic joins, U the slope of the log likelihood at 0 and V its
    variance given the columns already there; it stops where none reaches 3.84 (5 % on one degree of freedom).
    """
    chosen: list[int] = []
    beta = np.zeros(0)
    while len(chosen) < min(most, B.shape[1]):
        Z = np.column_stack([np.ones(len(y)), B[:, chosen]])
        beta = fit_logistic(Z, y, ridge=RIDGE, start=np.append(beta, 0.0))
        score = score_statistics(B, y, Z, beta)
        score[chosen] = 0.0
        best = int(score.argmax())
        if score[best] < SIGNIFICANT:
            break
        chosen.append(best)
    return chosen


def score_statistics(B: Floats, y: Floats, Z: Floats, beta: Floats, *, ridge: float = RIDGE) -> Floats:
    """Return the score statistic of each column B (people, columns) beside the model of Z, shape (columns,).

    With a penalty it is U²/(V + ridge), twice what the column would add to the penalised likelihood, to second order;
    0 for a column that those of Z tell already.
    """
    p = 1 / (1 + np.exp(-(Z @ beta)))
    W = p * (1 - p)
    across = Z.T @ (B * W[:, None])
    whole = W @ B  # of 0 and 1 the square is the number
    rest = whole - (across * np.linalg.solve(Z.T @ (Z * W[:, None]) + TINY * np.eye(Z.shape[1]), across)).sum(axis=0)
    return np.asarray(np.where(rest > NEW * whole, (B.T @ (y - p)) ** 2 / (rest + ridge), 0.0), dtype=np.float64)
