"""Sums of numbers per group, against plain means and standard deviations; and pairs of decisions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from primum.errors import PrimumError
from primum.tally.moment import MomentTally, count_moments
from primum.tally.paired import count_pairs
from primum.usecase import MISSING

ENGINES = {"polars": pl.DataFrame, "lazy": pl.LazyFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}
every_engine = pytest.mark.parametrize("engine", ENGINES)


def rows(n=500, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.normal(50, 12, n)
    return {
        "age": [None if u < 0.1 else a for a, u in zip(age.tolist(), rng.random(n), strict=True)],
        "smokes": (rng.random(n) < 0.3).tolist(),
        "visits": rng.poisson(2, n).tolist(),
        "g": rng.choice(["a", "b", None], n).tolist(),
        "h": rng.choice(["x", "y"], n).tolist(),
    }


def close(a: MomentTally, b: MomentTally) -> None:
    assert (a.attributes, a.groups, a.columns) == (b.attributes, b.groups, b.columns)
    np.testing.assert_array_equal(a.people, b.people)
    np.testing.assert_array_equal(a.n, b.n)
    np.testing.assert_allclose(a.x, b.x, rtol=1e-12)
    np.testing.assert_allclose(a.xx, b.xx, rtol=1e-12)


COLUMNS = ["age", "smokes", "visits"]


@every_engine
def test_means_and_spreads_by_group(engine):
    data = rows()
    found = count_moments(ENGINES[engine](data), COLUMNS, ["g"])
    frame = pl.DataFrame(data).with_columns(pl.col("g").fill_null(MISSING), pl.col("smokes").cast(pl.Float64))
    expected = (
        frame.group_by("g")
        .agg(
            pl.len().alias("people"),
            *[pl.col(c).count().alias(f"n {c}") for c in COLUMNS],
            *[pl.col(c).mean().alias(f"mean {c}") for c in COLUMNS],
            *[pl.col(c).std().alias(f"sd {c}") for c in COLUMNS],
        )
        .sort("g")
    )
    assert found.groups == tuple((g,) for g in expected["g"])
    assert found.people.tolist() == expected["people"].to_list()
    for j, c in enumerate(COLUMNS):
        assert found.n[:, j].tolist() == expected[f"n {c}"].to_list()
        np.testing.assert_allclose(found.mean()[:, j], expected[f"mean {c}"])
        np.testing.assert_allclose(found.sd()[:, j], expected[f"sd {c}"])


@every_engine
def test_adding_is_counting_everybody(engine):
    data = rows()
    halves = [{k: v[part] for k, v in data.items()} for part in (slice(0, 123), slice(123, None))]
    one, two = (count_moments(ENGINES[engine](half), COLUMNS, ["g", "h"]) for half in halves)
    whole = count_moments(ENGINES[engine](data), COLUMNS, ["g", "h"])
    close(one + two, whole)
    close(whole.by("h"), count_moments(ENGINES[engine](data), COLUMNS, ["h"]))
    close(whole.by(), count_moments(ENGINES[engine](data), COLUMNS))


@every_engine
def test_what_is_not_a_number_is_missing(engine):
    make = (lambda d: pl.DataFrame(d, strict=False)) if engine == "polars" else ENGINES[engine]
    found = count_moments(make({"x": [1.0, float("nan"), 3.0, None], "g": ["a", "a", "a", "b"]}), ["x"], ["g"])
    assert found.people.tolist() == [3, 1]
    assert found.n.tolist() == [[2], [0]]
    assert found.mean()[0, 0] == 2
    assert np.isnan(found.mean()[1, 0])
    assert np.isnan(found.sd()[1, 0])


@every_engine
def test_a_group_where_nothing_is_known_can_be_added(engine):
    empty = {"x": pa.array([None], pa.float64())} if engine == "pyarrow" else {"x": np.array([np.nan])}
    one = count_moments(ENGINES[engine](empty), ["x"])
    assert one.n.tolist() == [[0]]
    two = one + count_moments(ENGINES[engine]({"x": [4.0]}), ["x"])
    assert two.mean()[0, 0] == 4


def test_a_spread_needs_two_values():
    found = count_moments(pl.DataFrame({"x": [5.0]}), ["x"])
    assert found.mean()[0, 0] == 5
    assert np.isnan(found.sd()[0, 0])
    assert count_moments(pl.DataFrame({"x": [5.0, 5.0, 5.0]}), ["x"]).sd()[0, 0] == 0


def test_mistakes():
    frame = pl.DataFrame({"x": [5.0], "g": ["a"]})
    with pytest.raises(PrimumError, match="There is no column 'z' in the data"):
        count_moments(frame, ["z"])
    with pytest.raises(PrimumError, match="There is no column 'z' in the data"):
        count_moments(frame, ["x"], ["z"])
    one = count_moments(frame, ["x"], ["g"])
    with pytest.raises(PrimumError, match=r"their attributes differ \(\['g'\] against \[\]\)"):
        one + count_moments(frame, ["x"])
    with pytest.raises(PrimumError, match=r"their columns differ \(\['x'\] against \['x', 'x2'\]\)"):
        one + count_moments(frame.with_columns(x2="x"), ["x", "x2"], ["g"])
    with pytest.raises(PrimumError, match="There is no attribute 'h' in this tally"):
        one.by("h")


# -- pairs of decisions ------------------------------------------------------------------------------------------------


def decisions(n=400, seed=2):
    rng = np.random.default_rng(seed)
    y, a, b = rng.integers(0, 2, (3, n))
    return y, a, b, {"g": rng.choice(["u", "v"], n), "h": rng.choice(["x", "y"], n)}


def test_pairs_by_brute_force():
    y, a, b, groups = decisions()
    found = count_pairs(y, a, b, groups)
    assert found.n.sum() == len(y)
    for i, (g, h) in enumerate(found.groups):
        for o in (0, 1):
            for first in (0, 1):
                for second in (0, 1):
                    who = (groups["g"] == g) & (groups["h"] == h) & (y == o) & (a == first) & (b == second)
                    assert found.n[i, o, first, second] == who.sum()


def test_pairs_add_and_regroup():
    y, a, b, groups = decisions()
    one = count_pairs(y[:90], a[:90], b[:90], {k: v[:90] for k, v in groups.items()})
    two = count_pairs(y[90:], a[90:], b[90:], {k: v[90:] for k, v in groups.items()})
    whole = count_pairs(y, a, b, groups)
    np.testing.assert_array_equal((one + two).n, whole.n)
    np.testing.assert_array_equal(whole.by("h").n, count_pairs(y, a, b, {"h": groups["h"]}).n)
    np.testing.assert_array_equal(whole.by().n, count_pairs(y, a, b).n)


def test_a_group_that_one_side_alone_has_stays_itself():
    one, two = count_pairs([1], [1], [0], {"g": ["a"]}), count_pairs([0], [1], [1], {"g": ["b"]})
    assert (one + two).groups == (("a",), ("b",))
    assert (one + two).n.sum(axis=(1, 2, 3)).tolist() == [1, 1]


@pytest.mark.parametrize(
    "values", [["a", None], np.array(["a", None], dtype=object), ["a", float("nan")], pl.Series(["a", None])]
)
def test_missing_membership_is_a_group_of_its_own_in_pairs_too(values):
    assert count_pairs([1, 0], [1, 1], [0, 1], {"g": values}).groups == ((MISSING,), ("a",))


def test_mistakes_in_pairs():
    with pytest.raises(PrimumError, match="have 2, 1 and 2 rows"):
        count_pairs([1, 0], [1], [0, 1])
    with pytest.raises(PrimumError, match="The first decision has values other than 0 and 1"):
        count_pairs([1, 0], [0.5, 1], [0, 1])
    with pytest.raises(PrimumError, match="1 of 2 people have no outcome"):
        count_pairs([1, np.nan], [0, 1], [0, 1])
    for labels in (["a"], ["a", "b", "c"]):
        with pytest.raises(PrimumError, match=f"'g' has {len(labels)} rows"):
            count_pairs([1, 0], [0, 1], [0, 1], {"g": labels})
    with pytest.raises(PrimumError, match=r"one is by \['g'\], the other by \[\]"):
        count_pairs([1], [0], [1], {"g": ["a"]}) + count_pairs([1], [0], [1])
    with pytest.raises(PrimumError, match="There is no attribute 'h' in this tally"):
        count_pairs([1], [0], [1], {"g": ["a"]}).by("h")
