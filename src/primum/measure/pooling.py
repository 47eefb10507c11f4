"""Pooling over imputations: the same estimate from several completed copies of the same people, by Rubin's rules.

Copies are not further people. Estimates are pooled on the scale on which they are about normal: the log odds for shares
and for AUROC, the logarithm for ratios, as they are for differences and net benefit.
Sources: Rubin (1987), Multiple Imputation for Nonresponse in Surveys; Barnard & Rubin (1999), Biometrika 86:948-955;
Lott & Reiter (2020), Am Stat 74:109-115; Marshall et al. (2009), BMC Med Res Methodol 9:57.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.intervals import wilson, z_value
from primum.measure.metric import metric

Scale = Literal["plain", "logit", "log"]
Floats = npt.NDArray[np.float64]
LEAST = 2


@dataclass(frozen=True)
class Rubin:
    """An estimate over m imputations, on the scale on which it was given.

    Attributes
    ----------
    value, error
        Mean over the imputations, and its standard error √T.
    within, between
        W, the mean of the variances, and B, the variance of the estimates.
    df
        Degrees of freedom of Barnard and Rubin.
    missing_information
        Share λ of the variance that is due to what is missing, (1 + 1/m) B / T.
    """

    value: float
    error: float
    within: float
    between: float
    df: float
    missing_information: float


@dataclass(frozen=True)
class Pooled:
    """A pooled estimate with its interval, back on its own scale; `rubin` holds the numbers behind it."""

    value: float
    low: float
    high: float
    rubin: Rubin


def rubin(values: npt.ArrayLike, variances: npt.ArrayLike, *, complete_df: float = math.inf) -> Rubin:
    """Combine the estimates of m imputations.

    Q̄ = mean, W = mean variance, B = var(Q), T = W + (1 + 1/m) B, λ = (1 + 1/m) B / T, ν_old = (m − 1)/λ²,
    ν_obs = ν_c (ν_c + 1)/(ν_c + 3) (1 − λ), 1/ν = 1/ν_old + 1/ν_obs.

    Parameters
    ----------
    values, variances
        Estimate of each imputation and the square of its standard error, shape (m,).
    complete_df
        ν_c, the degrees of freedom without missing data; infinite gives Rubin's ν_old.

    Raises
    ------
    PrimumError
        With fewer than two imputations, or variances that do not match.
    """
    q, u = np.asarray(values, dtype=np.float64).ravel(), np.asarray(variances, dtype=np.float64).ravel()
    m = q.size
    if m < LEAST:
        raise too_few(m)
    if u.size != m or (u < 0).any():
        raise PrimumError(
            f"There are {m} estimates and {u.size} variances.", expected="one variance, not below 0, for each estimate"
        )
    between = float(q.var(ddof=1))
    added = (1 + 1 / m) * between
    within = float(u.mean())
    whole = within + added
    share = added / whole if whole > 0 else 0.0
    inverse = share**2 / (m - 1)
    if math.isfinite(complete_df):
        observed = complete_df * (complete_df + 1) / (complete_df + 3) * (1 - share)
        inverse += 1 / observed if observed > 0 else math.inf
    return Rubin(float(q.mean()), math.sqrt(whole), within, between, 1 / inverse if inverse > 0 else math.inf, share)


def too_few(m: int) -> PrimumError:
    """Return the error for fewer than two imputations."""
    return PrimumError(
        f"There {'is' if m == 1 else 'are'} {m} imputation{'' if m == 1 else 's'}.",
        expected="at least two draws; twenty or more for a steady answer",
        mend="one imputation taken for the truth understates what is not known",
    )


def pool(
    values: npt.ArrayLike,
    variances: npt.ArrayLike,
    *,
    scale: Scale = "plain",
    complete_df: float = math.inf,
    level: float = 0.95,
) -> Pooled:
    """Pool estimates on a scale, and return them on their own.

    Parameters
    ----------
    values, variances
        Estimates and their variances, both on their own scale, shape (m,): the delta method carries the variances over.
    scale
        "logit" for quantities between 0 and 1, "log" for positive ones, "plain" otherwise.
    complete_df, level
        Degrees of freedom without missing data; level of the interval.

    Raises
    ------
    PrimumError
        With fewer than two imputations, or an estimate that the scale cannot hold (a share of 0 or 1; see
        `pooled_share`).
    """
    q, u = np.asarray(values, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if not _inside(q, scale):
        raise PrimumError(
            f"{q.min():g} to {q.max():g} cannot be pooled on the scale '{scale}'.",
            expected={"logit": "shares strictly between 0 and 1", "log": "numbers above 0"}.get(
                scale, "finite numbers"
            ),
            mend="shares of exactly 0 or 1 are pooled by pooled_share",
        )
    slope = {"logit": 1 / np.maximum(q * (1 - q), 1e-300), "log": 1 / q}[scale] if scale != "plain" else 1.0
    return _back(rubin(_to(q, scale), u * slope**2, complete_df=complete_df), scale, level)


def pooled_share(shares: npt.ArrayLike, sizes: npt.ArrayLike, *, level: float = 0.95) -> Pooled:
    """Pool shares of `sizes` people with Wilson's interval for imputed data, also where a share is 0 or 1.

    With r = (1 + 1/m) B / W the imputations are worth n/(1 + r) people; t replaces z. Where some share is 0 or 1, half
    a person is added to either side for W alone: a copy without any spread would make r, and with it the interval, far
    too large.
    Source: Lott & Reiter (2020), Am Stat 74:109-115.
    """
    p, n = np.asarray(shares, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    inner = (p * n + 0.5) / (n + 1) if ((p <= 0) | (p >= 1)).any() else p
    found = rubin(p, inner * (1 - inner) / n, complete_df=max(float(n.mean()) - 1, 1.0))
    share = float(p.mean())
    size = float(n.mean())
    size *= found.within / found.error**2
    low, high = wilson(share * size, size, _as_normal(level, found.df))
    return Pooled(share, float(low), float(high), found)


def scale_of(name: str) -> Scale:
    """Return the scale on which a metric is pooled."""
    low, high = metric(name).range
    if (low, high) == (0.0, 1.0):
        return "logit"
    return "log" if low >= 0.0 else "plain"


def pool_estimates(estimates: Sequence[Estimate], name: str) -> Estimate:
    """Pool one metric over the completed copies of one group.

    The standard error of each copy is read off its interval on the metric's scale: half the width over z. (Wilson's
    interval is symmetric in the log odds, DeLong's and the linearised ones are so by construction.) Copies that are
    all the same are returned as they are: nothing was missing here. Where a copy lies at the end of the scale, shares
    are pooled by `pooled_share`, and anything else gets the widest limits of any copy.

    Raises
    ------
    PrimumError
        With fewer than two copies.
    """
    m = len(estimates)
    if m < LEAST:
        raise too_few(m)
    first = estimates[0]
    undefined = [e for e in estimates if not e.ok]
    if undefined:
        nan = math.nan
        reason = f"in {len(undefined)} of {m} draws: {undefined[0].reason}"
        return replace(
            first, value=nan, low=nan, high=nan, method="none", status=undefined[0].status, reason=reason,
            n_effective=None,
        )  # fmt: skip
    if all(e == first for e in estimates):
        return first
    q = np.array([e.value for e in estimates])
    low, high = (np.array([getattr(e, k) for e in estimates]) for k in ("low", "high"))
    method = f"Rubin's rules over {m} draws ({first.method})"
    if not (np.isfinite(low) & np.isfinite(high)).all():
        return replace(
            first, value=float(q.mean()), low=math.nan, high=math.nan, method="none", status=Status.IMPRECISE,
            reason="some draw has no interval", n_effective=None,
        )  # fmt: skip
    scale, size = scale_of(name), _denominator(first, name)
    if _inside(np.concatenate([q, low, high]), scale):
        half = (_to(high, scale) - _to(low, scale)) / (2 * z_value(first.level))
        found = rubin(_to(q, scale), half**2, complete_df=max(size - 1, 1.0))
        pooled = _back(found, scale, first.level)
    elif metric(name).rate is not None:
        pooled = pooled_share(q, _sizes(q, low, high, size, first.level), level=first.level)
    else:
        middle = rubin(q, np.zeros(m))
        pooled = Pooled(float(q.mean()), float(low.min()), float(high.max()), middle)
        method = f"widest of {m} draws ({first.method})"
    least, most = metric(name).range
    return replace(
        first, value=pooled.value, low=max(pooled.low, least), high=min(pooled.high, most), method=method,
        n_effective=None,
    )  # fmt: skip


def _denominator(e: Estimate, name: str) -> float:
    """Return how many people a metric rests on: the rarer outcome where both are needed."""
    of = metric(name).denominator
    if name == "auroc":
        return float(min(e.events, e.nonevents))
    return float({"events": e.events, "nonevents": e.nonevents}.get(of, e.n))


def _sizes(q: Floats, low: Floats, high: Floats, most: float, level: float) -> Floats:
    """Return the people behind shares from their Wilson limits of width w: z²(1 − w)/w at an end, else p(1 − p)/se²."""
    z = z_value(level)
    width = np.maximum(high - low, 1e-12)
    end = z**2 * (1 - width) / width  # at a share of 0 or 1 Wilson's interval is z²/(n + z²) wide
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = q * (1 - q) * (2 * z / width) ** 2
    return np.clip(np.where((q <= 0) | (q >= 1), end, inner), 1.0, max(most, 1.0))


def _inside(q: Floats, scale: Scale) -> bool:
    if scale == "logit":
        return bool(((q > 0) & (q < 1)).all())
    return bool((q > 0).all()) if scale == "log" else bool(np.isfinite(q).all())


def _to(q: Floats, scale: Scale) -> Floats:
    if scale == "logit":
        return np.asarray(np.log(q) - np.log1p(-q))
    return np.asarray(np.log(q)) if scale == "log" else q


def _back(found: Rubin, scale: Scale, level: float) -> Pooled:
    half = _quantile(level, found.df) * found.error
    ends = np.array([found.value, found.value - half, found.value + half])
    if scale == "logit":
        ends = 1 / (1 + np.exp(-ends))
    elif scale == "log":
        ends = np.exp(ends)
    value, low, high = ends.tolist()
    return Pooled(value, low, high, found)


def _quantile(level: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2)) if math.isfinite(df) else z_value(level)


def _as_normal(level: float, df: float) -> float:
    """Return the level at which the normal quantile is the t quantile of `level`."""
    from scipy.special import ndtr

    return float(2 * ndtr(_quantile(level, df)) - 1)
