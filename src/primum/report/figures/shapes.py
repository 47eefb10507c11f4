"""The figures of the shapes: for each feature what the model makes of it, one curve a group, and the people behind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.panels import file_name
from primum.report.figures.rows import Source
from primum.report.figures.style import BAND, DASHES, FAINT, INK, SERIES, WIDTH, fit_label
from primum.report.say import say, spoken
from primum.report.views.labels import labels
from primum.report.words import capital, group_name
from primum.usecase import MISSING, OVERALL

MOST_FEATURES, MOST_GROUPS, MOST_ATTRIBUTES = 6, 6, 3
SCALES = ("color", "strokeDash", "fill", "xOffset")
TICKS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1 / 1.5, 1, 1.5, 2, 4, 8, 16]
Rows = list[dict[str, Any]]
NO_NAMES: Mapping[str, str] = {}


def shapes(source: Source) -> list[Figure]:
    """Return one figure a feature, of the model whose shapes were computed, those with the strongest effect first."""
    chapter = source.chapter("shapes")
    names = labels(source.chapter("people"))
    return [
        figure
        for m in chapter.get("models", [])
        for figure in of_rows(m["rows"], m["name"], few=int(chapter["few"]), names=names)
    ]


def of_rows(
    rows: Sequence[dict[str, Any]],
    model: str,
    *,
    few: int = 20,
    most: int = MOST_FEATURES,
    names: Mapping[str, str] = NO_NAMES,
) -> list[Figure]:
    """Return the figures of one model's shape rows, at most `most` features.

    Parameters
    ----------
    rows
        As `primum.learn.prior.shapes.shapes` returns them.
    model
        Its name.
    few
        Below how many people a point counts as thinly supported.
    names
        Feature → its label, where it has one.
    """
    return [
        _figure([r for r in rows if r["feature"] == f], model, few, names.get(f, f)) for f in strongest(rows)[:most]
    ]


def strongest(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the features in the order of how far everyone's curve reaches where enough people are."""
    reach: dict[str, tuple[float, float]] = {}
    for r in rows:
        if r["attribute"] == OVERALL and not r["small"] and r["kind"] != "missing":
            low, high = reach.get(r["feature"], (math.inf, -math.inf))
            reach[r["feature"]] = (min(low, r["effect"]), max(high, r["effect"]))
    return sorted(reach, key=lambda f: (reach[f][0] - reach[f][1], f))


def _figure(rows: Rows, model: str, few: int, feature: str) -> Figure:
    kind = next((r["kind"] for r in rows if r["kind"] != "missing"), "missing")
    attributes = list(dict.fromkeys(r["attribute"] for r in rows if r["attribute"] != OVERALL))[:MOST_ATTRIBUTES]
    shown = [r for r in rows if r["kind"] == kind and math.isfinite(r["effect"])]
    wide = (WIDTH - 90 * max(len(attributes), 1)) // max(len(attributes), 1)
    ends = _ends(shown)
    panels, left_out = [], []
    for attribute in attributes or [OVERALL]:
        groups, gone = _groups(shown, attribute)
        left_out += gone
        panels.append(_panel(shown, attribute, groups, kind, wide, ends, feature))
    spec = whole({"hconcat": panels, "spacing": 30, "resolve": {"scale": dict.fromkeys(SCALES, "independent")}})
    everyone = [r for r in shown if r["attribute"] == OVERALL and not r["small"]]
    peak = max(everyone, key=lambda r: r["effect"], default=None)
    pit = min(everyone, key=lambda r: r["effect"], default=None)
    alt = [say("figure.shape.alt", feature=feature)]
    if peak and pit:
        alt.append(say("figure.shape.peak", highest=peak["label"], lowest=pit["label"]))
    note = [say("figure.shape.hollow", few=few)]
    if any(r["low"] is not None for r in shown):
        note.append(say("figure.shape.band"))
    if left_out:
        note.append(say("figure.shape.left", groups=spoken().listed(left_out)))
    if any(r["kind"] == "missing" for r in rows) and kind != "category":
        note.append(say("figure.shape.missing"))
    return Figure(
        f"shape-{file_name(model)}-{file_name(str(rows[0]['feature']))}",
        say("figure.shape.title", feature=capital(feature), model=model),
        " ".join(alt),
        spec,
        [_table_row(r) for r in rows],
        "shapes",
        note=" ".join(note),
    )


def _groups(rows: Rows, attribute: str) -> tuple[list[str], list[str]]:
    """Return the groups to draw, those with the most people, and the names of the others."""
    size: dict[str, int] = {}
    for r in rows:
        if r["attribute"] == attribute and attribute != OVERALL:
            size[r["group"]] = size.get(r["group"], 0) + int(r["n"])
    ranked = sorted(size, key=lambda g: -size[g])
    keep = set(ranked[:MOST_GROUPS])
    return [g for g in size if g in keep], [group_name(attribute, g) for g in ranked[MOST_GROUPS:]]


