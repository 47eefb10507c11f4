"""Feature frame -> one matrix of numbers, without losing or learning anything.

Text becomes the position of its level in the sorted list of levels: a new spelling of the same value, not a
fit. What is *fitted* (medians, knots, which categories are known) is fitted by the learners, inside the
training fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from primum.errors import PrimumError

if TYPE_CHECKING:
    import polars as pl

FEW_LEVELS = 50


@dataclass(frozen=True)
class Matrix:
    """The features of all people as numbers.

    Attributes
    ----------
    values
        (people, features) float64; NaN where a value is missing. Categories are whole numbers: positions in
        `levels`.
    names
        One name a column.
    levels
        Column -> its categories; columns that are absent here are numbers.
    """

    values: np.ndarray
    names: list[str]
    levels: dict[str, list[str]]

    @property
    def categories(self) -> list[int]:
        """Positions of the columns that hold categories."""
        return [i for i, name in enumerate(self.names) if name in self.levels]

    @property
    def numbers(self) -> list[int]:
        """Positions of the columns that hold numbers."""
        return [i for i, name in enumerate(self.names) if name not in self.levels]


def encode(features: pl.DataFrame) -> Matrix:
    """Return the frame as a matrix: numbers as they are, text as level positions, missing as NaN.

    Raises
    ------
    PrimumError
        There is no column, a column is neither number nor text, or a number is infinite.
    """
    if not features.width:
        raise PrimumError(
            "There are no features to train a model on.",
            expected="at least one column under 'features' in the use case",
            mend="name the columns that the model may use, or audit an existing score (models: score)",
        )
    levels: dict[str, list[str]] = {}
    values = np.empty((features.height, features.width))
    for i, column in enumerate(features.get_columns()):
        if _is_text(column):
            levels[column.name], values[:, i] = _codes(column)
        else:
            values[:, i] = _numbers(column)
    return Matrix(values, features.columns, levels)


def _is_text(column: pl.Series) -> bool:
    import polars as pl

    return isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum)


def _codes(column: pl.Series) -> tuple[list[str], np.ndarray]:
    import polars as pl

    text = column.cast(pl.String)
    known = sorted(text.drop_nulls().unique().to_list())
    codes = text.cast(pl.Enum(known)).to_physical().cast(pl.Float64)
    return known, codes.fill_null(float("nan")).to_numpy()


def _numbers(column: pl.Series) -> np.ndarray:
    import polars as pl

    if not (column.dtype.is_numeric() or column.dtype in {pl.Boolean, pl.Null}):
        raise PrimumError(
            f"The feature '{column.name}' is neither a number nor text, but {column.dtype}.",
            expected="numbers or text",
            mend="turn dates into ages or durations, or leave the column out of 'features'",
        )
    numbers = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    infinite = int(np.isinf(numbers).sum())
    if infinite:
        raise PrimumError(
            f"The feature '{column.name}' holds {infinite} infinite value{'s' if infinite > 1 else ''}.",
            expected="finite numbers, or nothing where the value is unknown",
            mend="declare infinity as missing before the audit, or mend the division that made it",
        )
    return numbers
