"""Labels that are wrong in both directions, at rates that differ between groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.errors import PrimumError
from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import groups, label, opened, put

STREAM = 31_201


@dataclass(frozen=True)
class LabelNoise:
    """Record S instead of Y with P(S=1 | Y=0, g) = dose·e0_g and P(S=0 | Y=1, g) = dose·e1_g.

    Not valid as a picture of errors that depend on more than class and group: see `UnderDiagnosisBySeverity`.

    Attributes
    ----------
    label
        Column of 0 and 1; missing labels stay missing.
    false_positive, false_negative
        e0 and e1: one number, or group -> number (groups that are not named: 0).
    group
        Column or columns; several make labels such as "female · 65+".
    into
        Column to write; the label itself where not given.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a rate is outside [0, 1] or e0 + e1 reaches 1 in a group (the record would say nothing, or the
        opposite), a group does not occur, a column is missing, or the label has other values.
    """

    label: str
    false_positive: Rates = 0.0
    false_negative: Rates = 0.0
    group: str | Sequence[str] | None = None
    into: str | None = None
    dose: float = 1.0
    name: str = "label noise"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the false-positive rate", self.false_positive)
        check_rates(self.name, "the false-negative rate", self.false_negative)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the noisy label, and the record."""
        data, start = opened(frame, self.name), seeds(seed)
        ill, known = label(data, self.label, self.name)
        members = groups(data, self.group, self.name)
        e0 = members.per_group(self.false_positive, 0.0, self.name)
        e1 = members.per_group(self.false_negative, 0.0, self.name)
        for g, both in zip(members.labels, e0 + e1, strict=True):
            if both >= 1:
                raise PrimumError(
                    f"{self.name}: the two error rates of '{g}' add to {both:g}.",
                    expected="below 1: from there on the record says nothing about the truth, or the opposite",
                )
        u = np.random.default_rng([*start, STREAM]).random(len(data))
        chance = self.dose * np.where(ill, e1[members.codes], e0[members.codes])
        flip = known & (u < chance)
        out = put(data, self.into or self.label, self.label, np.where(known, ill ^ flip, np.nan))
        realised = (
            *members.realised("labels 1, share of the non-cases", known & ~ill, chance, flip),
            *members.realised("labels 0, share of the cases", ill, chance, flip),
        )
        step = Step(
            self.name, self.dose, start, (self.into or self.label,), (len(data), len(data)), int(flip.sum()),
            settings_of(self), realised,
        )  # fmt: skip
        return Injected(out.to_native(), (step,))
