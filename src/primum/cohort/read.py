"""Read rows: `read` what a use case names, `read_path` a file, folder or glob, `from_frame` a data frame."""

from __future__ import annotations

import glob as globbing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from primum.cohort.columnar import read_arrow, read_parquet
from primum.cohort.table import Table
from primum.cohort.text import read_text
from primum.errors import MissingExtraError, PrimumError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primum.usecase import Data

FORMATS = {
    "text": (".csv", ".tsv", ".tab", ".txt", ".data", ".dat"),
    "parquet": (".parquet", ".pq", ".parq"),
    "arrow": (".arrow", ".feather", ".ipc"),
    "labelled": (".sav", ".zsav", ".dta", ".sas7bdat", ".xpt"),
}
_WORDS_ABOUT = {"readme", "license", "licence", "codebook", "changes", "notes"}
_ELSEWHERE = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".ods": "save the sheet as CSV",
    ".zip": "unpack it first",
    ".rds": "in R: arrow::write_parquet(readRDS(file), 'data.parquet')",
    ".rda": "in R: load it, then arrow::write_parquet(data, 'data.parquet')",
    ".rdata": "in R: load it, then arrow::write_parquet(data, 'data.parquet')",
    ".pkl": "pickle files can run code; save the data as Parquet",
    ".json": "save the data as CSV or Parquet",
    ".db": "use data: url: sqlite:///file.db (or duckdb:///file.db) and data: table:",
    ".sqlite": "use data: url: sqlite:///file.sqlite and data: table:",
    ".duckdb": "use data: url: duckdb:///file.duckdb and data: table:",
}


def read(data: Data, *, base: Path | None = None) -> Table:
    """Read what the `data` section of a use case names.

    Parameters
    ----------
    data
        Names one of: `source` (embedded), `path`, `url`.
    base
        The folder of the use-case file; relative paths start there.

    Raises
    ------
    PrimumError
        When nothing, or more than one thing, is named, or it cannot be read.
    """
    named = [key for key in ("source", "path", "url") if getattr(data, key) is not None]
    if len(named) != 1:
        given = "names no data" if not named else "names data more than once: " + ", ".join(named)
        raise PrimumError(
            f"The use case {given}.",
            expected="exactly one of data: source, data: path, data: url",
            mend="add  data: {path: my-file.csv}  or hand the data over when you start the audit",
        )
    if data.source is not None:
        from primum.cohort.embedded import embedded

        return embedded(data.source)
    if data.url is not None:
        from primum.cohort.database import read_database

        return read_database(data.url, data.table, base=base)
    return read_path(Path(str(data.path)), base=base, encoding=data.encoding)


def read_path(path: str | Path, *, base: Path | None = None, encoding: str = "utf8") -> Table:
    """Read a file, a folder that holds one data file (or only Parquet files), or a glob.

    Raises
    ------
    PrimumError
        Not there, of no known format, damaged, or a folder that holds several data files.
    """
    full = Path(path).expanduser()
    full = full if full.is_absolute() or base is None else base / full
    try:
        if full.is_file():
            return _one(full, encoding)
        if full.is_dir():
            return _folder(full, encoding)
        if any(sign in str(full) for sign in "*?["):
            return _glob(str(full), encoding)
        raise _absent(full)
    except PermissionError:
        raise PrimumError(
            f"'{full}' may not be read by this user.", mend="ask for permission to read it, or copy it"
        ) from None
    except (OSError, ValueError) as error:
        raise PrimumError(
            f"'{full}' cannot be read: {getattr(error, 'strerror', None) or error}.",
            mend="check the path and the disk",
        ) from None


def kind(path: Path) -> str | None:
    """Return the format that a file's name tells, or None: text, parquet, arrow, labelled."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return "text" if path.with_suffix("").suffix.lower() in {*FORMATS["text"], ".test", ""} else None
    return next((name for name, endings in FORMATS.items() if suffix in endings), None)


def _one(path: Path, encoding: str) -> Table:
    match kind(path):
        case "text":
            return read_text(path, encoding=encoding)
        case "parquet":
            return read_parquet([path])
        case "arrow":
            return read_arrow(path)
        case "labelled":
            from primum.cohort.labelled import read_labelled

            return read_labelled(path, encoding=encoding)
    raise PrimumError(
        f"'{path.name}' has an ending that is not known: '{path.suffix}'.",
        expected="a file of a known format",
        available=[*(e for endings in FORMATS.values() for e in endings), ".csv.gz", ".tsv.gz"],
        mend=_ELSEWHERE.get(path.suffix.lower(), "save the data as CSV or Parquet, or correct the ending"),
    )


def _files(folder: Path) -> list[Path]:
    """Return the data files of a folder and its sub-folders; hidden ones and read-me texts do not count."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.is_file()
        and kind(p) is not None
        and not any(part.startswith((".", "_")) for part in p.relative_to(folder).parts)
        and not (p.suffix.lower() == ".txt" and p.stem.lower() in {"readme", "license", "licence", "codebook"})
    )


