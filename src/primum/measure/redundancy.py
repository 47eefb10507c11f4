"""Which confirmed subgroup is told already by a broader or a narrower one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from primum.measure.cells import Ints
from primum.measure.lattice import Lattice, counts_of
from primum.measure.subgroup import Subgroup
from primum.measure.versus import Versus


def marked(
    confirmed: Sequence[Subgroup], found: Lattice, at: Ints, lower: npt.NDArray[np.bool_], versus: Versus,
    level: float, margin: float,
) -> tuple[Subgroup, ...]:  # fmt: skip
    """Return the confirmed subgroups with `explained_by` and `driven_by`.

    Every pair of a confirmed subgroup and a broader confirmed one in the same direction is tested twice in the
    confirming half: the narrower against the rest of the broader (no difference: explained by it), and the rest of
    the broader against everyone outside it (no difference, though the narrower has one: driven by it). Both tests are
    descriptions at `level` without correction: no difference shown is not equality.
    """
    place = {int(i): j for j, i in enumerate(at)}
    pairs = [
        (j, place[a])
        for j, i in enumerate(at.tolist())
        for a in found.ancestors(i)
        if a in place and lower[place[a]] == lower[j]
    ]
    if not pairs:
        return tuple(confirmed)
    narrow, broad = (np.array(x) for x in zip(*pairs, strict=True))
    child, parent = found.counts[at[narrow], 1], found.counts[at[broad], 1]
    rest, direction = parent - child, lower[narrow]
    within = versus.confirm(counts_of(child), counts_of(rest), direction, margin) > level
    without = versus.confirm(counts_of(rest), counts_of(found.total[1] - parent), direction, margin) > level
    explained: dict[int, str] = {}
    for j, i, same in zip(narrow.tolist(), broad.tolist(), within.tolist(), strict=True):
        if same and j not in explained:  # the broadest that explains it comes first
            explained[j] = confirmed[i].name
    driven: dict[int, tuple[float, str]] = {}
    for j, i, same, alone in zip(narrow.tolist(), broad.tolist(), within.tolist(), without.tolist(), strict=True):
        if alone and not same and j not in explained:
            driven[i] = min(driven.get(i, (2.0, "")), (confirmed[j].p, confirmed[j].name))
    return tuple(
        replace(s, explained_by=explained.get(j, ""), driven_by=driven.get(j, (0.0, ""))[1])
        for j, s in enumerate(confirmed)
    )
