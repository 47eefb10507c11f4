"""What is claimed about the model, and what was measured for and against each claim."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.argument import Rebuttal
from primum.assure.case import Case, assurance
from primum.assure.claims import Claim
from primum.assure.evidence import Finished
from primum.assure.state import State
from primum.assure.tensions import BY_NUMBERS, Tension
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, RATES, WITHHELD, plain, points, rate
from primum.report.section import Block, Bullets, Heading, Pairs, Section, Table, Text
from primum.usecase import OVERALL

TITLE = "Claims and evidence"
LEAD = (
    "Each claim can be refuted by a number, or names the person who judges it. Its state follows from the whole "
    "interval: supported or refuted when all of it lies on one side of the threshold, inconclusive otherwise. There is "
    "no score over all claims."
)
STATED = {
    State.SUPPORTED: "all of the interval on the good side", State.REFUTED: "all of it on the bad side",
    State.INCONCLUSIVE: "the interval decides nothing", State.SUPPRESSED: "the number is withheld",
    State.UNTESTED: "there is no number", State.HUMAN: "a named person decides",
}  # fmt: skip
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
    out: list[Block] = [Text(LEAD), *_setting(case), Heading("How the claims stand"), Table(coverage(case))]
    told = [c for c in case.claims if c.origin != "declared margin"]
    if told:
        out += [Heading("Claims of the scenario"), Table(claimed(told, "Claims of the scenario"))]
        out += argued(told)
    margins = [c for c in case.claims if c.origin == "declared margin"]
    out += _of_margins(margins)
    out += _tensions(case)
    return Section("claims", TITLE, out)


def _setting(case: Case) -> list[Block]:
    scenario = case.scenario
    assert scenario is not None
    pairs = [("Setting", scenario.setting)]
    if scenario.decision:
        pairs.append(("Decision", scenario.decision))
    pairs += [(words.capital(a.name), words.capital(f"{a.part}. {a.about}".strip())) for a in scenario.actors]
    out: list[Block] = [Heading("The setting"), Pairs(pairs)]
    if scenario.on_error:
        lines = [
            Line(words.capital(e.error), cells(e.to, e.what, e.noticed, e.undone)) for e in scenario.on_error
        ]  # fmt: skip
        heads = ["Error", "Borne by", "What happens", "Noticed", "Undone"]
        out.append(Table(Grid("What happens when the model errs, and to whom", heads, lines)))
    return out


def coverage(case: Case) -> Grid:
    """Return how many claims there are for each requirement, and how they stand."""
    heads = [
        "Requirement", "Claims", "Computed", "Supported", "Refuted", "Inconclusive", "Withheld",
        "Not testable here", "Human judgement",
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
    return Grid("Claims by requirement of the High-Level Expert Group; counts, not a score", heads, lines)


def _claims(n: int) -> str:
    return f"{n:,} claim{'s' if n != 1 else ''}" if n else NONE


def claimed(claims: Sequence[Claim], caption: str) -> Grid:
    """Return claims with the number behind each."""
    lines = [Line(c.says, [_state(c), *cells(_number(c), _threshold(c))]) for c in claims]
    return Grid(caption, ["Claim", "State", "Measured", "Threshold"], lines)


def _state(c: Claim) -> Cell:
    shape, kind = SHAPES[c.state]
    return Cell(f"{shape} {c.state}", c.why or STATED[c.state], f"chip {kind}")


def _number(c: Claim) -> str | tuple[str, str]:
    if c.evidence is None:
        return c.judge or NONE
    e = c.evidence.estimate
    if c.state is State.SUPPRESSED:
        return WITHHELD
    if not e.ok:
        return NONE, e.reason
    return _scaled(c, e.value, e.low, e.high), f"{c.evidence.check}, {c.evidence.behind:,} people behind it, {e.method}"


def _threshold(c: Claim) -> str:
    return NONE if c.threshold is None else f"{c.direction} {_scaled(c, c.threshold)}"


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
        out.append(Heading("Why these numbers speak to the claims"))
    for strategy, mine in by.items():
        arguments = [c.argument for c in mine if c.argument is not None]
        common = [r for r in arguments[0].rebuttals if all(r in a.rebuttals for a in arguments)]
        warrant = max((a.warrant for a in arguments), key=[a.warrant for a in arguments].count)
        out += [
            Text(
                f"{_many(mine, claims)}. {strategy} Why this speaks to the claim: {warrant} What would make it mislead:"
            ),
            Bullets([r.words for r in common]),
        ]
        more = [f"To \N{LEFT DOUBLE QUOTATION MARK}{c.says.rstrip('.')}\N{RIGHT DOUBLE QUOTATION MARK}: {said}"
                for c in mine if (said := _own(c, common, warrant))]  # fmt: skip
        out += [Bullets(more)] if more else []
    return out


def _many(mine: Sequence[Claim], claims: Sequence[Claim]) -> str:
    """Return for which claims an argument holds."""
    every = sum(c.argument is not None for c in claims)
    if len(mine) == every:
        return "How the claims that a number decides are tested"
    return f"How {len(mine)} of {every} claims are tested ({', '.join(c.id for c in mine)})"


def _own(c: Claim, common: Sequence[Rebuttal], warrant: str) -> str:
    """Return what a claim says for itself beside what holds for all claims tested in the same way."""
    assert c.argument is not None
    said = [c.argument.warrant] if c.argument.warrant != warrant else []
    return " ".join([*said, *(r.words for r in c.argument.rebuttals if r not in common)])


def _of_margins(claims: Sequence[Claim]) -> list[Block]:
    if not claims:
        return []
    whole = [c for c in claims if c.attribute == OVERALL or c.state is State.REFUTED]
    out: list[Block] = [
        Heading("Claims of the declared margins"),
        Text(
            "Every margin that was declared claims that no group falls short by more. These are the same numbers and "
            "verdicts as in the chapters before, one claim a group. Each interval is about one claim at a time."
        ),
    ]
    if whole:
        out.append(Table(claimed(whole, "About everyone, and those refuted")))
    rest = [c for c in claims if c not in whole]
    if rest:
        out.append(Table(claimed(rest[:MOST], "All others"), folded=f"The other {len(rest):,} claims", short=True))
    if len(rest) > MOST:
        out.append(Text(f"{len(rest) - MOST:,} more are in the findings.", note=True))
    return out


def _tensions(case: Case) -> list[Block]:
    if not case.tensions:
        return []
    lines = []
    for t in case.tensions:
        sides = [f"{s.says} {words.capital(s.state)}: {s.measured}." for s in t.sides]
        lines.append(Line(words.capital(t.name), cells(*sides, "yes" if t.shown else "no", _chosen(t))))
    heads = ["Tension", "One side", "The other side", "Shown by the numbers", "Chosen"]
    return [
        Heading("Tensions"),
        Text(
            "What pulls against what, as two measured sides; they are not weighed, and a person chooses where to stand."
        ),
        Table(Grid("Tensions with their two sides", heads, lines)),
    ]


def _chosen(t: Tension) -> str | tuple[str, str]:
    if (t.kind, t.chosen, t.owner) == BY_NUMBERS:
        return "a person has still to say"
    return words.capital(t.chosen), f"{t.kind}; answered for by {t.owner}"
