"""Numbers as journals print them: '69.1% (64.7 to 73.1)', never more digits than the run holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from primum.finding import Estimate, Status
from primum.report import words
from primum.report.numbers import COUNTS, GAPS, NONE, PLACES, RATES, fixed, known
from primum.report.paper.manuscript import MISSING_WORD

FEW_DIGITS = 1e-9
NAMES = {"selection_rate": "proportion selected", "oe_ratio": "observed/expected ratio"}
PROPER = frozenset({"Brier", "E50", "E90"})
COUNTED_DIFFERENCE = 3


def withheld(row: Mapping[str, Any] | Estimate) -> bool:
    """Whether a number exists and is hidden."""
    status = row.status if isinstance(row, Estimate) else row.get("status")
    return str(status) == str(Status.SUPPRESSED)


def counted(value: Any, *, hidden: bool = False) -> str:
    """Return a number of people; 'withheld' where it is hidden."""
    if known(value):
        return fixed(value)
    return MISSING_WORD if hidden else NONE


def share(part: Any, whole: Any, *, protected: bool = False) -> str:
    """Return a number of people and their share: '459 (9.1%)'.

    A share of `protected` counts has floor(log₁₀ whole) decimals at most, as every other number of a release.
    """
    if not (known(part) and known(whole)) or not whole:
        return counted(part)
    places = 3 if not protected else min(3, math.floor(math.log10(whole) + FEW_DIGITS)) if whole >= 1 else 0
    return f"{fixed(part)} ({fixed(100 * round(part / whole, places), min(1, max(0, places - 2)))}%)"


def percent(value: Any, places: int = 0) -> str:
    """Return a share as percent: '10%'."""
    return f"{fixed(100 * float(value), places)}%" if known(value) else NONE


def threshold(value: Any) -> str:
    """Return a threshold on the scale of risks, with the decimals that it has: '10%', '7.5%'."""
    return percent(value, 0 if known(value) and abs(100 * value - round(100 * value)) < 0.005 else 1)


def level(value: float) -> str:
    """Return the level of intervals: '95%'."""
    return percent(value, 0 if abs(100 * value - round(100 * value)) < FEW_DIGITS else 1)


def estimate(metric: str, row: Mapping[str, Any] | Estimate, *, sure: str = "") -> str:
    """Return an estimate with its interval: '69.1% (64.7 to 73.1)'; with `sure`, '69.1% (95% CI 64.7 to 73.1)'.

    A number that rests on protected counts was rounded before: no digit is added to it.
    """
    value, low, high = _three(row)
    if not known(value):
        return MISSING_WORD if withheld(row) else "not estimable"
    if metric in COUNTS:
        return fixed(value)
    scale, unit, most = _unit(metric)
    if metric in RATES:
        most = 1
    return _joined(value, low, high, scale, unit, _places((value, low, high), scale, most), sure)


def difference(metric: str, row: Mapping[str, Any] | Estimate, *, sure: str = "") -> str:
    """Return a signed difference with its interval; of shares in percentage points, without a unit."""
    value, low, high = _three(row)
    if not known(value):
        return MISSING_WORD if withheld(row) else "not estimable"
    scale, _, most = _unit(metric)
    most = 1 if metric in RATES | GAPS else max(most, COUNTED_DIFFERENCE)
    return _joined(value, low, high, scale, "", _places((value, low, high), scale, most), sure, signed=True)


def limits(metric: str, low: Any, high: Any) -> str:
    """Return the limits of a difference alone: '−12.3 to 4.0'."""
    if not (known(low) and known(high)):
        return NONE
    scale, _, most = _unit(metric)
    most = 1 if metric in RATES | GAPS else max(most, COUNTED_DIFFERENCE)
    places = _places((low, high), scale, most)
    return f"{fixed(scale * low, places)} to {fixed(scale * high, places)}"


def margin(metric: str, size: Any) -> str:
    """Return a declared margin as a number in the unit of `difference`."""
    if not known(size):
        return NONE
    scale, _, _ = _unit(metric)
    return f"{scale * float(size):g}"


def unit(metric: str) -> str:
    """Return what a difference of a metric is counted in."""
    return "percentage points" if metric in RATES | GAPS else "units of the measure"


def name(metric: str) -> str:
    """Return a measure as it stands inside a sentence: 'positive predictive value', 'Brier score', 'AUROC'."""
    title = words.metric_title(metric)
    if metric in NAMES:
        return NAMES[metric]
    return title if title.split(maxsplit=1)[0] in PROPER else words.lower(title)


def _three(row: Mapping[str, Any] | Estimate) -> tuple[Any, Any, Any]:
    if isinstance(row, Estimate):
        return row.value, row.low, row.high
    return row.get("value"), row.get("low"), row.get("high")


def _unit(metric: str) -> tuple[float, str, int]:
    """Return by what a metric is multiplied, its unit, and how many decimals it has at most."""
    if metric in RATES:
        return 100.0, "%", 1
    if metric in GAPS:
        return 100.0, " points", 1
    return 1.0, "", PLACES.get(metric, 2)


def _places(values: tuple[Any, ...], scale: float, most: int) -> int:
    """Return the fewest decimals, up to `most`, that lose nothing of the numbers."""
    shown = [scale * float(v) for v in values if known(v)]
    for places in range(most):
        if all(abs(v - round(v, places)) < FEW_DIGITS for v in shown):
            return places
    return most


def _joined(
    value: Any, low: Any, high: Any, scale: float, unit_: str, places: int, sure: str, *, signed: bool = False
) -> str:
    sign = "+" if signed and round(scale * float(value), places) > 0 else ""
    text = f"{sign}{fixed(scale * value, places)}{unit_}"
    if not (known(low) and known(high)):
        return text
    lead = f"{sure} CI " if sure else ""
    return f"{text} ({lead}{fixed(scale * low, places)} to {fixed(scale * high, places)})"
