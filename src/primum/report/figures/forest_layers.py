"""The layers of a forest plot: axis, margin band, intervals, points, columns of text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from primum.report.figures.figure import percent_label, values
from primum.report.figures.style import BAND, BLUE, INK, SMALL, SOFT, TEXT, WIDTH, fit
from primum.report.say import say

ROW, HEAD, FOOT = 20, 26, 46


@dataclass(frozen=True)
class Axis:
    """How a metric is drawn.

    `unit` says how its axis is labelled: "rate" in per cent, "points" in signed percentage points, "plain" as
    it is; `comparison` how its values are written ("estimate" or "difference"). `clamp` are the widest limits
    of the axis (intervals beyond end in an arrow); `fixed` axes always show both limits; `ideal` is a value to
    mark, with its words.
    """

    metric: str
    title: str
    column: str
    unit: str = "rate"
    clamp: tuple[float, float] = (0.0, 1.0)
    fixed: bool = False
    log: bool = False
    ideal: float | None = None
    ideal_words: str = ""
    better: str = "higher"
    comparison: str = "estimate"


@dataclass(frozen=True)
class Frame:
    """Pixel positions of the columns; x = 0 is the left edge of the plot."""

    label: int
    cases: int
    plot: int
    value: int
    verdict: int

    @property
    def left(self) -> int:
        """Pixels left of the plot."""
        return self.label + self.cases + 12


def _x(field: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative"}


def _y(field: str = "y") -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def _own(field: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "scale": None, "legend": None}


def axis_layer(axis: Axis, height: int, frame: Frame) -> dict[str, Any]:
    """Return the layer that carries the axis."""
    scale = {"domain": list(axis.clamp), "nice": False, "zero": False}
    if axis.log:
        scale["type"] = "log"
    form = {
        "rate": percent_label(),
        "points": "datum.value == 0 ? '0' : replace(format(datum.value * 100, '+.3~'), '-', '−')",
    }
    guide: dict[str, Any] = {
        "title": axis.title,
        "orient": "bottom",
        "tickCount": max(3, frame.plot // 60),
        "grid": True,
    }
    if axis.unit in form:
        guide["labelExpr"] = form[axis.unit]
    if axis.log:
        wide = axis.clamp[1] > 3 * axis.clamp[0]
        ticks = (0.1, 0.25, 0.5, 1, 2, 4, 8) if wide else (0.5, 0.67, 0.8, 1, 1.25, 1.5, 2)
        guide["values"] = [v for v in ticks if _inside(v, axis)]
        guide["tickCount"] = 99  # a smaller count would thin the values
    return {
        "data": values([{"a": axis.clamp[0]}]),
        "mark": {"type": "rule", "opacity": 0},
        "encoding": {"x": {**_x("a"), "scale": scale, "axis": guide}, "y": {"value": height}},
    }


def _inside(value: float, axis: Axis) -> bool:
    return axis.clamp[0] <= value <= axis.clamp[1]


def _share(value: float, axis: Axis) -> float:
    """Return where on the axis a value lies, 0 at its left and 1 at its right end."""
    low, high = axis.clamp
    if axis.log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def band(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw the margin, and the line of the comparator, row by row."""
    rows = [{k: d[k] for k in ("b0", "b1", "bc", "y0", "y1")} for d in drawn if "b0" in d]
    if not rows:
        return []
    span = {"y": _y("y0"), "y2": {"field": "y1"}}
    ticks = [r for r in rows if r["bc"] is not None]
    return [
        {
            "data": values(rows),
            "mark": {"type": "rect", "color": BAND},
            "encoding": {"x": _x("b0"), "x2": {"field": "b1"}, **span},
        },
        {
            "data": values(ticks),
            "mark": {"type": "rule", "color": BLUE, "strokeWidth": 1.5},
            "encoding": {"x": _x("bc"), **span},
        },
    ]


def ideal(axis: Axis, height: int) -> list[dict[str, Any]]:
    """Mark the value that would be ideal, in words above."""
    if axis.ideal is None or not _inside(axis.ideal, axis):
        return []
    rule = {
        "data": values([{"a": axis.ideal}]),
        "mark": {"type": "rule", "color": INK, "strokeWidth": 1, "strokeDash": [4, 3]},
        "encoding": {"x": _x("a"), "y": {"value": 0}, "y2": {"value": height}},
    }
    place = _share(axis.ideal, axis)
    align = "left" if place < 0.25 else "right" if place > 0.75 else "center"
    words = {
        "data": values([{"a": axis.ideal, "t": axis.ideal_words}]),
        "mark": {"type": "text", "color": SOFT, "fontSize": SMALL, "align": align},
        "encoding": {"x": _x("a"), "y": {"value": -HEAD / 2}, "text": {"field": "t"}},
    }
    return [rule, words] if axis.ideal_words else [rule]


