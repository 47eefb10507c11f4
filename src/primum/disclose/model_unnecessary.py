"""Unnecessary risk: would the same model with larger leaves do as well on people it did not see?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.disclose.model_crowd import Crowd
from primum.disclose.model_membership import take, twin

FOLDS = 3
AS_WELL = 0.01


@dataclass(frozen=True)
class Unnecessary:
    """What restraint would cost.

    Attributes
    ----------
    risk
        Whether the restrained model does as well.
    own, restrained
        AUROC on people that were left out; None where there is nothing to restrain.
    words
        The same in a sentence.
    """

    risk: bool
    own: float | None
    restrained: float | None
    words: str


def unnecessary(model: Any, X: Any, y: np.ndarray, people: Crowd, *, seed: int = 0) -> Unnecessary:
    """Return whether a model stands on fewer people than it needs to.

    Every `min_samples_leaf` below t is set to t. If the AUROC on people left out, in three folds drawn by person, falls
    by no more than .01, the small leaves bought nothing.

    Notes
    -----
    SACRO-ML answers the same question by rules on hyperparameters that were learned elsewhere (Preen & Smith, 2025);
    here it is measured on the data at hand. Only models with leaves are judged; the others have no such setting.
    """
    if not hasattr(model, "get_params"):
        return _nothing("It cannot be trained again, so nothing was tried.")
    low = {
        name: people.t
        for name, value in model.get_params(deep=True).items()
        if name.split("__")[-1] == "min_samples_leaf" and _rows(value, people.rows) < people.t
    }
    if not low:
        return _nothing("No setting allows leaves with too few people.")
    if people.people < FOLDS * people.t or min(y.sum(), len(y) - y.sum()) < FOLDS * people.t:
        return _nothing("Too few people to try it on others.")
    who = people.codes["persons"]
    own_code = np.arange(people.rows) if who is None else who
    rng = np.random.default_rng([seed, people.rows])
    fold = rng.permutation(int(own_code.max()) + 1)[own_code] % FOLDS
    areas = []
    for settings in ({}, low):
        score = np.empty(people.rows)
        for k in range(FOLDS):
            fresh = twin(model, seed).set_params(**settings)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fresh.fit(take(X, fold != k), y[fold != k])
            score[fold == k] = np.asarray(fresh.predict_proba(take(X, fold == k)))[:, 1]
        areas.append(_auroc(y, score))
    risk = areas[1] >= areas[0] - AS_WELL
    words = f"With at least {people.t} people in every leaf, AUROC on people left out is {areas[1]:.3f} "
    words += f"instead of {areas[0]:.3f}: the small leaves {'buy nothing' if risk else 'are used'}."
    return Unnecessary(risk=bool(risk), own=areas[0], restrained=areas[1], words=words)


def _nothing(words: str) -> Unnecessary:
    return Unnecessary(risk=False, own=None, restrained=None, words=words)


def _rows(value: Any, rows: int) -> float:
    return float(value) if isinstance(value, int) else float(value) * rows if isinstance(value, float) else np.inf


def _auroc(y: np.ndarray, score: np.ndarray) -> float:
    from scipy.stats import rankdata

    events = int(y.sum())
    ranks = float(rankdata(score)[y == 1].sum())
    return (ranks - events * (events + 1) / 2) / (events * (len(y) - events))
