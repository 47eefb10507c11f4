"""Groups of patients: one text column an attribute, missing membership as a group of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from primum.errors import PrimumError, unknown
from primum.usecase import MISSING, OVERALL, Groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from primum.usecase import UseCase

MOST_LEVELS = 1000
JOIN = " · "


def group_columns(frame: pl.DataFrame, groups: Sequence[Groups]) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """Return one String column an attribute (null-free) and the groups of each in the order shown.

    Bins ascend; groups with declared labels keep the order of the labels; all others stand by size, largest
    first; "(missing)" stands last. An intersection holds the crossings that occur, in the order of its parts.

    Raises
    ------
    PrimumError
        If an attribute has one level or more than 1,000, a bin edge meets text, or no label fits a value.
    """
    columns: dict[str, pl.Series] = {}
    levels: dict[str, list[str]] = {}
    for group in groups:
        if group.column is not None:
            column, order = _single(frame[group.column], group)
            columns[group.title], levels[group.title] = column, order
    for group in groups:
        if group.intersection is not None:
            column, order = _crossed(columns, levels, group.intersection)
            columns[group.title], levels[group.title] = column, order
    for group in groups:
        _bounded(levels[group.title], group)
    out = pl.DataFrame([columns[group.title].alias(group.title) for group in groups])
    return out, {group.title: levels[group.title] for group in groups}


def check_named_levels(groups: Sequence[Groups], levels: Mapping[str, Sequence[str]]) -> None:
    """Check that every reference and every declared population share names a group that there is.

    Raises
    ------
    PrimumError
        With the nearest spelling first.
    """
    for group in groups:
        there = list(levels[group.title])
        if group.reference not in {OVERALL, *there}:
            raise unknown("group", group.reference, [*there, OVERALL], where=f"'{group.title}' (its reference group)")
        possible = [*there, *(name for name in _possible(group) if name not in there)]
        for name in group.population_shares or {}:
            if name not in possible:
                raise unknown("group", name, possible, where=f"'{group.title}' (its population shares)")


def check_claimed_levels(usecase: UseCase, levels: Mapping[str, Sequence[str]]) -> None:
    """Check that what is declared of single groups elsewhere (no_harm, recording) names groups that there are.

    Raises
    ------
    PrimumError
        With the nearest spelling first.
    """
    no_harm, recording = usecase.no_harm, usecase.recording
    claims: list[tuple[str, str, Iterable[str]]] = []
    if no_harm is not None:
        claims += [("no_harm: worst_off", a, [g]) for a, g in (no_harm.worst_off or {}).items()]
        claims += [("no_harm: recorded", a, groups) for a, groups in (no_harm.recorded or {}).items()]
    if recording is not None:
        claims += [("recording: shares", a, groups) for a, groups in (recording.shares or {}).items()]
    for section, title, names in (c for c in claims if c[1] in levels):
        possible = list(levels[title])
        if section.startswith("recording"):
            possible += [g for group in usecase.groups if group.title == title for g in _possible(group)]
        for name in names:
            if name not in possible:
                raise unknown("group", name, list(dict.fromkeys(possible)), where=f"'{title}' ({section})")


def _possible(group: Groups) -> list[str]:
    """Return the groups that the use case itself names: they may be empty here, which is worth knowing."""
    labels = group.labels or {}
    if group.bins is None:
        return [*labels.values(), MISSING]
    bins = [*bin_labels(group.bins, whole=True), *bin_labels(group.bins, whole=False)]
    return [*dict.fromkeys(labels.get(name, name) for name in bins), MISSING]


def bin_labels(edges: Sequence[float], *, whole: bool) -> list[str]:
    """Return the names of the bins between inner `edges`: "<35", "35–49", "≥50".

    A bin includes its lower edge. With `whole` numbers the upper end is the last number inside ("35–49"),
    otherwise the edge ("1 to <2").
    """
    shown = [f"{edge:g}" for edge in edges]
    middle = []
    for i in range(len(edges) - 1):
        last = edges[i + 1] - 1
        if not whole:
            middle.append(f"{shown[i]} to <{shown[i + 1]}")
        elif last == edges[i]:
            middle.append(shown[i])
        else:
            middle.append(f"{shown[i]}–{last:g}")
    return [f"<{shown[0]}", *middle, f"≥{shown[-1]}"]


def _single(values: pl.Series, group: Groups) -> tuple[pl.Series, list[str]]:
    if values.dtype.is_float():
        values = values.fill_nan(None)
    order: list[str] | None = None
    if group.bins is not None:
        text, order = _binned(values, group)
    else:
        text = _as_text(values)
        if text.n_unique() > MOST_LEVELS:
            raise _too_many(group, text.n_unique(), numeric=values.dtype.is_numeric())
    if group.labels:
        _check_labels(group, text)
        text = text.replace(group.labels)
        if order is not None:
            order = list(dict.fromkeys(group.labels.get(name, name) for name in order))
    named = text.fill_null(MISSING)
    present = _by_size(named)
    first = order if order is not None else list(dict.fromkeys((group.labels or {}).values()))
    ranked = [name for name in first if name in set(present)]
    return named, _missing_last([*ranked, *(name for name in present if name not in set(ranked))])


def _binned(values: pl.Series, group: Groups) -> tuple[pl.Series, list[str]]:
    edges = group.bins or []
    if not values.dtype.is_numeric():
        raise PrimumError(
            f"The groups '{group.title}' have bins, but the column '{group.column}' holds text.",
            expected="a numeric column",
            mend="leave the bins out, or merge text values with 'labels'",
        )
    known = values.drop_nulls().cast(pl.Float64)
    whole = all(float(edge).is_integer() for edge in edges) and bool((known == known.floor()).all())
    names = bin_labels(edges, whole=whole)
    numbers = pl.col("x").cast(pl.Float64)
    binned = pl.when(numbers.is_null()).then(None).when(numbers < edges[0]).then(pl.lit(names[0]))
    for i in range(1, len(edges)):
        binned = binned.when(numbers < edges[i]).then(pl.lit(names[i]))
    return values.alias("x").to_frame().select(binned.otherwise(pl.lit(names[-1]))).to_series(), names


def _crossed(
    columns: Mapping[str, pl.Series], levels: Mapping[str, Sequence[str]], parts: Sequence[str]
) -> tuple[pl.Series, list[str]]:
    frame = pl.DataFrame([columns[part].alias(str(i)) for i, part in enumerate(parts)])
    joined = frame.select(pl.concat_str(pl.all(), separator=JOIN)).to_series()
    rank = [{name: i for i, name in enumerate(levels[part])} for part in parts]
    rows = frame.unique().rows()
    rows.sort(key=lambda row: (MISSING in row, *(rank[i][name] for i, name in enumerate(row))))
    return joined, [JOIN.join(row) for row in rows]


def _as_text(values: pl.Series) -> pl.Series:
    """Text of each value; whole floats without '.0', so that 1.0 is the group '1'."""
    if values.dtype.is_float():
        known = values.drop_nulls()
        if known.is_finite().all() and (known == known.floor()).all() and (known.abs() < 2**53).all():
            values = values.cast(pl.Int64)
    return values.cast(pl.String)


def _by_size(values: pl.Series) -> list[str]:
    counted = values.alias("g").to_frame().group_by("g").len().sort(["len", "g"], descending=[True, False])
    return list(counted["g"])


def _missing_last(order: Sequence[str]) -> list[str]:
    return [name for name in order if name != MISSING] + ([MISSING] if MISSING in order else [])


def _check_labels(group: Groups, text: pl.Series) -> None:
    there = _by_size(text.drop_nulls())
    if not set(group.labels or {}) & set(there):
        wrong = next(iter(group.labels or {}))
        raise unknown("value", wrong, there, where=f"the column '{group.column}' (labels of '{group.title}')")


def _bounded(levels: Sequence[str], group: Groups) -> None:
    title = group.title
    if len(levels) > MOST_LEVELS:
        raise _too_many(group, len(levels), numeric=False)
    if len(levels) == 1:
        raise PrimumError(
            f"The groups '{title}' put everybody into one group: '{levels[0]}'.",
            expected="a column with two or more values among the people included",
            mend=f"leave '{title}' out of the groups, or check the filters and the missing codes",
        )
    if not levels:
        raise PrimumError(f"The groups '{title}' are empty: there are no people.")


def _too_many(group: Groups, count: int, *, numeric: bool) -> PrimumError:
    return PrimumError(
        f"The groups '{group.title}' have {count:,} levels.",
        expected=f"at most {MOST_LEVELS:,}",
        mend=(
            f"give inner edges, as in 'bins: [{_example(group)}]'"
            if numeric
            else "give bins on a numeric column, or merge values with 'labels'; an identifier is not a group"
        ),
    )


def _example(group: Groups) -> str:
    return "35, 50, 65" if "age" in (group.column or "").lower() else "10, 20, 30"
