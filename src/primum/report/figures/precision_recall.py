"""Precision-recall curves: how many of those selected have it, against how many of those who have it are found."""

from __future__ import annotations

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.panels import axis, line, series, thin
from primum.report.figures.rows import Source
from primum.report.figures.style import FAINT
from primum.report.numbers import known, percent
from primum.report.say import say, spoken


def precision_recall(source: Source) -> Figure | None:
    """Return the curves of all models for everyone; the dashed line is selecting everybody."""
    curves = source.chapter("performance").get("precision_recall", {})
    named = {m: [r for r in curves.get(m) or [] if known(r["ppv"])] for m in source.model_names}
    named = {m: thin(rows, 120) for m, rows in named.items() if len(rows) > 1}
    if not named:
        return None
    prevalence = next(iter(named.values()))[0]["prevalence"]
    points = [
        {"m": m, "x": r["sensitivity"], "y": r["ppv"], "o": i} for m, rows in named.items() for i, r in enumerate(rows)
    ]
    spec = {
        "width": 360,
        "height": 360,
        "layer": [
            line([{"x": 0, "y": prevalence}, {"x": 1, "y": prevalence}], FAINT, dash=[4, 3]),
            {
                "data": values(points),
                "mark": {"type": "line", "strokeWidth": 2, "interpolate": "step-after"},
                "encoding": {
                    "x": axis("x", say("figure.curve.found"), (0, 1)),
                    "y": axis("y", say("figure.curve.rightly"), (0, 1)),
                    "order": {"field": "o", "type": "quantitative"},
                    **series(list(named), "top-right"),
                },
            },
        ],
    }
    alt = say("figure.precision_recall.alt", models=spoken().listed(list(named)), everybody=percent(prevalence))
    table = [
        headed(model=m, threshold=r["t"], found=r["sensitivity"], rightly=r["ppv"])
        for m, rows in named.items()
        for r in rows
    ]
    return Figure(
        "precision-recall",
        say("figure.precision_recall.title"),
        alt,
        whole(spec),
        table,
        "performance",
        note=say("figure.precision_recall.note", everybody=percent(prevalence)),
    )
