"""Counts of people in running text: which numbers of a sentence count people, cases or what happened to them.

A number is looked at where it stands in a people context: beside a word for people ("people", "gevallen"), under a
label (TP, n, a word for people and a colon), or before a verb of what befell them. What kind of number it is follows
from the words around it; whether it may be told is for the register to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from primum.release.vocabulary import (
    AFTER_RULE,
    CELLS,
    DECIMALS,
    DIGIT_RULE,
    DONE,
    NAMED,
    NEEDED,
    NOUNS,
    OUTCOME,
    PER,
    RATED,
    ROUND,
    RULE,
    THINGS,
    VERBS,
    WORDS,
)

_DIGITS = r"\d{1,3}(?:[,\u202f\u00a0\u2009]\d{3})+|\d+"
_BEFORE = r"(?<![\w./^–—−-])(?<!\d,)"
_AFTER = r"(?:\.0(?!\d))?(?!\w|[.,]\d|[,\u202f\u00a0\u2009]\d{3}|/[a-zA-Z])"
_PLAIN = rf"{_BEFORE}({_DIGITS}){_AFTER}"
_NUMBER = rf"{_BEFORE}({_DIGITS}|(?:{'|'.join(WORDS)})(?!-)){_AFTER}"
_NOT_SHARE = r"(?!\s?(?:%|percent\b|procent\b|points?\b|percentage|decimals?\b|digits?\b|per\s?cent))"
NUMBER = re.compile(_PLAIN + _NOT_SHARE)
_LINKS = "of|in|to|and|or|per|with|for|by|from|who|that|which|van|met|voor|die|dat|om|op|en"
_OWN = rf"(?:\s+(?!(?:{_LINKS})\b|%)[^\W\d_]+(?:-[^\W\d_]+)*){{0,3}}?"
_SIGN = r"\s*(?:=+>?|:=?|≈|→)\s*"
_IS = rf"(?:{_SIGN}|\s*[(\[]\s*|\s+(?:is|was|are|were|equals|bedraagt|waren)\s+|\s+[–—-]\s+|\s+)"
_WAS = rf"(?:{_SIGN}|\s+(?:is|was|are|were|equals|bedraagt|waren)\s+)"
_THE = r"(?:the|these|those|all|our|its|de|deze|die|onze|alle)"
_WITH = r"(?:with|without|having|had|hadden|met|zonder)"
_FEW = r"[^.;:=\d]{0,40}?"
_FRACTION = re.compile(rf"{_PLAIN}\s?/\s?(\d+)(?![\w/]|[.,]\d)")
_LABELS = (
    re.compile(rf"\b(?:{CELLS})s?(?:\s+(?:count|number|aantal))?{_IS}{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"\bn(?:\s+(?:of\s+)?[^\W\d_]+){{0,2}}{_SIGN}{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"\b(?:{NOUNS})\s*(?:\(n\))?{_SIGN}{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"\b(?:with|without|met|zonder)\s+(?:the\s+|de\s+)?(?:{OUTCOME}){_SIGN}{_NUMBER}", re.IGNORECASE),
)
"""A label, a sign, and a number: whatever else the clause says, this is a count."""
_CONTEXTS = (
    re.compile(rf"{_NUMBER}{_NOT_SHARE}{_OWN}\s+(?:{NOUNS})\b", re.IGNORECASE),
    re.compile(rf"{_BEFORE}(\d+)-?(?:{NOUNS})\b", re.IGNORECASE),
    re.compile(rf"{_BEFORE}\d+\s?[–—-]\s?(\d+)\s+(?:{NOUNS})\b", re.IGNORECASE),
    re.compile(rf"{_NUMBER}\s+(?:out\s+of|of|van)\s+(?:{_THE}\s+)?{_NUMBER}", re.IGNORECASE),
    re.compile(rf"{_NUMBER}\s+(?:out\s+of|of|van)\s+{_THE}{_OWN}\s+(?:{NOUNS})\b", re.IGNORECASE),
    re.compile(rf"{_NUMBER}\s+{_WITH}\s+(?:the\s+|de\s+)?(?:{OUTCOME})\b", re.IGNORECASE),
    re.compile(rf"\b(?:{NOUNS})\s*\(\s*{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"\b(?:number|aantal)\s{_FEW}(?:{NOUNS}|{DONE}){_FEW}{_WAS}{_NUMBER}", re.IGNORECASE),
    re.compile(rf"\b(?:{DONE})(?:\s*[:=]\s*|\s+){_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"{_NUMBER}{_NOT_SHARE}\s+(?:{VERBS})\b", re.IGNORECASE),
    re.compile(rf"{_PLAIN}\s*\(\s*\d+(?:[.,]\d+)?[\s\u00a0\u202f]*%"),
    _FRACTION,
)  # fmt: skip
_LIMIT = re.compile(r"\b(?:least|largest|minimaal|grootste|hoogste)\b[^.;:\d]*:\s*$", re.IGNORECASE)
"""The name of a rule in a list of rules, with its colon."""
_OF = re.compile(rf"\s+(?:out\s+of|of|van)\s+(?:the\s+)?{_PLAIN}")
_IN = re.compile(rf"(?:{'|'.join(WORDS)}|\d+)\s+(?:in|op)\s+$", re.IGNORECASE)
_CLAUSE = re.compile(r"(?<=[.;!?])\s+(?=\S)")
_WRITTEN = re.compile(rf"(?<!\w)(?:{'|'.join(WORDS)})(?!\w)", re.IGNORECASE)
_SINGLE = frozenset({"one", "één"})
_MARKS = str.maketrans({"_": " ", "*": None, "`": None, "\u200b": None, "\u2060": None, "\ufeff": None, "\u00ad": None})


@dataclass(frozen=True)
class Spoken:
    """A number of people in a text.

    Attributes
    ----------
    value
        The number.
    text
        The words around it.
    rule
        Whether it is told as a rule ("at least 10"), not as a count.
    rate
        Whether it is told as one of so many ("of every 1,000").
    thing
        Whether it names or counts something that is not people ("Table 1", "15 of 35 groups").
    needed
        Whether it tells how many are still needed, or how a miss is weighed.
    written
        The words around a number that is written out, "" where it has digits.
    label
        Whether it stands under a label of its own (TP, n): then it is a count whatever else is said.
    """

    value: int
    text: str
    rule: bool
    rate: bool
    thing: bool = False
    needed: bool = False
    written: str = ""
    label: bool = False


def numeric(text: str) -> bool:
    """Whether a text holds a number, in digits or written out."""
    return any(c.isdigit() for c in text) or bool(_WRITTEN.search(text))


@lru_cache(maxsize=65_536)
def spoken(text: str) -> tuple[Spoken, ...]:
    """Return every number of people in a text."""
    return tuple(_spoken(text)) if numeric(text) else ()


def _spoken(text: str) -> Iterator[Spoken]:
    for clause in _CLAUSE.split(" ".join(text.translate(_MARKS).split(" "))):
        if not numeric(clause):
            continue
        seen: set[int] = set()
        for pattern in _LABELS:
            for found in pattern.finditer(clause):
                if found.start(1) not in seen:
                    seen.add(found.start(1))
                    yield _labelled(clause, found)
        rated = bool(RATED.search(clause))
        for pattern in _CONTEXTS:
            for found in pattern.finditer(clause):
                for group in range(1, (pattern.groups or 0) + 1):
                    if found.start(group) not in seen and not _no_count(found, group, pattern):
                        seen.add(found.start(group))
                        yield _one(clause, found.start(group), found.end(group), rated=rated)


def _no_count(found: re.Match[str], group: int, pattern: re.Pattern[str]) -> bool:
    """Whether a match is a turn of phrase: 3/2, "0 of 1" (Dutch for 0 or 1), "one is", "only one"."""
    if pattern is _FRACTION and whole(found[1]) > whole(found[2]):
        return True
    if found[group].lower() in _SINGLE:  # a count only beside a word for people
        return not re.search(rf"(?:{NOUNS})$", found[0], re.IGNORECASE)
    return pattern.groups == 2 and (found[1], found[2]) == ("0", "1")


def _labelled(clause: str, found: re.Match[str]) -> Spoken:
    start, end = found.span(1)
    thing = bool(THINGS.search(clause[end : end + 20]))
    return Spoken(whole(found[1]), _around(clause, start, end), rule=False, rate=False, thing=thing,
                  needed=bool(NEEDED.search(clause[max(0, start - 30) : start])), label=True)  # fmt: skip


def _one(clause: str, start: int, end: int, *, rated: bool) -> Spoken:
    value = whole(clause[start:end])
    before, after = clause[max(0, start - 40) : start], clause[end : end + 20]
    rule = bool(RULE.search(before) or AFTER_RULE.search(after) or _LIMIT.search(clause[:start]))
    of_people = bool(re.match(rf"\s+(?:{NOUNS})\b", clause[end:], re.IGNORECASE))
    again = not of_people and any(
        whole(m[1]) == value and THINGS.search(clause[m.end() :]) for m in NUMBER.finditer(clause)
    )
    again |= value in DIGIT_RULE and bool(DECIMALS.search(clause))
    thing = bool(NAMED.search(before) or THINGS.search(after) or again or _of_things(clause, end))
    needed = bool(NEEDED.search(clause[max(0, start - 60) : end + 80]))
    rate = rated or (value in ROUND and bool(PER.search(before))) or bool(_IN.search(before))
    written = "" if clause[start].isdigit() else _phrase(clause, start, end)
    return Spoken(value, _around(clause, start, end), rule, rate, thing, needed, written)


def _around(clause: str, start: int, end: int) -> str:
    return clause[max(0, start - 60) : end + 60].strip()


def _phrase(clause: str, start: int, end: int) -> str:
    """Return up to three words on either side of a number that is written out."""
    before, after = clause[:start].split()[-3:], clause[end:].split()[:3]
    return " ".join([*before, clause[start:end], *after])


def _of_things(clause: str, end: int) -> bool:
    """Whether a number is so many of so many things that are not people: 15 of 35 groups, 20 of 35 inside."""
    found = _OF.match(clause[end:])
    if found is None:
        return False
    return any(whole(m[1]) == whole(found[1]) and THINGS.search(clause[m.end() :]) for m in NUMBER.finditer(clause))


def whole(text: str) -> int:
    """Return a whole number from its digits, thousands separated or not, or from its word."""
    return WORDS.get(text.lower()) or int("".join(c for c in text if c.isdigit()))
