"""Differences of units: intervals at any critical value, the p-values dual to them, and one critical value for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.intervals import mover, z_value
from primum.measure.multiplicity import gaussian, max_t
from primum.measure.sides import Sides

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CAP = 12.0  # |z| beyond which a p-value (4e-33) is as good as 0
STEPS = 26  # of bisection: the critical value to 2e-7
WORK = 3e8  # multiplications spent on the critical value, at most


def two_sided(root: Floats) -> Floats:
    """Return the p-values of no difference: ≤ α exactly where the 1 − α interval excludes 0."""
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(root)), dtype=np.float64)


@dataclass(frozen=True)
class Contrasts:
    """Units `one` minus units `two` of the same sides, all estimable; every result has shape (comparisons,).

    `safe` limits hold far in the tails of small counts (see `limits.rate_limits`); the others are the usual ones.
    Not valid for units with people in common.
    """

    sides: Sides
    one: Ints
    two: Ints

    @property
    def value(self) -> Floats:
        """The differences."""
        return self.sides.value[self.one] - self.sides.value[self.two]

    def interval(self, z: Any, *, safe: bool) -> tuple[Floats, Floats]:
        """Return the intervals at critical value `z`: Newcombe's, or the same combination of other limits."""
        s, a, b = self.sides, self.one, self.two
        return mover((s.value[a], *s.limits(a, z, safe=safe)), (s.value[b], *s.limits(b, z, safe=safe)))

    def root(self, against: float = 0.0, *, safe: bool) -> Floats:
        """Return the critical value at which each interval just reaches `against`: positive where it lies below."""
        above = self.value >= against
        first, last = np.zeros(len(above)), np.full(len(above), CAP)
        for _ in range(STEPS):
            middle = (first + last) / 2
            low, high = self.interval(middle, safe=safe)
            short = np.where(above, low > against, high < against)
            first, last = np.where(short, middle, first), np.where(short, last, middle)
        return np.where(above, first, -first)

    def beyond(self, margin: float, better: str) -> Floats:
        """Return the p-value of a difference beyond the margin.

        One-sided for "higher" (shortfall below −margin) and "lower" (excess above it); otherwise the larger of both,
        which is the p-value of equivalence.
        Source: Schuirmann (1987), J Pharmacokin Biopharm 15:657-680.
        """
        from scipy.special import ndtr

        below, over = ndtr(-self.root(-margin, safe=False)), ndtr(self.root(margin, safe=False))
        return np.asarray({"higher": below, "lower": over}.get(better, np.maximum(below, over)), dtype=np.float64)

    def joint(self, root: Floats, level: float, replicates: int, rng: np.random.Generator) -> tuple[float, Floats]:
        """Return the critical value at which all intervals hold together, and max-T adjusted p-values of the roots.

        The dependence is that of the sides' replicates. The critical value never falls below a single comparison's,
        nor the adjusted p below the p; Bonferroni's bounds both from the other side.
        """
        from scipy.special import ndtri

        count, alone = len(self.one), z_value(level)
        root = np.abs(root)
        single = two_sided(root)
        if count == 1:
            return alone, single
        drawn = self.sides.draws[:, self.one] - self.sides.draws[:, self.two]
        size = int(np.clip(WORK / (count * min(drawn.shape)), replicates, 5 * replicates))
        noise = gaussian(drawn, size, rng)
        found = max_t(root, root + noise, np.ones(count), level)
        bonferroni = -float(ndtri((1 - level) / 2 / count))
        adjusted = np.clip(found.adjusted, single, np.minimum(single * count, 1.0))
        return float(np.clip(found.critical, alone, bonferroni)), adjusted
