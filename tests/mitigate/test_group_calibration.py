"""Group calibration: posterior modes checked by an optimiser, shrinkage by its own equation, and real patients."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from primum.errors import PrimumError
from primum.learn.calibrate import recalibrate
from primum.mitigate.base import GivenScore
from primum.mitigate.group_calibration import GroupCalibration
from primum.mitigate.shrunken_logistic import PRIOR_SPREAD, shrunken_fits


def scored(sizes, shifts, slopes=None, seed=0):
    """Draw scores and outcomes: in group g, logit P(y) = shift + slope · logit(score)."""
    rng = np.random.default_rng(seed)
    at = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(-1.5, 1, at.size)
    b = np.ones(len(sizes)) if slopes is None else np.asarray(slopes)
    y = (rng.random(at.size) < expit(np.asarray(shifts)[at] + b[at] * x)).astype(int)
    return expit(x), y, at


@pytest.mark.parametrize("slopes", [False, True])
def test_posterior_modes_are_those_of_an_optimiser(slopes):
    s, y, at = scored([60, 300, 2000], [1.0, 0.0, -0.4], [0.6, 1.3, 1.0])
    found = shrunken_fits(s, y, at, 3, slopes=slopes)
    x = logit(s)
    z = x - x.mean()
    a0, b0 = found.pooled[0] + found.pooled[1] * x.mean(), found.pooled[1]
    for k in range(3):
        own = at == k

        def loss(d, own=own):
            eta = a0 + d[0] + (b0 + (d[1] if slopes else 0)) * z[own]
            penalty = d[0] ** 2 / found.spread[0] ** 2 + (d[1] ** 2 / found.spread[1] ** 2 if slopes else d[1] ** 2)
            return np.logaddexp(0, eta).sum() - y[own] @ eta + penalty / 2

        u, v = minimize(loss, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11}).x
        assert found.slope[k] == pytest.approx(b0 + (v if slopes else 0), abs=1e-5)
        assert found.intercept[k] + found.slope[k] * x.mean() == pytest.approx(a0 + u, abs=1e-5)


def test_spread_solves_its_own_equation():
    s, y, at = scored([500] * 8, np.linspace(-0.8, 0.8, 8))
    found = shrunken_fits(s, y, at, 8)
    mean = logit(s).mean()
    u = found.intercept + found.slope * mean - found.pooled[0] - found.pooled[1] * mean
    v = found.slope - found.pooled[1]
    for spread, d, kept in zip(found.spread, (u, v), found.kept.T, strict=True):
        assert spread**2 == pytest.approx((PRIOR_SPREAD**2 + d @ d) / (1 + kept.sum()), rel=1e-5)


def test_the_spread_between_many_groups_is_found():
    true = np.random.default_rng(3).normal(0, 0.5, 60)
    assert shrunken_fits(*scored([400] * 60, true), 60).spread[0] == pytest.approx(0.5, abs=0.1)
    assert shrunken_fits(*scored([400] * 60, true * 0), 60).spread[0] < 0.12


def test_a_large_group_keeps_its_own_and_a_small_one_everyones():
    s, y, at = scored([100_000, 100_000, 8], [0.7, -0.7, 0.0])
    y[at == 2] = 0  # nobody has the outcome: maximum likelihood would say minus infinity
    found = shrunken_fits(s, y, at, 3)
    for k in (0, 1):
        own = recalibrate(s[at == k], y[at == k])
        assert found.intercept[k] == pytest.approx(own.intercept, abs=0.01)
        assert found.slope[k] == pytest.approx(own.slope, abs=0.01)
    assert found.kept[:2].min() > 0.98
    found = shrunken_fits(*scored([3000, 3000, 8], [0.0, 0.0, 0.0]), 3)
    assert found.kept[2, 0] < 0.1
    assert found.intercept[2] == pytest.approx(found.pooled[0], abs=0.1)


def test_one_group_gets_everyones_calibration():
    s, y, at = scored([3000], [0.5])
    found = shrunken_fits(s, y, at, 1)
    own = recalibrate(s, y)
    assert (found.intercept[0], found.slope[0]) == pytest.approx((own.intercept, own.slope), abs=1e-3)


def test_weights_are_replication():
    s, y, at = scored([200, 400], [0.5, -0.5])
    twice = np.concatenate([np.arange(600), np.arange(100)])
    w = np.ones(600)
    w[:100] = 2
    a = shrunken_fits(s[twice], y[twice], at[twice], 2)
    b = shrunken_fits(s, y, at, 2, weight=w)
    # weights count relative to their mean, so 600 weighted people are 600, not 700
    np.testing.assert_allclose(a.pooled, b.pooled, rtol=0.01)
    np.testing.assert_allclose(a.intercept, b.intercept, atol=0.02)


def test_shrinking_beats_both_extremes():
    """Seeded simulation of the promise: small groups' risks are nearer the truth than unshrunken or pooled ones."""
    error = {"shrunken": 0.0, "own": 0.0, "pooled": 0.0}
    for seed in range(20):
        shifts = np.random.default_rng([seed, 9]).normal(0, 0.3, 25)
        s, y, at = scored([80] * 25, shifts, seed=seed)
        truth = expit(shifts[at] + logit(s))
        fits = shrunken_fits(s, y, at, 25, slopes=False)
        error["shrunken"] += np.mean((fits.apply(s, at) - truth) ** 2)
        error["pooled"] += np.mean((expit(fits.pooled[0] + fits.pooled[1] * logit(s)) - truth) ** 2)
        for k in range(25):
            own = recalibrate(s[at == k], y[at == k])
            error["own"] += np.mean((own.apply(s[at == k]) - truth[at == k]) ** 2) / 25
    assert error["shrunken"] < 0.8 * error["pooled"]
    assert error["shrunken"] < 0.8 * error["own"]


