"""Count people by cluster, group and coarse cell on the engine that holds them; multiply in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from primum.errors import unknown
from primum.tally.cluster import Clusters, shared_sums
from primum.tally.derive import member_key
from primum.tally.engine import collected
from primum.tally.grid import Grid
from primum.tally.named import coded, names, series


def count_clusters(
    data: Any,
    schema: Any,
    grid: Grid,
    outcome: str,
    score: str,
    attributes: Sequence[str],
    weight: str | None,
    cluster: str,
    views: list[tuple[str, ...]],
) -> Clusters:
    """Return what clusters share, for every view; people without a cluster are on their own.

    Raises
    ------
    PrimumError
        For a view by something that is not counted.
    """
    for view in views:
        for name in view:
            if name not in attributes:
                raise unknown("attribute", name, attributes, where="views")
    y, s = nw.col(outcome).cast(nw.Float64), nw.col(score).cast(nw.Float64)
    keys = [member_key(n, schema[n], data.implementation, f"g{i}") for i, n in enumerate(attributes)]
    sums = [nw.col(weight).cast(nw.Float64).alias("w")] if weight else [nw.lit(1.0).alias("w")]
    who = member_key(cluster, schema[cluster], data.implementation, "c")
    wide = data.select(*keys, y.alias("y"), s.alias("s"), who, *sums)
    good = (nw.col("y") == 0) | (nw.col("y") == 1)
    known = ~nw.col("y").is_nan() & ~nw.col("s").is_nan()
    wide = wide.filter(known & good & (nw.col("s") >= grid.low) & (nw.col("s") <= grid.high))
    wide = wide.with_columns((grid.segment(nw.col("s")) * 2 + nw.col("y").cast(nw.Int64)).alias("cell"))
    by = ["c", *[f"g{i}" for i in range(len(attributes))], "cell"]
    nobody = nw.col("c").is_null()
    if schema[cluster].is_float():
        nobody = nobody | nw.col("c").is_nan()
    known = collected(wide.filter(~nobody).group_by(by).agg(nw.col("w").sum()))
    alone = collected(wide.filter(nobody).select(*by, "w"))
    clusters, code = coded([series(known["c"])], len(known))
    codes = np.concatenate([code, len(clusters) + np.arange(len(alone))]).astype(np.int64)
    parts = [[s for x in (known, alone) for s in names(series(x[f"g{i}"]))] for i in range(len(attributes))]
    cell, w = (np.concatenate([known[k].to_numpy(), alone[k].to_numpy()]) for k in ("cell", "w"))
    members = list(zip(*parts, strict=True)) if parts else [()] * len(codes)
    return shared_sums(codes, cell.astype(np.int64), w.astype(np.float64), members, tuple(attributes), views, cluster)
