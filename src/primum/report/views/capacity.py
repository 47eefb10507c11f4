"""If places are limited: who gets them, who is found, and the price of finding no group less often."""

from __future__ import annotations

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import count, counted, fixed, half_up, known, percent, rate, withheld_word
from primum.report.say import say, spoken, told
from primum.report.section import Block, Section, Table, Text
from primum.report.source import Audited, Row, chapter, clustered, primary
from primum.usecase import OVERALL

EVERYONE = "everyone"


def section(run: Audited) -> Section | None:
    """Return the chapter, or None where it was not computed."""
    held: list[Row] = [r for r in chapter(run, "groups").get("capacity", []) if r["model"] == primary(run)]
    if not held:
        return None
    lead = say("capacity.lead")
    out: list[Block] = [Text(f"{lead} {say('further.narrow')}" if clustered(run) else lead)]
    shares = list(dict.fromkeys(r["capacity"] for r in held))
    asked = run.usecase.decision.capacity
    first: float = asked if asked is not None and asked in shares else shares[len(shares) // 2]
    out.append(Table(places(held, first)))
    out += [
        Table(places(held, s), say("capacity.places.folded", share=percent(s)), short=True)
        for s in shares
        if s != first
    ]
    out += [Text(say("capacity.price_lead")), Table(price(held))]
    return Section("capacity", spoken()("report.chapter.capacity"), out)


def places(held: list[Row], share: float) -> Grid:
    """Return who gets the places at one capacity, attribute by attribute."""
    heads = [
        say("groups.head.group"), say("groups.head.people"), say("capacity.places.slots"),
        say("groups.head.due"), say("groups.head.found"), say("capacity.places.seen"),
        say("capacity.places.alarms"),
    ]  # fmt: skip
    lines: list[Line] = []
    for r in (r for r in held if r["capacity"] == share):
        lines.append(Line(words.capital(r["attribute"]), section=True))
        for g in r["groups"]:
            name = words.group_name(OVERALL if g["group"] == EVERYONE else r["attribute"], g["group"])
            if g.get("status") == "suppressed":
                lines.append(Line(name, cells(*[withheld_word()] * (len(heads) - 1))))
                continue
            found = Cell(
                rate(g["sensitivity"], g["sensitivity_low"], g["sensitivity_high"]),
                "" if known(g["sensitivity"]) else say("further.nobody"),
            )
            seen = Cell(fixed(g["nne"], 1), "" if known(g["nne"]) else say("capacity.places.no_case"))
            shown = cells(counted(g["n"]), percent(g["slots"], 1), percent(g["due"], 1))
            lines.append(Line(name, [*shown, found, seen, Cell(count(g["false_alarms"]))]))
    tied = max((r["tied"] for r in held if r["capacity"] == share), default=0.0)
    caption = (
        told("capacity.places.caption_tied", half_up(tied), share=percent(share), tied=count(tied))
        if tied
        else say("capacity.places.caption", share=percent(share))
    )
    return Grid(caption, heads, lines)


def price(held: list[Row]) -> Grid:
    """Return the price of finding every group as often as everyone, at each capacity."""
    kinds = ("extra_own", "found_own", "extra_one")
    heads = [say(f"capacity.price.{k}") for k in ("places", *kinds)]
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held):
        lines.append(Line(words.capital(attribute), section=True))
        lines += [
            Line(
                say("capacity.price.share", share=percent(r["capacity"])),
                cells(*(fixed(r["price"][k], 1) for k in kinds)),
            )
            for r in held
            if r["attribute"] == attribute
        ]
    return Grid(say("capacity.price.caption"), heads, lines)
