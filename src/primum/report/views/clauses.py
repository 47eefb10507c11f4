"""What laws and guidelines ask for, and which evidence this audit supplies for it."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.evidence import Finished, scenario_of
from primum.assure.filled import Filled, ItemState, fill
from primum.assure.listing import KINDS, Kind, Listing, builtin, names
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE
from primum.report.say import say, spoken, told
from primum.report.section import Block, Heading, Section, Table, Text
from primum.report.words import capital

LONGEST = 400  # characters of a draft in a table


def section(run: Finished) -> Section | None:
    """Return the chapter, or None where nobody declared a scenario."""
    if scenario_of(run) is None:
        return None
    out: list[Block] = [Text(say("clauses.lead")), Text(say("clauses.states"))]
    for kind in KINDS:
        listings = [builtin(kind, n) for n in names(kind)]
        filled = [(x, fill(run, x)) for x in listings]
        out += [Heading(say(f"clauses.kind.{kind}.title"), anchor=kind), Table(summary(filled, kind))]
        said: set[str] = set()
        for listing, rows in filled:
            out += _one(listing, rows, said)
    return Section("clauses", spoken()("report.chapter.clauses"), out)


def summary(filled: Sequence[tuple[Listing, Sequence[Filled]]], kind: Kind) -> Grid:
    """Return how many items of each listing are in which state; counts are of items, never a mark."""
    lines = [
        Line(
            x.title,
            cells(
                *[_items(sum(r.state is s for r in rows)) for s in ItemState],
                "" if x.itemised else say("clauses.not_itemised"),
            ),
        )
        for x, rows in filled
    ]
    heads = [say("clauses.head.text"), *(capital(_named(s)) for s in ItemState), say("clauses.head.remark")]
    return Grid(say(f"clauses.kind.{kind}.by_state"), heads, lines)


def _named(state: ItemState) -> str:
    return say(f"clauses.state.{state.name.lower()}")


def _items(n: int) -> str:
    return told("clauses.number", n, items=n) if n else NONE


def items(listing: Listing, rows: Sequence[Filled]) -> Grid:
    """Return the items of one listing."""
    lines = [
        Line(
            r.id,
            cells(
                (f"{r.asks} ({r.refers})" if r.refers else r.asks, r.verified),
                _stands(r),
                ("; ".join(r.evidence) or NONE, say("clauses.draft", text=_short(r.draft)) if r.draft else ""),
                (r.text or r.human or NONE, say("clauses.still", human=r.human) if r.text and r.human else ""),
            ),
        )
        for r in rows
    ]
    heads = [say(f"clauses.head.{k}") for k in ("item", "asks", "state", "evidence", "human")]
    return Grid(f"{listing.title}, {listing.version}", heads, lines)


def _stands(row: Filled) -> tuple[str, str]:
    """Return the state of an item, and why; of one that does not apply the reason belongs to the state."""
    state = _named(row.state)
    return (f"{state} ({row.why})", "") if row.state is ItemState.NOT_APPLICABLE else (state, row.why)


def _short(text: str) -> str:
    """Return the beginning of a draft; the whole is in the CSV."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _one(listing: Listing, rows: Sequence[Filled], before: set[str]) -> list[Block]:
    """Return the items and where they come from; what was told of an earlier listing is not told again."""
    source = say("clauses.source", source=listing.source)
    said = [f"{listing.title}, {listing.version}.", say("clauses.source_above") if source in before else source]
    said += [s for s in (listing.applies_from, listing.note) if s and s not in before]
    before.update((source, listing.applies_from, listing.note))
    folded = say("clauses.folded", listing=listing.title, items=len(rows))
    table = Table(items(listing, rows), folded=folded, short=True)
    return [table, Text(" ".join(said), note=True)]
