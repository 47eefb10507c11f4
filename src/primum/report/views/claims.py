"""What is claimed about the model, and what was measured for and against each claim."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.case import Case, assurance
from primum.assure.claims import Claim
from primum.assure.evidence import Finished
from primum.assure.exchange import measured
from primum.assure.state import State
from primum.report import words
from primum.report.grid import Grid, Line, cells
from primum.report.numbers import NONE, fixed
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
MOST = 60


def section(run: Finished) -> Section | None:
    """Return the chapter, or None where nobody declared a scenario."""
    case = assurance(run)
    if case.scenario is None:
        return None
    out: list[Block] = [Text(LEAD), *_setting(case), Heading("How the claims stand"), Table(coverage(case))]
    told = [c for c in case.claims if c.origin != "declared margin"]
    if told:
        out += [Heading("Claims of the scenario"), Table(claimed(told, "Claims of the scenario"))]
        out += [b for c in told if c.argument is not None for b in _argued(c)]
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
    pairs += [(a.name, f"{a.part}. {a.about}".strip()) for a in scenario.actors]
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
        "Requirement", "Claims", "With a number", "Supported", "Refuted", "Inconclusive", "Withheld",
        "Not testable here", "Human judgement",
    ]  # fmt: skip
    lines = [
        Line(
            words.capital(c.requirement),
            cells(c.claims, c.computed, c.supported, c.refuted, c.inconclusive, c.suppressed, c.untested, c.human),
        )
        for c in case.coverage
    ]
    return Grid("Claims by requirement of the High-Level Expert Group; counts, not a score", heads, lines)


def claimed(claims: Sequence[Claim], caption: str) -> Grid:
    """Return claims with the number behind each."""
    lines = [
        Line(c.says, cells((str(c.state), STATED[c.state]), _number(c), _threshold(c), c.why or NONE)) for c in claims
    ]
    return Grid(caption, ["Claim", "State", "Measured", "Threshold", "Why it is open"], lines)


def _number(c: Claim) -> str | tuple[str, str]:
    if c.evidence is None:
        return c.judge or NONE
    e = c.evidence.estimate
    if not e.ok:
        return NONE, e.reason
    to = f"{fixed(e.value, 3)} [{fixed(e.low, 3)} to {fixed(e.high, 3)}]"
    return to, f"{c.evidence.check}, {c.evidence.behind:,} people behind it, {e.method}"


def _threshold(c: Claim) -> str:
    return NONE if c.threshold is None else f"{c.direction} {fixed(c.threshold, 3)}"


def _argued(c: Claim) -> list[Block]:
    assert c.argument is not None
    number = f" {words.capital(measured(c))}." if c.evidence is not None else ""
    return [
        Text(f"{c.id}: {c.argument.strategy} {c.argument.warrant}{number} What would make it mislead:"),
        Bullets([r.words for r in c.argument.rebuttals]),
    ]


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
        sides = [f"{c.says} {words.capital(str(c.state))}: {measured(c)}." for c in t.sides]
        lines.append(Line(t.name, cells(*sides, "yes" if t.shown else "no", t.kind, f"{t.chosen} ({t.owner})")))
    heads = ["Tension", "One side", "The other side", "Shown by the numbers", "Kind", "Chosen (by)"]
    return [
        Heading("Tensions"),
        Text("Two claims that pull against each other, as two measured sides; a person chooses where to stand."),
        Table(Grid("Tensions with their two sides", heads, lines)),
    ]