def _folder(folder: Path, encoding: str) -> Table:
    files = _files(folder)
    if len(files) == 1:
        return _one(files[0], encoding)
    if files and all(kind(p) == "parquet" for p in files):
        return read_parquet(files, root=folder)
    if not files:
        raise PrimumError(
            f"The folder '{folder}' holds no data file.",
            expected="one file of a known format: " + ", ".join(e for f in FORMATS.values() for e in f),
            available=sorted(p.name for p in folder.iterdir()),
            mend="give the path of the file",
        )
    raise PrimumError(
        f"The folder '{folder}' holds {len(files)} data files, and only one can be read.",
        expected="a folder with exactly one data file, or Parquet files of one table",
        available=[str(p.relative_to(folder)) for p in files],
        mend=f"give the path of one of them, for example '{files[0]}'",
    )


def _glob(pattern: str, encoding: str) -> Table:
    matches = globbing.glob(pattern, recursive=True)  # noqa: PTH207 - a pattern may be absolute
    files = [path for path in map(Path, sorted(matches)) if path.is_file()]
    files = [p for p in files if kind(p) is not None]
    kinds = sorted({str(kind(p)) for p in files})
    if not files:
        raise PrimumError(
            f"No data file matches '{pattern}'.",
            mend="check the folder and the pattern; '**' also looks into sub-folders",
        )
    if len(files) == 1:
        return _one(files[0], encoding)
    if kinds == ["parquet"]:
        return read_parquet(files)
    if kinds in (["text"], ["arrow"]):
        return _stacked([_one(p, encoding) for p in files], files)
    raise PrimumError(
        f"'{pattern}' matches {len(files)} files that cannot be put together ({', '.join(kinds)}).",
        expected="Parquet, text or Arrow files of one table",
        available=[p.name for p in files],
        mend="give the path of one file",
    )


def _stacked(tables: Sequence[Table], files: Sequence[Path]) -> Table:
    """Put text or Arrow files of one table below each other."""
    first = tables[0].columns
    for table, path in zip(tables[1:], files[1:], strict=True):
        if table.columns != first:
            other = sorted(set(first).symmetric_difference(table.columns))
            raise PrimumError(
                f"'{path}' does not have the columns of '{files[0]}'"
                + (f": {', '.join(other[:8])}." if other else ": they stand in another order."),
                expected="files of one table: equal columns in equal order",
                mend="give the path of one file, or a pattern that matches only files of one table",
            )
    frames = [table.frame.lazy() for table in tables]
    types = [frame.collect_schema() for frame in frames]
    as_text = [c for c in first if any(t[c] == pl.String for t in types) and len({t[c] for t in types}) > 1]
    lazy = pl.concat([f.with_columns(pl.col(as_text).cast(pl.String)) for f in frames], how="vertical_relaxed")
    eager = all(isinstance(table.frame, pl.DataFrame) for table in tables)
    notes = list(dict.fromkeys(note for table in tables for note in table.notes))
    return Table(lazy.collect() if eager else lazy, source=f"{len(files)} files", notes=notes)


def _absent(path: Path) -> PrimumError:
    folder = path.parent
    there = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    near = nearest(path.name, there)
    mend = f"did you mean '{near}'?" if near else "correct the path; a relative one starts at the use-case file"
    return PrimumError(
        f"There is no file or folder '{path}'"
        + ("." if folder.is_dir() else f": the folder '{folder}' does not exist either."),
        available=([near] if near else []) + [name for name in there if name != near],
        mend=mend,
    )


def from_frame(frame: Any) -> Table:
    """Take a frame of any engine that narwhals knows: polars, pandas, pyarrow, DuckDB, Ibis, Spark, Dask.

    Polars frames are kept as they are (lazy ones stay lazy); others are converted. A pandas index is not data
    and is left behind.
    """
    if isinstance(frame, Table):
        return frame
    if isinstance(frame, pl.DataFrame | pl.LazyFrame):
        return Table(frame)
    import narwhals.stable.v2 as nw

    try:
        known = nw.from_native(frame)
    except (TypeError, nw.exceptions.NarwhalsError) as error:
        hint = "polars.DataFrame(data)" if isinstance(frame, dict | list) else "a data frame, or a path"
        raise PrimumError(
            f"A {type(frame).__module__}.{type(frame).__qualname__} is not a data frame that can be read: "
            f"{str(error).strip().splitlines()[0][:160]}.",
            expected="a frame of polars, pandas, pyarrow, DuckDB, Ibis, PySpark or Dask",
            mend=f"hand over {hint}",
        ) from None
    try:
        eager = known.collect("polars") if isinstance(known, nw.LazyFrame) else known
        rows = eager.to_polars()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            str(error.name or "pyarrow"), "files", f"Taking over a {known.implementation} frame"
        ) from None
    notes = []
    index = getattr(getattr(frame, "index", None), "name", None)
    if index is not None and index not in rows.columns:
        notes.append(f"The index '{index}' of the pandas frame is not data and was left behind.")
    return Table(rows, notes=notes)
