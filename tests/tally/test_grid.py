"""The score axis: the same label for the same score on every engine, exact at every threshold."""

from __future__ import annotations

import math

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.measure.ranking import auroc, bracket
from primum.tally.count import count
from primum.tally.grid import Grid, merge_grids
from primum.tally.resample import histogram

CENTS = [k / 100 for k in range(101)]
BESIDE = [math.nextafter(c, d) for c in CENTS for d in (-1, 2)]
CORNERS = [s for s in [*CENTS, *BESIDE, 5e-324, 2.2e-308, 1e-300, 1 - 2**-53, 2**-30, 0.25, 0.75] if 0 <= s <= 1]
SCORES = st.lists(st.floats(0, 1, allow_subnormal=True) | st.sampled_from(CORNERS), min_size=1, max_size=40)
ENGINES = {"polars": pl.DataFrame, "lazy": pl.LazyFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}


def labelled(grid: Grid, scores, engine: str) -> list[int]:
    frame = nw.from_native(ENGINES[engine]({"s": np.asarray(scores, dtype=float)}))
    out = frame.select(grid.label(nw.col("s")).alias("label"))
    out = out.collect() if isinstance(out, nw.LazyFrame) else out
    return out["label"].to_list()


@pytest.mark.parametrize("engine", ENGINES)
@given(SCORES)
@example(CORNERS)
def test_the_expression_labels_as_numpy_does(engine, scores):
    grid = Grid(thresholds=(0.123, 0.29, 1 / 3))
    assert labelled(grid, scores, engine) == grid.labels(scores).tolist()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("low", "high"), [(1, 10), (0, 27), (-3.3, 7.1), (0, 300), (0.1, 0.7)])
def test_points_are_labelled_alike_everywhere(engine, low, high):
    rng = np.random.default_rng(1)
    whole = np.linspace(low, high, 101)
    scores = np.concatenate([rng.uniform(low, high, 500), whole, np.nextafter(whole[1:], low)])
    grid = Grid(low=low, high=high, thresholds=(float(whole[7]), float(whole[57])))
    assert labelled(grid, scores, engine) == grid.labels(scores).tolist()


@given(SCORES)
@example(CORNERS)
def test_a_higher_score_never_has_a_lower_label(scores):
    grid = Grid(thresholds=(0.05, 0.123, 0.29))
    s = np.sort(scores)
    assert (np.diff(grid.labels(s)) >= 0).all()


@given(SCORES, st.sampled_from([*CENTS, 0.123, 1 / 3, 0.0001]))
@example(CORNERS, 0.57)
@example(CORNERS, 0.29)
def test_the_cut_of_a_threshold_selects_exactly_the_scores_at_or_above_it(scores, t):
    grid = Grid(thresholds=(0.0001, 0.123, 1 / 3))
    s = np.array([*scores, t, math.nextafter(t, -1), math.nextafter(t, 2)])
    s = s[(s >= 0) & (s <= 1)]
    assert ((grid.labels(s) >= grid.cut(t)) == (s >= t)).all()


@given(st.integers(-20, 20), st.integers(1, 300), st.floats(0, 1))
def test_the_cut_of_declared_points_is_exact(low, span, share):
    t = min(max(low + span * share, low), low + span)
    grid = Grid(low=low, high=low + span, thresholds=(t,))
    rng = np.random.default_rng(0)
    s = np.array([t, np.nextafter(t, -1e9), np.nextafter(t, 1e9), *rng.uniform(low, low + span, 20)])
    s = s[(s >= low) & (s <= low + span)]
    assert ((grid.labels(s) >= grid.cut(t)) == (s >= t)).all()


@pytest.mark.parametrize(("low", "high"), [(0, 10), (1, 10), (-3, 3), (0, 27), (0.1, 0.7)])
def test_points_that_need_no_declaring_are_exact_too(low, high):
    grid = Grid(low=low, high=high)
    edges = [t for k in range(1, 101) if grid.is_edge(t := low + (high - low) * k / 100)]
    assert len(edges) > 10
    for t in edges:
        assert grid.labels(t) >= grid.cut(t) > grid.labels(math.nextafter(t, low))


def test_every_bin_has_a_score_that_lies_in_it():
    grid = Grid(thresholds=(0.123, 1 / 3), resolution=64)
    labels = np.unique(grid.labels(np.linspace(0, 1, 20_001)))
    assert (grid.labels(grid.value(labels)) == labels).mean() > 0.97


