"""Influence in closed form is what adding a little to every cell shows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.measure import linear
from primum.measure.influence import CLOSED
from primum.measure.metric import metric
from primum.tally.count import count
from primum.tally.resample import coarsen, histogram


def group(n, seed, *, weight):
    rng = np.random.default_rng(seed)
    risk = rng.beta(1.2, 6, n)
    frame = pl.DataFrame({"y": (rng.random(n) < risk).astype(int), "s": risk, "w": rng.gamma(2, 0.5, n)})
    return coarsen(histogram(count(frame, "y", "s", weight="w" if weight else None), 0))


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("n", [40, 400, 20_000])
@pytest.mark.parametrize("weight", [False, True])
def test_it_is_the_limit_of_adding_a_little(monkeypatch, name, n, weight):
    h = group(n, 5, weight=weight)
    exact = linear.influence(metric(name), h, lambda x: x, 0.0)
    monkeypatch.setattr(linear, "CLOSED", {})
    numeric = linear.influence(metric(name), h, lambda x: x, 0.0)
    np.testing.assert_allclose(exact, numeric, rtol=2e-3, atol=2e-4 * np.abs(numeric).max())
    assert linear.variance(exact, h) == pytest.approx(linear.variance(numeric, h), rel=1e-3)
    # weight added everywhere in proportion changes nothing
    assert abs((exact * h.w).sum()) < 1e-8 * np.abs(exact * h.w).sum()


@pytest.mark.parametrize("n", [30, 400, 5000])
@pytest.mark.parametrize("seed", range(8))
def test_one_histogram_is_fitted_as_its_replicates_are(n, seed):
    from primum.measure.calibration import fit, intercept

    h = group(n, seed, weight=seed % 2 == 1)
    many = type(h)(**{k: np.stack([getattr(h, k)] * 2) for k in ("n", "w", "ww", "ws", "wss")}, selected=h.selected)
    for one, two in ((intercept(h), intercept(many)[0]), *zip(fit(h), [x[0] for x in fit(many)], strict=True)):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)
