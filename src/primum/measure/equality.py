"""Are all groups equal? A test that holds its level for small groups and rare outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.estimate import Settings, weighted
from primum.measure.metric import metric
from primum.measure.sides import Sides, sides, stream
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
ENOUGH = 100.0  # expected hits and misses from which chi-square is exact enough
WELL_KNOWN = 10  # degrees of freedom below which a standard error is too uncertain to be used


@dataclass(frozen=True)
class Equality:
    """The test of "all groups are equal" in one metric.

    Attributes
    ----------
    statistic, df, p
        NaN where fewer than two groups can be compared; `p` ≤ α speaks against equality.
    method
        How `p` was found.
    groups, left_out
        Names of the groups that were compared, and of those that could not be.
    """

    metric: str
    statistic: float
    df: float
    p: float
    method: str
    groups: tuple[str, ...]
    left_out: tuple[str, ...]


def equal_rates(
    k: npt.ArrayLike, n: npt.ArrayLike, rng: np.random.Generator, *, replicates: int = 2000, exact: bool = True
) -> tuple[float, float, str]:
    """Return Pearson's statistic of "all rates k/n are equal", its p-value and how it was found.

    With at least 100 expected hits and misses in every group: chi-square. Otherwise the hits are dealt anew to the
    same groups, all together as many as were seen (Monte-Carlo Fisher-Freeman-Halton): it holds its level at any
    size, and is conservative when there are very few hits. With `exact=False` (weighted or clustered, so that `n` are
    effective numbers) the hits are binomial with the pooled rate instead, and the level is approximate.

    Parameters
    ----------
    k, n
        Hits and people of each group, shape (groups,), all n > 0.

    Notes
    -----
    Sources: Freeman & Halton (1951), Biometrika 38:141-149; Davison & Hinkley (1997), section 4.2.
    Not valid for people counted in several groups, or for clustered people counted as independent.
    """
    from scipy.special import chdtrc

    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    pooled, df = k.sum() / n.sum(), len(n) - 1
    if not 0 < pooled < 1:
        return 0.0, 1.0, "everyone the same"

    def pearson(hits: Any, people: Any) -> Any:
        rate = hits.sum(axis=-1, keepdims=True) / people.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            each = (hits - people * rate) ** 2 / (people * rate * (1 - rate))
        return np.nan_to_num(each.sum(axis=-1))

    seen = float(pearson(k, n))
    if (n.min() * min(pooled, 1 - pooled)) >= ENOUGH or n.sum() >= 1e9:
        return seen, float(chdtrc(df, seen)), "chi-square"
    people = np.maximum(np.rint(n), 1).astype(np.int64)
    if exact:
        hits = round(float(k.sum()))
        drawn = rng.multivariate_hypergeometric(people, hits, size=replicates, method="marginals")
        method = "chi-square, exact by redrawing"
    else:
        drawn = rng.binomial(people, pooled, size=(replicates, len(n)))
        method = "chi-square, parametric bootstrap"
    beyond = int((pearson(drawn, people) >= seen * (1 - 1e-9)).sum())
    return seen, (1 + beyond) / (replicates + 1), method


def equal_values(value: npt.ArrayLike, variance: npt.ArrayLike, df: npt.ArrayLike) -> tuple[float, float, float]:
    """Return Cochran's Q of "all values are equal", the denominator degrees of freedom and the p-value.

    Q with Welch's correction for variances that are themselves estimated, on `df` degrees of freedom each; with
    large `df` it is Cochran's chi-square.
    Sources: Cochran (1954), Biometrics 10:101-129; Welch (1951), Biometrika 38:330-336.
    Not valid for values whose variance depends strongly on the value itself (rates: use `equal_rates`), or with fewer
    than about ten degrees of freedom in a group.
    """
    from scipy.special import fdtrc

    v, s2, df = (np.asarray(x, dtype=np.float64) for x in (value, variance, df))
    groups, weight = len(v), 1 / s2
    share = weight / weight.sum()
    q = float((weight * (v - (share * v).sum()) ** 2).sum())
    slack = float(((1 - share) ** 2 / df).sum())
    below = (groups**2 - 1) / (3 * slack)
    f = q / (groups - 1) / (1 + 2 * (groups - 2) / (groups**2 - 1) * slack)
    return q, below, float(fdtrc(groups - 1, below, f))


def equality(view: ScoreTally, name: str, settings: Settings) -> Equality:
    """Return the test of "all groups are equal" in one metric: a calibrated answer where max − min has none.

    Rates by `equal_rates`. Other metrics by `equal_values` on the scale that suits their range (logit or log), with
    the rarer outcome giving the degrees of freedom; groups with ten of it or fewer are left out and named.

    Raises
    ------
    PrimumError
        For an unknown metric, or one of a decision without a threshold.
    """
    m = metric(name)
    s = sides(view, m, settings)
    known = np.flatnonzero([not r for r in s.reason])
    nan = float("nan")
    if m.rate is None:
        known, value, variance, df = _on_scale(s, known)
    names = tuple(s.groups[i] for i in known)
    out = tuple(g for g in s.groups if g not in names)
    if len(known) < 2:
        return Equality(name, nan, nan, nan, "none", names, out)
    if m.rate is None:
        q, below, p = equal_values(value, variance, df)
        return Equality(name, q, below, p, "Cochran's Q, Welch's correction", names, out)
    exact = view.clusters is None and not weighted(view)
    n = s.size[known]
    rng = stream(view, settings, f"equality {name}")
    q, p, method = equal_rates(s.value[known] * n, n, rng, replicates=2 * settings.replicates, exact=exact)
    return Equality(name, q, float(len(known) - 1), p, method, names, out)


def _on_scale(s: Sides, known: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    """Return the usable groups with value, variance and degrees of freedom on the scale that suits the metric."""
    inside = s.metric.range
    low, high = s.limits(known, 1.0, safe=False)

    def scale(x: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(x / (1 - x)) if inside == (0.0, 1.0) else np.log(x) if inside[0] == 0.0 else np.asarray(x)

    value, half = scale(s.value[known]), (scale(high) - scale(low)) / 2
    df = s.people[known].min(axis=1) - 1.0
    fine = np.isfinite(value) & np.isfinite(half) & (half > 0) & (df >= WELL_KNOWN)
    return known[fine], value[fine], half[fine] ** 2, df[fine]
