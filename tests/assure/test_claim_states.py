"""The state of a claim follows from its interval, and keeps that promise in simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from primum.assure.state import State, state_of
from primum.finding import Estimate, Status, Verdict, judge
from primum.measure.intervals import wilson


def made(low: float, high: float, **changes) -> Estimate:
    return replace(Estimate((low + high) / 2, low, high, "Wilson", 100, 40, 60), **changes)


@pytest.mark.parametrize(
    ("low", "high", "direction", "threshold", "state"),
    [
        (0.61, 0.7, "at least", 0.6, State.SUPPORTED),
        (0.5, 0.59, "at least", 0.6, State.REFUTED),
        (0.5, 0.7, "at least", 0.6, State.INCONCLUSIVE),
        (0.6, 0.7, "at least", 0.6, State.INCONCLUSIVE),  # touching is not beyond
        (0.5, 0.6, "at least", 0.6, State.INCONCLUSIVE),
        (0.1, 0.19, "at most", 0.2, State.SUPPORTED),
        (0.21, 0.3, "at most", 0.2, State.REFUTED),
        (0.1, 0.3, "at most", 0.2, State.INCONCLUSIVE),
        (-0.1, 0.1, "within", 0.2, State.SUPPORTED),
        (0.21, 0.4, "within", 0.2, State.REFUTED),
        (-0.4, -0.21, "within", 0.2, State.REFUTED),
        (-0.4, 0.4, "within", 0.2, State.INCONCLUSIVE),
    ],
)
def test_the_whole_interval_decides(low, high, direction, threshold, state):
    assert state_of(made(low, high), direction, threshold)[0] is state


def test_the_point_never_decides():
    good = replace(made(0.55, 0.65), value=0.649)
    bad = replace(good, value=0.551)
    assert state_of(good, "at least", 0.6) == state_of(bad, "at least", 0.6)


@pytest.mark.parametrize(
    ("better", "direction", "sign"), [("higher", "at least", -1), ("lower", "at most", 1), ("zero", "within", 1)]
)
def test_it_agrees_with_the_verdict_on_margins(better, direction, sign):
    said = {
        Verdict.HARM: State.REFUTED, Verdict.NO_HARM: State.SUPPORTED, Verdict.INCONCLUSIVE: State.INCONCLUSIVE,
    }  # fmt: skip
    rng = np.random.default_rng([1, 77])
    for low, high in np.sort(rng.uniform(-0.3, 0.3, (300, 2)), axis=1):
        verdict = judge(low, high, 0.1, better=better)
        assert state_of(made(low, high), direction, sign * 0.1)[0] is said[verdict]


def test_what_is_withheld_is_inconclusive_and_what_is_undefined_untested():
    withheld = made(0.7, 0.8, status=Status.SUPPRESSED, reason="fewer than 10 people")
    assert state_of(withheld, "at least", 0.6) == (State.SUPPRESSED, "fewer than 10 people")
    assert str(State.SUPPRESSED) == "inconclusive (suppressed)"
    nobody = made(math.nan, math.nan, status=Status.NOT_ESTIMABLE, reason="no positives in this group")
    assert state_of(nobody, "at least", 0.6) == (State.UNTESTED, "no positives in this group")
    assert state_of(made(math.nan, 0.7, value=0.65), "at least", 0.6)[0] is State.UNTESTED


def test_too_few_settle_nothing_and_too_wide_supports_nothing():
    assert state_of(made(0.7, 0.8), "at least", 0.6, events=50, behind=40)[0] is State.INCONCLUSIVE
    assert "40 people; 50" in state_of(made(0.7, 0.8), "at least", 0.6, events=50, behind=40)[1]
    assert state_of(made(0.1, 0.2), "at least", 0.6, events=50, behind=40)[0] is State.INCONCLUSIVE
    assert state_of(made(0.62, 0.98), "at least", 0.6, half_width=0.15)[0] is State.INCONCLUSIVE
    assert state_of(made(0.1, 0.5), "at least", 0.6, half_width=0.15)[0] is State.REFUTED
    barely = state_of(made(0.62, 0.9206), "at least", 0.6, half_width=0.15)[1]
    assert barely == "the interval is ±0.151, wider than the declared ±0.15"
    assert state_of(made(0.7, 0.8), "at least", 0.6, imprecise="too few") == (State.INCONCLUSIVE, "too few")


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="a direction is"):
        state_of(made(0.1, 0.2), "above", 0.6)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="above 0"):
        state_of(made(0.1, 0.2), "within", 0)


def test_a_false_claim_is_rarely_supported():
    """At the threshold itself a 95 % interval supports, and refutes, about 2.5 % each."""
    rng = np.random.default_rng([1, 78])
    n, truth, rounds = 400, 0.7, 4000
    hits = rng.binomial(n, truth, rounds)
    low, high = wilson(hits, np.full(rounds, n))
    states = [state_of(made(a, b), "at least", truth)[0] for a, b in zip(low, high, strict=True)]
    for state in (State.SUPPORTED, State.REFUTED):
        assert states.count(state) / rounds < 0.025 + 4 * math.sqrt(0.025 * 0.975 / rounds)
        assert states.count(state) / rounds > 0.01
