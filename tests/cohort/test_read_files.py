"""Parquet, Arrow, folders, globs, frames; and paths that lead nowhere."""

from __future__ import annotations

import os

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primum.cohort import columnar
from primum.cohort.read import FORMATS, from_frame, read, read_path
from primum.cohort.table import Table
from primum.errors import MissingExtraError, PrimumError
from primum.usecase import Data

FRAME = pl.DataFrame({"id": [1, 2, 3], "x": [0.5, None, 2.5], "sex": ["f", "m", None]})


def test_parquet_file(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    table = read(Data(path="a.parquet"), base=tmp_path)
    assert table.collect().equals(FRAME)
    assert table.source == "the file a.parquet"


def test_large_parquet_stays_lazy_and_reads_only_what_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(columnar, "EAGER_BYTES", 0)
    FRAME.write_parquet(tmp_path / "a.parquet")
    table = read_path(tmp_path / "a.parquet")
    assert isinstance(table.frame, pl.LazyFrame)
    assert table.collect(["x"]).equals(FRAME.select("x"))


@pytest.mark.parametrize("given", ["parts", "parts/*.parquet"])
def test_parquet_folder_and_glob(tmp_path, given):
    (tmp_path / "parts").mkdir()
    for i in range(3):
        FRAME.with_columns(pl.lit(i).alias("part")).write_parquet(tmp_path / "parts" / f"{i}.parquet")
    (tmp_path / "parts" / "README.md").write_text("words")
    frame = read_path(given, base=tmp_path).collect()
    assert frame.height == 9
    assert frame["part"].to_list() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_partitioned_folder_gives_its_key_as_a_column(tmp_path):
    for site in ("a", "b"):
        (tmp_path / f"site={site}").mkdir()
        FRAME.write_parquet(tmp_path / f"site={site}" / "0.parquet")
    assert read_path(tmp_path).collect()["site"].to_list() == ["a"] * 3 + ["b"] * 3


def test_parquet_files_of_two_tables(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.drop("sex").with_columns(pl.col("id").cast(pl.String), new=1).write_parquet(tmp_path / "b.parquet")
    message = r"b\.parquet' does not have .* lacks sex; adds new; changes id \(Int64 here, String there\)"
    with pytest.raises(PrimumError, match=message):
        read_path(tmp_path)


def test_cut_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pl.concat([FRAME] * 1000).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(PrimumError, match=r"a\.parquet' cannot be read as Parquet"):
        read_path(path)


def test_parquet_with_a_sound_end_and_damaged_rows(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": [f"text {i * 7919 % 1000}" for i in range(5000)]}).write_parquet(path)
    raw = bytearray(path.read_bytes())
    raw[4:1500] = bytes(1496)
    path.write_bytes(raw)
    with pytest.raises(PrimumError, match=r"rows of the file a\.parquet cannot be read"):
        read_path(path)
    monkeypatch.setattr(columnar, "EAGER_BYTES", 0)
    with pytest.raises(PrimumError, match=r"rows of the file a\.parquet cannot be read"):
        read_path(path).collect()


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_arrow(tmp_path, compression):
    FRAME.write_ipc(tmp_path / "a.feather", compression=compression)
    assert read_path(tmp_path / "a.feather").collect().equals(FRAME)


def test_arrow_stream(tmp_path):
    FRAME.write_ipc_stream(tmp_path / "a.arrow")
    assert read_path(tmp_path / "a.arrow").collect().equals(FRAME)


def test_arrow_damaged(tmp_path):
    FRAME.write_ipc(tmp_path / "a.arrow")
    (tmp_path / "b.arrow").write_bytes((tmp_path / "a.arrow").read_bytes()[:100])
    with pytest.raises(PrimumError, match=r"b\.arrow' cannot be read as Arrow/Feather"):
        read_path(tmp_path / "b.arrow")


def test_no_rows(tmp_path):
    FRAME.head(0).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(PrimumError, match=r"no rows in the file a\.parquet"):
        read_path(tmp_path / "a.parquet")


def test_folder_with_one_data_file(tmp_path):
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "readme.txt").write_text("words")
    (tmp_path / ".hidden.csv").write_text("a\n1\n")
    FRAME.write_csv(tmp_path / "data.csv")
    assert read_path(tmp_path).collect().equals(FRAME)


def test_folder_with_several(tmp_path):
    FRAME.write_csv(tmp_path / "b.csv")
    FRAME.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(PrimumError, match=r"holds 2 data files.*\n.*\n.*available: a\.parquet, b\.csv\n.*path of one"):
        read_path(tmp_path)


def test_folder_without_data(tmp_path):
    (tmp_path / "README.md").write_text("words")
    with pytest.raises(PrimumError, match=r"holds no data file(.|\n)*available: README\.md"):
        read_path(tmp_path)


def test_csv_glob_is_stacked_and_mixed_types_become_text(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("a,b\n1.5,x\n")
    frame = read_path(str(tmp_path / "*.csv")).collect()
    assert frame.rows() == [(1.0, "2"), (1.5, "x")]
    (tmp_path / "3.csv").write_text("a,c\n1,2\n")
    with pytest.raises(PrimumError, match=r"3\.csv' does not have the columns of .*: b, c\."):
        read_path(str(tmp_path / "*.csv"))


def test_glob_without_match_and_glob_of_two_kinds(tmp_path):
    with pytest.raises(PrimumError, match="No data file matches"):
        read_path(str(tmp_path / "*.csv"))
    FRAME.write_csv(tmp_path / "a.csv")
    FRAME.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(PrimumError, match=r"cannot be put together \(parquet, text\)"):
        read_path(str(tmp_path / "a.*"))


def test_no_such_file_names_the_nearest(tmp_path):
    FRAME.write_csv(tmp_path / "cohort.csv")
    with pytest.raises(PrimumError, match=r"no file or folder(.|\n)*did you mean 'cohort\.csv'\?"):
        read(Data(path="cohrt.csv"), base=tmp_path)
    with pytest.raises(PrimumError, match=r"folder '.*nowhere' does not exist either"):
        read_path(tmp_path / "nowhere" / "a.csv")


@pytest.mark.parametrize(("name", "hint"), [("a.xlsx", "as CSV"), ("a.rds", "write_parquet"), ("a.foo", "Parquet")])
def test_unknown_format(tmp_path, name, hint):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(PrimumError, match=rf"{name}' has an ending that is not known(.|\n)*{hint}"):
        read_path(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(tmp_path):
    FRAME.write_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(PrimumError, match="may not be read"):
        read_path(tmp_path / "a.csv")


def test_nothing_named_and_too_much_named():
    with pytest.raises(PrimumError, match="names no data"):
        read(Data())
    with pytest.raises(PrimumError, match="more than once: source, path"):
        read(Data.model_construct(source="nhanes-2017-2018", path="a.csv"))


def test_frames_of_every_engine():
    duckdb = pytest.importorskip("duckdb")
    arrow = FRAME.to_arrow()
    connection = duckdb.connect()
    connection.register("arrow", arrow)
    for native in (
        FRAME,
        FRAME.lazy(),
        pd.DataFrame(FRAME.to_dict(as_series=False)),
        arrow,
        connection.table("arrow"),
    ):
        frame = from_frame(native).collect()
        assert frame.with_columns(pl.col("x").fill_nan(None)).equals(FRAME), type(native)
    table = Table(FRAME)
    assert from_frame(table) is table
    assert isinstance(from_frame(FRAME.lazy()).frame, pl.LazyFrame)
    connection.close()


def test_pandas_index_is_left_behind_and_said_so():
    assert "index 'SEQN'" in from_frame(pd.DataFrame({"a": [1]}, index=pd.Index([7], name="SEQN"))).notes[0]


@pytest.mark.parametrize("thing", [{"a": [1]}, [1, 2], 7, "a.csv"])
def test_not_a_frame(thing):
    with pytest.raises(PrimumError, match="is not a data frame that can be read"):
        from_frame(thing)


def test_a_frame_whose_converter_is_missing(monkeypatch):
    import sys

    frame = pa.table({"a": [1]})
    monkeypatch.setattr(pl, "from_arrow", _absent)
    monkeypatch.setitem(sys.modules, "nothing", None)
    with pytest.raises(MissingExtraError, match=r"primum\[files\]"):
        from_frame(frame)


def _absent(*args, **kwargs):
    raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")


def read_or_complained(path):
    """Say whether the file was read, or refused with an error that names it."""
    try:
        return isinstance(read_path(path).collect(), pl.DataFrame)
    except PrimumError as error:
        return path.name in str(error)


ENDINGS = [e for endings in FORMATS.values() for e in endings] + [".csv.gz"]


@settings(max_examples=50)
@given(raw=st.binary(max_size=400), ending=st.sampled_from(ENDINGS))
def test_random_bytes_end_in_one_clear_error_or_in_a_table(tmp_path_factory, raw, ending):
    path = tmp_path_factory.mktemp("fuzz") / f"a{ending}"
    path.write_bytes(raw)
    assert read_or_complained(path)


def sound(folder, ending):
    """Write a sound file of each writable format."""
    import gzip

    import pyreadstat

    frame = pl.concat([FRAME] * 20)
    path = folder / f"sound{ending}"
    plain = frame.to_pandas()
    match ending:
        case ".parquet":
            frame.write_parquet(path)
        case ".feather":
            frame.write_ipc(path)
        case ".csv":
            frame.write_csv(path)
        case ".csv.gz":
            path.write_bytes(gzip.compress(frame.write_csv().encode()))
        case ".sav":
            pyreadstat.write_sav(plain, str(path), variable_value_labels={"id": {1: "one"}})
        case ".dta":
            pyreadstat.write_dta(plain, str(path))
        case ".xpt":
            pyreadstat.write_xport(plain, str(path))
    return path.read_bytes()


@pytest.mark.parametrize("ending", [".parquet", ".feather", ".csv", ".csv.gz", ".sav", ".dta", ".xpt"])
@settings(max_examples=15)  # some are parsed in a process of their own, which takes half a second
@given(data=st.data())
def test_garbled_files_end_in_one_clear_error_or_in_a_table(tmp_path_factory, ending, data):
    folder = tmp_path_factory.mktemp("fuzz")
    raw = bytearray(sound(folder, ending))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(raw)))
    path = folder / f"garbled{ending}"
    path.write_bytes(raw if cut is None else raw[:cut])
    assert read_or_complained(path)
