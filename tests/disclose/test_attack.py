"""The attack against cases with known answers, against brute force, and against the clock."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from primum.disclose.attack import Attack, Target, attack, small_cells
from primum.disclose.presets import preset
from primum.disclose.protect import protect
from primum.disclose.releases import Atoms, Release, exact, marginals
from primum.errors import PrimumError

PRESETS = ("cbs", "ons_sdap", "uk_biobank", "opensafely", "strict_lp")


def table(rows: list[list[int]]) -> Atoms:
    """Return a two-way table of a group and an outcome."""
    groups = tuple("ABCDEFG"[: len(rows)])
    return Atoms(("group", "outcome"), (groups, ("neg", "pos")[: len(rows[0])]), np.array(rows))


def cell(atoms: Atoms, group: str, outcome: str) -> Target:
    found = dict(marginals(atoms, ("group", "outcome")))
    return Target(f"{group}/{outcome}", found[group, outcome])


def published(atoms: Atoms, hidden: set[tuple[str, str]]) -> list[Release]:
    """Return all cells but the hidden ones, with all margins and the total."""
    names = [("group",), ("outcome",), ()]
    out = [r for v in names for r in exact(atoms, v)]
    keys = [key for key, _ in marginals(atoms, ("group", "outcome"))]
    return out + [r for key, r in zip(keys, exact(atoms, ("group", "outcome")), strict=True) if key not in hidden]


def intervals(found: Attack) -> dict[str, tuple[float, float]]:
    return {v.where: (v.low, v.high) for v in found.verdicts}


def t1_attack(hidden: set[tuple[str, str]], t: int = 10) -> Attack:
    atoms = table([[60, 40], [56, 4], [50, 30]])
    return attack(published(atoms, hidden), [cell(atoms, *h) for h in sorted(hidden)], t=t)


class TestT1:
    def test_one_hidden_cell_is_the_rest_of_its_row(self):
        found = t1_attack({("B", "pos")})
        assert intervals(found) == {"B/pos": (4, 4)}
        assert not found.passed
        assert found.verdicts[0].how == "row space"

    def test_a_row_of_two_hidden_cells_is_solved_through_the_columns(self):
        assert intervals(t1_attack({("B", "pos"), ("B", "neg")})) == {"B/neg": (56, 56), "B/pos": (4, 4)}

    @pytest.mark.parametrize("t", [5, 8, 10, 20])
    def test_a_rectangle_protects(self, t):
        found = t1_attack(set(itertools.product("BC", ("neg", "pos"))), t)
        assert found.passed
        assert intervals(found) == {"B/neg": (26, 60), "B/pos": (0, 34), "C/neg": (46, 80), "C/pos": (0, 34)}

    def test_all_six_at_35(self):
        assert not t1_attack(set(itertools.product("BC", ("neg", "pos"))), 35).passed
        found = t1_attack(set(itertools.product("ABC", ("neg", "pos"))), 35)
        assert found.passed
        assert intervals(found)["B/pos"] == (0, 60)
        assert intervals(found)["C/pos"] == (0, 74)


class TestT2:
    atoms = table([[60, 1], [56, 4], [50, 30]])

    def run(self, groups: str, t: int) -> Attack:
        hidden = set(itertools.product(groups, ("neg", "pos")))
        return attack(published(self.atoms, hidden), [cell(self.atoms, *h) for h in sorted(hidden)], t=t)

    def test_a_complement_of_tiny_cells_fails_at_10_and_passes_at_5(self):
        found = self.run("AB", 10)
        assert intervals(found) == {"A/neg": (56, 61), "A/pos": (0, 5), "B/neg": (55, 60), "B/pos": (0, 5)}
        assert not any(v.passed for v in found.verdicts)
        assert "at most 5, which is below 10" in found.verdicts[1].why
        assert "narrower than 10" in found.verdicts[0].why
        assert self.run("AB", 5).passed

    def test_six_hidden_cells_pass(self):
        found = self.run("ABC", 10)
        assert found.passed
        assert {intervals(found)[f"{g}/pos"] for g in "ABC"} == {(0, 35)}


class TestT4:
    counts = np.array(
        [[[29, 46], [30, 40], [45, 38], [39, 2]], [[44, 36], [49, 39], [38, 34], [36, 3]]],
    )
    atoms = Atoms(("sex", "eth", "outcome"), (("0", "1"), ("0", "1", "2", "3"), ("0", "1")), counts)

    def run(self, hidden: set[str]) -> Attack:
        shown = exact(self.atoms, ("sex", "outcome"))
        shown += [
            r
            for (key, _), r in zip(
                marginals(self.atoms, ("eth", "outcome")), exact(self.atoms, ("eth", "outcome")), strict=True
            )
            if key[0] not in hidden
        ]
        eth = dict(marginals(self.atoms, ("eth", "outcome")))
        full = dict(marginals(self.atoms, ("sex", "eth", "outcome")))
        targets = [Target("1", eth["3", "1"]), Target("0", eth["3", "0"]), Target("men", full["0", "3", "1"])]
        return attack(shown, targets, t=10)

    def test_a_group_hidden_everywhere_is_found_through_another_attribute(self):
        assert intervals(self.run({"3"})) == {"1": (5, 5), "0": (75, 75), "men": (0, 5)}

    @pytest.mark.parametrize(("other", "most"), [("2", 77), ("0", 87), ("1", 84)])
    def test_withholding_one_more_group_protects(self, other, most):
        found = self.run({"3", other})
        assert intervals(found)["1"] == (0, most)
        assert found.passed


def test_t3_one_way_and_two_way_tables_together():
    atoms = table([[60, 40], [56, 4]])
    shown = exact(atoms, ("group",))
    shown += [r for r in exact(atoms, ("group", "outcome")) if "B" not in r.where or "neg" in r.where]
    found = attack(shown, [cell(atoms, "B", "pos")], t=10)
    assert intervals(found) == {"B/pos": (4, 4)}


def performance_case() -> tuple[list[Release], list[Target], list[int]]:
    levels = (2, 5, 4, 3, 4, 2, 2)
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.full(int(np.prod(levels)), 0.3))
    counts = rng.multinomial(8000, share).reshape(levels)
    names = ("a", "b", "c", "d", "e", "y", "d̂")
    atoms = Atoms(names, tuple(tuple(str(i) for i in range(k)) for k in levels), counts)
    shown, targets, true = [], [], []
    for name in names[:5]:
        for (key, support), r in zip(marginals(atoms, (name, "y", "d̂")), exact(atoms, (name, "y", "d̂")), strict=True):
            if name == "b" and key[0] == "4":
                targets.append(Target(r.where, support))
                true.append(int(counts.reshape(-1)[support].sum()))
            else:
                shown.append(r)
    return shown, targets, true


def test_t35_two_thousand_atoms_in_five_seconds():
    shown, targets, true = performance_case()
    assert len(shown) == 68
    assert len(shown[0].support) == 1920
    assert true[:2] == [526, 286]
    begun = time.monotonic()
    found = attack(shown, targets[:2], t=10, time_limit=5)
    assert time.monotonic() - begun < 5
    assert [(v.low, v.high, v.how) for v in found.verdicts] == [(526, 526, "row space"), (286, 286, "row space")]


def test_t35_the_programs_agree_with_the_row_space(monkeypatch):
    shown, targets, _ = performance_case()
    monkeypatch.setattr("primum.disclose.constraints.RowSpace.value", lambda self, row: None)
    found = attack(shown, targets[:2], t=10, time_limit=60)
    assert [(v.low, v.high, v.how) for v in found.verdicts] == [
        (526, 526, "linear program"),
        (286, 286, "linear program"),
    ]


def test_t35_fifty_thousand_atoms_without_time_fail_closed():
    rng = np.random.default_rng(1)
    n = 50_000
    shown = [Release(str(i), rng.random(n) < 0.5, 10_000.0, 10_100.0) for i in range(70)]
    found = attack(shown, [Target("x", rng.random(n) < 0.01), Target("y", rng.random(n) < 0.01)], t=10, time_limit=0.3)
    assert not found.passed
    assert all(math.isnan(v.high) for v in found.verdicts)
    assert all("time ran out" in v.why.lower() for v in found.verdicts)


def test_whole_people_pin_what_fractions_do_not():
    # the three releases together say 2 (a + b + c) + 3 d = 3: d is 1 for whole people, 0 to 1 for fractions of them
    pairs = [np.array(p, dtype=bool) for p in ([1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 1, 1])]
    shown = [Release(str(i), p, 1.0, 1.0) for i, p in enumerate(pairs)]
    shown.append(Release("all", np.array([1, 1, 1, 1], dtype=bool), 0.0, 2.0))
    found = attack(shown, [Target("last", np.array([0, 0, 0, 1], dtype=bool))], t=1, w=0)
    assert intervals(found) == {"last": (1, 1)}
    assert found.verdicts[0].how == "integer program"


def brute(shown: list[Release], target: np.ndarray, total: int) -> tuple[int, int]:
    """Return the least and most of a count by trying every table of whole people."""
    size = len(target)
    seen = []
    for counts in itertools.product(range(total + 1), repeat=size):
        values = np.array(counts)
        if all(r.low <= values[r.support].sum() <= r.high for r in shown):
            seen.append(int(values[target].sum()))
    return min(seen), max(seen)


@pytest.mark.parametrize("seed", range(12))
def test_against_trying_every_table(seed):
    rng = np.random.default_rng([seed, 77])
    counts = rng.integers(0, 4, 4)
    total = int(counts.sum())
    shown = [Release("all", np.ones(4, dtype=bool), total, total)]
    for i in range(3):
        support = rng.random(4) < 0.5
        true = int(counts[support].sum())
        wide = int(rng.integers(0, 3))
        shown.append(Release(str(i), support, max(true - wide, 0), true + wide))
    target = np.eye(4, dtype=bool)[int(rng.integers(4))]
    # w = 0 and t = 1 let every interval through to the integer program
    found = attack(shown, [Target("x", target)], t=1, w=0)
    low, high = brute(shown, target, total)
    verdict = found.verdicts[0]
    if verdict.how == "linear program" and high > low:  # a wide interval is not looked at twice
        assert verdict.low <= low <= high <= verdict.high
    else:
        assert (verdict.low, verdict.high) == (low, high)


def test_rounded_counts_keep_their_interval():
    atoms = table([[60, 40], [56, 4], [50, 30]])
    rounded = [Release(r.where, r.support, r.low - 2, r.high + 2) for r in published(atoms, set())]
    found = attack(rounded, [cell(atoms, "B", "pos")], t=10)
    assert intervals(found)["B/pos"] == (2, 6)
    assert not found.passed


def test_a_share_of_one_is_found():
    atoms = table([[60, 40], [0, 30]])
    shown = [
        *exact(atoms, ()),
        Release("B", np.array([0, 0, 1, 1], dtype=bool), 20, 40),
        Release("neg without B", np.array([1, 0, 1, 0], dtype=bool), 60, 60),
        Release("A/neg", np.array([1, 0, 0, 0], dtype=bool), 60, 60),
    ]
    target = cell(atoms, "B", "pos")
    assert attack(shown, [target], t=10).passed
    whole = Target("B/pos", target.support, whole=np.array([0, 0, 1, 1], dtype=bool))
    found = attack(shown, [whole], t=10)
    assert not found.passed
    assert "share of 1" in found.verdicts[0].why


def test_contradictory_releases_fail_closed():
    ones = np.ones(2, dtype=bool)
    shown = [Release("a", ones, 5, 6), Release("b", ones, 8, 9)]
    found = attack(shown, [Target("x", np.array([True, False]))], t=2)
    assert not found.passed
    assert "contradict" in found.verdicts[0].why


def test_nothing_released_pins_nothing():
    shown = [Release("a", np.array([True, False]), 50, 50)]
    found = attack(shown, [Target("other", np.array([False, True]))], t=10)
    assert found.passed
    assert found.verdicts[0].high == math.inf


def test_small_cells_are_the_ones_below_t():
    atoms = table([[60, 40], [56, 4], [0, 30]])
    assert [s.where for s in small_cells(atoms, [("group", "outcome"), ("group",)], t=10)] == ["group=B · outcome=pos"]


def test_bad_input_is_named():
    ones = np.ones(2, dtype=bool)
    with pytest.raises(PrimumError, match="protects nothing"):
        attack([], [Target("x", ones)], t=0)
    with pytest.raises(PrimumError, match="2, 3"):
        attack([Release("a", np.ones(3, dtype=bool), 1, 1)], [Target("x", ones)], t=10)
    with pytest.raises(PrimumError, match="between 3 and 2"):
        attack([Release("a", ones, 3, 2)], [Target("x", ones)], t=10)
    assert attack([], [], t=10).passed


def cohort(seed: int) -> Atoms:
    """Return random counts of a random structure."""
    rng = np.random.default_rng([seed, 5])
    shape = [(3, 2), (4, 2), (2, 3, 2), (3, 4), (2, 4, 2)][seed % 5]
    names = tuple("abc"[: len(shape)])
    counts = rng.integers(0, 30, shape) if seed % 2 else rng.poisson(rng.choice([3, 15, 60], shape))
    return Atoms(names, tuple(tuple(f"{n}{i}" for i in range(k)) for n, k in zip(names, shape, strict=True)), counts)


def pinned(seed: int, name: str) -> tuple[int, int]:
    """Protect a random cohort under a preset; return how many small counts there are, and how many the attack pins."""
    policy = preset(name)
    safe = protect(cohort(seed), policy)
    targets = small_cells(safe.atoms, safe.tables, t=policy["t"])
    found = attack(safe.releases(), targets, t=policy["t"], w=policy["w"], time_limit=30)
    assert all(v.how != "no time" for v in found.verdicts)
    return len(targets), len(found.leaks)


@pytest.mark.parametrize("name", PRESETS)
def test_protected_tables_of_random_cohorts_withstand(name):
    small, leaks = np.sum([pinned(seed, name) for seed in range(5)], axis=0)
    assert small > 0
    assert leaks == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_protected_tables_of_many_random_cohorts_withstand(name):
    small, leaks = np.sum([pinned(seed, name) for seed in range(100)], axis=0)
    assert small > 100
    assert leaks == 0


def test_tables_without_protection_do_not_withstand():
    atoms = cohort(1)
    shown = [r for names in ((), ("a",), ("b",)) for r in exact(atoms, names)]
    shown += [r for r in exact(atoms, ("a", "b")) if r.low >= 10]
    targets = small_cells(atoms, [("a", "b")], t=10)
    assert targets
    assert attack(shown, targets, t=10).leaks
