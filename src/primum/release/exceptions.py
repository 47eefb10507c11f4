"""R18, exceptions: a rule that a named person sets aside for a stated reason on a stated day; never silent.

Few rules can be set aside. What protects persons cannot: the threshold of persons (R1), the attack (R11, R12), the
files (R16) and the log (R19). Rules that say how a number is made (R5 to R10, R14, R15) have nothing to be set aside:
a release holds no number that was made in another way. R17 is signed off, not excepted. Which rules can be is the
choice of the authors of primum; a bureau's output checker has the last word on every one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from primum.disclose.ledger import SKEW
from primum.errors import PrimumError, unknown
from primum.release.logs import scrub
from primum.release.vocabulary import WORDS

RULES = tuple(f"R{i}" for i in range(1, 20))
EXCEPTED: dict[str, str] = {
    "R1 households": "fewer households behind a count than the preset asks for",
    "R1 institutions": "fewer institutions behind a count than the preset asks for, or only one",
    "R2": "all, none or nearly all of a group in one category of something sensitive",
    "R3": "one contributor, or a few, behind most of a sum",
    "R3 weights": "mean weights, from which whoever knows the weights may tell how many of a stratum are in a cell",
    "R4": "few degrees of freedom behind the numbers of a model",
    "R13 filters": "an earlier export about other filters, which cannot be compared number by number",
}
"""What can be set aside, and what that means."""
_SIGNED = "it is signed off: --signed 'PHENOTYPE: NAME'"
_REFUSED: dict[str, str] = {
    "R1": "no threshold of persons falls below the bureau's; name households or institutions, as in "
    "'R1 households: reason', or ask the bureau for a preset of its own",
    "R10": "a model file leaves through the gate for models, with a judgement of its own",
    "R11": "withhold more: merge groups, or leave an attribute out",
    "R12": "withhold more: merge groups, leave an attribute out, or allow the attack more time",
    "R13": "only filters that cannot be compared can be set aside, as in 'R13 filters: reason'; else make the "
    "populations equal, or let the later release wait",
    "R16": "take the content out of the file",
    "R17": _SIGNED,
    "R18": "there is no exception to the rule that exceptions have a reason, a person and a date",
    "R19": "the public log tells classes of reasons only; the true counts stay in the private log",
}
_MADE_SO = "nothing needs to be set aside: primum makes this number in the safe way or not at all"
_TENS = (
    "thirty forty fifty sixty seventy eighty ninety dozen dozens couple pair trio handful hundred hundreds thousand "
    "thousands dertig veertig vijftig zestig zeventig tachtig negentig dozijn tientallen paar handvol honderd "
    "honderden duizend duizenden"
)
_WRITTEN = re.compile(rf"\b(?:{'|'.join([*sorted(set(WORDS) - {'one', 'één'}), *_TENS.split()])})\b", re.IGNORECASE)
"""Numbers written out; "one" is too common a word."""
_LETTERS = 12
_WORDS = 3


@dataclass(frozen=True)
class Exemption:
    """One exception.

    Attributes
    ----------
    rule
        A key of `EXCEPTED`.
    reason
        Why, in words without numbers: it stands in the control form and leaves the room.
    person
        Who answers for it.
    date
        The day, ISO 8601.
    """

    rule: str
    reason: str
    person: str
    date: str

    def row(self) -> dict[str, str]:
        """Return it as plain data."""
        return asdict(self)


def parse(text: str, *, by: str | None, on: dt.date | str | None = None, now: dt.datetime | None = None) -> Exemption:
    """Return the exception in a text such as "R1 households: reason".

    Parameters
    ----------
    text
        Rule, colon, reason.
    by
        The name of the person who answers for it.
    on
        The day it was decided; today by default.
    now
        The time; that of this machine by default.

    Raises
    ------
    PrimumError
        For an unknown rule, one that cannot be set aside, no reason, a number in the reason, no person, or a day to
        come.
    """
    rule, colon, reason = (part.strip() for part in text.partition(":"))
    if not colon:
        raise PrimumError(
            f"'{text}' is no exception.",
            expected="RULE: reason",
            available=EXCEPTED,
            mend="write for example --exception 'R1 households: reason' --by NAME",
        )
    moment = now or dt.datetime.now().astimezone()
    return Exemption(_rule(rule), _reason(rule, reason), _person(rule, by), _day(rule, on, moment))


def parse_all(
    texts: Iterable[str], *, by: str | None, on: dt.date | str | None = None, now: dt.datetime | None = None
) -> tuple[Exemption, ...]:
    """Return several exceptions by one person, sorted by rule.

    Raises
    ------
    PrimumError
        As `parse`, or if a rule is named twice.
    """
    return _sorted([parse(text, by=by, on=on, now=now) for text in texts])


def read(rows: Sequence[Mapping[str, object]], *, now: dt.datetime | None = None) -> tuple[Exemption, ...]:
    """Return exceptions from plain data, checked again as if they were given now.

    Raises
    ------
    PrimumError
        If a part is missing or wrong, or a rule is named twice.
    """
    found = []
    for row in rows:
        lacking = [k for k in ("rule", "reason", "person", "date") if not isinstance(row.get(k), str)]
        if lacking:
            raise PrimumError(
                f"An exception lacks {', '.join(lacking)}.", expected="rule, reason, person and date, each a text"
            )
        rule, reason, person, date = (str(row[k]) for k in ("rule", "reason", "person", "date"))
        found.append(parse(f"{rule}: {reason}", by=person, on=date, now=now))
    return _sorted(found)


def covering(exemptions: Iterable[Exemption], rule: str) -> Exemption | None:
    """Return the exception that sets a rule aside ("R2", "R1 households"), None if there is none.

    Raises
    ------
    PrimumError
        If the rule can never be set aside: asking for it is a mistake in the caller.
    """
    name = _rule(rule)
    return next((e for e in exemptions if e.rule == name), None)


def _sorted(found: Sequence[Exemption]) -> tuple[Exemption, ...]:
    rules = [e.rule for e in found]
    twice = sorted({r for r in rules if rules.count(r) > 1})
    if twice:
        raise PrimumError(
            f"There are several exceptions to {twice[0]}.",
            expected="one exception a rule",
            mend="put the reasons together in one sentence",
        )
    order = list(EXCEPTED)
    return tuple(sorted(found, key=lambda e: order.index(e.rule)))


def _rule(given: str) -> str:
    """Return the rule as it is written in `EXCEPTED`."""
    rule = " ".join(given.split())
    known = {k.lower(): k for k in EXCEPTED}
    if rule.lower() in known:
        return known[rule.lower()]
    number = rule.split(" ")[0].upper()
    if number not in RULES:
        raise unknown("rule", rule, list(EXCEPTED))
    raise PrimumError(
        f"Rule {rule or number} cannot be set aside.",
        available=EXCEPTED,
        mend=_REFUSED.get(number, _MADE_SO),
    )


def _reason(rule: str, reason: str) -> str:
    letters = sum(c.isalpha() for c in reason)
    if letters < _LETTERS or len(reason.split()) < _WORDS:
        raise PrimumError(
            f"The exception to {rule} has no reason.",
            expected="a sentence that an output checker can judge: why nobody can be recognised all the same",
            mend=f"write --exception '{rule}: reason'",
        )
    text = " ".join(reason.split())
    if scrub(text, quotes=False) != text or _WRITTEN.search(text):
        raise PrimumError(
            f"The reason of the exception to {rule} holds a number.",
            expected="words: the reason stands in the control form and leaves the room",
            mend="say it without numbers; the true counts stand in the private log, which the checker can ask for",
        )
    return text


def _person(rule: str, by: str | None) -> str:
    name = " ".join((by or "").split())
    if sum(c.isalpha() for c in name) < 2:
        raise PrimumError(
            f"The exception to {rule} names no person.",
            expected="the name of who answers for it",
            mend="add --by NAME",
        )
    if any(c.isdigit() for c in name) or _WRITTEN.search(name):
        raise PrimumError(
            f"The name of who answers for the exception to {rule} holds a number.",
            expected="a name: it stands in the control form and leaves the room",
            mend="give the name alone with --by NAME",
        )
    return name


def _day(rule: str, on: dt.date | str | None, now: dt.datetime) -> str:
    latest = (now + SKEW).date()
    if on is None:
        return now.date().isoformat()
    if isinstance(on, str):
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", on):
            raise PrimumError(f"The exception to {rule} is dated '{on}'.", expected="a day such as 2026-11-02")
        try:
            day = dt.date.fromisoformat(on)
        except ValueError:
            raise PrimumError(
                f"The exception to {rule} is dated '{on}', and there is no such day.", expected="a day: YYYY-MM-DD"
            ) from None
    else:
        day = on.date() if isinstance(on, dt.datetime) else on
    if day > latest:
        raise PrimumError(
            f"The exception to {rule} is dated {day.isoformat()}, which is still to come: today is {now.date()}.",
            expected="a decision that was taken",
            mend="correct the date, or set this machine's clock",
        )
    return day.isoformat()
