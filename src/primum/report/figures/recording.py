"""Heat maps: the gap between two groups for every pair of shares of their cases that may be on record."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, headed, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import INK
from primum.report.numbers import fixed, known
from primum.report.say import say
from primum.report.words import lower, metric_title

CHANGING = ("ppv", "fpr", "prevalence", "net_benefit", "specificity")
MOST = 3


def recording(source: Source) -> list[Figure]:
    """Return one heat map for each attribute of two groups and each metric that recording changes, the first few."""
    rows = source.chapter("recording").get("maps", [])
    out = []
    for attribute in dict.fromkeys(r["attribute"] for r in rows):
        for name in [m for m in CHANGING if any(r["metric"] == m for r in rows)][:MOST]:
            mine = [r for r in rows if r["attribute"] == attribute and r["metric"] == name]
            if any(known(r["gap"]) for r in mine):
                out.append(_map(attribute, name, mine))
    return out


def _map(attribute: str, name: str, rows: list[dict[str, Any]]) -> Figure:
    group, other = rows[0]["group"], rows[0]["comparator"]
    shown = [
        {"a": fixed(r["c_group"], 1), "b": fixed(r["c_comparator"], 1), "gap": r["gap"], "text": _text(r["gap"])}
        for r in rows
    ]
    most = max((abs(r["gap"]) for r in rows if known(r["gap"])), default=1.0)
    axes: dict[str, Any] = {
        "x": {
            "field": "a",
            "type": "ordinal",
            "title": say("figure.recording.axis", group=group),
            "axis": {"labelAngle": 0},
        },
        "y": {
            "field": "b",
            "type": "ordinal",
            "sort": "descending",
            "title": say("figure.recording.axis", group=other),
        },
    }
    colour = {
        "field": "gap", "type": "quantitative", "title": say("figure.recording.gap", group=group, other=other),
        "scale": {"domain": [-most, 0, most], "range": ["#e8a071", "#ffffff", "#7fb2d6"],
                  "interpolate": "rgb"},
    }  # fmt: skip
    spec = whole(
        {
            "data": values(shown),
            "width": 400,
            "height": 260,
            "layer": [
                {"mark": {"type": "rect", "stroke": "#e4e4e4"}, "encoding": {**axes, "color": colour}},
                {
                    "mark": {"type": "text", "fontSize": 10, "color": INK},
                    "encoding": {**axes, "text": {"field": "text"}},
                },
            ],
        }
    )
    title = lower(metric_title(name))
    full = next((r["gap"] for r in rows if r["c_group"] == r["c_comparator"] == 1.0), None)
    return Figure(
        f"recording-{name.replace('_', '-')}-{attribute.replace(' ', '-')}".lower(),
        say("figure.recording.title", metric=title, attribute=attribute),
        say("figure.recording.alt", group=group, other=other, metric=title, complete=fixed(full, 3)),
        spec,
        [
            headed(
                group=group, compared_with=other, on_record_group=r["c_group"], on_record_other=r["c_comparator"],
                gap=r["gap"], low=r["low"], high=r["high"],
            )
            for r in rows
        ],
        "recording",
        note=say("figure.recording.note"),
    )  # fmt: skip


def _text(gap: float | None) -> str:
    return fixed(gap, 2) if known(gap) else ""
