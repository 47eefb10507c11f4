"""Scores by a fitted scikit-learn estimator, or by anything that speaks its language (predict_proba)."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from primum.errors import PrimumError
from primum.learn.need import need

if TYPE_CHECKING:
    import polars as pl

GENERATED = re.compile(r"(feature_?|column_?|x|f)\d+", re.IGNORECASE)


def estimator_scores(estimator: Any, features: pl.DataFrame, *, name: str = "model") -> np.ndarray:
    """Return the probability of the outcome that `estimator` gives to each person.

    Parameters
    ----------
    estimator
        A fitted classifier with `predict_proba` and the classes 0 and 1 (or False and True). Columns are
        found by name when it was fitted with names; otherwise they are passed in the order of `features`,
        which must be its own.
    features
        (people, features) numbers and text; missing values become NaN.
    name
        The model's name, for messages.

    Returns
    -------
    numpy.ndarray
        (people,) float64.

    Raises
    ------
    PrimumError
        The estimator is a class, is not fitted, gives no probabilities, has other classes than 0 and 1, needs
        columns that do not exist, or fails on these data.
    MissingExtraError
        It was fitted with column names, and pandas is not installed.
    """
    _usable(estimator, name)
    table = _table(estimator, features, name)
    try:
        proba = np.asarray(estimator.predict_proba(table), dtype=float)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as failure:
        raise _failed(name, features, failure) from failure
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        classes = np.arange(proba.shape[1] if proba.ndim == 2 else 1)
    column = positive(list(np.asarray(classes).tolist()), name)
    if proba.shape != (features.height, 2):
        raise PrimumError(
            f"The model '{name}' returned probabilities of shape {proba.shape} for {features.height} people.",
            expected=f"({features.height}, 2): one row a person, one column a class",
        )
    return proba[:, column]


def positive(classes: list[Any], name: str) -> int:
    """Return the position of the class that means 'outcome present'.

    Raises
    ------
    PrimumError
        The classes are not 0 and 1 in numbers, booleans or digits as text; which one is meant would be a
        guess.
    """
    as_text = [str(int(c)) if isinstance(c, bool | int | float) and c == int(c) else str(c) for c in classes]
    if sorted(as_text) != ["0", "1"]:
        raise PrimumError(
            f"The model '{name}' does not predict a yes-or-no outcome coded 0 and 1.",
            expected="the classes 0 (absent) and 1 (present), or False and True",
            available=classes,
            mend="fit the model on an outcome coded 0/1; of several classes, keep one against the rest",
        )
    return as_text.index("1")


def _usable(estimator: Any, name: str) -> None:
    """Refuse what cannot give probabilities, before any data are touched."""
    kind = estimator.__name__ if inspect.isclass(estimator) else type(estimator).__name__
    if inspect.isclass(estimator):
        raise PrimumError(
            f"The model '{name}' is the class {kind}, not a fitted model.", mend=f"pass {kind}(...).fit(X, y)"
        )
    if hasattr(estimator, "fit") and not _is_fitted(estimator):
        raise PrimumError(
            f"The model '{name}' ({kind}) is not fitted.",
            expected="a model that was already trained elsewhere",
            mend="call its fit(X, y) first, or let primum train one (train: logistic, boosting or ebm)",
        )
    if not hasattr(estimator, "predict_proba"):
        values = "decision_function" if hasattr(estimator, "decision_function") else "predict"
        raise PrimumError(
            f"The model '{name}' ({kind}) gives no probabilities: it has no predict_proba.",
            expected="a probability between 0 and 1 for each person",
            mend="wrap it in sklearn.calibration.CalibratedClassifierCV and fit that; "
            f"what {values} returns is no risk",
        )


def _is_fitted(estimator: Any) -> bool:
    need("sklearn", "scikit-learn", "models", "Scoring with a fitted estimator")
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    except (TypeError, AttributeError):  # not one of scikit-learn's own: it will say so when it predicts
        return True
    return True


def _table(estimator: Any, features: pl.DataFrame, name: str) -> Any:
    """Return the features as this estimator wants them: a pandas frame by name, or an array by position."""
    wanted = getattr(estimator, "feature_names_in_", None)
    if wanted is not None:
        wanted = [str(column) for column in wanted]
        here = set(features.columns)
        if here.intersection(wanted) or not all(GENERATED.fullmatch(column) for column in wanted):
            missing = [column for column in wanted if column not in here]
            if missing:
                raise PrimumError(
                    f"The model '{name}' was fitted with {len(wanted)} columns; "
                    f"{len(missing)} of them are not among the features: {', '.join(missing[:12])}.",
                    expected="every column that the model was fitted with",
                    available=features.columns,
                    mend="add the missing columns under 'features', spelt as when the model was fitted",
                )
            return _pandas(features.select(wanted))
    count = getattr(estimator, "n_features_in_", None)
    if count is not None and int(count) != features.width:
        raise PrimumError(
            f"The model '{name}' was fitted with {int(count)} columns; there are {features.width} features.",
            expected=f"{int(count)} features, in the order in which the model was fitted",
            available=features.columns,
            mend="list exactly those under 'features'; better, fit on a frame: its columns have names",
        )
    arrays = columns(features)
    kind = object if any(array.dtype == object for array in arrays.values()) else float
    return np.stack([array.astype(kind) for array in arrays.values()], axis=1)


def columns(features: pl.DataFrame) -> dict[str, np.ndarray]:
    """Return column -> array: text as objects, whole numbers without gaps as they are, missing as NaN."""
    arrays = {}
    for column in features.get_columns():
        if column.dtype.is_numeric() and column.null_count() == 0:
            arrays[column.name] = column.to_numpy()
        elif column.dtype.is_numeric():
            arrays[column.name] = column.to_numpy().astype(float)
        else:
            values = [float("nan") if value is None else value for value in column.to_list()]
            arrays[column.name] = np.array(values, dtype=object)
    return arrays


def _pandas(features: pl.DataFrame) -> Any:
    pandas = need("pandas", "pandas", "files", "Scoring with a model that was fitted with column names")
    return pandas.DataFrame(columns(features))


def _failed(name: str, features: pl.DataFrame, failure: Exception) -> PrimumError:
    """Say why the model failed on these data, as far as one can tell."""
    gaps = [column.name for column in features.get_columns() if column.null_count()]
    said = str(failure).strip().splitlines()[0] if str(failure).strip() else type(failure).__name__
    if gaps and "nan" in said.lower():
        return PrimumError(
            f"The model '{name}' cannot score people with missing values, which {len(gaps)} features have.",
            expected="a model that handles missing values itself",
            available=gaps,
            mend="fit it in a Pipeline that begins with an imputer; the audit then sees what imputing does",
        )
    return PrimumError(
        f"The model '{name}' failed on these data: {said}",
        expected="the columns, kinds of values and categories that it was fitted with",
        available=[f"{column} ({kind})" for column, kind in features.schema.items()],
    )
