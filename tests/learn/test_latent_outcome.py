"""One latent outcome behind several indicators: likelihood against peers, biased proxies found, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import FactorAnalysis

from primum.errors import PrimumError
from primum.learn.latent_likelihood import Layout
from primum.learn.latent_outcome import LatentOutcome

NAMES = ["chronic", "pressure", "sugar", "kidney", "cost"]
LOADINGS = np.array([0.8, 0.7, 0.6, 0.9, 0.5])
NOISE = np.array([0.6, 0.7, 0.8, 0.5, 0.9])


def people(n=4000, seed=0, bias=0.0, unequal=False):
    """Group B is .5 standard deviations iller; its cost is lower by `bias` at equal illness."""
    rng = np.random.default_rng([seed, n])
    g = rng.choice(["A", "B", "C"], n, p=[0.5, 0.3, 0.2])
    x = rng.normal(size=(n, 2)) * [1, 3] + [0, 50]
    eta = 0.5 * (g == "B") + 0.2 * (g == "C") + (x - [0, 50]) @ [0.6, -0.1] + rng.normal(size=n)
    y = eta[:, None] * LOADINGS + rng.normal(size=(n, 5)) * NOISE + [1, 2, 3, 4, 5]
    y[:, 4] -= bias * (g == "B")
    if unequal:
        y[g == "B", 0] += 0.8 * (eta[g == "B"] - 0.5)
    return x, y, g, eta


def test_it_is_recovered():
    x, y, g, _ = people(20_000)
    m = LatentOutcome(indicators=NAMES, reference="A").fit(x, y, group=g)
    assert m.loadings_ == pytest.approx(LOADINGS, abs=0.03)
    assert m.residual_variance_ == pytest.approx(NOISE**2, abs=0.03)
    assert m.coef_ == pytest.approx([0.6, -0.1], abs=0.03)
    assert m.group_effect_["A"] == 0
    assert m.group_effect_["B"] == pytest.approx(0.5, abs=0.06)
    assert m.group_effect_["C"] == pytest.approx(0.2, abs=0.06)


def test_intervals_of_group_effects_cover():
    hits = []
    for seed in range(40):
        x, y, g, _ = people(800, seed=seed + 20)
        m = LatentOutcome(reference="A").fit(x, y, group=g)
        hits += [
            abs(m.group_effect_[h] - true) <= 1.96 * m.standard_errors_["group_effect"][h]
            for h, true in (("B", 0.5), ("C", 0.2))
        ]
    assert np.mean(hits) >= 0.89


def test_one_group_without_features_is_factor_analysis():
    """Loadings, residual variances and likelihood are those of scikit-learn's maximum-likelihood factor analysis."""
    _, y, _, _ = people(3000)
    m = LatentOutcome().fit(None, y, group=["a"] * 3000)
    peer = FactorAnalysis(1, tol=1e-10, max_iter=20_000, svd_method="lapack").fit(y)
    assert m.loadings_ == pytest.approx(np.abs(peer.components_[0]), abs=1e-3)
    assert m.residual_variance_ == pytest.approx(peer.noise_variance_, abs=2e-3)
    assert m.loglik_ / 3000 == pytest.approx(peer.score(y), abs=1e-5)
    eta = m.transform(None, y, group=["a"] * 3000)[:, 0]
    other = peer.transform(y)[:, 0]
    assert np.abs(eta - other * np.sign(np.corrcoef(eta, other)[0, 1])).max() < 5e-3


def test_the_likelihood_is_that_of_the_rows():
    x, y, g, _ = people(500, bias=0.5)
    m = LatentOutcome(indicators=NAMES, release=["cost"], reference="A").fit(x, y, group=g)
    cover = np.outer(m.loadings_, m.loadings_) + np.diag(m.residual_variance_)
    mean = m.intercepts_ + m.predict(x, group=g)[:, None] * m.loadings_
    for (_, h), d in m.released_.items():
        mean[g == h, 4] += d
    assert m.loglik_ == pytest.approx(multivariate_normal(np.zeros(5), cover).logpdf(y - mean).sum(), abs=1e-6)


def test_the_gradient_is_the_gradient():
    x, y, g, _ = people(300)
    m = LatentOutcome(reference="A").fit(x, y, group=g)
    layout = Layout(5, 2, 2, (1, 4))
    theta = np.random.default_rng(0).normal(size=15 + 2 + 2 + 4) * 0.3
    f = lambda v: layout.objective(v, m._moments)[0]
    assert check_grad(f, lambda v: layout.objective(v, m._moments)[1], theta) < 1e-4


