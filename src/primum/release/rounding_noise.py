"""What rounding adds to an interval: rounded counts and mean weights say a little less than what is behind them.

A rounded cell may be off by up to half the base either way, and its mean weight by up to half a step. Each cell of a
table is moved at random by as much, many times over, and the measure taken again; the spread joins the interval as if
it were more sampling error (the variance of a uniform error, base²/12 a cell, carried through the measure). So a
verdict does not turn on how a cell was rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from primum.disclose.presets import Policy
from primum.disclose.weights import step, weighted
from primum.finding import Estimate
from primum.measure.compare import Comparison
from primum.measure.intervals import z_value
from primum.measure.metric import METRICS
from primum.tally.resample import Histogram, histogram
from primum.tally.score import Counts, ScoreTally

DRAWS, STREAM = 100, 77
Spread = dict[str, npt.NDArray[np.float64]]


def spread(view: ScoreTally, metrics: Sequence[str], at: float | None, policy: Policy, seed: int) -> list[Spread]:
    """Return by group how far each measure moves when its cells are rounded another way: (own, everyone else).

    Parameters
    ----------
    view
        Protected counts of one way of dividing people.
    metrics, at
        Measures, and the decision threshold.
    policy
        How counts are rounded. Without rounding nothing moves, but for the mean weights of a weighted tally.
    seed
        Of the draws.

    Returns
    -------
    One dictionary a group: measure → standard deviation of (the group, everyone else), shape (2,).
    """
    if not moves(view, policy):
        return [{name: np.zeros(2) for name in metrics} for _ in view.groups]
    base = 6.0 if policy["rounding"] == "midpoint-6" else float(policy["base"])
    width = base / math.sqrt(12) * (2 if policy["rounding"] == "keyed" else 1) * (policy["rounding"] != "none")
    shaky = _variances(view, int(policy["max_digits"])) if weighted([view]) else None
    found = []
    for i, group in enumerate(view.groups):
        sides = [(view, shaky, i, 1)]
        if len(view.groups) > 1:
            others = None if shaky is None else shaky.without(group)
            sides.append((view.without(group), others, 0, len(view.groups) - 1))
        rng = np.random.default_rng([seed, STREAM, i])
        each = [_moved(side, own, k, metrics, at, width * math.sqrt(cells), rng) for side, own, k, cells in sides]
        found.append({m: np.array([e[m] for e in each] + [0.0] * (2 - len(each))) for m in metrics})
    return found


def moves(view: ScoreTally, policy: Policy) -> bool:
    """Whether anything was rounded: counts by the policy, mean weights always."""
    return policy["rounding"] != "none" or weighted([view])


def _variances(view: ScoreTally, ceiling: int) -> ScoreTally:
    """Return a tally whose Σws² is the variance of Σw for its mean weight being rounded; it adds up over groups."""
    n = view.n.astype(np.float64)
    unit = step(view.w / n * (1 + 1e-6), n, ceiling)  # a weight that stands where the step changes has the larger one
    return replace(view, wss=np.square(n * unit) / 12)


def _moved(
    view: ScoreTally,
    shaky: ScoreTally | None,
    group: int,
    metrics: Sequence[str],
    at: float | None,
    width: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return the standard deviation of each measure of one group when each of its cells moves by about `width`."""
    h, cut = histogram(view, group, at), view.grid.low if at is None else at
    with np.errstate(invalid="ignore", divide="ignore"):
        off = rng.standard_normal((DRAWS, *h.n.shape)) * width
        factor = np.where(h.n > 0, np.maximum(1 + off / np.where(h.n > 0, h.n, 1), 0), 0)
        weigh: npt.NDArray[np.float64] | float = 1.0
        if shaky is not None:
            sd = np.sqrt(histogram(shaky, group, at).wss) / np.where(h.w > 0, h.w, np.inf)
            weigh = np.maximum(1 + rng.standard_normal(off.shape) * sd, 0)
        each = factor * weigh
        moved = Histogram(
            n=h.n * factor, w=h.w * each, ww=h.ww * each * weigh, ws=h.ws * each, wss=h.wss * each, selected=h.selected
        )
        hit = moved.w[..., h.selected].sum(axis=-1)
        left = moved.w[..., ~h.selected].sum(axis=-1)
        counts = Counts(tp=hit[:, 1], fp=hit[:, 0], fn=left[:, 1], tn=left[:, 0])
        out = {}
        for name in metrics:
            m = METRICS[name]
            values = np.asarray(m.kernel(counts if m.needs == "counts" else moved, cut), dtype=np.float64)
            known = values[np.isfinite(values)]
            out[name] = float(known.std()) if len(known) > DRAWS // 2 else math.inf
    return out


def widened(e: Estimate, sd: float, limits: tuple[float, float] = (-math.inf, math.inf)) -> Estimate:
    """Return an estimate whose interval also covers the rounding; undefined limits stay undefined."""
    if not e.ok or sd == 0 or not math.isfinite(e.low + e.high):
        return e
    add = z_value(e.level) * sd
    low = max(e.value - math.hypot(e.value - e.low, add), limits[0])
    high = min(e.value + math.hypot(e.high - e.value, add), limits[1])
    return replace(e, low=low, high=high, method=f"{e.method}, and rounding")


def widened_all(found: Sequence[Comparison], groups: Sequence[str], spreads: Sequence[Spread]) -> list[Comparison]:
    """Return comparisons whose intervals cover the rounding of both sides; ratios are left out then."""
    at = {label: spreads[i] for i, label in enumerate(groups)}
    out = []
    for c in found:
        own, other = at[c.group][c.metric.id]
        if c.comparator in at:
            other = at[c.comparator][c.metric.id][0]
        if own == 0 and other == 0:
            out.append(c)
            continue
        difference = widened(c.difference, math.hypot(own, other))
        both = widened(c.own, own, c.metric.range), widened(c.other, other, c.metric.range)
        out.append(replace(c, own=both[0], other=both[1], difference=difference, ratio=None))
    return out
