"""The learners of the house under constraints, and their twins without: the same in everything but the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn import additive
from primum.learn.additive import additive as ebm
from primum.learn.boosting import boosting
from primum.learn.calibrate import Recalibration
from primum.learn.prepare import Matrix
from primum.learn.prior.constraints import Constraints, pairs_kept_apart, together
from primum.learn.prior.shaped_logistic import ShapedLogistic
from primum.learn.train import KINDS, one_thread_when_small
from primum.learn.trained import Trained

Floats = npt.NDArray[np.float64]


def constrained(kind: str, matrix: Matrix, held: Constraints, *, seed: int, enforce: bool = True) -> Any:
    """Return an unfitted learner that is held to the constraints.

    Boosting takes directions and sets of features (`monotonic_cst`, `interaction_cst`). The explainable boosting
    machine takes directions, keeps features with a direction out of its pairs (a pair could bend them back), and
    chooses its pairs among those allowed. Logistic regression has no pairs; it alone can bound an effect.

    Parameters
    ----------
    kind
        "logistic", "boosting" or "ebm".
    matrix
        Names and kinds of the columns; its values are not looked at.
    held
        The constraints.
    seed
        Of the learner.
    enforce
        False returns the twin without constraints.

    Raises
    ------
    PrimumError
        For an unknown learner or feature, a direction of categories, or a bound that this learner cannot keep.
    """
    if kind not in KINDS:
        raise PrimumError(f"There is no learner '{kind}'.", expected=" | ".join(KINDS))
    if kind == "scorecard":
        raise PrimumError(
            "A points score cannot be held to constraints.", expected="logistic | boosting | ebm",
            mend="train one of these under the constraints, and the points score beside it",
        )  # fmt: skip
    held.checked(matrix.names, matrix.levels)
    if kind == "logistic":
        return ShapedLogistic(list(matrix.names), matrix.categories, held, enforce=enforce, seed=seed)
    if held.bounded:
        raise PrimumError(
            f"'{kind}' cannot bound the effect of '{held.bounded[0].feature}': its curves have no single slope.",
            expected="train: logistic, where effects are bounded",
            mend="use a direction (rises, falls) here, or bound the effect in a logistic model",
        )
    learner = boosting(matrix, seed=seed) if kind == "boosting" else ebm(matrix, seed=seed)
    if not enforce:
        return learner
    signs = [held.sign(name) for name in matrix.names]
    if kind == "ebm":
        at = {name: j for j, name in enumerate(matrix.names)}
        apart = [(at[a], at[b]) for a, b in pairs_kept_apart(held, matrix.names)]
        return learner.set_params(monotone_constraints=signs if any(signs) else None, exclude=apart or None)
    order = [*matrix.categories, *matrix.numbers]  # how the pipeline passes them on
    sets = together(held, matrix.names)
    new = {matrix.names[j]: i for i, j in enumerate(order)}
    return learner.set_params(
        model__monotonic_cst=[signs[j] for j in order] if any(signs) else None,
        model__interaction_cst=None if sets is None else [{new[f] for f in s} for s in sets],
    )


class ConstrainedTrained(Trained):
    """A calibrated risk model of the house (`Trained`) that is held to constraints.

    Parameters
    ----------
    kind, names, levels, seed
        As in `Trained`.
    constraints
        Directions, bounds and sets; None is none.
    enforce
        False trains the twin without them.

    Notes
    -----
    Calibration has a positive slope and turns no direction around. With bounded effects it is left out, in the twin
    too, because a slope would move them out of their bounds; the penalty was chosen by cross-validation anyway.
    """

    def __init__(
        self,
        kind: str,
        names: tuple[str, ...],
        levels: dict[str, list[str]] | None = None,
        constraints: Constraints | None = None,
        *,
        enforce: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(kind, names, levels, seed)
        self.constraints = constraints
        self.enforce = enforce

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Train on X (people, features), NaN where missing, and y (people,) 0/1."""
        super().fit(X, y, sample_weight)
        if self.constraints is not None and self.constraints.bounded:
            self.calibration_ = Recalibration(0.0, 1.0)
        return self

    def _fitted(self, x: Any, y: Any, w: Any) -> tuple[Any, Any]:
        unknown = np.isnan(x).all(axis=0)
        values = np.where(unknown, 0.0, x)  # a column that nobody here has is a constant: it says nothing
        matrix = Matrix(x, list(self.names), dict(self.levels or {}))
        held = self.constraints or Constraints()
        estimator = constrained(self.kind, matrix, held, seed=self.seed, enforce=self.enforce)
        if self.kind == "ebm":
            additive.fit_quietly(estimator, values, y, w)
        elif self.kind == "logistic":
            estimator.fit(values, y, sample_weight=w)
        else:
            estimator.fit(values, y, model__sample_weight=w)
        return estimator, unknown


