"""SPSS, Stata and SAS files: value labels become text categories, declared missing values become missing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import polars as pl

from primum.cohort.labelled_parse import parse_apart
from primum.cohort.missingwords import is_missing_word
from primum.cohort.table import Table
from primum.errors import MissingExtraError, PrimumError

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {".sav": "SPSS", ".zsav": "SPSS", ".dta": "Stata", ".sas7bdat": "SAS", ".xpt": "SAS transport"}


def read_labelled(path: Path, *, encoding: str = "utf8") -> Table:
    """Read a file of a statistics package with its labels.

    A column whose every value has a label becomes text. Where only some have one (0 'never' … 30 days),
    the column stays numeric; there, a label such as 'Refused' or "Don't know" makes its value missing.
    SPSS user-missing values become missing, and are counted.
    """
    frame, meta = _parse(path, encoding)
    if frame.height == 0 or frame.width == 0:
        raise PrimumError(
            f"'{path}' holds no rows ({frame.width} columns).",
            expected="one row a patient",
            mend="export the data again, with its rows",
        )
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    for column, ranges in meta["missing_ranges"].items():
        frame = _user_missing(frame, column, ranges, found)
    value_labels = {column: dict(pairs) for column, pairs in meta["value_labels"].items() if column in frame.columns}
    for column, labels in value_labels.items():
        frame = _apply(frame, column, labels, found, notes)
    labels = {c: text for c, text in meta["labels"].items() if text and c in frame.columns}
    kind = KINDS[path.suffix.lower()]
    return Table(frame, labels, value_labels, f"the {kind} file {path.name}", notes, found)


def _parse(path: Path, encoding: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    if find_spec("pyreadstat") is None:
        raise MissingExtraError("pyreadstat", "files", f"Reading {KINDS[path.suffix.lower()]} files")
    parsed, why = parse_apart(path, encoding)
    if parsed is None:
        raise _damaged(path, why)
    return parsed


def _damaged(path: Path, said: str) -> PrimumError:
    return PrimumError(
        f"'{path}' cannot be read as {KINDS[path.suffix.lower()]}: {said}.",
        expected=f"a complete {path.suffix} file",
        mend="the file is damaged, cut off, or has the wrong ending; copy or export it again "
        "(garbled letters: declare data: encoding:)",
    )


def _user_missing(
    frame: pl.DataFrame, column: str, ranges: list[dict[str, Any]], found: list[dict[str, Any]]
) -> pl.DataFrame:
    """Make the values that an SPSS file declares as missing, missing; count each."""
    if column not in frame.columns:
        return frame
    values = pl.col(column)
    text = frame.schema[column] == pl.String
    hit = pl.lit(value=False)
    for limits in ranges:
        low, high = limits["lo"], limits["hi"]
        hit |= values.str.strip_chars_end() == str(low) if text else values.is_between(low, high)
    return _drop(frame, column, hit, found)


def _drop(frame: pl.DataFrame, column: str, hit: pl.Expr, found: list[dict[str, Any]]) -> pl.DataFrame:
    counts = frame.filter(hit)[column].value_counts(name="count").sort(column)
    for code, count in counts.iter_rows():
        found.append({"column": column, "code": _tidy(code), "count": count, "how": "declared", "becomes": "missing"})
    return frame.with_columns(pl.when(~hit.fill_null(value=False)).then(pl.col(column)).alias(column))


def _apply(
    frame: pl.DataFrame,
    column: str,
    labels: dict[Any, str],
    found: list[dict[str, Any]],
    notes: list[str],
) -> pl.DataFrame:
    """Turn a fully labelled column into text; keep the numbers of a partly labelled one."""
    values = frame[column].drop_nulls().unique().to_list()
    unlabelled = [value for value in values if value not in labels]
    if not unlabelled:
        keys = pl.Series(list(labels), dtype=frame.schema[column], strict=False)
        words = pl.Series([str(text).strip() for text in labels.values()], dtype=pl.String)
        return frame.with_columns(pl.col(column).replace_strict(keys, words, default=None, return_dtype=pl.String))
    missing = [value for value, text in labels.items() if value in set(values) and is_missing_word(str(text))]
    if missing:
        frame = _drop(
            frame,
            column,
            pl.col(column).is_in(pl.Series(missing, dtype=frame.schema[column], strict=False)),
            found,
        )
    shown = ", ".join(f"{_tidy(v)} = {t}" for v, t in list(labels.items())[:4])
    notes.append(f"{column} keeps its numbers, as only some values have labels ({shown}).")
    return frame


def _tidy(code: Any) -> Any:
    return int(code) if isinstance(code, float) and code.is_integer() else code
