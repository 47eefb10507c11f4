"""Shapes, violations and prices: numbers that can be worked out by hand, for everyone and each group."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from primum.certify.sample import sample
from primum.certify.student import lower as student_lower
from primum.errors import PrimumError
from primum.learn.calibrate import expit, logit
from primum.learn.prepare import Matrix
from primum.learn.prior.constraints import Monotone
from primum.learn.prior.grid import public_grid, round_step
from primum.learn.prior.price import price
from primum.learn.prior.shapes import shapes, swing
from primum.learn.prior.violations import violations

NAMES = ["age", "marker", "clinic", "yes"]


def people(n=2000, seed=0):
    rng = np.random.default_rng([seed, n])
    x = np.column_stack([rng.uniform(20, 80, n), rng.normal(size=n), rng.integers(0, 3, n), rng.integers(0, 2, n)])
    x[rng.random(n) < 0.1, 1] = np.nan
    return Matrix(x, NAMES, {"clinic": ["a", "b", "c"]}), rng.choice(["F", "M"], n, p=[0.8, 0.2])


def eta(x):
    marker = np.where(np.isnan(x[:, 1]), 0.7, x[:, 1] ** 2 / 4)
    return -1 + 0.03 * (x[:, 0] - 50) + marker + np.array([0.0, 0.5, -0.5])[x[:, 2].astype(int)] + 0.4 * x[:, 3]


def risk(x):
    return expit(eta(x))


def pick(rows, feature, group="overall"):
    return [r for r in rows if r["feature"] == feature and r["group"] == group]


def test_the_curves_of_a_model_without_interactions_are_its_own():
    matrix, g = people()
    rows = shapes(risk, matrix, {"sex": g})
    for group in ("overall", "F", "M"):
        age = pick(rows, "age", group)
        effect = np.array([r["effect"] for r in age])
        np.testing.assert_allclose(np.diff(effect), 0.03 * np.diff([r["x"] for r in age]), atol=1e-9)
        marker = [r for r in pick(rows, "marker", group) if r["kind"] == "number"]
        effect, z = (np.array([r[k] for r in marker]) for k in ("effect", "x"))
        np.testing.assert_allclose(effect - effect[0], (z**2 - z[0] ** 2) / 4, atol=1e-9)
        clinic = {r["label"]: r["effect"] for r in pick(rows, "clinic", group)}
        assert clinic["b"] - clinic["c"] == pytest.approx(1.0)


def test_they_are_centred_at_the_mean_of_the_group():
    matrix, g = people()
    rows = shapes(risk, matrix, {"sex": g})
    for group, own in (("overall", np.ones(2000, bool)), ("M", g == "M")):
        yes = {r["x"]: r for r in pick(rows, "yes", group)}
        share = matrix.values[own, 3].mean()
        # the curve of few values is centred between its points: the middle of the one interval is at 0
        assert yes[1.0]["effect"] == pytest.approx(0.2)
        assert yes[1.0]["n"] == (matrix.values[own, 3] == 1).sum()
        clinic = pick(rows, "clinic", group)
        assert sum(r["effect"] * r["n"] for r in clinic) == pytest.approx(0, abs=1e-9)
        assert 0.4 < share < 0.6
    gone = next(r for r in pick(rows, "marker", "F") if r["kind"] == "missing")
    own = (g == "F") & ~np.isnan(matrix.values[:, 1])
    assert gone["effect"] == pytest.approx((0.7 - matrix.values[own, 1] ** 2 / 4).mean(), rel=1e-9)
    assert gone["n"] == ((g == "F") & np.isnan(matrix.values[:, 1])).sum()


def test_people_behind_each_interval_are_counted():
    matrix, g = people()
    grid = [20.0, 40.0, 60.0, 80.0]
    rows = shapes(risk, matrix, {"sex": g}, features=["age"], grids={"age": grid}, most=100)
    for group, own in (("overall", np.ones(2000, bool)), ("F", g == "F")):
        age = matrix.values[own, 0]
        expected = [((age > a) & (age <= b)).sum() for a, b in pairwise(grid)]
        assert [r["n"] for r in pick(rows, "age", group)] == [expected[0], *expected]
    few = shapes(risk, matrix, {"who": np.where(np.arange(2000) < 15, "few", "rest")}, features=["age"])
    assert all(r["small"] for r in pick(few, "age", "few"))
    assert not any(r["small"] for r in pick(few, "age", "rest"))


def test_an_interaction_shows_as_two_curves():
    matrix, g = people(4000)
    matrix.values[:, 3] = g == "M"
    rows = shapes(lambda x: expit(0.05 * (x[:, 0] - 50) * (1 - x[:, 3])), matrix, {"sex": g}, features=["age"])
    women, men = (np.array([r["effect"] for r in pick(rows, "age", s)]) for s in "FM")
    assert np.ptp(men) == pytest.approx(0, abs=1e-9)
    assert np.ptp(women) > 2
    told = {r["group"]: r for r in swing(rows)}
    assert told["F"]["ratio"] == pytest.approx(np.exp(np.ptp(women)))
    assert told["M"]["apart"] > 1.5
    assert told["F"]["n"] == (g == "F").sum()


def test_several_models_give_a_range():
    matrix, _ = people(300)
    slopes = (0.02, 0.03, 0.05)
    models = [lambda x, s=s: expit(s * (x[:, 0] - 50)) for s in slopes]
    rows = shapes(models, matrix, features=["age"])
    for r in rows:
        one = sorted(s * r["effect"] / np.mean(slopes) for s in slopes)
        assert (r["low"], r["high"]) == pytest.approx((one[0], one[-1]), abs=1e-9)
    assert shapes(risk, matrix, features=["age"])[0]["low"] is None


def test_shapes_are_the_same_twice_and_refuse_bad_grids():
    matrix, g = people(4000)
    assert shapes(risk, matrix, {"sex": g}, most=500) == shapes(risk, matrix, {"sex": g}, most=500)
    with pytest.raises(PrimumError, match="grid of 'age' does not increase"):
        shapes(risk, matrix, grids={"age": [50, 40]})
    with pytest.raises(PrimumError, match="no feature 'height'"):
        shapes(risk, matrix, features=["height"])
    with pytest.raises(PrimumError, match="'sex' has 3 labels"):
        shapes(risk, matrix, {"sex": ["F", "M", "F"]})


def test_a_public_grid_is_of_round_numbers():
    rng = np.random.default_rng(0)
    grid = public_grid(rng.normal(70, 12, 5000))
    assert 6 <= grid.size <= 12
    assert np.allclose(grid, np.round(grid))
    assert public_grid([0, 1, 1, np.nan, 0]).tolist() == [0.0, 1.0]
    assert public_grid(np.r_[np.zeros(5000), rng.uniform(0, 1, 20)]).size >= 2
    small = public_grid(rng.lognormal(-6, 1, 3000))
    assert (np.diff(small) > 0).all()
    assert small.max() < 0.1
    assert [round_step(s) for s in (0.7, 1, 3.9, 60)] == pytest.approx([0.5, 1, 2, 50])


def test_steps_against_a_rule_are_counted_by_hand():
    """logit = |x| rises only on the right of 0: of 4 steps from −2 to 2, the first 2 go against "rises"."""
    values = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    rows = violations(
        lambda x: expit(np.abs(x[:, 0]) * (1 - x[:, 1])), values, ["x", "flat"], [Monotone("x", "rises")],
        {"sex": ["F", "M", "F"]}, grids={"x": np.arange(-2.0, 3.0)},
    )  # fmt: skip
    by = {r["group"]: r for r in rows}
    assert (by["F"]["pairs"], by["F"]["violating"], by["F"]["share"]) == (8, 4, 0.5)
    assert (by["M"]["violating"], by["M"]["people"]) == (0, 0.0)
    assert by["overall"]["share"] == pytest.approx(1 / 3)
    assert by["F"]["size"] == pytest.approx(1.0, abs=1e-6)
    assert by["F"]["people"] == 1.0
    down = violations(
        lambda x: expit(x[:, 0]), values, ["x", "flat"], [Monotone("x", "falls")], {}, grids={"x": [0, 1]}
    )
    assert down[0]["share"] == 1.0


def test_a_price_is_the_paired_difference():
    rng = np.random.default_rng(3)
    y = (rng.random(800) < 0.3).astype(int)
    free = np.clip(0.3 + 0.2 * (y - 0.3) + rng.normal(0, 0.1, 800), 0.01, 0.99)
    held = np.clip(free + rng.normal(0, 0.15, 800), 0.01, 0.99)
    g = rng.choice(["F", "M"], 800)
    rows = price(y, free, held, {"sex": g}, threshold=0.3)
    own = g == "F"
    by = {(r["measure"], r["group"]): r for r in rows}
    gain = (y - free) ** 2 - (y - held) ** 2
    brier = by["brier", "F"]
    assert brier["value"] == pytest.approx(gain[own].mean())
    assert brier["low"] == pytest.approx(student_lower(sample(gain[own], low=-1, high=1), 0.025))
    assert brier["low"] < brier["value"] < brier["high"]
    nb = [(((p >= 0.3) & (y == 1)).sum() - 3 / 7 * ((p >= 0.3) & (y == 0)).sum()) / 800 for p in (free, held)]
    assert by["net benefit", "overall"]["value"] == pytest.approx(nb[1] - nb[0])
    ll = np.where(y == 1, np.log(held / free), np.log((1 - held) / (1 - free)))
    assert by["log loss", "M"]["value"] == pytest.approx(ll[~own].mean())
    assert by["log loss", "overall"]["verdict"] == "loses"


def test_no_change_costs_nothing_and_few_people_are_not_judged():
    rng = np.random.default_rng(3)
    y = (rng.random(400) < 0.3).astype(int)
    free = rng.uniform(0.1, 0.9, 400)
    same = price(y, free, free, {"sex": ["F", "M"] * 200}, threshold=0.5)
    assert {r["verdict"] for r in same} == {"nothing changes"}
    assert {(r["value"], r["low"], r["high"]) for r in same} == {(0.0, 0.0, 0.0)}
    few = np.where(np.arange(400) < 12, "few", "rest")
    rows = price(y, free, np.where(y == 1, 0.9, 0.1), {"who": few})
    assert {r["verdict"] for r in rows if r["group"] == "few"} == {"not assessable"}
    assert {r["verdict"] for r in rows if r["group"] == "rest"} == {"gains"}
    with pytest.raises(PrimumError, match="outside 0 to 1"):
        price(y, free, free * 100, {})
    with pytest.raises(PrimumError, match="'sex' has 1 labels"):
        price(y, free, free, {"sex": ["F"]})


def test_logits_and_risks_agree():
    """The helpers that shapes rest on are inverses, so effects are those of the model."""
    x = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(logit(expit(x)), x, atol=1e-9)
