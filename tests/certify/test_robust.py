"""Under-diagnosis: the worked example, breakdown values, both ends of a range, the sharp worst case by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from primum.certify.certificate import certify
from primum.certify.differences import estimate, people
from primum.certify.robust import Breakdown, breakdown, corrected
from primum.certify.utility import SENSITIVITY, SPECIFICITY, declared, net_benefit
from primum.errors import PrimumError
from primum.tally.paired import PairedTally, count_pairs

COUNTS = arrays(np.int64, (2, 2, 2), elements=st.integers(0, 30))
NB = net_benefit(0.15)


@pytest.fixture(scope="module")
def register():
    """The science page's example: cases of women and men recorded with probability .8 and .5."""
    rng = np.random.default_rng(3)
    n, t = 60_000, 0.15
    man = rng.random(n) < 0.5
    x = rng.standard_normal(n)
    p = 1 / (1 + np.exp(2.2 - 1.2 * x))
    y = rng.random(n) < p
    s = y & (rng.random(n) < np.where(man, 0.5, 0.8))
    before, after = p >= t, p >= np.where(man, 0.10, 0.19)
    sex = {"sex": np.where(man, "men", "women")}
    return count_pairs(s, before, after, sex), count_pairs(y, before, after, sex)


def delta(n, c=1.0):
    return estimate(people(n), corrected(NB, c))


def test_the_worked_example(register):
    (men, women), (true_men, true_women) = register[0].n, register[1].n
    assert delta(women) == pytest.approx(0.00163, abs=5e-6)
    assert delta(true_women) == pytest.approx(-0.00143, abs=5e-6)
    assert delta(women, 0.8) == pytest.approx(-0.00164, abs=5e-6)
    assert breakdown(women, NB).value == pytest.approx(0.889, abs=5e-4)
    assert [delta(women, c) for c in (0.8, 0.6, 0.5, 0.4, 0.3)] == pytest.approx(
        [-0.00164, -0.00710, -0.01146, -0.01800, -0.02891], abs=6e-6
    )
    assert delta(men) == pytest.approx(-0.01474, abs=6e-6)
    assert delta(true_men) == pytest.approx(-0.00340, abs=5e-6)
    assert delta(men, 0.5) == pytest.approx(-0.00324, abs=5e-6)
    assert breakdown(men, NB).value == pytest.approx(0.438, abs=5e-4)
    assert [delta(men, c) for c in (0.8, 0.6, 0.5, 0.4, 0.3)] == pytest.approx(
        [-0.01186, -0.00707, -0.00324, 0.00251, 0.01209], abs=6e-6
    )


def test_the_register_certificate_is_false_and_the_robust_one_refuses(register):
    women = PairedTally(("sex",), (("women",),), register[0].n[1:])
    terms = {"utility": NB, "margin": 0.001, "alpha": 0.05}
    assert certify(women, **terms).granted
    assert delta(register[1].n[1]) < -terms["margin"]  # and women lose more than the margin
    firm = certify(women, **terms, recorded={"women": (0.7, 0.9)})
    assert not firm.granted
    (one,) = firm.robust
    assert one.verdict == "not assessable"
    assert one.breakdown == Breakdown("above", pytest.approx(0.889, abs=5e-4))
    w, (s0, s1) = 0.15 / 0.85, register[0].n[1] / register[0].n[1].sum()
    change, cases = (s0 + s1)[0, 1] - (s0 + s1)[1, 0], s1[0, 1] - s1[1, 0]
    assert one.breakdown.value == pytest.approx((1 + w) * cases / (w * change), abs=1e-5)
    assert one.breakdown_margin.value == pytest.approx((1 + w) * cases / (w * change - 0.001), abs=1e-5)
    assert one.tested.value > one.breakdown_margin.value
    assert certify(women, **terms, recorded={"women": (one.tested.value + 0.001, 1)}).granted
    assert not certify(women, **terms, recorded={"women": (one.tested.value - 0.001, 1)}).granted


def test_the_sentence(register):
    found = certify(register[0], utility=NB, margin=0.005, alpha=0.05, recorded={("sex", "women"): (0.75, 0.95)})
    (women,) = found.robust
    assert women.verdict == "certified"
    assert women.words == (
        "women: if 75 % to 95 % of cases are recorded, no harm beyond the margin. For women, this certificate holds "
        "unless fewer than 73 % of the cases are recorded."
    )
    assert any("D ⊥ S | Y, g" in line for line in found.assumptions)
    assert any("women 75 to 95 %" in line for line in found.assumptions)
    assert not found.granted  # men are harmed as recorded, and no range was declared for them
    both = certify(
        register[0], utility=NB, margin=0.005, alpha=0.05, recorded={"women": (0.75, 0.95), "men": (0.3, 0.45)},
        worst_off=("sex", "men"),
    )  # fmt: skip
    assert [v.verdict for v in both.groups] == ["harmed", "certified"]
    assert both.granted  # what decides is the declared range, in which men gain or lose little
    assert both.improves is False
    assert "only if fewer than" in both.robust[0].words


@given(COUNTS, st.floats(0.0, 0.05))
def test_breakdown_is_where_the_estimate_crosses(n, margin):
    assume(n.sum() > 0)
    where = breakdown(n, NB, margin)
    for c in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
        value = delta(n, c) + margin
        if abs(value) > 1e-9:
            assert where.at(c) == (value > 0)


