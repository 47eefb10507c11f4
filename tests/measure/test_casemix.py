"""Standardisation and the taking apart of gaps: by hand, by planted causes, and by adding up."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from primum.errors import PrimumError
from primum.measure.casemix import comparable, factors, standardise
from primum.measure.decomposition import decompose
from primum.measure.gap_parts import PARTS, Axis, hybrid, population, shapley
from primum.measure.table import Settings
from primum.tally.count import count

METRICS = ["sensitivity", "selection_rate", "ppv", "net_benefit"]
AT = 0.1


def rows(group, age, cells):
    """People of one group and age: (outcome, score) → how many."""
    parts = [pl.DataFrame({"y": [y] * k, "s": [s] * k}) for (y, s), k in cells.items()]
    return pl.concat(parts).with_columns(g=pl.lit(group), age=pl.lit(age))


# -- standardisation --------------------------------------------------------------------------------------------------


def by_hand():
    """In a, 20 old (5 of 10 found) and 80 young (36 of 40); in b, 50 and 50."""
    return pl.concat(
        [
            rows("a", "old", {(1, 0.8): 5, (1, 0.2): 5, (0, 0.2): 10}),
            rows("a", "young", {(1, 0.8): 36, (1, 0.2): 4, (0, 0.2): 40}),
            rows("b", "old", {(1, 0.8): 15, (1, 0.2): 10, (0, 0.2): 25}),
            rows("b", "young", {(1, 0.8): 20, (1, 0.2): 5, (0, 0.2): 25}),
        ]
    )


def test_direct_standardisation_by_hand():
    """Half old and half young, half of either with it: sensitivity (.5 + .9)/2 instead of 41/50."""
    view = count(by_hand(), "y", "s", ["g", "age"])
    row = standardise(view, "g", "a", "b", ["sensitivity"], Settings(at=0.5), over=["age"])[0]
    assert row["crude"] == pytest.approx(41 / 50)
    assert row["standardised"] == pytest.approx(0.7)
    assert row["comparator_value"] == pytest.approx(35 / 50)
    assert row["difference"] == pytest.approx(0, abs=1e-12)
    assert row["low"] < 0.7 < row["high"]
    assert row["shared"] == 1


def test_over_its_own_case_mix_nothing_changes():
    view = count(pl.concat([by_hand(), by_hand().with_columns(g=pl.lit("c"))]), "y", "s", ["g", "age"])
    twin = count(by_hand().filter(pl.col("g") == "a").with_columns(g=pl.lit("d")), "y", "s", ["g", "age"])
    for r in standardise(view + twin, "g", "a", "d", ["sensitivity", "auroc", "brier"], Settings(at=0.5), over=["age"]):
        assert r["standardised"] == pytest.approx(r["crude"])


def test_strata_of_predicted_risk():
    """Within equal bands of risk the same share has it: standardised prevalence is the comparator's."""
    rng = np.random.default_rng(0)
    s = np.r_[rng.choice([0.1, 0.3, 0.5], 30_000, p=[0.2, 0.3, 0.5]), rng.choice([0.1, 0.3, 0.5], 30_000)]
    frame = pl.DataFrame({"s": s, "y": (rng.random(60_000) < s).astype(int), "g": ["a"] * 30_000 + ["b"] * 30_000})
    r = standardise(count(frame, "y", "s", ["g"]), "g", "a", "b", ["prevalence"], Settings(), bands=3)[0]
    assert r["crude"] == pytest.approx(0.36, abs=0.01)
    assert r["standardised"] == pytest.approx(0.3, abs=0.01)
    assert r["difference_low"] < 0 < r["difference_high"]


def test_strata_without_a_counterpart_are_left_out_and_told():
    frame = pl.concat([by_hand(), rows("b", "child", {(1, 0.8): 60, (0, 0.2): 40})])
    view = count(frame, "y", "s", ["g", "age"])
    r = standardise(view, "g", "a", "b", ["sensitivity"], Settings(at=0.5), over=["age"])[0]
    assert r["shared"] == pytest.approx(0.5)
    assert r["standardised"] == pytest.approx(0.7)
    assert comparable(view, "g", "a", "b", ["age"]) == []
    assert comparable(view, "g", "a", "b", ["age"], least=0.4) == ["age"]


def test_factors_turn_one_mix_into_the_other():
    weight, shared = factors(np.array([0.2, 0.8, 0]), np.array([0.3, 0.5, 0.2]))
    assert shared == pytest.approx(0.8)
    assert weight * [0.2, 0.8, 0] == pytest.approx(np.array([0.3, 0.5, 0]) / 0.8)


