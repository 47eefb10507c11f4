"""If places are limited: who gets them, who is found, and the price of finding no group less often."""

from __future__ import annotations

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import WITHHELD, count, counted, fixed, known, percent, rate
from primum.report.section import Block, Section, Table, Text
from primum.report.source import Audited, Row, chapter, clustered, primary
from primum.report.views.further import NARROW

TITLE = "If places are limited"
EVERYONE = "everyone"
LEAD = (
    "A service that can see only so many people takes those of highest risk. A group's share of the places should be "
    "its share of those who have it. Every place for one person is taken from another, so a group can be found more "
    "often only by more places for all, or by fewer for somebody else."
)
PRICE = (
    "More places so that every group is found as often as everyone together, and nobody loses a place: each group's "
    "own threshold is lowered as far as needed. Read off these people, so small groups look dearer or cheaper than "
    "they are."
)


def section(run: Audited) -> Section | None:
    """Return the chapter, or None where it was not computed."""
    held: list[Row] = [r for r in chapter(run, "groups").get("capacity", []) if r["model"] == primary(run)]
    if not held:
        return None
    out: list[Block] = [Text(f"{LEAD} {NARROW}" if clustered(run) else LEAD)]
    shares = list(dict.fromkeys(r["capacity"] for r in held))
    asked = run.usecase.decision.capacity
    first: float = asked if asked is not None and asked in shares else shares[len(shares) // 2]
    out.append(Table(places(held, first)))
    out += [Table(places(held, s), f"The same for {percent(s)} of people", short=True) for s in shares if s != first]
    out += [Text(PRICE), Table(price(held))]
    return Section("capacity", TITLE, out)


def places(held: list[Row], share: float) -> Grid:
    """Return who gets the places at one capacity, attribute by attribute."""
    heads = [
        "Group", "People", "Of the places", "Of those who have it", "Found, of those who have it",
        "Seen for each case found", "False alarms per 1,000",
    ]  # fmt: skip
    lines: list[Line] = []
    for r in (r for r in held if r["capacity"] == share):
        lines.append(Line(words.capital(r["attribute"]), section=True))
        for g in r["groups"]:
            name = "Everyone" if g["group"] == EVERYONE else words.group_name(r["attribute"], g["group"])
            if g.get("status") == "suppressed":
                lines.append(Line(name, cells(*[WITHHELD] * (len(heads) - 1))))
                continue
            found = Cell(
                rate(g["sensitivity"], g["sensitivity_low"], g["sensitivity_high"]),
                "" if known(g["sensitivity"]) else "nobody has it",
            )
            seen = Cell(fixed(g["nne"], 1), "" if known(g["nne"]) else "no case is found")
            shown = cells(counted(g["n"]), percent(g["slots"], 1), percent(g["due"], 1))
            lines.append(Line(name, [*shown, found, seen, Cell(count(g["false_alarms"]))]))
    tied = max((r["tied"] for r in held if r["capacity"] == share), default=0.0)
    tie = f"; {count(tied)} people share the next score and all wait" if tied else ""
    return Grid(f"Places for {percent(share)} of people{tie}", heads, lines)


def price(held: list[Row]) -> Grid:
    """Return the price of finding every group as often as everyone, at each capacity."""
    heads = ["Places for", "More places per 1,000", "More cases found per 1,000", "With one threshold for all"]
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held):
        lines.append(Line(words.capital(attribute), section=True))
        lines += [
            Line(
                f"{percent(r['capacity'])} of people",
                cells(*(fixed(r["price"][k], 1) for k in ("extra_own", "found_own", "extra_one"))),
            )
            for r in held
            if r["attribute"] == attribute
        ]
    return Grid("The price of finding every group as often", heads, lines)
