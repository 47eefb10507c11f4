"""Does a model file hold records? By its kind, by an array that equals training rows, by a minimum or maximum."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from primum.disclose.model_crowd import Crowd, behind
from primum.disclose.model_finding import GateFinding, number
from primum.disclose.model_parts import Part, kinds, look_through, matrix_of, stored_arrays

STORES: dict[str, str] = {
    "NeighborsBase": "a nearest-neighbour model keeps every training record",
    "KNNImputer": "an imputer by nearest neighbours keeps every training record",
    "BaseLibSVM": "the support vectors of a support vector machine are training records",
    "GaussianProcessClassifier": "a Gaussian process keeps every training record",
    "GaussianProcessRegressor": "a Gaussian process keeps every training record",
    "KernelDensity": "a kernel density estimate keeps every training record",
    "KernelRidge": "a kernel ridge regression keeps every training record",
    "KernelPCA": "a kernel principal component analysis keeps every training record",
    "Nystroem": "the components of a Nystroem kernel are training records",
    "BaseLabelPropagation": "label propagation keeps every training record",
    "Isomap": "this embedding keeps every training record",
    "LocallyLinearEmbedding": "this embedding keeps every training record",
    "DBSCAN": "the core samples of a clustering are training records",
    "AffinityPropagation": "the centres of this clustering are training records",
    "IsotonicRegression": "the steps of an isotonic calibration lie at single people's scores",
}
NO_MEND = "send another kind of model; one that stores records cannot be mended"


def stores_records(part: Part) -> list[GateFinding]:
    """Return a finding if a part is of a kind that keeps training records (R10)."""
    for name, words in STORES.items():
        if name in kinds(part.thing):
            return [GateFinding("R10", part.where, "blocked", f"{type(part.thing).__name__}: {words}.", NO_MEND)]
    return []


def hidden_records(model: Any, parts: list[Part], y: np.ndarray, people: Crowd) -> list[GateFinding]:
    """Return findings on arrays that equal training rows, or hold a value for each of them (R10).

    Every array that can be reached through attributes, lists, dictionaries, frames and sparse matrices is compared with
    the training data as they came in and as each part sees them, in single precision and either way round. Rows that at
    least t people share tell of nobody.

    Notes
    -----
    Arrays inside compiled objects, records that were scaled, shuffled by column or otherwise disguised are not found.
    """
    views = _views(parts)
    rows = [(v.shape[1], _rare_rows(v, people)) for v in views if v.shape[1] > 1 and v.shape[0] == people.rows]
    columns = [(f"column {j} of the training data", v[:, j]) for v in views[:1] for j in range(v.shape[1])]
    columns.append(("the outcome of the training people", np.asarray(y, dtype=np.float64)))
    found = []
    for where, array in stored_arrays(model):
        values = np.asarray(array, dtype=np.float64)
        flat = np.squeeze(values)
        n = max((_shared(values, width, rare) for width, rare in rows), default=0) if values.ndim == 2 else 0
        if n:
            words = f"This array holds {number(n, 'training record')}."
            found.append(GateFinding("R10", where, "blocked", words, NO_MEND))
        elif people.rows in flat.shape and people.rows > people.t and not _constant(flat):
            what = next((name for name, c in columns if flat.shape == c.shape and _same(flat, c)), None)
            words = f"This array is {what}." if what else "This array has one entry for each training row."
            found.append(GateFinding("R10", where, "blocked", words, f"delete {where} before saving"))
    for where, thing in look_through(model):
        if people.rows > people.t and _is_list_of_values(thing) and len(thing) == people.rows:
            words = f"This {type(thing).__name__} has one entry for each training row."
            found.append(GateFinding("R10", where, "blocked", words, f"delete {where} before saving"))
    return found


def _is_list_of_values(thing: Any) -> bool:
    """Say whether something holds texts, dates or the like; numbers are looked at as arrays."""
    if isinstance(thing, np.ndarray):
        return thing.ndim == 1 and thing.dtype.kind in "OUSM" and all(_is_value(v) for v in thing[:20].tolist())
    if isinstance(thing, list | tuple | set | frozenset | dict):
        return all(_is_value(v) for v in list(thing)[:20])
    return type(thing).__name__ in {"Index", "Series"} and not np.issubdtype(np.asarray(thing).dtype, np.number)


def _is_value(v: Any) -> bool:
    return isinstance(v, str | bytes | date | int | None) and not isinstance(v, float)


def extremes(model: Any, parts: list[Part], people: Crowd, known: list[GateFinding]) -> list[GateFinding]:
    """Return a finding for every array that holds the minimum or maximum of a column of the training data (R5).

    Whole numbers occur in a model for many reasons, so only numbers with decimals are looked for here; arrays whose
    job is to keep limits are looked at by `model_edges`. A limit that at least t people share is nobody's.

    Parameters
    ----------
    model, parts, people
        As elsewhere.
    known
        Findings so far: what they have blocked under R5 or R10 is not named again.
    """
    rare = set()
    for values in _views(parts):
        for j in range(values.shape[1]):
            rare |= {v for v in rare_limits(values[:, j], people) if v != round(v)}
    named = [f.where for f in known if f.status == "blocked" and f.rule in {"R5", "R10"}]
    judged = [p.thing for p in parts if any(_within(w, p.where) and _limits_are(p, w, known) for w in named)]
    covered = {id(array) for thing in judged for _, array in stored_arrays(thing)}
    wanted = np.array(sorted(rare))
    found = []
    for where, array in stored_arrays(model) if rare else ():
        if id(array) in covered or any(_within(where, w) for w in named if w != "model"):
            continue
        n = int(np.isin(np.unique(np.asarray(array, dtype=np.float64)), wanted).sum())
        if n:
            words = f"Holds the smallest or largest value of a variable in the training data, in {number(n, 'number')}."
            found.append(GateFinding("R5", where, "blocked", words, "delete it, or put public limits in its place"))
    return found


def _limits_are(part: Part, where: str, known: list[GateFinding]) -> bool:
    """Say whether a part was blocked for the limits that it keeps, and holds no other part."""
    inner = any(f.rule == "R5" and f.where == where for f in known)
    return inner and not kinds(part.thing) & {"Pipeline", "ColumnTransformer", "FeatureUnion"}


def _within(where: str, outer: str) -> bool:
    return where == outer or where.startswith((outer + "[", outer + "."))


def rare_limits(column: np.ndarray, people: Crowd) -> list[float]:
    """Return the minimum and maximum of a column as far as fewer than t people have them."""
    known = np.isfinite(column)
    if not known.any():
        return []
    limits = [float(column[known].min()), float(column[known].max())]
    return [v for v in dict.fromkeys(limits) if behind(people, np.where(column == v, 0, -1), 1)[0] < people.t]


def _views(parts: list[Part]) -> list[np.ndarray]:
    """Return the training data as every part sees them, without repeats."""
    views: list[np.ndarray] = []
    for part in parts:
        values = matrix_of(part.X)
        if values.size and not any(v.shape == values.shape and _same(v, values) for v in views):
            views.append(values)
    return views


def _rare_rows(rows: np.ndarray, people: Crowd) -> set[bytes]:
    """Return the training rows that fewer than t people share, as bytes."""
    codes: dict[bytes, int] = {}
    which = np.array([codes.setdefault(k, len(codes)) for k in _keys(rows)])
    n = behind(people, which, len(codes))
    return {key for key, i in codes.items() if n[i] < people.t}


def _shared(stored: np.ndarray, width: int, rare: set[bytes]) -> int:
    """Return how many rows (or columns) of an array are among the rare training rows."""
    both = [stored] if stored.shape[1] == width else []
    both += [stored.T] if stored.shape[0] == width and stored.shape[1] > 1 else []
    return max((sum(key in rare for key in _keys(table)) for table in both), default=0)


def _keys(table: np.ndarray) -> list[bytes]:
    """Return each row in single precision as bytes; −0 becomes 0."""
    single = np.ascontiguousarray(table, dtype=np.float32) + np.float32(0)
    return [row.tobytes() for row in single]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a.astype(np.float32), b.astype(np.float32), equal_nan=True))


def _constant(values: np.ndarray) -> bool:
    return bool(values.size) and bool((values == values.ravel()[0]).all())
