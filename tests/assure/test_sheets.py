"""Checklists as files, and the drafts in them: whole, sourced, and never more than a person must confirm."""

from __future__ import annotations

import copy
import csv

import pytest

from primum.assure.draft import DRAFTS, WITHHELD, draft
from primum.assure.filled import ItemState, checklist, clauses
from primum.assure.listing import KINDS, VERIFIED, builtin, loads, names
from primum.assure.sheet import HEADS, write_csv
from primum.errors import PrimumError
from primum.execute.run import Run


def read(path):
    with path.open(newline="", encoding="utf8") as f:
        return list(csv.DictReader(f))


def changed(run, **parts):
    held = {k: getattr(run, k) for k in ("path", "usecase", "plan", "manifest", "chapters", "findings")}
    return Run(**(held | parts))


def test_every_listing_is_one_file_with_every_item(small_run, with_scenario, tmp_path):
    run = with_scenario(small_run)
    written = write_csv(run, tmp_path / "checklists")
    assert set(written) == {n for k in KINDS for n in names(k)}
    for kind in KINDS:
        for name in names(kind):
            listing, rows = builtin(kind, name), read(written[name])
            assert tuple(rows[0]) == HEADS
            assert [r["item"].removeprefix("'") for r in rows] == [i.id for i in listing.items]
            for r, item in zip(rows, listing.items, strict=True):
                assert r["verification of the item"] == VERIFIED[listing.sure(item)]
                assert r["version"] == listing.version
                assert r["source"] == listing.source
                assert r["statement"]
    tripod = {r["item"]: r for r in read(written["tripod-ai"])}
    assert tripod["6c"]["state"] == "not applicable (nobody is treated before the score)"
    states = {r["state"].split(" (")[0] for n in written for r in read(written[n])}
    assert states == {"drafted, a human must confirm", "human text given", "missing", "not applicable"}


def test_a_text_that_a_spreadsheet_would_compute_is_kept_a_text(small_run, with_scenario, tmp_path):
    run = with_scenario(small_run, texts={"tripod-ai": {"17": "=HYPERLINK(1)"}})
    rows = {r["item"]: r for r in read(write_csv(run, tmp_path)["tripod-ai"])}
    assert rows["17"]["human text given"] == "'=HYPERLINK(1)"


def test_codes_of_the_dutch_frameworks_have_a_column(small_run, tmp_path):
    rows = {r["item"]: r for r in read(write_csv(small_run, tmp_path)["nl-algoritmekader"])}
    bias = rows["urn:nl:ak:mtr:ver-03"]["same in other frameworks"]
    assert bias == "ADR DM.16, DM.17, DM.18, DM.20, DM.21, DM.22; ARK 2.18, 2.19, 3.08, 3.09"
    assert rows["urn:nl:ak:mtr:ver-06"]["same in other frameworks"] == ""
    listing = builtin("clauses", "nl-algoritmekader")
    codes = [c for i in listing.items for of in i.refers.values() for c in of]
    assert len(codes) == 57
    assert all(k in {"ADR", "ARK"} for i in listing.items for k in i.refers)


def test_the_impact_assessment_is_prefilled_with_numbers(small_run, with_scenario):
    rows = {r.id: r for r in clauses(with_scenario(small_run)) if "fundamental" in r.listing}
    groups, harms = rows["27(1)(c)"], rows["27(1)(d)"]
    assert groups.state is harms.state is ItemState.DRAFTED
    n = next(r for r in small_run.chapters["groups"]["estimates"] if (r["metric"], r["group"]) == ("n", "Male"))
    assert f"Male ({n['n']:,})" in groups.draft
    assert "not recorded (" in groups.draft
    fate = next(r for r in small_run.chapters["groups"]["consequences"] if r["group"] == "Male")
    assert f"sex, Male: {fate['missed']:.0f} missed, {fate['false_alarms']:.0f} selected for nothing" in harms.draft
    assert "Male · " not in harms.draft
    assert "Miss, borne by the patient: goes on without help." in harms.draft
    assert rows["27(1)(b)"].draft == ""


def test_every_draft_says_something_and_asks_for_a_name_where_one_signs(small_run):
    for name in DRAFTS:
        assert draft(small_run, name)
    assert draft(small_run, "test-report").endswith("Signature: ______________")
    assert small_run.plan.hash[:12] in draft(small_run, "test-report")
    assert draft(small_run, "title") == "Evaluation of a prediction model for illness: made-up people."
    auroc = next(r for r in small_run.chapters["performance"]["estimates"] if r["metric"] == "auroc")
    assert f"AUROC {auroc['value']:.3g}" in draft(small_run, "abstract")
    assert "with margins declared beforehand" in draft(small_run, "necessity")
    asked = {i.draft for k in KINDS for n in names(k) for i in builtin(k, n).items if i.draft}
    assert asked == set(DRAFTS)


def test_the_title_says_what_was_done(trained_run):
    assert draft(trained_run, "title").startswith("Development and evaluation, beside models made elsewhere, of a")


def test_a_draft_of_a_release_says_what_is_withheld(small_run):
    chapters = copy.deepcopy(small_run.chapters)
    for r in chapters["groups"]["estimates"]:
        if r["group"] == "East":
            r |= {"value": None, "n": None, "events": None, "status": "suppressed"}
    for r in chapters["groups"]["consequences"]:
        if r["group"] == "East":
            r |= {"missed": None, "false_alarms": None, "reason": ""}
    run = changed(small_run, chapters=chapters)
    assert f"East ({WITHHELD})" in draft(run, "groups")
    assert f"region, East: {WITHHELD}" in draft(run, "harms")


def test_a_missing_item_has_no_draft(small_run):
    bare = changed(small_run, chapters={}, findings=[])
    assert [r.id for r in clauses(bare) if r.draft and r.state is ItemState.MISSING] == []
    fria = next(r for r in clauses(bare) if r.id == "27(1)(d)")
    assert (fria.state, fria.draft) == (ItemState.MISSING, "")


def test_what_a_release_says_of_itself_is_evidence(small_run):
    release = {"preset": "cbs", "withheld": {"few people": "12"}, "attack": {"counts": 40, "releases": 0}}
    inside = {r.id: r for r in clauses(small_run)}["urn:nl:ak:mtr:owk-10"]
    assert (inside.state, inside.why) == (ItemState.MISSING, "this run has no record of a release")
    run = changed(small_run, manifest=small_run.manifest | {"release": release})
    leaks = {r.id: r for r in clauses(run)}["urn:nl:ak:mtr:owk-10"]
    assert leaks.state is ItemState.DRAFTED
    assert leaks.evidence == ("record of a release", "record of a release, withheld", "record of a release, attack")
    limits = {r.id: r for r in checklist(run, "standing-together")}["Documentation topic 16"]
    assert limits.state is ItemState.DRAFTED
    assert limits.evidence == ("record of a release, withheld",)


def test_an_unknown_draft_is_refused():
    text = "name: a\ntitle: A\nversion: '1'\nsource: me\nverified: M\nitems:\n"
    with pytest.raises(PrimumError, match=r"items.0.draft"):
        loads(text + "- {id: a, asks: x, fill: P, needs: [plan], draft: poem}", "it")
