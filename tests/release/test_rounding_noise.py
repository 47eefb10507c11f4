"""What rounding adds to an interval: the written-out variance of a uniform error, and nothing without rounding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from primum.disclose.presets import preset
from primum.finding import Estimate
from primum.release.rounding_noise import spread, widened
from primum.tally.grid import STEPS, Grid
from primum.tally.score import ScoreTally

if TYPE_CHECKING:
    import numpy.typing as npt


def tally(groups: dict[str, tuple[int, int, int, int]]) -> ScoreTally:
    """Return a tally at one threshold; each group has (true negatives, false positives, missed, found)."""
    n = np.array([x for own in groups.values() for x in own], dtype=np.int64)
    at = np.repeat(np.arange(len(groups)), 4)
    w: npt.NDArray[Any] = n.astype(np.float64)
    return ScoreTally(
        ("g",), tuple((g,) for g in groups), at, np.tile([0, 0, 1, 1], len(groups)), np.tile([0, 1, 0, 1], len(groups)),
        n, w, w, w * 0.3, w * 0.1, Grid(0.0, 1.0, (0.5,), STEPS),
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
