"""The figures of the repairs: each group's own change under each repair, and the frontier between all and the worst."""

from __future__ import annotations

import json
from typing import Any

from primum.certify.group_verdict import CERTIFIED, HARMED, NOT_ASSESSABLE
from primum.finding import Verdict
from primum.measure.table import EVERYONE
from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BAND, FAINT, INK, LOOKS, SERIES, fit_label
from primum.report.numbers import fixed, general, known
from primum.report.say import say
from primum.report.views.repairs import changed
from primum.report.words import group_name

VERDICTS = {CERTIFIED: Verdict.NO_HARM, HARMED: Verdict.HARM, NOT_ASSESSABLE: Verdict.NOT_ASSESSABLE}
PER, COLUMNS, STEP = 1000, 3, 17
START = "as it is"
KINDS = (START, "a step", "whole")


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
    among = say(f"figure.repairs.among.{_key(chapter['utility'].get('among', EVERYONE))}")
    told = {key: say(f"figure.repairs.verdict.{_key(key)}") for key in VERDICTS}
    rows = [
        {
            "repair": r["name"],
            "group": fit_label(group_name(g["attribute"], g["group"]), 150),
            "value": PER * g["value"] if known(g["value"]) else None,
            "low": PER * g["low"] if known(g["low"]) else None,
            "high": PER * g["high"] if known(g["high"]) else None,
            "verdict": told[g["verdict"]],
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
        "title": say("figure.repairs.x", utility=words), "axis": {"labelFlush": True, "tickCount": 4},
    }  # fmt: skip
    y = {"field": "group", "type": "nominal", "sort": order, "title": None}
    verdict = {
        "field": "verdict",
        "type": "nominal",
        "scale": {"domain": list(told.values()), "range": [LOOKS[v].colour for v in VERDICTS.values()]},
        "legend": {"title": None, "orient": "top"},
    }
    shape = {**verdict, "scale": {"domain": list(told.values()), "range": ["circle", "triangle-down", "square"]}}
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
    harmed = [
        say(
            "figure.repairs.counts", repair=r["name"], harmed=_counted(r, HARMED), open=_counted(r, NOT_ASSESSABLE),
            groups=len(r["groups"]),
        )
        for r in tried
    ]  # fmt: skip
    return Figure(
        "repairs-by-group",
        say("figure.repairs.title"),
        say("figure.repairs.alt", utility=words, among=among, counts="; ".join(harmed)),
        spec,
        [
            headed(
                repair=r["repair"], group=r["group"], change=r["value"], low=r["low"], high=r["high"],
                verdict=r["verdict"],
            )
            for r in rows
        ],
        "repairs",
        note=say("figure.repairs.note", margin=general(margin)),
    )  # fmt: skip


def _counted(repair: dict[str, Any], verdict: str) -> int:
    return sum(g["verdict"] == verdict for g in repair["groups"])


def _key(kind: str) -> str:
    """Return the key of the text of a verdict, a kind of step, or those among whom people are counted."""
    return kind.replace(" ", "_").replace("-", "_")


def _frontier(chapter: dict[str, Any], tried: list[dict[str, Any]]) -> Figure | None:
    kinds = {key: say(f"figure.frontier.kind.{_key(key)}") for key in KINDS}
    rows = [
        {"repair": r["name"], "share": p["share"], "all": PER * p["everyone"], "worst": PER * p["worst"],
         "group": p["worst_group"], "kind": kinds[p["kind"]]}
        for r in tried
        for p in r["frontier"]
        if known(p["everyone"]) and known(p["worst"])
    ]  # fmt: skip
    if len(rows) < 2:
        return None
    unit = say("figure.frontier.unit", utility=chapter["utility"]["words"])
    names = list(dict.fromkeys(r["repair"] for r in rows))
    colour = {
        "field": "repair", "type": "nominal", "sort": names, "title": None,
        "scale": {"domain": names, "range": [SERIES[i % len(SERIES)] for i in range(len(names))]},
    }  # fmt: skip
    groups = {r["group"] for r in rows}
    who = f"{groups.pop()}" if len(groups) == 1 else say("figure.frontier.worst")
    named = bool(chapter["no_harm"].get("worst_off"))
    which = say("figure.frontier.named", who=who) if named else say("figure.frontier.unnamed")
    zero = {"zero": False}
    base = {
        "x": {"field": "all", "type": "quantitative", "scale": zero, "title": say("figure.frontier.x", unit=unit)},
        "y": {
            "field": "worst",
            "type": "quantitative",
            "scale": zero,
            "title": say("figure.frontier.y", who=who, unit=unit),
        },
    }
    shape = {
        "field": "kind", "type": "nominal", "title": None,
        "scale": {"domain": list(kinds.values()), "range": ["diamond", "circle", "square"]},
    }  # fmt: skip
    moved = f"datum.kind !== {json.dumps(kinds[START])}"
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
    start = next(r for r in rows if r["kind"] == kinds[START])
    best = max((r for r in rows if r["kind"] != kinds[START]), key=lambda r: r["worst"])
    return Figure(
        "repairs-frontier",
        say("figure.frontier.title"),
        say(
            "figure.frontier.alt", repairs=len(names), start=fixed(start["worst"], 1), unit=unit,
            repair=best["repair"], best=fixed(best["worst"], 1),
        ),
        spec,
        [
            headed(repair=r["repair"], step=r["share"], all=r["all"], worst=r["worst"], worst_group=r["group"])
            for r in rows
        ],
        "repairs",
        note=say("figure.frontier.note", who=who, which=which),
    )  # fmt: skip
