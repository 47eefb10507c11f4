"""Synthetic biobank people: four attributes in words (18 groups, 300 crossings), a risk, an outcome of one in ten."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SHARES = {
    "sex": (0.54, 0.46),
    "ethnicity": (0.82, 0.08, 0.05, 0.03, 0.016, 0.004),
    "age": (0.15, 0.2, 0.25, 0.25, 0.15),
    "deprivation": (0.2, 0.2, 0.2, 0.2, 0.2),
}
BY = list(SHARES)
CROSSED = "crossing"  # all four attributes in one column, for peers that take one column only
VIEWS = [*BY, CROSSED]
JOIN = " · "
RATES = ("sensitivity", "specificity", "ppv", "npv", "selection_rate")
THRESHOLD = 0.1


def make(rows, seed=20260101):
    """Return name → column, an entry for each person."""
    rng = np.random.default_rng(seed)
    columns = {
        k: np.array([f"{k} {i}" for i in range(len(p))])[rng.choice(len(p), rows, p=p)] for k, p in SHARES.items()
    }
    risk = 1 / (1 + np.exp(-rng.normal(-2.6, 1.1, rows)))
    y = (rng.random(rows) < risk).astype(np.int64)
    return {**columns, "risk": risk, "y": y, "d": (risk >= THRESHOLD).astype(np.int64)}


def write(folder, rows):
    """Write people to a Parquet file that every contender reads; return its path."""
    import polars as pl

    file = Path(folder) / f"people-{rows}.parquet"
    if not file.exists():
        frame = pl.DataFrame(make(rows))
        frame.with_columns(pl.concat_str(BY, separator=JOIN).alias(CROSSED)).write_parquet(file)
    return file


def read_polars(file):
    """Return the rows as primum gets them: without the column of crossings and without decisions."""
    import polars as pl

    return pl.read_parquet(file, columns=[*BY, "risk", "y"])


def read_pandas(file):
    """Return the rows as peers get them: crossings joined and decisions taken beforehand, at no cost to the peer."""
    import pandas as pd

    return pd.read_parquet(file)


def ordered(table):
    """Return the rates of every group as one array: attribute by attribute, groups in the order of their names."""
    return [[float(x) for x in row] for view in VIEWS for _, row in sorted(table[view].items())]
