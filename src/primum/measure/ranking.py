"""Ranking: does a person with the outcome score higher than one without?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.kernel import NO_EVENTS, NO_NONEVENTS, Metric, divide
from primum.tally.resample import Histogram

Floats = npt.NDArray[np.float64]


def auroc(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return P(score of an event > score of a non-event) + ½ P(equal), shape (...,): Mann-Whitney on the bins."""
    zero, one = h.w[..., 0, :], h.w[..., 1, :]
    below = np.cumsum(zero, axis=-1) - zero / 2
    return divide((one * below).sum(-1), one.sum(-1) * zero.sum(-1))


def bracket(h: Histogram) -> float:
    """Return how far AUROC could lie from `auroc` on either side, for what a shared bin does not order."""
    zero, one = h.w[0], h.w[1]
    total = one.sum() * zero.sum()
    return float((one * zero).sum() / (2 * total)) if total > 0 else float("nan")


def average_precision(h: Histogram, _threshold: float = 0.0) -> Floats:
    """Return Σ (R_k − R_{k−1}) P_k over falling thresholds, without interpolation, shape (...,)."""
    one = h.w[..., 1, ::-1]
    found = np.cumsum(one, axis=-1)
    chosen = np.cumsum(h.w[..., 0, ::-1] + one, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(chosen > 0, found / chosen, 0.0)
    return divide((one * precision).sum(-1), one.sum(-1))


def _lacks(h: Any, _t: float) -> str:
    if h.w[1].sum() <= 0:
        return NO_EVENTS
    return NO_NONEVENTS if h.w[0].sum() <= 0 else ""


METRICS = (
    Metric(
        id="auroc",
        title="AUROC",
        words="how often a person with it scores above one without",
        formula="P(s₁ > s₀) + ½ P(s₁ = s₀)",
        range=(0.0, 1.0),
        better="higher",
        needs="histogram",
        kernel=auroc,
        undefined=_lacks,
        interval="delong",
        denominator="events",
        reference="DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837-845",
    ),
    Metric(
        id="average_precision",
        title="Average precision",
        words="mean share with it among those selected, over all thresholds",
        formula="Σ (Rₖ − Rₖ₋₁) Pₖ",
        range=(0.0, 1.0),
        better="higher",
        needs="histogram",
        kernel=average_precision,
        undefined=lambda h, _t: NO_EVENTS if h.w[1].sum() <= 0 else "",
        denominator="events",
        reference="Davis & Goadrich (2006), ICML 233-240; depends on prevalence: do not compare groups by it alone",
    ),
)
