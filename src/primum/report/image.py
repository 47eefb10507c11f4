"""The small drawings between words (strips, the bar of 1,000 people) and the figures, as images inside the page.

A report that may leave holds pixels only. Drawings that take their colours from the page's style are given the rules
that concern them, so that they look the same as pixels.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from html import escape
from importlib.resources import files

from primum.report.figures.pixels import SCALE, pixels, size
from primum.report.figures.style import FONT

SHARP = 2.0
"""Pixels for each pixel of the page: small drawings are cheap."""
_RULE = re.compile(r"^\.(?:strip|thousand|whisker|mark)\b.*$", re.MULTILINE)
_ROOT = re.compile(r"--([a-z]+): ([^;]+);")
_SIZE = re.compile(r'<svg class="(\w+)"[^>]*viewBox="0 0 (\d+) (\d+)"')


def inline(svg: str) -> str:
    """Return one of the small drawings as an image; the words beside it say the same, so it has no words of its own."""
    kind, _, _ = _form(svg)
    return image(drawn(svg), "", kind=kind, scale=SHARP)


def drawn(svg: str) -> bytes:
    """Return one of the small drawings as a PNG.

    Parameters
    ----------
    svg
        What `primum.report.forest` draws.
    """
    kind, width, height = _form(svg)
    inner = svg[svg.index(">") + 1 :]
    whole = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{_rules()}</style>{inner}'
    )
    return pixels(whole, scale=SHARP)


def _form(svg: str) -> tuple[str, int, int]:
    """Return class, width and height of a small drawing."""
    found = _SIZE.match(svg)
    assert found is not None
    return found[1], int(found[2]), int(found[3])


def image(png: bytes, alt: str, *, kind: str = "", scale: float = SCALE) -> str:
    """Return a PNG as an image element that holds it; `kind` is its class."""
    width, height = (round(side / scale) for side in size(png))
    named = f' class="{kind}"' if kind else ""
    data = base64.b64encode(png).decode()
    return f'<img{named} alt="{escape(alt)}" width="{width}" height="{height}" src="data:image/png;base64,{data}">'


@lru_cache(maxsize=1)
def _rules() -> str:
    """Return the rules of the page's style that colour the small drawings."""
    style = (files("primum.report") / "style.css").read_text(encoding="utf8").partition("@media screen")[0]
    colours = dict(_ROOT.findall(style[: style.index("}")]))
    rules = " ".join(found for found in _RULE.findall(style) if "display" not in found)
    rules = re.sub(r"var\(--([a-z]+)\)", lambda name: colours[name[1]], rules)
    return rules.replace("font-family: inherit", f"font-family: {FONT}")
