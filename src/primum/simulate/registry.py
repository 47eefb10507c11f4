"""A depression registry whose truth is known: people, illness, answers, records, follow-up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from primum.errors import PrimumError
from primum.simulate.calibration import disorder_fixed, draw_severity, settle
from primum.simulate.chances import logistic
from primum.simulate.followup import EXITS, entry_years, observe, years_from_middle
from primum.simulate.households import Places, household, places, terms
from primum.simulate.parameters import GRADES, Parameters
from primum.simulate.parameters_file import DEFAULT, load
from primum.simulate.recording import Settled, presented, record
from primum.simulate.symptoms import ANSWERS, answers, total, trait

BLOCK = 20_000
"""People are drawn in blocks of this size, each from a generator of its own: pieces and prefixes agree."""
LARGEST = 100_000_000
PEOPLE, PLACES = 31_101, 31_102
SEX = pl.Enum(["female", "male"])
SEVERITY = pl.Enum(["none", *GRADES])
GRADE = pl.Enum(GRADES)
EDUCATION = pl.Enum(["short", "medium", "long"])
WORK = pl.Enum(["in work", "outside the work-force", "retired"])
EXIT = pl.Enum(EXITS)


def population(
    parameters: str | Path | Parameters = DEFAULT, *, n: int = 100_000, seed: int = 0
) -> pl.DataFrame:  # fmt: skip
    """Return a simulated population, one row a person.

    Columns that begin with `true_` are what nobody knows outside a simulation; columns that begin with
    `registered` are what a register holds; `answer_…` is what people would answer to a questionnaire; the rest
    can be used for prediction. The same seed gives the same people whatever `n` is: a smaller population is the
    beginning of a larger one.

    Parameters
    ----------
    parameters
        "denmark", the path of a YAML file, or parameters.
    n
        People, 1 to 100 million (from a few million on, use `write`).
    seed
        Whole number, at least 0.

    Returns
    -------
    Columns person, family, municipality (numbers); sex, age, entry_year; education, income (thousand kroner a
    year), work, lives_alone, migrant, chronic_diseases, contacts (with a general practitioner in the year
    before), earlier_contact (treated for any mental disorder before); answer_… (nine 0 to 3, in_tears 0/1,
    risk_taking, alcohol, irritability 0 to 3) and answer_total (of the nine); true_risk (of being depressed
    given everything before), true_depressed, true_severity, true_sought_help, true_consultations,
    true_recognised; registered_diagnosis, registered_prescription, registered (either), registered_grade (of the
    diagnosis), registered_after (years); followup_years, exit.

    Raises
    ------
    PrimumError
        If `n` or `seed` is no such number, or the parameters have mistakes or contradict each other.

    Notes
    -----
    Made for methods, not for estimates about Denmark: most dependences between covariates are assumed, and each
    number in the parameters says so. Depression is a state at entry, not a history; records are made within a
    year of it.
    """
    chosen = load(parameters)
    _check(n, seed)
    return pl.concat([_block(chosen, seed, i) for i in range(-(-n // BLOCK))], rechunk=True).head(n)


def pieces(
    parameters: str | Path | Parameters = DEFAULT, *, n: int, seed: int = 0, piece: int = 500_000
) -> Iterator[pl.DataFrame]:
    """Yield the same population piece by piece, so that it need not fit into memory.

    Pieces are rounded up to whole blocks of 20,000 people; no family is spread over two pieces.

    Raises
    ------
    PrimumError
        As `population`, or if `piece` is not at least 1.
    """
    chosen = load(parameters)
    _check(n, seed)
    _whole("piece", piece, 1, LARGEST)
    step, blocks = -(-piece // BLOCK), -(-n // BLOCK)
    for start in range(0, blocks, step):
        stop = min(start + step, blocks)
        frame = pl.concat([_block(chosen, seed, i) for i in range(start, stop)], rechunk=True)
        yield frame.head(n - start * BLOCK)


def write(
    path: str | Path, n: int, *, parameters: str | Path | Parameters = DEFAULT, seed: int = 0, piece: int = 500_000
) -> list[Path]:
    """Write a population as a folder of Parquet files, and return them in order.

    Read them with `polars.scan_parquet(path / "*.parquet")`. What is written does not depend on `piece`, but for
    where the files end.

    Raises
    ------
    PrimumError
        As `pieces`, or if the folder holds something already.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PrimumError(
            f"'{folder}' is there already and not an empty folder.",
            expected="a folder that does not exist yet, or an empty one",
            mend="choose another place, or remove what is there yourself",
        )
    written = []
    for i, frame in enumerate(pieces(parameters, n=n, seed=seed, piece=piece)):
        folder.mkdir(parents=True, exist_ok=True)
        part, whole = folder / f"people-{i:05}.parquet.part", folder / f"people-{i:05}.parquet"
        frame.write_parquet(part, compression="lz4")
        part.replace(whole)
        written.append(whole)
    return written


