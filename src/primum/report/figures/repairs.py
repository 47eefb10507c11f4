"""The figures of the repairs: each group's own change under each repair, and the frontier between all and the worst."""

from __future__ import annotations

from typing import Any

from primum.finding import Verdict
from primum.report.figures.figure import Figure, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BAND, FAINT, INK, LOOKS, SERIES, fit_label
from primum.report.numbers import fixed, known
from primum.report.views.repairs import changed
from primum.report.words import group_name

VERDICTS = {
    "certified": Verdict.NO_HARM, "harmed": Verdict.HARM, "not assessable": Verdict.NOT_ASSESSABLE,
}  # fmt: skip
PER, COLUMNS, STEP = 1000, 3, 17
START = "as it is"


def repairs(source: Source) -> list[Figure]:
    """Return the figures of the repairs that could be tried; none without the chapter."""
    chapter = source.chapter("repairs")
    tried = [r for r in chapter.get("repairs", []) if not r["failed"] and changed(r)]
    if not tried:
        return []
    found = [_changes(chapter, tried), _frontier(chapter, tried)]
    return [f for f in found if f is not None]


def _changes(chapter: dict[str, Any], tried: list[dict[str, Any]]) -> Figure:
    margin = PER * float(chapter["no_harm"]["margin"])
    words = str(chapter["utility"]["words"])
    among = str(chapter["utility"].get("among", "everyone")).replace("everyone", "people")
    rows = [
        {
            "repair": r["name"],
            "group": fit_label(group_name(g["attribute"], g["group"]), 150),
            "value": PER * g["value"] if known(g["value"]) else None,
            "low": PER * g["low"] if known(g["low"]) else None,
            "high": PER * g["high"] if known(g["high"]) else None,
            "verdict": g["verdict"],
        }
        for r in tried
        for g in r["groups"]
    ]
    shown = [v for r in rows for v in (r["value"],) if v is not None]
    wide = max([4 * margin, *(1.6 * abs(v) for v in shown)])
    for r in rows:
        for end in ("low", "high"):
            r[end] = None if r[end] is None else max(-wide, min(wide, r[end]))
    order = list(dict.fromkeys(r["group"] for r in rows))
    x = {
        "field": "value", "type": "quantitative", "scale": {"domain": [-wide, wide], "nice": False},
        "title": f"change, {words} per 1,000", "axis": {"labelFlush": True, "tickCount": 4},
    }  # fmt: skip
    y = {"field": "group", "type": "nominal", "sort": order, "title": None}
    verdict = {
        "field": "verdict",
        "type": "nominal",
        "scale": {"domain": list(VERDICTS), "range": [LOOKS[v].colour for v in VERDICTS.values()]},
        "legend": {"title": None, "orient": "top"},
    }
    shape = {**verdict, "scale": {"domain": list(VERDICTS), "range": ["circle", "triangle-down", "square"]}}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rect", "color": BAND},
            "encoding": {"x": {"datum": -margin}, "x2": {"datum": 0}},
        },
        {"mark": {"type": "rule", "color": FAINT}, "encoding": {"x": {"datum": 0}}},
        {
            "mark": {"type": "rule", "strokeWidth": 1.5},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": verdict},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
            "encoding": {"y": y, "x": x, "color": verdict, "shape": shape},
        },
    ]
    columns = min(COLUMNS, len(tried))
    spec = whole(
        {
            "data": values(rows),
            "facet": {
                "field": "repair", "type": "nominal", "sort": [r["name"] for r in tried], "title": None,
                "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelColor": INK, "labelAnchor": "start"},
            },
            "columns": columns,
            "spec": {"width": 560 // columns - 10, "height": {"step": STEP}, "layer": layers},
        }
    )  # fmt: skip
    harmed = [f"{r['name']}: {len([g for g in r['groups'] if g['verdict'] == 'harmed'])} harmed, "
              f"{len([g for g in r['groups'] if g['verdict'] == 'not assessable'])} not assessable of "
              f"{len(r['groups'])} groups" for r in tried]  # fmt: skip
    return Figure(
        "repairs-by-group",
        "What each repair changes for each group",
        f"Change in {words} per 1,000 {among} by group and repair, with limits. {'; '.join(harmed)}.",
        spec,
        [
            {
                "Repair": r["repair"],
                "Group": r["group"],
                "Change per 1,000": r["value"],
                "Low": r["low"],
                "High": r["high"],
                "Verdict": r["verdict"],
            }
            for r in rows
        ],
        "repairs",
        note=f"Blue band: a loss within the declared margin, {margin:g} per 1,000. A repair is certified only "
        "if every interval lies to the right of the band's left edge. Very long intervals are cut at the edge.",
    )


