"""Decoupled models, the fair-use test and the envy test: worlds in which the answer is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import ttest_1samp
from sklearn.linear_model import LogisticRegression

from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.mitigate.decoupled import Decoupled
from primum.mitigate.envy import envy
from primum.mitigate.fair_use import every_group_gains, fair_use
from primum.mitigate.paired_loss import gains


def people(n=6000, seed=0, turned=True):
    """Draw people of two groups; in group b the marker means the opposite (or the same)."""
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n, p=[0.7, 0.3])
    X = rng.normal(size=(n, 2))
    sign = np.where((g == "b") & turned, -1.0, 1.0)
    y = (rng.random(n) < expit(-1 + 1.5 * sign * X[:, 0])).astype(int)
    return X, y, g


def test_each_group_has_the_model_of_its_own_people():
    X, y, g = people()
    model = Decoupled(LogisticRegression()).fit(X, y, group=g)
    p = model.predict_proba(X, group=g)
    for k in ("a", "b"):
        own = LogisticRegression().fit(X[g == k], y[g == k])
        np.testing.assert_array_equal(p[g == k], own.predict_proba(X[g == k]))
    pooled = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), pooled.predict_proba(X))
    np.testing.assert_array_equal(model.predict_proba(X[:9], group=["c"] * 9), pooled.predict_proba(X[:9]))


def test_small_groups_keep_the_pooled_model_and_it_is_said():
    X, y, g = people()
    g = g.astype("<U8")
    few = np.flatnonzero((g == "b") & (y == 1))[:49]
    g[few] = "few"
    g[np.flatnonzero((g == "b") & (y == 0))[:300]] = "few"
    model = Decoupled(LogisticRegression(), least_events=50).fit(X, y, group=g)
    assert set(model.models_) == {"a", "b"}
    told = {w.group: w for w in model.whose_}
    assert not told["few"].own
    assert told["few"].words == "Keeps the pooled model: 49 people with the outcome, 50 are needed."
    np.testing.assert_array_equal(model.predict_proba(X, group=g)[g == "few"], model.predict_proba(X)[g == "few"])
    assert set(Decoupled(LogisticRegression(), least_events=49).fit(X, y, group=g).models_) == {"a", "b", "few"}
    assert json.loads(json.dumps(model.describe()))["groups"][2]["own"] is False


def test_a_fitted_pooled_model_is_taken_over():
    X, y, g = people()
    pooled = LogisticRegression(C=0.001).fit(X[:1000], y[:1000])
    model = Decoupled(pooled, prefit=True).fit(X, y, group=g)
    np.testing.assert_array_equal(model.predict_proba(X), pooled.predict_proba(X))
    own = LogisticRegression(C=0.001).fit(X[g == "a"], y[g == "a"])
    np.testing.assert_array_equal(model.predict_proba(X, group=g)[g == "a"], own.predict_proba(X[g == "a"]))


def test_weights_reach_every_model():
    X, y, g = people()
    w = np.random.default_rng(0).uniform(0, 2, len(y))
    model = Decoupled(LogisticRegression()).fit(X, y, group=g, sample_weight=w)
    own = LogisticRegression().fit(X[g == "b"], y[g == "b"], sample_weight=w[g == "b"])
    np.testing.assert_array_equal(model.models_["b"].coef_, own.coef_)


def test_least_events_out_of_range():
    X, y, g = people(100)
    with pytest.raises(PrimumError, match="least_events is 0"):
        Decoupled(LogisticRegression(), least_events=0).fit(X, y, group=g)


# --- gains, written out


def test_gains_of_one_person():
    y, p, q = np.array([1, 0, 1, 0]), np.array([0.5, 0.5, 0.1, 0.3]), np.array([0.8, 0.8, 0.3, 0.1])
    each, low, high = gains(y, p, q, "log loss")
    np.testing.assert_allclose(each, [math.log(1.6), math.log(0.4), math.log(3), math.log(0.9 / 0.7)])
    assert high == -low > each.max()
    np.testing.assert_allclose(gains(y, p, q, "brier")[0], [0.21, -0.39, 0.81 - 0.49, 0.09 - 0.01])
    each, low, high = gains(y, p, q, "net benefit", 0.2)
    assert each.tolist() == [0, 0, 1, 0.25], "a case found; a false alarm spared, worth t/(1−t)"
    assert (low, high) == net_benefit(0.2).limits


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"measure": "accuracy"}, "no measure 'accuracy'"),
        ({"measure": "net benefit"}, "net benefit needs a threshold"),
        ({"personal": [0.5, 1.2]}, "second risk has missing values or values outside"),
        ({"generic": [0.5, np.nan]}, "first risk has missing values"),
        ({"outcome": [0, 2]}, "outcome has missing values or values other"),
        ({"generic": [0.5]}, "2, 1 and 2 rows"),
        ({"alpha": 0.7}, "alpha is 0.7"),
        ({"bound": "bootstrap"}, "no bound 'bootstrap'"),
        ({"group": ["a"]}, "Group membership has 1 rows, the people 2"),
    ],
)
def test_bad_input_is_told(change, told):
    given = {"outcome": [0, 1], "generic": [0.5, 0.5], "personal": [0.4, 0.6], "group": ["a", "b"]} | change
    with pytest.raises(PrimumError, match=told):
        fair_use(**given)


# --- fair use


def halves(**options):
    """Fit on one half, return what is needed of the other."""
    X, y, g = people(**options)
    return X[::2], y[::2], g[::2], X[1::2], y[1::2], g[1::2]


def test_decoupling_helps_both_groups_where_the_marker_means_the_opposite():
    X, y, g, Z, v, h = halves()
    model = Decoupled(LogisticRegression()).fit(X, y, group=g)
    generic, personal = model.predict_proba(Z)[:, 1], model.predict_proba(Z, group=h)[:, 1]
    for measure in ("log loss", "brier", "net benefit"):
        rows = fair_use(v, generic, personal, h, measure=measure, threshold=0.3)
        assert [(r.attribute, r.group, r.verdict) for r in rows] == [("group", "a", "gains"), ("group", "b", "gains")]
        assert every_group_gains(rows) is True
    assert rows[1].estimate.n == (h == "b").sum()
    assert rows[1].estimate.level == pytest.approx(0.9)


def test_student_limits_are_those_of_the_paired_t_test():
    X, y, g, Z, v, h = halves()
    model = Decoupled(LogisticRegression()).fit(X, y, group=g)
    generic, personal = model.predict_proba(Z)[:, 1], model.predict_proba(Z, group=h)[:, 1]
    for r in fair_use(v, generic, personal, h, measure="brier", alpha=0.025):
        own = h == r.group
        d = (generic[own] - v[own]) ** 2 - (personal[own] - v[own]) ** 2
        test = ttest_1samp(d, 0, alternative="greater")
        low, high = ttest_1samp(d, 0).confidence_interval(0.95)
        assert r.estimate.value == pytest.approx(d.mean())
        assert (r.estimate.low, r.estimate.high) == pytest.approx((low, high))
        assert r.p_gain == pytest.approx(test.pvalue, abs=1e-12)
        assert r.p_harm == pytest.approx(1 - test.pvalue)


def test_a_harmed_group_is_named():
    """The attribute shifts everybody's risk up for group b, whose risk is no higher."""
    rng = np.random.default_rng(0)
    g = rng.choice(["a", "b"], 4000)
    true = rng.beta(2, 6, 4000)
    y = (rng.random(4000) < true).astype(int)
    generic = np.clip(true + np.where(g == "a", 0.1, 0.0), 0, 1)
    personal = np.clip(true + np.where(g == "b", 0.1, 0.0), 0, 1)
    rows = fair_use(y, generic, personal, g)
    assert [r.verdict for r in rows] == ["gains", "harmed"]
    assert every_group_gains(rows) is False
    assert rows[1].words == "Reporting 'group' harms b: they would be served better without it."
    assert rows[1].p_harm < 0.05 < rows[1].p_gain
    told = json.loads(json.dumps([r.row() for r in rows]))
    assert told[1]["verdict"] == "harmed"
    assert told[1]["high"] < 0


