"""What is claimed about the model, and what was measured for and against each claim."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.argument import Rebuttal
from primum.assure.case import Case, assurance
from primum.assure.claims import Claim
from primum.assure.evidence import Finished
from primum.assure.state import State
from primum.assure.tensions import BY_NUMBERS, OPEN, Side, Tension
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, RATES, count, plain, points, rate, withheld_word
from primum.report.say import say, spoken, told
from primum.report.section import Block, Bullets, Heading, Pairs, Section, Table, Text
from primum.usecase import MISSING, OVERALL

SHAPES = {
    State.SUPPORTED: ("●", "none"), State.REFUTED: ("▼", "harm"), State.INCONCLUSIVE: ("◆", "open"),
    State.SUPPRESSED: ("■", "gone"), State.UNTESTED: ("○", "few"), State.HUMAN: ("–", "gone"),
}  # fmt: skip
MOST, CLOSE = 60, 1e-7


def section(run: Finished) -> Section | None:
    """Return the chapter, or None where nobody declared a scenario."""
    case = assurance(run)
    if case.scenario is None:
        return None
    out: list[Block] = [Text(say("claims.lead")), *_setting(case)]
    out += [Heading(say("claims.stand")), Table(coverage(case))]
    stated = [c for c in case.claims if c.origin != "declared margin"]
    if stated:
        out += [Heading(say("claims.scenario")), Table(claimed(stated, say("claims.scenario")))]
        out += argued(stated)
    margins = [c for c in case.claims if c.origin == "declared margin"]
    out += _of_margins(margins)
    out += _tensions(case)
    return Section("claims", spoken()("report.chapter.claims"), out)


def _setting(case: Case) -> list[Block]:
    scenario = case.scenario
    assert scenario is not None
    pairs = [(say("claims.setting.setting"), scenario.setting)]
    if scenario.decision:
        pairs.append((say("claims.setting.decision"), scenario.decision))
    pairs += [(words.capital(a.name), words.capital(f"{a.part}. {a.about}".strip())) for a in scenario.actors]
    out: list[Block] = [Heading(say("claims.setting.title")), Pairs(pairs)]
    if scenario.on_error:
        lines = [
            Line(words.capital(e.error), cells(e.to, e.what, e.noticed, e.undone)) for e in scenario.on_error
        ]  # fmt: skip
        heads = [spoken()(f"tables.{k}") for k in ("error", "borne", "happens", "noticed", "undone")]
        out.append(Table(Grid(spoken()("tables.errors_caption"), heads, lines)))
    return out


def coverage(case: Case) -> Grid:
    """Return how many claims there are for each requirement, and how they stand."""
    heads = [
        say(f"claims.head.{k}")
        for k in (
            "requirement", "claims", "computed", "supported", "refuted", "inconclusive", "suppressed", "untested",
            "human",
        )
    ]  # fmt: skip
    lines = [
        Line(
            words.capital(c.requirement),
            cells(
                *map(
                    _claims,
                    (c.claims, c.computed, c.supported, c.refuted, c.inconclusive, c.suppressed, c.untested, c.human),
                )
            ),
        )
        for c in case.coverage
    ]
    return Grid(say("claims.coverage"), heads, lines)


def _claims(n: int) -> str:
    return told("claims.number", n, claims=count(n)) if n else NONE


def claimed(claims: Sequence[Claim], caption: str) -> Grid:
    """Return claims with the number behind each."""
    lines = [Line(_says(c.says), [_state(c), *cells(_number(c), _threshold(c))]) for c in claims]
    return Grid(caption, [say(f"claims.head.{k}") for k in ("claim", "state", "measured", "threshold")], lines)


def _says(claim: str) -> str:
    """Return a claim with missing membership as readers say it."""
    return claim.replace(MISSING, spoken()("common.part_not_recorded"))


def _state(c: Claim) -> Cell:
    shape, kind = SHAPES[c.state]
    return Cell(f"{shape} {_named(c.state)}", c.why or say(f"claims.stated.{c.state.name.lower()}"), f"chip {kind}")


def _named(state: State) -> str:
    return say(f"claims.state.{state.name.lower()}")


def _number(c: Claim) -> str | tuple[str, str]:
    if c.evidence is None:
        return c.judge or NONE
    e = c.evidence.estimate
    if c.state is State.SUPPRESSED:
        return withheld_word()
    if not e.ok:
        return NONE, e.reason
    who = say(f"claims.behind.{c.evidence.of.replace(' ', '_')}", people=count(c.evidence.behind))
    return _scaled(c, e.value, e.low, e.high), say("claims.measured", check=c.evidence.check, who=who, method=e.method)


def _threshold(c: Claim) -> str:
    if c.threshold is None:
        return NONE
    if c.direction == "within" and c.evidence is not None and c.evidence.ideal:
        low, high = c.evidence.ideal - c.threshold, c.evidence.ideal + c.threshold
        return say("claims.threshold.between", low=_scaled(c, low), high=_scaled(c, high))
    return say(f"claims.threshold.{c.direction.replace(' ', '_')}", threshold=_scaled(c, c.threshold))


def _scaled(c: Claim, value: float, low: float | None = None, high: float | None = None) -> str:
    """Return a number of a claim in the unit that fits it: per cent, points, or as it is."""
    numbers = [v for v in (value, low, high) if v is not None]
    if c.metric in RATES:
        places = _places([100 * v for v in numbers], 1)
        return points(value, low, high, places) if c.comparator else rate(value, low, high, places)
    return plain(value, low, high, _places(numbers, 3))


def _places(numbers: Sequence[float], most: int) -> int:
    """Return how many decimals numbers have, `most` at most: a release rounds them, and zeros would hide that."""
    exact = (p for p in range(most) if all(abs(v * 10**p - round(v * 10**p)) < CLOSE for v in numbers))
    return next(exact, most)


def argued(claims: Sequence[Claim]) -> list[Block]:
    """Return the arguments, one for all claims that are tested in the same way, and what each claim adds."""
    out: list[Block] = []
    by: dict[str, list[Claim]] = {}
    for c in claims:
        if c.argument is not None:
            by.setdefault(c.argument.strategy, []).append(c)
    if by:
        out.append(Heading(say("claims.argued")))
    for strategy, mine in by.items():
        arguments = [c.argument for c in mine if c.argument is not None]
        common = [r for r in arguments[0].rebuttals if all(r in a.rebuttals for a in arguments)]
        warrant = max((a.warrant for a in arguments), key=[a.warrant for a in arguments].count)
        out += [
            Text(say("claims.argument", tested=_many(mine, claims), strategy=strategy, warrant=warrant)),
            Bullets([r.words for r in common]),
        ]
        more = [
            say("claims.own", claim=_says(c.says).rstrip("."), said=said)
            for c in mine
            if (said := _own(c, common, warrant))
        ]  # fmt: skip
        out += [Bullets(more)] if more else []
    return out


def _many(mine: Sequence[Claim], claims: Sequence[Claim]) -> str:
    """Return for which claims an argument holds."""
    every = sum(c.argument is not None for c in claims)
    if len(mine) == every:
        return say("claims.tested.every")
    return say("claims.tested.some", found=len(mine), n=every, claims=", ".join(c.id for c in mine))


def _own(c: Claim, common: Sequence[Rebuttal], warrant: str) -> str:
    """Return what a claim says for itself beside what holds for all claims tested in the same way."""
    assert c.argument is not None
    said = [say("claims.warrant", warrant=c.argument.warrant)] if c.argument.warrant != warrant else []
    return " ".join([*said, *(r.words for r in c.argument.rebuttals if r not in common)])


def _of_margins(claims: Sequence[Claim]) -> list[Block]:
    if not claims:
        return []
    whole = [c for c in claims if c.attribute == OVERALL or c.state is State.REFUTED]
    out: list[Block] = [
        Heading(say("claims.margins.title")),
        Text(say("claims.margins.lead")),
    ]
    if whole:
        out.append(Table(claimed(whole, say("claims.margins.first"))))
    rest = [c for c in claims if c not in whole]
    if rest:
        folded = say("claims.margins.folded", claims=count(len(rest)))
        out.append(Table(claimed(rest[:MOST], say("claims.margins.others")), folded=folded, short=True))
    if len(rest) > MOST:
        out.append(Text(say("claims.margins.more", claims=count(len(rest) - MOST)), note=True))
    return out


def _tensions(case: Case) -> list[Block]:
    if not case.tensions:
        return []
    lines = []
    for t in case.tensions:
        shown = say("claims.tension.shown") if t.shown else say("claims.tension.unshown")
        lines.append(Line(words.capital(t.name), cells(*map(_side, t.sides), shown, _chosen(t))))
    heads = [say(f"claims.tension.head.{k}") for k in ("tension", "one", "other", "numbers", "chosen")]
    return [
        Heading(say("claims.tension.title")),
        Text(say("claims.tension.lead")),
        Table(Grid(say("claims.tension.caption"), heads, lines)),
    ]


def _side(side: Side) -> str:
    """Return a side of a tension: what it says, how it stands, and the number."""
    state = say("claims.tension.open") if side.state == OPEN else _named(State(side.state))
    return say("claims.tension.side", says=_says(side.says), state=words.capital(state), measured=side.measured)


def _chosen(t: Tension) -> str | tuple[str, str]:
    if (t.kind, t.chosen, t.owner) == BY_NUMBERS:
        return say("claims.tension.still")
    return words.capital(t.chosen), say("claims.tension.owner", kind=t.kind, owner=t.owner)
