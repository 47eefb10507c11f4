"""acro's published rules on single tables, as answered by acro itself (`oracle/make_acro.py`), against ours.

Both apply to: counts below ten, empty cells, NK and p % dominance, residual degrees of freedom. acro looks at one
output at a time: a table that gives a count away together with another one passes there, and does not here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from primum.disclose.differencing import versions
from primum.disclose.presets import preset
from primum.disclose.protect import protect
from primum.disclose.releases import Atoms, Release, marginals
from primum.disclose.rules_classes import class_rule
from primum.disclose.rules_counts import count_rule
from primum.disclose.rules_dominance import dominance_rule
from primum.disclose.rules_freedom import freedom_rule

ACRO = json.loads(Path(__file__).with_name("oracle").joinpath("acro.json").read_text(encoding="utf-8"))
ANSWERS = ACRO["answers"]
POLICY = preset("ons_sdap")
OUTCOMES = ("neg", "pos")
ALONE = [name for name in ACRO["tables"] if not name.startswith("T3")]


def test_the_answers_are_of_the_version_that_was_read():
    assert ACRO["acro"] == "1.0.2"


@pytest.mark.parametrize("name", ALONE)
def test_small_and_empty_cells_of_a_single_table(name):
    for group, row in zip("ABC", ACRO["tables"][name], strict=False):
        for outcome, n in zip(OUTCOMES, row, strict=True):
            theirs = ANSWERS[name]["cells"][group][outcome]
            small = not count_rule({outcome: n}, POLICY["t"]).passes
            empty = n == 0 and class_rule(dict(zip(OUTCOMES, row, strict=True)), preset("cbs")).status == "fail"
            assert (small or empty) == (theirs != "ok")
            assert ("Zero" in theirs) == empty


@pytest.mark.parametrize("name", ALONE)
def test_a_table_that_acro_fails_loses_a_cell_here_and_one_that_it_passes_is_whole(name):
    rows = ACRO["tables"][name]
    atoms = Atoms(("group", "outcome"), (tuple("ABC"[: len(rows)]), OUTCOMES), np.array(rows))
    found = protect(atoms, preset("cbs"), tables=[("group", "outcome")], sensitive=["outcome"])
    assert bool(found.withheld) == (ANSWERS[name]["status"] == "fail")


@pytest.mark.parametrize("name", [n for n in ACRO["amounts"] if n != "nine people"])
def test_dominance(name):
    theirs, amounts = ANSWERS[name]["cells"]["A"]["A"], ACRO["amounts"][name]
    assert dominance_rule(amounts, POLICY).passes == (theirs == "ok")
    none = {"d1": None, "nk_n": None, "nk_k": None, "p_pct": None}
    for check, numbers in (("NKCheck", ("nk_n", "nk_k")), ("PPercentCheck", ("p_pct",))):
        alone = none | {k: POLICY[k] for k in numbers}
        assert dominance_rule(amounts, alone).passes == (check not in theirs)


def test_a_mean_of_nine_people():
    assert "MinimumThreshold" in ANSWERS["nine people"]["cells"]["A"]["A"]
    assert not count_rule({"people": len(ACRO["amounts"]["nine people"])}, POLICY["t"]).passes


@pytest.mark.parametrize("name", ACRO["freedom"])
def test_residual_degrees_of_freedom(name):
    n, parameters = ACRO["freedom"][name]
    assert freedom_rule(n, parameters, POLICY).passes == (ANSWERS[name]["status"] == "pass")


# -- where acro passes a leak ---------------------------------------------------------------------------------------


def test_t3_acro_lets_a_one_way_table_give_its_hidden_cell_away():
    one_way, two_way = ACRO["T3 suppressed"]
    assert one_way["status"] == two_way["status"] == "review"  # neither fails
    # acro hides B/pos = 4, and in the other output it shows that B has 60 people: 60 − 56 = 4
    assert two_way["shown"]["B"]["pos"] is None
    assert one_way["shown"]["B"]["all"] - two_way["shown"]["B"]["neg"] == 4
    atoms = Atoms(("group", "outcome"), (("A", "B"), OUTCOMES), np.array(ACRO["T3"]))
    found = protect(atoms, preset("cbs"), tables=[("group",), ("group", "outcome")])
    low, high = found.interval(dict(marginals(found.atoms, ("group", "outcome")))["B", "pos"])
    assert high >= 10
    assert high - low >= 10


def test_t3_acro_lets_three_dropped_records_be_counted():
    before, after = "T3 two-way", "T3 three people dropped"
    assert ANSWERS[before]["status"] == ANSWERS[after]["status"] == "pass"
    # 60/40 and then 60/37: acro prints a reminder to look for such differences; here it is a failure
    apart = np.array([False, True, False, False])
    old, new = (Release("A and pos", apart, *[float(ACRO["tables"][n][0][1])] * 2) for n in (before, after))
    assert [d.level for d in versions([old], [new], t=10)] == ["fail"]
