"""Write the paper: one manuscript as DOCX, LaTeX and Markdown, each table as a file of its own, the references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from primum.atomic import write_bytes
from primum.report.paper.design import title
from primum.report.paper.docx import manuscript_docx, table_docx
from primum.report.paper.latex import manuscript_tex, table_tex
from primum.report.paper.manuscript import Manuscript, PaperTable
from primum.report.paper.markdown import manuscript_md
from primum.report.paper.methods import methods
from primum.report.paper.references import bibtex
from primum.report.paper.results import results
from primum.report.paper.table_set import tables
from primum.report.say import say
from primum.report.source import Audited
from primum.report.tables import to_csv

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
"""Tells spreadsheets that the text is UTF-8; without it they garble '≥65' and '−1.4'."""
_SIGN = re.compile(r"^\+(?=\d)")


def manuscript(run: Audited) -> Manuscript:
    """Return text and tables of the paper, from a finished run or a release of one; no data is read."""
    told = tables(run)
    blocks = [*methods(run, told), *results(run, told)]
    kind = "paper.note.release" if run.manifest.get("release") else "paper.note.audit"
    return Manuscript(title(run), say(kind, version=run.manifest.get("primum", "")), blocks, told)


def write(run: Audited, folder: Path) -> dict[str, Path]:
    """Write the paper into a folder and return name -> path.

    Parameters
    ----------
    run
        A finished run, or a release of one; what it lacks is left out.
    folder
        Where it goes, such as `paper/` beside the report; files in it with the same names are replaced.

    Raises
    ------
    MissingExtraError
        If python-docx is not installed (the extra `report`).
    PrimumError
        If a file cannot be written.
    """
    told = manuscript(run)
    out = Path(folder)
    found: dict[str, Path] = {}
    whole = {
        "paper.docx": manuscript_docx(told),
        "paper.tex": manuscript_tex(told).encode(),
        "paper.md": manuscript_md(told).encode(),
        "references.bib": bibtex(told.cited).encode(),
    }
    for name, content in whole.items():
        found[f"paper {name}"] = write_bytes(out / name, content)
    for t in told.tables:
        for ending, content in _formats(t).items():
            found[f"paper {t.name}{ending}"] = write_bytes(out / "tables" / f"{t.name}{ending}", content)
    return found


def _formats(t: PaperTable) -> Mapping[str, bytes]:
    return {".csv": table_csv(t), ".tex": table_tex(t).encode(), ".docx": table_docx(t)}


def table_csv(t: PaperTable) -> bytes:
    """Return a table as CSV as it is printed; headings across the table become a first column of their own."""
    several = any(line.section for line in t.grid.lines)
    heads = [h or say("paper.table.head.characteristic") for h in t.grid.columns]
    rows, section = [], ""
    for line in t.grid.lines:
        if line.section:
            section = line.head
            continue
        first = {say("paper.table.head.section"): section} if several else {}
        cells = [line.head, *(_SIGN.sub("", c.text) for c in line.cells)]  # spreadsheets take "+1.4 (…" for a formula
        rows.append(first | dict(zip(heads, cells, strict=False)))
    return BOM + to_csv(rows)
