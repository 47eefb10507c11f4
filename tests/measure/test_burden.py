"""The burden of false alarms: by hand, against the metrics of the house, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest

from primum.finding import Status
from primum.measure.burden import burdens
from primum.measure.intervals import wilson
from primum.measure.kernel import divide
from primum.measure.table import Settings, estimates
from primum.tally.count import count
from primum.tally.score import Counts


def counts(*rows):
    tp, fp, fn, tn = np.array(rows, dtype=float).T
    return Counts(tp=tp, fp=fp, fn=fn, tn=tn), np.stack([fp + tn, tp + fn], axis=1)


def test_by_hand():
    a, b = burdens(*counts((30, 60, 10, 300), (50, 40, 20, 490)))
    assert a.per_1000.value == pytest.approx(150)
    assert (a.per_1000.low, a.per_1000.high) == pytest.approx([1000 * float(x) for x in wilson(60, 400)])
    assert a.per_true.value == pytest.approx(2)
    assert a.share_ratio.value == pytest.approx((60 / 100) / (400 / 1000))
    assert b.share_ratio.value == pytest.approx((40 / 100) / (600 / 1000))
    assert (a.per_1000.n, a.per_1000.events, a.per_1000.nonevents) == (400, 40, 360)
    ratios = [x.share_ratio.value * n / 1000 for x, n in ((a, 400), (b, 600))]
    assert sum(ratios) == pytest.approx(1)


def test_for_each_person_found_is_the_metric_of_the_house(people):
    frame = people(900).drop_nulls("sex")
    view = count(frame, outcome="ill", score="risk", by=["sex"], thresholds=[0.2]).by("sex")
    found = burdens(view.at(0.2), view.people())
    for one, e in zip(found, estimates(view, ["fp_per_tp", "selection_rate", "ppv"], Settings(at=0.2)), strict=True):
        for k in ("value", "low", "high"):
            assert getattr(one.per_true, k) == pytest.approx(getattr(e["fp_per_tp"], k))
        selected, ppv = e["selection_rate"].value, e["ppv"].value
        assert one.per_1000.value == pytest.approx(1000 * selected * (1 - ppv))


def test_what_is_undefined_has_a_reason():
    a, b, c = burdens(*counts((0, 0, 5, 20), (0, 4, 5, 20), (0, 0, 0, 0)))
    assert a.per_true.status is Status.NOT_ESTIMABLE
    assert "nobody in this group is selected" in a.per_true.reason
    assert "only false alarms" in b.per_true.reason
    assert "nobody in this group" in c.per_1000.reason
    assert a.share_ratio.value == 0
    assert a.share_ratio.high > 0
    (alone,) = burdens(*counts((3, 4, 5, 20)))
    assert "everybody is in this group" in alone.share_ratio.reason
    none = burdens(*counts((3, 0, 5, 20), (3, 0, 5, 20)))
    assert "nobody is alarmed" in none[0].share_ratio.reason
    assert none[0].per_1000.value == 0


def test_all_alarms_in_one_group_leave_only_its_share_open():
    a, b = burdens(*counts((3, 40, 5, 52), (3, 0, 5, 192)))
    assert a.share_ratio.value == pytest.approx(3)
    assert a.share_ratio.low < 3
    assert a.share_ratio.high >= 3
    assert b.share_ratio.value == 0


def test_a_design_effect_widens():
    narrow, wide = (burdens(*counts((30, 60, 10, 300), (50, 40, 20, 490)), design=d)[0] for d in (None, [4.0, 4.0]))
    for k in ("per_1000", "per_true", "share_ratio"):
        one, two = getattr(narrow, k), getattr(wide, k)
        assert one.value == two.value
        assert two.high - two.low > 1.7 * (one.high - one.low)


def test_the_variance_of_the_ratio_is_that_of_the_multinomial():
    """Delta method over four cells, written out: FP in the group, other in it, FP elsewhere, other elsewhere."""
    (a, _) = burdens(*counts((30, 60, 10, 300), (50, 40, 20, 490)))
    cells = np.array([60, 340, 40, 560])
    psi = np.array([1 / 60 - 1 / 400 - 1 / 100, -1 / 400, -1 / 100, 0]) + 1 / 1000
    se = np.sqrt((cells * psi**2).sum())
    assert np.log(a.share_ratio.high / a.share_ratio.low) / 2 / 1.959964 == pytest.approx(se, rel=1e-6)


def test_the_interval_of_the_ratio_covers():
    rng = np.random.default_rng(5)
    p = np.array([0.03, 0.05, 0.02, 0.10, 0.06, 0.08, 0.04, 0.62])  # tp, fp, fn, tn of two groups
    truth = (0.05 / 0.13) / 0.20
    hits = 0
    for draw in rng.multinomial(900, p, size=1500):
        t = draw.reshape(2, 4).T.astype(float)
        c = Counts(tp=t[0], fp=t[1], fn=t[2], tn=t[3])
        e = burdens(c, np.stack([t[1] + t[3], t[0] + t[2]], axis=1))[0].share_ratio
        hits += e.low <= truth <= e.high
    assert 0.935 < hits / 1500 < 0.968
    assert divide(0, 0) != 0