def _panel(
    rows: Rows, attribute: str, groups: list[str], kind: str, wide: int, ends: tuple[float, float], feature: str
) -> dict[str, Any]:
    data, everyone = [], _everyone()
    for r in rows:
        if r["attribute"] == OVERALL or (r["attribute"] == attribute and r["group"] in groups):
            name = everyone if r["attribute"] == OVERALL else fit_label(group_name(attribute, r["group"]), 150)
            data.append(
                {"x": r["label"] if kind == "category" else r["x"], "g": name, "n": r["n"], "small": r["small"],
                 "y": _cut(r["effect"], ends), "low": _cut(r["low"], ends), "high": _cut(r["high"], ends)}
            )  # fmt: skip
    data = [{**d, "from": last["x"] if last["g"] == d["g"] else None} for last, d in pairwise([{"g": ""}, *data])]
    names = list(dict.fromkeys(d["g"] for d in data))
    colours = [INK if n == everyone else SERIES[i % len(SERIES)] for i, n in enumerate(_behind(names))]
    ordered = _behind(names)
    colour = {
        "field": "g", "type": "nominal", "sort": ordered, "scale": {"domain": ordered, "range": colours},
        "legend": {
            "title": None, "orient": "top", "columns": 1 if wide < 300 else 3,
            "symbolType": "circle" if kind == "category" else "stroke",
        },
    }  # fmt: skip
    dash = {
        **colour,
        "scale": {
            "domain": ordered,
            "range": [[1, 0] if n == everyone else DASHES[1 + i % (len(DASHES) - 1)] for i, n in enumerate(ordered)],
        },
    }
    dash["legend"] = colour["legend"]
    x: dict[str, Any] = {"field": "x", "type": "quantitative", "title": None, "scale": {"zero": False, "nice": False}}
    if kind == "category":
        levels = list(dict.fromkeys(d["x"] for d in data))
        x = {"field": "x", "type": "nominal", "title": None, "sort": levels, "axis": {"labelAngle": -30}}
    y = {
        "field": "y", "type": "quantitative", "title": say("figure.shape.y"),
        "scale": {"domain": list(ends), "nice": False},
        "axis": {
            "values": [math.log(t) for t in TICKS if ends[0] <= math.log(t) <= ends[1]],
            "labelExpr": "'×' + format(exp(datum.value), '.2~f')",
        },
    }  # fmt: skip
    fill = {**colour, "condition": {"test": "datum.small", "value": "white"}, "legend": None}
    offset = {"xOffset": {"field": "g", "type": "nominal", "sort": ordered}} if kind == "category" else {}
    layers: list[dict[str, Any]] = [{"mark": {"type": "rule", "color": FAINT}, "encoding": {"y": {"datum": 0}}}]
    if kind != "category":
        band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
        layers += [
            {"transform": [_only_everyone("low")], "mark": {"type": "area", "color": BAND}, "encoding": band},
            {
                "mark": {"type": "line", "strokeWidth": 1.6},
                "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
            },
        ]
    layers.append(
        {
            "mark": {"type": "point", "filled": False, "size": 28, "opacity": 1, "strokeWidth": 1.2},
            "encoding": {"x": x, "y": y, "color": colour, "fill": fill, **offset},
        }
    )
    across: dict[str, Any] = {"x": {**x, "title": feature}}
    mark: dict[str, Any] = {"type": "bar", "color": FAINT, **({"width": 6} if kind == "value" else {})}
    if kind == "number":
        mark = {"type": "rect", "color": FAINT, "stroke": "white"}
        across = {"x": {**x, "field": "from", "title": feature}, "x2": {"field": "x"}}
    people = {"field": "n", "type": "quantitative", "title": say("figure.shape.people"), "axis": {"tickCount": 2}}
    bars = {
        "transform": [_only_everyone("from" if kind == "number" else "n")],
        "mark": mark,
        "width": wide,
        "height": 36,
        "encoding": {**across, "y": people, **({"y2": {"datum": 0}} if kind == "number" else {})},
    }
    title = "" if attribute == OVERALL else capital(attribute)
    return {
        "title": title,
        "data": values(data),
        "vconcat": [{"width": wide, "height": 190, "layer": layers}, bars],
        "spacing": 8,
        "resolve": {"scale": {"x": "independent" if kind == "category" else "shared", "xOffset": "independent"}},
    }


def _only_everyone(known: str) -> dict[str, str]:
    """Return the filter that keeps everyone's rows where a field is known."""
    return {"filter": f"datum.g == {json.dumps(_everyone())} && datum['{known}'] != null"}


def _everyone() -> str:
    return spoken()("common.everyone")


def _behind(names: list[str]) -> list[str]:
    """Return the groups in order, everyone last: the first colours go to groups."""
    everyone = _everyone()
    return [n for n in names if n != everyone] + [everyone]


def _ends(rows: Rows) -> tuple[float, float]:
    firm = [r["effect"] for r in rows if not r["small"]] or [r["effect"] for r in rows] or [0.0]
    top = max(math.log(1.5), 1.15 * max(abs(v) for v in firm))
    return -top, top


def _cut(value: float | None, ends: tuple[float, float]) -> float | None:
    return None if value is None or not math.isfinite(value) else max(ends[0], min(ends[1], value))


def _table_row(r: dict[str, Any]) -> dict[str, Any]:
    def odds(v: float | None) -> float | None:
        return None if v is None or not math.isfinite(v) else math.exp(v)

    place = spoken()("common.part_not_recorded") if r["label"] == MISSING else r["label"]
    return headed(
        group=_everyone() if r["attribute"] == OVERALL else group_name(r["attribute"], r["group"]),
        at=say("figure.shape.up_to", value=place) if r["kind"] == "number" else place,
        people=r["n"],
        odds=odds(r["effect"]),
        least=odds(r["low"]),
        greatest=odds(r["high"]),
        support=say("figure.shape.few") if r["small"] else "",
    )
