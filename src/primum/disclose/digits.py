"""Digits: how precisely a rate may be printed, and rates from protected counts (R7)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from primum.errors import PrimumError
from primum.measure.intervals import wilson

CEILING = 3


@dataclass(frozen=True)
class Rate:
    """A proportion as it may be printed: value and limits rounded alike; None where it is withheld."""

    value: float | None
    low: float | None
    high: float | None
    digits: int
    n: int | None


def digits(n: int, *, wanted: int = CEILING, ceiling: int = CEILING) -> int:
    """Return how many decimals a number from n protected people may have: floor(log₁₀ n), at most the ceiling.

    10–99 people give 1 digit, 100–999 give 2, 1,000 and more give 3.

    Raises
    ------
    PrimumError
        For fewer than one person, or digits below 0.
    """
    if n < 1 or wanted < 0 or ceiling < 0:
        raise PrimumError(
            f"Digits for {n} people, {wanted} wanted.", expected="at least one person and 0 or more digits"
        )
    return min(wanted, ceiling, CEILING, math.floor(math.log10(n) + 1e-12))


def protected_rate(numerator: int | None, denominator: int | None, *, wanted: int = CEILING) -> Rate:
    """Return k/n with its 95 % Wilson interval from protected counts; withheld when a count is withheld.

    A numerator that rounding carried above its denominator is shown as the denominator.

    Raises
    ------
    PrimumError
        If a count is negative.
    """
    if numerator is None or denominator is None or denominator == 0:
        return Rate(None, None, None, 0, denominator)
    if numerator < 0 or denominator < 0:
        raise PrimumError(f"A rate of {numerator}/{denominator}.", expected="counts")
    k = min(numerator, denominator)
    low, high = wilson(k, denominator)
    d = digits(denominator, wanted=wanted)
    return Rate(round(k / denominator, d), round(float(low), d), round(float(high), d), d, denominator)
