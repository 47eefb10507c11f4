"""The people: who was left out at which step, and how much is missing for whom."""

from __future__ import annotations

import math
from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import GRID, INK, SKY, SMALL, SOFT, TEXT, WIDTH, fit, text_width, wrap
from primum.report.numbers import count, counted, known, percent, withheld, withheld_word
from primum.report.say import say
from primum.report.views.labels import labels
from primum.report.words import capital, group_name
from primum.usecase import MISSING, OVERALL

STEP, VARIABLES, LEVELS, CELL = 34, 25, 24, 22
Rows = list[dict[str, Any]]


def flow(source: Source) -> Figure | None:
    """Return the flow of people: a bar a step, and who was removed and why."""
    steps = [s for s in source.chapter("people").get("flow", []) if known(s.get("n"))]
    if not steps:
        return None
    most = max(1, *(s["n"] for s in steps))
    label = math.ceil(min(260, max(text_width(capital(s["step"])) for s in steps) + 14))
    bars = 230
    why_x = bars + 70
    room = WIDTH - label - why_x
    drawn = []
    for i, s in enumerate(steps):
        removed = say("figure.flow.left_out", people=count(s["removed"])) if s.get("removed") else ""
        y = i * STEP + STEP / 2
        drawn.append(
            {
                "y": y,
                "y0": y - 9,
                "y1": y + 9,
                "x0": 0,
                "x1": round(bars * s["n"] / most, 1),
                "step": fit(capital(s["step"]), label - 12),
                "n": count(s["n"]),
                "n_x": round(bars * s["n"] / most, 1) + 6,
                "why": "\n".join(wrap(": ".join(p for p in (removed, str(s.get("why") or "")) if p), room, SMALL, 2)),
            }
        )
    layers = [
        {
            "data": values(drawn),
            "mark": {"type": "rect", "color": SKY, "opacity": 0.75},
            "encoding": {"x": _pixel("x0"), "x2": {"field": "x1"}, "y": _pixel("y0"), "y2": {"field": "y1"}},
        },
        _text(drawn, "step", {"value": -label}, size=TEXT),
        _text(drawn, "n", _pixel("n_x"), size=TEXT, bold=True),
        *[
            _text([d], "why", {"value": why_x}, size=SMALL, colour=SOFT, lift=6 * d["why"].count("\n"))
            for d in drawn
            if d["why"]
        ],
    ]
    first, last = steps[0], steps[-1]
    alt = [say("figure.flow.alt", people=count(first["n"]), step=first["step"], left=count(last["n"]))]
    alt += [_removed(s) for s in steps if s.get("removed")]
    table = [headed(step=s["step"], people=s["n"], left_out=s.get("removed"), why=s.get("why")) for s in steps]
    spec = _bare(bars, len(steps) * STEP, label, WIDTH - label - bars, layers, top=4)
    return Figure("flow", say("figure.flow.title"), " ".join(alt), spec, table, "people")


def _removed(step: dict[str, Any]) -> str:
    told = {"step": capital(step["step"]), "people": counted(step["removed"])}
    if step.get("why"):
        return say("figure.flow.removed_why", **told, why=step["why"])
    return say("figure.flow.removed", **told)


def missingness(source: Source) -> Figure | None:
    """Return the share missing in each variable by group, as a table of shaded cells."""
    plain = {OVERALL, *source.plain_attributes}
    every = [r for r in source.chapter("people").get("missingness", []) if r["attribute"] in plain]
    every = [r for r in every if known(r.get("share")) or withheld(r)]
    rows = [r for r in every if not withheld(r)]
    everyone = {r["variable"]: r["share"] for r in rows if r["attribute"] == OVERALL}
    worst: dict[str, float] = {}
    for r in rows:
        worst[r["variable"]] = max(worst.get(r["variable"], 0.0), r["share"])
    told = [v for v in worst if worst[v] > 0]
    if not told or all(r["attribute"] == OVERALL for r in every):  # a table says as much
        return None
    kept = sorted(told, key=lambda v: -everyone.get(v, worst[v]))[:VARIABLES]
    columns = list(dict.fromkeys((r["attribute"], r["level"]) for r in every))[:LEVELS]
    cells = {(r["variable"], r["attribute"], r["level"]): r for r in every}
    people = source.chapter("people")
    named = {r["variable"]: r["label"] for r in (people.get("table_one") or {}).get("rows", []) if r["label"]}
    named |= labels(people)
    spec = _heat(kept, [capital(named.get(v, v)) for v in kept], columns, cells)
    first = kept[0]
    gaps = [r for r in rows if r["variable"] == first and r["attribute"] != OVERALL]
    alt = [say("figure.missingness.alt", variables=len(kept), groups=len(columns) - 1)]
    if first in everyone:
        most = {"variable": named.get(first, first), "everyone": percent(everyone[first], 1)}
        shares = [r["share"] for r in gaps]
        if shares:
            most |= {"low": percent(min(shares), 1), "high": percent(max(shares), 1)}
        alt.append(say("figure.missingness.most_groups" if shares else "figure.missingness.most", **most))
    table = [
        headed(
            variable=named.get(r["variable"], r["variable"]),
            attribute=r["attribute"],
            group=r["level"],
            people=withheld_word() if r["n"] is None else r["n"],
            **{k: withheld_word() if withheld(r) else r.get(k) for k in ("missing", "share", "low", "high")},
        )
        for r in every
    ]
    left = len(told) - len(kept)
    note = [say("figure.missingness.note")] + ([say("figure.missingness.left", variables=left)] if left else [])
    title = say("figure.missingness.title")
    return Figure("missingness", title, " ".join(alt), spec, table, "people", note=" ".join(note))


