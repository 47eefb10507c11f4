"""One metric in a subgroup against everyone outside: support, value, tests and interval, all vectorised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.excess import fisher_lower, mean_lower, score_lower
from primum.measure.intervals import mover, wilson
from primum.measure.kernel import Floats, Metric, divide
from primum.measure.utility import net_benefit_interval, odds
from primum.tally.score import Counts

Bools = npt.NDArray[np.bool_]
WHO = {
    "events": "people with the outcome",
    "nonevents": "people without the outcome",
    "selected": "people selected",
    "unselected": "people not selected",
    "everyone": "people",
}


@dataclass(frozen=True)
class Versus:
    """How to compare one metric between people inside and outside a subgroup; `at` matters to net benefit only."""

    metric: Metric
    at: float

    @property
    def who(self) -> str:
        """Return the people that count as support, in words."""
        return WHO[self.metric.denominator if self.metric.rate else "events"]

    def value(self, c: Counts) -> Floats:
        """Return the metric, NaN where undefined."""
        return np.asarray(self.metric.kernel(c, self.at), dtype=np.float64)

    def support(self, c: Counts) -> Floats:
        """Return how many people the metric counts; for net benefit those with the outcome."""
        return np.asarray(self.metric.rate[1](c) if self.metric.rate else c.tp + c.fn, dtype=np.float64)

    def search(self, inside: Counts, outside: Counts, side: str, margin: float) -> tuple[Floats, Bools]:
        """Return approximate p-values for ranking, and whether the metric is lower inside (the direction tested)."""
        low = self._approximate(inside, outside, lower=True, margin=margin)
        if side == "worse" and self.metric.better == "higher":
            return low, np.ones(low.shape, dtype=np.bool_)
        high = self._approximate(inside, outside, lower=False, margin=margin)
        if side == "worse" and self.metric.better == "lower":
            return high, np.zeros(low.shape, dtype=np.bool_)
        return np.minimum(1.0, 2 * np.minimum(low, high)), low <= high

    def confirm(self, inside: Counts, outside: Counts, lower: Bools, margin: float) -> Floats:
        """Return one-sided p-values in the direction given: exact for rates without a margin."""
        if not lower.size:
            return np.empty(0)
        if self.metric.rate is None:
            low, high = (self._approximate(inside, outside, lower=x, margin=margin) for x in (True, False))
            return np.asarray(np.where(lower, low, high), dtype=np.float64)
        (k1, n1), (k2, n2) = self._proportion(inside), self._proportion(outside)
        k1, k2 = np.where(lower, k1, n1 - k1), np.where(lower, k2, n2 - k2)
        return score_lower(k1, n1, k2, n2, margin) if margin else fisher_lower(k1, n1, k2, n2)

    def interval(self, inside: Counts, outside: Counts, level: float) -> tuple[Floats, Floats]:
        """Return the interval of the difference: Newcombe's for rates, the same of Wilson limits for net benefit."""
        parts = []
        for c in (inside, outside):
            if self.metric.rate is None:
                low, high = net_benefit_interval(c, c, self.at, level)
            else:
                low, high = wilson(*self._proportion(c), level)
            parts.append((self.value(c), low, high))
        return mover(parts[0], parts[1])

    def _proportion(self, c: Counts) -> tuple[Any, Any]:
        assert self.metric.rate is not None
        return self.metric.rate[0](c), self.metric.rate[1](c)

    def _approximate(self, inside: Counts, outside: Counts, *, lower: bool, margin: float) -> Floats:
        (m1, v1, n1), (m2, v2, n2) = self._moments(inside), self._moments(outside)
        if self.metric.rate is not None:  # the variance when both are equal
            pooled = divide(m1 * n1 + m2 * n2, n1 + n2)
            v1 = v2 = pooled * (1 - pooled)
        sign = 1.0 if lower else -1.0
        return mean_lower(sign * m1, v1, n1, sign * m2, v2, n2, margin)

    def _moments(self, c: Counts) -> tuple[Floats, Floats, Floats]:
        """Return mean, variance and number of the people behind the metric."""
        if self.metric.rate is not None:
            k, n = self._proportion(c)
            mean = divide(k, n)
            return mean, mean * (1 - mean), n
        n = c.tp + c.fp + c.fn + c.tn
        cost = odds(self.at)
        mean = divide(c.tp - cost * c.fp, n)
        return mean, divide(c.tp + cost**2 * c.fp, n) - mean**2, n
