"""Tables in DuckDB and, through SQLAlchemy, SQLite."""

from __future__ import annotations

import sqlite3
import sys

import duckdb
import polars as pl
import pytest

from primum.cohort.database import read_database
from primum.cohort.read import read
from primum.errors import MissingExtraError, PrimumError
from primum.usecase import Data

ROWS = [(1, 0.5, "f", None), (2, None, "m", "x"), (3, 2.5, None, "y")]
CREATE = 'create table "my people" (id integer, x double, sex text, note text)'
INSERT = 'insert into "my people" values (?, ?, ?, ?)'


@pytest.fixture
def databases(tmp_path):
    lite = sqlite3.connect(tmp_path / "a.sqlite")
    lite.execute(CREATE)
    lite.executemany(INSERT, ROWS)
    lite.commit()
    lite.close()
    duck = duckdb.connect(str(tmp_path / "a.duckdb"))
    duck.execute(CREATE)
    duck.executemany(INSERT, ROWS)
    duck.close()
    return tmp_path


def rows_of(url, table=None, base=None):
    return read_database(url, table, base=base)


URLS = ["sqlite:///a.sqlite", "duckdb:///a.duckdb"]


def second_table(folder, url):
    path = folder / url.split("///")[1]
    connect = sqlite3.connect if "sqlite" in url else duckdb.connect
    connection = connect(str(path))
    connection.execute("create table visits (id integer, cost decimal(6, 2))")
    connection.execute("insert into visits values (1, 12.50), (2, 7)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("url", URLS)
def test_the_only_table(databases, url):
    table = rows_of(url=url, base=databases)
    assert table.collect().rows() == ROWS
    assert table.collect().schema == {
        "id": table.collect()["id"].dtype,
        "x": pl.Float64,
        "sex": pl.String,
        "note": pl.String,
    }
    assert table.source == f"the table my people in {url.split('///')[1]}"


@pytest.mark.parametrize("url", URLS)
def test_a_named_table_and_an_absolute_path(databases, url):
    second_table(databases, url)
    kind, path = url.split("///")
    table = rows_of(url=f"{kind}///{databases / path}", table="visits")
    assert table.collect()["cost"].to_list() == [12.5, 7.0]
    assert table.collect()["cost"].dtype == pl.Float64


@pytest.mark.parametrize("url", URLS)
def test_through_a_use_case(databases, url):
    assert read(Data(url=url, table="my people"), base=databases).collect().rows() == ROWS


@pytest.mark.parametrize("url", URLS)
def test_a_query(databases, url):
    table = rows_of(url=url, table='SELECT id AS person FROM "my people" WHERE x > 1', base=databases)
    assert table.collect().rows(named=True) == [{"person": 3}]
    assert table.source.startswith("a query on a.")


@pytest.mark.parametrize("url", URLS)
def test_missing_table_names_those_there_are(databases, url):
    second_table(databases, url)
    with pytest.raises(PrimumError, match=r"no table 'visit' in a\..*\n.*visits, my people\n.*did you mean 'visits'"):
        rows_of(url=url, table="visit", base=databases)
    with pytest.raises(PrimumError, match=r"No table is named, and a\..* holds 2(.|\n)*my people, visits"):
        rows_of(url=url, base=databases)


@pytest.mark.parametrize("url", URLS)
def test_a_query_that_fails(databases, url):
    with pytest.raises(PrimumError, match=r"The database a\..* answers: .*nothing"):
        rows_of(url=url, table="select * from nothing", base=databases)


@pytest.mark.parametrize("url", URLS)
def test_nobody(databases, url):
    with pytest.raises(PrimumError, match="There are no rows in a query"):
        rows_of(url=url, table='select * from "my people" where id > 9', base=databases)


@pytest.mark.parametrize("url", URLS)
def test_nothing_is_ever_written(databases, url):
    with pytest.raises(PrimumError, match="There is no table"):
        rows_of(url=url, table='drop table "my people"', base=databases)
    assert rows_of(url=url, base=databases).collect().height == 3


@pytest.mark.parametrize("url", ["sqlite:///b.sqlite", "duckdb:///b.duckdb"])
def test_no_such_file_and_none_is_created(databases, url):
    with pytest.raises(
        PrimumError, match=r"no database file '.*b\.(sqlite|duckdb)'\.\n.*available: a\.duckdb, a\.sqlite"
    ):
        rows_of(url=url, base=databases)
    assert not (databases / url.split("///")[1]).exists()


@pytest.mark.parametrize("url", ["sqlite:///c.db", "duckdb:///c.db"])
def test_a_file_that_is_no_database(tmp_path, url):
    (tmp_path / "c.db").write_bytes(b"garbage " * 600)
    with pytest.raises(PrimumError, match=r"(cannot be opened as a DuckDB database|answers: .*not a database)"):
        rows_of(url=url, table="t", base=tmp_path)


def test_urls_that_are_none():
    with pytest.raises(PrimumError, match=r"'people\.csv' is not a database URL"):
        rows_of(url="people.csv", table="t")
    with pytest.raises(PrimumError, match="names no DuckDB file"):
        rows_of(url="duckdb:///", table="t")
    with pytest.raises(PrimumError, match="URL is not understood"):
        rows_of(url="klingon://host/db", table="t")


def test_a_missing_driver_is_named_and_the_password_is_not():
    with pytest.raises(PrimumError, match=r"driver 'psycopg2?'") as error:
        rows_of(url="postgresql://me:secret@host/db", table="t")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(("url", "package", "extra"), [(URLS[1], "duckdb", "duckdb"), (URLS[0], "sqlalchemy", "sql")])
def test_missing_package(databases, monkeypatch, url, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}', which is not installed(.|\n)*primum\[{extra}\]"):
        rows_of(url=url, base=databases)


def test_duckdb_without_pyarrow(databases, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert rows_of(url=URLS[1], base=databases).collect().rows() == ROWS


def test_two_columns_of_one_name(databases):
    with pytest.raises(PrimumError, match="names columns more than once: id"):
        rows_of(url=URLS[0], table='select id, x as id from "my people"', base=databases)