def _check(n: int, seed: int) -> None:
    _whole("n", n, 1, LARGEST)
    _whole("seed", seed, 0, 2**63 - 1)


def _whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise PrimumError(f"{name} is {value!r}.", expected=f"a whole number from {least} to {most:,}")


def _block(parameters: Parameters, seed: int, block: int) -> pl.DataFrame:
    settled = settle(parameters)
    where = places(parameters, np.random.default_rng([seed, PLACES]))
    return _people(parameters, settled, where, np.random.default_rng([seed, PEOPLE, block]), block)


def _people(
    parameters: Parameters, settled: Settled, where: Places, rng: np.random.Generator, block: int
) -> pl.DataFrame:
    people = household(parameters, where, rng, BLOCK)
    seen = terms(people, parameters)
    intercept, male = settled.disorder
    risk = logistic(intercept + male * people.male + disorder_fixed(parameters, people, seen, where))
    u = rng.random((3, BLOCK))
    depressed = u[0] < risk
    severity = np.where(depressed, draw_severity(parameters, u[1]), 0)
    items = {name: parameters.symptoms.items[name].value for name in ANSWERS}
    answered = answers(items, settled.shifts, trait(parameters, severity, rng), people.male, rng)
    seen |= presented(answered, severity)
    entry = entry_years(parameters.followup, rng, BLOCK)
    years = years_from_middle(parameters.followup, entry)
    made = record(parameters, settled, seen, depressed, where.recognition[people.municipality], years, rng)
    seen_for = observe(parameters.followup, people, depressed, settled.mortality_ratio, rng)
    in_time = seen_for.record_after <= seen_for.years
    prescription, diagnosis = made.prescription & in_time, made.diagnosis & in_time
    either = prescription | diagnosis
    false_grade = np.searchsorted(np.cumsum(settled.false_grades)[:-1], u[2], side="right")
    grade = np.where(depressed, severity - 1, false_grade)
    number = np.arange(BLOCK, dtype=np.int64) + block * BLOCK + 1
    work = np.where(people.retired, 2, people.outside_work)
    return pl.DataFrame(
        {
            "person": number,
            "family": people.family + block * BLOCK + 1,
            "municipality": (people.municipality + 1).astype(np.int16),
            "sex": _named(people.male, SEX),
            "age": people.age.astype(np.int16),
            "entry_year": entry.astype(np.int16),
            "education": _named(people.education, EDUCATION),
            "income": people.income.round(1),
            "work": _named(work, WORK),
            **{k: getattr(people, k).astype(np.int8) for k in ("lives_alone", "migrant", "chronic_diseases")},
            "contacts": people.contacts.astype(np.int16),
            "earlier_contact": people.earlier_contact.astype(np.int8),
            **{f"answer_{name}": answered[name] for name in ANSWERS},
            "answer_total": total(answered),
            "true_risk": risk,
            "true_depressed": depressed.astype(np.int8),
            "true_severity": _named(severity, SEVERITY),
            "true_sought_help": made.sought.astype(np.int8),
            "true_consultations": made.consultations.astype(np.int8),
            "true_recognised": made.recognised.astype(np.int8),
            "registered_diagnosis": diagnosis.astype(np.int8),
            "registered_prescription": prescription.astype(np.int8),
            "registered": either.astype(np.int8),
            "registered_grade": _named(grade, GRADE, diagnosis),
            "registered_after": _where(seen_for.record_after.round(4), either),
            "followup_years": seen_for.years.round(4),
            "exit": _named(seen_for.exit, EXIT),
        }
    )


def _named(codes: Any, names: pl.Enum, there: Any = None) -> pl.Series:
    series = pl.Series(names.categories, dtype=names).gather(np.asarray(codes, dtype=np.uint32))
    return series if there is None else _where(series, there)


def _where(values: Any, there: Any) -> pl.Series:
    return pl.select(pl.when(pl.Series(there)).then(pl.Series(values))).to_series()
