"""The long table: one row per group and metric, with interval, people behind it, status and reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from primum.finding import Estimate
from primum.measure.estimate import Settings, estimates
from primum.measure.metric import metric
from primum.measure.rates_table import columns, in_closed_form
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLUMNS", "EVERYONE", "Settings", "estimate_rows", "estimates", "frame", "row"]

EVERYONE = "everyone"
COLUMNS = (
    "model", "metric", "attribute", "group", "comparator", "comparison", "at", "value", "low", "high", "level",
    "method", "n", "events", "nonevents", "n_effective", "status", "reason",
)  # fmt: skip


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
    floats = ("at", "value", "low", "high", "level", "n_effective")
    schema = {
        c: pl.Float64 if c in floats else pl.Int64 if c in {"n", "events", "nonevents"} else pl.String for c in COLUMNS
    }
    if views and metrics and in_closed_form(tally, metrics, settings):
        if settings.at is not None:
            tally = tally.decided(settings.at)
        return pl.concat([columns(tally.by(*view), metrics, settings, schema) for view in views])
    rows = [row for view in views for row in estimate_rows(tally.by(*view), metrics, settings)]
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
        k: getattr(e, k)
        for k in ("value", "low", "high", "level", "method", "n", "events", "nonevents", "n_effective", "reason")
    }
    base["status"] = str(e.status)
    return {c: base[c] for c in COLUMNS}
