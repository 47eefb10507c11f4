"""Who is tested decides who can be recorded: disparate testing, and labels that exist only for the tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import given, groups, label, numbers, opened, put, sloped, standardised

STREAM = 31_203


@dataclass(frozen=True)
class DisparateTesting:
    """Record S = T·Y: people of group g are tested (T = 1) with chance p_g, the untested count as healthy.

    With `suspicion`, the chance within a group rises with that column: 1/(1 + exp(−a_g − slope_g·z)), z
    standardised over everybody and a_g such that the group's mean is p_g. At a dose below 1 people are tested with
    chance 1 − dose·(1 − that). Known as disparate censorship (Chang, Sjoding, Wiens, MLHC 2022).

    Attributes
    ----------
    label
        Column of 0 and 1; missing labels stay missing.
    tested
        p in [0, 1]: one number, or group -> number (groups that are not named: 1).
    group
        Column or columns.
    suspicion, slope
        Column of numbers that testing follows, and log odds per standard deviation of it (one number, or group ->
        number; groups that are not named: 0).
    into
        Column to write; the label itself where not given.
    tested_into
        Column to write T to; not written where not given.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a chance is outside [0, 1], a group does not occur, a column is missing or `suspicion` has gaps.
    """

    label: str
    tested: Rates
    group: str | Sequence[str] | None = None
    suspicion: str | None = None
    slope: Rates = 1.0
    into: str | None = None
    tested_into: str | None = None
    dose: float = 1.0
    name: str = "disparate testing"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the share tested", self.tested)
        check_rates(self.name, "the slope", self.slope, low=-20, high=20)

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the recorded label (untested: 0), and the record of what was done."""
        return _tested(self, frame, seed, untested=0.0)


@dataclass(frozen=True)
class SelectiveLabels(DisparateTesting):
    """As `DisparateTesting`, but the label of the untested is missing, not 0.

    Attributes and errors are those of `DisparateTesting`.
    """

    name: str = "selective labels"

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with the label of the tested only, and the record of what was done."""
        return _tested(self, frame, seed, untested=float("nan"))


def _tested(bias: DisparateTesting, frame: Any, seed: Seed, untested: float) -> Injected:
    data, start = opened(frame, bias.name), seeds(seed)
    ill, known = label(data, bias.label, bias.name)
    members = groups(data, bias.group, bias.name)
    if bias.suspicion is None:
        chance = members.rates(bias.tested, 1.0, bias.name)
    else:
        everybody = np.ones(len(data), dtype=np.bool_)
        z = standardised(numbers(data, bias.suspicion, bias.name), everybody, bias.suspicion, bias.name)
        mean = members.per_group(bias.tested, 1.0, bias.name)
        chance = sloped(members, mean, members.per_group(bias.slope, 0.0, bias.name), z, everybody, bias.name)
    u = np.random.default_rng([*start, STREAM]).random(len(data))
    skipped = bias.dose * (1 - chance)
    out_of_it = u < skipped
    values = np.where(out_of_it, untested, ill)
    before = np.where(known, ill, np.nan)
    values = np.where(known, values, np.nan)
    into = bias.into or bias.label
    out = put(data, into, bias.label, values)
    columns: tuple[str, ...] = (into,)
    if bias.tested_into is not None:
        out, columns = (
            given(out, bias.tested_into, (~out_of_it).astype(np.int8), nw.Int8),
            (into, bias.tested_into),
        )
    same = (before == values) | (np.isnan(before) & np.isnan(values))
    everybody = np.ones(len(data), dtype=np.bool_)
    realised = (
        *members.realised("tested, share of the people", everybody, 1 - skipped, ~out_of_it),
        *members.realised("tested, share of the cases", ill, 1 - skipped, ~out_of_it),
    )
    people, changed = (len(data), len(data)), int((~same).sum())
    step = Step(bias.name, bias.dose, start, columns, people, changed, settings_of(bias), realised)
    return Injected(out.to_native(), (step,))
