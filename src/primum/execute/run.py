"""The run folder: plan, chapters, tallies, findings. It holds no patient, and renders again without the data."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primum.atomic import write_bytes
from primum.errors import PrimumError
from primum.execute.store import read_json, write_json
from primum.finding import Finding
from primum.plan import Plan
from primum.tally.file import read as read_tally
from primum.tally.file import to_bytes
from primum.tally.score import ScoreTally
from primum.usecase import UseCase
from primum.usecase_file import load

if TYPE_CHECKING:
    import polars as pl

FINDINGS_VERSION = 1


@dataclass
class Run:
    """One audit, on disk and in memory.

    Attributes
    ----------
    path
        Its folder. `work/` in it holds row-level scores while the audit runs, and is removed when it ends.
    usecase, plan
        The question, and what was frozen before outcomes were read.
    manifest
        Versions, times, seed, status, deviations.
    chapters
        Name → JSON-ready contents.
    findings, tallies
        The table of findings; model → counts.
    units
        "persons", "households", "institutions" → model → counts of one row for each of them, where rows are not
        people of their own. What may leave is decided by them.
    """

    path: Path
    usecase: UseCase
    plan: Plan
    manifest: dict[str, Any] = field(default_factory=dict)
    chapters: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    tallies: dict[str, ScoreTally] = field(default_factory=dict)
    units: dict[str, dict[str, ScoreTally]] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """Folder of row-level scores, there only while the audit runs."""
        return self.path / "work"

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """Open the folder of a finished audit.

        Raises
        ------
        PrimumError
            If it is not one, is unfinished, or is damaged.
        """
        folder = Path(path)
        if not (folder / "manifest.json").is_file():
            raise PrimumError(
                f"'{folder}' is not the folder of an audit.",
                expected="a folder with manifest.json, plan.json and chapters/",
                mend="make one with: primum audit USECASE --out DIR",
            )
        try:
            return cls._load(folder)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PrimumError(
                f"The audit in '{folder}' is damaged ({type(error).__name__}: {error}).", mend="run the audit again"
            ) from None

    @classmethod
    def _load(cls, folder: Path) -> Run:
        manifest = read_json(folder / "manifest.json")
        if manifest.get("status") != "finished":
            raise PrimumError(
                f"The audit in '{folder}' is not finished.", mend="run the same audit command again; it resumes"
            )
        run = cls(
            path=folder,
            usecase=load(folder / "usecase.yaml"),
            plan=Plan.read(folder / "plan.json"),
            manifest=manifest,
        )
        for file in sorted((folder / "chapters").glob("*.json")):
            run.chapters[file.stem] = read_json(file)
        for model in run.chapters.get("models", {}).get("models", []):
            run.tallies[model["name"]] = read_tally(folder / model["tally"])
            for unit, place in (model.get("units") or {}).items():
                run.units.setdefault(unit, {})[model["name"]] = read_tally(folder / place)
        run.findings = [Finding.from_row(r) for r in read_json(folder / "findings.json")["findings"]]
        return run

    def keep_chapter(self, name: str, content: dict[str, Any]) -> None:
        """Keep a finished chapter, in memory and on disk."""
        self.chapters[name] = read_json(write_json(self.path / "chapters" / f"{name}.json", content))

    def keep_tally(self, model: str, tally: ScoreTally) -> str:
        """Keep a tally; return its place within the folder."""
        self.tallies[model] = tally
        place = f"tallies/{file_name(model)}.tally"
        write_bytes(self.path / place, to_bytes(tally))
        return place

    def keep_units(self, unit: str, model: str, tally: ScoreTally) -> str:
        """Keep the tally of one row for each person, household or institution; return its place in the folder."""
        self.units.setdefault(unit, {})[model] = tally
        place = f"tallies/{unit}-{file_name(model)}.tally"
        write_bytes(self.path / place, to_bytes(tally))
        return place

    def keep_certificate(self, repair: str, document: dict[str, Any]) -> None:
        """Keep the certificate (or its refusal) of a repair as a document of its own."""
        write_json(self.path / "certificates" / f"{file_name(repair)}.json", document)

    def finish(self) -> None:
        """Write findings and manifest, and remove everything that was kept per row."""
        shutil.rmtree(self.work, ignore_errors=True)
        write_json(
            self.path / "findings.json",
            {
                "schema_version": FINDINGS_VERSION,
                "plan": self.plan.hash,
                "created": self.plan.created,
                "findings": [f.row() for f in self.findings],
            },
        )
        self.manifest["status"] = "finished"
        write_json(self.path / "manifest.json", self.manifest)

    def table(self) -> pl.DataFrame:
        """Return the findings as one long frame."""
        import polars as pl

        return pl.DataFrame([f.row() for f in self.findings], infer_schema_length=None)

    def report(self, out: str | Path | None = None, *, pdf: bool = True, figures: bool = True) -> Path:
        """Write the report (HTML, PDF, tables, figures) and return the path of the HTML file."""
        from primum.report.render import render

        return render(self, Path(out) if out else self.path, pdf=pdf, figures=figures)["html"]

    def __repr__(self) -> str:
        return f"<Run {self.usecase.name} in {self.path}: {len(self.findings)} findings>"

    def _repr_html_(self) -> str:
        from primum.report.notebook import summary_html

        return summary_html(self)


def file_name(name: str) -> str:
    """Return a name that every file system takes; different names stay different."""
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
