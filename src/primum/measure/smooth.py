"""The smoothed calibration curve: what happened, as a smooth function of the risk that was predicted.

A local straight line in the risk, with tricube weights over the nearest `SPAN` of people (nearest in rank, so that a
window holds as many people where risks are rare as where they are common). When P(y | s) is a straight line in s the
curve has no smoothing bias: a calibrated score gives back the diagonal.

Sources: Cleveland (1979), J Am Stat Assoc 74:829-836 (locally weighted lines); Austin & Steyerberg (2014), Stat Med
33:517-535 (for calibration). Not valid beyond the risks that occur, with a handful of events, or where risk bends
within less than half of the people: a narrower `span` then bends more and wobbles more. Bands are pointwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.measure.intervals import wilson
from primum.measure.kernel import divide
from primum.tally.resample import Histogram, coarsen, histogram
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
SPAN = 0.5
BINS = 64
RIDGE = 1e-10  # a risk that varies less than this (squared) has a level and no slope


def windows(w: Floats, span: float = SPAN) -> Floats:
    """Return tricube weights of every bin (last axis) around every bin (axis before it), shape (..., bins, bins).

    `w` holds the weight of each bin in order of risk; the window at a bin is the nearest `span` of it in rank.
    """
    total = w.sum(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        rank = (np.cumsum(w, axis=-1) - w / 2) / total
    reach = np.maximum(span / 2, np.maximum(span - rank, span - (1 - rank)))
    away = np.abs(rank[..., :, None] - rank[..., None, :]) / reach[..., :, None]
    return np.asarray(np.clip(1 - away**3, 0, 1) ** 3)


def lines(near: Floats, w: Floats, risk: Floats, observed: Floats) -> Floats:
    """Return the local line's value at every bin, within [0, 1], shape (..., bins).

    `near` are the `windows`, (..., bins, bins), or (bins, bins) shared by all replicates; `w`, `risk` and `observed`
    are weight, mean risk and observed share of every bin, (..., bins).
    """

    def local(x: Floats) -> Floats:
        return np.asarray(x @ near.T if near.ndim == 2 else (near @ x[..., None])[..., 0])

    mass = local(w)
    with np.errstate(invalid="ignore", divide="ignore"):
        x0, y0 = local(w * risk) / mass, local(w * observed) / mass
        spread = np.maximum(local(w * risk**2) / mass - x0**2, 0.0)
        slope = (local(w * risk * observed) / mass - x0 * y0) / (spread + RIDGE)
    return np.asarray(np.clip(y0 + slope * (risk - x0), 0.0, 1.0))


def binned(h: Histogram, bins: int = BINS) -> tuple[Histogram, Floats, Floats, Floats]:
    """Return the histogram in at most about `bins` bins, with weight, mean risk and observed share of each."""
    people = h.n.reshape(-1, *h.n.shape[-2:]).sum(0)
    first = Histogram(
        n=people, w=h.w, ww=h.ww, ws=h.ws, wss=h.wss, selected=np.zeros(h.n.shape[-1], dtype=np.bool_)
    )  # edges from people, not from replicates, and no threshold among them
    h = coarsen(first, bins)
    w = h.w.sum(-2)
    return h, w, divide(h.ws.sum(-2), w), divide(h.w[..., 1, :], w)


def fitted(h: Histogram, *, span: float = SPAN, bins: int = BINS) -> tuple[Floats, Floats, Floats]:
    """Return weight, mean risk and smoothed observed risk of each bin, shape (..., bins) each."""
    _, w, risk, observed = binned(h, bins)
    risk, observed = np.nan_to_num(risk), np.nan_to_num(observed)
    return w, risk, lines(windows(w, span), w, risk, observed)


def curve(
    view: ScoreTally, group: int, *, span: float = SPAN, points: int = 25, fewest: int = 20, level: float = 0.95
) -> list[dict[str, Any]]:
    """Return the smoothed calibration curve of one group with pointwise bands, at most about `points` points.

    Each band is Wilson's, with as many people as give the variance of the local line; n is that number. Empty for a
    score in points, and for fewer than `fewest` people. Not valid where people belong together: bands are then too
    narrow.
    """
    h = histogram(view, group)
    if not view.grid.probability or h.n.sum() < fewest:
        return []
    h, w, risk, observed = binned(h)
    keep = w > 0
    h = replace(h, **{k: getattr(h, k)[:, keep] for k in ("n", "w", "ww", "ws", "wss")}, selected=h.selected[keep])
    w, risk, observed = w[keep], risk[keep], observed[keep]
    near = windows(w, span)
    value = lines(near, w, risk, observed)
    size = 1 / (smoother(near, w, risk) ** 2 @ (h.ww.sum(0) / w**2))
    low, high = wilson(value * size, size, level)
    some = np.unique(np.linspace(0, len(w) - 1, min(points, len(w))).round().astype(np.int64))
    return [
        {
            "predicted": float(risk[b]), "observed": float(value[b]), "low": float(low[b]), "high": float(high[b]),
            "n_effective": float(size[b]),
        }
        for b in some
    ]  # fmt: skip


def smoother(near: Floats, w: Floats, risk: Floats) -> Floats:
    """Return how much each bin's observed share moves the line at each bin, shape (bins, bins); rows add up to 1."""
    share = near * w
    share = share / share.sum(-1, keepdims=True)
    x0 = share @ risk
    spread = np.maximum(share @ risk**2 - x0**2, 0.0) + RIDGE
    return np.asarray(share * (1 + ((risk - x0) / spread)[:, None] * (risk[None, :] - x0[:, None])))
