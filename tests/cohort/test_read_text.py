"""Delimited text: what it holds, and every way in which it can be broken."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import polars as pl
import pytest

from primum.cohort import text as text_module
from primum.cohort.read import read, read_path
from primum.errors import PrimumError
from primum.usecase import Data

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, content: str | bytes, encoding: str = "utf8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(path: Path, **kwargs) -> pl.DataFrame:
    return read_path(path, **kwargs).collect()


def test_types_are_decided_on_all_rows(tmp_path):
    lines = ["id,age,who,told,empty"] + [f"{i},{i}.5, a b ,True," for i in range(500)] + ["500,7,z,false,"]
    frame = rows(write(tmp_path, "a.csv", "\n".join(lines)))
    assert frame.schema == {
        "id": pl.Int64,
        "age": pl.Float64,
        "who": pl.String,
        "told": pl.Boolean,
        "empty": pl.String,
    }
    assert frame.height == 501
    assert frame["who"].unique().sort().to_list() == ["a b", "z"]
    assert frame["told"].sum() == 500
    assert frame["empty"].null_count() == 501


def test_numbers_padded_with_spaces_are_numbers(tmp_path):
    frame = rows(write(tmp_path, "a.csv", "a,b\n  1, 2.500\n 30,\n,  \n"))
    assert frame.to_dict(as_series=False) == {"a": [1, 30, None], "b": [2.5, None, None]}


def test_one_word_makes_a_column_text(tmp_path):
    assert rows(write(tmp_path, "a.csv", "a\n1\n2\n?\n"))["a"].to_list() == ["1", "2", "?"]


def test_the_words_nan_and_inf_are_words_for_later(tmp_path):
    assert rows(write(tmp_path, "a.csv", "a\n1\nnan\ninf\n"))["a"].to_list() == ["1", "nan", "inf"]


def test_postcodes_and_long_record_numbers_stay_text(tmp_path):
    table = read_path(write(tmp_path, "a.csv", "zip,id\n01234,99999999999999999999\n94110,1\n"))
    assert table.collect().rows() == [("01234", "99999999999999999999"), ("94110", "1")]
    assert any("leading zeros" in note and "zip, id" in note for note in table.notes)


def test_zero_itself_has_no_leading_zero(tmp_path):
    assert rows(write(tmp_path, "a.csv", "a,b\n0,0.5\n1,-0.5\n")).schema == {"a": pl.Int64, "b": pl.Float64}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "a\tb\n1\tx, y\n"),
        ("a.csv", "a;b\n1;x, y\n"),
        ("a.txt", "a|b\n1|x, y\n"),
        ("a.csv", 'a,b\n1,"x, y"\n'),
    ],
)
def test_separators(tmp_path, name, content):
    assert rows(write(tmp_path, name, content)).rows() == [(1, "x, y")]


def test_decimal_commas_beside_semicolons(tmp_path):
    assert rows(write(tmp_path, "a.csv", "a;b\n1,5;1\n2;3\n"))["a"].to_list() == [1.5, 2.0]


def test_blank_before_a_quote(tmp_path):
    assert rows(write(tmp_path, "a.csv", 'a, "b"\n1, "x, ""y"""\n')).rows() == [(1, 'x, "y"')]


def test_line_breaks_inside_quotes_also_in_the_header(tmp_path):
    frame = rows(write(tmp_path, "a.csv", '"a\nb",c\n"x\ny",1\n'))
    assert frame.rows(named=True) == [{"a\nb": "x\ny", "c": 1}]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa,b\n1,2\n", b"a,b\r\n1,2\r\n", b"a,b\r1,2\r", b"\n\na,b\n1,2"])
def test_marks_and_line_ends_of_every_machine(tmp_path, content):
    assert rows(write(tmp_path, "a.csv", content)).rows(named=True) == [{"a": 1, "b": 2}]


