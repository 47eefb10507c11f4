"""Who bears the false alarms: per 1,000 people, for each person found, and against a group's share of the people.

Per 1,000 people 1000·FP/n counts what a group lives through, whatever its prevalence; FP/TP is the price of one case
found; P(g | FP)/P(g) is 1 where a group has as many of the false alarms as of the people. A group with more cases of
its own has fewer people who can be alarmed for nothing, so the false-positive rate among those without the outcome
(the metric fpr) belongs beside these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.finding import Estimate, Status
from primum.measure.intervals import wilson, z_value
from primum.measure.kernel import NO_PEOPLE, divide
from primum.measure.workload import FALSE_PER_TRUE
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
PER = 1000
NO_ALARM = "nobody is alarmed for nothing"
NOBODY_SELECTED = "nobody in this group is selected"
ONLY_GROUP = "everybody is in this group"


@dataclass(frozen=True)
class Burden:
    """The false alarms of one group.

    Attributes
    ----------
    per_1000
        False alarms per 1,000 people of the group.
    per_true
        False alarms for each person found.
    share_ratio
        The group's share of all false alarms over its share of all people.
    """

    per_1000: Estimate
    per_true: Estimate
    share_ratio: Estimate


def burdens(
    counts: Counts, people: npt.ArrayLike, *, design: npt.ArrayLike | None = None, level: float = 0.95
) -> list[Burden]:
    """Return the burden of every group.

    Parameters
    ----------
    counts
        (Weighted) confusion counts at the threshold, each of shape (groups,); together the groups are everybody.
    people
        People per group and outcome, shape (groups, 2).
    design
        People per independent person, shape (groups,): Kish's Σ1·Σw²/(Σw)² with weights, the design effect with
        families. 1 if left out. What a group counts is divided by it wherever an interval is made.
    level
        Of the intervals: Wilson for shares and their odds, the delta method on the log scale for the share ratio
        (which allows for the group being part of everybody).
    """
    n = np.asarray(people, dtype=np.int64)
    total = np.asarray(counts.tp + counts.fp + counts.fn + counts.tn, dtype=np.float64)
    fp, tp = (np.asarray(x, dtype=np.float64) for x in (counts.fp, counts.tp))
    size = n.sum(1) / (np.ones(len(n)) if design is None else np.asarray(design, dtype=np.float64))
    return [
        Burden(
            _per_people(fp[i], total[i], size[i], n[i], level),
            _per_true(fp[i], tp[i], size[i] * float(divide(1.0, total[i])), n[i], level),
            _share_ratio(i, fp, total, size, n[i], level),
        )
        for i in range(len(n))
    ]


def _per_people(fp: float, total: float, size: float, n: npt.NDArray[np.int64], level: float) -> Estimate:
    if not total > 0:
        return _none(NO_PEOPLE, n, level)
    low, high = wilson(fp / total * size, size, level)
    return _some(PER * fp / total, PER * float(low), PER * float(high), "Wilson", n, level)


def _per_true(fp: float, tp: float, each: float, n: npt.NDArray[np.int64], level: float) -> Estimate:
    """Return FP/TP with limits from Wilson's for the share of those selected who have the outcome."""
    if not fp + tp > 0:
        return _none(NOBODY_SELECTED, n, level)
    if not tp > 0:
        return _none(FALSE_PER_TRUE, n, level)
    low, high = wilson(tp * each, (tp + fp) * each, level)
    return _some(fp / tp, 1 / float(high) - 1, float(divide(1.0, low)) - 1, "odds of Wilson", n, level)


def _share_ratio(i: int, fp: Floats, total: Floats, size: Floats, n: npt.NDArray[np.int64], level: float) -> Estimate:
    """Return P(g | FP)/P(g) = (FP_g/n_g)/(FP/n) with delta-method limits on the log scale.

    With π the group's share of people, p and q the rates of false alarms in the group and among the others and
    s = P(g | FP): Var log R = (1 − s)² (V_p + V_q) + ((p − q)/p̄)² π(1 − π)/n, V = (1 − rate)/(rate · people).
    """
    everyone, alarms = float(total.sum()), float(fp.sum())
    if not total[i] > 0:
        return _none(NO_PEOPLE, n, level)
    if not alarms > 0:
        return _none(NO_ALARM, n, level)
    rest, mean = everyone - float(total[i]), alarms / everyone
    if not rest > 0:
        return _none(ONLY_GROUP, n, level)
    p, q = float(fp[i] / total[i]), (alarms - float(fp[i])) / rest
    ratio, share, part = p / mean, float(fp[i]) / alarms, float(total[i]) / everyone
    own, others = float(size[i]), float(size.sum() - size[i])
    if p <= 0:
        high = float(wilson(0.0, own, level)[1]) / mean
        return _some(0.0, 0.0, high, "Wilson, over the rate of everybody", n, level)
    spread = [(1 - rate) / (rate * m) if rate > 0 else 0.0 for rate, m in ((p, own), (q, others))]
    variance = (1 - share) ** 2 * sum(spread) + ((p - q) / mean) ** 2 * part * (1 - part) / (own + others)
    if q <= 0:  # all false alarms are in this group: 1/π, which only its share of people leaves open
        variance = (1 - part) / (part * (own + others))
    half = z_value(level) * float(np.sqrt(variance))
    low, high = ratio * float(np.exp(-half)), min(ratio * float(np.exp(half)), 1 / part)
    return _some(ratio, low, max(high, ratio), "delta method, log scale", n, level)


def _some(value: float, low: float, high: float, method: str, n: npt.NDArray[np.int64], level: float) -> Estimate:
    return Estimate(float(value), low, high, method, int(n.sum()), int(n[1]), int(n[0]), level=level)


def _none(why: str, n: npt.NDArray[np.int64], level: float) -> Estimate:
    nan = float("nan")
    return Estimate(nan, nan, nan, "none", int(n.sum()), int(n[1]), int(n[0]), Status.NOT_ESTIMABLE, why, level)


def people_per_independent(view: ScoreTally, fpr: Sequence[Estimate]) -> Floats:
    """Return people per independent person in each group: from weights, or from what clusters do to the FPR."""
    people = view.people().sum(1)
    w, ww = view.sums("w").sum(1), view.sums("ww").sum(1)
    design = np.nan_to_num(divide(people * ww, w**2), nan=1.0)
    if view.clusters is not None:
        for i, e in enumerate(fpr):
            if e.n_effective is not None and e.n_effective > 0:
                design[i] = max(e.nonevents / e.n_effective, 1.0)
    return np.where(design > 0, design, 1.0)
