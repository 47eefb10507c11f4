"""Tensions: two sides that pull against each other, each with its number, and never traded into one number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from primum.assure.claims import Claim
from primum.assure.evidence import Finished, group_name, scenario_of
from primum.assure.state import State

OPEN = "no threshold declared"
"""State of a side that is no claim: a number that nothing was declared for."""
BY_NUMBERS = ("not classified", "not stated", "not stated")
"""Kind, choice and owner of a tension that only the numbers show: a person has still to say."""


@dataclass(frozen=True)
class Side:
    """One side of a tension.

    Attributes
    ----------
    id, says
        Name, and the side in one sentence.
    state
        That of its claim, or `OPEN`.
    measured
        The number in words.
    """

    id: str
    says: str
    state: str
    measured: str


@dataclass(frozen=True)
class Tension:
    """Two sides, how each stands, and who chose where to stand between them.

    Attributes
    ----------
    name
        What pulls against what.
    sides
        The two.
    kind
        True dilemma, dilemma in practice, false dilemma, or not classified: a person says which.
    chosen, owner
        What was chosen and who answers for it.
    shown
        Whether the numbers show the tension: the two intervals, or counts, speak in opposite directions.
    """

    name: str
    sides: tuple[Side, Side]
    kind: str
    chosen: str
    owner: str
    shown: bool


def tensions(run: Finished, claims: Sequence[Claim]) -> list[Tension]:
    """Return the declared tensions, then those that the numbers show.

    Shown by numbers: for the same people and model, one claim is supported and another is refuted; a repair is
    supported for one group and refuted for another of the same division; a repair is worth more to everyone together
    and less to a group, or the other way round; a release that protects people leaves fewer groups to be assessed.
    Two sides that were declared as a tension are not told again because of their margins.
    """
    scenario = scenario_of(run)
    by = {c.id: c for c in claims if c.origin == "declared"}
    told = [
        Tension(
            t.name, (_side(by[t.between[0]]), _side(by[t.between[1]])), t.kind, t.chosen, t.owner,
            _opposed(by[t.between[0]], by[t.between[1]]),
        )
        for t in (scenario.tensions if scenario else [])
    ]  # fmt: skip
    known = {frozenset(_about(by[name]) for name in t.between) for t in (scenario.tensions if scenario else [])}
    settled = [c for c in claims if c.origin == "declared margin" and c.state in {State.SUPPORTED, State.REFUTED}]
    seen = [
        Tension(name, (_side(a), _side(b)), *BY_NUMBERS, shown=True)
        for a, b in combinations(settled, 2)
        if _opposed(a, b) and (name := _name(a, b)) and frozenset((_about(a), _about(b))) not in known
    ]
    return [*told, *seen, *of_repairs(run), *of_release(run)]


def of_repairs(run: Finished) -> list[Tension]:
    """Return where a repair is worth more to everyone together and less to a group, or the other way round.

    Both changes are of the declared utility, paired by person, with the one-sided limits of the certificate: the
    tension is there where one lies above 0 as a whole and the other below.
    """
    held = run.chapters.get("repairs", {})
    before, rows = str(held.get("model", "the model as it is")), held.get("performance", [])
    found = []
    for r in held.get("repairs", []):
        if r.get("failed") or not r.get("overall"):
            continue
        whole = _sign(r["overall"])
        for g in r["groups"]:
            if whole * _sign(g) < 0:
                who = f"{group_name(g['group'])} ({g['attribute']})"
                ranks = _ranking(rows, before, r["name"])
                sides = (
                    Side(
                        f"repair/{r['name']}/everyone", f"{r['name']} changes what the model is worth to everyone.",
                        OPEN, f"{_change(r['overall'])}{ranks}",
                    ),
                    Side(
                        f"repair/{r['name']}/{who}", f"It changes what the model is worth to {who}.", OPEN, _change(g)
                    ),
                )  # fmt: skip
                name = f"accuracy for everyone against utility for {who}, under {r['name']}"
                found.append(Tension(name, sides, *BY_NUMBERS, shown=True))
    return found


def of_release(run: Finished) -> list[Tension]:
    """Return privacy against assessability, where a release says how many groups can still be assessed."""
    release: Mapping[str, Any] = run.manifest.get("release") or {}
    told = release.get("assessable") or {}
    if not (told.get("inside") and told.get("release")):
        return []
    (k, n), (left, of) = told["inside"], told["release"]
    attack: Mapping[str, Any] = release.get("attack") or {}
    tried = "a release is written only where an attack on it finds no withheld count"
    if attack.get("counts") is not None:
        tried = f"an attack on all of it, {attack['counts']:,} counts, found none that is withheld"
    sides = (
        Side("release/privacy", "What leaves lets nobody work out a count that is withheld.", OPEN, tried),
        Side(
            "release/assessable", "Readers can still assess every group.", OPEN,
            f"a verdict in the release on {left:,} of {of:,} questions, inside on {k:,} of {n:,} questions",
        ),
    )  # fmt: skip
    name = "privacy against assessability"
    return [Tension(name, sides, *BY_NUMBERS, shown=left * n < k * of)]


def _side(c: Claim) -> Side:
    return Side(c.id, c.says, str(c.state), "no number" if c.evidence is None else c.evidence.number)


def _sign(row: Mapping[str, Any]) -> int:
    """Return 1 where all of an interval lies above 0, -1 where all of it lies below, 0 otherwise."""
    low, high = row.get("low"), row.get("high")
    if low is None or high is None:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


def _change(row: Mapping[str, Any]) -> str:
    value, low, high = (1000 * row[k] for k in ("value", "low", "high"))
    return f"{value:+.1f} [{low:+.1f} to {high:+.1f}] per 1,000 people".replace("-", "\N{MINUS SIGN}")


def _ranking(rows: Sequence[Mapping[str, Any]], before: str, after: str) -> str:
    """Return how well each ranks everyone, or "" where what a repair gives is no risk."""
    found = [
        next((r for r in rows if (r["model"], r["metric"], r["attribute"]) == (m, "auroc", "overall")), None)
        for m in (before, after)
    ]
    if any(r is None or r["value"] is None for r in found):
        return ""
    a, b = (float(r["value"]) for r in found if r is not None)
    return f"; AUROC {a:.3f} before, {b:.3f} after"


def _about(c: Claim) -> tuple[str, ...]:
    """Return which number a claim is about."""
    return (c.model, c.metric, c.attribute, c.group, c.comparator)


def _opposed(a: Claim, b: Claim) -> bool:
    return {a.state, b.state} == {State.SUPPORTED, State.REFUTED}


def _name(a: Claim, b: Claim) -> str:
    """Return what pulls against what, or "" where the two claims have nothing to do with each other."""
    if (a.model, a.attribute) != (b.model, b.attribute):
        return ""
    mine, other = group_name(a.group), group_name(b.group)
    if a.group == b.group and a.metric != b.metric:
        return f"{a.metric} against {b.metric} for {mine} ({a.attribute})"
    if a.metric == b.metric == "utility_change" and a.group != b.group and a.comparator == b.comparator:
        return f"{mine} against {other} ({a.attribute}), under {a.model}"
    return ""