def test_order_within_a_group_never_turns_round():
    s, y, at = scored([800, 800], [0.0, 0.0], [-2.0, 1.0])
    found = shrunken_fits(s, y, at, 2)
    assert found.slope[0] == pytest.approx(0.01)
    assert np.all(found.slope > 0)
    p = found.apply(s, at)
    assert p[at == 0].mean() == pytest.approx(y[at == 0].mean(), abs=0.02)


def fitted(method="logistic", **options):
    s, y, at = scored([4000, 3000, 30], [0.6, -0.6, 0.6])
    cells = np.array(["large", "middle", "small"])[at]
    model = GroupCalibration(GivenScore(), prefit=True, threshold=0.2, method=method, **options)
    return model.fit(s, y, group=cells), s, y, cells


@pytest.mark.parametrize("method", ["intercept", "logistic", "isotonic"])
def test_large_groups_are_calibrated_and_order_is_kept(method):
    model, s, y, cells = fitted(method)
    p = model.predict_proba(s, group=cells)[:, 1]
    for k in ("large", "middle"):
        own = cells == k
        assert y[own].sum() / s[own].sum() > 1.2 or y[own].sum() / s[own].sum() < 0.8
        assert y[own].sum() / p[own].sum() == pytest.approx(1, abs=0.02)
        assert (np.diff(p[own][np.argsort(s[own])]) >= 0).all()
        if method != "isotonic":
            assert roc_auc_score(y[own], p[own]) == roc_auc_score(y[own], s[own])


def test_description_shows_small_groups_as_such():
    model, s, y, cells = fitted()
    told = json.loads(json.dumps(model.describe()))
    assert {g["group"]: g["small"] for g in told["groups"]} == {"large": False, "middle": False, "small": True}
    large = told["groups"][0]
    assert large["observed_over_expected_before"] == pytest.approx(
        y[cells == "large"].sum() / s[cells == "large"].sum()
    )
    assert large["observed_over_expected_after"] == pytest.approx(1, abs=0.01)
    assert "empirical Bayes" in told["rule"]


def test_isotonic_is_for_large_groups_only():
    model, s, y, cells = fitted("isotonic")
    assert {k: c.kind for k, c in model.calibrations_.groups.items()} == {
        "large": "isotonic", "middle": "isotonic", "small": "logistic",
    }  # fmt: skip
    own = cells == "large"
    oracle = IsotonicRegression(out_of_bounds="clip").fit(s[own], y[own]).predict(s[own])
    p = model.predict_proba(s, group=cells)[own, 1]
    inside = (oracle > 0.001) & (oracle < 0.999)
    np.testing.assert_allclose(p[inside], oracle[inside])
    assert p.min() > 0
    assert p.max() < 1
    assert json.loads(json.dumps(model.describe()))["groups"][0]["steps"]["risk"][0] > 0


def test_without_membership_and_for_unknown_groups_the_base_answers():
    model, s, _, cells = fitted()
    np.testing.assert_array_equal(model.predict_proba(s)[:, 1], s)
    strangers = np.where(cells == "large", "elsewhere", cells)
    p = model.predict_proba(s, group=strangers)[:, 1]
    np.testing.assert_array_equal(p[cells == "large"], s[cells == "large"])
    assert not np.allclose(p[cells == "middle"], s[cells == "middle"])
    assert "base model" in model.cost_without_group


