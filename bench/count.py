"""Count a folder of Parquet files larger than memory: rows per second, peak memory, and whether cost is linear.

Beside it, in the same run, a bare polars group-by with the same keys and sums: the floor. Each measurement is a
process of its own, so that peak memory is its own. Seconds belong to the machine; quote the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np
from alone import peak

BY = ["sex", "ethnicity", "age", "deprivation"]
LEVELS = {"sex": 2, "ethnicity": 6, "age": 5, "deprivation": 5}
PIECE = 2_500_000
MILLION = 1_000_000


def generate(folder, rows, seed=20260101):
    """Write `rows` people in pieces: four small attributes, a risk of about .1, an outcome."""
    import polars as pl

    folder.mkdir(parents=True)
    for i, start in enumerate(range(0, rows, PIECE)):
        rng = np.random.default_rng([seed, i])
        n = min(PIECE, rows - start)
        risk = 1 / (1 + np.exp(-rng.normal(-2.6, 1.1, n)))
        columns = {k: rng.integers(0, m, n, dtype=np.int8) for k, m in LEVELS.items()}
        pl.DataFrame({**columns, "risk": risk, "y": (rng.random(n) < risk).astype(np.int8)}).write_parquet(
            folder / f"{i:04}.parquet", compression="lz4"
        )


def with_primum(folder, resolution):
    """Count with primum; decisions only at resolution 1."""
    import polars as pl

    import primum

    tally = primum.count(
        pl.scan_parquet(folder / "*.parquet"), outcome="y", score="risk", by=BY, thresholds=[0.1],
        decisions_only=resolution == 1, resolution=resolution,
    )  # fmt: skip
    return {"people": int(tally.n.sum()), "cells": len(tally.n), "events": int(tally.by().people()[0, 1])}


def with_polars(folder, resolution):
    """Group by the same keys and sums with polars alone, and check nothing."""
    import polars as pl

    s = pl.col("risk")
    bins = (s >= 0.1) if resolution == 1 else (s.sqrt() * resolution).floor().cast(pl.Int64)
    rows = (
        pl.scan_parquet(folder / "*.parquet")
        .with_columns(bins.alias("bin"), (s * s).alias("ss"))
        .group_by(*BY, "y", "bin")
        .agg(pl.len().alias("n"), s.sum(), pl.col("ss").sum())
        .collect(engine="streaming")
    )
    return {
        "people": int(rows["n"].sum()),
        "cells": rows.height,
        "events": int(rows.filter(pl.col("y") == 1)["n"].sum()),
    }


WAYS = {"primum": with_primum, "polars": with_polars}


def child(way, folder, resolution):
    """Measure one way in this process and print what it took."""
    import_module("primum.tally.count")  # imports, polars among them, are not what is measured

    wall, cpu = time.perf_counter(), time.process_time()
    found = WAYS[way](Path(folder), resolution)
    found["wall"], found["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
    found["peak_mb"] = peak()
    print(json.dumps(found))


def measured(way, folder, resolution):
    """Return what one way took, in a process of its own."""
    command = [sys.executable, __file__, "--child", way, str(folder), str(resolution)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    """Generate, measure and print one table for every size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--millions", type=int, nargs="+", default=[1, 10], help="sizes; 100 needs 1.3 GB of disk")
    options.add_argument("--resolutions", type=int, nargs="+", default=[1, 32768])
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options.add_argument("--child", nargs=3)
    chosen = options.parse_args()
    if chosen.child:
        child(chosen.child[0], chosen.child[1], int(chosen.child[2]))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} when started; million rows per second")
    heads = {"millions": 9, "bins": 7, "cells": 11, "wall": 8, "CPU": 8, "M rows/s": 10, "M rows/CPU s": 14}
    print("".join(f"{h:>{w}}" for h, w in (heads | {"peak MB": 9, "CPU ÷ polars": 14}).items()))
    for millions in chosen.millions:
        folder = chosen.folder / f"primum-count-{os.getpid()}-{millions}"
        try:
            generate(folder, millions * MILLION)
            for resolution in chosen.resolutions:
                ours, bare = (measured(way, folder, resolution) for way in ("primum", "polars"))
                if (ours["people"], ours["events"]) != (bare["people"], bare["events"]):
                    raise SystemExit("primum and polars disagree: the times mean nothing")
                print(
                    f"{millions:9}{resolution:7}{ours['cells']:11,}{ours['wall']:8.2f}{ours['cpu']:8.2f}"
                    f"{millions / ours['wall']:10.1f}{millions / ours['cpu']:14.1f}{ours['peak_mb']:9.0f}"
                    f"{ours['cpu'] / bare['cpu']:14.2f}   polars: {bare['wall']:.2f} s, {bare['cpu']:.2f} CPU s, "
                    f"{bare['peak_mb']:.0f} MB",
                    flush=True,
                )
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
