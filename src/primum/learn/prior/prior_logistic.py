"""Logistic regression that starts from published effects and moves as far as the data carry it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError
from primum.learn.calibrate import expit
from primum.learn.prior.columns import labels_of, names_of, numbers_of, place, weights_of
from primum.learn.prior.newton import posterior_mode
from primum.learn.prior.published import EffectPrior

Floats = npt.NDArray[np.float64]


class PriorLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Logistic regression with β ~ N(published, (widen · se)²) on some effects: ridge regression to the publication.

    Parameters
    ----------
    priors
        Published effects, from `odds_ratio` or `log_odds_ratio`, in the units of X.
    names
        Names of the columns of X; a frame brings its own.
    widen
        Multiplies every prior's standard deviation. 1 says that these people are those of the publication; 2 lets the
        effect differ by as much again. There is no usual value: show the answer for several.
    penalty
        Half of it times the sum of squared standardised slopes *without* a prior is added to the loss; 0 is flat.
    threshold
        Of the decision, for `predict`.

    Attributes
    ----------
    classes_, names_, n_features_in_
        array([0, 1]), the features' names and their number.
    intercept_, coef_
        Posterior mode; slopes per unit, shape (features,).
    covariance_
        Of intercept and slopes: Laplace's approximation, shape (1 + features, 1 + features).

    Notes
    -----
    Source: Bayesian logistic regression by Gaussian priors, e.g. Gelman, Carlin et al., *Bayesian Data Analysis*
    (2013), ch. 16. A prior for an effect adjusted for other features than those of this model is one for another
    quantity. Missing values are refused: impute before, in a Pipeline.
    """

    def __init__(
        self,
        priors: Sequence[EffectPrior] = (),
        *,
        names: Sequence[str] | None = None,
        widen: float = 1.0,
        penalty: float = 0.0,
        threshold: float | None = None,
    ) -> None:
        self.priors = priors
        self.names = names
        self.widen = widen
        self.penalty = penalty
        self.threshold = threshold

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Fit to X (people, features) and y (people,) 0/1.

        Raises
        ------
        PrimumError
            For unknown features, two priors for one, text or missing values, or data without a best fit.
        """
        self.names_ = names_of(X, self.names)
        x = numbers_of(X)
        outcome, w = labels_of(y, len(x)), weights_of(sample_weight, len(x))
        mean, precision = prior_terms(self.priors, self.names_, x, widen=self.widen, penalty=self.penalty)
        mode = posterior_mode(x, outcome, mean=mean, precision=precision, weight=w)
        self.classes_, self.n_features_in_ = np.array([0, 1]), x.shape[1]
        self.intercept_, self.coef_ = float(mode.beta[0]), mode.beta[1:]
        self.covariance_, self.n_iter_ = mode.covariance, mode.steps
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of outcome 0 and 1, shape (people, 2)."""
        check_is_fitted(self, "coef_")
        x = numbers_of(X)
        if x.shape[1] != self.n_features_in_:
            raise PrimumError(f"X has {x.shape[1]} columns; the model was fitted with {self.n_features_in_}.")
        p = expit(self.intercept_ + x @ self.coef_)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 where the risk reaches `threshold`, shape (people,).

        Raises
        ------
        PrimumError
            If no threshold was declared.
        """
        return decided(self.predict_proba(X)[:, 1], self.threshold)

    def describe(self) -> dict[str, Any]:
        """Return what each published effect became, JSON-ready."""
        check_is_fitted(self, "coef_")
        sd = np.sqrt(np.diag(self.covariance_))[1:]
        rows = []
        for prior in self.priors:
            j, wide = place(prior.feature, self.names_), prior.widened(self.widen)
            rows.append(
                {
                    "feature": prior.feature, "prior": wide.mean, "prior_sd": wide.sd,
                    "posterior": float(self.coef_[j]), "posterior_sd": float(sd[j]), "source": prior.source,
                    "share_of_prior": float(min(1.0, (sd[j] / wide.sd) ** 2)),
                }
            )  # fmt: skip
        return {"widen": self.widen, "penalty": self.penalty, "effects": rows}


def prior_terms(
    priors: Sequence[EffectPrior], names: Sequence[str], x: Floats, *, widen: float = 1.0, penalty: float = 0.0
) -> tuple[Floats, Floats]:
    """Return mean and precision of every slope's prior, shape (features,): published, or the penalty's.

    Raises
    ------
    PrimumError
        For unknown features, two priors for one, or a penalty below 0.
    """
    if not penalty >= 0:
        raise PrimumError(f"The penalty is {penalty!r}.", expected="a number of at least 0")
    mean, precision = np.zeros(len(names)), penalty * x.var(axis=0)
    seen: set[str] = set()
    for prior in priors:
        if prior.feature in seen:
            raise PrimumError(
                f"There are two priors for '{prior.feature}'.",
                expected="one a feature",
                mend="pool the publications first (a meta-analysis), and give the pooled effect",
            )
        seen.add(prior.feature)
        j, wide = place(prior.feature, names), prior.widened(widen)
        mean[j], precision[j] = wide.mean, wide.sd**-2
    return mean, precision


def decided(risk: Floats, threshold: float | None) -> npt.NDArray[np.int64]:
    """Return 1 where the risk reaches the threshold.

    Raises
    ------
    PrimumError
        If there is no threshold.
    """
    if threshold is None:
        raise PrimumError(
            "No threshold was declared, so there is no decision.",
            expected="threshold=…, a risk between 0 and 1",
            mend="ask how many false alarms a missed case is worth: 9 give 1/(1+9) = 0.1. There is no usual value",
        )
    return np.asarray(risk >= threshold, dtype=np.int64)
