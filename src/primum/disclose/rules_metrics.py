"""R6, measures of a group: shown only when everything they stand on may be; withheld with their gaps and ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from primum.disclose.rules_counts import count_rule, implied_by_confusion
from primum.disclose.rules_ruling import Ruling
from primum.errors import unknown

SUPPRESSED = "inconclusive (suppressed)"
STANDS_ON: dict[str, tuple[str, ...]] = {
    "sensitivity": ("TP", "FN", "events"),
    "miss rate": ("TP", "FN", "events"),
    "specificity": ("TN", "FP", "non-events"),
    "false-positive rate": ("TN", "FP", "non-events"),
    "positive predictive value": ("TP", "FP", "selected"),
    "negative predictive value": ("TN", "FN", "not selected"),
    "prevalence": ("events", "non-events", "people"),
    "selection rate": ("selected", "not selected", "people"),
    "accuracy": ("TP", "FP", "FN", "TN"),
    "net benefit": ("TP", "FP", "events", "non-events", "people"),
    "auroc": ("events", "non-events"),
    "calibration slope": ("events", "non-events"),
    "brier": ("events", "non-events"),
}


@dataclass(frozen=True)
class Comparison:
    """What may be said across groups.

    Attributes
    ----------
    values
        Measure by group, for groups that may be shown.
    states
        "shown" or "inconclusive (suppressed)" by group.
    gap, ratio
        Largest difference and smallest ratio over the groups shown; None below two of them.
    between
        The two groups of the gap.
    ranks, worst
        Only when every group is shown: otherwise they would place a hidden one.
    words
        Over how many groups the gap was taken.
    """

    values: dict[str, float]
    states: dict[str, str]
    gap: float | None
    ratio: float | None
    between: tuple[str, str] | None
    ranks: dict[str, int] | None
    worst: str | None
    words: str


def metric_rule(metric: str, tp: int, fp: int, fn: int, tn: int, t: int) -> Ruling:
    """Return whether a measure of one group may be shown.

    Parameters
    ----------
    metric
        A name in `STANDS_ON`.
    tp, fp, fn, tn
        Protected counts of the group.
    t
        The least count above 0. A count of 0 is left to R2, but a class with nobody in it has no measure.

    Raises
    ------
    PrimumError
        For a measure that is not registered: nothing unregistered leaves.
    """
    if metric not in STANDS_ON:
        raise unknown("registered measure", metric, list(STANDS_ON))
    implied = implied_by_confusion(tp, fp, fn, tn)
    told = count_rule({name: implied[name] for name in STANDS_ON[metric]}, t)
    if not told.passes:
        return Ruling("R6", "fail", told.why)
    classes = {"auroc", "calibration slope", "brier"}
    if metric in classes and min(implied["events"], implied["non-events"]) < t:
        return Ruling("R6", "fail", f"a class has fewer than {t}")
    return Ruling("R6", "safe")


def compare(values: Mapping[str, float | None], *, digits: int = 2, lower_is_worse: bool = True) -> Comparison:
    """Return what may be said of the groups when some measures are withheld (None).

    Parameters
    ----------
    values
        The measure by group.
    digits
        Decimals of gap and ratio (R7).
    lower_is_worse
        The direction of the measure.
    """
    shown = {g: float(v) for g, v in values.items() if v is not None}
    states = {g: "shown" if g in shown else SUPPRESSED for g in values}
    order = sorted(shown, key=lambda g: (shown[g], g))
    words = f"over {len(shown)} releasable groups of {len(values)}"
    whole = len(shown) == len(values) and len(shown) > 1
    ranked = order if not lower_is_worse else order[::-1]
    ranks = {
        g: 1 + sum((shown[h] > shown[g]) == lower_is_worse and shown[h] != shown[g] for h in shown) for g in ranked
    }
    if len(shown) < 2:
        return Comparison(shown, states, None, None, None, None, None, words)
    low, high = order[0], order[-1]
    return Comparison(
        values=shown,
        states=states,
        gap=round(shown[high] - shown[low], digits),
        ratio=round(shown[low] / shown[high], digits) if shown[high] > 0 else None,
        between=(low, high),
        ranks=ranks if whole else None,
        worst=ranked[-1] if whole else None,
        words=words,
    )
