"""Forest plots: one row a group, with its interval, the people behind it, the margin and the verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from primum.finding import Status
from primum.report.figures.figure import whole
from primum.report.figures.forest_layers import (
    FOOT,
    HEAD,
    ROW,
    Axis,
    Frame,
    axis_layer,
    band,
    columns,
    gaps,
    ideal,
    intervals,
    key_of,
    points,
    text,
)
from primum.report.figures.style import BLUE, FAINT, INK, SMALL, SOFT, WIDTH, Look, fit, fit_label, look, text_width
from primum.report.numbers import counted, known, of_metric, withheld, withheld_word
from primum.report.say import say, spoken
from primum.report.words import capital

Section = tuple[str, list[dict[str, Any]]]


def forest(sections: list[Section], axis: Axis, *, more: str = "", key: str = "") -> dict[str, Any]:
    """Return the specification of a forest plot.

    Parameters
    ----------
    sections
        (heading, rows); rows have `label`, `n`, `events`, `value`, `low`, `high`, `status`, `reason`, and
        where there is a margin `comparator_value`, `margin`, `verdict`, `verdict_words`. A heading "" gives none.
    axis
        How the metric is drawn.
    more
        A line under the last row, for what was left out.
    key
        What the band means, in words; "" where there is no band.
    """
    every = [r for _, rows in sections for r in rows]
    frame = _frame(every, axis)
    axis = replace(axis, clamp=_domain(every, axis))
    drawn, heads, height = _place(sections, axis, frame)
    layers = [*band(drawn), *ideal(axis, height), *intervals(drawn), *points(drawn), *gaps(drawn)]
    layers += columns(drawn, heads, axis, frame)
    foot = FOOT
    if more:
        layers.append(text([{"t": more}], -frame.left, height + 8, colour=SOFT, size=SMALL))
        height += 18
    if key:
        layers += key_of(key, height, frame)
        foot += 20
    return whole(
        {
            "width": frame.plot,
            "height": height,
            "autosize": {"type": "none"},
            "padding": {
                "left": frame.left,
                "right": WIDTH - frame.left - frame.plot,
                "top": HEAD,
                "bottom": foot,
            },
            "layer": [axis_layer(axis, height, frame), *layers],
        }
    )


def _frame(rows: list[dict[str, Any]], axis: Axis) -> Frame:
    label = math.ceil(min(230, max([60.0, *(text_width(r["label"]) + 14 for r in rows)])))
    cases = int(max(text_width(_cases(r), SMALL) for r in rows) + 12) if rows else 60
    cases = max(cases, int(text_width(say("figure.forest.cases"), SMALL)) + 6)
    value = (
        int(
            max(
                [
                    text_width(axis.column, SMALL),
                    *(text_width(value_words(r, axis), SMALL) for r in rows if known(r.get("value"))),
                ]
            )
        )
        + 22
    )
    words = [text_width(str(r.get("verdict_words") or ""), SMALL) for r in rows]
    verdict = int(max(words)) + 26 if any(words) else 0
    return Frame(label, cases, max(160, WIDTH - label - cases - 12 - value - verdict), value, verdict)


def _cases(row: dict[str, Any]) -> str:
    if row.get("events") is None and row.get("n") is None:
        return withheld_word()
    return f"{counted(row.get('events'))} / {counted(row.get('n'))}"


def _domain(rows: list[dict[str, Any]], axis: Axis) -> tuple[float, float]:
    low, high = axis.clamp
    if axis.fixed:
        return low, high
    points = [r[k] for r in rows for k in ("value", "low", "high") if known(r.get(k))]
    for r in rows:
        if known(r.get("comparator_value")) and known(r.get("margin")) and known(r.get("value")):
            points += [r["comparator_value"] - r["margin"], r["comparator_value"]]
    points += [] if axis.ideal is None else [axis.ideal]
    if not points:
        return low, high
    span = (max(points) - min(points)) or abs(max(points)) or 1.0
    pad = 1.0 if axis.log else span * 0.04
    lowest = min(points) / 1.05 if axis.log else min(points) - pad
    highest = max(points) * 1.05 if axis.log else max(points) + pad
    return max(low, lowest), min(high, highest)


def _place(sections: list[Section], axis: Axis, frame: Frame) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Give every row and heading its vertical place; return also the height."""
    drawn, heads, y = [], [], 4
    low, high = axis.clamp
    for title, rows in sections:
        if title:
            y += 6
            heads.append({"y": y + ROW / 2, "t": fit(capital(title), frame.left), "line": y})
            y += ROW + 2
        for row in rows:
            middle = y + ROW / 2
            drawn.append(_draw(row, middle, axis, low, high, frame))
            y += ROW
    return drawn, heads, y + 4


def _draw(row: dict[str, Any], y: float, axis: Axis, low: float, high: float, frame: Frame) -> dict[str, Any]:
    own = _look(row)
    out: dict[str, Any] = {
        "y": y,
        "label": fit_label(row["label"], frame.label - 6),
        "cases": _cases(row),
        "text": value_words(row, axis),
        "verdict": row.get("verdict_words") or "",
        "shape": own.shape,
        "colour": own.colour,
        "fill": "white" if own.hollow else own.colour,
        "ink": SOFT if own.hollow else INK,
    }
    if known(row.get("value")):
        if low <= row["value"] <= high:
            out["x"] = row["value"]
        if known(row.get("low")) and known(row.get("high")):
            out["lo"], out["hi"] = max(row["low"], low), min(row["high"], high)
            out["cut_lo"] = low if row["low"] < low - 1e-9 else None
            out["cut_hi"] = high if row["high"] > high + 1e-9 else None
    else:
        room = frame.plot + frame.value - 16
        why = _why(row)
        if text_width(why, SMALL) > room and row.get("reason"):
            why = str(row["reason"])
        out["gap"] = fit(why, room, SMALL)
        out["text"] = ""
        out["gap_end"] = min(text_width(out["gap"], SMALL) + 8, frame.plot + 0.0)
    comparator, margin = row.get("comparator_value"), row.get("margin")
    if known(comparator) and known(margin) and comparator is not None and margin is not None:
        ends = {
            "higher": (comparator - margin, comparator),
            "lower": (comparator, comparator + margin),
            "zero": (comparator - margin, comparator + margin),
        }[axis.better]
        out["b0"], out["b1"] = (min(max(e, low), high) for e in ends)
        out["bc"] = comparator if low <= comparator <= high else None
        out["y0"], out["y1"] = y - ROW / 2, y + ROW / 2
    return out


def _look(row: dict[str, Any]) -> Look:
    if row.get("verdict"):
        return look(row["verdict"])
    if row.get("status") not in {None, "", "ok"}:
        return Look("circle", FAINT, hollow=True)
    return Look("square", SOFT) if row.get("everyone") else Look("circle", BLUE)


def _why(row: dict[str, Any]) -> str:
    if withheld(row):
        return withheld_word()
    status, reason = Status(row.get("status") or Status.NOT_ESTIMABLE), str(row.get("reason") or "")
    return reason if reason.startswith(status) else stood(status, reason)


def stood(status: Status, reason: str) -> str:
    """Return why a value is, or is not, there: its status and the reason."""
    said = spoken()(f"report.status.{status.name.lower()}")
    return f"{said}: {reason}" if reason else said


def value_words(row: dict[str, Any], axis: Axis) -> str:
    """Return a row's estimate with its interval, or why there is none."""
    if not known(row.get("value")):
        return _why(row)
    return of_metric(axis.metric, row["value"], row.get("low"), row.get("high"), comparison=axis.comparison)
