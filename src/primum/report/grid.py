"""A table as the report shows it: a caption, column heads, rows with a head of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from primum.report import rounding
from primum.report.numbers import MINUS, NONE, known, marked
from primum.report.say import say


@dataclass(frozen=True)
class Cell:
    """What a cell says; `note` is the reason behind a dash or a remark in small print."""

    text: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Line:
    """One row; a section is a heading across the whole table."""

    head: str
    cells: list[Cell] = field(default_factory=list)
    section: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; the first column heads its rows."""

    caption: str
    columns: list[str]
    lines: list[Line]

    def __bool__(self) -> bool:
        """Whether there is anything to show."""
        return any(not line.section for line in self.lines)


def cells(*values: Any) -> list[Cell]:
    """Return cells from texts, or from (text, note) pairs."""
    return [Cell(*v) if isinstance(v, tuple) else Cell(str(v)) for v in values]


def flat(caption: str, rows: Iterable[Mapping[str, Any]], names: Mapping[str, str] | None = None) -> Grid:
    """Return rows as a table as they are: the first key heads the row, numbers have three decimals at most."""
    listed = list(rows)
    keys = list(names) if names else list(dict.fromkeys(k for r in listed for k in r))
    titles = [names[k] for k in keys] if names else [k.replace("_", " ") for k in keys]
    lines = [Line(_text(r.get(keys[0])), [Cell(_text(r.get(k))) for k in keys[1:]]) for r in listed]
    return Grid(caption, titles, lines)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and not known(value)):
        return NONE
    if isinstance(value, bool):
        return say("numbers.yes" if value else "numbers.no")
    if isinstance(value, (int, float)):
        return _number(value)
    return ", ".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)


def _number(value: float) -> str:
    if isinstance(value, int):
        return marked(f"{value:,}")
    if 0 < abs(value) < 0.0005:
        return marked(f"{value:.2g}").replace("-", MINUS)
    text = rounding.fixed(value, 0 if value.is_integer() and abs(value) >= 1000 else 3)
    return marked(text.rstrip("0").rstrip(".") if "." in text else text)
