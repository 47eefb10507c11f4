"""Stigma: who is labelled for nothing, who bears the false alarms, and what a label says about one person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from primum.check import stigma as check
from primum.finding import Finding, Status, Verdict
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, percent, plain, rate, span
from primum.report.say import say, spoken, told
from primum.report.section import Block, Bullets, Heading, Pairs, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.report.views.joint import MOST
from primum.usecase import MISSING, OVERALL

PER = 1000
SAID = 6


def section(run: Audited) -> Section | None:
    """Return the chapter; None where nobody is selected by a threshold, or nothing was counted."""
    held = chapter(run, "stigma") or ({} if run.manifest.get("release") else _measured(run))
    if not held or not held["rows"]:
        return None
    outcome = run.usecase.outcome.name
    verdicts = check.judged(list(run.findings), held["model"])
    out: list[Block] = [Text(check.LEAD.format(outcome=outcome)), *_declared(run)]
    out.append(Text(check.MARGIN if verdicts else check.NO_MARGIN))
    out += [Heading(say("stigma.labelled.title")), Table(labelled(held, verdicts))]
    single = [r for r in held["rows"] if r["attribute"] not in _crossed(run)]
    out += [Heading(say("stigma.borne.title")), Text(check.BURDEN), Table(borne(single))]
    out += [Heading(say("stigma.person.title")), Text(check.INFERENCE)]
    out += [Bullets(said(held["rows"], outcome, verdicts)), Table(inference(single, outcome))]
    heaped = "" if run.manifest.get("release") else check.together(held.get("together"), outcome)
    if heaped:
        out.append(Text(words.capital(heaped), note=True))
    hidden = withheld(run, held)
    if hidden:
        out.append(Text(say("stigma.withheld", groups=", ".join(hidden)), note=True))
    return Section("stigma", say("stigma.title"), out)


def _measured(run: Audited) -> dict[str, Any]:
    if not getattr(run, "tallies", None):
        return {}
    from primum.chapters.stigma import stigma_of

    return stigma_of(run)  # type: ignore[arg-type]


def _declared(run: Audited) -> list[Block]:
    """Return what was declared about a false alarm: what it does, to whom, who notices, how it is put right."""
    decision, scenario = run.usecase.decision, run.usecase.scenario
    pairs = [(say("stigma.alarm.name"), say("stigma.alarm.does", does=decision.false_alarm))]
    label = chapter(run, "proxies").get("told") or {}
    if label:
        pairs += [(say("stigma.alarm.seen"), str(label["visible_to"])), (say("stigma.alarm.costs"), str(label["cost"]))]
    if scenario is not None:
        pairs += [
            (
                say("stigma.alarm.borne", to=e.to),
                say("stigma.alarm.error", what=words.capital(e.what), noticed=e.noticed, undone=e.undone),
            )
            for e in scenario.on_error
            if e.error == "false alarm"
        ]
    out: list[Block] = [Heading(say("stigma.alarm.title")), Pairs(pairs)]
    if scenario is None:
        out.append(Text(say("stigma.alarm.undeclared"), note=True))
    return out


def labelled(held: Row, verdicts: dict[tuple[str, str], list[Finding]]) -> Grid:
    """Return how much of each group is labelled, how much for nothing, and how that differs from everyone else."""
    heads = [say("stigma.head.group"), say("stigma.head.people"), say("stigma.head.labelled")]
    heads += [say("stigma.head.alarmed", per=count(PER)), say("stigma.head.more")]
    heads += [say("stigma.head.margin")] if verdicts else []

    def line(r: Row) -> list[Cell]:
        row = cells(
            count(r["n"]), (_rate(r["labelled"]), r["labelled"]["reason"]), (per(r["alarmed"]), r["alarmed"]["reason"]),
            (more(r["more"]), (r["more"] or {}).get("reason") or ""),
        )  # fmt: skip
        return [*row, _verdict(verdicts.get((r["attribute"], r["group"]), []))] if verdicts else row

    return Grid(say("stigma.labelled.caption", model=held["model"]), heads, by_attribute(held["rows"], line))


def borne(rows: Sequence[Row]) -> Grid:
    """Return each group's share of the false alarms beside its share of the people."""
    heads = [say(f"stigma.head.{k}") for k in ("group", "share_of_people", "share_of_alarms", "times")]
    shown = [r for r in rows if r["attribute"] != OVERALL]

    def line(r: Row) -> list[Cell]:
        times = r["times_its_share"]
        return cells(
            percent(r["share_of_people"]), percent(r["share_of_alarms"]),
            (plain(times["value"], times["low"], times["high"]), times["reason"]),
        )  # fmt: skip

    return Grid(say("stigma.borne.caption"), heads, by_attribute(shown, line))


