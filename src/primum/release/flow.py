"""Who was left out on the way to the people who were audited, told in steps that hold enough people each.

People counted before and after a filter are nested populations (R13): each step removes nobody or at least t people.
Where one removes fewer, all are told as one, since from how steps were joined a reader could work out how few there
were in each. The counts run upwards from the people of the release, so that every one is a sum of registered counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.disclose.recode import Recoded
from primum.disclose.rounding import rounded
from primum.execute.run import Run

SCORED = "given a score"
_AND = "; "
UNITS = "It is not known how many {units} stand behind those who were left out."
NESTED = "Of those who were left out, too few can be told apart from those who were kept."
NO_STEPS = "This audit was not made from rows, so nobody knows who was left out."


@dataclass(frozen=True)
class Left:
    """The steps that may be told, each {"step", "n", "removed", "why"}; `why` says why there are none."""

    steps: tuple[dict[str, Any], ...] = ()
    why: str = ""


def flow(inside: Run, recoded: Recoded, units: Collection[str], *, key: bytes = b"") -> Left:
    """Return how many people each step left, as it may be told.

    Parameters
    ----------
    inside, recoded
        The audit as it was made in the room, and its protected tallies.
    units
        What is counted apart from rows ("persons", "households", "institutions"): of these, nobody has counted those
        who were left out.
    key
        The project's secret, for keyed rounding.
    """
    told = inside.chapters.get("people", {}).get("flow") or []
    if not told:
        return Left(why=NO_STEPS)
    if units:
        return Left(why=UNITS.format(units=" and ".join(sorted(units))))
    scored = int(next(iter(inside.tallies.values())).n.sum())
    steps = [(str(s["step"]), int(s["removed"])) for s in told[1:]] + [(SCORED, int(told[-1]["n"]) - scored)]
    steps = steps if steps[-1][1] else steps[:-1]
    t, whole = int(recoded.policy["t"]), sum(removed for _, removed in steps)
    if any(0 < removed < t for _, removed in steps):
        if whole < t:
            return Left(why=NESTED)
        steps = [(_AND.join(name for name, _ in steps), whole)]
    n = sum(recoded.total)
    rows: list[dict[str, Any]] = []
    for name, removed in reversed(steps):
        shown = shown_as(removed, recoded, key)
        rows.append({"step": name, "n": n, "removed": shown, "why": ""})
        n += shown
    rows.append({"step": str(told[0]["step"]), "n": n, "removed": 0, "why": ""})
    return Left(tuple(reversed(rows)))


def shown_as(n: int, recoded: Recoded, key: bytes) -> int:
    """Return a count as it is printed; the same count is always printed alike, or the draws of a key would average."""
    atoms = np.unpackbits(np.frombuffer(f"beside|{n}".encode(), dtype=np.uint8))
    return rounded(n, recoded.policy["rounding"], recoded.policy["base"], key=key, support=atoms)
