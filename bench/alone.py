"""Measure one contender in a process of its own and print what it took as one line of JSON.

python bench/alone.py MODULE NAME FILE: MODULE has CONTENDERS, name → Contender.
"""

from __future__ import annotations

import json
import logging
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple


class Contender(NamedTuple):
    """One way to the same numbers.

    Attributes
    ----------
    home
        The environment it runs in: "primum", "peers" or "peers-aequitas".
    packages
        Whose versions to state.
    make
        FILE → (work without arguments, function that turns its result into plain numbers). What `make` does, reading
        and importing, is not measured.
    repeats
        How often to measure, after one run that warms up; 0 for one run only, cold.
    times
        What the measured seconds are multiplied with, when only a part of the work was done.
    note
        What to know about this line.
    large
        Whether it takes the larger of the two files.
    like
        The contender whose numbers these are compared with; the first of its file if left out.
    """

    home: str
    packages: tuple[str, ...]
    make: Callable
    repeats: int = 0
    times: float = 1.0
    note: str = ""
    large: bool = False
    like: str = ""


def peak():
    """Return the most memory this process ever had, in MB; Linux counts what started it too, unless asked this way."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(x.split()[1]) for x in status.read_text().splitlines() if x.startswith("VmHWM")) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measured(contender, file):
    """Return what the work took and what it found."""
    work, numbers = contender.make(file)
    before, walls, cpus = peak(), [], []
    for _ in range(contender.repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    after = peak()
    return {
        "wall": min(walls) * contender.times,
        "cpu": min(cpus) * contender.times,
        "before": before,
        "peak": after,
        "found": numbers(result),
        "python": platform.python_version(),
        "versions": {p: version(p) for p in contender.packages},
    }


def main():
    module, name, file = sys.argv[1:4]
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    contender = import_module(module).CONTENDERS[name]
    print("\n" + json.dumps(measured(contender, file)))


if __name__ == "__main__":
    main()