def test_where_never_and_always():
    gain, loss, none = np.zeros((3, 2, 2, 2), dtype=int)
    gain[1, 0, 1] = loss[1, 1, 0] = 10
    assert breakdown(gain, NB).holds == "always"
    assert breakdown(loss, NB) == Breakdown("never")
    assert breakdown(none, NB) == Breakdown("never")
    none[0, 0, 0] = 5
    assert breakdown(none, NB) == Breakdown("never")  # no gain
    assert breakdown(none, NB, 0.01) == Breakdown("always")  # and no loss


@given(COUNTS, st.floats(0.1, 1.0), st.floats(0.1, 1.0))
def test_the_worst_case_is_sharp(n, one, other):
    """Over all shares at the ends, chosen cell by cell, nothing is worse than the worst case, and one is as bad."""
    assume(n.sum() > 0)
    low, high = sorted((one, other))
    worst = estimate(people(n), corrected(NB, low, high))
    share, gain = n / n.sum(), NB.gain
    cells = list(itertools.product((0, 1), (0, 1)))
    possible = []
    for ends in itertools.product((low, high), repeat=4):
        cases = sum(share[1][k] * (gain[1][k] - gain[0][k]) / c for k, c in zip(cells, ends, strict=True))
        possible.append(cases + (share.sum(axis=0) * gain[0]).sum())
    assert worst == pytest.approx(min(possible), abs=1e-12)
    assert worst <= min(delta(n, low), delta(n, high)) + 1e-12


def test_any_record_at_all_is_harder(register):
    terms = {"utility": NB, "margin": 0.005, "alpha": 0.05, "recorded": {"women": (0.75, 0.95)}}
    (chance,) = certify(register[0], **terms).robust
    (any_,) = certify(register[0], **terms, at_random=False).robust
    assert any_.at_low.low <= chance.at_low.low
    assert any_.at_low == any_.at_high
    assert "whoever they are" in any_.words


def test_a_declared_utility_is_corrected_too():
    u = declared({"true positive": 2, "false positive": -0.5, "false negative": -3, "true negative": 0.25})
    rng = np.random.default_rng(8)
    truth = rng.integers(50, 500, (2, 2, 2)).astype(float)
    seen = truth.copy()
    seen[0] += 0.6 * truth[1]  # 40 % of cases recorded in every cell
    seen[1] *= 0.4
    share = truth / truth.sum()
    scale = corrected(u, 0.4)
    assert (seen / seen.sum() * scale.values).sum() == pytest.approx((share * u.gain).sum())


def test_sensitivity_needs_no_correction(register):
    found = certify(
        register[0], utility=SENSITIVITY, margin=0.2, alpha=0.05, recorded={"women": (0.4, 0.9), "men": (0.4, 0.9)}
    )
    assert [r.at_low for r in found.robust] == [g.estimate for g in found.groups]
    assert found.robust[1].tested == Breakdown("always")
    with pytest.raises(PrimumError, match="who they are depends on what is not recorded"):
        certify(
            register[0], utility=SENSITIVITY, margin=0.2, alpha=0.05, recorded={"women": (0.4, 0.9)}, at_random=False
        )
    with pytest.raises(PrimumError, match="mean among non-cases"):
        certify(register[0], utility=SPECIFICITY, margin=0.2, alpha=0.05, recorded={"women": (0.4, 0.9)})


@pytest.mark.parametrize("share", [(0, 0.5), (0.5, 1.2), (0.9, 0.5), (-1, 1), (float("nan"), 1)])
def test_shares_must_be_shares(register, share):
    with pytest.raises(PrimumError, match="share of cases that is recorded was declared as"):
        certify(register[0], utility=NB, margin=0.005, alpha=0.05, recorded={"women": share})


def test_groups_must_exist(register):
    with pytest.raises(PrimumError, match="'girls': the name of 0"):
        certify(register[0], utility=NB, margin=0.005, alpha=0.05, recorded={"girls": (0.5, 1)})


def test_the_robust_certificate_keeps_its_promise():
    """At the true share, a group that loses exactly the margin is certified at most once in twenty times."""
    rng = np.random.default_rng(12)
    w, c, margin, pi = 0.25, 0.6, 0.01, 0.15
    spared = 0.05
    lost = (margin + w * (1 - pi) * spared) / pi  # δ = w(1 − π)·spared − π·lost = −margin
    truth = np.array([[[1 - spared, 0], [spared, 0]], [[1 - lost, 0], [lost, 0]]])
    truth *= np.array([1 - pi, pi])[:, None, None]
    seen = np.stack([truth[0] + (1 - c) * truth[1], c * truth[1]])
    false, naive = 0, 0
    for _ in range(30):
        pairs = PairedTally(("g",), (("a",),), rng.multinomial(1500, seen.ravel()).reshape(1, 2, 2, 2))
        found = certify(pairs, utility=net_benefit(0.2), margin=margin, alpha=0.05, recorded={"a": (c, 0.8)})
        false += found.granted
        naive += found.groups[0].verdict == "certified"
    assert false <= 4
    assert naive >= 20  # as recorded, the harm is not there
