"""Gradient boosting on histograms: categories and missing values as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primum.learn.need import need

if TYPE_CHECKING:
    from primum.learn.prepare import Matrix

SETTINGS: dict[str, Any] = {
    "learning_rate": 0.05,
    "max_iter": 100,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 30,
    "l2_regularization": 5.0,
    "max_features": 0.5,
    "early_stopping": False,
}
MOST_CATEGORIES = 200


def boosting(matrix: Matrix, *, seed: int) -> Any:
    """Return an unfitted pipeline: the categories of the training fold, then small, slow, regularised trees.

    Missing values and categories that the training fold did not hold go down the branch that missing values
    take. Settings are fixed rather than tuned: shallow trees, slow learning and shrunken leaves, as suits
    thousands of people and few events (Hastie, Tibshirani & Friedman, *Elements of Statistical Learning*,
    2009, 10.11-10.12).

    Parameters
    ----------
    matrix
        Says which columns are categories; its values are not looked at.
    seed
        Draws the features that each split may look at.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    """
    need("sklearn", "scikit-learn", "models", "Training a boosted model")
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_CATEGORIES)
    known = ColumnTransformer([("c", codes, matrix.categories), ("n", "passthrough", matrix.numbers)])
    model = HistGradientBoostingClassifier(
        categorical_features=list(range(len(matrix.categories))) or None, random_state=seed, **SETTINGS
    )
    return Pipeline([("known", known), ("model", model)])