def test_mistakes_are_told():
    view = count(by_hand(), "y", "s", ["g", "age"])
    with pytest.raises(PrimumError, match="There are no strata"):
        standardise(view, "g", "a", "b", ["ppv"], Settings(at=0.5))
    with pytest.raises(PrimumError, match="There is no group 'z'"):
        standardise(view, "g", "z", "b", ["ppv"], Settings(at=0.5), over=["age"])
    with pytest.raises(PrimumError, match="made of other attributes"):
        decompose(view, "g", "a", "b", ["ppv"], 0.5, over=["g"])
    with pytest.raises(PrimumError, match="auroc cannot be taken apart"):
        decompose(view, "g", "a", "b", ["auroc"], 0.5)


@pytest.mark.slow
def test_intervals_of_standardised_values_cover():
    """Sensitivity .5 in the old, .9 in the young; the comparator half and half: .7, and the limits a little wide."""
    rng, hits = np.random.default_rng(1), []
    for _ in range(300):
        old = rng.random(600) < np.r_[np.full(300, 0.2), np.full(300, 0.5)]
        y = (rng.random(600) < 0.5).astype(int)
        s = np.where(rng.random(600) < np.where(old, 0.5, 0.9), 0.8, 0.2)
        frame = pl.DataFrame({"y": y, "s": s, "age": np.where(old, "old", "young"), "g": ["a"] * 300 + ["b"] * 300})
        view = count(frame, "y", "s", ["g", "age"])
        r = standardise(view, "g", "a", "b", ["sensitivity"], Settings(at=0.5), over=["age"])[0]
        hits.append(r["low"] <= 0.7 <= r["high"])
    assert 0.93 <= np.mean(hits) <= 0.995


# -- taking gaps apart ------------------------------------------------------------------------------------------------


def patients(n, group, prevalence, distance, shift=0.0, slope=1.0, old=0.5, seed=0):
    """Binormal evidence at a given distance, turned into calibrated risk, then miscalibrated."""
    rng = np.random.default_rng([seed, n, len(group), ord(group[0])])
    age = np.where(rng.random(n) < old, "old", "young")
    y = (rng.random(n) < prevalence).astype(int)
    evidence = rng.normal(np.where(y, distance**2 / 2, -(distance**2) / 2), distance)
    score = expit(shift + slope * (evidence + logit(prevalence)))
    return pl.DataFrame({"y": y, "s": score, "g": [group] * n, "age": age})


def parts(one, two, metrics=METRICS, **more):
    view = count(pl.concat([one, two]), "y", "s", ["g", "age"])
    return {r["metric"]: r for r in decompose(view, "g", "a", "b", metrics, AT, **more)}


@pytest.mark.parametrize("over", [[], ["age"]])
def test_the_parts_add_up_to_the_gap(over):
    one = patients(900, "a", 0.15, 0.8, -0.5, 1.2, old=0.7)
    found = parts(one, patients(1100, "b", 0.1, 1.3, old=0.3), over=over)
    for r in found.values():
        assert np.nansum([r[p] for p in PARTS]) == pytest.approx(r["gap"], abs=1e-12)
        assert r["value"] - r["comparator_value"] == pytest.approx(r["gap"], abs=1e-12)
        assert np.isnan(r["case_mix"]) == (not over)
    s, y = one["s"].to_numpy(), one["y"].to_numpy()
    assert found["sensitivity"]["value"] == pytest.approx((s[y == 1] >= AT).mean())


