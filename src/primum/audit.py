"""The story of an audit: one short function a chapter, in the order of the report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import primum
from primum.chapters.declared import Brought, declared
from primum.chapters.declared import tell as tell_declared
from primum.chapters.manifest import environment
from primum.chapters.measured import groups_chapter, performance_chapter
from primum.chapters.people import people_chapter, record_chapter
from primum.chapters.scored import models_chapter
from primum.check.people import people_findings, plan_findings
from primum.cohort.read import from_frame, read, read_path
from primum.cohort.select import assemble
from primum.cohort.split import clusters, folds
from primum.errors import PrimumError
from primum.execute.checkpoint import Kept, fingerprint, open_run
from primum.execute.progress import Progress, Silent
from primum.execute.run import Run
from primum.plan import freeze
from primum.usecase import CHAPTERS, Model, UseCase
from primum.usecase_file import builtin, folder, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primum.cohort.cohort import Cohort
    from primum.cohort.table import Table

ESTIMATOR = "(fitted estimator)"


def audit(
    usecase: UseCase | str | Path,
    *,
    data: Any = None,
    out: str | Path | None = None,
    models: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    resume: bool = True,
    trust_pickle: bool = False,
) -> Run:
    """Audit models for every group of patients; return the run, ready for its report.

    Parameters
    ----------
    usecase
        The question: a `UseCase`, a YAML file, or the name of a built-in one.
    data
        Path, glob or frame to use instead of what the use case names.
    out
        Run folder; `runs/NAME` by default. Finished chapters in it are taken over when plan and people are the same.
    models
        Name → fitted scikit-learn classifier, audited beside those of the use case, or instead of one of that name.
    progress
        Listener; none by default.
    resume
        False computes everything again.
    trust_pickle
        Read pickled models, which can run any code. Only for files you made yourself.

    Raises
    ------
    PrimumError
        For bad input; finished chapters are kept.
    """
    question, base = question_of(usecase)
    question = _with_estimators(question, models or {})
    listen = progress or Silent()
    chapters = _chapters(question)
    listen.start([*chapters, "findings"])
    plan, started = freeze(question), time.perf_counter()
    table = _table(question, data, base)  # opened first: a wrong path puts nothing away
    run = open_run(question, plan, Path(out) if out else Path("runs") / question.name, resume=resume)
    with _chapter(run, listen, "people"):
        cohort = assemble(question, table)
        parts = _parts(question, cohort) if "models" in chapters else None
        people_chapter(run, cohort, table, parts)
    if "models" in chapters:
        with _chapter(run, listen, "models"):
            kept, own = Kept(run.work, _mark(cohort)), models or {}
            models_chapter(
                run, cohort, parts, kept, estimators=own, base=base, trust_pickle=trust_pickle, progress=listen
            )
    findings = [*plan_findings(run.manifest["deviations"]), *people_findings(run.chapters["people"])]
    for name, tell in (("performance", performance_chapter), ("groups", groups_chapter)):
        if name in chapters:
            with _chapter(run, listen, name):
                findings += tell(run, cohort.levels, listen)
    if "record" in chapters:
        with _chapter(run, listen, "record"):
            findings += record_chapter(run, cohort)
    brought = Brought(models or {}, base, trust_pickle, listen)
    for name in declared(question):
        with _chapter(run, listen, name):
            findings += tell_declared(name, run, cohort, brought)
    listen.chapter("findings")
    run.findings = findings
    run.manifest |= environment(run, table, cohort.n, time.perf_counter() - started)
    run.finish()
    listen.done("findings")
    return run


def _chapters(usecase: UseCase) -> list[str]:
    """Return what is computed, in order: people always, models where performance is asked for, declared repairs."""
    asked = {"people", *usecase.chapters}
    if asked & {"performance", "groups"} or declared(usecase):
        asked.add("models")
    return [*(c for c in CHAPTERS if c in asked), *declared(usecase)]


@contextmanager
def _chapter(run: Run, listen: Progress, name: str) -> Iterator[None]:
    listen.chapter(name)
    started = time.perf_counter()
    yield
    run.manifest["seconds"][name] = round(time.perf_counter() - started, 3)
    listen.done(name)


def question_of(usecase: UseCase | str | Path) -> tuple[UseCase, Path | None]:
    """Return the use case that was given or named, and the folder of its file.

    Raises
    ------
    PrimumError
        If there is no such use case, or it has mistakes.
    """
    if isinstance(usecase, UseCase):
        return usecase, None
    if isinstance(usecase, str | Path):
        return load(usecase), folder(usecase)
    raise PrimumError(
        f"A use case of type {type(usecase).__name__} cannot be audited.",
        expected="a UseCase, the path of a YAML file, or the name of a built-in use case",
        available=list(builtin()),
    )


def _with_estimators(usecase: UseCase, models: Mapping[str, Any]) -> UseCase:
    if not models:
        return usecase
    brought = {name: Model.model_validate({"name": name, "file": ESTIMATOR}) for name in models}
    kept = [brought.pop(m.name, m) for m in usecase.models]
    return UseCase.model_validate(
        usecase.model_dump(exclude_unset=True) | {"models": [m.model_dump() for m in [*kept, *brought.values()]]}
    )


def _table(usecase: UseCase, data: Any, base: Path | None) -> Table:
    if data is None:
        return read(usecase.data, base=base)
    if isinstance(data, str | Path):
        return read_path(data, encoding=usecase.data.encoding)
    return from_frame(data)


def _parts(usecase: UseCase, cohort: Cohort) -> Any:
    """Return the fold of everybody when a model is trained here, else None."""
    if all(m.train is None for m in usecase.models):
        return None
    return folds(cohort.outcome, clusters(cohort.person, cohort.family), usecase.folds, usecase.seed)


def _mark(cohort: Cohort) -> str:
    scores = pl.DataFrame(cohort.scores) if cohort.scores else None
    return primum.__version__ + fingerprint(
        {
            "features": cohort.features, "outcome": cohort.outcome, "groups": cohort.groups, "scores": scores,
            "weight": cohort.weight, "person": cohort.person, "family": cohort.family,
        }
    )  # fmt: skip
