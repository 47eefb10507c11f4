"""The manuscript as LaTeX that compiles everywhere: article, booktabs and longtable, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from primum.report.paper.latex_text import declared, escape
from primum.report.paper.manuscript import Block, Cite, Heading, Inline, Manuscript, PaperTable, Paragraph, Slot
from primum.report.paper.references import reference, vancouver
from primum.report.paper.widths import shares
from primum.report.say import say

LEVELS = {1: "section", 2: "subsection", 3: "subsubsection"}
PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,longtable}
%s\setlength{\textwidth}{17cm}\setlength{\oddsidemargin}{-0.6cm}
\setlength{\textheight}{24cm}\setlength{\topmargin}{-1.5cm}
\setlength{\parindent}{0pt}\setlength{\parskip}{6pt}
\setlength{\tabcolsep}{3pt}\setlength{\LTcapwidth}{\textwidth}
\emergencystretch=3em
\renewcommand{\refname}{%s}
\title{%s}
\author{}
\date{}
\begin{document}
\raggedright
\maketitle
"""
FOOTNOTE = 9
"""Columns that still share a line in the size of footnotes; more are set smaller."""
INPUT = "% needs: \\usepackage{booktabs,longtable}"


def manuscript_tex(paper: Manuscript) -> str:
    """Return the whole manuscript as one document; its list of references needs no BibTeX run."""
    body = [rf"\textit{{{escape(paper.note)}}}", *_blocks(paper.blocks), *_references(paper.cited)]
    body += [
        r"\clearpage",
        rf"\section*{{{escape(say('paper.tables'))}}}",
        *(table_tex(t, alone=False) for t in paper.printed),
    ]
    aside = [rf"\item {{}}{escape(t.caption)}: {escape('tables/' + t.name)}" for t in paper.tables if t.aside]
    if aside:
        body += [escape(say("paper.aside")), r"\begin{itemize}", *aside, r"\end{itemize}"]
    everything = "\n".join([paper.title, paper.note, *_texts(paper)])
    head = PREAMBLE % (declared(everything), escape(say("paper.references")), escape(paper.title))
    return head + "\n\n".join(body) + "\n\n\\end{document}\n"


def table_tex(t: PaperTable, *, alone: bool = True) -> str:
    """Return one table as a longtable, to be put into a document by its command input; columns share the line."""
    grid, count = t.grid, len(t.grid.columns)
    widths = shares(grid, room=0.99 - 0.012 * count)
    spec = "".join(rf"p{{{w:.3f}\linewidth}}" for w in widths)
    heads = " & ".join(rf"\raggedright {escape(h)}" for h in grid.columns) + r" \tabularnewline"
    lines = [
        r"{\footnotesize" if count <= FOOTNOTE else r"{\scriptsize",
        rf"\begin{{longtable}}{{@{{}}{spec}@{{}}}}",
        rf"\multicolumn{{{count}}}{{@{{}}p{{\linewidth}}@{{}}}}{{\textbf{{{escape(t.caption)}}}}}\\[3pt]",
        r"\toprule",
        heads,
        r"\midrule",
        r"\endfirsthead",
        r"\toprule",
        heads,
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
    ]
    for line in grid.lines:
        if line.section:
            lines.append(rf"\multicolumn{{{count}}}{{@{{}}l@{{}}}}{{\textbf{{{escape(line.head)}}}}}\\*")
        else:
            cells = [line.head, *(c.text for c in line.cells)]
            cells += [""] * (count - len(cells))
            lines.append(" & ".join(rf"\raggedright {escape(c)}" for c in cells) + r" \tabularnewline")
    lines.append(r"\end{longtable}")
    if t.notes:
        lines.append(escape(t.notes))
    needs = "\n".join([INPUT, *(f"% {x}" for x in declared("\n".join(_of_table(t))).splitlines()), ""])
    return (needs if alone else "") + "\n".join([*lines, "}"]) + "\n"


def _blocks(blocks: Sequence[Block]) -> list[str]:
    out: list[str] = []
    inside = False
    for block in blocks:
        bullet = isinstance(block, Paragraph) and block.bullet
        if bullet != inside:
            out.append(r"\begin{itemize}" if bullet else r"\end{itemize}")
            inside = bullet
        if isinstance(block, Heading):
            out.append(rf"\{LEVELS[block.level]}*{{{escape(block.text)}}}")
        else:
            said = "".join(_inline(p) for p in block.parts)
            out.append(rf"\item {{}}{said}" if bullet else said)
    return [*out, r"\end{itemize}"] if inside else out


def _inline(part: Inline) -> str:
    if isinstance(part, Cite):
        return rf"\cite{{{','.join(part.keys)}}}"
    if isinstance(part, Slot):
        return rf"\textbf{{{escape(part.text)}}}"
    return escape(part)


def _references(keys: Sequence[str]) -> list[str]:
    if not keys:
        return []
    items = "\n".join(rf"\bibitem{{{k}}} {escape(vancouver(reference(k)))}" for k in keys)
    return [rf"\begin{{thebibliography}}{{{len(keys)}}}", items, r"\end{thebibliography}"]


def _texts(paper: Manuscript) -> list[str]:
    """Return every text that is printed, to look for characters that LaTeX does not know."""
    said = [b.text if isinstance(b, Heading) else b.plain for b in paper.blocks]
    for t in paper.printed:
        said += _of_table(t)
    return [*said, *(vancouver(reference(k)) for k in paper.cited), *(t.caption for t in paper.tables)]


def _of_table(t: PaperTable) -> list[str]:
    cells = [x for line in t.grid.lines for x in (line.head, *(c.text for c in line.cells))]
    return [t.caption, t.notes, *t.grid.columns, *cells]
