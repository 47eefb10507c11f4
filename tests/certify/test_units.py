"""Clusters and weights: the plain certificate as a special case, weights as replication, an error rate that holds."""

from __future__ import annotations

import numpy as np
import pytest

from primum.certify.certificate import certify
from primum.certify.utility import SENSITIVITY, net_benefit
from primum.errors import PrimumError
from primum.tally.paired import count_pairs
from primum.tally.paired_units import count_units

TERMS = {"utility": net_benefit(0.2), "margin": 0.01, "alpha": 0.05}


def people(n=2000, seed=1):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.15
    before = rng.random(n) < np.where(y, 0.6, 0.3)
    after = np.where(rng.random(n) < 0.1, rng.random(n) < np.where(y, 0.8, 0.3), before)
    return y.astype(int), before.astype(int), after.astype(int), {"sex": rng.choice(["f", "m"], n)}


@pytest.mark.parametrize("utility", [net_benefit(0.2), SENSITIVITY], ids=["net benefit", "sensitivity"])
def test_single_people_of_weight_one_give_the_plain_certificate(utility):
    y, a, b, groups = people()
    pairs, units = count_pairs(y, a, b, groups), count_units(y, a, b, groups)
    terms = TERMS | {"utility": utility}
    plain = certify(pairs, **terms)
    assert certify(pairs, **terms, units=units).groups == plain.groups


def test_equal_weights_of_any_size_change_nothing():
    y, a, b, groups = people()
    pairs = count_pairs(y, a, b, groups)
    units = count_units(y, a, b, groups, weights=np.full(len(y), 2.5), max_weight=2.5)
    for one, other in zip(certify(pairs, **TERMS).groups, certify(pairs, **TERMS, units=units).groups, strict=True):
        assert other.estimate.value == pytest.approx(one.estimate.value)
        assert other.estimate.low == pytest.approx(one.estimate.low, abs=2e-6)
        assert other.estimate.high == pytest.approx(one.estimate.high, abs=2e-6)
        assert other.p == pytest.approx(one.p, abs=1e-6)
        assert other.verdict == one.verdict
        assert (one.need is None) == (other.need is None)
        assert abs((one.need or 0) - (other.need or 0)) <= 0.03 * (one.need or 0) + 1


def test_the_weighted_mean_is_that_of_the_population():
    y, a, b, groups = people(600)
    w = np.where(np.array(groups["sex"]) == "f", 1 + y, 2.0)
    units = count_units(y, a, b, groups, weights=w, max_weight=2)
    found = certify(count_pairs(y, a, b, groups), **TERMS, units=units)
    d = (b - a) * np.where(y == 1, 1, -0.25)
    for g in found.groups:
        who = np.array(groups["sex"]) == g.group
        assert g.estimate.value == pytest.approx((w * d)[who].sum() / w[who].sum())
        assert g.estimate.low < g.estimate.value < g.estimate.high


def test_families_who_share_a_fate_are_not_many_witnesses():
    y, a, b, groups = (np.repeat(v, 4) if not isinstance(v, dict) else v for v in people(1000, seed=5))
    sex = {"sex": np.repeat(groups["sex"], 4)}
    family = np.arange(4000) // 4
    pairs = count_pairs(y, a, b, sex)
    units = count_units(y, a, b, sex, clusters=family, max_size=4, word="families")
    plain, honest = certify(pairs, **TERMS), certify(pairs, **TERMS, units=units)
    single = certify(count_pairs(y[::4], a[::4], b[::4], groups), **TERMS)
    for naive, right, one in zip(plain.groups, honest.groups, single.groups, strict=True):
        assert right.estimate.low < naive.estimate.low
        assert right.n == one.n  # four copies are one observation
        assert right.unit == "families"
        assert right.estimate.low == pytest.approx(one.estimate.low, abs=1e-6)
        assert (right.found, right.lost) == (naive.found, naive.lost)
    assert any("families" in line for line in honest.assumptions)


def test_the_error_rate_holds_for_families():
    """Whole families gain or lose; people counted one by one would be certified far too often."""
    rng = np.random.default_rng(6)
    wrong = naive = 0
    for _ in range(25):
        fate = rng.choice([-1, 0], 250, p=[0.01, 0.99])  # δ = −.01 = −margin: all five of a family are lost, or none
        size = 5
        a = np.repeat(fate == -1, size).astype(int)
        y, b = np.ones(250 * size, dtype=int), np.zeros(250 * size, dtype=int)
        g = {"g": ["all"] * (250 * size)}
        pairs = count_pairs(y, a, b, g)
        units = count_units(y, a, b, g, clusters=np.arange(250 * size) // size, max_size=size)
        wrong += certify(pairs, **TERMS, units=units).granted
        naive += certify(pairs, **TERMS).granted
    assert wrong <= 4
    assert naive >= 3


def test_weights_and_the_record_go_together():
    y, a, b, groups = people(3000)
    w = np.where(y == 1, 1.5, 1.0)
    units = count_units(y, a, b, groups, weights=w, max_weight=1.5)
    found = certify(count_pairs(y, a, b, groups), **TERMS, units=units, recorded={"f": (0.5, 0.8)})
    (one,) = found.robust
    who = np.array(groups["sex"]) == "f"
    d = np.where(y == 1, (b - a) * (1.25 / 0.5 - 0.25), -0.25 * (b - a))
    assert one.at_low.value == pytest.approx((w * d)[who].sum() / w[who].sum())


def test_an_absent_group_and_other_people():
    y, a, b, groups = people(300)
    units = count_units(y, a, b, groups)
    found = certify(count_pairs(y, a, b, groups), **TERMS, units=units, declared={"sex": ["x"]})
    assert (found.groups[-1].group, found.groups[-1].n, found.groups[-1].verdict) == ("x", 0, "not assessable")
    other = count_pairs(y[:200], a[:200], b[:200], {"sex": groups["sex"][:200]})
    with pytest.raises(PrimumError, match="both counted from the same people"):
        certify(other, **TERMS, units=units)
    with pytest.raises(PrimumError, match="no grouping 'age'"):
        certify(count_pairs(y, a, b, {"age": groups["sex"]}), **TERMS, units=units)
