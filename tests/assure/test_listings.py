"""Clause maps and checklists: strict files, real check codes, right totals, honest states."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from pathlib import Path

import pytest

import primum
from primum.assure.argument import written
from primum.assure.filled import ItemState, checklist, clauses, fill
from primum.assure.listing import KINDS, VERIFIED, builtin, loads, names, read
from primum.assure.present import ALWAYS, CHAPTERS
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.finding import Verdict
from primum.usecase import UseCase

SOURCE = Path(primum.__file__).parent
ALL = [(k, n) for k in KINDS for n in names(k)]
SMALL = """
name: mine
title: Mine
version: "1"
source: me
verified: M
items:
- {id: a, asks: something, fill: A, needs: [PRM-G01]}
- {id: b, asks: more, fill: H}
"""


def listed():
    return [i for kind, name in ALL for i in builtin(kind, name).items]


def code_base():
    rooms = [f for f in SOURCE.rglob("*.py") if "assure" not in f.parts]
    return "\n".join(f.read_text(encoding="utf-8") for f in rooms)


def test_every_check_code_exists():
    there = set(re.findall(r"PRM-[A-Z]\d\d", code_base()))
    asked = {c for i in listed() for n in [*i.needs, *i.also] for c in n.split("|") if c.startswith("PRM-")}
    argued = {c for k, t in written().items() for c in [k, *(x for r in t["rebuttals"] for x in r["examined_by"])]}
    assert len(asked) > 15
    assert asked <= there
    assert {c for c in argued if c != "tables" and "." not in c} <= there
    for part in {c for c in argued if "." in c}:
        assert part.split(".")[0] in CHAPTERS
        assert f'"{part.split(".")[1]}"' in code_base(), part


def test_every_part_of_a_chapter_exists():
    text = code_base()
    asked = {n for i in listed() for need in [*i.needs, *i.also] for n in need.split("|") if "." in n}
    assert len(asked) > 8
    for need in asked:
        chapter, part = need.split(".")
        assert chapter in CHAPTERS
        assert f'"{part}"' in text, need


@pytest.mark.parametrize(
    ("name", "items", "marks"),
    [("tripod-ai", 52, (4, 31, 17)), ("future-ai", 30, (3, 17, 10))],
)
def test_totals(name, items, marks):
    found = builtin("checklists", name)
    assert len(found.items) == items
    assert tuple(sum(i.fill == f for i in found.items) for f in "APH") == marks
    assert tuple(found.totals[f] for f in "APH") == marks


def test_more_totals():
    tripod = builtin("checklists", "tripod-ai").items
    assert [sum(i.applies == a for i in tripod) for a in ("development", "evaluation", "both")] == [8, 4, 40]
    standing = builtin("checklists", "standing-together")
    assert [sum(i.id.startswith(p) for i in standing.items) for p in ("Documentation", "Use")] == [18, 11]
    assert not standing.itemised
    assert [i.id for i in builtin("clauses", "eu-ai-act-4a").items] == [f"({c})" for c in "abcdef"]
    assert [i.id for i in builtin("clauses", "eu-ai-act-27").items] == [f"27(1)({c})" for c in "abcdef"]
    urns = [u for i in builtin("clauses", "nl-algoritmekader").items for u in i.id.split(" and ")]
    assert len(urns) == len(set(urns)) == 24
    assert all(u.startswith("urn:nl:ak:mtr:") for u in urns)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_no_file_promises_conformity(kind, name):
    folder = SOURCE / "assure" / kind / f"{name}.yaml"
    text = folder.read_text(encoding="utf-8").lower()
    assert not re.search(r"complian|conformity|certif|z-inspection|trust score", text)
    found = builtin(kind, name)
    assert found.version
    assert found.source
    assert all(found.sure(i) in VERIFIED for i in found.items)


def test_a_run_fills_in_what_it_holds(small_run, with_scenario):
    rows = {r.id: r for r in checklist(with_scenario(small_run), "tripod-ai")}
    assert rows["23a"].state is rows["14"].state is ItemState.DRAFTED
    told = [f for f in small_run.findings if f.check == "PRM-G01"]
    settled = sum(str(f.verdict) not in {"inconclusive", "not assessable"} for f in told)
    said = f"PRM-G01 ({len(told)} findings, {len(told) - settled} of them inconclusive or not assessable)"
    assert said in rows["14"].words
    assert "on 1,000 people" in rows["14"].words
    assert rows["17"].state is ItemState.GIVEN
    assert rows["17"].text == "Approved by the committee."
    assert rows["17"].human == ""
    assert "still needs" not in rows["17"].words
    assert rows["3b"].state is ItemState.DRAFTED  # the use case's own words on use and population
    assert rows["3b"].text.startswith(small_run.usecase.intended_use.strip()[:20])
    assert "still needs human text: target population" in rows["3b"].words
    assert rows["18a"].state is ItemState.MISSING
    assert (rows["6c"].state, rows["6c"].why) == (ItemState.NOT_APPLICABLE, "nobody is treated before the score")
    assert rows["12a"].state is ItemState.NOT_APPLICABLE  # no model is trained here
    assert rows["12f"].state is ItemState.MISSING
    assert rows["12f"].why == "this run has no PRM-H01"
    assert rows["23b"].state is ItemState.MISSING
    assert rows["5a"].why == "this run has no PRM-P03"
    assert rows["23a"].row()["state"] == "drafted, a human must confirm"


def test_nothing_is_computed_without_its_chapter(small_run):
    bare = Run(small_run.path, small_run.usecase, small_run.plan, {}, {}, [])
    for row in [*clauses(bare), *(r for n in names("checklists") for r in checklist(bare, n))]:
        assert row.state is not ItemState.COMPUTED, row.id
        if row.state is ItemState.DRAFTED:  # only the plan and the versions are there
            assert set(row.evidence) <= {f"plan {small_run.plan.hash[:12]}", "record of versions and times"}, row.id


def test_statements_supply_evidence_and_say_what_is_not_verified(small_run):
    rows = clauses(small_run)
    for row in rows:
        assert re.match(r"(No e|E)vidence supplied for |.* does not apply: ", row.words), row.words
        assert "complian" not in row.words.lower()
        assert ("not verified" in row.words) == (row.verified == VERIFIED["M"])
        assert ("not checked against the primary text" in row.words) == (row.verified == VERIFIED["V2"])
    assert {r.verified for r in rows} == set(VERIFIED.values())
    fria = next(r for r in rows if r.id == "27(1)(d)")
    assert fria.state is ItemState.DRAFTED
    assert "still needs human text" in fria.words


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_text_is_given_only_where_nothing_is_still_needed(small_run, with_scenario, kind, name):
    listing = builtin(kind, name)
    bare = Run(small_run.path, with_scenario(small_run).usecase, small_run.plan, {}, {}, [])
    for run in (with_scenario(small_run), bare):  # with and without any number
        for row in fill(run, listing):
            assert row.state is not ItemState.GIVEN or (name, row.id) == ("tripod-ai", "17"), row.id
    texts = {name: {i.id: "Written for this item." for i in listing.items}}
    for row in fill(with_scenario(small_run, texts=texts, not_applicable={}), listing):
        assert row.text == "Written for this item."
        if row.state is ItemState.GIVEN:
            assert row.human == "", row.id
            assert "still needs" not in row.words, row.id


def test_whether_a_person_decides_is_not_told_by_the_act(small_run):
    row = next(r for r in fill(small_run, builtin("clauses", "gdpr")) if r.id.startswith("Article 22"))
    assert (row.state, row.text, row.human) == (ItemState.MISSING, "", "whether a person decides")


def test_trained_models_make_it_a_study_of_development(trained_run, small_run, question):
    rows = {r.id: r for r in checklist(trained_run, "tripod-ai")}
    assert rows["12a"].state is ItemState.DRAFTED
    only = UseCase.model_validate(question(models=[{"name": "logistic", "train": "logistic"}]))
    run = Run(small_run.path, only, small_run.plan, {}, small_run.chapters, small_run.findings)
    assert {r.id: r for r in checklist(run, "tripod-ai")}["12g"].state is ItemState.NOT_APPLICABLE


def test_nothing_is_ticked_that_an_audit_answers_only_in_part():
    """What numbers answer wholly, and what is always there, is a short list that was weighed item by item."""
    ticked = {(n, i.id) for k, n in ALL for i in builtin(k, n).items if i.fill == "A" and i.needs}
    assert ticked == {("standing-together", "Use topic 6")}
    always = {(n, i.id) for k, n in ALL for i in builtin(k, n).items if i.needs and set(i.needs) <= set(ALWAYS)}
    assert always == {
        ("tripod-ai", "1"), ("tripod-ai", "9a"), ("tripod-ai", "18c"), ("tripod-ai", "18f"),
        ("standing-together", "Documentation topic 11"), ("standing-together", "Use topic 2"),
        ("nl-algoritmekader", "urn:nl:ak:mtr:owk-07"), ("nl-algoritmekader", "urn:nl:ak:mtr:imp-04"),
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_what_a_person_must_add_is_named(kind, name):
    for i in builtin(kind, name).items:
        if i.fill == "P" and i.needs:
            assert i.human, i.id
            assert i.human != i.asks, i.id  # then the audit would supply nothing of it
            assert not re.search("no number (says|shows)$|numbers cannot say|no number can say", i.human) or (
                "risks" in i.human or "harms" in i.human or "limitations" in i.human
            ), i.id


LIVE = {
    "tripod-ai": ["13", "16", "20c", "5b", "6a"],
    "future-ai": [
        "Universality 2",
        "Universality 3",
        "Traceability 1",
        "Traceability 3",
        "Traceability 4",
        "General 5",
    ],
    "standing-together": [f"Documentation topic {n}" for n in (2, 5, 6)] + ["Use topic 11"],
    "probast-ai": ["Evaluation 4.4"],
    "eu-ai-act": [
        "Article 9(9)",
        "Article 10(4)",
        "Article 15(5)",
        "Article 26(1) and (5)",
        "Article 72",
        "Article 86",
    ],
    "eu-ai-act-annex-iv": ["4", "6"],
    "gdpr": ["Article 5(2)"],
    "nl-algoritmekader": [f"urn:nl:ak:mtr:{n}" for n in ("owk-11", "owp-08", "owp-33", "imp-02", "ver-04")],
}
"""Items that no number of an audit answers, however many chapters it has."""


@pytest.mark.parametrize("name", LIVE)
def test_what_no_audit_answers_stays_missing(small_run, name):
    kind = "clauses" if name in names("clauses") else "checklists"
    codes = {c for i in listed() for n in [*i.needs, *i.also] for c in n.split("|") if c.startswith("PRM-")}
    found = [replace(small_run.findings[0], check=c, verdict=Verdict.NO_HARM) for c in sorted(codes)]
    run = Run(small_run.path, small_run.usecase, small_run.plan, small_run.manifest, small_run.chapters, found)
    rows = {r.id: r for r in fill(run, builtin(kind, name))}
    for item in LIVE[name]:
        assert rows[item].state is ItemState.MISSING, item
        assert rows[item].why


def test_an_item_is_computed_only_where_every_number_is_there(small_run):
    def of(keep):
        chapters = copy.deepcopy(small_run.chapters)
        groups, overall = chapters["groups"], chapters["performance"]
        for part in (groups, overall):
            part["estimates"] = [r for r in part["estimates"] if keep(r)]
        run = Run(small_run.path, small_run.usecase, small_run.plan, {}, chapters, small_run.findings)
        return next(r for r in checklist(run, "standing-together") if r.id == "Use topic 6")

    assert of(lambda r: r["value"] is not None).state is ItemState.COMPUTED
    whole = of(lambda _: True)
    assert whole.state is ItemState.DRAFTED
    assert whole.why == "some numbers of chapter groups, estimates could not be estimated"
    assert of(lambda _: False).state is ItemState.MISSING


def test_evidence_that_would_help_and_is_not_there_is_named(small_run):
    rows = {r.id: r for r in checklist(small_run, "future-ai")}
    assert rows["Fairness 3"].state is ItemState.DRAFTED
    assert rows["Fairness 3"].why == "this run has no PRM-H01; this run has no PRM-H02"
    assert "PRM-H01" in rows["Fairness 3"].words
    assert rows["General 3"].state is ItemState.MISSING  # a measurement of harm is no measure against it
    plan = {r.id: r for r in checklist(small_run, "tripod-ai")}["18c"]
    assert plan.why == ""  # no deviation from the plan is nothing that lacks


def test_the_questions_on_evaluation_are_for_every_measured_model(small_run, question):
    only = UseCase.model_validate(question(models=[{"name": "logistic", "train": "logistic"}]))
    run = Run(small_run.path, only, small_run.plan, {}, small_run.chapters, small_run.findings)
    rows = [r for r in checklist(run, "probast-ai") if r.id.startswith("Evaluation")]
    assert len(rows) == 5
    assert ItemState.NOT_APPLICABLE not in {r.state for r in rows}


def test_unknown_names_are_told(small_run, with_scenario):
    with pytest.raises(PrimumError, match="no checklist 'tripod'"):
        checklist(small_run, "tripod")
    with pytest.raises(PrimumError, match="no clause map 'law'"):
        builtin("clauses", "law")
    with pytest.raises(PrimumError, match="no item '99' in TRIPOD"):
        checklist(with_scenario(small_run, texts={"tripod-ai": {"99": "x"}}), "tripod-ai")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fill: A", "fill: Z", "items.0.fill"),
        ("PRM-G01", "PRM-1", "'PRM-1' is no check code and no chapter"),
        ("PRM-G01", "weather", "'weather' is no check code"),
        ("needs: [PRM-G01]", "writes: x", "say which evidence it needs"),
        ("fill: H", "fill: H, needs: [plan]", "b is human text"),
        ("id: b", "id: a", "'a' is there twice"),
        ("verified: M", "verified: X", "verified"),
        ("source: me", "from: me", "source: Field required"),
        ("source: me", "source: me\ntotals: {A: 2}", "2 items of fill A are declared, and 1 are there"),
        ("name: mine", "name: [", "is no YAML"),
    ],
)
def test_a_wrong_file_is_refused(old, new, words):
    assert len(loads(SMALL, "it").items) == 2
    with pytest.raises(PrimumError, match=re.escape(words)):
        loads(SMALL.replace(old, new), "it")


def test_a_map_of_ones_own(tmp_path, small_run):
    (tmp_path / "mine.yaml").write_text(SMALL)
    assert [r.state for r in fill(small_run, read(tmp_path / "mine.yaml"))] == [ItemState.COMPUTED, ItemState.MISSING]
    with pytest.raises(PrimumError, match="cannot be read"):
        read(tmp_path / "none.yaml")
    with pytest.raises(PrimumError, match="has 1 mistake"):
        loads("[]", "it")
