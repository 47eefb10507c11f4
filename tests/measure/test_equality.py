"""The test of equality holds its level; the largest gap has an interval that contains zero when groups are equal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2_contingency, fisher_exact
from statsmodels.stats.oneway import anova_generic

from primum.errors import PrimumError
from primum.measure.equality import equal_rates, equal_values, equality
from primum.measure.estimate import Settings
from primum.measure.widest import widest
from primum.tally.grid import Grid
from primum.tally.score import ScoreTally

SETTINGS = Settings(at=0.5, replicates=200)


def detected(tp, fn, tn=None, weight=1.0):
    """A tally of groups g0, g1 … of which `tp` of the events are found at threshold .5."""
    grid, groups = Grid(), len(tp)
    n = np.stack([np.full(groups, 10) if tn is None else tn, fn, tp], axis=1).ravel().astype(np.int64)
    s, keep, w = np.tile([0.2, 0.2, 0.8], groups), n > 0, n * weight
    cells = (np.repeat(np.arange(groups), 3), np.tile([0, 1, 1], groups), grid.labels(s), n)
    sums = (w, w * weight, w * s, w * s * s)
    return ScoreTally(("g",), tuple((f"g{i}",) for i in range(groups)), *(x[keep] for x in (*cells, *sums)), grid)


def scored(group, outcome, score):
    grid = Grid()
    key, at = np.unique((group * 2 + outcome) * 2**17 + grid.labels(score), return_inverse=True)
    n, ws, wss = (np.bincount(at, weights=w) for w in (np.ones(len(score)), score, score**2))
    rest, label = np.divmod(key, 2**17)
    names = tuple((f"g{i}",) for i in range(int(group.max()) + 1))
    return ScoreTally(("g",), names, rest // 2, rest % 2, label, n.astype(np.int64), n, n, ws, wss, grid)


# -- the test ---------------------------------------------------------------------------------------------------------


def test_large_groups_have_pearsons_statistic_and_p_value():
    k, n = np.array([300, 340, 355]), np.array([1000, 1000, 1100])
    expected = chi2_contingency(np.stack([k, n - k]), correction=False)
    statistic, p, method = equal_rates(k, n, np.random.default_rng(0))
    assert (statistic, p) == pytest.approx((expected.statistic, expected.pvalue))
    assert method == "chi-square"


def test_small_groups_have_the_exact_p_value_given_the_hits():
    rng = np.random.default_rng(0)
    _, p, method = equal_rates([3, 10], [12, 12], rng, replicates=40_000)
    assert p == pytest.approx(fisher_exact([[3, 10], [9, 2]]).pvalue, abs=0.003)  # symmetric: the same ordering
    assert "exact" in method
    k, n = np.array([1, 4, 0]), np.array([6, 5, 4])  # all ways to deal five hits, by hand
    ways = {
        (a, b, 5 - a - b): math.comb(6, a) * math.comb(5, b) * math.comb(4, 5 - a - b)
        for a in range(6) for b in range(6 - a) if 5 - a - b <= 4
    }  # fmt: skip
    statistic = {h: sum((x - m / 3) ** 2 / m for x, m in zip(h, n, strict=True)) for h in ways}
    reach = sum(w for h, w in ways.items() if statistic[h] >= statistic[tuple(k)] - 1e-9)
    assert equal_rates(k, n, rng, replicates=40_000)[1] == pytest.approx(reach / math.comb(15, 5), abs=0.006)


def test_everyone_or_nobody_hit_is_no_evidence():
    assert equal_rates([0, 0], [5, 9], np.random.default_rng(0))[1] == 1
    assert equal_rates([5, 9], [5, 9], np.random.default_rng(0))[1] == 1


def test_values_with_errors_have_welchs_test_and_with_large_samples_cochrans():
    v, s2, n = np.array([0.7, 0.8, 0.9]), np.array([0.04, 0.02, 0.03]), np.array([30, 40, 25])
    expected = anova_generic(v, s2 * n, n, use_var="unequal")
    q, below, p = equal_values(v, s2, n - 1)
    assert (below, p) == pytest.approx((expected.df_denom, expected.pvalue))
    w = 1 / s2
    assert q == pytest.approx((w * (v - (w * v).sum() / w.sum()) ** 2).sum())
    assert equal_values(v, s2, np.full(3, 1e9))[2] == pytest.approx(math.exp(-q / 2))  # chi-square, 2 degrees


@pytest.mark.parametrize("groups", [2, 7, 20])
@pytest.mark.parametrize(("n", "rate"), [(20, 0.05), (60, 0.5), (400, 0.01)])
def test_the_level_is_held_from_twenty_people_on(groups, n, rate):
    rng, repeats, size = np.random.default_rng([groups, n]), 300, np.full(groups, n)
    wrong = sum(equal_rates(rng.binomial(size, rate), size, rng, replicates=99)[1] <= 0.05 for _ in range(repeats))
    assert wrong / repeats <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / repeats)


def test_a_difference_is_found():
    rng = np.random.default_rng(1)
    rate = np.array([0.7, 0.7, 0.7, 0.5])
    found = [equal_rates(rng.binomial(80, rate), np.full(4, 80), rng, replicates=99)[1] <= 0.05 for _ in range(100)]
    assert np.mean(found) > 0.6


def test_equality_of_a_tally_names_who_is_left_out():
    view = detected([40, 30, 0, 35], [10, 20, 0, 15])
    found = equality(view, "sensitivity", SETTINGS)
    assert found.groups == ("g0", "g1", "g3")
    assert found.left_out == ("g2",)
    assert found.df == 2
    assert found.p == pytest.approx(chi2_contingency([[40, 30, 35], [10, 20, 15]]).pvalue, abs=0.04)
    assert found == equality(view, "sensitivity", SETTINGS)
    heavy = equality(detected([40, 30, 0, 35], [10, 20, 0, 15], weight=2.0), "sensitivity", SETTINGS)
    assert "bootstrap" in heavy.method
    assert heavy.p == pytest.approx(found.p, abs=0.06)
    alone = equality(detected([40, 0], [10, 0]), "sensitivity", SETTINGS)
    assert math.isnan(alone.p)
    assert alone.left_out == ("g1",)


def test_other_metrics_hold_their_level_and_find_a_worse_group():
    rng, wrong, right, repeats = np.random.default_rng(2), 0, 0, 80
    for _ in range(repeats):
        score = expit(rng.normal(-1, 1.2, 1000))
        group, outcome = np.repeat(np.arange(5), 200), rng.binomial(1, score)
        wrong += equality(scored(group, outcome, score), "auroc", SETTINGS).p <= 0.05
        worse = np.where((group == 4) & (outcome == 1), expit(rng.normal(-1, 1.2, 1000)), score)
        right += equality(scored(group, outcome, worse), "auroc", SETTINGS).p <= 0.05
    assert wrong / repeats <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / repeats)
    assert right / repeats > 0.8
    few = scored(np.repeat(np.arange(3), 200), np.r_[rng.binomial(1, 0.3, 400), np.eye(1, 200)[0]].astype(int),
                 rng.uniform(size=600))  # fmt: skip
    assert equality(few, "auroc", SETTINGS).left_out == ("g2",)


# -- the largest gap --------------------------------------------------------------------------------------------------


def null_intervals(repeats, seed):
    """Ten groups of 400, prevalence .20, sensitivity .70 in all: percentile and our intervals of max − min."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(repeats):
        cells = rng.multinomial(4000, np.tile([0.14, 0.06, 0.8], 10) / 10)
        drawn = rng.multinomial(4000, cells / 4000, size=400).reshape(400, 10, 3)
        low, high = np.quantile(np.ptp(drawn[..., 0] / drawn[..., :2].sum(-1), axis=1), [0.025, 0.975])
        w = widest(detected(*cells.reshape(10, 3).T), "sensitivity", SETTINGS)
        found.append((w.value, low, high, w.low, w.high))
    return np.array(found).T


