"""The chapter on stigma as a reader meets it: inside, without a scenario, and in a release."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from primum.chapters.stigma import stigma_of
from primum.execute.run import Run
from primum.finding import Verdict
from primum.report.numbers import NONE
from primum.report.section import Table
from primum.report.views import stigma
from primum.usecase_scenario import Scenario

SCENARIO = {
    "setting": "A practice.",
    "actors": [{"name": "the patient", "part": "is judged"}],
    "on_error": [
        {"error": "false alarm", "to": "the patient", "what": "worries", "noticed": "at the visit", "undone": "no"},
        {"error": "miss", "to": "the patient", "what": "goes on without help"},
    ],
}


def changed(run, *, usecase=None, chapters=None, manifest=None, findings=None, tallies=None):
    return Run(
        run.path, run.usecase.model_copy(update=usecase or {}), run.plan, run.manifest | (manifest or {}),
        run.chapters | (chapters or {}), run.findings if findings is None else findings,
        run.tallies if tallies is None else tallies,
    )  # fmt: skip


def grids(section):
    return [b.grid for b in section.blocks if isinstance(b, Table)]


def line_of(grid, head):
    return next(line for line in grid.lines if line.head == head)


def told(section):
    return " ".join(str(b) for b in section.blocks)


def test_numbers_are_those_of_the_chapter(small_run):
    labelled, borne, inference = grids(stigma.section(small_run))
    r = next(r for r in stigma_of(small_run)["rows"] if r["group"] == "Male")
    male = line_of(labelled, "Male")
    assert male.cells[0].text == f"{r['n']:,}"
    assert male.cells[2].text == stigma.per(r["alarmed"])
    assert male.cells[2].text.split()[0] == f"{1000 * r['alarmed']['value']:.0f}"
    assert male.cells[3].text[0] in "+−"
    assert f"{r['times_its_share']['value']:.2f}" in line_of(borne, "Male").cells[2].text
    assert line_of(inference, "Male").cells[2].text.startswith(f"{100 * r['wrong']['value']:.0f}")
    assert line_of(labelled, "Everyone").cells[3].text == NONE
    assert "Sex × age" not in [line.head for line in borne.lines]
    for grid in (labelled, borne, inference):
        assert all(len(x.cells) == len(grid.columns) - 1 for x in grid.lines if not x.section)


def test_without_a_margin_for_false_alarms_there_is_no_verdict(small_run):
    section = stigma.section(small_run)
    assert "nothing in this chapter is a verdict" in told(section)
    assert "By a declared margin" not in grids(section)[0].columns
    assert "harm" not in told(section).lower()


def test_a_declared_margin_gives_its_verdict_and_names_who_is_harmed(small_run):
    at = next(i for i, f in enumerate(small_run.findings) if f.check == "PRM-G01" and f.group == "Male")
    harmed = replace(small_run.findings[at], metric="specificity", verdict=Verdict.HARM)
    section = stigma.section(changed(small_run, findings=[harmed]))
    grid = grids(section)[0]
    assert grid.columns[-1] == "By a declared margin"
    assert line_of(grid, "Male").cells[-1].text == "▼ harm shown (specificity)"
    assert line_of(grid, "Female").cells[-1].text == NONE
    assert "Somebody of the group Male (sex) has illness with a chance of" in told(section)
    assert "against" in told(section)


def test_what_a_false_alarm_does_comes_from_the_scenario(small_run):
    scenario = Scenario.model_validate(SCENARIO)
    text = told(stigma.section(changed(small_run, usecase={"scenario": scenario})))
    assert "Worries. Noticed: at the visit. Undone: no." in text
    assert "goes on without help" not in text
    assert "No scenario was declared" in told(stigma.section(small_run))


def test_a_release_shows_its_own_chapter_and_says_who_is_withheld(small_run):
    held = copy.deepcopy(stigma_of(small_run))
    held["rows"] = [r for r in held["rows"] if r["group"] != "East"]
    hidden = copy.deepcopy(small_run.chapters["groups"])
    for r in hidden["estimates"]:
        if r["group"] == "East":
            r |= {"value": None, "low": None, "high": None, "n": None, "status": "suppressed"}
    release = changed(
        small_run, chapters={"stigma": held, "groups": hidden}, manifest={"release": {"preset": "cbs"}}, tallies={}
    )
    section = stigma.section(release)
    assert "Withheld to protect people: East (region)." in told(section)
    assert "East" not in [line.head for grid in grids(section) for line in grid.lines]


def test_a_release_without_the_chapter_is_not_measured_from_what_is_inside(small_run):
    assert stigma.section(changed(small_run, manifest={"release": {"preset": "cbs"}})) is None
    assert stigma.section(changed(small_run, tallies={})) is None


def test_many_groups_are_cut_with_a_line_that_says_so(small_run, monkeypatch):
    monkeypatch.setattr(stigma, "MOST", 2)
    heads = [line.head for line in grids(stigma.section(small_run))[0].lines if line.section]
    assert "1 more group is not shown" in heads
    assert any(h.endswith("more groups are not shown") for h in heads)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"value": 0.0541, "low": 0.0324, "high": 0.076}, "+54 [32–76]"),
        ({"value": -0.0541, "low": -0.076, "high": -0.0324}, "−54 [−76 to −32]"),
        ({"value": 0.0001, "low": -0.02, "high": 0.02}, "0 [−20 to 20]"),
        ({"value": None, "low": None, "high": None}, NONE),
        (None, NONE),
    ],
)
def test_differences_in_a_thousand(row, words):
    assert stigma.more(row).replace("\N{NO-BREAK SPACE}", " ") == words
