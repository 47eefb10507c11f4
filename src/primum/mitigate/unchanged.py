"""Groups for which a repair changes nothing by the way it is built: harmless without a patient to prove it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from primum.certify.certificate import CROSS, JOIN
from primum.errors import unknown
from primum.mitigate.membership import Membership

Group = tuple[str, str]


def unchanged_groups(repair: Any, people: Membership, views: Sequence[tuple[str, ...]]) -> frozenset[Group]:
    """Return the groups whose decisions the repair leaves as they were, whoever belongs to them.

    A repair by thresholds changes nothing in cells that keep the common threshold (people of cells never seen keep it
    too). Another repair can say so itself, by a method `unchanged_groups(people, views)`. Of any other, nothing is
    known: every group is judged.

    Parameters
    ----------
    repair
        Fitted.
    people
        Those who are judged.
    views
        The attributes, alone or crossed, by which they are judged.
    """
    if hasattr(repair, "unchanged_groups"):
        return frozenset(repair.unchanged_groups(people, views))
    found = getattr(repair, "thresholds_", None)
    if found is None or getattr(repair, "attributes_", None) != people.attributes:
        return frozenset()
    thresholds = np.asarray(found.thresholds)
    changed = [g for g, t in zip(found.groups, thresholds, strict=True) if t != found.declared]
    return untouched_by(changed, people, views)


def untouched_by(cells: Iterable[str], people: Membership, views: Sequence[tuple[str, ...]]) -> frozenset[Group]:
    """Return the groups among these people that hold none of these cells (labels of all attributes, joined)."""
    changed = [tuple(c.split(JOIN)) for c in cells]
    if any(len(c) != len(people.attributes) for c in changed):
        return frozenset()  # a label that itself contains the separator: nothing is known
    result: set[Group] = set()
    for view in views:
        at = [people.attributes.index(a) for a in view]
        touched = {JOIN.join(c[j] for j in at) for c in changed}
        here = {JOIN.join(row[j] for j in at) for row in np.unique(people.labels, axis=0).tolist()}
        result |= {(CROSS.join(view), g) for g in here - touched}
    return frozenset(result)


def views_of(asked: Sequence[str | tuple[str, ...]] | None, attributes: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the groupings asked for as tuples of attributes; every attribute on its own if None.

    Raises
    ------
    PrimumError
        For a name that is no attribute.
    """
    views = []
    for view in attributes if asked is None else asked:
        if isinstance(view, str):
            views.append((view,) if view in attributes else tuple(view.split(CROSS)))
        else:
            views.append(tuple(view))
    for name in (a for v in views for a in v):
        if name not in attributes:
            raise unknown("attribute", name, attributes, where="group membership")
    return views
