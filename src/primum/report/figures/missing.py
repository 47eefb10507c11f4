"""The figures of what is missing: the outcome of the measured and the unmeasured, and what a missing input costs."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import BLUE, FAINT, INK, RED, SOFT, fit_label
from primum.report.numbers import known, percent
from primum.report.words import group_name, metric_title
from primum.usecase import OVERALL

PER, COLUMNS, STEP, MOST = 1000, 3, 17, 6
MEASURED, NOT = "measured", "not measured"


def missing(source: Source) -> list[Figure]:
    """Return the figures of the chapter; none without it."""
    chapter = source.chapter("missing")
    if not chapter:
        return []
    return [f for f in (_outcomes(source, chapter), _inputs(chapter)) if f is not None]


def _outcomes(source: Source, chapter: dict[str, Any]) -> Figure | None:
    own = [r for r in chapter["gaps"] if r["attribute"] == OVERALL and known(r["difference"])]
    if not own:
        return None
    rows = [
        {"column": fit_label(str(r["variable"]), 150), "who": who, "value": 100 * r[f"{key}_rate"],
         "low": 100 * r[f"{key}_low"], "high": 100 * r[f"{key}_high"]}
        for r in own
        for who, key in ((MEASURED, "measured"), (NOT, "missing"))
    ]  # fmt: skip
    y = {"field": "column", "type": "nominal", "sort": list(dict.fromkeys(r["column"] for r in rows)), "title": None}
    offset = {"yOffset": {"field": "who", "sort": [MEASURED, NOT]}}
    colour = {
        "field": "who", "type": "nominal", "scale": {"domain": [MEASURED, NOT], "range": [BLUE, RED]},
        "legend": {"title": None, "orient": "top"},
    }  # fmt: skip
    x = {"field": "value", "type": "quantitative", "title": f"% with {source.outcome}", "scale": {"zero": False}}
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
                        "shape": {**colour, "scale": {"domain": [MEASURED, NOT], "range": ["circle", "diamond"]}},
                    },
                },
            ],
        }
    )  # fmt: skip
    apart = [r for r in own if r["low"] > 0 or r["high"] < 0]
    first = max(own, key=lambda r: abs(r["difference"]))
    return Figure(
        "missing-outcome",
        "The outcome of those who were measured, and of those who were not",
        f"Share with {source.outcome} among measured and unmeasured people for {len(own)} columns; the intervals of "
        f"the difference exclude 0 for {len(apart)}. Largest for {first['variable']}: "
        f"{percent(first['missing_rate'])} of the unmeasured, {percent(first['measured_rate'])} of the measured.",
        spec,
        [
            {"Column": r["variable"], "Not measured": r["missing"], "Outcome, measured": r["measured_rate"],
             "Outcome, not measured": r["missing_rate"], "Difference": r["difference"], "Low": r["low"],
             "High": r["high"]}
            for r in own
        ],
        "missing",
        note="Where the two lie apart, a gap is a signal. Columns with few people in a cell are left out.",
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
    shown = [
        {"loss": r["loss"], "group": fit_label(group_name(r["attribute"], r["group"]), 150), "value": PER * r["value"],
         "low": PER * r["low"], "high": PER * r["high"],
         "shown": "loss shown" if r["high"] < 0 else "gain shown" if r["low"] > 0 else "not told from chance"}
        for n in kept
        for r in rows
        if r["loss"] == n
    ]  # fmt: skip
    kinds = ["loss shown", "gain shown", "not told from chance"]
    y = {"field": "group", "type": "nominal", "sort": list(dict.fromkeys(r["group"] for r in shown)), "title": None}
    x = {"field": "value", "type": "quantitative", "title": f"change in {metric_title(metric).lower()}, per 1,000"}
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
    more = f" {len(names) - len(kept)} inputs with smaller changes are in the table." if len(names) > len(kept) else ""
    return Figure(
        "missing-inputs",
        "What each group loses when an input is missing",
        f"Change in {metric_title(metric).lower()} per 1,000 by group without each of {len(kept)} inputs. The largest "
        f"loss is {first['value']:.1f}, without {first['loss']}, for {first['group']}.",
        spec,
        [
            {"Without": r["loss"], "Attribute": r["attribute"], "Group": r["group"],
             "Change per 1,000": PER * r["value"], "Low": PER * r["low"], "High": PER * r["high"]}
            for r in rows
        ],
        "missing",
        note=f"The input was taken away from everybody at prediction; the model was not trained anew.{more}",
    )  # fmt: skip
