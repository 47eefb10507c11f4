"""Write docs/engines.md: which engine can count what, by asking every engine every question of the tests.

The engines and the questions are those of tests/tally/test_engines.py. An engine that is not installed is said not to
have been run; a question that fails is listed with what the engine said.
"""

from __future__ import annotations

import importlib.util
import logging
import platform
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "engines.md"
HEAD = """\
# Engines

`primum.count` hands one group-by to whatever engine holds the rows; only counts and sums come back. Written by
`make engines` from the engines and questions of `tests/tally/test_engines.py`: every *yes* below was run just then, on
the versions named. The yardstick is polars, which is itself compared with counting by hand. *Yes* means that groups,
people and score bins are the same bit for bit, and sums to 1e-12.

"""
TAIL = """
## What to know

- Membership is grouped as it is stored and named after counting, by one rule: missing and not-a-number are
  "(missing)", 1.0 is "1", 1.50 is "1.5", true is "true", a date is 2020-01-31. So tallies of different engines add up.
- polars streams what is lazy (`polars.scan_parquet`), so a folder of Parquet files need not fit into memory. Grouped by
  text, whole numbers, categories or truth values, what it needs in memory depends on the groups and bins alone.
- DuckDB, Dask, Spark and Ibis need `pyarrow` to hand back the counts.
- Spark refuses what does not fit its strict (ANSI) arithmetic; columns are cast to double first, so that decimals and
  truth values work. One session at a time; the first query takes ten seconds or more.
- DuckDB trusts the ranges written in Parquet files, in which not-a-number does not count; it is asked for by name here.
- Ibis has about twenty backends; those in the table were tried. One that lacks an operation (SQLite cannot ask for
  not-a-number) ends in an error that names it and says what to use instead.
- Counts never depend on the order of rows. Sums of a polars frame in memory are the same at every run; what Dask,
  Spark, DuckDB or a polars stream add up in parallel may differ in the last of sixteen digits from run to run.
"""


def questions() -> Any:
    """Load the tests' own tables."""
    path = ROOT / "tests" / "tally" / "test_engines.py"
    spec = importlib.util.spec_from_file_location("engine_questions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def told(tests: Any, name: str, path: Path, yardstick: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the versions of an engine and its answer to every question: "yes", "–" or what went wrong."""
    engine = tests.ENGINES[name]
    if lacking := engine.lacks():
        return f"not run: {lacking} is not installed", {}
    answers = {}
    try:
        frame = engine.open(path)
    except Exception as error:  # noqa: BLE001 - whatever it says is the answer
        return f"not run: {_short(error)}", {}
    for question, asked in tests.QUESTIONS.items():
        if engine.only and question not in engine.only:
            answers[question] = "–"
            continue
        try:
            tests.identical(tests.ask(frame, asked), yardstick[question])
            answers[question] = "yes"
        except (Exception, AssertionError) as error:  # noqa: BLE001 - likewise
            answers[question] = _short(error)
    return engine.versions(), answers


def _short(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error) or type(error).__name__)[:160]


def main() -> None:
    """Ask, write, and say what failed."""
    import pyarrow.parquet as pq

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    tests = questions()
    chosen = sys.argv[1:] or list(tests.ENGINES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(tests.rows(), path)
        yardstick = {q: tests.ask(tests.ENGINES["polars"].open(path), asked) for q, asked in tests.QUESTIONS.items()}
        found = {name: told(tests, name, path, yardstick) for name in chosen}
    shown = [name for name, (_, answers) in found.items() if answers]
    lines = [f"Python {platform.python_version()}, {platform.system()}, {tests.rows().num_rows:,} people.", ""]
    lines += ["| engine | versions | install |", "|---|---|---|"]
    for name, (versions, _) in found.items():
        extra = tests.ENGINES[name].extra
        lines.append(f"| {name} | {versions} | {f'`primum[{extra}]`' if extra else 'always there'} |")
    lines += ["", "## What was counted", "", f"| | {' | '.join(shown)} |", "|---|" + "---|" * len(shown)]
    failures = []
    for question in tests.QUESTIONS:
        cells = []
        for name in shown:
            answer = found[name][1][question]
            cells.append(answer if answer in {"yes", "–"} else "no")
            if cells[-1] == "no":
                failures.append(f"- {name}, {question}: {answer}")
        lines.append(f"| {question} | {' | '.join(cells)} |")
    lines += ["", "–: not asked, because each question takes this engine long.", ""]
    lines += ["## What failed", "", *(failures or ["Nothing."])]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "\n".join(lines) + "\n" + TAIL, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(shown)} engines, {len(failures)} failures")


if __name__ == "__main__":
    main()
