"""One number for miscalibration: integrated index, its quantiles, and a squared error without small-sample bias.

`ici`, `e50`, `e90` average, halve and bound |smoothed observed risk − predicted risk| over people. They are above 0
by chance alone, the more so the fewer people there are (ICI about .013 at 1,000 people and .04 at 100, a tenth of them
cases, when nothing is wrong): read them beside the number of events, and do not compare groups of different size.
`debiased_calibration_error` is about 0 for a calibrated score at every size, and is the one to compare groups by.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.kernel import NO_PEOPLE, Metric, divide, effective
from primum.measure.smooth import binned, fitted, lines, smoother, windows
from primum.tally.resample import Histogram

Floats = npt.NDArray[np.float64]
EQUAL_MASS = 15
CURVES = 500  # simulated at most
DRAWN = 32  # bins of a simulated curve
_DRAW = 0x1C1
_AUSTIN = "Austin & Steyerberg (2019), Stat Med 38:4051-4065; above 0 by chance: do not compare groups by it alone"


def debiased(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return Ê = Σ_b (n_b/n)·[(p̄_b − ȳ_b)² − ȳ_b(1 − ȳ_b)/(n_b − 1)] over 15 bins of equal numbers, shape (...,).

    A squared error: its root is on the scale of risk. It may be below 0, by chance, when nothing is wrong. Bins with
    fewer than two (effective) people are left out of the sum. With weights, n_b − 1 is in effective people.
    Source: Kumar, Liang & Ma (2019), NeurIPS, arXiv 1909.10155. Not valid for errors that cancel within a bin.
    """
    h, w, risk, observed = binned(h, EQUAL_MASS)
    size = effective(w, h.ww.sum(-2))
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = np.where(size >= 2, observed * (1 - observed) / (size - 1), np.nan)
    known = np.isfinite(noise)
    error = np.where(known, np.square(risk - observed) - noise, 0.0)
    total = np.where(known.any(-1), w.sum(-1), 0.0)
    return divide((w * error).sum(-1), total)


def plug_in(h: Histogram) -> Floats:
    """Return the plug-in calibration error Σ_b (n_b/n)·|p̄_b − ȳ_b| over 15 bins of equal numbers, shape (...,).

    For the record and for one group at one size only: it grows as groups shrink. Source: Naeini et al. (2015), AAAI.
    """
    _, w, risk, observed = binned(h, EQUAL_MASS)
    return divide((w * np.abs(np.nan_to_num(risk - observed))).sum(-1), w.sum(-1))


