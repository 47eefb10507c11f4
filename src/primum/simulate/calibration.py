"""Solve for what nobody publishes (intercepts, a few slopes) so that what is published holds in the population."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from primum.errors import PrimumError
from primum.simulate.chances import Floats, linear, logistic, logit, solve
from primum.simulate.followup import entry_years, hazard, still_there, years_from_middle
from primum.simulate.households import Household, Places, household, places, terms
from primum.simulate.parameters import GRADES, Parameters, Record
from primum.simulate.recording import Settled, entering, fixed_part, presented, recognising, seeking
from primum.simulate.symptoms import ANSWERS, answers, shift, trait

PEOPLE = 80_000
SEED = 20_081_231
"""The sample that is solved on is always the same, whatever the seed of the population."""


def settle(parameters: Parameters) -> Settled:
    """Return the unknowns of a set of parameters; kept for the next call.

    Solved on a fixed sample of 80,000 people, each taken as depressed with the weight of the chance of it, so
    that the margins of the population are the published ones but for sampling error (below 1 % of each).

    Raises
    ------
    PrimumError
        If the numbers cannot all hold in one population.
    """
    return _settle(parameters.model_dump_json())


@lru_cache(maxsize=32)
def _settle(text: str) -> Settled:
    parameters = Parameters.model_validate_json(text)
    rng = np.random.default_rng([SEED, 1])
    where = places(parameters, rng)
    people = household(parameters, where, rng, PEOPLE)
    seen = terms(people, parameters)
    ill, disorder = _disorder(parameters, people, seen, where)
    severity = draw_severity(parameters, rng.random(PEOPLE))
    level = trait(parameters, severity, rng)
    items = {name: parameters.symptoms.items[name].value for name in ANSWERS}
    shifts = {name: shift(name, item, level, people.male, ill) for name, item in items.items()}
    seen |= presented(answers(items, shifts, level, people.male, rng), severity)
    sought = solve(
        lambda x: np.array([np.average(seeking(parameters, seen, PEOPLE, x[0]), weights=ill)]),
        [parameters.help_seeking.share.value], [1.5], "help_seeking",
    )  # fmt: skip
    seeks = seeking(parameters, seen, PEOPLE, sought[0])
    recognition, recognised = _recognition(parameters, seen, ill * seeks, where.recognition[people.municipality])
    years = years_from_middle(parameters.followup, entry_years(parameters.followup, rng, PEOPLE))
    ratio = _mortality(parameters, people, ill)
    reached = seeks * recognised * still_there(parameters.followup, people, ratio)
    prescription, _ = _register("prescription", parameters.prescription, seen, ill, reached, years)
    diagnosis, diagnosed = _register("diagnosis", parameters.diagnosis, seen, ill, reached, years)
    grades = np.array([np.average(diagnosed * (seen["severity"] == s), weights=ill) for s in (-1, 0, 1)])
    ppv = np.array([parameters.diagnosis.ppv_by_grade.value[g] for g in GRADES])  # type: ignore[index]
    false = grades * (1 - ppv) / ppv
    return Settled(
        disorder=disorder, shifts=shifts, help_seeking=float(sought[0]), recognition=recognition,
        prescription=prescription, diagnosis=diagnosis,
        false_prescription=_false("prescription", parameters, parameters.prescription, seen, ill),
        false_diagnosis=_false("diagnosis", parameters, parameters.diagnosis, seen, ill),
        false_grades=tuple((false / false.sum()).tolist()), mortality_ratio=ratio,
    )  # fmt: skip


def draw_severity(parameters: Parameters, u: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the severity of depressed people: 1 mild, 2 moderate, 3 severe."""
    shares = parameters.disorder.severity.value
    return 1 + np.searchsorted([shares["mild"], shares["mild"] + shares["moderate"]], u, side="right")


def disorder_fixed(parameters: Parameters, people: Household, seen: dict[str, Floats], where: Places) -> Floats:
    """Return the log odds of the disorder without what is solved for, shape (people,)."""
    effects = linear(parameters.disorder.effects.value, seen, people.age.size)
    return effects + people.shared + where.disorder[people.municipality]


def _disorder(
    parameters: Parameters, people: Household, seen: dict[str, Floats], where: Places
) -> tuple[Floats, tuple[float, float]]:
    fixed, male = disorder_fixed(parameters, people, seen, where), people.male

    def margins(x: Floats) -> Floats:
        p = logistic(x[0] + x[1] * male + fixed)
        return np.array([p.mean(), p[~male].mean() / p[male].mean()])

    targets = [parameters.disorder.prevalence.value, parameters.disorder.sex_ratio.value]
    a, b = solve(margins, targets, [logit(targets[0]) - 0.5, 0.0], "disorder")
    return logistic(a + b * male + fixed), (float(a), float(b))


