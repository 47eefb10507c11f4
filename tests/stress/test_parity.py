"""Places divided between groups: brute force, sums, and groups without cases."""

from __future__ import annotations

import numpy as np
import pytest

from primum.stress.parity import alike, equal_shares, filled, top, top_by_group


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    n = 600
    codes = rng.integers(0, 2, n)
    outcome = rng.random(n) < np.where(codes == 0, 0.2, 0.35)
    score = rng.normal(size=n) + outcome * np.where(codes == 0, 1.5, 0.7)
    return score, outcome, codes.astype(np.int64)


def rates(people, places):
    score, outcome, codes = people
    chosen = top_by_group(score, codes, np.asarray(places))
    tpr = [chosen[(codes == g) & outcome].mean() for g in (0, 1)]
    fpr = [chosen[(codes == g) & ~outcome].mean() for g in (0, 1)]
    return abs(tpr[0] - tpr[1]), abs(fpr[0] - fpr[1])


@pytest.mark.parametrize("goal", ["opportunity", "odds"])
def test_two_groups_come_as_close_as_any_division(people, goal):
    score, outcome, codes = people
    places = 120
    found = alike(score, outcome, codes, 2, places, goal)
    assert found.sum() == places
    sizes = []
    for k in range(places + 1):
        tpr, fpr = rates(people, [k, places - k])
        sizes.append(tpr if goal == "opportunity" else max(tpr, fpr))
    mine = rates(people, found)
    assert (mine[0] if goal == "opportunity" else max(mine)) == pytest.approx(min(sizes))


def test_a_group_without_cases_keeps_its_places(people):
    score, outcome, codes = people
    before = np.bincount(codes[top(score, 100)], minlength=2)
    assert alike(score, outcome & (codes == 0), codes, 2, 100, "opportunity").tolist() == before.tolist()


def test_three_groups_end_closer_than_they_began():
    rng = np.random.default_rng(6)
    n = 3000
    codes = rng.integers(0, 3, n)
    outcome = rng.random(n) < 0.2
    score = rng.normal(size=n) + outcome - 0.8 * codes
    start = np.bincount(codes[top(score, 600)], minlength=3)
    end = alike(score, outcome, codes, 3, 600, "opportunity")

    def spread(places):
        chosen = top_by_group(score, codes, places)
        return np.ptp([chosen[(codes == g) & outcome].mean() for g in range(3)])

    assert end.sum() == 600
    assert spread(end) < 0.02 < spread(start)


def test_equal_shares_add_up_and_differ_by_less_than_one_person():
    codes = np.repeat([0, 1, 2], [7, 11, 82])
    places = equal_shares(codes, 3, 10)
    assert places.sum() == 10
    assert np.abs(places - 10 * np.array([7, 11, 82]) / 100).max() < 1


def test_no_group_gets_more_places_than_it_has_people():
    assert filled(np.array([0.9, 0.1]), np.array([5, 100]), 50).tolist() == [5, 45]


def test_of_equal_scores_the_first_people_are_chosen():
    assert top(np.array([0.2, 0.5, 0.5, 0.5]), 2).tolist() == [False, True, True, False]
