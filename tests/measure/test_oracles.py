"""Every metric against an independent implementation: scikit-learn, fairlearn, statsmodels, or counting by hand."""

from __future__ import annotations

import math

import fairlearn.metrics as fm
import numpy as np
import polars as pl
import pytest
import sklearn.metrics as sk
import statsmodels.api as sm
from scipy.special import expit, logit

from primum.measure.metric import METRICS
from primum.measure.ranking import auroc, bracket
from primum.measure.table import Settings, estimates
from primum.tally.count import count
from primum.tally.resample import histogram

AT = 0.3


def people(n=1500, *, seed=0, coarse=True):
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    x = rng.normal(size=n)
    y = (rng.random(n) < expit(-1 + 1.3 * x + 0.4 * (g == "b"))).astype(int)
    s = expit(-0.8 + 1.5 * x + rng.normal(0, 0.5, n))
    s = np.clip(np.round(s, 2), 0.01, 0.99) if coarse else s
    return y, s, g, rng.choice([0.5, 1.0, 3.0], n)


def glm(y, s, w, *, slope: bool) -> float:
    x = logit(np.clip(s, 1e-4, 1 - 1e-4))
    design = sm.add_constant(x) if slope else np.ones((len(x), 1))
    model = sm.GLM(y, design, family=sm.families.Binomial(), freq_weights=w, offset=None if slope else x)
    return float(model.fit().params[-1])


def confusion(y, s, w, t):
    tn, fp, fn, tp = sk.confusion_matrix(y, s >= t, sample_weight=w, labels=[0, 1]).ravel()
    return tn, fp, fn, tp


def npv(y, s, w, t):
    tn, _, fn, _ = confusion(y, s, w, t)
    return tn / (tn + fn)


def net_benefit(y, s, w, t):
    _, fp, _, tp = confusion(y, s, w, t)
    return (tp - fp * t / (1 - t)) / w.sum()


ORACLES = {
    "prevalence": lambda y, s, w, t: np.average(y, weights=w),
    "selection_rate": lambda y, s, w, t: fm.selection_rate(y, s >= t, sample_weight=w),
    "sensitivity": lambda y, s, w, t: sk.recall_score(y, s >= t, sample_weight=w),
    "specificity": lambda y, s, w, t: sk.recall_score(y, s >= t, pos_label=0, sample_weight=w),
    "ppv": lambda y, s, w, t: sk.precision_score(y, s >= t, sample_weight=w),
    "npv": npv,
    "fpr": lambda y, s, w, t: fm.false_positive_rate(y, s >= t, sample_weight=w),
    "fnr": lambda y, s, w, t: fm.false_negative_rate(y, s >= t, sample_weight=w),
    "accuracy": lambda y, s, w, t: sk.accuracy_score(y, s >= t, sample_weight=w),
    "balanced_accuracy": lambda y, s, w, t: sk.balanced_accuracy_score(y, s >= t, sample_weight=w),
    "brier": lambda y, s, w, t: sk.brier_score_loss(y, s, sample_weight=w),
    "auroc": lambda y, s, w, t: sk.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, s, w, t: sk.average_precision_score(y, s, sample_weight=w),
    "oe_ratio": lambda y, s, w, t: np.sum(w * y) / np.sum(w * s),
    "calibration_intercept": lambda y, s, w, t: glm(y, s, w, slope=False),
    "calibration_slope": lambda y, s, w, t: glm(y, s, w, slope=True),
    "net_benefit": net_benefit,
    "standardised_net_benefit": lambda y, s, w, t: net_benefit(y, s, w, t) / np.average(y, weights=w),
    "nne": lambda y, s, w, t: 1 / sk.precision_score(y, s >= t, sample_weight=w),
    "fp_per_tp": lambda y, s, w, t: 1 / sk.precision_score(y, s >= t, sample_weight=w) - 1,
    "interventions_avoided": lambda y, s, w, t: (
        100 * (net_benefit(y, s, w, t) - net_benefit(y, np.ones(len(y)), w, t)) * (1 - t) / t
    ),
}
DESCRIPTIONS = {"n"}  # counted, not estimated
ELSEWHERE = {"debiased_calibration_error", "ici", "e50", "e90"}  # have tests of their own, for they depend on bins

# on continuous scores: what a shared bin leaves open
LOOSE = {"auroc": 1e-4, "average_precision": 2e-3, "calibration_intercept": 1e-4, "calibration_slope": 1e-4}
TIGHT = {"calibration_intercept": 1e-6, "calibration_slope": 1e-6}


def test_every_metric_has_an_oracle_or_is_a_description():
    parts = [set(ORACLES), DESCRIPTIONS, ELSEWHERE]
    assert sum(map(len, parts)) == len(set.union(*parts)), "each metric is in one list"
    assert set.union(*parts) == set(METRICS), "a new metric needs an oracle here"


def found(name, y, s, w=None, g=None):
    frame = pl.DataFrame({"y": y, "s": s} | ({"w": w} if w is not None else {}) | ({"g": g} if g is not None else {}))
    view = count(frame, "y", "s", [] if g is None else ["g"], weight=None if w is None else "w")
    values = [e[name].value for e in estimates(view, [name], Settings(at=AT, replicates=20))]
    return dict(zip([k[0] if k else "everyone" for k in view.groups], values, strict=True))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ORACLES)
