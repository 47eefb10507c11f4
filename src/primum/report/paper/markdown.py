"""The manuscript as Markdown: headings, pipe tables, numbered citations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from primum.report.grid import Grid
from primum.report.paper.manuscript import Cite, Heading, Inline, Manuscript, PaperTable, Slot, numbers_of
from primum.report.paper.references import numbered
from primum.report.say import say

_SPECIAL = re.compile(r"([\\`*_<>|\[\]#])")
_LIST = re.compile(r"^(\d+)([.)] )")


def escape(text: str) -> str:
    """Return a text that Markdown prints as it is."""
    flat = " ".join(text.split("\n"))
    return _LIST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", flat))


def manuscript_md(paper: Manuscript) -> str:
    """Return the whole manuscript."""
    cited = paper.cited
    out = [f"# {escape(paper.title)}", f"*{escape(paper.note)}*"]
    bullet = False
    for block in paper.blocks:
        if isinstance(block, Heading):
            out.append(f"{'#' * (block.level + 1)} {escape(block.text)}")
            bullet = False
        else:
            line = "".join(_inline(p, cited) for p in block.parts)
            if block.bullet and bullet:
                out[-1] += f"\n- {line}"
            else:
                out.append(f"- {line}" if block.bullet else line)
            bullet = block.bullet
    out.append(f"## {say('paper.references')}")
    out.append("\n".join(f"{i}. {escape(work)}" for i, work in enumerate(numbered(cited), start=1)))
    out.append(f"## {say('paper.tables')}")
    out += [table_md(t) for t in paper.printed]
    aside = [f"- {escape(t.caption)}: tables/{t.name}" for t in paper.tables if t.aside]
    if aside:
        out += [say("paper.aside"), "\n".join(aside)]
    return "\n\n".join(out) + "\n"


def table_md(t: PaperTable) -> str:
    """Return one table with its caption and notes."""
    parts = [f"**{escape(t.caption)}**", _grid(t.grid)]
    return "\n\n".join([*parts, *([escape(t.notes)] if t.notes else [])])


def _grid(grid: Grid) -> str:
    heads = [escape(h) or " " for h in grid.columns]
    rows = [_row(heads), _row(["---"] * len(heads))]
    for line in grid.lines:
        if line.section:
            rows.append(_row([f"**{escape(line.head)}**", *[" "] * (len(heads) - 1)]))
        else:
            rows.append(_row([escape(line.head), *(escape(c.text) for c in line.cells)]))
    return "\n".join(rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _inline(part: Inline, cited: Sequence[str]) -> str:
    if isinstance(part, Cite):
        return numbers_of(cited, part)
    if isinstance(part, Slot):
        return f"**{escape(part.text)}**"
    return escape(part)
