"""Why a gap is there: prevalence, case mix, calibration or discrimination. Four parts that add up to the gap.

The joint law of score and outcome in a population is taken apart without loss. With π the prevalence and (a, b) the
logistic recalibration of the score, a person at score s has true risk r with logit r = a + b·logit s, and evidence
ℓ = logit r − logit π (a log likelihood ratio). "s ≥ t" is "ℓ ≥ a + b·logit t − logit π". So a decision is made of

- discrimination: the law of ℓ among people with, and among people without, the outcome (free of prevalence);
- calibration: the true risk a + b·logit t at which people are selected;
- prevalence: π, which moves everybody's risk, and how many have the outcome;
- case mix (with strata): all three, among people weighted to the other population's strata.

Any of the four can be taken from the group and the rest from its comparator; the metric of each of the 16 hybrids is
computed, and the parts are Shapley values: the change when a part is replaced, averaged over the 24 orders. They add
up to the gap exactly, since hybrids of one population alone are that population.

Sources: Shapley (1953) for the averaging; Pauker & Kassirer (1980) and Green & Swets (1966) for cutting evidence at
prior odds; Oaxaca (1973) and Cai et al. (2023), arXiv 2303.02011, for taking gaps apart. This particular division is
primum's own. Not valid where the score does not rank (b ≤ 0), for scores in points, or as a causal statement; with a
recalibration that is far from logistic, what it misses is counted as discrimination.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from primum.errors import PrimumError
from primum.measure.casemix import factors, shares, sides
from primum.measure.gap_parts import PARTS, Axis, Population, hybrid, population, shapley
from primum.measure.intervals import z_value
from primum.measure.metric import metric
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
CELLS = 4_000_000
_DRAW = 0xDEC0


def decompose(
    tally: ScoreTally,
    attribute: str,
    group: str,
    comparator: str,
    metrics: Sequence[str],
    at: float,
    *,
    over: Sequence[str] = (),
    replicates: int = 0,
    seed: int = 0,
    level: float = 0.95,
) -> list[dict[str, Any]]:
    """Return, for each metric of a decision, the gap group − comparator and its four parts.

    Parameters
    ----------
    tally
        Counts by `attribute` and those in `over`, of a score that is a probability.
    attribute, group, comparator
        Who is compared with whom; comparator "overall" is everyone else.
    metrics
        Ids of metrics of confusion counts: sensitivity, ppv, selection_rate, net_benefit, …
    at
        Decision threshold.
    over
        Attributes whose combinations make the case mix; without any, `case_mix` is NaN and the other three add up.
    replicates
        Bootstrap samples for limits, part ± z·SD (`…_low`, `…_high`); 0 for none.

    Returns
    -------
    One row a metric: "value", "comparator_value", "gap", the parts, "shared" (the smaller share of one population's
    people that lies in strata of the other), "reason" when there is no decomposition.

    Raises
    ------
    PrimumError
        For a score in points, a metric of another kind, or unknown names.
    """
    if not tally.grid.probability:
        raise PrimumError("A gap is taken apart through risks; this score is in points.")
    odd = [m for m in metrics if metric(m).needs != "counts" or m == "n"]
    if odd:
        raise PrimumError(f"{', '.join(odd)} cannot be taken apart.", expected="metrics of a decision at a threshold")
    pair = sides(tally, attribute, group, comparator, over)
    where = {"attribute": attribute, "group": group, "comparator": comparator, "at": at, "over": " × ".join(over)}
    tables, axis, shared = _tables(pair, at, CELLS)
    found, reason = _parts(tables, axis, metrics) if 0 < at < 1 else ({}, "at 0 or 1 nothing is decided by the risk")
    spread = _spread(pair, at, metrics, replicates, seed) if replicates and not reason else {}
    rows = []
    for name in metrics:
        parts = found.get(name, dict.fromkeys(("value", "comparator_value", "gap", *PARTS), float("nan")))
        if not over:
            parts = {**parts, "case_mix": float("nan")}
        row: dict[str, Any] = {"metric": name, **where, **{k: float(v) for k, v in parts.items()}, "shared": shared}
        for part in (*PARTS, "gap"):
            half = z_value(level) * spread.get(name, {}).get(part, np.nan)
            row |= {f"{part}_low": row[part] - half, f"{part}_high": row[part] + half}
        lost = reason or (
            "" if np.isfinite(row["gap"] + row["prevalence"]) else "the metric has no value in one of them"
        )
        rows.append({**row, "reason": lost})
    return rows


def _tables(pair: Sequence[ScoreTally], at: float, most: int) -> tuple[list[Floats], Axis, float]:
    """Return people of both by stratum, outcome and bin, the bins (coarser where cells are many), and the overlap."""
    one, two, mine, theirs = shares(pair[0], pair[1])
    grid, cut = pair[0].grid, pair[0].grid.cut(at)
    labels = np.unique(np.concatenate([v.label for v in pair]))
    w = sum(np.bincount(np.searchsorted(labels, v.label), weights=v.w, minlength=len(labels)) for v in pair)
    ws = sum(np.bincount(np.searchsorted(labels, v.label), weights=v.ws, minlength=len(labels)) for v in pair)
    bins = max(16, most // (2 * len(mine)))
    part = np.arange(len(labels))
    if len(labels) > bins:
        middle = (np.cumsum(w) - w / 2) / np.sum(w)
        key = (middle * bins).astype(np.int64) * 2 + (labels >= cut)
        part = np.cumsum(np.r_[False, key[1:] != key[:-1]])
    size = int(part.max()) + 1
    first = np.searchsorted(part, np.arange(size))
    with np.errstate(divide="ignore"):
        edge = logit(grid.value(labels[first]).clip(0, 1))
    risk = np.bincount(part, weights=ws) / np.maximum(np.bincount(part, weights=w), 1e-300)
    axis = Axis(edge, logit(risk.clip(1e-4, 1 - 1e-4)), labels[first] >= cut, at)
    tables: list[Floats] = []
    for view, stratum in zip(pair, (one, two), strict=True):
        key = (stratum * 2 + view.outcome) * size + part[np.searchsorted(labels, view.label)]
        people = np.bincount(key, weights=view.w, minlength=len(mine) * 2 * size).astype(np.float64)
        tables.append(people.reshape(-1, 2, size))
    return tables, axis, min(factors(mine, theirs)[1], factors(theirs, mine)[1])


def _parts(tables: Sequence[Floats], axis: Axis, metrics: Sequence[str]) -> tuple[dict[str, dict[str, Any]], str]:
    """Return value, comparator's value, gap and parts of each metric (shape of the leading axes), or why not."""
    mass = [t.sum((-2, -1)) for t in tables]
    people: dict[tuple[int, int], Population] = {}
    for who in (0, 1):  # 0 is the group
        for mix in (0, 1):
            table = tables[who]
            if who != mix:
                own, other = (m / m.sum(-1, keepdims=True) for m in (mass[who], mass[mix]))
                table = table * factors(own, other)[0][..., None, None]
            people[who, mix] = population(table.sum(-3), axis)
            p = people[who, mix]
            if table.ndim == 3 and not (np.isfinite(p.b) and p.b > 0 and 0 < p.prevalence < 1):
                whom = ("the group", "the comparator")[who] + ("" if who == mix else ", with the other's case mix,")
                return {}, f"in {whom} the score does not rise with the outcome, or only one outcome occurs"
    result: dict[str, dict[str, Any]] = {}
    sets = [frozenset(s) for size in range(len(PARTS) + 1) for s in combinations(PARTS, size)]
    counts = {}
    for s in sets:
        mix = 0 if "case_mix" in s else 1
        p, c, d = (people[0 if name in s else 1, mix] for name in PARTS[1:])
        counts[s] = hybrid(p, c, d, axis)
    for name in metrics:
        value = {s: np.asarray(metric(name).kernel(c, axis.t), dtype=np.float64) for s, c in counts.items()}
        both = value[frozenset(PARTS)], value[frozenset()]
        result[name] = {"value": both[0], "comparator_value": both[1], "gap": both[0] - both[1], **shapley(value)}
    return result, ""


def _spread(
    pair: Sequence[ScoreTally], at: float, metrics: Sequence[str], replicates: int, seed: int
) -> dict[str, dict[str, float]]:
    """Return the standard deviation of every part over bootstrap samples of both populations, on coarse bins."""
    tables, axis, _ = _tables(pair, at, max(64, CELLS // (8 * replicates)))
    rng = np.random.default_rng([seed, _DRAW])
    drawn = []
    for view, table in zip(pair, tables, strict=True):
        n, flat = round(float(view.w.sum() ** 2 / view.ww.sum())), table.ravel()  # effective people
        some = np.flatnonzero(flat)
        full = np.zeros((replicates, flat.size))
        full[:, some] = rng.multinomial(n, flat[some] / flat.sum(), size=replicates)
        drawn.append(full.reshape(replicates, *table.shape))
    found, _ = _parts(drawn, axis, metrics)
    with np.errstate(invalid="ignore"):
        return {m: {k: _sd(v) for k, v in parts.items() if k in {*PARTS, "gap"}} for m, parts in found.items()}


def _sd(x: Floats) -> float:
    known = x[np.isfinite(x)]
    return float(known.std(ddof=1)) if len(known) > len(x) / 2 else float("nan")
