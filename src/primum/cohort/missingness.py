"""How often each feature is missing, in each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from primum.measure.intervals import wilson
from primum.usecase import OVERALL, UseCase

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort


def missingness(cohort: Cohort, usecase: UseCase | None = None) -> list[dict[str, Any]]:
    """Return one row a feature and group, everyone first, with Wilson's interval of the share missing.

    `variable, attribute, level, n, missing, share, low, high`; intersections are left out when `usecase`
    names them.
    """
    crossed = {g.title for g in usecase.groups if g.intersection is not None} if usecase else set()
    level = usecase.level if usecase else 0.95
    counted: list[tuple[str, str, str, int, int]] = []
    absent = cohort.features.select(pl.all().is_null())
    for variable in absent.columns:
        counted.append((variable, OVERALL, "everyone", cohort.n, int(absent[variable].sum())))
        for attribute, levels in cohort.levels.items():
            if attribute in crossed:
                continue
            sums = (
                pl.DataFrame({"level": cohort.groups[attribute], "missing": absent[variable]})
                .group_by("level")
                .agg(pl.len(), pl.col("missing").sum())
            )
            of = {name: (int(n), int(k)) for name, n, k in sums.rows()}
            counted += [(variable, attribute, name, *of.get(name, (0, 0))) for name in levels]
    low, high = wilson([row[4] for row in counted], [row[3] for row in counted], level)
    return [
        {
            "variable": variable,
            "attribute": attribute,
            "level": name,
            "n": n,
            "missing": k,
            "share": k / n if n else None,
            "low": float(low[i]) if n else None,
            "high": float(high[i]) if n else None,
        }
        for i, (variable, attribute, name, n, k) in enumerate(counted)
    ]
