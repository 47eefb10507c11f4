"""Level: what every bound asks of α and of the null value, before any statistics."""

from __future__ import annotations

import math

from primum.certify.sample import Sample
from primum.errors import PrimumError


def checked(alpha: float) -> float:
    """Return α.

    Raises
    ------
    PrimumError
        If it does not lie strictly between 0 and 1.
    """
    if not (isinstance(alpha, (int, float)) and 0 < alpha < 1):
        raise PrimumError(
            f"The level alpha is {alpha!r}.",
            expected="a probability strictly between 0 and 1",
            mend="0.05 accepts a false certificate in one of twenty audits of a harmful model",
        )
    return float(alpha)


def settled(sample: Sample, null: float) -> float | None:
    """Return the p-value where the limits alone decide; None where the observations must.

    A mean cannot be below the least possible value (p = 0), cannot be above the greatest (p = 1), and nothing is
    known without observations (p = 1).

    Raises
    ------
    PrimumError
        If the null value is not finite.
    """
    if not math.isfinite(null):
        raise PrimumError(f"The null value is {null!r}.", expected="a finite number")
    if null < sample.low:
        return 0.0
    if null >= sample.high or sample.n == 0:
        return 1.0
    return None
