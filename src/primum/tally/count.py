"""One pass over the rows, on whatever engine holds them: derive columns, one group-by, bare sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.tally.cluster import Clusters, shared_sums
from primum.tally.grid import Grid
from primum.tally.score import ScoreTally
from primum.usecase import MISSING

MISSING_SCORE = -1
BELOW, ABOVE = -2, -3
UNKNOWN_OUTCOME, BAD_OUTCOME = 2, 3


def count(
    frame: Any,
    outcome: str,
    score: str,
    by: Sequence[str] | str = (),
    *,
    thresholds: Sequence[float] = (),
    weight: str | None = None,
    cluster: str | None = None,
    views: Sequence[Sequence[str]] | None = None,
    score_range: tuple[float, float] = (0.0, 1.0),
    missing: str = "refuse",
    outcome_name: str | None = None,
    score_name: str | None = None,
) -> ScoreTally:
    """Count rows into a `ScoreTally`.

    Parameters
    ----------
    frame
        Any frame narwhals knows: polars (eager or lazy), pandas, pyarrow …; one row a person.
    outcome
        Column of 0/1 or booleans; missing outcomes are left out and counted in `left_out`.
    score
        Column of risks in [0, 1], or points when `score_range` says so.
    by
        Columns of group membership; missing membership becomes the group "(missing)".
    thresholds
        Decision thresholds; whole per cents need not be declared.
    weight
        Column of weights ≥ 0.
    cluster
        Column that says who belongs together: a family, a hospital, a person with several visits. Missing values
        are people on their own.
    views
        With `cluster`: the groupings that will be asked for. Everyone, each attribute and the full intersection if
        left out.
    missing
        "refuse" raises on missing scores, "exclude" leaves them out and counts them in `left_out`.

    Raises
    ------
    PrimumError
        For a missing column, an outcome other than 0/1, a score that is missing (unless excluded) or out of range,
        a negative, infinite or all-zero weight, or no rows at all.
    """
    if missing not in {"refuse", "exclude"}:
        raise PrimumError(f"missing='{missing}' is not known.", available=["refuse", "exclude"])
    names = [by] if isinstance(by, str) else list(by)
    low, high = score_range
    grid = Grid(low=float(low), high=float(high), thresholds=tuple(sorted({float(t) for t in thresholds})))
    data = _native(frame)
    columns = data.collect_schema().names()
    for kind, column in [
        ("outcome", outcome),
        ("score", score),
        *(("group", n) for n in names),
        ("weight", weight),
        ("cluster", cluster),
    ]:
        if column is not None and column not in columns:
            raise unknown(f"{kind} column", column, columns, where="the data")
    rows = _counted(_derived(data, grid, outcome, score, names, weight), names, weighted=weight is not None)
    _check(rows, outcome, score, weight, grid, missing)
    tally = _tally(rows, grid, names, outcome_name or outcome, score_name or score, weighted=weight is not None)
    if cluster is None:
        return tally
    wanted = [tuple(v) for v in views] if views is not None else [(), *((n,) for n in names), tuple(names)]
    linked = _clusters(data, grid, outcome, score, names, weight, cluster, list(dict.fromkeys([(), *wanted])))
    return replace(tally, clusters=linked)


def _native(frame: Any) -> Any:
    try:
        return nw.from_native(frame)
    except TypeError:
        raise PrimumError(
            f"Rows of type {type(frame).__name__} cannot be counted.",
            expected="a frame of polars, pandas, pyarrow, DuckDB, Dask, PySpark or Ibis",
        ) from None


def _derived(data: Any, grid: Grid, outcome: str, score: str, names: Sequence[str], weight: str | None) -> Any:
    """Derive one column for every key and every sum; only bare columns are aggregated afterwards."""
    y, s = nw.col(outcome).cast(nw.Float64), nw.col(score).cast(nw.Float64)
    code = (
        nw.when(y.is_null() | y.is_nan())
        .then(nw.lit(UNKNOWN_OUTCOME))
        .otherwise(nw.when(y == 1).then(nw.lit(1)).otherwise(nw.when(y == 0).then(nw.lit(0)).otherwise(BAD_OUTCOME)))
    )
    flaw = (
        nw.when(s.is_null() | s.is_nan())
        .then(nw.lit(MISSING_SCORE))
        .otherwise(
            nw.when(s < grid.low).then(nw.lit(BELOW)).otherwise(nw.when(s > grid.high).then(nw.lit(ABOVE)).otherwise(0))
        )
    )
    groups = [
        nw.when(nw.col(n).is_null()).then(nw.lit(MISSING)).otherwise(nw.col(n).cast(nw.String)).alias(f"g{i}")
        for i, n in enumerate(names)
    ]
    keys = data.select(
        *groups,
        code.cast(nw.Int64).alias("y"),
        flaw.cast(nw.Int64).alias("flaw"),
        s.alias("raw"),
        *([nw.col(weight).cast(nw.Float64).alias("w")] if weight else []),
    ).with_columns(
        nw.when(nw.col("flaw") == 0).then(nw.col("raw")).otherwise(nw.lit(grid.low)).alias("s"),
    )
    keys = keys.with_columns(
        nw.when(nw.col("flaw") == 0).then(grid.label(nw.col("s"))).otherwise(nw.col("flaw")).alias("label"),
    )
    if not weight:
        return keys.with_columns((nw.col("s") * nw.col("s")).alias("wss"), nw.col("s").alias("ws"))
    w, x = nw.col("w"), nw.col("s")
    return keys.with_columns((w * w).alias("ww"), (w * x).alias("ws"), (w * x * x).alias("wss"))


def _clusters(
    data: Any,
    grid: Grid,
    outcome: str,
    score: str,
    names: Sequence[str],
    weight: str | None,
    cluster: str,
    views: list[tuple[str, ...]],
) -> Clusters:
    """Count rows by cluster, groups and coarse cell on the engine; multiply in memory."""
    for view in views:
        for name in view:
            if name not in names:
                raise unknown("attribute", name, names, where="views")
    y, s = nw.col(outcome).cast(nw.Float64), nw.col(score).cast(nw.Float64)
    keys = [
        nw.when(nw.col(n).is_null()).then(nw.lit(MISSING)).otherwise(nw.col(n).cast(nw.String)).alias(f"g{i}")
        for i, n in enumerate(names)
    ]
    sums = [nw.col(weight).cast(nw.Float64).alias("w")] if weight else [nw.lit(1.0).alias("w")]
    wide = data.select(*keys, y.alias("y"), s.alias("s"), nw.col(cluster).cast(nw.String).alias("c"), *sums)
    good = (nw.col("y") == 0) | (nw.col("y") == 1)
    wide = wide.filter(good & (nw.col("s") >= grid.low) & (nw.col("s") <= grid.high))
    wide = wide.with_columns((grid.segment(nw.col("s")) * 2 + nw.col("y").cast(nw.Int64)).alias("cell"))
    by = ["c", *[f"g{i}" for i in range(len(names))], "cell"]
    known = _collected(wide.filter(~nw.col("c").is_null()).group_by(by).agg(nw.col("w").sum()))
    alone = _collected(wide.filter(nw.col("c").is_null()).select(*by, "w"))
    names_of, code = np.unique(np.array(known["c"].to_list(), dtype=object).astype(str), return_inverse=True)
    codes = np.concatenate([code, len(names_of) + np.arange(len(alone))]).astype(np.int64)
    parts = [[*known[f"g{i}"].to_list(), *alone[f"g{i}"].to_list()] for i in range(len(names))]
    cell, w = (np.concatenate([known[k].to_numpy(), alone[k].to_numpy()]) for k in ("cell", "w"))
    members = list(zip(*parts, strict=True)) if parts else [()] * len(codes)
    return shared_sums(codes, cell.astype(np.int64), w.astype(np.float64), members, tuple(names), views, cluster)


def _collected(result: Any) -> Any:
    if not isinstance(result, nw.LazyFrame):
        return result
    streaming = result.implementation.is_polars()
    return result.collect("polars", engine="streaming") if streaming else result.collect("polars")


def _counted(keys: Any, names: Sequence[str], *, weighted: bool) -> Any:
    by = [f"g{i}" for i in range(len(names))] + ["y", "label"]
    sums = [nw.col(k).sum() for k in (("w", "ww", "ws", "wss") if weighted else ("ws", "wss"))]
    extra = [nw.col("raw").min().alias("lowest"), nw.col("raw").max().alias("highest")]
    if weighted:
        extra += [nw.col("w").min().alias("wmin"), nw.col("w").max().alias("wmax"), nw.col("w").count().alias("wn")]
    return _collected(keys.group_by(by).agg(nw.len().alias("n"), *sums, *extra))


def _check(rows: Any, outcome: str, score: str, weight: str | None, grid: Grid, missing: str) -> None:
    n, y, label = (rows[k].to_numpy().astype(np.int64) for k in ("n", "y", "label"))
    total = int(n.sum())
    if not total:
        raise PrimumError("There are no rows to count.", mend="check the filters of the population")
    bad = int(n[y == BAD_OUTCOME].sum())
    if bad:
        raise PrimumError(
            f"The outcome '{outcome}' is neither 0 nor 1 in {bad:,} of {total:,} rows.",
            expected="0, 1 or missing",
            mend="say which values mean that the outcome is present (outcome: when: …)",
        )
    out = (label == BELOW) | (label == ABOVE)
    if out.any():
        low, high = np.nanmin(rows["lowest"].to_numpy()[out]), np.nanmax(rows["highest"].to_numpy()[out])
        raise PrimumError(
            f"{int(n[out].sum()):,} of {total:,} values of '{score}' lie outside [{grid.low:g}, {grid.high:g}] "
            f"(from {low:g} to {high:g}).",
            expected="risks between 0 and 1, or points with a declared range",
            mend="for points, declare scale: points and range: [lowest, highest]",
        )
    lost = int(n[label == MISSING_SCORE].sum())
    if lost and missing == "refuse":
        raise PrimumError(
            f"{lost:,} of {total:,} values of '{score}' are missing or not a number.",
            expected="a score for everybody",
            mend="declare missing_scores: exclude; the people left out are then shown by group",
        )
    if weight:
        _check_weights(rows, weight)


def _check_weights(rows: Any, weight: str) -> None:
    wmin, wmax, known = (rows[k].to_numpy() for k in ("wmin", "wmax", "wn"))
    n = rows["n"].to_numpy()
    if known.sum() < n.sum() or np.isnan(wmax.astype(float)).any():
        raise PrimumError(f"The weight '{weight}' is missing for some people.", mend="give everybody a weight")
    if wmin.min() < 0 or not np.isfinite(wmax.astype(float)).all():
        raise PrimumError(
            f"The weight '{weight}' runs from {wmin.min():g} to {wmax.max():g}.",
            expected="finite weights, none negative",
        )
    if wmax.max() == 0:
        raise PrimumError(f"The weight '{weight}' is zero for everybody.", expected="some weight above zero")


def _coded(rows: Any, names: Sequence[str], n: int) -> tuple[tuple[tuple[str, ...], ...], npt.NDArray[np.int64]]:
    """Return the groups that occur, sorted, and the position of each row among them."""
    if not names:
        return ((),), np.zeros(n, dtype=np.int64)
    import polars as pl

    columns = [f"g{i}" for i in range(len(names))]
    native = rows.implementation.is_polars()
    table = rows.to_native().select(columns) if native else pl.DataFrame({c: rows[c].to_list() for c in columns})
    found = table.unique().sort(columns).with_row_index("code")
    codes = table.join(found, on=columns, how="left", maintain_order="left")["code"]
    return tuple(found.select(columns).rows()), codes.to_numpy().astype(np.int64)


def _tally(
    rows: Any, grid: Grid, names: Sequence[str], outcome_name: str, score_name: str, *, weighted: bool
) -> ScoreTally:
    n, y, label = (rows[k].to_numpy().astype(np.int64) for k in ("n", "y", "label"))
    groups, group = _coded(rows, names, len(n))
    keep = (y <= 1) & (label >= 0)
    lost = np.bincount(group[~keep], weights=n[~keep], minlength=len(groups)).astype(np.int64)
    left_out = {groups[i]: int(lost[i]) for i in np.flatnonzero(lost)}
    order = np.flatnonzero(keep)
    order = order[np.lexsort((label[order], y[order], group[order]))]

    def column(k: str) -> npt.NDArray[np.float64]:
        return np.asarray(rows[k].to_numpy()[order], dtype=np.float64)

    people = n[order].astype(np.float64)
    return ScoreTally(
        attributes=tuple(names),
        groups=groups,
        group=group[order],
        outcome=y[order],
        label=label[order],
        n=n[order],
        w=column("w") if weighted else people,
        ww=column("ww") if weighted else people,
        ws=column("ws"),
        wss=column("wss"),
        grid=grid,
        outcome_name=outcome_name,
        score_name=score_name,
        left_out=left_out,
    )
