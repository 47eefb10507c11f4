"""Minimax: games solved on paper, noise that cannot be helped, groups spared what helps nobody."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from primum.errors import PrimumError
from primum.mitigate.minimax import Minimax
from primum.mitigate.minimax_game import Board, play


def two_rates(n=1000):
    """Make two equal groups with 20 % and 60 % cases and nothing to tell people apart: one risk p for all."""
    g = np.repeat(["a", "b"], n)
    y = np.concatenate([np.arange(n) < 0.2 * n, np.arange(n) < 0.6 * n]).astype(int)
    return np.zeros((2 * n, 1)), y, g


CONSTANT = DummyClassifier(strategy="prior")  # an exact weighted learner


def test_minimax_on_paper():
    """Squared errors (p − .2)² + .16 and (p − .6)² + .24 are equal, .25, at p = .5: there the worst is least."""
    X, y, g = two_rates()
    model = Minimax(CONSTANT, error="squared", rounds=400).fit(X, y, group=g)
    assert model.predict_proba(X)[0, 1] == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(model.errors_["repaired"], [0.25, 0.25], atol=0.01)
    np.testing.assert_allclose(model.errors_["base"], [0.2, 0.28])
    np.testing.assert_allclose(model.game_.weights[-1], [0.25, 0.75], atol=0.1)
    assert model.chosen_ in {"the minimax mixture", "the relaxed mixture at the minimax value"}


def test_relaxed_on_paper():
    """Overall error is least at p = .4, where b has .28; with a limit of .26 it is p = .6 − √.02 = .4586."""
    X, y, g = two_rates()
    model = Minimax(CONSTANT, error="squared", limit=0.26, rounds=400).fit(X, y, group=g)
    assert model.predict_proba(X)[0, 1] == pytest.approx(0.6 - 0.02**0.5, abs=0.01)
    assert model.errors_["repaired"].max() == pytest.approx(0.26, abs=0.003)
    free = Minimax(CONSTANT, error="squared", limit=0.3, rounds=50).fit(X, y, group=g)
    assert free.predict_proba(X)[0, 1] == pytest.approx(0.4), "a limit that does not bind changes nothing"


def test_limits_of_single_groups():
    X, y, g = two_rates()
    model = Minimax(CONSTANT, error="squared", limit={"a": 0.17}, rounds=400).fit(X, y, group=g)
    assert model.predict_proba(X)[0, 1] == pytest.approx(0.3, abs=0.01), "(p − .2)² = .01"
    told = {k["group"]: k for k in json.loads(json.dumps(model.describe()))["groups"]}
    assert told["b"]["limit"] is None
    assert told["a"]["limit"] == 0.17
    with pytest.raises(PrimumError, match="no group 'c' in the limits"):
        Minimax(CONSTANT, limit={"c": 0.1}).fit(X, y, group=g)


def test_a_limit_that_cannot_be_kept_is_told():
    X, y, g = two_rates()
    model = Minimax(CONSTANT, error="squared", limit=0.2, rounds=50).fit(X, y, group=g)
    assert [k["within_limit"] for k in model.describe()["groups"]] == [False, False]


def test_first_rounds_written_out():
    _, y, g = two_rates(10)
    member = np.stack([g == "a", g == "b"], axis=1)
    board = Board(y, member, np.ones(20), "squared", 0.5)
    asked = []

    def respond(w):
        asked.append(w)
        p = float(np.average(y, weights=w))
        return p, np.full(20, p)

    played = play(board, respond, rounds=3, rate=2.0, decay=0.5)
    assert asked[0].tolist() == pytest.approx([1.0] * 20), (
        "λ starts at the groups' shares, so the first model is the usual one"
    )
    grown = np.array([0.5, 0.5]) * np.exp(2 * np.array([0.2, 0.28]))
    second = grown / grown.sum()
    np.testing.assert_allclose(played.weights[1], second)
    np.testing.assert_allclose(asked[1], np.repeat(second, 10) * 2)
    p = 0.2 * second[0] + 0.6 * second[1]
    third = second * np.exp(2 / 2**0.5 * np.array([(p - 0.2) ** 2 + 0.16, (p - 0.6) ** 2 + 0.24]))
    np.testing.assert_allclose(played.weights[2], third / third.sum())
    np.testing.assert_allclose(played.risk, np.mean(played.models))

    asked.clear()
    relaxed = play(board, respond, rounds=2, rate=2.0, decay=0.5, bound=np.array([0.3, 0.26]))
    np.testing.assert_allclose(relaxed.weights, [[0, 0], [0, 2 * 0.02]])
    steer = np.repeat([0.05, 0.05 + 0.04 / 10], 10)
    np.testing.assert_allclose(asked[1], steer * 20 / steer.sum())


def noisy(n=4000, seed=0):
    """Draw two groups with the same rule and label noise of .05 and .30."""
    rng = np.random.default_rng(seed)
    g, x = rng.choice(["one", "two"], n), rng.choice([-1, 1], n) * rng.uniform(1, 2, n)
    true = (x > 0).astype(int)
    y = np.where(rng.random(n) < np.where(g == "one", 0.05, 0.30), 1 - true, true)
    return np.column_stack([x, g == "two", x * (g == "two")]), y, g


@pytest.mark.parametrize("error", ["log loss", "squared", "0/1"])
def test_noise_that_cannot_be_helped_is_not_shared(error):
    """The worst group's error is .30 whatever is done; group one stays at its own .05."""
    X, y, g = noisy()
    model = Minimax(LogisticRegression(C=1e3), error=error, rounds=40, threshold=0.5).fit(X, y, group=g)
    wrong = model.predict(X) != y
    noise = y != (X[:, 0] > 0)
    assert wrong[g == "two"].mean() == pytest.approx(noise[g == "two"].mean(), abs=1e-12)
    assert wrong[g == "one"].mean() == pytest.approx(noise[g == "one"].mean(), abs=1e-12)
    assert noise[g == "two"].mean() > 0.25 > 0.1 > noise[g == "one"].mean()
    assert model.errors_["repaired"][0] <= model.errors_["base"][0] * 1.005