@dataclass(frozen=True)
class Twins:
    """Cross-fitted risks with and without the constraints, and the models behind them.

    Attributes
    ----------
    free, held
        (people,) risks from models that never saw the person.
    fold
        (people,) whose turn it was, 0, 1, ….
    free_models, held_models
        One a fold.
    """

    free: Floats
    held: Floats
    fold: npt.NDArray[np.int64]
    free_models: tuple[ConstrainedTrained, ...]
    held_models: tuple[ConstrainedTrained, ...]


def twins(
    kind: str,
    matrix: Matrix,
    outcome: npt.ArrayLike,
    folds: npt.ArrayLike,
    held: Constraints,
    *,
    seed: int = 0,
    weight: Floats | None = None,
) -> Twins:
    """Train a model with and without the constraints, without each fold in turn, and score that fold by both.

    Parameters
    ----------
    folds
        (people,) fold of each person; families and repeat visits belong in one.
    weight
        (people,) sample weights.

    Raises
    ------
    PrimumError
        As `constrained`; or for fewer than two folds.
    """
    free, free_models = cross_fitted(kind, matrix, outcome, folds, held, seed=seed, weight=weight, enforce=False)
    bound, held_models = cross_fitted(kind, matrix, outcome, folds, held, seed=seed, weight=weight)
    fold = np.unique(np.asarray(folds), return_inverse=True)[1].astype(np.int64)
    return Twins(free, bound, fold, free_models, held_models)


def cross_fitted(
    kind: str,
    matrix: Matrix,
    outcome: npt.ArrayLike,
    folds: npt.ArrayLike,
    held: Constraints | None = None,
    *,
    seed: int = 0,
    weight: Floats | None = None,
    enforce: bool = True,
) -> tuple[Floats, tuple[ConstrainedTrained, ...]]:
    """Train without each fold in turn; return everybody's risk, shape (people,), and the model of each fold.

    Parameters
    ----------
    kind, matrix, outcome, folds, held, seed, weight
        As in `twins`.
    enforce
        Whether the constraints are kept.

    Raises
    ------
    PrimumError
        As `constrained`; or for fewer than two folds.
    """
    from sklearn.base import clone

    names, fold = np.unique(np.asarray(folds), return_inverse=True)
    if len(names) < 2:
        raise PrimumError(f"Cross-fitting needs at least two folds, not {len(names)}.")
    y = np.asarray(outcome, dtype=np.int64)
    model = ConstrainedTrained(kind, tuple(matrix.names), matrix.levels, held, enforce=enforce, seed=seed)
    risk, models = np.empty(len(y)), []
    with one_thread_when_small(len(y)):
        for k in range(len(names)):
            seen = fold != k
            w = None if weight is None else weight[seen]
            models.append(clone(model).fit(matrix.values[seen], y[seen], sample_weight=w))
            risk[~seen] = models[-1].predict_proba(matrix.values[~seen])[:, 1]
    return risk, tuple(models)
