"""The figure of the diagnosis: what is explained in each group from a quarter, a half and all training people."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, INK, ORANGE, fit_label
from primum.report.numbers import known
from primum.report.words import full_name

COLUMNS, MOST, LOWEST = 4, 16, -0.25
OWN, SHARED = "a model of its own", "the shared model"


def diagnosis(source: Source) -> list[Figure]:
    """Return the learning curves by group; none where nothing was trained."""
    rows = [r for r in source.chapter("diagnosis").get("groups", []) if r.get("curve")]
    shown = [r for r in rows if any(known(p["value"]) for p in r["curve"]["points"])]
    return [_curves(shown)] if shown else []


def _curves(groups: list[dict[str, Any]]) -> Figure:
    kept = sorted(groups, key=lambda r: -r["events"])[:MOST]
    kept = [r for r in groups if r in kept]
    names = {id(r): fit_label(full_name(r["attribute"], r["group"]), 170) for r in kept}
    table = [_row(names[id(r)], SHARED, p) for r in kept for p in r["curve"]["points"] if known(p["value"])]
    table += [
        _row(names[id(r)], OWN, p)
        for r in kept
        if r.get("own_curve")
        for p in r["own_curve"]["points"]
        if known(p["value"])
    ]
    rows = [
        {
            "group": t["Group"],
            "model": t["Model"],
            "share": t["Share of training people"],
            **{k: max(LOWEST, t[v]) for k, v in (("value", "Explained"), ("low", "Low"), ("high", "High"))},
        }
        for t in table
        if known(t["Low"])
    ]
    y = {
        "field": "value", "type": "quantitative", "title": "explained",
        "axis": {"format": ".0%", "tickCount": 4}, "scale": {"zero": True},
    }  # fmt: skip
    x = {
        "field": "share", "type": "ordinal", "title": "share of training people",
        "axis": {"format": ".0%", "labelAngle": 0},
    }  # fmt: skip
    both = [m for m in (SHARED, OWN) if any(r["model"] == m for r in rows)]
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
    left = f" {len(groups) - len(kept)} groups with fewer cases are in the table only." if len(groups) > MOST else ""
    return Figure(
        "diagnosis-curves",
        "Would more data help?",
        f"Share of the outcome's variation explained with a quarter, half and all of the training people, by group. "
        f"{'; '.join(said)}.",
        spec,
        table,
        "diagnosis",
        note="A line that still rises says that more data would help; a flat one that they would not. The "
        "bars are intervals of each point; whether the last step is a gain is judged by a paired interval of its own. "
        f"Values below {LOWEST:.0%} are drawn there.{left}",
    )


def _row(group: str, model: str, point: dict[str, Any]) -> dict[str, Any]:
    return {
        "Group": group,
        "Model": model,
        "Share of training people": point["share"],
        "People trained on": point["people"],
        "Explained": point["value"],
        "Low": point["low"],
        "High": point["high"],
    }
