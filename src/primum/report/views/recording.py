"""What the numbers are worth if the record of the outcome is wrong."""

from __future__ import annotations

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, of_metric, percent, rate
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter, clustered
from primum.report.views.further import NARROW

TITLE = "If the record is wrong"
MOST = 6
LEAD = (
    "The outcome is what somebody wrote down. If cases are recorded less completely in one group, some numbers of this "
    "report survive and some do not. The first table says which, for each way in which a record goes wrong."
)
TIPPING = (
    "How much less completely would one group have to be recorded before a finding changes? A ratio of 0.80 means that "
    "the finding tips when 80 cases are recorded in that group for every 100 recorded of as many in the other. Groups "
    "compared are equally well recorded at 1."
)
NOT_CARRIED = "For the same reason the numbers of this report are not carried to the truth here."
EFFECT = {
    "survives": "can be trusted", "too low": "too low", "too high": "too high", "either way": "wrong either way",
    "pulled to one half": "pulled to one half",
}  # fmt: skip
RATES = {
    "e0": "recorded without having it", "e1": "cases not recorded", "wrongly recorded": "recorded wrongly",
    "missed among unrecorded": "cases among those not recorded",
}  # fmt: skip


def section(run: Audited) -> Section | None:
    """Return the chapter, or None where it was not asked for."""
    held = chapter(run, "recording")
    if not held:
        return None
    out: list[Block] = [Text(LEAD), Table(trust(held))]
    out += [Heading("Before a finding tips"), Text(TIPPING), Text(_declared(run)), *_signals(held)]
    out += [Table(tipping(held)), Pictures("recording")]
    if held["left_out"]:
        who = ", ".join(f"{words.full_name(r['attribute'], r['group'])} ({r['why']})" for r in held["left_out"])
        out.append(Text(f"Not looked at: {who}.", note=True))
    if held["rates"]:
        out += [Heading("Held against the truth"), Text(_validated(run)), Table(rates(held))]
        out += [Text(f"{NARROW} {NOT_CARRIED}", note=True)] if clustered(run) else []
        out += [Table(in_truth(held))] if held["in_truth"] else []
    if held["at_equal_score"]:
        out += [Heading("At the same score"), Bullets([r["words"] for r in held["at_equal_score"]])]
    return Section("recording", TITLE, out)


def trust(held: Row) -> Grid:
    """Return which number survives which error of the record."""
    errors = list(dict.fromkeys(r["error"] for r in held["trust"]))
    lines = []
    for name in dict.fromkeys(r["metric"] for r in held["trust"]):
        mine = {r["error"]: r for r in held["trust"] if r["metric"] == name}
        shown = [Cell(EFFECT[mine[e]["effect"]], mine[e]["words"]) if e in mine else Cell(NONE) for e in errors]
        lines.append(Line(words.metric_title(name), shown))
    return Grid("Which numbers can be trusted", ["Number", *(words.capital(e) for e in errors)], lines)


def tipping(held: Row) -> Grid:
    """Return the tipping points, the finding nearest to tipping first within each attribute."""
    heads = ["Group", "Compared with", "Number", "What changes", "Recorded less completely", "Ratio", "Declared"]
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["tipping"]):
        lines.append(Line(words.capital(attribute), section=True))
        mine = [r for r in held["tipping"] if r["attribute"] == attribute]
        for r in sorted(mine, key=lambda r: -(r["ratio"] or 0.0) if known(r["ratio"]) else 1.0):
            tips = fixed(r["ratio"], 2) if known(r["ratio"]) else "never"
            lines.append(
                Line(
                    words.group_name(attribute, r["group"]),
                    cells(
                        words.group_name(attribute, r["comparator"]), words.metric_title(r["metric"]), _change(r),
                        r["worse_recorded"] if known(r["ratio"]) else NONE, tips, r["declared"],
                    ),
                )
            )  # fmt: skip
    return Grid("How unequal the record must be before a finding tips", heads, lines)


def _change(r: Row) -> str:
    what = {"sign": "the gap turns round", "margin": "the gap crosses the margin", "verdict": "the verdict changes"}
    to = f" to {r['to']}" if r["change"] == "verdict" and known(r["ratio"]) else ""
    return what[r["change"]] + to


def within(held: Row) -> list[Row]:
    """Return the findings by a declared margin that would change within the declared shares, nearest first."""
    found = [r for r in held["tipping"] if r["declared"] == "within" and r["change"] == "verdict"]
    return sorted(found, key=lambda r: -r["ratio"])


def _signals(held: Row) -> list[Block]:
    found = within(held)
    if not found:
        return [Text("No verdict of this report by a declared margin changes within the declared shares.")]
    said = [str(r["words"]) for r in found[:MOST]]
    more = [f"{len(found) - MOST} more: see the table."] if len(found) > MOST else []
    return [Text("These verdicts would change within the declared shares:"), Bullets([*said, *more])]


def _declared(run: Audited) -> str:
    told = run.usecase.recording
    if told is None or not told.shares:
        return (
            "How completely each group is recorded was not declared, so nothing can be said about how likely this is."
        )
    parts = [
        f"{words.full_name(a, g)} {percent(low)} to {percent(high)}"
        for a, groups in told.shares.items()
        for g, (low, high) in groups.items()
    ]
    return f"Declared as possible shares of cases on record: {'; '.join(parts)}. Source: {told.source}."


def _validated(run: Audited) -> str:
    held = chapter(run, "recording")
    design = {"random": "chosen at random", "by record": "chosen by their record"}.get(
        str(held["design"]), "not chosen at random, so these rates may be those of other people"
    )
    return f"Some people also have {held['truth_name'] or 'a better measurement'}; they were {design}."


def rates(held: Row) -> Grid:
    """Return the error rates of the record, by group."""
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["rates"]):
        lines.append(Line(words.capital(attribute), section=True))
        lines += [
            Line(
                words.group_name(attribute, r["group"]),
                cells(RATES[r["metric"]], (rate(r["value"], r["low"], r["high"]), r["reason"]), count(r["n"])),
            )
            for r in held["rates"]
            if r["attribute"] == attribute
        ]
    return Grid("Errors of the record", ["Group", "Error", "Rate", "People behind it"], lines)


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
    return Grid("The numbers against the truth", ["Group", *(words.metric_title(m) for m in names)], lines)
