"""A fitted estimator that the user brings along: exact scores, or a clear refusal."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from primum.errors import MissingExtraError, PrimumError
from primum.learn import need as need_module
from primum.learn.estimator import estimator_scores


@pytest.fixture
def numbers(cohort):
    features, outcome, _ = cohort
    return features.select("age", "visits"), outcome


def test_fitted_on_an_array(numbers):
    features, outcome = numbers
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(features.to_numpy(), outcome)
    score = estimator_scores(fitted, features)
    np.testing.assert_array_equal(score, fitted.predict_proba(features.to_numpy())[:, 1])


def test_fitted_on_a_frame_columns_are_found_by_name(cohort):
    features, outcome, _ = cohort
    frame = features.to_pandas()
    encode = ColumnTransformer(
        [("c", OneHotEncoder(), ["sex", "income"]), ("n", "passthrough", ["age", "visits", "pressure"])]
    )
    fitted = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=10)).fit(frame, outcome)
    shuffled = features.select("income", "visits", pl.lit(1).alias("extra"), "pressure", "age", "sex")
    np.testing.assert_array_equal(estimator_scores(fitted, shuffled), fitted.predict_proba(frame)[:, 1])


def test_booleans_minus_the_wrong_order():
    x = np.arange(40.0)[:, None]
    fitted = LogisticRegression().fit(x, x[:, 0] > 20)
    fitted.classes_ = fitted.classes_[::-1]
    score = estimator_scores(fitted, pl.DataFrame({"x": x[:, 0]}))
    np.testing.assert_array_equal(score, fitted.predict_proba(x)[:, 0])


def test_an_ebm_fitted_without_names_is_scored_by_position(numbers):
    from interpret.glassbox import ExplainableBoostingClassifier

    features, outcome = numbers
    fitted = ExplainableBoostingClassifier(n_jobs=1, outer_bags=1, max_rounds=20, interactions=0)
    fitted.fit(features.to_numpy(), outcome)
    np.testing.assert_array_equal(estimator_scores(fitted, features), fitted.predict_proba(features.to_numpy())[:, 1])


def test_anything_with_predict_proba_will_do(numbers):
    class Foreign:
        def predict_proba(self, table):
            risk = table[:, 0] / 100
            return np.stack([1 - risk, risk], axis=1)

    features, _ = numbers
    np.testing.assert_allclose(estimator_scores(Foreign(), features), features["age"].to_numpy() / 100)


def test_a_class_is_no_model(numbers):
    with pytest.raises(PrimumError, match=r"'mine' is the class LogisticRegression(.|\n)*\.fit\(X, y\)"):
        estimator_scores(LogisticRegression, numbers[0], name="mine")


@pytest.mark.parametrize("unfitted", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())])
def test_not_fitted(numbers, unfitted):
    with pytest.raises(PrimumError, match="is not fitted"):
        estimator_scores(unfitted, numbers[0])


def test_missing_columns_are_named(cohort):
    features, outcome, _ = cohort
    fitted = LogisticRegression().fit(features.select("age", "visits").to_pandas(), outcome)
    with pytest.raises(PrimumError, match=r"2 columns; 1 of them are not among the features: visits"):
        estimator_scores(fitted, features.select("age", "sex"))


def test_another_number_of_columns(numbers):
    features, outcome = numbers
    fitted = LogisticRegression().fit(features.to_numpy(), outcome)
    with pytest.raises(PrimumError, match=r"fitted with 2 columns; there are 1 features(.|\n)*available: age"):
        estimator_scores(fitted, features.select("age"))


def test_a_decision_function_is_no_probability(numbers):
    features, outcome = numbers
    fitted = LinearSVC().fit(StandardScaler().fit_transform(features.to_numpy()), outcome)
    with pytest.raises(PrimumError, match=r"no predict_proba(.|\n)*what decision_function returns is no risk"):
        estimator_scores(fitted, features)


def test_a_regressor_is_no_classifier(numbers):
    from sklearn.linear_model import LinearRegression

    features, outcome = numbers
    with pytest.raises(PrimumError, match="what predict returns is no risk"):
        estimator_scores(LinearRegression().fit(features.to_numpy(), outcome), features)


@pytest.mark.parametrize("labels", [["no", "yes"], [1, 2], [0, 1, 2]])
def test_classes_other_than_0_and_1(numbers, labels):
    features, _ = numbers
    outcome = np.resize(labels, features.height)
    fitted = LogisticRegression(max_iter=500).fit(StandardScaler().fit_transform(features.to_numpy()), outcome)
    with pytest.raises(PrimumError, match=rf"coded 0 and 1(.|\n)*available: {labels[0]}"):
        estimator_scores(fitted, features)


def test_missing_values_that_the_model_cannot_take(cohort):
    features, outcome, _ = cohort
    known = features.select("age", "pressure")
    fitted = LogisticRegression(max_iter=500).fit(known.fill_null(120).to_numpy(), outcome)
    with pytest.raises(PrimumError, match=r"cannot score people with missing values(.|\n)*available: pressure"):
        estimator_scores(fitted, known)


def test_a_category_that_the_model_does_not_know(cohort):
    features, outcome, _ = cohort
    fitted = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(features.select("sex").to_pandas(), outcome)
    with pytest.raises(PrimumError, match=r"failed on these data: (.|\n)*sex \(String\)"):
        estimator_scores(fitted, pl.DataFrame({"sex": ["other"]}))


def test_names_without_pandas(cohort, monkeypatch):
    features, outcome, _ = cohort
    fitted = LogisticRegression().fit(features.select("age").to_pandas(), outcome)
    real = need_module.importlib.import_module

    def absent(name):
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return real(name)

    monkeypatch.setattr(need_module.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'primum\[files\]'"):
        estimator_scores(fitted, features)
