"""Limits of one group at any critical value: what a simultaneous interval needs where 1.96 is not enough."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from primum.measure.intervals import mover
from primum.measure.kernel import Metric, divide, effective
from primum.measure.utility import odds
from primum.tally.score import Counts

Floats = npt.NDArray[np.float64]
Pair = tuple[Any, Any]
MANY = 10_000  # from so many of both kinds on, the score interval is right in the tails as well


class Limits(Protocol):
    """Limits of units at critical values; `safe` where they must hold far in the tails. Shapes: (index,)."""

    def __call__(self, index: npt.NDArray[np.int64], z: Any, *, safe: bool) -> Pair:
        """Return lower and upper limits of the units at `index`."""


def score_limits(k: Any, n: Any, z: Any) -> Pair:
    """Return Wilson limits of k/n at critical value `z` (broadcast); NaN where n = 0.

    Not valid far in the tails of rare events: at z = 4, with one event expected in twenty people or fewer, Wilson's
    error is a hundred times the nominal one. See `rate_limits`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p, z2 = k / n, np.square(z)
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = z / (1 + z2 / n) * np.sqrt(np.maximum(p * (1 - p), 0) / n + z2 / (4 * n * n))
    low, high = np.where(k <= 0, 0.0, centre - half), np.where(k >= n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def rate_limits(k: Any, n: Any, z: Any) -> Pair:
    """Return limits of k/n that keep their error at any `z`: the wider of Wilson's and Jeffreys' on either side.

    Jeffreys limits are quantiles of Beta(k + ½, n − k + ½) and follow the exact mid-P ones closely however far out.
    Sources: Brown, Cai & DasGupta (2001), Stat Sci 16:101-133; Cai (2005), J Stat Plan Inference 131:63-88.
    Not valid for clustered people counted as independent.
    """
    from scipy.special import betaincinv, ndtr

    low, high = (np.array(x) for x in score_limits(k, n, z))
    k, n, z = np.broadcast_arrays(k, n, z)
    few = (n > 0) & (np.minimum(k, n - k) < MANY)
    a, b = np.maximum(k[few], 0) + 0.5, np.maximum(n[few] - k[few], 0) + 0.5
    tail = ndtr(-z[few])
    low[few] = np.where(k[few] <= 0, 0.0, np.minimum(low[few], betaincinv(a, b, tail)))
    high[few] = np.where(k[few] >= n[few], 1.0, np.maximum(high[few], 1 - betaincinv(b, a, tail)))
    return low, high


def of_counts(m: Metric, c: Counts, ww: Counts, at: float) -> Limits | None:
    """Return the limits of a metric of confusion counts, each of shape (units,); None where there is no closed form.

    Balanced accuracy and net benefit combine the limits of their two rates (`mover`); not valid for clustered people.
    """
    n, nn = c.tp + c.fp + c.fn + c.tn, ww.tp + ww.fp + ww.fn + ww.tn
    if m.rate is not None:
        top, bottom = m.rate
        size = effective(bottom(c), bottom(ww))
        parts = [(divide(top(c), bottom(c)) * size, size)]
    elif m.id == "balanced_accuracy":
        sizes = effective(c.tp + c.fn, ww.tp + ww.fn), effective(c.tn + c.fp, ww.tn + ww.fp)
        parts = [(divide(x, y) * e, e) for x, y, e in zip((c.tp, c.tn), (c.tp + c.fn, c.tn + c.fp), sizes, strict=True)]
    elif m.id == "net_benefit" and at < 1:
        size = effective(n, nn)
        parts = [(divide(x, n) * size, size) for x in (c.tp, c.fp)]
    else:
        return None

    def limits(index: npt.NDArray[np.int64], z: Any, *, safe: bool) -> Pair:
        form = rate_limits if safe else score_limits
        found = [(divide(k[index], s[index]), *form(k[index], s[index], z)) for k, s in parts]
        if m.rate is not None:
            return found[0][1], found[0][2]
        if m.id == "balanced_accuracy":
            (a, al, ah), (b, bl, bh) = ((v / 2 for v in x) for x in found)
            return mover((a, al, ah), (-b, -bh, -bl))
        a, b = found[0][0], found[1][0]
        with np.errstate(invalid="ignore", divide="ignore"):
            rho = -np.sqrt(np.where((a < 1) & (b < 1), a * b / ((1 - a) * (1 - b)), 1.0)).clip(0, 1)
        return mover(found[0], found[1], weight=odds(at), correlation=rho)

    return limits


def of_interval(value: Floats, low: Floats, high: Floats, z0: float, inside: tuple[float, float]) -> Limits:
    """Return limits at any critical value from the interval at `z0`, whose arms are stretched by z / z0.

    The arms are measured on the scale that respects the range `inside` of the metric: logit for (0, 1), log for
    (0, ∞), plain otherwise and for a value at an end of the range. At `z0` the interval itself comes back.
    Not valid with fewer than about ten events, or twenty clusters: the standard error is then itself a guess, and the
    tails of the estimate are heavier than normal ones.
    """
    z0 = max(z0, 1e-9)
    ends = inside == (0.0, 1.0), inside[0] == 0.0

    def limits(index: npt.NDArray[np.int64], z: Any, *, safe: bool) -> Pair:  # noqa: ARG001 - one width for all
        v, a, b, f = value[index], low[index], high[index], np.asarray(z) / z0
        plain = np.maximum(v - f * (v - a), inside[0]), np.minimum(v + f * (b - v), inside[1])
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if ends[0]:
                centre, one, two = (np.log(x / (1 - x)) for x in (v, a, b))
                bent = tuple(1 / (1 + np.exp(-(centre + f * (x - centre)))) for x in (one, two))
            elif ends[1]:
                bent = tuple(v * (x / v) ** f for x in (a, b))
            else:
                return plain
            inner = (v > inside[0]) & (v < inside[1])
        return np.where(inner, bent[0], plain[0]), np.where(inner, bent[1], plain[1])

    return limits
