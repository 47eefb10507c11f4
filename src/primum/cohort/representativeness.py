"""Whether the people audited are like the people the model is meant for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primum.measure.intervals import wilson
from primum.usecase import MISSING, UseCase

if TYPE_CHECKING:
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
        declared = group.population_shares
        if not declared:
            continue
        member = cohort.groups[group.title]
        known = cohort.n if MISSING in declared else int((member != MISSING).sum())
        order = cohort.levels[group.title]
        for name in [*(n for n in order if n in declared), *(n for n in declared if n not in order)]:
            n = int((member == name).sum())
            share = n / known if known else None
            low, high = (float(limit) for limit in wilson(n, known, usecase.level))
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