@pytest.mark.parametrize("prevalence", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("shape", [(0.3, 8.0), (2.0, 2.0), (5.0, 1.0)])
def test_the_bracket_holds_the_exact_auroc_and_is_tiny(prevalence, shape):
    rng = np.random.default_rng(3)
    n = 20_000
    y = (rng.random(n) < prevalence).astype(int)
    s = rng.beta(*shape, n) * 0.7 + 0.3 * y * rng.random(n)
    h = histogram(count(pl.DataFrame({"y": y, "s": s}), "y", "s"), 0)
    rank = pd.Series(s).rank().to_numpy()
    m = y.sum()
    exact = (rank[y == 1].sum() - m * (m + 1) / 2) / (m * (n - m))
    assert abs(float(auroc(h)) - exact) <= bracket(h) + 1e-12
    assert bracket(h) <= 1e-4


@given(SCORES)
def test_a_grid_of_decisions_has_no_edges_but_the_thresholds(scores):
    grid = Grid(thresholds=(0.123, 1 / 3), resolution=1)
    s = np.array([*scores, 0.0, 0.123, math.nextafter(0.123, 0), 1 / 3, 1.0])
    labels = grid.labels(s)
    np.testing.assert_array_equal(labels, (s >= 0.123).astype(int) + (s >= 1 / 3))
    np.testing.assert_array_equal(pl.DataFrame({"s": s}).pipe(decided, grid), labels)
    np.testing.assert_array_equal(grid.segments(labels), labels)
    np.testing.assert_array_equal(grid.labels(grid.value(labels)), labels)
    assert grid.cut(0.123) == 1
    assert grid.cut(0.0) == 0
    with pytest.raises(PrimumError, match=r"0\.2 was not declared") as caught:
        grid.cut(0.2)
    assert "whole per cent" not in str(caught.value)


def decided(frame, grid):
    return nw.from_native(frame).select(grid.label(nw.col("s")).alias("b"))["b"].to_numpy()


def test_coarse_scores_are_exact():
    """Scores of two decimals each have a bin of their own: what the bracket leaves open are true ties."""
    labels = Grid().labels(CENTS)
    assert len(np.unique(labels)) == 101


# -- mistakes ---------------------------------------------------------------------------------------------------------


def test_an_undeclared_threshold_is_refused_with_what_there_is():
    with pytest.raises(PrimumError, match=r"threshold 0\.123 was not declared before counting") as caught:
        Grid(thresholds=(0.055,)).cut(0.123)
    assert "0.055" in str(caught.value)
    assert "whole per cent" in str(caught.value)
    assert "thresholds=[…, 0.123]" in str(caught.value)


@pytest.mark.parametrize("t", [-0.1, 1.5, 10])
def test_a_threshold_outside_the_range_is_refused(t):
    with pytest.raises(PrimumError, match=r"outside the range of the score"):
        Grid(thresholds=(t,))
    with pytest.raises(PrimumError, match="not declared"):
        Grid().cut(t)


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(PrimumError, match="outside the range"):
        Grid(thresholds=(math.nan,))


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, math.inf), (math.nan, 1)])
def test_an_empty_or_infinite_range_is_refused(low, high):
    with pytest.raises(PrimumError, match="empty or infinite"):
        Grid(low=low, high=high)


@pytest.mark.parametrize("thresholds", [(0.2, 0.1), (0.1, 0.1)])
def test_thresholds_come_in_order(thresholds):
    with pytest.raises(PrimumError, match="not increasing and distinct"):
        Grid(thresholds=thresholds)


@pytest.mark.parametrize("resolution", [-1, 3, 100])
def test_the_resolution_is_a_power_of_two(resolution):
    with pytest.raises(PrimumError, match="not a power of two"):
        Grid(resolution=resolution)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (Grid(high=2.0), "high differ (1.0 against 2.0)"),
        (Grid(low=-1.0), "low differ (0.0 against -1.0)"),
        (Grid(thresholds=(0.5,)), "thresholds differ (() against (0.5,))"),
        (Grid(resolution=64), "resolution differ (32768 against 64)"),
    ],
)
def test_grids_that_differ_say_in_what(other, named):
    with pytest.raises(PrimumError) as caught:
        merge_grids(Grid(), other)
    assert named in str(caught.value)
