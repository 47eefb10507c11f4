"""Measure primum and its peers side by side, in one run on one machine, and print one table.

Every contender runs in a process of its own, with the interpreter of its environment (`scripts/bench-peers` makes
those of the peers), on the same Parquet file. A peer that cannot be installed or fails is shown with its reason. Only
ratios are worth quoting: seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import numpy as np
import people

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ROOT / ".venv-peers"
PAGE = ROOT / "docs" / "benchmarks.md"
LONGEST = 3600  # seconds a contender may take
TOPICS = {
    "rates": "Five rates of a decision, 18 groups and their crossings, attributes in words, {large:,} people",
    "intervals": "Intervals of these five rates after counting, {small:,} people",
    "scores": "AUROC, Brier score, calibration slope, observed ÷ expected, with intervals and the count",
    "discovery": "All subgroups up to depth 3, 100,000 people, 10 attributes of 5 levels",
    "whole": "A whole audit with its report, scores given, {large:,} people",
}
HEADS = ("", "version", "wall s", "CPU s", "CPU ÷ primum", "wall ÷ primum", "peak MB", "the numbers")


def interpreter(home):
    """Return the interpreter of an environment."""
    return sys.executable if home == "primum" else str(PEERS / home / "bin" / "python")


def missing(home):
    """Return why an environment is not there; empty when it is."""
    if home == "primum" or (PEERS / home / ".made").exists():
        return ""
    log = PEERS / f"{home}.log"
    lines = log.read_text(encoding="utf-8").strip().splitlines() if log.exists() else []
    return "not installed: " + (lines[-1] if lines else "scripts/bench-peers was not run")


def measured(topic, name, contender, file):
    """Return what one contender took and found, or why it did not."""
    if why := missing(contender.home):
        return {"failed": why}
    command = [interpreter(contender.home), str(HERE / "alone.py"), topic, name, str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return {"failed": f"stopped after {LONGEST:,} s"}
    if done.returncode:
        return {"failed": "failed: " + (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def agreement(found, base):
    """Say how far the numbers lie from primum's, and where one of the two has none."""
    if found is None:
        return ""
    if isinstance(found, dict):
        return ", ".join(f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in found.items())
    if found is base or base is None:
        return ""
    a, b = np.array(found, dtype=float), np.array(base, dtype=float)
    if a.shape != b.shape:
        return f"{a.shape[0]} groups where primum has {b.shape[0]}"
    both = np.isfinite(a) & np.isfinite(b)
    told = f"apart by at most {np.abs(a - b)[both].max():.1e} in {both.sum():,} numbers"
    if (more := np.isfinite(a) & ~np.isfinite(b)).any():
        values = ", ".join(f"{v:g}" for v in sorted(set(a[more].round(9)))[:3])
        told += f"; {more.sum()} undefined (0/0) given as {values}"
    if (less := ~np.isfinite(a) & np.isfinite(b)).any():
        told += f"; {less.sum()} not given"
    return told


def lines(topic, files):
    """Measure every contender of a topic; return a row of the table for each."""
    contenders = import_module(topic).CONTENDERS
    took, found = None, {}
    for name, c in contenders.items():
        print(f"  {topic}: {name}", file=sys.stderr, flush=True)
        r = measured(topic, name, c, files[c.large])
        if "failed" in r:
            yield (name, "", "", "", "", "", "", r["failed"])
            continue
        found[name] = r["found"]
        base = found.get(c.like) or next((found[k] for k in found if contenders[k].large == c.large), None)
        took = took or r
        by = [f"{r[k] / took[k]:,.1f}" for k in ("cpu", "wall")]
        versions = ", ".join(f"{k} {v}" for k, v in r["versions"].items())
        words = "; ".join(x for x in (agreement(r["found"], base), c.note) if x)
        yield (name, versions, f"{r['wall']:,.3f}", f"{r['cpu']:,.3f}", *by, f"{r['peak']:,.0f}", words)


def count(millions):
    """Return what counting a folder larger than memory took, as it is printed."""
    command = [sys.executable, str(HERE / "count.py"), "--millions", *map(str, millions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + (done.stderr if done.returncode else "")


def markdown(rows):
    """Return rows as a table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [HEADS, ["---"] * len(HEADS), *rows])


def main():
    """Run what was asked for and print it; `--write` makes it the page of the documentation."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="50,000 people instead of 500,000: minutes")
    options.add_argument("--large", action="store_true", help="also count up to 100 million rows; 1.3 GB of disk")
    options.add_argument("--only", nargs="+", choices=list(TOPICS), default=list(TOPICS))
    options.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    chosen = options.parse_args()
    small, large = (20_000, 50_000) if chosen.quick else (100_000, 500_000)
    about = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    written = (
        "Written by `make bench`: everything below was measured in one run, one contender after the other, on the same "
        "rows. Seconds belong to the machine and its load; quote ratios. How it is done: `bench/README.md`."
    )
    when = (
        f"{datetime.now(UTC):%Y-%m-%d}, {about}, load {os.getloadavg()[0]:.1f} when started; {large:,} people, and "
        f"{small:,} where peers take hours."
    )
    parts = ["# Benchmarks", written, when]
    with tempfile.TemporaryDirectory(prefix="primum-bench-") as folder:
        files = {False: people.write(folder, small), True: people.write(folder, large)}
        for topic in chosen.only:
            title = TOPICS[topic].format(large=large, small=small)
            parts += [f"## {title}", markdown(list(lines(topic, files)))]
            print("\n\n".join(parts[-2:]), end="\n\n", flush=True)
    if chosen.large:
        parts += ["## Counting a folder of Parquet files", "```text\n" + count([1, 10, 100]).rstrip() + "\n```"]
        print(parts[-1])
    parts.append(f"Load {os.getloadavg()[0]:.1f} when finished.")
    if chosen.write:
        PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        print(f"Written: {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
