"""From a table to a cohort: clean, derive, include, and check what the use case asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from primum.cohort import columns, flow, identifiers
from primum.cohort.cleaning import clean_columns
from primum.cohort.cohort import Cohort, FlowStep, Numbers, Outcomes
from primum.cohort.conditions import conjunction
from primum.cohort.derive import derive
from primum.cohort.groups import check_claimed_levels, check_named_levels, group_columns
from primum.cohort.scores import score_columns
from primum.errors import PrimumError
from primum.usecase import MISSING, Condition, Outcome, UseCase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primum.cohort.table import Table


def assemble(usecase: UseCase, table: Table) -> Cohort:
    """Return the cohort that the use case describes.

    Only the columns that the use case names are read, and only the rows that it includes are held in memory.

    Raises
    ------
    PrimumError
        For every way in which data and use case can disagree: missing columns, an outcome with one class,
        nobody left, groups that divide nobody, scores, weights or identifiers that cannot be used.
    """
    _features_where_needed(usecase)
    frame = table.frame.lazy()
    present = table.columns
    read = columns.check(usecase, present)
    frame, found = clean_columns(frame.select(read), usecase.data, columns.needed(usecase), present)
    frame = derive(frame, usecase.derive)
    eligible, steps = flow.include(frame, usecase.include, table.labels, table.source)

    outcome = _values(eligible, usecase.outcome.when)
    groups, levels = group_columns(eligible, usecase.groups)
    known = outcome.is_not_null()
    unrecorded = _unrecorded(groups, levels, known)
    people, groups = eligible.filter(known), groups.filter(known)
    steps.append(_known_step(usecase.outcome, steps[-1].n, people.height))
    y: Outcomes = outcome.drop_nulls().cast(pl.Int8).to_numpy()
    _two_classes(y, usecase.outcome, people)

    notes = list(table.notes)
    levels = _still_there(groups, levels, notes)
    check_named_levels(usecase.groups, levels)
    check_claimed_levels(usecase, levels)
    ids = usecase.identifiers
    return Cohort(
        features=_features(people, usecase.features, notes),
        outcome=y,
        truth=_truth(people, usecase.outcome.truth),
        groups=groups,
        levels=levels,
        scores=score_columns(people, usecase.models),
        person=identifiers.persons(people[ids.person], ids) if ids.person else None,
        family=identifiers.codes(people[ids.family], shared=False) if ids.family else None,
        site=identifiers.codes(people[ids.site], shared=True) if ids.site else None,
        weight=identifiers.weights(people[usecase.weight]) if usecase.weight else None,
        flow=steps,
        unrecorded=unrecorded,
        missing_codes=[row for row in table.missing_codes if row["column"] in set(read)] + found,
        notes=notes,
        labels={name: table.labels[name] for name in read if table.labels.get(name)},
    )


def _features_where_needed(usecase: UseCase) -> None:
    hungry = [model.name for model in usecase.models if model.score is None]
    if hungry and not usecase.features:
        raise PrimumError(
            f"The model '{hungry[0]}' needs features, and the use case names none.",
            expected="column names under 'features'",
            mend="list what the model may use, or audit a score column ('score: COLUMN' under the model)",
        )


def _values(frame: pl.DataFrame, conditions: Sequence[Condition]) -> pl.Series:
    """Return true, false or null (unknown) for each row."""
    return frame.select(conjunction(conditions, frame.schema).cast(pl.Boolean).alias("holds")).to_series()


def _truth(frame: pl.DataFrame, conditions: Sequence[Condition] | None) -> Numbers | None:
    if conditions is None:
        return None
    holds = _values(frame, conditions)
    if holds.null_count() == frame.height:
        raise PrimumError(
            "The truth is unknown for everybody.",
            expected="a measurement that some people have",
            mend="correct 'truth' under 'outcome', or leave it out",
        )
    truth: Numbers = holds.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return truth


def _known_step(outcome: Outcome, before: int, after: int) -> FlowStep:
    removed = before - after
    if after == 0:
        raise PrimumError(
            f"The outcome '{outcome.name}' is unknown for all {before:,} people included.",
            expected="known values in the columns of 'outcome: when'",
            mend="check those columns and the values declared as missing",
        )
    why = f"the outcome of {removed:,} was not recorded" if removed else "nobody"
    return FlowStep("outcome known", after, removed, why)


def _two_classes(y: Outcomes, outcome: Outcome, people: pl.DataFrame) -> None:
    events = int(y.sum())
    if 0 < events < y.size:
        return
    there: list[str] = []
    for test in outcome.when:
        values = people[test.column]
        if values.dtype.is_numeric():
            known = values.drop_nulls().to_numpy()
            there.append(f"{test.column} from {known.min():g} to {known.max():g}")
        else:
            named = pl.DataFrame({"v": values.cast(pl.String)})
            counts = named.group_by("v").len().sort(["len", "v"], descending=[True, False])
            there += [f"{test.column} = {value} ({count:,})" for value, count in counts.head(6).rows()]
    whom = "Nobody has" if events == 0 else "Everybody has"
    raise PrimumError(
        f"{whom} the outcome '{outcome.name}': {events:,} with it, {y.size - events:,} without it.",
        expected="people with and people without the outcome",
        available=there,
        mend="correct 'when' under 'outcome'; values are compared exactly as they stand",
    )


def _unrecorded(
    groups: pl.DataFrame, levels: Mapping[str, Sequence[str]], known: pl.Series
) -> dict[str, dict[str, dict[str, int]]]:
    """Count, in each group of the people eligible, those whose outcome is unknown."""
    out: dict[str, dict[str, dict[str, int]]] = {}
    for title, order in levels.items():
        counted = (
            pl.DataFrame({"group": groups[title], "unknown": ~known})
            .group_by("group")
            .agg(pl.len().alias("n"), pl.col("unknown").sum())
        )
        rows = {name: {"n": int(n), "unknown_outcome": int(k)} for name, n, k in counted.rows()}
        out[title] = {name: rows[name] for name in order if name in rows}
    return out


def _still_there(groups: pl.DataFrame, levels: Mapping[str, Sequence[str]], notes: list[str]) -> dict[str, list[str]]:
    """Return the groups in which somebody is left, noting those in which nobody's outcome is known."""
    out = {}
    for title, order in levels.items():
        there = set(groups[title].unique())
        out[title] = [name for name in order if name in there]
        gone = [name for name in order if name not in there]
        if gone:
            notes.append(f"{title}: nobody in {', '.join(gone)} has a known outcome, so nothing can be said.")
        if out[title] == [MISSING] or len(out[title]) < 2:
            raise PrimumError(
                f"The groups '{title}' put everybody with a known outcome into one group: '{out[title][0]}'.",
                expected="two or more groups with known outcomes",
                mend=f"leave '{title}' out of the groups",
            )
    return out


