"""The figures of stigma and discrimination: which feature tells which group, and who bears the false alarms."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, INK, fit_label
from primum.report.numbers import fixed, known
from primum.report.say import say
from primum.report.views.labels import labels, relabelled
from primum.report.words import full_name, group_name
from primum.usecase import OVERALL

FEATURES, STEP = 16, 20


def proxies(source: Source) -> list[Figure]:
    """Return the figures; none without the chapter."""
    held = relabelled(source.chapter("proxies"), labels(source.chapter("people")))
    found = [_told(held), _borne(held), _left(held)] if held else []
    return [f for f in found if f is not None]


def _told(held: dict[str, Any]) -> Figure | None:
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for r in held["features"]:
        key = (r["feature"], r["attribute"])
        if known(r["value"]) and (key not in best or r["value"] > best[key]["value"]):
            best[key] = r
    if not best:
        return None
    most = {f: max(r["value"] for (g, _), r in best.items() if g == f) for f, _ in best}
    kept = sorted(most, key=lambda f: -most[f])[:FEATURES]
    label = {f: fit_label(f, 190) for f in kept}
    rows = [
        {"feature": label[f], "attribute": a, "value": max(r["value"], 0.5), "text": fixed(100 * r["value"], 0)}
        for (f, a), r in best.items()
        if f in label
    ]
    attributes = list(dict.fromkeys(a for _, a in best))
    x = {"field": "attribute", "type": "nominal", "sort": attributes, "title": None,
         "axis": {"labelAngle": 0, "orient": "top", "labelLimit": 120}}  # fmt: skip
    y = {"field": "feature", "type": "nominal", "sort": list(label.values()), "title": None,
         "axis": {"labelLimit": 200}}  # fmt: skip
    colour = {
        "field": "value", "type": "quantitative", "title": say("figure.told.scale"), "legend": {"format": ".0%"},
        "scale": {"domain": [0.5, 1.0], "range": ["#ffffff", "#e8a071"], "interpolate": "rgb"},
    }  # fmt: skip
    spec = whole(
        {
            "data": values(rows),
            "width": min(110 * len(attributes), 480),
            "height": {"step": STEP},
            "layer": [
                {"mark": {"type": "rect", "stroke": "#e4e4e4"}, "encoding": {"x": x, "y": y, "color": colour}},
                {
                    "mark": {"type": "text", "fontSize": 10, "color": INK},
                    "encoding": {"x": x, "y": y, "text": {"field": "text"}},
                },
            ],
        }
    )
    top = max(best.items(), key=lambda item: item[1]["value"])
    note = [say("figure.told.note")]
    if len(most) > len(kept):
        note.append(say("figure.told.left", features=len(most) - len(kept)))
    return Figure(
        "proxies-told",
        say("figure.told.title"),
        say(
            "figure.told.alt", feature=top[0][0], group=full_name(top[1]["attribute"], top[1]["group"]),
            share=fixed(100 * top[1]["value"], 0),
        ),
        spec,
        [
            headed(
                feature=r["feature"], attribute=r["attribute"], group=r["group"], pairs=r["value"], low=r["low"],
                high=r["high"],
            )
            for r in held["features"]
        ],
        "proxies",
        note=" ".join(note),
    )  # fmt: skip


def _borne(held: dict[str, Any]) -> Figure | None:
    shown = [r for r in held["burden"] if known(r["share_ratio"]["value"])]
    if not shown:
        return None
    rows = [
        {"attribute": r["attribute"], "group": fit_label(group_name(r["attribute"], r["group"]), 170),
         **{k: r["share_ratio"][k] for k in ("value", "low", "high")}}
        for r in shown
    ]  # fmt: skip
    wide = max(2.0, *(1.25 * r["value"] for r in rows))
    for r in rows:
        r["top"] = None if not known(r["high"]) else min(r["high"], wide)
    x = {"field": "value", "type": "quantitative", "scale": {"domain": [0, wide], "nice": False},
         "title": say("figure.borne.x")}  # fmt: skip
    y = {"field": "group", "type": "nominal", "sort": [r["group"] for r in rows], "title": None}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "color": FAINT}, "encoding": {"x": {"datum": 1}}},
        {
            "mark": {"type": "rule", "strokeWidth": 1.5, "color": BLUE},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "top"}},
        },
        {"mark": {"type": "point", "filled": True, "size": 45, "opacity": 1, "color": BLUE},
         "encoding": {"y": y, "x": x}},
    ]  # fmt: skip
    spec = whole(
        {
            "data": values(rows),
            "facet": {"row": {"field": "attribute", "type": "nominal", "title": None,
                              "sort": list(dict.fromkeys(r["attribute"] for r in rows)),
                              "header": {"labelAngle": 0, "labelAlign": "left", "labelOrient": "top",
                                         "labelFontWeight": "bold"}}},
            "resolve": {"scale": {"y": "independent"}},
            "spec": {"width": 420, "height": {"step": 17}, "layer": layers},
        }
    )  # fmt: skip
    worst = max(shown, key=lambda r: r["share_ratio"]["value"])
    return Figure(
        "proxies-false-alarms",
        say("figure.borne.title"),
        say(
            "figure.borne.alt", group=full_name(worst["attribute"], worst["group"]),
            times=fixed(worst["share_ratio"]["value"], 2),
        ),
        spec,
        [
            headed(
                attribute=r["attribute"], group=r["group"], people=r["n"], per_1000=r["per_1000"]["value"],
                per_found=r["per_true"]["value"], times=r["share_ratio"]["value"], low=r["share_ratio"]["low"],
                high=r["share_ratio"]["high"],
            )
            for r in held["burden"]
        ],
        "proxies",
        note=say("figure.borne.note"),
    )  # fmt: skip


def _left(held: dict[str, Any]) -> Figure | None:
    """Return who is left after each step, as a share of the first, where anybody is lost."""
    kept = [r for r in held["attrition"] if r["kind"] == "kept" and r["attribute"] != OVERALL and known(r["left"])]
    if not any(r["after"] < r["before"] for r in kept):
        return None
    rows = [
        {"attribute": r["attribute"], "group": fit_label(group_name(r["attribute"], r["group"]), 170),
         "step": r["step"], "left": r["left"]}
        for r in kept
    ]  # fmt: skip
    steps = list(dict.fromkeys(r["step"] for r in rows))
    x = {"field": "left", "type": "quantitative", "title": say("figure.lost.x"), "axis": {"format": ".0%"},
         "scale": {"zero": False}}  # fmt: skip
    y = {"field": "group", "type": "nominal", "sort": [r["group"] for r in rows], "title": None}
    shape = {"field": "step", "type": "nominal", "sort": steps, "legend": {"title": None, "orient": "top"}}
    spec = whole(
        {
            "data": values(rows),
            "facet": {"row": {"field": "attribute", "type": "nominal", "title": None,
                              "sort": list(dict.fromkeys(r["attribute"] for r in rows)),
                              "header": {"labelAngle": 0, "labelAlign": "left", "labelOrient": "top",
                                         "labelFontWeight": "bold"}}},
            "resolve": {"scale": {"y": "independent"}},
            "spec": {"width": 420, "height": {"step": 17}, "layer": [
                {"mark": {"type": "line", "color": FAINT}, "encoding": {"x": x, "y": y, "detail": {"field": "group"}}},
                {"mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
                 "encoding": {"x": x, "y": y, "shape": shape, "color": {**shape, "scale": {"scheme": "tableau10"}}}},
            ]},
        }
    )  # fmt: skip
    worst = min((r for r in kept if r["step"] == steps[-1]), key=lambda r: r["left"])
    return Figure(
        "proxies-attrition",
        say("figure.lost.title"),
        say(
            "figure.lost.alt", group=full_name(worst["attribute"], worst["group"]), step=worst["step"],
            share=fixed(100 * worst["left"], 1),
        ),
        spec,
        [
            headed(
                attribute=r["attribute"], group=r["group"], step=r["step"], before=r["before"], after=r["after"],
                left=r["left"],
            )
            for r in held["attrition"]
        ],
        "proxies",
    )  # fmt: skip
