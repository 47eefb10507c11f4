"""Rates of the confusion table at a threshold: each is a proportion of people, with its Wilson interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from primum.measure.intervals import mover, wilson
from primum.measure.kernel import NO_EVENTS, NO_NONEVENTS, NO_PEOPLE, Metric, divide, effective
from primum.tally.score import Counts

Part = Callable[[Counts], Any]
Denominator = Literal["events", "nonevents", "selected", "unselected", "everyone"]

_PEOPLE: dict[str, Part] = {
    "events": lambda c: c.tp + c.fn,
    "nonevents": lambda c: c.fp + c.tn,
    "selected": lambda c: c.tp + c.fp,
    "unselected": lambda c: c.fn + c.tn,
    "everyone": lambda c: c.tp + c.fp + c.fn + c.tn,
}
_EMPTY = {
    "events": NO_EVENTS,
    "nonevents": NO_NONEVENTS,
    "selected": "nobody in this group reaches the threshold",
    "unselected": "everybody in this group reaches the threshold",
    "everyone": NO_PEOPLE,
}


def _no_rate(c: Counts, of: Denominator) -> str:
    if float(_PEOPLE["everyone"](c)) <= 0:
        return NO_PEOPLE
    return _EMPTY[of] if float(_PEOPLE[of](c)) <= 0 else ""


def _rate(
    id: str,  # noqa: A002 - the metric's own word
    title: str,
    words: str,
    formula: str,
    top: Part,
    of: Denominator,
    better: Literal["higher", "lower", "none"],
    *,
    threshold: bool = True,
) -> Metric:
    bottom = _PEOPLE[of]
    return Metric(
        id=id,
        title=title,
        words=words,
        formula=formula,
        range=(0.0, 1.0),
        better=better,
        needs="counts",
        kernel=lambda c, _t: divide(top(c), bottom(c)),
        undefined=lambda c, _t: _no_rate(c, of),
        rate=(top, bottom),
        interval="wilson",
        denominator=of,
        threshold=threshold,
        reference="Altman & Bland (1994), BMJ 308:1552 and 309:102",
    )


def _balanced(c: Counts, _t: float) -> Any:
    return (divide(c.tp, c.tp + c.fn) + divide(c.tn, c.tn + c.fp)) / 2


def balanced_interval(c: Counts, ww: Counts, level: float) -> tuple[Any, Any]:
    """Return the interval of balanced accuracy; sensitivity and specificity are independent given the outcomes."""
    parts = []
    for k, total, squares in ((c.tp, c.tp + c.fn, ww.tp + ww.fn), (c.tn, c.tn + c.fp, ww.tn + ww.fp)):
        p, size = divide(k, total), effective(total, squares)
        low, high = wilson(p * size, size, level)
        parts.append((p / 2, low / 2, high / 2))
    (a, al, ah), (b, bl, bh) = parts
    return mover((a, al, ah), (-b, -bh, -bl))


METRICS = (
    _rate("prevalence", "Prevalence", "how many have it", "events / people",
          lambda c: c.tp + c.fn, "everyone", "none", threshold=False),
    _rate("selection_rate", "Selected", "how many are selected", "(TP + FP) / people",
          lambda c: c.tp + c.fp, "everyone", "none"),
    _rate("sensitivity", "Sensitivity", "found, of those who have it", "TP / (TP + FN)",
          lambda c: c.tp, "events", "higher"),
    _rate("specificity", "Specificity", "left alone, of those who do not have it", "TN / (TN + FP)",
          lambda c: c.tn, "nonevents", "higher"),
    _rate("ppv", "Positive predictive value", "have it, of those selected", "TP / (TP + FP)",
          lambda c: c.tp, "selected", "higher"),
    _rate("npv", "Negative predictive value", "do not have it, of those not selected", "TN / (TN + FN)",
          lambda c: c.tn, "unselected", "higher"),
    _rate("fpr", "False-positive rate", "selected for nothing, of those who do not have it", "FP / (FP + TN)",
          lambda c: c.fp, "nonevents", "lower"),
    _rate("fnr", "False-negative rate", "missed, of those who have it", "FN / (FN + TP)",
          lambda c: c.fn, "events", "lower"),
    _rate("accuracy", "Accuracy", "decided rightly", "(TP + TN) / people",
          lambda c: c.tp + c.tn, "everyone", "higher"),
    Metric(
        id="balanced_accuracy",
        title="Balanced accuracy",
        words="mean of sensitivity and specificity",
        formula="(sensitivity + specificity) / 2",
        range=(0.0, 1.0),
        better="higher",
        needs="counts",
        kernel=_balanced,
        undefined=lambda c, _t: (
            NO_EVENTS if float(c.tp + c.fn) <= 0 else NO_NONEVENTS if float(c.fp + c.tn) <= 0 else ""
        ),
        interval="mover",
        threshold=True,
        reference="Brodersen et al. (2010), ICPR 3121-3124",
    ),
)  # fmt: skip
