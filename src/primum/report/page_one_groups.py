"""The forest of page one: every group in one row, under the attribute that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from primum.finding import Finding, Verdict
from primum.report import forest, words
from primum.report.numbers import NONE, count, counted, known, of_metric, withheld, withheld_word
from primum.report.say import say, spoken
from primum.report.sections import GROUPS
from primum.report.source import Audited, decided, divisions, estimates, threshold
from primum.usecase import MISSING

MOST_ROWS = 24
Found = dict[tuple[str, str], Finding]


@dataclass(frozen=True)
class Line:
    """One group in the forest of page one."""

    name: str
    cases: str
    found: str
    reason: str
    strip: str
    chip: dict[str, str] | None


@dataclass(frozen=True)
class Division:
    """One way of dividing the people, with its rows."""

    title: str
    lines: list[Line]


def rows(run: Audited, model: str, metric: str, found: Found) -> tuple[list[Division], str]:
    """Return the rows of the forest: every single attribute, or only what is not reassuring when there are too many.

    The second value says how many were left out, or is "".
    """
    plain = [(a, groups) for a, groups, cross in divisions(run) if not cross]
    many = sum(len(g) for _, g in plain) > MOST_ROWS
    out, dropped = [], 0
    for attribute, groups in plain:
        kept = []
        for group in groups:
            finding = found.get((attribute, group))
            if many and finding and finding.verdict is Verdict.NO_HARM:
                dropped += 1
                continue
            kept.append(row(run, model, metric, attribute, group, finding))
        if kept:
            out.append(Division(words.capital(attribute), kept))
    return out, say("page_one.left_out", n=count(dropped), chapter=GROUPS) if dropped else ""


def row(run: Audited, model: str, metric: str, attribute: str, group: str, finding: Finding | None) -> Line:
    """Return one group: its cases, its share, the strip and the verdict."""
    found = decided(estimates(run), model, metric, attribute, group, threshold(run, model))
    chip = words.chip(finding) if finding else None
    name = words.group_name(attribute, group)
    if group == MISSING:
        name = words.capital(spoken()("common.part_not_recorded"))
    if found is None:
        return Line(name, NONE, NONE, say("page_one.not_computed"), forest.strip(None, None, None), chip)
    if withheld(found):
        return Line(name, counted(found["events"]), withheld_word(), "", forest.strip(None, None, None), chip)
    other = None
    if finding and known(finding.estimate.value) and known(found["value"]):
        other = float(found["value"]) - finding.estimate.value
    drawn = forest.strip(
        found["value"],
        found["low"],
        found["high"],
        other=other,
        margin=(finding.margin or 0.0) if finding else 0.0,
        better="lower" if metric in {"fpr", "fnr", "brier"} else "higher",
        kind=chip["kind"] if chip else "gone",
    )
    reason = str(found.get("reason") or "") if not known(found["value"]) else ""
    value = of_metric(metric, found["value"], found["low"], found["high"])
    return Line(name, counted(found["events"]), value, reason, drawn, chip)


def legend(found: Found, split: list[Division]) -> list[dict[str, str]]:
    """Return what the marks mean, of those that are shown."""
    shown = {line.chip["kind"] for d in split for line in d.lines if line.chip}
    return [
        {"shape": shape, "kind": kind, "text": words.named(verdict), "means": words.meaning(verdict)}
        for verdict, (shape, kind) in words.SHAPES.items()
        if kind in shown and any(words.shown(f) is verdict for f in found.values())
    ]
