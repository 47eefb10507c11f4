"""Calibration: do predicted risks agree with what happened?"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from primum.measure.kernel import NO_EVENTS, NO_NONEVENTS, NO_PEOPLE, Metric, divide
from primum.tally.resample import Histogram

Floats = npt.NDArray[np.float64]
EDGE = 1e-4  # scores of exactly 0 or 1 have no logit; they are moved this far inside
STEPS = 40
NOBODY = 1e-9  # mean risk at or below which nobody is predicted to have the outcome
REFERENCE = "Van Calster et al. (2019), BMC Med 17:230"


def brier(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return the mean squared difference between score and outcome, shape (...,); exact from the sums."""
    error = h.wss.sum((-2, -1)) - 2 * h.ws[..., 1, :].sum(-1) + h.w[..., 1, :].sum(-1)
    return divide(error, h.w.sum((-2, -1)))


def observed_expected(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return observed events over the sum of predicted risks, shape (...,)."""
    return divide(h.w[..., 1, :].sum(-1), h.ws.sum((-2, -1)))


def intercept(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return calibration in the large: the intercept of a logistic model with the logit of the risk as offset."""
    x, n, k = logits(h)
    if n.ndim == 1:
        return np.asarray(_intercept_of_one(x, n, k))
    a = np.zeros(n.shape[:-1])
    for _ in range(STEPS):
        p = expit(a[..., None] + x)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = (k - n * p).sum(-1) / (n * p * (1 - p)).sum(-1)
        a = a + np.clip(step, -2, 2)
        if np.nanmax(np.abs(np.atleast_1d(step)), initial=0.0) < 1e-10:
            break
    events = k.sum(-1)
    return np.asarray(np.where((events > 0) & (events < n.sum(-1)), a, np.nan))


def slope(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return the slope of a logistic model of the outcome on the logit of the risk; NaN when it does not exist."""
    return fit(h)[1]


def fit(h: Histogram) -> tuple[Floats, Floats]:
    """Return intercept and slope of logistic recalibration, each of shape (...,), by Newton's method on the bins."""
    if h.w.ndim == 2:
        a, b = _fit_of_one(h)
        return np.asarray(a), np.asarray(b)
    x, n, k = logits(h)
    total = n.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (n * x).sum(-1) / total
    u = x - centre[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        a = logit(np.clip(k.sum(-1) / total, 1e-9, 1 - 1e-9))
    b = np.zeros_like(a)
    step = np.ones_like(a)
    for _ in range(STEPS):
        p = expit(a[..., None] + b[..., None] * u)
        v = n * p * (1 - p)
        r = k - n * p
        s0, s1, s2 = v.sum(-1), (v * u).sum(-1), (v * u * u).sum(-1)
        g0, g1 = r.sum(-1), (r * u).sum(-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            det = s0 * s2 - s1 * s1
            da, db = (s2 * g0 - s1 * g1) / det, (s0 * g1 - s1 * g0) / det
        a, b = a + np.clip(da, -2, 2), b + np.clip(db, -1, 1)
        step = np.abs(da) + np.abs(db)
        if np.nanmax(np.atleast_1d(step), initial=0.0) < 1e-9:
            break
    exists = (step < 1e-6) & _overlap(h, x)
    return np.where(exists, a - b * centre, np.nan), np.where(exists, b, np.nan)


def _intercept_of_one(x: Floats, n: Floats, k: Floats) -> float:
    """Return `intercept` of one histogram: the same steps, without what replicates need."""
    a, events = 0.0, float(k.sum())
    if not 0 < events < float(n.sum()):
        return float("nan")
    for _ in range(STEPS):
        p = expit(a + x)
        v = n * p
        spread = float((v - v * p).sum())
        step = (events - float(v.sum())) / spread if spread > 0 else float("nan")
        a += min(max(step, -2.0), 2.0)
        if not abs(step) >= 1e-10:
            break
    return a


@lru_cache(maxsize=4)  # the slope is asked for its reason, its value and its interval
def _fit_of_one(h: Histogram) -> tuple[float, float]:
    """Return `fit` of one histogram: the same steps, without what replicates need."""
    x, n, k = logits(h)
    total, events = float(n.sum()), float(k.sum())
    if not (total > 0 and _overlap(h, x)):
        return float("nan"), float("nan")
    centre = float((n * x).sum()) / total
    u = x - centre
    share = min(max(events / total, 1e-9), 1 - 1e-9)
    a, b, step = float(np.log(share / (1 - share))), 0.0, float("inf")
    for _ in range(STEPS):
        p = expit(a + b * u)
        v = n * p
        r = k - v
        v -= v * p
        vu = v * u
        s0, s1, s2, g0, g1 = (float(z.sum()) for z in (v, vu, vu * u, r, r * u))
        det = s0 * s2 - s1 * s1
        if not det > 0:
            return float("nan"), float("nan")
        da, db = (s2 * g0 - s1 * g1) / det, (s0 * g1 - s1 * g0) / det
        a, b = a + min(max(da, -2.0), 2.0), b + min(max(db, -1.0), 1.0)
        step = abs(da) + abs(db)
        if step < 1e-9:
            break
    return (a - b * centre, b) if step < 1e-6 else (float("nan"), float("nan"))


def _overlap(h: Histogram, x: Floats) -> npt.NDArray[np.bool_]:
    """Return whether risks of people with and without the outcome overlap; if not, the likelihood has no maximum."""
    (low0, high0), (low1, high1) = (
        (np.where(there, x, np.inf).min(-1, initial=np.inf), np.where(there, x, -np.inf).max(-1, initial=-np.inf))
        for there in (h.w[..., 0, :] > 0, h.w[..., 1, :] > 0)
    )
    return np.asarray((high0 > low1) & (high1 > low0))


def logits(h: Histogram) -> tuple[Floats, Floats, Floats]:
    """Return the logit of the mean risk, people and events of every bin, each of shape (..., bins)."""
    return _logits_of_one(h) if h.w.ndim == 2 else _logits(h)


@lru_cache(maxsize=4)
def _logits_of_one(h: Histogram) -> tuple[Floats, Floats, Floats]:
    return _logits(h)


def _logits(h: Histogram) -> tuple[Floats, Floats, Floats]:
    n = h.w.sum(-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        risk = np.where(n > 0, h.ws.sum(-2) / n, 0.5)
    return logit(np.clip(risk, EDGE, 1 - EDGE)), n, h.w[..., 1, :]


def _lacks(h: Any, _t: float) -> str:
    if h.w.sum() <= 0:
        return NO_PEOPLE
    if h.w[1].sum() <= 0:
        return NO_EVENTS
    return NO_NONEVENTS if h.w[0].sum() <= 0 else ""


def _no_slope(h: Any, t: float) -> str:
    if reason := _lacks(h, t):
        return reason
    x, n, _ = logits(h)
    if np.ptp(x[n > 0]) < 1e-9:
        return "everybody in this group has the same score"
    return "" if np.isfinite(slope(h)) else "the score separates the outcomes completely: no slope exists"


METRICS = (
    Metric(
        id="brier", title="Brier score", words="mean squared error of the risk", formula="mean (s − y)²",
        range=(0.0, 1.0), better="lower", needs="histogram", kernel=brier, probability=True,
        undefined=lambda h, _t: NO_PEOPLE if h.w.sum() <= 0 else "",
        reference="Brier (1950), Mon Weather Rev 78:1-3; depends on prevalence: do not compare groups by it alone",
    ),
    Metric(
        id="oe_ratio", title="Observed / expected", words="cases seen for each case predicted",
        formula="Σ y / Σ s", range=(0.0, float("inf")), better="one", needs="histogram", kernel=observed_expected,
        probability=True, denominator="events",
        undefined=lambda h, _t: (
            NO_PEOPLE if h.w.sum() <= 0 else "no case is predicted" if h.ws.sum() <= NOBODY * h.w.sum() else ""
        ),
        reference=REFERENCE,
    ),
    Metric(
        id="calibration_intercept", title="Calibration intercept", words="risk too low (above 0) or too high (below 0)",
        formula="a in logit P(y) = a + logit s", range=(-float("inf"), float("inf")), better="zero",
        needs="histogram", kernel=intercept, undefined=_lacks, probability=True, denominator="events",
        reference=REFERENCE,
    ),
    Metric(
        id="calibration_slope", title="Calibration slope", words="risks too extreme (below 1) or too timid (above 1)",
        formula="b in logit P(y) = a + b · logit s", range=(-float("inf"), float("inf")), better="one",
        needs="histogram", kernel=slope, undefined=_no_slope, probability=True, denominator="events",
        reference=REFERENCE,
    ),
)  # fmt: skip
