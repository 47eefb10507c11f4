"""The price of no harm in places, against every combination of thresholds and a linear programme."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.base import BaseEstimator

from primum.errors import PrimumError
from primum.measure.capacity import price
from primum.mitigate.base import GivenScore
from primum.mitigate.no_harm_price import NoHarmPlaces, no_harm_price
from primum.tally.count import count


def people(n=40, seed=0, groups="ab", steps=9):
    rng = np.random.default_rng([seed, n])
    g = rng.choice(list(groups), n)
    g[: len(groups)] = list(groups)
    old = (rng.integers(0, steps, n) + 0.5) / steps
    y = (rng.random(n) < 0.8 * old + 0.1).astype(int)
    new = np.clip(old * np.where(g == "a", 0.6, 1.1) + rng.choice([0.0, 0.1, 0.2], n), 0, 1).round(3)
    return new, old, y, g


def tallied(s, y, g):
    return count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"])


def top(s, share):
    """Select at most this share of the highest scores; ties wait together."""
    cuts = [c for c in [*np.unique(s), 2.0] if (s >= c).sum() <= len(s) * share + 1e-9]
    return s >= min(cuts)


@given(st.integers(0, 10_000), st.sampled_from(["ab", "abc"]), st.sampled_from([0.1, 0.3, 0.6, 1.0]))
@settings(max_examples=40)
def test_the_price_is_the_least_of_all_combinations_and_above_the_linear_programme(seed, groups, share):
    new, old, y, g = people(36, seed, groups)
    got = no_harm_price(tallied(new, y, g), tallied(old, y, g), share)
    before = top(old, share)
    options, rows = [], []
    for name in groups:
        own = g == name
        owed = before[own & (y == 1)].sum()
        cuts = [*np.unique(new[own]), 2.0]
        options.append([((new[own] >= c).sum(), (y[own] * (new[own] >= c)).sum()) for c in cuts])
        rows.append(owed)
    kept = [
        sum(size for size, _ in combination)
        for combination in product(*options)
        if all(found >= owed for (_, found), owed in zip(combination, rows, strict=True))
    ]
    places = len(y) * share
    assert got.needed == min(kept)
    assert got.extra == pytest.approx(max(0.0, min(kept) - places))
    assert got.spare == pytest.approx(max(0.0, places - min(kept)))
    # a linear programme that may mix thresholds within a group needs no more places
    sizes = np.array([size for option in options for size, _ in option], dtype=float)
    one = [[float(k == i) for k, option in enumerate(options) for _ in option] for i in range(len(groups))]
    found = [[float(f) * (k == i) for k, option in enumerate(options) for _, f in option] for i in range(len(groups))]
    lp = linprog(sizes, A_ub=-np.array(found), b_ub=-np.array(rows, float), A_eq=np.array(one), b_eq=np.ones(len(one)))
    assert lp.fun <= got.needed + 1e-9
    assert got.needed <= lp.fun + max(size for option in options for size, _ in option)


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.25, 0.5, 0.9]))
@settings(max_examples=40)
def test_the_plan_keeps_what_is_owed_and_fills_what_is_left(seed, share):
    new, old, y, g = people(60, seed, "abc")
    got = no_harm_price(tallied(new, y, g), tallied(old, y, g), share)
    plan = got.thresholds
    chosen = plan.decide(new, g).astype(bool)
    before = top(old, share)
    for i, name in enumerate(plan.groups):
        cases = (g == name) & (y == 1)
        if cases.any():
            assert chosen[cases].mean() >= before[cases].mean() - 1e-9
            assert got.own[i] == pytest.approx(chosen[cases].mean())
            assert got.owed[i] == pytest.approx(before[cases].mean())
        else:
            assert np.isnan(got.owed[i])
    assert chosen.sum() <= got.places + got.extra + 1e-9
    assert (got.extra > 0) == (got.needed > got.places + 1e-9)
    if got.extra > 0:
        assert chosen.sum() == got.needed
    else:  # no more of those with the next highest score would fit
        waiting = new[~chosen]
        if waiting.size:
            assert chosen.sum() + (waiting == waiting.max()).sum() > got.places
    assert got.extra <= got.extra_lowered + 1e-9
    assert got.extra_lowered <= got.extra_one + 1e-9


def test_the_price_by_hand():
    """Two places of ten go to the two cases of a. The new score has b's on top: a needs places 3 and 4, b none."""
    g = ["a"] * 5 + ["b"] * 5
    y = [1, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    old = [0.9, 0.8, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1]
    new = [0.6, 0.5, 0.55, 0.1, 0.1, 0.9, 0.8, 0.1, 0.1, 0.1]
    got = no_harm_price(tallied(new, y, g), tallied(old, y, g), 0.2)
    assert (got.places, got.needed, got.extra, got.spare) == (2, 3, 1, 0)
    assert got.minimum.tolist() == [3, 0]
    # lowering only: b keeps its two places and a gets three more; one threshold for all: .5, five people
    assert (got.extra_lowered, got.extra_one) == pytest.approx((3, 3))
    assert got.has.tolist() == [0, 1]
    assert got.owed.tolist() == [1, 0]
    json.dumps(got.rows(), allow_nan=False)


def test_the_same_score_costs_nothing():
    _, old, y, g = people(300, 1, "abc", steps=50)
    got = no_harm_price(tallied(old, y, g), tallied(old, y, g), 0.3)
    assert got.extra == 0
    assert got.own == pytest.approx(got.owed)
    assert (got.has == got.owed).all()


def test_the_other_prices_are_those_of_the_capacity_table():
    new, old, y, g = people(400, 2, "ab", steps=40)
    one, two = tallied(new, y, g), tallied(old, y, g)
    told = price(one, two, 0.2)
    got = no_harm_price(one, two, 0.2)
    assert got.extra_lowered == pytest.approx(told["extra_own"] * 0.4)
    assert got.extra_one == pytest.approx(told["extra_one"] * 0.4)


def test_mistakes_are_told():
    new, old, y, g = people()
    with pytest.raises(PrimumError, match="is no share of the people"):
        no_harm_price(tallied(new, y, g), tallied(old, y, g), 0)
    with pytest.raises(PrimumError, match="different groups"):
        no_harm_price(tallied(new, y, g), tallied(old, y, ["a"] * 40), 0.2)
    with pytest.raises(PrimumError, match="different people"):
        no_harm_price(tallied(new, y, g), tallied(old, 1 - y, g), 0.2)
    with pytest.raises(PrimumError, match="needs the model in use and the capacity"):
        NoHarmPlaces(GivenScore(), prefit=True).fit(new, y, group=g)


class Column(BaseEstimator):
    """A model that reads its risk from one column."""

    def __init__(self, column):
        self.column = column

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.column_stack([1 - X[:, self.column], X[:, self.column]])

    def __sklearn_is_fitted__(self):
        return True


def test_the_estimator_gives_out_the_planned_places():
    new, old, y, g = people(500, 4, "abc", steps=60)
    x = np.column_stack([new, old])
    model = NoHarmPlaces(Column(0), Column(1), capacity=0.25, prefit=True).fit(x, y, group=g)
    chosen = model.predict(x, group=g)
    before = top(old, 0.25)
    for name in "abc":
        cases = (g == name) & (y == 1)
        assert chosen[cases].mean() >= before[cases].mean() - 1e-9
    assert chosen.sum() <= 125 + model.price_.extra + 1e-9
    assert (model.predict_proba(x, group=g)[:, 1] == new).all()
    assert (model.predict(x) == top(new, 0.25)).all()
    told = json.loads(json.dumps(model.describe(), allow_nan=False))
    assert told["extra"] == model.price_.extra
    assert [r["group"] for r in told["groups"]] == ["a", "b", "c"]
