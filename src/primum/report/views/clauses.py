"""What laws and guidelines ask for, and which evidence this audit supplies for it."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.evidence import Finished, scenario_of
from primum.assure.filled import Filled, ItemState, fill
from primum.assure.listing import KINDS, Kind, Listing, builtin, names
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE
from primum.report.section import Block, Heading, Section, Table, Text

TITLE = "Clauses and checklists"
LEAD = (
    "This chapter says which evidence is supplied for which clause or item, and what a person must still write. It is "
    "not a finding that the model, or anybody, meets a law, guideline or standard. What a text asks for is told in our "
    "own words; where the source of an item was not verified, that is printed next to it."
)
LONGEST = 400  # characters of a draft in a table
STATES = (
    "Computed: all of it is in this report. Drafted: a person must confirm it, and add what no number says. Human text "
    "given: the use case holds it. Missing: nobody wrote or measured it. An item is never ticked because there is some "
    "text. The items stand in the HTML report and in the folder of checklists, one CSV a list, with the drafts in full."
)
HEADS = {"clauses": "Laws and frameworks", "checklists": "Reporting guidelines"}


def section(run: Finished) -> Section | None:
    """Return the chapter, or None where nobody declared a scenario."""
    if scenario_of(run) is None:
        return None
    out: list[Block] = [Text(LEAD), Text(STATES)]
    for kind in KINDS:
        listings = [builtin(kind, n) for n in names(kind)]
        filled = [(x, fill(run, x)) for x in listings]
        out += [Heading(HEADS[kind], anchor=kind), Table(summary(filled, kind))]
        said: set[str] = set()
        for listing, rows in filled:
            out += _one(listing, rows, said)
    return Section("clauses", TITLE, out)


def summary(filled: Sequence[tuple[Listing, Sequence[Filled]]], kind: Kind) -> Grid:
    """Return how many items of each listing are in which state; counts are of items, never a mark."""
    lines = [
        Line(
            x.title,
            cells(*[_items(sum(r.state is s for r in rows)) for s in ItemState], "" if x.itemised else "not itemised"),
        )
        for x, rows in filled
    ]
    heads = ["Text", *(str(s)[:1].upper() + str(s)[1:] for s in ItemState), "Remark"]
    return Grid(f"{HEADS[kind]}: items by state", heads, lines)


def _items(n: int) -> str:
    return f"{n} item{'s' if n != 1 else ''}" if n else NONE


def items(listing: Listing, rows: Sequence[Filled]) -> Grid:
    """Return the items of one listing."""
    lines = [
        Line(
            r.id,
            cells(
                (f"{r.asks} ({r.refers})" if r.refers else r.asks, r.verified),
                (r.said, "" if r.state is ItemState.NOT_APPLICABLE else r.why),
                ("; ".join(r.evidence) or NONE, f"Draft: {_short(r.draft)}" if r.draft else ""),
                r.text or r.human or NONE,
            ),
        )
        for r in rows
    ]
    heads = ["Item", "Asks for (own words)", "State", "Evidence supplied", "Human text, or what is still to write"]
    return Grid(f"{listing.title}, {listing.version}", heads, lines)


def _short(text: str) -> str:
    """Return the beginning of a draft; the whole is in the CSV."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _one(listing: Listing, rows: Sequence[Filled], told: set[str]) -> list[Block]:
    """Return the items and where they come from; what was told of an earlier listing is not told again."""
    source = f"Source: {listing.source}."
    said = [f"{listing.title}, {listing.version}.", "Source as above." if source in told else source]
    said += [s for s in (listing.applies_from, listing.note) if s and s not in told]
    told.update((source, listing.applies_from, listing.note))
    table = Table(items(listing, rows), folded=f"{listing.title}: {len(rows)} items", short=True)
    return [table, Text(" ".join(said), note=True)]
