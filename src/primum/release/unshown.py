"""Groups without numbers of their own: nothing that is a number may stand beside their names.

Also labels that few people have, known inside only: they may stand nowhere. And pictures behind which no table stands.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping

from primum.measure.table import EVERYONE
from primum.release.gather import Seen
from primum.release.leak import Leak
from primum.release.numbers_seen import DECLARED, NAMES, Allowed, group_of, head
from primum.release.read_page import Line, Prose
from primum.release.registered import JOINED, REST, Registered
from primum.release.spoken import NUMBER, whole
from primum.usecase import MISSING, OVERALL

PLAIN = re.compile(
    r"^(?:id|level|margin|at|threshold|per|line|item|t|w|declared|schema version|n effective|window|number|place|df"
    r"|bytes|version|primum)$"
)
"""Columns whose numbers say nothing about a group."""
_TELLS = re.compile(r"^[<≤>≥~±−+-]?\d[\d.,\u00a0\u202f]*(?:e-?\d+)?(?:\s|$)|\d\s?%|\[[−-]?\d|\(\d|\d (?:of|van) \d")
"""A cell that is a number, or begins with one, or holds a share, an interval or so many of so many."""
_MOST = re.compile(
    r"\b(?:worst|best|largest|smallest|highest|lowest|greatest|least|most|slechtste?|beste|grootste|kleinste|hoogste"
    r"|laagste)\b",
    re.IGNORECASE,
)
_DECLARED_NUMBER = re.compile(
    r"\b(?:less than|more than|at least|at most|fewer than|within|beyond|no worse than|margin(?: of)?|minder dan"
    r"|hoogstens|minstens|level|threshold(?: of)?|drempel(?: van)?)\s+[−-]?\d+(?:[.,]\d+)?"
    r"(?:\s?%|\s(?:percentage )?points?)?",
    re.IGNORECASE,
)
"""Numbers that were declared before anything was counted."""
_BAND = re.compile(
    r"\b(?:under|below|over|above|onder|boven)\s(\d+)|(\d+)\s(?:and|or|en|of)\s(?:over|older|more|ouder|meer)\b"
    r"|(\d+)\s?(?:–|-|to|tot)\s?(?:under\s|<)?(\d+)",
    re.IGNORECASE,
)
"""A band of a label in plain words: under 40, 65 and over, 40 to 64."""
_LEFT_OUT = re.compile(
    r"\b(?:and|en)\s\d+\s(?:more|meer|andere)\b|\bnog \d+\b|(?<=withheld for )(.*\))\s+and \d+$", re.IGNORECASE
)
"""How many names a list leaves out, also where a line of a PDF ends within it."""
_CLAUSE = re.compile(r"(?<=[.;!?])\s+")


def beside_withheld(seen: Seen, few: Collection[tuple[str, str]] = ()) -> list[Leak]:
    """Return every number that stands with a group that is withheld.

    Parameters
    ----------
    seen
        What a reader sees.
    few
        (attribute, label) of groups that may not even be named, known inside only.
    """
    registered = seen.registered
    withheld = {label for title, label in registered.withheld if not registered.shows(title, label)}
    other = {label.lower() for label in Allowed(registered).labels}
    alone = {label for label in withheld if label.lower() not in other and label != MISSING}
    rare = {label: title for title, label in few if label != MISSING and label.lower() not in other}
    found: dict[tuple[str, str], Leak] = {}
    for line in seen.lines:
        for leak in (*_line(line, registered, alone), *_rare_line(line, rare)):
            found.setdefault((leak.where, leak.said), leak)
    for prose in seen.prose:
        for leak in (*_sentence(prose, alone, registered), *_rare_prose(prose, rare)):
            found.setdefault((leak.where, leak.said), leak)
    return list(found.values())


def _line(line: Line, registered: Registered, alone: Collection[str]) -> Iterator[Leak]:
    attribute, group = line.get("attribute", "Attribute"), group_of(line)
    who = ""
    if attribute in registered.attributes and group and not _open(registered, attribute, group):
        who = f"{attribute} = {group}"
    elif attribute not in {"", OVERALL} and attribute in registered.attributes:
        return
    else:
        who = next((t for c, t in line.cells if t in alone and (not t.isdigit() or head(c) in NAMES)), "")
    if not who:
        return
    for column, text in line.cells:
        if (
            _TELLS.search(text)
            and text.strip("0.,- ")
            and not PLAIN.match(head(column))
            and text not in {group, who, attribute}
            and not _is_text(text, registered)
        ):
            yield Leak(
                "withheld group", f"{line.file}: {line.table[:60]}, {column}",
                f"“{text[:60]}” stands beside {who}, of which no number is shown.",
            )  # fmt: skip


def _is_text(text: str, registered: Registered) -> bool:
    """Whether a cell tells a sentence whose numbers are rules; sentences are looked at as prose."""
    return text.count(" ") > 3 or any(
        JOINED.join(text.split(JOINED)) in d.shown for d in registered.attributes.values()
    )


def _open(registered: Registered, attribute: str, group: str) -> bool:
    """Whether a group of this name has numbers, or stands for others that do."""
    divided = registered.attributes[attribute]
    return group in {EVERYONE, REST, divided.remainder} or registered.shows(attribute, group)


def _sentence(prose: Prose, alone: Collection[str], registered: Registered) -> Iterator[Leak]:
    if not any(label in prose.text for label in alone):
        return
    rules = {registered.t, int(registered.w), registered.base}
    labels = {x for d in registered.attributes.values() for x in (*d.shown, *d.withheld)}
    ends = {end for label in labels for end in re.findall(r"\d+", label)}
    for clause in _CLAUSE.split(prose.text):
        names = [label for label in alone if label in clause and _named(label, clause, registered)]
        rest = clause
        open_ = {x for d in registered.attributes.values() for x in (*d.shown, d.remainder or REST)} - set(names)
        for name in sorted(open_, key=len, reverse=True):  # a number in brackets belongs to the name before it
            rest = re.sub(rf"(?<!\w){re.escape(name)}\s?\([\d.,\u00a0\u202f]+\)", " ", rest)
        for name in sorted({*names, *open_, *registered.attributes}, key=len, reverse=True):
            rest = rest.replace(name, " ")
        if not names or len(names) > 3:
            continue
        rest = _BAND.sub(lambda m: " " if {x for x in m.groups() if x} <= ends else m[0], rest)
        rest = _LEFT_OUT.sub(" ", _DECLARED_NUMBER.sub(" ", rest))
        numbers = [m for m in NUMBER.finditer(rest) if whole(m[1]) not in rules]
        decimals = re.findall(r"\d[.,]\d|\d\s?%", rest)
        if numbers or decimals or (_MOST.search(rest) and not re.search(r"withheld|suppressed|niet getoond", rest)):
            yield Leak(
                "withheld group", f"{prose.file}: {prose.where[:60]}",
                f"“{clause.strip()[:120]}” tells something of {names[0]}, of which no number is shown.",
            )  # fmt: skip


def _named(label: str, clause: str, registered: Registered) -> bool:
    """Whether a clause names a group; a number does so only beside the name of what it is a value of."""
    found = rf"(?<![\w.,]){re.escape(label)}(?!\w|[.,]\d)"
    if not label.isdigit():
        return bool(re.search(rf"(?<!\w){re.escape(label)}(?!\w)", clause))
    titles = "|".join(re.escape(title) for title, own in registered.withheld if own == label)
    return bool(re.search(rf"(?:{titles})\s*(?:=|:|is)?\s*{found}|{found}\s?\((?:{titles})\)", clause))


def _rare_line(line: Line, rare: Mapping[str, str]) -> Iterator[Leak]:
    for _, text in line.cells:
        for label, title in rare.items():
            if text == label or label in text.split(JOINED):
                yield _rare(f"{line.file}: {line.table[:60]}", label, title)


def _rare_prose(prose: Prose, rare: Mapping[str, str]) -> Iterator[Leak]:
    if DECLARED.search(prose.file):
        return
    for label, title in rare.items():
        if len(label) > 3 and label in prose.text and re.search(rf"(?<!\w){re.escape(label)}(?!\w)", prose.text):
            yield _rare(f"{prose.file}: {prose.where[:60]}", label, title)


def _rare(where: str, label: str, title: str) -> Leak:
    said = f"'{label}' is named; few people have it ({title}). Is it the declared reference, or a word of the use case?"
    return Leak("withheld group", where, said)


def pictures(seen: Seen) -> list[Leak]:
    """Return pictures without counts: in no list of outputs, in no page beside a table, behind no table."""
    listed = _listed(seen)
    tables = {f.rpartition("/")[2].rpartition(".")[0] for f in seen.files if f.endswith(".csv")}
    pages = b"".join((seen.folder / f).read_bytes() for f in seen.files if f.endswith(".html"))
    found = []
    for name in seen.pictures:
        stem = name.rpartition("/")[2].rpartition(".")[0]
        if stem.startswith("page-one-") and b'class="page-one"' in pages:
            continue  # the same numbers stand on page one
        if name in listed or stem in tables or stem.replace("-", "_") in tables:
            continue
        shown = base64.b64encode((seen.folder / name).read_bytes()[: 3 * 512])
        if len(shown) < 16 or shown not in pages:
            why = "It is a picture without counts: no table stands behind it, and no list of outputs names it."
            found.append(Leak("picture", name, why))
    return found


def _listed(seen: Seen) -> set[str]:
    """Return the pictures that the list of outputs describes with people behind them."""
    path = seen.folder / "outputs.csv"
    if not path.is_file():
        return set()
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    return {r.get("path", "") for r in rows if (r.get("n") or "").strip() and (r.get("status") or "") != "blocked"}
