"""The propagation study: how bias in a record travels into corrected and uncorrected models, run by run, resumable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from primum.atomic import write_bytes
from primum.errors import PrimumError
from primum.execute.checkpoint import fingerprint
from primum.execute.progress import Progress, Silent
from primum.execute.store import plain, read_json, write_json
from primum.execute.tasks import Task, check_workers, run_tasks
from primum.stress.dose_response import against_uncorrected, curves, long_table
from primum.stress.labels import drift, living_check
from primum.stress.population import keep, observed
from primum.stress.propagation import make_people, make_run
from primum.stress.specification import VERSION, Study
from primum.stress.study_file import dumps_study, load_study, loads_study

MARK, SUMMARY, TABLE = "study.json", "summary.json", "table.parquet"
OURS = {MARK, "study.yaml", SUMMARY, TABLE, "tables", "runs", "work", "report.html", "figures"}
CHAPTERS = ("people", "runs", "tables")
MANY = 5_000_000
"""People in all from which on it is worth starting workers to make them."""


@dataclass(frozen=True, eq=False)
class StudyRun:
    """A finished study.

    Attributes
    ----------
    path
        Its folder.
    study
        What was asked.
    table
        One row a bias, dose, arm, seed, group, metric and what it was judged on (`dose_response.long_table`).
    curves, drift, ledger
        Over seeds: every metric; record − truth; each arm against the uncorrected one.
    summary
        JSON-ready: numbers of runs and people, what arms learnt, why arms failed, the record's errors, notes.
    """

    path: Path
    study: Study
    table: pl.DataFrame
    curves: pl.DataFrame
    drift: pl.DataFrame
    ledger: pl.DataFrame
    summary: dict[str, Any]

    @property
    def check(self) -> pl.DataFrame:
        """The table of trust as measured: see `labels.living_check`."""
        return living_check(self.study, self.drift)

    @classmethod
    def load(cls, path: str | Path) -> StudyRun:
        """Open the folder of a finished study.

        Raises
        ------
        PrimumError
            If it is none, is unfinished, or is damaged.
        """
        folder = Path(path)
        if not (folder / MARK).is_file():
            raise PrimumError(
                f"'{folder}' is not the folder of a study.", mend="make one with: primum study NAME --out DIR"
            )
        if not (folder / SUMMARY).is_file():
            raise PrimumError(
                f"The study in '{folder}' is not finished.", mend="run the same study command again; it resumes"
            )
        try:
            study = loads_study((folder / "study.yaml").read_text(encoding="utf-8"), str(folder / "study.yaml"))
            table = pl.read_parquet(folder / TABLE)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise PrimumError(f"The study in '{folder}' is damaged: {error}.", mend="run it again") from None
        return _analysed(folder, study, table, read_json(folder / SUMMARY))

    def __repr__(self) -> str:
        return f"<StudyRun {self.study.name} in {self.path}: {self.summary['runs']} runs>"


def run_study(
    study: Study | str | Path,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    data: Any = None,
    base: Path | None = None,
    progress: Progress | None = None,
) -> StudyRun:
    """Run a propagation study, or go on with one that was interrupted; return it finished.

    Every (bias, dose, seed) is a task with a file of its own, so that nothing finished is lost. The same study gives
    the same tables, whatever the number of workers and however often it was interrupted. In a script of your own,
    call it below `if __name__ == "__main__":` when there is more than one worker.

    Parameters
    ----------
    study
        A `Study`, the name of a built-in one, or a YAML file.
    out
        Folder; `studies/NAME` by default.
    workers
        Processes of one thread each.
    data
        Path or frame for a study of a use case, in place of the use case's own data.
    base
        Folder in which relative paths of the study begin; that of its file if left out.
    progress
        Listener; none by default.

    Raises
    ------
    PrimumError
        For mistakes in the study, no truth, fewer than one worker, or a folder that holds something else; finished
        runs are kept.
    """
    check_workers(workers)
    asked = study if isinstance(study, Study) else load_study(study)
    base = base if base is not None or isinstance(study, Study) else Path(study).parent
    if data is not None and asked.simulated:
        raise PrimumError("The people of this study are simulated.", mend="leave out data")
    folder = Path(out) if out else Path("studies") / asked.name
    listen = progress or Silent()
    listen.start(list(CHAPTERS))
    listen.chapter("people")
    people, notes = (None, []) if asked.simulated else observed(asked, data=data, base=base)
    mark = asked.hash(None if people is None else fingerprint({"people": people}))
    _open(folder, asked, mark)
    tasks = _tasks(folder, asked)
    left = [t for t in tasks if not (folder / "runs" / f"{t.key}.json").is_file()]
    counted = _people(folder, asked, people, left, workers, listen)
    listen.done("people")
    listen.chapter("runs")
    results = run_tasks(make_run, tasks, folder / "runs", workers=workers, progress=listen)
    listen.done("runs")
    listen.chapter("tables")
    table = long_table(asked, results)
    done = _analysed(folder, asked, table, _summary(asked, results, [*notes, *counted]))
    _write(done)
    shutil.rmtree(folder / "work", ignore_errors=True)
    listen.done("tables")
    return done


def _analysed(folder: Path, study: Study, table: pl.DataFrame, summary: dict[str, Any]) -> StudyRun:
    ledger = against_uncorrected(table, study.level)
    return StudyRun(folder, study, table, curves(table, study.level), drift(study, table), ledger, summary)


def _open(folder: Path, study: Study, mark: str) -> None:
    """Take a new folder, or that of the same study; refuse any other.

    Raises
    ------
    PrimumError
        If the folder holds another study, or something that no study made.
    """
    place = folder / MARK
    if place.is_file():
        before = read_json(place)
        if not isinstance(before, dict) or before.get("hash") != mark:
            name = before.get("name") if isinstance(before, dict) else None
            other = (
                f"another study, '{name}'" if name != study.name else f"another version of '{name}', or other people"
            )
            raise PrimumError(
                f"'{folder}' holds {other}.",
                expected="a new folder, or the folder of the very same study",
                mend="choose another folder with --out (in Python: out=…)",
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PrimumError(
            f"'{folder}' holds something that no study made.",
            expected="a new folder, or the folder of the same study",
            mend="choose another folder with --out (in Python: out=…)",
        )
    (folder / SUMMARY).unlink(missing_ok=True)
    write_bytes(folder / "study.yaml", dumps_study(study).encode())
    write_json(place, {"hash": mark, "name": study.name, "version": VERSION})


def _tasks(folder: Path, study: Study) -> list[Task]:
    text = json.dumps(study.dump(), sort_keys=True)
    tasks = []
    for bias, dose, seed in sorted(study.runs(), key=lambda r: (r[2], r[0], r[1])):
        name = "none" if bias < 0 else f"bias{bias + 1}"
        words = f"seed {seed}, " + ("no bias" if bias < 0 else f"{study.biases[bias].name} at {dose:g}")
        payload = {
            "study": text, "bias": bias, "dose": dose, "seed": seed, "people": str(_place(folder, study, seed)),
        }  # fmt: skip
        tasks.append(Task(f"seed{seed}-{name}-dose{dose:g}", payload, words))
    return tasks


def _place(folder: Path, study: Study, seed: int) -> Path:
    return folder / "work" / (f"people{seed}.parquet" if study.simulated else "people.parquet")


def _people(
    folder: Path, study: Study, frame: pl.DataFrame | None, left: Sequence[Task], workers: int, listen: Progress
) -> list[str]:
    """Make the people that runs still need; return what a reader should know of them."""
    if frame is not None:
        if left:
            keep(frame, _place(folder, study, 0))
        return [f"{frame.height:,} people with a known truth; each seed divides them anew."]
    seeds = sorted({t.payload["seed"] for t in left})
    tasks = [
        Task(
            f"people{s}",
            {"study": left[0].payload["study"], "seed": s, "people": str(_place(folder, study, s))},
            f"seed {s}",
        )
        for s in seeds
    ]
    origin = study.population.registry or study.population.recipe
    many = len(seeds) * (0 if origin is None else origin.people) > MANY
    run_tasks(make_people, tasks, folder / "work", workers=workers if many else 1, progress=listen)
    return []


def _summary(study: Study, results: Sequence[dict[str, Any]], notes: list[str]) -> dict[str, Any]:
    failed: dict[tuple[str, str, float], list[str]] = {}
    for r in results:
        for name, why in r["failed"].items():
            failed.setdefault((name, r["bias"], r["dose"]), []).append(why)
    top = max(study.doses)
    full = [r for r in results if r["dose"] == top]
    judged = [row["n"] for r in results[:1] for row in r["rows"] if row["group"] == "everyone"]
    return dict(
        plain(
            {
                "runs": len(results),
                "judged": judged[0] if judged else 0,
                "notes": notes,
                "failed": [
                    {"arm": a, "bias": b, "dose": d, "runs": len(why), "why": why[0]}
                    for (a, b, d), why in sorted(failed.items())
                ],
                "errors": [{"bias": r["bias"], "seed": r["seed"], "errors": r["errors"]} for r in full],
                "told": [{"bias": r["bias"], "seed": r["seed"], "told": r["told"]} for r in full],
            }
        )
    )


def _write(run: StudyRun) -> None:
    from io import BytesIO

    held = BytesIO()
    run.table.write_parquet(held, compression="zstd", statistics=False)
    write_bytes(run.path / TABLE, held.getvalue())
    for name, frame in (("curves", run.curves), ("drift", run.drift), ("ledger", run.ledger), ("trust", run.check)):
        write_bytes(run.path / "tables" / f"{name}.csv", frame.write_csv(float_precision=6).encode())
    write_json(run.path / SUMMARY, run.summary)
