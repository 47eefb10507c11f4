"""Words that tell whether a number in a sentence counts people: add a language or a field's own words here."""

from __future__ import annotations

import re

NOUNS = (
    "people|persons?|patients?|participants?|adults?|men|man|women|woman|children|child|girls?|boys?|individuals?"
    "|respondents?|subjects?|cases?|events?|non-?\\s?events?|controls?|households?|famil(?:y|ies)|deaths?|false alarms?"
    "|(?:true|false) (?:positives?|negatives?)|members?|tps?|fps?|fns?|tns?"
    "|residents?|inhabitants?|veterans?|students?|pupils?|workers?|employees?|infants?|newborns?|mothers?|fathers?|users?"
    "|bewoners?|inwoners?|cliënten|cliënt|leerlingen|studenten|werknemers?|moeders?|vaders?"
    "|mensen|mens|personen|persoon|patiënten|patiënt|patienten|vrouwen|vrouw|mannen|kinderen|kind|meisjes?|jongens?"
    "|gevallen|huishoudens?|gezinnen|gezin|deelnemers?|volwassenen?|sterfgevallen|overledenen"
    "|(?:terecht|vals|fout)[- ](?:positieven?|negatieven?)"
)
"""Those who are counted."""
CELLS = "tp|fp|fn|tn|(?:true|false)[ -](?:positive|negative)|(?:terecht|vals|fout)[- ](?:positieve|negatieve)n?"
"""Cells of the table of decisions."""
OUTCOME = "outcome|event|condition|disease|illness|diagnosis|uitkomst|aandoening|ziekte|diagnose"
VERBS = (
    "are|were|is|was|have|had|has|belong|belongs|live|lives|died|fell|remain|remained|stay|stayed|get|got"
    "|would|could|will|zijn|waren|hebben|hadden|worden|werden|krijgen|overleden"
)
DONE = "found|missed|excluded|removed|dropped|lost|withheld|only|just|selected|flagged|invited|gevonden|gemist|slechts"
"""Words that often stand right before a count."""
_ENGLISH = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_DUTCH = (
    "één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien "
    "negentien twintig"
)
WORDS = {w: n for words in (_ENGLISH, _DUTCH) for n, w in enumerate(words.split(), start=1)}
"""Numbers written out; a larger one is written in digits."""
RULE = re.compile(
    r"(?:at least|fewer than|less than|more than|under|below|minimum(?: of)?|up to|at most|≥|>=|<|>|≤|or more than"
    r"|thresholds?(?: of)?|minstens|ten minste|minder dan|hoogstens|[tw]\s*=|rounded to|multiples? of|nearest|base"
    r"|(?:(?:from|between|van|tussen)\s+\d+|\b1)\s+(?:to|and|tot|en|tot en met))\s*$",
    re.IGNORECASE,
)
NAMED = re.compile(
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
NEEDED = re.compile(
    r"\bmore\b.{0,40}\b(?:needed|necessary|would tell|to tell|required)\b|declared necessary|\b(?:nodig|vereist)\b"
    r"|(?:needed|need|needs|need at least|requires?)\b.{0,30}\bmore\b|as bad as|even erg als"
    r"|declared beforehand|interval (?:no wider than|of at most)",
    re.IGNORECASE,
)
"""A clause about people who are still needed, or how a miss is weighed: declared or computed from what is shown."""
AFTER_RULE = re.compile(r"^\s+(?:\w+\s+){0,2}(?:or more|of meer|or fewer|of minder)\b", re.IGNORECASE)
PER = re.compile(
    r"(?:of every|per|in every|out of every|for every|van elke|op elke|op de|van de elke|a)\s*$", re.IGNORECASE
)
RATED = re.compile(
    rf"(?:of every|per|in every|out of every|for every|van elke|op elke|op de|of|van)[\s\u00a0]+"
    rf"(1[,.\u202f]?000|100|10[,.]?000)\b"
    rf"|\b(1[,.\u202f]?000|100|10[,.]?000)[\s\u00a0]+(?:{NOUNS})\b",
    re.IGNORECASE,
)
"""A clause that tells so many of every hundred, thousand or ten thousand."""
ROUND = frozenset({100, 1000, 10_000, 100_000})
DIGIT_RULE = frozenset({9, 10, 99, 100, 999, 1000})
"""Where the rule on digits changes: one decimal for 10 to 99 persons."""
DECIMALS = re.compile(r"\bdecima(?:ls?|len)\b|\bdigits?\b|\bcijfers?\b", re.IGNORECASE)
