"""What a release tells of the people beside its tallies: who was left out, and which values are missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from primum.disclose.recode import Recoded
from primum.execute.run import Run
from primum.release.flow import flow
from primum.release.gaps import gaps

LEFT, MISSES = "left out", "missing"


@dataclass(frozen=True)
class Beside:
    """Rows of the chapter of the people: its flow, its gaps for everyone, and part → why it is not told."""

    flow: tuple[Mapping[str, Any], ...] = ()
    gaps: tuple[Mapping[str, Any], ...] = ()
    why: dict[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Return the register of these counts: {"what", "of", "count"}."""
        found = [{"what": what, "of": s["step"], "count": s[key]}
                 for s in self.flow for what, key in ((LEFT, "removed"), ("n", "n")) if s[key]]  # fmt: skip
        return found + [{"what": MISSES, "of": r["variable"], "count": r[MISSES]} for r in self.gaps if r[MISSES]]


NOTHING = Beside()


def beside(inside: Run, recoded: Recoded, units: Collection[str], *, key: bytes = b"") -> Beside:
    """Return what may be told of the people beside the tallies; see `flow` and `gaps`."""
    left = flow(inside, recoded, units, key=key)
    missing, lacking = gaps(inside, recoded, units, key=key)
    why = {part: said for part, said in (("flow", left.why), ("missingness", lacking)) if said}
    return Beside(left.steps, tuple(missing), why)
