"""Intervals of five rates for 18 groups and 300 crossings, from 1,000 resamples of everybody: after counting.

Peers resample rows. What takes them hours is measured on a part and multiplied; each line says on which.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from alone import Contender
from people import BY, RATES, THRESHOLD, VIEWS, ordered, read_pandas, read_polars
from rates import fairlearn_metrics, rates_of

REPLICATES, FEW = 1000, 2
EVERY = 40  # of the groups, one in so many is measured with the slowest
LIMITS = (0.025, 0.975)


def with_primum(file, *, closed):
    """Measure from a tally: in closed form, or with 1,000 replicates drawn from its cells."""
    import primum

    tally = primum.count(
        read_polars(file), outcome="y", score="risk", by=BY, thresholds=[THRESHOLD], decisions_only=True
    )
    if closed:
        return lambda: tally.measure(RATES, at=THRESHOLD), wilson_limits

    from primum.measure.draw import draw_confusion

    def work():
        drawn = draw_confusion(tally, THRESHOLD, REPLICATES, np.random.default_rng(1))
        counts = np.stack([drawn.tn, drawn.fp, drawn.fn, drawn.tp])  # (4, replicates, groups)
        found = {}
        for i, view in enumerate(VIEWS):  # the crossings are drawn, the attributes are their sums
            names = [" · ".join(g) if i == len(BY) else g[i] for g in tally.groups]
            kept, at = np.unique(names, return_inverse=True)
            order = np.argsort(at, kind="stable")
            starts = np.searchsorted(at[order], np.arange(len(kept)))
            summed = counts if i == len(BY) else np.add.reduceat(counts[:, :, order], starts, axis=2)
            values = np.stack(rates_of(*summed), axis=-1)  # (replicates, groups, rates)
            found[view] = dict(zip(kept, percentiles(values), strict=True))
        return found

    return work, lambda found: ordered({v: {g: x.ravel() for g, x in t.items()} for v, t in found.items()})


def percentiles(values):
    """Return both limits of what is defined in every replicate, shape (groups, rates, 2)."""
    at = [int(p * (len(values) - 1)) for p in LIMITS]
    return np.moveaxis(np.partition(values, at, axis=0)[at], 0, -1)


def wilson_limits(long):
    """Return the closed-form limits, group by group, as the replicates are given."""
    table = {v: {} for v in VIEWS}
    for row in long.iter_rows(named=True):
        view = VIEWS[-1] if " × " in row["attribute"] else row["attribute"]
        if view in table:
            limits = [np.nan if row[k] is None else row[k] for k in ("low", "high")]
            table[view].setdefault(row["group"], {})[row["metric"]] = limits
    return ordered({v: {g: np.ravel([m[r] for r in RATES]) for g, m in t.items()} for v, t in table.items()})


def with_fairlearn(file):
    """Resample with MetricFrame(n_boot=…)."""
    from fairlearn.metrics import MetricFrame

    frame, metrics = read_pandas(file), fairlearn_metrics()

    def work():
        for v in VIEWS:
            MetricFrame(
                metrics=metrics, y_true=frame["y"], y_pred=frame["d"], sensitive_features=frame[v], n_boot=FEW,
                ci_quantiles=list(LIMITS), random_state=1,
            )  # fmt: skip

    return work, lambda _: None


def with_confidenceinterval(file, *, method):
    """Ask for four rates of each group; it has no share of the selected."""
    import confidenceinterval as ci

    frame = read_pandas(file)
    y, d = frame["y"].to_numpy(), frame["d"].to_numpy()
    groups = [(v, g) for v in VIEWS for g in sorted(frame[v].unique())]
    chosen = groups if method == "wilson" else groups[::EVERY]
    more = {} if method == "wilson" else {"n_resamples": 10}

    def work():
        found = {v: {} for v in VIEWS}
        for v, g in chosen:
            here = (frame[v] == g).to_numpy()
            limits = []
            for rate in (ci.tpr_score, ci.tnr_score, ci.ppv_score, ci.npv_score):
                _, (low, high) = rate(y[here], d[here], confidence_level=0.95, method=method, **more)
                limits += [low, high]
            found[v][g] = np.array([*limits, np.nan, np.nan], dtype=float)
        return found

    return work, ordered if method == "wilson" else lambda _: None


CONTENDERS = {
    "primum, 1,000 replicates": Contender(
        "primum", ("numpy",), partial(with_primum, closed=False), 5, note="drawn from the cells, percentile limits"
    ),
    "primum, 1,000 replicates, more people": Contender(
        "primum", ("numpy",), partial(with_primum, closed=False), 5, note="the same groups, other people", large=True
    ),
    "primum, closed form": Contender(
        "primum", ("polars",), partial(with_primum, closed=True), 5, note="Wilson", like="primum, closed form",
    ),
    "confidenceinterval, closed form": Contender(
        "peers", ("confidenceinterval",), partial(with_confidenceinterval, method="wilson"),
        note="Wilson, four of the five rates", like="primum, closed form",
    ),
    "confidenceinterval, 1,000 replicates": Contender(
        "peers", ("confidenceinterval",), partial(with_confidenceinterval, method="bootstrap_percentile"),
        times=EVERY * REPLICATES / 10,
        note=f"extrapolated from 10 replicates of every {EVERY}th group; four of the five rates",
    ),
    "fairlearn, 1,000 replicates": Contender(
        "peers", ("fairlearn",), with_fairlearn, times=REPLICATES / (FEW + 1),
        note=f"extrapolated from {FEW} replicates and the estimate itself",
    ),
}  # fmt: skip
