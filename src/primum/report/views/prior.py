"""What was known before the data: the price of each constraint, publications that do not fit, rules and their harm."""

from __future__ import annotations

import math

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, percent, span
from primum.report.say import say, spoken
from primum.report.section import Block, Bullets, Heading, Section, Table, Text
from primum.report.source import Audited, Row
from primum.report.views.labels import labelled
from primum.usecase import OVERALL

MEASURES = ("log loss", "brier", "net benefit")
PLACES = 4


def section(run: Audited) -> Section | None:
    """Return the chapter of prior knowledge; None where there is none."""
    told = labelled(run, "prior")
    if not any(told.get(k) for k in ("price", "conflict", "rules")):
        return None
    out: list[Block] = [Text(say("prior.lead"))]
    out += _price(told) if told.get("price") else []
    out += _conflict(told) if told.get("conflict") else []
    out += _rules(told) if told.get("rules") else []
    return Section("prior", spoken()("report.chapter.prior"), out)


def _price(told: Row) -> list[Block]:
    out: list[Block] = [Heading(say("prior.price.title")), Bullets(list(told["constraints"])), Table(price(told))]
    out.append(Text(say("prior.price.note"), note=True))
    out += [Text(say("prior.price.linked"), note=True)] if told.get("linked") else []
    return [*out, Heading(say("prior.broken.title")), Table(broken(told))] if told.get("violations") else out


def _conflict(told: Row) -> list[Block]:
    complete = say("prior.conflict.complete", complete=count(told["complete"]), people=count(told["people"]))
    return [
        Heading(say("prior.conflict.title")),
        Text(say("prior.conflict.lead")),
        Text(complete, note=True),
        Table(conflict(told)),
        Table(effects(told)),
    ]


def _rules(told: Row) -> list[Block]:
    rules = told["rules"]
    return [
        Heading(say("prior.rules.title")),
        Text(say("prior.rules.lead")),
        Bullets([r["words"] for r in rules["rules"]]),
        Text(say("prior.rules.granted") if rules["granted"] else say("prior.rules.refused")),
        Table(touched(told)),
    ]


def price(told: Row) -> Grid:
    """Return what the constraints change in each group."""
    rows = told["price"]
    keys = ("group", "people", "cases", *MEASURES, "verdict")
    out: list[Line] = []
    last = OVERALL
    for attribute, group in dict.fromkeys((r["attribute"], r["group"]) for r in rows):
        own = {r["measure"]: r for r in rows if (r["attribute"], r["group"]) == (attribute, group)}
        if attribute != last:
            last = attribute
            out.append(Line(words.capital(attribute), section=True))
        first = own["log loss"]
        changes = [_change(own.get(m)) for m in MEASURES]
        worth = own.get("net benefit")
        verdict = say(f"prior.price.verdict.{worth['verdict']}") if worth else NONE
        out.append(
            Line(
                words.group_name(attribute, group),
                [*cells(count(first["n"]), count(first["events"])), *changes, Cell(verdict)],
            )
        )
    return Grid(say("prior.price.caption"), [say(f"prior.price.head.{k}") for k in keys], out)


def broken(told: Row) -> Grid:
    """Return how often the unconstrained model moves against each direction."""
    heads = [say(f"prior.broken.head.{k}") for k in ("group", "people", "share", "any")]
    out: list[Line] = []
    last = ""
    for r in told["violations"]:
        if r["feature"] != last:
            last = r["feature"]
            out.append(Line(say(f"prior.broken.{r['direction']}", feature=last), section=True))
        share = f"{percent(r['share'], 1)} {_percents(r['low'], r['high'])}".strip()
        out.append(Line(words.full_name(r["attribute"], r["group"]), cells(count(r["n"]), share, percent(r["people"]))))
    return Grid(say("prior.broken.caption"), heads, out)


def conflict(told: Row) -> Grid:
    """Return each published effect against the data's own, for everyone and each group."""
    heads = [say(f"prior.conflict.head.{k}") for k in ("group", "cases", "here", "published", "z", "verdict")]
    out: list[Line] = []
    last = ""
    for r in told["conflict"]:
        if r["feature"] != last:
            last = r["feature"]
            out.append(Line(words.capital(last), section=True))
        here = _ratio(r["value"], r["low"], r["high"]) if known(r["value"]) else NONE
        there = _ratio(r["prior"], r["prior_low"], r["prior_high"])
        row = [
            *cells(count(r["events"]), here, there, fixed(r["z"], 2)),
            Cell(say(f"prior.conflict.verdict.{r['verdict']}"), r["reason"]),
        ]
        out.append(Line(words.full_name(r["attribute"], r["group"]), row))
    return Grid(say("prior.conflict.caption"), heads, out)


def effects(told: Row) -> Grid:
    """Return what each published effect became with these data."""
    heads = [say(f"prior.effects.head.{k}") for k in ("effect", "published", "joined", "share", "source")]
    out = []
    for e in told["effects"]["effects"]:
        numbers = [_around(e["prior"], e["prior_sd"]), _around(e["posterior"], e["posterior_sd"])]
        out.append(Line(e["feature"], cells(*numbers, percent(e["share_of_prior"]), e["source"] or NONE)))
    return Grid(say("prior.effects.caption"), heads, out)


def touched(told: Row) -> Grid:
    """Return whom each rule touched."""
    keys = ("people", "holds", "cases", "unknown", "selected_in_addition", "no_longer_selected")
    out: list[Line] = []
    last = ""
    for r in told["rules"]["touched"]:
        if r["rule"] != last:
            last = r["rule"]
            out.append(Line(words.capital(last), section=True))
        out.append(Line(words.group_name("", r["group"]), cells(*(count(r.get(k)) for k in keys))))
    return Grid(say("prior.rules.caption"), [say(f"prior.rules.head.{k}") for k in ("group", *keys)], out)


def _change(r: Row | None) -> Cell:
    if r is None:
        return Cell(NONE)
    sign = "+" if r["value"] > 0 else ""
    return Cell(f"{sign}{fixed(r['value'], PLACES)} {span(r['low'], r['high'], PLACES)}".strip(), str(r["reason"]))


def _ratio(value: float, low: float, high: float) -> str:
    return f"{fixed(math.exp(value), 2)} {span(math.exp(low), math.exp(high), 2)}".strip()


def _around(value: float, sd: float) -> str:
    return _ratio(value, value - 1.959964 * sd, value + 1.959964 * sd)


def _percents(low: float, high: float) -> str:
    return span(low, high, 1, scale=100)
