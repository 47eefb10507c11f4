"""Decision curves: is using the model better than treating all or none, for everyone and for each group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.panels import (
    Panel,
    Rows,
    at_words,
    axis,
    columns_of,
    file_name,
    grid,
    label,
    levels,
    line,
    nearest,
    panels_of,
    q,
    series,
    thin,
    view,
)
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, INK, SKY, SOFT
from primum.report.numbers import fixed, known
from primum.report.numbers import threshold as threshold_words
from primum.report.say import say, spoken


def decision_curves(source: Source) -> list[Figure]:
    """Return the decision curves of all models, then of the primary model by group."""
    curves = source.chapter("performance").get("decision_curve", {})
    named = {m: _decided(curves.get(m)) for m in source.model_names}
    named = {m: rows for m, rows in named.items() if rows}
    out = []
    if named:
        alt = say("figure.decision.alt", models=spoken().listed(list(named)))
        alt = " ".join([alt, *(_words(source, m, rows) for m, rows in named.items())])
        out.append(
            Figure(
                "decision-curve-overall",
                say("figure.decision.everyone"),
                alt,
                _overall(source, named),
                [_row("model", m, r) for m, rows in named.items() for r in rows],
                "performance",
                note=say("figure.decision.note", model=next(iter(named))),
            )
        )
    by_group = source.chapter("groups").get("decision_curves", {}).get(source.primary, {})
    for attribute in source.attributes:
        found = {g: _decided(by_group.get(attribute, {}).get(g)) for g in levels(source, attribute)}
        panels, left = panels_of(source, attribute, found)
        if not any(p.rows for p in panels):
            continue
        alt = say("figure.decision.group_alt", attribute=attribute, model=source.primary)
        alt = " ".join([alt, *(_words(source, p.name, p.rows) for p in panels[:6] if p.rows)])
        out.append(
            Figure(
                f"decision-curve-{file_name(attribute)}",
                say("figure.decision.by", attribute=attribute),
                alt,
                _panels(source, panels),
                [_row("group", g, r) for g, rows in found.items() for r in rows],
                note=" ".join(part for part in (say("figure.decision.group_note"), left) if part),
            )
        )
    return out


def _overall(source: Source, named: Mapping[str, Rows]) -> dict[str, Any]:
    first = next(iter(named.values()))
    low, high = _benefit_range(list(named.values()))
    lines = [
        {"m": m, "t": r["t"], "v": r["model"]} for m, rows in named.items() for r in rows if low <= r["model"] <= high
    ]
    names = list(named)
    layers = [
        _ribbon(first, low, high),
        *_treat(first, low, high),
        {
            "data": values(lines),
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {
                "x": axis("t", say("figure.decision.x"), _range(first)),
                "y": axis("v", say("figure.decision.y"), (low, high), percent=False),
                **series(names, "top-right"),
            },
        },
        *_mark(source, first, low, high, words=True),
        *_ends(first, low, high),
    ]
    return whole({"width": 520, "height": 280, "layer": layers})


def _panels(source: Source, panels: list[Panel]) -> dict[str, Any]:
    drawn = [p.rows for p in panels if p.rows]
    low, high = _benefit_range(drawn)
    columns, side = columns_of(len(panels))
    views = []
    for i, panel in enumerate(panels):
        rows, first = panel.rows, i % columns == 0
        lines = [{"t": r["t"], "v": r["model"]} for r in rows if low <= r["model"] <= high]
        layers = [
            _ribbon(rows, low, high),
            *_treat(rows, low, high),
            {
                "data": values(lines),
                "mark": {"type": "line", "strokeWidth": 2, "color": BLUE},
                "encoding": {
                    "x": axis("t", None, _range(drawn[0]), pixels=side),
                    "y": axis(
                        "v",
                        say("figure.decision.y") if first else None,
                        (low, high),
                        percent=False,
                        labels=first,
                        pixels=side,
                    ),
                },
            },
            *_mark(source, rows, low, high),
        ]
        views.append(view(panel, side, layers, ratio=0.8))
    return grid(panels, views, say("figure.decision.x"))


def _ribbon(rows: Rows, low: float, high: float) -> dict[str, Any]:
    data = [
        {"t": r["t"], "lo": min(max(r["low"], low), high), "hi": min(max(r["high"], low), high)}
        for r in rows
        if known(r.get("low")) and known(r.get("high"))
    ]
    return {
        "data": values(data),
        "mark": {"type": "area", "color": SKY, "opacity": 0.28, "line": False},
        "encoding": {"x": q("t"), "y": q("lo"), "y2": {"field": "hi"}},
    }


def _treat(rows: Rows, low: float, high: float) -> list[dict[str, Any]]:
    """Draw treating all, up to where it leaves the picture, and treating none."""
    every = [{"x": r["t"], "y": r["treat_all"]} for r in rows if known(r.get("treat_all"))]
    inside = [p for p in every if low <= p["y"] <= high]
    below = next((p for p in every if p["y"] < low), None)
    if inside and below is not None and below["x"] > inside[-1]["x"]:
        a, share = inside[-1], (inside[-1]["y"] - low) / (inside[-1]["y"] - below["y"])
        inside.append({"x": a["x"] + share * (below["x"] - a["x"]), "y": low})
    start, end = _range(rows)
    if not rows:
        return []
    return [
        line(inside, SOFT, dash=[2, 2], width=1.6),
        line([{"x": start, "y": 0}, {"x": end, "y": 0}], INK, width=1),
    ]


def _ends(rows: Rows, low: float, high: float) -> list[dict[str, Any]]:
    """Name the two lines that are no model, where nothing else is drawn: at the foot and below zero."""
    out = [label([{"x": _range(rows)[1], "y": 0.0, "t": say("figure.decision.none")}], "right", 9, dx=-4)]
    inside = [r for r in rows if known(r.get("treat_all")) and low <= r["treat_all"] <= high]
    if inside and inside[-1]["t"] < 0.8 * _range(rows)[1]:
        out.append(label([{"x": inside[-1]["t"], "y": low, "t": say("figure.decision.all")}], "left", -8, dx=12))
    return out


def _mark(source: Source, rows: Rows, low: float, high: float, *, words: bool = False) -> list[dict[str, Any]]:
    """Mark the decision threshold."""
    at = source.threshold
    if not rows or at is None or not source.probability or not _range(rows)[0] <= at <= _range(rows)[1]:
        return []
    rule = {
        "data": values([{"x": at, "y": low, "z": high}]),
        "mark": {"type": "rule", "color": INK, "strokeWidth": 1.2, "strokeDash": [5, 3]},
        "encoding": {"x": q("x"), "y": q("y"), "y2": {"field": "z"}},
    }
    if not words:
        return [rule]
    return [
        rule,
        label([{"x": at, "y": high, "t": say("figure.decision.threshold", at=at_words(source))}], "left", 6, dx=6),
    ]


def _decided(rows: Any) -> Rows:
    return thin([r for r in rows or [] if known(r.get("t")) and known(r.get("model"))], 60)


def _benefit_range(curves: list[Rows]) -> tuple[float, float]:
    best = max(max(r["model"], r.get("treat_all") or 0.0) for rows in curves for r in rows)
    highs = [r["high"] for rows in curves for r in rows if known(r.get("high"))]
    high = max(0.01, min(max([best, *highs]), best * 1.3)) * 1.05
    return -0.22 * high, high


def _range(rows: Rows) -> tuple[float, float]:
    return (float(rows[0]["t"]), float(rows[-1]["t"])) if rows else (0.0, 1.0)


def _words(source: Source, name: str, rows: Rows) -> str:
    row = nearest(rows, source.threshold)
    if row is None:
        return ""
    told = {"name": name, "at": threshold_words(row["t"]), "benefit": fixed(row["model"], 3)}
    if known(row.get("treat_all")):
        return say("figure.decision.words_all", **told, every=fixed(row["treat_all"], 3))
    return say("figure.decision.words", **told)


def _row(kind: str, name: str, row: dict[str, Any]) -> dict[str, Any]:
    return headed(
        **{kind: name}, threshold=row["t"], net_benefit=row["model"], low=row.get("low"), high=row.get("high"),
        treat_all=row.get("treat_all"),
    )  # fmt: skip
