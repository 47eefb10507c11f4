"""Threshold policies side by side: each against a search over rows."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.measure.policies import NOTE, POLICIES, policies
from primum.tally.count import count

AT = 0.2


def people(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n, p=[0.3, 0.7])
    s = np.where(g == "a", rng.beta(1, 6, n), rng.beta(1, 3, n)).round(3)
    y = (rng.random(n) < np.where(g == "a", np.minimum(2 * s, 1), s)).astype(int)
    return s, y, g


def table(s, y, g, at=AT, **more):
    view = count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"], thresholds=[at])
    return {(r["policy"], r["group"]): r for r in policies(view, at, **more)}


S, Y, G = people()
ROWS = table(S, Y, G)


def test_every_policy_has_a_row_for_every_group_and_everyone():
    assert set(ROWS) == {(p, g) for p in POLICIES for g in ("a", "b", "everyone")}
    assert "same people" not in NOTE
    assert "chosen on the people" in NOTE


@pytest.mark.parametrize("key", ROWS)
def test_shares_follow_from_the_threshold(key):
    row, group = ROWS[key], key[1]
    if group == "everyone":
        parts = [ROWS[key[0], g] for g in ("a", "b")]
        n = sum(p["n"] for p in parts)
        for name in ("found", "missed", "false_alarms", "left_alone", "net_benefit"):
            assert row[name] == pytest.approx(sum(p[name] * p["n"] for p in parts) / n)
        return
    own = group == G
    chosen, y = S[own] >= row["threshold"] - 1e-9, Y[own]
    assert row["selected"] == pytest.approx(chosen.mean())
    assert row["sensitivity"] == pytest.approx(chosen[y == 1].mean())
    assert row["specificity"] == pytest.approx((~chosen)[y == 0].mean())
    assert row["ppv"] == pytest.approx(y[chosen].mean())
    assert row["nne"] == pytest.approx(1 / y[chosen].mean())
    assert row["net_benefit"] == pytest.approx((chosen & (y == 1)).mean() - (chosen & (y == 0)).mean() * AT / (1 - AT))
    assert sum(row[k] for k in ("found", "missed", "false_alarms", "left_alone")) == pytest.approx(1000)
    for name in ("selected", "sensitivity", "specificity", "ppv", "net_benefit"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]


@pytest.mark.parametrize("group", ["a", "b"])
def test_each_policy_does_what_it_says(group):
    s, y = S[group == G], Y[group == G]
    steps = np.unique(s)
    found = np.array([y[s >= t].sum() / y.sum() for t in steps])
    share = np.array([(s >= t).mean() for t in steps])
    worth = np.array([((s >= t) * (y - (1 - y) * AT / (1 - AT))).mean() for t in steps])
    aim = Y[S >= AT].sum() / Y.sum()
    assert ROWS["same threshold", group]["threshold"] == AT
    row = ROWS["same sensitivity", group]
    assert row["threshold"] == pytest.approx(steps[found >= aim].max(), abs=1e-4)
    row = ROWS["highest net benefit", group]
    assert row["net_benefit"] == pytest.approx(worth.max())
    row = ROWS["same selection rate", group]
    assert row["threshold"] == pytest.approx(steps[share <= (S >= AT).mean()].min(), abs=1e-4)
    assert row["selected"] <= (S >= AT).mean()


def test_targets_can_be_given():
    rows = table(S, Y, G, sensitivity=0.9, selected=0.1)
    for g in ("a", "b"):
        assert 0.9 <= rows["same sensitivity", g]["sensitivity"] < 0.93
        assert 0.08 < rows["same selection rate", g]["selected"] <= 0.1
    with pytest.raises(PrimumError, match=r"A sensitivity of 1\.5 is no target"):
        table(S, Y, G, sensitivity=1.5)


def test_net_benefit_may_select_nobody():
    rows = table([0.1, 0.3, 0.6, 0.2], [0, 0, 0, 1], ["a", "a", "a", "b"], at=0.5)
    assert math.isnan(rows["highest net benefit", "a"]["threshold"])
    assert rows["highest net benefit", "a"]["selected"] == 0
    assert rows["highest net benefit", "a"]["net_benefit"] == 0


def test_a_group_without_cases_keeps_the_declared_threshold_and_says_why():
    rows = table([0.1, 0.3, 0.6, 0.2], [0, 0, 0, 1], ["a", "a", "a", "b"])
    assert rows["same sensitivity", "a"]["threshold"] == AT
    assert "nobody with the outcome" in rows["same sensitivity", "a"]["reason"]
    assert math.isnan(rows["same sensitivity", "a"]["sensitivity"])


def test_points_have_no_net_benefit():
    view = count(pl.DataFrame({"s": [1, 5, 8, 9], "y": [0, 0, 1, 1], "g": ["a", "b"] * 2}), "y", "s", ["g"],
                 thresholds=[6], score_range=(0, 10))  # fmt: skip
    rows = policies(view, 6)
    assert {r["policy"] for r in rows} == set(POLICIES) - {"highest net benefit"}
    assert "net_benefit" not in rows[0]


def test_an_empty_group_is_told():
    frame = pl.DataFrame({"s": [0.1, 0.6, None], "y": [0, 1, 1], "g": ["a", "a", "b"]})
    rows = policies(count(frame, "y", "s", ["g"], missing="exclude"), 0.5)
    b = next(r for r in rows if r["group"] == "b" and r["policy"] == "same sensitivity")
    assert b["reason"] == "nobody in this group"
    assert math.isnan(b["sensitivity"])