def intervals(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw the intervals; those that leave the axis end in an arrow."""
    rows = [{k: d[k] for k in ("y", "lo", "hi", "colour")} for d in drawn if "lo" in d and d["lo"] <= d["hi"]]
    layers: list[dict[str, Any]] = [
        {
            "data": values(rows),
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": _x("lo"), "x2": {"field": "hi"}, "y": _y(), "color": _own("colour")},
        }
    ]
    for side, shape in (("cut_lo", "triangle-left"), ("cut_hi", "triangle-right")):
        cut = [{"y": d["y"], "x": d[side], "colour": d["colour"]} for d in drawn if d.get(side) is not None]
        if cut:
            layers.append(
                {
                    "data": values(cut),
                    "mark": {"type": "point", "filled": True, "opacity": 1, "shape": shape, "size": 42},
                    "encoding": {"x": _x("x"), "y": _y(), "color": _own("colour")},
                }
            )
    return layers


def points(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw the estimates with shape and colour of their verdicts."""
    rows = [{k: d[k] for k in ("y", "x", "shape", "colour", "fill")} for d in drawn if "x" in d]
    return [
        {
            "data": values(rows),
            "mark": {"type": "point", "size": 78, "opacity": 1, "strokeWidth": 1.6},
            "encoding": {
                "x": _x("x"),
                "y": _y(),
                "shape": _own("shape"),
                "fill": _own("fill"),
                "stroke": _own("colour"),
            },
        }
    ]


def gaps(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw, for a group without an estimate, the reason in its place."""
    rows = [{k: d[k] for k in ("y", "gap", "gap_end")} for d in drawn if "gap" in d]
    if not rows:
        return []
    for r in rows:
        r["gap_start"], r["y0"], r["y1"] = 1, r["y"] - ROW / 2, r["y"] + ROW / 2
    back = {
        "data": values(rows),
        "mark": {"type": "rect", "color": "white"},
        "encoding": {
            "x": {"field": "gap_start", "type": "quantitative", "scale": None},
            "x2": {"field": "gap_end"},
            "y": _y("y0"),
            "y2": {"field": "y1"},
        },
    }
    words = {
        "data": values(rows),
        "mark": {"type": "text", "align": "left", "fontSize": SMALL, "fontStyle": "italic", "color": SOFT},
        "encoding": {"x": {"value": 5}, "y": _y(), "text": {"field": "gap"}},
    }
    return [back, words]


def columns(drawn: list[dict[str, Any]], heads: list[dict[str, Any]], axis: Axis, frame: Frame) -> list[dict[str, Any]]:
    """Draw the text columns, their heads and the section headings."""
    value_x, verdict_x = frame.plot + 14, frame.plot + frame.value + 14
    layers = [
        _field(drawn, "label", -frame.left, size=TEXT),
        _field(drawn, "cases", -12, size=SMALL, align="right"),
        _field([d for d in drawn if d["text"]], "text", value_x, size=SMALL),
    ]
    if frame.verdict:
        layers.append(_field([d for d in drawn if d["verdict"]], "verdict", verdict_x, size=SMALL))
        marks = [{k: d[k] for k in ("y", "shape", "colour", "fill")} for d in drawn if d["verdict"] and d["shape"]]
        layers.append(
            {
                "data": values(marks),
                "mark": {"type": "point", "size": 46, "opacity": 1, "strokeWidth": 1.4},
                "encoding": {
                    "x": {"value": verdict_x - 10},
                    "y": _y(),
                    "shape": _own("shape"),
                    "fill": _own("fill"),
                    "stroke": _own("colour"),
                },
            }
        )
    top = -HEAD / 2
    layers.append(text([{"t": say("figure.forest.cases")}], -12, top, colour=SOFT, size=SMALL, align="right"))
    layers.append(text([{"t": axis.column}], value_x, top, colour=SOFT, size=SMALL))
    if frame.verdict:
        layers.append(text([{"t": say("figure.head.verdict")}], verdict_x, top, colour=SOFT, size=SMALL))
    if heads:
        layers.append(_field([{**h, "text": h["t"]} for h in heads], "text", -frame.left, size=TEXT, bold=True))
        layers.append(
            {
                "data": values([{"y": h["line"]} for h in heads]),
                "mark": {"type": "rule", "color": "#cfcfcf"},
                "encoding": {"x": {"value": -frame.left}, "x2": {"value": WIDTH - frame.left}, "y": _y()},
            }
        )
    return layers


def _field(
    rows: list[dict[str, Any]], field: str, x: float, *, size: int, align: str = "left", bold: bool = False
) -> dict[str, Any]:
    data = [{"y": r["y"], "t": r[field], "ink": r.get("ink", INK)} for r in rows]
    mark = {"type": "text", "align": align, "fontSize": size, **({"fontWeight": "bold"} if bold else {})}
    return {
        "data": values(data),
        "mark": mark,
        "encoding": {"x": {"value": x}, "y": _y(), "text": {"field": "t"}, "color": _own("ink")},
    }


def text(
    rows: list[dict[str, Any]], x: float, y: float, *, colour: str, size: int, align: str = "left"
) -> dict[str, Any]:
    """Return texts at one place."""
    return {
        "data": values(rows),
        "mark": {"type": "text", "align": align, "fontSize": size, "color": colour},
        "encoding": {"x": {"value": x}, "y": {"value": y}, "text": {"field": "t"}},
    }


def key_of(words: str, height: int, frame: Frame) -> list[dict[str, Any]]:
    """Draw what the band means, under the axis."""
    y = height + FOOT + 4
    box = {
        "data": values([{"x0": -frame.left, "x1": -frame.left + 26, "y0": y - 6, "y1": y + 6}]),
        "mark": {"type": "rect", "color": BAND},
        "encoding": {
            "x": {"field": "x0", "type": "quantitative", "scale": None},
            "x2": {"field": "x1"},
            "y": _y("y0"),
            "y2": {"field": "y1"},
        },
    }
    tick = {
        "data": values([{"x0": -frame.left + 26, "y0": y - 6, "y1": y + 6}]),
        "mark": {"type": "rule", "color": BLUE, "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "x0", "type": "quantitative", "scale": None},
            "y": _y("y0"),
            "y2": {"field": "y1"},
        },
    }
    room = WIDTH - 36
    return [box, tick, text([{"t": fit(words, room, SMALL)}], -frame.left + 34, y, colour=SOFT, size=SMALL)]