CAUSES = {
    "prevalence": (patients(40_000, "a", 0.2, 1.2), patients(40_000, "b", 0.1, 1.2)),
    "calibration": (patients(40_000, "a", 0.1, 1.2, -0.7), patients(40_000, "b", 0.1, 1.2)),
    "discrimination": (patients(40_000, "a", 0.1, 0.7), patients(40_000, "b", 0.1, 1.3)),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_planted_cause_has_the_whole_gap(cause):
    for name, r in parts(*CAUSES[cause]).items():
        for part in PARTS[1:]:
            assert r[part] == pytest.approx(r["gap"] if part == cause else 0, abs=0.02), (name, part)


def test_a_difference_in_case_mix_has_the_whole_gap():
    """Old people have it twice as often, the score knows it, and a has more of them."""

    def mixed(group, old, seed):
        n = 40_000
        k = int(n * old)
        both = [patients(k, group, 0.2, 1.2, old=1, seed=seed), patients(n - k, group, 0.1, 1.2, old=0, seed=seed)]
        return pl.concat(both)

    for r in parts(mixed("a", 0.8, 1), mixed("b", 0.2, 2), over=["age"]).values():
        assert r["case_mix"] == pytest.approx(r["gap"], abs=0.02)
        assert max(abs(r[p]) for p in PARTS[1:]) < 0.02


def test_prevalence_part_of_sensitivity_by_hand():
    """Binormal and calibrated: the cut in evidence is logit t − logit π, so sensitivity is Φ((d²/2 − cut)/d)."""
    r = parts(*CAUSES["prevalence"])["sensitivity"]
    d = 1.2
    want = [norm.cdf((d * d / 2 - logit(AT) + logit(pi)) / d) for pi in (0.2, 0.1)]
    assert r["prevalence"] == pytest.approx(want[0] - want[1], abs=0.015)


def test_shapley_is_the_mean_over_all_orders():
    rng = np.random.default_rng(3)
    sets = {frozenset(s[:k]) for s in permutations(PARTS) for k in range(5)}
    value = {s: float(rng.normal()) for s in sets}
    want = dict.fromkeys(PARTS, 0.0)
    for order in permutations(PARTS):
        for k, part in enumerate(order):
            want[part] += (value[frozenset(order[: k + 1])] - value[frozenset(order[:k])]) / 24
    assert shapley(value) == pytest.approx(want)


def test_a_hybrid_by_hand():
    """Three bins, scores .1, .3, .6, calibrated in both; π = .5 in one, .2 in the other.

    With the evidence of the one and the prevalence of the other, risk odds fall by (.2/.8)/(.5/.5) = 1/4: of .6, .3
    and .1 only .6 → .273 still reaches t = .2, and 3/4 of those with it are there.
    """
    edge = logit(np.array([0.1, 0.3, 0.6]))
    axis = Axis(edge, edge, np.array([False, True, True]), 0.2)
    one = population(np.array([[54.0, 14, 8], [6, 6, 12]]), axis)
    one = type(one)(np.array(0.5), np.array(0.0), np.array(1.0), np.array([[0.5, 0.3, 0.2], [0.05, 0.2, 0.75]]))
    two = type(one)(np.array(0.2), np.array(0.0), np.array(1.0), one.share)
    c = hybrid(two, one, one, axis)
    assert (float(c.tp), float(c.fp), float(c.fn), float(c.tn)) == pytest.approx((0.15, 0.16, 0.05, 0.64))
    own = hybrid(one, one, one, axis)
    assert float(own.tp) == pytest.approx(0.5 * 0.95)


def test_a_score_that_does_not_rank_is_refused_with_a_reason():
    wrong = patients(2000, "a", 0.3, 1.0).with_columns(s=1 - pl.col("s"))
    r = parts(wrong, patients(2000, "b", 0.3, 1.0))["sensitivity"]
    assert r["reason"].startswith("in the group the score does not rise with the outcome")
    assert np.isnan(r["gap"])


def test_points_cannot_be_taken_apart():
    view = count(pl.DataFrame({"s": [1, 7], "y": [0, 1], "g": ["a", "b"]}), "y", "s", ["g"], score_range=(0, 10))
    with pytest.raises(PrimumError, match="this score is in points"):
        decompose(view, "g", "a", "b", ["ppv"], 5)


def test_limits_hold_zero_where_nothing_differs():
    hits = []
    for seed in range(25):
        one, two = (patients(800, g, 0.2, 1.2, seed=seed) for g in ("a", "b"))
        r = parts(one, two, ["sensitivity", "net_benefit"], over=["age"], replicates=60, seed=seed)
        hits += [[x[f"{p}_low"] <= 0 <= x[f"{p}_high"] for p in (*PARTS, "gap")] for x in r.values()]
    assert np.mean(hits, axis=0).min() >= 0.84
    assert np.mean(hits) >= 0.9


@pytest.mark.parametrize("at", [0.0, 1.0])
def test_at_the_ends_nothing_is_decided_by_the_risk(at):
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"y": rng.integers(0, 2, 80), "s": rng.random(80), "g": rng.choice(["a", "b"], 80)})
    tally = count(frame, "y", "s", ["g"], thresholds=[at])
    rows = decompose(tally, "g", "a", "b", ["sensitivity", "net_benefit"], at, replicates=20)
    assert {r["reason"] for r in rows} == {"at 0 or 1 nothing is decided by the risk"}
    assert all(np.isnan(r["gap"]) for r in rows)