def test_where_percentiles_never_contain_zero_ours_do():
    gap, low, high, ours, top = null_intervals(60, 0)
    assert (low <= 0).sum() == 0
    assert (ours <= 0).mean() >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 60)
    assert gap.mean() == pytest.approx(0.158, abs=0.012)
    assert (low.mean(), high.mean()) == pytest.approx((0.132, 0.330), abs=0.012)
    assert (top > gap).all()


def test_the_largest_gap_names_both_groups_and_is_found_when_it_is_there():
    found = widest(detected([90, 70, 50], [10, 30, 50]), "sensitivity", SETTINGS)
    assert (found.highest, found.lowest) == ("g0", "g2")
    assert found.value == pytest.approx(0.4)
    assert 0.2 < found.low < 0.4 < found.high < 0.6
    assert found == widest(detected([90, 70, 50], [10, 30, 50]), "sensitivity", SETTINGS)
    back = widest(detected([50, 70, 90], [50, 30, 10]), "sensitivity", SETTINGS)
    assert (back.highest, back.lowest, back.value) == ("g2", "g0", pytest.approx(0.4))


def test_a_group_without_events_is_never_the_worst():
    found = widest(detected([40, 38, 0], [10, 12, 0]), "sensitivity", SETTINGS)
    assert "g2" not in (found.highest, found.lowest)
    alone = widest(detected([40, 0], [10, 0]), "sensitivity", SETTINGS)
    assert math.isnan(alone.value)
    assert alone.highest == ""
    with pytest.raises(PrimumError, match="comparisons"):
        widest(detected([5] * 210, [5] * 210), "sensitivity", SETTINGS)


@pytest.mark.slow
def test_ours_contain_zero_in_five_hundred_repeats_as_often_as_said():
    _, low, _, ours, _ = null_intervals(500, 1)
    assert (low <= 0).sum() == 0
    assert (ours <= 0).mean() >= 0.95 - 2.6 * math.sqrt(0.05 * 0.95 / 500)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.5])
def test_the_level_is_held_for_two_to_twenty_groups(groups, n, rate):
    rng, repeats, size = np.random.default_rng([groups, n, 1]), 2000, np.full(groups, n)
    found = [equal_rates(rng.binomial(size, rate), size, rng, replicates=199)[1] for _ in range(repeats)]
    for level in (0.01, 0.05):
        assert np.mean(np.array(found) <= level) <= level + 3.5 * math.sqrt(level * (1 - level) / repeats)
