"""The people of a study: made (or read) once a seed, kept as one Parquet file that all runs share."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.atomic import write_bytes
from primum.errors import PrimumError, unknown
from primum.stress.specification import Study

if TYPE_CHECKING:
    from primum.usecase import UseCase

TRUTH = "(truth)"
RECORDED = "(recorded)"
"""Of a use case: what was really recorded."""
NAMING = ("column", "severity", "suspicion", "need", "cost", "feature", "depends_on", "total")
"""Settings of biases that name a column."""
SPLIT = 51_102
LEAST = 50


def simulated(study: Study, seed: int) -> pl.DataFrame:
    """Return the simulated people of one seed, with the columns that the study needs.

    Raises
    ------
    PrimumError
        If the study names a column that they do not have, or the truth is not 0/1.
    """
    registry, recipe = study.population.registry, study.population.recipe
    if registry is not None:
        from primum.simulate.registry import population

        frame = population(registry.parameters, n=registry.people, seed=seed)
        severity = frame["true_severity"].to_physical().cast(pl.Int8)
        frame = frame.with_columns(severity.alias("true_severity_grade"))
    else:
        frame = _recipe(0 if recipe is None else recipe.people, seed)
    truth = str(study.truth)
    if truth not in frame.columns:
        raise unknown("column of the truth", truth, frame.columns, where="these people")
    needed = [study.group, *study.features, *_named(study)]
    for name in needed:
        if name not in frame.columns:
            raise unknown("column", name, frame.columns, where="these people")
    frame = frame.with_columns(pl.col(truth).cast(pl.Int8).alias(TRUTH))
    if not frame[TRUTH].is_in([0, 1]).all():
        raise PrimumError(f"The truth '{truth}' has values other than 0 and 1.", expected="0 or 1 for everybody")
    return frame.select(list(dict.fromkeys([*needed, TRUTH])))


def _recipe(people: int, seed: int) -> pl.DataFrame:
    from primum.simulate.propagation_recipe import propagation, propagation_by_severity

    frame = propagation(people, seed)
    severe = propagation_by_severity(people, seed)["S"].alias("S_by_severity")
    sex = pl.when(pl.col("male") == 1).then(pl.lit("male")).otherwise(pl.lit("female")).alias("sex")
    return frame.with_columns(sex, severe)


def _named(study: Study) -> list[str]:
    """Return the columns that biases name in their settings."""
    found: list[str] = []
    for part in (p for b in study.biases for p in b.parts):
        found += [str(part[key]) for key in NAMING if part.get(key) not in {None, RECORDED}]
        found += [str(item) for item in part.get("items", [])]
    made = {p.get("into") for b in study.biases for p in b.parts}
    return [name for name in found if name not in made]


def observed(study: Study, *, data: Any = None, base: Path | None = None) -> tuple[pl.DataFrame, list[str]]:
    """Return the people of the study's use case whose truth is known, and what a reader should know about them.

    Columns: the features (those of the study, else of the use case, always without the group's own), the group,
    `TRUTH` and `RECORDED`.

    Raises
    ------
    PrimumError
        If the use case names no truth, has no such groups, or does not fit its data.
    """
    from primum.cohort.read import from_frame, read, read_path
    from primum.cohort.select import assemble

    question, folder = _question(study, base)
    if question.outcome.truth is None:
        raise PrimumError(
            f"The use case '{question.name}' names no truth: a propagation study needs one.",
            expected="outcome: truth: a better measurement of the same thing, for some of the people at least",
            mend="without a truth, ask which numbers of a report can be trusted: measure.recording_sensitivity",
        )
    groups = {g.title: g for g in question.groups}
    if study.group not in groups:
        raise unknown("group", study.group, list(groups), where=f"the use case '{question.name}'")
    if data is None:
        table = read(question.data, base=folder)
    else:
        table = read_path(data) if isinstance(data, str | Path) else from_frame(data)
    cohort = assemble(question, table)
    own = groups[study.group]
    crossed = [groups[name].column for name in own.intersection or []] + [own.column]
    features = study.features or [f for f in cohort.features.columns if f not in crossed]
    for name in features:
        if name not in cohort.features.columns:
            raise unknown("feature", name, cohort.features.columns, where=f"the use case '{question.name}'")
    truth = cohort.truth if cohort.truth is not None else np.full(cohort.n, np.nan)
    known = np.isfinite(truth)
    frame = cohort.features.select(features).with_columns(
        cohort.groups[study.group].alias(study.group),
        pl.Series(TRUTH, np.nan_to_num(truth).astype(np.int8)),
        pl.Series(RECORDED, cohort.outcome.astype(np.int8)),
    )
    lost = int((~known).sum())
    notes = [f"{lost:,} of {cohort.n:,} people are left out: their truth was not measured."] if lost else []
    return frame.filter(pl.Series(known)), [*notes, *cohort.notes]


def _question(study: Study, base: Path | None) -> tuple[UseCase, Path | None]:
    from primum.usecase_file import folder, load

    given = study.population.usecase
    if not isinstance(given, str):
        assert given is not None
        return given, base
    place: str | Path = given
    if base is not None and Path(given).suffix and (base / given).is_file():
        place = base / given
    return load(place), folder(place)


def keep(frame: pl.DataFrame, place: Path) -> None:
    """Write people to a file that is whole or not there."""
    held = io.BytesIO()
    frame.write_parquet(held, compression="lz4")
    write_bytes(place, held.getvalue())


@lru_cache(maxsize=1)
def kept(place: Path) -> pl.DataFrame:
    """Return people that were kept; the last file is remembered, as runs of one seed follow one another."""
    return pl.read_parquet(place)


def divided(study: Study, n: int, codes: npt.NDArray[np.int64], truth: npt.NDArray[Any], seed: int) -> npt.NDArray[Any]:
    """Return who trains, shape (people,): the first part of the data, or a random one of each group and outcome.

    Raises
    ------
    PrimumError
        If fewer than fifty people would train, or be judged.
    """
    size = round(study.train_share * n)
    if min(size, n - size) < LEAST:
        raise PrimumError(
            f"{n} people are too few: {size} would train and {n - size} be judged.", expected=f"{LEAST} of each"
        )
    train = np.zeros(n, dtype=np.bool_)
    if study.split == "halves":
        train[:size] = True
        return train
    u = np.random.default_rng([seed, SPLIT]).random(n)
    cell = codes * 2 + truth.astype(np.int64)
    for c in np.unique(cell).tolist():
        own = np.flatnonzero(cell == c)
        train[own[np.argsort(u[own], kind="stable")[: round(study.train_share * own.size)]]] = True
    return train
