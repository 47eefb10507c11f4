"""Time the search of all subgroups up to three attributes, beside peers: each alone in a process of its own.

Peers are looked for in the interpreter that runs this file, or in another one given by --peers. Every contender
finds the error rate of every subgroup of the same rows; primum also splits, tests and confirms.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from math import comb

import numpy as np

SUPPORT = 0.002  # below the smallest crossing of three, above most crossings of four


def people(rows, attributes, levels, seed=20260101):
    """Make people with independent attributes, an outcome of one in ten, and one subgroup with decisions by coin."""
    rng = np.random.default_rng(seed)
    columns = {f"a{i}": rng.integers(0, levels, rows) for i in range(attributes)}
    y = rng.random(rows) < 0.1
    d = rng.random(rows) < np.where(y, 0.7, 0.2)
    coin = (columns["a0"] == 1) & (columns["a1"] == 2)
    return columns, y, np.where(coin, rng.random(rows) < 0.5, d)


def with_primum(columns, y, d, *, text=False):
    import polars as pl

    from primum.measure.discovery import discover_frame

    frame = pl.DataFrame(columns | {"y": y, "d": d})
    if text:
        frame = frame.with_columns(pl.col(list(columns)).cast(pl.String))

    def work():
        return discover_frame(frame, "y", "d", list(columns), "accuracy", seed=1)

    return work, lambda r: error_sums(r.lattice.counts.sum(axis=1))


def with_primum_coded(columns, y, d):
    """Search cells that are coded already: what is left after counting."""
    import polars as pl

    from primum.measure.cells import from_frame, split
    from primum.measure.discovery import _search
    from primum.measure.search_settings import searchable, settings_of

    m = searchable("accuracy")
    settings = settings_of(m, None, 3, 30, None, 0.05, "BH", "worse", 25.0, 1)
    cells = from_frame(pl.DataFrame(columns | {"y": y, "d": d}), "y", "d", list(columns), None)
    return lambda: _search(split(cells, 1), m, settings), lambda r: error_sums(r.lattice.counts.sum(axis=1))


def with_primum_tally(columns, y, d):
    """Search a tally that was counted by all attributes: nearly one group a person, the worst there is."""
    import polars as pl

    import primum
    from primum.measure.discovery import discover

    frame = pl.DataFrame(columns | {"y": y.astype(np.int8), "s": d * 0.5 + 0.1})
    tally = primum.count(frame, outcome="y", score="s", by=list(columns), thresholds=[0.3])
    return lambda: discover(tally, "accuracy", seed=1), lambda r: error_sums(r.lattice.counts.sum(axis=1))


def error_sums(counts):
    n = counts.sum(axis=-1)
    return {
        "subgroups": len(n),
        "errors": int(counts[:, 1:3].sum()),
        "worst": float(np.max((counts[:, 1] + counts[:, 2]) / n)),
    }


def with_divexplorer(columns, y, d):
    import pandas as pd
    from divexplorer import DivergenceExplorer

    frame = pd.DataFrame(columns | {"error": (y != d).astype(int)})

    def work():
        explorer = DivergenceExplorer(frame)
        return explorer.get_pattern_divergence(
            min_support=SUPPORT, attributes=list(columns), boolean_outcomes=["error"], show_coincise=False
        )

    def summary(r):
        r = r[r["length"].between(1, 3)]
        return {"subgroups": len(r), "worst": float(r["error"].max())}

    return work, summary


def with_sliceline(columns, y, d):
    from sliceline.slicefinder import Slicefinder

    X, errors = np.column_stack(list(columns.values())), (y != d).astype(float)

    def work():
        return Slicefinder(alpha=0.95, k=10, max_l=3, min_sup=int(SUPPORT * len(y)), verbose=False).fit(X, errors)

    return work, lambda r: {
        "subgroups": "top 10",
        "worst": max((float(x["slice_average_error"]) for x in r.top_slices_statistics_), default=None),
    }


CONTENDERS = {
    "primum, rows of numbers": ("primum", with_primum, 5),
    "primum, rows of text": ("primum", lambda *a: with_primum(*a, text=True), 5),
    "primum, after coding": ("primum", with_primum_coded, 5),
    "primum, tally by all attributes": ("primum", with_primum_tally, 3),
    "divexplorer": ("divexplorer", with_divexplorer, 1),
    "sliceline, best 10 only": ("sliceline", with_sliceline, 1),
}


def alone(name, options):
    """Run one contender in this process and print what it took as JSON."""
    package, make, repeats = CONTENDERS[name]
    if not find_spec(package):
        print(json.dumps({"missing": package}))
        return
    warnings.simplefilter("ignore")
    work, summary = make(*people(options.rows, options.attributes, options.levels))
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # noqa: E731
    before, walls, cpus = peak(), [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    took = {"first": walls[0], "wall": min(walls), "cpu": min(cpus), "before": before, "peak": peak()}
    print(json.dumps(took | summary(result)))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--attributes", type=int, default=10)
    options.add_argument("--levels", type=int, default=5)
    options.add_argument("--peers", default=sys.executable, help="an interpreter that has divexplorer and sliceline")
    options.add_argument("--only", choices=list(CONTENDERS))
    options.add_argument("--alone", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.alone:
        alone(chosen.alone, chosen)
        return
    total = sum(comb(chosen.attributes, k) * chosen.levels**k for k in (1, 2, 3))
    print(f"{chosen.rows:,} people, {chosen.attributes} attributes of {chosen.levels} levels: {total:,} subgroups")
    print(f"Python {platform.python_version()}; seconds: first, then best wall and best CPU; MB: before, peak\n")
    print(f"{'':34}{'first':>8}{'wall':>8}{'cpu':>8}{'before':>8}{'peak':>8}   what it found")
    shape = ["--rows", chosen.rows, "--attributes", chosen.attributes, "--levels", chosen.levels]
    for name, (package, *_) in CONTENDERS.items():
        if chosen.only not in {None, name}:
            continue
        python = sys.executable if package == "primum" else chosen.peers
        command = [python, __file__, *map(str, shape), "--alone", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name:34}did not finish: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
            continue
        r = json.loads(done.stdout.splitlines()[-1])
        if "missing" in r:
            print(f"{name:34}not installed")
            continue
        found = ", ".join(f"{k} {r[k]}" for k in ("subgroups", "errors", "worst") if k in r)
        print(f"{name:34}{r['first']:8.3f}{r['wall']:8.3f}{r['cpu']:8.3f}{r['before']:8.0f}{r['peak']:8.0f}   {found}")


if __name__ == "__main__":
    main()
