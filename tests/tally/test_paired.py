"""Paired tallies: counting by hand, missing labels, merging, half a million people."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.tally.paired import count_pairs

BIT = st.integers(0, 1)
PEOPLE = st.lists(st.tuples(BIT, BIT, BIT, st.sampled_from(["a", "b", None]), st.sampled_from([1, 2, 30])), max_size=40)


@given(PEOPLE)
def test_it_counts_as_by_hand(rows):
    y, a, b, g, h = zip(*rows, strict=True) if rows else ((),) * 5
    tally = count_pairs(y, a, b, {"g": list(g), "h": np.array(h, dtype=np.int64)})
    by_hand = Counter((g or "(missing)", str(h), y, a, b) for y, a, b, g, h in rows)
    counted = {
        (*group, y, a, b): int(tally.n[i, y, a, b])
        for i, group in enumerate(tally.groups)
        for y in (0, 1)
        for a in (0, 1)
        for b in (0, 1)
        if tally.n[i, y, a, b]
    }
    assert counted == dict(by_hand)
    assert list(tally.groups) == sorted(set(tally.groups))


@pytest.mark.parametrize(
    "labels",
    [
        ["x", None, "y"],
        np.array(["x", None, "y"], dtype=object),
        np.array(["x", float("nan"), "y"], dtype=object),
        pd.Series(["x", None, "y"]),
        pd.Series(["x", pd.NA, "y"], dtype="string"),
        pl.Series(["x", None, "y"]),
    ],
    ids=["list", "array", "nan", "pandas", "pandas NA", "polars"],
)
def test_missing_labels_are_a_group(labels):
    tally = count_pairs([1, 1, 0], [1, 0, 0], [1, 1, 0], {"g": labels})
    assert tally.groups == (("(missing)",), ("x",), ("y",))
    assert tally.n[0, 1, 0, 1] == tally.n[1, 1, 1, 1] == tally.n[2, 0, 0, 0] == 1


def test_labels_that_python_takes_for_equal_stay_apart():
    tally = count_pairs([0] * 4, [0] * 4, [0] * 4, {"g": [1, True, 1.0, "1"]})
    assert tally.groups == (("1",), ("1.0",), ("True",))
    assert tally.n.sum(axis=(1, 2, 3)).tolist() == [2, 1, 1]


def test_two_halves_are_the_whole():
    rng = np.random.default_rng(4)
    y, a, b = rng.integers(0, 2, (3, 300))
    g = rng.choice(["a", "b", "c"], 300)
    whole = count_pairs(y, a, b, {"g": g})
    halves = count_pairs(y[:100], a[:100], b[:100], {"g": g[:100]}) + count_pairs(
        y[100:], a[100:], b[100:], {"g": g[100:]}
    )
    assert halves.groups == whole.groups
    assert (halves.n == whole.n).all()
    assert (whole.by().n[0] == whole.n.sum(axis=0)).all()


@pytest.mark.parametrize(
    ("outcome", "words"),
    [([1, None, 0], "1 of 3 people have no outcome"), ([1, np.nan, np.nan], "2 of 3"), ([0, 1, 2], "other than 0 and")],
)
def test_outcomes_must_be_known(outcome, words):
    with pytest.raises(PrimumError, match=words):
        count_pairs(outcome, [0, 0, 0], [0, 0, 0], {})


def test_rows_must_agree():
    with pytest.raises(PrimumError, match="3, 2 and 3 rows"):
        count_pairs([0, 1, 0], [0, 0], [0, 0, 0])
    with pytest.raises(PrimumError, match="'g' has 2 rows, the outcome 3"):
        count_pairs([0, 1, 0], [0, 0, 0], [0, 0, 0], {"g": ["a", "b"]})


def test_half_a_million_people_take_a_moment():
    rng = np.random.default_rng(5)
    n = 500_000
    y, a, b = rng.integers(0, 2, (3, n), dtype=np.int8)
    groups = {"sex": rng.choice(["F", "M"], n), "age": rng.integers(0, 9, n), "site": rng.integers(0, 300, n)}
    start = time.perf_counter()
    tally = count_pairs(y, a, b, groups)
    assert time.perf_counter() - start < 5  # 0.4 s on one quiet core
    assert int(tally.n.sum()) == n
    assert len(tally.groups) == 2 * 9 * 300
