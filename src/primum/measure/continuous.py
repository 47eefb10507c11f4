"""Continuous outcomes: error, bias, explained spread and calibration per group, with linearised intervals.

Every measure is a smooth function of Σ w z (see `primum.tally.powers`); with gradient g its variance is gᵀ S g, where
S = Σ w² z zᵀ for independent people and S = Σ_c T_c T_cᵀ for families or hospitals. For means and least squares this
is the robust ("sandwich") variance, with the usual factors n/(n − k), or G/(G − 1) · (n − 1)/(n − k) for G clusters.
Limits use Student's t. Not valid for fewer than about 20 people or clusters, nor where few people outweigh the rest:
with exponential errors, 95 % intervals of a mean squared error hold .75 of the time for 20 people and .83 for 50 (mean
absolute error .92); with normal errors .92 and .94. Very skewed costs need hundreds of people.
Sources: White (1980), Econometrica 48:817-838; Liang & Zeger (1986), Biometrika 73:13-22; Binder (1983), Int Stat Rev
51:279-292.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.errors import unknown
from primum.finding import Estimate, Status
from primum.measure.between import REST, difference, quotient
from primum.measure.estimate import LINEAR, NO_SPREAD, ROBUST
from primum.measure.kernel import NO_PEOPLE
from primum.measure.moments import MOMENT_METRICS, SAME_OUTCOME, SAME_PREDICTION, MomentMetric, Moments, moment_metric
from primum.measure.table import COLUMNS, EVERYONE, row
from primum.tally.continuous import ContinuousTally
from primum.tally.powers import PLACE, TERMS, matrix, shift
from primum.usecase import OVERALL

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
SMALL, ROUNDING = 1e-12, 1e-14  # a variance below this share of the numbers it comes from is rounding
STEP = 1e-30


@dataclass(frozen=True)
class _Group:
    """Sums of one group about its own mean prediction, and the matrices behind its variances."""

    n: int
    sums: Floats
    about: float
    offset: float  # of the mean prediction from the centre of the tally
    single: Floats  # Σ w² z zᵀ
    clustered: Floats | None  # Σ_c T_c T_cᵀ
    clusters: int
    weighted: bool

    @property
    def size(self) -> float:
        """Effective number of people (Σw)²/Σw² (Kish 1965)."""
        return float(self.sums[0] ** 2 / self.single[0, 0])


def frame(
    tally: ContinuousTally,
    metrics: Sequence[str] | None = None,
    *,
    by: str | Sequence[str] | None = None,
    against: str | None = None,
    level: float = 0.95,
) -> pl.DataFrame:
    """Return one long frame with the columns of `primum.measure.table.COLUMNS`; `events` and `nonevents` are null.

    Parameters
    ----------
    tally
        Sums of one prediction.
    metrics
        Ids, keys of `primum.measure.moments.MOMENT_METRICS`; all if left out.
    by
        One attribute, or a list for their intersection. Left out: overall, every attribute, and the full intersection.
    against
        Also compare: with the group of this name, or with everyone else ("overall").
    level
        Of the intervals.

    Raises
    ------
    PrimumError
        For an unknown metric, attribute or group.
    """
    import polars as pl

    wanted = list(MOMENT_METRICS) if metrics is None else list(metrics)
    if by is None:
        views: list[tuple[str, ...]] = [(), *((a,) for a in tally.attributes)]
        views += [tally.attributes] if len(tally.attributes) > 1 else []
    else:
        views = [(by,) if isinstance(by, str) else tuple(by)]
    rows: list[dict[str, Any]] = []
    for view in (tally.by(*v) for v in views):
        rows += estimate_rows(view, wanted, level)
        if against is not None and view.attributes:
            rows += comparison_rows(view, wanted, against, level)
    floats = ("at", "value", "low", "high", "level", "n_effective")
    whole = ("n", "events", "nonevents")
    schema = {c: pl.Float64 if c in floats else pl.Int64 if c in whole else pl.String for c in COLUMNS}
    return pl.DataFrame(rows, schema=schema)


def estimates(view: ContinuousTally, metrics: Sequence[str], level: float = 0.95) -> list[dict[str, Estimate]]:
    """Return metric id → estimate for every group of the tally, in order; of events there are none."""
    wanted = [moment_metric(name) for name in metrics]
    return [{m.id: _estimate(g, m, level) for m in wanted} for g in _groups(view)]


def estimate_rows(view: ContinuousTally, metrics: Sequence[str], level: float = 0.95) -> list[dict[str, Any]]:
    """Return long rows for every group of a tally that is already regrouped."""
    found = estimates(view, metrics, level)
    return [
        _row(view, found[i][name], name, " · ".join(group) or EVERYONE)
        for i, group in enumerate(view.groups)
        for name in metrics
    ]


def comparison_rows(
    view: ContinuousTally, metrics: Sequence[str], reference: str = OVERALL, level: float = 0.95
) -> list[dict[str, Any]]:
    """Return differences (and ratios of errors) between every group and a reference, or everyone else.

    Groups are taken as independent: clusters with people in several groups make the interval too wide, as a rule.

    Raises
    ------
    PrimumError
        If the reference is not one of the groups.
    """
    labels = [" · ".join(g) for g in view.groups]
    if reference != OVERALL and reference not in labels:
        raise unknown("group", reference, labels, where=f"'{' × '.join(view.attributes)}'")
    own = estimates(view, metrics, level)
    rows = []
    for i, group in enumerate(view.groups):
        if labels[i] == reference or (reference == OVERALL and len(labels) == 1):
            continue
        if reference == OVERALL:
            other, comparator = estimates(view.without(group), metrics, level)[0], REST
        else:
            other, comparator = own[labels.index(reference)], reference
        for name in metrics:
            where = {"comparator": comparator, "comparison": "difference"}
            a, b = own[i][name], other[name]
            rows.append(_row(view, difference(a, b), name, labels[i], **where))
            if moment_metric(name).ratio:
                rows.append(_row(view, quotient(a, b), name, labels[i], comparator=comparator, comparison="ratio"))
    return rows


def calibration(
    view: ContinuousTally, group: int, *, bins: int = 10, fewest: int = 20, level: float = 0.95
) -> list[dict[str, Any]]:
    """Return mean prediction and mean outcome, with its t interval, in bins of about equal numbers of people.

    Bins of the tally are put together until each holds at least `fewest` people and there are at most `bins`. With
    clusters, variances are widened by the design effect of the group's mean outcome: bins have none of their own.
    """
    here = np.flatnonzero(view.group == group)
    if not len(here):
        return []
    n = view.n[here]
    rank = (np.cumsum(n) - n / 2) / n.sum()
    parts = max(1, min(bins, int(n.sum() // fewest)))
    part = np.unique(np.minimum((rank * parts).astype(np.int64), parts - 1), return_inverse=True)[1]
    outcome = moment_metric("mean_outcome")
    whole = _groups(view)[group]
    effect = 1.0
    if whole.clustered is not None:
        alone, together = _variance(whole, outcome, robust=False), _variance(whole, outcome, robust=True)
        effect = max(1.0, together / alone) if alone > 0 and np.isfinite(together) else float("nan")
    curve = []
    for k in range(int(part.max()) + 1):
        cells = here[part == k]
        people = int(view.n[cells].sum())
        one = _about_mean(
            people, view.w[cells].sum(0), view.ww[cells].sum(0), view.centre, None, 0, weighted=whole.weighted
        )
        if one.sums[0] <= 0:
            continue
        m = Moments(one.sums, one.about)
        half = _t(one.size - 1, level) * np.sqrt(_variance(one, outcome, robust=False) * effect)
        value = float(m.outcome)
        limits = {"low": float(value - half), "high": float(value + half)}
        curve.append({"predicted": float(m.prediction), "observed": value, **limits, "n": people})
    return curve


def _row(view: ContinuousTally, e: Estimate, name: str, group: str, **where: str) -> dict[str, Any]:
    attribute = " × ".join(view.attributes) or OVERALL
    made = row(e, model=view.prediction_name, metric=name, attribute=attribute, group=group, at=None, **where)
    return made | {"events": None, "nonevents": None}


def _groups(view: ContinuousTally) -> list[_Group]:
    people, w, ww = view.totals()
    weighted = bool(not np.array_equal(view.w, view.ww[:, PLACE[0]]))
    found = []
    for i in range(len(view.groups)):
        shared = view.shared(i)
        together = None if view.clusters is None else np.zeros((7, 7))
        if shared is not None:
            together = shared.dense(np.arange(len(TERMS)))
        clusters = shared.clusters if shared else 0
        found.append(_about_mean(int(people[i]), w[i], ww[i], view.centre, together, clusters, weighted=weighted))
    return found


def _about_mean(
    n: int, w: Floats, ww: Floats, centre: float, together: Floats | None, clusters: int, *, weighted: bool
) -> _Group:
    """Return the sums about the group's own mean prediction, where powers lose no digits."""
    d = w[1] / w[0] if w[0] > 0 else 0.0
    a = shift(d)
    linked = None if together is None else a @ together @ a.T
    return _Group(n, a @ w, float(centre + d), float(d), a @ matrix(ww) @ a.T, linked, clusters, weighted)


