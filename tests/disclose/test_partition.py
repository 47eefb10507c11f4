"""Which groups are joined, and which score steps: examples written out, and what must hold for every table."""

from __future__ import annotations

import numpy as np
import pytest

from primum.disclose.partition import joined, partition


def at_least(t, *, zeros=False):
    return lambda n: bool(((n >= t) | ((n == 0) & zeros)).all())


def test_one_small_group_takes_the_smallest_other_with_it():
    # c has 4 and is alone: everyone without a and b would be c. b, the smallest of the others, joins it.
    counts = np.array([[60, 40], [30, 20], [8, 4]])
    assert partition(counts, [at_least(10)]).tolist() == [True, False, False]


def test_small_groups_that_are_enough_together_take_nobody_along():
    assert partition(np.array([[60], [30], [6], [5]]), [at_least(10)]).tolist() == [True, True, False, False]


def test_the_remainder_must_pass_in_every_cell():
    # c and d are 14 together in the first cell and 4 in the second, so b joins them
    counts = np.array([[60, 40], [30, 20], [7, 2], [7, 2]])
    assert partition(counts, [at_least(10)]).tolist() == [True, False, False, False]


def test_two_groups_of_which_one_is_small_are_not_divided_at_all():
    assert not partition(np.array([[114], [6]]), [at_least(10)]).any()  # T6: all without women are the six men


def test_nobody_is_a_small_count_only_where_it_may_not_be_told():
    counts = np.array([[60, 40], [30, 20], [0, 12]])
    assert partition(counts, [at_least(10, zeros=True)]).all()
    assert partition(counts, [at_least(10)]).tolist() == [True, False, False]


def test_groups_that_may_not_be_shown_count_in_the_remainder():
    counts = np.array([[60], [30], [20]])
    assert partition(counts, [at_least(10)], among=np.array([True, True, False])).tolist() == [True, True, False]


def test_a_size_of_ones_own_says_who_joins():
    counts = np.array([[60], [30], [4]])
    assert partition(counts, [at_least(10)], size=np.array([1, 2, 3])).tolist() == [False, True, False]


@pytest.mark.parametrize("seed", range(20))
def test_no_group_and_no_remainder_is_small_and_a_stricter_rule_never_shows_more(seed):
    rng = np.random.default_rng([seed, 1])
    counts = rng.integers(0, 40, (rng.integers(2, 9), rng.integers(1, 5)))
    before = np.ones(len(counts), dtype=bool)
    for t in range(2, 31):
        shown = partition(counts, [at_least(u) for u in range(2, t + 1)])
        assert (shown <= before).all()
        assert (counts[shown] >= t).all()
        assert not shown.any() or shown.all() or (counts[~shown].sum(axis=0) >= t).all()
        before = shown


def test_bins_are_joined_from_the_top_until_each_has_enough():
    # from the top: 4 + 7 = 11, then 12, then 3 + 9 = 12, and the 2 at the bottom join the lowest
    assert joined(np.array([[2], [9], [3], [12], [7], [4]]), at_least(10)).tolist() == [0, 3, 4]


def test_bins_of_several_groups_are_joined_together():
    # the second group needs two bins for ten people, so the first has steps of two bins as well
    counts = np.array([[[10, 5]], [[10, 5]], [[10, 5]], [[10, 5]]])
    assert joined(counts, at_least(10)).tolist() == [0, 2]


def test_too_few_for_one_step_have_none():
    assert joined(np.array([[3], [4]]), at_least(10)).tolist() == []
    assert joined(np.zeros((0, 1), dtype=int), at_least(10)).tolist() == []


def test_what_is_left_at_the_low_end_joins_further_where_it_spoils_the_lowest_step():
    # people, and something of which a step may have twice as much as people
    counts = np.array([[3, 30], [10, 10], [10, 10], [10, 10], [10, 10]])

    def passes(n):
        return bool(n[0] >= 10 and n[1] <= 2 * n[0])

    assert joined(counts, passes).tolist() == [0, 4]  # 33 people and 60; of three bins they are 23 and 50
    assert joined(counts * np.array([1, 2]), passes).tolist() == []  # 43 people and 140: not even all together
    assert joined(np.array([[10, 5], [3, 90]]), passes).tolist() == []


@pytest.mark.parametrize("seed", range(20))
def test_every_step_has_enough_and_none_could_be_cut_from_the_top(seed):
    rng = np.random.default_rng([seed, 2])
    counts = rng.integers(0, 9, (40, 2))
    starts = joined(counts, at_least(10))
    steps = np.add.reduceat(counts, starts)
    assert (steps >= 10).all()
    assert steps.sum() == counts.sum()
    for first, end in zip(starts[1:], [*starts[2:], 40], strict=True):  # a step but the lowest is as short as it can be
        assert (counts[first + 1 : end].sum(axis=0) < 10).any()
