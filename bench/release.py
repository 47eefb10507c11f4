"""Time a whole release of a finished audit under each preset: protected, measured again, written, attacked, sealed.

    .venv/bin/python bench/release.py out/nhanes-depression

The run folder is made by `make demo`, or by `primum audit` with a use case of your own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from primum.disclose.presets import names
from primum.execute.run import Run
from primum.release.order import order
from primum.release.release import release

ALONE = "every person was drawn from a household of their own"


def main(folder):
    """Print wall seconds by step, CPU seconds, and how many questions can still be judged."""
    run = Run.load(folder)
    print("| preset | wall s | CPU s | protect | measure | report | attack | papers | seal | judged | inside |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in names():
        rules = ["R1 households: " + ALONE, "R1 institutions: the people were drawn from no institution"]
        room = Path(tempfile.mkdtemp())
        wanted = order(run, name, exceptions=rules, by="A benchmark")
        begun, cpu = time.perf_counter(), time.process_time()
        made = release(run, wanted, room / "release")
        took, used = time.perf_counter() - begun, time.process_time() - cpu
        steps = " | ".join(f"{s:.1f}" for s in made.seconds.values())
        (left, of), (inside, had) = made.assessable["release"], made.assessable["inside"]
        print(f"| {name} | {took:.1f} | {used:.1f} | {steps} | {left} of {of} | {inside} of {had} |", flush=True)
        shutil.rmtree(room)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out/nhanes-depression")
