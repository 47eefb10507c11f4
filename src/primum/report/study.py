"""The page of a propagation study: one HTML file that opens offline, made of the blocks of the audit's report."""

from __future__ import annotations

from pathlib import Path

import primum
from primum.atomic import write_bytes
from primum.report.figures.figure import svg
from primum.report.figures.study import study_figures
from primum.report.html import by_chapter, policy, resource, safe, templates
from primum.report.section import numbered
from primum.report.views.study import Told, study_sections


def study_html(run: Told, *, figures: bool = True) -> str:
    """Return the page.

    Parameters
    ----------
    run
        A finished study (`primum.stress.study.StudyRun`).
    figures
        Whether to draw; without, the tables behind the figures are shown.

    Raises
    ------
    MissingExtraError
        If a package of the extra `report` is not installed.
    """
    drawn = study_figures(run)
    pictures = {f.name: svg(f) for f in drawn} if figures else {}
    style = resource("style.css")
    told = study_sections(run)
    return (
        templates()
        .get_template("study.html")
        .render(
            study=run.study,
            hash=run.study.hash()[:12],
            version=primum.__version__,
            style=safe(style),
            policy=policy(style, ""),
            sections=told,
            numbers=numbered(told, 1),
            figures=by_chapter(pictures, drawn),
        )
    )


def render_study(run: Told, out: str | Path | None = None, *, figures: bool = True) -> Path:
    """Write the page into the study's folder (or `out`) and return its path.

    Raises
    ------
    MissingExtraError
        If a package of the extra `report` is not installed.
    PrimumError
        If the file cannot be written.
    """
    folder = Path(out) if out is not None else run.path
    return write_bytes(folder / "report.html", study_html(run, figures=figures).encode("utf8"))
