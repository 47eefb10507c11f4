from __future__ import annotations

import json
import re
import sys
from dataclasses import replace

import pytest

from primum.disclose.containers import forbidden
from primum.disclose.recode import REST
from primum.errors import MissingExtraError, PrimumError
from primum.finding import Verdict
from primum.report.language import language
from primum.report.numbers import half_up
from primum.report.pages import datasheet as sheet
from primum.report.pages import model_card as card
from primum.report.pages.datasheet import datasheet
from primum.report.pages.form import html
from primum.report.pages.model_card import model_card
from primum.report.pages.page import document
from primum.report.pages.write import write
from primum.report.section import Table
from primum.report.source import estimates, primary
from primum.usecase_scenario import Scenario

KINDS = {"model_card": model_card, "datasheet": datasheet}
NEVER = re.compile(r"\bfair\b|unfair|unbiased|complian|trust score", re.IGNORECASE)


def topic(page, name):
    """Return a topic of a page by its full name."""
    part, _, own = name.partition(".")
    return next(i for p in page.parts if p.id == part for i in p.items if i.id == own)


def told(page, name):
    """Return all that the audit tells of a topic, as one text."""
    out = []
    for block in topic(page, name).blocks:
        if isinstance(block, Table):
            out += [
                block.grid.caption,
                *(f"{x.head} {' '.join(c.text + ' ' + c.note for c in x.cells)}" for x in block.grid.lines),
            ]
        else:
            out += [block.text] if hasattr(block, "text") else list(block.lines)
    return "\n".join(out)


def with_texts(run, texts, **more):
    content = {
        "setting": "a clinic",
        "actors": [{"name": "nurse", "part": "decides", "about": "trained"}],
        "texts": texts,
    }
    run.usecase = run.usecase.model_copy(update={"scenario": Scenario.model_validate(content | more)})
    return run


def test_nine_parts_and_seven_parts_with_57_topics(finished):
    assert len(model_card(finished).parts) == 9
    assert [len(p.items) for p in datasheet(finished).parts] == [4, 16, 12, 4, 6, 7, 8]
    assert sum(map(len, sheet.TOPICS.values())) == 57


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", ["en", "nl"])
def test_every_topic_is_told_or_waits_for_a_person(finished, kind, code):
    page = KINDS[kind](finished, code)
    for part in page.parts:
        for item in part.items:
            assert item.title
            assert item.blocks or item.asks, f"{part.id}.{item.id} says nothing and asks nothing"
    text = html(page, finished)
    slots = sum(bool(i.asks) for p in page.parts for i in p.items)
    assert text.count(language(code)("common.slot")) == slots > 8
    assert not NEVER.search(text)
    assert not re.search(r"\b(?:nan|None)\b", text)


@pytest.mark.parametrize(("kind", "module"), [("model_card", card), ("datasheet", sheet)])
def test_answers_belong_to_topics(kind, module):
    known = {f"{part}.{t}" for part, ts in module.TOPICS.items() for t in ts}
    assert set(module.ANSWERS) <= known
    say = language("en")
    given = {k.split(".")[1] + "." + k.split(".")[2] for k in say.texts if re.fullmatch(rf"{kind}\.\w+\.\w+\.title", k)}
    assert given == known


@pytest.mark.parametrize(("kind", "name"), [("model_card", "details.licence"), ("datasheet", "collection.consent")])
def test_what_a_person_wrote_takes_the_place_of_the_slot(run, kind, name):
    before = topic(KINDS[kind](run), name)
    with_texts(run, {kind.replace("_", "-"): {name: "Written by hand & <signed>."}})
    page = KINDS[kind](run)
    after = topic(page, name)
    assert before.asks
    assert not after.asks
    assert after.given == "Written by hand & <signed>."
    assert "Written by hand &amp; &lt;signed&gt;." in html(page, run)
    assert before.asks not in html(page, run)


@pytest.mark.parametrize(("kind", "near"), [("model_card", "details.licence"), ("datasheet", "uses.other")])
def test_a_text_for_an_unknown_topic_is_refused(run, kind, near):
    with_texts(run, {kind.replace("_", "-"): {near + "s": "text"}})
    with pytest.raises(PrimumError, match=f"no topic '{near}s' in the page '{kind.replace('_', '-')}'") as error:
        KINDS[kind](run)
    assert near in error.value.mend


