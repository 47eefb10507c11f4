"""What encoders, scalers and binners keep: limits, quantiles, bins and categories with few people behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from primum.disclose.model_bins import bins_findings
from primum.disclose.model_crowd import Crowd, behind, short
from primum.disclose.model_finding import GateFinding
from primum.disclose.model_parts import Part, kinds, matrix_of
from primum.disclose.model_records import rare_limits
from primum.disclose.presets import Policy

PUBLIC = "choose public limits before looking at the data"


def edge_findings(part: Part, people: Crowd, policy: Policy) -> list[GateFinding]:
    """Return findings on limits, quantiles, bin edges and categories that a part keeps (R1, R5, R15)."""
    del policy
    names = kinds(part.thing)
    for name, look in _LOOKS.items():
        if name in names:
            if part.X is None:
                words = f"What {type(part.thing).__name__} keeps could not be counted: its training data are not known."
                return [GateFinding("R5", part.where, "blocked", words, "give the gate the bare model")]
            return look(part, people)
    return []


def bin_finding(where: str, groups: np.ndarray, k: int, people: Crowd, *, what: str, mend: str) -> list[GateFinding]:
    """Return a finding if bins hold somebody and too few people (R1)."""
    few = short(people, groups, k)
    if not few.any():
        return []
    least = int(behind(people, groups, k)[few].min())
    words = f"{int(few.sum())} {what} hold fewer than {people.t} people (or households), the least {least}."
    return [GateFinding("R1", where, "blocked", words, mend)]


def _limits(part: Part, people: Crowd) -> list[GateFinding]:
    """MinMaxScaler, MaxAbsScaler: the minimum and maximum of every column."""
    values = matrix_of(part.X)
    n = sum(bool(rare_limits(values[:, j], people)) for j in range(values.shape[1]))
    if not n:
        words = f"Keeps minima and maxima; at least {people.t} people have each of them."
        return [GateFinding("R5", part.where, "review", words)]
    words = f"Keeps the minimum or maximum of {n} variables that fewer than {people.t} people have."
    return [GateFinding("R5", part.where, "blocked", words, "use StandardScaler, or " + PUBLIC)]


def _quantiles(part: Part, people: Crowd) -> list[GateFinding]:
    """RobustScaler, QuantileTransformer, SimpleImputer with medians: values of single people."""
    thing, values = part.thing, matrix_of(part.X)
    kept = [getattr(thing, name, None) for name in ("center_", "quantiles_", "statistics_")]
    if "SimpleImputer" in kinds(thing) and getattr(thing, "strategy", "") == "mean":
        return []
    single = 0
    for array in (np.atleast_2d(np.asarray(k)) for k in kept if k is not None):
        if array.dtype.kind not in "fiu" or array.shape[1] != values.shape[1]:
            continue
        for j in range(values.shape[1]):
            for v in np.unique(array[:, j][np.isfinite(array[:, j].astype(float))]):
                own = behind(people, np.where(values[:, j] == v, 0, -1), 1)[0]
                single += own < people.t
    if not single:
        return [GateFinding("R5", part.where, "safe", f"Every quantile kept is shared by at least {people.t} people.")]
    words = f"Keeps {single} quantiles (medians among them) that fewer than {people.t} people share."
    blocked = "quantiles_" in vars(thing)  # a whole ladder of them, with minimum and maximum
    mend = "fill with the mean, or a public value" if "SimpleImputer" in kinds(thing) else "use StandardScaler"
    return [GateFinding("R5", part.where, "blocked" if blocked else "review", words, mend)]


def _splines(part: Part, people: Crowd) -> list[GateFinding]:
    """SplineTransformer: the outermost knots are minimum and maximum, unless they were given."""
    values, found = matrix_of(part.X), []
    lost = thin = 0
    for j, spline in enumerate(part.thing.bsplines_):
        knots = np.asarray(spline.t)[spline.k : len(spline.t) - spline.k]
        known = np.isfinite(values[:, j])
        lost += bool(set(rare_limits(values[:, j], people)) & set(knots.tolist()))
        at = np.where(known, np.clip(np.searchsorted(knots, values[:, j], side="right"), 1, len(knots) - 1), -1)
        thin += int(short(people, at, len(knots)).sum())
    if lost:
        words = (
            f"The outermost knots of {lost} variables are a minimum or maximum that fewer than {people.t} people have."
        )
        found.append(GateFinding("R5", part.where, "blocked", words, "give public knots: SplineTransformer(knots=…)"))
    if thin:
        words = f"{thin} stretches between knots hold fewer than {people.t} people."
        found.append(GateFinding("R1", part.where, "blocked", words, "use fewer knots"))
    return found


def _bins(part: Part, people: Crowd) -> list[GateFinding]:
    """KBinsDiscretizer: edges that are minimum and maximum, and bins with few people."""
    values, found, lost = matrix_of(part.X), [], 0
    for j, edges in enumerate(part.thing.bin_edges_):
        lost += bool(set(rare_limits(values[:, j], people)) & {float(edges[0]), float(edges[-1])})
        at = np.clip(np.searchsorted(edges, values[:, j], side="right") - 1, 0, len(edges) - 2)
        found += bin_finding(
            f"{part.where}.bin_edges_[{j}]", np.where(np.isfinite(values[:, j]), at, -1), len(edges) - 1, people,
            what="bins", mend="use fewer bins")  # fmt: skip
    if lost:
        words = (
            f"The outermost edges of {lost} variables are a minimum or maximum that fewer than {people.t} people have."
        )
        found.insert(0, GateFinding("R5", f"{part.where}.bin_edges_", "blocked", words, PUBLIC))
    return found


def _histogram(part: Part, people: Crowd) -> list[GateFinding]:
    """Histogram gradient boosting: the edges of its bins, which it keeps although trees hold their own thresholds."""
    thing = part.thing
    given = thing._preprocess_X(part.X, reset=False) if hasattr(thing, "_preprocess_X") else part.X  # noqa: SLF001
    values, small, total = matrix_of(given), 0, 0
    mapper = thing._bin_mapper  # noqa: SLF001
    for j, edges in enumerate(mapper.bin_thresholds_):
        if len(edges) == 0 or mapper.is_categorical_[j]:
            continue
        at = np.where(np.isfinite(values[:, j]), np.searchsorted(edges, values[:, j], side="left"), -1)
        small += int(short(people, at, len(edges) + 1).sum())
        total += len(edges) + 1
    where = f"{part.where}._bin_mapper.bin_thresholds_"
    if not small:
        return [GateFinding("R5", where, "safe", f"Each of {total} bins holds at least {people.t} people, or nobody.")]
    words = (
        f"{small} of {total} bins kept hold fewer than {people.t} people: their edges lie at single people's values."
    )
    mend = "before saving, empty the edges of every number; prediction uses the trees' own thresholds"
    return [GateFinding("R5", where, "blocked", words, mend)]


def _categories(part: Part, people: Crowd) -> list[GateFinding]:
    """One-hot, ordinal, target and label encoders: names that few people have (R15), and their means (R1)."""
    thing, X = part.thing, part.X
    kept = getattr(thing, "categories_", None)
    if kept is None:
        return []
    rare = []
    for j, names in enumerate(kept):
        column = X.iloc[:, j].to_numpy() if hasattr(X, "iloc") else np.asarray(X)[:, j]
        n = [int(behind(people, np.where(_is(column, c), 0, -1), 1)[0]) for c in names]
        rare.append(sum(0 < k < people.t for k in n))
    if not sum(rare):
        return []
    words = (
        f"Keeps {sum(rare)} categories of {sum(r > 0 for r in rare)} variables that fewer than {people.t} people have."
    )
    mend = "join rare categories before fitting; the encoder keeps the names of infrequent ones"
    return [GateFinding("R15", f"{part.where}.categories_", "blocked", words, mend)]


def _words(part: Part, people: Crowd) -> list[GateFinding]:
    """Vocabularies of text: words that few people used."""
    used = part.thing.transform(part.X).tocsc()
    few = 0
    for j in range(used.shape[1]):
        own = np.full(people.rows, -1)
        own[used.indices[used.indptr[j] : used.indptr[j + 1]]] = 0
        few += bool(short(people, own, 1)[0])
    if not few:
        return []
    words = f"{few} words of the vocabulary were used by fewer than {people.t} people."
    return [GateFinding("R15", f"{part.where}.vocabulary_", "blocked", words, f"use min_df={people.t} or more")]


def _counts(part: Part, people: Crowd) -> list[GateFinding]:
    """Naive Bayes on categories: its tables of counts."""
    tables = [np.asarray(getattr(part.thing, n)) for n in ("feature_count_", "class_count_") if hasattr(part.thing, n)]
    tables += [np.asarray(t) for t in getattr(part.thing, "category_count_", [])]
    few = sum(int(((t > 0) & (t < people.t)).sum()) for t in tables)
    if not few:
        return []
    words = f"{few} cells of its tables of counts hold fewer than {people.t}."
    return [GateFinding("R1", part.where, "blocked", words, "join rare categories before fitting")]


def _is(column: np.ndarray, value: Any) -> np.ndarray:
    if isinstance(value, float) and np.isnan(value):
        return np.array([isinstance(v, float) and np.isnan(v) for v in column.tolist()])
    return np.array([v == value for v in column.tolist()])


_LOOKS: dict[str, Callable[[Part, Crowd], list[GateFinding]]] = {
    "MinMaxScaler": _limits,
    "MaxAbsScaler": _limits,
    "RobustScaler": _quantiles,
    "QuantileTransformer": _quantiles,
    "SimpleImputer": _quantiles,
    "SplineTransformer": _splines,
    "KBinsDiscretizer": _bins,
    "BaseHistGradientBoosting": _histogram,
    "_BaseEncoder": _categories,
    "CountVectorizer": _words,
    "_BaseDiscreteNB": _counts,
    "CrowdedBins": bins_findings,
}
