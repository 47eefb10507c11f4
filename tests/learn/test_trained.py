"""The learners as one calibrated scikit-learn classifier."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from primum.errors import PrimumError
from primum.learn.trained import Trained


def people(n=1200, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    x[:, 2] = rng.integers(0, 3, n)
    risk = 1 / (1 + np.exp(-(-1.5 + 1.2 * x[:, 0] + 0.8 * (x[:, 2] == 1))))
    y = (rng.random(n) < risk).astype(int)
    x[rng.random(n) < 0.1, 1] = np.nan
    return x, y, risk


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_it_is_calibrated_on_new_people(kind):
    x, y, _ = people()
    new, outcome, risk = people(seed=9)
    model = Trained(kind, ("a", "b", "c"), {"c": ["u", "v", "w"]}, seed=1)
    p = clone(model).fit(x, y).predict_proba(new)[:, 1]
    assert abs(p.mean() - outcome.mean()) < 0.04
    assert np.corrcoef(p, risk)[0, 1] > 0.9


def test_it_repeats_bit_by_bit_and_takes_weights():
    x, y, _ = people()
    model = Trained("logistic", ("a", "b", "c"), {"c": ["u", "v", "w"]}, seed=1)
    first, again = (clone(model).fit(x, y).predict_proba(x) for _ in range(2))
    assert np.array_equal(first, again)
    heavy = clone(model).fit(x, y, sample_weight=np.where(y == 1, 3.0, 1.0)).predict_proba(x)
    assert heavy[:, 1].mean() > first[:, 1].mean() + 0.1


def test_what_it_refuses():
    x, y, _ = people(60)
    with pytest.raises(PrimumError, match="no learner 'forest'"):
        Trained("forest", ("a", "b", "c")).fit(x, y)
    few = np.zeros(60, dtype=int)
    few[:2] = 1
    with pytest.raises(PrimumError, match="Only 2 people"):
        Trained("logistic", ("a", "b", "c")).fit(x, few)
