"""Disparate censorship: the truth from people who were tested unequally, what pseudo-labels are, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from primum.errors import PrimumError
from primum.learn.censorship import DisparateCensorship

TRUE = [-1.0, 1.0, 0.5, -0.5]


def people(n=30_000, seed=0, curve=0.0):
    """Group B is tested far less, and among those with high x₀ first."""
    rng = np.random.default_rng([seed, n])
    g = np.where(rng.random(n) < 0.5, "A", "B")
    x = rng.normal(size=(n, 3))
    y = rng.random(n) < expit(TRUE[0] + x @ TRUE[1:] + curve * x[:, 0] ** 2)
    t = rng.random(n) < expit(-0.5 + x[:, 0] - 1.5 * (g == "B"))
    return x, y, t, g


@pytest.mark.parametrize("weighting", ["propensity", "none"])
def test_it_learns_the_truth_where_untested_means_negative_misleads(weighting):
    x, y, t, g = people()
    model = DisparateCensorship(weighting=weighting).fit(x, y & t, group=g, tested=t)
    assert [model.intercept_, *model.coef_] == pytest.approx(TRUE, abs=0.12)
    assert model.converged_
    naive = LogisticRegression(C=1e6).fit(np.column_stack([x, g == "B"]), y & t)
    assert naive.coef_[0][-1] < -0.8  # the group looks healthy, for it is not tested
    risk = model.predict_proba(x)[:, 1]
    for name in "AB":
        assert risk[g == name].mean() == pytest.approx(y[g == name].mean(), abs=0.02)
        assert (y & t)[g == name].mean() < 0.8 * y[g == name].mean()


def test_without_propensity_the_fixed_point_is_the_likelihood_of_the_tested():
    x, y, t, g = people(4000, seed=1)
    model = DisparateCensorship(weighting="none", penalty=1e-8, max_iter=5000).fit(x, y & t, group=g, tested=t)
    peer = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(x[t], y[t])
    assert model.coef_ == pytest.approx(peer.coef_[0], abs=1e-4)
    assert model.intercept_ == pytest.approx(peer.intercept_[0], abs=1e-4)


def test_with_propensity_it_is_weighted_by_the_inverse_chance():
    x, y, t, g = people(4000, seed=2)
    model = DisparateCensorship(penalty=1e-8, max_iter=5000).fit(x, y & t, group=g, tested=t)
    weight = 1 / np.clip(model.propensity_[t], model.trim, 1)
    peer = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(x[t], y[t], sample_weight=weight)
    assert model.coef_ == pytest.approx(peer.coef_[0], abs=1e-4)


def test_propensity_helps_where_log_odds_bend():
    """A bent risk: the mean risk in all people is right with weights, and wrong without them."""
    x, y, t, g = people(60_000, seed=3, curve=0.4)
    with_, without = (
        DisparateCensorship(weighting=w).fit(x, y & t, group=g, tested=t).predict_proba(x)[:, 1].mean()
        for w in ("propensity", "none")
    )
    assert abs(with_ - y.mean()) < 0.012
    assert abs(without - y.mean()) > 2 * abs(with_ - y.mean())


def test_pseudo_labels_are_risks_of_the_untested_and_carry_results_of_the_tested():
    x, y, t, g = people(5000, seed=4)
    model = DisparateCensorship(weighting="none").fit(x, y & t, group=g, tested=t)
    assert model.pseudo_[t].tolist() == pytest.approx(y[t].astype(float).tolist())
    assert model.pseudo_[~t] == pytest.approx(model.predict_proba(x[~t])[:, 1], abs=1e-6)
    weighted = DisparateCensorship().fit(x, y & t, group=g, tested=t)
    assert weighted.pseudo_.mean() == pytest.approx(weighted.predict_proba(x)[:, 1].mean(), abs=1e-4)


def test_ranking_is_better_than_the_record_teaches():
    x, y, t, g = people(20_000, seed=5)
    model = DisparateCensorship().fit(x, y & t, group=g, tested=t)
    wide = np.column_stack([x, g == "B"])
    naive = LogisticRegression(C=1e6).fit(wide, y & t).predict_proba(wide)[:, 1]
    assert roc_auc_score(y, model.predict_proba(x)[:, 1]) > roc_auc_score(y, naive) + 0.02


def test_results_of_the_untested_are_not_looked_at():
    x, y, t, g = people(3000, seed=6)
    a = DisparateCensorship().fit(x, y & t, group=g, tested=t)
    unknown = np.where(t, y, np.nan)
    b = DisparateCensorship().fit(x, unknown, group=g, tested=t)
    assert a.coef_.tolist() == b.coef_.tolist()
    assert clone(a).fit(x, y & t, group=g, tested=t).coef_.tolist() == a.coef_.tolist()


def rows(x, y, t, g, **options):
    return DisparateCensorship(**options).fit(x, y & t, group=g, tested=t).check(x, y & t, group=g, tested=t)


def test_on_its_own_assumptions_no_check_complains():
    found = rows(*people(seed=7))
    assert {r["verdict"] for r in found} == {"not contradicted", "cannot be checked"}
    assert {r["assumption"] for r in found} == set(DisparateCensorship.assumes)


def test_a_group_hardly_ever_tested_is_told():
    x, y, _, g = people(seed=8)
    t = np.random.default_rng(0).random(len(x)) < np.where(g == "B", expit(-5 + 2 * x[:, 0]), 0.5)
    found = rows(x, y, t, g)
    assert [r["group"] for r in found if "below" in r["check"] and r["verdict"] == "contradicted"] == ["B"]


def test_a_risk_that_differs_by_group_is_told():
    x, _, t, g = people(seed=9)
    y = np.random.default_rng(1).random(len(x)) < expit(-1 + x @ [1.0, 0.5, -0.5] + 1.5 * (g == "B"))
    found = rows(x, y, t, g)
    bad = [r["group"] for r in found if r["check"].startswith("positive / expected") and r["verdict"] == "contradicted"]
    assert "B" in bad


def test_groups_with_few_results_are_not_assessable():
    x, y, t, g = people(400, seed=10)
    few = t & ((g == "A") | (np.cumsum(t & (g == "B")) <= 3))
    assert any(r["verdict"] == "not assessable" for r in rows(x, y, few, g))


def test_refusals():
    x, y, t, g = people(600, seed=11)
    s = y & t
    with pytest.raises(PrimumError, match="Who was tested is not given"):
        DisparateCensorship().fit(x, s, group=g)
    with pytest.raises(PrimumError, match="Nobody of the group 'B' was tested"):
        DisparateCensorship().fit(x, s & (g == "A"), group=g, tested=t & (g == "A"))
    with pytest.raises(PrimumError, match="people who were not tested have a positive result"):
        DisparateCensorship().fit(x, y, group=g, tested=t)
    with pytest.raises(PrimumError, match="Everybody tested has the same result"):
        DisparateCensorship().fit(x, np.zeros(600), group=g, tested=t)
    with pytest.raises(PrimumError, match="weighting='ipw' is not known"):
        DisparateCensorship(weighting="ipw").fit(x, s, group=g, tested=t)
    with pytest.raises(PrimumError, match="trim is 0"):
        DisparateCensorship(trim=0).fit(x, s, group=g, tested=t)
    with pytest.raises(PrimumError, match="other than 0 and 1"):
        DisparateCensorship().fit(x, s * 2.0 * t, group=g, tested=t)
    model = DisparateCensorship().fit(x, s, group=g, tested=t)
    with pytest.raises(PrimumError, match="group 'C' was not there"):
        model.testing_proba(x, group=np.full(600, "C"))