def test_without_sparing_the_first_group_is_harmed_for_nothing():
    X, y, g = noisy()
    raw = Minimax(LogisticRegression(), spare=False).fit(X, y, group=g)
    kept = Minimax(LogisticRegression()).fit(X, y, group=g)
    assert raw.errors_["repaired"][1] == pytest.approx(kept.errors_["repaired"][1], abs=0.002)
    assert raw.errors_["repaired"][0] > kept.errors_["repaired"][0] + 0.1
    assert kept.chosen_ == "the base model"


def conflict(n=6000, seed=0):
    """Groups two and three pull one coefficient apart; group one has features of its own."""
    rng = np.random.default_rng(seed)
    g, x = rng.choice(["one", "two", "three"], n, p=[0.4, 0.4, 0.2]), rng.normal(size=n)
    slope = np.select([g == "one", g == "two"], [3.0, 1.5], -1.5)
    y = (rng.random(n) < expit(slope * x)).astype(int)
    return np.column_stack([np.where(g == "one", x, 0), np.where(g != "one", x, 0)]), y, g


def test_a_bystander_is_spared_where_the_base_model_is_not_the_answer():
    X, y, g = conflict()
    raw = Minimax(LogisticRegression(C=0.01), spare=False, rounds=60).fit(X, y, group=g)
    kept = Minimax(LogisticRegression(C=0.01), rounds=60).fit(X, y, group=g)
    names = [name for _, name in kept.groups_]
    raw_error, error, base = (
        dict(zip(names, e, strict=True))
        for e in (raw.errors_["repaired"], kept.errors_["repaired"], kept.errors_["base"])
    )
    assert kept.chosen_ == "the relaxed mixture at the minimax value"
    assert max(error.values()) <= max(raw_error.values()) * 1.006
    assert max(error.values()) < max(base.values()) - 0.02, "the worst-off group did gain"
    assert raw_error["one"] > base["one"] + 0.05
    assert error["one"] < raw_error["one"] - 0.05, "and the bystander need not pay"


def test_more_rounds_come_nearer_the_minimax_value():
    X, y, g = two_rates()
    worst = [
        Minimax(CONSTANT, error="squared", rounds=r, spare=False).fit(X, y, group=g).errors_["repaired"].max()
        for r in (3, 30, 300)
    ]
    assert worst[0] > worst[1] > worst[2] > 0.25
    assert worst[2] < 0.252


def test_false_negatives_alone_are_degenerate():
    X, y, g = noisy(400)
    for error, trivial in (("false negatives", "positive"), ("false positives", "negative")):
        with pytest.raises(PrimumError, match=f"call everybody {trivial}"):
            Minimax(LogisticRegression(), error=error, threshold=0.3).fit(X, y, group=g)
    with pytest.raises(PrimumError, match="no threshold was declared"):
        Minimax(LogisticRegression(), error="false negatives", limit=0.2).fit(X, y, group=g)


