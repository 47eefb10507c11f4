"""Conditions on columns in three-valued logic: true, false, or unknown where the column is missing.

Kleene's strong logic: a conjunction is false as soon as one part is false, and unknown when none is false but
one is unknown. (S. C. Kleene, Introduction to Metamathematics, 1952, section 64.)
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import polars as pl

from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from primum.usecase import Condition, Scalar

_ORDER: dict[str, tuple[str, Callable[[pl.Expr, float], pl.Expr]]] = {
    "at_least": ("≥", operator.ge),
    "at_most": ("≤", operator.le),
    "above": (">", operator.gt),
    "below": ("<", operator.lt),
}


def conjunction(conditions: Sequence[Condition], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the Boolean expression (null = unknown) that all `conditions` hold.

    Raises
    ------
    PrimumError
        If a value cannot be compared with its column.
    """
    parts = [holds(condition, schema) for condition in conditions]
    return pl.all_horizontal(parts) if parts else pl.lit(value=True)


def holds(condition: Condition, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the Boolean expression of one condition: null where its column is missing, but for `known`."""
    name = condition.column
    column, dtype = pl.col(name), schema[name]
    if dtype.is_float():
        column = column.fill_nan(None)
    parts: list[pl.Expr] = []
    if condition.known is not None:
        parts.append(column.is_not_null() if condition.known else column.is_null())
    if condition.equals is not None:
        parts.append(_among(column, [condition.equals], name, dtype))
    if condition.one_of is not None:
        parts.append(_among(column, condition.one_of, name, dtype))
    if condition.none_of is not None:
        parts.append(~_among(column, condition.none_of, name, dtype))
    for key, (sign, compare) in _ORDER.items():
        bound = getattr(condition, key)
        if bound is not None:
            if not (dtype.is_numeric() or dtype == pl.Null):
                raise PrimumError(
                    f"The condition '{name} {sign} {bound:g}' needs numbers, "
                    f"but the column '{name}' holds {_kind(dtype)}.",
                    expected="a numeric column for at_least, at_most, above and below",
                    mend="use equals, one_of or none_of, or mend the column in the data",
                )
            parts.append(compare(column.cast(pl.Float64), bound))
    return pl.all_horizontal(parts)


def words(condition: Condition, label: str | None = None) -> str:
    """Return the condition as a reader says it: 'Age ≥ 18'."""
    name = label or condition.column
    parts: list[str] = []
    if condition.known is not None:
        parts.append(f"{name} is {'known' if condition.known else 'not known'}")
    if condition.equals is not None:
        parts.append(f"{name} = {condition.equals}")
    if condition.one_of is not None:
        parts.append(f"{name} is one of {_listed(condition.one_of)}")
    if condition.none_of is not None:
        parts.append(f"{name} is none of {_listed(condition.none_of)}")
    for key, (sign, _) in _ORDER.items():
        if getattr(condition, key) is not None:
            parts.append(f"{name} {sign} {getattr(condition, key):g}")
    return " and ".join(parts)


def _among(column: pl.Expr, values: Sequence[Scalar], name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_numeric() or dtype == pl.Boolean:
        numbers = [_number(value, name, dtype) for value in values]
        return column.cast(pl.Float64).is_in(numbers)
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String).is_in([_text(value) for value in values])
    if dtype == pl.Null:
        return column.cast(pl.Boolean)
    raise PrimumError(
        f"The column '{name}' holds {_kind(dtype)}; conditions compare numbers, text or yes/no.",
        mend=f"turn '{name}' into a number or text in the data",
    )


def _number(value: Scalar, name: str, dtype: pl.DataType) -> float:
    try:
        if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            return float(value.strip().lower() == "true")
        return float(value)
    except ValueError:
        raise PrimumError(
            f"The column '{name}' holds {_kind(dtype)}, so it can never equal '{value}'.",
            expected="a number" if dtype.is_numeric() else "true or false",
            mend=f"compare '{name}' with one of its own values",
        ) from None


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _listed(values: Iterable[Scalar]) -> str:
    return ", ".join(_text(value) for value in values)


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "numbers"
    if dtype == pl.Boolean:
        return "true and false"
    return "text" if dtype == pl.String else str(dtype).lower()