def _recognition(
    parameters: Parameters, seen: dict[str, Floats], weight: Floats, local: Floats
) -> tuple[tuple[float, float], Floats]:
    """Solve for recognition at one consultation; return also the chance over all consultations of the year."""
    r, mild = parameters.recognition, seen["severity"] == -1

    def margins(x: Floats) -> Floats:
        p = recognising(parameters, seen, local, float(x[0]), float(x[1]))
        return np.array([np.average(p, weights=weight), np.average(p[mild], weights=weight[mild])])

    a, b = solve(margins, [r.sensitivity.value, r.mild_sensitivity.value], [0.0, 0.8], "recognition")
    once = recognising(parameters, seen, local, float(a), float(b))
    # One consultation and then a Poisson number more: 1 − (1−p)·E[(1−p)^K] with E[(1−p)^K] = exp(−m·p).
    return (float(a), float(b)), 1 - (1 - once) * np.exp(-parameters.help_seeking.consultations.value * once)


def _register(
    what: str, register: Record, seen: dict[str, Floats], ill: Floats, reached: Floats, years: Floats
) -> tuple[tuple[float, float, float], Floats]:
    fixed = fixed_part(register.effects.value, register.yearly_log_odds.value, seen, years)
    severe, male = seen["severity"] == 1, seen["male"] == 1

    def recorded(x: Floats) -> Floats:
        return reached * entering(fixed, seen, (float(x[0]), float(x[1]), float(x[2])))

    def margins(x: Floats) -> Floats:
        p = recorded(x)
        by = [np.average(p[who], weights=ill[who]) for who in (severe, ~male, male)]
        return np.array([np.average(p, weights=ill), by[0], by[1] / by[2]])

    targets = [register.sensitivity.value, register.severe_sensitivity.value, register.sex_ratio.value]
    a, b, c = solve(margins, targets, [0.0, 0.0, 0.0], what)
    return (float(a), float(b), float(c)), recorded(np.array([a, b, c]))


def _false(what: str, parameters: Parameters, register: Record, seen: dict[str, Floats], ill: Floats) -> float:
    """Return the intercept at which the predictive value holds: false = true × (1 − ppv)/ppv."""
    fixed = linear(register.false_effects.value, seen, ill.size)
    true = parameters.disorder.prevalence.value * register.sensitivity.value
    share = true * (1 - register.ppv.value) / register.ppv.value / (1 - parameters.disorder.prevalence.value)
    if share >= 1:
        raise PrimumError(f"The predictive value of the {what} is too low: there are not enough healthy people.")
    found = solve(
        lambda x: np.array([np.average(logistic(x[0] + fixed), weights=1 - ill)]), [share], [logit(share)], what
    )
    return float(found[0])


def _mortality(parameters: Parameters, people: Household, ill: Floats) -> float:
    """Return the ratio at equal chronic disease at which the ratio adjusted for age and sex is the published one.

    The depressed have more chronic disease, which explains a part of their deaths; and the frailest die first,
    which draws the ratio towards 1 in the course of the years. Both are counted, emigration is not.
    """
    followup, nobody = parameters.followup, np.zeros(PEOPLE, dtype=np.bool_)
    slope, grid = followup.mortality_per_year.value, np.linspace(0, followup.longest, 9)
    steps = hazard(followup, people, nobody, 1.0)[:, None] * np.expm1(slope * grid) / slope
    cell = np.unique(people.age // 5 * 2 + people.male, return_inverse=True)[1]

    def deaths_and_years(ratio: float, weight: Floats) -> Floats:
        alive = np.exp(-ratio * steps)
        both = (1 - alive[:, -1], np.trapezoid(alive, grid, axis=1))
        return np.array([np.bincount(cell, weights=weight * v) for v in both])

    others = deaths_and_years(1.0, 1 - ill)
    rate = others[0] / others[1]

    def margins(x: Floats) -> Floats:
        deaths, years = deaths_and_years(float(np.exp(x[0])), ill)
        return np.array([deaths.sum() / (years @ rate)])

    found = solve(margins, [followup.mortality_ratio.value], [0.5], "followup.mortality_ratio")
    return float(np.exp(found[0]))
