"""The name of the group to which a row belongs: the same on every engine, so that tallies can be added."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from primum.usecase import MISSING


def member(column: str, dtype: Any) -> nw.Expr:
    """Return the expression that names the group: missing and not-a-number are the group "(missing)".

    Engines write numbers in their own ways; here 1 is "1", also where it is stored as 1.0, and true is "true".
    """
    x = nw.col(column)
    if not dtype.is_float():
        text = nw.when(x).then(nw.lit("true")).otherwise(nw.lit("false")) if dtype == nw.Boolean else x.cast(nw.String)
        return nw.when(x.is_null()).then(nw.lit(MISSING)).otherwise(text)
    whole = (x.floor() == x) & (x.abs() < 2**53)
    number = nw.when(whole).then(x).otherwise(nw.lit(0.0)).cast(nw.Int64).cast(nw.String)
    text = nw.when(whole).then(number).otherwise(x.cast(nw.String))
    return nw.when(x.is_null() | x.is_nan()).then(nw.lit(MISSING)).otherwise(text)
