"""Claims as a reader meets them: numbers in units that fit, states with a shape, each argument told once."""

from __future__ import annotations

import re

import pytest

from primum.assure.case import assurance
from primum.execute.run import Run
from primum.report.section import Bullets, Heading, Table, Text
from primum.report.views import claims
from primum.usecase_scenario import Scenario

ROBUST = "technical robustness and safety"
TOLD = {
    "setting": "A practice.",
    "actors": [{"name": "the doctor", "part": "decides", "about": "Reads the score."}],
    "claims": [
        {"name": "finds-many", "says": "It finds 60 of 100.", "requirement": ROBUST, "metric": "sensitivity",
         "direction": "at least", "threshold": 0.6, "rebuttals": ["Some are not ill."]},
        {"name": "men", "says": "Men are found as often.", "requirement": ROBUST, "metric": "sensitivity",
         "attribute": "sex", "group": "Male", "comparator": "everyone else", "direction": "at least",
         "threshold": -0.1, "warrant": "Men come late."},
        {"name": "ranks", "says": "It ranks.", "requirement": ROBUST, "metric": "auroc", "direction": "at least",
         "threshold": 0.6},
        {"name": "asked", "says": "Patients are asked.", "requirement": "transparency", "judge": "the council"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def run(small_run):
    usecase = small_run.usecase.model_copy(update={"scenario": Scenario.model_validate(TOLD)})
    return Run(small_run.path, usecase, small_run.plan, {}, small_run.chapters, small_run.findings)


def line_of(grid, head):
    return [c.text.replace("\N{NO-BREAK SPACE}", " ") for c in next(x for x in grid.lines if x.head == head).cells]


def test_numbers_stand_in_the_unit_that_fits(run):
    found = {c.id: c for c in assurance(run).claims}
    grid = claims.claimed([found[n] for n in ("finds-many", "men", "ranks", "asked")], "")
    e = found["finds-many"].evidence.estimate
    assert line_of(grid, "It finds 60 of 100.")[1].startswith(f"{100 * e.value:.1f} % [")
    assert line_of(grid, "It finds 60 of 100.")[2] == "at least 60 %"
    assert line_of(grid, "Men are found as often.")[1].endswith("points")
    assert line_of(grid, "Men are found as often.")[2] == "at least −10 points"
    assert line_of(grid, "It ranks.")[2] == "at least 0.6"
    assert line_of(grid, "Patients are asked.")[:2] == ["– human judgement", "the council"]


def test_a_state_has_a_shape_a_word_and_its_rule(run):
    found = {c.id: c for c in assurance(run).claims}
    shown = claims.claimed([found["ranks"]], "").lines[0].cells[0]
    assert shown.text == "● supported"
    assert shown.kind == "chip none"
    assert shown.note == "all of the interval on the good side"
    assert len({shape for shape, _ in claims.SHAPES.values()}) == len(claims.SHAPES)


def test_an_argument_is_told_once_for_all_claims_that_share_it(run):
    told = [c for c in assurance(run).claims if c.origin != "declared margin"]
    blocks = claims.argued(told)
    (lead,) = [b.text for b in blocks if isinstance(b, Text)]
    assert "Why this speaks to the claim: People of the audit are like those whom the model will meet." in lead
    assert lead.startswith("How the claims that a number decides are tested. Measure it on the people of the audit")
    assert [b.text for b in blocks if isinstance(b, Heading)] == ["Why these numbers speak to the claims"]
    common, own = [b.lines for b in blocks if isinstance(b, Bullets)]
    assert "A feature gives the outcome away: examined by PRM-P01." in common
    quoted = [re.sub("[\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}]", "'", line) for line in own]
    assert quoted == [
        "To 'It finds 60 of 100': Some are not ill: not examined in this audit.",
        "To 'Men are found as often': Why it matters: Men come late.",
    ]


def test_claims_tested_in_different_ways_have_an_argument_each(small_run):
    other = {"name": "whole", "says": "It is calibrated.", "requirement": ROBUST, "check": "PRM-M01",
             "metric": "calibration_slope", "direction": "within", "threshold": 0.2}  # fmt: skip
    told = Scenario.model_validate(TOLD | {"claims": [*TOLD["claims"], other]})
    usecase = small_run.usecase.model_copy(update={"scenario": told})
    run = Run(small_run.path, usecase, small_run.plan, {}, small_run.chapters, small_run.findings)
    blocks = claims.argued([c for c in assurance(run).claims if c.origin == "declared"])
    lead = [b.text for b in blocks if isinstance(b, Text)]
    if next(c for c in assurance(run).claims if c.id == "whole").argument is None:
        pytest.skip("this run has no finding of PRM-M01")
    assert [t.split(". ")[0] for t in lead] == [
        "How 3 of 4 claims are tested (finds-many, men, ranks)", "How 1 of 4 claims are tested (whole)"
    ]  # fmt: skip


def test_nobody_argues_for_a_claim_that_a_person_judges(run):
    assert claims.argued([c for c in assurance(run).claims if c.id == "asked"]) == []


def test_actors_are_told_in_sentences(run):
    text = str(claims.section(run).blocks)
    assert "('The doctor', 'Decides. Reads the score.')" in text
    for block in claims.section(run).blocks:
        if isinstance(block, Table):
            assert all(len(x.cells) == len(block.grid.columns) - 1 for x in block.grid.lines if not x.section)


@pytest.mark.parametrize(
    ("numbers", "most", "places"), [([0.1, 0.0, 0.19], 3, 2), ([70.0], 1, 0), ([69.51, 65.0], 1, 1), ([1 / 3], 3, 3)]
)
def test_a_rounded_number_gets_no_zeros_that_nobody_measured(numbers, most, places):
    assert claims._places(numbers, most) == places
