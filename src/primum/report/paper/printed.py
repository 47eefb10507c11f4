"""Numbers as journals print them: '69.1% (64.7 to 73.1)', never more digits than the run holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from primum.finding import Estimate, Status, Verdict
from primum.report import words
from primum.report.numbers import COUNTS, GAPS, NONE, PLACES, RATES, fixed, general, known, withheld_word
from primum.report.say import say, spoken

FEW_DIGITS = 1e-9
RENAMED = frozenset({"selection_rate", "oe_ratio"})
"""Measures that a sentence calls otherwise than a heading."""
PROPER = frozenset({"brier", "e50", "e90"})
"""Measures whose names begin with a capital everywhere."""
COUNTED_DIFFERENCE = 3


def withheld(row: Mapping[str, Any] | Estimate) -> bool:
    """Whether a number exists and is hidden."""
    status = row.status if isinstance(row, Estimate) else row.get("status")
    return str(status) == str(Status.SUPPRESSED)


def no_value(row: Mapping[str, Any] | Estimate) -> str:
    """Return why there is no number: it is hidden, or it cannot be known."""
    return withheld_word() if withheld(row) else spoken()("report.status.not_estimable")


def verdict(kind: Verdict) -> str:
    """Return a verdict in words."""
    return spoken()(f"report.verdict.{kind.name.lower()}.name")


def counted(value: Any, *, hidden: bool = False) -> str:
    """Return a number of people; 'withheld' where it is hidden."""
    if known(value):
        return fixed(value)
    return withheld_word() if hidden else NONE


def share(part: Any, whole: Any, *, protected: bool = False) -> str:
    """Return a number of people and their share: '459 (9.1%)'.

    A share of `protected` counts has floor(log₁₀ whole) decimals at most, as every other number of a release.
    """
    if not (known(part) and known(whole)) or not whole:
        return counted(part)
    places = 3 if not protected else min(3, math.floor(math.log10(whole) + FEW_DIGITS)) if whole >= 1 else 0
    percent_ = percent(round(part / whole, places), min(1, max(0, places - 2)))
    return say("paper.number.share", number=fixed(part), percent=percent_)


def percent(value: Any, places: int = 0) -> str:
    """Return a share as percent: '10%'."""
    return with_unit(fixed(100 * float(value), places), "percent") if known(value) else NONE


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
        return no_value(row)
    if metric in COUNTS:
        return fixed(value)
    scale, unit, most = _unit(metric)
    if metric in RATES:
        most = 1
    return _joined(value, low, high, scale, unit, _places((value, low, high), scale, most), sure)


def everybody(prevalence: float, at: float) -> str:
    """Return the net benefit of selecting everybody at a threshold, with no more decimals than the prevalence has."""
    places = _places((prevalence,), 1.0, PLACES.get("net_benefit", 3))
    return fixed(prevalence - (1 - prevalence) * at / (1 - at), places)


def difference(metric: str, row: Mapping[str, Any] | Estimate, *, sure: str = "", units: bool = False) -> str:
    """Return a signed difference with its interval; of shares in percentage points, named only with `units`."""
    value, low, high = _three(row)
    if not known(value):
        return no_value(row)
    scale, _, most = _unit(metric)
    most = 1 if metric in RATES | GAPS else max(most, COUNTED_DIFFERENCE)
    unit_ = "percentage_points" if units and metric in RATES else ""
    return _joined(value, low, high, scale, unit_, _places((value, low, high), scale, most), sure, signed=True)


def limits(metric: str, low: Any, high: Any) -> str:
    """Return the limits of a difference alone: '−12.3 to 4.0'."""
    if not (known(low) and known(high)):
        return NONE
    scale, _, most = _unit(metric)
    most = 1 if metric in RATES | GAPS else max(most, COUNTED_DIFFERENCE)
    places = _places((low, high), scale, most)
    return say("paper.number.limits", low=fixed(scale * low, places), high=fixed(scale * high, places))


def margin(metric: str, size: Any) -> str:
    """Return a declared margin as a number in the unit of `difference`."""
    if not known(size):
        return NONE
    scale, _, _ = _unit(metric)
    return general(scale * float(size))


def margin_with_unit(metric: str, size: Any) -> str:
    """Return a declared margin; of shares in percentage points, named."""
    return with_unit(margin(metric, size), "percentage_points" if metric in RATES else "")


def width(metric: str, size: float) -> str:
    """Return a declared width of an interval; of shares in percentage points, named."""
    return margin_with_unit(metric, size) if metric in RATES else general(size)


def unit(metric: str) -> str:
    """Return what a difference of a metric is counted in."""
    return say("paper.unit.points" if metric in RATES | GAPS else "paper.unit.other")


def name(metric: str) -> str:
    """Return a measure as it stands inside a sentence: 'positive predictive value', 'Brier score', 'AUROC'."""
    if metric in RENAMED:
        return say(f"paper.name.{metric}")
    title = words.metric_title(metric)
    return title if metric in PROPER else words.lower(title)


def with_unit(number: str, unit_: str) -> str:
    """Return a number with its unit: "percent", "points", "percentage_points", or "" for none."""
    if unit_ == "percent":
        return spoken()("language.percent", n=number)
    return say(f"paper.number.{unit_}", number=number) if unit_ else number


def _three(row: Mapping[str, Any] | Estimate) -> tuple[Any, Any, Any]:
    if isinstance(row, Estimate):
        return row.value, row.low, row.high
    return row.get("value"), row.get("low"), row.get("high")


def _unit(metric: str) -> tuple[float, str, int]:
    """Return by what a metric is multiplied, its unit, and how many decimals it has at most."""
    if metric in RATES:
        return 100.0, "percent", 1
    if metric in GAPS:
        return 100.0, "points", 1
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
    text = with_unit(f"{sign}{fixed(scale * value, places)}", unit_)
    if not (known(low) and known(high)):
        return text
    ends = {"low": fixed(scale * low, places), "high": fixed(scale * high, places)}
    if sure:
        return say("paper.number.estimate_sure", value=text, level=sure, **ends)
    return say("paper.number.estimate", value=text, **ends)
