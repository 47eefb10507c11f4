"""Dominance from n, Σw and Σw² against the rule on the weights themselves; and the steps that mean weights have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from primum.disclose.digits import digits
from primum.disclose.presets import preset
from primum.disclose.rules_dominance import dominance_rule
from primum.disclose.weights import coarse, limits, mean_weight, spread_out, step

WITH_RULES = ("cbs", "ons_sdap", "strict_lp")
AS_IS = (1.0, 1.0)


def passes(weights, policy):
    """Judge one cell by what a tally keeps of it."""
    w = np.asarray(weights, dtype=float)
    by = (2.0**40 / (w.sum() or 1.0), 2.0**40 / ((w**2).sum() or 1.0))
    sums = [np.array([len(w)]), np.floor(w.sum(keepdims=True) * by[0]).astype(np.int64)]
    sums.append(np.ceil((w**2).sum(keepdims=True) * by[1]).astype(np.int64))
    return bool(spread_out(*sums, by, limits(policy))[0])


def drawn(rng):
    """Draw the weights of a cell: mild, heavy-tailed, all alike, with nobodies, or with one or two large ones."""
    n = int(rng.integers(1, 60))
    kind = rng.integers(6)
    if kind == 0:
        return np.full(n, rng.uniform(0.1, 1e5))
    if kind == 1:
        return rng.lognormal(rng.uniform(-3, 9), rng.uniform(0, 2.5), n)
    if kind == 2:
        return rng.pareto(rng.uniform(0.4, 3), n) + 1e-3
    if kind == 3:
        return np.where(rng.random(n) < 0.5, 0.0, rng.uniform(0, 2, n))
    large = np.ones(n)
    large[0] = rng.uniform(0.2, 2) * n
    if kind == 5 and n > 1:
        large[1] = rng.uniform(0.2, 2) * n
    return large


@pytest.mark.parametrize("name", WITH_RULES)
def test_a_cell_that_passes_never_fails_the_rule_on_its_weights(name):
    policy, rng = preset(name), np.random.default_rng(21)
    cells = [drawn(rng) for _ in range(20_000)]
    exact = np.array([dominance_rule(c, policy).passes for c in cells])
    ours = np.array([passes(c, policy) for c in cells])
    assert exact.any()
    assert not exact.all()
    assert not (ours & ~exact).any()
    surveys = [rng.lognormal(9, 0.8, int(rng.integers(10, 60))) for _ in range(5_000)]  # as survey weights are
    exact = np.array([dominance_rule(c, policy).passes for c in surveys])
    assert (np.array([passes(c, policy) for c in surveys]) | ~exact).mean() > 0.98


@pytest.mark.parametrize("share", [0.3, 0.45, 0.49, 0.499])
def test_for_the_largest_one_nothing_is_given_away(share):
    # the others weigh alike: the bound is the share itself
    n = 12
    policy = preset("cbs")
    assert passes([share, *[(1 - share) / (n - 1)] * (n - 1)], policy)
    assert not passes([1 - share, *[share / (n - 1)] * (n - 1)], policy)


@pytest.mark.parametrize(("name", "least"), [("cbs", 4.0), ("ons_sdap", 2 / 0.81), ("strict_lp", 4.0)])
def test_enough_effective_people_always_pass(name, least):
    # however many people: the shares are at most 1/√m, √(2/m), and √((1 + p)² + 1)/√m of the p % rule
    n = np.full(1000, 10**6)
    m = np.linspace(least * 1.001, 1000, 1000)
    w = np.full(1000, 2**50)
    ww = np.ceil(2.0**100 / m / 2.0**50).astype(np.int64)
    assert spread_out(n, w, ww, (1.0, 2.0**-50), limits(preset(name))).all()
    fewer = np.ceil(2.0**100 / (least * 0.99) / 2.0**50).astype(np.int64) * np.ones(1, dtype=np.int64)
    assert not spread_out(n[:1], w[:1], fewer, (1.0, 2.0**-50), limits(preset(name))).any()


@pytest.mark.parametrize("name", WITH_RULES)
def test_t21_costs(name):
    # 11 people, 9,500 and 10 × 50; and 12 people, 1,000, 900 and 10 × 10, whose two largest have 0.95
    assert not passes([9500, *[50] * 10], preset(name))
    two = passes([1000, 900, *[10] * 10], preset(name))
    assert two is False  # under `cbs`, which looks at the largest alone, it stands at 0.50 exactly
    assert passes([100] * 12, preset(name))


def test_presets_without_a_rule_on_dominance_have_no_limits():
    assert limits(preset("uk_biobank")) == ()
    assert limits(preset("opensafely")) == ()
    assert [c.share for c in limits(preset("strict_lp"))] == [0.5, 0.85, 1.0]


def test_nobody_passes_and_people_without_any_weight_do():
    rules = limits(preset("cbs"))
    ones = np.array([0, 12, 12, 0])
    w, ww = np.array([0, 0, 0, 2**40]), np.array([0, 0, 1, 2**40])
    assert spread_out(ones, w, ww, AS_IS, rules).tolist() == [True, True, False, False]


def test_a_difference_that_is_no_sum_of_as_many_weights_does_not_pass():
    # 12 people with 12 of weight cannot have squares that sum to less than 12
    n, w = np.array([12, 12]), np.array([12 * 2**30] * 2)
    ww = np.array([13 * 2**30, 11 * 2**30])
    assert spread_out(n, w, ww, (2.0**30, 2.0**30), limits(preset("cbs"))).tolist() == [True, False]


def test_steps_of_mean_weights():
    # 10 % of 15,234 is 1,523, so 2,000; of 234 people one in a hundred, 152, so 200
    mean = np.full(4, 15_234.0)
    assert step(mean, np.array([50.0, 234.0, 5000.0, 5.0])).tolist() == [2000, 200, 20, 2000]
    assert step(np.array([1.0, 0.0]), np.array([20.0, 20.0])).tolist() == [0.1, 0.0]
    assert step(mean[:1], np.array([5000.0]), 1).tolist() == [2000]


@pytest.mark.parametrize("n", [5, 8, 10, 37, 99, 100, 640, 1000, 25_000])
def test_a_sum_of_weights_is_never_known_to_within_one_mean_weight(n):
    means = np.exp(np.linspace(math.log(0.011), math.log(9e5), 40_001))
    cells = np.stack([np.full(means.shape, float(n)), n * means, n * means**2, 0 * means, 0 * means])
    shown = coarse(cells)[1] / n
    starts = np.flatnonzero(np.r_[True, shown[1:] != shown[:-1]])
    assert (np.diff(shown) >= 0).all()
    if len(starts) < 2000:  # fine enough to tell where each shown value begins and ends
        widths = means[starts[2:]] - means[starts[1:-1]]
        assert (n * widths >= min(n / 10, 1) * 0.99 * means[starts[1:-1]]).all()
    assert (np.abs(shown / means - 1) <= 1.2501 * 10.0 ** -max(digits(n), 1)).all()


def test_what_leaves_of_a_cell():
    weights = np.array([1.0, 1.5, 2.0, 0.5, 3.0, 1.0, 1.0, 2.0, 1.3, 0.9, 1.1, 1.4])
    scores = np.linspace(0.1, 0.9, 12)
    n, w, ww = 12, weights.sum(), (weights**2).sum()
    cell = np.array([n, w, ww, (weights * scores).sum(), (weights * scores**2).sum()])[:, None]
    got = coarse(cell)[:, 0]
    assert got[0] == 12
    assert got[1] == pytest.approx(12 * 1.4)  # the mean is 1.3917, and steps are 0.2
    assert got[3] / got[1] == pytest.approx(cell[3, 0] / w)
    assert got[4] / got[1] == pytest.approx(cell[4, 0] / w)
    ratio = n * ww / w**2
    assert mean_weight(*got[:3]) == {"weight": 1.4, "weight_ratio": math.ceil(ratio * 10) / 10}
    assert got[1] ** 2 / got[2] <= w**2 / ww  # never more effective people than there are


def test_equal_weights_stay_equal_and_empty_cells_empty():
    cells = np.array([[50.0, 0, 20], [50 * 7.0, 0, 0], [50 * 49.0, 0, 0], [35.0, 0, 0], [3.5, 0, 0]])
    got = coarse(cells)
    assert got[:, 0].tolist() == pytest.approx([50, 350, 2450, 35, 3.5])
    assert got[:, 1].tolist() == [0] * 5
    assert got[:, 2].tolist() == [20, 0, 0, 0, 0]  # people who weigh nothing are people
    assert mean_weight(0, 0, 0) == {"weight": None, "weight_ratio": None}
    assert mean_weight(20, 0, 0) == {"weight": 0.0, "weight_ratio": None}


@pytest.mark.parametrize("n", [10, 30, 120, 1200])
def test_who_knows_everybody_in_a_cell_but_one_does_not_find_that_one_by_the_weights(n):
    """The weights of all are public; of the people who fit what is told of the cell, how many are left?"""
    rng, left, exact = np.random.default_rng([n, 6]), [], []
    for _ in range(200):
        public = rng.lognormal(9, 0.8, 500).round(4)
        others = rng.lognormal(9, 0.8, n - 1).round(4)
        w, ww = others.sum() + public, (others**2).sum() + public**2  # with each of the 500 as the last one
        told = coarse(np.stack([np.full(500, float(n)), w, ww, w, w]))[1:3]
        left.append(int((np.abs(told - told[:, :1]) < 1e-6 * told[:, :1]).all(axis=0).sum()))
        exact.append(int((np.abs(w - w[0]) < 1e-6).sum()))
    assert set(exact) == {1}  # the sum itself names the one
    assert np.median(left) > 50
    assert np.quantile(left, 0.05) >= 5
