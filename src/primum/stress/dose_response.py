"""Dose-response curves over seeds: what each algorithm does to each group as the bias grows, and who gains or loses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.stress.arms import UNCORRECTED
from primum.stress.judging import METRIC_NAMES, MOVES, RECORD, TRUTH
from primum.stress.specification import Study

Floats = npt.NDArray[np.float64]
KEYS = ["bias", "dose", "arm", "seed", "group", "metric", "judged_on"]
PER = 1000
GAINS, LOSES, NEITHER, UNCLEAR = "gains", "loses", "no change", "not shown"
JUDGED_BY = ("net_benefit", "sensitivity", "specificity", "selection_rate")
SAME = 1e-12


def long_table(study: Study, results: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return one row a bias, dose, arm, seed, group, metric and what it was judged on.

    Columns: those of `KEYS`, value (null where undefined), n and events. The moves against the uncorrected arm are
    metrics, too: cases found and lost, non-cases spared and alarmed, per 1,000 people of the group. Runs without a
    bias (dose 0) stand under every bias.
    """
    names = (*METRIC_NAMES, *MOVES)
    columns: dict[str, list[Any]] = {k: [] for k in [*KEYS, "value", "n", "events"]}
    for r in results:
        for bias in [b.name for b in study.biases] if not r["bias"] else [r["bias"]]:
            for row in r["rows"]:
                k = len(names)
                for key, v in (("bias", bias), ("dose", float(r["dose"])), ("seed", int(r["seed"]))):
                    columns[key] += [v] * k
                for key in ("arm", "group", "judged_on", "n", "events"):
                    columns[key] += [row[key]] * k
                columns["metric"] += names
                columns["value"] += [row[m] for m in METRIC_NAMES]
                columns["value"] += [PER * row[m] / row["n"] if row["n"] else None for m in MOVES]
    table = pl.DataFrame(columns, schema_overrides={"value": pl.Float64, "seed": pl.Int64, "dose": pl.Float64})
    return table.sort(KEYS)


def curves(table: pl.DataFrame, level: float = 0.95) -> pl.DataFrame:
    """Return the mean over seeds and its limits: a row a bias, dose, arm, group, metric and what it was judged on.

    Limits are mean ± t·s/√k over the k seeds with a value; null with fewer than two. Between simulated populations
    they tell how far the mean of so many populations can be off; between divisions of the same people, how much the
    division matters, and nothing about other people.
    """
    return over_seeds(table, [k for k in KEYS if k != "seed"], level)


def over_seeds(table: pl.DataFrame, by: Sequence[str], level: float) -> pl.DataFrame:
    """Return mean, low, high and seeds of `value` by the columns `by`, sorted by them."""
    known = pl.col("value").drop_nulls()
    found = table.group_by(by).agg(
        known.mean().alias("mean"), known.std().alias("sd"), known.len().alias("seeds"),
    ).sort(by)  # fmt: skip
    low, high = limits(found["mean"].to_numpy(), found["sd"].to_numpy(), found["seeds"].to_numpy(), level)
    return found.with_columns(_maybe("low", low), _maybe("high", high)).drop("sd")


def limits(mean: npt.ArrayLike, sd: npt.ArrayLike, k: npt.ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Return mean ± t_{k−1}·sd/√k; NaN where k < 2."""
    from scipy.special import stdtrit

    m, s, count = (np.asarray(v, dtype=np.float64) for v in (mean, sd, k))
    there = count >= 2
    n = np.where(there, count, 2.0)
    half = np.where(there, stdtrit(n - 1, (1 + level) / 2) * s / np.sqrt(n), np.nan)
    return m - half, m + half


def against_uncorrected(table: pl.DataFrame, level: float = 0.95) -> pl.DataFrame:
    """Return who gains and who loses against the uncorrected arm, on the truth and on the record.

    A row a bias, dose, arm, group, metric and what it was judged on: the mean difference over seeds, its limits, and
    the verdict: "gains" or "loses" where the limits lie on one side of 0 (of net benefit, sensitivity, specificity;
    more or fewer people selected is neither), "no change" where nothing differs, else "not shown". `misleads` says
    that the record tells a gain where the truth tells a loss, or the other way round.

    Differences are taken within each seed, so what one population has by chance drops out.
    """
    own = table.filter(pl.col("metric").is_in(JUDGED_BY))
    base = own.filter(pl.col("arm") == UNCORRECTED).drop("arm", "n", "events").rename({"value": "before"})
    on = [k for k in KEYS if k != "arm"]
    moved = own.filter(pl.col("arm") != UNCORRECTED).join(base, on=on, how="left")
    moved = moved.with_columns((pl.col("value") - pl.col("before")).alias("value"))
    by = [k for k in KEYS if k != "seed"]
    found = over_seeds(moved, by, level)
    still = (pl.col("mean").abs() < SAME) & ((pl.col("high") - pl.col("low")).fill_null(0.0).abs() < SAME)
    verdict = (
        pl.when(pl.col("mean").is_null()).then(pl.lit(UNCLEAR))
        .when(still).then(pl.lit(NEITHER))
        .when(pl.col("metric") == "selection_rate").then(pl.lit(""))
        .when(pl.col("low") > 0).then(pl.lit(GAINS))
        .when(pl.col("high") < 0).then(pl.lit(LOSES))
        .otherwise(pl.lit(UNCLEAR))
    )  # fmt: skip
    found = found.with_columns(verdict.alias("verdict"))
    pair = [k for k in by if k != "judged_on"]
    sides = found.pivot("judged_on", index=pair, values="verdict", aggregate_function="first")
    told, true = (pl.col(c) if c in sides.columns else pl.lit(UNCLEAR) for c in (RECORD, TRUTH))
    crossed = ((told == GAINS) & (true == LOSES)) | ((told == LOSES) & (true == GAINS))
    return found.join(sides.select(*pair, crossed.alias("misleads")), on=pair, how="left").sort(by)


def pick(frame: pl.DataFrame, **wanted: Any) -> dict[str, Any]:
    """Return the one row in which every named column has the wanted value; an empty one where there is none."""
    found = frame.filter(*[pl.col(k) == v for k, v in wanted.items()])
    return found.row(0, named=True) if found.height else {}


def _maybe(name: str, values: Floats) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
