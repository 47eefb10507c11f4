"""Tables of what is missing: who was not measured, whose group is not known, and who is lost when gaps are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, of_metric, percent, points, rate, span
from primum.report.say import say
from primum.report.source import Row
from primum.usecase import OVERALL

WIDE = 100
"""Upper over lower limit from which an odds ratio tells nothing: the gaps go along with those of other features."""


def gaps(c: Row, attribute: str = OVERALL) -> Grid:
    """Return, for each column, who was measured and the outcome of those who were and were not."""
    whole = attribute == OVERALL
    last = "alike" if whole else "more"
    heads = [say(f"missing.gaps.head.{k}") for k in ("column", "share", "measured", "gone", "difference", last)]
    out: list[Line] = []
    for r in c["gaps"]:
        if r["attribute"] != attribute:
            continue
        if not whole and r["variable"] != heading(out):
            out.append(Line(str(r["variable"]), section=True))
        head = str(r["variable"]) if whole else words.group_name(attribute, str(r["group"]))
        out.append(Line(head, [*_measured(r), _against(r, whole=whole)]))
    if whole:
        return Grid(say("missing.gaps.caption"), heads, out)
    return Grid(say("missing.gaps.caption_by", attribute=attribute), heads, out)


def heading(lines: Sequence[Line]) -> str:
    """Return the heading under which the last line stands, "" before the first."""
    return next((line.head for line in reversed(lines) if line.section), "")


def _measured(r: Row) -> list[Cell]:
    """Return the share not measured, the outcome of both, and their difference; 'few' where few people are behind."""
    if r["few"]:
        few, why = Cell(say("missing.few")), Cell(say("missing.few"), str(r["reason"]))
        if r["share"] is None:
            return [why, few, few, few]
        return [Cell(rate(r["share"], r["share_low"], r["share_high"])), few, few, why]
    return [
        Cell(rate(r["share"], r["share_low"], r["share_high"])),
        Cell(rate(r["measured_rate"], r["measured_low"], r["measured_high"]), str(r["reason"])),
        Cell(rate(r["missing_rate"], r["missing_low"], r["missing_high"])),
        Cell(points(r["difference"], r["low"], r["high"])),
    ]


def _against(r: Row, *, whole: bool) -> Cell:
    """Return what the difference is among people alike; of a group, how it differs from that of everybody else."""
    if not whole:
        return Cell(points(r["rest_difference"], r["rest_low"], r["rest_high"]))
    if not known(r["odds_ratio"]):
        return Cell(NONE, str(r.get("odds_reason") or ""))
    if not r["odds_low"] or r["odds_high"] / r["odds_low"] > WIDE:
        return Cell(say("missing.gaps.untold"))
    return Cell(f"{fixed(r['odds_ratio'], 2)} {span(r['odds_low'], r['odds_high'], 2)}")


def predicts(c: Row) -> Grid:
    """Return how well the pattern of gaps alone tells the outcome and membership."""
    out = [
        Line(
            words.full_name(str(r["of"]), str(r["group"])) if r["group"] else say("missing.pattern.outcome"),
            cells(of_metric("auroc", r["auroc"], r["low"], r["high"]), count(r["events"])),
        )
        for r in c.get("predicts", [])
        if known(r["auroc"])
    ]
    heads = ["", say("missing.pattern.head.auroc"), say("missing.pattern.head.people")]
    return Grid(say("missing.pattern.caption"), heads, out)


def membership(c: Row) -> Grid:
    """Return, for each attribute, how many people have no known membership."""
    keys = ("attribute", "missing", "recorded", "unrecorded", "difference")
    heads = [say(f"missing.membership.head.{k}") for k in keys]
    out = []
    for r in c["membership"]:
        if r["few"] or not r["missing"]:
            text = say("missing.few") if r["few"] else say("missing.membership.nobody")
            out.append(Line(words.capital(str(r["attribute"])), cells(text, NONE, NONE, NONE)))
            continue
        out.append(
            Line(
                words.capital(str(r["attribute"])),
                cells(
                    f"{count(r['missing'])} ({percent(r['share'], 1)})",
                    rate(r["measured_rate"], r["measured_low"], r["measured_high"]),
                    rate(r["missing_rate"], r["missing_low"], r["missing_high"]),
                    points(r["difference"], r["low"], r["high"]),
                ),
            )
        )
    return Grid(say("missing.membership.title"), heads, out)


def bounds(c: Row) -> Grid:
    """Return what sensitivity and specificity of each group could be."""
    heads = [say(f"missing.bounds.head.{k}") for k in ("group", "known", "range", "outer", "gap")]
    out: list[Line] = []
    for r in c["bounds"]:
        metric = words.metric_title(r["metric"])
        title = words.capital(say("missing.bounds.metric_by", metric=metric, attribute=r["attribute"]))
        if title != heading(out):
            out.append(Line(title, section=True))
        out.append(
            Line(
                words.group_name(r["attribute"], r["group"]),
                cells(
                    percent(r["known"], 1),
                    span(r["low"], r["high"], 1, scale=100) or NONE,
                    span(r["outer_low"], r["outer_high"], 1, scale=100) or NONE,
                    f"{points(r['gap'], places=1)} {span(r['gap_low'], r['gap_high'], 1, scale=100)}".strip(),
                ),
            )
        )
    return Grid(say("missing.bounds.caption"), heads, out)


def complete(c: Row) -> Grid:
    """Return who would be lost among complete cases, by group and outcome."""
    heads = [say(f"missing.complete.head.{k}") for k in ("group", "all", "with", "without", "more")]
    out: list[Line] = []
    keyed: dict[tuple[str, str], dict[str, Any]] = {}
    for r in c["complete"]:
        keyed.setdefault((r["attribute"], r["group"]), {})[r["outcome"]] = r
    last = ""
    for (attribute, group), by in keyed.items():
        if attribute not in {last, OVERALL}:
            out.append(Line(words.capital(attribute), section=True))
        last = attribute
        shares = [
            Cell(say("missing.few")) if by[k]["few"] else Cell(rate(by[k]["share"], by[k]["low"], by[k]["high"]))
            for k in ("all", "with", "without")
        ]
        a = by["all"]
        more = Cell(points(a["difference"], a["difference_low"], a["difference_high"]))
        out.append(Line(words.group_name(attribute, group), [*shares, more]))
    return Grid(_weighted(c.get("weights")), heads, out)


def _weighted(w: Row | None) -> str:
    if not w:
        return say("missing.complete.caption")
    return say(
        "missing.complete.caption_weighted",
        people=count(w["people"]),
        effective=count(w["effective"]),
        largest=fixed(w["largest"], 1),
    )
