"""Counting: the same tally on every engine, and each mistake in the rows told in one clear error."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from primum.errors import PrimumError
from primum.tally.count import count
from primum.tally.score import SUMS, ScoreTally
from primum.usecase import MISSING

ENGINES = {
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "pandas": lambda d: pd.DataFrame(
        {k: pd.Series(v, dtype=object if isinstance(v[0], str) else None) for k, v in d.items()}
    ),
    "pyarrow": pa.table,
}
every_engine = pytest.mark.parametrize("engine", ENGINES)


def rows(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "y": rng.integers(0, 2, n).tolist(),
        "s": np.concatenate([rng.random(n - 300), rng.integers(0, 101, 300) / 100]).tolist(),
        "g": ["x", *rng.choice(["a", "b", None], n - 1).tolist()],
        "k": rng.integers(1, 4, n).tolist(),
        "w": rng.choice([0.5, 1.0, 2.25], n).tolist(),
    }


def identical(a: ScoreTally, b: ScoreTally) -> None:
    assert a.attributes == b.attributes
    assert a.groups == b.groups
    for name in ("group", "outcome", "label", "n"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in SUMS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12)
    assert a.left_out == b.left_out
    assert a.grid == b.grid


@every_engine
@pytest.mark.parametrize("weight", [None, "w"])
def test_every_engine_counts_the_same(engine, weight):
    data = rows()
    found = count(ENGINES[engine](data), "y", "s", ["g", "k"], thresholds=[0.123], weight=weight)
    # the same by hand
    label = found.grid.labels(data["s"])
    cells: dict = {}
    w = data["w"] if weight else [1.0] * len(label)
    for g, k, y, b, s, v in zip(data["g"], data["k"], data["y"], label.tolist(), data["s"], w, strict=True):
        key = ((MISSING if g is None else g, str(k)), y, b)
        cells[key] = np.add(cells.get(key, 0), [1, v, v * v, v * s, v * s * s])
    keys = sorted(cells)
    assert found.groups == tuple(sorted({k[0] for k in keys}))
    assert [(found.groups[g], y, b) for g, y, b in zip(found.group, found.outcome, found.label, strict=True)] == keys
    np.testing.assert_array_equal(found.n, [cells[k][0] for k in keys])
    for i, name in enumerate(SUMS, start=1):
        np.testing.assert_allclose(getattr(found, name), [cells[k][i] for k in keys], rtol=1e-12)
    identical(found, count(pl.DataFrame(data), "y", "s", ["g", "k"], thresholds=[0.123], weight=weight))


@every_engine
def test_missing_membership_is_a_group_of_its_own(engine):
    found = count(
        ENGINES[engine]({"y": [0, 1, 1, 0], "s": [0.1, 0.2, 0.3, 0.4], "g": ["a", None, "b", None]}), "y", "s", "g"
    )
    assert found.groups == ((MISSING,), ("a",), ("b",))
    assert found.people().sum() == 4
    assert found.people()[0].tolist() == [1, 1]


NUMBERS = {
    "polars": lambda g: pl.DataFrame(g, strict=False),
    "lazy": lambda g: pl.LazyFrame(g, strict=False),
    "pandas": pd.DataFrame,
    "pyarrow": lambda g: pa.table({k: pa.array(v, from_pandas=False) for k, v in g.items()}),
}


@every_engine
def test_a_group_that_is_not_a_number_is_missing(engine):
    data = {"y": [0, 1, 1, 0], "s": [0.1, 0.2, 0.3, 0.4], "g": [1.5, float("nan"), 2.5, 1.5]}
    assert count(NUMBERS[engine](data), "y", "s", "g").groups == ((MISSING,), ("1.5",), ("2.5",))


@every_engine
@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([1, 2, 2, 1], ("1", "2")),
        ([1, 2, None, 1], (MISSING, "1", "2")),
        ([1.0, 2.0, None, 1.0], (MISSING, "1", "2")),
        ([1.0, 2.5, 2.5, 1.0], ("1", "2.5")),
        ([True, False, True, True], ("false", "true")),
    ],
)
def test_numbers_name_groups_in_the_same_way_on_every_engine(engine, values, groups):
    """Two hospitals with different engines must end in the same groups: 1 is "1", also where it is stored as 1.0."""
    data = {"y": [0, 1, 1, 0], "s": [0.1, 0.2, 0.3, 0.4], "g": values}
    assert count(NUMBERS[engine](data), "y", "s", "g").groups == tuple((g,) for g in groups)


def test_categories_are_groups():
    base = {"y": [0, 1, 1], "s": [0.1, 0.2, 0.3]}
    values = ["a", None, "b"]
    wanted = ((MISSING,), ("a",), ("b",))
    for column in (pl.Series(values, dtype=pl.Categorical), pl.Series(values, dtype=pl.Enum(["b", "a"]))):
        assert count(pl.DataFrame({**base, "g": column}), "y", "s", "g").groups == wanted
    assert count(pd.DataFrame({**base, "g": pd.Categorical(values)}), "y", "s", "g").groups == wanted
    assert count(pd.DataFrame({**base, "g": pd.Series(values, dtype="string")}), "y", "s", "g").groups == wanted
    assert count(pa.table({**base, "g": pa.array(values).dictionary_encode()}), "y", "s", "g").groups == wanted


@every_engine
def test_an_outcome_may_be_true_or_false_and_may_be_unknown(engine):
    data = {"y": [True, False, None, True], "s": [0.1, 0.2, 0.3, 0.4], "g": ["a", "a", "b", "b"]}
    found = count(ENGINES[engine](data), "y", "s", "g")
    assert found.people().tolist() == [[1, 1], [0, 1]]
    assert found.left_out == {("b",): 1}


@every_engine
def test_scores_that_are_missing_are_refused_or_left_out_and_counted(engine):
    data = {"y": [0, 1, 1, 0, 1], "s": [0.1, float("nan"), None, 0.4, 0.2], "g": ["a", "a", "b", "b", "c"]}
    frame = NUMBERS[engine](data)
    with pytest.raises(PrimumError, match="2 of 5 values of 's' are missing or not a number") as caught:
        count(frame, "y", "s", "g")
    assert "missing_scores: exclude" in str(caught.value)
    found = count(frame, "y", "s", "g", missing="exclude")
    assert found.left_out == {("a",): 1, ("b",): 1}
    assert found.n.sum() == 3
    assert found.groups == (("a",), ("b",), ("c",))
    assert found.by().left_out == {(): 2}


@every_engine
def test_a_group_whose_scores_are_all_missing_stays(engine):
    found = count(NUMBERS[engine]({"y": [0, 1], "s": [0.1, None], "g": ["a", "b"]}), "y", "s", "g", missing="exclude")
    assert found.groups == (("a",), ("b",))
    assert found.people().tolist() == [[1, 0], [0, 0]]


@every_engine
@pytest.mark.parametrize("bad", [1.0000001, -0.1, 7.0, math.inf, -math.inf])
def test_scores_out_of_range_are_refused(engine, bad):
    frame = ENGINES[engine]({"y": [0, 1, 1], "s": [0.1, bad, 0.4]})
    with pytest.raises(PrimumError, match=r"1 of 3 values of 's' lie outside \[0, 1\]") as caught:
        count(frame, "y", "s", missing="exclude")
    assert f"{bad:g}" in str(caught.value)
    assert "range: [lowest, highest]" in str(caught.value)


@every_engine
@pytest.mark.parametrize("bad", [2, -1, 0.5, math.inf])
def test_an_outcome_other_than_0_and_1_is_refused(engine, bad):
    frame = ENGINES[engine]({"y": [0.0, bad, 1.0], "s": [0.1, 0.2, 0.4]})
    with pytest.raises(PrimumError, match="The outcome 'y' is neither 0 nor 1 in 1 of 3 rows"):
        count(frame, "y", "s")


@every_engine
@pytest.mark.parametrize(("column", "kind"), [("y", "outcome"), ("s", "score"), ("w", "weight")])
def test_words_where_numbers_belong_are_refused(engine, column, kind):
    data = {"y": [0, 1, 1], "s": [0.1, 0.2, 0.4], "w": [1.0, 1.0, 1.0]} | {column: ["yes", "no", "no"]}
    with pytest.raises(PrimumError, match=f"(?i){kind} '{column}'"):
        count(ENGINES[engine](data), "y", "s", weight="w")


@every_engine
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0, 1.0], r"The weight 'w' runs from -1 to 1"),
        ([1.0, math.inf, 1.0], r"The weight 'w' runs from 1 to inf"),
        ([1.0, math.nan, 1.0], r"The weight 'w' is missing for some people"),
        ([1.0, None, 1.0], r"The weight 'w' is missing for some people"),
        ([0.0, 0.0, 0.0], r"The weight 'w' is zero for everybody"),
    ],
)
def test_weights_that_cannot_be_are_refused(engine, weights, message):
    frame = NUMBERS[engine]({"y": [0, 1, 1], "s": [0.1, 0.2, 0.4], "w": weights})
    with pytest.raises(PrimumError, match=message):
        count(frame, "y", "s", weight="w")


@every_engine
@pytest.mark.parametrize(
    ("arguments", "kind", "name", "near"),
    [
        ({"outcome": "yy"}, "outcome", "yy", "y"),
        ({"score": "risc"}, "score", "risc", "risk"),
        ({"by": ["sexx"]}, "group", "sexx", "sex"),
        ({"weight": "wgt"}, "weight", "wgt", None),
    ],
)
def test_a_column_that_does_not_exist_is_told_with_those_that_do(engine, arguments, kind, name, near):
    frame = ENGINES[engine]({"y": [0, 1], "risk": [0.1, 0.2], "sex": ["f", "m"]})
    with pytest.raises(PrimumError, match=f"There is no {kind} column '{name}' in the data") as caught:
        count(frame, **({"outcome": "y", "score": "risk"} | arguments))
    for column in ("y", "risk", "sex"):
        assert column in caught.value.available
    if near:
        assert f"did you mean '{near}'?" in str(caught.value)


@every_engine
def test_no_rows_are_refused(engine):
    frame = ENGINES[engine]({"y": [0, 1], "s": [0.1, 0.2]})
    empty = frame.slice(0, 0) if engine == "pyarrow" else frame.head(0)
    with pytest.raises(PrimumError, match="There are no rows to count"):
        count(empty, "y", "s")


def test_what_is_no_frame_is_refused():
    with pytest.raises(PrimumError, match="Rows of type dict cannot be counted"):
        count({"y": [0, 1], "s": [0.1, 0.2]}, "y", "s")


def test_an_unknown_word_for_missing_is_refused():
    with pytest.raises(PrimumError, match="missing='drop' is not known"):
        count(pl.DataFrame({"y": [0], "s": [0.1]}), "y", "s", missing="drop")


def test_a_threshold_outside_the_range_is_refused_when_counting():
    with pytest.raises(PrimumError, match=r"\[10\.0\] lie outside the range of the score"):
        count(pl.DataFrame({"y": [0], "s": [0.1]}), "y", "s", thresholds=[10])


def test_the_rows_are_not_changed():
    frame = pd.DataFrame(rows(400))
    before = frame.copy(deep=True)
    count(frame, "y", "s", ["g", "k"], weight="w")
    pd.testing.assert_frame_equal(frame, before)


def test_columns_may_have_the_names_that_counting_uses_itself():
    data = {"label": [0, 1, 1], "n": [0.1, 0.2, 0.4], "y": ["a", "b", "a"], "s": ["u", "u", "v"], "w": [1.0, 2.0, 3.0]}
    found = count(pl.DataFrame(data), "label", "n", ["y", "s"], weight="w")
    assert found.groups == (("a", "u"), ("a", "v"), ("b", "u"))
    assert found.w.sum() == 6


def test_a_lazy_frame_larger_than_one_batch_counts_like_an_eager_one():
    data = rows(60_000, seed=4)
    identical(
        count(pl.LazyFrame(data), "y", "s", "g", weight="w"), count(pl.DataFrame(data), "y", "s", "g", weight="w")
    )


def test_many_groups():
    n = 10_000
    found = count(pl.DataFrame({"y": [0, 1] * (n // 2), "s": [0.5] * n, "g": np.arange(n)}), "y", "s", "g")
    assert len(found.groups) == n
    assert (found.people().sum(axis=1) == 1).all()
