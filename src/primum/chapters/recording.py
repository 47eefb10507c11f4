"""What the audit's numbers are worth if the record is wrong: which to trust, tipping points, the truth carried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from primum.chapters.measured import grouped
from primum.check.recording import tipping_finding, truth_finding
from primum.finding import Estimate
from primum.measure.equal_score import at_equal_score, band_rows, by_score
from primum.measure.metric import metric
from primum.measure.recording_sensitivity import label_bias_sensitivity
from primum.measure.recording_trust import AT_RANDOM, TRUST, trust_rows
from primum.measure.recording_validation import carried, carried_gap, count_validation, error_rates
from primum.measure.table import Settings, row
from primum.usecase import OVERALL

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.tally.score import ScoreTally
    from primum.usecase import Groups

MOST_GROUPS = 8
FEWEST = 10  # cases on record; below, a tipping point is chance
GRID = tuple(round(0.3 + 0.1 * k, 1) for k in range(8))
SENSITIVE = ("sensitivity", "specificity", "ppv", "fpr", "prevalence", "net_benefit")


def recording_chapter(run: Run, cohort: Cohort, *, progress: Progress) -> list[Finding]:
    """Keep the chapter of the record's errors for the primary model, and return its findings."""
    usecase = run.usecase
    told = usecase.recording
    assert told is not None
    name = usecase.primary.name
    tally = run.tallies[name]
    model = next(m for m in run.chapters["models"]["models"] if m["name"] == name)
    settings = Settings(at=model["threshold"], replicates=usecase.replicates, seed=usecase.seed, level=usecase.level)
    metrics = [m for m in SENSITIVE if m != "net_benefit" or tally.grid.probability]
    chosen = [g for g in usecase.groups if (g.title in told.groups if told.groups else not g.is_exploratory)]
    chapter: dict[str, Any] = {
        "model": name, "source": told.source, "made_up": told.made_up, "trust": _trust(metrics), "tipping": [],
        "maps": [], "left_out": [], "rates": [], "in_truth": [], "at_equal_score": [], "bands": [],
        "truth_name": usecase.outcome.truth_name, "design": told.validation,
    }  # fmt: skip
    findings: list[Finding] = []
    for i, group in enumerate(chosen):
        progress.step(i, len(chosen), group.title)
        view = grouped(tally, group, usecase, cohort.levels[group.title])
        findings += _sensitivity(chapter, run, group, view, settings, metrics)
        if cohort.truth is not None and told.validation is not None:
            findings += _in_truth(chapter, run, cohort, group, view, settings, metrics)
    progress.step(len(chosen), len(chosen), "told")
    run.keep_chapter("recording", chapter)
    return findings


def _trust(metrics: Sequence[str]) -> list[dict[str, Any]]:
    known = {t.metric for t in TRUST if t.error == AT_RANDOM}
    wanted = [m for m in ("selection_rate", *metrics, "auroc", "oe_ratio") if m in known]
    return [r for m in wanted for r in trust_rows() if r["metric"] == m]


def _sensitivity(
    chapter: dict[str, Any],
    run: Run,
    group: Groups,
    view: ScoreTally,
    settings: Settings,
    metrics: Sequence[str],
) -> list[Finding]:
    """Add tipping points of every group against its comparator; heat maps where there are only two groups."""
    told = run.usecase.recording
    assert told is not None
    labels = [" · ".join(g) for g in view.groups]
    cases = view.at_label(0).tp
    enough = {label: float(k) for label, k in zip(labels, cases, strict=True) if k >= FEWEST}
    first = sorted(enough, key=lambda label: (label != group.reference, -enough[label]))[:MOST_GROUPS]
    usable = [label for label in labels if label in first]
    few, many = f"fewer than {FEWEST} cases on record", f"not among the {MOST_GROUPS} groups with most cases"
    chapter["left_out"] += [
        {"attribute": group.title, "group": label, "why": many if label in enough else few}
        for label in labels
        if label not in usable
    ]
    if len(usable) < 2:
        return []
    largest = max(usable, key=lambda label: float(view.n[labels.index(label)].sum()))
    reference = group.reference if group.reference in usable else largest
    shares = (told.shares or {}).get(group.title, {})
    findings = []
    for label in usable:
        if label == reference:
            continue
        found = label_bias_sensitivity(
            view, metrics, label, reference, settings=settings, margins=run.usecase.margins, c_group=GRID,
            c_comparator=GRID, e0=told.made_up,
        )  # fmt: skip
        for t in found.nearest:
            row_ = t.row() | {"attribute": group.title, "declared": _declared(shares, label, reference, t.ratio, t)}
            chapter["tipping"].append(row_)
            if t.change == "verdict":
                findings.append(tipping_finding(run.usecase.primary.name, group.title, row_))
        if len(usable) == 2:
            chapter["maps"] += [r | {"attribute": group.title} for m in found.maps for r in m.rows()]
    return findings


