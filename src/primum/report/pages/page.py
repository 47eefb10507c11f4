"""A page beside the report: one file that opens offline, asks for nothing and runs no script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from primum.report.html import safe, templates
from primum.report.pages.names import CLOSE, OF_USECASE, OPEN, Voice
from primum.report.section import Bullets, Table, Text
from primum.report.source import Audited, primary

if TYPE_CHECKING:
    from markupsafe import Markup

WIDE = 5
"""Most columns of a table that stands beside its title."""
Block = Text | Bullets | Table
_FOREIGN = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")


@dataclass(frozen=True)
class Item:
    """One topic of a page.

    Attributes
    ----------
    id, title
        Its name in files, and for readers.
    blocks
        What the audit can tell.
    given
        What a person wrote.
    asks
        What a person must still write; "" where nothing is.
    """

    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    given: str = ""
    asks: str = ""

    @property
    def wide(self) -> bool:
        """Whether a table of it needs the whole width of the page."""
        return any(isinstance(b, Table) and len(b.grid.columns) > WIDE for b in self.blocks)


@dataclass(frozen=True)
class Part:
    """A chapter of a page."""

    id: str
    title: str
    items: Sequence[Item]


@dataclass(frozen=True)
class Page:
    """A page: what stands above it, its chapters, and the voice that it speaks in."""

    kind: str
    title: str
    lead: str
    voice: Voice
    stamp: str
    notice: str
    parts: Sequence[Part]


def released(run: Audited) -> bool:
    """Whether the run was made from protected counts, to leave the room; its manifest then has `release`."""
    return bool(run.manifest.get("release"))


def stamp(run: Audited, voice: Voice) -> str:
    """Return which model, which day, which plan and which version of primum."""
    say = voice.say
    when = str(run.manifest.get("created") or run.plan.created)
    return say(
        "common.stamp",
        model=primary(run),
        date=say.day(when),
        plan=str(run.plan.hash)[:12],
        version=str(run.manifest.get("primum", "")),
    )


def notice(run: Audited, voice: Voice) -> str:
    """Return whether the page may leave the room."""
    return voice.say("common.released" if released(run) else "common.inside")


def render(template: str, voice: Voice, *, style: str = "", **content: Any) -> str:
    """Return a page as HTML; `style` is added to the style of all pages.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    """
    environment = templates()
    environment.filters["told"] = marked
    sheet = "\n".join(filter(None, [resource("page.css"), style]))
    return environment.get_template(template).render(
        say=voice.say,
        language=voice.say.code,
        style=safe(sheet),
        policy=policy(sheet),
        **content,
    )


def policy(style: str) -> str:
    """Return the content-security policy: nothing may be fetched, nothing may run, only our own style counts."""
    mark = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{mark}'; base-uri 'none'; form-action 'none'"


def resource(name: str) -> str:
    """Return a text file of this package."""
    return (files("primum.report.pages") / name).read_text(encoding="utf-8")


def marked(text: str) -> Markup:
    """Escape a text; words in the language of the use case are marked as such, numbers keep their intervals."""
    from markupsafe import escape

    escaped = _FOREIGN.sub(rf'<span lang="{OF_USECASE}">\1</span>', str(escape(text)))
    return safe(re.sub(r"([^\s>]*\u00a0)?\[[^\]<]{1,40}\]", r'<span class="nb">\g<0></span>', escaped))


def plain(text: str) -> str:
    """Return a text without the marks of foreign words."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def document(page: Page, run: Audited) -> dict[str, Any]:
    """Return a page as plain data, so that other programs can read it."""
    return {
        "format": f"primum {page.kind.replace('_', ' ')} 1",
        "language": page.voice.say.code,
        "usecase": run.usecase.name,
        "model": primary(run),
        "title": plain(page.title),
        "plan": str(run.plan.hash)[:12],
        "primum": str(run.manifest.get("primum", "")),
        "words": page.voice.say("common.certifies"),
        "released": released(run),
        "parts": [{"id": p.id, "title": p.title, "items": [_item(i) for i in p.items]} for p in page.parts],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "computed": [_block(b) for b in item.blocks],
        "written_by_a_person": plain(item.given) or None,
        "to_be_written": item.asks or None,
    }


def _block(block: Block) -> Mapping[str, Any]:
    if isinstance(block, Text):
        return {"text": plain(block.text)}
    if isinstance(block, Bullets):
        return {"list": [plain(line) for line in block.lines]}
    grid = block.grid
    rows = [
        [plain(line.head), *(plain(" · ".join(filter(None, [c.text, c.note]))) for c in line.cells)]
        for line in grid.lines
    ]
    return {"table": {"caption": plain(grid.caption), "columns": [plain(c) for c in grid.columns], "rows": rows}}
