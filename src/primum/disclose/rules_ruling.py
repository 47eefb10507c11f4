"""A ruling: what a rule says of one number, table or picture that wants to leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["safe", "protected", "review", "fail", "blocked"]
_ORDER: tuple[Status, ...] = ("safe", "protected", "review", "fail", "blocked")


@dataclass(frozen=True)
class Ruling:
    """What a rule says.

    Attributes
    ----------
    rule
        "R1" … "R19".
    status
        "safe", "protected", "review" (a person must look), "fail" or "blocked" (it may not leave).
    why
        One sentence for the room; it may name true counts and never leaves.
    """

    rule: str
    status: Status
    why: str = ""

    @property
    def passes(self) -> bool:
        """Whether the number may leave without a person's word."""
        return self.status in {"safe", "protected"}


def worst(rule: str, rulings: list[Ruling]) -> Ruling:
    """Return the strictest of several rulings; safe when there are none."""
    return max(rulings, key=lambda r: _ORDER.index(r.status), default=Ruling(rule, "safe"))
