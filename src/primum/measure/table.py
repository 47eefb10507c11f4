"""The long table: one row per group and metric, with interval, people behind it, status and reason."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.delong import auroc_interval
from primum.measure.intervals import wilson
from primum.measure.kernel import Metric, effective
from primum.measure.metric import metric
from primum.measure.rates import balanced_interval
from primum.measure.utility import net_benefit_interval
from primum.tally.resample import Histogram, coarsen, histogram, resample
from primum.tally.score import Counts, ScoreTally
from primum.usecase import OVERALL

if TYPE_CHECKING:
    import polars as pl

EVERYONE = "everyone"
COLUMNS = (
    "model", "metric", "attribute", "group", "comparator", "comparison", "at", "value", "low", "high", "level",
    "method", "n", "events", "nonevents", "status", "reason",
)  # fmt: skip
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """What every estimate of one run shares: threshold, bootstrap replicates, seed and level of the intervals."""

    at: float | None = None
    replicates: int = 1000
    seed: int = 0
    level: float = 0.95


def frame(
    tally: ScoreTally,
    metrics: Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: float | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> pl.DataFrame:
    """Return one long frame of estimates with the columns of `COLUMNS`.

    Parameters
    ----------
    tally
        Counts of one score.
    metrics
        Metric ids.
    by
        One attribute, or a list for their intersection. Left out: overall, every attribute, and the full intersection.
    at
        Decision threshold; needed by metrics of a decision. Left out with exactly one declared threshold: that one.
    replicates, seed, level
        Of the intervals.

    Raises
    ------
    PrimumError
        For an unknown metric, attribute or threshold, or a metric of a decision without a threshold.
    """
    import polars as pl

    threshold = at if at is not None or len(tally.grid.thresholds) != 1 else tally.grid.thresholds[0]
    settings = Settings(at=threshold, replicates=replicates, seed=seed, level=level)
    if by is None:
        views: list[tuple[str, ...]] = [(), *((a,) for a in tally.attributes)]
        views += [tally.attributes] if len(tally.attributes) > 1 else []
    else:
        views = [(by,) if isinstance(by, str) else tuple(by)]
    rows = [row for view in views for row in estimate_rows(tally.by(*view), metrics, settings)]
    floats = ("at", "value", "low", "high", "level")
    schema = {
        c: pl.Float64 if c in floats else pl.Int64 if c in {"n", "events", "nonevents"} else pl.String for c in COLUMNS
    }
    return pl.DataFrame(rows, schema=schema)


def estimate_rows(view: ScoreTally, metrics: Sequence[str], settings: Settings) -> list[dict[str, Any]]:
    """Return long rows for every group of a tally that is already regrouped to one attribute (or none, or several)."""
    attribute = " × ".join(view.attributes) or OVERALL
    found = estimates(view, metrics, settings)
    return [
        row(
            found[i][name], model=view.score_name, metric=name, attribute=attribute,
            group=" · ".join(group) or EVERYONE, at=settings.at if metric(name).threshold else None,
        )
        for i, group in enumerate(view.groups)
        for name in metrics
    ]  # fmt: skip


def row(e: Estimate, **where: Any) -> dict[str, Any]:
    """Return an estimate as one long row."""
    base: dict[str, Any] = {"comparator": "", "comparison": "estimate", **where}
    base |= {
        k: getattr(e, k) for k in ("value", "low", "high", "level", "method", "n", "events", "nonevents", "reason")
    }
    base["status"] = str(e.status)
    return {c: base[c] for c in COLUMNS}


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
        for i in range(len(view.groups)):
            _from_histogram(view, i, ranked, settings, people[i], result[i])
    return result


def _from_counts(
    view: ScoreTally, metrics: list[Metric], settings: Settings, people: Any, result: list[dict[str, Estimate]]
) -> None:
    at = view.grid.low if settings.at is None else settings.at
    counts, squares = view.at(at), view.at(at, "ww")
    for m in metrics:
        value = np.asarray(m.kernel(counts, at), dtype=np.float64)
        low, high = (np.full_like(value, np.nan) for _ in range(2))
        method = {"wilson": "Wilson", "mover": "MOVER on Wilson", "bootstrap": "bootstrap on cells"}.get(
            m.interval, "count"
        )
        if m.rate is not None:
            size = effective(m.rate[1](counts), m.rate[1](squares))
            low, high = wilson(value * size, size, settings.level)
        elif m.id == "balanced_accuracy":
            low, high = balanced_interval(counts, squares, settings.level)
        elif m.id == "net_benefit" and at < 1:
            low, high = net_benefit_interval(counts, squares, at, settings.level)
        elif m.interval == "bootstrap":
            low, high = _bootstrap_counts(view, m, at, settings, value)
        for i in range(len(view.groups)):
            one = Counts(*(x[i] for x in (counts.tp, counts.fp, counts.fn, counts.tn)))
            reason = m.undefined(one, at)
            result[i][m.id] = _estimate(value[i], low[i], high[i], method, people[i], reason, settings.level, m)


def _bootstrap_counts(
    view: ScoreTally, m: Metric, at: float, settings: Settings, value: Floats
) -> tuple[Floats, Floats]:
    low, high = (np.full_like(value, np.nan) for _ in range(2))
    for i in range(len(view.groups)):
        h = coarsen(histogram(view, i, at))
        if h.n.sum() <= 0 or not np.isfinite(value[i]):
            continue
        draws = m.kernel(confusion(resample(h, settings.replicates, _rng(view, i, settings))), at)
        low[i], high[i] = _percentile(draws, settings.level)
    return low, high


def _from_histogram(
    view: ScoreTally, i: int, metrics: list[Metric], settings: Settings, people: Any, into: dict[str, Estimate]
) -> None:
    h = histogram(view, i, settings.at)
    draws: Histogram | None = None
    coarse = coarsen(h)
    for m in metrics:
        reason = m.undefined(h, 0.0)
        if m.probability and not view.grid.probability:
            reason = "the score is in points, not a probability"
        if reason:
            into[m.id] = _estimate(np.nan, np.nan, np.nan, "none", people, reason, settings.level, m)
            continue
        value = float(m.kernel(h, 0.0))
        if m.interval == "delong":
            low, high, method = auroc_interval(h, settings.level)
        else:
            draws = draws or resample(coarse, settings.replicates, _rng(view, i, settings))
            shift = value - float(m.kernel(coarse, 0.0))
            with np.errstate(invalid="ignore"):
                low, high = (x + shift for x in _percentile(m.kernel(draws, 0.0), settings.level))
            method = "bootstrap on cells"
        into[m.id] = _estimate(value, low, high, method, people, "", settings.level, m)


def confusion(h: Histogram) -> Counts:
    """Return the confusion counts of a histogram (and its replicates) at its threshold."""
    s = h.selected
    return Counts(
        tp=h.w[..., 1, s].sum(-1), fp=h.w[..., 0, s].sum(-1), fn=h.w[..., 1, ~s].sum(-1), tn=h.w[..., 0, ~s].sum(-1)
    )


def _percentile(draws: Floats, level: float) -> tuple[float, float]:
    """Return percentile limits; NaN when more than a tenth of the replicates are undefined, or none of them differs."""
    known = draws[np.isfinite(draws)]
    if len(known) < 0.9 * len(draws) or np.ptp(known) <= 1e-12:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _estimate(
    value: float, low: float, high: float, method: str, people: Any, reason: str, level: float, m: Metric
) -> Estimate:
    make = partial(Estimate, n=int(people.sum()), events=int(people[1]), nonevents=int(people[0]), level=level)
    if reason:
        return make(value=np.nan, low=np.nan, high=np.nan, method="none", status=Status.NOT_ESTIMABLE, reason=reason)
    if m.interval != "none" and not (np.isfinite(low) and np.isfinite(high)):
        why = "these people do not vary enough for an interval"
        return make(value=float(value), low=np.nan, high=np.nan, method="none", status=Status.IMPRECISE, reason=why)
    low, high = max(low, m.range[0]), min(high, m.range[1])
    return make(value=float(value), low=float(low), high=float(high), method=method)


def _rng(view: ScoreTally, i: int, settings: Settings) -> np.random.Generator:
    name = "|".join((*view.attributes, *view.groups[i], view.score_name))
    return np.random.default_rng([settings.seed, zlib.crc32(name.encode())])
