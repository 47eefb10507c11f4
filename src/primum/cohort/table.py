"""A table as it was read: rows of any size, what its columns mean, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from primum.errors import PrimumError


@dataclass(frozen=True)
class Table:
    """Rows with the words that belong to them.

    Parameters
    ----------
    frame
        The rows; lazy when they may be larger than memory.
    labels
        Column name -> what the column holds, in words (only where the source says so).
    value_labels
        Column name -> {value in the file: label}. Fully labelled columns already hold the label as text.
    source
        Where the rows come from, in words, fit for the first page of a report.
    notes
        What a reader of the report must know about the reading: columns renamed, codes kept, terms of use.
    missing_codes
        Codes that the reader itself turned into missing values or zero, because the file declares them:
        `{"column", "code", "count", "how", "becomes"}`, the same rows as `missing.clean` returns.
    """

    frame: pl.LazyFrame | pl.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    value_labels: dict[str, dict[Any, str]] = field(default_factory=dict)
    source: str = "a data frame"
    notes: list[str] = field(default_factory=list)
    missing_codes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """Column names, in order."""
        return self.frame.lazy().collect_schema().names()

    def collect(self, columns: list[str] | None = None) -> pl.DataFrame:
        """Return the rows in memory, `columns` only if given.

        Raises
        ------
        PrimumError
            When the file turns out to be damaged while its rows are read.
        """
        lazy = self.frame.lazy()
        return collect(lazy if columns is None else lazy.select(columns), self.source)


def collect(lazy: pl.LazyFrame, source: str) -> pl.DataFrame:
    """Run a lazy frame; a damaged file ends in one clear error (polars may even panic on one)."""
    try:
        return lazy.collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise damaged(source, error) from None


def damaged(source: str, error: BaseException) -> PrimumError:
    """Return the error for a file that starts well and cannot be read to its end."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return PrimumError(
        f"The rows of {source} cannot be read: {first}.",
        expected="a complete, undamaged file",
        mend="copy or export the file again; compare its size with the original",
    )
