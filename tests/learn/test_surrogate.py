"""The surrogate loss has the mean of the loss of the truth; the estimator learns the truth from a noisy record."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import expit
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from primum.errors import PrimumError
from primum.learn.label_noise import fractional_logistic, group_labels
from primum.learn.surrogate import SurrogateLogistic, logistic_loss, surrogate_loss

ERRORS = {"F": (0.05, 0.2), "M": (0.02, 0.5)}


def people(n=40_000, seed=0, errors=ERRORS):
    rng = np.random.default_rng([seed, n])
    g = np.where(rng.random(n) < 0.5, "F", "M")
    x = rng.normal(size=(n, 3))
    y = rng.random(n) < expit(-1 + x @ [1.0, -0.5, 0.3])
    e0, e1 = (np.where(g == "F", errors["F"][k], errors["M"][k]) for k in (0, 1))
    s = np.where(y, rng.random(n) >= e1, rng.random(n) < e0)
    return x, y.astype(int), s.astype(int), g


def brier(f, y):
    return (expit(f) - y) ** 2


@pytest.mark.parametrize("loss", [logistic_loss, brier])
@pytest.mark.parametrize(("e0", "e1"), [(0.0, 0.0), (0.0, 0.45), (0.1, 0.3), (0.2, 0.7)])
def test_the_mean_over_records_given_the_truth_is_the_loss(loss, e0, e1):
    """E[ℓ̃(f, S) | Y=1] = (1−e₁) ℓ̃(f,1) + e₁ ℓ̃(f,0) = ℓ(f,1), and likewise for Y=0, at every score."""
    f = np.linspace(-4, 4, 9)
    one, zero = (surrogate_loss(loss, f, np.full(9, s), e0, e1) for s in (1, 0))
    np.testing.assert_allclose((1 - e1) * one + e1 * zero, loss(f, 1), atol=1e-12)
    np.testing.assert_allclose(e0 * one + (1 - e0) * zero, loss(f, 0), atol=1e-12)


def test_the_logistic_surrogate_is_a_line_away_from_softplus():
    """ℓ̃(f, s) = log(1 + e^f) − α f: convex in f, though its weights are negative."""
    f = np.linspace(-3, 3, 7)
    for s, alpha in ((1, 0.9 / 0.6), (0, -0.1 / 0.6)):
        np.testing.assert_allclose(
            surrogate_loss(logistic_loss, f, np.full(7, s), 0.1, 0.3), np.logaddexp(0, f) - alpha * f, atol=1e-12
        )


def test_it_learns_the_truth_where_the_record_misleads():
    x, _, s, g = people()
    fit = SurrogateLogistic(ERRORS).fit(x, s, group=g)
    assert [fit.intercept_, *fit.coef_] == pytest.approx([-1.0, 1.0, -0.5, 0.3], abs=0.1)
    naive = LogisticRegression(C=1e6).fit(x, s)
    assert abs(naive.intercept_[0] + 1) > 0.2
    assert abs(naive.coef_[0][0] - 1) > 0.15
    assert fit.outside_ > 0.1


def test_over_many_records_the_mean_is_the_truth():
    """40 records of the same 4,000 people: the mean coefficient is that of the true labels."""
    x, y, _, g = people(4000, seed=3)
    oracle = SurrogateLogistic({"F": (0, 0), "M": (0, 0)}).fit(x, y, group=g).coef_
    rng = np.random.default_rng(8)
    e0, e1 = (np.where(g == "F", ERRORS["F"][k], ERRORS["M"][k]) for k in (0, 1))
    found = []
    for _ in range(40):
        s = np.where(y == 1, rng.random(4000) >= e1, rng.random(4000) < e0).astype(int)
        found.append(SurrogateLogistic(ERRORS).fit(x, s, group=g).coef_)
    error = np.std(found, axis=0) / np.sqrt(40)
    assert (np.abs(np.mean(found, axis=0) - oracle) < 4 * error + 0.02).all()


def test_with_a_perfect_record_it_is_scikit_learns_logistic_regression():
    x, y, _, g = people(2000)
    z = StandardScaler().fit_transform(x)
    fit = SurrogateLogistic({"F": (0, 0), "M": (0, 0)}, penalty=2.0).fit(z, y, group=g)
    peer = LogisticRegression(C=0.5, tol=1e-10).fit(z, y)
    assert fit.coef_ == pytest.approx(peer.coef_[0], abs=1e-5)
    np.testing.assert_allclose(fit.predict_proba(z), peer.predict_proba(z), atol=1e-5)


def test_what_the_record_should_be():
    x, _, s, g = people()
    fit = SurrogateLogistic(ERRORS).fit(x, s, group=g)
    for name in "FM":
        own = g == name
        assert fit.recorded_proba(x[own], group=g[own]).mean() == pytest.approx(s[own].mean(), abs=0.01)
    rows = fit.check(x, s, group=g)
    assert {r["verdict"] for r in rows} == {"not contradicted", "cannot be checked"}


def test_wrong_error_rates_of_one_group_are_contradicted():
    x, _, s, g = people()
    wrong = {"F": (0.05, 0.2), "M": (0.02, 0.05)}
    rows = SurrogateLogistic(wrong).fit(x, s, group=g).check(x, s, group=g)
    assert any(r["verdict"] == "contradicted" and r["group"] == "M" for r in rows)


def test_recording_by_severity_is_contradicted():
    rng = np.random.default_rng(2)
    x, y, _, g = people(60_000, seed=2)
    c = expit(1.5 * (x @ [1.0, -0.5, 0.3]) - 0.5)
    s = (y == 1) & (rng.random(60_000) < c)
    share = s.sum() / y.sum()
    rows = SurrogateLogistic(dict.fromkeys("FM", (0.0, 1 - share))).fit(x, s, group=g).check(x, s, group=g)
    assert any(r["verdict"] == "contradicted" and "fifth" in r["check"] for r in rows)


def test_it_is_a_scikit_learn_estimator():
    x, _, s, g = people(2000)
    with config_context(enable_metadata_routing=True):
        model = SurrogateLogistic(ERRORS, threshold=0.3).set_fit_request(group=True)
        pipe = make_pipeline(StandardScaler(), model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found = cross_validate(pipe, x, s, params={"group": g}, scoring="roc_auc", cv=3)
    assert (found["test_score"] > 0.6).all()
    a = SurrogateLogistic(ERRORS, threshold=0.3).fit(x, s, group=g)
    b = clone(a).fit(x, s, group=g)
    assert a.coef_.tolist() == b.coef_.tolist()
    assert set(a.predict(x)) == {0, 1}


def test_weights_are_repetition():
    x, _, s, g = people(800)
    w = np.random.default_rng(0).integers(1, 4, 800)
    a = SurrogateLogistic(ERRORS, penalty=1e-6).fit(x, s, group=g, sample_weight=w)
    b = SurrogateLogistic(ERRORS, penalty=1e-6).fit(np.repeat(x, w, 0), np.repeat(s, w), group=np.repeat(g, w))
    assert a.coef_ == pytest.approx(b.coef_, abs=1e-5)


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        (None, "There are no error rates"),
        ({"F": (0, 0.2)}, "no error rates for the group 'M'"),
        ({"F": (0, 0.2), "M": (0.0, 1.0)}, "e1 = P"),
        ({"F": (0, 0.2), "M": (0.5, 0.5)}, "add up to 1"),
        ({"F": (0, 0.2), "M": (0.4, 0.1)}, "of the group 'M' would have the outcome"),
        ({"F": (0, 0.9), "M": (0, 0.2)}, "of the group 'F' would have the outcome"),
    ],
)
def test_error_rates_that_cannot_be(errors, message):
    x, _, s, g = people(2000)
    with pytest.raises(PrimumError, match=message):
        SurrogateLogistic(errors).fit(x, s, group=g)


def test_bad_input():
    x, _, s, g = people(200)
    with pytest.raises(PrimumError, match="Group membership is needed"):
        SurrogateLogistic(ERRORS).fit(x, s, group=None)
    with pytest.raises(PrimumError, match="has 3 rows, the people 200"):
        SurrogateLogistic(ERRORS).fit(x, s, group=["F", "M", "F"])
    with pytest.raises(PrimumError, match="record has values other than 0 and 1"):
        SurrogateLogistic(ERRORS).fit(x, s * 2, group=g)
    with pytest.raises(PrimumError, match="The penalty is 0"):
        SurrogateLogistic(ERRORS, penalty=0).fit(x, s, group=g)
    with pytest.raises(PrimumError, match="features cannot be used"):
        SurrogateLogistic(ERRORS).fit(np.where(x > 2, np.nan, x), s, group=g)
    fit = SurrogateLogistic(ERRORS, penalty=5.0).fit(*people(2000)[::2], group=people(2000)[3])
    with pytest.raises(PrimumError, match="No threshold was declared"):
        fit.predict(x)
    with pytest.raises(PrimumError, match="X has 2 columns"):
        fit.predict_proba(x[:, :2])


def test_complete_separation_is_told():
    x = np.linspace(-1, 1, 50)[:, None]
    with pytest.raises(PrimumError, match="no best fit"):
        fractional_logistic(x, np.where(x[:, 0] > 0, 1.4, -0.4), np.ones(50), 0.0)


def test_groups_of_several_attributes_and_missing_ones():
    import polars as pl

    frame = pl.DataFrame({"sex": ["F", None], "age": ["old", "young"]})
    assert group_labels(frame, 2).tolist() == ["F · old", "(missing) · young"]
    assert group_labels(frame["sex"], 2).tolist() == ["F", "(missing)"]
    assert group_labels({"sex": ["F", float("nan")]}, 2).tolist() == ["F", "(missing)"]
    assert group_labels(np.array([["F", "old"], ["M", "young"]]), 2).tolist() == ["F · old", "M · young"]
