"""A manuscript, told once: the same blocks become DOCX, LaTeX and Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from primum.report.grid import Grid
from primum.report.say import say, spoken

MARK = "\x00"
"""Stands around the name of a citation or a slot while a text is put together; no text of a run keeps one."""


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
        return f"[{say('paper.slot', what=self.what)}]"


Inline = str | Cite | Slot


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is a chapter of the paper. `part` names the chapter in every language."""

    text: str
    level: int = 2
    part: str = ""


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
        return say("paper.table.caption", number=self.number, caption=self.grid.caption)


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


def phrase(key: str, **values: object) -> tuple[Inline, ...]:
    """Return a text of the report; citations, slots and parts made of them stand where the text names them.

    Parameters
    ----------
    key
        As in `say`.
    **values
        By placeholder: a `Cite`, a `Slot`, a tuple of parts, or anything that is printed as text.
    """
    inside = {k: v if isinstance(v, tuple) else (v,) for k, v in values.items() if isinstance(v, Cite | Slot | tuple)}
    told = {k: f"{MARK}{k}{MARK}" if k in inside else str(v).replace(MARK, "") for k, v in values.items()}
    pieces = say(key, **told).split(MARK)
    found = [inside[piece] if i % 2 else (piece,) for i, piece in enumerate(pieces)]
    return tuple(part for parts in found for part in parts if part != "")


def sentences(*parts: Inline | tuple[Inline, ...]) -> Paragraph:
    """Return a paragraph of sentences with blanks between them; empty ones are left out."""
    return Paragraph(joined(parts))


def joined(parts: Iterable[Inline | tuple[Inline, ...]], between: str = " ") -> tuple[Inline, ...]:
    """Return parts one after the other, with something between; empty ones are left out."""
    out: list[Inline] = []
    for part in parts:
        if part not in ("", ()):
            out += [between] if out else []
            out += part if isinstance(part, tuple) else [part]
    return tuple(out)


def bullets(lines: Iterable[str | Sequence[Inline]]) -> list[Paragraph]:
    """Return the items of a list."""
    return [Paragraph((line,) if isinstance(line, str) else tuple(line), bullet=True) for line in lines]


def cite(*keys: str) -> Cite:
    """Return a citation."""
    return Cite(keys)


def written(given: str, what: str) -> Inline:
    """Return a text that a person gave, in quotation marks, or the slot for it."""
    said = given.strip().rstrip(".")
    return Slot(what) if said in {"", "not stated"} else spoken()("common.quoted", text=said)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: 'a', 'a and b', 'a, b and c'; semicolons where a name has a comma."""
    if len(names) < 2:
        return "".join(names)
    comma = "; " if any("," in n for n in names) else ", "
    return spoken()("common.and", first=comma.join(names[:-1]), last=names[-1])


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
