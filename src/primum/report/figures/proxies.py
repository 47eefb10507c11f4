"""The figures of stigma and discrimination: which feature tells which group, and who bears the false alarms."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, INK, fit_label
from primum.report.numbers import fixed, known
from primum.report.words import full_name, group_name
from primum.usecase import OVERALL

FEATURES, STEP = 16, 20


def proxies(source: Source) -> list[Figure]:
    """Return the figures; none without the chapter."""
    held = source.chapter("proxies")
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
        "field": "value", "type": "quantitative", "title": "pairs told", "legend": {"format": ".0%"},
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
    left = f" {len(most) - len(kept)} features that tell less are in the table only." if len(most) > len(kept) else ""
    return Figure(
        "proxies-told",
        "Which feature tells which group?",
        f"Share of pairs, in per cent, in which one feature alone tells a group of the attribute, the group it tells "
        f"best. Most: {top[0][0]} tells {full_name(top[1]['attribute'], top[1]['group'])} in "
        f"{fixed(100 * top[1]['value'], 0)} % of pairs.",
        spec,
        [
            {"Feature": r["feature"], "Attribute": r["attribute"], "Group": r["group"], "Pairs told": r["value"],
             "Low": r["low"], "High": r["high"]}
            for r in held["features"]
        ],
        "proxies",
        note=f"50 is a coin toss; empty: the feature is the attribute itself.{left}",
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
         "title": "share of false alarms over share of people"}  # fmt: skip
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
        "Who bears the false alarms?",
        f"Share of the false alarms over share of the people by group, with intervals. Most: "
        f"{full_name(worst['attribute'], worst['group'])}, {fixed(worst['share_ratio']['value'], 2)} times.",
        spec,
        [
            {"Attribute": r["attribute"], "Group": r["group"], "People": r["n"],
             "Per 1,000": r["per_1000"]["value"], "For each person found": r["per_true"]["value"],
             "Times its share": r["share_ratio"]["value"], "Low": r["share_ratio"]["low"],
             "High": r["share_ratio"]["high"]}
            for r in held["burden"]
        ],
        "proxies",
        note="1 is a group's own part. A group with more cases has more false alarms at any threshold.",
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
    x = {"field": "left", "type": "quantitative", "title": "left, of the first step", "axis": {"format": ".0%"},
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
        "Who was lost on the way?",
        f"Share of each group's people left after each step. Fewest: {full_name(worst['attribute'], worst['group'])}, "
        f"{fixed(100 * worst['left'], 1)} % after '{worst['step']}'.",
        spec,
        [
            {"Attribute": r["attribute"], "Group": r["group"], "Step": r["step"], "Before": r["before"],
             "After": r["after"], "Left": r["left"]}
            for r in held["attrition"]
        ],
        "proxies",
    )  # fmt: skip
