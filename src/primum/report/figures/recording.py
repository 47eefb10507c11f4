"""Heat maps: the gap between two groups for every pair of shares of their cases that may be on record."""

from __future__ import annotations

from typing import Any

from primum.report.figures.figure import Figure, values, whole
from primum.report.figures.rows import Source
from primum.report.figures.style import INK
from primum.report.numbers import fixed, known
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
        {"a": f"{r['c_group']:.1f}", "b": f"{r['c_comparator']:.1f}", "gap": r["gap"], "text": _text(r["gap"])}
        for r in rows
    ]
    most = max((abs(r["gap"]) for r in rows if known(r["gap"])), default=1.0)
    axes: dict[str, Any] = {
        "x": {
            "field": "a",
            "type": "ordinal",
            "title": f"share of cases on record, {group}",
            "axis": {"labelAngle": 0},
        },
        "y": {"field": "b", "type": "ordinal", "sort": "descending", "title": f"share of cases on record, {other}"},
    }
    colour = {
        "field": "gap", "type": "quantitative", "title": f"{group} minus {other}",
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
        f"The gap in {title} by {attribute}, if the record misses cases",
        f"{group} minus {other} in {title} for shares of cases on record from 0.3 to 1 in either group. With complete "
        f"records {fixed(full, 3)}.",
        spec,
        [
            {"Group": group, "Compared with": other, "On record, group": r["c_group"],
             "On record, other": r["c_comparator"], "Gap": r["gap"], "Low": r["low"], "High": r["high"]}
            for r in rows
        ],
        "recording",
        note="Top right: both groups completely recorded. Empty: the record rules this pair out.",
    )  # fmt: skip


def _text(gap: float | None) -> str:
    return fixed(gap, 2) if known(gap) else ""
