"""What was known before the data: the price of each constraint, publications that do not fit, rules and their harm."""

from __future__ import annotations

import math

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, percent, span
from primum.report.section import Block, Bullets, Heading, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import OVERALL

TITLE = "What was known before the data"
LEAD = (
    "Knowledge can protect a small group from noise, or press the majority's pattern on it. So each piece of it is "
    "compared with the same model without it, group by group, on people whom neither had seen."
)
PRICE = (
    "Positive: the group does better with the constraints. Log loss and Brier score use risks, net benefit the "
    "decisions. Each line is judged alone; among many groups a few will be called by chance."
)
LINKED = "Families, repeat visits or weights were not accounted for here: these intervals are too narrow."
CONFLICT = (
    "The data's own estimate against the published one, each as odds ratio for one unit. A group in conflict was born "
    "elsewhere, is measured otherwise, or the publication did not have it. Where none is shown, look at the interval: "
    "a wide one says that this group cannot tell. Groups of an effect share one error of 5 %."
)
RULES = (
    "Expert rules were put on top of the model and judged as a repair is: a rule that selects more people costs false "
    "alarms somewhere, and one that caps a risk may lose cases."
)
MEASURES = {"log loss": 4, "brier": 4, "net benefit": 4}


def section(run: Audited) -> Section | None:
    """Return the chapter of prior knowledge; None where there is none."""
    told = chapter(run, "prior")
    if not any(told.get(k) for k in ("price", "conflict", "rules")):
        return None
    out: list[Block] = [Text(LEAD)]
    if told.get("price"):
        out += [Heading("What the model was held to"), Bullets(list(told["constraints"])), Table(price(told))]
        out += [Text(PRICE, note=True)] + ([Text(LINKED, note=True)] if told.get("linked") else [])
        if told.get("violations"):
            out += [Heading("How often the model without them went against it"), Table(broken(told))]
    if told.get("conflict"):
        said = f"{count(told['complete'])} of {count(told['people'])} people have all the features needed."
        out += [Heading("Published effects"), Text(CONFLICT), Text(said, note=True), Table(conflict(told))]
        out.append(Table(effects(told)))
    if told.get("rules"):
        rules = told["rules"]
        verdict = "The certificate was granted." if rules["granted"] else "The certificate was refused."
        out += [Heading("Expert rules"), Text(RULES), Bullets([r["words"] for r in rules["rules"]]), Text(verdict)]
        out.append(Table(touched(told)))
    return Section("prior", TITLE, out)


def price(told: Row) -> Grid:
    """Return what the constraints change in each group."""
    rows = told["price"]
    heads = ["Group", "People", "Cases", *(f"{words.capital(m)}, change" for m in MEASURES), "Net benefit"]
    out: list[Line] = []
    last = OVERALL
    for attribute, group in dict.fromkeys((r["attribute"], r["group"]) for r in rows):
        own = {r["measure"]: r for r in rows if (r["attribute"], r["group"]) == (attribute, group)}
        if attribute != last:
            last = attribute
            out.append(Line(words.capital(attribute), section=True))
        first = own["log loss"]
        changes = [_change(own.get(m), places) for m, places in MEASURES.items()]
        verdict = str(own["net benefit"]["verdict"]) if "net benefit" in own else NONE
        out.append(
            Line(
                words.group_name(attribute, group),
                [*cells(count(first["n"]), count(first["events"])), *changes, Cell(verdict)],
            )
        )
    return Grid("What the constraints give (+) or cost (−)", heads, out)


def broken(told: Row) -> Grid:
    """Return how often the unconstrained model moves against each direction."""
    heads = ["Direction and group", "People looked at", "Steps against it", "People with any"]
    out: list[Line] = []
    last = ""
    for r in told["violations"]:
        if r["feature"] != last:
            last = r["feature"]
            out.append(Line(f"The risk {r['direction']} with {last}", section=True))
        share = f"{percent(r['share'], 1)} {_percents(r['low'], r['high'])}".strip()
        out.append(Line(words.full_name(r["attribute"], r["group"]), cells(count(r["n"]), share, percent(r["people"]))))
    return Grid("Steps along a grid on which the unconstrained model goes the wrong way", heads, out)


def conflict(told: Row) -> Grid:
    """Return each published effect against the data's own, for everyone and each group."""
    heads = ["Group", "Cases", "Odds ratio here", "Published", "z", "Verdict"]
    out: list[Line] = []
    last = ""
    for r in told["conflict"]:
        if r["feature"] != last:
            last = r["feature"]
            out.append(Line(words.capital(last), section=True))
        here = _ratio(r["value"], r["low"], r["high"]) if known(r["value"]) else NONE
        there = _ratio(r["prior"], r["prior_low"], r["prior_high"])
        row = [*cells(count(r["events"]), here, there, fixed(r["z"], 2)), Cell(r["verdict"], r["reason"])]
        out.append(Line(words.full_name(r["attribute"], r["group"]), row))
    return Grid("Do the published effects hold here?", heads, out)


def effects(told: Row) -> Grid:
    """Return what each published effect became with these data."""
    heads = ["Effect", "Published", "With these data", "Share of the publication", "Source"]
    out = []
    for e in told["effects"]["effects"]:
        numbers = [_around(e["prior"], e["prior_sd"]), _around(e["posterior"], e["posterior_sd"])]
        out.append(Line(e["feature"], cells(*numbers, percent(e["share_of_prior"]), e["source"] or NONE)))
    return Grid("Published effects, and what they are once these data are added", heads, out)


def touched(told: Row) -> Grid:
    """Return whom each rule touched."""
    heads = ["Rule and group", "People", "It holds for", "Cases among them", "Cannot be told", "Selected in addition",
             "No longer selected"]  # fmt: skip
    keys = ("people", "holds", "cases", "unknown", "selected_in_addition", "no_longer_selected")
    out: list[Line] = []
    last = ""
    for r in told["rules"]["touched"]:
        if r["rule"] != last:
            last = r["rule"]
            out.append(Line(words.capital(last), section=True))
        out.append(Line(words.group_name("", r["group"]), cells(*(count(r.get(k)) for k in keys))))
    return Grid("Whom the expert rules touch", heads, out)


def _change(r: Row | None, places: int) -> Cell:
    if r is None:
        return Cell(NONE)
    sign = "+" if r["value"] > 0 else ""
    return Cell(f"{sign}{fixed(r['value'], places)} {span(r['low'], r['high'], places)}".strip(), str(r["reason"]))


def _ratio(value: float, low: float, high: float) -> str:
    return f"{fixed(math.exp(value), 2)} {span(math.exp(low), math.exp(high), 2)}".strip()


def _around(value: float, sd: float) -> str:
    return _ratio(value, value - 1.959964 * sd, value + 1.959964 * sd)


def _percents(low: float, high: float) -> str:
    return span(low, high, 1, scale=100)
