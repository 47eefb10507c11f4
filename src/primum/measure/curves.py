"""Curves from a tally: calibration, decision, ROC, and the table behind a movable threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.measure.intervals import wilson
from primum.measure.kernel import divide, effective
from primum.measure.utility import net_benefit, net_benefit_interval
from primum.tally.resample import coarsen, histogram
from primum.tally.score import ScoreTally


def calibration(
    view: ScoreTally, group: int, *, bins: int = 10, fewest: int = 20, level: float = 0.95
) -> list[dict[str, Any]]:
    """Return mean predicted risk and observed share, with Wilson interval, in bins of equal numbers of people.

    Fewer bins are made when a bin would hold fewer than `fewest` people. Empty for a score in points.
    """
    h = histogram(view, group)
    people = h.n.sum()
    if not view.grid.probability or people <= 0:
        return []
    h = coarsen(h, max(1, min(bins, int(people // fewest))))
    w, ww = h.w.sum(0), h.ww.sum(0)
    observed, predicted, size = divide(h.w[1], w), divide(h.ws.sum(0), w), effective(w, ww)
    low, high = wilson(observed * size, size, level)
    return [
        {
            "predicted": float(predicted[b]),
            "observed": float(observed[b]),
            "low": float(low[b]),
            "high": float(high[b]),
            "n": int(h.n[:, b].sum()),
            "events": int(h.n[1, b]),
        }
        for b in np.flatnonzero(w > 0)
    ]


def decision(view: ScoreTally, thresholds: list[float], *, level: float = 0.95) -> list[list[dict[str, Any]]]:
    """Return, for every group, net benefit of the score and of treating everybody at each threshold (below 1)."""
    result: list[list[dict[str, Any]]] = [[] for _ in view.groups]
    for t in thresholds:
        c, ww = view.at(t), view.at(t, "ww")
        value = net_benefit(c, t)
        low, high = net_benefit_interval(c, ww, t, level)
        share = divide(c.tp + c.fn, c.tp + c.fp + c.fn + c.tn)
        all_of_them = share - (1 - share) * t / (1 - t)
        for i, points in enumerate(result):
            points.append(
                {
                    "t": t,
                    "model": float(value[i]),
                    "low": float(low[i]),
                    "high": float(high[i]),
                    "treat_all": float(all_of_them[i]),
                }
            )
    return result


def roc(view: ScoreTally, group: int = 0, *, points: int = 200) -> list[dict[str, Any]]:
    """Return false-positive rate and sensitivity along falling thresholds, at most about `points` of them."""
    h = coarsen(histogram(view, group), points)
    totals = h.w.sum(-1)
    if totals.min() <= 0:
        return []
    reach = np.cumsum(h.w[:, ::-1], axis=-1) / totals[:, None]
    labels = [{"fpr": 0.0, "sensitivity": 0.0}]
    return labels + [{"fpr": float(a), "sensitivity": float(b)} for a, b in reach.T]


def thresholds_table(view: ScoreTally, thresholds: list[float]) -> list[dict[str, Any]]:
    """Return, for every group, people with and without the outcome at or above each threshold."""
    reach, people = view.selected(thresholds), view.people()
    attribute = " × ".join(view.attributes) or "overall"
    return [
        {
            "attribute": attribute,
            "group": " · ".join(g) or "everyone",
            "events": int(people[i, 1]),
            "nonevents": int(people[i, 0]),
            "tp": reach[i, 1].tolist(),
            "fp": reach[i, 0].tolist(),
        }
        for i, g in enumerate(view.groups)
    ]
