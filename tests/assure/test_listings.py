"""Clause maps and checklists: strict files, real check codes, right totals, honest states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import primum
from primum.assure.argument import written
from primum.assure.filled import ItemState, checklist, clauses, fill
from primum.assure.listing import KINDS, VERIFIED, builtin, loads, names, read
from primum.assure.present import CHAPTERS
from primum.errors import PrimumError
from primum.execute.run import Run
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
    assert argued - {"tables"} <= there


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
    [("tripod-ai", 52, (14, 21, 17)), ("future-ai", 30, (7, 13, 10))],
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
    assert rows["23a"].state is ItemState.COMPUTED
    assert rows["14"].state is ItemState.DRAFTED
    told = [f for f in small_run.findings if f.check == "PRM-G01"]
    settled = sum(str(f.verdict) not in {"inconclusive", "not assessable"} for f in told)
    said = f"PRM-G01 ({len(told)} findings, {len(told) - settled} of them inconclusive or not assessable)"
    assert said in rows["14"].words
    assert "on 1,000 people" in rows["14"].words
    assert rows["17"].state is ItemState.GIVEN
    assert rows["17"].text == "Approved by the committee."
    assert rows["3b"].state is ItemState.GIVEN  # the use case's own words on use and population
    assert rows["18a"].state is ItemState.MISSING
    assert (rows["6c"].state, rows["6c"].why) == (ItemState.NOT_APPLICABLE, "nobody is treated before the score")
    assert rows["12a"].state is ItemState.NOT_APPLICABLE  # no model is trained here
    assert rows["12f"].state is ItemState.MISSING
    assert "no chapter repairs" in rows["12f"].why
    assert rows["23b"].state is ItemState.MISSING
    assert rows["5a"].why == "this run has no PRM-P03"
    assert rows["23a"].row()["state"] == "computed"


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


def test_trained_models_make_it_a_study_of_development(trained_run, small_run, question):
    rows = {r.id: r for r in checklist(trained_run, "tripod-ai")}
    assert rows["12a"].state is ItemState.COMPUTED
    only = UseCase.model_validate(question(models=[{"name": "logistic", "train": "logistic"}]))
    run = Run(small_run.path, only, small_run.plan, {}, small_run.chapters, small_run.findings)
    assert {r.id: r for r in checklist(run, "tripod-ai")}["12g"].state is ItemState.NOT_APPLICABLE


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
