"""Tables in databases: DuckDB directly, every other one through SQLAlchemy. Only ever reads."""

from __future__ import annotations

import decimal
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from primum.cohort.table import Table
from primum.errors import MissingExtraError, PrimumError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FILE_URL = re.compile(r"^(?P<kind>duckdb|sqlite(?:\+\w+)?):///(?P<path>[^?]*)(?P<rest>\?.*)?$")
_SELECT = re.compile(r"^\s*(select|with|from)\b", re.IGNORECASE)


def read_database(url: str, table: str | None, *, base: Path | None = None) -> Table:
    """Read a table or the result of a SELECT.

    Parameters
    ----------
    url
        `duckdb:///file.db`, `sqlite:///file.db`, `postgresql://user@host/db` … Files are relative to `base`.
    table
        A table or view, `schema.table`, or a SELECT statement. May be left out when there is only one table.
    base
        The folder that relative file paths start from.
    """
    if "://" not in url:
        raise PrimumError(
            f"'{url}' is not a database URL.",
            expected="duckdb:///file.db, sqlite:///file.db, postgresql://user:password@host/database …",
            mend="use data: path: for a file that is not a database",
        )
    match = _FILE_URL.match(url)
    path = _file(match["path"], base) if match and match["path"] else None
    if url.startswith("duckdb:"):
        if path is None:
            raise PrimumError(f"'{url}' names no DuckDB file.", expected="duckdb:///folder/file.duckdb")
        return _duckdb(path, table)
    if match and path is not None:
        url = f"{match['kind']}:///{path}{match['rest'] or ''}"
    return _sqlalchemy(url, table)


def _file(text: str, base: Path | None) -> Path:
    path = Path(text)
    path = path if path.is_absolute() else (base or Path()) / path
    if not path.is_file():
        there = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
        raise PrimumError(
            f"There is no database file '{path}'.", available=there, mend="correct the path in data: url:"
        )
    return path


def _chosen(table: str | None, known: Sequence[str], where: str) -> str:
    """Return the table to read; complain with the names there are."""
    if table is None and len(known) == 1:
        return known[0]
    if table is None:
        raise PrimumError(
            f"No table is named, and {where} holds {len(known)}.",
            expected="data: table: the name of one table, or a SELECT statement",
            available=known,
        )
    if table not in known:
        raise unknown("table", table, known, where=where)
    return table


def _is_select(table: str | None) -> bool:
    return table is not None and bool(_SELECT.match(table)) and len(table.split()) > 1


def _duckdb(path: Path, table: str | None) -> Table:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingExtraError("duckdb", "duckdb", f"Reading the DuckDB file '{path.name}'") from None
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise PrimumError(
            f"'{path}' cannot be opened as a DuckDB database: {_first(error)}.",
            expected="a sound DuckDB file that no other program is writing to",
            mend="close the other program, or copy the file again",
        ) from None
    try:
        if _is_select(table):
            query, where = str(table), f"a query on {path.name}"
        else:
            known = connection.execute(
                "select table_schema, table_name from information_schema.tables order by 1, 2"
            ).fetchall()
            name = _chosen(table, [n if s == "main" else f"{s}.{n}" for s, n in known], path.name)
            query = "select * from " + _quoted(name)  # noqa: S608 - the name is one of the tables there
            where = f"the table {name} in {path.name}"
        rows = connection.sql(query)
        try:
            frame = pl.from_arrow(rows.to_arrow_table())
        except ModuleNotFoundError:  # without pyarrow: slower, and the same
            frame = _frame(rows.fetchall(), rows.columns, where)
        assert isinstance(frame, pl.DataFrame)
        return Table(_ready(frame, where), source=where)
    except duckdb.Error as error:
        raise _failed(path.name, error) from None
    finally:
        connection.close()


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))


def _sqlalchemy(url: str, table: str | None) -> Table:
    try:
        import sqlalchemy as sa
    except ModuleNotFoundError:
        raise MissingExtraError("sqlalchemy", "sql", "Reading from a database") from None
    try:
        engine = sa.create_engine(url)
    except ModuleNotFoundError as error:
        raise PrimumError(
            f"This kind of database needs the driver '{error.name}', which is not installed.",
            mend=f"pip install {error.name}, or name another driver in the URL (postgresql+psycopg://…)",
        ) from None
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError) as error:
        raise PrimumError(
            f"The database URL is not understood: {_masked(_first(error))}.",
            expected="duckdb:///file.db, sqlite:///file.db, postgresql://user:password@host/database …",
        ) from None
    where = engine.url.database or engine.url.render_as_string(hide_password=True)
    where = Path(where).name if engine.url.get_backend_name() == "sqlite" else where
    try:
        with engine.connect() as connection:
            if _is_select(table):
                result = connection.execute(sa.text(str(table)))
                source = f"a query on {where}"
            else:
                inspector = sa.inspect(connection)
                name = _chosen(table, _tables(inspector), where)
                *schema, short = name.rsplit(".", 1) if name not in inspector.get_table_names() else [name]
                chosen = sa.table(short, schema=schema[0] if schema else None)
                result = connection.execute(sa.select(sa.text("*")).select_from(chosen))
                source = f"the table {name} in {where}"
            names = list(result.keys())
            return Table(_frame([tuple(row) for row in result], names, source), source=source)
    except sa.exc.SQLAlchemyError as error:
        raise _failed(where, getattr(error, "orig", None) or error) from None
    finally:
        engine.dispose()


def _tables(inspector: Any) -> list[str]:
    """Return tables and views of the default schema, then `schema.table` of the others."""
    names = [*inspector.get_table_names(), *inspector.get_view_names()]
    for schema in inspector.get_schema_names():
        if schema not in {inspector.default_schema_name, "information_schema", "pg_catalog", "main", "sys"}:
            names += [f"{schema}.{name}" for name in inspector.get_table_names(schema=schema)]
    return names


def _frame(rows: Iterable[Sequence[Any]], names: list[str], where: str) -> pl.DataFrame:
    _distinct(names, where)
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    data = {}
    for name, values in zip(names, columns, strict=True):
        plain = [float(v) if isinstance(v, decimal.Decimal) else v for v in values]
        try:
            data[name] = pl.Series(name, plain, strict=True)
        except (TypeError, pl.exceptions.PolarsError, OverflowError):
            data[name] = pl.Series(name, [None if v is None else str(v) for v in plain], dtype=pl.String)
    return _ready(pl.DataFrame(data), where)


def _distinct(names: list[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PrimumError(
            f"The result of {where} names columns more than once: {', '.join(twice)}.",
            expected="a different name for every column",
            mend="name the columns in the SELECT statement: SELECT a.id AS person, b.id AS visit …",
        )


def _ready(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    if frame.height == 0:
        raise PrimumError(f"There are no rows in {where}.", expected="one row a patient")
    return frame.with_columns(pl.selectors.decimal().cast(pl.Float64))


def _failed(where: str, error: BaseException) -> PrimumError:
    return PrimumError(
        f"The database {where} answers: {_masked(_first(error))}.",
        expected="the name of a table, or one SELECT statement that the database understands",
        mend="correct data: table: or the connection in data: url:",
    )


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")


def _masked(text: str) -> str:
    """Hide the password of a URL."""
    return re.sub(r"(://[^:/@\s]+):[^@\s]+@", r"\1:***@", text)
