"""Published effects and scores: the posterior mode, offsets, conflict by group, and numbers on the wrong scale."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize_scalar
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from primum.errors import PrimumError
from primum.learn.calibrate import expit, logit
from primum.learn.prior.conflict import prior_conflict
from primum.learn.prior.newton import posterior_mode
from primum.learn.prior.offset import ScoreOffset
from primum.learn.prior.prior_logistic import PriorLogistic
from primum.learn.prior.published import checked_score, log_odds_ratio, odds_ratio

NAMES = ["age", "marker"]


def people(n=1500, seed=0, men=0.7):
    rng = np.random.default_rng([seed, n])
    x = np.column_stack([rng.normal(50, 10, n), rng.normal(size=n)])
    g = rng.choice(["F", "M"], n)
    beta = np.where(g == "M", men, 0.7)
    y = (rng.random(n) < expit(-1 + 0.03 * (x[:, 0] - 50) + beta * x[:, 1])).astype(int)
    return x, y, g


def test_an_odds_ratio_becomes_a_gaussian_on_the_log_odds():
    prior = odds_ratio("age", 1.5, 1.2, 1.875, per=10)
    assert prior.mean == pytest.approx(np.log(1.5) / 10)
    assert prior.sd == pytest.approx(np.log(1.875 / 1.2) / (2 * 1.959964) / 10, rel=1e-6)
    ninety = odds_ratio("age", 1.5, 1.2, 1.875, level=0.9)
    assert ninety.sd == pytest.approx(np.log(1.875 / 1.2) / (2 * 1.644854), rel=1e-6)
    same = log_odds_ratio("age", np.log(1.5), low=np.log(1.2), high=np.log(1.875), per=10)
    assert (same.mean, same.sd) == pytest.approx((prior.mean, prior.sd))
    assert prior.widened(3).sd == pytest.approx(3 * prior.sd)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: odds_ratio("age", -0.2, -0.4, 0.1), "odds ratio of 'age' is -0.2"),
        (lambda: odds_ratio("age", 0.4, -0.1, 0.9), "lower limit of 'age' is -0.1"),
        (lambda: odds_ratio("age", 1.5, 1.6, 2.0), "outside its own interval"),
        (lambda: odds_ratio("age", 0.4, 0.05, 0.75), "far off the middle"),
        (lambda: odds_ratio("age", 1.5, 1.5, 1.5), "no width"),
        (lambda: odds_ratio("age", 1.5, 1.2, 1.9, level=95), "level of an interval is 95"),
        (lambda: odds_ratio("age", 1.5, 1.2, 1.9, per=0), "per 0 units"),
        (lambda: log_odds_ratio("age", 12.0, se=1.0), "beyond 1,000"),
        (lambda: log_odds_ratio("age", 0.4, se=0), "standard error of 'age' is 0"),
        (lambda: log_odds_ratio("age", 0.4), "needs a standard error"),
        (lambda: log_odds_ratio("age", 0.4, low=1.2, high=1.9), "outside its own interval"),
        (lambda: odds_ratio("age", 1.5, 1.2, 1.9).widened(0), "widened 0 times"),
        (lambda: checked_score([3.0, 40.0, 7.0]), "divide by 100"),
        (lambda: checked_score([-1.2, 0.4]), "log odds"),
        (lambda: checked_score([0.2, 340.0]), "points must first"),
        (lambda: checked_score([0.0, 0.4]), "exactly 0 or 1 for 1 people"),
        (lambda: checked_score([0.1, np.nan]), "missing for 1 of 2"),
        (lambda: checked_score([0.1, 0.2], floor=0.7), "floor is 0.7"),
    ],
)
def test_numbers_on_the_wrong_scale_are_refused(make, message):
    with pytest.raises(PrimumError, match=message):
        make()


def test_a_floor_takes_rounded_risks():
    assert checked_score([0.0, 0.3, 1.0], floor=0.005).tolist() == [0.005, 0.3, 0.995]


def test_maximum_likelihood_is_that_of_statsmodels_with_an_offset_and_weights():
    x, y, _ = people()
    off = 0.3 * x[:, 1] - 0.5
    peer = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), offset=off).fit()
    mode = posterior_mode(x, y.astype(float), offset=off)
    np.testing.assert_allclose(mode.beta, peer.params, rtol=1e-6)
    np.testing.assert_allclose(mode.sd, peer.bse, rtol=1e-5)
    w = np.random.default_rng(0).uniform(0.3, 2, len(y))
    w /= w.mean()
    robust = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=w).fit(cov_type="HC0")
    weighted = posterior_mode(x, y.astype(float), weight=w)
    np.testing.assert_allclose(weighted.beta, robust.params, rtol=1e-6)


def test_the_sandwich_written_out():
    x, y, _ = people(400)
    w = np.random.default_rng(0).uniform(0.3, 2, 400)
    mode = posterior_mode(x, y.astype(float), weight=w)
    z = np.column_stack([np.ones(400), x])
    p = expit(z @ mode.beta)
    bread = np.linalg.inv((z * (w * p * (1 - p))[:, None]).T @ z)
    meat = sum(np.outer(z[i], z[i]) * (w[i] * (y[i] - p[i])) ** 2 for i in range(400))
    np.testing.assert_allclose(mode.covariance, bread @ meat @ bread, rtol=1e-6)


def test_a_prior_at_zero_is_ridge_regression():
    x, y, _ = people()
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    priors = [log_odds_ratio(n, 0.0, se=0.2) for n in NAMES]
    fit = PriorLogistic(priors, names=NAMES).fit(z, y)
    peer = LogisticRegression(C=0.2**2, tol=1e-12, max_iter=1000).fit(z, y)
    np.testing.assert_allclose(fit.coef_, peer.coef_[0], atol=1e-6)
    assert fit.intercept_ == pytest.approx(peer.intercept_[0], abs=1e-6)


def test_the_posterior_mode_on_a_table_of_four_numbers():
    """30 of 80 exposed and 20 of 120 not are ill: maximise the profile of log posterior in β by hand."""
    x = np.repeat([1.0, 1.0, 0.0, 0.0], [30, 50, 20, 100])[:, None]
    y = np.repeat([1, 0, 1, 0], [30, 50, 20, 100])
    prior = odds_ratio("exposed", 1.5, 1.0, 2.25)

    def profile(beta):
        def given(a):
            return -(30 * (a + beta) - 80 * np.logaddexp(0, a + beta) + 20 * a - 120 * np.logaddexp(0, a))

        inner = minimize_scalar(given, bounds=(-5, 2), method="bounded", options={"xatol": 1e-12})
        return inner.fun + (beta - prior.mean) ** 2 / prior.sd**2 / 2

    by_hand = minimize_scalar(profile, bounds=(-1, 3), method="bounded", options={"xatol": 1e-10}).x
    fit = PriorLogistic([prior], names=["exposed"]).fit(x, y)
    assert fit.coef_[0] == pytest.approx(by_hand, abs=1e-6)
    data = np.log(30 * 100 / (50 * 20))
    assert prior.mean < fit.coef_[0] < data
    told = fit.describe()["effects"][0]
    se2 = 1 / 30 + 1 / 50 + 1 / 20 + 1 / 100
    assert told["posterior_sd"] == pytest.approx((1 / se2 + 1 / prior.sd**2) ** -0.5, rel=0.05)


def test_widening_goes_from_the_publication_to_the_data():
    x, y, _ = people(400)
    prior = odds_ratio("marker", 1.1, 1.0, 1.21)
    found = [PriorLogistic([prior], names=NAMES, widen=k).fit(x, y).coef_[1] for k in (0.01, 1, 10, 1000)]
    assert found[0] == pytest.approx(prior.mean, abs=1e-3)
    assert found == sorted(found)
    assert found[-1] == pytest.approx(posterior_mode(x, y.astype(float)).beta[2], abs=1e-3)


def test_it_is_a_scikit_learn_estimator_and_takes_frames():
    x, y, _ = people(300)
    frame = pl.DataFrame(dict(zip(NAMES, x.T, strict=True)))
    model = PriorLogistic([odds_ratio("marker", 2, 1.5, 2.6667)], threshold=0.4, penalty=1.0)
    a, b = model.fit(frame, y), clone(model).fit(frame, y)
    np.testing.assert_array_equal(a.predict_proba(frame), b.predict_proba(frame))
    assert set(a.predict(frame)) == {0, 1}
    with pytest.raises(PrimumError, match="No threshold was declared"):
        clone(model).set_params(threshold=None).fit(frame, y).predict(frame)


def test_what_a_prior_model_refuses():
    x, y, _ = people(200)
    prior = odds_ratio("marker", 2, 1.5, 2.6667)
    with pytest.raises(PrimumError, match="two priors for 'marker'"):
        PriorLogistic([prior, prior], names=NAMES).fit(x, y)
    with pytest.raises(PrimumError, match="no feature 'marker'"):
        PriorLogistic([prior], names=["a", "b"]).fit(x, y)
    with pytest.raises(PrimumError, match="have no names"):
        PriorLogistic([prior]).fit(x, y)
    with pytest.raises(PrimumError, match="2 columns and 3 names"):
        PriorLogistic([prior], names=["a", "b", "marker"]).fit(x, y)
    with pytest.raises(PrimumError, match="penalty is -1"):
        PriorLogistic([prior], names=NAMES, penalty=-1).fit(x, y)
    with pytest.raises(PrimumError, match="no best fit"):
        PriorLogistic([], names=NAMES).fit(np.column_stack([y, x[:, 1]]), y)
    with pytest.raises(PrimumError, match="same outcome"):
        PriorLogistic([prior], names=NAMES).fit(x, y * 0)


def test_an_offset_is_statsmodels_offset():
    x, y, g = people(2000, men=1.4)
    published = expit(-1.2 + 0.7 * x[:, 1])
    man = (g == "M").astype(float)
    table = np.column_stack([published, x[:, 0], man])
    fit = ScoreOffset("score", names=["score", "age", "man"]).fit(table, y)
    peer = sm.GLM(y, sm.add_constant(table[:, 1:]), family=sm.families.Binomial(), offset=logit(published)).fit()
    np.testing.assert_allclose([fit.intercept_, *fit.coef_], peer.params, rtol=1e-5)
    np.testing.assert_allclose(fit.predict_proba(table)[:, 1], peer.fittedvalues, atol=1e-7)
    assert [r["feature"] for r in fit.describe()["added"]] == ["(everyone)", "age", "man"]
    alone = ScoreOffset("score", names=["score"]).fit(table[:, :1], y)
    assert alone.predict_proba(table[:, :1])[:, 1].mean() == pytest.approx(y.mean(), abs=1e-8)
    close = ScoreOffset("score", names=["score", "age", "man"], penalty=1e7).fit(table, y)
    np.testing.assert_allclose(close.coef_, 0, atol=1e-3)


def test_an_offset_refuses_percent():
    x, y, _ = people(200)
    table = np.column_stack([np.full(200, 12.0), x[:, 1]])
    with pytest.raises(PrimumError, match="divide by 100"):
        ScoreOffset("score", names=["score", "marker"]).fit(table, y)
    with pytest.raises(PrimumError, match="no feature 'risk'"):
        ScoreOffset("risk", names=["score", "marker"]).fit(table, y)


def test_a_conflict_is_shown_for_the_group_that_has_it():
    x, y, g = people(4000, men=-0.2)
    rows = prior_conflict(x, y, [odds_ratio("marker", 2.0, 1.7, 2.353)], group=g, names=NAMES)
    verdicts = {r["group"]: r["verdict"] for r in rows}
    assert verdicts["M"] == "contradicted"
    assert verdicts["F"] == "not contradicted"
    assert verdicts["overall"] == "contradicted"
    man = next(r for r in rows if r["group"] == "M")
    own = g == "M"
    peer = sm.GLM(y[own], sm.add_constant(x[own]), family=sm.families.Binomial()).fit()
    assert (man["value"], man["low"], man["high"]) == pytest.approx((peer.params[2], *peer.conf_int()[2]), rel=1e-4)
    sd = np.log(2.353 / 1.7) / (2 * 1.959964)
    assert man["z"] == pytest.approx((peer.params[2] - np.log(2)) / np.hypot(peer.bse[2], sd), rel=1e-3)
    assert "differs from the published 2" in man["words"]


def test_conflict_keeps_its_level():
    """The true effect is drawn from the prior: a conflict is called in about 5 % of studies."""
    rng = np.random.default_rng(11)
    prior = odds_ratio("marker", 1.5, 1.0, 2.25)
    calls, groups = 0, 0
    for _ in range(400):
        x = rng.normal(size=(400, 1))
        beta = rng.normal(prior.mean, prior.sd)
        y = (rng.random(400) < expit(-0.7 + beta * x[:, 0])).astype(int)
        rows = prior_conflict(x, y, [prior], group=rng.choice(["a", "b"], 400), names=["marker"])
        calls += rows[0]["verdict"] == "contradicted"
        groups += any(r["verdict"] == "contradicted" for r in rows[1:])
    assert 0.02 <= calls / 400 <= 0.085
    assert groups / 400 <= 0.085


def test_groups_too_small_to_compare_are_said_so():
    x, y, g = people(600)
    g = np.where(np.arange(600) < 15, "few", g)
    x[g == "M", 1] = 1.0
    rows = prior_conflict(x, y, [odds_ratio("marker", 2.0, 1.7, 2.353)], group=g, names=NAMES)
    by = {r["group"]: r for r in rows}
    assert by["few"]["verdict"] == by["M"]["verdict"] == "not assessable"
    assert "fewer than 10" in by["few"]["reason"]
    assert "does not vary" in by["M"]["reason"]
    assert np.isfinite(by["F"]["p_holm"])
    assert by["F"]["p_holm"] == pytest.approx(by["F"]["p"])  # one test is left
