"""The audit measured again from protected counts: a run of its own, of which every number may be read by anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import primum
from primum.chapters import joint
from primum.chapters.measured import COMPARED
from primum.chapters.stigma import stigma_chapter
from primum.check.groups import group_findings
from primum.check.overall import overall_findings
from primum.check.people import plan_findings
from primum.disclose.digits import digits
from primum.disclose.presets import Policy
from primum.disclose.recode import REST, Division, Recoded
from primum.execute.run import Run
from primum.finding import Estimate, Finding
from primum.measure.compare import compare, comparison_rows
from primum.measure.curves import calibration, decision, roc
from primum.measure.metric import METRICS
from primum.measure.precision_recall import precision_recall
from primum.measure.ranking import bracket
from primum.measure.table import EVERYONE, Settings, estimates, row
from primum.release.beside import NOTHING, Beside
from primum.release.printed import compared, printed, rows, trimmed
from primum.release.rounding_noise import Spread, moves, spread, widened, widened_all
from primum.release.withheld import WITHHELD, name_of, suppressed
from primum.tally.resample import histogram
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL, Groups, UseCase

NOT_AVAILABLE = {
    "table_one": "Of each group the people and those with the outcome are shown; other variables do not leave.",
    "leakage": "What was found of leakage does not leave.",
}
FINE = 1000
NOT_HERE = ("repairs", "recording", "missing", "discrimination", "prior")
"""Sections of a use case whose chapters need rows; their numbers do not leave."""


def measure(inside: Run, recoded: Recoded, folder: Path, *, about: Mapping[str, Any], beside: Beside = NOTHING) -> Run:
    """Return the run of a release.

    Parameters
    ----------
    inside
        The audit as it was made in the room; only its question, plan and the names of its models are taken over.
    recoded
        Its protected tallies.
    folder
        Where the new run is written; the folder stays in the room.
    about
        What the report says of the release: preset, words, date, what was withheld, …
    beside
        Counts of the people beside those of the tallies: who was left out, what is missing.
    """
    ranks = _ranks(inside)
    recoded = _in_order(recoded, ranks)
    usecase = inside.usecase.model_copy(
        update={
            "models": [m for m in inside.usecase.models if m.name in recoded.cuts],
            **{name: None for name in NOT_HERE if getattr(inside.usecase, name, None) is not None},
        }
    )
    run = Run(path=folder, usecase=usecase, plan=replace(inside.plan, created=inside.plan.created[:10]))
    run.chapters["models"] = _models(inside, recoded)
    run.chapters["people"] = _people(recoded, usecase, inside, beside)
    run.findings = [*plan_findings(list(inside.manifest.get("deviations", [])))]
    performance, groups = _empty()
    for model in recoded.everyone:
        settings = _settings(usecase, recoded.cuts[model])
        run.findings += _overall(performance, groups, usecase, recoded, model, settings)
        for group in usecase.groups:
            run.findings += _group(groups, usecase, group, recoded, model, settings)
    run.findings = [
        replace(f, estimate=printed(f.estimate, recoded.policy), words=trimmed(f.words, f.estimate.n, recoded.policy))
        for f in run.findings
    ]
    run.chapters |= {"performance": performance, "groups": groups, "stigma": _stigma(usecase, recoded)}
    n = sum(recoded.total)
    run.manifest = {
        "status": "finished",
        "primum": primum.__version__,
        "packages": {},
        "plan_hash": inside.plan.hash[:12],
        "created": inside.plan.created[:10],
        "seed": usecase.seed,
        "seconds": {},
        "data": {"source": WITHHELD, "people": n},
        "deviations": list(inside.manifest.get("deviations", [])),
        "release": dict(about),
    }
    return run


def _stigma(usecase: UseCase, recoded: Recoded) -> dict[str, Any]:
    """Return who is labelled, and for nothing, in the groups that are shown by the primary model."""
    model = next(iter(recoded.everyone))
    found = stigma_chapter(usecase, model, recoded.cuts[model], recoded.everyone[model], recoded.decided[model])
    kept = [rows(r, recoded.policy, r["n"]) for r in found["rows"] if REST not in r["group"]]
    return found | {"rows": kept, "together": None}


def _ranks(inside: Run) -> dict[str, dict[str, int]]:
    """Return the order of the groups in the report that was made inside: title → label → place."""
    found: dict[str, dict[str, int]] = {}
    for r in inside.chapters.get("groups", {}).get("estimates", []):
        own = found.setdefault(r["attribute"], {})
        own.setdefault(r["group"], len(own))
    return found


def _in_order(recoded: Recoded, ranks: Mapping[str, Mapping[str, int]]) -> Recoded:
    """Return the same with groups in the order that was declared, as inside."""

    def place(title: str, group: tuple[str, ...]) -> tuple[bool, int, tuple[str, ...]]:
        return REST in group, ranks.get(title, {}).get(" · ".join(group), 0), group

    def sorted_by(title: str, view: ScoreTally) -> ScoreTally:
        return view.select(sorted(view.groups, key=partial(place, title)))

    def views(held: Mapping[str, Mapping[str, ScoreTally]]) -> dict[str, dict[str, ScoreTally]]:
        return {m: {t: sorted_by(t, v) for t, v in own.items()} for m, own in held.items()}

    people = {t: {g: p[g] for g in sorted(p, key=partial(place, t))} for t, p in recoded.people.items()}
    return replace(recoded, decided=views(recoded.decided), ranked=views(recoded.ranked), people=people)


def _empty() -> tuple[dict[str, Any], dict[str, Any]]:
    performance: dict[str, Any] = {"estimates": [], "between_models": []}
    performance |= {k: {} for k in ("calibration", "decision_curve", "roc", "precision_recall")}
    groups: dict[str, Any] = {k: [] for k in ("estimates", "comparisons", "consequences", "policies", "exposure")}
    groups |= {k: {} for k in ("calibration", "decision_curves", "thresholds", "smooth")}
    return performance, groups | {"capacity": [], "decomposition": []} | joint.empty()


def _settings(usecase: UseCase, at: float) -> Settings:
    return Settings(at=at, replicates=usecase.replicates, seed=usecase.seed, level=usecase.level)


def _models(inside: Run, recoded: Recoded) -> dict[str, Any]:
    told = []
    for m in inside.chapters["models"]["models"]:
        if m["name"] not in recoded.everyone:
            continue
        everyone = recoded.everyone[m["name"]]
        n = sum(recoded.total)
        kept = {k: m[k] for k in ("name", "kind", "description", "scale", "range", "higher_means", "threshold")}
        told.append(
            kept
            | {"n_scored": n, "n_people": n, "not_scored": {}, "settings": {}, "seconds": None, "tally": ""}
            | {"auroc_bracket": round(bracket(histogram(everyone, 0)), 3)}
        )
    return {"primary": told[0]["name"], "models": told, "between_models": []}


def _people(recoded: Recoded, usecase: UseCase, inside: Run, beside: Beside) -> dict[str, Any]:
    """Return the chapter of the people: how many, with how many cases, in each group that may be shown."""
    without, having = recoded.total
    columns: list[dict[str, Any]] = [
        {"attribute": OVERALL, "level": "everyone", "n": without + having, "events": having}
    ]
    for title, found in recoded.people.items():
        columns += [
            {"attribute": title, "level": " · ".join(g), "n": sum(both), "events": both[1]} for g, both in found.items()
        ]
    cells = [_cell(c["n"], c["events"], recoded.policy) for c in columns]
    notes = [
        f"The model '{m}' does not leave: together with the others its counts would say too much."
        for m in recoded.left_out
    ]
    return {
        "source": "The rows stay in the room: this was measured again from protected counts of them.",
        "labels": dict(inside.chapters.get("people", {}).get("labels", {})),
        "n": without + having, "events": having, "flow": list(beside.flow),
        "table_one": {"columns": columns, "rows": [
            {"variable": "outcome", "label": usecase.outcome.name, "kind": "outcome", "category": None,
             "cells": cells, "smd": [None] * len(cells)}
        ]},
        "missingness": list(beside.gaps), "leakage": [], "representativeness": [], "missing_codes": [],
        "unrecorded": {},
        "notes": notes, "not_available": NOT_AVAILABLE | beside.why,
    }  # fmt: skip


def _cell(n: int, events: int, policy: Policy) -> dict[str, Any]:
    share = rows(events / n, policy, n) if n else None
    places = max(digits(n, ceiling=int(policy["max_digits"])) - 2, 0) if n else 0
    text = f"{events:,}" + (f" ({share:.{places}%})" if share is not None else "")
    return {"text": text, "mean": None, "sd": None, "n": events, "share": share, "missing": 0}


def _overall(
    performance: dict[str, Any],
    groups: dict[str, Any],
    usecase: UseCase,
    recoded: Recoded,
    name: str,
    settings: Settings,
) -> list[Finding]:
    """Add what one model does for everyone together."""
    everyone, policy, n = recoded.everyone[name], recoded.policy, sum(recoded.total)
    found: dict[str, Estimate] = {}
    for needs, view in (("counts", recoded.whole[name]), ("histogram", everyone)):
        metrics = [m for m in METRICS if METRICS[m].needs == needs]
        found |= _shown(view, metrics, settings, policy, spread(view, metrics, settings.at, policy, settings.seed))[0]
    found = {k: found[k] for k in METRICS}
    performance["estimates"] += _rows(found, settings, model=name, attribute=OVERALL, group=EVERYONE)
    performance["calibration"][name] = rows(calibration(everyone, 0, level=settings.level), policy, n)
    if everyone.grid.probability:
        performance["decision_curve"][name] = _curves(everyone, settings, policy)[0]
    performance["roc"][name] = rows(roc(everyone), policy, n)
    performance["precision_recall"][name] = rows(precision_recall(everyone), policy, n)
    groups["consequences"] += _consequences(recoded.whole[name], settings, OVERALL, policy)
    for part in ("calibration", "decision_curves"):
        groups[part][name] = {}
    return overall_findings(usecase, name, found)


def _shown(
    view: ScoreTally, metrics: Sequence[str], settings: Settings, policy: Policy, spreads: Sequence[Spread]
) -> list[dict[str, Estimate]]:
    """Return the estimates of each group as they are printed, with intervals that cover the rounding."""
    return [
        {k: printed(widened(_people_of(k, e), float(moved[k][0]), METRICS[k].range), policy) for k, e in one.items()}
        for one, moved in zip(estimates(view, metrics, settings), spreads, strict=True)
    ]


def _people_of(metric: str, e: Estimate) -> Estimate:
    """Return an estimate; a number of people is one of people, however they are weighted."""
    return replace(e, value=float(e.n)) if metric == "n" and e.ok else e


def _group(
    chapter: dict[str, Any],
    usecase: UseCase,
    group: Groups,
    recoded: Recoded,
    model: str,
    settings: Settings,
) -> list[Finding]:
    """Add what one model does in one way of dividing people, and return the findings."""
    division, policy = recoded.divisions[group.title], recoded.policy
    findings: list[Finding] = []
    for needs, held, groups in (
        ("counts", recoded.decided, division.shown),
        ("histogram", recoded.ranked, division.ranked),
    ):
        view = held[model].get(group.title)
        if view is None:
            continue
        metrics = [m for m in METRICS if METRICS[m].needs == needs]
        own = usecase.model_copy(update={"margins": {m: v for m, v in usecase.margins.items() if m in metrics}})
        findings += _told(chapter, own, group, view, metrics, settings, policy, whole=not _hidden(division, groups))
        if needs == "histogram":
            _pictured(chapter, group.title, view, settings, policy)
        else:
            chapter["consequences"] += _consequences(view, settings, group.title, policy)
    return findings + suppressed(chapter, usecase, division, recoded, model, settings)


def _hidden(division: Division, groups: Sequence[tuple[str, ...]]) -> bool:
    return len(groups) < len(division.shown) + len(division.counted) + len(division.withheld)


def _told(
    chapter: dict[str, Any],
    usecase: UseCase,
    group: Groups,
    view: ScoreTally,
    metrics: Sequence[str],
    settings: Settings,
    policy: Policy,
    *,
    whole: bool,
) -> list[Finding]:
    """Add estimates, differences and what holds for all groups at once; return findings about the groups shown."""
    model, title = view.score_name, group.title
    curve = all(METRICS[m].needs == "histogram" for m in metrics)
    spreads = spread(view, metrics, settings.at, policy, settings.seed)
    for label, shown in zip(view.groups, _shown(view, metrics, settings, policy, spreads), strict=True):
        if curve and REST in label:  # the remainder of a curve mixes groups that are shown with those that are not
            continue
        chapter["estimates"] += _rows(shown, settings, model=model, attribute=title, group=name_of(label))
    labels = [" · ".join(g) for g in view.groups]
    if group.reference != OVERALL and group.reference not in labels:
        return []
    wanted = [m for m in metrics if m in COMPARED or m in usecase.margins]
    found = compared(widened_all(compare(view, wanted, settings, group.reference), labels, spreads), policy)
    found = [c for c in found if REST not in c.group]
    chapter["comparisons"] += comparison_rows(found, model=model, attribute=title, at=settings.at)
    findings = group_findings(usecase, model, title, found)
    at_once = joint.empty()
    if moves(view, policy):  # what holds for all groups at once has no interval that covers the rounding
        return findings
    findings = joint.compare_jointly(at_once, usecase, group, view, settings, findings)
    if model == usecase.primary.name and whole:
        joint.describe_spread(at_once, usecase, group, view, settings)
    if view.clusters is not None:  # they are told with an effective number of people, which is no registered count
        at_once |= {"shrunk": [], "structure": []}
    least = int(min(view.people().sum(axis=1), default=1))
    for part, added in at_once.items():
        chapter[part] += [r for r in rows(added, policy, least) if REST not in str(r.get("group", ""))]
    return findings


def _pictured(chapter: dict[str, Any], title: str, view: ScoreTally, settings: Settings, policy: Policy) -> None:
    """Add calibration and decision curves of groups whose score steps are shown."""
    model = view.score_name
    named = [(i, name_of(g)) for i, g in enumerate(view.groups) if REST not in g]
    people = view.people().sum(axis=1)
    steps = len(view.grid.thresholds) + 1
    chapter["calibration"][model][title] = {
        label: rows(calibration(view, i, bins=min(5, steps), level=settings.level), policy, int(people[i]))
        for i, label in named
    }
    if view.grid.probability:
        curves = _curves(view, settings, policy)
        chapter["decision_curves"][model][title] = {label: curves[i] for i, label in named}


def _curves(view: ScoreTally, settings: Settings, policy: Policy) -> list[Any]:
    """Return decision curves at the steps of the view, up to three times the threshold."""
    last = max(0.3, 3 * (settings.at or 0))
    steps = [t for t in view.grid.thresholds if 0 < t <= last]
    people = view.people().sum(axis=1)
    found = decision(view, steps, level=settings.level)
    return [rows(c, policy, int(n)) for c, n in zip(found, people, strict=True)]


def _consequences(view: ScoreTally, settings: Settings, attribute: str, policy: Policy) -> list[dict[str, Any]]:
    """Return what the decision means for 1,000 people of each group, as shares with the digits of R7."""
    c = view.at(settings.at if settings.at is not None else view.grid.low)
    total = c.tp + c.fp + c.fn + c.tn
    people = view.people().sum(axis=1)
    parts = {"with_outcome": c.tp + c.fn, "found": c.tp, "missed": c.fn, "false_alarms": c.fp, "left_alone": c.tn}
    out = []
    for i, g in enumerate(view.groups):
        with np.errstate(invalid="ignore", divide="ignore"):
            per = {k: 1000 * rows(float(v[i] / total[i]), policy, int(people[i])) for k, v in parts.items()}
        if REST not in g and people[i] >= FINE:  # of fewer, shares of one or two digits do not add up to 1,000
            where = {"model": view.score_name, "attribute": attribute, "group": name_of(g) or EVERYONE, "per": 1000}
            out.append(where | per)
    return out


def _rows(found: Mapping[str, Estimate], settings: Settings, **where: Any) -> list[dict[str, Any]]:
    return [row(e, **where, metric=k, at=settings.at if METRICS[k].threshold else None) for k, e in found.items()]
