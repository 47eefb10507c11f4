"""The two sides of a comparison: every group and, for each, everyone else, with limits at any critical value."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.finding import Estimate
from primum.measure.draw import draw_confusion, everyone_else
from primum.measure.estimate import Settings, estimates, weighted
from primum.measure.intervals import z_value
from primum.measure.kernel import Metric
from primum.measure.limits import Limits, Pair, of_counts, of_interval, rate_limits, score_limits
from primum.tally.score import Counts, ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SMOOTH = 0.5


@dataclass(frozen=True)
class Sides:
    """Units to compare: the groups in order and, if asked for, everyone else of group i as unit i + groups.

    Attributes
    ----------
    metric, groups
        What is measured, and the names of the groups.
    value, size
        Of each unit, shape (units,); `size` is the (effective) denominator of a rate, NaN for other metrics.
    people
        Without and with the outcome, shape (units, 2).
    reason
        Why a unit has no value or no interval, or "".
    limits
        Limits of units at any critical value.
    draws
        Replicates of all units from the same resamples, shape (replicates, units): for their dependence.
    """

    metric: Metric
    groups: tuple[str, ...]
    value: Floats
    size: Floats
    people: Ints
    reason: tuple[str, ...]
    limits: Limits
    draws: Floats


def sides(view: ScoreTally, m: Metric, settings: Settings, *, rest: bool = False) -> Sides:
    """Return the units of one metric; with `rest`, everyone else of every group too.

    Raises
    ------
    PrimumError
        For a metric of a decision without a threshold.
    """
    own = [e[m.id] for e in estimates(view, [m.id], settings)]
    at = view.grid.low if settings.at is None else settings.at
    rng = stream(view, settings, "sides")
    people = view.people()
    plain = view.clusters is None and not weighted(view)
    names = tuple(" · ".join(g) for g in view.groups)
    if m.needs == "counts" and plain:
        c = view.at(at)
        both = _joined(c, everyone_else(c)) if rest else c
        if (limits := of_counts(m, both, both, at)) is not None:
            value = np.asarray(m.kernel(both, at), dtype=np.float64)
            units = range(len(own), len(value))
            reason = [e.reason for e in own]
            reason += [m.undefined(Counts(both.tp[i], both.fp[i], both.fn[i], both.tn[i]), at) for i in units]
            people = np.concatenate([people, people.sum(axis=0) - people]) if rest else people
            size = np.asarray(m.rate[1](both), dtype=np.float64) if m.rate else np.full(len(value), np.nan)
            draws = _drawn(view, m, settings, rng, rest=rest)
            return Sides(m, names, value, size, people, tuple(reason), limits, draws)
    if rest:
        own += [estimates(view.without(g), [m.id], settings)[0][m.id] for g in view.groups]
    if m.needs == "counts":
        draws = _drawn(view, m, settings, rng, rest=rest)
    else:
        draws = _normal(own, len(view.groups), settings, rng, rest=rest)
    return _of_estimates(m, names, own, draws, settings.level)


def stream(view: ScoreTally, settings: Settings, purpose: str) -> np.random.Generator:
    """Return the source of randomness of one purpose and view: the same whenever it is asked for."""
    name = "|".join((purpose, *view.attributes, view.score_name))
    return np.random.default_rng([settings.seed, zlib.crc32(name.encode())])


def _of_estimates(m: Metric, names: tuple[str, ...], found: list[Estimate], draws: Floats, level: float) -> Sides:
    value, low, high = (np.array([getattr(e, k) for e in found], dtype=np.float64) for k in ("value", "low", "high"))
    behind = {"events": "events", "nonevents": "nonevents"}.get(m.denominator, "n")
    size = np.full(len(found), np.nan)
    limits = of_interval(value, low, high, z_value(level), m.range)
    if m.rate is not None:
        size = np.array(
            [getattr(e, behind) if e.n_effective is None else e.n_effective for e in found], dtype=np.float64
        )
        k = value * size

        def limits(index: Ints, z: Any, *, safe: bool) -> Pair:
            return (rate_limits if safe else score_limits)(k[index], size[index], z)

    lacking = tuple(e.reason or ("" if np.isfinite(e.low) else "there is no interval") for e in found)
    people = np.array([(e.nonevents, e.events) for e in found], dtype=np.int64).reshape(-1, 2)
    return Sides(m, names, value, size, people, lacking, limits, draws)


def _drawn(view: ScoreTally, m: Metric, settings: Settings, rng: np.random.Generator, *, rest: bool) -> Floats:
    at = view.grid.low if settings.at is None else settings.at
    c = draw_confusion(view, settings.at, settings.replicates, rng, smooth=SMOOTH)
    own = np.asarray(m.kernel(c, at), dtype=np.float64)
    return np.concatenate([own, np.asarray(m.kernel(everyone_else(c), at))], axis=1) if rest else own


def _normal(found: list[Estimate], groups: int, settings: Settings, rng: np.random.Generator, *, rest: bool) -> Floats:
    """Return normal replicates from the intervals; the rest as the mean of the other groups, weighted by people."""
    half = np.array([e.high - e.low for e in found[:groups]]) / (2 * z_value(settings.level))
    n = np.array([e.n for e in found[:groups]], dtype=np.float64)
    known = np.isfinite(half)
    own = rng.standard_normal((settings.replicates, groups)) * np.where(known, half, 0.0)
    if not rest:
        return own
    weighed = own * np.where(known, n, 0.0)
    others = np.maximum(np.where(known, n, 0.0).sum() - np.where(known, n, 0.0), 1.0)
    return np.concatenate([own, (weighed.sum(axis=1, keepdims=True) - weighed) / others], axis=1)


def _joined(a: Counts, b: Counts) -> Counts:
    return Counts(*(np.concatenate([getattr(a, k), getattr(b, k)]) for k in ("tp", "fp", "fn", "tn")))
