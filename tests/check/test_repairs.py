"""Findings and advice on a repair: the verdict over a declared range of recording is the one that counts."""

from __future__ import annotations

import numpy as np

from primum.certify.certificate import certify
from primum.certify.utility import net_benefit
from primum.check.advice import advice
from primum.check.repairs import repair_findings
from primum.finding import Verdict
from primum.tally.paired import PairedTally

MARGIN = 0.005


def judged(recorded, *, found=0, lost=0, alarmed=0, spared=0, alpha=0.05):
    n = np.zeros((1, 2, 2, 2), dtype=np.int64)
    n[0, 1], n[0, 0] = [[300, found], [lost, 0]], [[8000, alarmed], [spared, 0]]
    tally = PairedTally(("sex",), (("men",),), n)
    terms = {"utility": net_benefit(0.2), "margin": MARGIN, "alpha": alpha}
    made = certify(tally, recorded=recorded and {("sex", "men"): recorded}, **terms)
    return made, advice(made, walk=None, ledger=[], comparator=False), repair_findings("new", "old", made, "advice")


def test_harm_by_the_record_is_no_harm_where_few_cases_are_recorded():
    plain, said, findings = judged(None, found=200, alarmed=2500)
    assert not plain.granted
    assert "do not use it" in said
    assert {f.verdict for f in findings} == {Verdict.HARM}
    robust, said, findings = judged((0.25, 0.35), found=200, alarmed=2500)
    assert robust.granted
    assert "certified: no group loses more than the margin" in said
    assert {f.verdict for f in findings} == {Verdict.NO_HARM}
    group = findings[0]
    assert group.estimate.low > -MARGIN, "the interval shown is the one that was judged"
    assert "As recorded:" in group.words


def test_harm_that_the_record_hides_is_harm():
    made, said, findings = judged((0.1, 0.2), lost=60, spared=400)
    assert [g.verdict for g in made.groups] == ["certified"]
    assert [d.verdict for d in made.deciding] == ["harmed"]
    assert "do not use it: men" in said
    assert {f.verdict for f in findings} == {Verdict.HARM}
    assert findings[0].estimate.high < -MARGIN


def test_what_may_be_hidden_is_refused_and_named():
    made, said, findings = judged((0.1, 1.0), lost=60, spared=400)
    assert not made.granted
    assert "would not hold if the record misses cases" in said
    assert findings[-1].verdict is Verdict.NOT_ASSESSABLE
    assert findings[-1].reason == "refused: men (sex) not assessable"


def test_a_group_that_loses_by_an_unknown_amount_is_not_said_to_be_untold():
    made, said, _ = judged(None, lost=45, alpha=0.01)
    assert made.groups[0].estimate.high < 0
    assert made.groups[0].verdict == "not assessable"
    assert "cannot be told whether they lose more than the margin" in said
