"""Rounding is one number for one cell, and what a reader knows of it is exact."""

from __future__ import annotations

import numpy as np
import pytest

from primum.disclose.digits import protected_rate
from primum.disclose.rounding import preimage, rounded
from primum.errors import PrimumError
from primum.measure.intervals import wilson

KEY = b"sixteen bytes and more"


def test_t23_a_cell_of_seven_is_always_the_same():
    cell = np.array([True, False, True])
    assert {rounded(7, "conventional", 5) for _ in range(500)} == {5}
    assert {rounded(7, "midpoint-6") for _ in range(500)} == {9}
    keyed = {rounded(7, "keyed", 5, key=KEY, support=cell) for _ in range(500)}
    assert keyed in ({5}, {10})
    assert abs(np.mean([rounded(7, "keyed", 5, key=KEY, support=cell) for _ in range(500)]) - 7) >= 2


def test_t23_keyed_rounding_keeps_the_mean_over_cells_and_stays_near():
    rng = np.random.default_rng(23)
    shown = [rounded(7, "keyed", 5, key=KEY, support=rng.random(64) < 0.5) for _ in range(4000)]
    assert set(shown) == {5, 10}
    assert np.mean(shown) == pytest.approx(7, abs=0.15)
    assert rounded(10, "keyed", 5, key=KEY, support=np.ones(3)) == 10


def test_t23_rates_are_computed_again():
    assert rounded(23, "conventional", 5) == 25
    assert protected_rate(rounded(23, "conventional", 5), rounded(60, "conventional", 5)).value == 0.4


@pytest.mark.parametrize(("mode", "base"), [("none", 5), ("conventional", 5), ("conventional", 10), ("midpoint-6", 5)])
def test_the_interval_of_a_shown_number_is_its_exact_preimage(mode, base):
    for n in range(120):
        shown = rounded(n, mode, base)
        low, high = preimage(shown, mode, base)
        inside = [x for x in range(140) if rounded(x, mode, base) == shown]
        assert (low, high) == (inside[0], inside[-1])


def test_keyed_intervals_hold_the_truth():
    rng = np.random.default_rng(1)
    for n in range(60):
        low, high = preimage(rounded(n, "keyed", 5, key=KEY, support=rng.random(8) < 0.5), "keyed", 5)
        assert low <= n <= high
    assert preimage(10, "keyed", 5) == (6, 14)


def test_the_published_formulas():
    assert [rounded(n, "midpoint-6") for n in (0, 1, 6, 7, 12, 13, 18)] == [0, 3, 3, 9, 9, 15, 15]
    assert preimage(20, "conventional", 5) == (18, 22)


def test_t36_rounding_changes_no_verdict_on_large_groups():
    rng = np.random.default_rng(4)
    y = rng.random(100_000) < 0.12
    s = np.clip(rng.normal(0.3 + 0.2 * y, 0.15), 0, 1)
    groups = np.split(np.arange(100_000), np.cumsum([60_000, 25_000, 10_000, 4_000]))
    counts = [(int((y[g] & (s[g] >= 0.4)).sum()), int(y[g].sum())) for g in groups]
    assert counts == [(5393, 7172), (2281, 3032), (911, 1223), (384, 508), (78, 114)]
    for mode, base in (("none", 5), ("conventional", 5), ("conventional", 10)):
        lows = [float(wilson(rounded(k, mode, base), rounded(n, mode, base))[0]) for k, n in counts]
        assert [low >= 0.70 for low in lows] == [True, True, True, True, False]
    assert [round(float(x), 3) for x in wilson(*counts[-1])] == [0.594, 0.762]


def test_mistakes_are_told():
    with pytest.raises(PrimumError, match="no key or no atoms"):
        rounded(7, "keyed", 5, key=b"short", support=[1])
    with pytest.raises(PrimumError, match="base 5 or 10"):
        rounded(7, "conventional", 7)
    with pytest.raises(PrimumError, match="never shows 4"):
        preimage(4, "midpoint-6")
