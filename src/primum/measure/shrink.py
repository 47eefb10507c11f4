"""Small groups borrow strength: empirical-Bayes estimates, shown beside the raw ones, never instead of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LOG_SIZE, LOG_SIZE_SD = 3.4, 2.5


@dataclass(frozen=True)
class Shrunk:
    """Estimates drawn towards a common value.

    Attributes
    ----------
    value, low, high
        Posterior means and equal-tailed intervals, shape (groups,); NaN where a group says nothing at all.
    weight
        How much of each raw estimate is kept, 0 to 1.
    centre, between
        The common value and the standard deviation between groups.
    method
        In words.
    """

    value: Floats
    low: Floats
    high: Floats
    weight: Floats
    centre: float
    between: float
    method: str


def beta_binomial(k: npt.ArrayLike, n: npt.ArrayLike, *, level: float = 0.95) -> Shrunk:
    """Return shrunken rates k/n: a Beta prior fitted to all groups by marginal likelihood.

    Half a hit and half a miss (Jeffreys), and a very weak prior for the spread between groups (a Beta worth about 30
    people, give or take a factor of 12), keep the fit away from the edges where all groups have 0 or 100 %.
    Groups with n = 0 get the prior itself. With a single group, or no spread beyond chance, groups collapse towards
    the common rate. The uncertainty of the common rate is carried (a Beta with the larger variance), that of the
    spread between groups is not: intervals are somewhat too short when groups are few (< 5).
    Not valid as evidence that a group does well: it pulls the worst towards the rest.
    Source: Kleinman (1973), J Am Stat Assoc 68:46-54.
    """
    from scipy.optimize import minimize
    from scipy.special import betaincinv, betaln

    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    seen = n > 0
    pooled = float(np.clip((k[seen].sum() + 0.5) / (n[seen].sum() + 1), 1e-6, 1 - 1e-6))

    def loss(x: Floats) -> float:
        centre, size = 1 / (1 + np.exp(-np.clip(x[0], -30, 30))), np.exp(np.clip(x[1], -3, 14))
        a, b = centre * size, (1 - centre) * size
        prior = 0.5 * np.log(centre * (1 - centre)) - 0.5 * ((x[1] - LOG_SIZE) / LOG_SIZE_SD) ** 2
        return -float((betaln(a + k[seen], b + n[seen] - k[seen]) - betaln(a, b)).sum() + prior)

    starts = [np.array([np.log(pooled / (1 - pooled)), s]) for s in (1.0, 3.0, 6.0, 10.0)]
    best = min(
        (minimize(loss, s, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}) for s in starts), key=_fun
    )
    centre, size = float(1 / (1 + np.exp(-best.x[0]))), float(np.exp(np.clip(best.x[1], -3, 14)))
    value, weight = (centre * size + k) / (size + n), n / (n + size)
    known = float((n / (1 + np.maximum(n - 1, 0) / (size + 1))).sum())  # independent people behind the centre
    spread = value * (1 - value) / (size + n + 1) + (1 - weight) ** 2 * centre * (1 - centre) / known
    people = np.maximum(value * (1 - value) / spread - 1, 1e-3)
    tail = (1 - level) / 2
    return Shrunk(
        value=value,
        low=betaincinv(value * people, (1 - value) * people, tail),
        high=betaincinv(value * people, (1 - value) * people, 1 - tail),
        weight=weight,
        centre=centre,
        between=float(np.sqrt(centre * (1 - centre) / (size + 1))),
        method="beta-binomial, empirical Bayes",
    )


def normal_normal(value: npt.ArrayLike, se: npt.ArrayLike, *, level: float = 0.95) -> Shrunk:
    """Return shrunken estimates of any metric from values and standard errors.

    The variance between groups is DerSimonian and Laird's. The uncertainty of the common value is carried; that of
    the variance between groups is not.
    Sources: DerSimonian & Laird (1986), Control Clin Trials 7:177-188; Efron & Morris (1975), J Am Stat Assoc
    70:311-319.
    """
    from primum.measure.intervals import z_value

    y, v = np.asarray(value, dtype=np.float64), np.asarray(se, dtype=np.float64) ** 2
    seen = np.isfinite(y) & np.isfinite(v) & (v > 0)
    tau2 = between_variance(y[seen], v[seen], np.ones((int(seen.sum()), 1)))
    w = 1 / (v[seen] + tau2)
    centre = float((w * y[seen]).sum() / w.sum()) if seen.any() else float("nan")
    keep = np.where(seen, tau2 / np.where(seen, v + tau2, 1.0), 0.0)
    shrunk = centre + keep * np.where(seen, y - centre, 0.0)
    spread = (
        np.sqrt(np.where(seen, keep * v, tau2) + (1 - keep) ** 2 / w.sum()) if seen.any() else np.full_like(y, np.nan)
    )
    half = z_value(level) * spread
    return Shrunk(shrunk, shrunk - half, shrunk + half, keep, centre, float(np.sqrt(tau2)), "normal, empirical Bayes")


def between_variance(y: Floats, v: Floats, x: Floats) -> float:
    """Return the variance beyond chance around the regression of y on x, by moments, weights 1/v; never below 0."""
    n, p = x.shape
    if n <= p:
        return 0.0
    w = 1 / v
    bread = np.linalg.pinv(x.T @ (w[:, None] * x))
    residual = y - x @ (bread @ (x.T @ (w * y)))
    q = float((w * residual**2).sum())
    scale = float(w.sum() - np.trace(bread @ (x.T @ ((w**2)[:, None] * x))))
    return max(0.0, (q - (n - p)) / scale) if scale > 0 else 0.0


def _fun(result: object) -> float:
    return float(getattr(result, "fun", np.inf))
