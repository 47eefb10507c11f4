"""What all injectors of bias share: the protocol, the record of what was done, doses, composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Seed = int | tuple[int, ...]
Rates = float | Mapping[str, float]
"""One number for everybody, or group -> number; groups that are not named stay as they are."""


@dataclass(frozen=True)
class Realised:
    """What happened in one group.

    Attributes
    ----------
    group
        Label of the group; "everybody" without groups.
    quantity
        What the two numbers are: "recorded cases, share of the cases".
    n
        People the quantity rests on.
    expected
        By formula, at this dose, for these people; NaN without people.
    realised
        As it turned out; NaN without people.
    """

    group: str
    quantity: str
    n: int
    expected: float
    realised: float


@dataclass(frozen=True)
class Step:
    """One injection: which, how much, where, with which seed, and what came of it.

    Attributes
    ----------
    name, dose, seed
        As given.
    columns
        Columns that were written (none where people were taken out).
    people
        People before and after.
    changed
        How many values differ from before (or people are gone).
    settings
        Everything else that was asked for.
    realised
        By group.
    """

    name: str
    dose: float
    seed: tuple[int, ...]
    columns: tuple[str, ...]
    people: tuple[int, int]
    changed: int
    settings: Mapping[str, Any]
    realised: tuple[Realised, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain data, ready for JSON; NaN becomes None."""
        data = asdict(self)
        for row in data["realised"]:
            row |= {k: None if row[k] != row[k] else row[k] for k in ("expected", "realised")}
        return data


@dataclass(frozen=True)
class Injected:
    """A frame of the caller's own kind with a bias in it, and the record of what was done, step by step."""

    frame: Any
    steps: tuple[Step, ...]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the record as plain data."""
        return [step.to_dict() for step in self.steps]


@runtime_checkable
class Bias(Protocol):
    """A way in which data go wrong.

    `dose` 0 changes nothing at all; 1 is the bias as described; between, the chances are in proportion, and with
    one seed whoever is affected at a smaller dose is affected at a larger one too.
    """

    @property
    def name(self) -> str:
        """Plain name of the bias."""

    @property
    def dose(self) -> float:
        """From 0 to 1."""

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return a new frame with the bias, and the record; `frame` stays as it is."""


Any_ = TypeVar("Any_", bound=Bias)


@dataclass(frozen=True)
class Composition:
    """Several biases, one after the other, each working on what the one before left.

    `dose` multiplies the dose of every part.
    """

    parts: tuple[Bias, ...]
    dose: float = 1.0
    name: str = field(default="")

    def __post_init__(self) -> None:
        check_dose(self.name or "the composition", self.dose)
        if not self.name:
            object.__setattr__(self, "name", ", then ".join(part.name for part in self.parts) or "nothing")

    def inject(self, frame: Any, seed: Seed = 0) -> Injected:
        """Return the frame after all parts, and their records in order; part k draws from (seed, k)."""
        steps: list[Step] = []
        for k, part in enumerate(self.parts):
            done = with_dose(part, part.dose * self.dose).inject(frame, (*seeds(seed), k))
            frame, steps = done.frame, [*steps, *done.steps]
        return Injected(frame, tuple(steps))


def compose(parts: Sequence[Bias], *, dose: float = 1.0, name: str = "") -> Composition:
    """Return several biases as one.

    Raises
    ------
    PrimumError
        If a part is no bias, or the dose is outside [0, 1].
    """
    for part in parts:
        if not isinstance(part, Bias):
            raise PrimumError(f"{part!r} is no bias.", expected="LabelNoise(…), UnderDiagnosis(…), Missingness(…), …")
    return Composition(tuple(parts), dose, name)


def with_dose(bias: Any_, dose: float) -> Any_:
    """Return the same bias at another dose.

    Raises
    ------
    PrimumError
        If the dose is outside [0, 1].
    """
    return replace(bias, dose=dose)  # type: ignore[type-var] # all are dataclasses


def seeds(seed: Seed) -> tuple[int, ...]:
    """Return the seed as whole numbers.

    Raises
    ------
    PrimumError
        If one is not a whole number of at least 0.
    """
    found = seed if isinstance(seed, tuple) else (seed,)
    if any(isinstance(s, bool) or not isinstance(s, int | np.integer) or s < 0 for s in found):
        raise PrimumError(f"The seed is {seed!r}.", expected="a whole number, at least 0")
    return tuple(int(s) for s in found)


def check_dose(name: str, dose: float) -> None:
    """Refuse a dose outside [0, 1].

    Raises
    ------
    PrimumError
        If it is.
    """
    if isinstance(dose, bool) or not isinstance(dose, int | float | np.number) or not 0 <= dose <= 1:
        raise PrimumError(
            f"The dose of {name} is {dose!r}.",
            expected="a number from 0 (nothing changes) to 1 (the bias as described)",
        )


def check_rates(
    name: str, what: str, rates: Rates, *, low: float = 0.0, high: float = 1.0, above: bool = False
) -> None:
    """Refuse rates outside [low, high], or (low, high] with `above`.

    Raises
    ------
    PrimumError
        If one is; the message names its group.
    """
    for group, rate in rates.items() if isinstance(rates, Mapping) else [("", rates)]:
        number = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
        if not number or not (low < rate if above else low <= rate) or not rate <= high:
            least = f"above {low:g}" if above else f"at least {low:g}"
            where = f" for '{group}'" if group else ""
            most = "" if high == float("inf") else f" and at most {high:g}"
            raise PrimumError(f"{name}: {what}{where} is {rate!r}.", expected=f"a number {least}{most}")


def settings_of(bias: Any) -> dict[str, Any]:
    """Return what was asked for, as plain data, without name and dose."""
    return {k: v for k, v in asdict(bias).items() if k not in {"name", "dose"}}
