"""Features by name: from a frame, or from an array whose columns have names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.learn.label_noise import matrix

Floats = npt.NDArray[np.float64]


def names_of(X: Any, names: Sequence[str] | None) -> list[str]:
    """Return the names of the columns of X: those declared, or the frame's own.

    Raises
    ------
    PrimumError
        If X is an array and no names were declared, or their number differs.
    """
    own = names if names is not None else getattr(X, "columns", None)
    if own is None:
        raise PrimumError(
            "The columns of X have no names, and this model is told about features by name.",
            expected="a frame, or names=[…] with one name a column",
        )
    found = [str(c) for c in own]
    width = np.shape(X)[1] if np.ndim(X) == 2 else 1
    if len(found) != width:
        raise PrimumError(f"X has {width} columns and {len(found)} names.", expected="one name a column")
    return found


def numbers_of(X: Any) -> Floats:
    """Return X as finite numbers, shape (people, features)."""
    return matrix(X.to_numpy() if hasattr(X, "to_numpy") else X)


def place(feature: str, names: Sequence[str]) -> int:
    """Return the position of a feature.

    Raises
    ------
    PrimumError
        If it is not there.
    """
    if feature not in names:
        raise unknown("feature", feature, list(names), where="the model")
    return list(names).index(feature)


def labels_of(outcome: npt.ArrayLike, n: int) -> Floats:
    """Return the outcome as 0.0 and 1.0.

    Raises
    ------
    PrimumError
        If it has another length, other values, or only one of them.
    """
    y = np.asarray(outcome, dtype=np.float64).ravel()
    if y.size != n:
        raise PrimumError(f"The outcome has {y.size} rows, the people {n}.", expected="one row a person, same order")
    if not np.isin(y, (0, 1)).all():
        raise PrimumError("The outcome has missing values or values other than 0 and 1.", expected="0 or 1")
    if y.size == 0 or y.min() == y.max():
        raise PrimumError("Everybody has the same outcome.", expected="people with and without the outcome")
    return y


def weights_of(weight: npt.ArrayLike | None, n: int) -> Floats | None:
    """Return sample weights with mean 1, or None.

    Raises
    ------
    PrimumError
        If they are not finite, negative, all zero, or of another length.
    """
    if weight is None:
        return None
    w = np.asarray(weight, dtype=np.float64).ravel()
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise PrimumError(
            f"The {w.size} sample weights cannot be used for {n} people.", expected="one finite number ≥ 0 a person"
        )
    return np.asarray(w / w.mean())
