"""Model files: skops and ONNX give the very scores of the model; pickles wait for trust."""

from __future__ import annotations

import json

import joblib
import numpy as np
import onnx
import polars as pl
import pytest
import skops.io
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from primum.errors import PrimumError
from primum.learn.own import own_scores
from primum.usecase import Model


def file(path, **more):
    return Model(name="mine", file=str(path), **more)


@pytest.fixture(scope="module")
def numbers(cohort):
    features, outcome, _ = cohort
    return features.select("age", "pressure", "visits").with_columns(pl.col("pressure").fill_null(120)), outcome


@pytest.fixture(scope="module")
def logistic(numbers):
    features, outcome = numbers
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(features.to_numpy(), outcome)


def array(features):
    """Return the rows one after the other in memory: another layout may change the last bit of a sum."""
    return np.ascontiguousarray(features.to_numpy().astype(float))


def boosted():
    return HistGradientBoostingClassifier(max_iter=10, random_state=0)


# ── skops


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        boosted(),
        CalibratedClassifierCV(boosted(), method="sigmoid", cv=3),
    ],
    ids=["logistic", "boosting", "calibrated boosting"],
)
def test_skops_is_exact(tmp_path, numbers, estimator):
    features, outcome = numbers
    fitted = estimator.fit(features.to_numpy(), outcome)
    skops.io.dump(fitted, tmp_path / "m.skops")
    score = own_scores(file("m.skops"), features, base=tmp_path)
    np.testing.assert_array_equal(score, fitted.predict_proba(array(features))[:, 1])


def test_skops_ebm_is_exact(tmp_path, numbers):
    from interpret.glassbox import ExplainableBoostingClassifier

    features, outcome = numbers
    fitted = ExplainableBoostingClassifier(n_jobs=1, outer_bags=1, max_rounds=20, interactions=0)
    fitted.fit(features.to_pandas(), outcome)
    skops.io.dump(fitted, tmp_path / "m.skops")
    score = own_scores(file(tmp_path / "m.skops"), features, base=None)
    np.testing.assert_array_equal(score, fitted.predict_proba(features.to_pandas())[:, 1])


def test_less_risk_is_turned_around(tmp_path, numbers, logistic):
    features, _ = numbers
    skops.io.dump(logistic, tmp_path / "m.skops")
    more = own_scores(file("m.skops"), features, base=tmp_path)
    less = own_scores(file("m.skops", higher_means="less risk"), features, base=tmp_path)
    np.testing.assert_array_equal(less, 1 - more)


def test_foreign_types_are_listed_by_name(tmp_path, numbers):
    features, outcome = numbers
    fitted = make_pipeline(FunctionTransformer(json.dumps, validate=False), StandardScaler(), LogisticRegression())
    fitted.steps[1:] = [(n, s.fit(features.to_numpy(), outcome)) for n, s in fitted.steps[1:]]
    skops.io.dump(fitted, tmp_path / "m.skops")
    with pytest.raises(PrimumError, match=r"not known to be harmless: json\.dumps(.|\n)*trusted=\['json\.dumps'\]"):
        own_scores(file("m.skops"), features, base=tmp_path)


def test_a_truncated_skops_file(tmp_path, numbers, logistic):
    skops.io.dump(logistic, tmp_path / "m.skops")
    whole = (tmp_path / "m.skops").read_bytes()
    (tmp_path / "m.skops").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PrimumError, match=r"m\.skops cannot be read"):
        own_scores(file("m.skops"), numbers[0], base=tmp_path)


# ── ONNX


def write_onnx(path, fitted, inputs, **options):
    graph = convert_sklearn(fitted, initial_types=inputs, options={id(fitted): options} if options else None)
    path.write_bytes(graph.SerializeToString())
    return graph


@pytest.mark.parametrize("zipmap", [True, False], ids=["a map a person", "a matrix"])
@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), RandomForestClassifier(20, max_depth=4, random_state=0)],
    ids=["logistic", "forest"],
)
def test_onnx_agrees_with_predict_proba(tmp_path, numbers, zipmap, estimator):
    features, outcome = numbers
    x = features.to_numpy().astype(np.float32)
    fitted = estimator.fit(x, outcome)
    write_onnx(tmp_path / "m.onnx", fitted, [("X", FloatTensorType([None, 3]))], zipmap=zipmap)
    score = own_scores(file("m.onnx"), features, base=tmp_path)
    np.testing.assert_allclose(score, fitted.predict_proba(x)[:, 1], atol=1e-5)


@pytest.fixture
def named_onnx(tmp_path, cohort):
    """Write a model with one named input a column, text among them."""
    features, outcome, _ = cohort
    frame = features.select("sex", "age").to_pandas()
    encode = ColumnTransformer([("c", OneHotEncoder(), ["sex"]), ("n", StandardScaler(), ["age"])])
    fitted = make_pipeline(encode, LogisticRegression()).fit(frame, outcome)
    inputs = [("sex", StringTensorType([None, 1])), ("age", FloatTensorType([None, 1]))]
    write_onnx(tmp_path / "named.onnx", fitted, inputs, zipmap=False)
    return fitted.predict_proba(frame)[:, 1]


def test_onnx_named_inputs_are_found_by_name(tmp_path, cohort, named_onnx):
    score = own_scores(file("named.onnx"), cohort[0], base=tmp_path)
    np.testing.assert_allclose(score, named_onnx, atol=1e-5)


def test_onnx_missing_inputs_are_named(tmp_path, cohort, named_onnx):
    with pytest.raises(PrimumError, match=r"2 columns; 1 of them are not among the features: sex"):
        own_scores(file("named.onnx"), cohort[0].select("age", "visits"), base=tmp_path)


