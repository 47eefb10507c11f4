"""What all ways of filling gaps share: the matrix, its categories, membership, and the refusal to fill an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError
from primum.learn.label_noise import group_labels

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]


class Filler(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A way of filling gaps, learnt from those who train.

    Parameters
    ----------
    names
        Names of the columns; "column 1", … if left out.
    levels
        Column -> its categories, for those that hold codes (as in `prepare.Matrix`); all others are numbers.

    Attributes
    ----------
    n_features_in_, names_
        Columns, and their names.

    Notes
    -----
    `transform` takes features and, where it is needed, membership: there is no place for an outcome in it.
    """

    needs_group = False

    def __init__(self, names: Sequence[str] | None = None, levels: Mapping[str, Sequence[str]] | None = None) -> None:
        self.names = names
        self.levels = levels

    def fit(self, X: Any, y: Any = None, *, group: Any = None) -> Self:
        """Learn from X (people, columns), NaN where a value is missing; y is looked at for gaps only.

        Raises
        ------
        PrimumError
            If there are infinite values, names do not fit, membership is needed and absent, or an outcome is missing:
            outcomes are not imputed.
        """
        x = self._start(X, y)
        self._learn(x, self._membership(group, len(x)))
        return self

    def transform(self, X: Any, *, group: Any = None) -> Floats:
        """Return X without the gaps that this strategy fills, shape (people, columns out); X stays as it is."""
        check_is_fitted(self, "names_")
        x = matrix_of(X)
        if x.shape[1] != self.n_features_in_:
            raise PrimumError(f"There are {x.shape[1]} columns; it was fitted to {self.n_features_in_}.")
        return self._filled(x.copy(), self._membership(group, len(x)))

    def fit_transform(self, X: Any, y: Any = None, *, group: Any = None) -> Floats:
        """Fit to those who train, and return their completed features."""
        return self.fit(X, y, group=group).transform(X, group=group)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:  # noqa: ARG002 - theirs
        """Return the names of the columns that `transform` gives."""
        check_is_fitted(self, "names_")
        return np.asarray(self._names_out(), dtype=object)

    def _names_out(self) -> list[str]:
        return list(self.names_)

    def _start(self, X: Any, y: Any) -> Floats:
        x = matrix_of(X)
        refuse_unknown_outcomes(y)
        names = [f"column {j + 1}" for j in range(x.shape[1])] if self.names is None else list(self.names)
        if len(names) != x.shape[1]:
            raise PrimumError(f"There are {x.shape[1]} columns and {len(names)} names.", expected="one name a column")
        self.n_features_in_, self.names_ = x.shape[1], names
        self.is_category_ = np.array([name in (self.levels or {}) for name in names], dtype=bool)
        return x

    def _membership(self, group: Any, n: int) -> Texts | None:
        if not self.needs_group:
            return None
        if group is None:
            raise PrimumError(
                f"{type(self).__name__} fills gaps by group, and membership was not given.",
                expected="group=…: one label a person, or a frame with one column an attribute",
                mend="give it at fit and at transform, or use a strategy that does not tell groups apart",
            )
        return group_labels(group, n)

    def _learn(self, x: Floats, group: Texts | None) -> None:
        raise NotImplementedError

    def _filled(self, x: Floats, group: Texts | None) -> Floats:
        raise NotImplementedError


def matrix_of(X: Any) -> Floats:
    """Return features as numbers, NaN where missing.

    Raises
    ------
    PrimumError
        If it is no table of numbers, or holds an infinite one.
    """
    try:
        x = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        x = np.empty(0)
    if x.ndim != 2:
        raise PrimumError("The features are no table of numbers.", expected="shape (people, columns), NaN for a gap")
    if np.isinf(x).any():
        raise PrimumError("The features hold infinite values.", expected="finite numbers, NaN where unknown")
    return x


def refuse_unknown_outcomes(y: Any) -> None:
    """Raise if an outcome is missing: it is what the model is judged by, and is never filled in.

    Raises
    ------
    PrimumError
        With the number of people without an outcome.
    """
    if y is None:
        return
    lost = sum(v is None or v != v for v in np.asarray(y, dtype=object).ravel().tolist())  # noqa: PLR0124 - NaN
    if lost:
        raise PrimumError(
            f"The outcome of {lost:,} people is missing, and an outcome is not imputed here.",
            expected="0 or 1 for everybody who trains",
            mend="leave them out and count who they are, by group: a made-up outcome would be judged by itself",
        )


def typical(x: Floats, is_category: npt.NDArray[np.bool_]) -> Floats:
    """Return the median of numbers and the commonest category (the first of several), shape (columns,); NaN if none."""
    out = np.full(x.shape[1], np.nan)
    for j in range(x.shape[1]):
        known = x[~np.isnan(x[:, j]), j]
        if known.size:
            values, counts = np.unique(known, return_counts=True) if is_category[j] else (known, known)
            out[j] = values[counts.argmax()] if is_category[j] else np.median(known)
    return out
