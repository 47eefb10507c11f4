"""Any text as LaTeX: every character escaped, so that a name from the data can never be a command."""

from __future__ import annotations

import unicodedata

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\`{}",
    "[": "{[}", "]": "{]}", "*": "{*}",
}  # fmt: skip
SYMBOLS = {
    "\N{NO-BREAK SPACE}": "~", "\N{NARROW NO-BREAK SPACE}": r"\,", "\N{THIN SPACE}": r"\,", "\N{EM SPACE}": r"\quad{}",
    "\N{EN DASH}": "--", "\N{EM DASH}": "---", "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}", "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
    "\N{MIDDLE DOT}": r"\ensuremath{\cdot}", "\N{DEGREE SIGN}": r"\ensuremath{^\circ}",
    "\N{PLUS-MINUS SIGN}": r"\ensuremath{\pm}", "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\leq}",
    "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\geq}", "\N{NOT EQUAL TO}": r"\ensuremath{\neq}",
    "\N{ALMOST EQUAL TO}": r"\ensuremath{\approx}", "\N{RIGHTWARDS ARROW}": r"\ensuremath{\rightarrow}",
    "\N{SQUARE ROOT}": r"\ensuremath{\surd}", "\N{N-ARY SUMMATION}": r"\ensuremath{\Sigma}",
    "\N{GREEK SMALL LETTER ALPHA}": r"\ensuremath{\alpha}", "\N{GREEK SMALL LETTER BETA}": r"\ensuremath{\beta}",
    "\N{GREEK SMALL LETTER DELTA}": r"\ensuremath{\delta}", "\N{GREEK CAPITAL LETTER SIGMA}": r"\ensuremath{\Sigma}",
    "\N{GREEK SMALL LETTER SIGMA}": r"\ensuremath{\sigma}", "\N{GREEK SMALL LETTER TAU}": r"\ensuremath{\tau}",
    "\N{GREEK SMALL LETTER MU}": r"\ensuremath{\mu}", "\N{MICRO SIGN}": r"\ensuremath{\mu}",
    "\N{GREEK SMALL LETTER PSI}": r"\ensuremath{\psi}", "\N{SUPERSCRIPT TWO}": r"\ensuremath{^2}",
    "\N{SUPERSCRIPT THREE}": r"\ensuremath{^3}", "\N{VULGAR FRACTION ONE HALF}": r"\ensuremath{\frac12}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``", "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{BULLET}": r"\textbullet{}", "\N{DAGGER}": r"\ensuremath{\dagger}",
    "\N{SUBSCRIPT ZERO}": r"\ensuremath{_0}", "\N{SUBSCRIPT ONE}": r"\ensuremath{_1}",
    "\N{SUBSCRIPT TWO}": r"\ensuremath{_2}", "\N{LATIN SUBSCRIPT SMALL LETTER K}": r"\ensuremath{_k}",
    "\N{SUBSCRIPT MINUS}": r"\ensuremath{_-}", "\N{LATIN SMALL LETTER Y WITH MACRON}": r"\ensuremath{\bar{y}}",
    "\N{EURO SIGN}": "EUR ", "\N{POUND SIGN}": r"\pounds{}", "\N{SECTION SIGN}": r"\S{}",
    "\t": " ", "\n": " ", "\r": " ",
}  # fmt: skip
MARKS = {"\N{COMBINING MACRON}": r"\bar", "\N{COMBINING CIRCUMFLEX ACCENT}": r"\hat"}
"""Marks above a letter, as formulas have them."""
ACCENTED = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ"
    "ĀāĂăĆćĈĉĊċČčĎďĒēĔĕĖėĚěĜĝĞğĠġĢģĤĥĨĩĪīĬĭİıĴĵĶķĹĺĻļĽľŁłŃńŅņŇňŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŨũŪūŬŭŮůŰűŴŵŶŷŸŹźŻżŽž"
)
"""Letters that every LaTeX since 2018 sets by itself."""


def escape(text: str) -> str:
    """Return a text as LaTeX that prints it as it is; control characters are left out.

    Characters that LaTeX may not know stay as they are: `declared` makes a document compile with them.
    """
    out: list[str] = []
    for c in unicodedata.normalize("NFC", text):
        if c in MARKS and out and out[-1].isalnum():
            out[-1] = rf"\ensuremath{{{MARKS[c]}{{{out[-1]}}}}}"
        elif c == "-" and out and out[-1] == "-":
            out.append("{}-")  # two hyphens are no dash
        elif c in SYMBOLS or c.isprintable():
            out.append(SPECIAL.get(c) or SYMBOLS.get(c) or c)
    return "".join(out)


def strange(text: str) -> list[str]:
    """Return the characters that pdfLaTeX does not know, each once, in order of their code."""
    known = SYMBOLS.keys() | MARKS.keys() | ACCENTED
    return sorted(
        {c for c in unicodedata.normalize("NFC", text) if ord(c) > 126 and c not in known and c.isprintable()}
    )


def declared(text: str) -> str:
    """Return lines of a preamble that let pdfLaTeX print a strange character by its code; other engines print it."""
    found = strange(text)
    if not found:
        return ""
    lines = [rf"  \DeclareUnicodeCharacter{{{ord(c):04X}}}{{[U+{ord(c):04X}]}}" for c in found]
    return "\n".join([r"\ifdefined\DeclareUnicodeCharacter", *lines, r"\fi", ""])
