"""People who are not in the data: taking part depends on group, outcome and features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import given, groups, label, numbers, opened, sloped, standardised

STREAM = 31_207


@dataclass(frozen=True)
class Selection:
    """Keep people of group g with chance 1/(1 + exp(−a_g − label_effect·y − slope_g·z)); the others are gone.

    z is `feature`, standardised over everybody; a_g is such that the group's mean chance is `share`. At a dose
    below 1 people are kept with chance 1 − dose·(1 − that). Order of the rows stays.

    Attributes
    ----------
    share
        Share of the group that takes part, in (0, 1]: one number, or group -> number (groups that are not named:
        1).
    group
        Column or columns.
    label, label_effect
        Column of 0 and 1 without gaps, and the log odds ratio of taking part of cases.
    feature, slope
        Column of numbers without gaps, and log odds per standard deviation (one number, or group -> number; groups
        that are not named: 0).
    weight_into
        Column to write 1/(chance of being kept) to, with which the people kept stand for all; not written where
        not given.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a share is outside (0, 1], a group does not occur, a column is missing or has gaps.
    """

    share: Rates
    group: str | Sequence[str] | None = None
    label: str | None = None
    label_effect: float = 0.0
    feature: str | None = None
    slope: Rates = 0.0
    weight_into: str | None = None
    dose: float = 1.0
    name: str = "selection into the sample"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the share that takes part", self.share, above=True)
        check_rates(self.name, "the effect of the label", self.label_effect, low=-20, high=20)
        check_rates(self.name, "the slope", self.slope, low=-20, high=20)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the people who take part, and the record."""
        data, start = opened(frame, self.name), seeds(seed)
        members = groups(data, self.group, self.name)
        everybody = np.ones(len(data), dtype=np.bool_)
        slopes = np.zeros(len(data))
        if self.label is not None:
            ill, known = label(data, self.label, self.name)
            slopes += np.where(known, self.label_effect * ill, np.nan)
        if self.feature is not None:
            z = standardised(numbers(data, self.feature, self.name), everybody, self.feature, self.name)
            slopes += members.rates(self.slope, 0.0, self.name) * z
        mean = members.per_group(self.share, 1.0, self.name)
        where = f"{self.name}: '{self.label}'"
        chance = sloped(members, mean, np.ones(len(members.labels)), slopes, everybody, where)
        kept_chance = 1 - self.dose * (1 - chance)
        kept = np.random.default_rng([*start, STREAM]).random(len(data)) >= 1 - kept_chance
        out = data
        columns: tuple[str, ...] = ()
        if self.weight_into is not None:
            out, columns = given(out, self.weight_into, 1 / kept_chance, nw.Float64), (self.weight_into,)
        if not kept.all():
            out = out.filter(nw.new_series("kept", kept, nw.Boolean, backend=data.implementation))
        realised = members.realised("taking part, share of the people", everybody, kept_chance, kept)
        people, changed = (len(data), int(kept.sum())), int((~kept).sum())
        step = Step(self.name, self.dose, start, columns, people, changed, settings_of(self), realised)
        return Injected(out.to_native(), (step,))
