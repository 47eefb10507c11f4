"""The attack on membership: its numbers by hand, its false alarms under the null, its power when a model leaks."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

from primum.disclose.model_attack import exact_limits, judge, null_tail
from primum.disclose.model_membership import confidence, likelihood_ratio, membership, stack, take, twin
from primum.errors import PrimumError


def _noisy(n=400, seed=1, slope=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    return X, (rng.random(n) < 1 / (1 + np.exp(-slope * X[:, 0]))).astype(int)


class Indifferent(ClassifierMixin, BaseEstimator):
    """Gives a risk that depends on the row and on its seed, and on no training record."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.noise_ = np.random.default_rng(self.random_state).normal(size=X.shape[1])
        return self

    def predict_proba(self, X):
        risk = 1 / (1 + np.exp(-(X[:, 0] + 0.5 * np.sin(40 * X @ self.noise_))))
        return np.column_stack([1 - risk, risk])


# -- numbers --------------------------------------------------------------------------------------------------------


def test_the_null_of_the_hits_is_exact():
    # every order of 4 members among 5 others is equally likely: count those with k or more above the 2nd highest other
    for k in range(5):
        orders = list(itertools.combinations(range(9), 4))
        hits = []
        for members in orders:  # positions from the top
            others = [i for i in range(9) if i not in members]
            hits.append(sum(m < others[1] for m in members))
        assert null_tail(k, 4, 1, 5) == pytest.approx(np.mean(np.array(hits) >= k), abs=1e-12)


def test_the_null_agrees_with_the_beta_binomial():
    for k, members, alarms, others in ((3, 200, 0, 180), (46, 2534, 25, 2534), (7, 50, 2, 40)):
        oracle = stats.betabinom(members, alarms + 1, others - alarms).sf(k - 1)
        assert null_tail(k, members, alarms, others) == pytest.approx(oracle, rel=1e-6)
    assert null_tail(0, 10, 1, 10) == 1.0


def test_clopper_and_pearson_against_scipy():
    for k, n, level in ((0, 20, 0.95), (3, 20, 0.95), (20, 20, 0.9), (46, 2534, 0.9833)):
        oracle = stats.binomtest(k, n).proportion_ci(level, "exact")
        assert exact_limits(k, n, level) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_auc_and_hits_are_those_counted_by_hand():
    members, others = np.array([0.9, 0.8, 0.8, 0.3]), np.array([0.8, 0.2, 0.1, 0.1])
    told = judge("hand", members, others, alpha=0.05, looks=6, margin=0.0)
    pairs = [(a > b) + 0.5 * (a == b) for a in members for b in others]
    assert told.auc == pytest.approx(np.mean(pairs))
    assert [(h.alarms, h.hits) for h in told.hits] == [(0, 1), (0, 1)]  # a tie is no hit
    assert told.level == pytest.approx(1 - 0.1 / 6)


def test_the_likelihood_ratio_written_out():
    rng = np.random.default_rng(0)
    kept, seen = rng.normal(size=(6, 5)), rng.normal(size=5)
    inside = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]] * 3, dtype=bool)
    parts = {}
    for side in (True, False):
        mean = np.array([kept[inside[:, i] == side, i].mean() for i in range(5)])
        squares = sum(((kept[inside[:, i] == side, i] - mean[i]) ** 2).sum() for i in range(5))
        parts[side] = stats.norm(mean, np.sqrt(squares / (5 * 2))).logpdf(seen)
    np.testing.assert_allclose(likelihood_ratio(seen, kept, inside), parts[True] - parts[False])


def test_confidence_is_in_the_outcome_that_the_row_had():
    model = Indifferent(1).fit(np.zeros((1, 2)), [0])
    X = np.random.default_rng(0).normal(size=(5, 2))
    p = model.predict_proba(X)[:, 1]
    expected = np.log(p / (1 - p))
    np.testing.assert_allclose(confidence(model, X, np.ones(5)), expected)
    np.testing.assert_allclose(confidence(model, X, np.zeros(5)), -expected)


# -- its promise ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["continuous", "ties", "few"])
def test_false_alarms_under_random_membership_stay_below_alpha(kind):
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(400):
        scores = rng.standard_t(2, 600) if kind != "few" else rng.normal(size=90)
        scores = np.round(scores) if kind == "ties" else scores
        member = rng.permutation(len(scores)) < len(scores) // 2
        alarms += bool(judge("null", scores[member], scores[~member], alpha=0.05, looks=3, margin=0.0).leaks)
    assert stats.binomtest(alarms, 400, 0.05, alternative="greater").pvalue > 0.01, alarms


def test_a_model_that_learns_nothing_raises_no_more_alarms_than_declared():
    alarms = 0
    for seed in range(60):
        X, y = _noisy(240, seed)
        told = membership(Indifferent(seed), X, y, shadows=8, seed=seed, alpha=0.05, margin=0.0)
        alarms += bool(told.leaks)
    assert stats.binomtest(alarms, 60, 0.05, alternative="greater").pvalue > 0.01, alarms


