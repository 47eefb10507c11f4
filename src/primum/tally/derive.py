"""What every engine computes row by row: outcome and score as small whole numbers, and sums as bare columns.

Membership goes through as it is stored and gets its name after counting, when few rows are left: that is fast, and
engines write numbers in different ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from primum.errors import PrimumError, unknown
from primum.tally.grid import Grid

MISSING_SCORE, BELOW, ABOVE, MISSING_WEIGHT, BAD_WEIGHT = -1, -2, -3, -4, -5
UNKNOWN_OUTCOME, BAD_OUTCOME = 2, 3
_WORDS = (nw.String, nw.Categorical, nw.Enum, nw.Date, nw.Datetime, nw.Time, nw.Duration, nw.List, nw.Struct, nw.Binary)


def check_columns(schema: Any, kinds: Sequence[tuple[str, str | None]]) -> None:
    """Check that every column is there, and that outcome, score and weight are numbers.

    Raises
    ------
    PrimumError
        For a column that does not exist, or holds words where numbers belong.
    """
    for kind, column in kinds:
        if column is None:
            continue
        if column not in schema:
            raise unknown(f"{kind} column", column, schema.names(), where="the data")
        if kind in {"outcome", "score", "weight"} and schema[column] in _WORDS:
            raise PrimumError(
                f"The {kind} '{column}' is stored as {schema[column]}, not as numbers.",
                expected="0, 1 or missing" if kind == "outcome" else "numbers",
                mend="say which values mean that the outcome is present (outcome: when: …)"
                if kind == "outcome"
                else "convert the column",
            )


def derived(
    data: Any, schema: Any, grid: Grid, outcome: str, score: str, names: Sequence[str], weight: str | None,
    *, coded: bool = False,
) -> Any:  # fmt: skip
    """Return one column for every key (g0 …, y, label) and every sum; only bare columns are aggregated afterwards.

    A row that cannot be counted has a negative `label` that says why, or a `y` above 1. With `coded`, polars turns text
    into categories, as numbers are grouped faster than words.
    """
    wide = data.select(
        *[member_key(n, schema[n], data.implementation, f"g{i}", wide=coded) for i, n in enumerate(names)],
        nw.col(outcome).cast(nw.Float64).alias("y"),
        nw.col(score).cast(nw.Float64).alias("s"),
        *([nw.col(weight).cast(nw.Float64).alias("w")] if weight else []),
    )  # fmt: skip
    y, s = nw.col("y"), nw.col("s")
    # not-a-number is asked for by name: engines order it differently, and DuckDB trusts the ranges in Parquet files
    gone = s.is_null() | s.is_nan()
    ok = ~gone & (s >= grid.low) & (s <= grid.high)
    flaw = (
        nw.when(gone)
        .then(nw.lit(MISSING_SCORE))
        .otherwise(nw.when(s < grid.low).then(nw.lit(BELOW)).otherwise(nw.lit(ABOVE)))
    )
    code = (
        nw.when(y.is_null() | y.is_nan())
        .then(nw.lit(UNKNOWN_OUTCOME))
        .otherwise(nw.when((y == 0) | (y == 1)).then(y).otherwise(nw.lit(BAD_OUTCOME)))
    )
    extra = []
    if weight:
        w = nw.col("w")
        unknown_weight = w.is_null() | w.is_nan()
        usable = ~unknown_weight & (w >= 0) & (w < float("inf"))
        flaw = nw.when(usable).then(flaw).otherwise(
            nw.when(unknown_weight).then(nw.lit(MISSING_WEIGHT)).otherwise(nw.lit(BAD_WEIGHT))
        )  # fmt: skip
        ok = ok & usable
        extra = [nw.when(usable).then(w).otherwise(nw.lit(0.0)).alias("w")]
    wide = wide.with_columns(
        nw.when(ok).then(s).otherwise(nw.lit(grid.low)).alias("s"),
        code.cast(nw.Int64).alias("y"),
        nw.when(ok).then(nw.lit(0)).otherwise(flaw).cast(nw.Int64).alias("flaw"),
        *extra,
    )
    label = nw.when(nw.col("flaw") == 0).then(grid.label(s)).otherwise(nw.col("flaw")).cast(nw.Int64).alias("label")
    if not weight:
        return wide.with_columns(label, (s * s).alias("wss"), s.alias("ws"))
    w = nw.col("w")
    return wide.with_columns(label, (w * w).alias("ww"), (w * s).alias("ws"), (w * s * s).alias("wss"))


def member_key(column: str, dtype: Any, engine: Any, name: str, *, wide: bool = False) -> nw.Expr:
    """Return the expression to group by for one attribute: the column as stored, where the engine can group by it.

    With `wide`, polars turns text into categories: of many cells, numbers are grouped faster than words.
    """
    x = nw.col(column)
    if dtype == nw.Decimal:
        x = x.cast(nw.Float64)  # 1.50 is the group of 1.5
    elif dtype == nw.String and wide and engine.is_polars():
        x = x.cast(nw.Categorical)
    elif dtype in (nw.Categorical, nw.Enum) and not engine.is_polars():
        x = x.cast(nw.String)  # else levels without people would be groups too
    return x.alias(name)
