"""What the pages tell of verdicts: for which groups harm is shown, and for which nobody can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from primum.finding import Finding, Verdict
from primum.report import words
from primum.report.numbers import known
from primum.report.source import (
    GROUP_CHECK,
    Audited,
    decided,
    estimates,
    primary,
    threshold,
)

FAMILIES: dict[str, tuple[str, ...]] = {
    "found": ("sensitivity", "fnr"),
    "alarmed": ("specificity", "fpr"),
    "selected": ("ppv",),
    "left": ("npv",),
    "decided": ("accuracy", "balanced_accuracy"),
    "apart": ("auroc", "average_precision"),
    "chances": (
        "brier", "oe_ratio", "calibration_intercept", "calibration_slope", "debiased_calibration_error", "ici", "e50",
        "e90",
    ),
    "worth": ("net_benefit", "standardised_net_benefit", "nne", "fp_per_tp", "interventions_avoided"),
}  # fmt: skip
"""What a margin is about, in words that need no course in statistics → the metrics on which it may be declared."""
OPPOSITE = frozenset({"fnr", "specificity", "npv"})
"""Metrics that count the people whom the family's sentence does not: 1 − value is what it says."""
COUNTED = frozenset({"sensitivity", "fnr", "specificity", "fpr", "ppv", "npv", "accuracy"})
"""Metrics that can be told as a number of 100 people."""
OPEN = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)


@dataclass(frozen=True)
class Judged:
    """The verdicts on one family of margins of the primary model, by kind, in the declared order of groups.

    `signals` are the groups of `open` that are too small to judge, but worse than the margin in the whole interval.
    """

    family: str
    harmed: Sequence[Finding]
    signals: Sequence[Finding]
    open: Sequence[Finding]
    withheld: Sequence[Finding]


def judged(run: Audited) -> list[Judged]:
    """Return the verdicts on the primary model by what the margins are about, families without a margin left out."""
    model, out = primary(run), []
    for family, metrics in FAMILIES.items():
        here = [f for f in run.findings if f.check == GROUP_CHECK and f.model == model and f.metric in metrics]
        if here:
            harmed = [f for f in here if f.verdict is Verdict.HARM]
            rest = _once([f for f in here if f.verdict in OPEN], harmed)
            gone = _once([f for f in here if f.verdict is Verdict.SUPPRESSED], [*harmed, *rest])
            signals = _once([f for f in here if words.signals(f)], harmed)
            out.append(Judged(family, _once(harmed, []), signals, rest, gone))
    return out


def hidden(told: Sequence[Judged]) -> list[tuple[str, str]]:
    """Return the groups (attribute, group) whose numbers are withheld on every margin, in the declared order."""
    everywhere = [{(f.attribute, f.group) for f in j.withheld} for j in told]
    pairs = dict.fromkeys((f.attribute, f.group) for j in told for f in j.withheld)
    return [p for p in pairs if all(p in w for w in everywhere)]


def unknown(found: Judged, gone: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the groups about which nobody can say, by one kind of margin; those of `gone` are told elsewhere."""
    return [(f.attribute, f.group) for f in [*found.open, *found.withheld] if (f.attribute, f.group) not in gone]


def family(metric: str) -> str:
    """Return what a margin on this metric is about."""
    return next(f for f, metrics in FAMILIES.items() if metric in metrics)


def crossed(run: Audited) -> set[str]:
    """Return the attributes that are intersections."""
    return {g.title for g in run.usecase.groups if g.intersection}


def shares(run: Audited, finding: Finding) -> tuple[float, float, float, float] | None:
    """Return value, lower and upper limit of the share of a group, and the share of those compared with.

    All four count the people of whom the family's sentence speaks. None where one of them is not known.
    """
    if finding.metric not in COUNTED:
        return None
    model = primary(run)
    row = decided(estimates(run), model, finding.metric, finding.attribute, finding.group, threshold(run, model))
    if row is None or not all(known(row[k]) for k in ("value", "low", "high")) or not known(finding.estimate.value):
        return None
    value, low, high = (float(row[k]) for k in ("value", "low", "high"))
    other = value - finding.estimate.value
    if finding.metric in OPPOSITE:
        return 1 - value, 1 - high, 1 - low, 1 - other
    return value, low, high, other


def by_chance(finding: Finding) -> bool:
    """Whether harm is shown for this group looked at alone, but not with all groups compared at once."""
    return finding.verdict is Verdict.HARM and "not when all" in finding.reason


def _once(findings: Sequence[Finding], but: Sequence[Finding]) -> list[Finding]:
    """Return one finding a group, without the groups of `but`."""
    seen = {(f.attribute, f.group) for f in but}
    out = []
    for f in findings:
        if (f.attribute, f.group) not in seen:
            seen.add((f.attribute, f.group))
            out.append(f)
    return out
