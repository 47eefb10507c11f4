"""All the layers of a file that a curious reader can reach: archives, streams, encodings, text inside pages.

A file is unfolded the way an attacker would do it, by what its bytes look like and not by its name: zip members, gzip,
bzip2 and xz, zlib streams anywhere, base64 anywhere, PNG text chunks, PDF streams and the text they draw, escapes of
HTML, JSON and addresses. Text drawn as pixels is not read.
"""

from __future__ import annotations

import base64
import bz2
import html
import io
import lzma
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

DEPTH = 6
LIMIT = 256 * 2**20
PNG = b"\x89PNG\r\n\x1a\n"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_DRAWN = re.compile(rb"<([0-9A-Fa-f\s]*)>|\(((?:\\.|[^\\()])*)\)", re.DOTALL)
_BFCHAR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_BFRANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_ESCAPE = re.compile(rb"\\u([0-9A-Fa-f]{4})")


@dataclass(frozen=True)
class Layer:
    """Bytes found in a file.

    Attributes
    ----------
    where
        The way to them: "report.zip > page.html > base64".
    data
        The bytes.
    problem
        Why this could not be read to the end; what cannot be read cannot be cleared.
    """

    where: str
    data: bytes
    problem: str = ""


def unfold(data: bytes, where: str, depth: int = DEPTH) -> Iterator[Layer]:
    """Yield a file and everything inside it.

    Parameters
    ----------
    data, where
        The file and its name.
    depth
        How many wrappers deep to look; what is wrapped deeper is reported as a problem.
    """
    yield Layer(where, data)
    if depth == 0:
        if _wrapped(data):
            yield Layer(where, b"", "wrapped too many times to be searched")
        return
    if data.startswith(PNG):
        yield from _png(data, where)
    elif data.startswith(b"%PDF"):
        yield from _pdf(data, where, depth)
    elif data.startswith(b"PK\x03\x04") or (b"PK\x05\x06" in data[-70_000:] and zipfile.is_zipfile(io.BytesIO(data))):
        yield from _zip(data, where, depth)
    elif _wrapped(data):
        yield from _inflated(data, where, depth)
    elif _is_text(data):
        yield from _text(data, where, depth)
    else:
        yield from _binary(data, where, depth)


def members(data: bytes, where: str, depth: int = DEPTH) -> Iterator[Layer]:
    """Yield a file and the files in it, if it is an archive."""
    yield Layer(where, data)
    if depth and data.startswith(b"PK\x03\x04"):
        for layer in _zip_members(data, where):
            if layer.problem:
                yield layer
            else:
                yield from members(layer.data, layer.where, depth - 1)


def _wrapped(data: bytes) -> bool:
    """Whether the bytes are a compressed file of one of the common kinds."""
    return data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04")) or bool(_ZLIB.match(data))


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x00" not in data


def _zip_members(data: bytes, where: str) -> Iterator[Layer]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                inside = f"{where} > {info.filename}"
                if info.file_size > LIMIT:
                    yield Layer(inside, b"", "too large to be searched")
                elif info.flag_bits & 1:
                    yield Layer(inside, b"", "encrypted")
                else:
                    yield Layer(inside, archive.read(info))
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError) as error:
        yield Layer(where, b"", f"a broken archive ({type(error).__name__})")


