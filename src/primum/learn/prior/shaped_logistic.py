"""Logistic regression whose curves keep their direction and whose slopes keep within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from primum.errors import PrimumError
from primum.learn.calibrate import expit
from primum.learn.logistic import KNOTS, RARE, STRENGTHS, can_bend
from primum.learn.prior.constraints import Constraints

Floats = npt.NDArray[np.float64]
INNER = 3


@dataclass
class Design:
    """How features become columns: fitted on the people who train, with bounds on each column's slope.

    Features with a direction are laid through increasing splines (sums of B-splines from the right), whose slopes then
    share one sign: a cubic spline with rising coefficients rises (de Boor 1978; Ramsay 1988, Stat Sci 3:425-441).
    Bounded features stay straight lines. All others are bent as in `primum.learn.logistic`.
    """

    names: Sequence[str]
    categories: Sequence[int]
    held: Constraints

    def fit(self, x: Floats) -> Self:
        """Learn medians, knots and categories from x (people, features), NaN where missing."""
        from sklearn.preprocessing import OneHotEncoder, SplineTransformer

        self.numbers = [j for j in range(x.shape[1]) if j not in set(self.categories)]
        self.gaps = [j for j in self.numbers if np.isnan(x[:, j]).any()]
        known = [x[~np.isnan(x[:, j]), j] for j in self.numbers]
        self.medians = np.array([float(np.median(v)) if v.size else 0.0 for v in known])
        filled = self._filled(x)
        bends = set(can_bend(filled)) if filled.shape[1] else set()
        self.splines: dict[int, Any] = {}
        for i, j in enumerate(self.numbers):
            if i in bends and self.held.box(self.names[j]) is None:
                rising = self.held.sign(self.names[j]) != 0
                spline = SplineTransformer(n_knots=KNOTS, knots="quantile", extrapolation="linear", include_bias=rising)
                self.splines[j] = spline.fit(filled[:, [i]])
        self.codes = None
        if len(self.categories):
            self.codes = OneHotEncoder(
                handle_unknown="infrequent_if_exist", min_frequency=RARE, max_categories=50, sparse_output=False
            ).fit(x[:, list(self.categories)])
        columns, low, high = self._columns(x)
        raw = np.column_stack(columns)
        self.centre, spread = raw.mean(axis=0), raw.std(axis=0)
        self.scale = np.where(spread > 0, spread, 1.0)
        self.low, self.high = np.array(low) * self.scale, np.array(high) * self.scale
        return self

    def __call__(self, x: Floats) -> Floats:
        """Return the standardised columns, shape (people, columns)."""
        return np.asarray((np.column_stack(self._columns(x)[0]) - self.centre) / self.scale)

    def _filled(self, x: Floats) -> Floats:
        own = x[:, self.numbers]
        return np.where(np.isnan(own), self.medians, own)

    def _columns(self, x: Floats) -> tuple[list[Floats], list[float], list[float]]:
        filled = self._filled(x)
        columns: list[Floats] = []
        low: list[float] = []
        high: list[float] = []
        for i, j in enumerate(self.numbers):
            sign, box = self.held.sign(self.names[j]), self.held.box(self.names[j])
            part = filled[:, [i]]
            if j in self.splines:
                part = self.splines[j].transform(part)
                if sign:
                    part = np.cumsum(part[:, ::-1], axis=1)[:, ::-1][:, 1:]
            own = box or ((0.0, np.inf) if sign > 0 else (-np.inf, 0.0) if sign < 0 else (-np.inf, np.inf))
            columns.append(part)
            low += [own[0]] * part.shape[1]
            high += [own[1]] * part.shape[1]
        free: list[Floats] = [np.isnan(x[:, [j]]).astype(np.float64) for j in self.gaps]
        if self.codes is not None:
            free.append(self.codes.transform(x[:, list(self.categories)]))
        more = sum(f.shape[1] for f in free)
        return columns + free, low + [-np.inf] * more, high + [np.inf] * more


class ShapedLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Penalised logistic regression under `Constraints`; features never act together, so pairs need no rule.

    Parameters
    ----------
    names, categories
        Names of the columns of X, and the positions of those that hold codes of categories.
    constraints
        Directions and bounds.
    enforce
        False fits the same columns with the same penalty, free of the constraints: the twin that shows their price.
    seed
        Shuffles the inner folds that choose the strength of the penalty (log loss).

    Notes
    -----
    The optimum is found by L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995, SIAM J Sci Comput 16:1190-1208). Bounds hold per
    unit of the feature as it is given.
    """

    def __init__(
        self,
        names: Sequence[str],
        categories: Sequence[int] = (),
        constraints: Constraints | None = None,
        *,
        enforce: bool = True,
        seed: int = 0,
    ) -> None:
        self.names = names
        self.categories = categories
        self.constraints = constraints
        self.enforce = enforce
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Fit to X (people, features), NaN where missing, and y (people,) 0/1."""
        from sklearn.model_selection import StratifiedKFold

        x, outcome = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        w = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        held = (self.constraints or Constraints()).checked(self.names, [self.names[j] for j in self.categories])
        loss = np.zeros(len(STRENGTHS))
        fewest = int(min(outcome.sum(), len(outcome) - outcome.sum()))
        if fewest < INNER:
            raise PrimumError(f"Only {fewest} people with (or without) the outcome are there to train on.")
        for seen, left in StratifiedKFold(INNER, shuffle=True, random_state=self.seed).split(x, outcome):
            design = Design(self.names, self.categories, held).fit(x[seen])
            z, new = design(x[seen]), design(x[left])
            start = None
            for i, c in enumerate(STRENGTHS):
                start = box_logistic(z, outcome[seen], w[seen], c, *self._box(design), start=start)
                eta = start[0] + new @ start[1:]
                loss[i] += float(w[left] @ (np.logaddexp(0, eta) - outcome[left] * eta))
        self.strength_ = STRENGTHS[int(np.argmin(loss))]
        self.design_ = Design(self.names, self.categories, held).fit(x)
        b = box_logistic(self.design_(x), outcome, w, self.strength_, *self._box(self.design_))
        self.intercept_, self.coef_ = float(b[0]), b[1:]
        self.classes_, self.n_features_in_ = np.array([0, 1]), x.shape[1]
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return the log odds, shape (people,)."""
        return np.asarray(self.intercept_ + self.design_(np.asarray(X, dtype=np.float64)) @ self.coef_)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of outcome 0 and 1, shape (people, 2)."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return 1 where the outcome is likelier than not, shape (people,)."""
        return np.asarray(self.decision_function(X) >= 0, dtype=np.int64)

    def _box(self, design: Design) -> tuple[Floats, Floats]:
        if self.enforce:
            return design.low, design.high
        return np.full_like(design.low, -np.inf), np.full_like(design.high, np.inf)


