"""Cross-fitting: each risk comes from a model, and a calibration, that never saw that person's outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from primum.errors import PrimumError
from primum.learn.calibrate import recalibrate
from primum.learn.need import need
from primum.learn.prepare import encode
from primum.learn.train import KINDS, auroc, describe, one_thread_when_small, train

if TYPE_CHECKING:
    import polars as pl

    from primum.usecase import Model

Progress = Callable[[int, int, str], None]

BLOCKS = 4
LEAST = 5
SEED = 0x1EA2


@dataclass(frozen=True)
class Fitted:
    """What cross-fitting gives to the audit.

    Attributes
    ----------
    score
        (people,) float64 in [0, 1]: out-of-fold, calibrated risk of the outcome.
    description
        JSON-ready: kind, settings, versions, calibration, one entry a fold, importances where they cost
        nothing.
    """

    score: np.ndarray
    description: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One fold's turn to be scored.

    Attributes
    ----------
    left_out
        Units (see `_units`) of this fold: the model that scores it is trained on all others.
    blocks
        The other units, in blocks: each is scored, for the calibration, by a model that saw neither it nor
        this fold.
    """

    left_out: frozenset[int]
    blocks: list[frozenset[int]]

    @property
    def trainings(self) -> list[frozenset[int]]:
        """What each model that this turn needs must not see."""
        return [*(self.left_out | block for block in self.blocks), self.left_out]


