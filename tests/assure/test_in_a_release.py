"""A run measured from protected counts: chapters are missing, groups are withheld, and no number of people leaks."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import jsonschema
import pytest

from primum.assure import document, exchange
from primum.assure.case import assurance
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
    assert found["other-chapter"].why == "this release has no finding of PRM-R01 on share_unrecorded for Male"
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


def test_the_chapters_of_a_release_can_be_read(release):
    said = str(claims.section(release).blocks)
    assert "■ inconclusive (suppressed)" in said
    assert "n = 0" not in said
    assert "0 people behind it" not in said
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
