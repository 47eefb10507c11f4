"""Write a finished run as files: HTML, PDF, tables and figures. Each file is whole or not there."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING

from primum.atomic import write_bytes
from primum.errors import PrimumError
from primum.report.html import html
from primum.report.say import speaking
from primum.report.schema import text as schema_text
from primum.report.source import Audited
from primum.report.stamp import stamp
from primum.report.tables import tables, to_csv

if TYPE_CHECKING:
    from primum.report.figures import Figure

THREADS = 2


def render(
    run: Audited,
    out: Path | str,
    *,
    pdf: bool = True,
    figures: bool = True,
    export: bool = False,
    language: str = "en",
) -> dict[str, Path]:
    """Write the report into a folder and return name -> path; "html" is the report itself, written last.

    Beside it come the pages for everybody, what a paper needs, and clause maps and checklists as tables.

    Parameters
    ----------
    run
        A finished run; no data is read.
    out
        The folder; files in it with the same names are replaced.
    pdf, figures
        Whether to write `report.pdf`, and to draw the figures. Without figures the HTML holds their tables, and the
        report stands alone: no pages for everybody, paper or checklists.
    export
        Whether the report may leave the room. The run must then have been measured from protected counts and its
        manifest must hold `release` ({"preset", "words", "date"}). All pictures are PNG without metadata, also within
        the page and the PDF; no SVG is written, and nothing of the machine, of times of day or of hashes of data.
    language
        Code of the language in which the report is written.

    Raises
    ------
    MissingExtraError
        If a package of the extra `report` is not installed.
    PrimumError
        If a file cannot be written (disk full, folder not writable), if the run of an export was not protected, or if
        there is no such language or it lacks texts of the report; nothing half-written is left.
    """
    with speaking(language):
        return _render(run, Path(out), pdf=pdf, figures=figures, export=export)


def _render(run: Audited, out: Path, *, pdf: bool, figures: bool, export: bool) -> dict[str, Path]:
    from primum.assure.sheet import write_csv
    from primum.report.figures import figures as draw
    from primum.report.pages.write import write as write_pages
    from primum.report.paper.write import write as write_paper

    stamp(run, export=export)
    folder = _folder(out)
    drawn = draw(run)
    pictures = _pictures(drawn, export=export) if figures or pdf else {}
    written: dict[str, Path] = {}
    for name, rows in tables(run).items():
        written[f"table {name}"] = write_bytes(folder / "tables" / f"{name}.csv", to_csv(rows))
    if figures:
        written |= _write(pictures, folder / "figures")
    written["schema"] = write_bytes(folder / "findings.schema.json", schema_text().encode("utf8"))
    if pdf:
        from primum.report.pdf import pdf as typeset

        written["pdf"] = write_bytes(folder / "report.pdf", typeset(run, drawn, pictures, export=export))
    if figures:
        written |= {f"page {k}": v for k, v in write_pages(run, folder / "pages").items()}
        written |= write_paper(run, folder / "paper")
        written |= {f"checklist {k}": v for k, v in write_csv(run, folder / "checklists").items()}
    page = html(run, pictures if figures else {}, drawn, export=export)
    written["html"] = write_bytes(folder / "report.html", page.encode("utf8"))
    return written


def _pictures(drawn: list[Figure], *, export: bool) -> Mapping[str, str | bytes]:
    """Return name → SVG, or → PNG where the report may leave."""
    from primum.report.figures import svg
    from primum.report.figures.pixels import pixels

    if not export:
        return {f.name: svg(f) for f in drawn}
    speak = [copy_context() for _ in drawn]  # the language is known to this thread only
    with ThreadPoolExecutor(THREADS) as pool:
        made = pool.map(lambda own, f: own.run(lambda: pixels(svg(f))), speak, drawn)
        return dict(zip((f.name for f in drawn), made, strict=True))


def _write(pictures: Mapping[str, str | bytes], folder: Path) -> dict[str, Path]:
    from primum.report.figures import png

    written = {}
    for name, picture in pictures.items():
        if isinstance(picture, str):
            written[f"figure {name}"] = write_bytes(folder / f"{name}.svg", picture.encode("utf8"))
        made = png(picture) if isinstance(picture, str) else picture
        written[f"picture {name}"] = write_bytes(folder / f"{name}.png", made)
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
