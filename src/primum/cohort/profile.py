"""What each column holds, in a few facts: what a draft of a use case is guessed from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import polars as pl

MANY = 12
"""A number with more different values than this is a measurement, not a category."""


@dataclass(frozen=True)
class Column:
    """Facts on one column; shares and counts are of the rows that were looked at."""

    name: str
    label: str
    dtype: pl.DataType
    rows: int
    known: int
    distinct: int
    low: float | None
    high: float | None
    whole: bool
    values: list[tuple[Any, int]]
    """The most frequent values with their counts (at most 40), most frequent first; none for measurements."""

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.dtype.is_numeric()

    @property
    def measured(self) -> bool:
        """Whether it holds numbers with many different values."""
        return self.numeric and self.distinct > MANY

    @property
    def missing(self) -> float:
        """Share of the rows without a value."""
        return 1 - self.known / self.rows if self.rows else 0.0

    @property
    def words(self) -> list[str]:
        """The words of its name in lower case: 'AgeInYears' -> age, in, years; 'd.time' -> d, time."""
        return words_of(self.name)

    @property
    def categories(self) -> bool:
        """Whether it divides the rows into a few groups."""
        return not self.measured and 2 <= self.distinct <= 30


def words_of(name: str) -> list[str]:
    """Return the words that a column's name is made of, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def profile(frame: pl.DataFrame, labels: dict[str, str]) -> list[Column]:
    """Return the facts on every column that a use case can name (a name of blanks cannot be named)."""
    return [_column(frame[name], labels.get(name, "")) for name in frame.columns if name.strip()]


def _column(series: pl.Series, label: str) -> Column:
    held = series.drop_nulls()
    plain = not series.dtype.is_nested() and series.dtype not in {pl.Object, pl.Null}
    distinct = held.n_unique() if plain else 0
    low = high = None
    whole, values = False, []
    if series.dtype.is_numeric() and len(held):
        numbers = held.cast(pl.Float64)
        numbers = numbers.filter(numbers.is_finite())
        whole = bool((numbers == numbers.round()).all())
        if len(numbers):
            low, high = float(numbers.min()), float(numbers.max())  # type: ignore[arg-type]
    if plain and not (series.dtype.is_numeric() and distinct > MANY):
        counts = held.value_counts(name="count").sort(["count", series.name], descending=[True, False])
        values = list(counts.head(40).iter_rows())
    return Column(series.name, label, series.dtype, len(series), len(held), distinct, low, high, whole, values)


def auroc(positive: pl.Series, value: pl.Series) -> float | None:
    """Return the chance that a random positive has the higher value, ties counting half; None without both."""
    pair = pl.DataFrame({"y": positive, "x": value.cast(pl.Float64)}).drop_nulls()
    n = pair.height
    events = int(pair["y"].sum())
    if events in {0, n}:
        return None
    ranks = float(pair.with_columns(r=pl.col("x").rank("average")).filter(pl.col("y"))["r"].sum())
    return (ranks - events * (events + 1) / 2) / (events * (n - events))
