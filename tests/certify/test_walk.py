"""The walk: fixed sequence, its promise by simulation, chains that come back, groups that nothing can reach."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primum.certify.certificate import certify
from primum.certify.utility import net_benefit
from primum.certify.walk import spared, walk
from primum.errors import PrimumError
from primum.tally.paired import PairedTally, count_pairs
from primum.tally.paired_units import count_units

AT_20 = net_benefit(0.2)
TERMS = {"utility": AT_20, "margin": 0.02, "alpha": 0.05}


def tally(changes):
    """Group → (people, cases found, cases lost): everyone ill."""
    n = np.zeros((len(changes), 2, 2, 2), dtype=np.int64)
    for i, (people, found, lost) in enumerate(changes.values()):
        n[i, 1] = [[people - found - lost, found], [lost, 0]]
    return PairedTally(("sex",), tuple((g,) for g in changes), n)


def along(steps):
    return lambda s: tally(steps[s])


FINE, HURT, FEW = (2000, 20, 0), (2000, 0, 200), (30, 0, 0)
NOTHING = {"men": (2000, 0, 0), "women": (2000, 0, 0)}


def test_the_walk_stops_at_the_first_refusal_and_never_looks_beyond():
    asked = []

    def pairs(s):
        asked.append(s)
        return tally({"men": FINE, "women": HURT if s == 0.5 else FINE} if s else NOTHING)

    found = walk([0, 0.25, 0.5, 0.75, 1], pairs, **TERMS)
    assert [s.status for s in found.steps] == ["in use", "certified", "refused", "not reached", "not reached"]
    assert found.strength == 0.25
    assert asked == [0, 0.25, 0.5]
    assert found.refused.strength == 0.5
    assert found.steps[3].certificate is None
    assert found.words == "25% of the repair is certified; at 50% women is harmed."


def test_strength_zero_is_always_certified_even_without_enough_people():
    found = walk([0, 1], along({0: {"men": FEW}, 1: {"men": FEW}}), **TERMS)
    assert found.strength == 0
    assert found.steps[0].certificate.granted
    assert found.words.startswith("Nothing can be certified: already at 100% of the repair men is not assessable.")


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=4))
def test_whatever_the_counts_the_model_in_use_remains(changes):
    steps = {0.0: {"g": (100, 0, 0)}} | {float(k + 1): {"g": (100, *c)} for k, c in enumerate(changes)}
    found = walk(list(steps), along(steps), **TERMS | {"bound": "student"})
    assert found.steps[0].status == "in use"
    status = [s.status for s in found.steps]
    assert status == sorted(status, key=["in use", "certified", "refused", "not reached"].index)
    assert status.count("refused") <= 1


def test_a_full_walk_says_so():
    steps = {0: {"men": (2000, 0, 0)}, 0.5: {"men": FINE}, 1: {"men": FINE}}
    found = walk([0, 0.5, 1], along(steps), **TERMS)
    assert (found.strength, found.refused) == (1, None)
    assert found.words.startswith("The full repair is certified")


@pytest.mark.parametrize("repeats", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_the_chance_that_any_step_is_falsely_certified_is_at_most_alpha(repeats):
    """Harm sets in at the third of five steps, exactly at the margin there: without correction at most 5 %."""
    rng = np.random.default_rng(17)
    n, margin, false = 400, 0.02, 0
    for k in range(repeats):
        u = rng.random(n)
        first = (u < 0.08).astype(int)

        def pairs(s, first=first, u=u):
            lost = {0: 0.0, 0.2: 0.0, 0.4: 0.0, 0.6: 0.02, 0.8: 0.04, 1.0: 0.08}[s]
            return count_pairs(np.ones(n, int), first, (first & (u >= lost)).astype(int), {"sex": ["women"] * n})

        found = walk([0, 0.2, 0.4, 0.6, 0.8, 1.0], pairs, utility=AT_20, margin=margin, alpha=0.05, seed=k)
        false += found.strength >= 0.6
    assert false / repeats <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / repeats)
    if repeats > 100:
        assert false > 0  # the level is used


def test_a_gain_of_the_worst_off_is_shown_from_the_full_repair_backwards():
    big, little = (2000, 200, 0), (2000, 1, 0)
    steps = {0: NOTHING, 0.25: {"men": FINE, "women": little},
             0.5: {"men": FINE, "women": big}, 1: {"men": FINE, "women": big}}  # fmt: skip
    found = walk([0, 0.25, 0.5, 1], along(steps), worst_off=("sex", "women"), **TERMS)
    assert [s.improves for s in found.steps] == [None, False, True, True]
    assert found.reached.certificate.improvement

    steps[1] = {"men": FINE, "women": little}
    found = walk([0, 0.25, 0.5, 1], along(steps), worst_off=("sex", "women"), **TERMS)
    assert [s.improves for s in found.steps] == [None, None, None, False]
    assert found.steps[2].certificate.improves is False  # shown on its own, but out of turn

    steps[1] = {"men": HURT, "women": big}
    found = walk([0, 0.25, 0.5, 1], along(steps), worst_off=("sex", "women"), **TERMS)
    assert (found.strength, found.reached.improves) == (0.5, True)


def test_a_group_that_nothing_reaches_needs_no_people():
    steps = {0: {"few": FEW, "men": (2000, 0, 0)}, 1: {"few": FEW, "men": FINE}}
    assert walk([0, 1], along(steps), **TERMS).strength == 0
    found = walk([0, 1], along(steps), untouched=lambda s: {("sex", "few")}, **TERMS)
    assert found.strength == 1
    few = next(g for g in found.reached.certificate.groups if g.group == "few")
    assert (few.verdict, few.estimate.method, few.n) == ("certified", "by construction", 30)
    with pytest.raises(PrimumError, match=r"Nothing was to change for men \(sex\), and 20 decisions did"):
        walk([0, 1], along(steps), untouched=lambda s: {("sex", "men")}, **TERMS)


def test_robust_verdicts_decide_each_step():
    """5 of 200 cases lost for 40 false alarms spared: fine as recorded, not if one case in twenty is."""
    n = np.zeros((1, 2, 2, 2), dtype=np.int64)
    n[0] = [[[1760, 0], [40, 0]], [[195, 0], [5, 0]]]
    still = np.zeros_like(n)
    still[0] = [[[1760, 0], [0, 40]], [[195, 0], [0, 5]]]
    steps = {0: PairedTally(("sex",), (("women",),), still), 1: PairedTally(("sex",), (("women",),), n)}
    assert walk([0, 1], steps.__getitem__, **TERMS).strength == 1
    found = walk([0, 1], steps.__getitem__, recorded={("sex", "women"): (0.05, 1.0)}, **TERMS)
    assert found.strength == 0
    spared = walk([0, 1], lambda s: steps[0], recorded={("sex", "women"): (0.05, 1.0)},
                  untouched=lambda s: {("sex", "women")}, **TERMS)  # fmt: skip
    assert spared.strength == 1


def test_clusters_are_the_units_of_every_step():
    """2,000 visits of 40 patients: as visits certified, as patients too few."""
    y = np.ones(2000, int)
    who = np.repeat(np.arange(40), 50)
    sex = {"sex": ["women"] * 2000}
    after = np.where(np.arange(2000) % 100 == 0, 1, 0)

    def visits(s):
        return count_pairs(y, y * 0, after * int(s), sex)

    def patients(s):
        return visits(s), count_units(y, y * 0, after * int(s), sex, clusters=who, max_size=50)

    assert walk([0, 1], visits, **TERMS).strength == 1
    assert walk([0, 1], patients, **TERMS).strength == 0


def test_the_walk_is_json_ready():
    steps = {0: {"men": (2000, 0, 0)}, 0.5: {"men": HURT}, 1: {"men": FINE}}
    document = walk([0, 0.5, 1], along(steps), **TERMS).to_document()
    back = json.loads(json.dumps(document, allow_nan=False))
    assert back["chosen"] == 0
    assert [s["status"] for s in back["steps"]] == ["in use", "refused", "not reached"]
    assert back["steps"][1]["certificate"] is not None
    assert back["steps"][2]["certificate"] is None


@pytest.mark.parametrize("strengths", [[0], [0.1, 1], [0, 1, 1], [0, 0.5, 0.2]])
def test_strengths_start_at_nothing_and_increase(strengths):
    with pytest.raises(PrimumError, match="The strengths are"):
        walk(strengths, along({}), **TERMS)


def test_a_cell_of_an_intersection_that_nothing_can_reach_is_certified_by_construction():
    pairs = count_pairs([1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1], {"sex": ["f", "m", "f", "m"], "age": ["o"] * 4})
    refused = certify(pairs, groups=["sex × age", "sex"], **TERMS)
    known = spared(refused, pairs, {("sex × age", "f · o")})
    verdicts = {(v.attribute, v.group): v for v in known.groups}
    assert verdicts["sex × age", "f · o"].verdict == "certified"
    assert verdicts["sex × age", "f · o"].estimate.method == "by construction"
    assert verdicts["sex", "f"].verdict == "not assessable"
    with pytest.raises(PrimumError, match="Nothing was to change"):
        spared(refused, pairs, {("sex × age", "m · o")})
