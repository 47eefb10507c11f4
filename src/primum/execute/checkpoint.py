"""Starting, resuming and never half-finishing: what an interrupted audit may take over from before."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.atomic import PART, write_bytes
from primum.errors import PrimumError
from primum.execute.run import Run, file_name
from primum.execute.store import read_json, write_json
from primum.plan import Plan, deviations, without_secret
from primum.usecase import UseCase
from primum.usecase_file import dumps, load

FIRST_PLAN = "plan.first.json"
RESULTS = ("manifest.json", "findings.json", "findings.schema.json", "report.html", "report.pdf")
FOLDERS = ("chapters", "tallies", "tables", "figures", "certificates", "pages", "paper", "checklists")


def open_run(usecase: UseCase, plan: Plan, folder: Path, *, resume: bool) -> Run:
    """Return the run of this folder, ready to be computed.

    The first plan ever frozen in the folder is kept; what differs from it now is a deviation, listed in the manifest.
    With `resume=False`, everything that was computed before is put away; the first plan stays.

    Raises
    ------
    PrimumError
        If the folder holds files that no audit made, or the audit of another use case, or cannot be written.
    """
    first = folder / FIRST_PLAN
    _ours(folder, usecase)
    before = Plan.read(first) if first.is_file() else plan
    same = (folder / "plan.json").is_file() and Plan.read(folder / "plan.json").hash == plan.hash
    if first.is_file():
        _put_away(folder, work=not (same and resume))
    for place in (first, folder / "plan.json"):
        if not place.is_file():
            _write_plan(plan, place)
    run = Run(path=folder, usecase=usecase, plan=Plan.read(folder / "plan.json"))
    run.manifest = {
        "status": "running",
        "deviations": deviations(before, plan),
        "first_plan": before.hash,
        "seconds": {},
    }
    write_bytes(folder / "usecase.yaml", dumps(_without_secret(usecase)).encode())
    write_json(folder / "manifest.json", run.manifest)
    return run


def fingerprint(parts: dict[str, Any]) -> str:
    """Return a digest of arrays and frames: the same people in the same order, or not."""
    import polars as pl

    digest = hashlib.sha256()
    for name in sorted(parts):
        value = parts[name]
        digest.update(name.encode())
        if isinstance(value, pl.DataFrame):
            digest.update(repr(value.schema).encode())
            if value.width:
                digest.update(value.hash_rows(seed=0).to_numpy().tobytes())
        elif value is not None:
            digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


class Kept:
    """Row-level scores of models that an interrupted audit had finished; they vanish when the audit ends."""

    def __init__(self, work: Path, mark: str) -> None:
        self.work = work
        place = work / "people.json"
        if not place.is_file() or read_json(place) != mark:
            shutil.rmtree(work, ignore_errors=True)
            write_json(place, mark)

    def get(self, model: str) -> tuple[npt.NDArray[np.float64], dict[str, Any]] | None:
        """Return score and description of a finished model, or None."""
        score, told = self._places(model)
        if not (score.is_file() and told.is_file()):
            return None
        return np.frombuffer(score.read_bytes(), dtype=np.float64).copy(), read_json(told)

    def put(self, model: str, score: npt.NDArray[np.float64], description: dict[str, Any]) -> None:
        """Keep a finished model; the description is written last and marks it as whole."""
        place, told = self._places(model)
        write_bytes(place, np.ascontiguousarray(score, dtype=np.float64).tobytes())
        write_json(told, description)

    def _places(self, model: str) -> tuple[Path, Path]:
        stem = file_name(model)
        return self.work / f"{stem}.scores", self.work / f"{stem}.json"


def _without_secret(usecase: UseCase) -> UseCase:
    """Return the use case without the password of a database."""
    if usecase.data.url is None:
        return usecase
    return usecase.model_copy(
        update={"data": usecase.data.model_copy(update={"url": without_secret(usecase.data.url)})}
    )


def _ours(folder: Path, usecase: UseCase) -> None:
    """Refuse a folder in which an audit would overwrite what it did not make."""
    if not (folder / FIRST_PLAN).is_file():
        foreign = [n for n in ("plan.json", "usecase.yaml", *RESULTS, *FOLDERS, "work") if (folder / n).exists()]
        if foreign:
            raise PrimumError(
                f"'{folder}' holds {' and '.join(foreign[:3])}, which no audit made and an audit would overwrite.",
                expected="a new folder, or the folder of an earlier audit",
                mend="choose another folder with --out (in Python: out=…)",
            )
        return
    name = _audited(folder)
    if name not in {None, usecase.name}:
        raise PrimumError(
            f"'{folder}' holds the audit of another use case, '{name}'.",
            expected=f"a new folder, or the folder of an earlier audit of '{usecase.name}'",
            mend="choose another folder with --out (in Python: out=…)",
        )


def _audited(folder: Path) -> str | None:
    """Return the name of the use case that was audited in a folder, if it can still be read."""
    try:
        return load(folder / "usecase.yaml").name
    except PrimumError:
        return None


def _write_plan(plan: Plan, place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        plan.write(place)
    except OSError as error:
        raise PrimumError(
            f"'{place}' could not be written: {error.strerror or error}.",
            mend="free some space or choose another folder with --out, then run the same command again",
        ) from error


def _put_away(folder: Path, *, work: bool) -> None:
    """Remove what an earlier audit computed, so that nothing old is mistaken for new.

    Models that it had finished, in `work/`, are kept unless `work` says to remove them, too. The plan goes last: a
    folder without one is put away again.
    """
    for name in RESULTS:
        (folder / name).unlink(missing_ok=True)
    for half in [*folder.glob(f".*{PART}"), *folder.glob(f"work/.*{PART}")]:
        half.unlink(missing_ok=True)
    for name in (*FOLDERS, *(["work"] if work else [])):
        shutil.rmtree(folder / name, ignore_errors=True)
    if work:
        (folder / "plan.json").unlink(missing_ok=True)
