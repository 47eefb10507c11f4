"""Linearisation: how much each cell of a tally moves an estimate, and the variance that follows from it.

The influence of a cell is the change of the estimate per unit of weight added there, found by adding a little: the
infinitesimal jackknife. It serves every metric, because kernels broadcast. With independent people the variance is
Σ ψ² Σw²; with families or hospitals it is Σ ψᵢ ψⱼ Σ_c T_cᵢ T_cⱼ over the cells i, j that clusters c share.
Sources: Jaeckel (1972), Bell Labs TM 72-1215-10; Binder (1983), Int Stat Rev 51:279-292.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from primum.measure.influence import CLOSED
from primum.measure.intervals import z_value
from primum.measure.kernel import Metric
from primum.tally.resample import Histogram

Floats = npt.NDArray[np.float64]
STEP = 1e-5


def influence(metric: Metric, h: Histogram, kernel_input: Any, threshold: float) -> Floats:
    """Return ψ of shape (2, bins): the change of the metric per unit of weight added to each cell of one group.

    `kernel_input` turns a histogram into what the kernel takes: the histogram itself, or its confusion counts.
    """
    if metric.id in CLOSED and metric.needs == "histogram":
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(h.w > 0, CLOSED[metric.id](h), 0.0)
    cells = h.w.size
    added = STEP * h.w.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        score = np.where(h.w > 0, h.ws / h.w, 0.0)
        square = np.where(h.w > 0, h.wss / h.w, 0.0)
    one = np.eye(cells).reshape(cells, *h.w.shape) * added
    moved = replace(h, w=h.w + one, ws=h.ws + one * score, wss=h.wss + one * square)
    base = float(metric.kernel(kernel_input(h), threshold))
    psi = (np.asarray(metric.kernel(kernel_input(moved), threshold)) - base) / added
    return np.where(h.w > 0, psi.reshape(h.w.shape), 0.0)


def few_clusters(clusters: int, level: float) -> float:
    """Return (t/z)²: by how much a variance from few clusters is enlarged, with clusters − 1 degrees of freedom."""
    from scipy.special import stdtrit

    if clusters < 2:
        return float("nan")
    return float((stdtrit(clusters - 1, 0.5 + level / 2) / z_value(level)) ** 2)


def variance(psi: Floats, h: Histogram, shared: Floats | None = None, clusters: int | None = None) -> float:
    """Return the variance of an estimate from its influence.

    `shared` is Σ_c T_cᵢ T_cⱼ over clusters, shape (cells, cells), with `clusters` of them; left out, people are
    independent. NaN with fewer than two people or clusters.
    """
    if shared is not None and clusters is not None:
        flat = psi.ravel()
        return float(flat @ shared @ flat * clusters / (clusters - 1)) if clusters > 1 else float("nan")
    n = h.n.sum()
    return float((psi**2 * h.ww).sum() * n / (n - 1)) if n > 1 else float("nan")


def interval(value: float, var: float, metric: Metric, level: float) -> tuple[float, float]:
    """Return value ± z·se on the scale of the range: logit for [0, 1], log for [0, ∞) and [1, ∞), plain otherwise."""
    if not (np.isfinite(var) and var > 1e-18 * (1 + value**2)):
        return float("nan"), float("nan")
    half = z_value(level) * np.sqrt(var)
    low, high = metric.range
    if (low, high) == (0.0, 1.0) and 0 < value < 1:
        odds, half = np.log(value / (1 - value)), half / (value * (1 - value))
        return float(expit(odds - half)), float(expit(odds + half))
    if low >= 0.0 and value > 0:
        return float(value * np.exp(-half / value)), float(value * np.exp(half / value))
    return float(value - half), float(value + half)