def _zip(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    for layer in _zip_members(data, where):
        yield Layer(f"{layer.where} (name)", layer.where.rpartition(" > ")[2].encode())
        if layer.problem:
            yield layer
        else:
            yield from unfold(layer.data, layer.where, depth - 1)


def _inflated(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    """Yield what a compressed file holds."""
    try:
        if data.startswith(b"BZh"):
            name, out = "bzip2", bz2.BZ2Decompressor().decompress(data, LIMIT + 1)
        elif data.startswith(b"\xfd7zXZ\x00"):
            name, out = "xz", lzma.LZMADecompressor().decompress(data, LIMIT + 1)
        elif data.startswith(b"\x1f\x8b"):
            name, out = "gzip", zlib.decompressobj(31).decompress(data, LIMIT + 1)
        else:
            name, out = "zlib", zlib.decompressobj().decompress(data, LIMIT + 1)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        yield from _text(data, where, depth) if _is_text(data) else _binary(data, where, depth)
        return
    if len(out) > LIMIT:
        yield Layer(where, b"", "too large to be searched")
        return
    yield from unfold(out, f"{where} > {name}", depth - 1)


def _png(data: bytes, where: str) -> Iterator[Layer]:
    """Yield the text of an image: its text chunks, unpacked, and whatever follows its end."""
    at = len(PNG)
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        at += 12 + size
        if kind in {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}:
            inside = f"{where} > {kind.decode()}"
            yield Layer(inside, body)
            for found in _ZLIB.finditer(body):
                yield from _attempt(body[found.start() :], inside)
        if kind == b"IEND":
            break
    if data[at:]:
        yield Layer(f"{where} > after the image", data[at:])


def _attempt(data: bytes, where: str) -> Iterator[Layer]:
    """Yield what a zlib stream holds, if it is one."""
    try:
        out = zlib.decompressobj().decompress(data, LIMIT + 1)
    except zlib.error:
        return
    if len(out) > LIMIT:
        yield Layer(where, b"", "too large to be searched")
    elif len(out) >= 4:
        yield Layer(f"{where} > zlib", out)


def _pdf(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    """Yield the streams of a PDF, and the text its pages draw under each of its fonts."""
    if re.search(rb"/Encrypt\s", data):
        yield Layer(where, b"", "encrypted")
        return
    streams = []
    for i, found in enumerate(_STREAM.finditer(data)):
        inside = f"{where} > stream {i}"
        plain = list(_attempt(found[1], inside))
        streams += plain or [Layer(inside, found[1])]
    maps = [m for m in (_character_map(s.data) for s in streams if b"beginbf" in s.data) if m]
    for stream in streams:
        yield from unfold(stream.data, stream.where, depth - 1) if b" Tf" not in stream.data[:4000] else [stream]
        if re.search(rb"\bT[jJ]\b", stream.data):
            parts = [(bytes.fromhex(_even(h)) if h else _literal(s)) for h, s in _DRAWN.findall(stream.data)]
            yield Layer(f"{stream.where} > text", b"".join(parts))
            for n, (width, table) in enumerate(maps):
                text = "".join(_decoded(part, width, table) for part in parts)
                yield Layer(f"{stream.where} > text in font {n}", text.encode())
    objects = [_STREAM.sub(b"", data), *(stream.data for stream in streams if b"/Type" in stream.data)]
    strings = [_literal(s) or bytes.fromhex(_even(h)) for part in objects for h, s in _DRAWN.findall(part)]
    plain_strings = (s[2:].decode("utf-16-be", "replace").encode() if s.startswith(b"\xfe\xff") else s for s in strings)
    yield Layer(f"{where} > strings", b"\n".join(plain_strings))


def _even(digits: bytes) -> str:
    text = re.sub(rb"\s", b"", digits).decode()
    return text + "0" * (len(text) % 2)


def _literal(text: bytes) -> bytes:
    """Return a PDF string without its escapes."""
    short = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}

    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code, 8) & 255]) if code[:1] in b"01234567" else short.get(code, code)

    return re.sub(rb"\\([0-7]{1,3}|.)", plain, text, flags=re.DOTALL)


def _character_map(data: bytes) -> tuple[int, dict[int, str]] | None:
    """Return the bytes a code has, and code → text, of a ToUnicode map."""
    table: dict[int, str] = {}
    width = 2
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", data, re.DOTALL):
        for code, text in _BFCHAR.findall(block):
            width = len(code) // 2
            table[int(code, 16)] = bytes.fromhex(_even(text)).decode("utf-16-be", "replace")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", data, re.DOTALL):
        for first, last, text in _BFRANGE.findall(block):
            width, start = len(first) // 2, int(first, 16)
            for i in range(min(int(last, 16) - start, 65_535) + 1):
                table[start + i] = chr(min(int(text[-4:], 16) + i, 0x10FFFF))
    return (max(width, 1), table) if table else None


def _decoded(part: bytes, width: int, table: dict[int, str]) -> str:
    codes = (int.from_bytes(part[i : i + width], "big") for i in range(0, len(part), width))
    return "".join(table.get(code, "") for code in codes)


def _text(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    """Yield a text without its escapes, and what is written in it as base64."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
        yield Layer(f"{where} > utf-16", data)
    plain = data
    if b"\\u" in plain:
        plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), plain)
    if b"&" in plain:
        plain = html.unescape(plain.decode("utf-8", "replace")).encode()
    if b"%" in plain:
        plain = urllib.parse.unquote_to_bytes(plain)
    plain = plain.replace(b"\\/", b"/")
    if plain != data:
        yield Layer(f"{where} > without escapes", plain)
    for text in {plain, re.sub(rb"\r?\n[ \t]*", b"", plain)}:
        yield from _base64(text, f"{where} > base64", depth)


def _base64(text: bytes, where: str, depth: int) -> Iterator[Layer]:
    """Yield short pieces of base64 together, and long ones unfolded."""
    short = []
    for found in _BASE64.finditer(text):
        run = found[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        run = run[: len(run) - (len(run) % 4 == 1)]
        piece = base64.b64decode(run + b"=" * (-len(run) % 4))
        short.append(piece)
        if len(piece) >= 8 and not _is_text(piece):
            if len(piece) >= 32 or _wrapped(piece):
                yield from unfold(piece, where, depth - 1)
            yield from _raw_deflate(piece, where, depth)
        elif len(piece) >= 32:
            yield from unfold(piece, where, min(depth - 1, 2))
    if short:
        yield Layer(where, b"\n".join(short))


def _raw_deflate(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    if _wrapped(data) or data.startswith((PNG, b"%PDF")):
        return
    unpack = zlib.decompressobj(-15)
    try:
        out = unpack.decompress(data, LIMIT)
    except zlib.error:
        return
    if unpack.eof and len(out) >= 8:
        yield from unfold(out, f"{where} > deflate", depth - 1)


def _binary(data: bytes, where: str, depth: int) -> Iterator[Layer]:
    """Yield zlib and gzip streams that start anywhere in the bytes."""
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        try:
            wide = 31 if data[found.start()] == 0x1F else 15
            out = zlib.decompressobj(wide).decompress(data[found.start() :], LIMIT)
        except zlib.error:
            continue
        if len(out) >= 8:
            yield from unfold(out, f"{where} > zlib", depth - 1)
