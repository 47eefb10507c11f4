"""How many more people of a group would let the certificate be judged, and when no number would."""

from __future__ import annotations

import math

from primum.certify.bound import Bound
from primum.certify.sample import Sample

POWER = 0.8
MOST = 1e8  # more people than can be asked for
CLOSE = 1.2  # two numbers of people as near as this are near enough
AT_OR_BEYOND = "the estimate itself is at or beyond the margin, so more people are not expected to help"


def units_needed(sample: Sample, null: float, alpha: float, *, power: float = POWER) -> float:
    """Return n* = (z_α + z_β)² Var(d) / (d̄ − null)², the units with which the mean is shown to exceed `null`.

    With null = −ε this is (z_α + z_β)² Var(d) / (ε + δ)². A normal approximation at the estimates themselves: for
    small groups exact bounds need somewhat more. NaN below two units, infinite if the mean does not exceed the null.
    """
    from scipy.special import ndtri

    if sample.n < 2:
        return math.nan
    if sample.mean <= null:
        return math.inf
    return float((ndtri(1 - alpha) + ndtri(power)) ** 2 * sample.variance / (sample.mean - null) ** 2)


def units_without_change(low: float, null: float, value: float, alpha: float) -> float:
    """Return how many units are needed even if the value is the same for every one of them.

    One more unit at the worst possible value must not move the bound below the null:
    n = ln α / ln((null − low) / (value − low)). With no decision changed, ε = .01, −1 the worst and α = .05: 299.
    """
    if value <= null:
        return math.inf
    return math.log(alpha) / math.log((null - low) / (value - low))


def need(
    sample: Sample, null: float, alpha: float, bound: Bound, *, unchanged: float = 0.0, seed: int = 0
) -> tuple[int | None, str]:
    """Return how many more units are needed at 80 % power, or None and the reason.

    The larger of n* and of the n at which this bound rejects in 80 of 100 samples like this one: where the bound of the
    expected sample, less z_β standard errors, is above the null. (For a normal bound the two are the same.)

    Parameters
    ----------
    sample, null
        The test that did not reject: H0: mean ≤ null.
    alpha
        Its level.
    bound
        The bound that was used.
    unchanged
        The value of a unit about whom no decision changes; used while nothing can be estimated.
    seed
        Of the bound.
    """
    if sample.n and sample.mean <= null:
        return None, AT_OR_BEYOND
    if sample.n < 2 or not sample.variance > 0:
        value = min(unchanged, sample.mean) if sample.n else unchanged
        wanted = float(math.floor(units_without_change(sample.low, null, value, alpha)) + 1)
    else:
        wanted = _with_bound(sample, null, alpha, bound, seed)
    if not math.isfinite(wanted):
        return None, "this bound is too wide for any realistic number"
    return max(1, int(wanted) - sample.n), ""


def _with_bound(sample: Sample, null: float, alpha: float, bound: Bound, seed: int) -> float:
    from scipy.special import ndtri

    room = sample.mean - null

    def short(times: int) -> float:
        """Return how far below the estimate the bound of that many such samples lies, with z_β standard errors."""
        larger = Sample(sample.values, sample.counts * times, sample.low, sample.high)
        chance = float(ndtri(POWER)) * math.sqrt(sample.variance / larger.n)
        return sample.mean - bound.lower(larger, alpha, seed=seed) + chance

    normal = units_needed(sample, null, alpha)  # an exact bound asks for no fewer
    if normal > MOST:
        return math.inf
    few = max(1, math.floor(normal / sample.n))
    before = short(few)
    if before <= room:
        return float(math.ceil(normal))
    enough = 2 * few
    while (after := short(enough)) > room:
        if enough * sample.n > MOST:
            return math.inf
        few, enough, before = enough, 4 * enough, after
    while enough - few > 1 and enough > few * CLOSE:
        middle = round(math.sqrt(few * enough))
        now = short(middle)
        if now > room:
            few, before = middle, now
        else:
            enough, after = middle, now
    # between the two it falls as a power of n: 1/√n by chance alone, 1/n where hardly a decision changes
    fall = math.log(enough / few) / math.log(before / after)
    return max(float(math.ceil(sample.n * few * (before / room) ** fall)), float(math.ceil(normal)))
