"""Time primum beside its peers: the same rows, the same groups, the same five rates, in one run, one machine.

Only ratios are worth quoting: seconds belong to the machine. Every contender's numbers are compared with
primum's before its time is believed.
"""

from __future__ import annotations

import argparse
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
import polars as pl

RATES = ("sensitivity", "specificity", "ppv", "npv", "selection_rate")
THRESHOLD = 0.1


def people(rows, groups, seed=20260101):
    """Make `rows` people in `groups` groups of very different sizes, each with a risk and an outcome."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(groups, 0.7))
    share = 0.9 * share + 0.1 / groups  # the smallest still has people with and without the outcome
    group = rng.choice(groups, size=rows, p=share)
    risk = rng.beta(1.2, 8.0, size=rows)
    return group, risk, (rng.random(rows) < risk).astype(np.int64)


def with_primum(frame):
    """Count and measure, each rate with its interval: a frame in, (groups, 5) out."""
    import primum

    tally = primum.count(frame, outcome="y", score="risk", by="group", thresholds=[THRESHOLD])
    long = tally.measure(RATES, by="group", at=THRESHOLD)
    wide = long.filter(pl.col("comparison") == "estimate").pivot("metric", index="group", values="value")
    return wide.sort(pl.col("group").cast(pl.Int64)).select(RATES).to_numpy()


def with_fairlearn(group, risk, y):
    """Measure with fairlearn's MetricFrame and the metrics its guide names; no intervals."""
    from fairlearn.metrics import MetricFrame, selection_rate
    from sklearn.metrics import precision_score, recall_score

    def negatives(metric):
        return lambda y_true, y_pred: metric(y_true, y_pred, pos_label=0, zero_division=np.nan)

    metrics = {
        "sensitivity": lambda a, b: recall_score(a, b, zero_division=np.nan),
        "specificity": negatives(recall_score),
        "ppv": lambda a, b: precision_score(a, b, zero_division=np.nan),
        "npv": negatives(precision_score),
        "selection_rate": selection_rate,
    }
    chosen = (risk >= THRESHOLD).astype(np.int64)
    frame = MetricFrame(metrics=metrics, y_true=y, y_pred=chosen, sensitive_features=group)
    return frame.by_group.loc[np.unique(group), list(RATES)].to_numpy(dtype=float)


def with_sklearn(group, risk, y):
    """Measure with scikit-learn: one confusion matrix for each group in turn; no intervals."""
    from sklearn.metrics import confusion_matrix

    chosen = (risk >= THRESHOLD).astype(np.int64)
    table = []
    for g in np.unique(group):
        here = group == g
        tn, fp, fn, tp = confusion_matrix(y[here], chosen[here], labels=[0, 1]).ravel().astype(float)
        table.append((tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn), (tp + fp) / (tp + fp + tn + fn)))
    return np.array(table)


def with_numpy(group, risk, y):
    """Measure with one bincount, written for this question alone: the floor; no intervals."""
    size = int(group.max()) + 1
    cells = np.bincount((group * 2 + y) * 2 + (risk >= THRESHOLD), minlength=4 * size).reshape(-1, 2, 2)
    tn, fp, fn, tp = (cells[:, i, j].astype(float) for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    return np.stack(
        [tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn), (tp + fp) / (tp + fp + tn + fn)],
        axis=1,
    )


def best(work, repeats):
    """Return the shortest of `repeats` wall times in seconds, and the result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def stated(package):
    """Return the version of `package`, or say that it is not here."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (not installed)"


def main():
    """Run all contenders that are installed and print one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=500_000)
    options.add_argument("--groups", type=int, default=318)
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()

    group, risk, y = people(chosen.rows, chosen.groups)
    frame = pl.DataFrame({"group": group, "risk": risk, "y": y})
    contenders = [("primum, with intervals", lambda: with_primum(frame))]
    if find_spec("pandas"):
        pandas = frame.to_pandas()
        contenders.append(("primum on pandas, with intervals", lambda: with_primum(pandas)))
    if find_spec("fairlearn"):
        contenders.append(("fairlearn MetricFrame", lambda: with_fairlearn(group, risk, y)))
    if find_spec("sklearn"):
        contenders.append(("scikit-learn, group by group", lambda: with_sklearn(group, risk, y)))
    contenders.append(("numpy, by hand", lambda: with_numpy(group, risk, y)))

    print(f"{chosen.rows:,} people, {chosen.groups} groups, five rates at {THRESHOLD}; best of {chosen.repeats}")
    print(" · ".join([f"Python {platform.python_version()}", *map(stated, ("polars", "fairlearn", "scikit-learn"))]))
    print(f"\n{'':34}{'seconds':>9}{'× primum':>10}   largest disagreement")
    base = None
    for name, work in contenders:
        work()  # imports and caches are not what is measured
        seconds, rates = best(work, chosen.repeats)
        base = base or (seconds, rates)
        if not np.array_equal(np.isnan(rates), np.isnan(base[1])):
            raise SystemExit(f"{name} and primum disagree on which rates are undefined")
        apart = float(np.nanmax(np.abs(rates - base[1])))
        print(f"{name:34}{seconds:9.3f}{seconds / base[0]:10.1f}   {apart:.1e}")
        if apart > 1e-12:
            raise SystemExit(f"{name} and primum disagree: the times mean nothing")


if __name__ == "__main__":
    main()
