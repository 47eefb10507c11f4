"""A section of the report, told once: the same blocks become HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from primum.report.grid import Grid


@dataclass(frozen=True)
class Heading:
    """A heading within the section; `anchor` is its id in the page, or ""."""

    text: str
    anchor: str = ""
    is_: str = "heading"


@dataclass(frozen=True)
class Text:
    """A paragraph; a note is set in small print."""

    text: str
    note: bool = False
    is_: str = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    lines: Sequence[str]
    is_: str = "bullets"


@dataclass(frozen=True)
class Table:
    """A table; with `folded`, HTML shows it behind this line, and `short` leaves it out of the PDF."""

    grid: Grid
    folded: str = ""
    short: bool = False
    is_: str = "table"


@dataclass(frozen=True)
class Pairs:
    """Names with what belongs to them."""

    pairs: Sequence[tuple[str, str]]
    is_: str = "pairs"


@dataclass(frozen=True)
class Pictures:
    """The figures of one chapter name, in order."""

    chapter: str
    is_: str = "pictures"


Block = Heading | Text | Bullets | Table | Pairs | Pictures


@dataclass(frozen=True)
class Section:
    """One chapter of the report: its anchor, its title without number, and its blocks."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)


def numbered(sections: Sequence[Section], first: int) -> Mapping[str, int]:
    """Return anchor → number of the chapter."""
    return {s.anchor: first + i for i, s in enumerate(sections)}