def test_the_numbers_of_the_card_are_those_of_the_run(finished):
    page = model_card(finished)
    row = next(
        r
        for r in estimates(finished)
        if (r["model"], r["metric"], r["attribute"], r["group"]) == (primary(finished), "sensitivity", "sex", "Women")
    )
    value, low, high = (f"{half_up(100 * row[k]):.0f}" for k in ("value", "low", "high"))
    line = next(x for x in told(page, "results.groups").splitlines() if x.startswith("Women"))
    assert f"{value}% [{low}–{high}]" in line
    assert f"{row['n']:,} {row['events']:,}".replace(" ", "") in line.replace(" ", "")
    assert "harm" in line or "inconclusive" in line
    assert "Of 1,000 people, " in told(page, "results.everyone")
    assert told(page, "metrics.margins").splitlines()[0] == "Sensitivity: a difference of at most 10 points."
    assert told(page, "metrics.threshold").startswith("Selected from 10%. Chosen by: agreed by two psychiatrists")


def test_intersections_are_in_tables_of_their_own(finished):
    page = model_card(finished)
    assert "Women · " in told(page, "results.combined")
    assert " · " not in told(page, "results.groups")


def test_harm_and_open_groups_of_the_card_are_those_of_the_findings(run):
    page = model_card(run)
    assert "Sensitivity: harm shown for " in told(page, "ethics.risks")
    run.findings = [replace(f, verdict=Verdict.NO_HARM) for f in run.findings]
    page = model_card(run)
    assert "That is no proof of its absence." in told(page, "ethics.risks")
    assert told(page, "caveats.open") == "Every group could be judged on every limit."


def test_sensitive_inputs_are_told_apart(run):
    run.usecase = run.usecase.model_copy(update={"features": ["age", "bmi"]})
    said = told(model_card(run), "ethics.sensitive")
    assert said == (
        "Used as inputs as well as for comparing groups: age.\nUsed only for comparing groups: sex and ethnicity."
    )


def test_a_model_that_was_brought_along(small_run):
    page = model_card(small_run)
    assert "brought along" in told(page, "training.which")
    assert topic(page, "training.which").asks
    assert topic(page, "details.inputs").asks
    assert "not known to the audit" in told(page, "ethics.sensitive")
    assert "was not divided" not in told(datasheet(small_run), "composition.parts")
    assert "Marked in the data: id." in told(datasheet(small_run), "composition.related")


def test_a_model_that_was_trained_here_waits_for_less(finished):
    page = model_card(finished)
    assert "Each person was scored by a model that had not seen them." in told(page, "training.which")
    assert not topic(page, "training.which").asks
    assert not topic(page, "details.inputs").asks


def test_the_scenario_fills_the_card(run):
    error = {"error": "miss", "to": "nurse", "what": "sees it late", "noticed": "at the next visit"}
    page = model_card(with_texts(run, {}, on_error=[error]))
    assert told(page, "use.users") == "Nurse. trained"
    assert told(page, "factors.setting") == "A clinic."
    assert "nurse sees it late" in " ".join(told(page, "ethics.risks").split())


def test_the_datasheet_counts_people(finished):
    page = datasheet(finished)
    people = finished.chapters["people"]
    assert f"{people['n']:,} people, {people['events']:,} with depression." in told(page, "composition.size")
    assert "People by ethnicity" in told(page, "composition.groups")
    assert "income" in told(page, "composition.missing")
    assert "A feature nearly gives the outcome away" in told(page, "composition.noise")
    assert "52.0%" in told(page, "uses.effects") or "52,0%" in told(page, "uses.effects")


@pytest.fixture
def released(run):
    """The run as a release has it, but with all chapters of the room still in it."""
    run.manifest["release"] = {"preset": "cbs", "words": "", "date": "2026-03-02"}
    return run


def test_a_release_tells_no_count_that_is_not_registered(released):
    """Even if a chapter of the room were left in the run, its counts are not on the pages."""
    text = "\n".join(html(make(released), released) for make in KINDS.values())
    people = released.chapters["people"]
    for step in people["flow"][:2]:
        assert f">{step['n']:,}<" not in text
    assert "Values that were read as missing" not in text
    assert "Counts about this stay in the secure room." in text
    assert "nearly gives the outcome away" not in text
    assert topic(datasheet(released), "uses.effects").blocks == []


