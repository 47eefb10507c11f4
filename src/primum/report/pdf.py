"""The report as one tagged PDF (PDF/UA-1), typeset by typst from the same words and tables as the HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from primum.errors import MissingExtraError
from primum.report import pdf_content as content
from primum.report.figures import Figure, svg
from primum.report.source import Audited

FONTS = (
    "Liberation Sans", "Arial", "Helvetica", "Helvetica Neue", "Noto Sans", "Noto Sans CJK SC", "DejaVu Sans",
    "Libertinus Serif",
)  # fmt: skip
_NO_GLYPH = "could not be displayed with font"


def pdf(
    run: Audited, figures: Iterable[Figure], pictures: Mapping[str, str | bytes] | None = None, *, export: bool = False
) -> bytes:
    """Typeset the report; the same run gives the same bytes.

    The file claims PDF/UA-1. Where no font on this machine has a letter that a label needs, it cannot: it is then
    written with the same tags but without the claim.

    Parameters
    ----------
    run
        A finished run.
    figures
        Its figures.
    pictures
        Name of a figure -> its SVG, or its PNG, where they have been drawn already.
    export
        Whether the file may leave the room: pictures are then pixels, and the file says nothing of who made it, with
        what and when (`primum.report.pdf_scrub`).

    Raises
    ------
    MissingExtraError
        If typst is not installed.
    PrimumError
        With `export`, if the run was not protected for release, or what typst wrote about itself cannot be removed.
    """
    try:
        import typst
    except ImportError as cause:
        raise MissingExtraError("typst", "report", "Writing the PDF report") from cause
    drawn = list(figures)
    held = {f.name: _picture(f, (pictures or {}).get(f.name), export=export) for f in drawn}
    made = _created(run)
    text = json.dumps(content.report(run, drawn, held, export=export), ensure_ascii=False, allow_nan=False)
    here = set(typst.Fonts(include_system_fonts=True).families())
    inputs = {
        "data": text,
        "fonts": json.dumps([f for f in FONTS if f in here] or ["Libertinus Serif"]),
        "made": json.dumps([made.year, made.month, made.day]),
    }
    with TemporaryDirectory() as folder:
        for name, picture in held.items():
            if isinstance(picture, bytes):
                (Path(folder) / f"{name}.png").write_bytes(picture)
        if export:
            _bar(run, Path(folder))
        file = _typeset(inputs, folder, int(made.timestamp()))
    if export:
        from primum.report.pdf_scrub import scrubbed

        return scrubbed(file)
    return file


def _typeset(inputs: dict[str, str], folder: str, stamp: int) -> bytes:
    import typst

    source = (files("primum.report") / "report.typ").read_bytes()
    compile_: Any = partial(typst.compile, source, format="pdf", root=folder, sys_inputs=inputs, timestamp=stamp)
    try:
        return bytes(compile_(pdf_standards="ua-1"))
    except typst.TypstError as error:
        if _NO_GLYPH not in str(error):
            raise
    return bytes(compile_())


def _picture(figure: Figure, known: str | bytes | None, *, export: bool) -> str | bytes:
    """Return a picture as it may stand in the file: pixels in one that may leave."""
    if isinstance(known, bytes) or (known is not None and not export):
        return known
    if not export:
        return svg(figure)
    from primum.report.figures.pixels import pixels

    return pixels(known or svg(figure))


def _bar(run: Audited, folder: Path) -> None:
    """Draw the bar of 1,000 people as pixels, where there is one."""
    from primum.report.image import drawn
    from primum.report.page_one import page_one

    bar = page_one(run, export=True).bar
    if bar:
        (folder / content.BAR).write_bytes(drawn(bar))


def _created(run: Audited) -> datetime:
    """Return the day on which the audit was run, the one date that the file carries."""
    for text in (run.manifest.get("created"), run.plan.created):
        if text and re.match(r"\d{4}-\d\d-\d\d", str(text)):
            told = datetime.fromisoformat(str(text))
            return told if told.tzinfo else told.replace(tzinfo=UTC)
    return datetime(2026, 1, 1, tzinfo=UTC)
