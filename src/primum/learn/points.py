"""A score of whole points over columns of 0 and 1, with risks that at least so many people share."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from primum.errors import PrimumError
from primum.learn.newton import fit_logistic

RIDGE = 1.0
PLACES, LEAST_RISK = 4, 0.0005
Floats = npt.NDArray[np.float64]


class Points(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Whole points for each column, added up, and a risk for each band of the total.

    A logistic regression with a mild penalty gives coefficients; the largest becomes `top` points and the others are
    rounded to whole points of that size (Sullivan, Massaro & D'Agostino 2004, Stat Med 23:1631). Risks follow from a
    logistic regression on the total alone. Neighbouring totals form a band until it holds `least` people, and `mixed`
    people with and without the outcome; all of them get the mean of their risks.

    Parameters
    ----------
    least
        The fewest people that share a risk.
    mixed
        The fewest with, and without, the outcome among them, so that no risk is said of people who all have it.
    top
        Points of the largest coefficient.

    Attributes
    ----------
    points_
        Points of each column, whole numbers, shape (columns,).
    bounds_
        The lowest total of each band but the first, whole numbers, shape (bands − 1,).
    risks_
        Risk of each band, shape (bands,): the mean over its people, to four decimals and never 0 or 1.
    coef_, intercept_
        Log odds a point times points, shape (1, columns), and the log odds at a total of 0, shape (1,).
    slope_
        Log odds a point.
    classes_
        array([0, 1]).
    """

    def __init__(self, least: int = 10, mixed: int = 1, top: int = 10) -> None:
        self.least = least
        self.mixed = mixed
        self.top = top

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Fit on X (people, columns) of 0 and 1 and y (people,) of 0 and 1; weights act on points and risks alone.

        Raises
        ------
        PrimumError
            If X holds anything but 0 and 1, or fewer people than `least` (or than `mixed` with, or without, the
            outcome) are there.
        """
        B, outcome = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if not np.isin(B, [0.0, 1.0]).all():
            raise PrimumError(
                "Points are given for columns of 0 and 1.", mend="put CrowdedBins before it in a Pipeline"
            )
        fewest = int(min(outcome.sum(), len(outcome) - outcome.sum()))
        if len(B) < self.least or fewest < max(self.mixed, 1):
            raise PrimumError(
                f"{len(B)} people, {fewest} of them with (or without) the outcome, are too few for a score.",
                expected=f"{self.least} people, {max(self.mixed, 1)} with and without the outcome",
            )
        w = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        one = np.ones((len(B), 1))
        beta = fit_logistic(np.hstack([one, B]), outcome, weight=w, ridge=RIDGE)[1:]
        largest = float(np.abs(beta).max(initial=0.0))
        self.points_ = np.rint(beta / largest * self.top).astype(np.int64) if largest else np.zeros(len(beta), np.int64)
        total = B @ self.points_
        line = np.hstack([one, total[:, None]]) if total.any() else one
        told = fit_logistic(line, outcome, weight=w, ridge=1e-3)
        self.classes_ = np.array([0, 1])
        self.slope_ = round(float(told[1]), PLACES) if len(told) > 1 else 0.0
        self.intercept_ = np.round(told[:1], PLACES)
        self.coef_ = self.slope_ * self.points_[None, :].astype(np.float64)
        self.bounds_ = bands(total.astype(np.int64), outcome, self.least, self.mixed)
        at = np.searchsorted(self.bounds_, total, side="right")
        mass, k = np.ones(len(B)) if w is None else w, len(self.bounds_) + 1
        risk = 1 / (1 + np.exp(-(self.intercept_[0] + self.slope_ * total)))
        whole = np.bincount(at, mass, k)
        plain = np.bincount(at, risk, k) / np.bincount(at, minlength=k)  # a band of people who all weigh nothing
        mean = np.where(whole > 0, np.bincount(at, mass * risk, k) / np.where(whole > 0, whole, 1), plain)
        self.risks_ = np.clip(np.round(mean, PLACES), LEAST_RISK, 1 - LEAST_RISK)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities of outcome 0 and 1, shape (people, 2)."""
        at = np.searchsorted(self.bounds_, np.asarray(X, dtype=np.float64) @ self.points_, side="right")
        return np.column_stack([1 - self.risks_[at], self.risks_[at]])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 where the outcome is likelier than not, shape (people,)."""
        return np.asarray(self.predict_proba(X)[:, 1] >= 0.5, dtype=np.int64)


def bands(total: npt.NDArray[np.int64], y: Floats, least: int, mixed: int) -> npt.NDArray[np.int64]:
    """Return the lowest total of each band but the first: from below, each as small as `least` and `mixed` allow.

    What is left at the top joins the last band.
    """
    values, at = np.unique(total, return_inverse=True)
    n, ill = np.bincount(at), np.bincount(at, y)
    starts: list[int] = []
    people = cases = 0.0
    for i in range(len(values)):
        people, cases = people + n[i], cases + ill[i]
        rest, left = n[i + 1 :].sum(), ill[i + 1 :].sum()
        here = people >= least and min(cases, people - cases) >= mixed
        if here and rest >= least and min(left, rest - left) >= mixed:
            starts.append(int(values[i + 1]))
            people = cases = 0.0
    return np.array(starts, dtype=np.int64)
