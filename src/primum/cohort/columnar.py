"""Parquet (file, folder, glob; larger than memory) and Arrow/Feather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from primum.cohort.table import Table, collect
from primum.errors import MissingExtraError, PrimumError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EAGER_BYTES = 32 * 2**20


def read_parquet(paths: Sequence[Path], *, root: Path | None = None) -> Table:
    """Scan one or more Parquet files with equal columns; small ones are read at once.

    Parameters
    ----------
    paths
        The files, in order.
    root
        The folder they belong to, when a folder was given: `key=value` folders below it become columns.

    Raises
    ------
    PrimumError
        A damaged file, or files whose columns differ (names the file and the columns).
    """
    schemas = {path: _schema(path) for path in paths}
    first = paths[0]
    for path in paths[1:]:
        _same(schemas[first], schemas[path], first, path)
    where = f"the file {first.name}" if len(paths) == 1 else f"{len(paths)} Parquet files"
    if root is not None:
        where += f" in the folder {root.name or root}"
    hive = root is not None and any("=" in part for part in first.relative_to(root).parts[:-1])
    lazy = pl.scan_parquet(list(paths), glob=False, hive_partitioning=hive)
    small = sum(path.stat().st_size for path in paths) <= EAGER_BYTES
    return Table(_checked(lazy, where, eager=small), source=where)


def read_arrow(path: Path) -> Table:
    """Scan one Arrow IPC (Feather 2) file; the streaming format is read at once."""
    where = f"the file {path.name}"
    errors: tuple[type[BaseException], ...] = (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        OSError,
    )
    try:
        lazy = pl.scan_ipc(path, glob=False)
        lazy.collect_schema()
        frame: pl.LazyFrame | pl.DataFrame = lazy
    except errors:
        try:
            frame = pl.read_ipc_stream(path)
        except errors as error:
            frame = _feather_1(path, error)
    small = isinstance(frame, pl.DataFrame) or path.stat().st_size <= EAGER_BYTES
    return Table(_checked(frame.lazy(), where, eager=small), source=where)


def _checked(lazy: pl.LazyFrame, where: str, *, eager: bool) -> pl.LazyFrame | pl.DataFrame:
    if not eager:
        return lazy
    frame = collect(lazy, where)
    if frame.width == 0 or frame.height == 0:
        raise PrimumError(
            f"There are no rows in {where} ({frame.width} columns).",
            expected="one row a patient",
            mend="export the data again, with its rows",
        )
    return frame


def _feather_1(path: Path, error: BaseException) -> pl.DataFrame:
    """Read the first Feather format, which only pyarrow knows."""
    with path.open("rb") as stream:
        mark = stream.read(4)
    if mark != b"FEA1":
        raise _damaged(path, "Arrow/Feather", error) from None
    try:
        import pyarrow as pa
        from pyarrow import feather
    except ModuleNotFoundError:
        raise MissingExtraError("pyarrow", "files", "Reading Feather version 1") from None
    try:
        table = pl.from_arrow(feather.read_table(path))
    except (pa.ArrowException, OSError) as other:
        raise _damaged(path, "Feather", other) from None
    assert isinstance(table, pl.DataFrame)
    return table


def _schema(path: Path) -> pl.Schema:
    try:
        return pl.Schema(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _damaged(path, "Parquet", error) from None


def _same(a: pl.Schema, b: pl.Schema, first: Path, other: Path) -> None:
    if a == b:
        return
    lost, new = [c for c in a if c not in b], [c for c in b if c not in a]
    changed = [f"{c} ({a[c]} here, {b[c]} there)" for c in a if c in b and a[c] != b[c]]
    words = [
        f"{what} {', '.join(names[:6])}"
        for what, names in (("lacks", lost), ("adds", new), ("changes", changed))
        if names
    ]
    raise PrimumError(
        f"'{other}' does not have the columns of '{first}': it "
        + ("; ".join(words) or "orders them differently")
        + ".",
        expected="Parquet files of one table: equal columns, equal types",
        mend="give the path of one file, or a glob that matches only files of one table",
    )


def _damaged(path: Path, kind: str, error: BaseException) -> PrimumError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    return PrimumError(
        f"'{path}' cannot be read as {kind}: {first}.",
        expected=f"a complete {kind} file",
        mend="the file is damaged, cut off, or has the wrong ending; copy or export it again",
    )
