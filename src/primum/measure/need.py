"""Before any data are collected: how many cases, and how many people, each group needs for the declared margins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from primum.measure.metric import METRICS
from primum.measure.power import equal_groups, people_needed
from primum.measure.riley import n_auroc, n_observed_expected, n_rate, n_slope
from primum.usecase import Precision, UseCase

EXPECTED = {"sensitivity": 0.8, "specificity": 0.8, "ppv": 0.3, "npv": 0.95, "accuracy": 0.8, "auroc": 0.8}
KIND = {"events": "cases", "nonevents": "non-cases"}


def needs(
    usecase: UseCase, prevalence: float, expected: Mapping[str, float] | None = None, *, power: float = 0.8
) -> list[dict[str, Any]]:
    """Return what a group needs, one row per purpose.

    Parameters
    ----------
    usecase
        Declares margins, precision and the level.
    prevalence
        Expected share with the outcome, in (0, 1).
    expected
        Metric → value expected in the comparator; `EXPECTED` where left out.
    power
        Chance of showing a shortfall as large as the margin.

    Returns
    -------
    list of dict
        `purpose`, `metric`, `expected`, `target` (margin or half-width), `kind` (cases or non-cases), `n` of
        them, and `people` (in all, at this prevalence); None where there is no formula.
    """
    assumed = {**EXPECTED, **(expected or {})}
    rows = []
    for name, margin in usecase.margins.items():
        m = METRICS[name]
        if m.rate is not None and m.denominator in KIND:
            p = assumed.get(name, 0.8)
            good = p if m.better == "higher" else 1 - p
            large = people_needed(good, margin, level=usecase.level, power=power)
            equal = equal_groups(good, max(good - margin, 0.0), level=usecase.level, power=power)
            for against, n in (("a large comparator", large), ("an equal group", equal)):
                purpose = f"shortfall {margin:g} v {against}"
                rows.append(_row(purpose, name, p, margin, KIND[m.denominator], n, prevalence))
        elif name == "auroc":
            c = assumed["auroc"]
            half = margin * _level_to_power(usecase.level, power)
            n = n_auroc(prevalence, c, half, level=usecase.level)
            purpose = f"shortfall {margin:g} v a large comparator"
            rows.append(_row(purpose, name, c, margin, KIND["events"], n * prevalence, prevalence))
        elif name in {"oe_ratio", "calibration_slope"}:
            half = margin * _level_to_power(usecase.level, power)
            n = _ideal(name, prevalence, assumed["auroc"], half, usecase.level)
            purpose = f"departure {margin:g} from 1"
            rows.append(_row(purpose, name, 1.0, margin, KIND["events"], n * prevalence, prevalence))
        else:
            rows.append(_row("no formula: simulate", name, None, margin, "", None, prevalence))
    for name in {*usecase.precision, *usecase.margins}:
        rows += _precision(name, usecase.precision.get(name, Precision()), assumed, prevalence, usecase.level)
    return sorted(rows, key=lambda r: (list(METRICS).index(r["metric"]), r["purpose"]))


def _precision(name: str, wanted: Precision, assumed: Mapping[str, float], prevalence: float, level: float) -> Any:
    m, half = METRICS[name], wanted.half_width
    purpose = f"interval ±{half:g}"
    if m.rate is not None and m.denominator in KIND:
        p = assumed.get(name, 0.8)
        n = max(n_rate(p, half, level=level), wanted.events)
        return [_row(purpose, name, p, half, KIND[m.denominator], n, prevalence)]
    if name in {"auroc", "oe_ratio", "calibration_slope"}:
        n = _ideal(name, prevalence, assumed["auroc"], half, level)
        events = max(n * prevalence, wanted.events)
        return [_row(purpose, name, assumed.get(name, 1.0), half, KIND["events"], events, prevalence)]
    return []


def _ideal(name: str, prevalence: float, auroc: float, half: float, level: float) -> float:
    if name == "auroc":
        return n_auroc(prevalence, auroc, half, level=level)
    if name == "oe_ratio":
        return n_observed_expected(prevalence, half, level=level)
    return n_slope(prevalence, auroc, half, level=level)


def _level_to_power(level: float, power: float) -> float:
    """Return z_{α/2} / (z_{α/2} + z_β): the half-width that shows a departure of 1 with this power."""
    from primum.measure.intervals import z_value
    from primum.measure.power import z_power

    return z_value(level) / (z_value(level) + z_power(power))


def _row(
    purpose: str, name: str, expected: float | None, target: float, kind: str, n: float | None, prevalence: float
) -> dict[str, Any]:
    share = {"cases": prevalence, "non-cases": 1 - prevalence}.get(kind, 1.0)
    known = n is not None and math.isfinite(n)
    return {
        "purpose": purpose,
        "metric": name,
        "expected": expected,
        "target": target,
        "kind": kind,
        "n": math.ceil(n - 1e-9) if known and n is not None else None,
        "people": math.ceil(n / share - 1e-9) if known and n is not None else None,
    }
