"""Numbers as people read them: percent, counts, points, intervals that do not break, dashes for what is undefined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NBSP = "\N{NO-BREAK SPACE}"
NONE = "\N{EN DASH}"
WITHHELD = "withheld"
MINUS = "\N{MINUS SIGN}"
RATES = frozenset(
    {
        "prevalence", "selection_rate", "sensitivity", "specificity", "ppv", "npv", "fpr", "fnr", "accuracy",
        "balanced_accuracy",
    }
)  # fmt: skip
COUNTS = frozenset({"n"})
GAPS = frozenset({"ici", "e50", "e90"})
PLACES = {
    "brier": 3, "net_benefit": 3, "debiased_calibration_error": 4, "nne": 1, "fp_per_tp": 1, "interventions_avoided": 1,
}  # fmt: skip


def known(value: Any) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(float(value))


def half_up(value: float, places: int = 0) -> float:
    """Round half away from zero, as readers do and as the page's script does."""
    scale = 10.0**places
    return math.copysign(math.floor(abs(value) * scale + 0.5 + 1e-9) / scale, value)


def fixed(value: Any, places: int = 0) -> str:
    """Return a number with a set number of decimals, a true minus and thousands separated by a comma."""
    if not known(value):
        return NONE
    rounded = half_up(float(value), places)
    text = f"{abs(rounded):,.{places}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def count(value: Any) -> str:
    """Return a whole number."""
    return fixed(value, 0)


def counted(value: Any) -> str:
    """Return a number of people; None says that it is withheld, which is neither nobody nor unknown."""
    return WITHHELD if value is None else count(value)


def withheld(row: Mapping[str, Any]) -> bool:
    """Whether a row has no number because it must not leave the room."""
    return row.get("status") == "suppressed" and not known(row.get("value"))


def percent(value: Any, places: int = 0) -> str:
    """Return a share as percent, or a dash."""
    return f"{fixed(100 * float(value), places)}{NBSP}%" if known(value) else NONE


def span(low: Any, high: Any, places: int = 0, *, scale: float = 1.0) -> str:
    """Return an interval in brackets, or nothing; 'to' where a minus sign would meet a dash."""
    if not (known(low) and known(high)):
        return ""
    a, b = fixed(scale * float(low), places), fixed(scale * float(high), places)
    joint = f"{NBSP}to{NBSP}" if MINUS in a + b else NONE
    return f"[{a}{joint}{b}]"


def rate(value: Any, low: Any = None, high: Any = None, places: int = 0) -> str:
    """Return '62 % [57–66]', or a dash."""
    if not known(value):
        return NONE
    limits = span(low, high, places, scale=100)
    return percent(value, places) + (NBSP + limits if limits else "")


def points(value: Any, low: Any = None, high: Any = None, places: int = 0) -> str:
    """Return a difference of two shares in percentage points, signed: '−12 [−20 to −4] points'."""
    if not known(value):
        return NONE
    number = 100 * float(value)
    sign = "+" if half_up(number, places) > 0 else ""
    limits = span(low, high, places, scale=100)
    return f"{sign}{fixed(number, places)}" + (NBSP + limits if limits else "") + f"{NBSP}points"


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
        limits = span(low, high, 1, scale=100)
        return f"{fixed(100 * value, 1)}{NBSP}points{NBSP + limits if limits else ''}" if known(value) else NONE
    return plain(value, low, high, PLACES.get(metric, 2))


def p_value(value: Any) -> str:
    """Return a p-value with two decimals, three below 0.1, and never 0."""
    if not known(value):
        return NONE
    return "< 0.001".replace(" ", NBSP) if value < 0.0005 else fixed(value, 3 if value < 0.0995 else 2)


def threshold(value: Any, scale: str = "probability") -> str:
    """Return a decision threshold: '10 %' on the probability scale, the bare number on a scale of points."""
    if not known(value):
        return NONE
    if scale == "points":
        return f"{float(value):g}"
    share = 100 * float(value)
    return percent(value, 0 if abs(share - round(share)) < 0.005 else 1)


def missed_of(ill: Any, found: Any) -> str:
    """Return those missed, rounded so that found and missed add up to those who have it."""
    return count(half_up(float(ill)) - half_up(float(found))) if known(ill) and known(found) else NONE
