"""Multiply imputed data: Rubin's rules by hand, an average of e-values by hand, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from primum.certify.betting import e_value, evidence
from primum.certify.bound import bound
from primum.certify.certificate import certify
from primum.certify.differences import difference_sample
from primum.certify.pooled import certify_imputed
from primum.certify.sample import sample
from primum.certify.utility import net_benefit
from primum.errors import PrimumError
from primum.measure.pooling import rubin
from primum.tally.paired import PairedTally, count_pairs

NB = net_benefit(0.2)
TERMS = {"utility": NB, "margin": 0.01, "alpha": 0.05}


def imputations(n=3000, m=5, missing=0.1, seed=1, shift=0.1):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.15
    before = rng.random(n) < np.where(y, 0.6, 0.3)
    after = np.where(y & (rng.random(n) < shift), 1, before)
    lost = rng.random(n) < missing
    group = {"sex": rng.choice(["f", "m"], n)}
    chance = y[~lost].mean()
    return [count_pairs(np.where(lost, rng.random(n) < chance, y), before, after, group) for _ in range(m)]


def test_rubin_by_hand():
    q, u = [0.010, 0.014, 0.012], [1e-5, 1.2e-5, 1.1e-5]
    pooled = rubin(q, u, complete_df=199)
    between = 4 / 3 * 4e-6
    whole = 1.1e-5 + between
    share = between / whole
    old, observed = 2 / share**2, 199 * 200 / 202 * (1 - share)
    assert pooled.value == pytest.approx(0.012)
    assert pooled.error == pytest.approx(np.sqrt(whole))
    assert pooled.missing_information == pytest.approx(share)
    assert pooled.df == pytest.approx(1 / (1 / old + 1 / observed))
    assert pooled.df < 199
    same = rubin([0.01, 0.01], [1e-5, 1e-5], complete_df=100)
    assert same.df == pytest.approx(100 * 101 / 103)
    assert same.missing_information == 0
    with pytest.raises(PrimumError, match="There is 1 imputation"):
        rubin([0.1], [0.1], complete_df=10)


def test_rubin_without_missing_values_is_close_to_student():
    (one,) = imputations(m=1, missing=0)
    pooled = certify_imputed([one, one, one], **TERMS, rule="rubin")
    plain = certify(one, **TERMS, bound="student")
    for a, b in zip(pooled.groups, plain.groups, strict=True):
        assert a.estimate.value == pytest.approx(b.estimate.value)
        assert a.estimate.low == pytest.approx(b.estimate.low, rel=1e-3)
        assert a.verdict == b.verdict
    assert "approximate" in pooled.bound
    assert "approximate" in pooled.guarantee


def test_e_values_are_averaged():
    tallies = imputations()
    found = certify_imputed(tallies, **TERMS, worst_off=("sex", "f"))
    for k, g in enumerate(found.groups):
        each = [e_value(difference_sample(t.n[k], NB), -0.01) for t in tallies]
        assert g.p == pytest.approx(min(1, 1 / np.mean(each)))
        assert (g.verdict == "certified") == (np.mean(each) > 20)
        low = np.mean([e_value(difference_sample(t.n[k], NB), g.estimate.low) for t in tallies])
        assert low == pytest.approx(20, rel=1e-3)
        assert g.n == tallies[0].n[k].sum()
        assert g.found == round(np.mean([t.n[k, 1, 0, 1] for t in tallies]))
    assert found.granted
    assert found.improves == (found.groups[0].estimate.low > 0)
    assert "average of e-values" in found.guarantee
    assert "5 imputations" in found.assumptions[-1]


def test_one_imputation_taken_for_the_truth_is_too_sure():
    tallies = imputations(missing=0.5)
    pooled = certify_imputed(tallies, **TERMS, rule="rubin")
    single = [certify(t, **TERMS, bound="student") for t in tallies]
    for k, g in enumerate(pooled.groups):
        widths = [c.groups[k].estimate.high - c.groups[k].estimate.low for c in single]
        assert g.estimate.high - g.estimate.low > np.mean(widths)


def test_a_group_that_only_some_imputations_have_is_listed():
    first = imputations(m=1)[0]
    n = np.concatenate([first.n, np.zeros((1, 2, 2, 2), dtype=int)])
    n[0, 0, 0, 0] -= 1
    n[2, 0, 0, 0] += 1
    some = PairedTally(("sex",), (*first.groups, ("x",)), n)
    found = certify_imputed([first, some], **TERMS)
    assert (found.groups[-1].group, found.groups[-1].verdict) == ("x", "not assessable")
    assert "fewer than two people" in found.groups[-1].words
    assert not found.granted


def test_imputations_that_contradict_each_other_decide_nothing():
    n = np.zeros((2, 1, 2, 2, 2), dtype=int)
    n[:, 0, 1, 1, 1] = 2000
    n[0, 0, 1, 0, 1] = n[1, 0, 1, 1, 0] = 2000
    found = certify_imputed([PairedTally(("g",), (("a",),), k) for k in n], **TERMS)
    assert found.groups[0].verdict == "not assessable"
    assert "contradict" in found.groups[0].words


def test_need_is_told():
    found = certify_imputed(imputations(n=300), **(TERMS | {"margin": 0.001}), rule="rubin")
    assert not found.granted
    unclear = [g for g in found.groups if g.verdict == "not assessable" and g.need]
    assert unclear
    assert all("more people are needed" in g.words for g in unclear)


@pytest.mark.parametrize(
    ("tallies", "changes", "words"),
    [
        (1, {}, "There are 1 imputations"),
        (2, {"rule": "median"}, "cannot be pooled by 'median'"),
        (2, {"alpha": None}, "No alpha was declared"),
    ],
)
def test_what_is_refused(tallies, changes, words):
    with pytest.raises(PrimumError, match=words):
        certify_imputed(imputations(n=50, m=tallies), **(TERMS | changes))


def test_other_people_are_no_imputation():
    with pytest.raises(PrimumError, match=r"of \[40, 50\] people"):
        certify_imputed([*imputations(n=50, m=1), *imputations(n=40, m=1)], **TERMS)


def test_an_e_value_is_what_its_p_value_rests_on():
    n = np.zeros((2, 2, 2), dtype=int)
    n[0, 0, 0], n[1, 0, 1], n[1, 1, 0] = 180, 8, 3
    d = difference_sample(n, NB)
    for null in (-0.2, -0.05, 0.0, 0.05, 0.2):
        e = e_value(d, null)
        assert bound("betting").p_value(d, null) == pytest.approx(min(1, 1 / e))
        assert evidence(d)(null) == e
    assert e_value(d, 0.2) < 1  # a lost bet is less than nothing gained
    nobody = difference_sample(np.zeros((2, 2, 2)), NB)
    assert e_value(nobody, 0.0) == 1
    assert e_value(d, -2) == np.inf


def test_e_values_are_worth_at_most_one_under_harm():
    rng = np.random.default_rng(9)
    shares = [0.03, 0.0, 0.94, 0.01, 0.02]  # δ = −.0075
    values = np.array([-1, -0.25, 0, 0.25, 1])
    e = [e_value(sample(values, rng.multinomial(150, shares), low=-1, high=1), values @ shares) for _ in range(60)]
    assert np.mean(e) <= 1 + 2 * np.std(e) / np.sqrt(60)
