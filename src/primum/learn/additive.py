"""Explainable boosting machine: one readable curve a feature, and a few pairs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from primum.learn.need import need

if TYPE_CHECKING:
    import numpy as np

    from primum.learn.prepare import Matrix

SETTINGS: dict[str, Any] = {
    "outer_bags": 4,
    "interactions": 2,
    "max_bins": 256,
    "learning_rate": 0.05,
    "max_rounds": 2000,
    "early_stopping_rounds": 50,
    "smoothing_rounds": 30,
    "interaction_smoothing_rounds": 20,
    "n_jobs": 1,
}


def additive(matrix: Matrix, *, seed: int) -> Any:
    """Return an unfitted explainable boosting machine (Lou et al., KDD 2012 and 2013; Nori et al., 2019).

    Missing values have a bin of their own; categories that the training fold did not hold add nothing to the
    risk.

    Parameters
    ----------
    matrix
        Gives names and kinds of the columns; its values are not looked at.
    seed
        Draws the bags.

    Raises
    ------
    MissingExtraError
        interpret-core is not installed.
    """
    need("sklearn", "scikit-learn", "models", "Training an explainable boosting machine")
    glassbox = need("interpret.glassbox", "interpret-core", "models", "Training an explainable boosting machine")
    kinds = ["nominal" if name in matrix.levels else "continuous" for name in matrix.names]
    return glassbox.ExplainableBoostingClassifier(
        feature_names=matrix.names, feature_types=kinds, random_state=seed, **SETTINGS
    )


def fit_quietly(estimator: Any, values: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None) -> Any:
    """Fit, without the remark that the library's own charts (not its scores) leave out missing values."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Missing values detected", category=UserWarning)
        return estimator.fit(values, outcome, sample_weight=weight)


def importances(fitted: Any) -> dict[str, float]:
    """Return term -> mean absolute contribution to the log odds, in the training fold."""
    return dict(zip(fitted.term_names_, (float(v) for v in fitted.term_importances()), strict=True))
