"""Clusters and weights: when the unit of observation is a family, a practice or a weighted person.

People of one family, or visits of one person, are not independent observations; people drawn with unequal chances
do not all count the same. Both are met by changing what is observed. A unit is one cluster's people of the group (or
one weighted person), and with the margin ε

    z = Σ wᵢ (dᵢ + ε), summed over the unit's people of the group.

E[z] = E[Σ wᵢ dᵢ] + ε E[Σ wᵢ], so E[z] ≤ 0 exactly when δ = E[Σ wᵢ dᵢ] / E[Σ wᵢ] ≤ −ε: testing the mean of z
against 0 tests the weighted mean difference against the margin, and needs no variance formula. Units are independent,
and z lies within ± (greatest weight × largest unit × greatest |d + ε|). Both factors are *declared*, because a bound
that is looked up in the data is no bound. The limits of δ are the values of −ε at which the test changes its mind.

Weights must come from the sampling, not from the outcomes of these people. Estimated weights are taken as known.
"""

from __future__ import annotations

from primum.certify.differences import Evidence
from primum.certify.differences import people as people_of
from primum.errors import PrimumError, unknown
from primum.tally.paired_units import UnitTally


def unit_evidence(units: UnitTally, view: tuple[str, ...], group: tuple[str, ...], people: int) -> Evidence:
    """Return the units of one group as evidence.

    Parameters
    ----------
    units
        Counted from the same people as the paired tally.
    view, group
        Names of the attributes, and the labels.
    people
        How many the paired tally has in this group.

    Raises
    ------
    PrimumError
        If units were not counted for this grouping, or hold other people than the paired tally.
    """
    if view not in units.views:
        raise unknown("grouping", " × ".join(view), [" × ".join(v) for v in units.views], where="the tally of units")
    found = units.views[view].get(group)
    held = found.people if found else 0
    if held != people:
        raise PrimumError(
            f"The units of '{' · '.join(group)}' hold {held} people, the paired tally {people}.",
            expected="both counted from the same people",
        )
    load: float | None = units.max_weight * units.max_size
    if found is None:
        none = people_of([0] * 8)
        return Evidence(none.vectors, none.counts, load, units.word)
    if load == 1 and (found.vectors.sum(axis=(1, 2, 3)) == 1).all():
        load = None  # single people of weight 1: the plain certificate
    return Evidence(found.vectors, found.counts, load, units.word)
