"""From the rows read to the people included: every filter is applied in order and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from primum.cohort.cohort import FlowStep
from primum.cohort.columns import label
from primum.cohort.conditions import holds, words
from primum.cohort.table import collect
from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primum.usecase import Condition


def include(
    frame: pl.LazyFrame, conditions: Sequence[Condition], labels: Mapping[str, str], source: str
) -> tuple[pl.DataFrame, list[FlowStep]]:
    """Return the rows on which all `conditions` are true, collected, and the flow that led to them.

    A row on which a condition is unknown is removed, and said to be. The counts are one streaming pass; only
    the included rows are ever held in memory.

    Raises
    ------
    PrimumError
        If there are no rows, or a filter leaves none (which one).
    """
    schema = frame.collect_schema()
    tests = [holds(condition, schema) for condition in conditions]
    kept: list[pl.Expr] = [pl.lit(value=True)]
    for part in tests:
        kept.append(kept[-1] & part.fill_null(value=False))
    counts = [pl.len().alias("read")]
    for i, part in enumerate(tests):
        counts.append(kept[i + 1].sum().alias(f"kept {i}"))
        counts.append((kept[i] & part.is_null()).sum().alias(f"unknown {i}"))
    counted = collect(frame.select(counts), source).row(0, named=True)

    flow = [FlowStep("rows read", counted["read"], 0, "")]
    if not counted["read"]:
        raise PrimumError("The data hold no rows.", mend="check the path, or the export that wrote the file")
    for i, condition in enumerate(conditions):
        n, unknown = int(counted[f"kept {i}"]), int(counted[f"unknown {i}"])
        removed = flow[-1].n - n
        step = words(condition, label(condition.column, labels))
        flow.append(FlowStep(step, n, removed, _why(removed, unknown)))
        if n == 0:
            raise _emptied(frame, condition, flow, schema[condition.column])
    rows = frame.filter(kept[-1]) if tests else frame
    return collect(rows, source), flow


def _why(removed: int, unknown: int) -> str:
    if not removed:
        return "nobody"
    if not unknown:
        return f"{removed:,} do not meet this"
    return f"{removed - unknown:,} do not meet this, {unknown:,} are unknown"


def _emptied(frame: pl.LazyFrame, condition: Condition, flow: Sequence[FlowStep], dtype: pl.DataType) -> PrimumError:
    column = pl.col(condition.column)
    if dtype.is_numeric():
        lo, hi = frame.select(column.min().alias("lo"), column.max().alias("hi")).collect().row(0)
        there = [] if lo is None else [f"{condition.column} from {lo:g} to {hi:g}"]
    else:
        there = frame.select(column.cast(pl.String).drop_nulls().unique().sort()).collect().to_series().to_list()
    return PrimumError(
        f"Nobody is left after the filter '{flow[-1].step}'.",
        expected=f"at least some of the {flow[-2].n:,} people before it",
        available=there,
        mend="correct this condition under 'include'; values are compared exactly as they stand",
    )
