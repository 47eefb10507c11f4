"""The manuscript as a Word document: real headings, real tables with repeated heads, no author, no date.

The same manuscript gives the same bytes: the archive is packed anew with one fixed time, and what Word's templates
carry beside the text (author, dates, thumbnail) is left out.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

from primum.errors import MissingExtraError
from primum.report.paper.manuscript import Cite, Heading, Inline, Manuscript, PaperTable, Paragraph, Slot, numbers_of
from primum.report.paper.references import numbered
from primum.report.paper.widths import cell, shares
from primum.report.say import say

EPOCH = (1980, 1, 1, 0, 0, 0)
FONT, SIZE, SMALL = "Arial", 10.5, 8
CORE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties '
    'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>'
)
APP = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Properties '
    'xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>'
)
PLAIN = {"docProps/core.xml": CORE, "docProps/app.xml": APP}
LEFT_OUT = re.compile(r"docProps/thumbnail|^customXml/")
WIDTH = 14790  # of the text on a page across, in twentieths of a point
BORDERS = "".join(f'<w:{k} w:val="single" w:sz="{z}" w:color="{c}"/>' for k, z, c in (
    ("top", 8, "000000"), ("bottom", 8, "000000"), ("insideH", 4, "BBBBBB"),
))  # fmt: skip
PROPERTIES = (
    '<w:tblPr><w:tblW w:w="{width}" w:type="dxa"/><w:tblBorders>' + BORDERS + "</w:tblBorders>"
    '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/>'
    '</w:tblCellMar><w:tblLook w:val="0620" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" '
    'w:noHBand="1" w:noVBand="1"/><w:tblCaption w:val="{text}"/></w:tblPr>'
)
_POINTER = re.compile(rb"<(?:Relationship|Override) [^>]*(?:docProps/thumbnail|customXml/)[^>]*/>")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def manuscript_docx(paper: Manuscript) -> bytes:
    """Return the whole manuscript; tables follow on pages across.

    Raises
    ------
    MissingExtraError
        If python-docx is not installed.
    """
    document = _document()
    cited = paper.cited
    document.add_paragraph(_clean(paper.title), style="Title")
    _runs(document.add_paragraph(), [paper.note], cited, italic=True)
    for block in paper.blocks:
        if isinstance(block, Heading):
            document.add_heading(_clean(block.text), block.level)
        else:
            _paragraph(document, block, cited)
    document.add_heading(say("paper.references"), 1)
    for i, work in enumerate(numbered(cited), start=1):
        document.add_paragraph(_clean(f"{i}. {work}"))
    _across(document)
    document.add_heading(say("paper.tables"), 1)
    for t in paper.printed:
        _table(document, t)
    aside = [t for t in paper.tables if t.aside]
    if aside:
        document.add_paragraph(say("paper.aside"))
        for t in aside:
            document.add_paragraph(_clean(f"{t.caption}: tables/{t.name}"), style="List Bullet")
    return _packed(document)


def table_docx(t: PaperTable) -> bytes:
    """Return one table as a document of its own.

    Raises
    ------
    MissingExtraError
        If python-docx is not installed.
    """
    document = _document()
    _across(document, fresh=False)
    _table(document, t)
    return _packed(document)


def _document() -> Any:
    """Return an empty document in plain styles, in the language of the report."""
    try:
        import docx
        from docx.oxml.ns import qn
        from docx.shared import Pt, RGBColor
    except ImportError as cause:
        raise MissingExtraError("python-docx", "report", "Writing the paper as a Word document") from cause
    document = docx.Document()
    black = RGBColor(0, 0, 0)
    sizes = {"Normal": SIZE, "Title": 16, "Heading 1": 14, "Heading 2": 11.5, "Caption": 9.5, "List Bullet": SIZE}
    for name, size in sizes.items():
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = FONT, Pt(size), black
        properties = style.element.get_or_add_rPr()
        fonts = properties.find(qn("w:rFonts"))
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        for script in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{script}"), FONT)
    for border in list(document.styles["Title"].element.iter(qn("w:pBdr"))):
        border.getparent().remove(border)
    document.styles["Title"].font.bold = True
    document.styles["Normal"].paragraph_format.space_after = Pt(6)
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), say("paper.locale"))
    return document


def _paragraph(document: Any, block: Paragraph, cited: Sequence[str]) -> None:
    style = "List Bullet" if block.bullet else "Normal"
    _runs(document.add_paragraph(style=style), block.parts, cited)


def _runs(paragraph: Any, parts: Sequence[Inline], cited: Sequence[str], *, italic: bool = False) -> None:
    from docx.enum.text import WD_COLOR_INDEX

    for part in parts:
        if isinstance(part, Cite):
            paragraph.add_run(numbers_of(cited, part))
        elif isinstance(part, Slot):
            run = paragraph.add_run(_clean(part.text))
            run.bold, run.font.highlight_color = True, WD_COLOR_INDEX.YELLOW
        else:
            paragraph.add_run(_clean(part)).italic = italic or None


def _across(document: Any, *, fresh: bool = True) -> None:
    """Turn the pages that follow across, with narrow margins; tables need the width."""
    from docx.enum.section import WD_ORIENT, WD_SECTION
    from docx.shared import Cm

    section = document.add_section(WD_SECTION.NEW_PAGE) if fresh else document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(29.7), Cm(21.0)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Cm(1.8))


def _table(document: Any, t: PaperTable) -> None:
    """Add caption, table and notes. The head repeats on every page, and no row is broken between pages."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls
    from docx.shared import Pt

    caption = document.add_paragraph(_clean(t.caption), style="Caption")
    caption.paragraph_format.keep_with_next = True
    widths = [round(WIDTH * share) for share in shares(t.grid)]
    rows = [_row(t.grid.columns, widths, head=True)]
    for line in t.grid.lines:
        cells = [cell(line, i) for i in range(len(widths))]
        rows.append(_across_row(line.head, widths) if line.section else _row(cells, widths))
    columns = "".join(f'<w:gridCol w:w="{w}"/>' for w in widths)
    properties = PROPERTIES.format(width=sum(widths), text=_attribute(t.caption))
    table = parse_xml(f"<w:tbl {nsdecls('w')}>{properties}<w:tblGrid>{columns}</w:tblGrid>{''.join(rows)}</w:tbl>")
    note = document.add_paragraph(_clean(t.notes))
    note._p.addprevious(table)  # noqa: SLF001 - python-docx has no public way to put a table of its own
    note.paragraph_format.space_before = Pt(3)
    for run in note.runs:
        run.font.size = Pt(SMALL)


