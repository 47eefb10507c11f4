"""One pass over rows with a continuous outcome: derive powers of prediction and error, one group-by, bare sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from primum.errors import PrimumError, unknown
from primum.tally.cluster import Clusters, Shared
from primum.tally.continuous import ContinuousTally, collapsed
from primum.tally.derive import check_columns, member_key
from primum.tally.engine import collected, native, told
from primum.tally.named import coded, series
from primum.tally.powers import PLACE, PRODUCTS, TERMS, columns

OK, NO_OUTCOME, NO_PREDICTION, INFINITE, NO_WEIGHT, BAD_WEIGHT = range(6)
LARGEST = 1e75  # its fourth power can still be summed
MOST_EDGES = 200
BINS = 32


def count_continuous(
    frame: Any,
    outcome: str,
    prediction: str,
    by: Sequence[str] | str = (),
    *,
    edges: Sequence[float] | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    views: Sequence[Sequence[str]] | None = None,
    missing: str = "refuse",
    outcome_name: str | None = None,
    prediction_name: str | None = None,
) -> ContinuousTally:
    """Count rows into a `ContinuousTally`.

    Parameters
    ----------
    frame
        Any frame narwhals knows: polars (eager or lazy), pandas, pyarrow, DuckDB …; one row a person.
    outcome, prediction
        Columns of numbers in the same unit; missing outcomes are left out and counted in `left_out`.
    by
        Columns of group membership; missing membership becomes the group "(missing)".
    edges
        Inner edges of the bins of the prediction, for the calibration curve. Left out: round numbers that cover the
        predictions. Sites that will add their tallies declare the same edges. Measures do not depend on them.
    weight
        Column of weights ≥ 0.
    cluster
        Column that says who belongs together. Missing values are people on their own.
    views
        With `cluster`: the groupings that will be asked for. Everyone, each attribute and the full intersection if
        left out.
    missing
        "refuse" raises on missing predictions, "exclude" leaves them out and counts them in `left_out`.

    Raises
    ------
    PrimumError
        For a missing column, words instead of numbers, infinite values, missing predictions (unless excluded), edges
        that do not increase, weights that cannot be, or no rows at all.
    """
    if missing not in {"refuse", "exclude"}:
        raise PrimumError(f"missing='{missing}' is not known.", available=["refuse", "exclude"])
    attributes = [by] if isinstance(by, str) else list(by)
    data = native(frame)
    schema = data.collect_schema()
    _check_columns(schema, outcome, prediction, attributes, weight, cluster)
    wanted = views if views is not None else [*((n,) for n in attributes), attributes]
    together = list(dict.fromkeys([(), *(tuple(v) for v in wanted)]))
    for name in [n for view in together for n in view if n not in attributes]:
        raise unknown("attribute", name, attributes, where="views")
    with told(data):
        inner = _edges(data, prediction) if edges is None else _declared(edges)
        keys = _derived(data, schema, outcome, prediction, attributes, weight, cluster, inner)
        rows = collected(_summed(keys, len(attributes), weighted=weight is not None))
        tally = _tally(rows, inner, attributes, outcome, prediction, weight, missing)
        tally = replace(tally, outcome_name=outcome_name or outcome, prediction_name=prediction_name or prediction)
        if cluster is None:
            return tally
        return replace(tally, clusters=_clusters(keys, schema, attributes, cluster, together))


def _check_columns(
    schema: Any, outcome: str, prediction: str, attributes: Sequence[str], weight: str | None, cluster: str | None
) -> None:
    kinds = [("outcome", outcome), ("prediction", prediction), *(("group", n) for n in attributes)]
    for kind, column in [*kinds, ("cluster", cluster)]:
        if column is not None and column not in schema:
            raise unknown(f"{kind} column", column, schema.names(), where="the data")
    for kind, column in kinds[:2]:
        if not (schema[column].is_numeric() or schema[column] == nw.Boolean):
            raise PrimumError(
                f"The {kind} '{column}' is stored as {schema[column]}, not as numbers.", mend="convert the column"
            )
    check_columns(schema, [("weight", weight)])


def _declared(edges: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(x) for x in edges)
    rising = all(b > a for a, b in pairwise(found))
    if not found or not rising or not all(math.isfinite(x) for x in found):
        raise PrimumError(
            f"The edges {list(found)[:8]} are not finite and increasing.", expected="inner edges such as [10, 20, 50]"
        )
    if len(found) > MOST_EDGES:
        raise PrimumError(f"{len(found)} edges are more than a curve can show.", expected=f"{MOST_EDGES} at most")
    return found


def _edges(data: Any, prediction: str) -> tuple[float, ...]:
    """Return round numbers, about `BINS` of them, that cover the predictions up to four standard deviations."""
    p = nw.col("p")
    known = data.select(nw.col(prediction).cast(nw.Float64).alias("p")).filter((p > -LARGEST) & (p < LARGEST))
    found = collected(
        known.select(p.min().alias("min"), p.max().alias("max"), p.mean().alias("mean"), p.std().alias("sd"))
    )
    low, high, mean, sd = (_number(found[k].to_list()[0]) for k in ("min", "max", "mean", "sd"))
    if not math.isfinite(low):
        return (0.0,)
    if math.isfinite(sd):
        low, high = max(low, mean - 4 * sd), min(high, mean + 4 * sd)
    if not high > low:
        return (float(f"{low:.6g}"),)
    rough = (high - low) / BINS
    step = next(
        s for s in (m * 10.0**k for k in range(math.floor(math.log10(rough)), 400) for m in (1, 2, 5)) if s >= rough
    )
    first = math.floor(low / step) + 1
    found_edges = [float(f"{k * step:.12g}") for k in range(first, math.ceil(high / step))]
    return tuple(sorted(set(found_edges))) or (float(f"{(low + high) / 2:.6g}"),)


def _number(x: Any) -> float:
    return math.nan if x is None else float(x)


def _derived(
    data: Any,
    schema: Any,
    outcome: str,
    prediction: str,
    attributes: Sequence[str],
    weight: str | None,
    cluster: str | None,
    edges: tuple[float, ...],
) -> Any:
    """Return one column for every key and every sum; `flaw` says why a row cannot be counted."""
    engine = data.implementation
    who = [member_key(cluster, schema[cluster], engine, "c", wide=False)] if cluster else []
    wide = data.select(
        *[member_key(n, schema[n], engine, f"g{i}", wide=False) for i, n in enumerate(attributes)],
        *who,
        nw.col(outcome).cast(nw.Float64).alias("y"),
        nw.col(prediction).cast(nw.Float64).alias("p"),
        *([nw.col(weight).cast(nw.Float64).alias("w")] if weight else []),
    )
    y, p, w = nw.col("y"), nw.col("p"), nw.col("w")
    flaw = (
        nw.when(y.is_null() | y.is_nan())
        .then(nw.lit(NO_OUTCOME))
        .otherwise(
            nw.when(p.is_null() | p.is_nan())
            .then(nw.lit(NO_PREDICTION))
            .otherwise(nw.when((y.abs() < LARGEST) & (p.abs() < LARGEST)).then(nw.lit(OK)).otherwise(nw.lit(INFINITE)))
        )
    )
    if weight:
        strange = nw.when(w.is_null() | w.is_nan()).then(nw.lit(NO_WEIGHT)).otherwise(nw.lit(BAD_WEIGHT))
        flaw = nw.when((w >= 0) & (w < LARGEST)).then(flaw).otherwise(strange)
    wide = wide.with_columns(flaw.cast(nw.Int64).alias("flaw"))
    fine = nw.col("flaw") == OK
    used = [nw.when(fine).then(w).otherwise(nw.lit(0.0)).alias("w")] if weight else []
    wide = wide.with_columns(
        nw.when(fine).then(y).otherwise(nw.lit(0.0)).alias("y"),
        nw.when(fine).then(p).otherwise(nw.lit(0.0)).alias("p"),
        *used,
    )
    reached = (p >= edges[0]).cast(nw.Int64)
    for x in edges[1:]:
        reached = reached + (p >= x).cast(nw.Int64)
    wide = wide.with_columns(reached.alias("bin"), (p - edges[len(edges) // 2]).alias("u"), (p - y).alias("e"))
    made = columns(nw.col("u"), nw.col("e"), PRODUCTS)
    wide = wide.with_columns(*[x.alias(f"q{k}") for k, x in enumerate(made)])
    if not weight:
        return wide.with_columns(*[nw.col(f"q{PLACE[0, j]}").alias(f"z{j}") for j in range(len(TERMS))])
    once = [(w * nw.col(f"q{PLACE[0, j]}")).alias(f"z{j}") for j in range(len(TERMS))]
    return wide.with_columns(*once, *[(w * w * nw.col(f"q{k}")).alias(f"q{k}") for k in range(len(PRODUCTS))])


def _summed(keys: Any, attributes: int, *, weighted: bool) -> Any:
    sums = [f"q{k}" for k in range(len(PRODUCTS))] + ([f"z{j}" for j in range(len(TERMS))] if weighted else [])
    by = [*(f"g{i}" for i in range(attributes)), "flaw", "bin"]
    return keys.group_by(by).agg(nw.len().alias("n"), *[nw.col(k).sum() for k in sums])


def _tally(
    rows: Any,
    edges: tuple[float, ...],
    attributes: Sequence[str],
    outcome: str,
    prediction: str,
    weight: str | None,
    missing: str,
) -> ContinuousTally:
    n, flaw, at = (rows[k].to_numpy().astype(np.int64) for k in ("n", "flaw", "bin"))
    _check(n, flaw, outcome, prediction, weight, missing)

    def table(letter: str, size: int) -> Any:
        return np.stack([rows[f"{letter}{k}"].to_numpy() for k in range(size)], axis=-1).astype(np.float64)

    ww = table("q", len(PRODUCTS))
    w = table("z", len(TERMS)) if weight else ww[:, PLACE[0]]
    if weight and not (w[:, 0] > 0).any():
        raise PrimumError(f"The weight '{weight}' is zero for everybody.", expected="some weight above zero")
    groups, group = coded([series(rows[f"g{i}"]) for i in range(len(attributes))], len(n))
    keep = flaw == OK
    lost = np.bincount(group[~keep], weights=n[~keep], minlength=len(groups)).astype(np.int64)
    cells = {"group": group[keep], "bin": at[keep], "n": n[keep], "w": w[keep], "ww": ww[keep]}
    left = {groups[i]: int(lost[i]) for i in np.flatnonzero(lost)}
    return ContinuousTally(tuple(attributes), groups, edges, **collapsed(cells, len(edges) + 1), left_out=left)


def _check(n: Any, flaw: Any, outcome: str, prediction: str, weight: str | None, missing: str) -> None:
    total = int(n.sum())
    if not total:
        raise PrimumError("There are no rows to count.", mend="check the filters of the population")
    many = {k: int(n[flaw == k].sum()) for k in range(6)}
    if many[NO_WEIGHT]:
        raise PrimumError(f"The weight '{weight}' is missing for some people.", mend="give everybody a weight")
    if many[BAD_WEIGHT]:
        raise PrimumError(
            f"The weight '{weight}' is negative or infinite for {many[BAD_WEIGHT]:,} of {total:,} people.",
            expected="finite weights, none negative",
        )
    if many[INFINITE]:
        raise PrimumError(
            f"'{outcome}' or '{prediction}' is infinite in {many[INFINITE]:,} of {total:,} rows.",
            expected=f"numbers up to {LARGEST:g}, or missing",
        )
    if many[NO_PREDICTION] and missing == "refuse":
        raise PrimumError(
            f"{many[NO_PREDICTION]:,} of {total:,} values of '{prediction}' are missing or not a number.",
            expected="a prediction for everybody",
            mend="say missing='exclude'; the people left out are then counted by group",
        )


def _clusters(
    keys: Any, schema: Any, attributes: Sequence[str], cluster: str, views: list[tuple[str, ...]]
) -> Clusters:
    """Return Σ_c T_c T_cᵀ over the seven terms, for every view; people without a cluster are on their own."""
    terms = [f"z{j}" for j in range(len(TERMS))]
    by = ["c", *(f"g{i}" for i in range(len(attributes)))]
    nobody = nw.col("c").is_null()
    if schema[cluster].is_float():
        nobody = nobody | nw.col("c").is_nan()
    good = keys.select(*by, *terms, "flaw").filter(nw.col("flaw") == OK)
    parts = [
        collected(good.filter(~nobody).group_by(by).agg(*[nw.col(k).sum() for k in terms])),
        collected(good.filter(nobody).select(*by, *terms)),
    ]
    found, code = coded([series(parts[0]["c"])], len(parts[0]))
    codes = np.concatenate([code, len(found) + np.arange(len(parts[1]))]).astype(np.int64)
    table = np.concatenate([np.stack([x[k].to_numpy() for k in terms], axis=-1) for x in parts]).astype(np.float64)
    members = {a: pl.concat([series(x[f"g{i}"]) for x in parts]) for i, a in enumerate(attributes)}
    shared: dict[tuple[str, ...], dict[tuple[str, ...], Shared]] = {}
    crossing: dict[tuple[str, ...], int] = {}
    i, j = (x.ravel() for x in np.indices((len(terms), len(terms))))
    for view in views:
        groups, group = coded([members[a] for a in view], len(codes))
        pairs, at = np.unique(group * (codes.max(initial=0) + 1) + codes, return_inverse=True)
        of, who = np.divmod(pairs, codes.max(initial=0) + 1)
        together = np.stack([np.bincount(at, weights=x, minlength=len(pairs)) for x in table.T], axis=-1)
        ends = np.searchsorted(of, np.arange(len(groups) + 1))
        shared[view] = {}
        for g, a, b in zip(groups, ends[:-1], ends[1:], strict=True):
            t = np.asarray(together[a:b], dtype=np.float64)
            shared[view][g] = Shared(i, j, np.ravel(t.T @ t), int(b - a))
        crossing[view] = int((np.bincount(who) > 1).sum())
    return Clusters(cluster, shared, crossing)
