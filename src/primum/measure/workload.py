"""What a decision asks of people: how many are looked at for each one found, and how many are spared."""

from __future__ import annotations

from typing import Any

import numpy as np

from primum.measure.intervals import mover, wilson
from primum.measure.kernel import NO_PEOPLE, Metric, divide, effective
from primum.tally.score import Counts

FALSE_PER_TRUE = "nobody selected has the outcome: there are only false alarms"


def number_needed(c: Counts, _threshold: float = 0.0) -> Any:
    """Return the number needed to evaluate (TP + FP)/TP = 1/PPV, shape (...,).

    NaN where nobody who is selected has the outcome: the number is then infinite, and its Wilson limit would be too.
    Source: Romero-Brufau et al. (2015), Crit Care 19:285. Not valid as a cost where what follows selection differs.
    """
    return divide(c.tp + c.fp, c.tp)


def false_per_true(c: Counts, _threshold: float = 0.0) -> Any:
    """Return the false alarms for each person found, FP/TP = (1 − PPV)/PPV, shape (...,)."""
    return divide(c.fp, c.tp)


def avoided(c: Counts, threshold: float) -> Any:
    """Return interventions avoided per 100 people, 100 · [TN/n − FN/n · (1 − t)/t], shape (...,).

    The difference in net benefit to treating everybody, over t/(1 − t): interventions spared without a case missed,
    each missed case paid for with (1 − t)/t interventions.
    Source: Vickers et al. (2008), BMC Med Inform Decis Mak 8:53. Not valid at a threshold that nobody would act on:
    the exchange rate is then a number without a meaning.
    """
    n = c.tp + c.fp + c.fn + c.tn
    with np.errstate(invalid="ignore"):  # without a price, nobody is too much
        return 100 * divide(c.tn - c.fn * _price(threshold), n)


def avoided_limits(c: Counts, ww: Counts, threshold: float, level: float) -> tuple[Any, Any, str]:
    """Return limits of `avoided` from Wilson limits of TN/n and FN/n, correlated as in a multinomial."""
    n = c.tp + c.fp + c.fn + c.tn
    size = effective(n, ww.tp + ww.fp + ww.fn + ww.tn)
    a, b = divide(c.tn, n), divide(c.fn, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = -np.sqrt(np.where((a < 1) & (b < 1), a * b / ((1 - a) * (1 - b)), 1.0)).clip(0, 1)
    parts = [(x, *wilson(x * size, size, level)) for x in (a, b)]
    with np.errstate(invalid="ignore"):
        low, high = mover(parts[0], parts[1], weight=_price(threshold), correlation=rho)
    return 100 * low, 100 * high, "MOVER on Wilson"


def _needed_limits(c: Counts, ww: Counts, _threshold: float, level: float) -> tuple[Any, Any, str]:
    """Return the reciprocals of the Wilson limits of PPV."""
    size = effective(c.tp + c.fp, ww.tp + ww.fp)
    low, high = wilson(divide(c.tp, c.tp + c.fp) * size, size, level)
    return divide(1.0, high), divide(1.0, low), "reciprocal of Wilson"


def _false_limits(c: Counts, ww: Counts, threshold: float, level: float) -> tuple[Any, Any, str]:
    low, high, method = _needed_limits(c, ww, threshold, level)
    return low - 1, high - 1, method


def _price(threshold: float) -> float:
    """Return (1 − t)/t: how many interventions one case is worth."""
    return (1 - threshold) / threshold if threshold > 0 else float("inf")


def _none_found(c: Counts, _t: float) -> str:
    if float(c.tp + c.fp + c.fn + c.tn) <= 0:
        return NO_PEOPLE
    if float(c.tp + c.fp) <= 0:
        return "nobody in this group is selected"
    return FALSE_PER_TRUE if float(c.tp) <= 0 else ""


def _no_rate(c: Counts, t: float) -> str:
    if float(c.tp + c.fp + c.fn + c.tn) <= 0:
        return NO_PEOPLE
    return "" if 0 < t < 1 else f"a threshold of {t:g} has no exchange rate"


METRICS = (
    Metric(
        id="nne", title="Number needed to evaluate", words="people looked at for each one found",
        formula="(TP + FP)/TP = 1/PPV", range=(1.0, float("inf")), better="lower", needs="counts",
        kernel=number_needed, undefined=_none_found, denominator="selected", interval="closed", limits=_needed_limits,
        threshold=True,
        reference="Romero-Brufau et al. (2015), Crit Care 19:285; depends on prevalence",
    ),
    Metric(
        id="fp_per_tp", title="False alarms per person found", words="false alarms for each person found",
        formula="FP/TP", range=(0.0, float("inf")), better="lower", needs="counts", kernel=false_per_true,
        undefined=_none_found, denominator="selected", interval="closed", limits=_false_limits, threshold=True,
        reference="Romero-Brufau et al. (2015), Crit Care 19:285; depends on prevalence",
    ),
    Metric(
        id="interventions_avoided", title="Interventions avoided", words="spared per 100 people, at no case's cost",
        formula="100 · [TN/n − FN/n · (1 − t)/t]", range=(-float("inf"), 100.0), better="higher", needs="counts",
        kernel=avoided, undefined=_no_rate, interval="closed", limits=avoided_limits, threshold=True, probability=True,
        reference="Vickers et al. (2008), BMC Med Inform Decis Mak 8:53",
    ),
)  # fmt: skip
