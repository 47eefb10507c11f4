"""Tables and text of a page or a Word document, as a reader sees them and as a parser does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from primum.release.spoken import numeric

ASIDE = frozenset({"style", "w:instrtext"})
BREAKS = frozenset([
    "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer",
    "nav", "main", "figure", "figcaption", "dl", "dt", "dd", "details", "summary", "br", "hr", "tr", "table",
    "caption", "body", "html", "w:p", "title", "blockquote", "pre", "option", "label", "button", "w:br", "w:tr",
    "w:tbl", "thead", "tbody",
])  # fmt: skip
SPOKEN = frozenset({"alt", "title", "aria-label", "aria-description", "content", "placeholder", "value", "summary",
                    "descr", "datetime", "label"})  # fmt: skip
"""Attributes that are read aloud or kept for a reader; so are all that begin with data- or aria-."""
PLACES = frozenset({"aria-level", "aria-colspan", "aria-rowspan", "aria-colindex", "aria-rowindex", "aria-colcount",
                    "aria-rowcount", "aria-posinset", "aria-setsize"})  # fmt: skip
"""Attributes whose number is a place in the page."""
GROUPS = ("group", "Group")
"""Columns and keys that hold the name of a group, which may be a number."""
WHOLE = re.compile(r"^\s*(\d{1,3}(?:[,\u202f\u00a0\u2009]\d{3})+|\d+)(?:\.0+)?\s*$")
_UNFOLDED = re.compile(r"data:[\w/+.-]+;base64,")
"""The beginning of an address that holds a file; it is unfolded with the page."""
_FUNCTION = re.compile(r":[a-z-]+\([^()]*\)")
"""What a style says of the place of an element: :nth-child(15)."""
TABLE, ROW, CELLS = ("table", "w:tbl"), ("tr", "w:tr"), ("td", "th", "w:tc")
LONG = 3


@dataclass(frozen=True)
class Line:
    """One row of numbers with what stands beside them.

    Attributes
    ----------
    file, table
        Where; the table's caption, or the way to an object.
    cells
        (column, text) of each cell, the row's head included.
    section
        The heading above it inside the table.
    """

    file: str
    table: str
    cells: tuple[tuple[str, str], ...]
    section: str = ""

    def get(self, *columns: str) -> str:
        """Return the text of the first of these columns that is there, or ""."""
        return next((t for c in columns for name, t in self.cells if name == c and t), "")


@dataclass(frozen=True)
class Prose:
    """A sentence or more, or an attribute that is read aloud; `row` where it is a cell of a line too."""

    file: str
    where: str
    text: str
    row: bool = False


@dataclass
class _Table:
    caption: str = ""
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    row: list[tuple[str, str]] | None = None
    cell: list[str] | None = None
    tag: str = ""
    head: bool = False


class Page(HTMLParser):
    """Collects the lines and the prose of a page; feed it, then take `lines` and `prose`."""

    def __init__(self, file: str) -> None:
        super().__init__(convert_charrefs=True)
        self.file = file
        self.lines: list[Line] = []
        self.prose: list[Prose] = []
        self._tables: list[_Table] = []
        self._text: list[str] = []
        self._aside: list[str] | None = None
        self._before = ""
        self._given: set[tuple[str, str, str]] = set()
        self._script: list[str] | None = None
        self._caption: list[str] | None = None
        self._heading = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        self._attributes(tag, attrs)
        if tag in ASIDE:
            self._aside = []
        if tag == "script":
            self._script = []
        if tag in BREAKS:
            self._flush(tag)
        if tag in TABLE:
            self._tables.append(_Table())
        elif self._tables:
            self._begin_in_table(tag)

    def _attributes(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Take every attribute as prose; a bare number that is kept for a reader is a cell under the name of it."""
        given = dict(attrs)
        for name, written in attrs:
            value = unquote(written or "")
            if _UNFOLDED.match(value) or (tag, name, value) in self._given or not numeric(value):
                continue
            self._given.add((tag, name, value))
            if WHOLE.match(value) is None:
                self.prose.append(Prose(self.file, f"{tag} {name}", value))
            elif name not in PLACES and (name in SPOKEN or name.startswith(("data-", "aria-"))):
                column = given.get("name") or given.get("property") or name.removeprefix("data-").removeprefix("aria-")
                self.lines.append(Line(self.file, f"{tag} {name}", ((column, value),)))

    def _begin_in_table(self, tag: str) -> None:
        table = self._tables[-1]
        if tag == "caption":
            self._caption = []
        elif tag in ROW:
            table.row = []
        elif tag in CELLS and table.row is not None:
            table.cell, table.tag = [], tag
        elif table.cell is not None:
            table.cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag in ASIDE and self._aside is not None:
            self.prose.append(Prose(self.file, tag, _FUNCTION.sub(" ", " ".join(self._aside))))
            self._aside = None
        if tag == "script" and self._script is not None:
            self._scripted("".join(self._script))
            self._script = None
        if self._tables:
            self._end_in_table(tag)
        if tag in BREAKS:
            self._flush(tag)

    def _end_in_table(self, tag: str) -> None:
        table = self._tables[-1]
        if tag == "caption" and self._caption is not None:
            table.caption = _plain("".join(self._caption))
            self._caption = None
        elif tag in CELLS and table.cell is not None and table.row is not None:
            table.row.append((table.tag, _plain("".join(table.cell))))
            table.cell = None
        elif tag in ROW and table.row is not None:
            table.rows.append(table.row)
            table.row = None
        elif tag in TABLE:
            self._tables.pop()
            self._tabled(table)
        elif table.cell is not None:
            table.cell.append(" ")

    def handle_data(self, data: str) -> None:
        """Take a piece of text."""
        if self._script is not None:
            self._script.append(data)
        elif self._caption is not None:
            self._caption.append(data)
        elif self._tables and self._tables[-1].cell is not None:
            self._tables[-1].cell.append(data)
        elif self._aside is not None:
            self._aside.append(data)
        else:
            self._text.append(data)

    def handle_comment(self, data: str) -> None:
        """Take a comment: no reader sees it, every attacker does."""
        self._unseen("comment", data)

    def handle_decl(self, decl: str) -> None:
        """Take a declaration."""
        self._unseen("declaration", decl)

    def handle_pi(self, data: str) -> None:
        """Take an instruction to programs."""
        self._unseen("instruction", data)

    def unknown_decl(self, data: str) -> None:
        """Take any other declaration, such as CDATA."""
        self._unseen("declaration", data)

    def _unseen(self, where: str, data: str) -> None:
        self.prose.append(Prose(self.file, where, data))
        if WHOLE.match(data):
            self.lines.append(Line(self.file, where, ((where, data.strip()),)))

    def close(self) -> None:
        """Finish."""
        super().close()
        self.handle_data(self.rawdata)  # what a page leaves open a browser shows, or reads, all the same
        for tag in ("script", "style"):
            self.handle_endtag(tag)
        for tag in ("caption", "td", "tr") if self._tables else ():
            self.handle_endtag(tag)
        self._flush("")
        while self._tables:
            self._tabled(self._tables.pop())

    def _flush(self, tag: str) -> None:
        if self._tables and self._tables[-1].cell is not None:
            return
        text = _plain("".join(self._text))
        self._text = []
        if text:
            if tag in {"h1", "h2", "h3", "h4"}:
                self._heading = text
            self.prose.append(Prose(self.file, "text", text))
            if WHOLE.match(text):  # a number alone belongs to the text before it
                self.lines.append(Line(self.file, self._heading, ((self._before, text),)))
            self._before = text

    def _tabled(self, table: _Table) -> None:
        rows = [r for r in table.rows if r]
        first = rows[0] if rows else []
        headed = bool(first) and (all(g == "th" or not t for g, t in first) or first[0][0] == "w:tc")
        heads = [t for _, t in first] if headed else []
        caption = table.caption or self._heading
        if table.caption:
            self.prose.append(Prose(self.file, "caption", table.caption))
        self.prose += [Prose(self.file, f"head of {caption}", t) for t in heads if numeric(t)]
        self.lines += [Line(self.file, caption, (("head", t),)) for t in heads if WHOLE.match(t)]
        section = ""
        for row in rows[1:] if heads else rows:
            texts = [t for _, t in row]
            if len(row) == 1:
                section = texts[0]
                self.prose.append(Prose(self.file, f"table {caption}", section))
                if WHOLE.match(section):
                    self.lines.append(Line(self.file, caption, ((caption, section),)))
                continue
            columns = heads if len(heads) == len(row) else [f"column {i + 1}" for i in range(len(row))]
            self.lines.append(Line(self.file, caption, tuple(zip(columns, texts, strict=True)), section))

    def _scripted(self, text: str) -> None:
        try:
            content = parsed(text)
        except ValueError:
            self.prose.append(Prose(self.file, "script", text))
            return
        lines, prose = walk(content, self.file, "script")
        self.lines += lines
        self.prose += prose