def _declared(shares: dict[str, tuple[float, float]], group: str, reference: str, ratio: float, tip: Any) -> str:
    """Say whether a tipping point lies within what was declared possible."""
    if not np.isfinite(ratio):
        return "never"
    if group not in shares and reference not in shares:
        return "not declared"
    worse, better = (group, reference) if tip.worse_recorded == group else (reference, group)
    low, high = shares.get(worse, (1.0, 1.0))[0], shares.get(better, (1.0, 1.0))[1]
    return "within" if ratio >= low / high else "beyond"


def _in_truth(
    chapter: dict[str, Any],
    run: Run,
    cohort: Cohort,
    group: Groups,
    view: ScoreTally,
    settings: Settings,
    metrics: Sequence[str],
) -> list[Finding]:
    """Add error rates of the record and metrics against the truth, where a better measurement was taken."""
    told, truth = run.usecase.recording, cohort.truth
    assert told is not None
    assert truth is not None
    assert told.validation is not None
    measured = np.isfinite(truth)
    labels = cohort.groups[group.title].filter(pl.Series(measured)).to_list()
    seen = count_validation(cohort.outcome[measured], truth[measured], labels, design=told.validation)
    for label, rates in zip(seen.groups, error_rates(seen, level=settings.level), strict=True):
        chapter["rates"] += [
            row(e, model="", metric=kind, attribute=group.title, group=label, at=None) for kind, e in rates.items()
        ]
    names = [" · ".join(g) for g in view.groups]
    if view.clusters is None:
        for label, one in zip(names, carried(view, seen, metrics, settings), strict=True):
            chapter["in_truth"] += [_row(run, group, label, k, e, settings) for k, e in one.items()]
    findings: list[Finding] = []
    judged = [m for m in run.usecase.margins if m in metrics]
    if view.clusters is None and judged and len(names) > 1:
        reference = group.reference if group.reference in names else max(
            names, key=lambda label: float(view.n[names.index(label)].sum())
        )  # fmt: skip
        for label in names:
            if label != reference:
                gaps = carried_gap(view, seen, judged, label, reference, settings)
                findings += [truth_finding(run.usecase, group.title, label, reference, m, e) for m, e in gaps.items()]
    scores = cohort.scores.get(run.usecase.primary.name)
    if scores is not None and len(names) > 1:
        frame = pl.DataFrame({"score": scores, "truth": truth, group.title: cohort.groups[group.title]})
        table = by_score(frame, "score", "truth", group.title, bands=10)
        chapter["bands"] += [r | {"attribute": group.title} for r in band_rows(table, level=settings.level)]
        chapter["at_equal_score"] += [
            {"attribute": group.title, "group": e.group, "words": e.words, "shared": e.shared}
            for e in at_equal_score(table, group.reference if group.reference in names else OVERALL)
        ]
    return findings


def _row(run: Run, group: Groups, label: str, name: str, e: Estimate, settings: Settings) -> dict[str, Any]:
    at = settings.at if metric(name).threshold else None
    return row(e, model=run.usecase.primary.name, metric=name, attribute=group.title, group=label, at=at)
