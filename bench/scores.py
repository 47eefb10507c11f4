"""AUROC, Brier score, calibration slope and observed ÷ expected with intervals: of every group, the count included."""

from __future__ import annotations

from functools import partial

import numpy as np
from alone import Contender
from people import BY, VIEWS, ordered, read_pandas, read_polars

METRICS = ("auroc", "brier", "calibration_slope", "oe_ratio")
REPLICATES, FEW = 1000, 2


def with_primum(file, *, crossed):
    """Count and measure: the 18 groups, or these and their 300 crossings."""
    import primum

    frame = read_polars(file)
    views = VIEWS if crossed else BY

    def work():
        tally = primum.count(frame, outcome="y", score="risk", by=BY)
        return {v: tally.measure(METRICS, by=BY if v == VIEWS[-1] else v) for v in views}

    def numbers(found):
        table = {v: {} for v in VIEWS}
        for v, long in found.items():
            for group, metric, value in long.select("group", "metric", "value").iter_rows():
                table[v].setdefault(group, {})[metric] = np.nan if value is None else value
        return ordered({v: {g: [m[k] for k in METRICS] for g, m in t.items()} for v, t in table.items()})

    return work, numbers


def with_sklearn(file):
    """Measure each of 18 groups with scikit-learn, and again for each resample of its people."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import brier_score_loss, roc_auc_score

    frame = read_pandas(file)
    y, s = frame["y"].to_numpy(), frame["risk"].to_numpy()
    masks = {v: {g: (frame[v] == g).to_numpy() for g in sorted(frame[v].unique())} for v in BY}

    def measured(y, s):
        logit = np.log(s / (1 - s)).reshape(-1, 1)
        slope = LogisticRegression(C=np.inf, tol=1e-8).fit(logit, y).coef_[0, 0]
        return [roc_auc_score(y, s), brier_score_loss(y, s), slope, y.mean() / s.mean()]

    def work():
        rng, found = np.random.default_rng(1), {v: {} for v in VIEWS}
        for v, groups in masks.items():
            for g, here in groups.items():
                own_y, own_s = y[here], s[here]
                found[v][g] = measured(own_y, own_s)
                for _ in range(FEW):
                    drawn = rng.integers(0, len(own_y), len(own_y))
                    measured(own_y[drawn], own_s[drawn])
        return found

    return work, ordered


CONTENDERS = {
    "primum, 18 groups": Contender("primum", ("polars",), partial(with_primum, crossed=False), 3),
    "primum, 18 + 300 groups": Contender("primum", ("polars",), partial(with_primum, crossed=True), 3, large=True),
    "scikit-learn loops, 18 groups": Contender(
        "peers", ("scikit-learn",), with_sklearn, times=REPLICATES / (FEW + 1),
        note=f"1,000 replicates, extrapolated from {FEW} and the estimate itself",
    ),
}  # fmt: skip