def test_a_biased_proxy_is_found_and_released():
    """Cost is half a unit too low in group B at equal illness: found, sized, and the group's illness comes right."""
    x, y, g, _ = people(8000, bias=0.5)
    plain = LatentOutcome(indicators=NAMES, reference="A").fit(x, y, group=g)
    rows = {r["indicator"]: r for r in plain.dif()}
    assert max(rows, key=lambda k: rows[k]["statistic"]) == "cost"
    assert rows["cost"]["group"] == "B"
    assert rows["cost"]["p_adjusted"] < 1e-6
    assert "cost is -0." in rows["cost"]["words"]
    assert [r["indicator"] for r in plain.search_dif()] == ["cost"]
    free = LatentOutcome(indicators=NAMES, release=["cost"], reference="A").fit(x, y, group=g)
    error = free.standard_errors_["released"]["cost", "B"]
    assert abs(free.released_["cost", "B"] + 0.5) < 3 * error
    assert abs(free.group_effect_["B"] - 0.5) < 3 * free.standard_errors_["group_effect"]["B"]
    assert plain.group_effect_["B"] < free.group_effect_["B"] - 0.02  # the biased proxy made the group look healthier
    assert any(r["verdict"] == "contradicted" and "cost" in r["check"] for r in plain.check())
    assert not any(r["verdict"] == "contradicted" for r in free.check())


def test_the_test_of_bias_keeps_its_level():
    """Without bias, p-values below .05 in about 5 % of 24 cohorts and 5 indicators."""
    p = []
    for seed in range(24):
        x, y, g, _ = people(600, seed=seed + 300)
        p += [r["p"] for r in LatentOutcome(reference="A").fit(x, y, group=g).dif()]
    assert np.mean(np.array(p) < 0.05) <= 0.11
    assert 0.35 <= np.mean(np.array(p) < 0.5) <= 0.65


def test_equal_loadings_are_checked():
    x, y, g, _ = people(8000, unequal=True)
    rows = LatentOutcome(indicators=NAMES).fit(x, y, group=g).check()
    assert any(r["verdict"] == "contradicted" and r["assumption"].startswith("indicators follow") for r in rows)


def test_a_second_latent_outcome_is_noticed():
    x, y, g, _ = people(6000)
    more = np.random.default_rng(4).normal(size=6000)
    y = y + np.outer(more, [1.0, 1.0, 0, 0, 0])
    rows = LatentOutcome().fit(x, y, group=g).check()
    assert sum(r["verdict"] == "contradicted" and r["assumption"].startswith("one latent") for r in rows) == 2


def test_indicators_sharpen_what_is_known_of_a_person():
    x, y, g, eta = people(6000)
    m = LatentOutcome(reference="A").fit(x, y, group=g)
    guess, seen = m.predict(x, group=g), m.transform(x, y, group=g)[:, 0]
    assert np.corrcoef(seen, eta)[0, 1] > 0.93 > np.corrcoef(guess, eta)[0, 1] > 0.5
    assert np.mean((seen - eta) ** 2) == pytest.approx(1 / (1 + np.sum(LOADINGS**2 / NOISE**2)), rel=0.1)


def test_units_do_not_matter():
    x, y, g, _ = people(1500)
    a = LatentOutcome(reference="A").fit(x, y, group=g)
    b = LatentOutcome(reference="A").fit(x * [10, 0.1], y * [1, 1000, 1, 1, 0.01] + 7, group=g)
    assert a.group_effect_["B"] == pytest.approx(b.group_effect_["B"], abs=1e-4)
    assert b.loadings_ == pytest.approx(a.loadings_ * [1, 1000, 1, 1, 0.01], rel=1e-3)
    assert clone(a).fit(x, y, group=g).loadings_.tolist() == a.loadings_.tolist()


def test_refusals():
    x, y, g, _ = people(300)
    with pytest.raises(PrimumError, match="at least 3 columns"):
        LatentOutcome().fit(x, y[:, :2], group=g)
    with pytest.raises(PrimumError, match="1 of 300 people lack an indicator"):
        LatentOutcome().fit(x, np.where(np.arange(1500).reshape(300, 5) == 7, np.nan, y), group=g)
    with pytest.raises(PrimumError, match="Every indicator is released"):
        LatentOutcome(indicators=NAMES, release=NAMES).fit(x, y, group=g)
    with pytest.raises(PrimumError, match="no indicator 'costs'"):
        LatentOutcome(indicators=NAMES, release=["costs"]).fit(x, y, group=g)
    with pytest.raises(PrimumError, match="only one group"):
        LatentOutcome(indicators=NAMES, release=["cost"]).fit(x, y, group=["a"] * 300)
    with pytest.raises(PrimumError, match="same for everybody"):
        LatentOutcome().fit(x, y * [1, 0, 1, 1, 1], group=g)
    with pytest.raises(PrimumError, match="no group 'Z'"):
        LatentOutcome(reference="Z").fit(x, y, group=g)
    with pytest.raises(PrimumError, match="A feature repeats another, or the group"):
        LatentOutcome().fit(np.column_stack([x, g == "B"]), y, group=g)
    with pytest.raises(PrimumError, match="2 names for 5 indicators"):
        LatentOutcome(indicators=["a", "b"]).fit(x, y, group=g)
    m = LatentOutcome().fit(x, y, group=g)
    with pytest.raises(PrimumError, match="needs indicators"):
        m.transform(x, group=g)
    with pytest.raises(PrimumError, match="no group 'D'"):
        m.predict(x, group=["D"] * 300)
