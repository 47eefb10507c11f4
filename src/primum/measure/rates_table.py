"""Metrics of a decision for all groups at once, as columns: what `table.frame` shows, without a Python object a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from primum.finding import Status
from primum.measure.estimate import NARROWEST, NO_SPREAD, POINTS, Settings, closed_form, weighted
from primum.measure.metric import metric
from primum.tally.score import Counts, ScoreTally

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl


def in_closed_form(tally: ScoreTally, metrics: Sequence[str], settings: Settings) -> bool:
    """Whether every metric has a closed interval here: no weights, no clusters, nothing but counts."""
    wanted = [metric(name) for name in metrics]
    if settings.at is None and any(m.threshold for m in wanted):
        return False
    simple = all(m.needs == "counts" and m.interval != "linear" for m in wanted)
    return simple and tally.clusters is None and not weighted(tally)


def columns(view: ScoreTally, metrics: Sequence[str], settings: Settings, schema: dict[str, Any]) -> pl.DataFrame:
    """Return the rows of a view, a metric after the other within each group, as `table.estimate_rows` gives them."""
    import polars as pl

    from primum.measure.table import EVERYONE
    from primum.usecase import OVERALL

    at = view.grid.low if settings.at is None else settings.at
    counts, squares = view.at(at), view.at(at, "ww")
    people = view.people()
    groups, width = len(view.groups), len(metrics)
    value, low, high = (np.full((groups, width), np.nan) for _ in range(3))
    told = {k: np.full((groups, width), "", dtype=object) for k in ("method", "status", "reason")}
    for j, m in enumerate(metric(name) for name in metrics):
        v = np.asarray(m.kernel(counts, at), dtype=np.float64)
        least, most, method = closed_form(m, v, counts, squares, at, settings.level)
        least, most = np.maximum(least, m.range[0]), np.minimum(most, m.range[1])
        with np.errstate(invalid="ignore"):
            limited = np.isfinite(least) & np.isfinite(most) & (most - least > NARROWEST)
        if m.interval == "none":
            limited[:] = True
        value[:, j], low[:, j], high[:, j] = v, least, most
        told["method"][:, j] = "count" if m.interval == "none" else method
        told["status"][:, j] = str(Status.OK)
        points = m.probability and not view.grid.probability
        doubtful = ~(np.isfinite(v) & limited)
        if points or m.rate is None:  # a rate without a denominator is not a number; other metrics have other reasons
            doubtful[:] = True
        for i in np.flatnonzero(doubtful).tolist():
            one = Counts(*(x[i] for x in (counts.tp, counts.fp, counts.fn, counts.tn)))
            reason = POINTS if points else m.undefined(one, at)
            if not reason and limited[i]:
                continue
            value[i, j] = np.nan if reason else v[i]
            low[i, j] = high[i, j] = np.nan
            told["method"][i, j] = "none"
            told["status"][i, j] = str(Status.NOT_ESTIMABLE if reason else Status.IMPRECISE)
            told["reason"][i, j] = reason or NO_SPREAD
        if m.interval == "none":
            low[:, j] = high[:, j] = np.nan
    names = [" · ".join(g) or EVERYONE for g in view.groups]
    at_of = [settings.at if metric(name).threshold else None for name in metrics]
    rows = groups * width
    table = {
        "model": pl.repeat(view.score_name, rows, eager=True),
        "metric": list(metrics) * groups,
        "attribute": pl.repeat(" × ".join(view.attributes) or OVERALL, rows, eager=True),
        "group": [name for name in names for _ in range(width)],
        "comparator": pl.repeat("", rows, eager=True),
        "comparison": pl.repeat("estimate", rows, eager=True),
        "at": at_of * groups,
        "value": value.ravel(),
        "low": low.ravel(),
        "high": high.ravel(),
        "level": pl.repeat(settings.level, rows, eager=True),
        "method": told["method"].ravel().tolist(),
        "n": np.repeat(people.sum(axis=1), width),
        "events": np.repeat(people[:, 1], width),
        "nonevents": np.repeat(people[:, 0], width),
        "n_effective": pl.repeat(None, rows, dtype=pl.Float64, eager=True),
        "status": told["status"].ravel().tolist(),
        "reason": told["reason"].ravel().tolist(),
    }
    return pl.DataFrame(table, schema=schema)
