"""Which tallies may be added: those that count the same outcome, by the same attributes, in the same way."""

from __future__ import annotations

from typing import Protocol

from primum.errors import PrimumError
from primum.tally.cluster import Clusters


class Counted(Protocol):
    """What tallies of an outcome have in common."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the grouping columns."""

    @property
    def outcome_name(self) -> str:
        """What was counted."""

    @property
    def clusters(self) -> Clusters | None:
        """What people share who belong together."""


def same_question(a: Counted, b: Counted) -> None:
    """Refuse two tallies by other attributes or of another outcome, and name the difference."""
    if a.attributes != b.attributes:
        raise PrimumError(
            f"These tallies cannot be added: one is by {list(a.attributes)}, the other by {list(b.attributes)}.",
            mend="regroup both first, for instance with .by(...)",
        )
    if a.outcome_name != b.outcome_name:
        raise PrimumError(
            f"These tallies cannot be added: their outcomes differ ('{a.outcome_name}' against '{b.outcome_name}')."
        )


def same_clustering(a: Counted, b: Counted) -> None:
    """Refuse two tallies of which only one knows who belongs together."""
    if (a.clusters is None) != (b.clusters is None):
        raise PrimumError("These tallies cannot be added: only one of them was counted with clusters.")
