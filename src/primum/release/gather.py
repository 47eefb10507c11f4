"""Everything that a reader of a release folder sees, and what a curious one finds: rows, prose, pictures, wrappings.

Tables of pages, of CSV, Markdown, LaTeX, text and Word files become lines with their heads; JSON becomes one line an
object, also where a page carries it in a script. All else that can be read is prose: paragraphs, attributes, styles,
comments, keys and heads, text drawn in a PDF, text in pictures' metadata, and whatever base64 and compressed streams
hide. A file of a kind that is not read is told as a problem: what nobody looked at is not cleared.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from primum.disclose.pdf_text import drawn, strings
from primum.disclose.unfold import PNG, Layer, unfold
from primum.errors import PrimumError
from primum.release.read_page import LONG, WHOLE, Line, Page, Prose, parsed, walk
from primum.release.registered import FIELDS, Registered, load
from primum.release.spoken import numeric

PICTURES = (".png",)
REGISTER = "counts.json"
SEALS = "release.json"
_PRINTABLE = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffd]{4,}")
Found = tuple[list[Line], list[Prose]]
_GOES_ON = re.compile(r"^(?:[a-zà-ÿ]|\d(?!\d*[.)]\s))")
"""How a line begins that goes on with the sentence before it."""
_BARE_ROW = re.compile(r"^[^\s,;]+(?:[,;][^\s,;]+)+$")
_COMMANDS = re.compile(r"\\(?:label|ref|cite\w*|begin|end|usepackage|documentclass)(?:\[[^\]]*\])?\{([^}]*)\}")
_SIGNS = {
    "\\textless": "<", "\\textgreater": ">", "\\geq": "≥", "\\ge": "≥", "\\leq": "≤", "\\le": "≤", "\\times": "×",
    "\\cdot": "·", "\\textperiodcentered": "·", "\\textendash": "–", "--": "–",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Seen:
    """What a reader sees.

    Attributes
    ----------
    folder, registered
        The release, and its registered counts.
    lines, prose
        Rows of tables and objects, and texts.
    files, pictures
        Names of all files, and of the pictures among them.
    problems
        What could not be read; what cannot be read cannot be cleared.
    """

    folder: Path
    registered: Registered
    lines: tuple[Line, ...]
    prose: tuple[Prose, ...]
    files: tuple[str, ...]
    pictures: tuple[str, ...]
    problems: tuple[str, ...]


def gather(folder: Path | str) -> Seen:
    """Return everything that a reader sees in a release folder, and in the zip beside it.

    Raises
    ------
    PrimumError
        If it is no release folder: no `counts.json`, or one that cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise PrimumError(f"There is no folder '{root}'.", expected="the folder of a release")
    registered = load(root)
    lines: list[Line] = []
    prose: list[Prose] = []
    problems: list[str] = []
    files = sorted(p for p in root.rglob("*") if p.is_file())
    names = tuple(p.relative_to(root).as_posix() for p in files)
    for name, path in zip(names, files, strict=True):
        _take(name, path.read_bytes(), lines, prose, problems)
    for archive in _beside(root):
        for name, data in _members(archive, problems):
            same = root / name
            if not (same.is_file() and same.read_bytes() == data):
                _take(f"{archive.name} > {name}", data, lines, prose, problems)
    pictures = tuple(n for n in names if n.lower().endswith(PICTURES))
    return Seen(root, registered, tuple(lines), tuple(prose), names, pictures, tuple(problems))


def _take(name: str, data: bytes, lines: list[Line], prose: list[Prose], problems: list[str]) -> None:
    """Read one file."""
    if not data:
        return
    prose.append(Prose(name, "file name", re.sub(r"[^\w]|_", " ", name)))
    suffix = Path(name).suffix.lower()
    reader = _register if name.rpartition(" > ")[2] == REGISTER else READERS.get(suffix)
    if reader is not None:
        try:
            found = reader(name, data)
            lines += found[0]
            prose += found[1]
        except (ValueError, KeyError, zipfile.BadZipFile, csv.Error) as error:
            problems.append(f"{name}: it cannot be read ({type(error).__name__})")
    elif suffix not in BY_CONTENT:
        problems.append(f"{name}: it cannot be read; a release holds {', '.join(sorted({*READERS, *BY_CONTENT}))} only")
    elif not data.startswith(BY_CONTENT[suffix]):
        problems.append(f"{name}: it cannot be read; it is no {suffix} inside")
    if suffix == ".pdf":
        for piece in drawn(data):
            if piece.problem:
                problems.append(f"{name}: {piece.problem}")
            else:
                prose.append(Prose(name, "drawn", piece.text))
    prose += _wrapped(name, data, problems)


