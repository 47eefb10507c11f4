"""Five rates of a decision for 18 groups and their 300 crossings: sensitivity, specificity, both predictive values,
and how many are selected. primum gives an interval with each; the others give none.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from alone import Contender
from people import BY, CROSSED, JOIN, RATES, THRESHOLD, VIEWS, ordered, read_pandas, read_polars


def with_primum(file, **how):
    """Count and measure, each rate with its interval."""
    import primum

    frame = read_polars(file)

    def work():
        tally = primum.count(frame, outcome="y", score="risk", by=BY, thresholds=[THRESHOLD], **how)
        return tally.measure(RATES, at=THRESHOLD)

    def numbers(long):
        table = {v: {} for v in VIEWS}
        for attribute, group, metric, value in long.select("attribute", "group", "metric", "value").iter_rows():
            view = CROSSED if " × " in attribute else attribute
            if view in table:
                table[view].setdefault(group, {})[metric] = np.nan if value is None else value
        return ordered({v: {g: [m[r] for r in RATES] for g, m in groups.items()} for v, groups in table.items()})

    return work, numbers


def with_fairlearn(file):
    """Measure with MetricFrame and the metrics its guide names."""
    from fairlearn.metrics import MetricFrame

    frame, metrics = read_pandas(file), fairlearn_metrics()

    def work():
        return {
            v: MetricFrame(metrics=metrics, y_true=frame["y"], y_pred=frame["d"], sensitive_features=frame[v]).by_group
            for v in VIEWS
        }

    return work, lambda found: ordered(
        {v: dict(zip(t.index, t[list(RATES)].to_numpy(float), strict=True)) for v, t in found.items()}
    )


def fairlearn_metrics():
    """Return the five rates in the words of fairlearn and scikit-learn."""
    from fairlearn.metrics import selection_rate
    from sklearn.metrics import precision_score, recall_score

    def of(metric, label):
        return lambda a, b: metric(a, b, pos_label=label, zero_division=np.nan)

    return {
        "sensitivity": of(recall_score, 1),
        "specificity": of(recall_score, 0),
        "ppv": of(precision_score, 1),
        "npv": of(precision_score, 0),
        "selection_rate": selection_rate,
    }


def with_aequitas(file, *, joined):
    """Measure with Group.get_crosstabs, which gives these five and others; it crosses no attributes by itself."""
    from aequitas.group import Group

    frame = read_pandas(file).rename(columns={"d": "score", "y": "label_value"})
    ready, raw = frame[[*VIEWS, "score", "label_value"]], frame[[*BY, "risk", "label_value"]]

    def work():
        if joined:
            return Group().get_crosstabs(ready, attr_cols=VIEWS)[0]
        crossing = raw[BY[0]].str.cat([raw[k] for k in BY[1:]], sep=JOIN)
        own = raw.assign(**{CROSSED: crossing, "score": (raw["risk"] >= THRESHOLD).astype(int)})
        return Group().get_crosstabs(own.drop(columns="risk"), attr_cols=VIEWS)[0]

    def numbers(found):
        table = {v: {} for v in VIEWS}
        columns = ["tpr", "tnr", "precision", "npv", "pprev"]
        for v, g, *values in found[["attribute_name", "attribute_value", *columns]].itertuples(index=False):
            table[v][g] = values
        return ordered(table)

    return work, numbers


def with_oxonfair(file):
    """Measure with the per-group form of its metrics."""
    from oxonfair import group_metrics as gm

    frame = read_pandas(file)
    y, d = frame["y"].to_numpy(), frame["d"].to_numpy()
    groups = {v: frame[v].to_numpy(dtype=object).astype(str) for v in VIEWS}
    metrics = [gm.true_pos_rate, gm.true_neg_rate, gm.pos_pred_val, gm.neg_pred_val, gm.pos_pred_rate]

    def work():
        return {v: np.vstack([m.per_group(y, d, g) for m in metrics]) for v, g in groups.items()}

    return work, lambda found: ordered({v: dict(zip(np.unique(groups[v]), found[v].T, strict=True)) for v in VIEWS})


def with_fairbench(file):
    """Measure with a report of its blocks; the negative predictive value is the positive one of the opposite."""
    import fairbench as fb
    from fairbench.v2.blocks import measures as m
    from fairbench.v2.blocks import reduction
    from fairbench.v2.core import Sensitive

    frame = read_pandas(file)
    y, d = frame["y"].to_numpy(), frame["d"].to_numpy()
    groups = {v: frame[v].to_numpy(dtype=object).astype(str) for v in VIEWS}
    names = {v: np.unique(g) for v, g in groups.items()}

    def work():
        found = {}
        for v, group in groups.items():
            masks = {str(name): (group == name).astype(int) for name in names[v]}
            take = partial(fb.reports.pairwise, Sensitive(masks), reductions=[reduction.min])
            found[v] = (
                take(measures=[m.tpr, m.tnr, m.ppv, m.pr], predictions=d, labels=y),
                take(measures=[m.ppv], predictions=1 - d, labels=1 - y),
            )
        return found

    def values(report, name):
        for step in ("min", name):
            report = {x.descriptor.name: x for x in report.depends.values()}[step]
        return {x.descriptor.name: float(x.value) for x in report.depends.values()}

    def numbers(found):
        table = {}
        for v, (four, one) in found.items():
            parts = [values(four, n) for n in ("tpr", "tnr", "ppv")] + [values(one, "ppv"), values(four, "pr")]
            table[v] = {g: [p.get(g, np.nan) for p in parts] for g in names[v]}
        return ordered(table)

    return work, numbers


def with_aif360(file):
    """Measure with ClassificationMetric, in which each group in turn is the privileged one."""
    import pandas as pd
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    frame = read_pandas(file)
    codes = {v: np.unique(frame[v].to_numpy(dtype=object).astype(str), return_inverse=True) for v in VIEWS}
    coded = pd.DataFrame({v: c.astype(float) for v, (_, c) in codes.items()} | {"y": frame["y"].astype(float)})

    def work():
        found = {}
        for v, (names, _) in codes.items():
            truth = BinaryLabelDataset(df=coded[[v, "y"]], label_names=["y"], protected_attribute_names=[v])
            chosen = truth.copy()
            chosen.labels = frame["d"].to_numpy(dtype=float).reshape(-1, 1)
            found[v] = {}
            for i, name in enumerate(names):
                own, other = [{v: float(i)}], [{v: float(i + 1) % len(names)}]
                m = ClassificationMetric(truth, chosen, unprivileged_groups=other, privileged_groups=own)
                found[v][name] = [
                    m.true_positive_rate(privileged=True),
                    m.true_negative_rate(privileged=True),
                    m.positive_predictive_value(privileged=True),
                    m.negative_predictive_value(privileged=True),
                    m.selection_rate(privileged=True),
                ]
        return found

    return work, ordered


def with_sklearn(file):
    """Measure with one confusion matrix for each group in turn."""
    from sklearn.metrics import confusion_matrix

    frame = read_pandas(file)
    y, d = frame["y"].to_numpy(), frame["d"].to_numpy()
    groups = {v: frame[v].to_numpy(dtype=object).astype(str) for v in VIEWS}

    def work():
        return {
            v: {
                name: rates_of(*confusion_matrix(y[here], d[here], labels=[0, 1]).ravel().astype(float))
                for name in np.unique(group)
                if (here := group == name) is not None
            }
            for v, group in groups.items()
        }

    return work, ordered


def by_hand(file):
    """Measure with pandas' codes and one bincount for each attribute: the floor, written for this question alone."""
    import pandas as pd

    frame = read_pandas(file)

    def work():
        cell = frame["y"].to_numpy() * 2 + frame["d"].to_numpy()
        found = {}
        for v in VIEWS:
            codes, names = pd.factorize(frame[v])
            table = np.bincount(codes * 4 + cell, minlength=4 * len(names)).reshape(-1, 4).T.astype(float)
            with np.errstate(invalid="ignore", divide="ignore"):
                found[v] = dict(zip(names, np.stack(rates_of(*table), axis=1), strict=True))
        return found

    return work, ordered


