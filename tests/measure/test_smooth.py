"""The smoothed calibration curve: what it must give back, and its bands."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit
from statsmodels.nonparametric.smoothers_lowess import lowess

from primum.measure.smooth import curve, fitted, lines, windows
from primum.tally.count import count
from primum.tally.resample import histogram


def tallied(s, y, **more):
    return count(pl.DataFrame({"s": s, "y": y, **more}), "y", "s")


def people(n, seed=0, *, bend=lambda s: s):
    rng = np.random.default_rng(seed)
    s = rng.beta(1, 5, n)
    return s, (rng.random(n) < bend(s)).astype(int)


def test_a_straight_line_is_given_back_without_bias():
    rng = np.random.default_rng(1)
    w, risk = rng.integers(1, 9, 40).astype(float), np.sort(rng.beta(1, 5, 40))
    straight = 0.02 + 0.7 * risk
    assert lines(windows(w), w, risk, straight) == pytest.approx(straight, abs=1e-6)


def test_the_window_by_hand():
    """Four people in four bins: ranks 1/8, 3/8, 5/8, 7/8; the nearest half of the first reaches up to 3/8 away."""
    near = windows(np.ones(4), span=0.5)
    rank = np.array([1, 3, 5, 7]) / 8
    for i, reach in enumerate([3 / 8, 1 / 4, 1 / 4, 3 / 8]):
        assert near[i] == pytest.approx(np.clip(1 - (np.abs(rank - rank[i]) / reach) ** 3, 0, 1) ** 3)


def test_the_line_is_weighted_least_squares():
    rng = np.random.default_rng(3)
    w, risk, observed = rng.uniform(0.5, 3, 25), np.sort(rng.beta(2, 5, 25)), rng.uniform(0.1, 0.6, 25)
    near = windows(w)
    for i in (0, 7, 24):
        root = np.sqrt(near[i] * w)
        design = np.stack([np.ones(25), risk - risk[i]], axis=1)
        level = np.linalg.lstsq(design * root[:, None], observed * root, rcond=None)[0][0]
        assert lines(near, w, risk, observed)[i] == pytest.approx(np.clip(level, 0, 1), abs=1e-6)


def test_it_lies_near_lowess():
    s, y = people(4000, bend=lambda s: expit(0.4 + 1.5 * logit(s)))
    other = lowess(y, s, frac=0.5, it=0, return_sorted=True)
    w, risk, ours = fitted(histogram(tallied(s, y), 0))
    theirs = np.interp(risk, other[:, 0], other[:, 1])
    assert np.average(np.abs(ours - theirs), weights=w) < 0.01


def test_bands_hold_the_truth_about_as_often_as_they_say():
    hits = []
    for seed in range(60):
        s, y = people(1500, seed)
        hits += [r["low"] <= r["predicted"] <= r["high"] for r in curve(tallied(s, y), 0)]
    assert 0.92 <= np.mean(hits) <= 0.99


def test_bands_are_those_of_the_linear_smoother():
    """The people behind a band are 1 / Σ l², l the share of each person in the line at that point."""
    s, y = people(60)
    order = np.argsort(s)
    risk = s[order]
    near = windows(np.ones(60))
    rows = curve(tallied(s, y), 0, points=60)
    for i in (0, 30, 59):
        root = np.diag(near[i])
        design = np.stack([np.ones(60), risk - risk[i]], axis=1)
        line = np.linalg.solve(design.T @ root @ design, design.T @ root)[0]
        assert rows[i]["n_effective"] == pytest.approx(1 / (line**2).sum(), rel=1e-4)
        assert rows[i]["low"] <= rows[i]["observed"] <= rows[i]["high"]


def test_no_events_at_all_leave_a_band_above_zero():
    s = np.linspace(0.01, 0.4, 50)
    rows = curve(tallied(s, np.zeros(50, dtype=int)), 0)
    assert all(r["observed"] == 0 and r["low"] == 0 and r["high"] > 0 for r in rows)


def test_few_people_and_points_have_no_curve():
    s, y = people(19)
    assert curve(tallied(s, y), 0) == []
    points = count(pl.DataFrame({"s": [1.0, 5, 7] * 20, "y": [0, 1, 1] * 20}), "y", "s", score_range=(0, 10))
    assert curve(points, 0) == []


def test_one_score_for_everybody_gives_the_share_observed():
    rows = curve(tallied([0.2] * 40, [1] * 10 + [0] * 30), 0)
    assert [(r["predicted"], r["observed"]) for r in rows] == [pytest.approx((0.2, 0.25))]
