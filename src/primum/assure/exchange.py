"""The case for assurance-case tools: nested goals and claims as JSON, and goal structuring notation as text.

The JSON follows the shape that the TEA platform of the Alan Turing Institute uses (goal, strategies, property claims,
evidence). It was not validated against that platform.
"""

from __future__ import annotations

from typing import Any

from primum.assure.case import Case
from primum.assure.claims import Claim
from primum.usecase_scenario import REQUIREMENTS

GOAL = "For the stated use, what is claimed about the model holds for every declared group of patients."


def to_tea(case: Case) -> dict[str, Any]:
    """Return the case as nested goals, strategies, property claims and evidence."""
    setting = case.scenario.setting if case.scenario else "no setting was declared"
    strategies = []
    number = 0
    for i, (name, mine) in enumerate(_by_requirement(case), 1):
        told = []
        for c in mine:
            number += 1
            told.append(_property(f"P{number}", c))
        strategies.append(
            {
                "type": "Strategy", "name": f"S{i}", "short_description": f"Argue over {name}",
                "long_description": f"{len(mine)} claims serve this requirement.", "property_claims": told,
            }
        )  # fmt: skip
    return {
        "type": "AssuranceCase", "name": case.title, "description": case.question,
        "goals": [
            {
                "type": "TopLevelNormativeGoal", "name": "G1", "short_description": GOAL,
                "long_description": "A goal to argue about; the evidence does not add up to one verdict.",
                "context": [
                    {"type": "Context", "name": "C1", "short_description": "Setting", "long_description": setting},
                    {"type": "Context", "name": "C2", "short_description": "Plan", "long_description": case.plan},
                ],
                "strategies": strategies,
            }
        ],
    }  # fmt: skip


def _property(name: str, claim: Claim) -> dict[str, Any]:
    evidence = []
    if claim.evidence is not None:
        evidence.append(
            {
                "type": "Evidence", "name": f"E{name[1:]}", "short_description": claim.evidence.check,
                "long_description": measured(claim), "URL": "",
            }
        )  # fmt: skip
    return {
        "type": "PropertyClaim", "name": name, "short_description": claim.says,
        "long_description": f"{claim.state}" + (f": {claim.why}" if claim.why else ""), "evidence": evidence,
    }  # fmt: skip


def to_gsn(case: Case) -> str:
    """Return the case in goal structuring notation, as indented text; an unsettled goal is marked undeveloped."""
    lines = [f"G1 Goal: {GOAL}", f"  C1 Context: {case.question}"]
    if case.scenario is not None:
        lines.append(f"  C2 Context: {case.scenario.setting}")
    number = 0
    for i, (name, mine) in enumerate(_by_requirement(case), 1):
        lines.append(f"  S{i} Strategy: argue over {name}")
        for c in mine:
            number += 1
            lines.append(f"    G1.{number} Goal: {c.says} [{c.state}{': ' + c.why if c.why else ''}]")
            if c.argument is not None:
                lines.append(f"      J{number} Justification: {c.argument.warrant}")
                lines += [f"      A{number}.{k} Doubt: {r.words}" for k, r in enumerate(c.argument.rebuttals, 1)]
            if c.evidence is not None:
                lines.append(f"      Sn{number} Solution: {c.evidence.check}: {measured(c)}")
            else:
                lines.append("      (undeveloped)")
    return "\n".join(lines) + "\n"


def measured(claim: Claim) -> str:
    """Return the number behind a claim in words: value, interval, people, plan."""
    return "no number" if claim.evidence is None else claim.evidence.measured


def _by_requirement(case: Case) -> list[tuple[str, list[Claim]]]:
    grouped = [(name, [c for c in case.claims if c.requirement == name]) for name in REQUIREMENTS]
    return [(name, mine) for name, mine in grouped if mine]