def test_scores_of_two_decimals_agree_to_the_last_digits(name, weighted):
    y, s, _, w = people()
    w = w if weighted else np.ones(len(y))
    value = found(name, y, s, w if weighted else None)["everyone"]
    assert value == pytest.approx(ORACLES[name](y, s, w, AT), abs=TIGHT.get(name, 1e-12))


@pytest.mark.parametrize("name", ORACLES)
def test_continuous_scores_agree_within_what_bins_leave_open(name):
    y, s, _, w = people(coarse=False, seed=3)
    assert found(name, y, s)["everyone"] == pytest.approx(
        ORACLES[name](y, s, np.ones(len(y)), AT), abs=LOOSE.get(name, 1e-12)
    )
    assert found(name, y, s, w)["everyone"] == pytest.approx(ORACLES[name](y, s, w, AT), abs=LOOSE.get(name, 1e-12))


@pytest.mark.parametrize("name", ORACLES)
def test_every_group_agrees_with_fairlearns_metric_frame(name):
    y, s, g, _ = people(seed=1)

    def metric(truth, score):
        return ORACLES[name](np.asarray(truth), np.asarray(score), np.ones(len(truth)), AT)

    frame = fm.MetricFrame(metrics=metric, y_true=y, y_pred=s, sensitive_features=g)
    values = found(name, y, s, g=g)
    assert set(values) == {"a", "b", "c"}
    for group, value in frame.by_group.items():
        assert values[group] == pytest.approx(float(value), abs=TIGHT.get(name, 1e-12)), group


def test_the_example_in_fairlearns_own_documentation():
    y = [1, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    d = [0.0, 1, 1, 1, 1, 0, 0, 0, 1, 1]
    sex = ["Female"] * 5 + ["Male"] * 5
    view = count(pl.DataFrame({"y": y, "s": d, "sex": sex}), "y", "s", "sex")
    got = estimates(view, ["selection_rate", "accuracy"], Settings(at=0.5))
    assert [e["selection_rate"].value for e in got] == pytest.approx([0.8, 0.4])
    assert [e["accuracy"].value for e in got] == pytest.approx([0.8, 0.6])


@pytest.mark.parametrize("seed", range(5))
def test_auroc_of_continuous_scores_lies_within_its_bracket(seed):
    y, s, _, w = people(seed=seed, coarse=False)
    for weight in (None, w):
        frame = pl.DataFrame({"y": y, "s": s, "w": np.ones(len(y)) if weight is None else weight})
        h = histogram(count(frame, "y", "s", weight="w"), 0)
        miss = abs(float(auroc(h)) - sk.roc_auc_score(y, s, sample_weight=weight))
        assert miss <= bracket(h) + 1e-12
        assert bracket(h) <= 1e-4


def test_auroc_is_mann_whitney():
    from scipy.stats import mannwhitneyu

    y, s, _, _ = people()
    u = mannwhitneyu(s[y == 1], s[y == 0]).statistic
    assert found("auroc", y, s)["everyone"] == pytest.approx(u / (y.sum() * (1 - y).sum()), abs=1e-12)


def test_scores_of_exactly_0_and_1_do_not_break_calibration():
    y = np.array([0, 1, 0, 1, 1, 0, 0, 1])
    s = np.array([0.0, 1.0, 0.2, 0.7, 0.4, 0.6, 1.0, 0.0])
    w = np.ones(8)
    for name in ("calibration_intercept", "calibration_slope"):
        assert found(name, y, s)["everyone"] == pytest.approx(ORACLES[name](y, s, w, AT), abs=1e-6)


def test_a_slope_exists_exactly_when_maximum_likelihood_has_one():
    """Reversed, weak and strong slopes are found; complete separation in either direction is not."""
    rng = np.random.default_rng(8)
    x = np.round(rng.normal(size=400), 2)
    for b in (-3.0, -0.2, 0.0, 0.2, 1.0, 6.0, 12.0):
        y = (rng.random(400) < expit(b * x)).astype(int)
        s = np.round(expit(x), 3)
        assert found("calibration_slope", y, s)["everyone"] == pytest.approx(
            glm(y, s, np.ones(400), slope=True), rel=1e-5, abs=1e-6
        )
    for y in ((x > 0.5).astype(int), (x < 0.5).astype(int)):
        assert math.isnan(found("calibration_slope", y, np.round(expit(x), 3))["everyone"])


@pytest.mark.parametrize(("zero", "one"), [(1e-76, 0.09), (0.09, 1e-76), (0.01, 0.99), (0.5, 0.500001)])
def test_two_people_have_no_slope_however_far_apart_their_risks_are(zero, one):
    assert math.isnan(found("calibration_slope", [0, 1], [zero, one])["everyone"])
    assert math.isnan(found("calibration_slope", [0, 1, 1], [zero, one, zero])["everyone"]), "quasi-separated"
