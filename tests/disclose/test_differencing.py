"""Populations inside populations: complements, shifted bands, versions, and people joining and leaving."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from primum.disclose.differencing import Band, bands, cut, nested, unknown_filters, unsafe, versions
from primum.disclose.releases import Atoms, Release, exact
from primum.errors import PrimumError

YES, NO = True, False


def number(where: str, support: list[bool], low: float, high: float | None = None) -> Release:
    return Release(where, np.array(support), low, low if high is None else high)


class TestNested:
    def test_t6_six_men_follow_from_all_and_women(self):
        found = nested([number("all", [YES, YES], 120), number("women", [YES, NO], 114)], t=10)
        assert [(d.inner, d.outer, d.low, d.high, d.level) for d in found] == [("women", "all", 6, 6, "fail")]
        assert "6 people" in found[0].why
        assert nested([number("all", [YES, YES], 120), number("women", [YES, NO], 114)], t=5) == []

    def test_t3_a_one_way_and_a_two_way_table(self):
        atoms = Atoms(("group", "outcome"), (("A", "B"), ("neg", "pos")), np.array([[60, 40], [56, 4]]))
        shown = exact(atoms, ("group",)) + exact(atoms, ("group", "outcome"))[:3]
        found = nested(shown, t=10)
        assert [(d.inner, d.outer, d.low) for d in found] == [("group=B · outcome=neg", "group=B", 4)]

    def test_nobody_and_ten_may_be_known(self):
        assert nested([number("all", [YES, YES], 120), number("women", [YES, NO], 120)], t=10) == []
        assert nested([number("all", [YES, YES], 120), number("women", [YES, NO], 110)], t=10) == []

    @pytest.mark.parametrize(
        ("low", "high", "leaks"),
        [(0, 0, NO), (4, 4, YES), (9, 9, YES), (10, 10, NO), (2, 6, YES), (8, 12, YES), (0, 4, YES), (0, 10, NO),
         (3, 13, NO), (3, 12, YES), (12, 14, NO), (-4, 0, NO)],
    )  # fmt: skip
    def test_intervals(self, low, high, leaks):
        assert unsafe(low, high, t=10, w=10) is leaks

    def test_populations_that_overlap_say_nothing_in_a_pair(self):
        assert nested([number("a", [YES, YES, NO], 120), number("b", [NO, YES, YES], 118)], t=10) == []

    @pytest.mark.parametrize("seed", range(5))
    def test_against_sets_of_people(self, seed):
        rng = np.random.default_rng([seed, 31])
        counts = rng.integers(0, 9, 6)
        atoms = [frozenset((i, j) for j in range(n)) for i, n in enumerate(counts)]
        shown = [rng.random(6) < 0.5 for _ in range(8)]
        releases = [number(str(k), list(s), int(counts[s].sum())) for k, s in enumerate(shown)]
        want = set()
        for (a, x), (b, y) in itertools.permutations(enumerate(shown), 2):
            inner = set().union(*(atoms[i] for i in np.flatnonzero(x)), set())
            outer = set().union(*(atoms[i] for i in np.flatnonzero(y)), set())
            filters = set(np.flatnonzero(x)) < set(np.flatnonzero(y)) and x.any()
            if filters and 0 < len(outer - inner) < 10:
                want.add((str(a), str(b)))
        assert {(d.inner, d.outer) for d in nested(releases, t=10)} == want

    def test_different_atoms_are_refused(self):
        with pytest.raises(PrimumError, match="2, 3"):
            nested([number("a", [YES, NO], 1), number("b", [YES, NO, NO], 1)], t=10)
        assert nested([], t=10) == []


class TestBands:
    counts = (
        Band("0–17", 0, 17, 120, 120), Band("18+", 18, None, 380, 380),
        Band("0–18", 0, 18, 124, 124), Band("19+", 19, None, 376, 376),
    )  # fmt: skip

    def test_t7_people_of_eighteen_follow_twice(self):
        found = bands(self.counts, t=10)
        assert {(d.inner, d.outer, d.low) for d in found} == {("0–17", "0–18", 4), ("19+", "18+", 4)}

    def test_the_same_table_twice_is_safe(self):
        assert bands(self.counts[:2] * 2, t=10) == []

    def test_pieces(self):
        pieces = cut(self.counts)
        assert [p.support.sum() for p in pieces] == [1, 2, 2, 1]  # pieces: below 0, 0–17, 18, 19 and more

    def test_nested_thresholds(self):
        found = bands([Band("risk ≥ 10", 10, None, 80, 80), Band("risk ≥ 20", 20, None, 75, 75)], t=10)
        assert [(d.inner, d.low) for d in found] == [("risk ≥ 20", 5)]

    def test_a_band_backwards_is_refused(self):
        with pytest.raises(PrimumError, match="from 9 to 3"):
            cut([Band("odd", 9, 3, 1, 1)])


class TestVersions:
    def pair(self, before: float, now: float, wide: float = 0) -> list:
        old, new = (number("everyone", [YES, YES], n - wide, n + wide) for n in (before, now))
        return versions([old], [new], t=10)

    def test_t5_one_more_person(self):
        found = self.pair(1000, 1001)
        assert [(d.inner, d.outer, d.low, d.high) for d in found] == [("everyone (before)", "everyone (now)", 1, 1)]

    def test_t5_three_withdrawals(self):
        assert [(d.low, d.high, d.level) for d in self.pair(1000, 997)] == [(3, 3, "fail")]

    def test_no_change_and_a_large_one_are_safe(self):
        assert self.pair(1000, 1000) == []
        assert self.pair(1000, 1010) == []
        assert self.pair(1000, 990) == []
        assert self.pair(1000, 1000, wide=2) == []

    def test_rounded_numbers_that_moved_one_step(self):
        assert [(d.low, d.high) for d in self.pair(1000, 1005, wide=2)] == [(1, 9)]
        assert [(d.low, d.high) for d in self.pair(1005, 1000, wide=2)] == [(1, 9)]

    def test_another_filter_of_the_same_name_is_for_a_person(self):
        found = versions([number("x", [YES, NO], 50)], [number("x", [YES, YES], 90)], t=10)
        assert [d.level for d in found] == ["review"]

    def test_new_numbers_have_nothing_to_differ_from(self):
        assert versions([number("x", [YES, NO], 50)], [number("y", [YES, NO], 51)], t=10) == []


def test_a_filter_that_cannot_be_written_is_for_a_person():
    found = unknown_filters(["people who like tea"])
    assert (found[0].inner, found[0].level) == ("people who like tea", "review")
