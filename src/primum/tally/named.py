"""The names of groups, given after counting: the same for every engine, so that tallies can be added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.errors import PrimumError
from primum.usecase import MISSING

Ints = npt.NDArray[np.int64]
Group = tuple[str, ...]
_DENSE = 2**22


def coded(columns: Sequence[pl.Series], rows: int) -> tuple[tuple[Group, ...], Ints]:
    """Return the groups that occur, sorted, and the position of each row among them.

    Raises
    ------
    PrimumError
        For more groups than one tally can index.
    """
    levels: list[list[str]] = []
    key = np.zeros(rows, dtype=np.int64)
    span = 1
    for column in columns:
        found, code = _levels(column)
        span *= max(len(found), 1)
        if span >= 2**62:
            raise PrimumError(
                f"{' × '.join(f'{len(v):,}' for v in [*levels, found])} levels are more groups than one tally can "
                "index.",
                mend="count by fewer columns, or put their levels together first",
            )
        key = key * max(len(found), 1) + code
        levels.append(found)
    present, group = _dense(key, span)
    parts = []
    for found in reversed(levels):
        present, at = np.divmod(present, max(len(found), 1))
        parts.append([found[i] for i in at.tolist()])
    groups = tuple(zip(*reversed(parts), strict=True)) if parts else ((),) * len(present)
    return groups, group


def names(values: pl.Series) -> list[str]:
    """Return the name of the group of each value; missing and not-a-number are "(missing)".

    A whole number is written without a point, also where it is stored as 1.0; true and false in lower case.
    """
    if values.dtype.is_decimal():
        values = values.cast(pl.Float64)
    if values.dtype.is_float():
        return [_number(v) for v in values.to_list()]
    if values.dtype == pl.Boolean:
        return [MISSING if v is None else "true" if v else "false" for v in values.to_list()]
    return [MISSING if v is None else v for v in values.cast(pl.String).to_list()]


def series(values: Any) -> pl.Series:
    """Return a column of any eager frame for polars, without the help of another package."""
    if values.implementation.is_polars():
        return pl.Series(values.to_native())
    array = values.to_numpy()
    if array.dtype.kind in "iufb":
        return pl.Series(np.ascontiguousarray(array))
    listed = [None if v is None or _is_nan(v) else v for v in values.to_list()]
    try:
        return pl.Series(listed, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series([None if v is None else _any(v) for v in listed], dtype=pl.String)


def _levels(column: pl.Series) -> tuple[list[str], Ints]:
    """Return the names that occur, sorted, and the position of each row among them."""
    if column.dtype == pl.String:
        column = column.cast(pl.Categorical)
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        raw = column.to_physical().cast(pl.Int64).fill_null(-1).to_numpy() + 1
    elif column.dtype.is_integer() and column.len() and not column.null_count():
        low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]  # integers, not empty
        wide = high - low > _DENSE or high >= 2**62
        raw = _places(column)[1] if wide else column.cast(pl.Int64).to_numpy() - low
    else:
        raw = _places(column)[1]
    found, code = _dense(raw, int(raw.max(initial=0)) + 1)
    first = np.zeros(len(found), dtype=np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    shown = names(column.gather(first))
    kept = sorted(set(shown))
    at = {name: i for i, name in enumerate(kept)}
    return kept, np.array([at[s] for s in shown], dtype=np.int64)[code] if len(code) else code


def _places(column: pl.Series) -> tuple[pl.Series, Ints]:
    values = column.unique()
    places = pl.DataFrame({"v": values, "i": np.arange(len(values))})
    joined = pl.DataFrame({"v": column}).join(places, on="v", how="left", nulls_equal=True, maintain_order="left")
    return values, joined["i"].to_numpy().astype(np.int64)


def _dense(key: Ints, span: int) -> tuple[Ints, Ints]:
    """Return the keys that occur, sorted, and the position of each among them."""
    if span > max(_DENSE, 4 * len(key)):
        found, at = np.unique(key, return_inverse=True)
        return found, at.astype(np.int64)
    there = np.zeros(span, dtype=bool)
    there[key] = True
    place = np.cumsum(there) - 1
    return np.flatnonzero(there), place[key]


def _number(value: float | None) -> str:
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return MISSING
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else repr(value)


def _is_nan(value: Any) -> bool:
    try:
        return bool(value != value)  # noqa: PLR0124 - only NaN differs from itself
    except TypeError:  # pandas' own missing value does not say
        return True


def _any(value: Any) -> str:
    if isinstance(value, bool | np.bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, float) else str(value)
