"""Models that users bring along: a skops or ONNX file; pickle only when trusted in so many words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from primum.errors import PrimumError
from primum.learn.estimator import estimator_scores
from primum.learn.need import need
from primum.learn.onnx_file import onnx_scores
from primum.learn.skops_file import load_skops

if TYPE_CHECKING:
    import polars as pl

    from primum.usecase import Model

PICKLES = {".pkl", ".pickle", ".joblib"}


def own_scores(model: Model, features: pl.DataFrame, *, base: Path | None, trust_pickle: bool = False) -> np.ndarray:
    """Return the risk of the outcome that the model in `model.file` gives to each person.

    Parameters
    ----------
    model
        A model with `file`: .skops or .onnx (or a pickle, when trusted). With `higher_means: less risk`, the
        probability is turned around.
    features
        (people, features) numbers and text.
    base
        The folder that a relative path starts from: where the use-case file lies.
    trust_pickle
        Reading a pickle runs whatever code its author put there. True says: I know the author, run it.

    Returns
    -------
    numpy.ndarray
        (people,) float64 in [0, 1]; NaN only where the model gives none and `missing_scores` is `exclude`.

    Raises
    ------
    PrimumError
        The file does not exist, is of another kind, is not trusted, or does not fit the features; a score is
        missing or is no probability.
    MissingExtraError
        The package that reads the file is not installed.
    """
    path = _path(model, base)
    kind = path.suffix.lower()
    if kind == ".onnx":
        score = onnx_scores(path, features)
    elif kind == ".skops":
        score = estimator_scores(load_skops(path), features, name=model.name)
    elif kind in PICKLES:
        score = estimator_scores(_load_pickle(path, trusted=trust_pickle), features, name=model.name)
    else:
        raise PrimumError(
            f"The model file {path.name} is of an unknown kind: '{path.suffix}'.",
            expected="a .skops file (scikit-learn, EBM, LightGBM) or an .onnx file (anything else)",
            mend="save it with skops.io.dump(estimator, 'model.skops'), or bring its scores in a column",
        )
    return _risk(model, score)


def _path(model: Model, base: Path | None) -> Path:
    if model.file is None:
        raise PrimumError(f"The model '{model.name}' is not in a file.", expected="file: model.skops or model.onnx")
    path = (base or Path()) / model.file
    if not path.is_file():
        folder = path.parent
        near = sorted(p.name for p in folder.glob(f"*{path.suffix}")) if folder.is_dir() else []
        raise PrimumError(
            f"The file of the model '{model.name}' does not exist: {path}",
            available=near,
            mend="give the path from the use-case file's folder, or a full path",
        )
    return path


def _load_pickle(path: Path, *, trusted: bool) -> Any:
    """Load a pickle, if and only if the user said so."""
    if not trusted:
        raise PrimumError(
            f"{path.name} is a pickle, and reading a pickle runs whatever code its author put inside.",
            expected="a .skops or .onnx file, which run none",
            mend="where the model was made: skops.io.dump(estimator, 'model.skops'); or, if you made the "
            "file yourself, trust it in so many words: --trust-pickle, primum.audit(..., trust_pickle=True)",
        )
    joblib = need("joblib", "scikit-learn", "models", f"Reading {path.name}")
    try:
        return joblib.load(path)
    except Exception as failure:
        raise PrimumError(
            f"The pickle {path.name} cannot be read: {type(failure).__name__}: {failure}",
            expected="a complete file, and the packages that the model was made with",
        ) from failure


def _risk(model: Model, score: np.ndarray) -> np.ndarray:
    """Return the scores as risks, once they are known to be probabilities."""
    missing = int(np.isnan(score).sum())
    if missing and model.missing_scores == "refuse":
        raise PrimumError(
            f"The model '{model.name}' gives no score to {missing} of {len(score)} people.",
            expected="a score for everybody",
            mend="let the model impute what it misses; or say missing_scores: exclude (they are counted)",
        )
    known = score[~np.isnan(score)]
    outside = known[(known < 0) | (known > 1)]
    if len(outside):
        raise PrimumError(
            f"The model '{model.name}' gives {len(outside)} scores outside 0 to 1 "
            f"(from {known.min():.4g} to {known.max():.4g}): they are no probabilities.",
            expected="probabilities; points are audited from a column (score:, scale: points, range:)",
            mend="export predict_proba, not a decision function or margins",
        )
    return 1 - score if model.higher_means == "less risk" else score
