"""Worst cases for a whole protected tally, each against the attacker of `recode_attacker`, who sees only its rows.

First the attacker is shown releases that leak, so that its silence afterwards means something.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from primum.disclose import recode as module
from primum.disclose.presets import preset
from primum.disclose.recode import recode
from primum.disclose.related import pinned, related

CELLS = list(itertools.product((0, 1), (0, 1)))
POLICY = preset("cbs")


def alone(names):
    return [(n, (n,)) for n in names]


def protected(cohort, policy=POLICY):
    return recode(cohort.tallies(), cohort.cuts, cohort.groups, policy)


def found(attacker, cohort, policy=POLICY, **changes):
    rows = protected(cohort, policy).rows()
    return attacker.leaks(rows, cohort, policy, np.random.default_rng(0), **({"sample": 60} | changes))


def row(attribute, group, y, low, high, count):
    return {"model": "m0", "attribute": attribute, "group": group, "outcome": y, "low": low, "high": high,
            "count": count}  # fmt: skip


# -- the attacker can attack ----------------------------------------------------------------------------------------


def test_the_attacker_finds_a_hidden_group_by_subtraction(attacker):
    cohort = attacker.made(
        [((g,), y, h, n) for g, n in zip("ABC", (60, 30, 4), strict=True) for y, h in CELLS], "a", alone("a")
    )
    rows = [row(None, "everyone", y, h / 2, (h + 1) / 2, 94) for y, h in CELLS]
    rows += [
        row("a", g, y, h / 2, (h + 1) / 2, n) for g, n in (("A", 60), ("B", 30), (attacker.REST, 4)) for y, h in CELLS
    ]
    leaks = attacker.leaks(rows, cohort, POLICY, np.random.default_rng(0))
    assert {(tuple(what[1].items()), true, low, high) for what, true, low, high in leaks if what[1]} == {
        ((("a", "C"),), 4, 4, 4),
        ((("a", "C"),), 8, 8, 8),  # with either decision
    }


def test_the_attacker_finds_steps_that_do_not_fit_into_each_other(attacker):
    # everyone in steps cut at .3, the groups in steps cut at .25: 4 people lie between
    labels = np.repeat(["A", "B"], 200)
    scores = np.tile(np.concatenate([np.full(60, 0.1), np.full(2, 0.27), np.full(38, 0.4), np.full(100, 0.7)]), 2)
    cohort = attacker.Cohort({"a": labels}, np.ones(400, dtype=int), {"m0": scores}, {"m0": 0.5}, alone("a"))
    rows = [row(None, "everyone", 1, *x) for x in ((0.0, 0.3, 124), (0.3, 0.5, 76), (0.5, 1.0, 200))]
    for g in "AB":
        rows += [row("a", g, 1, *x) for x in ((0.0, 0.25, 60), (0.25, 0.5, 40), (0.0, 0.5, 100), (0.5, 1.0, 100))]
    rows += [row(None, "everyone", 0, *x, 0) for x in ((0.0, 0.3), (0.3, 0.5), (0.5, 1.0))]
    leaks = attacker.leaks(rows, cohort, preset("uk_biobank"), np.random.default_rng(0))
    assert (("m0", {}, 1, [0.25]), 4, 4, 4) in leaks


def test_the_attacker_finds_a_difference_of_two_models(attacker):
    rows = [
        {**row("a", "A", 1, h / 2, (h + 1) / 2, n), "model": m}
        for m, n in (("m0", 40), ("m1", 38))
        for h in (0, 1)
    ]  # fmt: skip
    assert attacker._between(rows, 10, POLICY) == [(("a", "A", 1), 4, 80, 76)]
    assert attacker._between(rows, 4, POLICY) == []


def test_the_attacker_agrees_with_enumeration(attacker):
    # a 2 × 3 table of 14 people: every way of filling it that fits its sums
    table = np.array([[3, 1, 2], [4, 2, 2]])
    rows = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1]], dtype=bool)
    sums = rows @ table.reshape(-1)
    every = np.array(list(itertools.product(range(9), repeat=6)))
    fits = every[(every @ rows.T == sums).all(axis=1)].tolist()
    for whole in (False, True):
        ends = attacker.bounds(rows, sums, sums, np.eye(6, dtype=bool), whole=whole)
        assert ends.tolist() == [[min(x[k] for x in fits), max(x[k] for x in fits)] for k in range(6)]


# -- worst cases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_everyones_fine_steps_against_the_coarser_steps_of_two_attributes(attacker, seed):
    rng = np.random.default_rng([seed, 3])
    n = 2500
    labels = {a: rng.choice(list("pqrs"), n, p=rng.dirichlet(np.ones(4))) for a in "ab"}
    y = (rng.random(n) < 0.2).astype(int)
    s = np.clip(rng.normal(0.3 + 0.2 * y, 0.15), 0, 0.99)
    cohort = attacker.Cohort(labels, y, {"m0": s}, {"m0": 0.4}, alone("ab"))
    recoded = protected(cohort)
    assert recoded.ranked["m0"]
    steps = set(recoded.everyone["m0"].grid.thresholds)
    for view in recoded.ranked["m0"].values():
        assert set(view.grid.thresholds) <= steps
    assert found(attacker, cohort) == []
    # both attributes and everyone's steps in one program
    told = attacker.read(recoded.rows(), cohort, POLICY, "m0")
    edges = sorted({x for t in told for x in (t.start, t.end)})
    for k in (0, 1):
        system = attacker.problem(told, cohort, ("a", "b"), k, edges)
        goals = attacker._goals(cohort, "m0", ("a", "b"), k, edges, range(1, 10), rng, 12)
        masks = np.array([attacker._mask(system[3], ("a", "b"), g) for g in goals])
        for low, high in attacker.bounds(*system[:3], masks):
            assert high >= 10
            assert high - low >= 10


def ring(attacker, groups):
    # every two-way count is at least 30; one person is in 000 and three are in 111 of each outcome and decision
    sizes = {"000": 1, "111": 3}
    cells = [
        (tuple(g), y, h, sizes.get("".join(g), 30)) for g in itertools.product("01", repeat=3) for y, h in CELLS
    ]  # fmt: skip
    return attacker.made(cells, "ABC", [*alone("ABC"), *groups])


RING = [(" × ".join(p), tuple(p)) for p in ("AB", "AC", "BC")]


def test_three_intersections_in_a_ring_pin_single_people(attacker, monkeypatch):
    cohort = ring(attacker, RING)
    assert found(attacker, cohort, whole=True) == []
    monkeypatch.setattr(module, "tree", lambda groups: {t for t, n in groups if len(n) > 1})
    leaks = found(attacker, cohort, whole=True)
    assert (("m0", {"A": "0", "B": "0", "C": "0"}, 0, (0,)), 1, 0, 4) in leaks


@pytest.mark.parametrize("groups", [RING[:2], [*RING, ("A × B × C", ("A", "B", "C"))], [("all", ("A", "B", "C"))]])
def test_other_intersections_of_three_attributes(attacker, groups):
    assert found(attacker, ring(attacker, groups), whole=True) == []


@pytest.mark.parametrize("seed", range(4))
def test_hidden_rows_of_intersections_that_meet(attacker, seed):
    rng = np.random.default_rng([seed, 4])
    cells = [
        ((a, b, c), y, h, int(rng.choice([1, 12, 30]))) for a in "0123" for b in "012" for c in "01" for y, h in CELLS
    ]
    cohort = attacker.made(cells, "ABC", [*alone("ABC"), *RING[:2]])
    recoded = protected(cohort, preset("uk_biobank"))
    assert any(d.shown and len(d.names) > 1 for d in recoded.divisions.values())
    assert found(attacker, cohort, preset("uk_biobank"), sample=25) == []


def test_groups_whose_people_are_told_and_whose_decisions_are_not(attacker):
    # c and d have enough with and without the outcome, and 3 and 12 of them are missed
    sizes = {"a": (60, 60, 60, 60), "b": (50, 50, 50, 50), "c": (20, 20, 3, 20), "d": (20, 20, 12, 20)}
    cells = [((g,), y, h, n) for g, four in sizes.items() for (y, h), n in zip(CELLS, four, strict=True)]
    cohort = attacker.made(cells, "v", alone("v"))
    assert protected(cohort).divisions["v"].counted == (("c",), ("d",))
    assert found(attacker, cohort, sample=1000, whole=True) == []


@pytest.mark.parametrize("name", ["opensafely", "strict_lp"])
def test_sums_of_rounded_cells_do_not_narrow_a_hidden_one(attacker, name):
    rng = np.random.default_rng(5)
    sizes = {"a": 120, "b": 90, "c": 60, "d": 45, "e": 9, "f": 3}
    cells = [((g, h), y, k, n + int(rng.integers(5))) for g, n in sizes.items() for h in "xy" for y, k in CELLS]
    cohort = attacker.made(cells, ("u", "v"), [*alone("uv"), ("u × v", ("u", "v"))])
    assert found(attacker, cohort, preset(name), sample=200) == []


@pytest.mark.parametrize("lost", [{"a": 10, "c": 4}, {"a": 25, "b": 5}, {"c": 12}, {"a": 9, "b": 9, "c": 9}])
def test_models_that_do_not_score_the_same_people(attacker, lost):
    cells = [((g,), y, h, n) for g, n in {"a": 60, "b": 50, "c": 40, "d": 30}.items() for y, h in CELLS]
    cohort = attacker.made(cells, "v", alone("v"), models=("m0", "m1", "m2"))
    for g, k in lost.items():
        own = np.flatnonzero((cohort.labels["v"] == g) & (cohort.outcome == 1))
        cohort.scores["m1"][own[:k]] = np.nan
        cohort.scores["m2"][own[: k + 2]] = np.nan  # two more than m1
    recoded = protected(cohort)
    assert found(attacker, cohort, sample=1000) == []
    for one, other in itertools.combinations(recoded.decided, 2):
        views = [recoded.decided[m].get("v") for m in (one, other)]
        if all(views):
            apart = np.abs(views[0].people() - views[1].people())
            assert ((apart == 0) | (apart >= 10)).all()  # of the remainder as well


# -- attributes that imply one another ------------------------------------------------------------------------------

AGES = {("18-29", "<65"): 14, ("30-44", "<65"): 60, ("45-64", "<65"): 60, ("65-74", "65+"): 60, ("75+", "65+"): 5}


def test_a_coarse_attribute_does_not_give_the_rest_of_a_fine_one_away(attacker):
    cohort = attacker.made(
        [(g, y, h, n) for g, n in AGES.items() for y, h in CELLS], ("fine", "coarse"), alone(("fine", "coarse"))
    )
    recoded = protected(cohort)
    # 65 and over without 65-74 would be the 5 of 75 and over, so 65-74 joins the remainder
    assert recoded.divisions["fine"].shown == (("18-29",), ("30-44",), ("45-64",))
    assert recoded.divisions["coarse"].shown == (("65+",), ("<65",))
    assert attacker.known_impossible(recoded.rows(), cohort, POLICY, ("fine", "coarse")) == []


@pytest.mark.parametrize("seed", range(12))
def test_t7_two_sets_of_bands_of_one_age(attacker, seed):
    rng = np.random.default_rng([seed, 7])
    n = int(rng.integers(300, 4000))
    age = rng.integers(18, 95, n)
    labels = {}
    for k in "ab":
        cuts = np.sort(rng.choice(np.arange(25, 90), int(rng.integers(1, 5)), replace=False))
        labels[k] = np.array([f"{k}{i}" for i in np.searchsorted(cuts, age, side="right")])
    y = (rng.random(n) < 0.3).astype(int)
    s = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 0.99).round(2)
    cohort = attacker.Cohort(labels, y, {"m0": s}, {"m0": 0.5}, alone("ab"))
    assert attacker.known_impossible(protected(cohort).rows(), cohort, POLICY, ("a", "b")) == []


def test_t7_without_the_look_at_both_the_eighteen_year_olds_follow(attacker, monkeypatch):
    # 0-17 and 18+, 0-18 and 19+: by subtraction, four of 18 years in each outcome and decision
    sizes = {("0-17", "0-18"): 30, ("18+", "0-18"): 4, ("18+", "19+"): 91}
    cohort = attacker.made([(g, y, h, n) for g, n in sizes.items() for y, h in CELLS], "ab", alone("ab"))
    assert attacker.known_impossible(protected(cohort).rows(), cohort, POLICY, ("a", "b")) == []
    assert any(d.shown for d in protected(cohort).divisions.values())
    monkeypatch.setattr(module, "related", lambda people: False)
    leaks = attacker.known_impossible(protected(cohort).rows(), cohort, POLICY, ("a", "b"))
    assert {(low, high) for _, low, high in leaks} == {(4, 4)}


def test_related_and_pinned():
    assert related(np.array([[60, 0], [40, 50]]))  # 0 where 60 × 50 / 150 = 20 are expected
    assert not related(np.array([[60, 0], [40, 5]]))  # 2.9 expected
    table, both = np.array([[30, 0], [4, 91]]), (np.ones(2, dtype=bool), np.ones(2, dtype=bool))
    assert pinned(table, table > 0, both, 10, 10) == (1, 0)
    assert pinned(table, np.ones((2, 2), dtype=bool), both, 10, 10) is None  # who knows of no empty cell knows nothing
    hidden = (np.array([True, True]), np.array([False, False]))
    assert pinned(table, table > 0, hidden, 10, 10) is None


# -- tiny cohorts, by brute force -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_brute_force_over_every_table_that_fits(attacker, seed):
    """Enumerate every table of 3 groups × 2 decisions of those with the outcome, at a threshold of 2."""
    rng = np.random.default_rng([seed, 6])
    policy = preset(_tiny())
    sizes = [rng.integers(0, 5, 2) for _ in range(4)]
    cells = [((g,), 1, h, int(n[h])) for g, n in zip("abcd", sizes, strict=True) for h in (0, 1)]
    cells += [((g,), 0, h, 6) for g in "abcd" for h in (0, 1)]
    cohort = attacker.made(cells, "v", alone("v"))
    rows = protected(cohort, policy).rows()
    told = [t for t in attacker.read(rows, cohort, policy, "m0") if t.y == 1]
    book, true = cohort.book["v"], np.array([n for _, y, _, n in cells if y]).reshape(4, 2)
    sums = [
        (np.array([(g,) in t.groups or not t.names for g in book]), t.start == 0.0, t.end == 1.0, t.low) for t in told
    ]
    seen = [set() for _ in range(8)]
    sides = []
    for side in (0, 1):
        own = [(g, n) for g, low, high, n in sums if (low and not high, high and not low)[side]]
        tops = [range(min(n for g, n in own if g[k]) + 1) for k in range(4)]
        sides.append([x for x in itertools.product(*tops) if all(n == np.array(x)[g].sum() for g, n in own)])
    both = [(g, n) for g, low, high, n in sums if low and high]
    keys = [{}, {}]
    for side in (0, 1):
        for x in sides[side]:
            keys[side].setdefault(tuple(int(np.array(x)[g].sum()) for g, _ in both), []).append(x)
    for key, lows in keys[0].items():
        for high in keys[1].get(tuple(n - k for k, (_, n) in zip(key, both, strict=True)), []):
            for low in lows:
                for k, n in enumerate(x for pair in zip(low, high, strict=True) for x in pair):
                    seen[k].add(n)
    for k, n in enumerate(true.reshape(-1).tolist()):
        assert n in seen[k]
        if 0 < n < policy["t"]:
            assert max(seen[k]) >= policy["t"]
            assert max(seen[k]) - min(seen[k]) >= policy["w"]


def _tiny():
    """Write a preset of one's own with a threshold of 3, so that few enough tables fit to count them all."""
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from primum.disclose.presets import write

    base = preset("uk_biobank")
    facts = {k: replace(f, value=3) if k in {"t", "w", "tail"} else f for k, f in base.facts.items()}
    path = Path(tempfile.mkdtemp()) / "tiny.yaml"
    path.write_text(write(replace(base, name="tiny", facts=facts)), encoding="utf-8")
    return path
