"""Take a fitted model apart: its steps, members and encoders, each with the training data as that part sees them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

DEEPEST = 12


@dataclass(frozen=True)
class Part:
    """One fitted object inside a model.

    Attributes
    ----------
    where
        How one would reach it in Python.
    thing
        The fitted object.
    X
        Training data as it sees them, (rows, columns); None where they cannot be known.
    """

    where: str
    thing: Any
    X: Any


def kinds(thing: Any) -> frozenset[str]:
    """Return the names of the classes that an object is one of."""
    return frozenset(c.__name__ for c in type(thing).__mro__)


def take_apart(model: Any, X: Any) -> list[Part]:
    """Return every fitted part of a model, outermost first.

    Containers that are known pass the training data on to what they hold. Anything fitted that is held in another way
    is found by looking through all attributes, and comes without data: what must be counted there cannot be.

    Parameters
    ----------
    model
        A fitted model.
    X
        Its training data, (rows, columns), as given to `fit`.
    """
    found = list(_parts(Part("model", model, X)))
    seen = {id(p.thing) for p in found} | {id(m) for p in found for m in _members(p.thing)}
    for where, thing in look_through(model):
        if id(thing) not in seen and _fitted(thing):
            seen.add(id(thing))
            found.append(Part(where, thing, None))
            seen |= {id(m) for m in _members(thing)}
    return found


def _parts(part: Part, depth: int = 0) -> Iterator[Part]:
    yield part
    if depth > DEEPEST:
        return
    for inner in _inside(part):
        yield from _parts(inner, depth + 1)


def _inside(part: Part) -> Iterator[Part]:
    """Yield what a known container holds."""
    names = kinds(part.thing)
    if names & {"BaseForest", "BaseGradientBoosting"}:
        return  # their trees are counted together
    for name, look in _HOLDERS.items():
        if name in names:
            yield from look(part)
            return
    for name in ("best_estimator_", "estimator_"):
        if _fitted(getattr(part.thing, name, None)):
            yield Part(f"{part.where}.{name}", getattr(part.thing, name), part.X)


def _steps(part: Part) -> Iterator[Part]:
    """Yield the steps of a pipeline, each with the data that the steps before it make."""
    X = part.X
    for i, (name, inner) in enumerate(part.thing.steps):
        if inner is None or isinstance(inner, str):
            continue
        yield Part(f"{part.where}['{name}']", inner, X)
        if i < len(part.thing.steps) - 1:
            X = None if X is None else inner.transform(X)


def _column_sets(part: Part) -> Iterator[Part]:
    for name, inner, _ in part.thing.transformers_:
        if not isinstance(inner, str):
            columns = part.thing._transformer_to_input_indices[name]  # noqa: SLF001  (no public name)
            yield Part(f"{part.where}['{name}']", inner, _columns(part.X, columns))


def _union(part: Part) -> Iterator[Part]:
    for name, inner in part.thing.transformer_list:
        if not isinstance(inner, str):
            yield Part(f"{part.where}['{name}']", inner, part.X)


def _bagged(part: Part) -> Iterator[Part]:
    for i, inner in enumerate(part.thing.estimators_):
        yield Part(f"{part.where}.estimators_[{i}]", inner, _columns(part.X, part.thing.estimators_features_[i]))


def _calibrated(part: Part) -> Iterator[Part]:
    for i, inner in enumerate(part.thing.calibrated_classifiers_):
        yield Part(f"{part.where}.calibrated_classifiers_[{i}].estimator", inner.estimator, part.X)


def _listed(part: Part) -> Iterator[Part]:
    for i, inner in enumerate(part.thing.estimators_):
        if not isinstance(inner, str):
            yield Part(f"{part.where}.estimators_[{i}]", inner, part.X)


def _stacked(part: Part) -> Iterator[Part]:
    yield from _listed(part)
    outputs = None if part.X is None else part.thing.transform(part.X)
    yield Part(f"{part.where}.final_estimator_", part.thing.final_estimator_, outputs)


def _frozen(part: Part) -> Iterator[Part]:
    yield Part(f"{part.where}.estimator", part.thing.estimator, part.X)


def _own(part: Part) -> Iterator[Part]:
    """Yield the learner inside `primum.learn.trained.Trained`, which sees a constant where a column is unknown."""
    inner, unknown = part.thing.model_
    X = None if part.X is None else np.where(unknown, 0.0, np.asarray(part.X, dtype=np.float64))
    yield Part(f"{part.where}.model_[0]", inner, X)


def _chosen(part: Part) -> Iterator[Part]:
    X = None if part.X is None else _columns(part.X, np.flatnonzero(part.thing.support_))
    yield Part(f"{part.where}.estimator_", part.thing.estimator_, X)


def _encoded(part: Part) -> Iterator[Part]:
    encoder = getattr(part.thing, "_preprocessor", None)
    if encoder is not None:
        yield Part(f"{part.where}._preprocessor", encoder, part.X)


_HOLDERS: dict[str, Callable[[Part], Iterator[Part]]] = {
    "Pipeline": _steps,
    "ColumnTransformer": _column_sets,
    "FeatureUnion": _union,
    "BaseBagging": _bagged,
    "CalibratedClassifierCV": _calibrated,
    "_BaseStacking": _stacked,
    "_BaseVoting": _listed,
    "BaseWeightBoosting": _listed,
    "OneVsRestClassifier": _listed,
    "FrozenEstimator": _frozen,
    "Trained": _own,
    "RFE": _chosen,
    "BaseHistGradientBoosting": _encoded,
}


def _columns(X: Any, at: Any) -> Any:
    if X is None:
        return None
    return X.iloc[:, list(at)] if hasattr(X, "iloc") else X[:, np.asarray(at, dtype=np.int64)]


def _members(thing: Any) -> Iterator[Any]:
    """Yield what is judged together with the ensemble that holds it: trees, and the binner of boosted trees."""
    if kinds(thing) & {"BaseForest", "BaseGradientBoosting"}:
        yield from np.ravel(np.asarray(getattr(thing, "estimators_", []), dtype=object))
    for name in ("_bin_mapper", "_encoder"):  # of boosted trees, and of KBinsDiscretizer
        if hasattr(thing, name):
            yield getattr(thing, name)


def _fitted(thing: Any) -> bool:
    """Say whether something is an estimator that has learned."""
    if not hasattr(thing, "fit") or isinstance(thing, type) or not hasattr(thing, "__dict__"):
        return False
    return any(name.endswith("_") and not name.startswith("_") for name in vars(thing))


def look_through(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield every object that can be reached from a model through attributes, lists and dictionaries, once each."""
    todo: list[tuple[str, Any, int]] = [("model", model, 0)]
    seen: set[int] = set()
    held = []  # keeps what is made on the way alive, so that no id is given twice
    while todo:
        where, thing, depth = todo.pop()
        if id(thing) in seen or depth > DEEPEST or isinstance(thing, str | bytes | int | float | bool | type | None):
            continue
        seen.add(id(thing))
        held.append(thing)
        yield where, thing
        inner: list[tuple[str, Any]] = []
        if isinstance(thing, dict):
            inner = [(f"{where}[{key!r}]" if isinstance(key, str) else f"{where}[…]", v) for key, v in thing.items()]
        elif isinstance(thing, list | tuple | set | frozenset):
            inner = [(f"{where}[{i}]", v) for i, v in enumerate(thing)]
        elif isinstance(thing, np.ndarray):
            inner = [(f"{where}[{i}]", v) for i, v in enumerate(thing.ravel())] if thing.dtype == object else []
        elif hasattr(thing, "__dict__") and not hasattr(thing, "iloc") and not inspect.isroutine(thing):
            inner = [(f"{where}.{name}", v) for name, v in vars(thing).items()]
        todo += [(name, v, depth + 1) for name, v in reversed(inner)]


