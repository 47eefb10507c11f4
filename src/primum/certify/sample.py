"""Sample: bounded values and how often each occurs. What every bound works on, and all that it may know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Independent observations of a bounded quantity, equal ones counted together.

    Attributes
    ----------
    values
        Distinct values in increasing order, shape (k,).
    counts
        How many units have each, shape (k,), whole numbers ≥ 0.
    low, high
        The least and greatest value possible (not: seen).
    """

    values: Floats
    counts: npt.NDArray[np.int64]
    low: float
    high: float

    @property
    def n(self) -> int:
        """Observations."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Their mean; NaN without any."""
        return float(self.values @ self.counts / self.n) if self.n else float("nan")

    @property
    def variance(self) -> float:
        """Their variance (n − 1); NaN below two."""
        if self.n < 2:
            return float("nan")
        return float(self.counts @ (self.values - self.mean) ** 2 / (self.n - 1))

    @property
    def mirrored(self) -> Sample:
        """The same with the sign turned: an upper bound is the lower bound of the mirror."""
        return Sample(-self.values[::-1], self.counts[::-1], -self.high, -self.low)


def sample(values: npt.ArrayLike, counts: npt.ArrayLike | None = None, *, low: float, high: float) -> Sample:
    """Return the sample of these values, equal ones put together.

    Raises
    ------
    PrimumError
        If a value is not finite or lies outside [low, high], or a count is negative or no whole number.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    raw = np.ones(x.size) if counts is None else np.asarray(counts, dtype=np.float64).ravel()
    if raw.shape != x.shape or (raw < 0).any() or (raw != np.floor(raw)).any():
        raise PrimumError("Counts of a sample are wrong.", expected="one whole number, at least 0, for each value")
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    if not np.isfinite(x).all() or (x < low - slack).any() or (x > high + slack).any():
        raise PrimumError(
            f"Values from {np.nanmin(x):g} to {np.nanmax(x):g} lie outside the declared bounds.",
            expected=f"finite values from {low:g} to {high:g}",
            mend="declare the least and greatest change that is possible for one patient, then count again",
        )
    x = np.clip(x, low, high)
    distinct, where = np.unique(x, return_inverse=True)
    return Sample(distinct, np.bincount(where, weights=raw).astype(np.int64), float(low), float(high))
