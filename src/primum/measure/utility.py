"""Clinical utility at a threshold: what acting on the score is worth, in true positives."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.measure.intervals import mover, wilson
from primum.measure.kernel import NO_EVENTS, NO_PEOPLE, Metric, divide, effective
from primum.tally.score import Counts

_REFERENCE = "Vickers & Elkin (2006), Med Decis Making 26:565-574"


def odds(threshold: float) -> float:
    """Return t / (1 − t): how many true positives one false positive costs."""
    return threshold / (1 - threshold) if threshold < 1 else float("inf")


def net_benefit(c: Counts, threshold: float) -> Any:
    """Return TP/n − FP/n · t/(1 − t)."""
    n = c.tp + c.fp + c.fn + c.tn
    cost = np.where(c.fp > 0, c.fp * odds(threshold) if threshold < 1 else np.inf, 0.0)
    return divide(c.tp - cost, n)


def net_benefit_interval(c: Counts, ww: Counts, threshold: float, level: float) -> tuple[Any, Any]:
    """Return the interval of net benefit from Wilson limits of TP/n and FP/n, correlated as in a multinomial."""
    n = c.tp + c.fp + c.fn + c.tn
    size = effective(n, ww.tp + ww.fp + ww.fn + ww.tn)
    a, b = divide(c.tp, n), divide(c.fp, n)
    al, ah = wilson(a * size, size, level)
    bl, bh = wilson(b * size, size, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = -np.sqrt(np.where((a < 1) & (b < 1), a * b / ((1 - a) * (1 - b)), 1.0)).clip(0, 1)
    return mover((a, al, ah), (b, bl, bh), weight=odds(threshold), correlation=rho)


METRICS = (
    Metric(
        id="net_benefit",
        title="Net benefit",
        words="true positives per person, after paying for the false alarms",
        formula="TP/n − FP/n · t/(1 − t)",
        range=(-float("inf"), 1.0),
        better="higher",
        needs="counts",
        kernel=net_benefit,
        undefined=lambda c, t: (
            NO_PEOPLE
            if float(c.tp + c.fp + c.fn + c.tn) <= 0
            else "a threshold of 1 has no exchange rate"
            if t >= 1
            else ""
        ),
        interval="mover",
        threshold=True,
        probability=True,
        reference=_REFERENCE,
    ),
    Metric(
        id="standardised_net_benefit",
        title="Standardised net benefit",
        words="net benefit as a share of the best possible",
        formula="net benefit / prevalence",
        range=(-float("inf"), 1.0),
        better="higher",
        needs="counts",
        kernel=lambda c, t: divide(net_benefit(c, t), divide(c.tp + c.fn, c.tp + c.fp + c.fn + c.tn)),
        undefined=lambda c, t: (
            NO_EVENTS if float(c.tp + c.fn) <= 0 else "a threshold of 1 has no exchange rate" if t >= 1 else ""
        ),
        interval="linear",
        threshold=True,
        probability=True,
        reference=_REFERENCE + "; Kerr et al. (2016), J Clin Oncol 34:2534-2540",
    ),
)
