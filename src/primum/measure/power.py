"""How many more people would settle the matter."""

from __future__ import annotations

import math

from primum.measure.intervals import z_value


def z_power(power: float) -> float:
    """Return the one-sided normal quantile of a power, 0.84 for .80."""
    from scipy.special import ndtri

    return float(ndtri(power))


def people_needed(
    p_comparator: float, margin: float, n_comparator: float = math.inf, *, level: float = 0.95, power: float = 0.8
) -> float:
    """Return how many people a group needs to tell a shortfall of `margin` in a rate from chance.

    The people counted are those in the denominator of the rate: with the outcome for sensitivity. The comparator has
    `n_comparator` of them, and no more. Infinite when the comparator alone is too small.
    Source: two-proportion normal approximation (Singh et al. 2023, arXiv 2312.04745): two equal groups with .80 and .70
    need 291 each for 80 % power. Not exact below about 10 expected misses.
    """
    p = min(max(p_comparator, 0.0), 1.0)
    q = min(max(p - margin, 0.0), 1.0)
    room = (margin / (z_value(level) + z_power(power))) ** 2
    rest = room - (p * (1 - p) / n_comparator if n_comparator > 0 else math.inf)
    if rest <= 0:
        return math.inf
    return max(q * (1 - q), 0.05 * 0.95) / rest


def equal_groups(p1: float, p2: float, *, level: float = 0.95, power: float = 0.8) -> float:
    """Return the size of each of two equal groups that tells rates p1 and p2 apart."""
    return (z_value(level) + z_power(power)) ** 2 * (p1 * (1 - p1) + p2 * (1 - p2)) / (p1 - p2) ** 2


def scaled(events: int, half_width: float, wanted: float) -> float:
    """Return how many events would shrink an interval from `half_width` to `wanted`, as 1/√events."""
    if events <= 0 or not math.isfinite(half_width):
        return math.inf
    return events * (half_width / wanted) ** 2
