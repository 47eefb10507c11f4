"""Multicalibration: the Brier score never rises, cells end α-calibrated, chance is not fitted, the base stays."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from primum.errors import PrimumError
from primum.mitigate.base import GivenScore
from primum.mitigate.corrections import lattice, multicalibrate
from primum.mitigate.membership import membership
from primum.mitigate.multicalibration import MultiCalibration
from primum.mitigate.training import held_out


def people(n=6000, seed=0, bent=1.0):
    """Draw people whose score is too low for women, too high for the old, and both wrong for old women."""
    rng = np.random.default_rng(seed)
    sex, age = rng.choice(["f", "m"], n), rng.choice(["old", "young"], n)
    x = rng.normal(-1, 1, n)
    true = expit(x + bent * (0.8 * (sex == "f") - 0.9 * (age == "old") + 0.7 * ((sex == "f") & (age == "old"))))
    y = (rng.random(n) < true).astype(int)
    return expit(x), y, {"sex": sex, "age": age}, true


def by_hand(score, y, group, at, alpha, edges, least):
    """Say whether every large enough (group, bin) is α-calibrated, written out."""
    worst = 0.0
    for labels in [*group.values(), np.full(len(y), "everyone")]:
        for g in np.unique(labels):
            for b in range(len(edges) + 1):
                cell = (labels == g) & (np.searchsorted(edges, at, side="right") == b)
                if cell.sum() >= least:
                    worst = max(worst, abs((y[cell] - score[cell]).mean()))
    return worst <= alpha


def test_first_update_is_the_cell_that_gains_most():
    s = np.array([0.2] * 10 + [0.6] * 10)
    y = np.array([1] * 6 + [0] * 4 + [1] * 6 + [0] * 4)
    found = multicalibrate(s, y, membership(["a"] * 20, 20), alpha=0.05, edges=np.array([0.5]), least=5, rate=1)
    (u,) = found.updates
    assert (u.attribute, u.group, u.bin, u.n) == ("everyone", "everyone", 0, 10)
    assert u.shift == pytest.approx(0.4)
    # Brier before: (10·[.6·.64 + .4·.04] + 10·[.6·.16 + .4·.36]) / 20 = .32; the cell's falls from .40 to .24
    assert found.brier.tolist() == pytest.approx([0.32, 0.24])
    assert found.left == ()


@given(
    n=st.integers(30, 400), seed=st.integers(0, 10_000), alpha=st.floats(0.001, 0.2), least=st.integers(1, 50),
    rate=st.floats(0.05, 1.0), depth=st.integers(1, 2), weighted=st.booleans(),
)  # fmt: skip
@settings(max_examples=40)
def test_brier_falls_with_every_update(n, seed, alpha, least, rate, depth, weighted):
    rng = np.random.default_rng(seed)
    s, y = rng.beta(1, 3, n), rng.integers(0, 2, n)
    y[:2] = 0, 1
    group = {"a": rng.choice(["x", "y", "z"], n), "b": rng.choice(["p", "q"], n)}
    w = rng.uniform(0.1, 4, n) if weighted else None
    who = membership(group, n)
    found = multicalibrate(s, y, who, weight=w, alpha=alpha, least=least, rate=rate, depth=depth, rounds=300)
    steps = np.diff(found.brier)
    assert (steps < 0).all()
    p = found.apply(s, who)
    assert np.average((y - p) ** 2, weights=w) == pytest.approx(found.brier[-1], rel=1e-9)
    assert found.brier[0] == pytest.approx(np.average((y - s) ** 2, weights=w))
    assert ((p >= 0) & (p <= 1)).all()
    if len(found.updates) < 300:
        assert {v.why for v in found.left} <= {"no shift within the limits of risk helps"}


def test_each_update_gains_what_theory_promises():
    s, y, group, _ = people()
    found = multicalibrate(s, y, membership(group, len(y)), alpha=0.02, rate=1)
    shares = np.array([u.n / len(y) for u in found.updates])
    assert (-np.diff(found.brier) >= 0.02**2 * shares - 1e-12).all()


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_every_large_cell_ends_calibrated(alpha):
    s, y, group, _ = people()
    edges = np.quantile(s, np.arange(1, 10) / 10)
    found = multicalibrate(s, y, membership(group, len(y)), alpha=alpha, edges=edges)
    p = found.apply(s, membership(group, len(y)))
    assert not by_hand(s, y, group, s, alpha, edges, 100)
    assert by_hand(p, y, group, p, alpha, edges, 100)


def test_rounds_used_up_are_told():
    s, y, group, _ = people()
    found = multicalibrate(s, y, membership(group, len(y)), rounds=2)
    assert len(found.updates) == 2
    assert {v.why for v in found.left} == {"the rounds were used up"}
    assert max(abs(v.excess) for v in found.left) > 0.01


def test_new_people_get_risks_nearer_the_truth():
    s, y, group, _ = people(12_000)
    model = MultiCalibration(GivenScore(), prefit=True, depth=2).fit(s, y, group=group)
    new, _, their, truth = people(12_000, seed=1)
    p = model.predict_proba(new, group=their)[:, 1]
    assert np.mean((p - truth) ** 2) < 0.2 * np.mean((new - truth) ** 2)


def test_intersections_matter_where_groups_cancel():
    rng = np.random.default_rng(0)
    a, b = rng.choice(["0", "1"], 20_000), rng.choice(["0", "1"], 20_000)
    true = np.where(a == b, 0.4, 0.2)
    y = (rng.random(20_000) < true).astype(int)
    s = np.full(20_000, 0.3)
    group = {"a": a, "b": b}
    who = membership(group, len(y))
    alone = multicalibrate(s, y, who, alpha=0.03, edges=np.array([0.5]))
    assert alone.updates == (), "each single group is calibrated"
    joint = multicalibrate(s, y, who, alpha=0.03, edges=np.array([0.5]), depth=2).apply(s, who)
    np.testing.assert_allclose(joint, true, atol=0.04)


def test_people_held_out_stop_what_is_chance():
    """A perfect score: every correction is chance, and lets new people get worse risks unless it is checked."""
    worse = {None: 0, 0.25: 0}
    for seed in range(5):
        s, y, group, _ = people(3000, seed=seed, bent=0.0)
        new, _, their, truth = people(3000, seed=100 + seed, bent=0.0)
        for share in worse:
            model = MultiCalibration(GivenScore(), prefit=True, validation_fraction=share, least=30, depth=2)
            p = model.fit(s, y, group=group).predict_proba(new, group=their)[:, 1]
            worse[share] += np.mean((p - truth) ** 2)
    assert worse[0.25] < 0.5 * worse[None]


def test_cells_that_failed_on_people_held_out_are_told():
    s, y, group, _ = people(2000, bent=0.0)
    model = MultiCalibration(GivenScore(), prefit=True, least=30).fit(s, y, group=group)
    assert {v.why for v in model.corrections_.left} == {"correcting it did not help people held out"}
    assert not model.converged_


def test_no_risk_becomes_certainty():
    s, y, group, _ = people(2000)
    y[s < 0.2] = 0
    found = multicalibrate(s, y, membership(group, len(y)), alpha=0.001, least=20)
    assert found.limits == (s.min() / 2, (1 + s.max()) / 2)
    new = np.array([1e-6, 0.05, 1 - 1e-6])
    p = found.apply(new, membership({"sex": ["f"] * 3, "age": ["old"] * 3}, 3))
    assert p[0] == 1e-6, "a shift downwards does not lift who lies below the limit"
    assert p[1] < 0.05
    assert ((p > 0) & (p < 1)).all()


def test_held_out_by_outcome():
    y = np.arange(100) < 20
    check = held_out(y.astype(int), 0.25, seed=0)
    assert (check.sum(), check[y].sum()) == (25, 5)
    assert not held_out(y.astype(int), None, seed=0).any()
    np.testing.assert_array_equal(check, held_out(y.astype(int), 0.25, seed=0))
    assert (check != held_out(y.astype(int), 0.25, seed=1)).any()
    with pytest.raises(PrimumError, match="Holding out 1% of 20 people with outcome 1"):
        held_out(y.astype(int), 0.01, seed=0)
    with pytest.raises(PrimumError, match="validation_fraction is"):
        held_out(y.astype(int), 1.5, seed=0)


def test_lattice_lists_everyone_groups_and_intersections():
    who = membership({"a": ["x", "y"], "b": ["p", "p"]}, 2)
    groups, member = lattice(who, 2)
    assert groups == [
        ("everyone", "everyone"), ("a", "x"), ("a", "y"), ("b", "p"), ("a × b", "x · p"), ("a × b", "y · p"),
    ]  # fmt: skip
    assert member.tolist() == [[0, 1, 3, 4], [0, 2, 3, 5]]


def test_without_membership_and_for_unknown_groups_the_base_answers():
    s, y, group, _ = people()
    model = MultiCalibration(GivenScore(), prefit=True, validation_fraction=None).fit(s, y, group=group)
    np.testing.assert_array_equal(model.predict_proba(s)[:, 1], s)
    other = {"sex": np.where(group["sex"] == "f", "x", "m"), "age": group["age"]}
    p, known = (model.predict_proba(s, group=g)[:, 1] for g in (other, group))
    np.testing.assert_array_equal(p[group["sex"] == "f"], s[group["sex"] == "f"])
    np.testing.assert_array_equal(p[group["sex"] == "m"], known[group["sex"] == "m"])
    with pytest.raises(PrimumError, match="the attributes of fitting, in their order"):
        model.predict_proba(s, group={"sex": group["sex"]})


def test_the_threshold_is_an_edge():
    s, y, group, _ = people(2000)
    model = MultiCalibration(GivenScore(), prefit=True, threshold=0.217, bins=5).fit(s, y, group=group)
    assert 0.217 in model.corrections_.edges
    assert len(model.corrections_.edges) == 5


def test_corrections_come_from_cross_fitted_scores():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 1))
    group = rng.choice(["a", "b"], 2000)
    y = (rng.random(2000) < expit(X[:, 0] + (group == "a"))).astype(int)
    model = MultiCalibration(LogisticRegression(), alpha=0.03, validation_fraction=None).fit(X, y, group=group)
    p, base = model.predict_proba(X, group=group)[:, 1], model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(base, LogisticRegression().fit(X, y).predict_proba(X)[:, 1])
    truth = X[:, 0] + (group == "a")
    assert np.mean((logit(p) - truth) ** 2) < np.mean((logit(base) - truth) ** 2)


def test_description_is_plain():
    s, y, group, _ = people()
    model = MultiCalibration(GivenScore(), prefit=True, threshold=0.2).fit(s, y, group=group)
    told = json.loads(json.dumps(model.describe()))
    assert told["brier"]["after"] < told["brier"]["before"]
    assert told["updates"][0].keys() == {"attribute", "group", "bin", "shift", "n", "brier"}
    assert told["groups"] == {"sex": ["f", "m"], "age": ["old", "young"]}


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", 0), ("least", 0), ("rounds", -1), ("rate", 1.5), ("depth", 0), ("bins", 0)]
)
def test_settings_out_of_range(name, value):
    s, y, group, _ = people(200)
    with pytest.raises(PrimumError, match=f"{name} is {value}"):
        MultiCalibration(GivenScore(), prefit=True, **{name: value}).fit(s, y, group=group)
