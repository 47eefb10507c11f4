"""One run of a propagation study: one population, one bias at one dose, every algorithm, judged twice."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.errors import PrimumError
from primum.simulate.bias import with_dose
from primum.stress.arms import ARMS, UNCORRECTED, Case
from primum.stress.biases import RECORD, build
from primum.stress.design import design
from primum.stress.judging import Judge
from primum.stress.population import TRUTH, divided, keep, kept, simulated
from primum.stress.specification import Study
from primum.usecase import MISSING

_ROW = "(row)"
BIAS = 51_103


def make_people(payload: dict[str, Any]) -> dict[str, Any]:
    """Make the people of one seed and keep them; return how many there are (a task for `execute.tasks`)."""
    study, place = _study(payload["study"]), Path(payload["people"])
    frame = simulated(study, int(payload["seed"]))
    keep(frame, place)
    return {"people": frame.height, "cases": int(frame[TRUTH].sum())}


def make_run(payload: dict[str, Any]) -> dict[str, Any]:
    """Compute one run (a task for `execute.tasks`).

    `payload`: "study" (JSON text), "bias" (its number, −1 for none), "dose", "seed", "people" (a file).
    """
    study = _study(payload["study"])
    return propagate(study, kept(Path(payload["people"])), payload["bias"], payload["dose"], payload["seed"])


@lru_cache(maxsize=4)
def _study(text: str) -> Study:
    return Study.model_validate(json.loads(text))


def propagate(study: Study, people: pl.DataFrame, bias: int, dose: float, seed: int) -> dict[str, Any]:
    """Return what every arm does under one bias at one dose.

    Parameters
    ----------
    study
        What to do.
    people
        Features, group, `TRUTH`, and what biases need; no labels are missing in the truth.
    bias
        Number of the bias in the study; −1 for none (dose 0).
    dose
        Above 0 with a bias.
    seed
        Of the division, the bias and the arms.

    Returns
    -------
    "bias" (its name, "" for none), "dose", "seed"; "rows": arm, judged_on, group, n, events, every metric and the
    moves against the uncorrected arm; "told": arm → what was learnt; "failed": arm → why there is no answer;
    "errors": group → (e0, e1) of the record among the training people; "steps": what the bias did.

    Raises
    ------
    PrimumError
        If the bias cannot be injected, or the uncorrected model cannot be trained.
    """
    case, steps = made(study, people, bias, dose, seed)
    answers, failed, told = {}, {}, {}
    for name in [UNCORRECTED, *(a for a in study.arms if a != UNCORRECTED)]:
        try:
            answers[name] = ARMS[name].run(case)
        except PrimumError as error:
            if name == UNCORRECTED:
                raise
            failed[name] = error.what
            continue
        if answers[name].told:
            told[name] = answers[name].told
    own = case.judged
    judge = Judge(
        case.truth[own], case.record[own], case.codes[own], case.labels, study.group, study.rule.exchange
    )  # fmt: skip
    rows = [
        {"arm": name, **row}
        for name in study.arms
        if name in answers
        for row in judge.rows(answers[name], answers[UNCORRECTED])
    ]
    return {
        "bias": "" if bias < 0 else study.biases[bias].name, "dose": dose, "seed": seed, "rows": rows, "told": told,
        "failed": failed, "errors": {g: list(e) for g, e in case.errors.items()}, "steps": steps,
    }  # fmt: skip


def made(study: Study, people: pl.DataFrame, bias: int, dose: float, seed: int) -> tuple[Case, list[dict[str, Any]]]:
    """Return the people with the bias in them, divided and as numbers, and the account of what the bias did.

    The division does not depend on the bias. A bias that takes people out takes them out of the training people
    alone: everybody else is still judged. One that changes features changes them for the people judged as well.
    """
    frame = people.with_columns(pl.col(TRUTH).alias(RECORD), pl.int_range(pl.len()).alias(_ROW))
    labels, codes = _groups(frame[study.group])
    truth = frame[TRUTH].to_numpy().astype(np.float64)
    train = divided(study, frame.height, codes, truth, seed)
    steps: list[dict[str, Any]] = []
    if bias >= 0 and dose > 0:
        chosen = study.biases[bias]
        done = with_dose(build(chosen.parts, study.group, name=chosen.name), dose).inject(frame, (seed, BIAS))
        steps = done.to_dicts()
        if done.frame.height < frame.height:
            rows = done.frame[_ROW].to_numpy()
            stay = np.zeros(frame.height, dtype=np.bool_)
            stay[rows] = True
            left = train & ~stay
            frame = pl.concat([done.frame.select(frame.columns), frame.filter(pl.Series(~stay))]).sort(_ROW)
            takes_part = ~left
        else:
            frame, takes_part = done.frame, np.ones(frame.height, dtype=np.bool_)
    else:
        takes_part = np.ones(frame.height, dtype=np.bool_)
    features = study.features or [c for c in people.columns if c not in {study.group, TRUTH} and c[0] != "("]
    x, _ = design(frame.select(features), train & takes_part)
    record = frame[RECORD].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    case = Case(
        x=x, codes=codes, labels=labels, record=record, truth=truth, train=train & takes_part, judged=~train,
        rule=study.rule, seed=seed,
    )  # fmt: skip
    return case, steps


def _groups(column: pl.Series) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the groups that occur, sorted, and each person's; refuse a single one.

    Raises
    ------
    PrimumError
        If everybody is in one group.
    """
    text = column.cast(pl.String).fill_null(MISSING)
    names = text.unique().sort()
    if len(names) < 2:
        raise PrimumError(
            f"Everybody is in one group of '{column.name}'.", expected="two or more groups to compare"
        )  # fmt: skip
    return tuple(names.to_list()), text.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
