"""Judge an attack on membership: AUC and hits at few false alarms, with intervals and against an exact null."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, betaln, gammaln, logsumexp

from primum.measure.delong import auroc_interval
from primum.measure.ranking import auroc
from primum.tally.resample import Histogram

RATES = (0.01, 0.001)


@dataclass(frozen=True)
class Hits:
    """Members found at a rate of false alarms.

    Attributes
    ----------
    rate
        False alarms allowed, as a share of non-members.
    alarms
        How many non-members that is.
    hits, members
        Members scored above the threshold, of all.
    tpr, low, high
        Their share with Clopper and Pearson's interval.
    p_null
        Chance of as many hits or more if members and non-members were alike.
    """

    rate: float
    alarms: int
    hits: int
    members: int
    tpr: float
    low: float
    high: float
    p_null: float


@dataclass(frozen=True)
class Judged:
    """How well one attack tells members from non-members.

    Attributes
    ----------
    attack
        Its name.
    auc, low, high, method
        Area under the curve of members against non-members, and its interval at `level`.
    hits
        One entry for each rate in `RATES`.
    level
        Two-sided level of every interval, after dividing alpha by the number of looks.
    leaks
        What was shown, in words; empty where nothing was.
    """

    attack: str
    auc: float
    low: float
    high: float
    method: str
    hits: tuple[Hits, ...]
    level: float
    leaks: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, with the names that SACRO-ML's reports use where they mean the same."""
        out: dict[str, Any] = {"AUC": self.auc, "AUC_interval": [self.low, self.high], "method": self.method}
        out |= {f"TPR@{h.rate:g}": h.tpr for h in self.hits}
        return out | {"level": self.level, "hits": [asdict(h) for h in self.hits], "leaks": list(self.leaks)}


def judge(
    attack: str, members: npt.ArrayLike, others: npt.ArrayLike, *, alpha: float, looks: int, margin: float
) -> Judged:
    """Return how well scores of an attack tell members from non-members.

    Parameters
    ----------
    attack
        Its name.
    members, others
        Score of each member and each non-member, higher for "was in it", shapes (members,) and (others,).
    alpha
        Chance of any false alarm over all looks, when members and non-members are alike.
    looks
        How many numbers are looked at in all; each is tested one-sided at alpha / looks (Bonferroni).
    margin
        How far above .5 the AUC must lie, whole interval, before it counts as a leak.

    Notes
    -----
    The threshold at a rate r is the (j + 1)-th highest non-member, j = floor(r · others). With exchangeable scores
    the number of members above it is beta-binomial(members, j + 1, others − j); ties count as no hit, which errs to the
    side of no alarm. Clopper and Pearson's interval takes the threshold as given. The AUC's interval is DeLong's.
    """
    a, b = np.asarray(members, dtype=np.float64), np.asarray(others, dtype=np.float64)
    level = 1 - 2 * alpha / looks
    h = _histogram(a, b)
    auc = float(auroc(h))
    low, high, method = auroc_interval(h, level)
    leaks = []
    if low > 0.5 + margin:
        leaks.append(f"AUC {auc:.3f}, and at least {low:.3f}")
    found = []
    for rate in RATES:
        j = math.floor(rate * len(b) + 1e-9)
        threshold = np.sort(b)[::-1][j]
        k = int((a > threshold).sum())
        lower, upper = exact_limits(k, len(a), level)
        p = null_tail(k, len(a), j, len(b))
        found.append(Hits(rate, j, k, len(a), k / len(a), lower, upper, p))
        if p < alpha / looks and lower > max(rate, j / len(b)):
            leaks.append(f"{k} of {len(a)} members found while {j} of {len(b)} others are falsely named")
    return Judged(attack, auc, float(low), float(high), method, tuple(found), level, tuple(leaks))


def null_tail(k: int, members: int, alarms: int, others: int) -> float:
    """Return the chance of k or more members above the (alarms + 1)-th highest of `others` exchangeable non-members."""
    if k <= 0:
        return 1.0
    x = np.arange(k, members + 1)
    choose = gammaln(members + 1) - gammaln(x + 1) - gammaln(members - x + 1)
    mass = choose + betaln(x + alarms + 1, members - x + others - alarms) - betaln(alarms + 1, others - alarms)
    return float(min(1.0, np.exp(logsumexp(mass))))


def exact_limits(k: int, n: int, level: float) -> tuple[float, float]:
    """Return Clopper and Pearson's limits of k/n. Source: Clopper & Pearson (1934), Biometrika 26:404-413."""
    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    return low, float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0


def _histogram(members: np.ndarray, others: np.ndarray) -> Histogram:
    """Return both sets of scores by distinct value, others first."""
    values, at = np.unique(np.concatenate([others, members]), return_inverse=True)
    n = np.stack([np.bincount(part, minlength=len(values)).astype(float) for part in np.split(at, [len(others)])])
    return Histogram(n, n, n, np.zeros_like(n), np.zeros_like(n), np.zeros(len(values), dtype=np.bool_))
