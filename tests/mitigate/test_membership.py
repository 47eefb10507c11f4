"""Membership: whatever form it comes in, the same people are in the same groups; and fast enough for half a million."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.mitigate.base import GivenScore
from primum.mitigate.level_up import LevelUp
from primum.mitigate.membership import Membership, coded, membership

SEX = ["f", "m", None, "f"]
AGE = [30, 30, 40, 40]


@pytest.mark.parametrize(
    "group",
    [
        pl.DataFrame({"sex": SEX, "age": AGE}),
        {"sex": SEX, "age": AGE},
        Membership(("sex", "age"), np.array([["f", "30"], ["m", "30"], ["(missing)", "40"], ["f", "40"]])),
    ],
)
def test_two_attributes_from_frame_dict_and_membership(group):
    people = membership(group, 4)
    assert people.attributes == ("sex", "age")
    assert people.groups == (("sex", "(missing)"), ("sex", "f"), ("sex", "m"), ("age", "30"), ("age", "40"))
    assert people.cells.tolist() == ["f · 30", "m · 30", "(missing) · 40", "f · 40"]
    assert people.of("sex", "f").tolist() == [True, False, False, True]
    assert people.labels.tolist() == [["f", "30"], ["m", "30"], ["(missing)", "40"], ["f", "40"]]


@pytest.mark.parametrize(
    "group",
    [["a", None, "b"], np.array(["a", None, "b"], dtype=object), np.array(["a", float("nan"), "b"], dtype=object),
     pl.Series("which", ["a", None, "b"])],
)  # fmt: skip
def test_missing_is_a_group_of_its_own(group):
    people = membership(group, 3)
    assert people.cells.tolist() == ["a", "(missing)", "b"]
    assert len(people.attributes) == 1


def test_numbers_and_flags_keep_their_names():
    assert membership([1, 1.0, True, 1], 4).cells.tolist() == ["1", "1.0", "True", "1"]


words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=3)


@given(st.lists(words, min_size=1, max_size=30))
def test_codes_are_those_of_sorting(labels):
    names, codes = coded(labels)
    expected, at = np.unique(np.array(labels, dtype=np.str_), return_inverse=True)
    assert names.tolist() == expected.tolist()
    assert codes.tolist() == at.tolist()


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1, max_size=30))
def test_cells_are_the_labels_joined(rows):
    people = Membership(("x", "y", "z"), np.array(rows, dtype=np.str_))
    assert people.cells.tolist() == [" · ".join(r) for r in rows]
    names, codes = people.coded_cells
    assert len(set(names.tolist())) == len(names) == len(set(rows)), "a cell that occurs, once"
    assert names[codes].tolist() == people.cells.tolist()
    assert people.groups == membership(people, len(rows)).groups


def test_many_attributes_do_not_overflow():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 500, (1000, 12)).astype(np.str_)  # 500 to the 12th cells are possible
    people = membership(Membership(tuple("abcdefghijkl"), labels), 1000)
    assert people.cells.tolist() == [" · ".join(r) for r in labels.tolist()]


def test_what_cannot_be_read():
    with pytest.raises(PrimumError, match="was not given"):
        membership(None, 3)
    with pytest.raises(PrimumError, match="has 2 rows, the people 3"):
        membership(["a", "b"], 3)
    with pytest.raises(PrimumError, match="has no columns"):
        membership({}, 3)


@pytest.mark.slow
def test_levelling_up_300_groups_of_half_a_million_people_takes_less_than_a_second():
    rng, n = np.random.default_rng(1), 500_000
    group = np.array([f"group {k:03d}" for k in range(300)])[rng.integers(0, 300, n)]
    score = rng.beta(2, 8, n)
    y = (rng.random(n) < score).astype(int)
    model = LevelUp(GivenScore().fit(None), threshold=0.2, prefit=True, floor=0.8)
    took = []
    for _ in range(3):
        start = time.process_time()
        model.fit(score[:, None], y, group=group)
        took.append(time.process_time() - start)
    assert min(took) < 1, f"{took} seconds of the processor"
    decided = model.predict(score[:, None], group=group)
    case = y == 1
    found = np.array([decided[case & (group == g)].mean() for g in np.unique(group)])
    assert found.min() >= 0.8
