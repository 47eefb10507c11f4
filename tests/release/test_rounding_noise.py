"""What rounding adds to an interval: the written-out variance of a uniform error, and nothing without rounding."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from primum.disclose.presets import preset
from primum.disclose.weights import coarse
from primum.finding import Estimate
from primum.measure.estimate import Settings, estimates
from primum.release.rounding_noise import spread, widened
from primum.tally.grid import STEPS, Grid
from primum.tally.score import ScoreTally

if TYPE_CHECKING:
    import numpy.typing as npt


def tally(groups: dict[str, tuple[int, int, int, int]]) -> ScoreTally:
    """Return a tally at one threshold; each group has (true negatives, false positives, missed, found)."""
    return weighted_tally(groups, 1.0)


def weighted_tally(groups: dict[str, tuple[int, int, int, int]], mean: float) -> ScoreTally:
    """Return the same people, each of whom weighs as much."""
    n = np.array([x for own in groups.values() for x in own], dtype=np.int64)
    at = np.repeat(np.arange(len(groups)), 4)
    w: npt.NDArray[Any] = n.astype(np.float64) * mean
    return ScoreTally(
        ("g",), tuple((g,) for g in groups), at, np.tile([0, 0, 1, 1], len(groups)), np.tile([0, 1, 0, 1], len(groups)),
        n, w, w * mean, w * 0.3, w * 0.1, Grid(0.0, 1.0, (0.5,), STEPS),
    )  # fmt: skip


def test_the_spread_of_a_rate_is_that_of_two_uniform_errors() -> None:
    view = tally({"a": (400, 100, 50, 150), "b": (300, 100, 60, 40)})
    found = spread(view, ["sensitivity"], 0.5, preset("strict_lp"), 1)
    for own, (missed, hit) in zip(found, ((50, 150), (60, 40)), strict=True):
        n = missed + hit
        expected = 10 / math.sqrt(12) * math.hypot(missed, hit) / n**2
        assert own["sensitivity"][0] == pytest.approx(expected, rel=0.25)


def test_without_rounding_nothing_moves() -> None:
    found = spread(tally({"a": (400, 100, 50, 150)}), ["sensitivity", "auroc"], 0.5, preset("cbs"), 1)
    assert [v.tolist() for v in found[0].values()] == [[0.0, 0.0], [0.0, 0.0]]


def test_a_measure_of_the_whole_score_moves_too() -> None:
    view = tally({"a": (400, 100, 50, 150), "b": (300, 100, 60, 40)})
    found = spread(view, ["auroc"], 0.5, preset("opensafely"), 1)
    assert 0 < found[0]["auroc"][0] < 0.05


def test_an_interval_grows_by_the_spread_and_stays_in_its_range() -> None:
    e = Estimate(0.9, 0.86, 0.94, "Wilson", 200, 100, 100)
    got = widened(e, 0.03, (0.0, 1.0))
    assert got.low == pytest.approx(0.9 - math.hypot(0.04, 1.959964 * 0.03))
    assert got.high == pytest.approx(0.9 + math.hypot(0.04, 1.959964 * 0.03))
    assert widened(e, 0.5, (0.0, 1.0)).high == 1.0
    assert widened(e, 0.0) is e


def test_intervals_still_hold_after_rounding() -> None:
    """Counts of a known rate, rounded to tens: the wider interval covers the truth as often as it says."""
    rng, covered = np.random.default_rng(8), 0
    policy, runs = preset("strict_lp"), 300
    for _ in range(runs):
        hit = int(rng.binomial(90, 0.7))
        shown = [10 * round(x / 10) for x in (hit, 90 - hit)]
        if min(shown) == 0:
            shown = [max(x, 10) for x in shown]
        n = sum(shown)
        p = shown[0] / n
        half = 1.96 * math.sqrt(0.7 * 0.3 / 90)
        view = tally({"a": (400, 100, shown[1], shown[0])})
        sd = float(spread(view, ["sensitivity"], 0.5, policy, 3)[0]["sensitivity"][0])
        e = widened(Estimate(p, p - half, p + half, "Wald", n, n, 0), sd, (0.0, 1.0))
        covered += e.low <= 0.7 <= e.high
    assert covered / runs >= 0.93


def test_the_spread_of_a_rate_is_that_of_two_rounded_mean_weights() -> None:
    view = weighted_tally({"a": (400, 100, 50, 150), "b": (300, 100, 60, 40)}, 12.0)
    found = spread(view, ["sensitivity", "auroc"], 0.5, preset("cbs"), 1)
    for own, (missed, hit) in zip(found, ((50, 150), (60, 40)), strict=True):
        n = missed + hit
        off = {50: 2.0, 60: 2.0, 40: 2.0, 150: 0.2}  # a tenth of 12 is 1.2, so 2; a hundredth 0.12, so 0.2
        each = math.hypot(off[missed], off[hit]) / math.sqrt(12) / 12.0
        assert own["sensitivity"][0] == pytest.approx(each * missed * hit / n**2, rel=0.25)
        assert own["auroc"][0] > 0
    assert found[0]["sensitivity"][1] == pytest.approx(found[1]["sensitivity"][0], rel=0.3)  # all without a are b


def test_intervals_still_hold_after_weights_were_rounded() -> None:
    """Weighted people of a known rate, mean weights to one in ten: the interval covers as often as it says."""
    rng, policy, runs = np.random.default_rng(9), preset("cbs"), 400
    covered = without = 0
    for _ in range(runs):
        hit = int(rng.binomial(60, 0.6))
        weights = [rng.lognormal(9, 0.5, k) for k in (hit, 60 - hit)]
        exact = weights[0].sum() / (weights[0].sum() + weights[1].sum())
        cells = np.array([[400, 100, 60 - hit, hit], *np.zeros((4, 4))], dtype=np.float64)
        cells[1] = [400 * 9e3, 100 * 9e3, weights[1].sum(), weights[0].sum()]
        cells[2] = [400 * 9e7, 100 * 9e7, (weights[1] ** 2).sum(), (weights[0] ** 2).sum()]
        n, w, ww, ws, wss = coarse(cells)
        view = replace(
            tally({"a": (400, 100, 60 - hit, hit)}), n=n.astype(np.int64), w=w, ww=ww, ws=ws, wss=wss
        )  # fmt: skip
        e = estimates(view, ["sensitivity"], Settings(at=0.5))[0]["sensitivity"]
        sd = float(spread(view, ["sensitivity"], 0.5, policy, 3)[0]["sensitivity"][0])
        wide = widened(e, sd, (0.0, 1.0))
        assert abs(e.value - exact) < 3.5 * sd  # half a step of each of two cells
        assert wide.high - wide.low > e.high - e.low
        covered += wide.low <= 0.6 <= wide.high
        without += e.low <= 0.6 <= e.high
    assert covered >= without
    assert covered / runs >= 0.94
