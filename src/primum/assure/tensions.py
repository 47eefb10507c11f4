"""Tensions: two claims that pull against each other, shown as two measured sides and never traded into one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from primum.assure.claims import Claim
from primum.assure.evidence import Finished, scenario_of
from primum.assure.state import State


@dataclass(frozen=True)
class Tension:
    """Two claims, how each stands, and who chose where to stand between them.

    Attributes
    ----------
    name
        What pulls against what.
    sides
        The two claims.
    kind
        True dilemma, dilemma in practice, false dilemma, or not classified: a person says which.
    chosen, owner
        What was chosen and who answers for it.
    shown
        Whether the numbers show the tension: one side supported, the other refuted.
    """

    name: str
    sides: tuple[Claim, Claim]
    kind: str
    chosen: str
    owner: str
    shown: bool


def tensions(run: Finished, claims: Sequence[Claim]) -> list[Tension]:
    """Return the declared tensions, then those that the numbers show.

    Shown by numbers: for the same people and model, one claim is supported and another is refuted; or a repair is
    supported for one group and refuted for another of the same division.
    """
    scenario = scenario_of(run)
    by = {c.id: c for c in claims if c.origin == "declared"}
    told = [
        Tension(
            t.name, (by[t.between[0]], by[t.between[1]]), t.kind, t.chosen, t.owner, _opposed(*map(by.get, t.between))
        )
        for t in (scenario.tensions if scenario else [])
    ]
    measured = [c for c in claims if c.origin == "declared margin" and c.state in {State.SUPPORTED, State.REFUTED}]
    return told + [
        Tension(name, (a, b), "not classified", "not stated", "not stated", shown=True)
        for a, b in combinations(measured, 2)
        if _opposed(a, b) and (name := _name(a, b))
    ]


def _opposed(a: Claim | None, b: Claim | None) -> bool:
    return a is not None and b is not None and {a.state, b.state} == {State.SUPPORTED, State.REFUTED}


def _name(a: Claim, b: Claim) -> str:
    """Return what pulls against what, or "" where the two claims have nothing to do with each other."""
    if (a.model, a.attribute) != (b.model, b.attribute):
        return ""
    if a.group == b.group and a.metric != b.metric:
        return f"{a.metric} against {b.metric} for {a.group} ({a.attribute})"
    if a.metric == b.metric == "utility_change" and a.group != b.group and a.comparator == b.comparator:
        return f"{a.group} against {b.group} ({a.attribute}), under {a.model}"
    return ""
