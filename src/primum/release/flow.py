"""Who was left out on the way to the people who were audited, told in steps that hold enough people each.

People counted before and after a filter are nested populations (R13): each step removes nobody or at least t people. A
step that removes fewer is told together with the next one. The counts run upwards from the people of the release, so
that every one of them is a sum of registered counts.
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
    joined = _joined([s for s in steps if s[1]], int(recoded.policy["t"]))
    if joined is None:
        return Left(why=NESTED)
    n = sum(recoded.total)
    rows: list[dict[str, Any]] = []
    for name, removed in reversed(joined):
        shown = _rounded(removed, name, recoded, key)
        rows.append({"step": name, "n": n, "removed": shown, "why": ""})
        n += shown
    rows.append({"step": str(told[0]["step"]), "n": n, "removed": 0, "why": ""})
    return Left(tuple(reversed(rows)))


def _joined(steps: list[tuple[str, int]], t: int) -> list[tuple[str, int]] | None:
    """Return the steps joined until each removes t people or more; None where even all together remove fewer."""
    found: list[tuple[str, int]] = []
    names: list[str] = []
    waiting = 0
    for name, removed in steps:
        names.append(name)
        waiting += removed
        if waiting >= t:
            found.append((_AND.join(names), waiting))
            names, waiting = [], 0
    if waiting:
        if not found:
            return None
        last, removed = found.pop()
        found.append((_AND.join([last, *names]), removed + waiting))
    return found


def _rounded(n: int, name: str, recoded: Recoded, key: bytes) -> int:
    atoms = np.unpackbits(np.frombuffer(f"left out|{name}".encode(), dtype=np.uint8))
    return rounded(n, recoded.policy["rounding"], recoded.policy["base"], key=key, support=atoms)
