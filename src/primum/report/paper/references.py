"""Works that the text cites, as a numbered list and as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from primum.errors import unknown
from primum.report.paper.latex_text import escape
from primum.yaml_text import parse

Kind = Literal["article", "inproceedings", "misc"]
FIELDS = {"article": "journal", "inproceedings": "booktitle"}


@dataclass(frozen=True)
class Reference:
    """One work.

    Attributes
    ----------
    key, kind
        Its key in the bibliography, and what it is.
    authors
        "Family, Given names", in order; `others` says that there are more.
    title, journal, year, volume, pages
        As published; the journal is a conference for `inproceedings`.
    doi, arxiv
        Where it is found; "" where it has none.
    """

    key: str
    kind: Kind
    authors: tuple[str, ...]
    title: str
    year: int
    journal: str = ""
    volume: str = ""
    pages: str = ""
    doi: str = ""
    arxiv: str = ""
    others: bool = False


@cache
def library() -> dict[str, Reference]:
    """Return every work that may be cited, by key."""
    text = files("primum.report.paper").joinpath("references.yaml").read_text(encoding="utf-8")
    works: dict[str, dict[str, Any]] = parse(text)
    return {key: Reference(key=key, **work | {"authors": tuple(work["authors"])}) for key, work in works.items()}


def reference(key: str) -> Reference:
    """Return one work.

    Raises
    ------
    PrimumError
        If there is no work of that key.
    """
    if key not in library():
        raise unknown("reference", key, list(library()))
    return library()[key]


def vancouver(work: Reference) -> str:
    """Return a work as journals of medicine list it: authors, title, journal, year;volume:pages, DOI."""
    names = ", ".join(_short(a) for a in work.authors) + (", et al" if work.others else "")
    where = f"{work.journal} {work.year}" if work.journal else str(work.year)
    place = (f";{work.volume}" if work.volume else "") + (f":{work.pages}" if work.pages else "")
    if not work.volume and work.pages:
        place = f":{work.pages}"
    found = f" doi:{work.doi}" if work.doi else f" arXiv:{work.arxiv}" if work.arxiv else ""
    return f"{names}. {work.title}. {where}{place}.{found}"


def bibtex(keys: Iterable[str]) -> str:
    """Return the works as one BibTeX file, each once, in the given order."""
    return "\n".join(_entry(reference(k)) for k in dict.fromkeys(keys))


def _short(author: str) -> str:
    family, _, given = author.partition(", ")
    initials = "".join(part[0] for word in given.split() for part in word.replace(".", " ").split() if part)
    return f"{family} {initials}".strip()


def _entry(work: Reference) -> str:
    authors = " and ".join([*(escape(a) for a in work.authors), *(["others"] if work.others else [])])
    rows: list[tuple[str, str]] = [("author", authors), ("title", f"{{{escape(work.title)}}}")]
    if work.kind in FIELDS:
        rows.append((FIELDS[work.kind], escape(work.journal)))
    rows.append(("year", str(work.year)))
    rows += [(name, value) for name, value in (("volume", work.volume), ("pages", _dashed(work.pages))) if value]
    if work.doi:
        rows.append(("doi", work.doi))
    if work.arxiv:
        rows += [("eprint", work.arxiv), ("archiveprefix", "arXiv")]
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows)
    return f"@{work.kind}{{{work.key},\n{body}\n}}\n"


def _dashed(pages: str) -> str:
    return pages.replace("-", "--")


def numbered(keys: Sequence[str]) -> list[str]:
    """Return the list of references in the order of the keys, without their numbers."""
    return [vancouver(reference(k)) for k in keys]
