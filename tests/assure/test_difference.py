"""What changed between two audits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from primum.assure.difference import diff
from primum.audit import audit
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.finding import Verdict
from primum.plan import Plan, freeze


def other(run: Run, **changes) -> Run:
    held = {k: getattr(run, k) for k in ("path", "usecase", "plan", "manifest", "chapters", "findings")}
    return Run(**(held | changes))


def test_an_audit_does_not_differ_from_itself(small_run):
    found = diff(small_run, small_run)
    assert not found
    assert found.claims == found.findings == found.people == found.plan == found.versions == []
    assert found.lines() == ["Nothing changed."]


def test_a_changed_verdict_is_told_by_finding_and_claim(small_run):
    at = next(i for i, f in enumerate(small_run.findings) if f.verdict is Verdict.NO_HARM and f.margin)
    f = small_run.findings[at]
    worse = replace(
        f, verdict=Verdict.HARM, estimate=replace(f.estimate, value=-0.5, low=-0.6, high=-0.4)
    )  # fmt: skip
    later = other(small_run, findings=[*small_run.findings[:at], worse, *small_run.findings[at + 1 : -1]])
    found = diff(small_run, later)
    changed = found.findings[0]
    assert (changed["before"], changed["now"]) == ("no harm shown within the margin", "harm shown")
    assert changed["intervals_apart"]
    assert changed["value_now"] == -0.5
    assert (found.claims[0]["before"], found.claims[0]["now"]) == ("supported", "refuted")
    assert found.findings[-1]["now"] == "(absent)"
    said = found.lines()
    assert said[0].startswith("1 claim stands worse than before; harm is shown in 1 finding where it was not")
    assert "supported, now refuted (" in said[1]
    assert "now −0.500 [−0.600 to −0.400]" in said[1]
    assert said[2] == "PRM-R01: 1 finding is no more there."
    assert [r["worse"] for r in found.worse] == [True, True]
    json.dumps(found.to_document(), allow_nan=False)


def test_an_interval_that_moved_away_is_told_though_the_verdict_is_the_same(small_run):
    at = next(i for i, f in enumerate(small_run.findings) if f.verdict is Verdict.NO_HARM and f.margin)
    f = small_run.findings[at]
    better = replace(f, estimate=replace(f.estimate, value=0.5, low=0.4, high=0.6))
    later = other(small_run, findings=[*small_run.findings[:at], better, *small_run.findings[at + 1 :]])
    found = diff(small_run, later)
    assert found.claims == found.worse == []
    assert "now 0.500: the intervals do not touch)" in found.lines()[1]
    assert "| now" not in found.markdown()
    assert "; the intervals do not touch |" in found.markdown()


def test_people_plan_and_versions(small_run, small_case, people, tmp_path):
    later = audit(small_case(margins={"sensitivity": 0.2}), data=people(900), out=tmp_path / "run")
    later = other(later, manifest=later.manifest | {"primum": "9.9"})
    found = diff(small_run, later)
    everyone = next(r for r in found.people if (r["attribute"], r["what"]) == ("overall", "n"))
    assert (everyone["before"], everyone["now"]) == (1000, 900)
    men = next(r for r in found.people if (r["group"], r["what"]) == ("Male", "n"))
    assert men["now"] == later.chapters["groups"]["estimates"][0]["n"]
    assert {r["field"] for r in found.plan} == {"margins.sensitivity", "margins.auroc"}
    assert found.versions == [{"software": "primum", "before": small_run.manifest["primum"], "now": "9.9"}]
    assert "1,000 → 900 people (overall, everyone)." in found.lines()
    gone = [r for r in found.claims if r["now"] == "(absent)"]
    assert gone
    assert all("PRM-G01/auroc" in r["claim"] for r in gone)


def test_different_questions_are_refused(small_run, small_case):
    with pytest.raises(PrimumError, match="ask different questions: 'small' and 'another'"):
        diff(small_run, other(small_run, usecase=small_case(name="another")))
    released = other(small_run, manifest=small_run.manifest | {"release": {"preset": "cbs"}})
    with pytest.raises(PrimumError, match="One of these audits is a release"):
        diff(small_run, released)
    outcome = {"name": "illness", "when": [{"column": "ill", "equals": 0}], "recorded_by": "a generator"}
    with pytest.raises(PrimumError, match=r"different outcomes: their plans differ in outcome\.when"):
        diff(small_run, other(small_run, plan=freeze(small_case(outcome=outcome))))


def test_notes_say_what_to_know_before_reading_on(small_run, small_case):
    moved = freeze(small_case(seed=7))
    early = Plan(moved.hash, "2000-01-01T00:00:00+00:00", moved.contents)
    fewer = {k: v for k, v in small_run.chapters.items() if k != "record"}
    found = diff(small_run, other(small_run, plan=early, chapters=fewer))
    assert found.notes[0].startswith("The plan changed in 1 field: numbers may differ")
    assert found.notes[1].endswith("are they the wrong way round?")
    assert found.notes[2] == "Only the first audit has the chapter 'record'."
    assert f"Plan, seed: {small_run.usecase.seed}, now 7." in found.lines()


def test_a_new_claim_is_one_line_of_the_plan_and_stands_not_worse(small_run, with_scenario):
    before = with_scenario(small_run, claims=[], tensions=[])
    after = with_scenario(small_run)
    found = diff(other(before, plan=freeze(before.usecase)), other(after, plan=freeze(after.usecase)))
    assert found.notes == ["Of the plan only its claims changed; what is measured is the same."]
    assert found.worse == []
    said = found.lines()
    assert "Claim finds-all: (absent), now refuted (–, now" in " ".join(said)
    assert "Plan, claims.ranks: (absent), now metric auroc, direction at least, threshold 0.6." in said
    assert "Plan, claims.explained: (absent), now there, without a number." in said
    assert found.markdown().count("claims.") == 4
