"""What both the model card and the datasheet tell of a run: numbers of people, inputs, filters."""

from __future__ import annotations

from typing import Any

from primum.report.numbers import known
from primum.report.pages.names import Voice
from primum.report.pages.page import released
from primum.report.source import Audited, Row, chapter, decided, estimates, models, primary
from primum.report.views.labels import labels
from primum.report.views.run import condition
from primum.usecase import OVERALL


def people(run: Audited) -> tuple[Any, Any]:
    """Return how many people there are and how many have the outcome; None where withheld.

    In a release both come from the estimates, which are measured from protected counts.
    """
    row: Row = decided(estimates(run), primary(run), "n", OVERALL, "everyone", None) or {}
    first, second = (row, chapter(run, "people")) if released(run) else (chapter(run, "people"), row)
    return first.get("n", second.get("n")), first.get("events", second.get("events"))


def source(run: Audited) -> str:
    """Return where the data come from; "" where the run does not tell."""
    return str(chapter(run, "people").get("source") or "").rstrip(".")


def about(run: Audited) -> dict[str, Any]:
    """Return the description of the primary model."""
    return next((m for m in models(run) if m["name"] == primary(run)), {})


def points(run: Audited) -> bool:
    """Whether the primary model gives points and no probability."""
    return str(about(run).get("scale")) == "points"


def inputs(run: Audited, v: Voice) -> list[str]:
    """Return the inputs of models that are trained here, as the data call them."""
    labels: dict[str, str] = chapter(run, "people").get("labels") or {}
    return [v.own(labels.get(f, f).rstrip("?")) for f in run.usecase.features]


def filters(run: Audited, v: Voice) -> str:
    """Return the filters of the use case in one line."""
    names = labels(chapter(run, "people"))
    return "; ".join(v.own(condition(c, names)) for c in run.usecase.include)


def unknown_outcome(run: Audited) -> tuple[int, int] | None:
    """Return how many people have no known outcome, and of how many; None in a release, or where the run is silent."""
    if released(run):
        return None
    shares: dict[str, dict[str, dict[str, Any]]] = (
        chapter(run, "record").get("unrecorded") or chapter(run, "people").get("unrecorded") or {}
    )
    cells = list(next(iter(shares.values()), {}).values())
    if not cells or not all(known(c.get("n")) and known(c.get("unknown_outcome")) for c in cells):
        return None
    return sum(c["unknown_outcome"] for c in cells), sum(c["n"] for c in cells)
