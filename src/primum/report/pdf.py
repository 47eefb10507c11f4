"""The report as one tagged PDF (PDF/UA-1), typeset by typst from the same words and tables as the HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.resources import files

from primum.errors import MissingExtraError
from primum.report import pdf_content as content
from primum.report.figures import Figure, svg
from primum.report.source import Audited

FONTS = (
    "Liberation Sans", "Arial", "Helvetica", "Helvetica Neue", "Noto Sans", "Noto Sans CJK SC", "DejaVu Sans",
    "Libertinus Serif",
)  # fmt: skip
_NO_GLYPH = "could not be displayed with font"


def pdf(run: Audited, figures: Iterable[Figure], svgs: Mapping[str, str] | None = None) -> bytes:
    """Typeset the report; the same run gives the same bytes.

    The file claims PDF/UA-1. Where no font on this machine has a letter that a label needs, it cannot: it is then
    written with the same tags but without the claim.

    Parameters
    ----------
    run
        A finished run.
    figures
        Its figures.
    svgs
        Name of a figure -> its SVG, where they have been drawn already.

    Raises
    ------
    MissingExtraError
        If typst is not installed.
    """
    try:
        import typst
    except ImportError as cause:
        raise MissingExtraError("typst", "report", "Writing the PDF report") from cause
    drawn = list(figures)
    known = svgs or {}
    pictures = {f.name: known.get(f.name) or svg(f) for f in drawn}
    made = _created(run)
    text = json.dumps(content.report(run, drawn, pictures), ensure_ascii=False, allow_nan=False)
    source = (files("primum.report") / "report.typ").read_bytes()
    here = set(typst.Fonts(include_system_fonts=True).families())
    inputs = {
        "data": text,
        "fonts": json.dumps([f for f in FONTS if f in here] or ["Libertinus Serif"]),
        "made": json.dumps([made.year, made.month, made.day]),
    }
    stamp = int(made.timestamp())
    try:
        return typst.compile(source, format="pdf", sys_inputs=inputs, timestamp=stamp, pdf_standards="ua-1")
    except typst.TypstError as error:
        if _NO_GLYPH not in str(error):
            raise
    return typst.compile(source, format="pdf", sys_inputs=inputs, timestamp=stamp)


def _created(run: Audited) -> datetime:
    """Return when the audit was run, the one date that the file carries."""
    for text in (run.manifest.get("created"), run.plan.created):
        if text and re.match(r"\d{4}-\d\d-\d\d", str(text)):
            told = datetime.fromisoformat(str(text))
            return told if told.tzinfo else told.replace(tzinfo=UTC)
    return datetime(2026, 1, 1, tzinfo=UTC)
