"""Reweighing: weights written out, labels independent of the group, every way to take weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from primum.errors import PrimumError
from primum.mitigate.reweighing import Reweighing, reweigh

Y = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
G = np.array(list("aaaabbbbbb"))


def impact(y, g, w):
    share = [np.average(y[g == k], weights=w[g == k]) for k in np.unique(g)]
    return min(share) / max(share)


def test_weights_written_out():
    w, told = reweigh(Y, G)
    # P(a) = .4, P(1) = .4, P(a, 1) = .3; P(b, 1) = .1; P(a, 0) = .1; P(b, 0) = .5
    expected = {("a", 1): 0.16 / 0.3, ("a", 0): 0.24 / 0.1, ("b", 1): 0.24 / 0.1, ("b", 0): 0.36 / 0.5}
    np.testing.assert_allclose(w, [expected[g, y] for g, y in zip(G.tolist(), Y.tolist(), strict=True)], rtol=1e-15)
    assert [(c.group, c.n, c.events, c.prevalence) for c in told] == [("a", 4, 3, 0.75), ("b", 6, 1, 1 / 6)]
    assert [c.weighted_prevalence for c in told] == pytest.approx([0.4, 0.4], abs=1e-15)
    assert w.sum() == pytest.approx(10)


def test_disparate_impact_is_one_exactly():
    assert impact(Y, G, np.ones(10)) == pytest.approx((1 / 6) / 0.75)
    assert impact(Y, G, reweigh(Y, G)[0]) == pytest.approx(1, abs=1e-15)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.floats(0.1, 9)), min_size=4, max_size=60))
def test_outcome_and_group_are_independent_whatever_the_weights(rows):
    g, y, s = (np.array(v) for v in zip(*rows, strict=True))
    both = [k for k in np.unique(g) if len(set(y[g == k].tolist())) == 2]
    if not both:
        with pytest.raises(PrimumError, match=r"one outcome only|same outcome"):
            reweigh(y, g, s)
        return
    w, told = reweigh(y, g, s)
    among = np.isin(g, both)
    overall = np.average(y[among], weights=s[among])
    for k in both:
        own = g == k
        assert np.average(y[own], weights=w[own]) == pytest.approx(overall, rel=1e-12)
        assert w[own].sum() == pytest.approx(s[own].sum(), rel=1e-12), "no group becomes larger or smaller"
    assert w[among & (y == 1)].sum() == pytest.approx(s[among & (y == 1)].sum(), rel=1e-12), "nor does an outcome"
    np.testing.assert_array_equal(w[~among], s[~among])
    assert [c.group for c in told if c.reason] == sorted(set(g[~among].tolist()))


def test_an_independent_outcome_needs_no_weights():
    w, _ = reweigh([1, 0, 0, 1, 0, 0], list("aaabbb"))
    assert w.tolist() == [1.0] * 6


def people(n=3000):
    rng = np.random.default_rng(0)
    sex, age = rng.choice(["f", "m"], n), rng.choice(["old", "young"], n)
    x = rng.normal(size=n) + (sex == "m")
    y = (rng.random(n) < 1 / (1 + np.exp(1 - x - (age == "old")))).astype(int)
    return x[:, None], y, {"sex": sex, "age": age}


def test_several_attributes_are_reweighed_in_cells():
    X, y, group = people()
    model = Reweighing(LogisticRegression()).fit(X, y, group=group)
    assert [c.group for c in model.weights_] == ["f · old", "f · young", "m · old", "m · young"]
    told = json.loads(json.dumps(model.describe()))
    assert told["lowest_over_highest_prevalence"]["after"] == pytest.approx(1)
    assert told["lowest_over_highest_prevalence"]["before"] < 0.7


def test_the_model_is_the_one_trained_with_these_weights():
    X, y, group = people()
    model = Reweighing(LogisticRegression()).fit(X, y, group=group["sex"])
    direct = LogisticRegression().fit(X, y, sample_weight=reweigh(y, group["sex"])[0])
    np.testing.assert_array_equal(model.predict_proba(X), direct.predict_proba(X))
    np.testing.assert_array_equal(model.predict_proba(X, group=group["sex"]), direct.predict_proba(X))


def test_a_pipeline_hands_the_weights_to_its_last_step():
    X, y, group = people()
    model = Reweighing(make_pipeline(StandardScaler(), LogisticRegression())).fit(X, y, group=group["sex"])
    Z = StandardScaler().fit_transform(X)
    direct = LogisticRegression().fit(Z, y, sample_weight=reweigh(y, group["sex"])[0])
    np.testing.assert_allclose(model.predict_proba(X), direct.predict_proba(Z), rtol=1e-12)


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: make_pipeline(StandardScaler(), e)])
def test_an_estimator_without_weights_is_refused(wrap):
    X, y, group = people(100)
    with pytest.raises(PrimumError, match="KNeighborsClassifier takes no sample weights"):
        Reweighing(wrap(KNeighborsClassifier())).fit(X, y, group=group["sex"])


def test_a_group_of_one_outcome_keeps_its_weights_and_is_named():
    y, g = [1, 0, 0, 0, 1, 1, 0, 0, 0, 1], list("aaaabbbccd")
    w, told = reweigh(y, g)
    others, _ = reweigh(y[:7], g[:7])
    assert w.tolist() == [*others.tolist(), 1, 1, 1], "the others are reweighed among themselves"
    assert {c.group: c.reason for c in told if c.reason} == {
        "c": "keeps its weights: nobody in it has the outcome",
        "d": "keeps its weights: everybody in it has the outcome",
    }


def test_small_cells_without_cases_are_said_in_the_description():
    X, y, group = people()
    sex = np.where((y == 0) & (np.arange(len(y)) % 50 == 0), "(missing)", group["sex"])
    model = Reweighing(LogisticRegression()).fit(X, y, group=sex)
    told = json.loads(json.dumps(model.describe(), allow_nan=False))
    assert told["left_as_they_are"] == ["(missing)"]
    (small,) = [c for c in told["groups"] if c["group"] == "(missing)"]
    assert small["reason"] == "keeps its weights: nobody in it has the outcome"
    assert small["without_outcome"] == small["with_outcome"] == 1
    assert told["lowest_over_highest_prevalence"]["after"] == pytest.approx(1), "of those reweighed"


def test_groups_of_one_outcome_alone_are_refused():
    with pytest.raises(PrimumError, match="All 2 groups have people of one outcome only: a, b"):
        reweigh([1, 1, 0, 0], list("aabb"))


def test_a_fitted_model_is_refused():
    X, y, group = people(100)
    fitted = LogisticRegression().fit(X, y)
    with pytest.raises(PrimumError, match="Reweighing trains the model anew"):
        Reweighing(fitted, prefit=True).fit(X, y, group=group["sex"])


@pytest.mark.parametrize("weight", [[1, 2], [-1.0] * 10, [0.0] * 10, [np.nan] * 10])
def test_weights_that_cannot_be_used(weight):
    with pytest.raises(PrimumError, match="sample weights cannot be used for 10 people"):
        reweigh(Y, G, weight)
