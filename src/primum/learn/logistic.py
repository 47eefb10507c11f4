"""Logistic regression with splines: every step is fitted in the training fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from primum.learn.need import need

if TYPE_CHECKING:
    from primum.learn.prepare import Matrix

STRENGTHS = [0.001, 0.003, 0.01, 0.03, 0.1]
KNOTS = 5
RARE = 10
SETTINGS: dict[str, Any] = {
    "penalty": "L2 on standardised columns",
    "inverse_strengths_tried": STRENGTHS,
    "strength_chosen_by": "log loss, 3-fold cross-validation inside the training fold",
    "numbers": "median where missing, plus an indicator; cubic B-splines, linear beyond the data",
    "knots": f"{KNOTS} at quantiles of the training fold; straight line where the quantiles coincide",
    "categories": f"one column each; those seen fewer than {RARE} times share one; missing is a category",
}


def logistic(matrix: Matrix, *, seed: int) -> Any:
    """Return an unfitted pipeline: impute, one-hot, splines, standardise, L2 logistic regression.

    Medians, knots and the list of known categories come from the data it is fitted on. Sample weights act on
    the likelihood alone, not on medians and knots. Splines follow Harrell, *Regression Modeling Strategies*
    (2015), ch. 2.

    Parameters
    ----------
    matrix
        Says which columns are categories; its values are not looked at.
    seed
        Shuffles the inner folds that choose the strength of the penalty.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    """
    need("sklearn", "scikit-learn", "models", "Training a logistic regression")
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=RARE, max_categories=50, sparse_output=False
    )
    splines = SplineTransformer(n_knots=KNOTS, knots="quantile", extrapolation="linear", include_bias=False)
    search = GridSearchCV(
        LogisticRegression(solver="newton-cholesky", max_iter=100),
        {"C": STRENGTHS},
        scoring="neg_log_loss",
        cv=StratifiedKFold(3, shuffle=True, random_state=seed),
    )
    return Pipeline(
        [
            ("fill", ColumnTransformer([("n", fill, matrix.numbers), ("c", one_hot, matrix.categories)])),
            ("bend", ColumnTransformer([("splines", splines, can_bend)], remainder="passthrough")),
            ("scale", StandardScaler()),
            ("model", search),
        ]
    )


def can_bend(values: np.ndarray) -> list[int]:
    """Return the columns whose quantile knots are all different, so that a spline can be laid through them.

    Parameters
    ----------
    values
        (people, columns), without missing values: the training fold.
    """
    knots = np.quantile(values, np.linspace(0, 1, KNOTS), axis=0)
    return [int(i) for i in np.flatnonzero((np.diff(knots, axis=0) > 0).all(axis=0))]


def chosen(fitted: Any) -> dict[str, Any]:
    """Return what this fit chose: the strength of the penalty."""
    return {"inverse_strength": float(fitted["model"].best_params_["C"])}