def cross_fit(
    model: Model,
    features: pl.DataFrame,
    outcome: np.ndarray,
    folds: np.ndarray,
    *,
    seed: int,
    weight: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train and calibrate `model` without each fold in turn, and score that fold.

    The calibration of a fold is learned on the other folds, from models that saw neither: with five folds,
    the model without folds 1 and 2 helps to calibrate both, so fifteen fits do the work of twenty-five. Inner
    splits follow the given folds, so people and families who were kept together stay together (with only two
    folds, each is halved at random for the calibration). There is no final fit on everybody: an audit needs
    honest scores, and deploys nothing.

    Parameters
    ----------
    model
        A model with `train`: logistic, boosting or ebm.
    features
        (people, features) numbers and text; missing values stay missing.
    outcome
        (people,) 0 or 1.
    folds
        (people,) fold of each person, whole numbers, at least two different ones.
    seed
        The seed of the use case; the same seed gives the same scores, bit by bit.
    weight
        (people,) sample weights, at least 0; only their ratios matter.
    progress
        Called as `progress(done, total, text)` after every fit.

    Raises
    ------
    PrimumError
        Lengths differ, the outcome is not 0/1, too few people with or without it remain for training, weights
        are unusable, or a feature cannot be encoded.
    MissingExtraError
        scikit-learn (or interpret-core, for ebm) is not installed.
    """
    if model.train is None:
        raise PrimumError(f"The model '{model.name}' is not trained here.", expected="train: " + " | ".join(KINDS))
    need("sklearn", "scikit-learn", "models", f"Training the model '{model.name}'")
    y, fold, names = _checked(features, outcome, folds)
    w = _weights(weight, len(y))
    matrix = encode(features)
    start = int(np.random.default_rng([seed, SEED]).integers(2**31 - 1))
    unit, turns = _turns(fold, y, start)
    _enough(y, unit, turns)
    trainings = list(dict.fromkeys(left_out for turn in turns for left_out in turn.trainings))

    scored, notes = {}, {}
    with one_thread_when_small(len(y)):
        for done, left_out in enumerate(trainings, start=1):
            seen = ~np.isin(unit, list(left_out))
            scored[left_out], notes[left_out] = train(model.train, matrix, y, seen, weight=w, seed=start)
            if progress is not None:
                progress(done, len(trainings), f"{model.name}: fit {done} of {len(trainings)}")

    score, per_fold = np.empty(len(y)), []
    for k, turn in enumerate(turns):
        own = fold == k
        score[own], calibration = _calibrated(turn, scored, unit, y, w)
        told: dict[str, Any] = {"fold": names[k], "people": int(own.sum()), "events": int(y[own].sum())}
        told |= {"auroc": auroc(y[own], score[own]), "calibration": calibration}
        per_fold.append(told | notes[turn.left_out])
    return Fitted(score, describe(model.train, matrix, per_fold, weighted=w is not None, seed=seed))


def _calibrated(
    turn: Turn,
    scored: dict[frozenset[int], np.ndarray],
    unit: np.ndarray,
    y: np.ndarray,
    w: np.ndarray | None,
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the calibrated scores of the fold whose turn it is, and the calibration."""
    own = np.isin(unit, list(turn.left_out))
    inner = np.empty(len(y))
    for block in turn.blocks:
        rows = np.isin(unit, list(block))
        inner[rows] = scored[turn.left_out | block][rows]
    fix = recalibrate(inner[~own], y[~own], None if w is None else w[~own])
    return fix.apply(scored[turn.left_out][own]), {"intercept": fix.intercept, "slope": fix.slope}


def _turns(fold: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, list[Turn]]:
    """Return each person's unit (the smallest part kept together) and what happens at each fold's turn.

    A unit is a fold; of only two folds, each is halved at random, with as many events in either half.
    """
    n_folds, parts = int(fold.max()) + 1, 1
    unit = fold.copy()
    if n_folds == 2:
        parts = 2
        for k in range(2):
            shuffle = np.random.default_rng([seed, k])
            for level in (0, 1):
                rows = shuffle.permutation(np.flatnonzero((fold == k) & (y == level)))
                unit[rows] = 2 * k + np.arange(len(rows)) % 2
    turns = []
    for k in range(n_folds):
        own = range(k * parts, (k + 1) * parts)
        others = [u for u in range(n_folds * parts) if u not in own]
        blocks = [frozenset(others[i::BLOCKS]) for i in range(min(BLOCKS, len(others)))]
        turns.append(Turn(frozenset(own), blocks))
    return unit, turns


def _checked(
    features: pl.DataFrame, outcome: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return the outcome as int8, the folds as 0, 1, …, and the folds' own names."""
    y, k = np.asarray(outcome), np.asarray(folds)
    if not len(y) == len(k) == features.height:
        raise PrimumError(
            f"Features, outcome and folds differ in length: {features.height}, {len(y)} and {len(k)}.",
            expected="one row, one outcome and one fold a person",
        )
    values = np.unique(y)
    if not np.isin(values, [0, 1]).all():
        raise PrimumError("The outcome is not coded 0 and 1.", expected="0 (absent), 1 (present)", available=values)
    names, place = np.unique(k, return_inverse=True)
    if len(names) < 2:
        raise PrimumError(f"Cross-fitting needs at least two folds, not {len(names)}.", expected="folds: 2 to 20")
    return y.astype(np.int8), place, [int(n) for n in names]


def _weights(weight: np.ndarray | None, n: int) -> np.ndarray | None:
    """Return weights with mean 1, so that penalties mean the same whatever the weights' unit."""
    if weight is None:
        return None
    w = np.asarray(weight, dtype=float)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or w.sum() == 0:
        raise PrimumError(
            "The sample weights cannot be used.",
            expected=f"{n} finite numbers, none below 0, not all 0",
            mend="filter out people without a weight (include: known), so that the report counts them",
        )
    return np.asarray(w / w.mean())


def _enough(y: np.ndarray, unit: np.ndarray, turns: list[Turn]) -> None:
    """Refuse, before the first fit, to train where almost nobody has (or lacks) the outcome."""
    for turn in turns:
        for left_out in turn.trainings:
            rest = y[~np.isin(unit, list(left_out))]
            events = int(rest.sum())
            fewest = min(events, len(rest) - events)
            if fewest < LEAST:
                who = "with" if fewest == events else "without"
                raise PrimumError(
                    f"Only {fewest} people {who} the outcome would remain to train and calibrate a model on.",
                    expected=f"at least {LEAST} with and {LEAST} without, in every part that trains",
                    mend="widen the population, check the outcome's definition, or audit an existing score",
                )