def test_gz(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,x\n"))
    table = read_path(path)
    assert table.collect().rows() == [(1, "x")]
    assert table.source == "the file a.csv.gz"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_declared_encoding(tmp_path, encoding):
    write(tmp_path, "a.csv", "a,b\n1,Zürich\n", encoding)
    assert read(Data(path="a.csv", encoding=encoding), base=tmp_path).collect()["b"].to_list() == ["Zürich"]


def test_wrong_encoding_names_what_was_tried_where_it_failed_and_how_to_declare_it(tmp_path):
    path = write(tmp_path, "a.csv", "a,b\n1,Zürich\n", "latin-1")
    with pytest.raises(PrimumError, match=r"not utf8: byte 0xfc at position 7 \(line 2\)") as error:
        read_path(path)
    assert "encoding: cp1252" in str(error.value)


def test_utf16_is_recognised_by_its_mark(tmp_path):
    with pytest.raises(PrimumError, match="encoding: utf-16"):
        read_path(write(tmp_path, "a.csv", "a,b\n1,2\n", "utf-16"))


def test_a_forgiving_encoding_replaces_what_does_not_fit(tmp_path):
    path = write(tmp_path, "a.csv", "a,b\n1,Zürich\n", "latin-1")
    assert rows(path, encoding="utf8-lossy")["b"].to_list() == ["Z\ufffdrich"]


def test_unknown_encoding(tmp_path):
    with pytest.raises(PrimumError, match="no text encoding called 'klingon'"):
        read_path(write(tmp_path, "a.csv", "a\n1\n"), encoding="klingon")


def test_cut_gz(tmp_path):
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    with pytest.raises(PrimumError, match=r"is cut off: the \.gz stream ends before its end mark"):
        read_path(write(tmp_path, "a.csv.gz", packed[:-12]))


def test_gz_that_is_none(tmp_path):
    with pytest.raises(PrimumError, match=r"not a sound \.gz file.*\n.*\n.*take '\.gz' off its name"):
        read_path(write(tmp_path, "a.csv.gz", b"a,b\n1,2\n"))


@pytest.mark.parametrize(
    ("content", "line", "given"),
    [
        ("a,b\n1,2\n1,2,3\n", 3, 3),
        ("a,b\n1,2\n3\n", 3, 1),
        ('a,b\n"x\ny",2\n1,2,3\n', 4, 3),
        ("a,b,c\n1,2\n1,2,3\n", 2, 2),
    ],
)
def test_ragged_rows_name_the_line(tmp_path, content, line, given):
    with pytest.raises(PrimumError, match=f"Line {line} of .*a.csv' has {given} value"):
        read_path(write(tmp_path, "a.csv", content))


def test_an_empty_last_cell_is_not_ragged(tmp_path):
    assert rows(write(tmp_path, "a.csv", "a,b\n1,\n2,3\n"))["b"].to_list() == [None, 3]


def test_an_empty_line_is_nobody(tmp_path):
    assert rows(write(tmp_path, "a.csv", "a,b\n1,\n\n,2\n\n")).rows() == [(1, None), (None, 2)]


def test_duplicated_names(tmp_path):
    with pytest.raises(PrimumError, match="names 1 column more than once: 'a'"):
        read_path(write(tmp_path, "a.csv", "a,b, a\n1,2,3\n"))


def test_a_column_without_a_name_gets_one(tmp_path):
    table = read_path(write(tmp_path, "a.csv", ",b\n1,2\n"))
    assert table.columns == ["column_1", "b"]
    assert "no name" in table.notes[0]


def test_a_missing_line_of_names_is_noticed(tmp_path):
    assert "line of column names" in read_path(write(tmp_path, "a.csv", "39,x,77516\n50,y,83311\n")).notes[0]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_empty_file(tmp_path, content):
    with pytest.raises(PrimumError, match=r"a\.csv' is empty"):
        read_path(write(tmp_path, "a.csv", content))


def test_names_without_rows(tmp_path):
    with pytest.raises(PrimumError, match="names 2 columns and holds no rows"):
        read_path(write(tmp_path, "a.csv", "a,b\n"))


def test_a_quote_that_is_never_closed(tmp_path):
    with pytest.raises(PrimumError, match=r"a quote that is opened and never closed|has 1 value"):
        read_path(write(tmp_path, "a.csv", 'a,b\n1,2\n"x,3\n4,5\n'))


def test_a_binary_file_is_no_text(tmp_path):
    with pytest.raises(PrimumError, match="not a text file: a zero byte stands at position 3"):
        read_path(write(tmp_path, "a.csv", b"a,b\x00\n1,2\n"))


def test_beyond_memory_it_stays_lazy(tmp_path, monkeypatch):
    monkeypatch.setattr(text_module, "LAZY_BYTES", 10)
    table = read_path(write(tmp_path, "a.csv", "a,b\n 1,x\n 2,é\n"))
    assert isinstance(table.frame, pl.LazyFrame)
    assert table.collect().rows() == [(1, "x"), (2, "é")]
    with pytest.raises(PrimumError, match="not utf8: byte 0xe9 at position 10"):
        read_path(write(tmp_path, "b.csv", "a,b\n 1,x\n,é\n", "latin-1"))
    with pytest.raises(PrimumError, match="b"):
        read_path(write(tmp_path, "c.csv", "a,b\n1,2\n1,2,3\n")).collect()


def test_real_files(data_dir):
    frame = rows(data_dir / "support2")
    assert frame.shape == (9105, 48)
    assert not any(frame[c].dtype == pl.String for c in ("slos", "d.time", "charges", "prg2m", "scoma", "temp"))
    assert [c for c, t in frame.schema.items() if t == pl.String] == [
        "sex", "dzgroup", "dzclass", "income", "race", "ca", "dnr", "sfdm2",
    ]  # fmt: skip
    assert frame["prg2m"].null_count() == pytest.approx(0.181 * 9105, abs=5)
    adult = rows(data_dir / "adult" / "adult.data.gz")
    assert adult.shape == (32560, 15)  # its first row has to serve as column names
    assert "?" in adult[" State-gov".strip()].to_list()
    assert rows(data_dir / "heart_uci_4sites" / "heart_4sites.csv")["ca"].dtype.is_numeric()
