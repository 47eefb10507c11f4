"""Telling a group from features, and what a model does with them: oracles, formulae by hand, and null simulations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from primum.errors import PrimumError
from primum.learn.learning_curve import Known
from primum.learn.prepare import Matrix
from primum.stress.direct_use import fit, flip, importance, normalised, without
from primum.stress.persistence import stand_in
from primum.stress.proxies import (
    DRAWN,
    Teller,
    auroc,
    auroc_limits,
    cells,
    difference_limits,
    told_by_trees,
)


def matrix(*columns, levels=None):
    return Matrix(np.column_stack(columns).astype(float), [f"x{j}" for j in range(len(columns))], levels or {})


def test_cells_of_numbers_categories_and_missing_values():
    x = np.r_[np.arange(80.0), [np.nan] * 20]
    c = np.r_[np.arange(50) % 25, np.zeros(50)]
    few = np.arange(100) % 3
    found = cells(matrix(x, c, few, levels={"x1": [str(i) for i in range(25)]}))
    assert np.bincount(found.code[:, 0]).tolist() == [10] * 8 + [20]
    assert found.number[1] == 20  # 19 of their own and the rest together
    assert found.number[2] == 3
    assert (found.code[:, 2] == few).all()
    assert found.place(["x2", "x0"]) == [2, 0]
    with pytest.raises(PrimumError, match="no feature 'y'"):
        found.place(["y"])


def test_one_feature_tells_the_share_of_its_cell_drawn_to_the_mean():
    rng = np.random.default_rng(1)
    x, fold = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    y = (rng.random(300) < np.array([0.2, 0.5, 0.8])[x]).astype(float)
    told = Teller(cells(matrix(x)), y[:, None], fold).told([0])[:, 0]
    for k in range(3):
        rest = fold != k
        mean = y[rest].mean()
        for v in range(3):
            mine = rest & (x == v)
            by_hand = mean + (y[mine] - mean).sum() / (mine.sum() + DRAWN)
            assert told[(fold == k) & (x == v)] == pytest.approx(by_hand)
    assert Teller(cells(matrix(x)), y[:, None], fold).told([])[fold == 0, 0] == pytest.approx(y[fold != 0].mean())


def test_several_features_are_ridge_regression():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(2)
    x, fold, w = rng.integers(0, 4, (400, 3)), rng.integers(0, 2, 400), rng.uniform(0.5, 2, 400)
    y = (rng.random(400) < 0.2 + 0.15 * x[:, 0]).astype(float)
    told = Teller(cells(matrix(*x.T)), y[:, None], fold, w).told([0, 1, 2])[:, 0]
    hot = np.column_stack([x[:, j] == v for j in range(3) for v in range(4)]).astype(float)
    rest, heavy = fold != 0, w / w.mean()
    mean = np.average(y[rest], weights=heavy[rest])
    peer = Ridge(DRAWN, fit_intercept=False).fit(hot[rest], y[rest] - mean, heavy[rest])
    assert told[fold == 0] == pytest.approx(mean + peer.predict(hot[fold == 0]), abs=1e-8)


def test_nobody_is_told_by_what_was_learnt_from_them():
    rng = np.random.default_rng(3)
    x, fold, y = rng.integers(0, 4, 200), np.arange(200) % 3, (rng.random(200) < 0.4).astype(float)
    other = np.where(fold == 0, 1 - y, y)
    one, two = (Teller(cells(matrix(x)), t[:, None], fold).told([0])[:, 0] for t in (y, other))
    assert np.array_equal(one[fold == 0], two[fold == 0])
    assert not np.allclose(one[fold == 1], two[fold == 1])
    with pytest.raises(PrimumError, match="one fold"):
        Teller(cells(matrix(x)), y[:, None], np.zeros(200, dtype=int)).told([0])


def test_auroc_is_that_of_scikit_learn_within_folds():
    rng = np.random.default_rng(4)
    fold, y, w = rng.integers(0, 3, 500), rng.random(500) < 0.3, rng.uniform(0.2, 3, 500)
    score = np.round(rng.normal(size=500) + y, 1)
    for weight in (None, w):
        v = np.ones(500) if weight is None else weight
        each = [
            (v[(fold == k) & y].sum() * v[(fold == k) & ~y].sum(),
             roc_auc_score(y[fold == k], score[fold == k], sample_weight=v[fold == k]))
            for k in range(3)
        ]  # fmt: skip
        mean = sum(a * b for a, b in each) / sum(a for a, _ in each)
        found = auroc(score, y, fold, weight)
        assert found.value == pytest.approx(mean)
        assert found.influence.sum() == pytest.approx(0, abs=1e-12)


def test_with_one_fold_the_variance_is_delongs():
    from primum.measure.delong import delong_variance
    from primum.tally.resample import Histogram

    rng = np.random.default_rng(5)
    y = rng.random(200) < 0.3
    s = rng.integers(0, 30, 200) + 6 * y
    n = np.stack([np.bincount(s[y == v], minlength=40) for v in (0, 1)]).astype(float)
    h = Histogram(n=n, w=n, ww=n, ws=n, wss=n, selected=np.zeros(40, dtype=bool))
    found = auroc(s.astype(float), y, np.zeros(200, dtype=int))
    m = [(~y).sum(), y.sum()]
    parts = [(found.influence[y == v] ** 2).sum() * m[v] / (m[v] - 1) for v in (0, 1)]
    assert sum(parts) == pytest.approx(delong_variance(h))


def test_a_fold_without_members_says_nothing():
    fold, y = np.array([0, 0, 0, 1, 1]), np.array([1, 0, 0, 0, 0])
    assert auroc(np.array([3.0, 2, 1, 0, 9]), y, fold).value == 1
    assert np.isnan(auroc(np.arange(5.0), np.zeros(5), fold).value)
    assert np.isnan(auroc_limits(Known(1.0, np.zeros(5)), 0.95)[0])


def test_the_interval_of_a_feature_that_tells_nothing_covers_one_half():
    """Also for all features together, and for what they add; without the doubling it would not."""
    rng = np.random.default_rng(6)
    hits, plain = np.zeros(3), 0
    times = 300
    for _ in range(times):
        x, y = rng.normal(size=(240, 4)), (rng.random(240) < 0.4).astype(float)
        fold = np.arange(240) % 3
        teller = Teller(cells(matrix(*x.T)), y[:, None], fold)
        one, some, every = (auroc(teller.told(c)[:, 0], y, fold) for c in ([0], [0, 1], [0, 1, 2, 3]))
        for i, found in enumerate((one, every)):
            low, high = auroc_limits(found, 0.95)
            hits[i] += low <= 0.5 <= high
        low, high = difference_limits(every - some, 0.95)
        hits[2] += low <= 0 <= high
        low, high = one.limits(0.95)
        plain += low <= 0.5 <= high
    assert (hits / times > 0.92).all(), hits / times
    assert plain / times < 0.90


def test_a_proxy_is_told_and_its_interval_covers():
    """x is the group plus noise of variance 1: AUROC Φ(1/√2) = .760, less what eight cells lose."""
    rng = np.random.default_rng(7)
    y = rng.random(20_000) < 0.4
    x = rng.normal(size=20_000) + y
    fold = np.arange(20_000) % 3
    found = auroc(Teller(cells(matrix(x)), y[:, None].astype(float), fold).told([0])[:, 0], y, fold)
    cut = np.quantile(x, np.arange(1, 8) / 8)
    best = roc_auc_score(y, np.searchsorted(cut, x))
    low, high = auroc_limits(found, 0.95)
    assert low < best < high
    assert 0.74 < found.value < 0.77


def test_trees_tell_what_curves_cannot():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(1500, 2))
    y, fold = (x[:, 0] * x[:, 1] > 0).astype(int), np.arange(1500) % 3
    m = matrix(*x.T)
    curves = auroc(Teller(cells(m), y[:, None].astype(float), fold).told([0, 1])[:, 0], y, fold)
    trees = auroc(told_by_trees(m, y, fold)[:, 1], y, fold)
    assert curves.value < 0.6
    assert trees.value > 0.9


@pytest.fixture(scope="module")
def models():
    """Return models of an outcome that rests on the group itself, on a proxy of it, and on something else."""
    rng = np.random.default_rng(9)
    n = 1500
    group = rng.integers(0, 2, n)
    proxy, else_, nothing = rng.normal(size=n) + 1.5 * group, rng.normal(size=n), rng.normal(size=n)
    y = rng.random(n) < 1 / (1 + np.exp(1.5 - 0.8 * group - 0.8 * proxy - 0.6 * else_))
    m = Matrix(np.column_stack([group, proxy, else_, nothing]).astype(float), ["group", "proxy", "else", "nothing"],
               {"group": ["a", "b"]})  # fmt: skip
    fold = np.arange(n) % 3
    return fit("logistic", m, y.astype(np.int8), fold, seed=1), np.array(["a", "b"])[group]


def test_left_out_risks_come_from_the_other_folds(models):
    m, _ = models
    assert m.risk == pytest.approx(m.scored(m.matrix.values))
    assert abs(m.risk.mean() - m.outcome.mean()) < 0.02
    with pytest.raises(PrimumError, match="to train on"):
        fit("logistic", m.matrix, np.r_[np.ones(9), np.zeros(1491)].astype(np.int8), m.fold)


def test_importance_finds_what_matters(models):
    falls = importance(models[0])
    share = normalised(falls)
    assert sum(share.values()) == pytest.approx(1)
    assert max(share, key=share.get) == "proxy"
    assert share["nothing"] < 0.02
    assert importance(models[0]) == falls
    assert np.isnan(normalised({"a": -0.1})["a"])


def test_flipping_the_attribute_is_what_the_model_makes_of_it(models):
    m, group = models
    found = flip(m, "group", group.tolist(), ["(missing)"], 0.5)
    values = m.matrix.values.copy()
    values[:, 0] = 1 - values[:, 0]
    other = m.scored(values)
    assert found.signed == pytest.approx(other - m.risk)
    assert found.size == pytest.approx(np.abs(other - m.risk))
    assert found.changed == pytest.approx(((other >= 0.5) != (m.risk >= 0.5)).astype(float))
    assert found.signed[group == "a"].mean() > 0.05
    assert found.signed[group == "b"].mean() < -0.05


def test_whose_group_is_not_recorded_is_not_flipped(models):
    m, group = models
    some = np.where(np.arange(len(group)) < 50, "(missing)", group)
    found = flip(m, "group", some.tolist(), ["(missing)"], 0.5)
    assert np.isnan(found.size[:50]).all()
    assert np.isfinite(found.size[50:]).all()
    with pytest.raises(PrimumError, match="Fewer than two groups"):
        flip(m, "group", ["a"] * len(group), [], 0.5)
    with pytest.raises(PrimumError, match="no feature 'x'"):
        flip(m, "x", group.tolist(), [], 0.5)


def test_a_proxy_taken_away_takes_its_part_of_the_gap(models):
    m, group = models

    def gap(risk):
        return risk[group == "b"].mean() - risk[group == "a"].mean()

    less = without(m, "proxy")
    assert less.matrix.names == ["group", "else", "nothing"]
    assert "group" in less.matrix.levels
    blind = without(without(m, "group"), "proxy")
    assert abs(gap(blind.risk)) < 0.03 < 0.2 < gap(m.risk)
    assert gap(without(m, "nothing").risk) == pytest.approx(gap(m.risk), abs=0.01)
    with pytest.raises(PrimumError, match="only feature"):
        without(fit("logistic", Matrix(m.matrix.values[:, :1], ["group"], {}), m.outcome, m.fold), "group")


def test_the_share_of_a_score_that_rests_on_a_block():
    """f = a + b + c of equal variance, b correlated .6 with a: alone a explains more than it does uniquely."""
    rng = np.random.default_rng(10)
    n = 6000
    a, c = rng.choice(6, n) - 2.5, rng.choice(6, n) - 2.5
    b = np.where(rng.random(n) < 0.6, a, rng.choice(6, n) - 2.5)
    found = stand_in(cells(matrix(a, b, c)), a + b + c, ["x0"], np.arange(n) % 3, risk=False)
    everyone = np.ones(n, dtype=bool)
    v = 35 / 12
    total = v * (3 + 2 * 0.6)
    assert found.explained(everyone).value == pytest.approx(1, abs=0.002)
    assert found.by_block(everyone).value == pytest.approx(v * 1.6**2 / total, abs=0.02)
    # without a, E(a | b) = .6 b is what is left of it
    assert found.unique(everyone).value == pytest.approx(v * (1 - 0.36) / total, abs=0.02)
    low, high = found.unique(everyone).limits(0.95)
    assert low < v * 0.64 / total < high
    assert np.isnan(stand_in(cells(matrix(a)), np.ones(n), ["x0"], np.arange(n) % 3, risk=False)
                    .explained(everyone).value)  # fmt: skip


def test_people_without_a_score_are_left_out():
    rng = np.random.default_rng(11)
    a, fold = rng.normal(size=300), np.arange(300) % 3
    score = np.where(np.arange(300) < 30, np.nan, 1 / (1 + np.exp(-a)))
    found = stand_in(cells(matrix(a)), score, ["x0"], fold, risk=True)
    who = np.ones(300, dtype=bool)
    assert (found.explained(who).influence[:30] == 0).all()
    assert found.explained(who).value > 0.8