def _estimate(g: _Group, m: MomentMetric, level: float) -> Estimate:
    nan = float("nan")
    if reason := _undefined(g, m):
        return Estimate(nan, nan, nan, "none", g.n, 0, 0, Status.NOT_ESTIMABLE, reason, level)
    value = float(m.kernel(Moments(g.sums, g.about)))
    robust = g.clustered is not None
    var = _variance(g, m, robust=robust)
    freedom = g.clusters - 1 if robust else g.size - m.parameters
    low, high = _interval(value, var, m, _t(freedom, level)) if _spread(g, m, var) else (nan, nan)
    if not (np.isfinite(low) and np.isfinite(high)):
        return Estimate(value, nan, nan, "none", g.n, 0, 0, Status.IMPRECISE, NO_SPREAD, level)
    size = g.size * _variance(g, m, robust=False) / var if robust else g.size if g.weighted else None
    method = ROBUST if robust else LINEAR
    return Estimate(value, low, high, method, g.n, 0, 0, level=level, n_effective=size)


def _undefined(g: _Group, m: MomentMetric) -> str:
    if g.sums[0] <= 0:
        return NO_PEOPLE
    x = Moments(g.sums, g.about)
    least = SMALL * (x.var_prediction + x.square) + ROUNDING * g.offset**2 + (ROUNDING * g.about) ** 2
    if "outcome" in m.varied and x.var_outcome <= least:
        return SAME_OUTCOME
    if "prediction" in m.varied and x.var_prediction <= least:
        return SAME_PREDICTION
    if m.id == "observed_expected" and x.prediction <= 0:
        return "the mean prediction is not above 0"
    return ""


