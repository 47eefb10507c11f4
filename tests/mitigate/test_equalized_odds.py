"""Comparators by thresholds alone, against every combination of thresholds of small data."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.mitigate import equalized_odds as searched
from primum.mitigate.base import GivenScore
from primum.mitigate.equalized_odds import EqualizedOdds, SameSensitivity, equalized_odds, same_sensitivity
from primum.tally.count import count

AT = 0.25
W = AT / (1 - AT)


def people(n=30, seed=0, groups="ab", steps=8):
    rng = np.random.default_rng([seed, n])
    g = rng.choice(list(groups), n)
    s = (rng.integers(0, steps, n) + 0.5) / steps
    y = (rng.random(n) < np.where(g == "a", s, 0.6 * s)).astype(int)
    for k, name in enumerate(groups):  # both outcomes in every group
        g[2 * k : 2 * k + 2], y[2 * k : 2 * k + 2] = name, (0, 1)
    return s, y, g


def tallied(s, y, g, at=AT):
    return count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"], thresholds=[at])


def rates(s, y, cut):
    chosen = s >= cut
    return chosen[y == 1].mean(), chosen[y == 0].mean()


def every_combination(s, y, g, w=W):
    """Give utility and the two rates of every combination of thresholds, nobody included."""
    names = sorted(set(g))
    cuts = [[*np.unique(s[g == name]), 2.0] for name in names]
    for combination in product(*cuts):
        utility, found, size = 0.0, [], []
        for name, cut in zip(names, combination, strict=True):
            own = g == name
            chosen = s[own] >= cut
            utility += (chosen * (y[own] - w * (1 - y[own]))).sum()
            found.append(rates(s[own], y[own], cut))
            size.append(int(chosen.sum()))
        yield utility, np.array(found), size


def outcome_of(found, s, y, g, w=W):
    utility, both = 0.0, []
    for name, label in zip(found.groups, found.labels, strict=True):
        own = g == name
        chosen = found.grid.labels(s[own]) >= label
        utility += (chosen * (y[own] - w * (1 - y[own]))).sum()
        both.append((chosen[y[own] == 1].mean(), chosen[y[own] == 0].mean()))
    return utility, np.array(both)


@given(st.integers(0, 10_000), st.sampled_from(["ab", "abc"]), st.sampled_from([0.0, 0.1, 0.34]))
@settings(max_examples=30)
def test_small_data_get_the_best_of_all_combinations(seed, groups, gap):
    s, y, g = people(36, seed, groups)
    found = equalized_odds(tallied(s, y, g), AT, gap=gap)
    utility, both = outcome_of(found, s, y, g)
    assert np.ptp(both, axis=0).max() <= gap + 1e-8
    best = max(u for u, r, _ in every_combination(s, y, g) if np.ptp(r, axis=0).max() <= gap + 1e-9)
    assert utility == pytest.approx(best)


@pytest.mark.parametrize("force", ["+", "-"])
def test_force_keeps_every_selection_rate_from_moving_the_other_way(force):
    for seed in range(10):
        s, y, g = people(40, seed)
        found = equalized_odds(tallied(s, y, g), AT, gap=0.15, force=force)
        utility, both = outcome_of(found, s, y, g)
        now = [int((s[g == name] >= AT).sum()) for name in "ab"]
        sign = 1 if force == "+" else -1
        possible = [
            u
            for u, r, size in every_combination(s, y, g)
            if np.ptp(r, axis=0).max() <= 0.15 + 1e-9
            and all(sign * (a - b) >= 0 for a, b in zip(size, now, strict=True))
        ]
        assert utility == pytest.approx(max(possible))
        assert np.ptp(both, axis=0).max() <= 0.15 + 1e-8


def test_many_scores_are_as_good_as_the_best_with_a_slightly_smaller_gap(monkeypatch):
    rng = np.random.default_rng(0)
    n = 4000
    g = rng.choice(["a", "b"], n)
    s = rng.beta(1, 4, n)
    y = (rng.random(n) < np.where(g == "a", s, 0.6 * s)).astype(int)
    view = tallied(s, y, g)
    coarse = equalized_odds(view, AT, gap=0.05)
    utility, both = outcome_of(coarse, s, y, g)
    assert np.ptp(both, axis=0).max() <= 0.05 + 1e-8
    monkeypatch.setattr(searched, "POSITIONS", 10**6)  # every window: exact
    exact, smaller = (outcome_of(equalized_odds(view, AT, gap=x), s, y, g)[0] for x in (0.05, 0.05 - 1 / 255))
    assert smaller - 1e-9 <= utility <= exact + 1e-9


def test_of_equals_the_one_that_changes_fewest_people():
    """Both groups are the same people: no gap anywhere, so the best utility has the declared threshold."""
    s, y = np.tile([0.1, 0.3, 0.6, 0.8], 20), np.tile([0, 0, 1, 1], 20)
    view = tallied(np.r_[s, s], np.r_[y, y], ["a"] * 80 + ["b"] * 80, at=0.5)
    found = equalized_odds(view, 0.5)
    assert found.thresholds.tolist() == [0.5, 0.5]


def test_the_exchange_rate_can_be_that_of_accuracy():
    s, y, g = people(40, 3)
    utility, _ = outcome_of(equalized_odds(tallied(s, y, g), AT, gap=0.2, exchange=0.5), s, y, g, w=1.0)
    best = max(u for u, r, _ in every_combination(s, y, g, w=1.0) if np.ptp(r, axis=0).max() <= 0.2 + 1e-9)
    assert utility == pytest.approx(best)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_the_same_sensitivity_is_the_best_of_all_targets(seed):
    s, y, g = people(60, seed, "abc")
    found = same_sensitivity(tallied(s, y, g), AT)
    utility, _ = outcome_of(found, s, y, g)

    def reached(target):
        total = 0.0
        for name in "abc":
            own = g == name
            cut = max(c for c in [*np.unique(s[own]), 2.0] if rates(s[own], y[own], c)[0] >= target - 1e-12)
            chosen = s[own] >= cut
            total += (chosen * (y[own] - W * (1 - y[own]))).sum()
        return total

    targets = {rates(s[g == n], y[g == n], c)[0] for n in "abc" for c in [*np.unique(s), 2.0]}
    assert utility == pytest.approx(max(reached(t) for t in targets))


def test_sensitivities_differ_by_one_step_at_most():
    rng = np.random.default_rng(0)
    n = 20_000
    g = rng.choice(["a", "b"], n)
    s = rng.beta(1, 4, n)
    y = (rng.random(n) < np.where(g == "a", s, 0.6 * s)).astype(int)
    found = same_sensitivity(tallied(s, y, g), AT, sensitivity=0.8)
    _, both = outcome_of(found, s, y, g)
    assert both[:, 0] == pytest.approx(0.8, abs=0.002)
    assert both[:, 0].min() >= 0.8 - 1e-9


def test_groups_with_one_outcome_keep_the_threshold():
    s, y, g = people(40)
    g = np.where((y == 0) & (np.arange(40) > 30), "c", g)
    for found in (equalized_odds(tallied(s, y, g), AT), same_sensitivity(tallied(s, y, g), AT)):
        assert found.thresholds[2] == AT
        assert found.reasons[2] == "keeps the common threshold: 0 people with the outcome, fewer than 1"


@pytest.mark.parametrize(("at", "words"), [(0.25, "everyone in this group is"), (0.75, "nobody in this group is")])
def test_selecting_nobody_or_everyone_is_said(at, words):
    """The score is right in a and upside down in b: only selecting all, or none, has no gap."""
    found = equalized_odds(tallied([0.9, 0.2, 0.1, 0.8], [1, 0, 1, 0], ["a", "a", "b", "b"], at=at), at, gap=0.0)
    assert found.reasons == (words + " selected",) * 2


def test_mistakes_are_told(monkeypatch):
    s, y, g = people()
    view = tallied(s, y, g)
    with pytest.raises(PrimumError, match="A gap of 1 is none"):
        equalized_odds(view, AT, gap=1)
    with pytest.raises(PrimumError, match="force='up' is not known"):
        equalized_odds(view, AT, force="up")
    with pytest.raises(PrimumError, match=r"A sensitivity of 1\.5 is no target"):
        same_sensitivity(view, AT, sensitivity=1.5)
    with pytest.raises(PrimumError, match="The threshold is 1"):
        equalized_odds(view, AT, exchange=1)
    monkeypatch.setattr(searched, "POSITIONS", 4)
    with pytest.raises(PrimumError, match=r"A gap of 0\.001 is too small to be searched among \d+ different rates"):
        equalized_odds(view, AT, gap=0.001)


@pytest.mark.parametrize("repair", [EqualizedOdds, SameSensitivity])
def test_the_estimators_do_the_same(repair):
    s, y, g = people(200, groups="ab")
    model = repair(GivenScore(), threshold=AT, prefit=True).fit(s, y, group=g)
    search = equalized_odds if repair is EqualizedOdds else same_sensitivity
    assert (model.thresholds_.labels == search(tallied(s, y, g), AT).labels).all()
    assert (model.predict(s) == (s >= AT)).all()
    assert model.describe()["repair"] == repair.__name__
