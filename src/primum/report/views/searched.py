"""Subgroups searched: how many were looked at, what became of them, and which were confirmed."""

from __future__ import annotations

from typing import Any

from primum.report import words
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE, RATES, count, known, of_metric, p_value, rate
from primum.report.source import Audited, chapter
from primum.report.views.joint import COUNTED

SHOWN = 60
MEANINGS = {
    "too few": "too few people to search; nothing is known about them",
    "same people": "the same people as a broader subgroup, so not looked at twice",
    "not selected": "no shortfall stood out in the first half of the people",
    "not confirmed": "a shortfall stood out in the first half, but did not hold in the second",
    "confirmed": "a shortfall stood out in the first half and held in the second",
}
ORDER = ("not confirmed", "not selected", "same people", "too few")


def searches(run: Audited) -> list[dict[str, Any]]:
    """Return the searches of the run."""
    return [dict(s) for s in chapter(run, "groups").get("discovery", [])]


def said(search: dict[str, Any]) -> str:
    """Return in words what was looked for and what came of it."""
    title = words.lower(words.metric_title(search["metric"]))
    if search.get("reason"):
        return f"Subgroups were not searched for {title}: {search['reason']}"
    margin, found = search.get("margin"), len(search["confirmed"])
    size = f"a shortfall of more than {words.margin(search['metric'], margin)}" if margin else f"worse {title}"
    attributes = "1 attribute" if search["depth"] == 1 else f"{search['depth']} attributes"
    who = {0: "None was confirmed", 1: "One was confirmed"}.get(found, f"{count(found)} were confirmed")
    return (
        f"{count(search['searched'])} subgroups of up to {attributes} were looked at with {search['model']}, "
        f"for {size} against everyone outside. They were searched on a random half of the people; those that "
        f"stood out were tested on the other half. {who}."
    )


def outcome(search: dict[str, Any]) -> Grid:
    """Return how many subgroups ended how."""
    lines = [Line(words.capital(s), cells(count(k), MEANINGS.get(s, ""))) for s, k in search["statuses"].items() if k]
    return Grid("What became of the subgroups", ["", "Subgroups", "Meaning"], lines)


def confirmed(search: dict[str, Any]) -> Grid:
    """Return the confirmed subgroups, with numbers from the half that had no part in choosing them."""
    lines = [_confirmed(search["metric"], r) for r in search["confirmed"]]
    heads = [
        "Subgroup",
        COUNTED.get(search["metric"], "Counted"),
        "Inside",
        "Outside",
        "Difference",
        "Adjusted p",
        "Remark",
    ]
    return Grid("Subgroups that were confirmed, in the half that confirmed them", heads, lines)


def _confirmed(metric: str, row: dict[str, Any]) -> Line:
    remarks = [
        f"explained by {row['explained_by']}" if row.get("explained_by") else "",
        f"driven by {row['driven_by']}" if row.get("driven_by") else "",
    ]
    return Line(
        _name(row),
        cells(
            count(row["support"]), _plain(metric, row["value"]), _plain(metric, row["outside"]),
            of_metric(metric, row["difference"], row["low"], row["high"], comparison="difference"),
            p_value(row["p_adjusted"]), "; ".join(filter(None, remarks)) or "stands by itself",
        ),
    )  # fmt: skip


def not_flagged(search: dict[str, Any]) -> Grid:
    """Return subgroups that were looked at and not confirmed, those that came closest first, at most `SHOWN`."""
    rank = {s: i for i, s in enumerate(ORDER)}
    rows = [r for r in search["rows"] if r["status"] in rank]
    rows.sort(key=lambda r: (rank[r["status"]], _p(r), -r["n"]))
    lines: list[Line] = []
    seen = ""
    for r in rows[:SHOWN]:
        if r["status"] != seen:
            seen = r["status"]
            lines.append(Line(words.capital(seen), section=True))
        counted = (r["support_searched"] or 0) + (r["support_confirming"] or 0)
        lines.append(Line(_name(r), cells(count(r["n"]), count(counted), r["why"])))
    left = int(search["searched"]) - len(search["confirmed"]) - min(len(rows), SHOWN)
    listed = "" if len(search["rows"]) >= search["searched"] else f" the first {count(len(search['rows']))} of all"
    more = f"; {count(left)} more are counted above, and{listed} listed in tables/subgroups_searched.csv"
    heads = ["Subgroup", "People", COUNTED.get(search["metric"], "Counted"), "Why"]
    return Grid(f"Looked at and not confirmed{more if left > 0 else ''}", heads, lines)


def _p(row: dict[str, Any]) -> float:
    return float(row["p_searched"]) if known(row.get("p_searched")) else 2.0


def _name(row: dict[str, Any]) -> str:
    parts = zip(row["attribute"].split(" × "), row["group"].split(" · "), strict=False)
    return " · ".join(words.full_name(a, g) for a, g in parts)


def _plain(metric: str, value: Any) -> str:
    if not known(value):
        return NONE
    return rate(value) if metric in RATES else of_metric(metric, value)
