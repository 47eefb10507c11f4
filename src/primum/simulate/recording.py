"""From being ill to being in a register: seeking help, being recognised, treated, diagnosed; and false records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.simulate.chances import Floats, linear, logistic
from primum.simulate.parameters import Effects, Parameters

Bools = npt.NDArray[np.bool_]
PRESENTED = ("in_tears", "low_mood", "risk_taking", "alcohol", "irritability", "self_harm")


@dataclass(frozen=True)
class Settled:
    """What was solved for so that the published margins hold; see `calibration.settle`.

    Attributes
    ----------
    disorder
        Intercept and the effect of being male.
    shifts
        Symptom -> shift of women and of men.
    help_seeking
        Intercept.
    recognition
        Intercept, severity.
    prescription, diagnosis
        Intercept, severity, male; given recognition.
    false_prescription, false_diagnosis
        Intercepts.
    false_grades
        Shares of mild, moderate and severe among false diagnoses.
    mortality_ratio
        Of depressed to others at equal age, sex and chronic disease.
    """

    disorder: tuple[float, float]
    shifts: Mapping[Any, tuple[float, float]]
    help_seeking: float
    recognition: tuple[float, float]
    prescription: tuple[float, float, float]
    diagnosis: tuple[float, float, float]
    false_prescription: float
    false_diagnosis: float
    false_grades: tuple[float, float, float]
    mortality_ratio: float


@dataclass(frozen=True)
class Recorded:
    """What happened to people; every array has shape (people,)."""

    sought: Bools
    consultations: npt.NDArray[np.int64]
    recognised: Bools
    prescription: Bools
    diagnosis: Bools


def presented(found: Mapping[str, npt.NDArray[np.int8]], severity: npt.NDArray[np.int64]) -> dict[str, Floats]:
    """Return what a doctor sees as terms: severity from −1 (mild) to 1 (severe), and answers as given."""
    return {"severity": np.asarray(severity - 2.0), **{name: found[name].astype(np.float64) for name in PRESENTED}}


def seeking(parameters: Parameters, seen: Mapping[str, Floats], n: int, intercept: float) -> Floats:
    """Return the chance that a depressed person seeks help, shape (n,)."""
    return logistic(intercept + linear(parameters.help_seeking.effects.value, seen, n))


def recognising(
    parameters: Parameters, seen: Mapping[str, Floats], local: Floats, intercept: float, severity: float
) -> Floats:
    """Return the chance that one consultation recognises a depressed person; `local` is the municipality's part."""
    effects = linear(parameters.recognition.effects.value, seen, local.size)
    return logistic(intercept + severity * seen["severity"] + effects + local)


def entering(fixed: Floats, seen: Mapping[str, Floats], unknowns: tuple[float, float, float]) -> Floats:
    """Return the chance that a recognised person enters a register; `fixed` is what was not solved for."""
    intercept, severity, male = unknowns
    return logistic(intercept + severity * seen["severity"] + male * seen["male"] + fixed)


def fixed_part(effects: Effects, trend: float, seen: Mapping[str, Floats], years: Floats) -> Floats:
    """Return the effects that are given and the calendar's; `years` counts from the middle of the window."""
    return linear(effects, seen, years.size) + trend * years


def record(
    parameters: Parameters, settled: Settled, seen: Mapping[str, Floats], depressed: Bools, local: Floats,
    years: Floats, rng: np.random.Generator,
) -> Recorded:  # fmt: skip
    """Draw who is recorded. Chances for the ill are computed for the ill only; draws are made for everybody."""
    n = depressed.size
    u = rng.random((4, n))
    ill = np.flatnonzero(depressed)
    mine = {name: term[ill] for name, term in seen.items()}
    visits = 1 + rng.poisson(parameters.help_seeking.consultations.value, size=n)
    sought, recognised, prescribed, diagnosed = (np.zeros(n, dtype=np.bool_) for _ in range(4))
    sought[ill] = u[0, ill] < seeking(parameters, mine, ill.size, settled.help_seeking)
    once = recognising(parameters, mine, local[ill], *settled.recognition)
    recognised[ill] = sought[ill] & (u[1, ill] < 1 - (1 - once) ** visits[ill])
    for drawn, register, unknowns, false, chosen in (
        (prescribed, parameters.prescription, settled.prescription, settled.false_prescription, u[2]),
        (diagnosed, parameters.diagnosis, settled.diagnosis, settled.false_diagnosis, u[3]),
    ):
        fixed = fixed_part(register.effects.value, register.yearly_log_odds.value, mine, years[ill])
        drawn[:] = chosen < logistic(false + linear(register.false_effects.value, seen, n))
        drawn[ill] = recognised[ill] & (chosen[ill] < entering(fixed, mine, unknowns))
    return Recorded(sought, np.where(sought, visits, 0), recognised, prescribed, diagnosed)
