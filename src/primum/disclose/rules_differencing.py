"""R13, differencing: two released populations, one inside the other, may not differ by a few people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from primum.disclose.releases import Support
from primum.disclose.rules_ruling import Ruling

Ints = npt.NDArray[np.int64]


def nested(supports: Support, counts: npt.ArrayLike, least: int) -> list[tuple[int, int, int]]:
    """Return (inner, outer, people between) for every nested pair that differs by 1 … least − 1 people.

    Parameters
    ----------
    supports
        Which atoms each population holds, shape (populations, atoms).
    counts
        People per atom, shape (atoms,).
    least
        t.
    """
    if not len(supports):
        return []
    inside = supports.astype(np.float32)
    people = inside @ np.asarray(counts, dtype=np.float64)
    shared = inside @ inside.T
    contained = shared == inside.sum(axis=1)[:, None]  # every atom of the row lies in the column
    between = people[None, :] - people[:, None]
    pairs = np.argwhere(contained & (between > 0) & (between < least))
    return [(int(a), int(b), round(float(between[a, b]))) for a, b in pairs]


def differencing_rule(
    names: Sequence[str], supports: Support, counts: npt.ArrayLike, t: int, *, unexpressed: Sequence[str] = ()
) -> Ruling:
    """Return whether populations may be released together.

    Parameters
    ----------
    names, supports
        The populations: of this export, of earlier exports, before and after exclusions, and everyone.
    counts
        People per atom, shape (atoms,).
    t
        The least difference above 0.
    unexpressed
        Filters that cannot be written as a set of atoms; a person must look at them.
    """
    found = [f"'{names[b]}' without '{names[a]}': {n}" for a, b, n in nested(supports, counts, t)]
    if found:
        return Ruling("R13", "fail", "; ".join(found))
    if unexpressed:
        return Ruling("R13", "review", f"filters that are not over atoms: {', '.join(unexpressed)}")
    return Ruling("R13", "safe")


def versions_rule(before: Mapping[str, int], now: Mapping[str, int], t: int) -> Ruling:
    """Return whether a report may follow an earlier one: each count is the same or differs by at least t.

    Raises nothing: a place that only one of them has is not compared here but as a population of its own.
    """
    moved = {place: abs(now[place] - before[place]) for place in now if place in before}
    found = [f"{place}: {n} people apart" for place, n in moved.items() if 0 < n < t]
    return Ruling("R13", "fail", "; ".join(found)) if found else Ruling("R13", "safe")
