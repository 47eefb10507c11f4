"""What the numbers are worth if the record of the outcome is wrong."""

from __future__ import annotations

from primum.finding import Verdict
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, of_metric, percent, rate
from primum.report.say import say, spoken
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter, clustered

MOST = 6
DESIGNS = {"random": "random", "by record": "by_record"}


def section(run: Audited) -> Section | None:
    """Return the chapter, or None where it was not asked for."""
    held = chapter(run, "recording")
    if not held:
        return None
    out: list[Block] = [Text(say("recording.lead")), Table(trust(held))]
    out += [Heading(say("recording.tipping.title")), Text(say("recording.tipping.lead"))]
    out += [Text(_declared(run)), *_signals(held), Table(tipping(held)), Pictures("recording")]
    if held["left_out"]:
        who = ", ".join(f"{words.full_name(r['attribute'], r['group'])} ({r['why']})" for r in held["left_out"])
        out.append(Text(say("recording.left_out", groups=who), note=True))
    if held["rates"]:
        narrow = f"{say('recording.narrow')} {say('recording.not_carried')}"
        out += [Heading(say("recording.truth.title")), Text(_validated(run)), Table(rates(held))]
        out += [Text(narrow, note=True)] if clustered(run) else []
        out += [Table(in_truth(held))] if held["in_truth"] else []
    if held["at_equal_score"]:
        out += [Heading(say("recording.at_equal_score")), Bullets([r["words"] for r in held["at_equal_score"]])]
    return Section("recording", spoken()("report.chapter.recording"), out)


def trust(held: Row) -> Grid:
    """Return which number survives which error of the record."""
    errors = list(dict.fromkeys(r["error"] for r in held["trust"]))
    lines = []
    for name in dict.fromkeys(r["metric"] for r in held["trust"]):
        mine = {r["error"]: r for r in held["trust"] if r["metric"] == name}
        shown = [
            Cell(say(f"recording.effect.{mine[e]['effect']}"), mine[e]["words"]) if e in mine else Cell(NONE)
            for e in errors
        ]
        lines.append(Line(words.metric_title(name), shown))
    heads = [say("recording.trust.number"), *(say(f"recording.trust.error.{e}") for e in errors)]
    return Grid(say("recording.trust.caption"), heads, lines)


def tipping(held: Row) -> Grid:
    """Return the tipping points, the finding nearest to tipping first within each attribute."""
    keys = ("group", "comparator", "number", "change", "worse", "ratio", "declared")
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["tipping"]):
        lines.append(Line(words.capital(attribute), section=True))
        mine = [r for r in held["tipping"] if r["attribute"] == attribute]
        for r in sorted(mine, key=lambda r: -(r["ratio"] or 0.0) if known(r["ratio"]) else 1.0):
            tips = fixed(r["ratio"], 2) if known(r["ratio"]) else say("recording.tipping.never")
            lines.append(
                Line(
                    words.group_name(attribute, r["group"]),
                    cells(
                        words.group_name(attribute, r["comparator"]), words.metric_title(r["metric"]), _change(r),
                        r["worse_recorded"] if known(r["ratio"]) else NONE, tips,
                        say(f"recording.tipping.declared.{r['declared']}"),
                    ),
                )
            )  # fmt: skip
    return Grid(say("recording.tipping.caption"), [say(f"recording.tipping.head.{k}") for k in keys], lines)


def _change(r: Row) -> str:
    if r["change"] == "verdict" and known(r["ratio"]):
        return say("recording.change.verdict_to", to=spoken()(f"report.verdict.{Verdict(r['to']).name.lower()}.name"))
    return say(f"recording.change.{r['change']}")


def within(held: Row) -> list[Row]:
    """Return the findings by a declared margin that would change within the declared shares, nearest first."""
    found = [r for r in held["tipping"] if r["declared"] == "within" and r["change"] == "verdict"]
    return sorted(found, key=lambda r: -r["ratio"])


def _signals(held: Row) -> list[Block]:
    found = within(held)
    if not found:
        return [Text(say("recording.signals.none"))]
    said = [str(r["words"]) for r in found[:MOST]]
    more = [say("recording.signals.more", n=len(found) - MOST)] if len(found) > MOST else []
    return [Text(say("recording.signals.lead")), Bullets([*said, *more])]


def _declared(run: Audited) -> str:
    told = run.usecase.recording
    if told is None or not told.shares:
        return say("recording.declared.none")
    shares = [
        say("recording.declared.share", who=words.full_name(a, g), low=percent(low), high=percent(high))
        for a, groups in told.shares.items()
        for g, (low, high) in groups.items()
    ]
    return say("recording.declared.shares", shares="; ".join(shares), source=told.source)


def _validated(run: Audited) -> str:
    held = chapter(run, "recording")
    design = DESIGNS.get(str(held["design"]), "not_random")
    return say(f"recording.truth.{design}", measurement=held["truth_name"] or say("recording.truth.better"))


def rates(held: Row) -> Grid:
    """Return the error rates of the record, by group."""
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["rates"]):
        lines.append(Line(words.capital(attribute), section=True))
        lines += [
            Line(
                words.group_name(attribute, r["group"]),
                cells(
                    say(f"recording.rates.{r['metric']}"),
                    (rate(r["value"], r["low"], r["high"]), r["reason"]),
                    count(r["n"]),
                ),
            )
            for r in held["rates"]
            if r["attribute"] == attribute
        ]
    heads = [say(f"recording.rates.head.{k}") for k in ("group", "error", "rate", "people")]
    return Grid(say("recording.rates.caption"), heads, lines)


def in_truth(held: Row) -> Grid:
    """Return every number carried to the truth, by group."""
    names = list(dict.fromkeys(r["metric"] for r in held["in_truth"]))
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["in_truth"]):
        lines.append(Line(words.capital(attribute), section=True))
        mine = [r for r in held["in_truth"] if r["attribute"] == attribute]
        for group in dict.fromkeys(r["group"] for r in mine):
            by = {r["metric"]: r for r in mine if r["group"] == group}
            shown = [Cell(of_metric(m, by[m]["value"], by[m]["low"], by[m]["high"]), by[m]["reason"]) for m in names]
            lines.append(Line(words.group_name(attribute, group), shown))
    heads = [say("recording.truth.group"), *map(words.metric_title, names)]
    return Grid(say("recording.truth.caption"), heads, lines)