def test_false_negatives_relaxed_lower_the_rate_where_it_is_high():
    rng = np.random.default_rng(0)
    g, x = rng.choice(["f", "m"], 6000), rng.normal(size=6000)
    y = (rng.random(6000) < expit(-0.5 + 2 * x - (g == "f"))).astype(int)
    X = np.column_stack([x, g == "f"])
    model = Minimax(LogisticRegression(), error="false negatives", limit=0.25, threshold=0.5, rounds=60)
    model.fit(X, y, group=g)
    missed = {k: float((model.predict(X)[(g == k) & (y == 1)] == 0).mean()) for k in ("f", "m")}
    before = {k: float((model.estimator_.predict(X)[(g == k) & (y == 1)] == 0).mean()) for k in ("f", "m")}
    assert before["f"] > 0.35
    assert missed["f"] < 0.29
    np.testing.assert_allclose(model.errors_["repaired"], list(missed.values()))


def test_overlapping_groups_play_together():
    rng = np.random.default_rng(0)
    group = {"sex": rng.choice(["f", "m"], 2000), "age": rng.choice(["old", "young"], 2000)}
    X = rng.normal(size=(2000, 2))
    y = (rng.random(2000) < expit(X[:, 0])).astype(int)
    model = Minimax(LogisticRegression(), rounds=5).fit(X, y, group=group)
    assert model.groups_ == (("sex", "f"), ("sex", "m"), ("age", "old"), ("age", "young"))
    assert model.game_.weights.sum(1) == pytest.approx([1.0] * 5)
    limited = Minimax(LogisticRegression(), rounds=5, limit={("age", "old"): 0.6}).fit(X, y, group=group)
    assert np.isinf(limited.limits_).tolist() == [True, True, False, True]


def test_groups_of_a_few_do_not_steer_and_it_is_said():
    X, y, g = noisy(1000)
    g = g.astype("<U6")
    g[:30] = "few"
    model = Minimax(LogisticRegression(), rounds=3).fit(X, y, group=g)
    assert model.describe()["not_steering"] == [{"attribute": "group", "group": "few"}]
    assert Minimax(LogisticRegression(), rounds=3, least_events=5).fit(X, y, group=g).not_steering_ == ()
    with pytest.raises(PrimumError, match="No group has 900 people"):
        Minimax(LogisticRegression(), least_events=900).fit(X, y, group=g)


def test_people_held_out_stop_the_game():
    X, y, g = conflict(2000)
    deep = DecisionTreeClassifier(max_depth=12, random_state=0)
    model = Minimax(deep, validation_fraction=0.3, patience=4, rounds=60, spare=False).fit(X, y, group=g)
    assert len(model.models_) < 60
    again = Minimax(deep, validation_fraction=0.3, patience=4, rounds=60, spare=False).fit(X, y, group=g)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))


def test_the_mixture_is_the_mean_and_no_worse_than_a_draw_from_it():
    X, y, g = conflict()
    model = Minimax(LogisticRegression(), rounds=20, spare=False).fit(X, y, group=g)
    each = np.array([m.predict_proba(X)[:, 1] for m in model.models_])
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], each.mean(0))
    assert (model.errors_["repaired"] <= model.game_.errors.mean(0) + 1e-12).all(), "Jensen"


def test_sample_weights_are_replication():
    X, y, g = conflict(600)
    twice = np.concatenate([np.arange(600), np.arange(200)])
    w = np.where(np.arange(600) < 200, 2.0, 1.0)
    options = {"rounds": 10, "rate": 1.0, "spare": False, "least_events": 5}
    exact = LogisticRegression(C=np.inf, tol=1e-10)
    a = Minimax(exact, **options).fit(X[twice], y[twice], group=g[twice])
    b = Minimax(exact, **options).fit(X, y, group=g, sample_weight=w)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"error": "accuracy"}, "no error 'accuracy'"),
        ({"prefit": True}, "Minimax trains the model anew"),
        ({"rounds": 0}, "rounds is 0"),
        ({"rate": -1.0}, r"rate is -1\.0"),
        ({"decay": 2}, "decay is 2"),
        ({"slack": -0.1}, r"slack is -0\.1"),
        ({"patience": 0}, "patience is 0"),
        ({"least_events": 0}, "least_events is 0"),
        ({"limit": float("nan")}, "limit is nan"),
        ({"estimator": KNeighborsClassifier()}, "takes no sample weights"),
    ],
)
def test_settings_out_of_range(change, told):
    X, y, g = noisy(300)
    with pytest.raises(PrimumError, match=told):
        Minimax(**{"estimator": LogisticRegression()} | change).fit(X, y, group=g)
