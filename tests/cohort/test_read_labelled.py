"""Files of statistics packages: labels kept, declared missing values missing.

No library can write SAS's .sas7bdat, and none of the installed packages ships a sample: for that format the
choice of reader and its error are tested here, on the same code path as the other three.
"""

from __future__ import annotations

import sys

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from primum.cohort.missing import clean
from primum.cohort.read import read_path
from primum.errors import MissingExtraError, PrimumError

ROWS = pd.DataFrame(
    {
        "sex": [1.0, 2.0, 2.0, 1.0, 9.0],
        "days": [0.0, 12.0, 30.0, 77.0, 3.0],
        "age": [30.0, 41.5, 98.0, 99.0, None],
        "name": ["a", "b", "-", "d", "é"],
    }
)
LABELS = {"sex": {1: "male", 2: "female", 9: "Refused"}, "days": {0: "never", 77: "Refused"}}
WORDS = {"sex": "Sex of the person", "days": "Days in the last month"}


def test_spss(tmp_path):
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(
        ROWS,
        str(path),
        column_labels=WORDS,
        variable_value_labels=LABELS,
        missing_ranges={"age": [{"lo": 98, "hi": 99}], "name": ["-"]},
    )
    table = read_path(path)
    assert table.collect().to_dict(as_series=False) == {
        "sex": ["male", "female", "female", "male", "Refused"],
        "days": [0, 12, 30, None, 3],
        "age": [30, 41.5, None, None, None],
        "name": ["a", "b", None, "d", "é"],
    }
    assert table.labels == WORDS
    assert table.value_labels == LABELS
    assert table.source == "the SPSS file a.sav"
    found = {(row["column"], row["code"]): row["count"] for row in table.missing_codes}
    assert found == {("age", 98): 1, ("age", 99): 1, ("name", "-"): 1, ("days", 77): 1}
    assert {row["how"] for row in table.missing_codes} == {"declared"}
    assert any("days keeps its numbers" in note for note in table.notes)
    cleaned, _ = clean(table.frame, {}, detect=True)
    assert cleaned.lazy().collect()["sex"].to_list() == ["male", "female", "female", "male", None]


def test_stata(tmp_path):
    path = tmp_path / "a.dta"
    pyreadstat.write_dta(ROWS, str(path), column_labels=WORDS, variable_value_labels=LABELS)
    table = read_path(path)
    frame = table.collect()
    assert frame["sex"].to_list() == ["male", "female", "female", "male", "Refused"]
    assert frame["age"].to_list() == [30, 41.5, 98, 99, None]
    assert frame["name"].to_list() == ["a", "b", "-", "d", "é"]
    assert table.labels == WORDS
    assert table.source == "the Stata file a.dta"


def test_stata_user_missing_values_are_missing(tmp_path):
    path = tmp_path / "a.dta"
    frame = pd.DataFrame({"x": [1.0, "a", 3.0]}, dtype=object)
    pyreadstat.write_dta(frame, str(path), missing_user_values={"x": ["a"]})
    assert read_path(path).collect()["x"].to_list() == [1, None, 3]


def test_sas_transport(tmp_path):
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(ROWS.drop(columns="name"), str(path), column_labels=WORDS)
    table = read_path(path)
    assert table.collect()["days"].to_list() == [0, 12, 30, 77, 3]
    assert table.labels == WORDS
    assert table.source == "the SAS transport file a.xpt"


def test_sas_zero_survives_the_trip_as_tiny_and_is_mended(tmp_path):
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(pd.DataFrame({"x": [5.397605346934028e-79, 1.0]}), str(path))
    frame, found = clean(read_path(path).frame, {}, detect=True)
    assert frame.lazy().collect()["x"].to_list() == [0, 1]
    assert found[0]["becomes"] == "0"


@pytest.mark.parametrize("ending", [".sav", ".zsav", ".dta", ".sas7bdat", ".xpt"])
@pytest.mark.parametrize("raw", [b"", b"not what it says" * 40])
def test_damaged(tmp_path, ending, raw):
    path = tmp_path / f"a{ending}"
    path.write_bytes(raw)
    with pytest.raises(PrimumError, match=rf"a{ending}' cannot be read as (SPSS|Stata|SAS)"):
        read_path(path)


def test_cut_off(tmp_path):
    pyreadstat.write_sav(pd.concat([ROWS] * 50), str(tmp_path / "a.sav"))
    raw = (tmp_path / "a.sav").read_bytes()
    (tmp_path / "b.sav").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(PrimumError, match=r"b\.sav' cannot be read as SPSS(.|\n)*cut off"):
        read_path(tmp_path / "b.sav")


def test_no_rows(tmp_path):
    pyreadstat.write_dta(ROWS.head(0).drop(columns="name"), str(tmp_path / "a.dta"))
    with pytest.raises(PrimumError, match="holds no rows"):
        read_path(tmp_path / "a.dta")


def test_missing_package(tmp_path, monkeypatch):
    (tmp_path / "a.sav").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(MissingExtraError, match=r"Reading SPSS files(.|\n)*pip install 'primum\[files\]'"):
        read_path(tmp_path / "a.sav")


def test_labels_on_every_value_give_text_in_polars(tmp_path):
    pyreadstat.write_sav(ROWS[["sex"]], str(tmp_path / "a.sav"), variable_value_labels={"sex": LABELS["sex"]})
    assert read_path(tmp_path / "a.sav").collect().schema == {"sex": pl.String}


def test_a_file_that_breaks_the_parser_down_is_an_error_and_not_the_end(tmp_path, monkeypatch):
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(ROWS, str(path))
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nkill -SEGV $$\n")
    broken.chmod(0o755)
    monkeypatch.setattr("primum.cohort.labelled_parse.sys.executable", str(broken))
    with pytest.raises(PrimumError, match="the parser broke down on it"):
        read_path(path)
