"""Texts that a finished run drafts for clauses and items; a person must confirm each before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from primum.assure.evidence import Finished, group_name, scenario_of
from primum.assure.present import withheld
from primum.finding import Status, Verdict
from primum.measure.metric import METRICS
from primum.usecase import OVERALL

WITHHELD = "withheld to protect people"
NAMED = ("auroc", "sensitivity", "specificity", "net_benefit")
SIGN = "Name: ______________  Date: ______________  Signature: ______________"


def draft(run: Finished, name: str) -> str:
    """Return a draft, from the numbers of this run alone; what is withheld is said to be so."""
    return _WRITE[name](run)


def groups(run: Finished) -> str:
    """Return the groups of people that were counted."""
    rows = [r for r in _rows(run) if r["metric"] == "n" and r["model"] == run.usecase.primary.name]
    parts = []
    for attribute in dict.fromkeys(r["attribute"] for r in rows):
        mine = [r for r in rows if r["attribute"] == attribute]
        counted = ", ".join(f"{group_name(r['group'])} ({_people(r)})" for r in mine)
        parts.append(f"{attribute}: {counted}")
    people = run.chapters.get("people", {}).get("n")
    everyone = f"{people:,} people: {run.usecase.population}. " if people else ""
    return f"{everyone}Counted by {'; '.join(parts)}.{_withheld(run)}"


def harms(run: Finished) -> str:
    """Return what the decision does to 1,000 people of each group, where harm is shown, and what an error means."""
    decision, single = run.usecase.decision, {g.title for g in run.usecase.groups if not g.intersection}
    said = [f"A miss: {decision.miss}. A false alarm: {decision.false_alarm}."]
    scenario = scenario_of(run)
    if scenario is not None:
        said += [f"{e.error.capitalize()}, borne by {e.to}: {e.what}." for e in scenario.on_error]
    primary, fates = run.usecase.primary.name, []
    for r in run.chapters.get("groups", {}).get("consequences", []):
        if r["model"] == primary and r["attribute"] in {*single, OVERALL}:
            who = "everyone" if r["attribute"] == OVERALL else f"{r['attribute']}, {group_name(r['group'])}"
            fates.append(_fate(r, who))
    said += [f"Of every 1,000 people, {primary}: {'; '.join(fates)}."] if fates else []
    harmed = [f for f in run.findings if f.verdict is Verdict.HARM and f.margin is not None and f.model == primary]
    said += [f"Harm shown by a declared margin. {f.words}" for f in harmed]
    return " ".join(said) + _withheld(run)


def necessity(run: Finished) -> str:
    """Return which biases were looked for, in which groups, and what was found."""
    found = [f for f in run.findings if f.check == "PRM-G01" and f.model == run.usecase.primary.name]
    by = {v: sum(f.verdict is v for f in found) for v in Verdict}
    told = ", ".join(f"{n} {v}" for v, n in by.items() if n)
    attributes = ", ".join(dict.fromkeys(f.attribute for f in found))
    metrics = ", ".join(dict.fromkeys(METRICS[f.metric].title if f.metric in METRICS else f.metric for f in found))
    return (
        f"Groups by {attributes} were compared in {metrics}, with margins declared beforehand (plan "
        f"{str(run.plan.hash)[:12]}): {told}. Without the attributes none of these comparisons can be made."
        f"{_withheld(run)}"
    )


def test_report(run: Finished) -> str:
    """Return the heading of a test report, with a place to sign."""
    usecase = run.usecase
    models = ", ".join(m.name for m in usecase.models)
    margins = ", ".join(f"{METRICS[k].title} {v:g}" for k, v in usecase.margins.items())
    at = usecase.decision.threshold
    decided = f"threshold {at:g}" if at is not None else f"capacity {usecase.decision.capacity:g}"
    return (
        f"Test of {models} for the outcome {usecase.outcome.name}; {decided}; margins {margins}. Plan "
        f"{str(run.plan.hash)[:12]}, frozen {str(run.plan.created)[:10]}, primum "
        f"{run.manifest.get('primum', 'version not stated')}. {abstract(run)} {SIGN}"
    )


def title(run: Finished) -> str:
    """Return a sentence for the title of a paper."""
    made = {"develop" if m.train is not None else "evaluate" for m in run.usecase.models}
    kind = {1: "Development and evaluation" if "develop" in made else "Evaluation"}.get(len(made))
    kind = kind or "Development and evaluation, beside models made elsewhere,"
    population = run.usecase.population.rstrip(".")
    return f"{kind} of a prediction model for {run.usecase.outcome.name}: {population}."


def abstract(run: Finished) -> str:
    """Return the numbers of an abstract for the primary model."""
    people, primary = run.chapters.get("people", {}), run.usecase.primary.name
    said = []
    if people.get("n") is not None:
        cases = f", {people['events']:,} with {run.usecase.outcome.name}" if people.get("events") is not None else ""
        said.append(f"{people['n']:,} people{cases}.")
    for r in run.chapters.get("performance", {}).get("estimates", []):
        if r["model"] == primary and r["metric"] in NAMED and r["attribute"] == OVERALL:
            if r["status"] == Status.SUPPRESSED or r["value"] is None:
                said.append(f"{_title(r)}: {WITHHELD if r['status'] == Status.SUPPRESSED else r['reason']}.")
            else:
                limits = "" if r["low"] is None else f" [{r['low']:.3g} to {r['high']:.3g}]"
                said.append(f"{_title(r)} {r['value']:.3g}{limits}.")
    return " ".join(said)


def register(run: Finished) -> str:
    """Return a draft of an entry in a register of algorithms."""
    usecase = run.usecase
    models = ", ".join(f"{m.name} ({m.description})" if m.description else m.name for m in usecase.models)
    return (
        f"Name: {usecase.title}. Purpose: {usecase.intended_use} Who is affected: {usecase.population}. Decision: "
        f"{usecase.decision.act}; how the threshold was chosen: {usecase.decision.chosen}. Data: "
        f"{len(usecase.features)} features; the outcome was recorded by {usecase.outcome.recorded_by}. "
        f"Models: {models}."
    )


def _withheld(run: Finished) -> str:
    """Return that groups are withheld, which a release does not always name; "" where none are."""
    return " Some groups are withheld to protect people." if withheld(run, "groups.estimates") else ""


def _rows(run: Finished) -> list[Mapping[str, Any]]:
    return list(run.chapters.get("groups", {}).get("estimates", []))


def _title(row: Mapping[str, Any]) -> str:
    return METRICS[row["metric"]].title


def _people(row: Mapping[str, Any]) -> str:
    return WITHHELD if row["n"] is None or row["status"] == Status.SUPPRESSED else f"{row['n']:,}"


def _fate(row: Mapping[str, Any], who: str) -> str:
    missed, alarmed = row["missed"], row["false_alarms"]
    if missed is None or alarmed is None:
        return f"{who}: {row.get('reason') or WITHHELD}"
    return f"{who}: {missed:.0f} missed, {alarmed:.0f} selected for nothing"


_WRITE: dict[str, Callable[[Finished], str]] = {
    "groups": groups, "harms": harms, "necessity": necessity, "test-report": test_report, "title": title,
    "abstract": abstract, "register": register,
}  # fmt: skip
DRAFTS = tuple(_WRITE)
"""Names of the drafts."""
