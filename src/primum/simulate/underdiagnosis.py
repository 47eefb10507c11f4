"""Cases that were never recorded: at random within a group, or the milder ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.simulate.bias import Bools, Floats, Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import Frame, Groups, groups, label, numbers, opened, put, sloped, standardised

STREAM = 31_202


@dataclass(frozen=True)
class UnderDiagnosis:
    """Record a case of group g with chance c_g, whoever it is; nobody else is recorded (SCAR).

    At a dose below 1 the chance is 1 − dose·(1 − c_g).

    Attributes
    ----------
    label
        Column of 0 and 1; missing labels stay missing.
    sensitivity
        c in (0, 1]: one number, or group -> number (groups that are not named: 1).
    group
        Column or columns; several make labels such as "female · 65+".
    into
        Column to write; the label itself where not given.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a sensitivity is outside (0, 1], a group does not occur, a column is missing, or the label has other
        values.
    """

    label: str
    sensitivity: Rates
    group: str | Sequence[str] | None = None
    into: str | None = None
    dose: float = 1.0
    name: str = "under-diagnosis at random"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the sensitivity of the record", self.sensitivity, above=True)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the recorded label, and the record of what was done."""
        data = opened(frame, self.name)
        ill, known = label(data, self.label, self.name)
        members = groups(data, self.group, self.name)
        chance = members.rates(self.sensitivity, 1.0, self.name)
        return _recorded(self, data, members, ill, known, chance, seeds(seed))


@dataclass(frozen=True)
class UnderDiagnosisBySeverity:
    """Record a case of group g with chance 1/(1 + exp(−a_g − slope_g·z)), z the standardised severity (SAR).

    The intercepts a_g are such that the mean chance of the group's cases is its sensitivity: the same number of
    cases is lost as at random, but the milder ones. Severity is standardised over all cases; it must be known for
    every case. At a dose below 1 the chance is 1 − dose·(1 − that).

    Attributes
    ----------
    label, sensitivity, group, into, dose
        As in `UnderDiagnosis`.
    severity
        Column of numbers; larger is more severe.
    slope
        Log odds of being recorded per standard deviation of severity: one number, or group -> number (groups that
        are not named: 0, at random). Negative: the severe are lost.

    Raises
    ------
    PrimumError
        As `UnderDiagnosis`, or if severity is missing for a case, or the same for all.
    """

    label: str
    severity: str
    sensitivity: Rates
    slope: Rates = 1.0
    group: str | Sequence[str] | None = None
    into: str | None = None
    dose: float = 1.0
    name: str = "under-diagnosis by severity"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the sensitivity of the record", self.sensitivity, above=True)
        check_rates(self.name, "the slope", self.slope, low=-20, high=20)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the recorded label, and the record of what was done."""
        data = opened(frame, self.name)
        ill, known = label(data, self.label, self.name)
        members = groups(data, self.group, self.name)
        z = standardised(numbers(data, self.severity, self.name), ill, self.severity, self.name)
        mean = members.per_group(self.sensitivity, 1.0, self.name)
        chance = sloped(members, mean, members.per_group(self.slope, 0.0, self.name), z, ill, self.name)
        return _recorded(self, data, members, ill, known, chance, seeds(seed))


def _recorded(
    bias: UnderDiagnosis | UnderDiagnosisBySeverity, data: Frame, members: Groups, ill: Bools, known: Bools,
    chance: Floats, start: tuple[int, ...],
) -> Injected:  # fmt: skip
    u = np.random.default_rng([*start, STREAM]).random(len(data))
    lost = bias.dose * (1 - chance)
    missed = ill & (u < lost)
    into = bias.into or bias.label
    out = put(data, into, bias.label, np.where(known, ill & ~missed, np.nan))
    realised = members.realised("recorded cases, share of the cases", ill, 1 - lost, ~missed)
    people = (len(data), len(data))
    step = Step(bias.name, bias.dose, start, (into,), people, int(missed.sum()), settings_of(bias), realised)
    return Injected(out.to_native(), (step,))
