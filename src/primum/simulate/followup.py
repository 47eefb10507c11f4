"""Calendar time: when people enter, when they die or leave the country, when they are registered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.simulate.chances import Floats
from primum.simulate.households import Household
from primum.simulate.parameters import Followup

Ints = npt.NDArray[np.int64]
EXITS = ("end of follow-up", "died", "emigrated")


@dataclass(frozen=True)
class Observed:
    """How long people were observed (years), why it ended (place in `EXITS`), when a record would be made (years)."""

    years: Floats
    exit: Ints
    record_after: Floats


def entry_years(followup: Followup, rng: np.random.Generator, n: int) -> Ints:
    """Return the calendar year in which each person is asked and observed from, evenly over the window."""
    return rng.integers(followup.first_year, followup.last_year + 1, size=n)


def years_from_middle(followup: Followup, entry: Ints) -> Floats:
    """Return calendar years counted from the middle of the window."""
    return np.asarray(entry - (followup.first_year + followup.last_year) / 2, dtype=np.float64)


def age_hazard(followup: Followup, age: Ints, male: npt.NDArray[np.bool_]) -> Floats:
    """Return deaths a year at the start, by age and sex, without chronic disease and depression."""
    ratio = np.where(male, 1.0, followup.mortality_female_ratio.value)
    rise = np.exp(followup.mortality_per_year.value * (age - 60))
    return np.asarray(followup.mortality_at_60.value * rise * ratio, dtype=np.float64)


def hazard(followup: Followup, people: Household, depressed: npt.NDArray[np.bool_], ratio: float) -> Floats:
    """Return deaths a year at the start, shape (people,)."""
    chronic = followup.mortality_chronic_ratio.value**people.chronic_diseases
    return age_hazard(followup, people.age, people.male) * chronic * np.where(depressed, ratio, 1.0)


def emigration(followup: Followup, people: Household) -> Floats:
    """Return emigrations a year, shape (people,): a quarter of the rate from the age of 50 on."""
    return followup.emigration.value * np.where(people.age < 50, 1.0, 0.25)


def still_there(followup: Followup, people: Household, ratio: float) -> Floats:
    """Return the chance that a depressed person is observed until the record would be made, shape (people,).

    At the mean time of a record, 1/2 − 1/(e² − 1) years; the rates are small enough for that.
    """
    gone = hazard(followup, people, np.ones(people.age.size, dtype=np.bool_), ratio) + emigration(followup, people)
    return np.asarray(np.exp(-(0.5 - 1 / np.expm1(2.0)) * gone))


def observe(
    followup: Followup, people: Household, depressed: npt.NDArray[np.bool_], ratio: float,
    rng: np.random.Generator,
) -> Observed:  # fmt: skip
    """Draw deaths (Gompertz: the rate rises with age), emigration (constant rate) and the time of a record.

    Records are made within the first year, more of them early (rate 2 a year, cut off at one year).
    """
    n = people.age.size
    u = rng.random((3, n))
    slope = followup.mortality_per_year.value
    start = hazard(followup, people, depressed, ratio)
    dead = np.log1p(-slope * np.log1p(-u[0]) / start) / slope
    with np.errstate(divide="ignore"):
        gone = -np.log1p(-u[1]) / emigration(followup, people)
    years = np.minimum(np.minimum(dead, gone), followup.longest)
    reason = np.where(years == followup.longest, 0, np.where(dead <= gone, 1, 2))
    return Observed(years, reason, -np.log1p(-u[2] * -np.expm1(-2.0)) / 2)
