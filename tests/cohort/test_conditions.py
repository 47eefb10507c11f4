"""Conditions: three-valued logic, values of every type, and what cannot be compared."""

from __future__ import annotations

import itertools

import polars as pl
import pytest

from primum.cohort.conditions import conjunction, words
from primum.errors import PrimumError
from primum.usecase import Condition


def ask(frame, *conditions):
    return frame.select(conjunction(conditions, frame.schema)).to_series().to_list()


def test_conjunction_is_kleenes():
    """False beats unknown beats true, for each of the nine pairs."""
    pairs = list(itertools.product([1, 0, None], repeat=2))
    frame = pl.DataFrame({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}, schema={"a": pl.Int8, "b": pl.Int8})
    expected = [False if 0 in pair else None if None in pair else True for pair in pairs]
    assert ask(frame, Condition(column="a", equals=1), Condition(column="b", equals=1)) == expected
    assert expected == [True, False, None, False, False, False, None, False, None]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"equals": 2}, [False, True, False, None]),
        ({"one_of": [1, 3]}, [True, False, True, None]),
        ({"none_of": [1, 3]}, [False, True, False, None]),
        ({"at_least": 2}, [False, True, True, None]),
        ({"at_most": 2}, [True, True, False, None]),
        ({"above": 2}, [False, False, True, None]),
        ({"below": 2}, [True, False, False, None]),
        ({"known": True}, [True, True, True, False]),
        ({"known": False}, [False, False, False, True]),
        ({"at_least": 2, "below": 3}, [False, True, False, None]),
        ({"equals": "2"}, [False, True, False, None]),
    ],
)
def test_each_test_on_numbers(test, expected):
    for missing in (None, float("nan")):
        frame = pl.DataFrame({"x": [1.0, 2.0, 3.0, missing]})
        assert ask(frame, Condition(column="x", **test)) == expected


def test_text_and_yes_no():
    frame = pl.DataFrame({"t": ["1", "0", "Borderline", None], "b": [True, False, None, True]})
    assert ask(frame, Condition(column="t", equals="1")) == [True, False, False, None]
    assert ask(frame, Condition(column="t", equals=1)) == [True, False, False, None]
    assert ask(frame, Condition(column="t", equals=1.0)) == [True, False, False, None]
    assert ask(frame, Condition(column="b", equals=True)) == [True, False, None, True]
    assert ask(frame, Condition(column="b", equals="true")) == [True, False, None, True]
    categories = frame.with_columns(pl.col("t").cast(pl.Categorical))
    assert ask(categories, Condition(column="t", one_of=["0", "Borderline"])) == [False, True, True, None]
    empty = pl.DataFrame({"t": [None, None]})
    assert ask(empty, Condition(column="t", equals="1")) == [None, None]


def test_order_needs_numbers():
    frame = pl.DataFrame({"t": ["a"]})
    with pytest.raises(PrimumError, match=r"'t ≥ 3' needs numbers, but the column 't' holds text"):
        ask(frame, Condition(column="t", at_least=3))


def test_a_word_never_equals_a_number():
    frame = pl.DataFrame({"x": [1, 2]})
    with pytest.raises(PrimumError, match=r"'x' holds numbers, so it can never equal 'yes'"):
        ask(frame, Condition(column="x", equals="yes"))


def test_dates_are_not_compared():
    frame = pl.DataFrame({"d": ["2020-01-01"]}).with_columns(pl.col("d").str.to_date())
    with pytest.raises(PrimumError, match=r"'d' holds date; conditions compare"):
        ask(frame, Condition(column="d", equals="2020-01-01"))


def test_words():
    assert words(Condition(column="age", at_least=18)) == "age ≥ 18"
    assert words(Condition(column="x", one_of=[1, "b"]), "Status") == "Status is one of 1, b"
    assert words(Condition(column="x", none_of=["b"])) == "x is none of b"
    assert words(Condition(column="x", known=False)) == "x is not known"
    assert words(Condition(column="x", at_least=1, below=2.5)) == "x ≥ 1 and x < 2.5"
