"""Methods and references for a paper: the text that the folder `paper/` holds as DOCX, LaTeX and Markdown."""

from __future__ import annotations

from primum.report.paper import references
from primum.report.paper.manuscript import Cite, Inline, Manuscript, Paragraph, Slot, numbers_of
from primum.report.paper.manuscript import Heading as PaperHeading
from primum.report.paper.methods import METHODS
from primum.report.paper.write import manuscript
from primum.report.say import say
from primum.report.section import Block, Bullets, Heading, Section, Table, Text
from primum.report.source import Audited, estimates


def section(run: Audited) -> Section | None:
    """Return the chapter, or None where no model was measured."""
    if not estimates(run):
        return None
    return Section("paper", say("paper_chapter.title"), blocks(manuscript(run)))


def blocks(paper: Manuscript) -> list[Block]:
    """Return methods, definitions and references as blocks of the report; the results are its other chapters."""
    cited, inside = paper.cited, False
    out: list[Block] = [Text(say("paper_chapter.lead"))]
    for block in paper.blocks:
        if isinstance(block, PaperHeading):
            inside = block.part == METHODS if block.level == 1 else inside
            out += [Heading(block.text)] if inside and block.level > 1 else []
        elif inside:
            said = line(block, cited)
            if block.bullet and isinstance(out[-1], Bullets):
                out[-1] = Bullets([*out[-1].lines, said])
            else:
                out.append(Bullets([said]) if block.bullet else Text(said))
    out += [Table(t.grid, t.caption, short=True) for t in paper.printed if t.name.endswith("measures")]
    works = [f"[{i}] {work}" for i, work in enumerate(references.numbered(cited), start=1)]
    return [*out, Heading(say("paper_chapter.references")), Bullets(works)] if works else out


def line(block: Paragraph, cited: list[str]) -> str:
    """Return a paragraph as one text, citations as numbers."""
    return "".join(_inline(p, cited) for p in block.parts)


def _inline(part: Inline, cited: list[str]) -> str:
    if isinstance(part, Cite):
        return numbers_of(cited, part)
    return part.text if isinstance(part, Slot) else part
