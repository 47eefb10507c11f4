"""Levelling up: floors are reached, nobody's rate falls, and no threshold moves further than it must."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from primum.errors import PrimumError
from primum.mitigate.base import GivenScore
from primum.mitigate.level_up import RATES, LevelUp, level_up
from primum.tally.count import count

AT = 0.2


def people(n=800, seed=0, groups="abc"):
    rng = np.random.default_rng([seed, n])
    g = rng.choice(list(groups), n)
    s = rng.beta(1, 4, n).round(3) * np.where(g == "a", 0.5, 1)
    return s, (rng.random(n) < np.where(g == "a", np.minimum(2 * s, 1), s)).astype(int), g


def tallied(s, y, g, at=AT):
    return count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"], thresholds=[at])


def rate_of(rate, chosen, y):
    if rate == "sensitivity":
        return chosen[y == 1].mean() if (y == 1).any() else np.nan
    if rate == "specificity":
        return (~chosen)[y == 0].mean() if (y == 0).any() else np.nan
    return chosen.mean()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("floor", [0.3, 0.8, 0.97, 1.0])
def test_floors_are_reached_with_the_least_change_of_all_thresholds(rate, floor):
    s, y, g = people()
    found = level_up(tallied(s, y, g), AT, floor, rate=rate)
    for name, label in zip(found.groups, found.labels, strict=True):
        own = g == name
        before, after = s[own] >= AT, found.grid.labels(s[own]) >= label
        assert rate_of(rate, after, y[own]) >= floor - 1e-9
        if rate_of(rate, before, y[own]) >= floor:
            assert label == found.common
            continue
        enough = [c for c in [*np.unique(s[own]), 2.0] if rate_of(rate, s[own] >= c, y[own]) >= floor]
        least = (s[own] >= (min(enough) if rate == "specificity" else max(enough))).sum()
        assert after.sum() == least  # the fewest people change


@given(
    st.integers(0, 10_000),
    st.integers(5, 120),
    st.sampled_from(RATES),
    st.floats(0.05, 1.0),
    st.sampled_from([0.05, 0.2, 0.77]),
)
def test_no_rate_falls_and_every_floor_is_reached(seed, n, rate, floor, at):
    s, y, g = people(n, seed)
    found = level_up(tallied(s, y, g, at), at, floor, rate=rate)
    for name, label in zip(found.groups, found.labels, strict=True):
        own = g == name
        before, after = s[own] >= at, found.grid.labels(s[own]) >= label
        assert (before <= after).all() if rate != "specificity" else (before >= after).all()
        if not found.reasons[found.groups.index(name)].startswith("keeps"):
            assert rate_of(rate, after, y[own]) >= floor - 1e-8
    again = level_up(tallied(s[::-1], y[::-1], g[::-1], at), at, floor, rate=rate)
    assert (again.labels == found.labels).all()


def test_the_best_groups_sensitivity_is_the_floor():
    s, y, g = people(3000)
    found = level_up(tallied(s, y, g), AT, "best")
    before = found.before.tp / (found.before.tp + found.before.fn)
    after = found.after.tp / (found.after.tp + found.after.fn)
    assert after.min() >= before.max() - 1e-9
    assert (found.thresholds <= AT).all()
    assert found.thresholds[before.argmax()] == AT


def test_a_floor_reached_only_by_selecting_everyone_is_said():
    s, y, g = [0.01, 0.5, 0.6, 0.3], [1, 0, 1, 0], ["a"] * 4
    found = level_up(tallied(s, y, g), AT, 0.9)
    assert found.reasons == ("the floor of 0.9 can be reached only by selecting everyone",)
    assert found.rows()[0]["selected_after"] == 1
    found = level_up(tallied(s, y, g), AT, 1.0, rate="specificity")
    assert found.reasons == ("",)
    found = level_up(tallied([0.5, 0.6], [1, 0], ["a"] * 2), AT, 1.0, rate="specificity")
    assert found.reasons == ("the floor of 1 can be reached only by selecting nobody",)


def test_groups_without_cases_keep_the_threshold_and_say_so():
    s, y, g = [0.1, 0.3, 0.05, 0.6], [0, 0, 1, 1], ["a", "a", "b", "b"]
    found = level_up(tallied(s, y, g), AT, 1.0)
    assert found.reasons[0] == "keeps the common threshold: 0 people with the outcome, fewer than 1"
    assert found.thresholds[0] == AT
    row = found.rows()[0]
    assert row["sensitivity_before"] is None
    json.dumps(found.rows(), allow_nan=False)
    assert level_up(tallied(s, y, g), AT, 1.0, fewest=3).thresholds.tolist() == [AT, AT]
    with pytest.raises(PrimumError, match="No group has a value to level up to"):
        level_up(tallied(s[:2], y[:2], g[:2]), AT, "best")


@pytest.mark.parametrize("floor", [0, 1.2, "highest"])
def test_a_floor_is_a_share(floor):
    with pytest.raises(PrimumError, match=r"A floor of .* is none"):
        level_up(tallied(*people(50)), AT, floor)


def test_unknown_rates_and_thresholds_are_told():
    with pytest.raises(PrimumError, match="did you mean 'sensitivity'"):
        level_up(tallied(*people(50)), AT, 0.5, rate="sensitivty")
    with pytest.raises(PrimumError, match="was not declared before counting"):
        level_up(tallied(*people(50)), 0.1234, 0.5)


def test_the_estimator_selects_everyone_it_selected_before():
    s, y, g = people()
    model = LevelUp(GivenScore(), threshold=AT, prefit=True, floor=0.9).fit(s, y, group=g)
    before, after = (s >= AT).astype(int), model.predict(s, group=g)
    assert (after >= before).all()
    assert (after > before).any()
    for name in "abc":
        assert after[(g == name) & (y == 1)].mean() >= 0.9
    assert (model.predict(s) == before).all()


def test_weights_move_the_threshold():
    s, y, g = [0.1, 0.15, 0.3, 0.05], [1, 1, 1, 0], ["a"] * 4
    plain = LevelUp(GivenScore(), threshold=AT, prefit=True, floor=0.6).fit(s, y, group=g)
    heavy = LevelUp(GivenScore(), threshold=AT, prefit=True, floor=0.6)
    heavy.fit(s, y, group=g, sample_weight=[9, 1, 1, 1])
    assert plain.thresholds_.thresholds[0] == pytest.approx(0.15, abs=1e-4)
    assert heavy.thresholds_.thresholds[0] == pytest.approx(0.1, abs=1e-4)


def test_membership_is_routed_as_metadata():
    s, y, g = people()
    x = np.column_stack([s, np.random.default_rng(0).normal(size=len(s))])
    repair = LevelUp(LogisticRegression(), threshold=AT, floor=0.9)
    with sklearn.config_context(enable_metadata_routing=True):
        repair.set_fit_request(group=True).set_predict_request(group=True).set_predict_proba_request(group=True)
        pipe = make_pipeline(StandardScaler(), repair).fit(x, y, group=g)
        chosen = pipe.predict(x, group=g)
    assert all(chosen[(g == name) & (y == 1)].mean() >= 0.9 for name in "abc")
