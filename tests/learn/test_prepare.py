"""Encoding loses nothing and learns nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.learn.logistic import can_bend
from primum.learn.prepare import encode


def test_numbers_stay_and_text_becomes_positions():
    frame = pl.DataFrame(
        {
            "n": [1, None, 3],
            "t": ["b", None, "a"],
            "e": pl.Series(["y", "x", None], dtype=pl.Enum(["z", "y", "x"])),
            "f": [True, False, None],
            "m": pl.Series([None, None, None]),
        }
    )
    matrix = encode(frame)
    nan = np.nan
    np.testing.assert_array_equal(
        matrix.values,
        np.array([[1, 1, 1, 1, nan], [nan, nan, 0, 0, nan], [3, 0, nan, nan, nan]]),
    )
    assert matrix.levels == {"t": ["a", "b"], "e": ["x", "y"]}
    assert matrix.categories == [1, 2]
    assert matrix.numbers == [0, 3, 4]


def test_no_features():
    with pytest.raises(PrimumError, match="no features to train a model on"):
        encode(pl.DataFrame())


def test_a_date_is_neither():
    with pytest.raises(PrimumError, match=r"'born' is neither a number nor text, but Date(.|\n)*ages or durations"):
        encode(pl.DataFrame({"born": [date(1970, 1, 1)]}))


def test_infinity_is_refused():
    with pytest.raises(PrimumError, match=r"'ratio' holds 1 infinite value\."):
        encode(pl.DataFrame({"ratio": [1.0, float("inf")]}))


def test_splines_need_knots_that_differ():
    values = np.stack([np.arange(100.0), np.r_[np.zeros(60), np.arange(40)], np.ones(100)], axis=1)
    assert can_bend(values) == [0]


def test_importing_the_room_loads_nothing_heavy():
    code = (
        "import sys, primum.learn.crossfit, primum.learn.own\n"
        "print([m for m in ('sklearn', 'scipy', 'pandas', 'interpret', 'skops', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
