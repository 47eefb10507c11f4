"""The learners of the house as one scikit-learn classifier, calibrated on people it did not train on."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from primum.errors import PrimumError
from primum.learn import additive
from primum.learn.calibrate import Recalibration, recalibrate
from primum.learn.prepare import Matrix
from primum.learn.train import KINDS, one_thread_when_small

PARTS = 3


class Trained(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A risk model as the audit trains it, for those who need to train it again: repairs, learning curves.

    Parameters
    ----------
    kind
        "logistic", "boosting", "ebm" or "scorecard".
    names, levels
        Columns of X and the categories of those that hold codes, as in `prepare.Matrix`.
    seed
        Seed of the learner and of the inner parts.

    Attributes
    ----------
    classes_
        array([0, 1]).
    calibration_
        Intercept and slope on the log-odds scale, learned on out-of-part scores of the training people.

    Notes
    -----
    The calibration is fitted on scores of models trained on two thirds of the people: a little cautious for the model
    trained on all of them.
    """

    def __init__(
        self, kind: str, names: tuple[str, ...], levels: dict[str, list[str]] | None = None, seed: int = 0
    ) -> None:
        self.kind = kind
        self.names = names
        self.levels = levels
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Train on X (people, features), y (people,) 0/1.

        Raises
        ------
        PrimumError
            If there is no such learner, or fewer than `PARTS` people with or without the outcome.
        """
        if self.kind not in KINDS:
            raise PrimumError(f"There is no learner '{self.kind}'.", expected=" | ".join(KINDS))
        x, outcome = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.int64)
        w = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        fewest = int(min(outcome.sum(), len(outcome) - outcome.sum()))
        if fewest < PARTS:
            raise PrimumError(
                f"Only {fewest} people with (or without) the outcome are there to train on.",
                expected=f"at least {PARTS} of each",
                mend="train on more people, or let small groups share a model",
            )
        from sklearn.model_selection import StratifiedKFold

        self.classes_ = np.array([0, 1])
        out = np.empty(len(outcome))
        parts = StratifiedKFold(PARTS, shuffle=True, random_state=self.seed)
        with one_thread_when_small(len(outcome)):
            for seen, left in parts.split(x, outcome):
                inner = self._fitted(x[seen], outcome[seen], None if w is None else w[seen])
                out[left] = self._raw(inner, x[left])
            self.model_ = self._fitted(x, outcome, w)
        self.calibration_: Recalibration = recalibrate(out, outcome, w)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities of outcome 0 and 1, shape (people, 2)."""
        p = self.calibration_.apply(self._raw(self.model_, np.asarray(X, dtype=np.float64)))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 where the outcome is likelier than not, shape (people,)."""
        return np.asarray(self.predict_proba(X)[:, 1] >= 0.5, dtype=np.int64)

    def _fitted(self, x: Any, y: Any, w: Any) -> tuple[Any, Any]:
        unknown = np.isnan(x).all(axis=0)
        estimator = KINDS[self.kind](Matrix(x, list(self.names), dict(self.levels or {})), seed=self.seed)
        values = np.where(unknown, 0.0, x)  # a column that nobody here has is a constant: it says nothing
        if self.kind == "ebm":
            additive.fit_quietly(estimator, values, y, w)
        else:
            estimator.fit(values, y, model__sample_weight=w)
        return estimator, unknown

    @staticmethod
    def _raw(fitted: tuple[Any, Any], x: Any) -> npt.NDArray[np.float64]:
        estimator, unknown = fitted
        return np.asarray(estimator.predict_proba(np.where(unknown, 0.0, x))[:, 1], dtype=np.float64)
