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
        """Return the register of these counts; `parts` says of how many rounded counts each is a sum."""
        found = []
        for i, s in enumerate(self.flow):
            parts = 2 + sum(bool(later["removed"]) for later in self.flow[i + 1 :])
            found += [{"what": LEFT, "of": s["step"], "count": s["removed"], "parts": 1}] if s["removed"] else []
            found += [{"what": "n", "of": s["step"], "count": s["n"], "parts": parts}]
        missing = [r for r in self.gaps if r[MISSES]]
        return found + [{"what": MISSES, "of": r["variable"], "count": r[MISSES], "parts": 1} for r in missing]


NOTHING = Beside()


def beside(inside: Run, recoded: Recoded, units: Collection[str], *, key: bytes = b"") -> Beside:
    """Return what may be told of the people beside the tallies; see `flow` and `gaps`."""
    left = flow(inside, recoded, units, key=key)
    missing, lacking = gaps(inside, recoded, units, key=key)
    why = {part: said for part, said in (("flow", left.why), ("missingness", lacking)) if said}
    return Beside(left.steps, tuple(missing), why)
