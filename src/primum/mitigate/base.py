"""What all repairs share: a base model, groups asked for by name, probabilities kept, decisions at a threshold."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError
from primum.mitigate.training import trained

Floats = npt.NDArray[np.float64]


class Repair(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A model changed for the groups that it fails.

    Subclasses fit a change and answer `predict_proba(X, group=…)`; `predict` compares with `threshold`. Group
    membership is metadata of the name `group`: one label a person, or a frame with one column an attribute. At
    prediction it may be left out: the answer is then the base model's, and what the repair had gained is lost.

    Attributes
    ----------
    classes_
        array([0, 1]).
    estimator_
        The fitted base model (the one given, with `prefit`).
    """

    estimator: Any
    prefit: bool
    threshold: float | None

    def _fit_base(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Fit (or, with `prefit`, take over) the base model and note the classes."""
        outcome = outcomes(y)
        if self.prefit:
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
        else:
            self.estimator_ = trained(self.estimator, X, outcome, sample_weight, seed=getattr(self, "seed", 0))
        self.classes_ = np.array([0, 1])
        return self

    def _base(self, X: Any) -> Floats:
        """Return the base model's risk, shape (people,)."""
        return np.asarray(self.estimator_.predict_proba(X), dtype=np.float64)[:, 1]

    def predict(self, X: Any, *, group: Any = None) -> npt.NDArray[np.int64]:
        """Return the decision, 1 where the repaired risk reaches the threshold, shape (people,).

        Raises
        ------
        PrimumError
            If no threshold was declared.
        """
        cut = declared_threshold(self.threshold)
        return np.asarray(self.predict_proba(X, group=group)[:, 1] >= cut, dtype=np.int64)

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return the probabilities of outcome 0 and 1, shape (people, 2)."""
        raise NotImplementedError


class GivenScore(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A model that was run elsewhere: X is its score, in [0, 1], shape (people,) or (people, 1)."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Do nothing: the model is fitted already."""
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the score as probabilities, shape (people, 2)."""
        s = np.asarray(X, dtype=np.float64).reshape(len(X), -1)[:, 0]
        return np.column_stack([1 - s, s])

    def __sklearn_is_fitted__(self) -> bool:
        """Say that it is always fitted."""
        return True


def outcomes(y: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the outcome as 0/1.

    Raises
    ------
    PrimumError
        If a label is missing or neither 0 nor 1, or only one class is there.
    """
    raw = np.asarray(y, dtype=np.float64).ravel()
    lost = int(np.isnan(raw).sum())
    if lost:
        raise PrimumError(
            f"{lost} of {raw.size} people have no label.",
            expected="0 or 1 for everybody",
            mend="leave them out and count who they are, by group: people without a label are rarely a random sample",
        )
    if not np.isin(raw, (0, 1)).all():
        raise PrimumError("The outcome has values other than 0 and 1.", expected="0 or 1")
    if np.unique(raw).size < 2:
        raise PrimumError("Everybody has the same outcome.", expected="people with and without the outcome")
    return raw.astype(np.int64)


def declared_threshold(threshold: float | None) -> float:
    """Return the threshold of the decision.

    Raises
    ------
    PrimumError
        If there is none.
    """
    if threshold is None:
        raise PrimumError(
            "No threshold was declared, so there is no decision to compare.",
            expected="threshold=…, a risk between 0 and 1",
            mend="ask how many false alarms a missed case is worth: 9 give 1/(1+9) = 0.1. There is no usual value",
        )
    return float(threshold)


def risks(positive: npt.ArrayLike) -> Floats:
    """Return risks as two columns, shape (people, 2)."""
    p = np.clip(np.asarray(positive, dtype=np.float64), 0.0, 1.0)
    return np.column_stack([1 - p, p])
