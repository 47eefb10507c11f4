"""One fit: which learners there are, how each trains on some rows and scores the others, what it tells."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from primum.learn import additive, boosting, logistic, scorecard
from primum.learn.need import need, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primum.learn.prepare import Matrix

KINDS: dict[str, Callable[..., Any]] = {
    "logistic": logistic.logistic,
    "boosting": boosting.boosting,
    "ebm": additive.additive,
    "scorecard": scorecard.scorecard,
}
SETTINGS = {
    "logistic": logistic.SETTINGS, "boosting": boosting.SETTINGS, "ebm": additive.SETTINGS,
    "scorecard": scorecard.SETTINGS,
}  # fmt: skip
WORDS = {
    "logistic": "logistic regression with splines and an L2 penalty",
    "boosting": "gradient-boosted trees (histogram gradient boosting)",
    "ebm": "explainable boosting machine (generalised additive model with a few pairs)",
    "scorecard": "points score on round bins, with at least 10 people behind every number that it keeps",
}
CALIBRATION = (
    "logistic recalibration (intercept and slope on the log-odds scale), fitted without the fold it is "
    "applied to, on scores by models that saw neither that fold nor the people scored"
)
PACKAGES = {"logistic": (), "boosting": (), "ebm": ("interpret-core",), "scorecard": ()}
SMALL = 50_000
MOST_TERMS = 15


def train(
    kind: str, matrix: Matrix, outcome: np.ndarray, rows: np.ndarray, *, weight: np.ndarray | None, seed: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Fit one model on `rows` and score everybody else.

    Parameters
    ----------
    rows
        (people,) True for those who train.

    Returns
    -------
    tuple
        (people,) uncalibrated risks, NaN for those who trained; and what this fit tells of itself.
    """
    estimator = KINDS[kind](matrix, seed=seed)
    unknown = np.isnan(matrix.values[rows]).all(axis=0)
    values = np.where(unknown, 0.0, matrix.values)  # a column that nobody here has is a constant: it says nothing
    x, y = values[rows], outcome[rows]
    w = None if weight is None else weight[rows]
    if kind == "ebm":
        additive.fit_quietly(estimator, x, y, w)
    else:
        estimator.fit(x, y, model__sample_weight=w)
    score = np.full(len(rows), np.nan)
    score[~rows] = estimator.predict_proba(values[~rows])[:, 1]
    return score, _told(kind, estimator)


def _told(kind: str, fitted: Any) -> dict[str, Any]:
    """Return what a fit chose and what mattered in it, as far as that costs nothing."""
    if kind == "ebm":
        return {"importances": additive.importances(fitted)}
    if kind == "scorecard":
        return scorecard.chosen(fitted)
    return logistic.chosen(fitted) if kind == "logistic" else {}


def describe(kind: str, matrix: Matrix, per_fold: list[dict[str, Any]], *, weighted: bool, seed: int) -> dict[str, Any]:
    """Return the JSON-ready description of a cross-fitted model."""
    told = {
        "kind": kind,
        "words": WORDS[kind],
        "settings": SETTINGS[kind],
        "seed": seed,
        "weighted": weighted,
        "features": matrix.names,
        "categories": {name: len(levels) for name, levels in matrix.levels.items()},
        "calibration": CALIBRATION,
        "versions": versions("scikit-learn", "numpy", *PACKAGES[kind]),
        "folds": [{k: v for k, v in fold.items() if k != "importances"} for fold in per_fold],
    }
    if all("importances" in fold for fold in per_fold):
        told["importances"] = _mean_importances([fold["importances"] for fold in per_fold])
    return told


def _mean_importances(per_fold: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Average over folds (a pair that a fold did not choose counts 0 there); largest first."""
    terms = dict.fromkeys(term for fold in per_fold for term in fold)
    mean = {term: sum(fold.get(term, 0.0) for fold in per_fold) / len(per_fold) for term in terms}
    top = sorted(mean.items(), key=lambda item: (-item[1], item[0]))[:MOST_TERMS]
    return [{"term": term, "importance": value} for term, value in top]


def auroc(outcome: np.ndarray, score: np.ndarray) -> float | None:
    """Return the share of pairs ranked rightly, ties half (Mann-Whitney); None when one class is absent."""
    from scipy.stats import rankdata

    events = int(outcome.sum())
    others = len(outcome) - events
    if not events or not others:
        return None
    ranks = float(rankdata(score)[outcome == 1].sum())
    return (ranks - events * (events + 1) / 2) / (events * others)


@contextmanager
def one_thread_when_small(people: int) -> Iterator[None]:
    """Keep small fits on one thread, where threads cost more than they give; large ones use what there is.

    Linear algebra stays on one thread always, so that sums are added in one order and scores repeat bit by
    bit.
    """
    threadpool_limits = need("threadpoolctl", "scikit-learn", "models", "Training a model").threadpool_limits
    with (
        threadpool_limits(1, user_api="blas"),
        threadpool_limits(1 if people < SMALL else None, user_api="openmp"),
    ):
        yield
