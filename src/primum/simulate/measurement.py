"""A feature that is measured worse, or with an offset, in some groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import groups, numbers, opened, put

STREAM = 31_206


@dataclass(frozen=True)
class MeasurementError:
    """Measure x + dose·(b_g + σ_g·N(0, 1)) in place of x.

    Oximeters that read too high on dark skin are an offset; a questionnaire in a second language is noise.

    Attributes
    ----------
    column
        Column of numbers; missing values stay missing. Whole numbers become numbers with a fraction.
    offset
        b in units of the column: one number, or group -> number (groups that are not named: 0).
    noise
        σ in units of the column, at least 0; likewise.
    group
        Column or columns.
    into
        Column to write; the column itself where not given.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If noise is negative, a number is not finite, a group does not occur, a column is missing or not numeric.
    """

    column: str
    offset: Rates = 0.0
    noise: Rates = 0.0
    group: str | Sequence[str] | None = None
    into: str | None = None
    dose: float = 1.0
    name: str = "measurement error"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the offset", self.offset, low=-1e300, high=1e300)
        check_rates(self.name, "the noise", self.noise, high=1e300)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the measured column; the record tells mean error and mean squared error."""
        data, start = opened(frame, self.name), seeds(seed)
        x = numbers(data, self.column, self.name)
        members = groups(data, self.group, self.name)
        offset = members.rates(self.offset, 0.0, self.name)
        noise = members.rates(self.noise, 0.0, self.name)
        z = np.random.default_rng([*start, STREAM]).standard_normal(len(data))
        error = self.dose * (offset + noise * z)
        into = self.into or self.column
        out = put(data, into, self.column, x + error)
        known = np.isfinite(x)
        realised = (
            *members.realised("error, mean", known, self.dose * offset, error),
            *members.realised("squared error, mean", known, self.dose**2 * (offset**2 + noise**2), error**2),
        )
        people, changed = (len(data), len(data)), int((known & (error != 0)).sum())
        step = Step(self.name, self.dose, start, (into,), people, changed, settings_of(self), realised)
        return Injected(out.to_native(), (step,))
