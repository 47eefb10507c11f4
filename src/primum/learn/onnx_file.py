"""Models saved as ONNX: run by onnxruntime, which executes a graph and no foreign code."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from primum.errors import PrimumError
from primum.learn.estimator import columns, positive
from primum.learn.need import need

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

KINDS: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


def onnx_scores(path: Path, features: pl.DataFrame) -> np.ndarray:
    """Return the probability of the outcome that the ONNX model at `path` gives to each person.

    A model with one named input a column gets each column by name. A model with a single matrix gets the
    features in the order of the use case, or in the order of the file's metadata entry `feature_names` (a
    JSON list) when it has one. Probabilities are found in skl2onnx's two shapes: a list of {class:
    probability}, or a matrix with a column a class; a single column of probabilities is accepted too.

    Raises
    ------
    PrimumError
        The file is not readable as ONNX, its inputs do not match the features, or no output holds
        probabilities.
    MissingExtraError
        onnxruntime is not installed.
    """
    runtime = need("onnxruntime", "onnxruntime", "onnx", f"Reading {path.name}")
    try:
        session = runtime.InferenceSession(path, _quiet(runtime), providers=["CPUExecutionProvider"])
    except Exception as failure:
        raise PrimumError(
            f"The model file {path.name} cannot be read as ONNX: {_first_line(failure)}",
            expected="a complete .onnx file, with an opset that the installed onnxruntime knows",
            mend="export the model again, or upgrade onnxruntime",
        ) from failure
    given = _inputs(session, features, path.name)
    output = _output(session, path.name)
    try:
        raw = session.run([output], given)[0]
    except Exception as failure:
        raise PrimumError(
            f"The model in {path.name} failed on these data: {_first_line(failure)}",
            expected="the columns and kinds of values that it was exported with",
            available=[f"{node.name} {node.type} {node.shape}" for node in session.get_inputs()],
        ) from failure
    return _probability(raw, features.height, path.name)


def _quiet(runtime: Any) -> Any:
    """Return options: one thread (sums in one order), and no chatter on the terminal."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


def _inputs(session: Any, features: pl.DataFrame, file: str) -> dict[str, np.ndarray]:
    """Return input name -> array, by name for several inputs, as one matrix for one input."""
    nodes = session.get_inputs()
    strange = [f"{node.name}: {node.type}" for node in nodes if node.type not in KINDS]
    if strange:
        raise PrimumError(
            f"The model in {file} asks for inputs of another kind: {', '.join(strange)}.", available=KINDS
        )
    if len(nodes) == 1 and not (nodes[0].shape[-1:] == [1] and nodes[0].name in features.columns):
        return {nodes[0].name: _matrix(session, nodes[0], features, file)}
    missing = [node.name for node in nodes if node.name not in features.columns]
    if missing:
        raise PrimumError(
            f"The model in {file} needs {len(nodes)} columns; {len(missing)} of them are not among the "
            f"features: {', '.join(missing[:12])}.",
            expected="one feature for each input, with the input's name",
            available=features.columns,
            mend="add the missing columns under 'features', spelt as in the file",
        )
    arrays = columns(features.select([node.name for node in nodes]))
    return {node.name: _cast(arrays[node.name], node.type, node.name, file)[:, None] for node in nodes}


def _matrix(session: Any, node: Any, features: pl.DataFrame, file: str) -> np.ndarray:
    """Return all features as the one matrix that the model asks for, in its order as far as it tells."""
    names = session.get_modelmeta().custom_metadata_map.get("feature_names")
    if names is not None:
        wanted = [str(name) for name in json.loads(names)]
        missing = [name for name in wanted if name not in features.columns]
        if missing:
            raise PrimumError(
                f"The model in {file} needs {len(missing)} columns that are not among the features: "
                f"{', '.join(missing[:12])}.",
                available=features.columns,
            )
        features = features.select(wanted)
    count = node.shape[-1] if len(node.shape) == 2 else None
    if isinstance(count, int) and count != features.width:
        raise PrimumError(
            f"The model in {file} takes {count} columns; there are {features.width} features.",
            expected=f"{count} features, in the order in which the model was fitted",
            available=features.columns,
            mend="list exactly those under 'features', in that order; or export one named input a column",
        )
    arrays = columns(features)
    return np.stack([_cast(array, node.type, column, file) for column, array in arrays.items()], axis=1)


def _cast(array: np.ndarray, kind: str, column: str, file: str) -> np.ndarray:
    """Return the column in the kind of value that the model asks for; refuse what cannot become it."""
    if KINDS[kind] is object:
        return np.array(["" if _is_nan(value) else str(value) for value in array.tolist()], dtype=object)
    if array.dtype == object:
        known = [value for value in array.tolist() if not _is_nan(value)]
        if not all(isinstance(value, bool) for value in known):
            raise PrimumError(
                f"The model in {file} takes numbers, but the feature '{column}' holds text.",
                mend="export the model with its encoding of categories, one named input a column",
            )
        array = array.astype(float)
    if KINDS[kind] in {np.int64, np.int32, np.bool_} and np.isnan(array.astype(float)).any():
        raise PrimumError(
            f"The model in {file} takes whole numbers for '{column}', which has missing values.",
            mend="export the input as float, or impute the column inside the model",
        )
    return array.astype(KINDS[kind])


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _output(session: Any, file: str) -> str:
    """Return the output that holds probabilities: called so, or a map by class, or two floats a row."""
    nodes = session.get_outputs()
    likely = [n for n in nodes if n.type in {"tensor(float)", "tensor(double)"} or n.type.startswith("seq(map(")]
    named = [n for n in likely if "prob" in n.name.lower()]
    maps = [n for n in likely if n.type.startswith("seq(map(")]
    pairs = [n for n in likely if list(n.shape)[-1:] == [2]]
    for choice in (named, maps, pairs, likely):
        if len(choice) == 1:
            return str(choice[0].name)
    raise PrimumError(
        f"The model in {file} has no output that is clearly a probability.",
        expected="an output called 'probabilities', or a single one with a column for each of two classes",
        available=[f"{n.name} {n.type} {n.shape}" for n in nodes],
        mend="export predict_proba (skl2onnx does so for classifiers), not labels or a decision function",
    )


def _probability(raw: Any, people: int, file: str) -> np.ndarray:
    """Return the probability of class 1 from whatever shape the output has."""
    if isinstance(raw, list):
        keys = list(raw[0]) if raw else [0, 1]
        event = keys[positive(keys, file)]
        return np.array([row[event] for row in raw], dtype=float)
    array = np.asarray(raw, dtype=float)
    if array.shape == (people, 2):
        total = array.sum(axis=1)
        if not np.allclose(total[np.isfinite(total)], 1, atol=1e-3):
            raise PrimumError(
                f"The two columns that {file} returns do not add up to 1: they are no probabilities.",
                mend="export predict_proba, not a decision function or margins",
            )
        return array[:, 1]
    if array.size == people:
        return array.reshape(people)
    raise PrimumError(
        f"The model in {file} returned an array of shape {array.shape} for {people} people.",
        expected=f"({people}, 2), ({people}, 1) or ({people},)",
    )


def _first_line(failure: Exception) -> str:
    lines = str(failure).strip().splitlines()
    return lines[0][:200] if lines else type(failure).__name__
