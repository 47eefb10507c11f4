"""Columns computed from others, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primum.usecase import Derived


def derive(frame: pl.LazyFrame, rules: Sequence[Derived]) -> pl.LazyFrame:
    """Add each derived column, in order; a later rule may use an earlier one.

    A sum is missing when any part is missing; a mean is over the parts that are known, missing when none is.

    Raises
    ------
    PrimumError
        If a part does not hold numbers, or is used before it is derived.
    """
    for rule in rules:
        schema = frame.collect_schema()
        parts = rule.sum or rule.mean or []
        for part in parts:
            if part not in schema:
                raise PrimumError(
                    f"The derived column '{rule.name}' uses '{part}' before it is derived.",
                    mend="put it earlier under 'derive'",
                )
            dtype = schema[part]
            if not (dtype.is_numeric() or dtype in {pl.Boolean, pl.Null}):
                raise PrimumError(
                    f"The derived column '{rule.name}' adds up '{part}', which holds {str(dtype).lower()}.",
                    expected="numeric columns",
                    mend="declare the texts that mean missing under data: missing_codes, or leave it out",
                )
        numbers = [pl.col(part).cast(pl.Float64).fill_nan(None) for part in parts]
        value = (
            pl.sum_horizontal(numbers, ignore_nulls=False)
            if rule.sum is not None
            else pl.mean_horizontal(numbers, ignore_nulls=True)
        )
        frame = frame.with_columns(value.alias(rule.name))
    return frame
