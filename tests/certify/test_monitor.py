"""Monitoring: Ville's promise by simulation, batches that do not matter, dates, groups, and state that survives."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.certify.eprocess import EProcess, least_people, wealth
from primum.certify.monitor import Monitor, needed, start
from primum.certify.utility import SENSITIVITY, net_benefit
from primum.errors import PrimumError
from primum.tally.paired import count_pairs

MARGIN, ALPHA, W = 0.01, 0.05, 0.25
AT_20 = net_benefit(0.2)
SCENARIOS = {"good": (0.10, 0.01, 0.01, 0.01), "neutral": (0.01, 0.01, 0.005, 0.005)}


def differences(rng, shape, share, scenario):
    """Draw changes of net benefit at .2: cases gained and lost, false alarms added and spared."""
    a, b, c, e = SCENARIOS.get(scenario) or (0.02, 0.02 + MARGIN / share, 0.0, 0.0)
    case, u = rng.random(shape) < share, rng.random(shape)
    ill = np.where(u < a, 1.0, np.where(u < a + b, -1.0, 0.0))
    well = np.where(u < c, -W, np.where(u < c + e, W, 0.0))
    return np.where(case, ill, well)


# -- one process ------------------------------------------------------------------------------------------------------


def test_wealth_by_hand():
    """X = (1 + 1)/2 = 1 and m = .495: first stake √(2 ln 20/(4·.25)), capped at .75/m."""
    one = EProcess(-0.01, -1, 1, 0.05, horizon=4).after([1.0])
    m = 0.495
    stake = min(math.sqrt(2 * math.log(20) / (4 * 0.25)), 0.75 / m)
    assert one.e == pytest.approx(1 + stake * (1 - m))
    two = one.after([0.0])
    variance = (0.25 + (1 - 0.75) ** 2) / 2  # the running mean after one patient is (.5 + 1)/2
    stake = min(math.sqrt(2 * math.log(20) / (4 * variance)), 0.75 / m)
    assert two.e == pytest.approx(one.e * (1 + stake * (0.5 - m)))
    assert two.peak == max(one.log_e, two.log_e)


def test_an_open_end_bets_less_and_less():
    path = wealth(np.full(3, 0.5), 0.4, 0.05, None)
    first = min(math.sqrt(2 * math.log(20) / (math.log(2) * 0.25)), 0.75 / 0.4)
    assert path[0] == pytest.approx(math.log1p(first * 0.1))
    assert np.diff(path).max() < path[0] + 1e-12


@given(st.lists(st.sampled_from([-1.0, -W, 0.0, W, 1.0]), max_size=40), st.integers(0, 40), st.integers(1, 100),
       st.sampled_from([None, 1, 7, 100]))  # fmt: skip
def test_patients_in_order_may_come_in_any_batches(values, cut, horizon, renew):
    whole = EProcess(-MARGIN, -1, 1, ALPHA, horizon, renew).after(values)
    parts = EProcess(-MARGIN, -1, 1, ALPHA, horizon, renew).after(values[:cut]).after(values[cut:])
    assert whole == parts  # to the last digit


@pytest.mark.parametrize("horizon", [400, None])
def test_no_more_than_alpha_ever_cross_under_harm(horizon):
    """Looking after every patient and stopping at the best moment: at the boundary at most 5 %."""
    rng = np.random.default_rng(11)
    for scenario, share in (("harm", 0.12), ("harm", 0.3)):
        x = (differences(rng, (1500, 400), share, scenario) + 1) / 2
        path = wealth(x, (1 - MARGIN) / 2, ALPHA, horizon)
        assert (path.max(axis=1) >= math.log(1 / ALPHA)).mean() <= ALPHA


def test_fresh_wealth_by_hand():
    """Of 1, first 1/2 is put in and 1/2 kept; after two patients another 1/6, and 1/3 is kept."""
    x = [1.0, -1.0, 1.0]
    plain = [EProcess(0.0, -1, 1, ALPHA, 10).after(x[:k]).e for k in range(4)]
    fresh = [EProcess(0.0, -1, 1, ALPHA, 10, 2).after(x[:k]).e for k in range(4)]
    assert fresh[0] == 1
    assert fresh[1] == pytest.approx(plain[1] / 2 + 1 / 2)
    assert fresh[2] == pytest.approx(plain[2] / 2 + 1 / 2)
    assert fresh[3] == pytest.approx((plain[2] / 2 + 1 / 6) * plain[3] / plain[2] + 1 / 3)


def test_fresh_wealth_keeps_the_promise_and_sees_late_harm_sooner():
    rng = np.random.default_rng(13)
    crossed = [EProcess(0.0, -1, 1, ALPHA, None, 50).after(rng.choice([-1.0, 0.0, 1.0], 500, p=[0.1, 0.8, 0.1])).crossed
               for _ in range(400)]  # fmt: skip
    assert np.mean(crossed) <= ALPHA
    good, bad = rng.choice([-1.0, 0.0], 3000, p=[0.1, 0.9]), rng.choice([0.0, 1.0], 6000, p=[0.9, 0.1])

    def until(renew):
        process = EProcess(0.0, -1, 1, ALPHA, 3000, renew).after(good)
        return next(k for k in range(50, 6001, 50) if process.after(bad[:k]).crossed)

    assert until(100) < 0.5 * until(None)


def test_mean_wealth_does_not_grow_at_the_boundary():
    rng = np.random.default_rng(12)
    x = rng.random((40_000, 12)) < 0.4
    path = wealth(x.astype(float), 0.4, ALPHA, 12)
    e = np.exp(path[:, -1])
    assert abs(e.mean() - 1) < 4 * e.std() / math.sqrt(e.size)


def test_enough_patients_without_any_change_do_certify():
    need = least_people(-MARGIN, -1, 1, ALPHA, 1000)
    process = EProcess(-MARGIN, -1, 1, ALPHA, 1000)
    assert not process.after(np.zeros(need - 1)).crossed
    assert process.after(np.zeros(need)).crossed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"null": -1.5}, "does not lie between"),
        ({"alpha": 1.0}, "level is 1.0"),
        ({"horizon": 0}, "horizon is 0 patients"),
        ({"renew": 0}, "renewed after 0 patients"),
    ],
)
def test_a_process_refuses_what_makes_no_sense(changes, said):
    with pytest.raises(PrimumError, match=said):
        EProcess(**{"null": -0.01, "low": -1.0, "high": 1.0, "alpha": 0.05} | changes)


def test_a_difference_beyond_the_limits_is_refused():
    with pytest.raises(PrimumError, match="outside the declared limits"):
        EProcess(-0.01, -0.5, 0.5, 0.05).after([0.9])


@pytest.mark.slow
def test_the_table_of_the_anytime_certificate():
    """Four groups, running maximum. Reference .0015 / .026 / .553 / .006 (Monte-Carlo s.e. .001, .004, .011, .002)."""
    sizes, shares = (3000, 1500, 600, 250), (0.12, 0.10, 0.15, 0.12)
    expected = {"small": (0.0015, 0.005), "large": (0.026, 0.015), "good": (0.553, 0.06), "neutral": (0.006, 0.01)}
    columns = {
        "small": ("good", "good", "good", "harm"), "large": ("harm", "good", "good", "good"),
        "good": ("good",) * 4, "neutral": ("neutral",) * 4,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    for name, scenarios in columns.items():
        peaks = []
        for n, share, scenario in zip(sizes, shares, scenarios, strict=True):
            own = []
            for _ in range(16):
                x = (differences(rng, (250, n), share, scenario) + 1) / 2
                path = wealth(x, (1 - MARGIN) / 2, ALPHA, n)
                own.append(path.max(axis=1))
            peaks.append(np.concatenate(own))
        found = (np.min(peaks, axis=0) >= math.log(1 / ALPHA)).mean()
        value, slack = expected[name]
        assert found == pytest.approx(value, abs=slack), name
        if name in {"small", "large"}:
            assert found <= ALPHA


# -- the monitor ------------------------------------------------------------------------------------------------------


def patients(rng, n, scenario_of, share=0.12):
    """Return outcome, two decisions and sex: per sex a scenario."""
    sex = rng.choice(["women", "men"], n)
    y = (rng.random(n) < share).astype(int)
    first, second = np.zeros(n, int), np.zeros(n, int)
    u = rng.random(n)
    for label, (a, b, c, e) in scenario_of.items():
        gain, loss = np.where(y == 1, a, c), np.where(y == 1, b, e)
        own = sex == label
        second[own & (u < gain)] = 1
        first[own & (u >= gain) & (u < gain + loss)] = 1
    return y, first, second, {"sex": sex}


def begin(**changes):
    terms = {"utility": AT_20, "margin": MARGIN, "alpha": ALPHA, "horizon": 600}
    return start({"sex": ["men", "women"]}, **terms | changes)


def test_a_good_repair_is_certified_and_dated():
    rng = np.random.default_rng(3)
    monitor = begin()
    for month in range(1, 13):
        monitor = monitor.update(count_pairs(*patients(rng, 200, dict.fromkeys(("men", "women"), SCENARIOS["good"]))),
                                 when=dt.date(2030, month, 1))  # fmt: skip
        if monitor.certified:
            break
    assert monitor.status == "certified"
    assert monitor.certified == monitor.last
    assert {w.status for w in monitor.watches} == {"certified"}
    assert "Certified on 2030-" in monitor.words
    assert monitor.updates == int(monitor.last[5:7])


def test_harm_to_one_group_revokes_with_date_and_group():
    rng = np.random.default_rng(4)
    both_good = dict.fromkeys(("men", "women"), SCENARIOS["good"])
    monitor = begin().update(count_pairs(*patients(rng, 2400, both_good)), when="2030-01-01")
    assert monitor.status == "certified"
    hurt = {"men": SCENARIOS["good"], "women": (0.0, 0.6, 0.1, 0.0)}
    for month in range(2, 13):
        monitor = monitor.update(count_pairs(*patients(rng, 1000, hurt)), when=f"2030-{month:02}-01")
    assert monitor.status == "revoked"
    assert monitor.revoked_for == ("sex", "women")
    assert "2030-01-01" in monitor.words
    assert "in women (sex) the repaired model does harm" in monitor.words
    assert monitor.of("sex", "women").harmed == monitor.revoked
    later = monitor.update(count_pairs(*patients(rng, 5000, both_good)), when="2031-01-01")
    assert (later.status, later.revoked) == ("revoked", monitor.revoked)


def test_no_group_is_wrongly_named_more_often_than_alpha():
    """Neutral swaps (δ = 0), 300 monitors, stopped at the worst moment: revoked in at most 5 %."""
    wrong = 0
    for k in range(300):
        rng = np.random.default_rng([7, k])
        y, a, b, g = patients(rng, 400, dict.fromkeys(("men", "women"), (0.2, 0.2, 0.05, 0.05)), share=0.4)
        wrong += begin().update_in_order(y, a, b, g, when="2030-01-01").status == "revoked"
    assert wrong / 300 <= ALPHA


def test_ordered_patients_do_not_depend_on_batches():
    y, a, b, g = patients(np.random.default_rng(5), 900, dict.fromkeys(("men", "women"), SCENARIOS["good"]))
    whole = begin().update_in_order(y, a, b, g, when="2030-01-01")
    parts = begin()
    for rows in np.array_split(np.arange(900), 7):
        parts = parts.update_in_order(y[rows], a[rows], b[rows], {"sex": g["sex"][rows]}, when="2030-01-01")
    assert [w.safe for w in whole.watches] == [w.safe for w in parts.watches]
    assert [w.harm for w in whole.watches] == [w.harm for w in parts.watches]


def test_counts_do_not_depend_on_the_order_of_rows():
    y, a, b, g = patients(np.random.default_rng(6), 500, dict.fromkeys(("men", "women"), SCENARIOS["good"]))
    turned = np.random.default_rng(1).permutation(500)
    one = begin().update(count_pairs(y, a, b, g), when="2030-01-01")
    other = begin().update(count_pairs(y[turned], a[turned], b[turned], {"sex": g["sex"][turned]}), when="2030-01-01")
    assert one == other


def test_overlapping_groups_each_have_a_process():
    y, a, b, g = patients(np.random.default_rng(8), 800, dict.fromkeys(("men", "women"), SCENARIOS["good"]))
    g["age"] = np.random.default_rng(9).choice(["old", "young"], 800)
    terms = {"utility": AT_20, "margin": MARGIN, "alpha": ALPHA}
    both = start({"sex": ["men", "women"], "age": ["old", "young"]}, **terms)
    both = both.update_in_order(y, a, b, g, when="2030-01-01")
    alone = start({"sex": ["men", "women"]}, **terms).update_in_order(y, a, b, g, when="2030-01-01")
    assert both.of("sex", "men").safe == alone.of("sex", "men").safe
    assert sum(w.safe.n for w in both.watches) == 1600
    assert both.e == min(w.safe.e for w in both.watches)


def test_sensitivity_counts_cases_only():
    y, a, b, g = patients(np.random.default_rng(8), 800, dict.fromkeys(("men", "women"), SCENARIOS["good"]))
    monitor = begin(utility=SENSITIVITY)
    counted = monitor.update(count_pairs(y, a, b, g), when="2030-01-01")
    ordered = monitor.update_in_order(y, a, b, g, when="2030-01-01")
    assert sum(w.safe.n for w in counted.watches) == sum(w.safe.n for w in ordered.watches) == y.sum()


def test_what_is_needed_and_what_is_still_waited_for():
    monitor = begin(horizon={("sex", "men"): 5000, ("sex", "women"): 300})
    need = needed(monitor)
    assert need["sex", "women"] < need["sex", "men"]
    few = monitor.update(count_pairs([0] * 10, [0] * 10, [0] * 10, {"sex": ["women"] * 10}), when="2030-01-01")
    assert few.status == "watching"
    assert "waiting for men (n = 0), women (n = 10)" in few.words


def test_json_round_trip_goes_on_exactly():
    rng = np.random.default_rng(2)
    data = [patients(rng, 300, dict.fromkeys(("men", "women"), SCENARIOS["good"])) for _ in range(2)]
    kept = begin().update(count_pairs(*data[0]), when="2030-01-01")
    back = Monitor.from_json(kept.to_json())
    assert back == kept
    assert back.update(count_pairs(*data[1]), when="2030-02-01") == kept.update(
        count_pairs(*data[1]), when="2030-02-01"
    )
    assert json.loads(kept.to_json())["status"] == kept.status


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no saved monitor"), ("[]", "its format is None"), ('{"format": "primum-monitor/1"}', "incomplete")],
)
def test_a_broken_state_is_refused(text, said):
    with pytest.raises(PrimumError, match=said):
        Monitor.from_json(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin": None}, "No margin was declared"),
        ({"margin": 1.0}, "margin is 1.0"),
        ({"alpha": None}, "No alpha was declared"),
        ({"utility": None}, "No utility was declared"),
        ({"tolerated": 0.02}, "loss of 0.02 is to be tolerated"),
    ],
)
def test_everything_is_declared_beforehand(changes, said):
    with pytest.raises(PrimumError, match=said):
        begin(**changes)


def test_bad_batches_are_refused():
    one = count_pairs([0], [0], [0], {"sex": ["women"]})
    monitor = begin().update(one, when="2030-02-01")
    with pytest.raises(PrimumError, match="is of 2030-01-01, the last one was of 2030-02-01"):
        monitor.update(one, when="2030-01-01")
    with pytest.raises(PrimumError, match="The date is 'soon'"):
        monitor.update(one, when="soon")
    with pytest.raises(PrimumError, match="no group 'other' in 'sex' of this monitor"):
        monitor.update(count_pairs([0], [0], [0], {"sex": ["other"]}), when="2030-03-01")
    with pytest.raises(PrimumError, match="no attribute 'sex'"):
        monitor.update(count_pairs([0], [0], [0], {"age": ["old"]}), when="2030-03-01")
    with pytest.raises(PrimumError, match="no attribute 'sex' in this batch"):
        monitor.update_in_order([0], [0], [0], {"age": ["old"]}, when="2030-03-01")
    with pytest.raises(PrimumError, match="1 outcomes and 2 and 1"):
        monitor.update_in_order([0], [0, 0], [0], {"sex": ["men"]}, when="2030-03-01")
    with pytest.raises(PrimumError, match="no group 'sex: other'"):
        monitor.of("sex", "other")
    with pytest.raises(PrimumError, match="groups to watch"):
        start({}, utility=AT_20, margin=MARGIN, alpha=ALPHA)
