"""What a clinician asks next, for the chapter on groups: policies, exposure, smoothed calibration, reasons for gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from primum.measure.capacity import at_capacity
from primum.measure.casemix import comparable
from primum.measure.decomposition import decompose
from primum.measure.exposure import exposure
from primum.measure.policies import policies
from primum.measure.smooth import curve
from primum.measure.table import EVERYONE, Settings
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL, Groups, UseCase

TAKEN_APART = ("sensitivity", "selection_rate", "ppv", "net_benefit")
CAPACITIES = (0.05, 0.1, 0.2)
"""Shares of people for whom there are places, beside a declared one."""
REPLICATES = 250  # at most, of exposure
SPREAD = 80  # of a standard deviation, which needs fewer than a quantile


def empty() -> dict[str, Any]:
    """Return the parts of the chapter, with nothing in them."""
    return {"policies": [], "exposure": [], "capacity": [], "smooth": {}, "decomposition": []}


def add(
    chapter: dict[str, Any], usecase: UseCase, tally: ScoreTally, group: Groups, view: ScoreTally, settings: Settings
) -> None:
    """Add what one model means for one division of the patients; gaps are taken apart for the primary model alone."""
    model = view.score_name
    labels = [" · ".join(g) for g in view.groups]
    if settings.at is not None:
        rows = policies(view, settings.at, level=settings.level)
        chapter["policies"] += [{"model": model, **r, "attribute": group.title} for r in rows]
    found = exposure(view, replicates=min(settings.replicates, REPLICATES), seed=settings.seed, level=settings.level)
    chapter["exposure"] += [{"model": model, **r, "attribute": group.title} for r in found]
    if model == usecase.models[0].name and group.intersection is None:
        wanted = {*CAPACITIES, usecase.decision.capacity} - {None}
        places = [
            at_capacity(view, share, level=settings.level) for share in sorted(s for s in wanted if s is not None)
        ]
        chapter["capacity"] += [{"model": model, "attribute": group.title, **p} for p in places]
    if not tally.grid.probability:
        return
    smooth = chapter["smooth"].setdefault(model, {})
    smooth.setdefault(OVERALL, {EVERYONE: curve(tally.by(), 0, level=settings.level)})
    smooth[group.title] = {g: curve(view, i, level=settings.level) for i, g in enumerate(labels)}
    if model == usecase.models[0].name and group.intersection is None and settings.at is not None:
        chapter["decomposition"] += _gaps(usecase, tally, group, labels, settings)


def _gaps(
    usecase: UseCase, tally: ScoreTally, group: Groups, labels: Sequence[str], settings: Settings
) -> list[dict[str, Any]]:
    """Return every gap to the comparator taken apart, over the other attributes as far as patients are alike."""
    assert settings.at is not None
    others = [g.title for g in usecase.groups if g.intersection is None and g.title != group.title]
    rows: list[dict[str, Any]] = []
    for label in labels:
        if label == group.reference or len(labels) < 2:
            continue
        over = comparable(tally, group.title, label, group.reference, others)
        found = decompose(
            tally, group.title, label, group.reference, TAKEN_APART, settings.at,
            over=over, replicates=SPREAD, seed=settings.seed, level=settings.level,
        )  # fmt: skip
        rows += [{"model": tally.score_name, **r} for r in found]
    return rows
