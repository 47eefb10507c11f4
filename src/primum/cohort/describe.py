"""Table 1: the people of each group, side by side, with standardised differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from primum.cohort.columns import label
from primum.cohort.missingness import missingness
from primum.cohort.representativeness import representativeness
from primum.cohort.smd import smd_binary, smd_categories, smd_number
from primum.usecase import OVERALL, UseCase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from primum.cohort.cohort import Cohort

__all__ = ["missingness", "representativeness", "table_one"]

EVERYONE = "everyone"
UNDEFINED = "–"
MOST_CATEGORIES = 20
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Cell = dict[str, Any]


@dataclass(frozen=True)
class _Column:
    attribute: str
    level: str
    inside: Mask
    against: Mask | None  # None: nobody to compare with


def table_one(cohort: Cohort, usecase: UseCase) -> dict[str, Any]:
    """Return Table 1 as {"columns", "rows"}, JSON-ready.

    Each cell is mean (SD) or n (share of those known); a share of missing values stands beside it. Each
    standardised difference compares a group with the reference of its attribute, or with everyone else; it is
    null where undefined, in the reference's own column, and for each category but the first (one number a
    variable). Without features the attributes themselves are described.
    """
    columns = _columns(cohort, usecase)
    rows = _outcome_rows(cohort, usecase, columns)
    features = cohort.features
    if not features.width:
        singles = [g.title for g in usecase.groups if g.intersection is None]
        for title in singles:
            rows += _category_rows(title, title, cohort.groups[title], cohort.levels[title], columns)
    for name in features.columns:
        values = features[name]
        words = label(name, cohort.labels)
        if values.dtype == pl.String:
            rows += _category_rows(name, words, values, _by_size(values), columns)
        elif _is_yes_no(values):
            rows.append(_binary_row(name, words, values, columns, kind="category"))
        else:
            rows.append(_number_row(name, words, values, columns))
    heads = [
        {
            "attribute": c.attribute,
            "level": c.level,
            "n": int(c.inside.sum()),
            "events": int(cohort.outcome[c.inside].sum()),
        }
        for c in columns
    ]
    return {"columns": heads, "rows": rows}


def _columns(cohort: Cohort, usecase: UseCase) -> list[_Column]:
    out = [_Column(OVERALL, EVERYONE, np.ones(cohort.n, dtype=np.bool_), None)]
    for group in usecase.groups:
        if group.intersection is not None:
            continue
        member = cohort.groups[group.title]
        masks = {level: (member == level).to_numpy() for level in cohort.levels[group.title]}
        for level, inside in masks.items():
            against = ~inside if group.reference == OVERALL else masks[group.reference]
            out.append(_Column(group.title, level, inside, None if level == group.reference else np.asarray(against)))
    return out


def _outcome_rows(cohort: Cohort, usecase: UseCase, columns: Sequence[_Column]) -> list[dict[str, Any]]:
    outcome = pl.Series(cohort.outcome)
    rows = [_binary_row("outcome", usecase.outcome.name, outcome, columns, kind="outcome")]
    if cohort.truth is not None:
        truth = pl.Series(cohort.truth).fill_nan(None)
        words = usecase.outcome.truth_name or "truth"
        rows.append(_binary_row("truth", words, truth, columns, kind="outcome"))
    return rows


def _row(
    variable: str,
    words: str,
    kind: str,
    category: str | None,
    *,
    cells: list[Cell],
    smd: Sequence[float | None],
) -> dict[str, Any]:
    return {
        "variable": variable,
        "label": words,
        "kind": kind,
        "category": category,
        "cells": cells,
        "smd": list(smd),
    }


def _number_row(name: str, words: str, values: pl.Series, columns: Sequence[_Column]) -> dict[str, Any]:
    x = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    cells: list[Cell] = []
    for column in columns:
        mean, sd, known = _moments(x[column.inside])
        missing = _share(int(column.inside.sum()) - known, int(column.inside.sum()))
        spread = f" ({sd:.1f})" if math.isfinite(sd) else ""
        text = f"{mean:.1f}{spread}" if known else UNDEFINED
        cells.append(_cell(text, mean=mean, sd=sd, n=known, missing=missing))

    def differ(a: Mask, b: Mask) -> float:
        one, other = _moments(x[a]), _moments(x[b])
        return smd_number(one[0], one[1], other[0], other[1])

    return _row(name, words, "number", None, cells=cells, smd=_differences(columns, differ))


def _binary_row(name: str, words: str, values: pl.Series, columns: Sequence[_Column], *, kind: str) -> dict[str, Any]:
    x = values.cast(pl.Float64).fill_null(np.nan).to_numpy()

    def differ(a: Mask, b: Mask) -> float:
        return smd_binary(_moments(x[a])[0], _moments(x[b])[0])

    cells = [_count_cell(x[c.inside] == 1, ~np.isnan(x[c.inside])) for c in columns]
    category = None if kind == "outcome" else "yes"
    return _row(name, words, kind, category, cells=cells, smd=_differences(columns, differ))


def _category_rows(
    name: str, words: str, values: pl.Series, order: Sequence[str], columns: Sequence[_Column]
) -> list[dict[str, Any]]:
    """One row a category; the largest 20 and the rest together."""
    rank = {category: min(i, MOST_CATEGORIES) for i, category in enumerate(order)}
    shown = [*order[:MOST_CATEGORIES]]
    if len(order) > MOST_CATEGORIES:
        shown.append(f"{len(order) - MOST_CATEGORIES:,} other values")
    code = values.replace_strict(rank, default=None, return_dtype=pl.Int64).fill_null(-1).to_numpy()

    def counts(mask: Mask) -> np.ndarray[Any, Any]:
        return np.bincount(code[mask & (code >= 0)], minlength=len(shown))

    def differ(a: Mask, b: Mask) -> float:
        return smd_categories(counts(a), counts(b))

    whole = _differences(columns, differ)
    rows = []
    for i, category in enumerate(shown):
        cells = [_count_cell(code[c.inside] == i, code[c.inside] >= 0) for c in columns]
        smd = whole if i == 0 else [None] * len(columns)
        rows.append(_row(name, words, "category", category, cells=cells, smd=smd))
    return rows


def _differences(columns: Sequence[_Column], differ: Callable[[Mask, Mask], float]) -> list[float | None]:
    return [None if c.against is None else _finite(differ(c.inside, c.against)) for c in columns]


def _count_cell(hit: np.ndarray[Any, Any], known: np.ndarray[Any, Any]) -> Cell:
    n, total = int(hit.sum()), int(known.sum())
    share = _share(n, total)
    text = UNDEFINED if share is None else f"{n:,} ({100 * share:.1f} %)"
    return _cell(text, n=n, share=share, missing=_share(known.size - total, known.size))


def _cell(
    text: str,
    *,
    n: int,
    mean: float = math.nan,
    sd: float = math.nan,
    share: float | None = None,
    missing: float | None = None,
) -> Cell:
    return {
        "text": text,
        "mean": _finite(mean),
        "sd": _finite(sd),
        "n": n,
        "share": share,
        "missing": missing,
    }


def _moments(x: np.ndarray[Any, Any]) -> tuple[float, float, int]:
    """Return mean, sample SD and number of the known values; NaN where undefined."""
    known = x[~np.isnan(x)]
    mean = float(known.mean()) if known.size else math.nan
    sd = float(known.std(ddof=1)) if known.size > 1 else math.nan
    return mean, sd, int(known.size)


def _is_yes_no(values: pl.Series) -> bool:
    known = values.drop_nulls()
    return bool(known.len()) and set(known.unique().to_list()) <= {0, 1}


def _by_size(values: pl.Series) -> list[str]:
    counted = values.drop_nulls().alias("v").to_frame().group_by("v").len()
    return list(counted.sort(["len", "v"], descending=[True, False])["v"])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
