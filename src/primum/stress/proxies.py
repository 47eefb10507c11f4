"""Proxy strength: how well the features tell to which group a person belongs, one by one, together, given others.

Nobody is told by a model that was trained on them. Features are cut into cells (quantiles, categories, "missing"), and
a group is told by a sum of one curve a feature, fitted by ridge regression: for one feature that is the share of the
group in each cell, drawn towards the overall share. One table of cross products serves every group and every set of
features, so that all of this costs seconds. A sum of curves knows no interactions: it is a lower bound of what could
be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.learn.calibrate import expit, logit
from primum.learn.learning_curve import Known
from primum.learn.prepare import Matrix
from primum.learn.train import one_thread_when_small

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BINS = 8
LEVELS = 20
"""Most categories that have a cell of their own; the rarest of more share one."""
DRAWN = 10.0
"""A cell's share is drawn towards the mean as if this many people more were in it."""
SHARED = 2.0
"""By how much variances are enlarged: folds share training people, and where nothing can be told this doubles it."""
TREES: dict[str, Any] = {"max_iter": 40, "max_leaf_nodes": 8, "min_samples_leaf": 20, "learning_rate": 0.1}


@dataclass(frozen=True)
class Cells:
    """Features cut into cells.

    Attributes
    ----------
    names
        One name a feature.
    code
        Cell of each person in each feature, shape (people, features).
    number
        Cells of each feature.
    """

    names: list[str]
    code: Ints
    number: Ints

    def place(self, names: Sequence[str]) -> list[int]:
        """Return the positions of these features.

        Raises
        ------
        PrimumError
            For a feature that is not there.
        """
        for name in names:
            if name not in self.names:
                raise unknown("feature", name, self.names)
        return [self.names.index(name) for name in names]


def cells(matrix: Matrix, *, bins: int = BINS) -> Cells:
    """Cut features into cells: quantiles of numbers, categories as they are, and one cell for missing values.

    Cutting looks at no group and at no outcome.
    """
    code = np.empty(matrix.values.shape, dtype=np.int64)
    number = np.empty(len(matrix.names), dtype=np.int64)
    for j, name in enumerate(matrix.names):
        code[:, j] = _categories(matrix.values[:, j]) if name in matrix.levels else _numbers(matrix.values[:, j], bins)
        number[j] = int(code[:, j].max()) + 1
    return Cells(matrix.names, code, number)


def _numbers(x: Floats, bins: int) -> Ints:
    known = x[np.isfinite(x)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if known.size else np.empty(0)
    values = np.unique(known)
    if len(values) <= bins:  # few different values: one cell each
        edges = values[1:]
    return np.where(np.isfinite(x), np.searchsorted(edges, x, side="right"), len(edges) + 1)


def _categories(x: Floats) -> Ints:
    known = np.isfinite(x)
    values, count = np.unique(x[known], return_counts=True)
    kept = np.sort(values[np.argsort(-count, kind="stable")[: LEVELS - 1]]) if len(values) > LEVELS else values
    place = np.searchsorted(kept, x)
    place[known & ~np.isin(x, kept)] = len(kept)
    place[~known] = len(kept) + 1
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Teller:
    """Tells numbers (memberships, a score) of people from the cells of their features, fold by fold.

    Attributes
    ----------
    features
        Cells of all people.
    target
        What is told, shape (people, targets); NaN rows are neither learnt from nor told.
    fold
        The fold in which each person is left out, shape (people,).
    weight
        Weights, shape (people,), or None.
    """

    features: Cells
    target: Floats
    fold: Ints
    weight: Floats | None = None

    def told(self, chosen: Sequence[int]) -> Floats:
        """Return what is told of everybody from the features at these positions, shape (people, targets).

        No feature tells everybody the mean of the other folds.
        """
        columns = np.concatenate([self._columns(j) for j in chosen]) if len(chosen) else np.empty(0, dtype=np.int64)
        out = np.empty_like(self.target)
        place = np.full(int(self._start[-1]), -1, dtype=np.int64)
        place[columns] = np.arange(len(columns))
        for k, (gram, cross, mean) in enumerate(self._learnt):
            own = self._folds == k
            out[own] = mean
            if len(columns):
                part = gram[np.ix_(columns, columns)] + DRAWN * np.eye(len(columns))
                beta = np.linalg.solve(part, cross[columns])
                for j in chosen:
                    out[own] += beta[place[self._start[j] + self.features.code[own, j]]]
        out[~self._known] = np.nan
        return out

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_]:
        return np.asarray(np.isfinite(self.target).all(axis=1), dtype=np.bool_)

    @cached_property
    def _start(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.features.number)])

    @cached_property
    def _folds(self) -> Ints:
        return np.unique(self.fold, return_inverse=True)[1]

    def _columns(self, j: int) -> Ints:
        return np.arange(self._start[j], self._start[j + 1])

    @cached_property
    def _learnt(self) -> list[tuple[Floats, Floats, Floats]]:
        """Return, for each fold, cross products of the cells, of cells with centred targets, and mean targets."""
        from scipy.sparse import csr_array

        people, features = self.features.code.shape
        weight = np.ones(people) if self.weight is None else self.weight / self.weight.mean()
        weight = np.where(self._known, weight, 0.0)
        index = (self.features.code + self._start[:-1]).ravel()
        x = csr_array(
            (np.ones(index.size), index, np.arange(0, index.size + 1, features)), shape=(people, int(self._start[-1]))
        )
        y = np.where(self._known[:, None], self.target, 0.0)
        sums = []
        for k in range(int(self._folds.max()) + 1):
            rows = np.flatnonzero(self._folds == k)
            part, w = x[rows], weight[rows]
            heavy = part.multiply(w[:, None]).tocsr()
            sums.append((part.T @ heavy, heavy.T @ y[rows], heavy.sum(axis=0), w @ y[rows], w.sum()))
        if len(sums) < 2:
            raise PrimumError("Everybody is in one fold.", expected="at least two folds, one left out at a time")
        learnt = []
        for k in range(len(sums)):
            rest = [s for i, s in enumerate(sums) if i != k]
            gram = np.asarray(sum(s[0] for s in rest).toarray(), dtype=np.float64)
            mean = sum(s[3] for s in rest) / sum(s[4] for s in rest)
            inside = np.asarray(sum(s[2] for s in rest), dtype=np.float64).ravel()
            cross = np.asarray(sum(s[1] for s in rest), dtype=np.float64) - inside[:, None] * mean
            learnt.append((gram, cross, np.asarray(mean, dtype=np.float64)))
        return learnt


