"""Thresholds of highest net benefit per group, against a search over every threshold of the rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from primum.errors import PrimumError
from primum.mitigate.base import GivenScore
from primum.mitigate.utility_thresholds import UtilityThresholds, utility_thresholds
from primum.tally.count import count

AT = 0.2
W = AT / (1 - AT)


def people(n=1200, seed=0, groups=("a", "b")):
    rng = np.random.default_rng([seed, n])
    g = rng.choice(list(groups), n)
    s = rng.beta(1, 4, n).round(3)
    chance = np.where(g == "a", np.minimum(1.8 * s, 1), s)
    return s, (rng.random(n) < chance).astype(int), g


def tallied(s, y, g, at=AT, **more):
    frame = pl.DataFrame({"s": s, "y": y, "g": g, **more})
    return count(frame, "y", "s", ["g"], thresholds=[at], weight="w" if more else None)


def every_threshold(s, y, weight=None):
    """Give every way of cutting these scores, and its utility: nobody included."""
    v = np.ones(len(s)) if weight is None else weight
    cuts = np.append(np.unique(s), 1.1)
    return cuts, np.array([(v * (s >= c) * (y - W * (1 - y))).sum() for c in cuts])


@pytest.mark.parametrize("seed", range(5))
def test_the_maximum_is_that_of_all_thresholds_and_the_nearest_to_the_declared_one(seed):
    s, y, g = people(seed=seed)
    found = utility_thresholds(tallied(s, y, g), AT, fewest=1, standard_errors=0)
    for name, t in zip(found.groups, found.thresholds, strict=True):
        own = g == name
        cuts, worth = every_threshold(s[own], y[own])
        got = ((s[own] >= t) * (y[own] - W * (1 - y[own]))).sum()
        assert got == pytest.approx(worth.max())
        below = np.append(-1.0, cuts[:-1])  # (below, cut] selects the same people
        gap = [max(0.0, lo - AT, AT - hi) for lo, hi in zip(below, cuts, strict=True)]
        best = min(d for d, u in zip(gap, worth, strict=True) if u > worth.max() - 1e-9)
        assert abs(t - AT) == pytest.approx(best, abs=1e-4)


def test_weights_count():
    s, y, g = people()
    weight = np.random.default_rng(1).uniform(0.2, 5, len(s))
    found = utility_thresholds(tallied(s, y, g, w=weight), AT, fewest=1, standard_errors=0)
    for name, t in zip(found.groups, found.thresholds, strict=True):
        own = g == name
        got = (weight[own] * (s[own] >= t) * (y[own] - W * (1 - y[own]))).sum()
        assert got == pytest.approx(every_threshold(s[own], y[own], weight[own])[1].max())


def test_of_equals_the_nearest_to_the_declared_threshold_by_hand():
    """t = .5, so a case is worth +1 and a false alarm −1: from .45 on and from .60 on both give 1; .45 is nearer."""
    s, y = [0.45, 0.55, 0.6, 0.2, 0.9], [1, 0, 1, 0, 0]
    found = utility_thresholds(tallied(s, y, ["a"] * 5, at=0.5), 0.5, fewest=1, standard_errors=0)
    assert found.thresholds[0] == pytest.approx(0.45, abs=1e-4)
    # moved to .54 … the same people are selected from anywhere in (.45, .55]; the declared .5 is kept exactly
    found = utility_thresholds(tallied([0.45, 0.55], [0, 1], ["a"] * 2, at=0.5), 0.5, fewest=1, standard_errors=0)
    assert found.thresholds[0] == 0.5
    assert found.rows()[0]["changed"] is False


def test_a_group_with_few_events_keeps_the_common_threshold_and_it_is_said():
    s, y, g = people()
    g = np.where(np.cumsum(y == 1) <= 10, "tiny", g)
    found = utility_thresholds(tallied(s, y, g), AT, standard_errors=0)
    row = {r["group"]: r for r in found.rows()}["tiny"]
    assert row["threshold"] == AT
    assert row["reason"] == "keeps the common threshold: 10 people with the outcome, fewer than 50"
    assert row["net_benefit_before"] == row["net_benefit_after"]
    assert {r["group"]: r["changed"] for r in found.rows()}["a"]


def test_a_gain_within_its_error_moves_nobody():
    s, y, g = people()
    plain = utility_thresholds(tallied(s, y, g), AT, standard_errors=0)
    careful = utility_thresholds(tallied(s, y, g), AT, standard_errors=50)
    assert (plain.thresholds != AT).any()
    assert (careful.thresholds == AT).all()
    assert "would gain no more than 50 standard errors" in careful.reasons[0]


def test_the_error_of_a_gain_is_that_of_the_people_who_change():
    """100 cases below t are gained and nobody else: gain 100, error √100 = 10, so it counts up to 10 errors."""
    s, y, g = [0.15] * 100 + [0.1] * 100, [1] * 100 + [0] * 100, ["a"] * 200
    view = tallied(s, y, g)
    assert utility_thresholds(view, AT, standard_errors=9.9).thresholds[0] == pytest.approx(0.15, abs=1e-4)
    assert utility_thresholds(view, AT, standard_errors=10.1).thresholds[0] == AT


@pytest.mark.parametrize("force", ["+", "-"])
def test_force_restricts_the_direction_and_finds_the_best_there(force):
    s, y, g = people(seed=3)
    y = np.where(g == "b", (np.random.default_rng(0).random(len(s)) < 0.6 * s).astype(int), y)
    found = utility_thresholds(tallied(s, y, g), AT, fewest=1, standard_errors=0, force=force)
    for name, t in zip(found.groups, found.thresholds, strict=True):
        own = g == name
        cuts, worth = every_threshold(s[own], y[own])
        now = (s[own] >= AT).sum()
        size = np.array([(s[own] >= c).sum() for c in cuts])
        possible = worth[size >= now] if force == "+" else worth[size <= now]
        got = ((s[own] >= t) * (y[own] - W * (1 - y[own]))).sum()
        assert got == pytest.approx(possible.max())
        assert t <= AT if force == "+" else t >= AT
    with pytest.raises(PrimumError, match="force='up' is not known"):
        utility_thresholds(tallied(s, y, g), AT, force="up")


def test_careful_thresholds_cost_a_calibrated_group_less():
    """In a calibrated group t is best: what the plain maximum loses on other people is mostly spared."""
    loss = {0: 0.0, 2: 0.0}
    for r in range(60):
        rng = np.random.default_rng([r, 7])
        s = rng.beta(1, 7, 21_000)
        y = (rng.random(21_000) < s).astype(int)
        view = tallied(s[:1000], y[:1000], ["a"] * 1000)
        for k in loss:
            t = utility_thresholds(view, AT, standard_errors=k).thresholds[0]
            rest = s[1000:]
            loss[k] += (((rest >= AT) * 1 - (rest >= t)) * (rest - W * (1 - rest))).mean()
    assert 0 <= loss[2] < 0.5 * loss[0]


@given(st.integers(0, 10_000), st.permutations(["a", "b", "c"]))
def test_names_of_groups_do_not_matter(seed, names):
    s, y, g = people(150, seed, ("a", "b", "c"))
    renamed = np.array(names)[np.searchsorted(["a", "b", "c"], g)]
    one = utility_thresholds(tallied(s, y, g), AT, fewest=1, standard_errors=0)
    two = utility_thresholds(tallied(s, y, renamed), AT, fewest=1, standard_errors=0)
    first, second = (dict(zip(f.groups, f.labels.tolist(), strict=True)) for f in (one, two))
    assert {name: first[old] for old, name in zip("abc", names, strict=True) if old in first} == second


def test_the_estimator_decides_by_group_and_keeps_risks():
    s, y, g = people()
    x = np.column_stack([s, s**2])
    base = LogisticRegression().fit(x, y)
    model = UtilityThresholds(base, threshold=AT, prefit=True, standard_errors=0).fit(x, y, group=g)
    assert (model.predict_proba(x, group=g) == base.predict_proba(x)).all()
    risk = base.predict_proba(x)[:, 1]
    grid = model.thresholds_.grid
    for name, label in zip(model.thresholds_.groups, model.thresholds_.labels, strict=True):
        own = g == name
        assert (model.predict(x, group=g)[own] == (grid.labels(risk[own]) >= label)).all()
    common = (risk >= AT).astype(int)
    assert (model.predict(x) == common).all()
    odd = np.array(["never seen", None] * (len(s) // 2), dtype=object)
    assert (model.predict(x, group=odd) == common).all()
    assert "common threshold" in model.cost_without_group
    again = clone(UtilityThresholds(LogisticRegression(), threshold=AT, standard_errors=0)).fit(x, y, group=g)
    assert again.describe() == model.describe()
    assert [r["group"] for r in model.describe()["groups"]] == ["a", "b"]


def test_several_attributes_make_their_intersection():
    s, y, g = people()
    sex = np.where(np.arange(len(s)) % 2, "F", "M")
    model = UtilityThresholds(GivenScore(), threshold=AT, prefit=True, fewest=1).fit(
        s, y, group={"race": g, "sex": sex}
    )
    assert model.thresholds_.groups == ("a · F", "a · M", "b · F", "b · M")
    assert model.describe()["attributes"] == ["race", "sex"]


def test_mistakes_are_told():
    s, y, g = people(100)
    with pytest.raises(PrimumError, match="No threshold was declared"):
        UtilityThresholds(GivenScore()).fit(s, y, group=g)
    with pytest.raises(PrimumError, match="Group membership is needed"):
        UtilityThresholds(GivenScore(), threshold=AT).fit(s, y, group=None)
    with pytest.raises(PrimumError, match="2 of 100 people have no label"):
        UtilityThresholds(GivenScore(), threshold=AT).fit(s, np.r_[[np.nan] * 2, y[2:]], group=g)
    with pytest.raises(PrimumError, match=r"The threshold is 1\.0"):
        utility_thresholds(tallied(s, y, g, at=1.0), 1.0)
    model = UtilityThresholds(GivenScore(), threshold=AT, prefit=True, fewest=1).fit(s, y, group=g)
    with pytest.raises(PrimumError, match="1 of 100 scores are missing or out of range"):
        model.predict(np.r_[np.nan, s[1:]], group=g)
