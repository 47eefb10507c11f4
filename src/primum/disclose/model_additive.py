"""Explainable boosting machines: bins and pairs of bins with few people, and the limits that they keep."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.disclose.model_crowd import Crowd, behind, short
from primum.disclose.model_finding import GateFinding
from primum.disclose.model_parts import Part, kinds, matrix_of
from primum.disclose.model_records import rare_limits


def is_additive(thing: Any) -> bool:
    """Say whether an object is an explainable boosting machine of interpret."""
    return "EBMModel" in kinds(thing)


def additive_findings(part: Part, people: Crowd) -> list[GateFinding]:
    """Return findings on an explainable boosting machine (R1, R5, R15).

    Training rows are put into its bins again and distinct people counted: each bin, and each cell of a pair, has a
    score of its own in the file, beside its count (`bin_weights_`).
    """
    thing, where = part.thing, part.where
    if part.X is None:
        words = "People in the bins could not be counted: what this part was trained on is not known."
        return [GateFinding("R1", where, "blocked", words, "give the gate the bare model and its training data")]
    found = []
    small, cells, least, terms = 0, 0, people.rows, 0
    rare = 0
    for features in thing.term_features_:
        at, k = _cells(thing, part.X, features)
        few = short(people, at, k)
        occupied = np.unique(at[at >= 0])
        cells += len(occupied)
        if few.any():
            small, terms = small + int(few.sum()), terms + 1
            least = min(least, int(behind(people, at, k)[few].min()))
            rare += int(few.sum()) if len(features) == 1 and isinstance(thing.bins_[features[0]][0], dict) else 0
    if small:
        words = (
            f"{small} of {cells} bins and cells with people in them, in {terms} of {len(thing.term_features_)} terms, "
            f"stand on fewer than {people.t} people, the least on {least}; the file holds a score and a count for each."
        )
        mend = "train with fewer bins (max_bins, max_interaction_bins), no pairs, and rare categories joined"
        found.append(GateFinding("R1", f"{where}.term_scores_", "blocked", words, mend))
    else:
        words = f"Each of {cells} bins and cells with people in them stands on at least {people.t} people."
        found.append(GateFinding("R1", f"{where}.term_scores_", "safe", words))
    if rare:
        words = f"{rare} categories are kept by name that fewer than {people.t} people have."
        found.append(GateFinding("R15", f"{where}.bins_", "blocked", words, "join rare categories before fitting"))
    return found + _limits(part, people)


def cells(thing: Any) -> int:
    """Return how many scores an explainable boosting machine learned: cells with weight in them, and the intercept."""
    return 1 + sum(int((np.asarray(w) > 0).sum()) for w in thing.bin_weights_)


def _limits(part: Part, people: Crowd) -> list[GateFinding]:
    """Return findings on minima and maxima, and on the histograms kept for its charts."""
    thing, values = part.thing, matrix_of(part.X)
    lost = 0
    for j, bounds in enumerate(np.asarray(thing.feature_bounds_)):
        lost += bool(set(rare_limits(values[:, j], people)) & set(np.asarray(bounds).tolist()))
    found = []
    if lost:
        words = f"Keeps the minimum or maximum of {lost} variables that fewer than {people.t} people have."
        mend = "before saving, put public limits into feature_bounds_ and histogram_edges_; prediction uses neither"
        found.append(GateFinding("R5", f"{part.where}.feature_bounds_", "blocked", words, mend))
    few = 0
    for weights in getattr(thing, "histogram_weights_", None) or []:
        if weights is not None:
            few += int(((np.asarray(weights) > 0) & (np.asarray(weights) < people.t)).sum())
    if few:
        words = f"{few} bars of the histograms kept for its charts count fewer than {people.t}."
        mend = "before saving, set histogram_weights_ and histogram_edges_ to None; prediction uses neither"
        found.append(GateFinding("R1", f"{part.where}.histogram_weights_", "blocked", words, mend))
    return found


def _cells(thing: Any, X: Any, features: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Return the cell of each row in one term, 0 … k − 1, and k."""
    at, k = np.zeros(len(matrix_of(X)), dtype=np.int64), 1
    for j in features:
        levels = thing.bins_[j]
        bins = levels[min(len(levels), len(features)) - 1]
        column = X.iloc[:, j].to_numpy() if hasattr(X, "iloc") else np.asarray(X)[:, j]
        own, size = _binned(column, bins)
        at, k = at * size + own, k * size
    return at, k


def _binned(column: np.ndarray, bins: Any) -> tuple[np.ndarray, int]:
    """Return the bin of each row: 0 where missing, then cuts or categories, the last for what was not known."""
    if isinstance(bins, dict):
        size = max(bins.values(), default=0) + 2
        return np.array([_category(v, bins, size - 1) for v in column.tolist()], dtype=np.int64), size
    values = np.array([float(v) if isinstance(v, int | float) else np.nan for v in column.tolist()])
    known = np.isfinite(values)
    return np.where(known, np.searchsorted(bins, np.where(known, values, 0.0), side="right") + 1, 0), len(bins) + 3


def _category(value: Any, bins: dict[str, int], other: int) -> int:
    """Return the bin of a category; numbers are known by their text, whole ones without decimals."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return 0
    for text in (str(value), str(int(value)) if isinstance(value, float) and value.is_integer() else ""):
        if text in bins:
            return bins[text]
    return other