def _row(cells: Sequence[str], widths: Sequence[int], *, head: bool = False) -> str:
    repeat = "<w:tblHeader/>" if head else ""
    inner = "".join(_cell(text, w, bold=head) for text, w in zip(cells, widths, strict=True))
    return f"<w:tr><w:trPr><w:cantSplit/>{repeat}</w:trPr>{inner}</w:tr>"


def _across_row(text: str, widths: Sequence[int]) -> str:
    """Return a heading across the whole table, kept with the row below."""
    return f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{_cell(text, sum(widths), span=len(widths), bold=True)}</w:tr>"


def _cell(text: str, width: int, *, span: int = 1, bold: bool = False) -> str:
    wide = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    keep = "<w:keepNext/>" if bold else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{wide}</w:tcPr><w:p><w:pPr>{keep}'
        f'<w:spacing w:before="20" w:after="20"/></w:pPr><w:r><w:rPr>{"<w:b/>" if bold else ""}'
        f'<w:sz w:val="{round(2 * SMALL)}"/></w:rPr><w:t xml:space="preserve">{html.escape(_clean(text), quote=False)}'
        "</w:t></w:r></w:p></w:tc>"
    )


def _attribute(text: str) -> str:
    return html.escape(_clean(text), quote=True)


def _clean(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("", text.replace("\n", " ").replace("\t", " "))


def _packed(document: Any) -> bytes:
    """Return the document as bytes: one fixed time, a fixed order, and no part that says who made it and when."""
    raw = io.BytesIO()
    document.save(raw)
    out = io.BytesIO()
    with zipfile.ZipFile(raw) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        names = [n for n in parts.namelist() if not LEFT_OUT.match(n)]
        for name in names:  # [Content_Types].xml comes first, as readers expect
            content = PLAIN[name].encode() if name in PLAIN else parts.read(name)
            if name.endswith((".rels", "[Content_Types].xml")):
                content = _POINTER.sub(b"", content)
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            packed.writestr(info, content)
    return out.getvalue()