def test_calibration_never_sees_training_scores():
    """A tree that knows its people by heart: calibrated on training scores it would be left as certain as it is."""
    rng = np.random.default_rng(1)
    X, cells = rng.normal(size=(2000, 3)), rng.choice(["a", "b"], 2000)
    y = (rng.random(2000) < 0.2).astype(int)
    model = GroupCalibration(DecisionTreeClassifier(random_state=0)).fit(X, y, group=cells)
    assert set(model.estimator_.predict_proba(X)[:, 1].tolist()) == {0.0, 1.0}
    p = model.predict_proba(X, group=cells)[:, 1]
    assert p.max() < 0.35, "nothing can be known of these people beyond the prevalence"
    assert p.min() > 0.1


def test_splits_can_keep_families_together():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 2)), np.arange(200) % 2
    halves = [(np.arange(100), np.arange(100, 200)), (np.arange(100, 200), np.arange(100))]
    model = GroupCalibration(LogisticRegression(), cv=halves).fit(X, y, group=["g"] * 200)
    assert model.calibrations_.groups["g"].n == 200
    with pytest.raises(PrimumError, match="leave 100 people without a score"):
        GroupCalibration(LogisticRegression(), cv=halves[:1]).fit(X, y, group=["g"] * 200)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "isotone"}, "no method of calibration 'isotone'"),
        ({"least_events": 0}, "least_events is 0"),
        ({"cv": 1}, "too few for cross-fitting"),
    ],
)
def test_settings_out_of_range(change, told):
    X, y = np.arange(20.0)[:, None], np.arange(20) % 2
    with pytest.raises(PrimumError, match=told):
        GroupCalibration(LogisticRegression(), **change).fit(X, y, group=["g"] * 20)


def test_missing_groups_and_labels_are_told():
    X, y = np.arange(20.0)[:, None], np.arange(20) % 2
    with pytest.raises(PrimumError, match="Group membership is needed"):
        GroupCalibration(LogisticRegression()).fit(X, y)
    with pytest.raises(PrimumError, match="1 of 20 people have no label"):
        GroupCalibration(LogisticRegression()).fit(X, [np.nan, *y[1:]], group=["g"] * 20)
    model = GroupCalibration(LogisticRegression()).fit(X, y, group=[None] * 5 + ["g"] * 15)
    assert set(model.calibrations_.groups) == {"(missing)", "g"}


@pytest.fixture(scope="module")
def patients(data_dir):
    frame = pl.read_parquet(data_dir / "readmission" / "readmission.parquet")
    y = (frame["readmitted"] == "Yes").to_numpy().astype(int)
    features = frame.drop("race", "readmitted").with_columns(pl.selectors.categorical().cast(pl.String))
    X = features.to_dummies(pl.selectors.string()).select(pl.exclude("^.*_null$")).to_numpy().astype(float)
    race = frame["race"].cast(pl.String).to_numpy()
    train, test = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=445)
    base = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(X[train], y[train])
    return base, X, y, race, train, test


def observed_expected(y, p, race, group):
    return y[race == group].sum() / p[race == group].sum()


def test_readmission_is_calibrated_where_it_is_fitted(patients):
    base, X, y, race, _, test = patients
    s = base.predict_proba(X[test])[:, 1]
    assert X.shape[1] == 27
    assert observed_expected(y[test], s, race[test], "African American") == pytest.approx(1.063, abs=0.001)
    model = GroupCalibration(base, prefit=True, method="intercept").fit(X[test], y[test], group=race[test])
    p = model.predict_proba(X[test], group=race[test])[:, 1]
    assert observed_expected(y[test], p, race[test], "African American") == pytest.approx(1, abs=0.01)
    assert observed_expected(y[test], p, race[test], "Caucasian") == pytest.approx(1, abs=0.002)
    for group in np.unique(race):
        own = race[test] == group
        assert roc_auc_score(y[test][own], p[own]) == pytest.approx(roc_auc_score(y[test][own], s[own]), abs=1e-12)
    small = {g["group"] for g in model.describe()["groups"] if g["small"]}
    assert {"Asian", "Hispanic", "Other"} <= small
    assert not {"African American", "Caucasian"} & small


def test_readmission_gap_is_chance_and_does_not_carry_over(patients):
    """In the training half fewer African American patients came back than expected, in the test half more."""
    _, X, y, race, train, test = patients
    fresh = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model = GroupCalibration(fresh, method="intercept").fit(X[train], y[train], group=race[train])
    before = model.calibrations_.groups["African American"].before
    assert before == pytest.approx(0.963, abs=0.005)
    p = model.predict_proba(X[test], group=race[test])[:, 1]
    assert observed_expected(y[test], p, race[test], "African American") > 1.08
