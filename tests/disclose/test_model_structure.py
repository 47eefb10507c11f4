"""What a model file keeps: records, leaves, bins, limits and lone coefficients, found in every wrapping."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from primum.disclose.model_additive import _cells, additive_findings
from primum.disclose.model_crowd import behind, crowd, short
from primum.disclose.model_edges import edge_findings
from primum.disclose.model_finding import GateFinding, grave, gravest, together
from primum.disclose.model_freedom import freedom_findings, parameters
from primum.disclose.model_leaves import leaf_findings, trees
from primum.disclose.model_parts import Part, matrix_of, stored_arrays, take_apart
from primum.disclose.model_records import extremes, hidden_records, rare_limits, stores_records
from primum.disclose.presets import preset
from primum.disclose.rules_ruling import Ruling
from primum.errors import PrimumError

OPEN = preset("ons_sdap")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    n = 400
    X = np.column_stack([rng.normal(size=n), rng.normal(size=n), rng.integers(0, 4, n), rng.random(n) < 0.3])
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)
    return X.astype(float), y


def _crowd(n, **who):
    return crowd(n, OPEN, **who)


def _all(model, X, y, policy=OPEN, **who):
    people = crowd(len(y), policy, **who)
    parts = take_apart(model, X)
    found = [f for p in parts for f in stores_records(p) + edge_findings(p, people, policy)]
    found += hidden_records(model, parts, y, people)
    return found + extremes(model, parts, people, found) + freedom_findings(parts, y, people, policy)


def _blocked(found, rule=None):
    return [f for f in found if f.status == "blocked" and rule in {None, f.rule}]


# -- whose the rows are ---------------------------------------------------------------------------------------------


def test_persons_are_counted_not_rows():
    people = _crowd(6, persons=["a", "a", "a", "b", "b", "c"])
    assert people.people == 3
    assert behind(people, [0, 0, 1, 1, 1, -1], 3).tolist() == [1, 2, 0]
    assert behind(_crowd(6), [0, 0, 1, 1, 1, -1], 3).tolist() == [2, 3, 0]


def test_households_are_judged_where_the_preset_has_a_number_for_them():
    ids = np.arange(40)
    assert _crowd(40).uncounted == ("households",)
    assert not short(_crowd(40), np.zeros(40, int), 1).any()
    assert short(_crowd(40, persons=ids, households=ids // 10), np.zeros(40, int), 1).all()  # four households
    assert crowd(40, preset("uk_biobank")).uncounted == ()


def test_a_leaf_that_saw_fewer_rows_than_fall_into_it_counts_the_fewer():
    people = _crowd(20)
    assert short(people, np.zeros(20, int), 1, cap=[9]).tolist() == [True]
    assert short(people, np.zeros(20, int), 1, cap=[10]).tolist() == [False]
    assert short(people, np.zeros(20, int), 2).tolist() == [False, False]  # nobody is not few


def test_identifiers_of_another_length_are_refused():
    with pytest.raises(PrimumError, match="persons have 3 rows"):
        _crowd(4, persons=[1, 2, 3])


def test_findings_that_say_the_same_are_said_once():
    one = [GateFinding("R1", f"model.estimators_[{i}]", "blocked", f"{i + 3} of 8 leaves are small.") for i in range(3)]
    (told,) = together(one)
    assert told.where == "model.estimators_[…]"
    assert told.words == "3 of 8 leaves are small. Likewise in 2 more."
    assert len(together([*one, GateFinding("R1", "model", "review", "3 of 8 leaves are small.")])) == 2
    assert (grave(Ruling("R1", "fail")), grave(Ruling("R1", "protected"))) == ("blocked", "safe")
    assert (gravest(["safe", "blocked", "review"]), gravest([])) == ("blocked", "safe")


# -- records --------------------------------------------------------------------------------------------------------


def _keepers():
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.impute import KNNImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor, RadiusNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    knn, line = KNeighborsClassifier(3), LogisticRegression()
    return {
        "knn": knn,
        "radius": RadiusNeighborsClassifier(5.0),
        "svm": SVC(),
        "gaussian process": GaussianProcessClassifier(),
        "outliers": LocalOutlierFactor(novelty=True),
        "pipeline": make_pipeline(StandardScaler(), SVC()),
        "imputer": make_pipeline(KNNImputer(), line),
        "voting": VotingClassifier([("a", line), ("b", knn)]),
        "stacking": StackingClassifier([("a", line), ("b", knn)], cv=2),
        "calibrated": CalibratedClassifierCV(SVC(), cv=2),
        "bagging": BaggingClassifier(knn, n_estimators=2, random_state=0),
        "search": GridSearchCV(knn, {"n_neighbors": [3]}, cv=2),
        "one against the rest": OneVsRestClassifier(SVC()),
        "pipeline in a search in a vote": VotingClassifier(
            [("a", GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1.0]}, cv=2))]
        ),
    }


@pytest.mark.parametrize("name", list(_keepers()))
def test_t28_models_that_store_records_are_found_in_every_wrapping(name, data):
    X, y = data
    model = _keepers()[name].fit(X[:80], y[:80])
    found = [f for p in take_apart(model, X[:80]) for f in stores_records(p)]
    assert _blocked(found, "R10"), name


def test_a_kernel_density_is_found_and_a_line_is_not(data):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KernelDensity

    X, y = data
    assert _blocked([f for p in take_apart(KernelDensity().fit(X), X) for f in stores_records(p)])
    assert not [f for p in take_apart(LogisticRegression().fit(X, y), X) for f in stores_records(p)]


class Holder:
    """An estimator that looks harmless and hides something."""

    def __init__(self, hidden):
        self.coef_, self.intercept_, self.classes_ = np.ones((1, 4)), np.zeros(1), np.array([0, 1])
        self.inside = {"deep": [("x", hidden)]}


def _hidden(X, y):
    import pandas as pd
    from scipy import sparse

    return {
        "rows": X[5:9].copy(),
        "one row": X[5:6].copy(),
        "shuffled rows": X[np.random.default_rng(0).permutation(len(X))],
        "single precision": X[:30].astype(np.float32),
        "the other way round": X[:30].T.copy(),
        "a frame": pd.DataFrame(X[:3]),
        "a sparse matrix": sparse.csr_matrix(X[:3]),
        "a list of lists": X[:3].tolist(),
        "a column": X[:, 1].copy(),
        "the outcome": y.copy(),
        "names": [f"PT-{i:05d}" for i in range(len(y))],
        "names in an array": np.array([f"PT-{i:05d}" for i in range(len(y))]),
        "a frame of names": pd.DataFrame({"id": [f"PT-{i:05d}" for i in range(len(y))]})["id"],
        "rows by name": {f"PT-{i:05d}": i for i in range(len(y))},
        "something for each row": np.random.default_rng(3).random(len(y)),
    }


@pytest.mark.parametrize("what", list(_hidden(np.zeros((20, 4)), np.zeros(20))))
def test_hidden_arrays_are_found(what, data):
    X, y = data
    model = Holder(_hidden(X, y)[what])
    found = hidden_records(model, take_apart(model, X), y, _crowd(len(y)))
    assert _blocked(found, "R10"), what
    assert all("inside" in f.where for f in found)


def test_arrays_that_are_no_records_are_left_alone(data):
    X, y = data
    for harmless in (np.ones((3, 4)), X.mean(axis=0), np.cov(X.T), np.zeros(len(y)), X[:3] + 1e-3):
        model = Holder(harmless)
        assert hidden_records(model, take_apart(model, X), y, _crowd(len(y))) == []


def test_a_row_that_many_share_is_nobodys():
    X = np.repeat([[0.0, 1.0], [1.0, 0.0]], [30, 9], axis=0)
    y = np.arange(39) % 2
    for stored, blocked in ((X[:1], False), (X[-1:], True)):
        model = Holder(stored.copy())
        assert bool(hidden_records(model, take_apart(model, X), y, _crowd(39))) is blocked
    # thirty rows of one person are one person's
    model = Holder(X[:1].copy())
    persons = np.where(np.arange(39) < 30, 0, np.arange(39))
    assert hidden_records(model, take_apart(model, X), y, _crowd(39, persons=persons))


def test_out_of_bag_scores_are_one_number_a_person(data):
    from sklearn.ensemble import RandomForestClassifier

    X, y = data
    model = RandomForestClassifier(30, min_samples_leaf=20, oob_score=True, random_state=0).fit(X, y)
    found = hidden_records(model, take_apart(model, X), y, _crowd(len(y)))
    assert [f.where for f in found] == ["model.oob_decision_function_"]


def test_stored_arrays_end_on_circles_and_see_every_kind():
    loop = Holder(np.ones((2, 2)))
    loop.me = loop
    where = {w for w, _ in stored_arrays(loop)}
    assert {"model.coef_", "model.inside['deep'][0][1]"} <= where


# -- limits ---------------------------------------------------------------------------------------------------------


def test_minimum_and_maximum_are_found_unless_many_have_them(data):
    X, y = data
    people = _crowd(len(y))
    model = Holder(np.array([0.25, X[:, 0].max()]))
    (found,) = extremes(model, take_apart(model, X), people, [])
    assert (found.rule, found.status) == ("R5", "blocked")
    assert extremes(Holder(np.array([0.25, 0.5])), take_apart(model, X), people, []) == []
    top = np.minimum(X[:, 0], np.sort(X[:, 0])[-10])  # ten people share the highest value
    assert rare_limits(top, people) == [top.min()]
    assert rare_limits(np.full(400, np.nan), people) == []


def test_scalers_and_binners_that_keep_limits(data):
    from sklearn.preprocessing import (
        KBinsDiscretizer,
        MinMaxScaler,
        QuantileTransformer,
        RobustScaler,
        SplineTransformer,
        StandardScaler,
    )

    X, _ = data
    people = _crowd(len(X))
    looks = {
        MinMaxScaler(): "blocked", QuantileTransformer(n_quantiles=20): "blocked", SplineTransformer(): "blocked",
        RobustScaler(): "review", StandardScaler(): None,
        KBinsDiscretizer(4, strategy="uniform", encode="ordinal"): "blocked",
    }  # fmt: skip
    for scaler, status in looks.items():
        part = Part("model", scaler.fit(X[:, :2]), X[:, :2])
        found = edge_findings(part, people, OPEN)
        assert gravest(f.status for f in found) == (status or "safe"), type(scaler).__name__
        assert {f.rule for f in found} <= {"R5", "R1"}
    assert edge_findings(Part("model", MinMaxScaler().fit(X[:, 2:]), X[:, 2:]), people, OPEN)[0].status == "review"
    lost = edge_findings(Part("model", MinMaxScaler().fit(X), None), people, OPEN)
    assert "not known" in _blocked(lost)[0].words


def test_public_knots_pass():
    from sklearn.preprocessing import SplineTransformer

    X = np.random.default_rng(0).uniform(0.2, 9.7, (500, 1))
    public = SplineTransformer(knots=np.array([[0.0], [2.5], [5.0], [7.5], [10.0]])).fit(X)
    assert edge_findings(Part("model", public, X), _crowd(500), OPEN) == []
    thin = SplineTransformer(knots=np.array([[0.0], [0.25], [10.0]])).fit(X)
    assert [f.rule for f in edge_findings(Part("model", thin, X), _crowd(500), OPEN)] == ["R1"]


def test_medians_that_many_share_pass_and_others_are_looked_at():
    from sklearn.impute import SimpleImputer

    shared, own = np.repeat(np.arange(5.0), 40)[:, None], np.random.default_rng(0).normal(size=(201, 1))
    for X, status in ((shared, "safe"), (own, "review")):
        part = Part("model", SimpleImputer(strategy="median").fit(X), X)
        assert [f.status for f in edge_findings(part, _crowd(len(X)), OPEN)] == [status]
    part = Part("model", SimpleImputer(strategy="mean").fit(own), own)
    assert edge_findings(part, _crowd(len(own)), OPEN) == []


def test_rare_categories_are_found_with_the_infrequent_ones():
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    X = np.array(["North"] * 60 + ["South"] * 30 + ["Kiribati"])[:, None].astype(object)
    for encoder in (OneHotEncoder(), OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist"),
                    OrdinalEncoder()):  # fmt: skip
        (found,) = edge_findings(Part("model", encoder.fit(X), X), _crowd(91), OPEN)
        assert (found.rule, found.status) == ("R15", "blocked")
        assert "Kiribati" not in found.words
    assert edge_findings(Part("model", OneHotEncoder().fit(X[:90]), X[:90]), _crowd(90), OPEN) == []


def test_words_of_a_vocabulary():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["pain in the chest"] * 30 + ["pain and zq7731"] * 2
    (found,) = edge_findings(Part("model", TfidfVectorizer().fit(texts), texts), _crowd(32), OPEN)
    assert found.rule == "R15"
    assert found.words.startswith("2 words")  # "and" and the code
    assert "zq7731" not in found.words


def test_tables_of_counts_in_naive_bayes():
    from sklearn.naive_bayes import CategoricalNB

    X = np.repeat([[0], [1], [2]], [50, 40, 3], axis=0)
    y = np.arange(93) % 2
    assert _blocked(edge_findings(Part("model", CategoricalNB().fit(X, y), X), _crowd(93), OPEN), "R1")
    assert not edge_findings(Part("model", CategoricalNB().fit(X[:90], y[:90]), X[:90]), _crowd(90), OPEN)


# -- leaves ---------------------------------------------------------------------------------------------------------


def test_leaves_are_counted_by_passing_people_down_again(data):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    X, y = data
    tree = DecisionTreeClassifier(max_leaf_nodes=7, random_state=0).fit(X, y)
    (own,) = trees(tree, X)
    assert np.bincount(own.at).tolist() == own.fitted.tolist()
    forest = RandomForestClassifier(5, min_samples_leaf=10, random_state=0).fit(X, y)
    for leaves in trees(forest, X):
        assert np.bincount(leaves.at).sum() == len(y)
        assert leaves.root < len(y)  # a bootstrap sample holds fewer distinct rows
        assert (leaves.fitted <= np.bincount(leaves.at)).all()


def test_the_least_leaf_decides(data):
    from sklearn.tree import DecisionTreeClassifier

    X, y = data
    for least, status in ((10, "safe"), (9, "blocked")):
        tree = DecisionTreeClassifier(min_samples_leaf=least, random_state=0).fit(X, y)
        assert min(tree.tree_.n_node_samples[tree.tree_.children_left < 0]) == least
        found = leaf_findings(Part("model", tree, X), y, _crowd(len(y)), OPEN)
        assert found[0].status == status


def test_a_share_and_a_count_tell_how_many_are_ill():
    from sklearn.tree import DecisionTreeClassifier

    X, y = np.repeat([[0.0], [1.0]], 50, axis=0), np.zeros(100, int)
    y[50:80] = 1
    for ill, words in ((9, "In 1 leaf 1 to 9 people"), (10, "")):
        own = y.copy()
        own[:ill] = 1
        tree = DecisionTreeClassifier().fit(X, own)
        found = leaf_findings(Part("model", tree, X), own, _crowd(100), OPEN)
        assert [f.status for f in found] == (["safe", "review"] if words else ["safe"])
        assert words in found[-1].words


def test_thirty_rows_of_four_persons_are_four(data):
    from sklearn.tree import DecisionTreeClassifier

    X, y = data
    tree = DecisionTreeClassifier(max_depth=2, min_samples_leaf=30, random_state=0).fit(X, y)
    people = _crowd(len(y), persons=np.arange(len(y)) % 9)
    (found,) = _blocked(leaf_findings(Part("model", tree, X), y, people, OPEN), "R1")
    assert "the least on 9" in found.words


def test_pure_leaves_follow_the_policy():
    from sklearn.tree import DecisionTreeClassifier

    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    y = np.repeat([0, 1], 50)
    tree = DecisionTreeClassifier().fit(X, y)
    for name, status in (("cbs", "blocked"), ("ons_sdap", "review"), ("uk_biobank", "review")):
        policy = preset(name)
        found = leaf_findings(Part("model", tree, X), y, crowd(100, policy), policy)
        assert [f.status for f in found if f.rule == "R2"] == [status]
        assert "2 leaves" in found[-1].words


def test_other_data_than_the_training_data_are_noticed(data):
    from sklearn.tree import DecisionTreeClassifier

    X, y = data
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    found = leaf_findings(Part("model", tree, X[:300]), y[:300], _crowd(300), OPEN)
    assert "trained on 400 rows; the data given have 300" in _blocked(found, "R10")[0].words
    assert "not known" in leaf_findings(Part("model", tree, None), y, _crowd(400), OPEN)[0].words


@pytest.mark.parametrize("categorical", [None, [2, 3]])
def test_histogram_trees_are_descended_as_they_predict(data, categorical):
    from scipy.special import expit
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = data
    X = X.copy()
    X[::17, 0] = np.nan
    model = HistGradientBoostingClassifier(
        max_iter=6, max_leaf_nodes=9, categorical_features=categorical, random_state=0, early_stopping=False
    ).fit(X, y)
    raw = np.full(len(y), float(model._baseline_prediction[0, 0]))
    for leaves, (predictor,) in zip(trees(model, X), model._predictors, strict=True):
        ends = np.flatnonzero(predictor.nodes["is_leaf"])
        raw += predictor.nodes["value"][ends][leaves.at]
        assert np.bincount(leaves.at, minlength=len(ends)).tolist() == leaves.fitted.tolist()
    np.testing.assert_allclose(expit(raw), model.predict_proba(X)[:, 1], atol=1e-9)


def test_histogram_boosting_keeps_the_edges_of_its_bins(data):
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = data
    fine = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(X, y)
    assert _blocked(edge_findings(Part("model", fine, X), _crowd(400), OPEN), "R5")
    before = fine.predict_proba(X)
    fine._bin_mapper.bin_thresholds_ = [np.array([]) for _ in fine._bin_mapper.bin_thresholds_]  # the mend it names
    np.testing.assert_array_equal(fine.predict_proba(X), before)
    assert not _blocked(edge_findings(Part("model", fine, X), _crowd(400), OPEN))
    coarse = HistGradientBoostingClassifier(max_iter=5, max_bins=8, random_state=0).fit(X, y)
    assert not _blocked(edge_findings(Part("model", coarse, X), _crowd(400), OPEN))


# -- explainable boosting machines ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine(data):
    glassbox = pytest.importorskip("interpret.glassbox")
    X, y = data
    X = X.copy()
    X[::25, 1] = np.nan
    ebm = glassbox.ExplainableBoostingClassifier(
        feature_types=["continuous", "continuous", "nominal", "nominal"], outer_bags=2, interactions=1, max_rounds=30,
        max_bins=16, n_jobs=1, random_state=1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ebm.fit(X, y), X, y


def test_its_bins_are_filled_as_it_fills_them(machine):
    ebm, X, _ = machine
    for features, weights in zip(ebm.term_features_, ebm.bin_weights_, strict=True):
        at, k = _cells(ebm, X, features)
        assert k == weights.size
        assert behind(_crowd(len(X)), at, k).tolist() == weights.ravel().tolist()


def test_its_thin_cells_and_limits_are_found(machine):
    ebm, X, y = machine
    found = additive_findings(Part("model", ebm, X), _crowd(len(y)))
    assert {f.rule for f in _blocked(found)} >= {"R1", "R5"}
    assert any("feature_bounds_" in f.where for f in found)
    lost = additive_findings(Part("model", ebm, None), _crowd(len(y)))
    assert [f.status for f in lost] == ["blocked"]


def test_the_mends_that_it_names_do_mend(machine):
    import copy

    ebm, X, y = machine
    safer, before = copy.deepcopy(ebm), ebm.predict_proba(X)
    safer.feature_bounds_ = np.tile([-10.0, 10.0], (4, 1))
    safer.histogram_edges_ = safer.histogram_weights_ = None
    np.testing.assert_array_equal(safer.predict_proba(X), before)
    assert not _blocked(additive_findings(Part("model", safer, X), _crowd(len(y))), "R5")


# -- coefficients ---------------------------------------------------------------------------------------------------


def test_numbers_are_counted_part_by_part(data):
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.tree import DecisionTreeClassifier

    X, y = data
    assert parameters(take_apart(LogisticRegression().fit(X, y), X)) == 5
    tree = DecisionTreeClassifier(max_leaf_nodes=4, random_state=0).fit(X, y)
    assert parameters(take_apart(tree, X)) == 2 * 3 + 4
    forest = RandomForestClassifier(3, max_leaf_nodes=4, random_state=0).fit(X, y)
    assert parameters(take_apart(forest, X)) == 3 * 10
    boosted = GradientBoostingClassifier(n_estimators=2, max_leaf_nodes=4, max_depth=None, random_state=0).fit(X, y)
    assert parameters(take_apart(boosted, X)) == 2 * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, y)
    assert parameters(take_apart(net, X)) == 4 * 3 + 3 + 3 + 1


def test_degrees_of_freedom_that_are_left(data):
    from sklearn.linear_model import LogisticRegression

    X, y = data
    for n, status in ((14, "blocked"), (15, "safe")):
        line = LogisticRegression().fit(X[:n, :], y[:n])
        whole = [f for f in freedom_findings(take_apart(line, X[:n]), y[:n], _crowd(n), OPEN) if f.where == "model"]
        assert [f.status for f in whole] == [status]  # 15 people, 5 numbers: 10 are left
    line = LogisticRegression().fit(X, y)
    lax = preset("uk_biobank")
    whole = freedom_findings(take_apart(line, X), y, crowd(400, lax), lax)
    assert [f.status for f in whole] == ["review"]  # no number in the preset: a person looks


def test_a_column_that_few_people_decide(data):
    from sklearn.linear_model import LogisticRegression

    X, y = data
    for ones, n in ((9, 1), (10, 0)):
        own = np.column_stack([X, np.arange(len(y)) < ones])
        line = LogisticRegression().fit(own, y)
        assert len(_blocked(freedom_findings(take_apart(line, own), y, _crowd(len(y)), OPEN))) == n


def test_categories_alone_are_a_table_that_a_person_must_see():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = (rng.random((600, 3)) < 0.5).astype(float)
    y = (rng.random(600) < 0.4).astype(int)
    line = LogisticRegression().fit(X, y)
    found = freedom_findings(take_apart(line, X), y, _crowd(600), OPEN)
    assert [f.status for f in found if f.where.endswith("coef_")] == ["review"]


def test_numbers_of_text_and_frames():
    import pandas as pd

    assert matrix_of(None).size == 0
    table = matrix_of(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    assert table[:, 0].tolist() == [1, 2]
    assert np.isnan(table[:, 1]).all()
    assert matrix_of(np.arange(3)).shape == (3, 1)


def test_the_house_learners_are_taken_apart(data):
    from primum.learn.trained import Trained

    X, y = data
    model = Trained("logistic", ("a", "b", "c", "d")).fit(X, y)
    where = {p.where: p for p in take_apart(model, X)}
    assert where["model.model_[0]['model'].best_estimator_"].X.shape[0] == len(y)
    assert _all(model, X, y)