def ici(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return the integrated calibration index: the mean of |ŷ(s) − s| over people, ŷ the smoothed curve."""
    return _summary(h, None)


def e50(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return the median of |ŷ(s) − s| over people."""
    return _summary(h, 0.5)


def e90(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return the 90th percentile of |ŷ(s) − s| over people."""
    return _summary(h, 0.9)


def limits(h: Histogram, share: float | None, replicates: int, seed: int, level: float) -> tuple[Any, Any, str]:
    """Return limits of ICI (`share` None) or a quantile of |ŷ(s) − s|, from curves simulated about the one found.

    A simulated curve carries its noise twice and lies too high, so the lower limit is the basic one, 2·v − q, which
    mirrors it; where v is no more than curves of this size wander about themselves, it is 0: chance explains it. The
    upper limit is the percentile. Source: Davison & Hinkley (1997), Bootstrap Methods and their Application, 5.2.
    Not valid for fewer than about 30 events, nor where people belong together (the interval is linearised there).
    """
    cells = tuple(x.tobytes() for x in (h.n, h.w, h.ww, h.ws))
    w, error, wander = _simulated(cells, h.n.shape[-1], min(replicates, CURVES), seed)
    found, noise = _reduce(w, error, share), _reduce(w, wander, share)
    if not np.isfinite(found).all() or np.ptp(found) < 1e-9:
        return np.nan, np.nan, "none"
    v = float(_summary(h, share))
    top, chance = (float(np.quantile(x, 0.5 + level / 2)) for x in (found, noise))
    low = 0.0 if v <= chance else min(max(2 * v - top, 0.0), v)
    return low, min(max(top, v), 1.0), "simulated curves"


@lru_cache(maxsize=4)
def _simulated(cells: tuple[bytes, ...], bins: int, replicates: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return weights of bins, |ŷ* − s| and |ŷ* − ŷ| of every simulated curve, shape (replicates, bins) each.

    A curve is the one found plus its linear smoother applied to noise of bins: normal, of binomial variance at the
    smoothed risk with half a case added on either side, so that a group without cases has noise as well. The
    weight of each bin varies too, as a count does, for the mean over people.
    """
    n, w, ww, ws = (np.frombuffer(x, dtype=np.float64).reshape(2, bins) for x in cells)
    whole = Histogram(n=n, w=w, ww=ww, ws=ws, wss=ws, selected=np.zeros(bins, dtype=np.bool_))
    h, w, risk, observed = binned(whole, DRAWN)
    keep = w > 0
    w, risk, observed, ww = w[keep], risk[keep], observed[keep], h.ww.sum(0)[keep]
    near = windows(w)
    smooth, matrix = lines(near, w, risk, observed), smoother(near, w, risk)
    size = 1 / (matrix**2 @ (ww / w**2))
    level = (smooth * size + 0.5) / (size + 1)
    rng = np.random.default_rng([seed, _DRAW])
    noise = rng.standard_normal((replicates, len(w))) * np.sqrt(level * (1 - level) * ww / w**2)
    again = np.clip(smooth + noise @ matrix.T, 0.0, 1.0)
    mass = np.maximum(w + np.sqrt(ww) * rng.standard_normal((replicates, len(w))), 1e-9 * w)
    return mass, np.abs(again - risk), np.abs(again - smooth)


def _summary(h: Histogram, share: float | None) -> Floats:
    w, risk, smooth = fitted(h)
    return _reduce(w, np.abs(smooth - risk), share)


def _reduce(w: Floats, error: Floats, share: float | None) -> Floats:
    """Return the weighted mean, or a quantile interpolated between the middles of bins, over the last axis."""
    total = w.sum(-1)
    if share is None:
        return divide((w * error).sum(-1), total)
    order = np.argsort(np.where(w > 0, error, np.inf), axis=-1, kind="stable")
    e, v = np.take_along_axis(error, order, -1), np.take_along_axis(w, order, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (np.cumsum(v, axis=-1) - v / 2) / total[..., None]
    last = np.maximum((v > 0).sum(-1) - 1, 0)[..., None]
    right = np.minimum((middle < share).sum(-1, keepdims=True), last)
    left = np.maximum(right - 1, 0)

    def at(x: Floats, i: Any) -> Floats:
        return np.asarray(np.take_along_axis(x, i, -1)[..., 0])

    gap = at(middle, right) - at(middle, left)
    part = np.clip(divide(share - at(middle, left), gap), 0, 1)
    value = at(e, left) + np.where(np.isfinite(part), part, 0.0) * (at(e, right) - at(e, left))
    return np.asarray(np.where(total > 0, value, np.nan))


def _nobody(h: Any, _t: float) -> str:
    return NO_PEOPLE if h.w.sum() <= 0 else ""


def _too_few(h: Any, t: float) -> str:
    return _nobody(h, t) or ("" if np.isfinite(debiased(h)) else "no fifteenth of this group holds two people")


def _index(name: str, title: str, words: str, formula: str, kernel: Any, share: float | None) -> Metric:
    return Metric(
        id=name, title=title, words=words, formula=formula, range=(0.0, 1.0), better="lower", needs="histogram",
        kernel=kernel, undefined=_nobody, probability=True, denominator="events", reference=_AUSTIN,
        interval="bootstrap", limits=lambda h, r, seed, level: limits(h, share, r, seed, level),
    )  # fmt: skip


METRICS = (
    Metric(
        id="debiased_calibration_error", title="De-biased calibration error",
        words="mean squared gap between predicted and observed risk, less what chance adds",
        formula="Σ (n_b/n) · [(p̄_b − ȳ_b)² − ȳ_b(1 − ȳ_b)/(n_b − 1)], 15 equal-mass bins", range=(-1.0, 1.0),
        better="lower", needs="histogram", kernel=debiased, undefined=_too_few, probability=True,
        denominator="events", reference="Kumar, Liang & Ma (2019), NeurIPS, arXiv 1909.10155",
    ),
    _index("ici", "Integrated calibration index", "mean gap between predicted and observed risk", "mean |ŷ(s) − s|",
           ici, None),
    _index("e50", "E50", "median gap between predicted and observed risk", "median |ŷ(s) − s|", e50, 0.5),
    _index("e90", "E90", "gap that nine in ten people stay below", "90th percentile of |ŷ(s) − s|", e90, 0.9),
)  # fmt: skip

_ECE = (
    "The plug-in calibration error (ECE) grows as groups shrink, whatever the model does: a calibrated score has "
    ".080 at 100 people and .008 at 10,000. It would call every small group badly served."
)
REFUSED = dict.fromkeys(("ece", "expected_calibration_error", "rmsce", "mce"), _ECE)
"""Names of measures that are known and not offered → the reason."""