def test_what_cannot_be_told():
    y = np.array([1, 0] * 30)
    same = np.full(60, 0.4)
    (row,) = fair_use(y, same, same, ["a"] * 60)
    assert (row.verdict, row.estimate.value, row.p_gain, row.need) == ("not assessable", 0.0, 1.0, None)
    assert "the two risks do the same" in row.estimate.reason
    better = np.where(y == 1, 0.9, 0.1)
    (few,) = fair_use(y[:18], same[:18], better[:18], ["a"] * 18)
    assert few.verdict == "not assessable"
    assert "fewer than 10 people" in few.estimate.reason
    assert every_group_gains([few]) is None
    assert every_group_gains([]) is None


def test_need_is_the_number_that_suffices():
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.3).astype(int)
    p = np.full(400, 0.3)
    q = np.clip(0.3 + 0.03 * (y - 0.3) + rng.normal(0, 0.15, 400), 0.01, 0.99)
    (row,) = fair_use(y, p, q, ["a"] * 400, measure="brier")
    d = (y - p) ** 2 - (y - q) ** 2
    wanted = (1.6449 + 0.8416) ** 2 * d.var(ddof=1) / d.mean() ** 2
    assert row.verdict == "not assessable"
    assert row.need == max(1, math.ceil(wanted) - 400)


