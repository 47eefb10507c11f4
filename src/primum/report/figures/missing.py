"""The figures of what is missing: the outcome of the measured and the unmeasured, and what a missing input costs."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, INK, RED, SOFT, fit_label
from primum.report.numbers import known, percent
from primum.report.say import say
from primum.report.views.labels import labels, relabelled
from primum.report.words import group_name, lower, metric_title
from primum.usecase import OVERALL

PER, COLUMNS, STEP, MOST = 1000, 3, 17, 6


def missing(source: Source) -> list[Figure]:
    """Return the figures of the chapter; none without it."""
    chapter = relabelled(source.chapter("missing"), labels(source.chapter("people")))
    if not chapter:
        return []
    return [f for f in (_outcomes(source, chapter), _inputs(chapter)) if f is not None]


def _outcomes(source: Source, chapter: dict[str, Any]) -> Figure | None:
    own = [r for r in chapter["gaps"] if r["attribute"] == OVERALL and known(r["difference"])]
    if not own:
        return None
    measured, gone = say("figure.missing.measured"), say("figure.missing.unmeasured")
    rows = [
        {"column": fit_label(str(r["variable"]), 150), "who": who, "value": 100 * r[f"{key}_rate"],
         "low": 100 * r[f"{key}_low"], "high": 100 * r[f"{key}_high"]}
        for r in own
        for who, key in ((measured, "measured"), (gone, "missing"))
    ]  # fmt: skip
    y = {"field": "column", "type": "nominal", "sort": list(dict.fromkeys(r["column"] for r in rows)), "title": None}
    offset = {"yOffset": {"field": "who", "sort": [measured, gone]}}
    colour = {
        "field": "who", "type": "nominal", "scale": {"domain": [measured, gone], "range": [BLUE, RED]},
        "legend": {"title": None, "orient": "top"},
    }  # fmt: skip
    title = say("figure.missing.x", outcome=source.outcome)
    x = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False}}
    spec = whole(
        {
            "data": values(rows),
            "width": 520,
            "height": {"step": 13},
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 1.5},
                    "encoding": {"y": y, **offset, "x": {**x, "field": "low"}, "x2": {"field": "high"},
                                 "color": colour},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
                    "encoding": {
                        "y": y, **offset, "x": x, "color": colour,
                        "shape": {**colour, "scale": {"domain": [measured, gone], "range": ["circle", "diamond"]}},
                    },
                },
            ],
        }
    )  # fmt: skip
    apart = [r for r in own if r["low"] > 0 or r["high"] < 0]
    first = max(own, key=lambda r: abs(r["difference"]))
    return Figure(
        "missing-outcome",
        say("figure.missing.title"),
        say(
            "figure.missing.alt", outcome=source.outcome, columns=len(own), apart=len(apart),
            column=first["variable"], unmeasured=percent(first["missing_rate"]),
            measured=percent(first["measured_rate"]),
        ),
        spec,
        [
            headed(
                column=r["variable"], not_measured=r["missing"], outcome_measured=r["measured_rate"],
                outcome_unmeasured=r["missing_rate"], difference=r["difference"], low=r["low"], high=r["high"],
            )
            for r in own
        ],
        "missing",
        note=say("figure.missing.note"),
    )  # fmt: skip


def _inputs(chapter: dict[str, Any]) -> Figure | None:
    rows = chapter.get("inputs", [])
    metric = "net_benefit" if any(r["metric"] == "net_benefit" for r in rows) else "sensitivity"
    rows = [r for r in rows if r["metric"] == metric and known(r["value"])]
    if not rows:
        return None
    names = list(dict.fromkeys(r["loss"] for r in rows))
    size = {n: max(abs(r["value"]) for r in rows if r["loss"] == n) for n in names}
    kept = sorted(names, key=lambda n: -size[n])[:MOST]
    kinds = loss, gain, chance = [say(f"figure.inputs.{k}") for k in ("loss", "gain", "chance")]
    shown = [
        {"loss": r["loss"], "group": fit_label(group_name(r["attribute"], r["group"]), 150), "value": PER * r["value"],
         "low": PER * r["low"], "high": PER * r["high"],
         "shown": loss if r["high"] < 0 else gain if r["low"] > 0 else chance}
        for n in kept
        for r in rows
        if r["loss"] == n
    ]  # fmt: skip
    y = {"field": "group", "type": "nominal", "sort": list(dict.fromkeys(r["group"] for r in shown)), "title": None}
    title = lower(metric_title(metric))
    x = {"field": "value", "type": "quantitative", "title": say("figure.inputs.x", metric=title)}
    colour = {
        "field": "shown", "type": "nominal", "scale": {"domain": kinds, "range": [RED, BLUE, SOFT]},
        "legend": {"title": None, "orient": "top"},
    }  # fmt: skip
    shape = {**colour, "scale": {"domain": kinds, "range": ["triangle-down", "triangle-up", "circle"]}}
    columns = min(COLUMNS, len(kept))
    spec = whole(
        {
            "data": values(shown),
            "facet": {
                "field": "loss", "type": "nominal", "sort": kept, "title": None,
                "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelColor": INK, "labelAnchor": "start"},
            },
            "columns": columns,
            "spec": {
                "width": 560 // columns - 10,
                "height": {"step": STEP},
                "layer": [
                    {"mark": {"type": "rule", "color": FAINT}, "encoding": {"x": {"datum": 0}}},
                    {
                        "mark": {"type": "rule", "strokeWidth": 1.5},
                        "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": colour},
                    },
                    {
                        "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
                        "encoding": {"y": y, "x": x, "color": colour, "shape": shape},
                    },
                ],
            },
        }
    )  # fmt: skip
    first = min(shown, key=lambda r: r["value"])
    note = [say("figure.inputs.note")]
    if len(names) > len(kept):
        note.append(say("figure.inputs.left", inputs=len(names) - len(kept)))
    return Figure(
        "missing-inputs",
        say("figure.inputs.title"),
        say(
            "figure.inputs.alt", metric=title, inputs=len(kept), loss=f"{first['value']:.1f}", without=first["loss"],
            group=first["group"],
        ),
        spec,
        [
            headed(
                without=r["loss"], attribute=r["attribute"], group=r["group"], change=PER * r["value"],
                low=PER * r["low"], high=PER * r["high"],
            )
            for r in rows
        ],
        "missing",
        note=" ".join(note),
    )  # fmt: skip
