"""Simulate a depression registry and write it as Parquet: seconds, CPU seconds, peak memory, bytes on disk.

Each size is a process of its own, so that peak memory is its own. On a busy machine quote the CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = [5_000, 100_000, 1_000_000]


def child(people, folder, piece):
    """Write one population, and print what it took."""
    import primum.simulate.registry as registry

    start, cpu = time.perf_counter(), time.process_time()
    files = registry.write(folder, people, seed=1, piece=piece)
    found = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["disk_mb"] = sum(f.stat().st_size for f in files) / 1e6
    print(json.dumps(found))


def main():
    """Measure every size and print one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, nargs="+", default=SIZES, help="sizes; 5 million need 250 MB of disk")
    options.add_argument("--piece", type=int, default=500_000, help="people a file")
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options.add_argument("--child", nargs=2)
    chosen = options.parse_args()
    if chosen.child:
        child(int(chosen.child[0]), chosen.child[1], chosen.piece)
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} when started; solving for the margins is included")
    print(f"{'people':>10}{'wall s':>9}{'CPU s':>9}{'CPU s a million':>17}{'peak MB':>9}{'disk MB':>9}")
    for people in chosen.people:
        folder = chosen.folder / f"primum-simulate-{os.getpid()}-{people}"
        try:
            command = [sys.executable, __file__, "--piece", str(chosen.piece), "--child", str(people), str(folder)]
            got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{people:10,}{got['wall']:9.2f}{got['cpu']:9.2f}{got['cpu'] / people * 1e6:17.2f}"
                f"{got['peak_mb']:9.0f}{got['disk_mb']:9.1f}",
                flush=True,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
