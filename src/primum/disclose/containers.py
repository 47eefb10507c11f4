"""The search through finished files: planted values that must not be found, and content that no release may hold.

The canary search looks for each planted value as it is, rounded to four and more digits, as a percentage, with a
decimal comma, as bytes of a float, in other orders of a date, in other encodings, in every layer that `unfold` reaches.
It cannot read text drawn as pixels, nor a value that was turned into another number.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from primum.disclose.unfold import PNG, Layer, members, unfold
from primum.errors import PrimumError

SHORTEST = 4
PERCENT = r"(?:\s|&nbsp;|\xc2\xa0|\xe2\x80\xaf|\\)*(?:%|&#37;|&percnt;|percent|procent|Prozent)"


@dataclass(frozen=True)
class Hit:
    """Something in a file that must not be there.

    Attributes
    ----------
    file
        The file.
    where
        The layer of it.
    what
        The planted value, or the kind of content.
    form
        How it was written, or what to do.
    level
        "fail", or "review" for what a person must look at.
    """

    file: Path
    where: str
    what: str
    form: str
    level: Literal["fail", "review"] = "fail"


@dataclass(frozen=True)
class _Needle:
    """What to search for; `anchors` are lower-case bytes of which a hit has one: a quick look before the long one."""

    what: str
    form: str
    pattern: re.Pattern[bytes]
    anchors: frozenset[bytes]


def scan(paths: Path | str | Iterable[Path | str], canaries: Sequence[str | float]) -> list[Hit]:
    """Return every place where a planted value can be found.

    Parameters
    ----------
    paths
        Files or folders.
    canaries
        Numbers with at least five digits, dates (YYYY-MM-DD), labels and ids of at least four characters.

    Raises
    ------
    PrimumError
        If a path does not exist, or a canary is so short that it would be found everywhere.
    """
    needles = [needle for canary in canaries for needle in _needles(canary)]
    hits = []
    for root, file in _files(paths):
        name = file.relative_to(root).as_posix() if file != root else file.name
        hits += _found(file, Layer(f"{name} (name)", name.encode()), needles)
        seen: set[bytes] = set()
        for layer in unfold(file.read_bytes(), name):
            if layer.problem:
                hits.append(Hit(file, layer.where, "unreadable", layer.problem))
            if layer.data not in seen:
                seen.add(layer.data)
                hits += _found(file, layer, needles)
    return list(dict.fromkeys(hits))


def forbidden(paths: Path | str | Iterable[Path | str]) -> list[Hit]:
    """Return content that no release may hold, whatever it says.

    Vector graphics, scripts and libraries that carry raw arrays, comments, requests to other machines, files that hold
    rows or models, and metadata about who made a file and when. A hash in plain sight is for a person to look at.

    Raises
    ------
    PrimumError
        If a path does not exist.
    """
    hits = []
    for _, file in _files(paths):
        for layer in members(file.read_bytes(), file.name):
            if layer.problem:
                hits.append(Hit(file, layer.where, "unreadable", layer.problem))
            hits += [Hit(file, layer.where, *found) for found in _not_allowed(layer)]
    return list(dict.fromkeys(hits))


def _files(paths: Path | str | Iterable[Path | str]) -> Iterator[tuple[Path, Path]]:
    """Yield (what was named, file)."""
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        root = Path(path)
        if not root.exists():
            raise PrimumError(f"There is no file or folder {root}.", mend="name the finished release")
        if root.is_dir():
            yield from ((root, file) for file in sorted(root.rglob("*")) if file.is_file())
        else:
            yield root, root


def _found(file: Path, layer: Layer, needles: Sequence[_Needle]) -> list[Hit]:
    low = layer.data.lower()
    likely = [n for n in needles if any(anchor in low for anchor in n.anchors)]
    return [Hit(file, layer.where, n.what, n.form) for n in likely if n.pattern.search(layer.data)]


# needles --------------------------------------------------------------------------------------------------------------


def _needles(canary: str | float) -> list[_Needle]:
    """Return what to search for."""
    if isinstance(canary, str):
        text = canary.strip()
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return _dates(text)
        if not re.fullmatch(r"-?\d+\.\d+", text):
            return _labels(text)
        number = Decimal(text)
    else:
        number = Decimal(repr(float(canary)))
    return _numbers(abs(number))


def _labels(text: str) -> list[_Needle]:
    if len(text) < SHORTEST:
        raise PrimumError(
            f"The canary '{text}' is too short: it would be found everywhere.",
            expected=f"at least {SHORTEST} characters",
        )
    found = []
    for form in dict.fromkeys(unicodedata.normalize(kind, text) for kind in ("NFC", "NFD")):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            try:
                parts = [re.escape(part.encode(encoding)) for part in form.split()]
                first = frozenset({form.split()[0].encode(encoding).lower()})
            except UnicodeEncodeError:
                continue
            gap = rb"\s*" if encoding in {"utf-8", "latin-1"} else rb"(?:\x00?\s\x00?)*"
            if encoding != "latin-1" or not form.isascii():
                found.append(_Needle(text, encoding, re.compile(gap.join(parts), re.IGNORECASE), first))
    return found


def _dates(text: str) -> list[_Needle]:
    day = dt.date.fromisoformat(text)
    y, m, d = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    month, short = f"{day:%B}", f"{day:%b}"
    forms = {
        "date": f"{y}[-/. ]?{m}[-/. ]?{d}",
        "date, day first": f"0?{day.day}[-/.]0?{day.month}[-/.]{y}",
        "date, month first": f"0?{day.month}[-/.]0?{day.day}[-/.]{y}",
        "date in words": f"0?{day.day}\\.? (?:{month}|{short}),? {y}|(?:{month}|{short}) 0?{day.day},? {y}",
    }
    year = frozenset({y.encode()})
    edges = (r"(?<![0-9])(?:", r")(?![0-9])")
    return [_Needle(text, k, re.compile(v.join(edges).encode(), re.IGNORECASE), year) for k, v in forms.items()]


def _numbers(number: Decimal) -> list[_Needle]:
    what = format(number.normalize(), "f")
    if len(what.replace(".", "").lstrip("0")) < 5 or "." not in what:
        raise PrimumError(
            f"The canary {what} has too few digits: it would be found by chance.",
            expected="at least five significant digits and a decimal point",
        )
    places = len(what.partition(".")[2])

    def written(value: Decimal, least: int, most: int) -> tuple[str, set[str]]:
        """Return a pattern of all roundings from `least` decimals on and of the digits cut off, and its anchors."""
        forms = {f"{value:.{k}f}" for k in range(least, max(most, least) + 1)}
        text = format(value, "f")
        forms |= {text[: text.index(".") + 1 + k] for k in range(min(6, most), most + 1)}
        both = "|".join(sorted((re.escape(f).replace(r"\.", "[.,]") for f in forms), key=len, reverse=True))
        bare = "|".join(sorted((re.escape(f[1:]) for f in forms if f.startswith("0.")), key=len, reverse=True))
        near = {sign + f.partition(".")[2][:least] for f in forms for sign in ".,"}
        return f"(?:(?<![0-9.,])(?:{both})" + (f"|(?<![0-9])(?:{bare})" if bare else "") + ")(?![0-9])", near

    share = number * 100
    share_places = max(places - 2, 0)
    small = f"{Decimal(what):e}".partition("e")
    digits, power = small[0].rstrip("0"), int(small[2])
    plain = what.replace(".", "").lstrip("0")
    sign, short = written(share, 2, max(share_places, 2))
    tail = f"[0-9]{{0,3}}[eE]{'-' if power < 0 else '[+]?'}0*{abs(power)}(?![0-9])"
    forms = {
        "number": written(number, 4, places),
        "percentage": (sign + PERCENT, short),
        "percentage without its sign": written(share, 4, max(share_places, 4)),
        "scientific": (re.escape(digits) + tail, {digits}),
        "all digits": (f"(?<![0-9])0?{plain}", {plain}),
    }
    found = [
        _Needle(what, form, re.compile(pattern.encode("latin-1")), frozenset(a.encode() for a in near))
        for form, (pattern, near) in forms.items()
    ]
    packed = [("bytes of a float", struct.pack(order + "d", float(number))) for order in "<>"]
    packed += [("utf-16", what.encode(encoding)) for encoding in ("utf-16-le", "utf-16-be")]
    return found + [_Needle(what, k, re.compile(re.escape(v)), frozenset({v.lower()})) for k, v in packed]


# content that no release may hold -------------------------------------------------------------------------------------

_PICTURE, _MODEL, _ROWS = "vector graphics", "a model or pickle", "a file of rows or arrays"
SUFFIXES = {
    ".ipynb": "a notebook with outputs",
    **dict.fromkeys([".svg", ".svgz", ".eps", ".gph", ".emf", ".wmf"], _PICTURE),
    **dict.fromkeys([".pkl", ".pickle", ".joblib", ".skops", ".onnx", ".pt", ".pth", ".h5", ".hdf5"], _MODEL),
    **dict.fromkeys([".parquet", ".feather", ".arrow", ".npz", ".npy", ".dta", ".sav", ".rds", ".rdata"], _ROWS),
    **dict.fromkeys([".sas7bdat", ".sqlite", ".db", ".duckdb", ".tally"], _ROWS),
}
_MAGIC = (
    (re.compile(rb"\x80[\x02-\x05][\x95\x7d\x5d\x63\x28\x8c\x58\x71\x4b\x47\x4a\x4d\x86-\x88]"), _MODEL),
    (re.compile(rb"PAR1|ARROW1|FEA1|\x93NUMPY|\x89HDF|SQLite format 3"), _ROWS),
)
_REQUEST = (
    rb"<(?:link|img|iframe|script|source|video|audio|object|embed|base|form|image|use)\b[^>]*"
    rb"(?:href|src|srcset|data|action)\s*=\s*[\"']?\s*(?:https?:)?//|url\(\s*[\"']?\s*(?:https?:)?//|@import"
    rb"|\bfetch\s*\(|XMLHttpRequest|sendBeacon|new\s+(?:WebSocket|EventSource|Worker)|\bimport\s*\("
    rb"|http-equiv=.?refresh"
)
_PAGE = (
    (rb"<svg\b|image/svg", _PICTURE),
    (rb"<script\b[^>]*\bsrc\s*=", "a script from elsewhere"),
    (rb"plotly", "plotly"),
    (rb"\bvega(?:-?lite|-?embed|Embed)?\b", "vega"),
    (rb"<!--", "a comment"),
    (_REQUEST, "a request to another machine"),
)
_PDF_INFO = rb"/(?:Author|Creator|Producer|Subject|Keywords|CreationDate|ModDate)\s*[(<]"
_XMP = (
    rb"<(?:xmp:CreatorTool|xmp:CreateDate|xmp:ModifyDate|xmp:MetadataDate|pdf:Producer|pdf:Keywords|dc:creator|xmpMM:)"
)
_OFFICE = rb"<(?:dc:creator|cp:lastModifiedBy|dcterms:created|dcterms:modified)[^>]*>[^<]"


Found = tuple[str, str, Literal["fail", "review"]]
_PICTURES = (PNG, b"%PDF", b"\xff\xd8", b"PK\x03\x04")


def _not_allowed(layer: Layer) -> Iterator[Found]:
    """Yield (what, what to do, level) of a file."""
    name, data = layer.where.rpartition(" > ")[2], layer.data
    suffix = Path(name).suffix.lower()
    kind = SUFFIXES.get(suffix, "")
    if kind:
        yield kind, f"leave out files of the kind {suffix}", "fail"
    for pattern, what in _MAGIC:
        if pattern.match(data) and kind != what:
            yield what, "leave the file out; its name does not say what it is", "fail"
    yield from _metadata(data, name)
    if not data.startswith(_PICTURES):
        yield from _page(data, kind)


def _page(data: bytes, kind: str) -> Iterator[Found]:
    """Yield what a page or a text may not hold."""
    for expression, what in _PAGE:
        if kind != what and re.search(expression, data, re.IGNORECASE):
            yield what, "take it out of the page", "fail"
    if re.search(rb"(?<![0-9A-Za-z+/])[0-9a-f]{64}(?![0-9A-Za-z+/])", data):
        yield "a hash", "a person must say that it is no hash of data, or that it is keyed", "review"


def _metadata(data: bytes, name: str) -> Iterator[Found]:
    """Yield what pictures and documents say about who made them, and when."""
    if data.startswith(PNG):
        inside = sorted({part.where.split(" > ")[1] for part in unfold(data, name) if " > " in part.where})
        yield from (("metadata", f"strip {chunk} from the image", "fail") for chunk in inside)
    elif data.startswith(b"\xff\xd8") and b"Exif\x00\x00" in data[:65_536]:
        yield "metadata", "strip the EXIF block from the image", "fail"
    elif data.startswith(b"%PDF"):
        parts = [part.data for part in unfold(data, name)]
        if any(re.search(_PDF_INFO + b"|" + _XMP, part) for part in parts):
            yield "metadata", "strip author, maker, dates and ids from the PDF", "fail"
        if any(re.search(rb"/(?:EmbeddedFile|JavaScript)\b", part) for part in parts):
            yield "active or attached content", "strip attachments and scripts from the PDF", "fail"
    elif re.search(_OFFICE, data):
        yield "metadata", "strip author and dates from the document", "fail"