def _variance(g: _Group, m: MomentMetric, *, robust: bool) -> float:
    """Return gᵀ S g times the factor for few people or clusters; NaN where there are too few."""
    # the derivative by a complex step is exact; sums are scaled to means, so that one step suits all
    step = 1j * STEP * np.eye(7)
    gradient = np.imag(m.kernel(Moments(g.sums / g.sums[0] + step, g.about))) / STEP / g.sums[0]
    s = g.clustered if robust and g.clustered is not None else g.single
    left = g.n - m.parameters
    if left < 1 or (robust and g.clusters < 2):
        return float("nan")
    factor = g.clusters / (g.clusters - 1) * (g.n - 1) / left if robust else g.n / left
    return float(gradient @ s @ gradient * factor)


def _spread(g: _Group, m: MomentMetric, var: float) -> bool:
    """Whether a variance is more than rounding, given the size of the numbers it comes from."""
    x = Moments(g.sums, g.about)
    scale = g.about**2 + x.var_prediction + x.square
    return bool(np.isfinite(var) and var > 1e-24 * (scale if m.unit else 1.0) ** max(m.unit, 1))


def _t(freedom: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2)) if freedom > 0 else float("nan")


def _interval(value: float, var: float, m: MomentMetric, t: float) -> tuple[float, float]:
    """Return value ± t · se on the scale of the measure, back-transformed."""
    half = t * np.sqrt(var)
    if m.scale == "log" and value > 0:
        return float(value * np.exp(-half / value)), float(value * np.exp(half / value))
    if m.scale == "log of 1 − value" and value < 1:
        rest, half = 1 - value, half / (1 - value)
        return float(1 - rest * np.exp(half)), float(1 - rest * np.exp(-half))
    if m.scale == "Fisher" and abs(value) < 1:
        z, half = np.arctanh(value), half / (1 - value**2)
        return float(np.tanh(z - half)), float(np.tanh(z + half))
    return float(value - half), float(value + half)
