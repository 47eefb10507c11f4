"""Values that are not there: at random, by what is known, or by the value itself, at rates that differ by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from primum.errors import PrimumError
from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import gaps, groups, hide, needs, numbers, opened, sloped, standardised

STREAM = 31_209
Mechanism = Literal["MCAR", "MAR", "MNAR"]


@dataclass(frozen=True)
class Missingness:
    """Lose values of a column.

    * MCAR: with chance dose·p_g, whoever it is;
    * MAR: with chance dose/(1 + exp(−a_g − slope_g·z)), z another column (the outcome, for missingness that depends
      on it), standardised, and a_g such that the group's mean is p_g;
    * MNAR: the same with the column's own value as z, which nobody can see afterwards.

    Attributes
    ----------
    column
        Column to lose values of; what is missing already stays missing and does not count.
    chance
        p in [0, 1]: one number, or group -> number (groups that are not named: 0).
    mechanism
        "MCAR", "MAR" or "MNAR".
    depends_on
        Column of numbers without gaps; for MAR.
    slope
        Log odds of being lost per standard deviation, for MAR and MNAR: one number, or group -> number (groups that
        are not named: 0).
    group
        Column or columns.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a chance is outside [0, 1], the mechanism is unknown, `depends_on` is missing for MAR, given for another
        mechanism, or the column itself; a group does not occur, a column is missing, or has no numbers where they
        are needed.
    """

    column: str
    chance: Rates
    mechanism: Mechanism = "MCAR"
    depends_on: str | None = None
    slope: Rates = 1.0
    group: str | Sequence[str] | None = None
    dose: float = 1.0
    name: str = "missingness"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the chance", self.chance)
        check_rates(self.name, "the slope", self.slope, low=-20, high=20)
        if self.mechanism not in {"MCAR", "MAR", "MNAR"}:
            raise PrimumError(
                f"{self.name}: there is no mechanism {self.mechanism!r}.", available=("MCAR", "MAR", "MNAR")
            )
        if (self.mechanism == "MAR") != (self.depends_on is not None):
            raise PrimumError(
                f"{self.name}: {self.mechanism} with depends_on={self.depends_on!r}.",
                expected="depends_on=… with MAR, and only with MAR",
            )
        if self.depends_on == self.column:
            raise PrimumError(
                f"{self.name}: '{self.column}' would depend on itself.", mend="that is the mechanism 'MNAR'"
            )

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with values missing, and the record."""
        data, start = opened(frame, self.name), seeds(seed)
        needs(data, self.name, self.column)
        members = groups(data, self.group, self.name)
        there = ~gaps(data, self.column)
        mean = members.per_group(self.chance, 0.0, self.name)
        chance = mean[members.codes]
        if self.mechanism != "MCAR":
            by = self.depends_on or self.column
            z = standardised(numbers(data, by, self.name), there, by, self.name)
            chance = sloped(members, mean, members.per_group(self.slope, 0.0, self.name), z, there, self.name)
        lost = there & (np.random.default_rng([*start, STREAM]).random(len(data)) < self.dose * chance)
        out = hide(data, self.column, lost)
        realised = members.realised("lost, share of the values", there, self.dose * chance, lost)
        people, changed = (len(data), len(data)), int(lost.sum())
        step = Step(self.name, self.dose, start, (self.column,), people, changed, settings_of(self), realised)
        return Injected(out.to_native(), (step,))