def rates_of(tn, fp, fn, tp):
    """Return the five rates of confusion counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn), (tp + fp) / (tp + fp + tn + fn)


_ALL = {
    "primum, decisions counted": Contender(
        "primum", ("polars",), partial(with_primum, decisions_only=True), 5, note="with intervals"
    ),
    "primum, whole score axis": Contender(
        "primum", ("polars",), with_primum, 5, note="with intervals; the same tally gives AUROC and calibration"
    ),
    "aequitas, from the same rows": Contender(
        "peers-aequitas",
        ("aequitas", "pandas"),
        partial(with_aequitas, joined=False),
        3,
        note="decides and crosses the attributes, as primum does",
    ),
    "aequitas, crossed beforehand": Contender(
        "peers-aequitas", ("aequitas", "pandas"), partial(with_aequitas, joined=True), 3
    ),
    "oxonfair": Contender("peers", ("oxonfair",), with_oxonfair),
    "fairbench": Contender("peers", ("fairbench",), with_fairbench),
    "fairlearn": Contender("peers", ("fairlearn",), with_fairlearn),
    "aif360": Contender("peers", ("aif360",), with_aif360),
    "scikit-learn, group by group": Contender("peers", ("scikit-learn",), with_sklearn),
    "pandas and numpy, by hand": Contender("peers", ("pandas", "numpy"), by_hand, 2, note="the floor; no checks"),
}
CONTENDERS = {name: c._replace(large=True) for name, c in _ALL.items()}
