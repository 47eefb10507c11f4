"""Write the pages of a finished run into a folder."""

from __future__ import annotations

from pathlib import Path

from primum.atomic import write_bytes
from primum.execute.store import write_json
from primum.report.language import languages
from primum.report.pages.datasheet import datasheet
from primum.report.pages.form import html
from primum.report.pages.model_card import model_card
from primum.report.pages.page import document
from primum.report.pages.summary import summary
from primum.report.source import Audited


def write(run: Audited, folder: Path) -> dict[str, Path]:
    """Write the pages into a folder and return name → path.

    A summary in every language; the model card and the datasheet in English, as pages and as JSON.

    Parameters
    ----------
    run
        A finished run, or one that was measured again from protected counts, with `release` in its manifest. Only
        what the run holds is told; nothing is computed from other counts than its own.
    folder
        The folder; files of the same names are replaced.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    PrimumError
        If the use case gives a text for a topic that a page does not have, or a file cannot be written.
    """
    folder = Path(folder)
    ready = {f"summary.{code}": summary(run, code) for code in languages()}
    pages = {"model-card": model_card(run), "datasheet": datasheet(run)}
    ready |= {name: html(page, run) for name, page in pages.items()}
    written = {name: write_bytes(folder / f"{name}.html", text.encode("utf8")) for name, text in ready.items()}
    for name, page in pages.items():
        written[f"{name} data"] = write_json(folder / f"{name}.json", document(page, run))
    return written
