"""What the report needs from a finished run, and how it looks rows up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from primum.assure.evidence import Finished
from primum.finding import Finding
from primum.report.numbers import RATES
from primum.usecase import OVERALL

Row = Mapping[str, Any]
GROUP_CHECK = "PRM-G01"


class Audited(Finished, Protocol):
    """A finished run as the report reads it; `primum.execute.run.Run` is one."""

    @property
    def path(self) -> Path | None: ...  # noqa: D102 - the run folder


def chapter(run: Audited, name: str) -> dict[str, Any]:
    """Return a chapter, or an empty one when the use case left it out."""
    found = run.chapters.get(name)
    return dict(found) if found else {}


def models(run: Audited) -> list[dict[str, Any]]:
    """Return the description of every model, the primary one first."""
    listed = list(chapter(run, "models").get("models", []))
    return sorted(listed, key=lambda m: m["name"] != primary(run))


def primary(run: Audited) -> str:
    """Return the name of the model that page one speaks of."""
    return str(chapter(run, "models").get("primary") or run.usecase.models[0].name)


def pick(rows: Iterable[Row], **wanted: Any) -> Row | None:
    """Return the first row in which every named column has the wanted value, or None."""
    return next((r for r in rows if all(r.get(k) == v for k, v in wanted.items())), None)


def every(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows in which every named column has the wanted value."""
    return [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]


def estimates(run: Audited) -> list[Row]:
    """Return the estimates of everyone and of every group."""
    return [*chapter(run, "performance").get("estimates", []), *chapter(run, "groups").get("estimates", [])]


def decided(rows: Iterable[Row], model: str, metric: str, attribute: str, group: str, at: float | None) -> Row | None:
    """Return the estimate at the threshold `at`, or the one that needs no threshold, or None."""
    first: Row | None = None
    for row in rows:  # written out: it runs over every row of a large run, thousands of times
        if (
            row["group"] == group
            and row["metric"] == metric
            and row["model"] == model
            and row["attribute"] == attribute
            and row["comparison"] == "estimate"
        ):
            if row.get("at") is None or (at is not None and abs(float(row["at"]) - at) < 1e-9):
                return row
            first = first or row
    return first


def threshold(run: Audited, model: str) -> float | None:
    """Return the decision threshold of a model."""
    row = pick(chapter(run, "models").get("models", []), name=model)
    value = row["threshold"] if row else run.usecase.decision.threshold
    return None if value is None else float(value)


def divisions(run: Audited) -> list[tuple[str, list[str], bool]]:
    """Return (attribute, groups in display order, whether it is an intersection), as declared."""
    crossed = {g.title for g in run.usecase.groups if g.intersection}
    seen: dict[str, list[str]] = {g.title: [] for g in run.usecase.groups}
    for row in chapter(run, "groups").get("estimates", []):
        levels = seen.setdefault(row["attribute"], [])
        if row["group"] not in levels:
            levels.append(row["group"])
    return [(a, levels, a in crossed) for a, levels in seen.items() if levels and a != OVERALL]


def verdicts(run: Audited, model: str, metric: str) -> dict[tuple[str, str], Finding]:
    """Return the finding about each (attribute, group) for one model and metric."""
    return {
        (f.attribute, f.group): f
        for f in run.findings
        if f.check == GROUP_CHECK and f.model == model and f.metric == metric
    }


def clustered(run: Audited) -> bool:
    """Whether people belong together, so that intervals which take them as independent are too narrow."""
    return any("cluster" in str(r.get("method")) for r in estimates(run))


def headline(run: Audited) -> str:
    """Return the share that page one shows: sensitivity, unless margins were declared for other shares only."""
    declared = [m for m in run.usecase.margins if m in RATES]
    return declared[0] if declared and "sensitivity" not in declared else "sensitivity"