def _wrapped(name: str, data: bytes, problems: list[str]) -> Iterator[Prose]:
    """Yield text inside encodings and streams of a file, and of a picture's metadata."""
    if data.startswith(b"%PDF"):
        yield from (Prose(name, "string", text) for text in strings(data))
        return
    parts = [(name, data)]
    if name.lower().endswith(".docx") and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            parts = [(f"{name} > {n}", opened.read(n)) for n in opened.namelist() if not _form_only(n)]
    own = READERS.get(Path(name).suffix.lower()) is not None
    for part, content in parts:
        for layer in unfold(content, part):
            if layer.problem:
                problems.append(f"{layer.where}: {layer.problem}")
            if layer.where in {part, f"{part} > without escapes"} and (own or content.startswith(PNG)):
                continue
            yield from _pieces(name, layer)


def _pieces(name: str, layer: Layer) -> Iterator[Prose]:
    """Yield what can be read in the bytes of a layer."""
    for piece in layer.data.split(b"\n"):
        try:
            text = piece.decode("utf-8")
        except UnicodeDecodeError:
            continue
        for run in _PRINTABLE.findall(text):
            if numeric(run):
                yield Prose(name, layer.where.removeprefix(f"{name} > "), run)


def _beside(root: Path) -> list[Path]:
    """Return the zip that was made of a release folder."""
    return sorted(
        p
        for p in root.resolve().parent.glob("*.zip")
        if p.stem.removeprefix("LIGHT").strip("-_ ") == root.resolve().name
    )


def _members(archive: Path, problems: list[str]) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [i.filename for i in opened.infolist() if not i.is_dir()]
            top = {n.split("/")[0] for n in names}
            strip = len(top) == 1 and all("/" in n for n in names)
            for n in names:
                yield (n.partition("/")[2] if strip else n), opened.read(n)
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError) as error:
        problems.append(f"{archive.name}: it cannot be read ({type(error).__name__})")


# readers --------------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    """Return a file's text; anything but plain UTF-8 is refused, because others may read it differently."""
    text = data.decode("utf-8-sig")
    if "\x00" in text:
        raise ValueError("bytes of zero in a text")
    return text


def _page(name: str, data: bytes) -> Found:
    page = Page(name)
    page.feed(_text(data))
    page.close()
    return page.lines, page.prose


def _word(name: str, data: bytes) -> Found:
    lines: list[Line] = []
    prose: list[Prose] = []
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        for part in opened.namelist():
            if not part.endswith((".xml", ".rels", ".png", "/")):
                raise ValueError(f"a part of a kind that is not read: {part}")
            if part.endswith((".xml", ".rels")):
                found = _part(opened.read(part))
                lines += [] if _form_only(part) else [replace(line, file=name) for line in found[0]]
                prose += [replace(text, file=name) for text in found[1]]
    return lines, prose


@lru_cache(maxsize=64)
def _part(data: bytes) -> Found:
    """Read a part of a Word file; how things look is the same in many of them."""
    return _page("", data)


def _form_only(part: str) -> bool:
    """Whether a part of a Word file holds how things look and no text."""
    return any(k in part for k in ("theme", "styles", "ettings", "fontTable", "numbering", "[Content_Types]", "_rels"))


def _rows(name: str, data: bytes) -> Found:
    text = _text(data)
    first = text.partition("\n")[0]
    mark = next((m for m in (",", "\t", ";", "|") if m in first), ",")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
    return _table(name, rows[0], rows[1:]) if rows else ([], [])


