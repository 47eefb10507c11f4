"""Directions, bounds and sets: kept by every learner, refused when they contradict, free where they do not bind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from primum.errors import PrimumError
from primum.learn import additive, boosting
from primum.learn.calibrate import expit, logit
from primum.learn.prepare import Matrix
from primum.learn.prior.constrained import ConstrainedTrained, constrained, twins
from primum.learn.prior.constraints import Constraints, Monotone, bounded_effect, constraints, together
from primum.learn.prior.shaped_logistic import ShapedLogistic, box_logistic
from primum.learn.prior.violations import violations

NAMES = ("a", "b", "c")
LEVELS = {"c": ["u", "v", "w"]}


def people(n=1500, seed=0, wave=1.0):
    """Risk rises with a, but for a wave; b falls; c is a category; some of b is missing."""
    rng = np.random.default_rng([seed, n])
    x = rng.normal(size=(n, 3))
    x[:, 2] = rng.integers(0, 3, n)
    eta = -1 + 0.9 * x[:, 0] + wave * np.sin(3 * x[:, 0]) - 0.6 * x[:, 1] + 0.5 * (x[:, 2] == 1)
    y = (rng.random(n) < expit(eta)).astype(int)
    x[rng.random(n) < 0.08, 1] = np.nan
    return x, y


def matrix_of(x):
    return Matrix(x, list(NAMES), dict(LEVELS))


RULES = constraints({"a": "rises", "b": "falls"})
SMALL = matrix_of(people(30)[0])


@pytest.mark.parametrize("kind", ["logistic", "boosting", "ebm"])
def test_directions_hold_everywhere_also_beyond_the_data(kind, monkeypatch):
    monkeypatch.setitem(additive.SETTINGS, "outer_bags", 1)
    monkeypatch.setitem(additive.SETTINGS, "max_rounds", 60)
    x, y = people(700 if kind == "ebm" else 1500)
    free, held = (ConstrainedTrained(kind, NAMES, LEVELS, RULES, enforce=e, seed=1).fit(x, y) for e in (False, True))
    new, _ = people(200, seed=5)
    wide = {"a": np.linspace(-6, 6, 25), "b": np.linspace(-6, 6, 25)}

    def counted(model):
        rows = violations(lambda v: model.predict_proba(v)[:, 1], new, NAMES, RULES.monotone, {}, grids=wide)
        return {r["feature"]: r["violating"] for r in rows}

    assert counted(held) == {"a": 0, "b": 0}
    assert counted(free)["a"] > 0


def test_a_rule_that_does_not_bind_costs_nothing():
    rng = np.random.default_rng(7)
    x = rng.uniform(-2, 2, (4000, 1))
    y = (rng.random(4000) < expit(1.5 * x[:, 0])).astype(int)
    rule = constraints({"a": "rises"})
    free = ShapedLogistic(["a"], (), rule, enforce=False).fit(x, y)
    assert (free.coef_ > 0).all()  # the data rise by themselves
    held = ShapedLogistic(["a"], (), rule).fit(x, y)
    np.testing.assert_allclose(held.predict_proba(x), free.predict_proba(x), atol=2e-5)
    against = ShapedLogistic(["a"], (), constraints({"a": "falls"})).fit(x, y)
    assert np.ptp(against.predict_proba(x)[:, 1]) < 1e-6  # nothing is left of it


def test_the_box_is_optimal_by_another_solver():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(300, 3))
    y = (rng.random(300) < expit(z @ [1.0, -0.8, 0.2])).astype(float)
    w = rng.uniform(0.5, 2, 300)
    low, high = np.array([-np.inf, 0.0, 0.5]), np.array([0.4, np.inf, np.inf])
    b = box_logistic(z, y, w, 0.1, low, high)
    assert b[1] == pytest.approx(0.4)
    assert b[2] == pytest.approx(0.0, abs=1e-12)
    assert b[3] == pytest.approx(0.5)

    def loss(v):
        eta = v[0] + z @ v[1:]
        return 0.1 * w @ (np.logaddexp(0, eta) - y * eta) + v[1:] @ v[1:] / 2

    peer = minimize(loss, b * 0, method="SLSQP", bounds=[(None, None), (None, 0.4), (0, None), (0.5, None)])
    assert loss(b) <= peer.fun + 1e-6


def test_without_bounds_it_is_scikit_learns_logistic_regression():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(400, 4))
    y = (rng.random(400) < expit(z @ [1.0, -0.8, 0.2, 0.0] - 1)).astype(float)
    free = np.full(4, np.inf)
    b = box_logistic(z, y, np.ones(400), 0.03, -free, free)
    peer = LogisticRegression(C=0.03, tol=1e-12, max_iter=1000).fit(z, y)
    np.testing.assert_allclose(b, [*peer.intercept_, *peer.coef_[0]], atol=1e-5)


def test_a_bounded_effect_stays_in_its_bounds_per_unit():
    x, y = people(2000, wave=0.0)
    held = constraints(bounded=[bounded_effect("a", 1.2, 1.5, scale="odds ratio", per=2.0)])
    model = ConstrainedTrained("logistic", NAMES, LEVELS, held).fit(x, y)
    one, more = x[:50].copy(), x[:50].copy()
    one[:, 0], more[:, 0] = 1.0, 3.0
    ratio = np.exp(logit(model.predict_proba(more)[:, 1]) - logit(model.predict_proba(one)[:, 1]))
    np.testing.assert_allclose(ratio, 1.5, rtol=1e-6)  # the data say e^1.8: the bound binds, for two units
    assert "multiplies the odds by 1.1 to 1.22" in held.words()[0]


def test_forbidden_pairs_do_not_act_together():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 3))
    y = (rng.random(3000) < expit(2 * np.sign(x[:, 0] * x[:, 1]) + x[:, 2])).astype(int)
    matrix = Matrix(x, list(NAMES), {})

    def together_by(held):
        model = constrained("boosting", matrix, held, seed=0).fit(x, y)
        f = [logit(model.predict_proba(_at(x[:200], a, b))[:, 1]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
        return float(np.abs(f[0] - f[1] - f[2] + f[3]).max())

    assert together_by(Constraints()) > 1
    assert together_by(constraints(forbidden=[("a", "b")])) < 1e-9
    assert together_by(constraints(allowed=[])) < 1e-9
    assert together_by(constraints(allowed=[("a", "b")])) > 1


def _at(x, a, b):
    moved = x.copy()
    moved[:, 0], moved[:, 1] = a, b
    return moved


def test_an_ebm_leaves_out_the_pairs_that_may_not_be(monkeypatch):
    monkeypatch.setitem(additive.SETTINGS, "outer_bags", 1)
    monkeypatch.setitem(additive.SETTINGS, "max_rounds", 20)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, 3))
    y = (rng.random(500) < expit(2 * np.sign(x[:, 0] * x[:, 1]))).astype(int)
    matrix = Matrix(x, list(NAMES), {})
    for held, gone in ((Constraints(), None), (constraints(forbidden=[("a", "b")]), ("a", "b"))):
        model = additive.fit_quietly(constrained("ebm", matrix, held, seed=0), x, y, None)
        pairs = {tuple(sorted(t.split(" & "))) for t in model.term_names_ if "&" in t}
        assert (("a", "b") in pairs) == (gone is None)


def test_sets_that_may_act_together():
    assert together(Constraints(), "abc") is None
    split = together(constraints(forbidden=[("a", "b"), ("b", "c")]), ["a", "b", "c", "d"])
    assert sorted(map(sorted, split)) == [["a", "c", "d"], ["b", "d"]]
    lone = together(constraints(allowed=[("a", "b")]), ["a", "b", "c"])
    assert sorted(map(sorted, lone)) == [["a", "b"], ["c"]]
    with pytest.raises(PrimumError, match="more than 64 sets"):
        together(
            constraints(forbidden=[(f"x{i}", f"y{i}") for i in range(7)]), [f"{k}{i}" for k in "xy" for i in range(7)]
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constraints([Monotone("a", "rises"), Monotone("a", "falls")]), "rise and to fall with 'a'"),
        (lambda: constraints({"a": "up"}), "no direction 'up'"),
        (
            lambda: constraints({"a": "rises"}, [bounded_effect("a", -0.4, -0.1, scale="log odds ratio")]),
            "rises with 'a', but its log odds ratio is bounded from -0.4 to -0.1",
        ),
        (lambda: constraints(allowed=[("a", "b", "c")], forbidden=[("c", "a")]), "may act together .* and may not"),
        (lambda: constraints(forbidden=[("a", "a")]), "no set of features"),
        (lambda: bounded_effect("a", -0.2, 0.3, scale="odds ratio"), "odds ratio of 'a' is bounded by -0.2"),
        (lambda: bounded_effect("a", 2, 1, scale="odds ratio"), "bounded from 0.69"),
        (lambda: bounded_effect("a", 1, 2, scale="percent"), "no scale 'percent'"),
        (lambda: bounded_effect("a", 1, 2, scale="odds ratio", per=0), "per 0 units"),
        (lambda: constrained("boosting", SMALL, constraints({"z": "rises"}), seed=0), "no feature 'z'"),
        (lambda: constrained("boosting", SMALL, constraints({"c": "rises"}), seed=0), "no order"),
        (lambda: constrained("tree", matrix_of(people(30)[0]), RULES, seed=0), "no learner 'tree'"),
        (
            lambda: constrained(
                "boosting", matrix_of(people(30)[0]),
                constraints(bounded=[bounded_effect("a", 1, 2, scale="odds ratio")]), seed=0,
            ),
            "cannot bound the effect of 'a'",
        ),
    ],
)  # fmt: skip
def test_rules_that_cannot_be(make, message):
    with pytest.raises(PrimumError, match=message):
        make()


def test_the_same_rule_twice_is_no_contradiction_and_boxes_narrow():
    held = constraints(
        [Monotone("a", "rises"), Monotone("a", "rises")], [bounded_effect("a", 0.5, 2, scale="odds ratio")]
    )
    assert held.box("a") == (0.0, pytest.approx(np.log(2)))
    assert held.sign("b") == 0


def test_twins_are_scored_by_models_that_never_saw_them(monkeypatch):
    monkeypatch.setitem(boosting.SETTINGS, "max_iter", 10)
    x, y = people(600)
    found = twins("boosting", matrix_of(x), y, np.arange(600) % 3, RULES, seed=2)
    own = found.fold == 1
    for risk, models in ((found.free, found.free_models), (found.held, found.held_models)):
        np.testing.assert_array_equal(risk[own], models[1].predict_proba(x[own])[:, 1])
    again = twins("boosting", matrix_of(x), y, np.arange(600) % 3, RULES, seed=2)
    np.testing.assert_array_equal(found.held, again.held)
    flipped = np.where(own, 1 - y, y)
    other = twins("boosting", matrix_of(x), flipped, np.arange(600) % 3, RULES, seed=2)
    np.testing.assert_array_equal(found.held[own], other.held[own])
    with pytest.raises(PrimumError, match="at least two folds"):
        twins("boosting", matrix_of(x), y, np.zeros(600), RULES)
