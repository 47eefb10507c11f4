"""A run measured from protected counts: chapters are missing, groups are withheld, and no number of people leaks."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace

import jsonschema
import pytest

from primum.assure import document, exchange
from primum.assure.argument import argument
from primum.assure.case import assurance
from primum.assure.draft import draft
from primum.assure.filled import ItemState, checklist
from primum.assure.present import examined_inside, named
from primum.assure.sheet import write_csv
from primum.assure.state import State
from primum.execute.run import Run
from primum.finding import Estimate, Status, Verdict
from primum.report.views import claims, clauses
from primum.usecase_scenario import Scenario

RELEASE = {
    "preset": "cbs", "words": "A count is shown from 10 people on.", "attack": {"counts": 400, "releases": 0},
    "assessable": {"inside": [8, 10], "release": [5, 10]},
}  # fmt: skip
HIDDEN = {
    "value": None, "low": None, "high": None, "n": None, "events": None, "nonevents": None, "n_effective": None,
    "status": "suppressed", "reason": "",
}  # fmt: skip


def claim(name, **parts):
    return {
        "name": name, "says": f"{name} holds.", "metric": "sensitivity", "direction": "at least", "threshold": -0.1,
        "requirement": "diversity, non-discrimination and fairness",
    } | parts  # fmt: skip


CLAIMS = [
    claim("withheld-group", attribute="region", group="East", comparator="North"),
    claim("withheld-comparator", attribute="region", group="South", comparator="East"),
    claim("own-number", attribute="region", group="East", threshold=0.5),
    claim("unnamed-group", attribute="sex", group="(missing)", comparator="everyone else"),
    claim("shown-group", attribute="sex", group="Male", comparator="everyone else", threshold=-0.9),
    claim("other-chapter", check="PRM-R01", metric="share_unrecorded", attribute="sex", group="Male", threshold=0.1),
]


@pytest.fixture(scope="module")
def release(small_run, scenario):
    """A release: of 'East' nothing is shown, '(missing)' is not even named, only four chapters are there."""
    kept = {k: copy.deepcopy(small_run.chapters[k]) for k in ("people", "models", "performance", "groups")}
    groups = kept["groups"]
    groups["estimates"] = [r for r in groups["estimates"] if r["group"] != "(missing)"]
    for r in groups["estimates"]:
        if r["group"] == "East":
            r.update(HIDDEN)
    groups["comparisons"] = [
        r for r in groups["comparisons"] if not {"East", "(missing)"} & {r["group"], r["comparator"]}
    ]
    nan = float("nan")
    nothing = Estimate(nan, nan, nan, "none", 0, 0, 0, Status.SUPPRESSED)
    findings = [
        replace(f, estimate=nothing, verdict=Verdict.SUPPRESSED) if f.group == "East" else f
        for f in small_run.findings
        if f.check in {"PRM-G01", "PRM-M01"} and f.group != "(missing)"
    ]
    told = Scenario.model_validate(scenario(claims=CLAIMS, tensions=[]))
    usecase = small_run.usecase.model_copy(update={"scenario": told})
    return Run(small_run.path, usecase, small_run.plan, {"primum": "0", "release": RELEASE}, kept, findings)


def test_claims_about_withheld_numbers_are_inconclusive_suppressed(release):
    found = {c.id: c for c in assurance(release).claims}
    for name in ("withheld-group", "withheld-comparator", "own-number", "unnamed-group"):
        assert found[name].state is State.SUPPRESSED, name
        assert found[name].why
        assert found[name].evidence.disclosure == "withheld"
    assert found["shown-group"].state is State.SUPPORTED
    assert found["other-chapter"].state is State.UNTESTED
    assert found["other-chapter"].why == "finding of PRM-R01 on share_unrecorded for Male: not part of this release"
    seeded = [c for c in found.values() if c.origin == "declared margin" and c.group == "East"]
    assert seeded
    assert {c.state for c in seeded} == {State.SUPPRESSED}


def test_the_same_claims_inside_are_tested_or_say_why_not(small_run, release):
    inside = Run(small_run.path, release.usecase, small_run.plan, {}, small_run.chapters, small_run.findings)
    found = {c.id: c for c in assurance(inside).claims}
    assert State.SUPPRESSED not in {c.state for c in found.values()}
    assert found["withheld-group"].evidence.estimate.n > 0


def test_no_number_of_people_of_a_withheld_group_is_exported(release):
    case = assurance(release)
    jsonschema.validate(document.to_document(case), document.schema())
    row = next(c for c in document.to_document(case)["claims"] if c["id"] == "withheld-group")
    assert row["evidence"]["estimate"]["n"] is None
    assert row["evidence"]["behind"] is None
    assert case.created == str(release.plan.created)[:10]
    text = exchange.to_gsn(case) + json.dumps(exchange.to_tea(case))
    assert "East [inconclusive (suppressed)" in text or "withheld" in text
    assert "n = 0" not in text


def planned(run, **contents):
    """The same run with a frozen plan that asked for more."""
    plan = replace(run.plan, contents=run.plan.contents | contents)
    return Run(run.path, run.usecase, plan, run.manifest, run.chapters, run.findings)


def test_what_was_examined_inside_is_not_said_to_be_unexamined(release):
    doubts = {r.says: r.words for r in argument(release, "PRM-G01", rebuttals=("Mine.",)).rebuttals}
    assert doubts["Mine"] == "Mine: not examined in this audit."  # nothing examines what an author adds
    gaps = "Missing inputs cost one group more than another"
    assert doubts[gaps] == f"{gaps}: not part of this release."
    more = planned(release, missing={}, outcome={"truth": [{"column": "hba1c"}]})
    doubts = {r.says: r.words for r in argument(more, "PRM-G01").rebuttals}
    assert doubts[gaps] == f"{gaps}: does not leave the room; it was examined inside."
    record = "The outcome is recorded less completely in some groups than in others"
    assert doubts[record] == f"{record}: does not leave the room; it was examined inside."
    leak = argument(more, "tables").rebuttals[-1]
    assert leak.words == "A feature gives the outcome away: does not leave the room; it was examined inside."
    found = {c.id: c for c in assurance(more).claims}["other-chapter"]
    assert found.why.endswith("for Male: does not leave the room; it was examined inside")


def test_an_audit_of_counts_has_examined_no_rows(release):
    models = copy.deepcopy(release.chapters["models"])
    for m in models["models"]:
        m["kind"] = "tally"
    counted = Run(
        release.path, release.usecase, release.plan, release.manifest, release.chapters | {"models": models}, []
    )
    assert argument(counted, "tables").rebuttals[-1].words.endswith("not part of this release.")
    assert not examined_inside(counted, "people.missingness")


def test_items_of_a_release_say_where_the_evidence_is(release, small_run):
    rows = {r.id: r for r in checklist(planned(release, repairs={"a": {}}), "tripod-ai")}
    assert rows["7"].state is ItemState.DRAFTED  # this fixture keeps the chapter of the people whole
    assert rows["24"].why == "PRM-H01: does not leave the room; it was examined inside"
    assert {r.id: r for r in checklist(release, "tripod-ai")}["24"].why == "PRM-H01: not part of this release"
    assert {r.id: r for r in checklist(small_run, "tripod-ai")}["24"].why == "this run has no PRM-H01"
    gone = copy.deepcopy(release.chapters)
    gone["people"] |= {"missingness": [], "flow": []}
    bare = Run(release.path, release.usecase, release.plan, release.manifest, gone, release.findings)
    told = {r.id: r for r in checklist(bare, "tripod-ai")}
    inside = "does not leave the room; it was examined inside"
    assert told["20a"].why == f"chapter people, flow: {inside}"
    hidden = [f for f in release.findings if f.verdict is Verdict.SUPPRESSED]
    only = Run(release.path, release.usecase, release.plan, release.manifest, release.chapters, hidden)
    assert {r.id: r for r in checklist(only, "tripod-ai")}["10"].why == "PRM-G01: withheld to protect people"


def test_evidence_says_that_groups_are_withheld_and_never_how_many(release, small_run):
    row = {r.id: r for r in checklist(release, "standing-together")}["Use topic 6"]
    assert row.state is ItemState.DRAFTED
    assert "some groups are withheld" in row.why
    assert row.evidence[1] == "chapter groups, estimates (some groups are withheld)"
    assert re.fullmatch(r"PRM-G01 \(\d+ findings, \d+ of them .*; some groups are withheld\)", row.evidence[2])
    # groups that are not even named: the release itself says that there are some
    shown = [f for f in release.findings if f.verdict is not Verdict.SUPPRESSED]
    for told, said in (("some", True), ("0", False)):
        manifest = {"release": RELEASE | {"withheld": {"small count": told, "complementary": "0"}}}
        chapters = small_run.chapters | {"missing": {}}
        run = Run(release.path, release.usecase, release.plan, manifest, chapters, shown)
        assert ("some groups are withheld" in named(run, "PRM-G01")) is said
        assert ("some groups are withheld" in named(run, "groups.estimates")) is said
        assert ("Some groups are withheld" in draft(run, "groups")) is said


def test_no_whole_hash_leaves(release, tmp_path):
    case = assurance(release)
    texts = [json.dumps(document.to_document(case)), json.dumps(exchange.to_tea(case)), exchange.to_gsn(case)]
    texts += [p.read_text(encoding="utf-8") for p in write_csv(release, tmp_path).values()]
    for text in texts:
        assert not re.search(r"[0-9a-f]{40}", text)
    assert release.plan.hash[:12] in texts[0]
    inside = Run(release.path, release.usecase, release.plan, {}, release.chapters, release.findings)
    assert assurance(inside).plan == release.plan.hash


def test_how_many_more_are_needed_is_not_told_of_protected_counts(release, small_run):
    inside = Run(small_run.path, release.usecase, small_run.plan, {}, small_run.chapters, small_run.findings)
    assert [c for c in assurance(inside).claims if "are needed" in c.why]
    assert any(f.more_events for f in release.findings)
    assert not [c for c in assurance(release).claims if "are needed" in c.why]


def test_the_chapters_of_a_release_can_be_read(release):
    said = str(claims.section(release).blocks)
    assert "■ inconclusive (suppressed)" in said
    assert "n = 0" not in said
    assert not re.search(r"(?<![\d,])0 people behind it", said)
    assert "record of a release" in str(clauses.section(release).blocks)


def test_privacy_against_assessability_is_a_tension_with_two_numbers(release, small_run):
    (tension,) = [t for t in assurance(release).tensions if t.name == "privacy against assessability"]
    assert tension.shown
    assert "400 counts" in tension.sides[0].measured
    assert tension.sides[1].measured == ("a verdict in the release on 5 of 10 questions, inside on 8 of 10 questions")
    assert "5 of 10 questions" in str(claims.section(release).blocks)
    same = RELEASE | {"assessable": {"inside": [8, 10], "release": [8, 10]}}
    held = Run(release.path, release.usecase, release.plan, {"release": same}, release.chapters, release.findings)
    assert not assurance(held).tensions[-1].shown
    for told in ({"preset": "cbs"}, {"preset": "cbs", "assessable": {"inside": [8, 10]}}):
        held = Run(release.path, release.usecase, release.plan, {"release": told}, release.chapters, release.findings)
        assert "privacy against assessability" not in [t.name for t in assurance(held).tensions]


def test_a_repair_that_helps_everyone_and_costs_a_group_is_a_tension(small_run):
    group = {"attribute": "sex", "group": "Male", "value": -0.02, "low": -0.03, "high": -0.01}
    rows = [
        {"model": m, "metric": "auroc", "attribute": "overall", "value": v} for m, v in (("score", 0.8), ("new", 0.82))
    ]
    repair = {"name": "new", "failed": "", "overall": {"value": 0.01, "low": 0.005, "high": 0.02}, "groups": [group]}
    chapters = small_run.chapters | {"repairs": {"model": "score", "performance": rows, "repairs": [repair]}}

    def of(**changes):
        told = chapters["repairs"] | {"repairs": [repair | changes]}
        run = Run(small_run.path, small_run.usecase, small_run.plan, {}, chapters | {"repairs": told}, [])
        return assurance(run).tensions

    (tension,) = of()
    assert tension.name == "accuracy for everyone against utility for Male (sex), under new"
    assert tension.sides[0].measured == "+10.0 [+5.0 to +20.0] per 1,000 people; AUROC 0.800 before, 0.820 after"
    assert tension.sides[1].measured == "−20.0 [−30.0 to −10.0] per 1,000 people"
    assert tension.sides[0].state == "no threshold declared"
    assert of(groups=[group | {"high": 0.01}]) == ()
    assert of(overall={"value": 0.01, "low": -0.01, "high": 0.02}) == ()
    assert of(failed="no group") == ()
    jsonschema.validate(
        document.to_document(
            assurance(Run(small_run.path, small_run.usecase, small_run.plan, {}, chapters, small_run.findings))
        ),
        document.schema(),
    )