def told_by_trees(matrix: Matrix, group: Ints, fold: Ints, *, weight: Floats | None = None, seed: int = 0) -> Floats:
    """Return how likely each group is for each person by boosted trees of the other folds, shape (people, groups).

    `group` holds codes from 0. Interactions are told; the price is seconds for every set of features.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    out = np.zeros((len(group), int(group.max()) + 1))
    codes = [j for j in matrix.categories if np.nanmax(matrix.values[:, j], initial=0) < 200]
    with one_thread_when_small(len(group)):
        for k in np.unique(fold):
            own = fold == k
            trees = HistGradientBoostingClassifier(
                early_stopping=False, categorical_features=codes or None, random_state=seed, **TREES
            )
            trees.fit(matrix.values[~own], group[~own], None if weight is None else weight[~own])
            out[np.ix_(own, trees.classes_)] = trees.predict_proba(matrix.values[own])
    return out


def auroc(score: Floats, member: npt.ArrayLike, fold: Ints, weight: Floats | None = None) -> Known:
    """Return how often a member scores above a non-member of the same fold, ties half, and each person's influence.

    Folds count by their pairs. Scores of different folds come from different models and are never compared. With one
    fold and without weights the influence gives DeLong's variance.
    Source: LeDell, Petersen & van der Laan (2015), Electron J Stat 9:1583-1607. NaN where no fold has both.
    """
    is_in = np.asarray(member, dtype=bool)
    w = np.ones(len(is_in)) if weight is None else np.asarray(weight, dtype=np.float64)
    influence, parts = np.zeros(len(is_in)), []
    for k in np.flatnonzero(np.bincount(fold)):
        rows = np.flatnonzero((fold == k) & np.isfinite(score))
        y, v = is_in[rows], w[rows]
        one, zero = float(v[y].sum()), float(v[~y].sum())
        if one <= 0 or zero <= 0:
            continue
        _, at = np.unique(score[rows], return_inverse=True)
        below, above = np.bincount(at, weights=v * ~y), np.bincount(at, weights=v * y)
        placed_one = (np.cumsum(below) - below / 2) / zero
        placed_zero = (above[::-1].cumsum()[::-1] - above / 2) / one
        value = float((v * y) @ placed_one[at] / one)
        moved = np.where(y, (placed_one[at] - value) / one, (placed_zero[at] - value) / zero) * v
        parts.append((one * zero, value, rows, moved))
    total = sum(p[0] for p in parts)
    if not total:
        return Known(float("nan"), influence)
    for pairs, _, rows, moved in parts:
        influence[rows] = moved * pairs / total
    return Known(sum(p[0] * p[1] for p in parts) / total, influence)


def auroc_limits(found: Known, level: float, unit: Ints | None = None) -> tuple[float, float]:
    """Return the interval of a cross-fitted AUROC, on the logit scale, with its variance doubled (`SHARED`).

    Where nothing can be told, what two folds learn from each other is the same chance, and the variance of their mean
    is twice what it would be if they were independent; where much can be told the doubling is too cautious.
    """
    low, high = found.limits(level, unit)
    half, a = (high - low) / 2 * np.sqrt(SHARED), found.value
    if not np.isfinite(half) or half <= 0 or not 0 < a < 1:
        return float("nan"), float("nan")
    odds, reach = float(logit(np.asarray(a))), half / (a * (1 - a))
    return float(expit(np.asarray(odds - reach))), float(expit(np.asarray(odds + reach)))


def difference_limits(found: Known, level: float, unit: Ints | None = None) -> tuple[float, float]:
    """Return the interval of a difference of two cross-fitted AUROCs of the same people, its variance doubled."""
    low, high = found.limits(level, unit)
    half = (high - low) / 2 * np.sqrt(SHARED)
    return (float(found.value - half), float(found.value + half)) if half > 0 else (float("nan"), float("nan"))
