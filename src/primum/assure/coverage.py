"""How far the claims are covered by evidence, by requirement; numbers of claims, and no score of trust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from primum.assure.claims import Claim
from primum.assure.state import State
from primum.usecase_scenario import REQUIREMENTS

SETTLED = (State.SUPPORTED, State.REFUTED)


@dataclass(frozen=True)
class Coverage:
    """How many claims of one requirement there are, and how they stand.

    Attributes
    ----------
    claims
        All of them.
    computed
        Those with a computed number behind them, whatever it says.
    supported, refuted, inconclusive, suppressed, untested, human
        By state; they add up to `claims`.
    """

    requirement: str
    claims: int
    computed: int
    supported: int
    refuted: int
    inconclusive: int
    suppressed: int
    untested: int
    human: int


def coverage(claims: Sequence[Claim]) -> list[Coverage]:
    """Return one row for each of the seven requirements, also where nobody claims anything."""
    return [_row(name, [c for c in claims if c.requirement == name]) for name in REQUIREMENTS]


def _row(name: str, mine: Sequence[Claim]) -> Coverage:
    by = {s: sum(c.state is s for c in mine) for s in State}
    computed = sum(c.evidence is not None and c.evidence.estimate.ok for c in mine)
    return Coverage(
        name, len(mine), computed, by[State.SUPPORTED], by[State.REFUTED], by[State.INCONCLUSIVE],
        by[State.SUPPRESSED], by[State.UNTESTED], by[State.HUMAN],
    )  # fmt: skip
