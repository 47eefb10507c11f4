"""Training the base model: weights find their way, the seed decides, scores are those of people left out."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from primum.errors import PrimumError
from primum.mitigate.training import cross_scores, trained, weight_name

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(200, 2)), RNG.uniform(0.1, 3, 200)
Y = (RNG.random(200) < 0.4).astype(int)


def test_weights_find_their_way():
    nested = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), LogisticRegression()))
    assert weight_name(nested) == "pipeline__logisticregression__sample_weight"
    Z = StandardScaler().fit_transform(X)
    direct = LogisticRegression().fit(Z, Y, sample_weight=W)
    np.testing.assert_allclose(trained(nested, X, Y, W).predict_proba(X), direct.predict_proba(Z), rtol=1e-9)
    search = trained(GridSearchCV(LogisticRegression(), {"C": [1.0]}), X, Y, W)
    np.testing.assert_allclose(
        search.predict_proba(X), LogisticRegression().fit(X, Y, sample_weight=W).predict_proba(X)
    )


def test_weights_that_nobody_asked_for_under_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        plain = make_pipeline(StandardScaler(), LogisticRegression())
        with pytest.raises(PrimumError, match="set_fit_request"):
            trained(plain, X, Y, W)
        asked = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            LogisticRegression().set_fit_request(sample_weight=True),
        )
        p = trained(asked, X, Y, W).predict_proba(X)
    np.testing.assert_allclose(p, trained(plain, X, Y, W).predict_proba(X))


def test_an_error_of_the_estimator_stays_its_own():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        trained(LogisticRegression(), X, Y[:-1], W)


def test_the_seed_decides_what_was_left_open():
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(5))
    a, b, c = (trained(forest, X, Y, seed=s).predict_proba(X) for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    assert forest.get_params()["randomforestclassifier__random_state"] is None
    set_already = trained(RandomForestClassifier(5, random_state=3), X, Y, seed=1)
    np.testing.assert_array_equal(
        set_already.predict_proba(X), RandomForestClassifier(5, random_state=3).fit(X, Y).predict_proba(X)
    )


def test_scores_are_those_of_people_left_out():
    cv = StratifiedKFold(4, shuffle=True, random_state=1)
    score = cross_scores(LogisticRegression(), X, Y, W, cv=cv)
    for seen, unseen in cv.split(X, Y):
        model = LogisticRegression().fit(X[seen], Y[seen], sample_weight=W[seen])
        np.testing.assert_array_equal(score[unseen], model.predict_proba(X[unseen])[:, 1])


def test_few_cases_mean_few_folds():
    y = np.zeros(200, dtype=int)
    y[:3] = 1
    assert np.isfinite(cross_scores(LogisticRegression(), X, y)).all()
    y[1:] = 0
    with pytest.raises(PrimumError, match="1 people with the outcome are too few"):
        cross_scores(LogisticRegression(), X, y)
