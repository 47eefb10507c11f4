"""One pass over the rows, on whatever engine holds them: derive columns, one group-by, bare sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from primum.errors import PrimumError
from primum.tally.count_clusters import count_clusters
from primum.tally.derive import check_columns, derived
from primum.tally.engine import collected, native, planned, told
from primum.tally.grid import DECISIONS, RESOLUTION, Grid
from primum.tally.named import coded, series
from primum.tally.packed import Packing, packable
from primum.tally.score import SUMS, ScoreTally
from primum.tally.verify import no_scores, verify


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
    decisions_only: bool = False,
    resolution: int = RESOLUTION,
    outcome_name: str | None = None,
    score_name: str | None = None,
) -> ScoreTally:
    """Count rows into a `ScoreTally`.

    Parameters
    ----------
    frame
        Any frame narwhals knows: polars (eager, or lazy and then streamed), pandas, pyarrow, DuckDB, Dask, PySpark,
        Ibis; one row a person. The group-by runs there; only counts come back.
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
    decisions_only
        Count what is decided at the declared thresholds and nothing else: few cells, and faster. Rates, net benefit
        and their comparisons can be measured; ranking and calibration cannot.
    resolution
        Bins of the score axis, a power of two. Fewer bins, fewer cells, a wider bracket around AUROC.

    Raises
    ------
    PrimumError
        For a missing column, an outcome other than 0/1, a score that is missing (unless excluded) or out of range,
        a negative, infinite or all-zero weight, or no rows at all.
    """
    if missing not in {"refuse", "exclude"}:
        raise PrimumError(f"missing='{missing}' is not known.", available=["refuse", "exclude"])
    attributes = [by] if isinstance(by, str) else list(by)
    low, high = score_range
    declared = tuple(sorted({float(t) for t in thresholds}))
    if decisions_only and not declared:
        raise PrimumError(
            "Decisions cannot be counted without a threshold.", mend="say thresholds=[…], or decisions_only=False"
        )
    bins = DECISIONS if decisions_only else resolution
    grid = Grid(low=float(low), high=float(high), thresholds=declared, resolution=bins)
    data = native(frame)
    with told(data):
        schema = data.collect_schema()
    groups = [("group", n) for n in attributes]
    check_columns(schema, [("outcome", outcome), ("score", score), *groups, ("weight", weight), ("cluster", cluster)])
    with told(data):
        stream, plan = isinstance(data, nw.LazyFrame), planned(data)
        pack = None
        if data.implementation.is_polars() and (weight or not decisions_only) and packable(schema, attributes):
            pack = Packing(plan, schema, attributes, grid, stream=stream)
            pack = pack if pack.fits() else None
        coded_text = pack is None and not decisions_only
        keys = derived(plan, schema, grid, outcome, score, attributes, weight, coded=coded_text)
        rows = _counted(keys, len(attributes), pack, weighted=weight is not None, stream=stream)
        lost = verify(rows, data, outcome, score, weight, grid)
        if lost and missing == "refuse":
            raise no_scores(lost, int(rows["n"].sum()), score)
        tally = _tally(rows, grid, attributes, outcome_name or outcome, score_name or score)
        if cluster is None:
            return tally
        wanted = views if views is not None else [*((n,) for n in attributes), attributes]
        together = list(dict.fromkeys([(), *(tuple(v) for v in wanted)]))
        linked = count_clusters(data, schema, grid, outcome, score, attributes, weight, cluster, together)
    return replace(tally, clusters=linked)


def _counted(keys: Any, attributes: int, pack: Packing | None, *, weighted: bool, stream: bool) -> dict[str, Any]:
    """Return the cells that occur, an array for each of their parts; `groups` are named and `group` points to them."""
    sums = SUMS if weighted else ("ws", "wss")
    cells: dict[str, Any]
    if pack is not None:
        cells = pack.added(keys.to_native().select(pack.key().alias("key"), *sums), sums, stream=stream)
        named = ("groups", "group", "y", "label")
        cells |= dict(zip(named, pack.unpacked(cells.pop("key")), strict=True))
    else:
        by = [*(f"g{i}" for i in range(attributes)), "y", "label"]
        rows = collected(keys.group_by(by).agg(nw.len().alias("n"), *[nw.col(k).sum() for k in sums]), stream=stream)
        cells = {k: rows[k].to_numpy().astype(np.int64) for k in ("y", "label")}
        cells["groups"], cells["group"] = coded([series(rows[f"g{i}"]) for i in range(attributes)], len(rows))
        cells |= {k: rows[k].to_numpy() for k in ("n", *sums)}
    cells["n"] = np.asarray(cells["n"]).astype(np.int64)
    cells |= {k: np.asarray(cells[k], dtype=np.float64) for k in sums}
    if not weighted:
        cells["w"] = cells["ww"] = cells["n"].astype(np.float64)
    return cells


def _tally(
    cells: dict[str, Any], grid: Grid, attributes: Sequence[str], outcome_name: str, score_name: str
) -> ScoreTally:
    groups, group = cells["groups"], cells["group"]
    n, y, label = cells["n"], cells["y"], cells["label"]
    keep = (y <= 1) & (label >= 0)
    lost = np.bincount(group[~keep], weights=n[~keep], minlength=len(groups)).astype(np.int64)
    span = int(label.max(initial=0)) + 1
    key = group * 2
    key += y
    key *= span
    key += label
    if keep.all() and (key[1:] > key[:-1]).all():  # all there, and in order
        ordered = cells
    else:
        key = key[keep]
        order = np.flatnonzero(keep)[np.argsort(key, kind="stable")]
        key.sort()
        ordered = {k: cells[k][order] for k in ("group", "y", "label", "n", "ws", "wss", "w")}
        ordered["ww"] = ordered["w"] if cells["ww"] is cells["w"] else cells["ww"][order]
    tally = ScoreTally(
        attributes=tuple(attributes),
        groups=groups,
        group=ordered["group"],
        outcome=ordered["y"],
        label=ordered["label"],
        n=ordered["n"],
        **{k: ordered[k] for k in SUMS},
        grid=grid,
        outcome_name=outcome_name,
        score_name=score_name,
        left_out={groups[i]: int(lost[i]) for i in np.flatnonzero(lost)},
    )
    # one group under two names, such as null and not-a-number
    return tally.merged_cells() if (key[1:] == key[:-1]).any() else tally
