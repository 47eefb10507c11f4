"""Rollback: f₁ where certified, f₀ elsewhere; alpha is split; overlapping groups are refused."""

from __future__ import annotations

import numpy as np
import pytest

from primum.certify.certificate import certify
from primum.certify.rollback import rollback
from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.tally.paired import PairedTally, count_pairs

TERMS = {"utility": net_benefit(0.2), "margin": 0.01, "alpha": 0.05}


def group(n, lost, found=0):
    counts = np.zeros((2, 2, 2), dtype=int)
    counts[1, 1, 0], counts[1, 0, 1], counts[0, 0, 0] = lost, found, n - lost - found
    return counts


def tally(*groups):
    return PairedTally(("site",), tuple((f"s{k}",) for k in range(len(groups))), np.array(groups))


def test_the_repair_is_used_where_it_is_certified():
    pairs = tally(group(3000, 0, 60), group(3000, 300), group(30, 0, 2))
    plan = rollback(pairs, attribute="site", **TERMS)
    assert (plan.repaired, plan.kept) == (("s0",), ("s1", "s2"))
    assert plan.levels == (0.05 / 3, 0.05 / 3, 0.025)  # the next smallest p is s2's; Holm stops where one fails
    assert "alpha was split (Holm's steps over 3 groups)" in plan.guarantee
    site = ["s0", "s1", "s2", "unseen", None, "s0"]
    assert plan.decide({"site": site}, [0] * 6, [1] * 6).tolist() == [1, 0, 0, 0, 0, 1]
    assert plan.decide({"site": np.array(["s0", "s1"])}, [0.2, 0.2], [0.7, 0.7]).tolist() == [0.7, 0.2]


def test_holm_keeps_at_least_as_many_as_equal_parts():
    rng = np.random.default_rng(3)
    more = 0
    for _ in range(8):
        pairs = tally(*[group(int(rng.integers(300, 700)), 0, int(rng.integers(0, 8))) for _ in range(4)])
        holm = rollback(pairs, attribute="site", **TERMS)
        equal = rollback(pairs, attribute="site", split="equal", **TERMS)
        assert set(equal.repaired) <= set(holm.repaired)
        assert equal.levels == (0.0125,) * 4
        more += len(holm.repaired) - len(equal.repaired)
    assert more > 0


def test_alpha_is_split_and_certify_would_not_be_enough():
    """Three groups at the boundary: whole alpha a group would let one of them through too often."""
    from scipy.stats import binom

    lost = np.random.default_rng(4).binomial(2000, 0.01, (4000, 3))
    p = binom.cdf(lost, 2000, 0.01)  # d is −1 or 0: the bound is that of Clopper and Pearson
    assert (p.min(axis=1) < 0.05).mean() > 0.08
    assert (p.min(axis=1) < 0.05 / 3).mean() <= 0.05
    for k in np.flatnonzero(p.min(axis=1) < 0.05)[:6]:
        pairs = tally(*[group(2000, int(n)) for n in lost[k]])
        assert any(g.verdict == "certified" for g in certify(pairs, **TERMS).groups)
        assert bool(rollback(pairs, attribute="site", **TERMS).repaired) == (p[k].min() < 0.05 / 3)


def test_intersections_are_disjoint_and_lists_are_not():
    rng = np.random.default_rng(5)
    y, a, b = rng.integers(0, 2, (3, 400))
    groups = {"sex": rng.choice(["f", "m"], 400), "age": rng.choice(["old", "young"], 400)}
    pairs = count_pairs(y, a, b, groups)
    plan = rollback(pairs, attribute=("sex", "age"), **TERMS)
    assert plan.attributes == ("sex", "age")
    assert len(plan.verdicts) == 4
    assert rollback(pairs, attribute="sex × age", **TERMS) == plan
    assert plan.decide(groups, a, b).tolist() == a.tolist()
    with pytest.raises(PrimumError, match="Membership by age is needed"):
        plan.decide({"sex": groups["sex"]}, a, b)
    with pytest.raises(PrimumError, match=r"attributes overlap(.|\n)*PREPEND with repair"):
        rollback(pairs, attribute=["sex", "age"], **TERMS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attribute": "region"}, "no attribute 'region'"),
        ({"split": "half"}, "cannot be split by 'half'"),
        ({"margin": None}, "No margin was declared"),
        ({"alpha": None}, "No alpha was declared"),
    ],
)
def test_nothing_is_assumed(changes, words):
    with pytest.raises(PrimumError, match=words):
        rollback(tally(group(100, 0)), **({"attribute": "site"} | TERMS | changes))
