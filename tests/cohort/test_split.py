"""Folds: everyone in one, events spread evenly, people and families together, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from primum.cohort.split import clusters, folds
from primum.errors import PrimumError


@given(st.integers(2, 10), st.integers(0, 200), st.integers(0, 200), st.integers(0, 5))
def test_stratified(n_folds, events, nonevents, seed):
    assume(min(events, nonevents) >= n_folds)
    y = np.repeat([1, 0], [events, nonevents])
    fold = folds(y, None, n_folds, seed)
    assert fold.shape == y.shape
    for kind in (0, 1):
        count = np.bincount(fold[y == kind], minlength=n_folds)
        assert count.max() - count.min() <= 1
    size = np.bincount(fold, minlength=n_folds)
    assert size.max() - size.min() <= 1
    assert np.array_equal(fold, folds(y, None, n_folds, seed))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=30, max_size=300),
    st.integers(2, 5),
)
def test_clusters_stay_together(rows, n_folds):
    code = np.array([c for c, _ in rows])
    y = np.array([int(e) for _, e in rows])
    with_event = np.unique(code[y == 1]).size
    assume(with_event >= n_folds and np.unique(code[y == 0]).size >= n_folds)
    fold = folds(y, code, n_folds, 7)
    assert all(np.unique(fold[code == c]).size == 1 for c in np.unique(code))
    assert np.bincount(fold[y == 1], minlength=n_folds).min() >= 1
    size = np.bincount(fold, minlength=n_folds)
    assert size.max() - size.min() <= 3 * np.bincount(code).max()
    assert np.array_equal(fold, folds(y, code, n_folds, 7))


def test_large_families_are_balanced():
    rng = np.random.default_rng(1)
    code = rng.integers(0, 3000, 10_000)
    y = (rng.random(10_000) < 0.1).astype(int)
    fold = folds(y, code, 5, 3)
    size, events = np.bincount(fold), np.bincount(fold, weights=y)
    assert np.ptp(size) <= 10
    assert np.ptp(events) <= 4


def test_another_seed_another_split():
    y = np.tile([0, 1], 100)
    assert not np.array_equal(folds(y, None, 5, 1), folds(y, None, 5, 2))


def test_fold_does_not_follow_the_order_of_rows():
    y = np.zeros(1000, dtype=int)
    y[::2] = 1
    fold = folds(y, None, 5, 1)
    assert abs(np.corrcoef(fold, np.arange(1000))[0, 1]) < 0.15


def test_fewer_events_than_folds():
    y = np.array([1, 1, 1, *[0] * 20])
    with pytest.raises(PrimumError, match=r"Only 3 rows with the outcome: too few for 5 folds[\s\S]*3 or fewer"):
        folds(y, None, 5, 1)
    with pytest.raises(PrimumError, match=r"Only 3 rows without the outcome"):
        folds(1 - y, None, 5, 1)
    with pytest.raises(PrimumError, match=r"Only 1 rows with the outcome[\s\S]*more people are needed"):
        folds(np.array([1, 0, 0, 0]), None, 2, 1)


def test_events_in_few_families():
    y = np.array([1] * 10 + [0] * 20)
    family = np.array([0] * 5 + [1] * 5 + list(range(2, 22)))
    with pytest.raises(PrimumError, match=r"Only 10 rows with the outcome, in 2 independent persons or families"):
        folds(y, family, 5, 1)


def test_links_chain_through_persons_and_families():
    person = np.array([0, 0, 1, 2, 3])
    family = np.array([0, 1, 1, 2, 3])
    code = clusters(person, family)
    assert code[0] == code[1] == code[2]
    assert len({code[0], code[3], code[4]}) == 3


def test_one_kind_of_cluster_is_itself():
    code = np.array([2, 2, 5])
    assert clusters(None, None) is None
    assert clusters(code, None) is code
    assert clusters(None, code) is code