def test_intersections_are_rows_and_silence_is_no_report():
    X, y, g, Z, v, h = halves(n=8000)
    model = Decoupled(LogisticRegression()).fit(X, y, group=g)
    sex = np.random.default_rng(1).choice(["f", "m"], len(v))
    silent = np.where(np.arange(len(v)) % 9 == 0, None, h)
    generic, personal = model.predict_proba(Z)[:, 1], model.predict_proba(Z, group=h)[:, 1]
    rows = fair_use(v, generic, personal, {"race": silent, "sex": sex})
    assert [r.group for r in rows if r.attribute == "race"] == ["(missing)", "a", "b"]
    assert [r.group for r in rows if r.attribute == "race × sex"][-1] == "b · m"
    harmed = np.where(silent == None, 0.99, personal)  # noqa: E711
    rows = fair_use(v, generic, harmed, {"race": silent})
    assert rows[0].verdict == "harmed"
    assert every_group_gains(rows) is True, "those who reported all gain"


@pytest.mark.parametrize(("measure", "bound"), [("brier", None), ("net benefit", None), ("brier", "gaffke")])
def test_no_gain_is_rarely_called_one(measure, bound):
    """Seeded simulation of the promise: with a mean gain of 0, at most α of groups are said to gain."""
    found = 0
    for seed in range(150):
        rng = np.random.default_rng([seed, 4])
        y = (rng.random(120) < 0.3).astype(int)
        p, q = (np.clip(0.3 + rng.normal(0, 0.1, 120), 0.01, 0.99) for _ in range(2))
        rows = fair_use(y, p, q, ["g"] * 120, measure=measure, threshold=0.3, bound=bound, seed=seed)
        found += rows[0].verdict == "gains"
    assert found <= 14, "of 150 at 5 %: 7.5 expected, 14 is the 99th percentile"


# --- envy


def test_nobody_envies_where_each_model_fits_its_group():
    X, y, g, Z, v, h = halves()
    model = Decoupled(LogisticRegression()).fit(X, y, group=g)
    rows = envy(v, model.predict_proba(Z, group=h)[:, 1], model.swapped(Z), h)
    assert [(r.group, r.other, r.verdict) for r in rows] == [
        ("a", "b", "prefers its own"), ("b", "a", "prefers its own"),
    ]  # fmt: skip


def test_a_group_with_a_poor_model_envies():
    X, y, g, Z, v, h = halves(turned=False)
    model = Decoupled(LogisticRegression()).fit(X, y, group=g)
    risk = model.predict_proba(Z, group=h)[:, 1]
    spoilt = np.where(h == "b", 1 - risk, risk)
    swapped = model.swapped(Z) | {"b": 1 - model.swapped(Z)["b"]}
    rows = envy(v, spoilt, swapped, h)
    assert {(r.group, r.verdict) for r in rows} == {("a", "prefers its own"), ("b", "envies")}
    assert rows[1].words == "b would be served better as a."
    assert json.loads(json.dumps(rows[1].row()))["p_envy"] < 1e-6
    same = envy(v, spoilt, lambda name: swapped[name], h)
    assert [r.estimate for r in same] == [r.estimate for r in rows]


def test_envy_pays_for_the_number_of_others():
    rng = np.random.default_rng(0)
    y, h = rng.integers(0, 2, 300), np.array(list("abc") * 100)
    own, other = rng.uniform(0.2, 0.8, 300), rng.uniform(0.2, 0.8, 300)
    two = envy(y, own, {"b": other}, h)[0]
    three = envy(y, own, {"b": other, "c": other}, h)[0]
    assert three.p_envy == pytest.approx(min(1, 2 * two.p_envy))
    assert three.estimate.level == pytest.approx(1 - 2 * 0.025)
    assert three.estimate.low < two.estimate.low


def test_envy_needs_another_model():
    with pytest.raises(PrimumError, match="no other group's model"):
        envy([0, 1], [0.5, 0.5], {}, ["a", "b"])