def _frontier(chapter: dict[str, Any], tried: list[dict[str, Any]]) -> Figure | None:
    rows = [
        {"repair": r["name"], "share": p["share"], "all": PER * p["everyone"], "worst": PER * p["worst"],
         "group": p["worst_group"], "kind": p["kind"]}
        for r in tried
        for p in r["frontier"]
        if known(p["everyone"]) and known(p["worst"])
    ]  # fmt: skip
    if len(rows) < 2:
        return None
    unit = f"{chapter['utility']['words']} per 1,000"
    names = list(dict.fromkeys(r["repair"] for r in rows))
    colour = {
        "field": "repair", "type": "nominal", "sort": names, "title": None,
        "scale": {"domain": names, "range": [SERIES[i % len(SERIES)] for i in range(len(names))]},
    }  # fmt: skip
    groups = {r["group"] for r in rows}
    who = f"{groups.pop()}" if len(groups) == 1 else "worst-off group"
    which = (
        f"{who} was named beforehand as worst off."
        if chapter["no_harm"].get("worst_off")
        else "No group was named as worst off: it is the one that has least, often the one where the outcome is rarest."
    )
    zero = {"zero": False}
    base = {
        "x": {"field": "all", "type": "quantitative", "scale": zero, "title": f"everyone: {unit}"},
        "y": {"field": "worst", "type": "quantitative", "scale": zero, "title": f"{who}: {unit}"},
    }
    shape = {
        "field": "kind", "type": "nominal", "title": None,
        "scale": {"domain": [START, "a step", "whole"], "range": ["diamond", "circle", "square"]},
    }  # fmt: skip
    moved = f"datum.kind !== '{START}'"
    spec = whole(
        {
            "data": values(rows),
            "width": 480,
            "height": 300,
            "layer": [
                {
                    "mark": {"type": "line", "strokeWidth": 1.2},
                    "encoding": {**base, "color": colour, "order": {"field": "share"}},
                },
                {
                    "transform": [{"filter": moved}],
                    "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
                    "encoding": {**base, "color": colour, "shape": shape},
                },
                {
                    "transform": [{"filter": f"!({moved})"}],
                    "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1, "color": INK},
                    "encoding": {**base, "shape": shape},
                },
            ],
        }
    )
    start = next(r for r in rows if r["kind"] == START)
    best = max((r for r in rows if r["kind"] != START), key=lambda r: r["worst"])
    return Figure(
        "repairs-frontier",
        "What the worst-off group gets, and what everyone gets",
        f"Utility of the worst-off group against utility of everyone, for {len(names)} repairs in steps. As it is the "
        f"model gives the worst-off group {fixed(start['worst'], 1)} {unit}; the best of the repairs by these points, "
        f"{best['repair']}, {fixed(best['worst'], 1)}.",
        spec,
        [
            {
                "Repair": r["repair"],
                "Step": r["share"],
                "Everyone per 1,000": r["all"],
                "Worst-off per 1,000": r["worst"],
                "Worst-off group": r["group"],
            }
            for r in rows
        ],
        "repairs",
        note=f"Diamond: the model as it is. Right is better for everyone, up for {who}. {which} Points "
        "without intervals: small differences between them may be chance; the certificates say what is shown.",
    )