def box_logistic(
    z: Floats, y: Floats, w: Floats, strength: float, low: Floats, high: Floats, *, start: Floats | None = None
) -> Floats:
    """Return intercept and slopes that minimise strength · Σ w · log loss + ½ Σ slope², slopes within [low, high].

    Parameters
    ----------
    z
        Standardised columns, shape (people, columns).
    y, w
        Outcome 0/1 and weights, shape (people,).
    low, high
        Shape (columns,); infinite where free. The intercept is free and not penalised.
    start
        Where to begin, shape (1 + columns,).
    """
    from scipy.optimize import minimize

    total = float(w.sum())
    mean = float(w @ y) / total
    x0 = np.concatenate([[np.log(mean / (1 - mean))], np.zeros(z.shape[1])]) if start is None else start.copy()
    x0[1:] = np.clip(x0[1:], low, high)
    ridge = 1 / (strength * total)

    def objective(b: Floats) -> tuple[float, Floats]:
        eta = b[0] + z @ b[1:]
        away = w * (expit(eta) - y) / total
        value = float(w @ (np.logaddexp(0, eta) - y * eta)) / total + ridge * float(b[1:] @ b[1:]) / 2
        return value, np.concatenate([[away.sum()], z.T @ away + ridge * b[1:]])

    bounds = [(None, None), *zip(low, high, strict=True)]
    found = minimize(
        objective, x0, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-14, "gtol": 1e-9, "maxcor": 20},
    )  # fmt: skip
    return np.asarray(found.x, dtype=np.float64)
