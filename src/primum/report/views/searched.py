"""Subgroups searched: how many were looked at, what became of them, and which were confirmed."""

from __future__ import annotations

from typing import Any

from primum.report import words
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE, RATES, count, known, of_metric, p_value, rate
from primum.report.say import say, told
from primum.report.source import Audited, chapter
from primum.report.views.joint import counted_as

SHOWN = 60
ORDER = ("not confirmed", "not selected", "same people", "too few")


def searches(run: Audited) -> list[dict[str, Any]]:
    """Return the searches of the run."""
    return [dict(s) for s in chapter(run, "groups").get("discovery", [])]


def said(search: dict[str, Any]) -> str:
    """Return in words what was looked for and what came of it."""
    title = words.lower(words.metric_title(search["metric"]))
    if search.get("reason"):
        return say("searched.refused", metric=title, reason=search["reason"])
    depth, margin, found = search["depth"], search.get("margin"), len(search["confirmed"])
    about = {"subgroups": count(search["searched"]), "attributes": depth, "model": search["model"]}
    looked = (
        told("searched.margin", depth, margin=words.margin(search["metric"], margin), **about)
        if margin
        else told("searched.worse", depth, metric=title, **about)
    )
    ended = told("searched.found", found, confirmed=count(found)) if found else say("searched.found.none")
    halves = say("searched.halves.margin") if margin else say("searched.halves.worse")
    return f"{looked} {halves} {ended}"


def outcome(search: dict[str, Any]) -> Grid:
    """Return how many subgroups ended how."""
    lines = [
        Line(say(f"searched.status.{s}.name"), cells(count(k), say(f"searched.status.{s}.means")))
        for s, k in search["statuses"].items()
        if k
    ]
    return Grid(say("searched.ended"), ["", say("searched.subgroups"), say("searched.meaning")], lines)


def confirmed(search: dict[str, Any]) -> Grid:
    """Return the confirmed subgroups, with numbers from the half that had no part in choosing them."""
    lines = [_confirmed(search["metric"], r) for r in search["confirmed"]]
    heads = [
        say("searched.subgroup"), counted_as(search["metric"], "any"), say("searched.confirmed.inside"),
        say("searched.confirmed.outside"), say("groups.head.difference"), say("searched.confirmed.p"),
        say("searched.confirmed.remark"),
    ]  # fmt: skip
    return Grid(say("searched.confirmed.caption"), heads, lines)


def _confirmed(metric: str, row: dict[str, Any]) -> Line:
    remarks = [
        say(f"searched.confirmed.{k}", subgroup=row[f"{k}_by"]) for k in ("explained", "driven") if row.get(f"{k}_by")
    ]
    return Line(
        _name(row),
        cells(
            count(row["support"]), _plain(metric, row["value"]), _plain(metric, row["outside"]),
            of_metric(metric, row["difference"], row["low"], row["high"], comparison="difference"),
            p_value(row["p_adjusted"]), "; ".join(remarks) or say("searched.confirmed.itself"),
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
            lines.append(Line(say(f"searched.status.{seen}.name"), section=True))
        counted = (r["support_searched"] or 0) + (r["support_confirming"] or 0)
        lines.append(Line(_name(r), cells(count(r["n"]), count(counted), r["why"])))
    left = int(search["searched"]) - len(search["confirmed"]) - min(len(rows), SHOWN)
    caption = say("searched.others.caption")
    if left > 0 and len(search["rows"]) >= search["searched"]:
        caption = say("searched.others.caption_more", more=count(left))
    elif left > 0:
        caption = say("searched.others.caption_first", more=count(left), listed=count(len(search["rows"])))
    heads = [
        say("searched.subgroup"), say("groups.head.people"), counted_as(search["metric"], "any"),
        say("searched.others.why"),
    ]  # fmt: skip
    return Grid(caption, heads, lines)


def _p(row: dict[str, Any]) -> float:
    return float(row["p_searched"]) if known(row.get("p_searched")) else 2.0


def _name(row: dict[str, Any]) -> str:
    parts = zip(row["attribute"].split(" × "), row["group"].split(" · "), strict=False)
    return " · ".join(words.full_name(a, g) for a, g in parts)


def _plain(metric: str, value: Any) -> str:
    if not known(value):
        return NONE
    return rate(value) if metric in RATES else of_metric(metric, value)