def inference(rows: Sequence[Row], outcome: str) -> Grid:
    """Return how often a conclusion from the group, or from the label, would be wrong."""
    heads = [say("stigma.head.group"), say("stigma.head.ill", outcome=outcome)]
    heads += [say("stigma.head.wrong_group"), say("stigma.head.wrong_label")]

    def line(r: Row) -> list[Cell]:
        ill = r["prevalence"]
        flipped = {"value": 1 - ill["value"], "low": 1 - ill["high"], "high": 1 - ill["low"]} if _has(ill) else ill
        return cells(
            (_rate(ill), ill["reason"]), (_rate(flipped), ill["reason"]), (_rate(r["wrong"]), r["wrong"]["reason"])
        )

    return Grid(say("stigma.person.caption"), heads, by_attribute(rows, line))


def said(rows: Sequence[Row], outcome: str, verdicts: dict[tuple[str, str], list[Finding]]) -> list[str]:
    """Return what may be concluded about one person: of everyone, and of groups harmed by a declared margin."""
    everyone = next((r for r in rows if r["attribute"] == OVERALL), None)
    if everyone is None:
        return []
    harmed = [r for r in rows if any(f.verdict is Verdict.HARM for f in verdicts.get((r["attribute"], r["group"]), []))]
    return [check.about(everyone, outcome), *(check.about(r, outcome, everyone) for r in harmed[:SAID])]


def withheld(run: Audited, held: Row) -> list[str]:
    """Return the groups whose numbers are suppressed and that are not in the tables."""
    there = {(r["attribute"], r["group"]) for r in held["rows"]}
    hidden = [
        (r["attribute"], r["group"])
        for r in chapter(run, "groups").get("estimates", [])
        if r["status"] == Status.SUPPRESSED and (r["attribute"], r["group"]) not in there
    ]
    return [words.full_name(a, g) for a, g in dict.fromkeys(hidden)]


def by_attribute(rows: Sequence[Row], line: Callable[[Row], list[Cell]]) -> list[Line]:
    """Return a line a group under a heading for each attribute; everyone comes first, without one."""
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in rows):
        mine = [r for r in rows if r["attribute"] == attribute]
        if attribute != OVERALL:
            lines.append(Line(words.capital(attribute), section=True))
        lines += [Line(_name(attribute, r["group"]), line(r)) for r in mine[:MOST]]
        if len(mine) > MOST:
            left = len(mine) - MOST
            lines.append(Line(told("stigma.left", left, groups=count(left)), section=True))
    return lines


def per(row: Row) -> str:
    """Return a share as a number of 1,000 people, with its interval."""
    if not known(row["value"]):
        return NONE
    return f"{count(PER * row['value'])} {span(row['low'], row['high'], scale=PER)}".strip()


def more(row: Row | None) -> str:
    """Return a difference in 1,000 people, signed, with its interval."""
    if row is None or not known(row["value"]):
        return NONE
    number = fixed(PER * row["value"])
    sign = "+" if number not in {"0", "−0"} and row["value"] > 0 else ""
    return f"{sign}{number} {span(row['low'], row['high'], scale=PER)}".strip()


def _rate(row: Row) -> str:
    return rate(row["value"], row["low"], row["high"])


def _has(row: Row) -> bool:
    return all(known(row[k]) for k in ("value", "low", "high"))


def _name(attribute: str, group: str) -> str:
    if group == MISSING:
        return words.capital(spoken()("common.part_not_recorded"))
    return words.group_name(attribute, group)


def _crossed(run: Audited) -> set[str]:
    return {g.title for g in run.usecase.groups if g.intersection}


def _verdict(found: Sequence[Finding]) -> Cell:
    if not found:
        return Cell(NONE)
    said = [
        f"{words.SHAPES[words.shown(f)][0]} {words.verdict(f)} ({words.lower(words.metric_title(f.metric))})"
        for f in found
    ]
    return Cell("; ".join(said), kind=f"chip {words.SHAPES[words.shown(found[0])][1]}" if len(found) == 1 else "")
