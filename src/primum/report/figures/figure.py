"""A figure: its Vega-Lite specification, the sentence that says what it shows, and the rows behind it."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from primum.errors import MissingExtraError
from primum.report.figures.style import FONT, SCHEMA, config, tidy
from primum.report.say import say, spoken

VEGA_LITE = "5.20"
_NOISE = re.compile(
    r' (?:aria-[a-z]+|role|class|pointer-events|xmlns:xlink|version)="[^"]*"| opacity="1"| stroke-width="1"'
    rf'| font-family="{re.escape(FONT)}"| transform="translate\(0,0\)"| [xy]2="0"'
)
_TAG = re.compile(r"<[^>]+>")
_HIDDEN = re.compile(r'<path(?: display="none")? d=""(?: display="none")?/>|<path d="M0,0h[^"]*"/>|<g></g>|<g/>')
_ONLY = re.compile(r"<g>((?:<(?!/?g[ >])[^>]*>[^<]*)*)</g>")
_RUN = re.compile(r'(?:<(?:text|path|line)(?: [a-z-]+="[^"]*")*(?:/>|>[^<]*</(?:text|path|line)>)){3,}')
_SHARED = re.compile(
    r' (?:text-anchor|font-size|font-weight|font-style|fill|stroke|stroke-width|stroke-dasharray)="[^"]*"'
)
_NUMBER = re.compile(r"-?\d+\.\d{2,}")


@dataclass(frozen=True)
class Figure:
    """One picture of the report.

    Attributes
    ----------
    name
        File-safe name, without suffix.
    title, alt
        The heading, and one or two factual sentences for those who do not see the picture.
    spec
        Vega-Lite specification with its data inside; no external reference.
    table
        The rows behind the picture, with plain column names.
    chapter
        Where it belongs: "people", "performance", "groups" or "repairs".
    page_one
        Whether it is the picture of the first page.
    note
        A line to print under the picture (how to read it, what was left out), or "".
    """

    name: str
    title: str
    alt: str
    spec: dict[str, Any]
    table: list[dict[str, Any]] = field(default_factory=list)
    chapter: str = "groups"
    page_one: bool = False
    note: str = ""


def whole(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the specification with the schema and the shared look."""
    return {"$schema": SCHEMA, "config": {**config(), "locale": {"number": _marks()}}, **spec}


def _marks() -> dict[str, Any]:
    """Return how the language of the report writes numbers, as the axes need it."""
    own = spoken()
    marks = {"decimal": own("language.decimal"), "thousands": own("language.thousands"), "percent": percent_sign()}
    return {**marks, "grouping": [3], "currency": ["", ""]}


def percent_sign() -> str:
    """Return what stands behind a number that is per cent."""
    return spoken()("language.percent", n="")


def percent_label() -> str:
    """Return the Vega expression that labels an axis of shares in per cent."""
    return f"format(datum.value * 100, '.3~') + {json.dumps(percent_sign(), ensure_ascii=False)}"


def values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows as the inline data of a specification."""
    return {"values": tidy(rows)}


def headed(**cells: Any) -> dict[str, Any]:
    """Return a row of the table behind a figure, its columns named by the texts of `figure.head`."""
    return {say(f"figure.head.{key}"): cell for key, cell in cells.items()}


def svg(figure: Figure) -> str:
    """Render a figure as one small static SVG that carries its own alt text and refers to nothing outside.

    Raises
    ------
    MissingExtraError
        If vl-convert-python is not installed.
    """
    try:
        import vl_convert
    except ImportError as cause:
        raise MissingExtraError("vl-convert-python", "report", "Drawing figures") from cause
    text = vl_convert.vegalite_to_svg(figure.spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    return _slim(str(text), figure.alt)


def png(figure: Figure | str, *, scale: float = 2.0) -> bytes:
    """Render a figure, or an SVG that `svg` made (quicker), as PNG.

    Raises
    ------
    MissingExtraError
        If vl-convert-python is not installed.
    """
    try:
        import vl_convert
    except ImportError as cause:
        raise MissingExtraError("vl-convert-python", "report", "Drawing figures") from cause
    text = figure if isinstance(figure, str) else svg(figure)
    return _pack(bytes(vl_convert.svg_to_png(text, scale=scale)))


def _pack(picture: bytes) -> bytes:
    """Compress the pixels of a PNG anew: the renderer is quick, not thorough; this makes a third of it."""
    head, pixels, place = picture[:8], b"", 8
    before, after = b"", b""
    while place < len(picture):
        size = int.from_bytes(picture[place : place + 4], "big")
        chunk = picture[place : place + size + 12]
        if chunk[4:8] == b"IDAT":
            pixels += chunk[8:-4]
        elif pixels:
            after += chunk
        else:
            before += chunk
        place += size + 12
    body = b"IDAT" + zlib.compress(zlib.decompress(pixels), 6)
    packed = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return head + before + packed + after


def _slim(text: str, alt: str) -> str:
    """Drop what a static picture does not need, and give the whole one name for screen readers."""
    text = _TAG.sub(lambda tag: _NOISE.sub("", tag[0]), text)
    text = re.sub(r' d="[^"]*"', lambda d: _NUMBER.sub(_short, d[0]), text)
    text = re.sub(r'translate\([^)]*\)"', lambda d: _NUMBER.sub(_short, d[0]), text)
    for _ in range(4):
        text = _HIDDEN.sub("", text)
        text = _ONLY.sub(r"\1", text)
    text = _RUN.sub(_hoist, text)
    head = f'<svg role="img" aria-label="{escape(alt, {chr(34): "&quot;"})}" font-family="{FONT}" '
    return text.replace("<svg ", head, 1)


def _hoist(run: re.Match[str]) -> str:
    """Say once, on a group, what neighbouring marks have in common."""
    parts = re.findall(r'<(\w+)((?: [a-z-]+="[^"]*")*)(/>|>[^<]*</\w+>)', run[0])
    out: list[str] = []
    for shared, same in groupby(parts, key=lambda part: tuple(_SHARED.findall(part[1]))):
        marks = [f"<{name}{_SHARED.sub('', own) if shared else own}{end}" for name, own, end in same]
        common = "".join(shared)
        out.append(
            f"<g{common}>{''.join(marks)}</g>"
            if len(marks) > 2 and shared
            else "".join(_whole(m, common) for m in marks)
        )
    return "".join(out)


def _whole(mark: str, common: str) -> str:
    return re.sub(r"^<\w+", lambda name: name[0] + common, mark)


def _short(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")
