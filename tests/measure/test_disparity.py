"""Demographic disparity: formulae by hand, published checks, Simpson's reversal, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from primum.errors import PrimumError
from primum.finding import Status
from primum.measure.disparity import conditional_disparity, demographic_disparity, reversed_by

BERKELEY = {  # department: (men who applied, admitted, women who applied, admitted), Bickel et al. (1975)
    "A": (825, 512, 108, 89), "B": (560, 353, 25, 17), "C": (325, 120, 593, 202),
    "D": (417, 138, 375, 131), "E": (191, 53, 393, 94), "F": (373, 22, 341, 24),
}  # fmt: skip


def berkeley():
    """Return refused and accepted, shape (women and men, departments)."""
    table = np.array(list(BERKELEY.values()))
    accepted = table[:, [3, 1]].T
    return table[:, [2, 0]].T - accepted, accepted


def test_the_published_example():
    """46 % of the refused and 32 % of the accepted are .14; the other facet is −.14."""
    dd = demographic_disparity([46, 54], [32, 68])
    assert dd == pytest.approx([0.14, -0.14])
    found = conditional_disparity([[46], [54]], [[32], [68]])
    assert found.value == pytest.approx([0.14, -0.14])
    assert found.compared == 1


def test_berkeley_turns_round():
    refused, accepted = berkeley()
    crude = demographic_disparity(refused.sum(1), accepted.sum(1))
    given_ = conditional_disparity(refused, accepted)
    women = 1278 / 2771 - 557 / 1755
    assert crude[0] == pytest.approx(women)
    assert crude[0] > 0.14
    by_hand = sum(
        (m + w) / 4526 * ((w - wa) / (m - ma + w - wa) - wa / (ma + wa)) for m, ma, w, wa in BERKELEY.values()
    )
    assert given_.value[0] == pytest.approx(by_hand)
    assert given_.value[0] < 0
    assert reversed_by(crude[0], given_.value[0])
    assert not reversed_by(crude[0], crude[0])
    estimates = given_.estimates(np.stack([refused, accepted], axis=-1), (refused + accepted).sum(1))
    assert estimates[0].low < given_.value[0] < estimates[0].high
    assert estimates[0].n == 1835


def test_a_stratum_with_one_decision_only_compares_nobody():
    found = conditional_disparity([[30, 0], [10, 0]], [[20, 50], [20, 7]])
    assert found.value[0] == pytest.approx(30 / 40 - 20 / 40)
    assert found.compared == pytest.approx(80 / 137)
    nobody = conditional_disparity([[0], [0]], [[5], [7]])
    (one, _) = nobody.estimates(np.zeros((2, 1, 2)), [5, 7])
    assert np.isnan(nobody.value).all()
    assert one.status is Status.NOT_ESTIMABLE
    assert "no stratum" in one.reason


@given(arrays(np.int64, (3, 4, 2), elements=st.integers(0, 40)))
def test_groups_add_up_to_nothing_and_stay_in_range(table):
    found = conditional_disparity(table[..., 0], table[..., 1])
    if np.isfinite(found.value).all():
        assert found.value.sum() == pytest.approx(0, abs=1e-9)
        assert (np.abs(found.value) <= 1 + 1e-12).all()
        # an influence function has mean 0 over the people compared
        assert (found.psi * table).sum((1, 2, 3)) == pytest.approx(np.zeros(3), abs=1e-9)


def test_influence_is_the_change_that_a_person_makes():
    table = np.random.default_rng(3).integers(20, 90, (2, 3, 2)).astype(float)
    found = conditional_disparity(table[..., 0], table[..., 1])
    for cell in ((0, 1, 0), (1, 2, 1), (0, 0, 1)):
        more = table.copy()
        more[cell] += 1e-4
        moved = (conditional_disparity(more[..., 0], more[..., 1]).value[0] - found.value[0]) / 1e-4
        assert found.psi[(0, *cell)] == pytest.approx(moved, abs=1e-6)


def test_the_interval_covers():
    """2,000 draws of 800 people; the truth from the probabilities themselves."""
    rng = np.random.default_rng(7)
    p = rng.dirichlet(np.full(2 * 3 * 2, 4.0)).reshape(2, 3, 2)
    truth = conditional_disparity(p[..., 0], p[..., 1]).value[0]
    hits = 0
    for draw in rng.multinomial(800, p.ravel(), size=2000):
        table = draw.reshape(2, 3, 2)
        e = conditional_disparity(table[..., 0], table[..., 1]).estimates(table, table.sum((1, 2)))[0]
        hits += e.low <= truth <= e.high
    assert 0.935 < hits / 2000 < 0.965


@pytest.mark.parametrize(
    ("refused", "accepted", "words"),
    [
        ([[1, 2]], [[1]], "differ in shape"),
        ([[-1]], [[1]], "below 0"),
        ([[float("nan")]], [[1]], "not a number"),
        ([1, 2], [3, 4], "groups × strata"),
    ],
)
def test_what_is_refused(refused, accepted, words):
    with pytest.raises(PrimumError, match=words):
        conditional_disparity(refused, accepted)