def test_onnx_text_where_a_number_is_asked_for(tmp_path, cohort, named_onnx):
    swapped = cohort[0].select(pl.col("sex").alias("age"), pl.col("sex"))
    with pytest.raises(PrimumError, match="takes numbers, but the feature 'age' holds text"):
        own_scores(file("named.onnx"), swapped, base=tmp_path)


def test_onnx_another_number_of_columns(tmp_path, numbers, logistic):
    write_onnx(tmp_path / "m.onnx", logistic, [("X", FloatTensorType([None, 3]))])
    with pytest.raises(PrimumError, match=r"takes 3 columns; there are 2 features(.|\n)*available: age, visits"):
        own_scores(file("m.onnx"), numbers[0].select("age", "visits"), base=tmp_path)


def test_onnx_order_follows_the_files_own_names(tmp_path, numbers, logistic):
    features, _ = numbers
    graph = write_onnx(tmp_path / "m.onnx", logistic, [("X", FloatTensorType([None, 3]))], zipmap=False)
    graph.metadata_props.add(key="feature_names", value=json.dumps(features.columns))
    onnx.save(graph, tmp_path / "m.onnx")
    shuffled = features.select("visits", "age", "pressure")
    score = own_scores(file("m.onnx"), shuffled, base=tmp_path)
    np.testing.assert_allclose(score, logistic.predict_proba(features.to_numpy())[:, 1], atol=1e-5)
    with pytest.raises(PrimumError, match="needs 1 columns that are not among the features: visits"):
        own_scores(file("m.onnx"), features.select("age", "pressure"), base=tmp_path)


def raw_onnx(path, operator, shape, name="Y", **attributes):
    """Write a graph of one operator on X."""
    node = onnx.helper.make_node(operator, ["X"], [name], **attributes)
    ends = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [None, k]) for n, k in (("X", 2), (name, shape))
    ]
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def test_onnx_margins_are_no_probabilities(tmp_path, numbers):
    raw_onnx(tmp_path / "m.onnx", "Identity", 2)
    with pytest.raises(PrimumError, match="do not add up to 1"):
        own_scores(file("m.onnx"), numbers[0].select("age", "visits"), base=tmp_path)


def test_onnx_scores_outside_0_to_1(tmp_path, numbers):
    raw_onnx(tmp_path / "m.onnx", "ReduceMax", 1, axes=[1], keepdims=1)
    with pytest.raises(PrimumError, match=r"scores outside 0 to 1 \(from 1\d"):
        own_scores(file("m.onnx"), numbers[0].select("age", "visits"), base=tmp_path)


def test_onnx_one_column_of_probabilities(tmp_path):
    raw_onnx(tmp_path / "m.onnx", "ReduceMax", 1, axes=[1], keepdims=1)
    features = pl.DataFrame({"a": [0.1, 0.5], "b": [0.4, 0.2]})
    np.testing.assert_allclose(own_scores(file("m.onnx"), features, base=tmp_path), [0.4, 0.5], atol=1e-6)


def test_missing_scores_are_refused_or_kept_missing(tmp_path):
    raw_onnx(tmp_path / "m.onnx", "Softmax", 2)
    features = pl.DataFrame({"a": [0.1, None], "b": [0.1, 0.2]})
    with pytest.raises(PrimumError, match="no score to 1 of 2 people"):
        own_scores(file("m.onnx"), features, base=tmp_path)
    score = own_scores(file("m.onnx", missing_scores="exclude"), features, base=tmp_path)
    np.testing.assert_array_equal(score, [0.5, np.nan])


def test_a_file_that_is_no_onnx(tmp_path, numbers):
    (tmp_path / "m.onnx").write_bytes(b"not a graph")
    with pytest.raises(PrimumError, match=r"m\.onnx cannot be read as ONNX"):
        own_scores(file("m.onnx"), numbers[0], base=tmp_path)


# ── pickles, other files, no file


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
def test_a_pickle_is_refused_unless_trusted(tmp_path, numbers, logistic, suffix):
    features, _ = numbers
    path = tmp_path / f"m{suffix}"
    joblib.dump(logistic, path)
    with pytest.raises(PrimumError, match=r"runs whatever code(.|\n)*skops\.io\.dump(.|\n)*trust_pickle=True"):
        own_scores(file(path), features, base=None)
    score = own_scores(file(path), features, base=None, trust_pickle=True)
    np.testing.assert_array_equal(score, logistic.predict_proba(array(features))[:, 1])


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_refused_pickle_was_not_even_opened(tmp_path, numbers):
    joblib.dump(Trap(tmp_path / "sprung"), tmp_path / "m.pkl")
    with pytest.raises(PrimumError, match="runs whatever code"):
        own_scores(file("m.pkl"), numbers[0], base=tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_a_damaged_pickle(tmp_path, numbers):
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04")
    with pytest.raises(PrimumError, match=r"pickle m\.pkl cannot be read"):
        own_scores(file("m.pkl"), numbers[0], base=tmp_path, trust_pickle=True)


def test_an_unknown_kind_of_file(tmp_path, numbers):
    (tmp_path / "m.h5").touch()
    with pytest.raises(PrimumError, match=r"unknown kind: '\.h5'(.|\n)*expected: .*\.skops"):
        own_scores(file("m.h5"), numbers[0], base=tmp_path)


def test_no_such_file_lists_those_there_are(tmp_path, numbers):
    (tmp_path / "other.skops").touch()
    with pytest.raises(PrimumError, match=r"does not exist(.|\n)*available: other\.skops"):
        own_scores(file("m.skops"), numbers[0], base=tmp_path)


def test_a_trained_model_has_no_file(numbers):
    with pytest.raises(PrimumError, match="'mine' is not in a file"):
        own_scores(Model(name="mine", train="ebm"), numbers[0], base=None)
