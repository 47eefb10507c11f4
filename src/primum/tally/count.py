"""One pass over the rows, on whatever engine holds them: derive columns, one group-by, bare sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
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
    for kind, column in [("outcome", outcome), ("score", score), *(("group", n) for n in names), ("weight", weight)]:
        if column is not None and column not in columns:
            raise unknown(f"{kind} column", column, columns, where="the data")
    rows = _counted(_derived(data, grid, outcome, score, names, weight), names, weighted=weight is not None)
    _check(rows, outcome, score, weight, grid, missing)
    return _tally(rows, grid, names, outcome_name or outcome, score_name or score, weighted=weight is not None)


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


def _counted(keys: Any, names: Sequence[str], *, weighted: bool) -> Any:
    by = [f"g{i}" for i in range(len(names))] + ["y", "label"]
    sums = [nw.col(k).sum() for k in (("w", "ww", "ws", "wss") if weighted else ("ws", "wss"))]
    extra = [nw.col("raw").min().alias("lowest"), nw.col("raw").max().alias("highest")]
    if weighted:
        extra += [nw.col("w").min().alias("wmin"), nw.col("w").max().alias("wmax"), nw.col("w").count().alias("wn")]
    result = keys.group_by(by).agg(nw.len().alias("n"), *sums, *extra)
    if isinstance(result, nw.LazyFrame):
        streaming = result.implementation.is_polars()
        result = result.collect("polars", engine="streaming") if streaming else result.collect("polars")
    return result


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
