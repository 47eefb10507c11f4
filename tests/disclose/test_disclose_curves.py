"""Curves thinned on the public grid: the numbers of the specification, and the attacks that must fail."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.disclose.curves import binned, from_tally, thinned, thinned_times
from primum.errors import PrimumError
from primum.tally.count import count

EVENTS = [0.5818, 0.7840, 0.6197, 0.4890, 0.6709, 0.4491, 0.5118]
NONEVENTS = [
    0.4404, 0.5386, 0.0753, 0.3033, 0.3921, 0.5729, 0.3578, 0.3463, 0.5145, 0.1756, 0.3922, 0.3339, 0.1200, 0.5144,
    0.4249, 0.3596, 0.6215, 0.2825, 0.3738, 0.6017, 0.2788, 0.4504, 0.3156, 0.0694, 0.1215, 0.1863, 0.4742, 0.2729,
    0.5493, 0.2062, 0.1780, 0.0886, 0.3394,
]  # fmt: skip
SCORES, OUTCOME = np.array(EVENTS + NONEVENTS), np.array([1] * 7 + [0] * 33)


def large():
    rng = np.random.default_rng(2)
    y = rng.random(3000) < 0.12
    return np.clip(rng.normal(0.3 + 0.2 * y, 0.15), 0, 1), y


def area(events, nonevents):
    wins = (events[:, None] > nonevents[None, :]).mean()
    return wins + (events[:, None] == nonevents[None, :]).mean() / 2


def test_t10_small_every_point_gives_every_patient_away_and_protection_withholds_the_curve():
    order = np.sort(SCORES)[::-1]
    steps = binned(SCORES, OUTCOME, [*order, 0.0])
    x, y = (np.diff(v) for v in steps.roc)
    sizes = [round(1 / v[v > 1e-12].min()) for v in (y, x)]
    assert sizes == [7, 33]
    recovered = {(s, int(step > 1e-12)) for s, step in zip(order, y[:40], strict=True)}
    assert recovered == set(zip(SCORES.tolist(), OUTCOME.tolist(), strict=True))
    assert thinned(steps, 10) is None
    assert thinned(binned(SCORES, OUTCOME), 10) is None


@pytest.mark.parametrize(("per_unit", "points", "auroc"), [(100, 23, 0.8363), (50, 20, 0.8366), (20, 11, 0.8344)])
def test_t10_large_on_the_public_grid(per_unit, points, auroc):
    s, y = large()
    assert (int(y.sum()), len(np.unique(s)), int((s == 0).sum())) == (349, 2951, 50)
    steps = thinned(binned(s, y, np.arange(per_unit, -1, -1) / per_unit), 10)
    assert len(steps.roc[0]) == points
    assert round(steps.auroc, 4) == auroc
    assert min(steps.events.min(), steps.nonevents.min()) >= 10
    assert (steps.events.sum(), steps.nonevents.sum()) == (349, 2651)
    exact = area(s[y], s[~y])
    assert round(exact, 4) == 0.8389
    assert abs(steps.auroc - exact) <= 0.005


def test_t10_large_no_step_names_a_person():
    s, y = large()
    x, rates = (np.diff(v) for v in thinned(binned(s, y), 10).roc)
    # the attack reads class sizes from the smallest steps; here these are steps of ten and more
    assert round(1 / rates.min()) < 349 / 5
    assert round(1 / x.min()) < 2651 / 5
    assert not ((rates * 349 < 9.5) | (x * 2651 < 9.5)).any()


def test_t11_two_close_thresholds_give_counts_and_protection_has_none_of_them():
    def benefit(t):
        tp, fp = ((t <= SCORES) & (k == OUTCOME) for k in (1, 0))
        return (tp.sum() - fp.sum() * t / (1 - t)) / 40

    low, high = benefit(0.2), benefit(0.2001)
    assert low == pytest.approx(0.01875)
    assert high == pytest.approx(0.0186523315)
    odds = np.array([0.2 / 0.8, 0.2001 / 0.7999])
    tp, fp = np.linalg.solve(np.column_stack([[1, 1], -odds]), 40 * np.array([low, high]))
    assert (round(tp), round(fp)) == (7, 25)
    assert thinned(binned(SCORES, OUTCOME), 10) is None
    s, y = large()
    steps = thinned(binned(s, y), 10)
    thresholds, nb = steps.thresholds[:-1], steps.net_benefit[:-1]
    assert np.abs(np.diff(thresholds)).min() >= 0.01 - 1e-9
    assert set(np.round(thresholds * 100, 6) % 1) == {0.0}
    # differences of neighbouring points hold at least ten of each
    t = thresholds[:, None]
    tp = ((s >= t) & y).sum(axis=1)
    fp = ((s >= t) & ~y).sum(axis=1)
    assert nb == pytest.approx((tp - fp * thresholds / (1 - thresholds)) / 3000)
    assert min(np.diff(tp).min(), np.diff(fp).min()) >= 10


def test_the_tally_gives_the_same_steps_as_the_rows():
    s, y = large()
    frame = pl.DataFrame({"s": s, "y": y.astype(int), "g": np.where(np.arange(3000) % 3, "a", "b")})
    tally = count(frame, "y", "s", by=["g"])
    for i, (name,) in enumerate(tally.groups):
        own = frame.filter(pl.col("g") == name)
        rows, counted = binned(own["s"].to_numpy(), own["y"].to_numpy()), from_tally(tally, i)
        assert (counted.events == rows.events).all()
        assert (counted.nonevents == rows.nonevents).all()


def test_other_curves_come_from_the_same_steps():
    s, y = large()
    steps = thinned(binned(s, y), 10)
    recall, precision = steps.precision_recall
    assert (recall[-1], precision[-1]) == (1.0, pytest.approx(349 / 3000))
    assert steps.observed == pytest.approx(steps.events / (steps.events + steps.nonevents))
    assert len(steps.observed) == len(steps.roc[0]) - 1


def test_follow_up_has_enough_leavers_a_step():
    times, leavers = thinned_times([1, 2, 3, 4, 5, 6], [4, 7, 3, 8, 7, 2], 10)
    assert times.tolist() == [2, 6]
    assert leavers.tolist() == [11, 20]
    assert thinned_times([1, 2], [4, 5], 10) is None


def test_mistakes_are_told():
    with pytest.raises(PrimumError, match="not decreasing"):
        binned([0.5], [1], [0.0, 1.0])
    with pytest.raises(PrimumError, match="Steps of 0 people"):
        thinned(binned([0.5], [1]), 0)
