"""Differences along decision curves: the score against treating everybody or nobody, and one group against another."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.measure.intervals import mover
from primum.measure.kernel import divide
from primum.measure.utility import net_benefit, net_benefit_interval, odds
from primum.measure.workload import avoided_limits
from primum.tally.score import ScoreTally


def over_defaults(view: ScoreTally, thresholds: list[float], *, level: float = 0.95) -> list[list[dict[str, Any]]]:
    """Return, for every group and threshold in (0, 1), net benefit of the score less that of doing without it.

    `treat_all` and `treat_none` (0) are the defaults; `over_all` = NB − NB(all) with its limits, `over_none` = NB with
    its own, `over_best` = the smaller of the two: above 0, the score is worth having. NB − NB(all) is a difference of
    the same people, [TN·t/(1 − t) − FN]/n, so its interval is not that of two independent groups.
    Source: Vickers & Elkin (2006), Med Decis Making 26:565-574. Bands are pointwise: not valid for choosing the
    threshold at which the score looks best.
    """
    result: list[list[dict[str, Any]]] = [[] for _ in view.groups]
    for t in thresholds:
        c, ww = view.at(t), view.at(t, "ww")
        n = c.tp + c.fp + c.fn + c.tn
        share = divide(c.tp + c.fn, n)
        model, everybody = net_benefit(c, t), share - (1 - share) * odds(t)
        low, high = net_benefit_interval(c, ww, t, level)
        spared_low, spared_high, _ = avoided_limits(c, ww, t, level)
        for i, points in enumerate(result):
            over = float(model[i] - everybody[i])
            points.append(
                {
                    "t": t, "model": float(model[i]), "treat_all": float(everybody[i]), "treat_none": 0.0,
                    "over_all": over, "over_all_low": float(spared_low[i] * odds(t) / 100),
                    "over_all_high": float(spared_high[i] * odds(t) / 100), "over_none": float(model[i]),
                    "over_none_low": float(low[i]), "over_none_high": float(high[i]),
                    "over_best": min(over, float(model[i])),
                }
            )  # fmt: skip
    return result


def between_groups(
    view: ScoreTally, group: int, comparator: int, thresholds: list[float], *, level: float = 0.95
) -> list[dict[str, Any]]:
    """Return net benefit of a group less that of its comparator at each threshold (below 1), with pointwise limits.

    `standardised` is the same difference of net benefit over prevalence, the share of what could be gained: net
    benefit itself is larger where the outcome is common, whatever the score does.
    Sources: Pfohl et al. (2022), FAccT; Kerr et al. (2016), J Clin Oncol 34:2534-2540. Not valid where the two share
    people, or belong together.
    """
    rows = []
    for t in thresholds:
        c, ww = view.at(t), view.at(t, "ww")
        value = net_benefit(c, t)
        low, high = net_benefit_interval(c, ww, t, level)
        share = divide(c.tp + c.fn, c.tp + c.fp + c.fn + c.tn)
        relative = divide(value, share)
        a, b = ((value[i], low[i], high[i]) for i in (group, comparator))
        least, most = mover(a, b)
        rows.append(
            {
                "t": t, "difference": float(a[0] - b[0]), "low": float(least), "high": float(most),
                "standardised": float(np.subtract(relative[group], relative[comparator])),
            }
        )  # fmt: skip
    return rows
