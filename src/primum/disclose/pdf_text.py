"""The text that a PDF draws, run by run, each in its own font: what a reader copies from it.

Written for the PDF of primum's own reports (Typst) and others of that kind: fonts with a ToUnicode map, resources of a
page in its own dictionary or one that it names, objects plain or in object streams. A PDF that is encrypted or has
text without such a map gives a problem instead of silence.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_OBJECT = re.compile(rb"(?<!\d)(\d+)\s+\d+\s+obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_REFERENCE = re.compile(rb"(\d+)\s+\d+\s+R")
_FONTS = re.compile(rb"/Font\s*(?:<<(.*?)>>|(\d+)\s+\d+\s+R)", re.DOTALL)
_FONT = re.compile(rb"/([^\s/<>\[\]()]+)\s+(\d+)\s+\d+\s+R")
_TOKEN = re.compile(
    rb"\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>|/[^\s/<>\[\]()]+|\bBT\b|\bET\b|\bTf\b|\bTJ\b|\bTj\b|\bBDC\b|\bEMC\b|\bTm\b"
    rb"|\bTd\b|\bTD\b|\bT\*|\bDo\b|['\"]",
    re.DOTALL,
)
_STRING = re.compile(rb"\((?:\\.|[^\\()])*\)|(?<!<)<[0-9A-Fa-f\s]+>(?!>)", re.DOTALL)
_BFCHAR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]*)>")
_BFRANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]+)>|\[(.*?)\])", re.DOTALL)
Table = tuple[int, dict[int, str]]


@dataclass(frozen=True)
class Drawn:
    """A piece of text of a PDF, or why some could not be read."""

    text: str
    problem: str = ""


def drawn(data: bytes) -> Iterator[Drawn]:
    """Yield every run of text, page by page, and every problem."""
    if re.search(rb"/Encrypt\s", data):
        yield Drawn("", "encrypted")
        return
    objects = _objects(data)
    maps: dict[int, Table | None] = {}
    for body in objects.values():
        if b"/Font" not in body:
            continue
        for inline, number in _FONTS.findall(_dictionary(body)):
            names = inline or _dictionary(objects.get(int(number or 0), b""))
            for _, font in _FONT.findall(names):
                maps.setdefault(int(font), _map(objects, int(font)))
    for number, body in objects.items():
        head = _dictionary(body)
        if b"/Contents" in head or (b"/Form" in head and b"/Subtype" in head):
            fonts = _fonts(objects, head, maps)
            for content in _contents(objects, number, head):
                yield from _runs(content, fonts)


def strings(data: bytes) -> Iterator[str]:
    """Yield the strings outside its pages: titles, bookmarks, alternative texts, metadata."""
    for number, body in _objects(data).items():
        del number
        for found in _STRING.finditer(_dictionary(body)):
            token = found[0]
            raw = _literal(token[1:-1]) if token[:1] == b"(" else _hex(token[1:-1])
            text = (
                raw[2:].decode("utf-16-be", "replace")
                if raw.startswith(b"\xfe\xff")
                else raw.decode("utf-8", "replace")
            )
            if any(c.isalpha() for c in text) or any(c.isdigit() for c in text):
                yield text
        if b"/Metadata" in body:
            yield _inflate(body).decode("utf-8", "replace")


def _objects(data: bytes) -> dict[int, bytes]:
    """Return each object, those in object streams included."""
    found = {int(n): body for n, body in _OBJECT.findall(data)}
    for body in list(found.values()):
        if b"/ObjStm" not in body[:400]:
            continue
        inner, first, count = _inflate(body), _whole(body, b"/First"), _whole(body, b"/N")
        numbers = [int(x) for x in inner[:first].split()[: 2 * count]]
        starts = [*numbers[1::2], len(inner) - first]
        for n, a, b in zip(numbers[::2], starts, starts[1:], strict=False):
            found.setdefault(n, inner[first + a : first + b])
    return found


def _whole(body: bytes, name: bytes) -> int:
    got = re.search(name + rb"\s+(\d+)", body)
    return int(got[1]) if got else 0


def _dictionary(body: bytes) -> bytes:
    """Return an object without its stream."""
    at = body.find(b"stream")
    return body if at < 0 else body[:at]


def _inflate(body: bytes) -> bytes:
    """Return the stream of an object, unpacked."""
    got = _STREAM.search(body)
    if got is None:
        return b""
    try:
        return zlib.decompressobj().decompress(got[1]) if b"FlateDecode" in _dictionary(body) else got[1]
    except zlib.error:
        return b""


def _map(objects: Mapping[int, bytes], font: int) -> Table | None:
    """Return the bytes of a code, and code → text, of a font."""
    got = re.search(rb"/ToUnicode\s+(\d+)\s+\d+\s+R", objects.get(font, b""))
    if got is None:
        return None
    data = _inflate(objects.get(int(got[1]), b""))
    table: dict[int, str] = {}
    space = re.search(rb"begincodespacerange\s*<([0-9A-Fa-f]+)>", data)
    width = len(space[1]) // 2 if space else 2
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", data, re.DOTALL):
        for code, text in _BFCHAR.findall(block):
            table[int(code, 16)] = _unicode(text)
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", data, re.DOTALL):
        for first, last, text, listed in _BFRANGE.findall(block):
            start, end = int(first, 16), min(int(last, 16), int(first, 16) + 65_535)
            each = re.findall(rb"<([0-9A-Fa-f]+)>", listed) if listed else []
            for i in range(end - start + 1):
                if listed:
                    table[start + i] = _unicode(each[i]) if i < len(each) else ""
                else:
                    base = _unicode(text)
                    table[start + i] = base[:-1] + chr(min(ord(base[-1]) + i, 0x10FFFF)) if base else ""
    return max(width, 1), table


def _unicode(digits: bytes) -> str:
    text = digits.decode()
    return bytes.fromhex(text + "0" * (len(text) % 2)).decode("utf-16-be", "replace")


def _fonts(objects: Mapping[int, bytes], head: bytes, maps: Mapping[int, Table | None]) -> dict[bytes, Table | None]:
    """Return the fonts of a page by the names that it uses."""
    where = head
    named = re.search(rb"/Resources\s+(\d+)\s+\d+\s+R", head)
    if named:
        where = _dictionary(objects.get(int(named[1]), b""))
    found: dict[bytes, Table | None] = {}
    for inline, number in _FONTS.findall(where):
        for name, font in _FONT.findall(inline or _dictionary(objects.get(int(number or 0), b""))):
            found[name] = maps.get(int(font))
    return found


def _contents(objects: Mapping[int, bytes], number: int, head: bytes) -> Iterator[bytes]:
    """Yield the content streams of a page, or of a form."""
    got = re.search(rb"/Contents\s*(?:\[(.*?)\]|(\d+)\s+\d+\s+R)", head, re.DOTALL)
    if got is None:
        yield _inflate(objects[number])
        return
    for n in [int(got[2])] if got[2] else [int(x) for x in _REFERENCE.findall(got[1])]:
        yield _inflate(objects.get(n, b""))


def _runs(content: bytes, fonts: Mapping[bytes, Table | None]) -> Iterator[Drawn]:
    """Yield the text of a content stream: one piece for each span of marked content, runs apart by a space."""
    table: Table | None = None
    name = b""
    strings: list[str] = []
    runs: list[str] = []
    unmapped = False
    for found in _TOKEN.finditer(content):
        token = found[0]
        first = token[:1]
        if first in b"(<":
            raw = _literal(token[1:-1]) if first == b"(" else _hex(token[1:-1])
            unmapped |= table is None and bool(raw)
            strings.append(_decoded(raw, table) if table else raw.decode("latin-1"))
        elif first == b"/":
            name = token[1:]
        elif token == b"Tf":
            table = fonts.get(name)
        elif token in {b"TJ", b"Tj", b"'", b'"'}:
            runs.append("".join(strings))
            strings = []
        elif token in {b"BDC", b"EMC"}:
            if runs:
                yield Drawn(_spoken(runs))
            strings, runs = [], []
    if runs:
        yield Drawn(_spoken(runs))
    if unmapped and not fonts:
        yield Drawn("", "text in a font without a map of its characters")


def _spoken(runs: list[str]) -> str:
    """Return runs apart by a space; letters that are set one by one belong together."""
    text = ""
    for before, run in zip(["", *runs], runs, strict=False):
        text += run if len(before) <= 1 and len(run) <= 1 else f" {run}"
    return " ".join(text.split())


def _decoded(raw: bytes, table: Table) -> str:
    width, letters = table
    return "".join(letters.get(int.from_bytes(raw[i : i + width], "big"), "") for i in range(0, len(raw), width))


def _hex(digits: bytes) -> bytes:
    text = re.sub(rb"\s", b"", digits).decode()
    return bytes.fromhex(text + "0" * (len(text) % 2))


def _literal(text: bytes) -> bytes:
    """Return a string without its escapes."""
    short = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}

    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code, 8) & 255]) if code[:1] in b"01234567" else short.get(code, code)

    return re.sub(rb"\\([0-7]{1,3}|.)", plain, text, flags=re.DOTALL)
