"""What all repairs that change the model promise scikit-learn and their users: cloned, routed, repeatable, plain."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import polars as pl
import pytest
import sklearn
from scipy.special import expit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)

from primum.errors import PrimumError
from primum.mitigate.decoupled import Decoupled
from primum.mitigate.group_calibration import GroupCalibration
from primum.mitigate.minimax import Minimax
from primum.mitigate.multicalibration import MultiCalibration
from primum.mitigate.reweighing import Reweighing

SETTINGS = {
    Reweighing: {},
    GroupCalibration: {"cv": 3},
    MultiCalibration: {"cv": 3, "alpha": 0.02, "least": 20, "validation_fraction": None},
    Decoupled: {"least_events": 20},
    Minimax: {"rounds": 4, "spare": False},
}
NEEDS_GROUP = (GroupCalibration, MultiCalibration, Decoupled)


def make(kind, estimator=None, **changes):
    return kind(LogisticRegression() if estimator is None else estimator, **SETTINGS[kind] | changes)


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    n = 600
    g = rng.choice(["a", "b"], n)
    X = rng.normal(size=(n, 3))
    y = (rng.random(n) < expit(-0.5 + X[:, 0] * np.where(g == "a", 1.5, 0.3) + (g == "b"))).astype(int)
    return X, y, g


each = pytest.mark.parametrize("kind", list(SETTINGS), ids=lambda k: k.__name__)


@each
@pytest.mark.parametrize(
    "check",
    [
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_get_params_invariance,
        check_set_params,
        check_mixin_order,
    ],
    ids=lambda c: c.__name__,
)
def test_common_checks_of_scikit_learn(kind, check):
    check(kind.__name__, make(kind))


@each
def test_fitting_changes_neither_settings_nor_inputs(kind, people):
    X, y, g = (v.copy() for v in people)
    model = make(kind)
    before = copy.deepcopy(model.get_params(deep=False))
    model.fit(X, y, group=g)
    after = model.get_params(deep=False)
    assert {k: repr(v) for k, v in before.items()} == {k: repr(v) for k, v in after.items()}
    assert not hasattr(model.estimator, "coef_"), "the estimator given is not fitted itself"
    for mine, given in zip((X, y, g), people, strict=True):
        np.testing.assert_array_equal(mine, given)
    assert model.classes_.tolist() == [0, 1]


@each
def test_same_people_same_risks(kind, people):
    X, y, g = people
    forest = RandomForestClassifier(10, max_depth=4)  # random_state left open
    one, two = (make(kind, forest, threshold=0.4).fit(X, y, group=g) for _ in range(2))
    p = one.predict_proba(X, group=g)
    np.testing.assert_array_equal(p, two.predict_proba(X, group=g))
    assert p.shape == (600, 2)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_array_equal(one.predict(X, group=g), (p[:, 1] >= 0.4).astype(int))
    other = make(kind, forest, seed=1).fit(X, y, group=g)
    assert (other.predict_proba(X, group=g) != p).any()


@each
def test_a_clone_and_a_stored_copy_say_the_same(kind, people):
    X, y, g = people
    model = make(kind).fit(X, y, group=g)
    p = model.predict_proba(X, group=g)
    np.testing.assert_array_equal(clone(model).fit(X, y, group=g).predict_proba(X, group=g), p)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X, group=g), p)


@each
def test_people_are_answered_one_by_one(kind, people):
    X, y, g = people
    model = make(kind).fit(X, y, group=g)
    p = model.predict_proba(X, group=g)
    order = np.random.default_rng(1).permutation(600)
    np.testing.assert_allclose(model.predict_proba(X[order], group=g[order]), p[order], rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X[:1], group=g[:1]), p[:1], rtol=1e-12)


@each
def test_membership_at_prediction(kind, people):
    X, y, g = people
    model = make(kind).fit(X, y, group=g)
    alone, told = model.predict_proba(X), model.predict_proba(X, group=g)
    if kind in NEEDS_GROUP:
        np.testing.assert_array_equal(alone, model.estimator_.predict_proba(X))
        assert (alone != told).any()
        assert kind.cost_without_group.startswith(("The base model's", "The pooled model's"))
    else:
        np.testing.assert_array_equal(alone, told)
        assert kind.cost_without_group.startswith("Nothing")


@each
def test_frames_do_as_well_as_arrays(kind, people):
    X, y, g = people
    model = make(kind).fit(X, y, group=g)
    frame = pl.DataFrame(X, schema=["x", "y", "z"])
    framed = make(kind).fit(frame, pl.Series(y), group=pl.DataFrame({"group": g}))
    np.testing.assert_allclose(
        framed.predict_proba(frame, group=pl.DataFrame({"group": g})), model.predict_proba(X, group=g), rtol=1e-9
    )


@each
def test_descriptions_are_json(kind, people):
    X, y, g = people
    told = json.loads(json.dumps(make(kind).fit(X, y, group=g).describe(), allow_nan=False))
    assert told["repair"]


@each
def test_membership_travels_through_a_pipeline(kind, people):
    X, y, g = people
    with sklearn.config_context(enable_metadata_routing=True):
        base = LogisticRegression().set_fit_request(sample_weight=True)
        repair = make(kind, base, threshold=0.4).set_fit_request(group=True)
        if kind in NEEDS_GROUP:
            repair = repair.set_predict_proba_request(group=True).set_predict_request(group=True)
        pipe = Pipeline([("scale", StandardScaler()), ("repair", repair)]).fit(X, y, group=g)
        asked = {"group": g} if kind in NEEDS_GROUP else {}
        p, d = pipe.predict_proba(X, **asked), pipe.predict(X, **asked)
        scores = cross_validate(
            make(kind, base, threshold=0.4).set_fit_request(group=True), X, y, params={"group": g}, cv=2
        )
    Z = StandardScaler().fit_transform(X)
    direct = make(kind, threshold=0.4).fit(Z, y, group=g)
    np.testing.assert_allclose(p, direct.predict_proba(Z, group=g), rtol=1e-9)
    np.testing.assert_array_equal(d, direct.predict(Z, group=g))
    assert np.isfinite(scores["test_score"]).all()


@each
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"group": None}, "Group membership is needed"),
        ({"group": ["a"] * 599}, "599 rows, the people 600"),
        ({"y": np.full(600, 2)}, "values other than 0 and 1"),
        ({"y": np.zeros(600)}, "Everybody has the same outcome"),
        ({"y": np.r_[np.nan, np.ones(599)]}, "1 of 600 people have no label"),
        ({"sample_weight": -np.ones(600)}, "sample weights cannot be used"),
    ],
)
def test_bad_input_is_told(kind, change, told, people):
    X, y, g = people
    given = {"y": y, "group": g, "sample_weight": None} | change
    with pytest.raises(PrimumError, match=told):
        make(kind).fit(X, given["y"], group=given["group"], sample_weight=given["sample_weight"])


@each
def test_no_threshold_no_decision(kind, people):
    X, y, g = people
    with pytest.raises(PrimumError, match="No threshold was declared"):
        make(kind).fit(X, y, group=g).predict(X, group=g)


@each
def test_weights_of_one_are_no_weights(kind, people):
    X, y, g = people
    plain = make(kind).fit(X, y, group=g).predict_proba(X, group=g)
    weighted = make(kind).fit(X, y, group=g, sample_weight=np.ones(600)).predict_proba(X, group=g)
    np.testing.assert_allclose(weighted, plain, rtol=1e-9)
