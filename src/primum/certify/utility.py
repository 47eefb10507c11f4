"""What a decision is worth to a patient: a number for each decision and outcome, declared beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Among = Literal["everyone", "cases", "non-cases"]


@dataclass(frozen=True)
class Utility:
    """The worth of a decision to one patient, u(d, y), and the patients over whom its mean is taken.

    Attributes
    ----------
    name
        What readers see: "net benefit at 0.1".
    worth
        Shape (2, 2), indexed [decision, outcome].
    among
        "everyone", or only "cases" (outcome 1) or "non-cases": sensitivity is the mean among cases.
    words
        One unit of a difference in plain words, per 1,000 of these patients: "net true positives".
    threshold
        The threshold whose odds are the exchange rate; None where the worth was declared directly.
    """

    name: str
    worth: tuple[tuple[float, float], tuple[float, float]]
    among: Among = "everyone"
    words: str = "units of utility"
    threshold: float | None = None

    @property
    def gain(self) -> Floats:
        """What changing decision d₀ to d₁ is worth, shape (2, 2, 2), indexed [y, d₀, d₁]."""
        u = np.array(self.worth)
        return np.stack([u[None, :, y] - u[:, None, y] for y in (0, 1)])

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """Which outcomes belong to the patients over whom the mean is taken, shape (2,)."""
        return np.array([self.among != "cases", self.among != "non-cases"])

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest that one patient's utility can change by."""
        possible = self.gain[self.counted]
        return float(possible.min()), float(possible.max())


def net_benefit(threshold: float | None) -> Utility:
    """Return the net benefit at a threshold: +1 for a case found, −t/(1−t) for a false alarm.

    Raises
    ------
    PrimumError
        If no threshold is given, or it does not lie strictly between 0 and 1.
    """
    if threshold is None or not 0 < threshold < 1:
        raise PrimumError(
            "The net benefit needs a threshold." if threshold is None else f"The threshold is {threshold!r}.",
            expected="a risk strictly between 0 and 1",
            mend="ask how many false alarms a missed case is worth: 9 give 1/(1+9) = 0.1. There is no usual value",
        )
    w = threshold / (1 - threshold)
    return Utility(
        f"net benefit at {threshold:g}", ((0.0, 0.0), (-w, 1.0)), "everyone", "net true positives", threshold
    )


SENSITIVITY = Utility("sensitivity", ((0.0, 0.0), (0.0, 1.0)), "cases", "cases found")
SPECIFICITY = Utility("specificity", ((1.0, 0.0), (0.0, 0.0)), "non-cases", "people rightly left alone")


def declared(worth: Any, *, name: str = "declared utility", limits: tuple[float, float] | None = None) -> Utility:
    """Return a utility of the user's own.

    Parameters
    ----------
    worth
        {"true positive": …, "false positive": …, "false negative": …, "true negative": …}, or a function of
        (decision, outcome).
    name
        What readers see.
    limits
        Declared least and greatest worth; the values are checked against them.

    Raises
    ------
    PrimumError
        If a value is missing, not finite, or outside the declared limits.
    """
    corners = {"true negative": (0, 0), "false negative": (0, 1), "false positive": (1, 0), "true positive": (1, 1)}
    if callable(worth):
        values = {corner: worth(*at) for corner, at in corners.items()}
    else:
        values = dict(worth)
        if set(values) != set(corners):
            raise PrimumError(
                f"The utility names {sorted(values)}.", expected=f"one value for each of: {', '.join(corners)}"
            )
    low, high = limits or (-math.inf, math.inf)
    for corner, value in values.items():
        if not math.isfinite(value) or not low <= value <= high:
            raise PrimumError(
                f"A {corner} is worth {value!r}.",
                expected="a finite number" + (f" from {low:g} to {high:g}, as declared" if limits else ""),
                mend="the certificate's bounds hold only if no patient can gain or lose more than was declared",
            )
    table = tuple(tuple(float(values[c]) for c, at in corners.items() if at[0] == d) for d in (0, 1))
    return Utility(name, (table[0], table[1]))  # type: ignore[arg-type] # two pairs
