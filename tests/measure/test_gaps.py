"""Simultaneous comparisons: dual to their p-values, right under equality, sharper than Bonferroni, never widthless."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta, binom, norm

from primum.errors import PrimumError
from primum.finding import Verdict, judge
from primum.measure.compare import compare
from primum.measure.draw import draw_confusion, everyone_else
from primum.measure.estimate import Settings
from primum.measure.gaps import PAIRS, gaps
from primum.measure.intervals import mover, wilson
from primum.measure.limits import rate_limits, score_limits
from primum.measure.metric import metric
from primum.measure.sides import sides
from primum.tally.grid import Grid
from primum.tally.score import ScoreTally

SETTINGS = Settings(at=0.5, replicates=300)


def confusion(tp, fp, fn, tn, weight=1.0):
    """A tally of groups g0, g1 … with these counts at threshold .5, everyone with the same weight."""
    grid, groups = Grid(), len(tp)
    n = np.stack([tn, fp, fn, tp], axis=1).ravel().astype(np.int64)
    s, keep, w = np.tile([0.2, 0.8, 0.2, 0.8], groups), n > 0, n * float(weight)
    cells = (np.repeat(np.arange(groups), 4), np.tile([0, 0, 1, 1], groups), grid.labels(s), n)
    sums = (w, w * weight, w * s, w * s * s)
    return ScoreTally(("g",), tuple((f"g{i}",) for i in range(groups)), *(x[keep] for x in (*cells, *sums)), grid)


def scored(group, outcome, score):
    grid = Grid()
    key, at = np.unique((group * 2 + outcome) * 2**17 + grid.labels(score), return_inverse=True)
    n, ws, wss = (np.bincount(at, weights=w) for w in (np.ones(len(score)), score, score**2))
    rest, label = np.divmod(key, 2**17)
    names = tuple((f"g{i}",) for i in range(int(group.max()) + 1))
    return ScoreTally(("g",), names, rest // 2, rest % 2, label, n.astype(np.int64), n, n, ws, wss, grid)


def same_everywhere(rng, groups, n=400):
    return confusion(*rng.multinomial([n] * groups, [0.14, 0.08, 0.06, 0.72]).T)


# -- replicates -------------------------------------------------------------------------------------------------------


def test_replicates_have_the_mean_and_the_spread_of_the_cells():
    view = confusion([30, 200], [9, 0], [10, 70], [400, 2000])
    drawn = draw_confusion(view, 0.5, 20_000, np.random.default_rng(0))
    assert drawn.tp.shape == (20_000, 2)
    np.testing.assert_allclose(drawn.tp.mean(axis=0), [30, 200], rtol=0.01)
    np.testing.assert_allclose(drawn.tp.var(axis=0), [30, 200], rtol=0.04)
    assert (drawn.fp[:, 1] == 0).all()
    rate = drawn.tp / (drawn.tp + drawn.fn)
    np.testing.assert_allclose(rate.std(axis=0), np.sqrt([0.75 * 0.25 / 40, (20 / 27) * (7 / 27) / 270]), rtol=0.04)


def test_smoothing_lets_an_empty_cell_vary_and_keeps_the_number_of_people():
    view = confusion([30, 0], [9, 0], [0, 0], [400, 0])
    drawn = draw_confusion(view, 0.5, 5000, np.random.default_rng(0), smooth=0.5)
    assert drawn.fn[:, 0].mean() == pytest.approx(0.5, abs=0.05)
    assert sum(x[:, 0].mean() for x in (drawn.tp, drawn.fp, drawn.fn, drawn.tn)) == pytest.approx(439, rel=0.01)
    assert drawn.tp[:, 1].max() == 0  # nobody is there, and nobody is made up


def test_unequal_weights_add_their_spread():
    rng = np.random.default_rng(0)
    view = confusion([400], [0], [0], [100])
    weight = rng.exponential(size=400)  # of those in the first cell
    ww = np.where(view.outcome == 1, (weight**2).sum(), 100.0)
    w = np.where(view.outcome == 1, weight.sum(), 100.0)
    view = ScoreTally(("g",), view.groups, view.group, view.outcome, view.label, view.n, w, ww, w, w, view.grid)
    drawn = draw_confusion(view, 0.5, 20_000, rng)
    assert drawn.tp.mean() == pytest.approx(weight.sum(), rel=0.01)
    assert drawn.tp.var() == pytest.approx((weight**2).sum(), rel=0.05)
    assert drawn.tn.var() == pytest.approx(100, rel=0.05)


def test_everyone_else_is_the_sum_of_the_others():
    drawn = draw_confusion(confusion([3, 4, 5], [1, 2, 3], [4, 4, 4], [5, 6, 7]), 0.5, 50, np.random.default_rng(0))
    rest = everyone_else(drawn)
    np.testing.assert_allclose(rest.fp[:, 1], drawn.fp[:, 0] + drawn.fp[:, 2])


def test_everyone_else_has_the_other_groups_people_and_value():
    view = confusion([3, 4, 5], [1, 2, 3], [4, 4, 4], [5, 6, 7])
    found = sides(view, metric("sensitivity"), SETTINGS, rest=True)
    np.testing.assert_array_equal(found.people[3], view.people()[1:].sum(axis=0))
    assert found.value[3] == pytest.approx(9 / 17)
    assert found.size[3] == 17
    assert found.draws.shape == (300, 6)


# -- limits -----------------------------------------------------------------------------------------------------------


def test_limits_at_a_critical_value_are_wilsons_and_in_the_tails_jeffreys_as_well():
    k, n = np.array([0.0, 1, 7, 20, 12_000]), np.array([20.0, 20, 20, 20, 30_000])
    np.testing.assert_allclose(score_limits(k, n, norm.ppf(0.975)), wilson(k, n), rtol=1e-9)
    low, high = rate_limits(k, n, 4.0)
    assert low[1] == pytest.approx(beta.ppf(norm.cdf(-4), 1.5, 19.5))
    assert high[2] >= beta.ppf(norm.cdf(4), 7.5, 13.5)
    assert (low[0], high[3]) == (0, 1)
    np.testing.assert_allclose((low[4], high[4]), [x[4] for x in score_limits(k, n, 4.0)])


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_one_in_twenty_rates_do_not_err_a_hundred_times_too_often_far_in_the_tails(rate):
    z, k, n = 3.5, np.arange(21.0), np.full(21, 20.0)
    low, high = rate_limits(k, n, z)
    missed = binom.pmf(k, 20, rate)[(low > rate) | (high < rate)].sum()
    assert missed < 4 * 2 * norm.sf(z)
    if rate == 0.01:  # Wilson alone does
        low, high = score_limits(k, n, z)
        assert binom.pmf(k, 20, rate)[(low > rate) | (high < rate)].sum() > 30 * 2 * norm.sf(z)


# -- comparisons ------------------------------------------------------------------------------------------------------


def test_the_own_interval_of_a_gap_is_the_one_of_a_single_comparison():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(3), 300)
    score = expit(rng.normal(-1, 1.2, 900))
    view = scored(group, rng.binomial(1, score), score)
    names = ["sensitivity", "ppv", "net_benefit", "balanced_accuracy", "auroc", "brier", "calibration_slope"]
    settings = Settings(at=0.3)
    for against in ("overall", "g1"):
        expected = {(c.group, c.metric.id): c.difference for c in compare(view, names, settings, against)}
        found = gaps(view, names, settings, against)
        assert len(found) == len(expected)
        for g in found:
            e = expected[g.group, g.metric]
            assert (g.value, g.low, g.high) == pytest.approx((e.value, e.low, e.high), abs=1e-9), g.metric
            assert g.joint_low < g.low < g.high < g.joint_high
            assert g.n == 300


@pytest.mark.parametrize("against", ["overall", "g0", PAIRS])
def test_p_values_and_intervals_tell_the_same(against):
    rng = np.random.default_rng(1)
    seen = set()
    for shift in (0.0, 0.1, 0.2):
        cells = rng.multinomial([300] * 6, [0.14, 0.08, 0.06, 0.72])
        cells[-1] = rng.multinomial(300, [0.14 - shift / 2, 0.08, 0.06 + shift / 2, 0.72])
        for g in gaps(confusion(*cells.T), ["sensitivity"], SETTINGS, against):
            assert (g.p <= 0.05) == (g.low > 0 or g.high < 0)
            assert (g.adjusted <= 0.05) == (g.joint_low > 0 or g.joint_high < 0)
            assert g.p <= g.adjusted <= 1
            assert g.p <= g.holm <= 1
            seen.add((g.p <= 0.05, g.adjusted <= 0.05))
    assert seen == {(False, False), (True, False), (True, True)}


def test_the_p_value_of_newcombes_interval_is_where_it_touches_zero():
    (g,) = gaps(confusion([56, 48], [0, 0], [14, 32], [0, 0]), ["sensitivity"], SETTINGS, "g1")
    z = norm.isf(g.p / 2)
    low, _ = mover((0.8, *score_limits(56.0, 70.0, z)), (0.6, *score_limits(48.0, 80.0, z)))
    assert low == pytest.approx(0, abs=1e-6)
    assert (g.low, g.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)  # Newcombe (1998), table II
    assert g.joint_low == pytest.approx(g.low, abs=0.002)  # one comparison: nothing to correct
    assert g.adjusted == pytest.approx(g.p, rel=0.2)


def test_a_group_without_events_has_a_reason_and_spoils_nothing():
    view = confusion([0, 30, 20, 40], [3, 4, 5, 6], [0, 9, 9, 9], [47, 90, 90, 90])
    found = {g.group: g for g in gaps(view, ["sensitivity"], SETTINGS, margins={"sensitivity": 0.1})}
    assert "nobody with the outcome" in found["g0"].reason
    assert math.isnan(found["g0"].value)
    assert math.isnan(found["g0"].adjusted)
    assert found["g0"].verdict is Verdict.NOT_ASSESSABLE
    assert all(math.isfinite(found[g].joint_low) for g in ("g1", "g2", "g3"))
    assert all(
        "comparator" in g.reason for g in gaps(view, ["sensitivity"], SETTINGS, "g0")
    )  # a comparator without events compares with nobody


@pytest.mark.parametrize("against", ["overall", "g3", PAIRS])
def test_small_counts_have_a_width_and_no_false_certainty(against):
    view = confusion([0, 3, 1, 200], [0, 0, 1, 90], [3, 0, 1, 80], [17, 2, 5, 900])
    for g in gaps(view, ["sensitivity", "specificity", "net_benefit", "balanced_accuracy"], SETTINGS, against):
        assert g.joint_high - g.joint_low > 0.1
        assert g.adjusted > 0.001


def test_declared_groups_are_a_family_of_their_own_and_the_others_are_explored():
    rng = np.random.default_rng(4)
    view = same_everywhere(rng, 12)
    declared = {"g1", "g2"}
    found = {g.group: g for g in gaps(view, ["sensitivity"], SETTINGS, confirmatory=declared)}
    everyone = {g.group: g for g in gaps(view, ["sensitivity"], SETTINGS)}
    for name, g in found.items():
        assert g.adjustment == ("max-T" if name in declared else "Benjamini-Hochberg")
        assert math.isnan(g.holm) == (name not in declared)
        if name in declared:  # two comparisons cost less than twelve
            assert g.joint_high - g.joint_low < everyone[name].joint_high - everyone[name].joint_low
    pairs = gaps(view, ["sensitivity"], SETTINGS, PAIRS, confirmatory=declared)
    assert [(g.group, g.comparator) for g in pairs if g.adjustment == "max-T"] == [("g1", "g2")]


@pytest.mark.parametrize(("better", "limit"), [("zero", None), ("higher", "low"), ("lower", "high")])
def test_equivalence_is_a_ninety_per_cent_interval_within_the_margin(better, limit):
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(6):
        view = same_everywhere(rng, 4, n=3000)
        margins = {"sensitivity": 0.06}
        ninety = gaps(view, ["sensitivity"], Settings(at=0.5, level=0.9, replicates=100))
        for g, n in zip(gaps(view, ["sensitivity"], SETTINGS, margins=margins, better=better), ninety, strict=True):
            assert g.verdict is judge(n.low, n.high, 0.06, better=better)
            assert (g.p_margin <= 0.05) == (g.verdict is Verdict.NO_HARM)
            seen.add(g.verdict)
            if limit is not None:
                assert (g.p_margin <= 0.05) == (n.low > -0.06 if limit == "low" else n.high < 0.06)
    assert {Verdict.NO_HARM, Verdict.INCONCLUSIVE} <= seen


def test_the_same_seed_gives_the_same_and_another_almost():
    view = same_everywhere(np.random.default_rng(6), 8)
    a, b, c = (gaps(view, ["sensitivity"], Settings(at=0.5, seed=s), PAIRS) for s in (1, 1, 2))
    assert a == b
    assert a != c
    assert [g.joint_low for g in a] == pytest.approx([g.joint_low for g in c], abs=0.02)


def test_weights_that_are_all_alike_change_nothing_but_the_way():
    cells = np.array([[40, 20, 30], [10, 9, 8], [9, 8, 20], [200, 100, 90]])
    one, two = (gaps(confusion(*cells, weight=w), ["sensitivity"], SETTINGS, "g0") for w in (1.0, 3.0))
    for a, b in zip(one, two, strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=0.01)
        assert b.joint_low < b.low


def test_groups_that_do_not_exist_and_too_many_pairs_are_refused():
    view = same_everywhere(np.random.default_rng(7), 3)
    with pytest.raises(PrimumError, match="'G1'"):
        gaps(view, ["sensitivity"], SETTINGS, "G1")
    with pytest.raises(PrimumError, match="g9"):
        gaps(view, ["sensitivity"], SETTINGS, confirmatory=["g9"])
    with pytest.raises(PrimumError, match="threshold"):
        gaps(view, ["sensitivity"], Settings())
    with pytest.raises(PrimumError, match="20,100 comparisons"):
        gaps(same_everywhere(np.random.default_rng(7), 201, n=50), ["sensitivity"], SETTINGS, PAIRS)
    assert gaps(view.by(), ["sensitivity"], SETTINGS) == []
    assert gaps(view, ["n"], SETTINGS) == []


# -- error rates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("against", ["overall", "g0", PAIRS])
def test_under_equality_any_false_alarm_is_as_rare_as_said(against):
    rng, settings = np.random.default_rng(8), Settings(at=0.5, replicates=100)
    repeats = 60
    wrong = sum(
        any(g.adjusted <= 0.05 for g in gaps(same_everywhere(rng, 8, n=300), ["sensitivity"], settings, against))
        for _ in range(repeats)
    )
    assert wrong / repeats <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / repeats)


def test_against_a_shared_reference_max_t_finds_what_bonferroni_misses():
    rng, found = np.random.default_rng(9), np.zeros(2)
    settings = Settings(at=0.5, replicates=200)
    for _ in range(20):
        rate = np.r_[np.full(15, 0.7), 0.55]
        k = rng.binomial(np.r_[60, np.full(15, 300)], rate)  # a small reference: comparisons are much alike
        n = np.r_[60, np.full(15, 300)]
        alone = gaps(confusion(k, k * 0, n - k, k * 0), ["sensitivity"], settings, "g0")
        found += [np.mean([g.adjusted for g in alone]), np.mean([min(1, g.p * 15) for g in alone])]
        assert all(g.adjusted <= min(1, g.p * 15) * 1.3 + 0.01 for g in alone)
    assert found[0] < 0.85 * found[1]


@pytest.mark.slow
@pytest.mark.parametrize("against", ["overall", "g0", PAIRS])
@pytest.mark.parametrize("groups", [2, 5, 20])
@pytest.mark.parametrize(("n", "rate"), [(20, 0.01), (20, 0.2), (100, 0.05), (1000, 0.01), (1000, 0.5)])
def test_the_level_holds_for_many_sizes_and_rates(against, groups, n, rate):
    rng, wrong, repeats = np.random.default_rng([groups, n]), 0, 300
    for _ in range(repeats):
        k = rng.binomial(n, rate, groups)
        view = confusion(k, k * 0, k * 0, n - k)
        wrong += any(g.adjusted <= 0.05 for g in gaps(view, ["prevalence"], Settings(at=0.5, replicates=200), against))
    assert wrong / repeats <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / repeats)
