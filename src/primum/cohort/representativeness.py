"""Whether the people audited are like the people the model is meant for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primum.measure.intervals import wilson
from primum.usecase import MISSING, Groups, UseCase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primum.cohort.cohort import Cohort


def representativeness(cohort: Cohort, usecase: UseCase) -> list[dict[str, Any]]:
    """Return the share of each group here beside its declared share in the population.

    `attribute, level, n, share, declared, difference, low, high`: the difference is here minus declared, its
    interval Wilson's. Shares are of the people whose group is known, as in a population table (of everybody when
    a share is declared for "(missing)"). A declared group that nobody is in has the share 0. Attributes without
    declared shares are left out.
    """
    rows: list[dict[str, Any]] = []
    for group in usecase.groups:
        if group.population_shares:
            counted = dict(cohort.groups[group.title].value_counts().iter_rows())
            people = {name: counted.get(name, 0) for name in cohort.levels[group.title]}
            rows += share_rows(group, people, usecase.level)
    return rows


def share_rows(group: Groups, people: Mapping[str, int], level: float) -> list[dict[str, Any]]:
    """Return the rows of one attribute from the number of people in each of its groups, in the order shown."""
    declared = group.population_shares or {}
    known = sum(k for name, k in people.items() if name != MISSING or MISSING in declared)
    rows = []
    for name in [*(n for n in people if n in declared), *(n for n in declared if n not in people)]:
        n = people.get(name, 0)
        share = n / known if known else None
        low, high = (float(limit) for limit in wilson(n, known, level))
        rows.append(
            {
                "attribute": group.title,
                "level": name,
                "n": n,
                "share": share,
                "declared": declared[name],
                "difference": None if share is None else share - declared[name],
                "low": low - declared[name] if known else None,
                "high": high - declared[name] if known else None,
            }
        )
    return rows
