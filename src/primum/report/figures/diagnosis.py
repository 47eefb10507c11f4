"""The figure of the diagnosis: what is explained in each group from a quarter, a half and all training people."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, INK, ORANGE, fit_label
from primum.report.numbers import known, percent
from primum.report.say import say
from primum.report.words import full_name

COLUMNS, MOST, LOWEST = 4, 16, -0.25


def diagnosis(source: Source) -> list[Figure]:
    """Return the learning curves by group; none where nothing was trained."""
    rows = [r for r in source.chapter("diagnosis").get("groups", []) if r.get("curve")]
    shown = [r for r in rows if any(known(p["value"]) for p in r["curve"]["points"])]
    return [_curves(shown)] if shown else []


def _curves(groups: list[dict[str, Any]]) -> Figure:
    kept = sorted(groups, key=lambda r: -r["events"])[:MOST]
    kept = [r for r in groups if r in kept]
    names = {id(r): fit_label(full_name(r["attribute"], r["group"]), 170) for r in kept}
    shared, own = say("figure.diagnosis.shared"), say("figure.diagnosis.own")
    points = [
        (names[id(r)], model, p)
        for model, key in ((shared, "curve"), (own, "own_curve"))
        for r in kept
        if r.get(key)
        for p in r[key]["points"]
        if known(p["value"])
    ]
    rows = [
        {
            "group": group,
            "model": model,
            "share": p["share"],
            **{k: max(LOWEST, p[k]) for k in ("value", "low", "high")},
        }
        for group, model, p in points
        if known(p["low"])
    ]
    y = {
        "field": "value", "type": "quantitative", "title": say("figure.diagnosis.y"),
        "axis": {"format": ".0%", "tickCount": 4}, "scale": {"zero": True},
    }  # fmt: skip
    x = {
        "field": "share", "type": "ordinal", "title": say("figure.diagnosis.x"),
        "axis": {"format": ".0%", "labelAngle": 0},
    }  # fmt: skip
    both = [m for m in (shared, own) if any(r["model"] == m for r in rows)]
    model = {
        "field": "model", "type": "nominal", "scale": {"domain": both, "range": [BLUE, ORANGE][: len(both)]},
        "legend": {"title": None, "orient": "top"},
    }  # fmt: skip
    shape = {**model, "scale": {"domain": both, "range": ["circle", "diamond"][: len(both)]}}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "color": FAINT}, "encoding": {"y": {"datum": 0}}},
        {
            "mark": {"type": "rule", "strokeWidth": 1},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": model},
        },
        {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"x": x, "y": y, "color": model}},
        {
            "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": model, "shape": shape},
        },
    ]
    columns = min(COLUMNS, len(kept))
    spec = whole(
        {
            "data": values(rows),
            "facet": {
                "field": "group", "type": "nominal", "sort": list(names.values()), "title": None,
                "header": {"labelFontSize": 11, "labelColor": INK, "labelAnchor": "start"},
            },
            "columns": columns,
            "spec": {"width": 600 // COLUMNS - 20, "height": 90, "layer": layers},
        }
    )  # fmt: skip
    said = [f"{names[id(r)]}: {(r.get('own_curve') or r['curve'])['verdict']}" for r in kept]
    note = [say("figure.diagnosis.note", lowest=percent(LOWEST))]
    if len(groups) > MOST:
        note.append(say("figure.diagnosis.left", groups=len(groups) - len(kept)))
    return Figure(
        "diagnosis-curves",
        say("figure.diagnosis.title"),
        say("figure.diagnosis.alt", told="; ".join(said)),
        spec,
        [_row(*point) for point in points],
        "diagnosis",
        note=" ".join(note),
    )


def _row(group: str, model: str, point: dict[str, Any]) -> dict[str, Any]:
    return headed(
        group=group, model=model, share_trained=point["share"], people_trained=point["people"],
        explained=point["value"], low=point["low"], high=point["high"],
    )  # fmt: skip
