"""The levelling-down ledger, by hand and by its identities."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.errors import PrimumError
from primum.measure.levelling import NOT_NARROWED, ONE, ledger, ledger_of_pairs
from primum.tally.paired import count_pairs

values = st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=2, max_size=6)


def test_pure_uplift():
    told = ledger({"a": 0.6, "b": 0.8}, {"a": 0.7, "b": 0.8})
    assert (told.gap_before, told.gap_after, told.narrowed) == pytest.approx((0.2, 0.1, 0.1))
    assert (told.gained, told.lost, told.share) == pytest.approx((0.1, 0, 1))
    assert (told.worst, told.best, told.weak, told.strict, told.losers) == ("a", "b", False, False, ())
    assert told.words == (
        "The gap in sensitivity narrowed from 0.200 to 0.100: a, the worst-off group, gained 0.100; b, the best-off, "
        "stayed where it was. Nobody lost."
    )


def test_pure_levelling_down():
    told = ledger({"a": 0.6, "b": 0.8}, {"a": 0.6, "b": 0.65})
    assert (told.gained, told.lost, told.share) == pytest.approx((0, 0.15, 0))
    assert told.weak
    assert told.strict
    assert "This is levelling down: the worst-off group did not gain." in told.words


def test_part_of_each():
    told = ledger({"a": 0.6, "b": 0.8, "c": 0.7}, {"a": 0.65, "b": 0.75, "c": 0.69})
    assert (told.narrowed, told.gained, told.lost, told.share) == pytest.approx((0.1, 0.05, 0.05, 0.5))
    assert told.weak
    assert not told.strict
    assert told.losers == (("b", pytest.approx(-0.05)), ("c", pytest.approx(-0.01)))
    assert "Part of it is levelling down: b (-0.050), c (-0.010) lost." in told.words


def test_a_share_above_one_says_that_the_best_off_gained_too():
    told = ledger({"a": 0.5, "b": 0.8}, {"a": 0.8, "b": 0.9})
    assert told.share == pytest.approx(1.5)
    assert told.lost == pytest.approx(-0.1)
    assert "b, the best-off, gained 0.100" in told.words


def test_groups_that_change_places_are_told():
    """a rises past c, which is worst now; b falls behind a, which is best now."""
    told = ledger({"a": 0.5, "b": 0.9, "c": 0.6}, {"a": 0.8, "b": 0.7, "c": 0.6})
    assert (told.worst_after, told.best_after) == ("c", "a")
    assert (told.gained, told.lost, told.new_worst, told.new_best) == pytest.approx((0.3, 0.2, -0.2, -0.1))
    assert told.narrowed == pytest.approx(0.2)
    assert "c is worst off now. a is best off now." in told.words


@given(values, values)
def test_the_parts_add_up_and_what_is_taken_back_is_never_positive(before, after):
    n = min(len(before), len(after))
    old, new = (dict(zip("abcdef", v[:n], strict=False)) for v in (before, after))
    told = ledger(old, new)
    gap = lambda v: max(v.values()) - min(v.values())
    assert told.gap_before == pytest.approx(gap(old))
    assert told.gap_after == pytest.approx(gap(new))
    assert told.gained + told.lost + told.new_worst + told.new_best == pytest.approx(told.narrowed)
    assert told.new_worst <= 0
    assert told.new_best <= 0
    assert old[told.worst] == min(old.values())
    assert old[told.best] == max(old.values())
    assert told.worst != told.best
    fell = gap(old) - gap(new) > 1e-12
    assert told.weak == (fell and any(new[g] < old[g] - 1e-12 for g in old))
    assert told.strict == (fell and told.gained <= 1e-12)
    assert math.isnan(told.share) == (not fell)
    if fell:
        assert told.share == pytest.approx(max(0, told.gained) / told.narrowed)
        assert told.share >= 0
    swapped = ledger(dict(reversed(old.items())), dict(reversed(new.items())))
    assert swapped.row() == told.row()
    json.dumps(told.row(), allow_nan=False)


def test_a_gap_that_did_not_narrow_has_no_share():
    told = ledger({"a": 0.6, "b": 0.8}, {"a": 0.5, "b": 0.9})
    assert math.isnan(told.share)
    assert told.reason == NOT_NARROWED
    assert not told.weak
    assert told.losers == (("a", pytest.approx(-0.1)),)
    assert told.words == "The gap in sensitivity widened: 0.200 before, 0.400 after."
    assert "is as wide as before" in ledger({"a": 0.6, "b": 0.8}, {"a": 0.6, "b": 0.8}).words
    assert told.row()["share"] is None


def test_groups_without_a_value_are_left_out_by_name():
    nan = float("nan")
    told = ledger({"a": 0.6, "b": 0.8, "c": nan, "d": 0.1}, {"a": 0.6, "b": 0.7, "c": 0.5, "d": nan},
                  reasons={"c": "nobody with the outcome in this group"})  # fmt: skip
    assert told.excluded == (("c", "nobody with the outcome in this group"), ("d", "no value after"))
    assert (told.worst, told.best) == ("a", "b")
    alone = ledger({"a": 0.6, "c": nan}, {"a": 0.7, "c": nan})
    assert alone.reason == ONE
    assert alone.excluded == (("c", "no value before and after"),)
    assert alone.words == f"No gap in sensitivity can be told: {ONE}."
    with pytest.raises(PrimumError, match="groups before and after are not the same"):
        ledger({"a": 0.1, "b": 0.2}, {"a": 0.1})


def pairs(seed=0, n=600):
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b", "c"], n)
    y, d0, d1 = (rng.random(n) < p for p in (0.3, 0.4, 0.5))
    y &= g != "c"
    return (*(v.astype(int) for v in (y, d0, d1)), g)


@pytest.mark.parametrize("metric", ["sensitivity", "specificity", "net_benefit", "fnr"])
def test_from_a_paired_tally(metric):
    y, d0, d1, g = pairs()
    told = ledger_of_pairs(count_pairs(y, d0, d1, {"g": g}), metric, 0.2)

    def value(d, own):
        yy, dd = y[own], d[own]
        if metric == "net_benefit":
            return (dd * (yy - 0.25 * (1 - yy))).mean()
        if metric == "specificity":
            return 1 - dd[yy == 0].mean()
        return dd[yy == 1].mean() - (metric == "fnr")

    groups = ["a", "b"] if metric in {"sensitivity", "fnr"} else ["a", "b", "c"]
    assert list(told.before) == groups
    for name in groups:
        assert told.before[name] == pytest.approx(value(d0, g == name))
        assert told.after[name] == pytest.approx(value(d1, g == name))
    if len(groups) == 2:
        assert told.excluded == (("c", "nobody with the outcome in this group"),)


def test_only_merits_of_decisions_can_be_levelled():
    y, d0, d1, g = pairs()
    for metric in ("auroc", "n"):
        with pytest.raises(PrimumError, match=f"'{metric}' cannot be levelled"):
            ledger_of_pairs(count_pairs(y, d0, d1, {"g": g}), metric, 0.2)