def parsed(text: str) -> Any:
    """Return the content of some JSON.

    Raises
    ------
    ValueError
        If it is none, or an object has a key twice: of two values most programs would show the second only.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise ValueError("a key stands twice")
        return made

    return json.loads(text, object_pairs_hook=once)


def walk(content: Any, file: str, where: str = "") -> tuple[list[Line], list[Prose]]:
    """Return each object of some JSON as a line with those above it beside it, and its longer texts."""
    found = _Walk(file)
    found.visit(content, where, ())
    return found.lines, found.prose


@dataclass
class _Walk:
    """Collects the lines and the prose of some JSON."""

    file: str
    lines: list[Line] = field(default_factory=list)
    prose: list[Prose] = field(default_factory=list)

    def visit(self, value: Any, path: str, above: tuple[tuple[str, str], ...]) -> None:
        """Take a value, with the labels of the objects that it lies in."""
        if isinstance(value, dict):
            self._object(value, path, above)
        elif isinstance(value, list):
            if value and all(_scalar(x) for x in value):
                texts = tuple((path.rpartition(".")[2], _written(x)) for x in value)
                self.lines.append(Line(self.file, path, (*above, *texts)))
            for x in value:
                if not _scalar(x):
                    self.visit(x, path, above)
        else:
            self.prose.append(Prose(self.file, path, _written(value)))
            self.lines.append(Line(self.file, path, (*above, ("", _written(value)))))

    def _object(self, value: dict[Any, Any], path: str, above: tuple[tuple[str, str], ...]) -> None:
        heads, rows = value.get("columns"), value.get("rows")
        if isinstance(heads, list) and isinstance(rows, list) and _is_table([heads, *rows]):
            self._table(str(value.get("caption") or path), heads, rows)
            value = {k: v for k, v in value.items() if k not in {"columns", "rows"}}
        named = [(str(k), v) for k, v in value.items() if _scalar(v)]
        named += [(str(k), x) for k, v in value.items() if isinstance(v, list) for x in v if _scalar(x)]
        texts = tuple((k, _written(v)) for k, v in named)
        long = [(k, t) for k, t in texts if t.count(" ") >= LONG]
        self.prose += [Prose(self.file, f"{path}.{k}", t, row=True) for k, t in long]
        own = {k for k, _ in texts}
        context = tuple((k, t) for k, t in above if k not in own)
        keys = [k for k in map(str, value) if numeric(k)]
        self.prose += [Prose(self.file, f"{path} key", k) for k in keys if not WHOLE.match(k)]
        self.lines += [Line(self.file, path, (*context, ("field", k))) for k in keys if WHOLE.match(k)]
        if any(numeric(t) for _, t in texts):
            self.lines.append(Line(self.file, path, (*context, *texts)))
        labels = tuple((k, t) for k, t in texts if (k in GROUPS or not _number(t)) and t.count(" ") < 12)
        for k, v in value.items():
            if not _scalar(v) and not (isinstance(v, list) and all(_scalar(x) for x in v)):
                self.visit(v, f"{path}.{k}" if path else str(k), (*context, *labels, ("key", str(k)))[-12:])

    def _table(self, caption: str, heads: list[Any], rows: list[list[Any]]) -> None:
        """Take an object that holds a table as its columns and its rows."""
        self.prose += [Prose(self.file, f"head of {caption}", str(h)) for h in heads if numeric(str(h))]
        self.lines += [Line(self.file, caption, (("head", str(h)),)) for h in heads if WHOLE.match(str(h))]
        for row in rows:
            texts = [_written(x) for x in row]
            self.lines.append(Line(self.file, caption, tuple(zip(map(str, heads), texts, strict=True))))


def _is_table(rows: list[Any]) -> bool:
    """Whether rows are of one length, and of scalars."""
    lists = all(isinstance(r, list) and all(_scalar(x) for x in r) for r in rows)
    return lists and bool(rows[0]) and {len(r) for r in rows} == {len(rows[0])}


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _written(value: Any) -> str:
    return "" if value is None or isinstance(value, bool) else str(value)


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00ad", "").split())