def _heat(
    kept: list[str], labels: list[str], columns: list[tuple[str, str]], cells: dict[tuple[str, str, str], Any]
) -> dict[str, Any]:
    label = math.ceil(min(220, max(text_width(v) for v in labels) + 14))
    names = [group_name(a, g) for a, g in columns]
    last = min(150, text_width(names[-1], SMALL)) * 0.72
    gaps = 8 * (len({a for a, _ in columns}) - 1)
    wide = min(46, int((WIDTH - label - gaps - last - 4) / (len(columns) - 0.5)))
    head = int(min(150, max(text_width(n, SMALL) for n in names)) * 0.72) + 16
    most = max((c["share"] for (_, _, g), c in cells.items() if g != MISSING and not withheld(c)), default=1.0) or 1.0
    xs, x = [], 0.0
    for i, (attribute, _) in enumerate(columns):
        x += 8 if i and attribute != columns[i - 1][0] else 0
        xs.append(x)
        x += wide
    drawn = []
    for i, variable in enumerate(kept):
        for (attribute, level), left in zip(columns, xs, strict=True):
            cell = cells.get((variable, attribute, level))
            share = cell["share"] if cell else None
            drawn.append(
                {
                    "x0": left,
                    "x1": left + wide - 1.5,
                    "xm": left + wide / 2,
                    "y0": i * CELL,
                    "y1": (i + 1) * CELL - 1.5,
                    "y": i * CELL + CELL / 2,
                    "shade": 0.0 if not share else round(0.06 + 0.5 * math.sqrt(min(1.0, share / most)), 3),
                    "t": "" if cell and withheld(cell) else "?" if share is None else _share(share),
                    "w": withheld_word() if cell and withheld(cell) else "",
                }
            )
    layers = [
        {
            "data": values([{"x0": -label, "x1": x, "y": (i + 1) * CELL - 0.75} for i in range(len(kept))]),
            "mark": {"type": "rule", "color": GRID},
            "encoding": {"x": _pixel("x0"), "x2": {"field": "x1"}, "y": _pixel("y")},
        },
        {
            "data": values([{k: d[k] for k in ("x0", "x1", "y0", "y1", "shade")} for d in drawn if d["shade"]]),
            "mark": {"type": "rect", "color": "#0072B2"},
            "encoding": {
                "x": _pixel("x0"),
                "x2": {"field": "x1"},
                "y": _pixel("y0"),
                "y2": {"field": "y1"},
                "opacity": {"field": "shade", "type": "quantitative", "scale": None, "legend": None},
            },
        },
        _text([d for d in drawn if d["t"]], "t", _pixel("xm"), size=SMALL, align="center"),
        _text([d for d in drawn if d["w"]], "w", _pixel("xm"), size=9, align="center", colour=SOFT),
        _text(
            [{"y": i * CELL + CELL / 2, "t": fit(v, label - 12)} for i, v in enumerate(labels)],
            "t",
            {"value": -label},
            size=TEXT,
        ),
        {
            "data": values(
                [{"x": left + wide / 2, "t": fit(n, 150, SMALL)} for left, n in zip(xs, names, strict=True)]
            ),
            "mark": {"type": "text", "align": "left", "angle": -45, "fontSize": SMALL, "color": INK},
            "encoding": {"x": _pixel("x"), "y": {"value": -8}, "text": {"field": "t"}},
        },
    ]
    return _bare(int(x), len(kept) * CELL, label, WIDTH - label - int(x), layers, top=head)


def _share(share: float) -> str:
    if share <= 0:
        return ""
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def _bare(width: int, height: int, left: int, right: int, layers: list[dict[str, Any]], *, top: int) -> dict[str, Any]:
    """Return a specification without axes, its size exact."""
    return whole(
        {
            "width": width,
            "height": height,
            "autosize": {"type": "none"},
            "padding": {"left": left, "right": right, "top": top, "bottom": 6},
            "layer": layers,
        }
    )


def _text(
    rows: Rows,
    field: str,
    x: dict[str, Any],
    *,
    size: int,
    align: str = "left",
    colour: str = INK,
    bold: bool = False,
    lift: int = 0,
) -> dict[str, Any]:
    mark: dict[str, Any] = {
        "type": "text",
        "align": align,
        "fontSize": size,
        "color": colour,
        "lineBreak": "\n",
        "dy": -lift,
    }
    if bold:
        mark["fontWeight"] = "bold"
    return {
        "data": values([{k: v for k, v in r.items() if k in {"y", field, x.get("field")}} for r in rows]),
        "mark": mark,
        "encoding": {"x": x, "y": _pixel("y"), "text": {"field": field}},
    }


def _pixel(field: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}