def _table(name: str, heads: list[str], rows: list[list[str]]) -> Found:
    """Return a table as lines, and the sentences in it; its heads may hold numbers too."""
    table = Path(name).stem
    lines = [Line(name, table, (("head", h),)) for h in heads if WHOLE.match(h)]
    prose = [Prose(name, "head", h) for h in heads if numeric(h)]
    for row in rows:
        columns = [heads[i] if i < len(heads) else f"column {i + 1}" for i in range(len(row))]
        lines.append(Line(name, table, tuple(zip(columns, row, strict=True))))
        prose += [
            Prose(name, column, text, row=True)
            for column, text in zip(columns, row, strict=True)
            if text.count(" ") >= LONG and numeric(text)
        ]
    return lines, prose


def _json(name: str, data: bytes) -> Found:
    return walk(parsed(_text(data)), name)


def _register(name: str, data: bytes) -> Found:
    """Return the words of the register, and whatever it holds beside its own fields; its counts are attacked apart."""
    content = parsed(_text(data))
    lines, prose = walk(content, name)
    words = [replace(line, cells=tuple(c for c in line.cells if not WHOLE.match(c[1]))) for line in lines]
    more = walk({k: v for k, v in content.items() if k not in FIELDS}, name)
    return [*words, *more[0]], [*prose, *more[1]]


def _plain(name: str, data: bytes) -> Found:
    """Return Markdown, LaTeX and other text: rows of tables apart from prose, and lines that go on joined."""
    lines: list[Line] = []
    prose: list[Prose] = []
    tables: list[list[list[str]]] = []
    commands: list[Prose] = []
    tex, before = name.endswith(".tex"), False
    for raw in _text(data).splitlines():
        text = (_untexed(raw) if tex else raw).strip()
        cells = _split(raw, tex=tex)
        if tex:
            commands += [Prose(name, "command", t) for t in _COMMANDS.findall(raw) if numeric(t)]
        if cells is not None and not set("".join(cells)) <= set("-: |"):
            if not tables or not tables[-1] or len(tables[-1][0]) != len(cells):
                tables.append([])
            tables[-1].append(cells)
        elif cells is None and text and before and _GOES_ON.match(text):
            prose[-1] = Prose(name, "text", f"{prose[-1].text} {text}")
        elif cells is None and text:
            prose.append(Prose(name, "text", text))
        if cells is None and not tex:
            tables.append([])
        before = cells is None and bool(text)
    for table in filter(None, tables):
        found = _table(name, table[0], table[1:])
        lines += found[0]
        prose += found[1]
    return lines, [*prose, *commands]


def _split(text: str, *, tex: bool) -> list[str] | None:
    """Return the cells of a row of a table; None where the text is no row."""
    if tex:
        body = text.strip()
        if not re.search(r"(?<!\\)&", body):
            return None
        body = re.sub(r"\\\\.*$", "", body)
        return [" ".join(_untexed(c).split()) for c in re.split(r"(?<!\\)&", body)]
    body = text.strip()
    if body.startswith("|") and body.count("|") > 2:
        return [c.strip() for c in body.strip("|").split("|")]
    mark = "\t" if "\t" in body else next((m for m in ",;" if m in body and _BARE_ROW.match(body)), "")
    return [c.strip() for c in body.split(mark)] if mark else None


def _untexed(text: str) -> str:
    """Return LaTeX as a reader sees it, near enough: comments stay, commands go."""
    text = re.sub(r"\\(?:label|ref|cite\w*|begin|end|usepackage|documentclass)(?:\[[^\]]*\])?\{[^}]*\}", " ", text)
    for command, sign in _SIGNS.items():
        text = re.sub(rf"{re.escape(command)}(?![a-zA-Z])(?:\{{\}})?", sign, text)
    text = re.sub(r"\\[,;:! ]|~", " ", re.sub(r"\\([%&_#$])", r"\1", text))
    return re.sub(r"[{}$]", "", re.sub(r"\\[a-zA-Z]+\*?(?:\[[^\]]*\])?", " ", text))


READERS: dict[str, Callable[[str, bytes], Found]] = {
    ".html": _page, ".docx": _word, ".csv": _rows, ".json": _json, ".md": _plain, ".tex": _plain, ".txt": _plain,
    ".bib": _plain,
}  # fmt: skip
"""Kind of file → its reader; with `BY_CONTENT` all that a release is laid out in (`bundle.ALLOWED`)."""
BY_CONTENT = {".pdf": b"%PDF", ".png": PNG}
"""Kinds that are read by their streams, and how they begin."""
