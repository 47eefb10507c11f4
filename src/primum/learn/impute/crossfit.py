"""A strategy and a learner together, fitted without each part of the people in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn import additive
from primum.learn.impute.complete import CompleteCases
from primum.learn.impute.filler import Filler, Floats
from primum.learn.impute.strategies import TREES, Strategy, checked_draws
from primum.learn.label_noise import group_labels
from primum.learn.prepare import Matrix
from primum.learn.train import KINDS, one_thread_when_small

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
LEAST = 5


@dataclass(frozen=True)
class Fitted:
    """One filler and one model, both fitted on the same people and no others.

    Attributes
    ----------
    filler, estimator
        Fitted.
    empty
        Columns that nobody who trained has, shape (columns out,): constants for the model.
    """

    filler: Filler
    estimator: Any
    empty: Bools

    def completed(self, x: Floats, group: Any) -> Floats:
        """Return the features without the gaps that the strategy fills."""
        return self.filler.transform(x, group=group)

    def risk(self, completed: Floats) -> Floats:
        """Return the risk from completed features, shape (people,)."""
        if not len(completed):
            return np.empty(0)
        return np.asarray(self.estimator.predict_proba(np.where(self.empty, 0.0, completed))[:, 1], dtype=np.float64)

    def score(self, x: Floats, group: Any) -> Floats:
        """Return the risk from features with gaps; NaN for people whom the strategy leaves out."""
        if isinstance(self.filler, CompleteCases):
            whole = self.filler.complete(x)
            out = np.full(len(x), np.nan)
            out[whole] = self.risk(x[whole])
            return out
        return self.risk(self.completed(x, group))


@dataclass(frozen=True)
class CrossFitted:
    """Everybody's score by models that never saw them, for each draw.

    Attributes
    ----------
    score
        Shape (draws, people); NaN for people whom the strategy leaves out.
    fitted
        fitted[draw][part].
    part
        Which part each person is in, shape (people,).
    kind
        The learner.
    """

    score: Floats
    fitted: list[list[Fitted]]
    part: Ints
    kind: str

    def completed(self, draw: int, x: Floats, group: Any) -> Floats:
        """Return everybody's features as completed by the filler that never saw them, shape (people, columns in).

        Columns that a filler adds are left out: which there are depends on who trained it.
        """
        out = np.empty(x.shape)
        for k, one in enumerate(self.fitted[draw]):
            rows = np.flatnonzero(self.part == k)
            out[rows] = one.completed(x[rows], _of(group, rows))[:, : x.shape[1]]
        return out

    def rescored(self, x: Floats, group: Any, draw: int = 0) -> Floats:
        """Return everybody's score from other features, by the models that never saw them, shape (people,)."""
        out = np.empty(len(x))
        for k, one in enumerate(self.fitted[draw]):
            rows = np.flatnonzero(self.part == k)
            out[rows] = one.score(x[rows], _of(group, rows))
        return out


def learner_of(chosen: Strategy, kind: str) -> str:
    """Return the learner that a strategy is tried with: the one asked for, boosted trees where trees are needed."""
    return "boosting" if chosen.trees and kind not in TREES else kind


def fit_filled(
    chosen: Strategy,
    kind: str,
    matrix: Matrix,
    outcome: npt.NDArray[Any],
    rows: Ints,
    *,
    group: Any = None,
    draw: int = 0,
    seed: int = 0,
    weight: Floats | None = None,
) -> Fitted:
    """Fit filler and model on `rows`: nothing of anybody else is looked at, neither features nor outcomes.

    Raises
    ------
    PrimumError
        If too few people with or without the outcome are there to train on, or the strategy cannot be fitted.
    """
    x, y = matrix.values[rows], np.asarray(outcome, dtype=np.int64)[rows]
    w = None if weight is None else weight[rows]
    filler = chosen.make(matrix, draw, seed)
    if isinstance(filler, CompleteCases):
        whole = filler.complete(x)
        x, y, w = x[whole], y[whole], None if w is None else w[whole]
        rows = rows[whole]
    fewest = int(min(y.sum(), len(y) - y.sum()))
    if fewest < LEAST:
        raise PrimumError(
            f"'{chosen.name}' leaves {fewest} people with (or without) the outcome to train on.",
            expected=f"at least {LEAST} of each",
            mend="choose a strategy that keeps people with gaps, or leave out the column that few have",
        )
    full = filler.fit_transform(x, y, group=_of(group, rows))
    names = filler.get_feature_names_out().tolist()
    empty = np.isnan(full).all(axis=0)
    estimator = KINDS[kind](Matrix(full, names, matrix.levels), seed=seed)
    full = np.where(empty, 0.0, full)
    if kind == "ebm":
        additive.fit_quietly(estimator, full, y, w)
    else:
        estimator.fit(full, y, model__sample_weight=w)
    return Fitted(filler, estimator, np.asarray(empty))


def cross_fit_filled(
    chosen: Strategy,
    kind: str,
    matrix: Matrix,
    outcome: npt.NDArray[Any],
    part: Ints,
    *,
    group: Any = None,
    draws: int = 2,
    seed: int = 0,
    weight: Floats | None = None,
) -> CrossFitted:
    """Fit a strategy and a learner without each part in turn, once for each draw, and score that part.

    Parameters
    ----------
    chosen, kind
        Strategy, and "logistic", "boosting" or "ebm" (see `learner_of`).
    matrix, outcome
        Features with gaps, and 0/1, shape (people,).
    part
        Part of each person, 0, 1, …; linked people in one part.
    group
        Membership, for strategies that tell groups apart.
    draws, seed, weight
        How many imputations, the seed, and sample weights of the learner, shape (people,).

    Raises
    ------
    PrimumError
        For fewer than two draws of a strategy that is drawn, or as `fit_filled`.
    """
    kind = learner_of(chosen, kind)
    many = checked_draws(chosen, draws)
    if chosen.needs_group and group is None:
        raise PrimumError(
            f"'{chosen.name}' tells groups apart, and membership was not given.",
            expected="group=…: one label a person, or a frame with one column an attribute",
            mend="name the groups that it may tell apart (missing: by), or choose another strategy",
        )
    group = None if group is None else group_labels(group, len(part))
    mean = None if weight is None else weight / weight.mean()
    score = np.full((many, len(part)), np.nan)
    fitted: list[list[Fitted]] = []
    with one_thread_when_small(len(part)):
        for draw in range(many):
            fitted.append([])
            for k in range(int(part.max()) + 1):
                own = np.flatnonzero(part == k)
                one = fit_filled(
                    chosen, kind, matrix, outcome, np.flatnonzero(part != k), group=group, draw=draw, seed=seed,
                    weight=mean,
                )  # fmt: skip
                score[draw, own] = one.score(matrix.values[own], _of(group, own))
                fitted[-1].append(one)
    return CrossFitted(score, fitted, part, kind)


def _of(group: Any, rows: Ints) -> Any:
    return None if group is None else group[rows]
