"""Estimates of metrics for every group of a tally, each with the interval that suits it.

Closed forms where they exist (Wilson for rates, DeLong for AUROC, limits combined for net benefit), linearisation for
the rest. With weights or clusters, every interval rests on the linearised variance, and the effective number of
people is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.delong import auroc_interval
from primum.measure.intervals import wilson
from primum.measure.kernel import Metric, effective
from primum.measure.linear import few_clusters, influence, interval, variance
from primum.measure.metric import metric
from primum.measure.rates import balanced_interval
from primum.measure.utility import net_benefit_interval
from primum.tally.resample import Histogram, coarsen, histogram, segmented
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
LINEAR, ROBUST = "linearised", "linearised, cluster-robust"
POINTS = "the score is in points, not a probability"
NARROWEST = 1e-12  # an interval without width is none
NO_SPREAD = "these people do not vary enough for an interval"


@dataclass(frozen=True)
class Settings:
    """What every estimate of one run shares: threshold, bootstrap replicates, seed and level of the intervals."""

    at: float | None = None
    replicates: int = 1000
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True)
class Limits:
    """An interval, how it was made, and how many independent people would give the same."""

    low: float
    high: float
    method: str
    size: float | None = None


def estimates(view: ScoreTally, metrics: Iterable[str], settings: Settings) -> list[dict[str, Estimate]]:
    """Return metric id → estimate for every group of the tally, in order.

    Raises
    ------
    PrimumError
        For a metric of a decision without a threshold.
    """
    wanted = [metric(name) for name in metrics]
    needy = [m.id for m in wanted if m.threshold and settings.at is None]
    if needy:
        raise PrimumError(
            f"{', '.join(needy)} need a decision threshold.",
            available=[f"{t:g}" for t in view.grid.thresholds] or ["every whole per cent of the score's range"],
            mend="say at=…",
        )
    people = view.people()
    result: list[dict[str, Estimate]] = [{} for _ in view.groups]
    counted = [m for m in wanted if m.needs == "counts"]
    if counted:
        _from_counts(view, counted, settings, people, result)
    ranked = [m for m in wanted if m.needs == "histogram"]
    if ranked:
        if view.grid.decisions_only:
            raise PrimumError(
                f"{', '.join(m.id for m in ranked)} need the whole score axis, but only decisions were counted.",
                available=[f"{t:g}" for t in view.grid.thresholds],
                mend="count again without decisions_only",
            )
        robust = view.clusters is not None or weighted(view)
        for i in range(len(view.groups)):
            _from_histogram(view, i, ranked, settings, people[i], result[i], robust=robust)
    return result


def confusion(h: Histogram) -> Counts:
    """Return the confusion counts of a histogram (and its replicates) at its threshold."""
    s = h.selected
    return Counts(
        tp=h.w[..., 1, s].sum(-1), fp=h.w[..., 0, s].sum(-1), fn=h.w[..., 1, ~s].sum(-1), tn=h.w[..., 0, ~s].sum(-1)
    )


def weighted(view: ScoreTally) -> bool:
    """Whether anybody counts for more or less than one."""
    return bool((view.w != view.n).any() or (view.ww != view.n).any())


def _from_counts(
    view: ScoreTally, metrics: list[Metric], settings: Settings, people: Any, result: list[dict[str, Estimate]]
) -> None:
    at = view.grid.low if settings.at is None else settings.at
    counts, squares = view.at(at), view.at(at, "ww")
    robust = view.clusters is not None or weighted(view)
    for m in metrics:
        value = np.asarray(m.kernel(counts, at), dtype=np.float64)
        closed = (
            None if robust or m.interval == "linear" else closed_form(m, value, counts, squares, at, settings.level)
        )
        for i in range(len(view.groups)):
            one = Counts(*(x[i] for x in (counts.tp, counts.fp, counts.fn, counts.tn)))
            reason = POINTS if m.probability and not view.grid.probability else m.undefined(one, at)
            if reason or m.interval == "none":
                limits = Limits(np.nan, np.nan, "count")
            elif closed is not None:
                limits = Limits(float(closed[0][i]), float(closed[1][i]), closed[2])
            else:
                limits = _linear(view, i, m, float(value[i]), at, settings.level, robust=robust)
            result[i][m.id] = _estimate(float(value[i]), limits, people[i], reason, settings.level, m)


def closed_form(m: Metric, value: Floats, c: Counts, ww: Counts, at: float, level: float) -> tuple[Floats, Floats, str]:
    """Return limits of all groups at once, and the method."""
    if m.rate is not None:
        size = effective(m.rate[1](c), m.rate[1](ww))
        return (*wilson(value * size, size, level), "Wilson")
    if m.limits is not None:
        return m.limits(c, ww, at, level)
    if m.id == "balanced_accuracy":
        return (*balanced_interval(c, ww, level), "MOVER on Wilson")
    if m.id == "net_benefit" and at < 1:
        return (*net_benefit_interval(c, ww, at, level), "MOVER on Wilson")
    nothing = np.full_like(value, np.nan)
    return nothing, nothing, "count"


def _from_histogram(
    view: ScoreTally,
    i: int,
    metrics: list[Metric],
    settings: Settings,
    people: Any,
    into: dict[str, Estimate],
    *,
    robust: bool,
) -> None:
    h = histogram(view, i, settings.at)
    coarse = coarsen(h) if view.clusters is None else None
    for m in metrics:
        reason = m.undefined(h, 0.0)
        if m.probability and not view.grid.probability:
            reason = POINTS
        value, limits = np.nan, Limits(np.nan, np.nan, "none")
        if not reason:
            value = float(m.kernel(h, 0.0))
            if m.interval == "delong" and not robust:
                limits = Limits(*auroc_interval(h, settings.level))
            elif m.interval == "bootstrap" and m.limits is not None and view.clusters is None:
                limits = Limits(*m.limits(h, settings.replicates, settings.seed, settings.level))
            else:
                limits = _linear(view, i, m, value, settings.at, settings.level, robust=robust, coarse=coarse)
        into[m.id] = _estimate(value, limits, people, reason, settings.level, m)


def _linear(
    view: ScoreTally,
    i: int,
    m: Metric,
    value: float,
    at: float | None,
    level: float,
    *,
    robust: bool,
    coarse: Histogram | None = None,
) -> Limits:
    """Return the linearised interval of one metric in one group; Wilson's with effective people for a rate."""
    shared = view.shared(i)
    takes = confusion if m.needs == "counts" else _itself
    threshold = view.grid.low if at is None else at
    if view.clusters is not None:
        h, cells = segmented(view, i, at)
        psi = influence(m, h, takes, threshold)
        matrix = None if shared is None else shared.dense(cells)
        clusters = shared.clusters if shared else 0
        var = variance(psi, h, matrix, clusters) * few_clusters(clusters, level)
    else:
        h = coarsen(histogram(view, i, at)) if coarse is None else coarse
        psi = influence(m, h, takes, threshold)
        var = variance(psi, h)
    if m.rate is not None:
        return _rate(m, value, var, h, shared.clusters if shared else None, level, clustered=view.clusters is not None)
    low, high = interval(value, var, m, level)
    size = float(h.w.sum() ** 2 / h.ww.sum()) if robust else None
    if size is not None and shared is not None and var > 0:
        size *= variance(psi, h) / var
    return Limits(low, high, ROBUST if view.clusters is not None else LINEAR, size)


