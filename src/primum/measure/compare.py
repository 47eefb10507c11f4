"""Differences and ratios between a group and a named comparator: another group, or everyone else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from primum.errors import unknown
from primum.finding import Estimate
from primum.measure import between
from primum.measure.between import REST
from primum.measure.intervals import katz
from primum.measure.kernel import Metric
from primum.measure.metric import metric
from primum.measure.table import Settings, estimates, row
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL

__all__ = ["REST", "Comparison", "compare", "comparison_rows", "difference", "quotient"]


@dataclass(frozen=True)
class Comparison:
    """One metric in a group (`own`) and in its comparator (`other`), their difference, and their ratio if any."""

    group: str
    comparator: str
    metric: Metric
    own: Estimate
    other: Estimate
    difference: Estimate
    ratio: Estimate | None


def compare(view: ScoreTally, metrics: Sequence[str], settings: Settings, reference: str = OVERALL) -> list[Comparison]:
    """Return differences and ratios of every group to its comparator.

    Parameters
    ----------
    view
        Tally by one attribute or an intersection.
    metrics
        Metric ids; those without an interval are passed over.
    reference
        Label of the comparator, or "overall": each group is then compared with everyone else, because a group and
        a whole that contains it are not independent.

    Raises
    ------
    PrimumError
        If the reference is not one of the groups.
    """
    labels = [" · ".join(g) for g in view.groups]
    if reference != OVERALL and reference not in labels:
        raise unknown("group", reference, labels, where=f"'{' × '.join(view.attributes)}'")
    names = [n for n in metrics if metric(n).interval != "none"]
    own = estimates(view, names, settings)
    result = []
    for i, group in enumerate(view.groups):
        if labels[i] == reference or (reference == OVERALL and len(view.groups) == 1):
            continue
        if reference == OVERALL:
            other, comparator = estimates(view.without(group), names, settings)[0], REST
        else:
            other, comparator = own[labels.index(reference)], reference
        for name in names:
            m, a, b = metric(name), own[i][name], other[name]
            part = quotient(a, b, m) if m.range[0] >= 0 else None
            result.append(Comparison(labels[i], comparator, m, a, b, difference(a, b, m), part))
    return result


def comparison_rows(
    found: Sequence[Comparison], *, model: str, attribute: str, at: float | None
) -> list[dict[str, Any]]:
    """Return comparisons as long rows: one for the difference, one for the ratio."""
    rows = []
    for c in found:
        where: dict[str, Any] = {"model": model, "attribute": attribute, "group": c.group, "comparator": c.comparator}
        where |= {"metric": c.metric.id, "at": at if c.metric.threshold else None}
        rows.append(row(c.difference, **where, comparison="difference"))
        if c.ratio is not None:
            rows.append(row(c.ratio, **where, comparison="ratio"))
    return rows


def difference(a: Estimate, b: Estimate, m: Metric) -> Estimate:
    """Return a − b of independent groups: Newcombe's interval for rates, the same combination of limits otherwise."""
    found = between.difference(a, b)
    return replace(found, method="Newcombe") if m.rate and found.ok else found


def quotient(a: Estimate, b: Estimate, m: Metric) -> Estimate:
    """Return a / b of independent groups: Katz's log interval for unweighted rates, log limits otherwise."""
    found = between.quotient(a, b)
    k1, n1 = _counts(a, m)
    k2, n2 = _counts(b, m)
    if not (found.ok and n1 and n2):
        return found
    low, high = katz(k1, n1, k2, n2, a.level)
    return replace(found, low=float(low), high=float(high), method="log (Katz)")


def _counts(e: Estimate, m: Metric) -> tuple[float, float]:
    """Return numerator and denominator of an unweighted rate whose denominator is known from the people behind it."""
    n = {"events": e.events, "nonevents": e.nonevents, "everyone": e.n}.get(m.denominator, 0) if m.rate else 0
    return (e.value * n, float(n)) if e.n_effective is None else (0.0, 0.0)
