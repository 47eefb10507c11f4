"""The whole case of a run: scenario, claims, tensions, coverage."""

from __future__ import annotations

from dataclasses import dataclass

from primum.assure.claims import Claim, claims
from primum.assure.coverage import Coverage, coverage
from primum.assure.evidence import Finished, plan_of, released, scenario_of
from primum.assure.tensions import Tension, tensions
from primum.usecase_scenario import Scenario


@dataclass(frozen=True)
class Case:
    """What is claimed about a model, and what was measured for and against it.

    Attributes
    ----------
    title, question, name
        Of the use case.
    plan, created, version
        Hash of the frozen plan (its beginning in a release), when it was frozen, version of primum.
    scenario
        As declared, or None.
    claims, tensions, coverage
        What follows from it and from the findings.
    """

    name: str
    title: str
    question: str
    plan: str
    created: str
    version: str
    scenario: Scenario | None
    claims: tuple[Claim, ...]
    tensions: tuple[Tension, ...]
    coverage: tuple[Coverage, ...]


def assurance(run: Finished) -> Case:
    """Return the case of a finished run; nothing is computed anew. A release tells the day only, not the time."""
    found = claims(run)
    created = str(run.plan.created)
    return Case(
        run.usecase.name, run.usecase.title, run.usecase.question, plan_of(run),
        created[:10] if released(run) else created,
        str(run.manifest.get("primum", "not stated")), scenario_of(run), tuple(found), tuple(tensions(run, found)),
        tuple(coverage(found)),
    )  # fmt: skip