def _rate(
    m: Metric, value: float, var: float, h: Histogram, clusters: int | None, level: float, *, clustered: bool
) -> Limits:
    """Return Wilson's interval with the effective denominator p(1 − p)/variance, never more than the people there."""
    assert m.rate is not None
    people = Histogram(n=h.n, w=h.n, ww=h.n, ws=h.ws, wss=h.wss, selected=h.selected)
    most = float(m.rate[1](confusion(people)))
    if var > 0 and 0 < value < 1:
        size = min(value * (1 - value) / var, most)
    else:  # nobody, or everybody: the variance says nothing, so each cluster counts once
        squares = Histogram(n=h.n, w=h.ww, ww=h.ww, ws=h.ws, wss=h.wss, selected=h.selected)
        size = float(effective(m.rate[1](confusion(h)), m.rate[1](confusion(squares))))
        size = min(size, float(clusters)) if clusters is not None else size
    low, high = wilson(value * size, size, level)
    method = "Wilson, effective people" + (", cluster-robust" if clustered else "")
    return Limits(float(low), float(high), method, size)


def _itself(h: Histogram) -> Histogram:
    return h


def _estimate(value: float, limits: Limits, people: Any, reason: str, level: float, m: Metric) -> Estimate:
    make = partial(Estimate, n=int(people.sum()), events=int(people[1]), nonevents=int(people[0]), level=level)
    nan = float("nan")
    if reason:
        return make(value=nan, low=nan, high=nan, method="none", status=Status.NOT_ESTIMABLE, reason=reason)
    low, high = max(limits.low, m.range[0]), min(limits.high, m.range[1])
    if m.interval != "none" and not (np.isfinite(low) and np.isfinite(high) and high - low > NARROWEST):
        return make(value=value, low=nan, high=nan, method="none", status=Status.IMPRECISE, reason=NO_SPREAD)
    return make(value=value, low=low, high=high, method=limits.method, n_effective=limits.size)
