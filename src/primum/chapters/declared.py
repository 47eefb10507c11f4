"""The chapters that run because the use case has their section, in the order of the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.usecase import UseCase


@dataclass(frozen=True)
class Brought:
    """What came with the call: fitted models, the folder of the use case, whether pickles are trusted, a listener."""

    estimators: Mapping[str, Any]
    base: Path | None
    trust_pickle: bool
    progress: Progress


def declared(usecase: UseCase) -> list[str]:
    """Return the names of the chapters whose section is there."""
    there = {
        "recording": usecase.recording is not None,
        "missing": usecase.missing is not None,
        "proxies": usecase.discrimination is not None,
        "prior": usecase.prior is not None,
        "diagnosis": bool(usecase.repairs),
        "repairs": bool(usecase.repairs),
    }
    return [name for name, asked in there.items() if asked]


def tell(name: str, run: Run, cohort: Cohort, brought: Brought) -> list[Finding]:
    """Compute one of them, keep it in the run, and return its findings."""
    options: dict[str, Any] = {
        "estimators": brought.estimators, "base": brought.base, "trust_pickle": brought.trust_pickle,
        "progress": brought.progress,
    }  # fmt: skip
    usecase = run.usecase
    if name == "recording":
        from primum.chapters.recording import recording_chapter

        return recording_chapter(run, cohort, progress=brought.progress)
    if name == "diagnosis":
        from primum.chapters.diagnosis import diagnosis_chapter

        return diagnosis_chapter(run, cohort, progress=brought.progress)
    if name == "missing":
        from primum.chapters.missing import missing_chapter

        assert usecase.missing is not None
        return missing_chapter(run, cohort, usecase.missing, **options)
    if name == "proxies":
        from primum.chapters.proxies import proxies_chapter

        assert usecase.discrimination is not None
        return proxies_chapter(run, cohort, usecase.discrimination, **options)
    if name == "prior":
        from primum.chapters.prior import prior_chapter

        assert usecase.prior is not None
        return prior_chapter(run, cohort, usecase.prior, **options)
    from primum.chapters.repairs import repairs_chapter

    return repairs_chapter(run, cohort, **options)
