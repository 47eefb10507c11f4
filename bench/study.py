"""A whole propagation study: seconds, CPU seconds, CPU a run, peak memory of a worker, bytes on disk.

`--resume` also kills it half-way and goes on, and compares the two tables byte by byte. Quote CPU seconds on a busy
machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def study(name, people, seeds):
    """Return a built-in study of another size."""
    from primum.stress.specification import Study
    from primum.stress.study_file import load_study

    plain = load_study(name).dump() | {"seeds": seeds}
    plain["population"]["registry"]["people"] = people
    return Study.model_validate(plain)


def child(name, people, seeds, workers, folder):
    """Run it."""
    from primum.stress.study import run_study

    run_study(study(name, people, seeds), out=folder, workers=workers)


def ran(arguments, *, kill_after=None):
    """Run a study in a process of its own; return wall and CPU seconds and peak memory of its largest worker."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    process = subprocess.Popen(command)
    if kill_after:
        runs = Path(arguments[-1]) / "runs"
        while process.poll() is None and len(list(runs.glob("*.json"))) < kill_after:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu, after.ru_maxrss / 1024


def main():
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--study", default="registry-depression")
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--seeds", type=int, default=10, help="10 seeds are 210 runs of the default study")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--resume", action="store_true", help="also kill it half-way, and compare")
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options.add_argument("--child", nargs=5)
    chosen = options.parse_args()
    if chosen.child:
        name, people, seeds, workers, folder = chosen.child
        child(name, int(people), int(seeds), int(workers), folder)
        return
    asked = study(chosen.study, chosen.people, chosen.seeds)
    runs = len(asked.runs())
    place = chosen.folder / f"primum-study-{os.getpid()}"
    terms = [chosen.study, chosen.people, chosen.seeds, chosen.workers]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} when started")
    try:
        wall, cpu, peak = ran([*terms, place / "whole"])
        disk = sum(f.stat().st_size for f in (place / "whole").rglob("*") if f.is_file()) / 1e6
        print(f"{runs} runs of {len(asked.arms)} algorithms, {chosen.people:,} people, {chosen.workers} workers")
        print(f"wall {wall:.0f} s, CPU {cpu:.0f} s, {cpu / runs:.2f} CPU s a run, peak {peak:.0f} MB, {disk:.1f} MB")
        if chosen.resume:
            ran([*terms, place / "again"], kill_after=runs // 2)
            kept = len(list((place / "again" / "runs").glob("*.json")))
            wall, cpu, _ = ran([*terms, place / "again"])
            same = (place / "whole" / "table.parquet").read_bytes() == (place / "again" / "table.parquet").read_bytes()
            print(f"killed after {kept} runs, resumed: wall {wall:.0f} s, CPU {cpu:.0f} s, the same table: {same}")
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
