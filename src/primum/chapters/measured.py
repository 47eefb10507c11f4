"""Performance overall and in every group: from tallies alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from primum.chapters import further, joint
from primum.check.groups import group_findings, shortfall
from primum.check.overall import overall_findings
from primum.finding import Estimate, Status
from primum.measure.compare import compare, comparison_rows
from primum.measure.curves import calibration, decision, roc, thresholds_table
from primum.measure.metric import METRICS, metric
from primum.measure.precision_recall import precision_recall
from primum.measure.table import EVERYONE, Settings, estimates, row
from primum.usecase import OVERALL, Groups, UseCase

if TYPE_CHECKING:
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.tally.score import ScoreTally

COMPARED = (
    "prevalence", "selection_rate", "sensitivity", "specificity", "ppv", "auroc", "oe_ratio", "calibration_slope",
    "net_benefit",
)  # fmt: skip


def performance_chapter(run: Run, _levels: Mapping[str, Sequence[str]], progress: Progress) -> list[Finding]:
    """Keep the performance of every model for everyone together, and return the findings about its calibration."""
    rows: list[dict[str, Any]] = []
    findings: list[Finding] = []
    chapter: dict[str, Any] = {"calibration": {}, "decision_curve": {}, "roc": {}, "precision_recall": {}}
    for i, (name, tally) in enumerate(run.tallies.items()):
        progress.step(i, len(run.tallies), name)
        view, settings = tally.by(), _settings(run, name)
        found = estimates(view, METRICS, settings)[0]
        rows += _rows(found, settings, model=name, attribute=OVERALL, group=EVERYONE)
        findings += overall_findings(run.usecase, name, found)
        chapter["calibration"][name] = calibration(view, 0, level=settings.level)
        if tally.grid.probability:
            chapter["decision_curve"][name] = decision(view, _curve(settings.at), level=settings.level)[0]
        chapter["roc"][name] = roc(view)
        chapter["precision_recall"][name] = precision_recall(view)
    chapter["between_models"] = run.chapters["models"].get("between_models", [])
    run.keep_chapter("performance", {"estimates": rows, **chapter})
    return findings


def groups_chapter(run: Run, levels: Mapping[str, Sequence[str]], progress: Progress) -> list[Finding]:
    """Keep estimates, comparisons, curves and counts of every group, and return the findings."""
    usecase = run.usecase
    chapter: dict[str, Any] = {
        **{k: [] for k in ("estimates", "comparisons", "consequences")},
        **{k: {} for k in ("calibration", "decision_curves", "thresholds")},
        **further.empty(),
        **joint.empty(),
    }
    findings: list[Finding] = []
    steps, done = len(run.tallies) * len(usecase.groups), 0
    compared_metrics = [m for m in METRICS if m in COMPARED or m in usecase.margins]
    for name, tally in run.tallies.items():
        settings = _settings(run, name)
        thresholds = _steps(tally, settings.at)
        everyone = tally.by()
        chapter["thresholds"][name] = {"t": thresholds, "groups": thresholds_table(everyone, thresholds)}
        chapter["consequences"] += _consequences(everyone, settings, OVERALL)
        chapter["calibration"][name], chapter["decision_curves"][name] = {}, {}
        for group in usecase.groups:
            progress.step(done, steps, f"{name}: {group.title}")
            done += 1
            view = grouped(tally, group, usecase, levels[group.title])
            found = estimates(view, METRICS, settings)
            labels = [" · ".join(g) for g in view.groups]
            for label, one in zip(labels, found, strict=True):
                shown = {k: _declared(e, k, usecase) for k, e in one.items()}
                chapter["estimates"] += _rows(shown, settings, model=name, attribute=group.title, group=label)
            compared = compare(view, compared_metrics, settings, group.reference)
            chapter["comparisons"] += comparison_rows(compared, model=name, attribute=group.title, at=settings.at)
            told = group_findings(usecase, name, group.title, compared)
            findings += joint.compare_jointly(chapter, usecase, group, view, settings, told)
            if name == usecase.primary.name:
                joint.describe_spread(chapter, usecase, group, view, settings)
            chapter["calibration"][name][group.title] = {
                label: calibration(view, i, bins=5, level=settings.level) for i, label in enumerate(labels)
            }
            if tally.grid.probability:
                curves = decision(view, _curve(settings.at), level=settings.level)
                chapter["decision_curves"][name][group.title] = dict(zip(labels, curves, strict=True))
            table = thresholds_table(view, thresholds)
            chapter["thresholds"][name]["groups"] += [{**r, "attribute": group.title} for r in table]
            chapter["consequences"] += _consequences(view, settings, group.title)
            further.add(chapter, usecase, tally, group, view, settings)
    joint.search(chapter, usecase, run.tallies[usecase.primary.name], _settings(run, usecase.primary.name))
    progress.step(steps, steps, "compared")
    run.keep_chapter("groups", chapter)
    return findings


def grouped(tally: ScoreTally, group: Groups, usecase: UseCase, order: Sequence[str]) -> ScoreTally:
    """Return the tally by one attribute or intersection, groups in the order in which they are shown.

    Groups in which nobody has a score stay, with no people.
    """
    parts = [group.title] if group.intersection is None else list(group.intersection)
    assert all(any(g.title == p for g in usecase.groups) for p in parts)
    view = tally.by(parts)
    rank = {label: i for i, label in enumerate(order)}
    return view.select(sorted(view.groups, key=lambda g: (rank.get(" · ".join(g), len(rank)), g)))


def _settings(run: Run, model: str) -> Settings:
    told = next(m for m in run.chapters["models"]["models"] if m["name"] == model)
    u = run.usecase
    return Settings(at=told["threshold"], replicates=u.replicates, seed=u.seed, level=u.level)


def _declared(e: Estimate, name: str, usecase: UseCase) -> Estimate:
    """Return the estimate, marked when it is less precise than was declared necessary."""
    if name not in usecase.precision or e.status is not Status.OK:
        return e
    lack = [x for x in shortfall(e, metric(name), usecase.precision[name]) if x]
    return replace(e, status=Status.IMPRECISE, reason="; ".join(lack)) if lack else e


def _rows(found: Mapping[str, Estimate], settings: Settings, **where: Any) -> list[dict[str, Any]]:
    return [row(e, **where, metric=k, at=settings.at if metric(k).threshold else None) for k, e in found.items()]


def _curve(at: float | None) -> list[float]:
    """Return thresholds of a decision curve: from 1 % to three times the threshold, at least 30 %."""
    last = min(99, max(30, round(300 * (at or 0))))
    return [k / 100 for k in range(1, last + 1)]


def _steps(tally: ScoreTally, at: float | None) -> list[float]:
    """Return the thresholds through which a reader can move."""
    grid = tally.grid
    cents = [k / 100 for k in range(1, 100)] if grid.probability else []
    return sorted({*cents, *grid.thresholds, *([at] if at is not None else [])})


def _consequences(view: ScoreTally, settings: Settings, attribute: str) -> list[dict[str, Any]]:
    """Return what the decision means for 1,000 people of each group (weighted, where there are weights)."""
    c = view.at(settings.at if settings.at is not None else view.grid.low)
    total = c.tp + c.fp + c.fn + c.tn
    with np.errstate(invalid="ignore", divide="ignore"):
        per = {
            "with_outcome": 1000 * (c.tp + c.fn) / total, "found": 1000 * c.tp / total, "missed": 1000 * c.fn / total,
            "false_alarms": 1000 * c.fp / total, "left_alone": 1000 * c.tn / total,
        }  # fmt: skip
    return [
        {"model": view.score_name, "attribute": attribute, "group": " · ".join(g) or EVERYONE, "per": 1000}
        | {k: float(v[i]) for k, v in per.items()}
        for i, g in enumerate(view.groups)
    ]
