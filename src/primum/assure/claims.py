"""The claims of a run: declared in the scenario, seeded from it, and seeded from the margins declared beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from primum.assure.argument import NOT_HERE, STAYS, Argument, argument, requirement_of
from primum.assure.evidence import (
    Evidence,
    Finished,
    against_ideal,
    fewest,
    for_claim,
    group_name,
    in_units,
    moved,
    of_finding,
    released,
    scenario_of,
)  # fmt: skip
from primum.assure.present import examined_inside
from primum.assure.state import Direction, State, state_of
from primum.finding import Finding, Verdict
from primum.measure.metric import METRICS
from primum.usecase import OVERALL
from primum.usecase_scenario import Claim as Declared
from primum.usecase_scenario import WhenWrong

Origin = Literal["declared", "declared margin", "scenario"]
JUDGED = {
    "PRM-M01": "within", "PRM-R01": "at most", "PRM-H01": "at least", "PRM-K03": "at least", "PRM-S04": "at least",
    "PRM-S05": "at least",
}  # fmt: skip
"""Checks whose findings have a margin and a fixed direction; PRM-G01 and PRM-R03 take it from the metric."""
BY_METRIC = ("PRM-G01", "PRM-R03")
SPEAKS_TO = {"miss": ("sensitivity", "fnr", "npv"), "false alarm": ("specificity", "fpr", "ppv"), "no score": ()}
"""The numbers that a kind of error shows in."""
NOUN = {"no score": "missing score"}
"""A kind of error where its name is no noun."""


@dataclass(frozen=True)
class Claim:
    """A claim with its state.

    Attributes
    ----------
    id
        Stable: the name that was declared, or what it is about.
    says
        The claim in one sentence.
    origin
        Where it comes from.
    requirement
        Which of the seven requirements it serves.
    metric, model, attribute, group, comparator, direction, threshold
        The falsifiable form; "" and None for a claim that a person judges.
    state, why
        How it stands, and why it is open.
    judge, judgement
        Who decides where no number can, and what they decided.
    """

    id: str
    says: str
    origin: Origin
    requirement: str
    state: State
    why: str
    metric: str = ""
    model: str = ""
    attribute: str = ""
    group: str = ""
    comparator: str = ""
    direction: str = ""
    threshold: float | None = None
    evidence: Evidence | None = None
    argument: Argument | None = None
    judge: str = ""
    judgement: str = ""


def claims(run: Finished) -> list[Claim]:
    """Return every claim of a finished run: declared ones first, then the scenario's, then those of the margins."""
    scenario = scenario_of(run)
    found: list[Claim] = []
    if scenario is not None:
        found += [declared(run, c) for c in scenario.claims]
        found += [c for error in scenario.on_error for c in of_error(run, error)]
    return found + of_margins(run)


def declared(run: Finished, told: Declared) -> Claim:
    """Return a declared claim with its state."""
    if told.judge is not None or told.direction is None or told.threshold is None:
        why = told.judgement or "no judgement is written down yet"
        return Claim(
            told.name, told.says, "declared", told.requirement, State.HUMAN, why, judge=told.judge or "",
            judgement=told.judgement,
        )  # fmt: skip
    found = for_claim(run, told)
    if found is not None and told.direction == "within":
        found = against_ideal(found)
    if found is None:
        state, why = State.UNTESTED, _nowhere(run, told)
    else:
        state, why = state_of(
            moved(found.estimate, -found.ideal), told.direction, told.threshold, half_width=told.half_width,
            events=told.events, behind=fewest(found.metric, found.estimate), imprecise=found.imprecise,
        )  # fmt: skip
    check = told.check or "tables"
    return Claim(
        told.name, told.says, "declared", told.requirement, state, why, str(told.metric),
        told.model or run.usecase.primary.name, told.attribute or OVERALL, told.group or "everyone",
        told.comparator or "", told.direction, told.threshold, found,
        argument(run, check, metric=str(told.metric), warrant=told.warrant, rebuttals=tuple(told.rebuttals)),
    )  # fmt: skip


