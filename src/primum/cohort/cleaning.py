"""Missing-value codes of the columns that are read; scores, weights and identifiers keep every value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from primum.cohort.missing import clean
from primum.errors import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primum.usecase import Data

_ASIDE = "kept aside from detection"


def clean_columns(
    frame: pl.LazyFrame, data: Data, uses: Mapping[str, Sequence[str]], present: Sequence[str]
) -> tuple[pl.LazyFrame, list[dict[str, Any]]]:
    """Return the frame without missing codes, and the codes found.

    Declared codes count in every column. Detected ones do not count in scores, weights and identifiers: 99
    points or person 9999 are what they say.

    Parameters
    ----------
    frame
        The columns that are read.
    data
        What the use case declares.
    uses
        Column -> where the use case names it.
    present
        All columns of the data, read or not.

    Raises
    ------
    PrimumError
        If a code is declared for a column that the data do not have.
    """
    for column in data.missing_codes:
        if column != "*" and column not in present:
            raise unknown("column", column, present, where="data: missing_codes")
    names = frame.collect_schema().names()
    declared = {c: list(v) for c, v in data.missing_codes.items() if c == "*" or c in names}
    plain, found = clean(frame, declared, detect=False)
    frame = plain.lazy()
    if not data.detect_missing_codes:
        return frame, found
    aside = [column for column in names if _aside(uses.get(column, ()))]
    if len(aside) == len(names):
        return frame, found
    if aside:
        frame = frame.select(pl.exclude(aside), pl.struct(aside).alias(_ASIDE))
    plain, more = clean(frame, {}, detect=True)
    frame = plain.lazy()
    return (frame.unnest(_ASIDE) if aside else frame), [*found, *more]


def _aside(uses: Sequence[str]) -> bool:
    exact = {"weight", "models: score", "identifiers: person", "identifiers: family"}
    return any(use in exact for use in uses) or set(uses) == {"identifiers: site"}
