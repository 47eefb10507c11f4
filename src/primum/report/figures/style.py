"""How every figure looks: one palette, one font, a light grid, and a shape beside every colour.

Colours are from Okabe and Ito (2008), which people with any colour vision can tell apart; a verdict is always
told by shape, colour and word together.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from primum.finding import Verdict

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
INK, SOFT, FAINT, GRID, BAND = "#222222", "#595959", "#8c8c8c", "#e4e4e4", "#e3eef7"
BLUE, ORANGE, GREEN, RED, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
SERIES = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, INK)
DASHES: tuple[list[int], ...] = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3], [1, 0])
SMALL, TEXT, TITLE = 11, 12, 13
WIDTH = 760


@dataclass(frozen=True)
class Look:
    """The shape and the colour of a verdict; `hollow` marks are drawn unfilled."""

    shape: str
    colour: str
    hollow: bool = False


LOOKS: dict[str, Look] = {
    Verdict.HARM: Look("triangle-down", RED),
    Verdict.NO_HARM: Look("circle", GREEN),
    Verdict.INCONCLUSIVE: Look("diamond", ORANGE),
    Verdict.NOT_ASSESSABLE: Look("circle", FAINT, hollow=True),
    Verdict.SUPPRESSED: Look("square", FAINT, hollow=True),
    Verdict.NOT_APPLICABLE: Look("square", SOFT),
    "": Look("square", SOFT),
}


def look(verdict: str) -> Look:
    """Return the look of a verdict, the plain one for groups that were not judged."""
    return LOOKS.get(verdict, LOOKS[""])


def config() -> dict[str, Any]:
    """Return the Vega-Lite configuration that all figures share."""
    return {
        "aria": False,
        "font": FONT,
        "background": "white",
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": SMALL,
            "titleFontSize": SMALL,
            "titleFontWeight": "normal",
            "labelColor": SOFT,
            "titleColor": INK,
            "gridColor": GRID,
            "domainColor": FAINT,
            "tickColor": FAINT,
            "tickSize": 4,
            "titlePadding": 6,
            "labelFlush": False,
        },
        "title": {"fontSize": TEXT, "fontWeight": "bold", "color": INK, "anchor": "start", "offset": 6},
        "legend": {
            "labelFontSize": SMALL,
            "titleFontSize": SMALL,
            "labelColor": INK,
            "labelLimit": 260,
            "symbolStrokeWidth": 2,
        },
        "text": {"fontSize": TEXT, "color": INK, "baseline": "middle"},
    }


def text_width(text: str, size: float = TEXT) -> float:
    """Return about how many pixels a text takes in an Arial-like font, rather too many than too few."""
    return sum(_em(c) for c in text) * size


def fit(text: str, width: float, size: float = TEXT) -> str:
    """Return the text, shortened with an ellipsis where it is wider than `width` pixels."""
    text = " ".join(text.split())
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip(" ·,;") + "…"


def fit_label(text: str, width: float, size: float = TEXT) -> str:
    """Return a group's name, each part of an intersection cut in its middle where the whole is too wide.

    Beginnings and endings tell groups apart, so both stay.
    """
    parts = [" ".join(p.split()) for p in text.split(" · ")]
    while text_width(" · ".join(parts), size) > width:
        longest = max(range(len(parts)), key=lambda i: text_width(parts[i], size))
        part = parts[longest].replace("…", "")
        if len(part) < 4:
            return fit(text, width, size)
        middle = len(part) * 3 // 5
        parts[longest] = f"{part[:middle].rstrip()}…{part[middle + 1 :].lstrip()}"
    return " · ".join(parts)


def wrap(text: str, width: float, size: float = TEXT, lines: int = 3) -> list[str]:
    """Return the text in at most `lines` lines of `width` pixels, the last one shortened if need be."""
    out: list[str] = []
    words = text.split()
    while words and len(out) < lines - 1:
        line = words.pop(0)
        while words and text_width(f"{line} {words[0]}", size) <= width:
            line += " " + words.pop(0)
        out.append(fit(line, width, size))
    if words:
        out.append(fit(" ".join(words), width, size))
    return out or [""]


def tidy(values: list[dict[str, Any]], digits: int = 4) -> list[dict[str, Any]]:
    """Return rows for a figure: numbers rounded, undefined ones null."""
    return [{k: _tidy(v, digits) for k, v in row.items()} for row in values]


def _tidy(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return round(value, digits) if math.isfinite(value) else None
    return value


def _em(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in " .,:;'|!ijl()[]/·It":
        return 0.29
    if char in "mwMW%@":
        return 0.89
    if char.isupper() or char in "&×≥≤+=<>~":
        return 0.69
    return 0.54
