"""The parts that curves are drawn from: axes, lines, and a grid with one panel a group."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from primum.report.figures.figure import percent_label, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import DASHES, INK, SERIES, SMALL, SOFT, TEXT, WIDTH, wrap
from primum.report.numbers import count, known, withheld_word
from primum.report.numbers import threshold as threshold_words
from primum.report.say import say, told
from primum.report.words import group_name

PANELS = 12
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Panel:
    """One group's curve (empty where there is none) and the cases behind it, None where they are withheld."""

    name: str
    rows: Rows
    events: int | None
    smooth: Rows = field(default_factory=list)
    withheld: bool = False


def panels_of(source: Source, attribute: str, found: dict[str, Rows]) -> tuple[list[Panel], str]:
    """Return a panel for at most `PANELS` groups, those with the most cases, and what was left out."""
    events = {g: source.events(attribute, g) for g in found}
    keep = sorted(found, key=lambda g: (not found[g], -(events[g] or 0)))[:PANELS]
    chosen = [
        Panel(group_name(attribute, g), found[g], events[g], withheld=not found[g] and source.withheld(attribute, g))
        for g in found
        if g in keep
    ]
    left = len(found) - len(chosen)
    return chosen, say("figure.panel.left", groups=PANELS, left=left) if left else ""


def columns_of(number: int) -> tuple[int, int]:
    """Return how many columns a grid of so many panels has, and how wide a panel is."""
    columns = min(4, max(1, number))
    return columns, min(300, (WIDTH - 66 - 26 * (columns - 1)) // columns)


def view(panel: Panel, side: int, layers: list[dict[str, Any]], *, ratio: float = 1.0) -> dict[str, Any]:
    """Return one panel of a grid; a panel without a curve keeps its axes and says so."""
    height = round(side * ratio)
    lines = _name_lines(panel, side)
    heads = [{"t": part, "y": -24 - 14 * (len(lines) - 1 - i)} for i, part in enumerate(lines)]
    said = "" if panel.events is None else told("figure.panel.cases", panel.events, cases=count(panel.events))
    cases = [{"t": said, "y": -10}]
    layers = [*layers, _head(heads, TEXT, INK, "bold"), _head(cases, SMALL, SOFT, "normal")]
    if not panel.rows:
        words = {
            "data": values([{"t": withheld_word() if panel.withheld else say("figure.panel.few")}]),
            "mark": {"type": "text", "fontStyle": "italic", "fontSize": SMALL, "color": SOFT},
            "encoding": {"x": {"value": side / 2}, "y": {"value": height / 2}, "text": {"field": "t"}},
        }
        layers.append(words)
    return {"width": side, "height": height, "layer": layers}


def _name_lines(panel: Panel, side: int) -> list[str]:
    return wrap(panel.name, side + 8, TEXT, lines=2)


def _head(rows: Rows, size: int, colour: str, weight: str) -> dict[str, Any]:
    return {
        "data": values(rows),
        "mark": {"type": "text", "align": "left", "fontSize": size, "color": colour, "fontWeight": weight},
        "encoding": {
            "x": {"value": 0},
            "y": {"field": "y", "type": "quantitative", "scale": None},
            "text": {"field": "t"},
        },
    }


def grid(panels: list[Panel], views: list[dict[str, Any]], below: str) -> dict[str, Any]:
    """Return the panels in a grid, with one title for all horizontal axes."""
    columns, side = columns_of(len(panels))
    tall = any(len(_name_lines(p, side)) > 1 for p in panels)
    return whole(
        {
            "title": {
                "text": below,
                "orient": "bottom",
                "anchor": "middle",
                "fontWeight": "normal",
                "fontSize": SMALL,
                "offset": 8,
            },
            "concat": views,
            "columns": columns,
            "spacing": {"row": 76 if tall else 62, "column": 26},
            "align": "all",
            "bounds": "flush",
        }
    )


def thin(rows: Rows, most: int) -> Rows:
    """Return at most about `most` rows, evenly chosen, both ends kept."""
    if len(rows) <= most:
        return rows
    step = (len(rows) - 1) / (most - 1)
    return [rows[round(i * step)] for i in range(most)]


def nearest(rows: Rows, at: float | None) -> dict[str, Any] | None:
    """Return the row whose threshold is nearest, or None."""
    placed = [r for r in rows if known(r.get("t"))]
    return min(placed, key=lambda r: abs(r["t"] - at)) if placed and at is not None else None


def series(names: list[str], corner: str) -> dict[str, Any]:
    """Return the colour and dash channels of lines named in field `m`, with their legend in a corner."""
    domain = {"domain": names, "range": [SERIES[i % len(SERIES)] for i in range(len(names))]}
    dash = {"domain": names, "range": [DASHES[i % len(DASHES)] for i in range(len(names))]}
    legend = {
        "title": None,
        "orient": corner,
        "direction": "vertical",
        "symbolType": "stroke",
        "symbolSize": 300,
        "fillColor": "white",
        "padding": 5,
        "labelLimit": 190,
    }
    return {
        "color": {"field": "m", "type": "nominal", "scale": domain, "legend": legend},
        "strokeDash": {"field": "m", "type": "nominal", "scale": dash, "legend": legend},
    }


def line(points: Rows, colour: str, *, dash: list[int] | None = None, width: float = 1.2) -> dict[str, Any]:
    """Return a plain line through points."""
    mark: dict[str, Any] = {"type": "line", "color": colour, "strokeWidth": width}
    if dash:
        mark["strokeDash"] = dash
    return {"data": values(points), "mark": mark, "encoding": {"x": q("x"), "y": q("y")}}


def label(rows: Rows, align: str, dy: int, dx: int = 0) -> dict[str, Any]:
    """Return small labels at points."""
    return {
        "data": values(rows),
        "mark": {"type": "text", "align": align, "dx": dx, "dy": dy, "fontSize": SMALL, "color": SOFT},
        "encoding": {"x": q("x"), "y": q("y"), "text": {"field": "t"}},
    }


def q(field: str) -> dict[str, Any]:
    """Return a quantitative channel."""
    return {"field": field, "type": "quantitative"}


def axis(
    field: str,
    title: str | None,
    domain: tuple[float, float],
    *,
    percent: bool = True,
    root: bool = False,
    labels: bool = True,
    pixels: float = 300,
) -> dict[str, Any]:
    """Return a position channel; `root` spreads small values, only the edge of a grid needs `labels`."""
    guide: dict[str, Any] = {
        "title": title,
        "tickCount": max(2, int(pixels // 45)),
        "labels": labels,
        "ticks": labels,
    }
    if percent:
        guide["labelExpr"] = percent_label()
    if root:
        guide |= {"values": _root_ticks(domain[1], pixels), "labelOverlap": False}
        guide["tickCount"] = 99  # a smaller count would thin the values
    scale = {"domain": list(domain), "nice": False, "zero": False, "type": "sqrt" if root else "linear"}
    return {**q(field), "scale": scale, "axis": guide}


def _root_ticks(top: float, pixels: float) -> list[float]:
    """Return round values whose labels do not touch on a square-root scale."""
    out: list[float] = []
    for tick in (0.0, 0.2, 0.05, 0.6, 0.01, 1.0, 0.1, 0.4, 0.8, 0.3, 0.02):
        places = [abs(math.sqrt(tick / top) - math.sqrt(t / top)) * pixels for t in out]
        if tick <= top and min(places, default=math.inf) >= 28:
            out.append(tick)
    return sorted(out)


def levels(source: Source, attribute: str) -> list[str]:
    """Return the groups of an attribute in the order given."""
    rows = source.chapter("groups").get("estimates", [])
    return list(dict.fromkeys(r["group"] for r in rows if r["attribute"] == attribute))


def at_words(source: Source) -> str:
    """Return the decision threshold in words."""
    return threshold_words(source.threshold, "probability" if source.probability else "points")


def file_name(name: str) -> str:
    """Return a name that is safe for files."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "groups"
