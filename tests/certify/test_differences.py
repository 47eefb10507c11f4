"""Paired differences: by hand, and equal to the difference of the two models' net benefit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from primum.certify.bound import bound
from primum.certify.differences import (
    difference_sample,
    estimate,
    lower_limit,
    p_value,
    people,
    upper_limit,
    worth,
)
from primum.certify.sample import sample
from primum.certify.utility import SENSITIVITY, SPECIFICITY, declared, net_benefit
from primum.errors import PrimumError

COUNTS = arrays(np.int64, (2, 2, 2), elements=st.integers(0, 30))


def test_by_hand():
    n = np.zeros((2, 2, 2), dtype=int)
    n[1, 0, 1], n[1, 1, 0], n[0, 1, 0], n[0, 0, 1], n[0, 0, 0], n[1, 1, 1] = 3, 1, 8, 4, 74, 10
    d = difference_sample(n, net_benefit(0.2))
    assert d.values.tolist() == [-1, -0.25, 0, 0.25, 1]
    assert d.counts.tolist() == [1, 4, 84, 8, 3]
    assert d.mean == pytest.approx((3 - 1 + 0.25 * (8 - 4)) / 100)
    assert (d.low, d.high) == (-1, 1)
    among_cases = difference_sample(n, SENSITIVITY)
    assert (among_cases.n, among_cases.mean) == (14, pytest.approx(2 / 14))
    assert difference_sample(n, SPECIFICITY).mean == pytest.approx(4 / 86)


@given(COUNTS, st.floats(0.01, 0.9))
def test_it_is_the_difference_in_net_benefit(n, t):
    if not n.sum():
        return
    w = t / (1 - t)
    before = (n[1, 1].sum() - w * n[0, 1].sum()) / n.sum()
    after = (n[1, :, 1].sum() - w * n[0, :, 1].sum()) / n.sum()
    d = difference_sample(n, net_benefit(t))
    assert d.mean == pytest.approx(after - before, abs=1e-12)
    assert (d.low, d.high) == pytest.approx((-max(1, w), max(1, w)))


def test_a_utility_of_ones_own_counts_everyone():
    u = declared({"true positive": 2, "false positive": -0.5, "false negative": -3, "true negative": 0})
    n = np.ones((2, 2, 2), dtype=int)
    n[1, 0, 1] = 5
    d = difference_sample(n, u)
    assert d.n == 12
    assert d.mean == pytest.approx((5 * 5 - 5 - 0.5 + 0.5) / 12)
    assert (d.low, d.high) == (-5, 5)


def test_nobody():
    assert difference_sample(np.zeros((2, 2, 2)), SENSITIVITY).n == 0
    assert np.isnan(estimate(people(np.zeros((2, 2, 2))), worth(SENSITIVITY)))


@given(COUNTS)
def test_limits_mirror_each_other(n):
    u, rule = worth(net_benefit(0.2)), bound("gaffke")
    seen, turned = people(n), people(np.swapaxes(n, 1, 2))
    low, high = lower_limit(seen, u, rule, 0.05), upper_limit(seen, u, rule, 0.05)
    assert low <= high
    assert lower_limit(turned, u, rule, 0.05) == pytest.approx(-high, abs=1e-9)
    if n.sum():
        assert low <= estimate(seen, u) <= high
        assert (p_value(seen, u, low - 1e-6, rule) < 0.05) or low == -1
        assert p_value(seen, u, low + 1e-6, rule) >= 0.05


def test_a_utility_must_keep_its_own_bounds():
    corners = {"true positive": 2, "false positive": -0.5, "false negative": -3, "true negative": 0}
    with pytest.raises(PrimumError, match=r"A false negative is worth -3(.|\n)*from -2 to 2, as declared"):
        declared(corners, limits=(-2, 2))
    with pytest.raises(PrimumError, match="false positive is worth nan"):
        declared(lambda decision, outcome: np.nan if decision > outcome else 0.0)
    with pytest.raises(PrimumError, match="one value for each of"):
        declared({"true positive": 1})
    with pytest.raises(PrimumError, match="lie outside the declared bounds"):
        sample([0.0, 1.5], low=-1, high=1)
