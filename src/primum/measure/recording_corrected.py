"""Metrics by group as they would be against the true outcome, given how often cases are missed and made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.estimate import NO_SPREAD, POINTS, Settings, confusion
from primum.measure.influence import CLOSED
from primum.measure.intervals import wilson
from primum.measure.kernel import Metric
from primum.measure.linear import STEP, few_clusters, interval, variance
from primum.measure.metric import metric
from primum.measure.recording import (
    BY_SCORE,
    Errors,
    case_share,
    clipped,
    contradiction,
    counted,
    errors_by_group,
    true_counts,
    true_histogram,
)
from primum.tally.resample import Histogram, histogram, segmented
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
METHOD = "delta method, error rates taken as known"
BETTER = "with these error rates the scores would do better than perfectly"


def corrected(
    view: ScoreTally, errors: Errors, metrics: Sequence[str], settings: Settings | None = None
) -> list[dict[str, Estimate]]:
    """Return metric id → estimate against the true outcome, for every group of the tally, in order.

    Parameters
    ----------
    view
        Counts against the recorded outcome, by one attribute or an intersection.
    errors
        Group label → (e₀, e₁).
    metrics
        Metrics of confusion counts, and `auroc`, `brier`, `oe_ratio`.
    settings
        Threshold and level.

    Notes
    -----
    Limits are first-order (the multinomial counts of the record vary, weights and clusters included; the error rates
    are taken as known: see `recording_validation` for rates that were estimated). `events` and `nonevents` of an
    estimate are people recorded and not recorded. Where record and rates contradict each other the value is not
    estimable, with the reason: it is never cut back to 0 or 1. Not valid where recording depends on more than group
    and outcome.

    Raises
    ------
    PrimumError
        For a group without rates, impossible rates, a metric without an inversion, or no threshold where one is
        needed.
    """
    chosen = settings or Settings()
    wanted = [_invertible(name) for name in metrics]
    needy = [m.id for m in wanted if m.threshold and chosen.at is None]
    if needy:
        raise PrimumError(f"{', '.join(needy)} need a decision threshold.", mend="say Settings(at=…)")
    labels = [" · ".join(g) or "everyone" for g in view.groups]
    e0, e1 = errors_by_group(labels, errors)
    return [
        {m.id: _one(view, i, m, (float(e0[i]), float(e1[i])), chosen) for m in wanted} for i in range(len(view.groups))
    ]


def _invertible(name: str) -> Metric:
    m = metric(name)
    known = [*(x.id for x in counted()), *BY_SCORE]
    if m.id not in known:
        raise PrimumError(
            f"'{name}' cannot be carried from the record to the truth.",
            expected="a metric of confusion counts, or one that is a mean over pairs or people",
            available=known,
        )
    return m


def _one(view: ScoreTally, i: int, m: Metric, e: tuple[float, float], settings: Settings) -> Estimate:
    at = view.grid.low if settings.at is None else settings.at
    people = view.people()[i]
    h = histogram(view, i, at)
    base = Estimate(
        np.nan, np.nan, np.nan, "none", int(people.sum()), int(people[1]), int(people[0]), level=settings.level
    )
    record = confusion(h)
    truth = true_counts(record, *e)
    truth = truth if m.needs == "counts" and m.threshold else _undecided(truth)
    reason = contradiction(truth) or (POINTS if m.probability and not view.grid.probability else "")
    value = np.nan
    if not reason:
        if m.needs == "counts":
            one = Counts(*(np.asarray(x, dtype=np.float64) for x in vars(clipped(truth)).values()))
            reason = m.undefined(one, at)
            value = float(m.kernel(one, at))
        else:
            moved = true_histogram(h, *e)
            reason = m.undefined(moved, at)
            value = float(m.kernel(moved, at))
            if not reason and not m.range[0] <= value <= m.range[1]:
                reason = BETTER
    if reason:
        return replace(base, status=Status.NOT_ESTIMABLE, reason=reason)
    var, size = _variance(view, i, m, e, settings)
    low, high = _limits(m, value, var, record, settings.level)
    if not (np.isfinite(low) and np.isfinite(high) and high > low):
        return replace(base, value=value, status=Status.IMPRECISE, reason=NO_SPREAD)
    low, high = max(low, m.range[0]), min(high, m.range[1])
    return replace(base, value=value, low=low, high=high, method=METHOD, n_effective=size)


def _undecided(truth: Counts) -> Counts:
    """Return cases and non-cases without a decision, for metrics that have none."""
    nobody = np.zeros_like(np.asarray(truth.tp, dtype=np.float64))
    return Counts(tp=np.asarray(truth.tp + truth.fn), fp=np.asarray(truth.fp + truth.tn), fn=nobody, tn=nobody)


def _variance(
    view: ScoreTally, i: int, m: Metric, e: tuple[float, float], settings: Settings
) -> tuple[float, float | None]:
    at = view.grid.low if settings.at is None else settings.at
    if view.clusters is not None:
        h, cells = segmented(view, i, at)
        shared = view.shared(i)
        clusters = shared.clusters if shared else 0
        var = variance(_influence(m, h, e, at), h, None if shared is None else shared.dense(cells), clusters)
        return var * few_clusters(clusters, settings.level), None
    h = histogram(view, i, at)
    weighted = bool((h.w != h.n).any())
    size = float(h.w.sum() ** 2 / h.ww.sum()) if weighted and h.ww.sum() > 0 else None
    return variance(_influence(m, h, e, at), h), size


def _influence(m: Metric, h: Histogram, e: tuple[float, float], at: float) -> Floats:
    """Return how much a person in each cell of the record moves the metric of the truth, shape (2, bins)."""
    no, yes = (float(x) for x in case_share(*e))
    share = np.array([[no], [yes]])
    with np.errstate(invalid="ignore", divide="ignore"):
        score, square = (np.where(h.w > 0, x / h.w, 0.0) for x in (h.ws, h.wss))
    if m.id == "auroc":
        psi = CLOSED["auroc"](true_histogram(h, *e))
        return np.where(h.w > 0, share * psi[1] + (1 - share) * psi[0], 0.0)
    if m.id == "brier":
        value = float(m.kernel(true_histogram(h, *e), at))
        return np.where(h.w > 0, (square - 2 * share * score + share - value) / h.w.sum(), 0.0)
    if m.id == "oe_ratio":
        value = float(m.kernel(true_histogram(h, *e), at))
        return np.where(h.w > 0, (share - value * score) / h.ws.sum(), 0.0)
    record = confusion(h)
    cells = np.array([[record.tn, record.fp], [record.fn, record.tp]])  # recorded × selected
    step = STEP * cells.sum()

    def at_cells(extra: Floats) -> Floats:
        c = cells + extra
        moved = true_counts(Counts(tp=c[..., 1, 1], fp=c[..., 0, 1], fn=c[..., 1, 0], tn=c[..., 0, 0]), *e)
        return np.asarray(m.kernel(moved, at), dtype=np.float64)

    each = np.eye(4).reshape(4, 2, 2) * step
    slope = ((at_cells(each) - at_cells(-each)) / (2 * step)).reshape(2, 2)
    return np.where(h.w > 0, np.where(h.selected, slope[:, 1:], slope[:, :1]), 0.0)


def _limits(m: Metric, value: float, var: float, record: Counts, level: float) -> tuple[float, float]:
    """Return Wilson's limits with as many effective people as give this variance; other metrics on their own scale."""
    if m.rate is None:
        with np.errstate(over="ignore"):  # a limit of 0 or 1
            return interval(value, var, m, level)
    usual: Callable[[Counts], Floats] = m.rate[1]
    if not np.isfinite(var):
        return np.nan, np.nan
    inner = 0 < value < 1 and var > 0
    size = value * (1 - value) / var if inner else float(usual(record))
    low, high = wilson(value * size, size, level)
    return float(low), float(high)
