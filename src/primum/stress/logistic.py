"""The one learner of a propagation study: logistic regression by Newton steps, deterministic, milliseconds."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from primum.learn.calibrate import expit
from primum.learn.label_noise import fractional_logistic

Floats = npt.NDArray[np.float64]


class Logistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Logistic regression with a ridge penalty on the standardised slopes.

    Parameters
    ----------
    penalty
        Half of it times the sum of squared standardised slopes is added to the summed loss. 1e-6 is scikit-learn's
        C = 10⁶; 0 has no best fit where features separate the outcomes.
    """

    def __init__(self, penalty: float = 1e-6) -> None:
        self.penalty = penalty

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Fit to y (0/1), shape (people,).

        Raises
        ------
        PrimumError
            If the features separate the outcomes and nothing keeps the slopes finite.
        """
        x = np.asarray(X, dtype=np.float64)
        w = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.intercept_, self.coef_, _ = fractional_logistic(x, np.asarray(y, dtype=np.float64), w, self.penalty)
        self.classes_ = np.array([0, 1])
        return self

    def risk(self, X: Any) -> Floats:
        """Return the probability of the outcome, shape (people,)."""
        return expit(self.intercept_ + np.asarray(X, dtype=np.float64) @ self.coef_)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of outcome 0 and 1, shape (people, 2)."""
        p = self.risk(X)
        return np.column_stack([1 - p, p])
