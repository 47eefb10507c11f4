"""What selecting people means, group by group: shares with their intervals, and consequences for 1,000 people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from primum.measure.intervals import wilson
from primum.measure.kernel import divide, effective
from primum.measure.utility import net_benefit, net_benefit_interval
from primum.measure.workload import number_needed
from primum.tally.score import Counts, ScoreTally

SHARES: dict[str, tuple[Callable[[Counts], Any], Callable[[Counts], Any]]] = {
    "selected": (lambda c: c.tp + c.fp, lambda c: c.tp + c.fp + c.fn + c.tn),
    "sensitivity": (lambda c: c.tp, lambda c: c.tp + c.fn),
    "specificity": (lambda c: c.tn, lambda c: c.tn + c.fp),
    "ppv": (lambda c: c.tp, lambda c: c.tp + c.fp),
}
"""Name → numerator and denominator."""


def consequences(c: Counts, ww: Counts, exchange: float | None, level: float) -> list[dict[str, Any]]:
    """Return one row for each group of counts (`ww` the same of Σw²), as if the thresholds had been given.

    `selected`, `sensitivity`, `specificity`, `ppv` with Wilson limits (`…_low`, `…_high`); `nne` = 1/PPV;
    `net_benefit` at the threshold `exchange`, where there is one; `found`, `missed`, `false_alarms`, `left_alone` for
    1,000 people. NaN where nobody counts. Not valid as limits for people who belong together, nor for thresholds
    chosen on the same people: the choice is not part of the limits.
    """
    n = c.tp + c.fp + c.fn + c.tn
    columns: dict[str, Any] = {}
    for name, (top, bottom) in SHARES.items():
        value, size = divide(top(c), bottom(c)), effective(bottom(c), bottom(ww))
        columns[name] = value
        columns[f"{name}_low"], columns[f"{name}_high"] = wilson(value * size, size, level)
    columns["nne"] = number_needed(c)
    if exchange is not None and 0 < exchange < 1:
        columns["net_benefit"] = net_benefit(c, exchange)
        columns["net_benefit_low"], columns["net_benefit_high"] = net_benefit_interval(c, ww, exchange, level)
    for name, cell in (("found", c.tp), ("missed", c.fn), ("false_alarms", c.fp), ("left_alone", c.tn)):
        columns[name] = 1000 * divide(cell, n)
    return [{k: float(v[i]) for k, v in columns.items()} for i in range(len(n))]


def pooled(c: Counts) -> Counts:
    """Return the groups of counts with everyone together added at the end."""

    def add(x: Any) -> Any:
        return np.append(x, x.sum())

    return Counts(tp=add(c.tp), fp=add(c.fp), fn=add(c.fn), tn=add(c.tn))


def names(view: ScoreTally, everyone: str) -> list[tuple[str, int, int]]:
    """Return label, people and people with the outcome of every group, and of everyone at the end."""
    people = view.people()
    rows = [(" · ".join(g), int(p.sum()), int(p[1])) for g, p in zip(view.groups, people, strict=True)]
    return [*rows, (everyone, int(people.sum()), int(people[:, 1].sum()))]
