"""Questionnaire items that a group answers differently at the same health (differential item functioning)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from primum.errors import PrimumError
from primum.simulate.bias import Injected, Rates, Seed, Step, check_dose, check_rates, seeds, settings_of
from primum.simulate.cells import groups, label, numbers, opened, put

STREAM = 31_208


@dataclass(frozen=True)
class ItemShift:
    """Move answers one step with chance dose·|shift_g|: up where the shift is positive, down where negative.

    Answers at the end of the scale stay, so that the mean moves by less than the shift; the record tells by how
    much. Totals move with the answers; a label cut from the total changes for those whose total crosses the cut.

    Attributes
    ----------
    items
        Columns of whole numbers from `low` to `high`; missing answers stay missing.
    shift
        Expected steps, in [−1, 1]: one number, or group -> number (groups that are not named: 0).
    group
        Column or columns.
    low, high
        Ends of the scale of every item.
    total
        Column with the sum that the items are part of.
    label, cut_off
        Column of 0 and 1 that says whether the total is at least `cut_off`; needs `total`.
    dose
        From 0 to 1.

    Raises
    ------
    PrimumError
        If a shift is outside [−1, 1], an answer is outside the scale, a group does not occur, a column is missing,
        or `label` comes without `total` and `cut_off`.
    """

    items: Sequence[str]
    shift: Rates
    group: str | Sequence[str] | None = None
    low: float = 0
    high: float = 3
    total: str | None = None
    label: str | None = None
    cut_off: float | None = None
    dose: float = 1.0
    name: str = "differential item functioning"

    def __post_init__(self) -> None:
        check_dose(self.name, self.dose)
        check_rates(self.name, "the shift", self.shift, low=-1)
        if isinstance(self.items, str) or not self.items:
            raise PrimumError(f"{self.name}: the items are {self.items!r}.", expected="a list of columns")
        if (self.label is None) != (self.cut_off is None) or (self.label is not None and self.total is None):
            raise PrimumError(f"{self.name}: 'label' needs 'total' and 'cut_off', and 'cut_off' needs 'label'.")

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame with shifted answers; the record tells the mean shift by group, over all items."""
        data, start = opened(frame, self.name), seeds(seed)
        members = groups(data, self.group, self.name)
        shift = members.rates(self.shift, 0.0, self.name)
        rng = np.random.default_rng([*start, STREAM])
        moved, expected = np.zeros((len(self.items), len(data))), np.zeros((len(self.items), len(data)))
        out = data
        for j, item in enumerate(self.items):
            x = self._answers(numbers(data, item, self.name), item)
            room = np.isfinite(x) & np.where(shift > 0, x < self.high, x > self.low)
            expected[j] = self.dose * shift * room
            moved[j] = np.sign(shift) * (room & (rng.random(len(data)) < self.dose * np.abs(shift)))
            out = put(out, item, item, x + moved[j])
        columns = tuple(self.items)
        change = moved.sum(axis=0)
        if self.total is not None:
            before = numbers(data, self.total, self.name)
            out, columns = put(out, self.total, self.total, before + change), (*columns, self.total)
            if self.label is not None and self.cut_off is not None:
                ill, known = label(data, self.label, self.name)
                crossed = known & ((before + change >= self.cut_off) != (before >= self.cut_off))
                after = np.where(crossed, before + change >= self.cut_off, ill)
                out = put(out, self.label, self.label, np.where(known, after, np.nan))
                columns = (*columns, self.label)
        everybody = np.ones(len(data), dtype=np.bool_)
        realised = members.realised("steps per item, mean", everybody, expected.mean(axis=0), moved.mean(axis=0))
        people, changed = (len(data), len(data)), int((moved != 0).sum())
        step = Step(self.name, self.dose, start, columns, people, changed, settings_of(self), realised)
        return Injected(out.to_native(), (step,))

    def _answers(self, x: np.ndarray[Any, np.dtype[np.float64]], item: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        known = x[np.isfinite(x)]
        if known.size and (known.min() < self.low or known.max() > self.high):
            raise PrimumError(
                f"{self.name}: '{item}' goes from {known.min():g} to {known.max():g}.",
                expected=f"answers from {self.low:g} to {self.high:g}",
                mend="say low=… and high=… for another scale",
            )
        return x
