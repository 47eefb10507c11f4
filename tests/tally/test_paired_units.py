"""Tallies of units: distinct clusters and how many there are, by hand; limits that must be declared."""

from __future__ import annotations

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.tally.paired_units import count_units

Y, A, B = [1, 0, 1, 0, 1], [0, 0, 1, 1, 0], [1, 0, 1, 0, 1]
SEX = {"sex": ["f", "f", "m", "f", "f"], "age": ["old", "old", "old", "young", "young"]}


def count(**changes):
    settings = {"clusters": ["p", "p", "q", "r", "r"], "max_size": 2, "word": "families"} | changes
    return count_units(Y, A, B, SEX, **settings)


def test_families_by_hand():
    tally = count()
    women, men = tally.views["sex",]["f",], tally.views["sex",]["m",]
    assert women.people == 4
    assert men.counts.tolist() == [1]
    assert women.counts.tolist() == [1, 1]  # p: a case found and a true negative; r: a case found, a false alarm spared
    units = {tuple(np.flatnonzero(v.ravel())) for v in women.vectors}
    assert units == {(0, 5), (2, 5)}  # place of (y, before, after) = 4y + 2·before + after


def test_equal_families_are_counted_together():
    tally = count_units([1, 0] * 50, [0] * 100, [0] * 100, {"g": ["a"] * 100}, clusters=np.arange(100) // 2, max_size=2)
    assert tally.views["g",]["a",].counts.tolist() == [50]
    assert tally.word == "clusters"


def test_a_family_is_split_by_group():
    tally = count_units([1, 1], [0, 0], [1, 1], {"g": ["a", "b"]}, clusters=["p", "p"], max_size=2)
    assert [u.vectors.sum() for u in tally.views["g",].values()] == [1, 1]


def test_weights_add_up_within_a_unit():
    tally = count(weights=[0.5, 1, 2, 1, 1], max_weight=2)
    assert tally.views["sex",]["f",].vectors.sum() == 3.5
    assert (tally.max_weight, tally.max_size) == (2, 2)


def test_intersections_are_asked_for():
    assert list(count(views=[("sex", "age")]).views["sex", "age"]) == [("f", "old"), ("f", "young"), ("m", "old")]
    with pytest.raises(PrimumError, match="no attribute 'region'"):
        count(views=[("region",)])


def test_two_sites_are_the_whole():
    y, a, b = np.array(Y), np.array(A), np.array(B)
    site = [slice(0, 3), slice(3, 5)]
    parts = [
        count_units(y[s], a[s], b[s], {"sex": SEX["sex"][s]}, clusters=np.array(list("ppqrr"))[s], max_size=2)
        for s in site
    ]
    both, whole = parts[0] + parts[1], count_units(Y, A, B, {"sex": SEX["sex"]}, clusters=list("ppqrr"), max_size=2)
    for group, units in whole.views["sex",].items():
        assert (both.views["sex",][group].vectors == units.vectors).all()
        assert both.views["sex",][group].counts.tolist() == units.counts.tolist()
    with pytest.raises(PrimumError, match="cannot be added"):
        whole + count()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_size": None}, "largest cluster has 2 people"),
        ({"max_size": 1}, "declared as the largest possible: 1"),
        ({"clusters": ["p", "p", None, "r", "r"]}, "no cluster code"),
        ({"weights": [1, 1, 1, 1, 3]}, "declared as the greatest possible: None"),
        ({"weights": [1, 1, 1, 1, 3], "max_weight": 2.5}, "greatest weight is 3"),
        ({"weights": [1, 1, 1, 1, -1], "max_weight": 2.5}, "1 negative"),
        ({"weights": [1, 1, 1, 1, np.nan], "max_weight": 2.5}, "1 missing"),
    ],
)
def test_what_is_not_declared_is_asked_for(changes, words):
    with pytest.raises(PrimumError, match=words):
        count(**changes)
