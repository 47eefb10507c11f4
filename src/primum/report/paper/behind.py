"""How many people a measure stands on: those with the outcome for sensitivity, those selected for the PPV."""

from __future__ import annotations

from typing import Literal

from primum.assure.evidence import selected
from primum.finding import Finding
from primum.measure.metric import METRICS
from primum.report.source import Audited, estimates

Who = Literal["events", "nonevents", "selected", "unselected", "everyone"]
RATE = "selection_rate"


def behind(run: Audited, model: str, metric: str) -> Who:
    """Return who counts for a measure; everyone where the number of those selected cannot be told exactly.

    A share of weighted people, or one that was rounded for a release, does not tell how many were selected.
    """
    who = METRICS[metric].denominator
    if who not in {"selected", "unselected"}:
        return who
    told = not run.usecase.weight and not run.manifest.get("release")
    there = any(r["metric"] == RATE and r["model"] == model for r in estimates(run))
    return who if told and there else "everyone"


def number(run: Audited, f: Finding, who: Who) -> int | None:
    """Return how many of them a group has; None where that is not known."""
    e = f.estimate
    if who not in {"selected", "unselected"}:
        return {"events": e.events, "nonevents": e.nonevents}.get(who, e.n)
    chosen = selected(run, f.model, f.attribute, f.group)
    if chosen is None:
        return None
    return chosen if who == "selected" else e.n - chosen
