"""SPSS, Stata and SAS files: value labels become text categories, declared missing values become missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

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
    for column, ranges in (getattr(meta, "missing_ranges", None) or {}).items():
        frame = _user_missing(frame, column, ranges, found)
    value_labels = {
        column: dict(labels) for column, labels in meta.variable_value_labels.items() if column in frame.columns
    }
    for column, labels in value_labels.items():
        frame = _apply(frame, column, labels, found, notes)
    labels = {c: text for c, text in meta.column_names_to_labels.items() if text and c in frame.columns}
    kind = KINDS[path.suffix.lower()]
    return Table(frame, labels, value_labels, f"the {kind} file {path.name}", notes, found)


def _parse(path: Path, encoding: str) -> tuple[pl.DataFrame, Any]:
    suffix = path.suffix.lower()
    try:
        import pyreadstat
    except ModuleNotFoundError:
        raise MissingExtraError("pyreadstat", "files", f"Reading {KINDS[suffix]} files") from None
    readers: dict[str, Any] = {
        ".sav": pyreadstat.read_sav,
        ".zsav": pyreadstat.read_sav,
        ".dta": pyreadstat.read_dta,
        ".sas7bdat": pyreadstat.read_sas7bdat,
        ".xpt": pyreadstat.read_xport,
    }
    options: dict[str, Any] = {"output_format": "polars"}
    if suffix in {".sav", ".zsav"}:
        options["user_missing"] = True
    if encoding.lower().replace("-", "") != "utf8":
        options["encoding"] = encoding
    try:
        frame, meta = readers[suffix](path, **options)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OverflowError, MemoryError) as error:
        raise _damaged(path, error) from None
    except (UnicodeError, ValueError, TypeError, KeyError, pl.exceptions.PolarsError) as error:
        raise _damaged(path, error) from None
    return frame, meta


def _damaged(path: Path, error: BaseException) -> PrimumError:
    said = str(error).strip() or type(error).__name__
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
