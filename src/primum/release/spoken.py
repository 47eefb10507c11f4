"""Counts of people in running text: which numbers of a sentence count people, cases or what happened to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_NUMBER = r"(?<![\w.,/^–—−-])(\d{1,3}(?:[,\u202f\u00a0\u2009]\d{3})+|\d+)(?!\w|[.,]\d|[,\u202f\u00a0\u2009]\d{3})"
_NOT_SHARE = r"(?!\s?(?:%|percent\b|procent\b|points?\b|percentage|decimals?\b|digits?\b|per\s?cent))"
NUMBER = re.compile(_NUMBER + _NOT_SHARE)
NOUNS = (
    "people|persons?|patients?|participants?|adults?|men|man|women|woman|children|child|girls?|boys?|individuals?"
    "|respondents?|subjects?|cases?|events?|non-?events?|controls?|households?|famil(?:y|ies)|deaths?|false alarms?"
    "|(?:true|false) (?:positives?|negatives?)|members?|mensen|mens|personen|persoon|patiënten|patiënt|vrouwen|vrouw"
    "|mannen|kinderen|gevallen|huishoudens|gezinnen|deelnemers"
)
"""Words for those who are counted; add a language or a field's own words here."""
VERBS = (
    "are|were|is|was|have|had|has|belong|belongs|live|lives|died|fell|remain|remained|stay|stayed|get|got"
    "|would|could|will|zijn|waren|hebben|hadden|worden|werden|krijgen"
)
DONE = "found|missed|excluded|removed|dropped|lost|withheld|only|just|selected|flagged|invited|gevonden|gemist|slechts"
"""Words that often stand right before a count."""
_OWN = r"(?:\s+(?!of\b|in\b|to\b|and\b|or\b|per\b|%)[^\W\d_]+(?:-[^\W\d_]+)*){0,3}?"
_FRACTION = re.compile(rf"{_NUMBER}\s?/\s?(\d+)(?![\w/]|[.,]\d)")
_PATTERNS = (
    re.compile(rf"{_NUMBER}{_NOT_SHARE}{_OWN}\s+(?:{NOUNS})\b", re.IGNORECASE),
    re.compile(
        rf"{_NUMBER}\s+(?:out\s+of|of|van)\s+(?:the\s+|these\s+|those\s+|all\s+|its\s+|de\s+)?{_NUMBER}", re.IGNORECASE
    ),
    re.compile(rf"\b(?:n|{NOUNS})\s*(?:=|:|≈)\s*{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"\b(?:{NOUNS})\s*\(\s*{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"\b(?:{DONE})\s*[:=]?\s+{_NUMBER}{_NOT_SHARE}", re.IGNORECASE),
    re.compile(rf"{_NUMBER}{_NOT_SHARE}\s+(?:{VERBS})\b", re.IGNORECASE),
    re.compile(rf"{_NUMBER}\s*\(\s*\d+(?:[.,]\d+)?[\s\u00a0\u202f]*%"),
    _FRACTION,
)
_RULE = re.compile(
    r"(?:at least|fewer than|less than|more than|under|below|minimum(?: of)?|up to|at most|≥|>=|<|>|≤|or more than"
    r"|thresholds?(?: of)?|minstens|ten minste|minder dan|hoogstens|[tw]\s*=|rounded to|multiples? of|nearest|base"
    r"|(?:from|between|van|tussen)\s+\d+\s+(?:to|and|tot|en))\s*$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:\b(?:page|p\.|pp\.|table|figure|fig\.|section|chapter|article|art\.|annex|item|items|step|box|part|paragraph"
    r"|rule|equation|version|appendix|point|number|no\.|pagina|tabel|figuur|artikel|hoofdstuk|bijlage|stap|punt)|[§#№])"
    r"[\s\u00a0]*(?:[A-Z]\.?)?$|\b(?:page|pagina)\s+\d+\s+(?:of|van)\s+$"
    r"|(?:\(E[UC]\)|\bE[UC]|\b(?:regulation|directive|verordening|richtlijn|decision|doi|https?)\b\S*)\s*(?:no\.?\s*)?"
    r"(?:\d+\s?/\s?)?$",
    re.IGNORECASE,
)
"""Words that make the number after them a name: page 3, Table 1, Article 10."""
THINGS = re.compile(
    r"^\s+(?:[a-z-]+\s+)?(?:groups?|items?|metrics?|checks?|models?|clauses?|claims?|attributes?|cells?|rows?|steps?"
    r"|tables?|figures?|files?|features?|columns?|variables?|settings?|bins?|thresholds?|comparisons?|sub-items?|questions?|years?"
    r"|days?|hours?|minutes?|seconds?|weeks?|months?|sections?|chapters?|pages?|points?|digits?|decimals?|runs?|lines?"
    r"|statements?|requirements?|topics?|domains?|levels?|categories|words?|numbers?|draws?|seeds?|repairs?|policies"
    r"|outputs?|measures?|verdicts?|findings?|groepen|modellen|onderdelen|jaar|dagen|cijfers?|vragen|punten)\b",
    re.IGNORECASE,
)
"""What a number may count that is not people; add words here."""
_NEEDED = re.compile(
    r"\bmore\b.{0,40}\b(?:needed|necessary|would tell|to tell|required)\b|declared necessary|\b(?:nodig|vereist)\b"
    r"|(?:needed|need|needs|need at least|requires?)\b.{0,30}\bmore\b|as bad as|even erg als"
    r"|declared beforehand|interval (?:no wider than|of at most)",
    re.IGNORECASE,
)
"""A clause about people who are still needed, or how a miss is weighed: declared or computed from what is shown."""
_AFTER_RULE = re.compile(r"^\s+(?:\w+\s+){0,2}(?:or more|of meer|or fewer|of minder)\b", re.IGNORECASE)
_PER = re.compile(
    r"(?:of every|per|in every|out of every|for every|van elke|op elke|op de|van de elke|a)\s*$", re.IGNORECASE
)
_RATED = re.compile(
    rf"(?:of every|per|in every|out of every|for every|van elke|op elke|op de|of|van)[\s\u00a0]+"
    rf"(1[,.\u202f]?000|100|10[,.]?000)\b"
    rf"|\b(1[,.\u202f]?000|100|10[,.]?000)[\s\u00a0]+(?:{NOUNS})\b",
    re.IGNORECASE,
)
_OF = re.compile(rf"\s+(?:out\s+of|of|van)\s+(?:the\s+)?{_NUMBER}")
ROUND = frozenset({100, 1000, 10_000, 100_000})
DIGIT_RULE = frozenset({9, 10, 99, 100, 999, 1000})
"""Where the rule on digits changes: one decimal for 10 to 99 persons."""
_DECIMALS = re.compile(r"\bdecima(?:ls?|len)\b|\bdigits?\b|\bcijfers?\b", re.IGNORECASE)
_CLAUSE = re.compile(r"(?<=[.;!?])\s+(?=\S)")


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
    """

    value: int
    text: str
    rule: bool
    rate: bool
    thing: bool = False
    needed: bool = False


@lru_cache(maxsize=65_536)
def spoken(text: str) -> tuple[Spoken, ...]:
    """Return every number of people in a text."""
    return tuple(_spoken(text)) if any(c.isdigit() for c in text) else ()


def _spoken(text: str) -> Iterator[Spoken]:
    for clause in _CLAUSE.split(" ".join(text.split(" "))):
        if not any(c.isdigit() for c in clause):
            continue
        rated = bool(_RATED.search(clause))
        seen: set[int] = set()
        for pattern in _PATTERNS:
            for found in pattern.finditer(clause):
                for group in range(1, (pattern.groups or 0) + 1):
                    start = found.start(group)
                    more = pattern is _FRACTION and whole(found[1]) > whole(found[2])
                    more |= pattern.groups == 2 and (found[1], found[2]) == ("0", "1")  # "0 of 1" is Dutch for 0 or 1
                    if found[group] is None or start in seen or more:
                        continue
                    seen.add(start)
                    yield _one(clause, start, found.end(group), rated=rated)


def _one(clause: str, start: int, end: int, *, rated: bool) -> Spoken:
    value = whole(clause[start:end])
    before, after = clause[max(0, start - 40) : start], clause[end : end + 20]
    rule = bool(_RULE.search(before) or _AFTER_RULE.search(after))
    again = any(whole(m[1]) == value and THINGS.search(clause[m.end() :]) for m in NUMBER.finditer(clause))
    again |= value in DIGIT_RULE and bool(_DECIMALS.search(clause))
    thing = bool(_NAMED.search(before) or THINGS.search(after) or again or _of_things(clause, end))
    needed = bool(_NEEDED.search(clause[max(0, start - 60) : end + 80]))
    rate = rated or (value in ROUND and bool(_PER.search(before)))
    return Spoken(value, clause[max(0, start - 60) : end + 60].strip(), rule, rate, thing, needed)


def _of_things(clause: str, end: int) -> bool:
    """Whether a number is so many of so many things that are not people: 15 of 35 groups, 20 of 35 inside."""
    found = _OF.match(clause[end:])
    if found is None:
        return False
    return any(whole(m[1]) == whole(found[1]) and THINGS.search(clause[m.end() :]) for m in NUMBER.finditer(clause))


def whole(text: str) -> int:
    """Return a whole number from its digits, thousands separated or not."""
    return int("".join(c for c in text if c.isdigit()))
