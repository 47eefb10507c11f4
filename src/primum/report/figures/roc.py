"""ROC curves of the models, with the decision threshold marked on each."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.panels import at_words, axis, line, nearest, q, series, thin
from primum.report.figures.rows import Source
from primum.report.figures.style import FAINT
from primum.report.numbers import known, percent
from primum.report.say import say, spoken
from primum.report.source import decided, threshold
from primum.usecase import OVERALL


def roc(source: Source) -> Figure | None:
    """Return the ROC curves of all models with the decision threshold marked."""
    curves = source.chapter("performance").get("roc", {})
    named = {
        m: [r for r in curves.get(m) or [] if known(r.get("fpr")) and known(r.get("sensitivity"))]
        for m in source.model_names
    }
    named = {m: thin(rows, 120) for m, rows in named.items() if len(rows) > 1}
    if not named:
        return None
    here = {m: _decided(source, m) or nearest(rows, source.threshold) for m, rows in named.items()}
    at = at_words(source)
    alt = [say("figure.roc.alt", models=spoken().listed(list(named)))]
    alt += [
        say("figure.roc.words", model=m, at=at, found=percent(r["sensitivity"]), alarmed=percent(r["fpr"]))
        for m, r in here.items()
        if r is not None
    ]
    lines = [
        {"m": m, "x": r["fpr"], "y": r["sensitivity"], "o": i} for m, rows in named.items() for i, r in enumerate(rows)
    ]
    marks = [{"m": m, "x": r["fpr"], "y": r["sensitivity"]} for m, r in here.items() if r is not None]
    spec = {
        "width": 360,
        "height": 360,
        "layer": [
            line([{"x": 0, "y": 0}, {"x": 1, "y": 1}], FAINT, dash=[4, 3]),
            {
                "data": values(lines),
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {
                    "x": axis("x", say("figure.curve.alarmed"), (0, 1)),
                    "y": axis("y", say("figure.curve.found"), (0, 1)),
                    "order": {"field": "o", "type": "quantitative"},
                    **series(list(named), "bottom-right"),
                },
            },
            {
                "data": values(marks),
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 90,
                    "opacity": 1,
                    "stroke": "white",
                    "strokeWidth": 1,
                },
                "encoding": {"x": q("x"), "y": q("y"), "color": series(list(named), "bottom-right")["color"]},
            },
        ],
    }
    table = [
        headed(model=m, threshold=r.get("t"), alarmed=r["fpr"], found=r["sensitivity"])
        for m, rows in named.items()
        for r in rows
    ]
    note = say("figure.roc.note", at=at) if marks else ""
    return Figure("roc", say("figure.roc.title"), " ".join(alt), whole(spec), table, "performance", note=note)


def _decided(source: Source, model: str) -> dict[str, Any] | None:
    """Return where a model stands at its decision threshold, exactly, from the estimates of everyone."""
    rows = source.chapter("performance").get("estimates", [])
    at = threshold(source.run, model)
    found = (decided(rows, model, m, OVERALL, "everyone", at) for m in ("sensitivity", "fpr"))
    sensitivity, fpr = (r["value"] if r is not None else None for r in found)
    return {"sensitivity": sensitivity, "fpr": fpr} if known(sensitivity) and known(fpr) else None
