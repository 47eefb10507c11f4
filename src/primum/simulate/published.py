"""Compare a simulated population with the published numbers that it was made from, and with some that it was not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from primum.errors import PrimumError
from primum.simulate.parameters import GRADES, Number, Parameters
from primum.simulate.parameters_file import DEFAULT, load

NEEDED = (
    "sex", "age", "true_depressed", "true_severity", "true_sought_help", "registered_diagnosis", "answer_total",
    "registered_prescription", "registered", "registered_grade", "followup_years", "exit",
)  # fmt: skip
_SCHEMA = {
    "quantity": pl.String, "published": pl.Float64, "simulated": pl.Float64, "people": pl.Int64,
    "made_from": pl.Boolean, "status": pl.String, "source": pl.String,
}  # fmt: skip


def compare(frame: pl.DataFrame, parameters: str | Path | Parameters = DEFAULT) -> pl.DataFrame:
    """Return published and simulated numbers side by side.

    Parameters
    ----------
    frame
        What `population` returned.
    parameters
        Those that it was made with.

    Returns
    -------
    quantity, published, simulated, people (that the simulated number rests on), made_from (false: the population
    was not made from this number, so that agreement says something), status, source.

    Raises
    ------
    PrimumError
        If columns of a population are missing.
    """
    lacking = [c for c in NEEDED if c not in frame.columns]
    if lacking:
        raise PrimumError(
            f"The frame has no {', '.join(lacking)}.", expected="what population() returned", available=frame.columns
        )
    p = load(parameters)
    rows = [
        {"quantity": what, "published": value, "simulated": found, "people": people, "made_from": made,
         "status": number.status, "source": number.source}
        for what, value, found, people, made, number in _rows(frame, p)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA)


Row = tuple[str, float, float, int, bool, Number[Any]]


def _rows(frame: pl.DataFrame, p: Parameters) -> Iterator[Row]:
    ill = frame.filter(pl.col("true_depressed") == 1)
    sexes = {s: frame.filter(pl.col("sex") == s) for s in ("female", "male")}
    ills = {s: part.filter(pl.col("true_depressed") == 1) for s, part in sexes.items()}

    def row(what: str, number: Number[Any], found: float, people: int, *, made: bool = True, value: Any = None) -> Row:
        return what, float(number.value if value is None else value), found, people, made, number

    yield row("point prevalence of depression", p.disorder.prevalence, _mean(frame, "true_depressed"), frame.height)
    ratio = _ratio(*(_mean(sexes[s], "true_depressed") for s in ("female", "male")))
    yield row("prevalence, women to men", p.disorder.sex_ratio, ratio, ill.height)
    yield row("sought help, of the depressed", p.help_seeking.share, _mean(ill, "true_sought_help"), ill.height)
    severe = ill.filter(pl.col("true_severity") == "severe")
    for name, register in (("prescription", p.prescription), ("diagnosis", p.diagnosis)):
        column = f"registered_{name}"
        recorded = frame.filter(pl.col(column) == 1)
        yield row(f"{name}, of the depressed", register.sensitivity, _mean(ill, column), ill.height)
        found = _mean(severe, column)
        yield row(f"{name}, of the severely depressed", register.severe_sensitivity, found, severe.height)
        ratio = _ratio(*(_mean(ills[s], column) for s in ("female", "male")))
        yield row(f"{name} of the depressed, women to men", register.sex_ratio, ratio, ill.height)
        yield row(
            f"depressed, of those with a {name}", register.ppv, _mean(recorded, "true_depressed"), recorded.height
        )
    grades = p.diagnosis.ppv_by_grade
    for grade in GRADES:
        part = frame.filter(pl.col("registered_grade") == grade)
        what = f"depressed, of those with a {grade} diagnosis"
        yield row(what, grades, _mean(part, "true_depressed"), part.height, value=grades.value[grade])  # type: ignore[index]
    for name, number in p.symptoms.items.items():
        column = f"answer_{name}"
        for sex, share in (number.value.shares or {}).items():
            what = f"{column}, share of depressed {'women' if sex == 'female' else 'men'}"
            yield row(what, number, _mean(ills[sex], column), ills[sex].height, value=share)
        if number.value.effect_size:
            what = f"{column}, men minus women of the depressed in standard deviations"
            yield row(what, number, _size(ills, column), ill.height, value=number.value.effect_size)
    dead = int((ill["exit"] == "died").sum())
    yield row("deaths of the depressed to others, by age and sex", p.followup.mortality_ratio, _mortality(frame), dead)
    ratio = _ratio(*(_mean(sexes[s], "registered_diagnosis") for s in ("female", "male")))
    recorded_n = int(frame["registered_diagnosis"].sum())
    c = p.comparisons
    yield row("diagnosis in the population, women to men", c.registered_sex_ratio, ratio, recorded_n, made=False)
    found = _mean(ill.select(pl.col("answer_total") >= 10), "answer_total")
    yield row("answers of 10 or more, of the depressed", c.answers_sensitivity, found, ill.height, made=False)
    well = frame.filter(pl.col("true_depressed") == 0)
    found = _mean(well.select(pl.col("answer_total") < 10), "answer_total")
    yield row("answers below 10, of the others", c.answers_specificity, found, well.height, made=False)


def _mean(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].cast(pl.Float64).mean()) if frame.height else float("nan")  # type: ignore[arg-type]


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _size(ills: dict[str, pl.DataFrame], column: str) -> float:
    women, men = (ills[s][column].cast(pl.Float64).to_numpy() for s in ("female", "male"))
    if min(women.size, men.size) < 2:
        return float("nan")
    return float((men.mean() - women.mean()) / np.sqrt((women.var(ddof=1) + men.var(ddof=1)) / 2))


def _mortality(frame: pl.DataFrame) -> float:
    """Return observed deaths of the depressed over those expected at the rates of the others, by age and sex."""
    cells = (
        frame.group_by("sex", (pl.col("age") // 5).alias("band"), "true_depressed")
        .agg((pl.col("exit") == "died").sum().cast(pl.Float64).alias("deaths"), pl.col("followup_years").sum())
    )  # fmt: skip
    ill, others = (cells.filter(pl.col("true_depressed") == k) for k in (1, 0))
    both = ill.join(others, on=["sex", "band"], suffix="_others")
    expected = (both["followup_years"] * both["deaths_others"] / both["followup_years_others"]).sum()
    return _ratio(float(both["deaths"].sum()), float(expected))