def stored_arrays(model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array of numbers in a model, with how one reaches it; frames and sparse matrices become arrays."""
    for where, thing in look_through(model):
        if isinstance(thing, np.ndarray) and thing.dtype.kind in "fiu" and thing.size:
            yield where, thing
        elif hasattr(thing, "to_numpy") and hasattr(thing, "shape"):  # pandas or polars
            values = np.asarray(thing.to_numpy())
            if values.dtype == object:
                values = _as_numbers(values)
            if values.dtype.kind in "fiub" and values.size:
                yield where, values.astype(np.float64)
        elif hasattr(thing, "tocsr") and hasattr(thing, "toarray") and int(np.prod(thing.shape)) <= 50_000_000:
            yield where, np.asarray(thing.toarray())
        elif isinstance(thing, list) and thing:
            rows = [thing] if _numbers(thing) else thing
            if all(isinstance(v, list | tuple) and _numbers(v) and len(v) == len(rows[0]) for v in rows):
                yield where, np.asarray(thing, dtype=np.float64)


def _numbers(values: Any) -> bool:
    return len(values) > 0 and all(type(v) in {float, int} for v in values)


def _as_numbers(values: np.ndarray) -> np.ndarray:
    """Return numbers where they are, NaN where something else is."""

    def number(v: Any) -> float:
        return float(v) if isinstance(v, int | float | np.number) else float("nan")

    return np.array([number(v) for v in values.ravel()], dtype=np.float64).reshape(values.shape)


def matrix_of(X: Any) -> np.ndarray:
    """Return training data as numbers, (rows, columns); text becomes NaN."""
    if X is None:
        return np.empty((0, 0))
    values = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    if values.ndim == 1:
        values = values[:, None]
    return values.astype(np.float64) if values.dtype.kind in "fiub" else _as_numbers(values)
