"""A published score as the starting point: what must be added for these people, on the log odds scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError
from primum.learn.calibrate import expit, logit
from primum.learn.prior.columns import labels_of, names_of, numbers_of, place, weights_of
from primum.learn.prior.newton import posterior_mode
from primum.learn.prior.prior_logistic import decided
from primum.learn.prior.published import checked_score

Floats = npt.NDArray[np.float64]


class ScoreOffset(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """logit p = logit p_published + a + xγ: the published score is taken as it is, and only its errors are learned.

    With no other columns than the score, only the intercept is updated: calibration in the large. With a group as a
    column, γ is how much the score is off for that group, others being equal.

    Parameters
    ----------
    score
        Name of the column of X that holds the published risk, in [0, 1].
    names
        Names of the columns of X; a frame brings its own.
    penalty
        Half of it times the sum of squared standardised γ is added to the loss: 0 is maximum likelihood, more keeps
        closer to the publication.
    floor
        As in `checked_score`.
    threshold
        Of the decision, for `predict`.

    Attributes
    ----------
    intercept_, coef_
        a, and γ per unit of each other column (`names_` in order, without the score).
    covariance_
        Of a and γ.

    Notes
    -----
    Source: model updating, Steyerberg, *Clinical Prediction Models* (2019), ch. 20. The score must not have been
    developed on these people.
    """

    def __init__(
        self,
        score: str,
        *,
        names: Sequence[str] | None = None,
        penalty: float = 0.0,
        floor: float | None = None,
        threshold: float | None = None,
    ) -> None:
        self.score = score
        self.names = names
        self.penalty = penalty
        self.floor = floor
        self.threshold = threshold

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Fit to X (people, the score and other features) and y (people,) 0/1.

        Raises
        ------
        PrimumError
            If the score is not there or no probability, values are missing, or there is no best fit.
        """
        if not self.penalty >= 0:
            raise PrimumError(f"The penalty is {self.penalty!r}.", expected="a number of at least 0")
        names = names_of(X, self.names)
        self.at_ = place(self.score, names)
        self.names_ = [n for n in names if n != self.score]
        self.n_features_in_ = len(names)
        offset, x = self._parts(X)
        outcome, w = labels_of(y, len(x)), weights_of(sample_weight, len(x))
        mode = posterior_mode(x, outcome, precision=self.penalty * x.var(axis=0), offset=offset, weight=w)
        self.classes_ = np.array([0, 1])
        self.intercept_, self.coef_, self.covariance_ = float(mode.beta[0]), mode.beta[1:], mode.covariance
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of outcome 0 and 1, shape (people, 2)."""
        check_is_fitted(self, "coef_")
        offset, x = self._parts(X)
        p = expit(offset + self.intercept_ + x @ self.coef_)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 where the risk reaches `threshold`, shape (people,)."""
        return decided(self.predict_proba(X)[:, 1], self.threshold)

    def describe(self) -> dict[str, Any]:
        """Return what was added to the published score, JSON-ready."""
        check_is_fitted(self, "coef_")
        sd = np.sqrt(np.diag(self.covariance_))
        added = [
            {"feature": n, "value": float(v), "sd": float(s)}
            for n, v, s in zip(["(everyone)", *self.names_], [self.intercept_, *self.coef_], sd, strict=True)
        ]
        return {"score": self.score, "penalty": self.penalty, "added": added}

    def _parts(self, X: Any) -> tuple[Floats, Floats]:
        values = np.asarray(X.to_numpy() if hasattr(X, "to_numpy") else X)
        if values.ndim != 2 or values.shape[1] != self.n_features_in_:
            raise PrimumError(f"X has shape {values.shape}; {self.n_features_in_} columns are needed.")
        risk = checked_score(values[:, self.at_].astype(np.float64), f"score '{self.score}'", floor=self.floor)
        others = np.delete(values, self.at_, axis=1)
        return logit(risk), numbers_of(others) if others.shape[1] else np.empty((len(values), 0))