def of_error(run: Finished, error: WhenWrong) -> list[Claim]:
    """Return what the scenario claims by saying who bears an error: that it is limited, and that it can be undone.

    How much is too much is testable only where a margin was declared for a number that shows this error.
    """
    metrics, out = SPEAKS_TO[error.error], []
    noun = NOUN.get(error.error, error.error)
    if not any(m in run.usecase.margins for m in metrics):
        shows = f"for {' or '.join(metrics)}" if metrics else "by a number"
        out.append(
            Claim(
                claim_id("scenario", error.error, error.to),
                f"A {noun} that {error.to} bears ({error.what}) is not more frequent in any group than is "
                "acceptable.",
                "scenario", requirement_of("PRM-G01"), State.UNTESTED,
                f"what is acceptable was not declared {shows}",
            )
        )  # fmt: skip
    out.append(
        Claim(
            claim_id("scenario", error.error, error.to, "undone"),
            f"Can a {noun} that {error.to} bears be noticed and put right?",
            "scenario", "human agency and oversight", State.HUMAN,
            f"noticed: {error.noticed}; undone: {error.undone}",
        )
    )  # fmt: skip
    return out


def of_margins(run: Finished) -> list[Claim]:
    """Return one claim per finding about the primary model, a repair or the record that has a declared margin."""
    primary = run.usecase.primary.name
    return [
        _seeded(run, f, direction)
        for f in run.findings
        if f.margin is not None and (direction := direction_of(f)) is not None
        if f.check != "PRM-G01" or f.model == primary
    ]


def direction_of(f: Finding) -> Direction | None:
    """Return on which side of its margin a finding is good, or None where it judges no number."""
    if f.check in BY_METRIC and f.metric in METRICS:
        better = METRICS[f.metric].better
        if better == "none":
            return None
        return {"higher": "at least", "lower": "at most"}.get(better, "within")  # type: ignore[return-value]
    return JUDGED.get(f.check)  # type: ignore[return-value]


def _seeded(run: Finished, f: Finding, direction: Direction) -> Claim:
    assert f.margin is not None
    threshold = -f.margin if direction == "at least" else f.margin
    found = of_finding(run, f)
    found = against_ideal(found) if direction == "within" else found
    state, why = state_of(moved(found.estimate, -found.ideal), direction, threshold, imprecise=found.imprecise)
    if f.verdict is Verdict.SUPPRESSED:
        state, why = State.SUPPRESSED, f.reason or "the number is withheld to protect people"
    if state is State.INCONCLUSIVE and f.more_events and not released(run):  # of protected counts it is another number
        why += f"; about {f.more_events:,} more {f.more_kind} are needed"
    return Claim(
        claim_id(f.check, f.metric, f.model, f.attribute, f.group), _says(f, direction), "declared margin",
        requirement_of(f.check), state, why, f.metric, f.model, f.attribute, f.group, f.comparator, direction,
        threshold, found, argument(run, f.check, metric=f.metric),
    )  # fmt: skip


def _says(f: Finding, direction: Direction) -> str:
    what = METRICS[f.metric].title if f.metric in METRICS else f.metric.replace("_", " ").capitalize()
    of = "of everyone" if f.attribute == OVERALL else f"of {group_name(f.group)} ({f.attribute})"
    who = f", {f.model}" if f.model else ""
    bound = {"at least": "falls short of", "at most": "exceeds", "within": "differs from"}[direction]
    assert f.margin is not None
    margin = in_units(f.metric, f.margin, gap=True)
    return f"{what} {of}{who}: {bound} {group_name(f.comparator) or 'nobody'} by less than {margin}."


def _nowhere(run: Finished, told: Declared) -> str:
    if told.check is not None:
        finding = f"finding of {told.check} on {told.metric} for {group_name(told.group or 'everyone')}"
        if not released(run):
            return f"this audit has no {finding}"
        return f"{finding}: {STAYS if examined_inside(run, told.check) else NOT_HERE}"
    groups: Sequence[str] = [g.title for g in run.usecase.groups]
    if told.attribute is not None and told.attribute not in groups:
        return f"there are no groups '{told.attribute}' in this audit"
    against = f" against {group_name(told.comparator)}" if told.comparator else ""
    return f"this audit has no {told.metric} of {group_name(told.group or 'everyone')}{against}"


def claim_id(*parts: str) -> str:
    """Return the stable name of a claim that nobody named, from what it is about."""
    return "/".join(p.strip().replace("/", "-") for p in parts if p)
