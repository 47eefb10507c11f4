"""Numbers as people read them: percent, counts, points, intervals that do not break, dashes for what is undefined.

They are written as the language of the report writes them; what has no words or marks is in `primum.report.rounding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from primum.report import rounding
from primum.report.rounding import COUNTS, GAPS, MINUS, NBSP, NONE, PLACES, RATES, half_up, known
from primum.report.say import spoken

__all__ = [
    "COUNTS", "GAPS", "MINUS", "NBSP", "NONE", "PLACES", "RATES", "alone_of", "count", "counted", "fixed", "general",
    "half_up", "known", "marked", "missed_of", "of_metric", "p_value", "percent", "percent_form", "plain", "points",
    "rate", "span", "threshold", "withheld", "withheld_word",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Forms:
    """How one language writes numbers; no line breaks within what holds a number."""

    marks: dict[int, str]
    percent: str
    points: str
    interval: str
    interval_minus: str
    withheld: str


_FORMS: dict[str, _Forms] = {}


def _forms() -> _Forms:
    """Return how the language of the report writes numbers; kept, for it is asked for each of them."""
    own = spoken()
    if own.code not in _FORMS:
        limits = {"low": "{low}", "high": "{high}"}
        _FORMS[own.code] = _Forms(
            marks=own.marks,
            percent=own("main.numbers.percent", n="{n}").replace(" ", NBSP),
            points=own("common.points", n="{n}").replace(" ", NBSP),
            interval=own("common.interval", **limits).replace(" ", NBSP),
            interval_minus=own("common.interval_minus", **limits).replace(" ", NBSP),
            withheld=own("common.withheld"),
        )
    return _FORMS[own.code]


def fixed(value: Any, places: int = 0) -> str:
    """Return a number with a set number of decimals and a true minus, in the marks of the language; a dash for none."""
    return marked(rounding.fixed(value, places))


def general(value: float) -> str:
    """Return a number with the digits that it has, six at most: 0.1, 12, 2.5."""
    return marked(f"{value:g}")


def marked(text: str) -> str:
    """Return a number that was written as 1,234.5 in the marks of the language."""
    marks = _forms().marks
    return text.translate(marks) if marks else text


def count(value: Any) -> str:
    """Return a whole number."""
    return fixed(value, 0)


def counted(value: Any) -> str:
    """Return a number of people; None says that it is withheld, which is neither nobody nor unknown."""
    return withheld_word() if value is None else count(value)


def withheld(row: Mapping[str, Any]) -> bool:
    """Whether a row has no number because it must not leave the room."""
    return row.get("status") == "suppressed" and not known(row.get("value"))


def withheld_word() -> str:
    """Return what stands where a number is withheld."""
    return _forms().withheld


def percent(value: Any, places: int = 0) -> str:
    """Return a share as percent, or a dash."""
    return _forms().percent.format(n=fixed(100 * float(value), places)) if known(value) else NONE


def percent_form() -> str:
    """Return how a share is written, {n} left to be filled in."""
    return _forms().percent


def span(low: Any, high: Any, places: int = 0, *, scale: float = 1.0) -> str:
    """Return an interval in brackets, or nothing; 'to' where a minus sign would meet a dash."""
    if not (known(low) and known(high)):
        return ""
    a, b = fixed(scale * float(low), places), fixed(scale * float(high), places)
    own = _forms()
    return (own.interval_minus if MINUS in a + b else own.interval).format(low=a, high=b)


def rate(value: Any, low: Any = None, high: Any = None, places: int = 0) -> str:
    """Return '62 % [57–66]', or a dash; a half is shown as it is, 69.5 %, since it may have been rounded before."""
    if not known(value):
        return NONE
    limits = span(low, high, places, scale=100)
    shown = 100 * float(value)
    half = places == 0 and abs(abs(shown) % 1 - 0.5) < 1e-9  # to the even or the odd side? A digit more says it
    return percent(value, 1 if half else places) + (NBSP + limits if limits else "")


def points(value: Any, low: Any = None, high: Any = None, places: int = 0) -> str:
    """Return a difference of two shares in percentage points, signed: '−12 [−20 to −4] points'."""
    if not known(value):
        return NONE
    number = 100 * float(value)
    sign = "+" if half_up(number, places) > 0 else ""
    limits = span(low, high, places, scale=100)
    return _forms().points.format(n=f"{sign}{fixed(number, places)}" + (NBSP + limits if limits else ""))


def plain(value: Any, low: Any = None, high: Any = None, places: int = 2) -> str:
    """Return a number that is no share, with its interval."""
    limits = span(low, high, places)
    return fixed(value, places) + (NBSP + limits if limits and known(value) else "")


def of_metric(metric: str, value: Any, low: Any = None, high: Any = None, *, comparison: str = "estimate") -> str:
    """Return a metric's value in the unit that fits it."""
    if comparison == "ratio":
        return plain(value, low, high, 2)
    if metric in RATES:
        return points(value, low, high, 1) if comparison == "difference" else rate(value, low, high)
    if metric in COUNTS:
        return count(value)
    if metric in GAPS:
        if not known(value):
            return NONE
        limits = span(low, high, 1, scale=100)
        return _forms().points.format(n=fixed(100 * value, 1)) + (NBSP + limits if limits else "")
    return plain(value, low, high, PLACES.get(metric, 2))


def p_value(value: Any) -> str:
    """Return a p-value with two decimals, three below 0.1, and never 0."""
    if not known(value):
        return NONE
    return f"<{NBSP}{fixed(0.001, 3)}" if value < 0.0005 else fixed(value, 3 if value < 0.0995 else 2)


def threshold(value: Any, scale: str = "probability") -> str:
    """Return a decision threshold: '10 %' on the probability scale, the bare number on a scale of points."""
    if not known(value):
        return NONE
    if scale == "points":
        return general(float(value))
    share = 100 * float(value)
    return percent(value, 0 if abs(share - round(share)) < 0.005 else 1)


def missed_of(ill: Any, found: Any) -> str:
    """Return those missed, rounded so that found and missed add up to those who have it."""
    return count(half_up(float(ill)) - half_up(float(found))) if known(ill) and known(found) else NONE


def alone_of(per: Any, ill: Any, alarms: Any) -> float:
    """Return those rightly left alone, rounded so that the four fates add up to everybody."""
    return half_up(float(per)) - half_up(float(ill)) - half_up(float(alarms))
