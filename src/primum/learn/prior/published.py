"""Published effects as priors: an odds ratio with its interval becomes a Gaussian on the log odds scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.intervals import z_value

Floats = npt.NDArray[np.float64]
LOPSIDED = 0.5
LARGEST = math.log(1000)


@dataclass(frozen=True)
class EffectPrior:
    """What is known of one effect: log odds per unit of a feature ~ N(mean, sd²).

    Attributes
    ----------
    feature
        Its name in the model; its unit must be the publication's (see `per`).
    mean, sd
        Of the log odds ratio for one unit.
    source
        Where it was published.
    """

    feature: str
    mean: float
    sd: float
    source: str = ""

    def widened(self, factor: float) -> EffectPrior:
        """Return the prior with `factor` times the standard deviation: how far these people may differ.

        Raises
        ------
        PrimumError
            If the factor is not above 0.
        """
        if not (math.isfinite(factor) and factor > 0):
            raise PrimumError(f"A prior cannot be widened {factor!r} times.", expected="a number above 0; 1 leaves it")
        return EffectPrior(self.feature, self.mean, self.sd * factor, self.source)


def odds_ratio(
    feature: str, ratio: float, low: float, high: float, *, level: float = 0.95, per: float = 1.0, source: str = ""
) -> EffectPrior:
    """Return the prior of a published odds ratio: β ~ N(log OR, se²), se = (log high − log low) / 2z.

    Parameters
    ----------
    ratio, low, high
        Odds ratio and its interval for `per` units of the feature.
    level
        Of the interval.
    per
        Units: an odds ratio "per 10 years" of a feature in years has per=10.

    Raises
    ------
    PrimumError
        If the numbers are on another scale: not above 0, the ratio outside its own interval or far off its middle on
        the log scale, an interval without width.

    Notes
    -----
    An odds ratio depends on what else it was adjusted for (it is not collapsible) and on how outcome and feature were
    measured: a prior from another model is a prior for another quantity. `prior_conflict` shows where it does not fit.
    """
    numbers = {"odds ratio": ratio, "lower limit": low, "upper limit": high}
    for what, value in numbers.items():
        if not (math.isfinite(value) and value > 0):
            raise PrimumError(
                f"The {what} of '{feature}' is {value!r}.",
                expected="odds ratios, which are above 0 (1 means no effect)",
                mend="if these are log odds ratios (coefficients, 0 means no effect), use log_odds_ratio(…)",
            )
    if not low <= ratio <= high:
        raise PrimumError(
            f"The odds ratio {ratio:g} of '{feature}' lies outside its own interval, {low:g} to {high:g}.",
            expected="low ≤ ratio ≤ high, all three odds ratios",
            mend="check that ratio and interval come from the same row, and are not log odds or percent",
        )
    _unit(feature, per)
    half = (math.log(high) - math.log(low)) / 2
    if half <= 0:
        raise PrimumError(
            f"The interval of '{feature}' has no width: {low:g} to {high:g}.", expected="the published 95 % interval"
        )
    off = abs(math.log(ratio) - (math.log(high) + math.log(low)) / 2)
    if off > LOPSIDED * half:
        raise PrimumError(
            f"The odds ratio {ratio:g} of '{feature}' is far off the middle of its interval, {low:g} to {high:g}, "
            "on the log scale.",
            expected="an odds ratio near √(low × high)",
            mend="if the interval is symmetric around the number, these are log odds ratios: use log_odds_ratio(…)",
        )
    return EffectPrior(feature, math.log(ratio) / per, half / _z(level) / per, source)


def log_odds_ratio(
    feature: str,
    value: float,
    *,
    se: float | None = None,
    low: float | None = None,
    high: float | None = None,
    level: float = 0.95,
    per: float = 1.0,
    source: str = "",
) -> EffectPrior:
    """Return the prior of a published coefficient, with its standard error or its interval.

    Raises
    ------
    PrimumError
        If neither or both are given, the value lies outside its interval, the error is not above 0, or the
        coefficient is so large that it is likely an odds ratio.
    """
    _unit(feature, per)
    if (se is None) == (low is None or high is None):
        raise PrimumError(f"The coefficient of '{feature}' needs a standard error (se), or an interval (low and high).")
    if se is None:
        assert low is not None
        assert high is not None
        if not low <= value <= high:
            raise PrimumError(
                f"The coefficient {value:g} of '{feature}' lies outside its own interval, {low:g} to {high:g}.",
                expected="low ≤ value ≤ high, all three log odds ratios",
                mend="if the interval is one of odds ratios, use odds_ratio(…) with the odds ratio",
            )
        se = (high - low) / 2 / _z(level)
    if not (math.isfinite(se) and se > 0):
        raise PrimumError(f"The standard error of '{feature}' is {se!r}.", expected="a number above 0")
    if not abs(value) <= LARGEST:
        raise PrimumError(
            f"A log odds ratio of {value:g} for '{feature}' would be an odds ratio beyond 1,000 (or below 1/1,000).",
            expected="a log odds ratio (0 means no effect)",
            mend="if it is an odds ratio, use odds_ratio(…); if it is for many units at once, say per=…",
        )
    return EffectPrior(feature, value / per, se / per, source)


def checked_score(score: npt.ArrayLike, name: str = "published score", *, floor: float | None = None) -> Floats:
    """Return a published risk as probabilities strictly between 0 and 1, shape (people,).

    Parameters
    ----------
    floor
        Where risks were rounded to 0 or 1, the least risk to take instead (1 − floor at the top); None refuses them.

    Raises
    ------
    PrimumError
        If risks are missing, percent, log odds or points, or 0 or 1 (infinite log odds).
    """
    p = np.asarray(score, dtype=np.float64).ravel()
    lost = int((~np.isfinite(p)).sum())
    if lost:
        raise PrimumError(
            f"The {name} is missing for {lost} of {p.size} people.",
            expected="a risk for everybody",
            mend="impute what the score needs before, or leave these people out and count them by group",
        )
    if p.size and (p.min() < 0 or p.max() > 1):
        percent = p.min() >= 0 and p.max() <= 100
        raise PrimumError(
            f"The {name} goes from {p.min():.4g} to {p.max():.4g}: it is no probability.",
            expected="risks between 0 and 1",
            mend="it looks like percent: divide by 100"
            if percent and p.max() > 1
            else "if these are log odds, take "
            "1/(1 + exp(−x)); points must first be turned into risks with their published table",
        )
    sure = int(((p <= 0) | (p >= 1)).sum())
    if sure and floor is None:
        raise PrimumError(
            f"The {name} is exactly 0 or 1 for {sure} people, so their log odds are infinite.",
            expected="risks strictly between 0 and 1",
            mend="use unrounded risks, or say floor=0.005 for risks that were rounded to whole percent",
        )
    if floor is not None and not 0 < floor < 0.5:
        raise PrimumError(f"The floor is {floor!r}.", expected="a small risk above 0 and below 0.5")
    return p if floor is None else np.clip(p, floor, 1 - floor)


def _unit(feature: str, per: float) -> None:
    if not (math.isfinite(per) and per > 0):
        raise PrimumError(f"The effect of '{feature}' is per {per!r} units.", expected="a number of units above 0")


def _z(level: float) -> float:
    if not 0.5 <= level < 1:
        raise PrimumError(f"The level of an interval is {level!r}.", expected="0.95 for a 95 % interval")
    return z_value(level)
