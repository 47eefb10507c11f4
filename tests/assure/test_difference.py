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
    assert found.lines()[0].endswith(": supported, now refuted.")
    assert "now -0.500: the intervals do not touch" in " ".join(found.lines())
    json.dumps(found.to_document(), allow_nan=False)


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
