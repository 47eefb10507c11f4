"""One number for group, outcome and bin: the same cells as grouping by six columns, whatever is in the rows."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest

import primum.tally.count as counting
from primum.errors import PrimumError
from primum.tally import packed
from primum.tally.count import count
from primum.tally.score import SUMS

N = 3000


def rows():
    rng = np.random.default_rng(2)

    def some(values, kind=None):
        return pl.Series(values, dtype=kind).scatter(rng.choice(N, 100, replace=False), None)

    return pl.DataFrame(
        {
            "y": some(rng.integers(0, 2, N)),
            "s": some(np.where(rng.random(N) < 0.02, np.nan, rng.random(N))),
            "w": rng.random(N),
            "text": some(rng.choice(["a", "", "(missing)", "ø · b"], N)),
            "whole": some(rng.integers(-300, 300, N)),
            "tiny": rng.integers(0, 3, N, dtype=np.uint8),
            "flag": some(rng.random(N) < 0.5),
            "category": some(rng.choice(["x", "y"], N)).cast(pl.Categorical),
            "enum": some(rng.choice(["x", "y"], N)).cast(pl.Enum(["y", "nobody", "x"])),
            "one": ["always"] * N,
            "none": pl.Series([None] * N, dtype=pl.Int32),
            "far": rng.choice([-(2**62), 0, 2**62], N),
            "float": rng.choice([1.0, 2.5, np.nan], N),
        }
    )


@pytest.mark.parametrize(
    "by",
    [
        ["text"], ["whole"], ["tiny", "flag"], ["category", "enum"], ["text", "whole", "tiny", "flag"], ["one"],
        ["none", "text"], ["far"], ["float", "text"], [],
    ],
)  # fmt: skip
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("weight", [None, "w"])
def test_it_counts_as_columns_do(monkeypatch, by, lazy, weight):
    frame = rows().lazy() if lazy else rows()
    how = {"by": by, "weight": weight, "missing": "exclude", "thresholds": [0.123], "resolution": 256}
    fast = count(frame, "y", "s", **how)
    monkeypatch.setattr(counting, "packable", lambda *_: False)
    slow = count(frame, "y", "s", **how)
    assert (fast.groups, fast.left_out, fast.grid) == (slow.groups, slow.left_out, slow.grid)
    for name in ("group", "outcome", "label", "n"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))
    for name in SUMS:
        np.testing.assert_allclose(getattr(fast, name), getattr(slow, name), rtol=1e-12)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize(("few", "most"), [(10**9, 2**23), (0, 2**23), (0, 10)], ids=["places", "sorted", "grouped"])
def test_a_stream_is_added_up_in_three_ways(monkeypatch, few, most, weight):
    monkeypatch.setattr(packed, "_BATCH", 100)
    monkeypatch.setattr(packed, "_FEW", few)
    monkeypatch.setattr(packed, "_SORTED", most)
    frame = rows().with_columns(pl.col("y").fill_null(0), pl.col("s").fill_nan(0.5).fill_null(0.5))
    for resolution in (2, 4096):
        how = {"by": ["text", "tiny"], "resolution": resolution, "weight": weight}
        one, two = (count(f, "y", "s", **how) for f in (frame, frame.lazy()))
        for name in ("group", "outcome", "label", "n"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        for name in SUMS:
            np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-12)


@pytest.mark.parametrize("bits", [3, 16, 17, 33, 40])
def test_numbers_of_any_length_are_sorted_and_equal_ones_stay_as_they_came(bits):
    key = np.random.default_rng(bits).integers(0, 2**bits, 5000)
    key[::7] = key[0]
    order = packed._sorting(key, 2**bits)
    np.testing.assert_array_equal(order, np.argsort(key, kind="stable"))


@pytest.mark.parametrize(
    ("column", "words"), [("s", "lie outside"), ("w", "runs from -3"), ("y", "neither 0 nor 1 in 1 of")]
)
@pytest.mark.parametrize("lazy", [False, True])
def test_flaws_pass_through(column, words, lazy):
    frame = rows().with_columns(pl.col("y").cast(pl.Int64))
    frame[0, column] = -3
    with pytest.raises(PrimumError, match=words):
        count(frame.lazy() if lazy else frame, "y", "s", ["text"], weight="w", missing="exclude")


def test_fifty_thousand_intersections_are_counted_and_measured():
    rng = np.random.default_rng(0)
    n = 150_000
    frame = pl.DataFrame({f"a{i}": rng.integers(0, 15, n) for i in range(4)}).with_columns(
        y=pl.Series(rng.integers(0, 2, n)), s=pl.Series(rng.random(n))
    )
    started = time.process_time()
    tally = count(frame, "y", "s", ["a0", "a1", "a2", "a3"], thresholds=[0.5])
    table = tally.measure(["sensitivity", "ppv"], by=["a0", "a1", "a2", "a3"])
    assert len(tally.groups) > 45_000
    assert table.height == 2 * len(tally.groups)
    assert tally.n.sum() == n
    assert time.process_time() - started < 20


def test_a_damaged_file_is_told_with_the_engine(tmp_path):
    path = tmp_path / "x.parquet"
    rows().write_parquet(path)
    content = bytearray(path.read_bytes())
    content[200:2000] = bytes(1800)
    path.write_bytes(content)
    with pytest.raises(PrimumError, match="polars could not count these rows"):
        count(pl.scan_parquet(path), "y", "s", ["text"], missing="exclude")