def _features(people: pl.DataFrame, names: Sequence[str], notes: list[str]) -> pl.DataFrame:
    """Return the features: text as String, yes/no as 0/1, other numbers as they are, NaN as null."""
    out: list[pl.Series] = []
    for name in names:
        values = people[name]
        if isinstance(values.dtype, pl.Categorical | pl.Enum):
            values = values.cast(pl.String)
        elif values.dtype.is_float():
            values = values.fill_nan(None)
            endless = int(values.is_infinite().sum())
            if endless:
                raise PrimumError(
                    f"The feature '{name}' is infinite for {endless:,} people.",
                    expected="finite numbers",
                    mend="declare the value under data: missing_codes, or correct the column",
                )
        elif values.dtype == pl.Boolean:
            values = values.cast(pl.Int8)
        elif values.dtype == pl.Null or values.dtype.is_decimal():
            values = values.cast(pl.Float64)
        elif not (values.dtype.is_numeric() or values.dtype == pl.String):
            raise PrimumError(
                f"The feature '{name}' holds {str(values.dtype).lower()}; models take numbers and text.",
                mend=f"turn '{name}' into a number (days since an event, hours), or leave it out",
            )
        if values.null_count() == values.len():
            notes.append(f"The feature '{name}' is missing for everybody and cannot inform a model.")
        out.append(values)
    return pl.DataFrame(out)
