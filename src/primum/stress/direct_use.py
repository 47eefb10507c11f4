"""What a model does with a feature: when it is shuffled, when only it is changed, and when it is taken away.

The model is trained anew on the other folds for each fold, so that nobody is judged by a model that has seen them. Its
risks are put right by one intercept and slope from the other folds' left-out people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.learn import additive
from primum.learn.calibrate import recalibrate
from primum.learn.prepare import Matrix
from primum.learn.train import KINDS, one_thread_when_small
from primum.stress.proxies import auroc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LEAST = 10
"""Fewest people with, and without, the outcome that a model is trained on here."""
SHUFFLES, MANY = 2, 20_000
"""How often each feature is shuffled; once is enough with many people."""
_SEED = 0xD12E


@dataclass(frozen=True)
class Models:
    """One model a fold, trained on the others.

    Attributes
    ----------
    kind
        "logistic", "boosting" or "ebm".
    matrix
        Features of everybody.
    outcome, fold, weight
        Shape (people,); weight may be None.
    fitted
        Estimator and columns that nobody in training had, one a fold.
    raw, risk
        Everybody's left-out score, and the same put right, shape (people,).
    calibrated
        Intercept and slope, one a fold.
    seed
        Of the learner and of the shuffles.
    """

    kind: str
    matrix: Matrix
    outcome: npt.NDArray[np.int8]
    fold: Ints
    weight: Floats | None
    fitted: list[tuple[Any, npt.NDArray[np.bool_]]]
    raw: Floats
    risk: Floats
    calibrated: list[Any]
    seed: int = 0

    def scored(self, values: Floats, *, risk: bool = True) -> Floats:
        """Return the left-out score of people with other values of their features, shape (people,)."""
        out = np.empty(len(values))
        with one_thread_when_small(len(values)):
            for k, (estimator, empty) in enumerate(self.fitted):
                own = self.fold == k
                out[own] = estimator.predict_proba(np.where(empty, 0.0, values[own]))[:, 1]
                if risk:
                    out[own] = self.calibrated[k].apply(out[own])
        return out

    def position(self, name: str) -> int:
        """Return the column of a feature.

        Raises
        ------
        PrimumError
            If the model has no such feature.
        """
        if name not in self.matrix.names:
            raise unknown("feature", name, self.matrix.names, where="the model")
        return self.matrix.names.index(name)


def fit(
    kind: str,
    matrix: Matrix,
    outcome: npt.NDArray[np.int8],
    fold: Ints,
    *,
    weight: Floats | None = None,
    seed: int = 0,
    like: Models | None = None,
) -> Models:
    """Train one model for each fold on the others.

    Parameters
    ----------
    fold
        0, 1, … for each person; families belong in one fold.
    like
        Models whose chosen settings (the strength of a penalty) are taken over: quicker, and a comparison of the two
        then compares features alone.

    Raises
    ------
    PrimumError
        If a fold leaves fewer than 10 people with, or without, the outcome to train on.
    """
    from sklearn.base import clone

    place = np.unique(fold, return_inverse=True)[1]
    y = np.asarray(outcome, dtype=np.int64)
    w = None if weight is None else weight / weight.mean()
    fitted: list[tuple[Any, npt.NDArray[np.bool_]]] = []
    with one_thread_when_small(len(y)):
        for k in range(int(place.max()) + 1):
            rest = place != k
            fewest = int(min(y[rest].sum(), rest.sum() - y[rest].sum()))
            if fewest < LEAST:
                raise PrimumError(
                    f"Only {fewest} people with (or without) the outcome are there to train on.",
                    expected=f"at least {LEAST} of each outside every fold",
                )
            estimator = KINDS[kind](matrix, seed=seed)
            if like is not None and kind == "logistic":
                chosen = like.fitted[k][0]["model"]
                estimator.set_params(model=clone(getattr(chosen, "best_estimator_", chosen)))
            empty = np.isnan(matrix.values[rest]).all(axis=0)
            values = np.where(empty, 0.0, matrix.values[rest])
            if kind == "ebm":
                additive.fit_quietly(estimator, values, y[rest], None if w is None else w[rest])
            else:
                estimator.fit(values, y[rest], model__sample_weight=None if w is None else w[rest])
            fitted.append((estimator, empty))
    blank = np.zeros(len(y))
    models = Models(kind, matrix, outcome, place, w, fitted, blank, blank, [], seed)
    raw = models.scored(matrix.values, risk=False)
    calibrated = [
        recalibrate(raw[place != k], y[place != k], None if w is None else w[place != k]) for k in range(len(fitted))
    ]
    models = replace(models, raw=raw, calibrated=calibrated)
    risk = np.empty(len(y))
    for k, fix in enumerate(calibrated):
        risk[place == k] = fix.apply(raw[place == k])
    return replace(models, risk=risk)


def without(models: Models, name: str) -> Models:
    """Return models trained again without one feature, their settings as they were.

    Raises
    ------
    PrimumError
        If the model has no such feature, or no other.
    """
    j = models.position(name)
    kept = [i for i in range(len(models.matrix.names)) if i != j]
    if not kept:
        raise PrimumError(f"'{name}' is the model's only feature.", mend="there is nothing to train on without it")
    names = [models.matrix.names[i] for i in kept]
    matrix = Matrix(models.matrix.values[:, kept], names, {k: v for k, v in models.matrix.levels.items() if k in names})
    return fit(models.kind, matrix, models.outcome, models.fold, weight=models.weight, seed=models.seed, like=models)


def importance(models: Models) -> dict[str, float]:
    """Return by how much the AUROC of the outcome falls when a feature is shuffled among left-out people.

    Source: Breiman (2001), Mach Learn 45:5-32; Fisher, Rudin & Dominici (2019), JMLR 20:177. Features that say the same
    stand in for each other, and each then seems less important than both are.
    """
    whole = auroc(models.raw, models.outcome, models.fold, models.weight).value
    out = {}
    for j, name in enumerate(models.matrix.names):
        rng = np.random.default_rng([models.seed, _SEED, j])
        falls = []
        for _ in range(SHUFFLES if len(models.fold) < MANY else 1):
            values = models.matrix.values.copy()
            for k in range(len(models.fitted)):
                own = np.flatnonzero(models.fold == k)
                values[own, j] = values[rng.permutation(own), j]
            shuffled = models.scored(values, risk=False)
            falls.append(whole - auroc(shuffled, models.outcome, models.fold, models.weight).value)
        out[name] = float(np.mean(falls))
    return out


def normalised(falls: Mapping[str, float]) -> dict[str, float]:
    """Return importances as shares that add up to 1; what falls by chance below 0 counts 0. NaN where all are 0."""
    kept = {k: max(v, 0.0) for k, v in falls.items()}
    total = sum(kept.values())
    return {k: v / total if total > 0 else float("nan") for k, v in kept.items()}


@dataclass(frozen=True)
class Flip:
    """What happens to each person when only the attribute is changed; NaN for people whose group is not recorded.

    Attributes
    ----------
    size
        Mean absolute change of the risk over the other groups, each by its share of people, shape (people,).
    signed
        The same with its sign: above 0 where the person would have a higher risk if recorded as others are.
    changed
        Share of those flips that change the decision, shape (people,).
    """

    size: Floats
    signed: Floats
    changed: Floats


def flip(models: Models, name: str, group: Sequence[str], left_out: Sequence[str], cut: float) -> Flip:
    """Change the attribute alone, for everybody and to every other group.

    The value that stands for a group is its most common one (its median, where the feature is a number). Nothing else
    about the person changes, so this is what the model makes of the attribute itself. It says nothing of what reaches
    the score through other features, nor of what would happen to a person who really belonged to another group.

    Parameters
    ----------
    name
        The feature that holds the attribute.
    group
        Group of each person, shape (people,).
    left_out
        Groups that are none ("(missing)").
    cut
        Threshold of the decision.

    Raises
    ------
    PrimumError
        If the model does not have the feature, or fewer than two groups have a value of it.
    """
    j, label = models.position(name), np.asarray(group)
    column = models.matrix.values[:, j]
    values, share = {}, {}
    for level in np.unique(label):
        own = column[(label == level) & np.isfinite(column)]
        if level in left_out or not own.size:
            continue
        seen, count = np.unique(own, return_counts=True)
        values[level] = float(seen[np.argmax(count)]) if name in models.matrix.levels else float(np.median(own))
        share[level] = own.size
    if len(values) < 2:
        raise PrimumError(
            f"Fewer than two groups have a value of '{name}', so it cannot be changed.", available=sorted(values)
        )
    size, signed, changed, total = (np.zeros(len(label)) for _ in range(4))
    before = models.risk >= cut
    for level, value in values.items():
        moved = models.matrix.values.copy()
        moved[:, j] = value
        risk = models.scored(moved)
        w = np.where(label == level, 0.0, share[level])
        size += w * np.abs(risk - models.risk)
        signed += w * (risk - models.risk)
        changed += w * ((risk >= cut) != before)
        total += w
    known = np.isin(label, list(values))
    total = np.where(known, total, np.nan)
    return Flip(size / total, signed / total, changed / total)