@pytest.mark.parametrize("held", [True, False])
def test_overfitted_models_are_found_out(held):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier

    X, y = _noisy(600)
    for model in (KNeighborsClassifier(1), RandomForestClassifier(40, random_state=0)):
        model.fit(X[:300], y[:300])
        told = membership(model, X[:300], y[:300], holdout=(X[300:], y[300:]) if held else None, shadows=8)
        assert told.leaks, type(model).__name__
        assert told.judged[0].auc > 0.6
        assert told.target.startswith("the model itself" if held else "a twin")


def test_a_small_model_of_many_people_is_not_found_out():
    from sklearn.linear_model import LogisticRegression

    X, y = _noisy(2000)
    told = membership(LogisticRegression(), X, y, shadows=8)
    assert told.leaks == ()
    assert told.judged[0].low <= 0.52


def test_the_likelihood_ratio_beats_the_plain_threshold_where_records_differ_in_difficulty():
    from sklearn.tree import DecisionTreeClassifier

    X, y = _noisy(600, slope=3.0)
    told = membership(DecisionTreeClassifier(min_samples_leaf=3, random_state=0), X, y, shadows=16)
    lira, plain = told.judged
    assert (lira.attack, plain.attack) == ("lira", "worst_case")
    assert lira.auc > plain.auc


def test_rows_of_one_person_are_on_one_side_and_scored_together():
    from sklearn.neighbors import KNeighborsClassifier

    X, y = _noisy(300)
    rows = np.repeat(np.arange(100), 3)
    told = membership(KNeighborsClassifier(1), X[rows], y[rows], persons=rows, shadows=4)
    assert (told.members, told.others) == (50, 50)
    held = membership(
        KNeighborsClassifier(1).fit(X[rows], y[rows]), X[rows], y[rows], persons=rows, holdout=(X[100:], y[100:]),
        shadows=4)  # fmt: skip
    assert (held.members, held.others) == (100, 200)


# -- manners --------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers_and_plain_data():
    from sklearn.ensemble import RandomForestClassifier

    X, y = _noisy(120)
    model = RandomForestClassifier(10)
    told = [json.dumps(membership(model, X, y, shadows=4, seed=s).plain()) for s in (3, 3, 4)]
    assert told[0] == told[1] != told[2]
    assert {"AUC", "TPR@0.01", "TPR@0.001"} <= set(json.loads(told[0])["lira"])


def test_it_tells_how_far_it_is_and_can_be_stopped():
    X, y = _noisy(120)
    seen = []
    membership(Indifferent(), X, y, shadows=4, tick=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 5) for i in range(1, 6)]

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        membership(Indifferent(), X, y, shadows=4, tick=stop)


def test_every_seed_of_a_copy_is_set_and_nothing_is_kept_from_the_original():
    from sklearn.ensemble import BaggingClassifier
    from sklearn.tree import DecisionTreeClassifier

    X, y = _noisy(60)
    model = BaggingClassifier(DecisionTreeClassifier(random_state=1), random_state=None).fit(X, y)
    fresh = twin(model, 9)
    assert (fresh.random_state, fresh.estimator.random_state) == (9, 9)
    assert not hasattr(fresh, "estimators_")


def test_frames_and_sparse_matrices_are_split_and_stacked():
    import pandas as pd
    from scipy import sparse

    X = np.arange(6.0).reshape(3, 2)
    rows = np.array([True, False, True])
    for table in (pd.DataFrame(X, index=[7, 8, 9]), sparse.csr_matrix(X), X):
        part = take(table, rows)
        both = stack(table, part)
        dense = both.toarray() if hasattr(both, "toarray") else np.asarray(both)
        assert dense.tolist() == [*X.tolist(), X[0].tolist(), X[2].tolist()]


def test_what_it_refuses():
    X, y = _noisy(120)
    for shadows in (3, 5, 2):
        with pytest.raises(PrimumError, match="even number from 4 up"):
            membership(Indifferent(), X, y, shadows=shadows)
    with pytest.raises(PrimumError, match="too few to attack"):
        membership(Indifferent(), X[:30], y[:30])
    with pytest.raises(PrimumError, match="too few to attack"):
        membership(Indifferent(), X, np.zeros(120))

    class Wrapper:
        def fit(self, X, y):
            return self

    with pytest.raises(PrimumError, match="cannot be trained again"):
        membership(Wrapper(), X, y, shadows=4)

    class Fussy(Indifferent):
        def fit(self, X, y):
            raise ValueError("needs more rows")

    with pytest.raises(PrimumError, match="shadow model could not be trained on half"):
        membership(Fussy(), X, y, shadows=4)


@pytest.mark.slow
def test_false_alarms_of_the_whole_attack_with_a_real_learner():
    # the model is retrained, then membership is drawn anew: nothing can be learned about that
    from sklearn.linear_model import LogisticRegression

    class Elsewhere(LogisticRegression):
        def fit(self, X, y):
            rng = np.random.default_rng(int(1e6 * abs(X.sum())) % 2**32)
            Z = rng.normal(size=(300, X.shape[1]))
            return super().fit(Z, (rng.random(300) < 1 / (1 + np.exp(-Z[:, 0]))).astype(int))

    alarms = 0
    for seed in range(300):
        X, y = _noisy(300, seed)
        alarms += bool(membership(Elsewhere(), X, y, shadows=8, seed=seed, margin=0.0).leaks)
    assert stats.binomtest(alarms, 300, 0.05, alternative="greater").pvalue > 0.01, alarms
