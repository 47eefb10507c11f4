"""A decision taken apart into prevalence, calibration and discrimination, put together again from two populations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from primum.measure.calibration import fit
from primum.measure.kernel import divide
from primum.tally.resample import Histogram
from primum.tally.score import Counts

Floats = npt.NDArray[np.float64]
PARTS = ("case_mix", "prevalence", "calibration", "discrimination")


@dataclass(frozen=True)
class Axis:
    """Score bins: lower edge and mean risk as logits, shape (bins,), and which are selected at threshold t."""

    edge: Floats
    middle: Floats
    selected: npt.NDArray[np.bool_]
    t: float


@dataclass(frozen=True)
class Population:
    """Prevalence, recalibration and shares of people by outcome and bin; leading axes are replicates."""

    prevalence: Floats
    a: Floats
    b: Floats
    share: Floats  # (..., 2, bins), adding up to 1 for each outcome


def population(table: Floats, axis: Axis) -> Population:
    """Return what a table of weighted people by outcome and bin, shape (..., 2, bins), is made of."""
    risk = 1 / (1 + np.exp(-axis.middle))
    h = Histogram(n=table, w=table, ww=table, ws=table * risk, wss=table * risk**2, selected=axis.selected)
    with np.errstate(all="ignore"):
        a, b = fit(h)
    total = table.sum(-1)
    return Population(divide(total[..., 1], total.sum(-1)), a, b, divide(table, total[..., None]))


def hybrid(prevalence: Population, calibration: Population, discrimination: Population, axis: Axis) -> Counts:
    """Return the shares TP, FP, FN, TN of a decision made of the parts of up to three populations, shape (...,)."""
    p, c, d = prevalence, calibration, discrimination
    if p is c is d:
        chosen: Any = axis.selected
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            cut = c.a + c.b * logit(axis.t) - logit(p.prevalence) + logit(d.prevalence)
            chosen = d.a[..., None] + d.b[..., None] * axis.edge >= cut[..., None]
    hit, alarm = ((d.share[..., y, :] * chosen).sum(-1) for y in (1, 0))
    pi = p.prevalence
    return Counts(tp=pi * hit, fp=(1 - pi) * alarm, fn=pi * (1 - hit), tn=(1 - pi) * (1 - alarm))


def shapley(value: dict[frozenset[str], Any]) -> dict[str, Any]:
    """Return each part's Shapley value from the value of every set of parts that is taken from the group."""
    result = {}
    k = len(PARTS)
    for part in PARTS:
        rest = [p for p in PARTS if p != part]
        sets = [frozenset(s) for size in range(k) for s in combinations(rest, size)]
        result[part] = sum(
            factorial(len(s)) * factorial(k - 1 - len(s)) / factorial(k) * (value[s | {part}] - value[s]) for s in sets
        )
    return result
