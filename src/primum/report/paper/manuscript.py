"""A manuscript, told once: the same blocks become DOCX, LaTeX and Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from primum.report.grid import Grid

SLOT = "to be written by the authors: {}"
MISSING_WORD = "withheld"


@dataclass(frozen=True)
class Cite:
    """A citation in the text; `keys` name entries of the reference list."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Slot:
    """What a person must still write; shown in brackets, so that nobody overlooks it."""

    what: str

    @property
    def text(self) -> str:
        """The slot as it is printed."""
        return f"[{SLOT.format(self.what)}]"


Inline = str | Cite | Slot


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is a chapter of the paper."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `bullet` makes it an item of a list."""

    parts: tuple[Inline, ...]
    bullet: bool = False

    @property
    def plain(self) -> str:
        """The text without citations."""
        return "".join(p.text if isinstance(p, Slot) else p for p in self.parts if not isinstance(p, Cite))


Block = Heading | Paragraph


@dataclass(frozen=True)
class PaperTable:
    """A numbered table.

    Attributes
    ----------
    number, name
        "1" or "S2"; the name of its files.
    grid
        Caption, column heads and lines.
    notes
        What stands below it.
    aside
        Whether it is a file of its own only, and not printed in the manuscript.
    """

    number: str
    name: str
    grid: Grid
    notes: str = ""
    aside: bool = False

    @property
    def caption(self) -> str:
        """The caption with its number."""
        return f"Table {self.number}. {self.grid.caption}"


@dataclass(frozen=True)
class Manuscript:
    """Everything that is written: a title, a note to the authors, the text, and the tables."""

    title: str
    note: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    tables: Sequence[PaperTable] = field(default_factory=tuple)

    @property
    def cited(self) -> list[str]:
        """The keys of the references, in the order in which they are first cited."""
        found = [
            key
            for block in self.blocks
            if isinstance(block, Paragraph)
            for part in block.parts
            if isinstance(part, Cite)
            for key in part.keys
        ]
        return list(dict.fromkeys(found))

    @property
    def printed(self) -> list[PaperTable]:
        """The tables that are part of the manuscript."""
        return [t for t in self.tables if not t.aside]


def text(*parts: Inline) -> Paragraph:
    """Return a paragraph; empty texts are left out."""
    return Paragraph(tuple(p for p in parts if p != ""))


def bullets(lines: Iterable[str | Sequence[Inline]]) -> list[Paragraph]:
    """Return the items of a list."""
    return [Paragraph((line,) if isinstance(line, str) else tuple(line), bullet=True) for line in lines]


def cite(*keys: str) -> Cite:
    """Return a citation."""
    return Cite(keys)


def written(given: str, what: str) -> Inline:
    """Return a text that a person gave, in quotation marks, or the slot for it."""
    said = given.strip().rstrip(".")
    return Slot(what) if said in {"", "not stated"} else f"“{said}”"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: 'a', 'a and b', 'a, b and c'; semicolons where a name has a comma."""
    if len(names) < 2:
        return "".join(names)
    comma = "; " if any("," in n for n in names) else ", "
    return f"{comma.join(names[:-1])} and {names[-1]}"


def numbers_of(cited: Sequence[str], part: Cite) -> str:
    """Return the numbers of a citation: '[1]', '[2,5]', '[3-5]'."""
    at = sorted(cited.index(k) + 1 for k in part.keys)
    spans: list[list[int]] = []
    for n in at:
        if spans and n == spans[-1][-1] + 1:
            spans[-1].append(n)
        else:
            spans.append([n])
    said = [",".join(map(str, s)) if len(s) < 3 else f"{s[0]}-{s[-1]}" for s in spans]
    return f"[{','.join(said)}]"
