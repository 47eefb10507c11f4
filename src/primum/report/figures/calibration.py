"""Calibration: predicted against observed risk, for everyone with every model, then for each group."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import Any

from primum.report.figures.figure import Figure, headed, values
from primum.report.figures.panels import (
    Panel,
    Rows,
    axis,
    columns_of,
    file_name,
    grid,
    levels,
    line,
    panels_of,
    q,
    view,
)
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, SKY
from primum.report.numbers import count, known, percent
from primum.report.say import say
from primum.report.source import clustered
from primum.report.words import group_name
from primum.usecase import OVERALL

EVERYONE = "everyone"


def calibration(source: Source) -> list[Figure]:
    """Return the calibration of all models, then of the primary model by group; smoothed curves where there are any."""
    smooth = source.chapter("groups").get("smooth") or {}
    curves = source.chapter("performance").get("calibration", {})
    named = {m: _drawable(curves.get(m)) for m in source.model_names}
    named = {m: rows for m, rows in named.items() if rows}
    out = []
    read = say("figure.calibration.read")
    bands = " ".join([read, say("figure.calibration.bands"), *_narrow(source)])
    lines = {m: _smooth(smooth.get(m, {}).get(OVERALL, {}).get(EVERYONE)) for m in named}
    if named:
        alt = " ".join([say("figure.calibration.alt"), *(_words(m, rows) for m, rows in named.items())])
        out.append(
            Figure(
                "calibration-overall",
                say("figure.calibration.everyone"),
                alt,
                _panels([Panel(m, rows, sum(r["events"] or 0 for r in rows), lines[m]) for m, rows in named.items()]),
                [_row("model", m, r, kind) for m in named for kind, r in _both(named[m], lines[m])],
                "performance",
                note=bands if any(lines.values()) else read,
            )
        )
    by_group = source.chapter("groups").get("calibration", {}).get(source.primary, {})
    for attribute in source.attributes:
        found = {g: _drawable(by_group.get(attribute, {}).get(g)) for g in levels(source, attribute)}
        panels, left = panels_of(source, attribute, found)
        if not any(p.rows for p in panels):
            continue
        own = smooth.get(source.primary, {}).get(attribute, {})
        curves = {g: _smooth(own.get(g)) if rows else [] for g, rows in found.items()}
        shown = {group_name(attribute, g): rows for g, rows in curves.items()}
        panels = [replace(p, smooth=shown[p.name]) for p in panels]
        alt = say("figure.calibration.group_alt", attribute=attribute, model=source.primary)
        alt = " ".join([alt, *(_words(p.name, p.rows) for p in panels[:6] if p.rows)])
        out.append(
            Figure(
                f"calibration-{file_name(attribute)}",
                say("figure.calibration.by", attribute=attribute),
                alt,
                _panels(panels),
                [_row("group", g, r, kind) for g in found for kind, r in _both(found[g], curves[g])],
                note=f"{bands if any(curves.values()) else read} {left}".strip(),
            )
        )
    return out


def _narrow(source: Source) -> list[str]:
    return [say("figure.calibration.narrow")] if clustered(source.run) else []


def _panels(panels: list[Panel]) -> dict[str, Any]:
    points = [r for p in panels for r in p.rows]
    top = _limit(points)
    root = median(r["predicted"] for r in points) < 0.15 * top
    columns, side = columns_of(len(panels))
    views = [view(p, side, _layers(p, top, side, root=root, first=i % columns == 0)) for i, p in enumerate(panels)]
    return grid(panels, views, say("figure.calibration.x_root") if root else say("figure.calibration.x"))


def _layers(panel: Panel, top: float, side: int, *, root: bool, first: bool) -> list[dict[str, Any]]:
    rows = panel.rows
    x = axis("predicted", None, (0, top), root=root, pixels=side)
    y = axis("observed", say("figure.calibration.y") if first else None, (0, top), root=root, pixels=side, labels=first)
    drawn = [
        {"predicted": r["predicted"], "low": min(r["low"], top), "high": min(r["high"], top)}
        for r in rows
        if known(r.get("low")) and known(r.get("high"))
    ]
    ends: Rows = [{"x": 0, "y": 0}, {"x": top, "y": top}] if rows else []
    curve = [r for r in panel.smooth if r["predicted"] <= top and r["observed"] <= top]
    band = [{"predicted": r["predicted"], "low": r["low"], "high": min(r["high"], top)} for r in curve]
    return [
        {
            "data": values(band),
            "mark": {"type": "area", "color": SKY, "opacity": 0.28},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": values([{k: r[k] for k in ("predicted", "observed")} for r in curve]),
            "mark": {"type": "line", "color": BLUE, "strokeWidth": 1.4, "opacity": 0.9},
            "encoding": {"x": q("predicted"), "y": q("observed")},
        },
        {**line(ends, FAINT, dash=[4, 3]), "encoding": {"x": q("x"), "y": q("y")}},
        {
            "data": values(drawn),
            "mark": {"type": "rule", "color": BLUE, "strokeWidth": 1.6, "opacity": 0.75},
            "encoding": {"x": q("predicted"), "y": q("low"), "y2": {"field": "high"}},
        },
        {
            "data": values([{k: r[k] for k in ("predicted", "observed")} for r in rows if r["observed"] <= top]),
            "mark": {"type": "point", "filled": True, "color": BLUE, "size": 34, "opacity": 1},
            "encoding": {"x": q("predicted"), "y": q("observed")},
        },
    ]


def _limit(points: Rows) -> float:
    """Return the end of both axes: all points lie within; a much wider interval ends at the edge."""
    most = max(max(r["predicted"], r["observed"]) for r in points)
    reach = max((r["high"] for r in points if known(r.get("high"))), default=most)
    top = min(1.0, max(most * 1.05, min(reach, most * 1.25)))
    step = 0.1 if top > 0.3 else 0.02 if top > 0.05 else 0.005
    return float(min(1.0, round(math.ceil(top / step - 1e-9) * step, 6)))


def _drawable(rows: Any) -> Rows:
    return [r for r in rows or [] if known(r.get("predicted")) and known(r.get("observed"))]


def _smooth(rows: Any) -> Rows:
    """Return the points of a smoothed curve."""
    keys = ("predicted", "observed", "low", "high")
    return [r for r in rows or [] if all(known(r.get(k)) for k in keys)]


def _both(rows: Rows, smooth: Rows) -> list[tuple[str, dict[str, Any]]]:
    part, curve = say("figure.calibration.part"), say("figure.calibration.smoothed")
    return [*((part, r) for r in rows), *((curve, r) for r in smooth)]


def _words(name: str, rows: Rows) -> str:
    people = sum(r.get("n") or 0 for r in rows)
    if not people:
        return ""
    predicted = sum(r["predicted"] * (r.get("n") or 0) for r in rows) / people
    events = sum(r.get("events") or 0 for r in rows)
    return say(
        "figure.calibration.words", name=name, predicted=percent(predicted, 1), observed=percent(events / people, 1),
        cases=count(events),
    )  # fmt: skip


def _row(key: str, name: str, row: dict[str, Any], kind: str) -> dict[str, Any]:
    return headed(
        **{key: name}, kind=kind, predicted=row["predicted"], observed=row["observed"], low=row.get("low"),
        high=row.get("high"), people=row.get("n"), cases=row.get("events"),
    )  # fmt: skip
