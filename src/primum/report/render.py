"""Write a finished run as files: HTML, PDF, tables and figures. Each file is whole or not there."""

from __future__ import annotations

from pathlib import Path

from primum.errors import PrimumError
from primum.execute.store import write_bytes
from primum.report.html import html
from primum.report.schema import text as schema_text
from primum.report.source import Audited
from primum.report.tables import tables, to_csv


def render(run: Audited, out: Path | str, *, pdf: bool = True, figures: bool = True) -> dict[str, Path]:
    """Write the report into a folder and return name -> path; "html" is the report itself, written last.

    Parameters
    ----------
    run
        A finished run; no data is read.
    out
        The folder; files in it with the same names are replaced.
    pdf, figures
        Whether to write `report.pdf`, and to draw the figures. Without figures the HTML holds their tables.

    Raises
    ------
    MissingExtraError
        If a package of the extra `report` is not installed.
    PrimumError
        If a file cannot be written (disk full, folder not writable); nothing half-written is left.
    """
    from primum.report.figures import figures as draw
    from primum.report.figures import png, svg

    folder = _folder(Path(out))
    drawn = draw(run)
    svgs = {f.name: svg(f) for f in drawn} if figures or pdf else {}
    written: dict[str, Path] = {}
    for name, rows in tables(run).items():
        written[f"table {name}"] = write_bytes(folder / "tables" / f"{name}.csv", to_csv(rows))
    if figures:
        for name, text in svgs.items():
            written[f"figure {name}"] = write_bytes(folder / "figures" / f"{name}.svg", text.encode("utf8"))
            written[f"picture {name}"] = write_bytes(folder / "figures" / f"{name}.png", png(text))
    written["schema"] = write_bytes(folder / "findings.schema.json", schema_text().encode("utf8"))
    if pdf:
        from primum.report.pdf import pdf as typeset

        written["pdf"] = write_bytes(folder / "report.pdf", typeset(run, drawn, svgs))
    page = html(run, svgs if figures else {}, drawn)
    written["html"] = write_bytes(folder / "report.html", page.encode("utf8"))
    return written


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PrimumError(
            f"The folder '{path}' for the report could not be made: {error.strerror or error}.",
            expected="a folder that can be written",
            mend="choose another with --out",
        ) from error
    return path