def test_withheld_groups_are_withheld(released):
    for row in released.chapters["groups"]["estimates"]:
        if row["group"] == "Mexican American":
            row.update(dict.fromkeys(("value", "low", "high", "n", "events", "nonevents")))
            row.update({"status": "suppressed"})
    released.findings = [
        replace(f, verdict=Verdict.SUPPRESSED) if f.group == "Mexican American" else f for f in released.findings
    ]
    line = next(
        x for x in told(model_card(released), "results.groups").splitlines() if x.startswith("Mexican American")
    )
    assert line.count("withheld") >= 4
    assert "inconclusive (suppressed)" in line
    assert not re.search(r"\d", line)
    assert "Withheld: ethnicity: Mexican American" in told(model_card(released), "caveats.open")
    nl = " ".join(told(datasheet(released, "nl"), "composition.groups").split())
    assert "Mexicaans-Amerikaans niet vrijgegeven niet vrijgegeven" in nl


@pytest.mark.parametrize("n", [500, None])
def test_a_remainder_that_overlaps_with_groups_is_not_told(released, n):
    like = [r for r in released.chapters["groups"]["estimates"] if (r["attribute"], r["group"]) == ("sex", "Men")]
    released.chapters["groups"]["estimates"] += [r | {"group": REST, "n": n} for r in like]
    assert "other groups together" not in told(datasheet(released), "composition.groups")
    assert "other groups together" not in told(model_card(released), "results.groups")


def test_a_remainder_that_completes_the_groups_is_told(released):
    rows = released.chapters["groups"]["estimates"]
    for r in rows:
        if (r["attribute"], r["group"]) == ("sex", "Men"):
            r["group"] = REST
    assert "other groups together" in told(datasheet(released), "composition.groups")


def test_the_score_of_one_person_is_withheld(released):
    decision = released.usecase.decision.model_copy(update={"threshold": None, "capacity": 0.1})
    released.usecase = released.usecase.model_copy(update={"decision": decision})
    assert "here from withheld" in told(model_card(released), "metrics.threshold")


def test_what_is_written(finished, tmp_path):
    written = write(finished, tmp_path / "pages")
    assert {p.name for p in written.values()} == {p.name for p in (tmp_path / "pages").iterdir()} == {
        "summary.en.html", "summary.nl.html", "model-card.html", "model-card.json", "datasheet.html", "datasheet.json",
    }  # fmt: skip
    again = write(finished, tmp_path / "again")
    assert [p.read_bytes() for p in written.values()] == [p.read_bytes() for p in again.values()]
    found = json.loads(written["model-card data"].read_text())
    assert found["format"] == "primum model card 1"
    assert [p["id"] for p in found["parts"]] == list(card.TOPICS)
    assert found["released"] is False


def test_the_document_says_what_waits_and_carries_no_marks(run):
    found = document(model_card(run, "nl"), run)
    flat = json.dumps(found, ensure_ascii=False)
    assert "\u2068" not in flat
    licence = next(i for p in found["parts"] for i in p["items"] if i["id"] == "licence")
    assert licence["to_be_written"] == "licentie van het model en hoe ernaar te verwijzen"
    assert licence["written_by_a_person"] is None
    tables = [b["table"] for p in found["parts"] for i in p["items"] for b in i["computed"] if "table" in b]
    assert all(len(r) == len(t["columns"]) for t in tables for r in t["rows"])


def test_nothing_is_written_when_a_page_cannot_be_made(run, tmp_path):
    with_texts(run, {"datasheet": {"uses.nothing": "text"}})
    with pytest.raises(PrimumError, match="no topic"):
        write(run, tmp_path / "pages")
    assert not (tmp_path / "pages").exists()


def test_without_jinja_it_says_what_to_install(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="needs the package 'jinja2'") as error:
        write(finished, tmp_path / "pages")
    assert "primum[report]" in error.value.mend


def test_the_container_scan_finds_nothing(released, tmp_path):
    write(released, tmp_path / "pages")
    assert [h for h in forbidden(tmp_path) if h.level == "fail"] == []


@pytest.mark.parametrize("code", ["en", "nl"])
def test_a_run_of_people_only(small_case, people, tmp_path, code):
    from primum.audit import audit

    run = audit(small_case(chapters=["people"]), data=people(300), out=tmp_path / "run")
    for make in KINDS.values():
        assert html(make(run, code), run)
    assert written_without_trouble(run, tmp_path)


def written_without_trouble(run, folder):
    return len(write(run, folder / "pages")) == 6
