"""Top-k policies straight from the tally, against sorting rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.measure.capacity import at_capacity, price
from primum.measure.steps import steps, thresholds
from primum.tally.count import count


def people(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b"], n, p=[0.3, 0.7])
    s = np.where(g == "a", rng.beta(1, 6, n), rng.beta(1, 3, n))
    y = (rng.random(n) < np.where(g == "a", np.minimum(2 * s, 1), s)).astype(int)
    return s, y, g


def tallied(s, y, g, **more):
    return count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"], **more)


def test_steps_are_counts_at_or_above_every_score():
    s, y, g = people(300)
    view = tallied(s, y, g)
    found = steps(view, 0)
    edges = thresholds(view, found.labels)
    assert np.isnan(edges[-1])
    for k in range(0, len(edges) - 1, 17):
        chosen = (g == "a") & (view.grid.labels(s) >= found.labels[k])
        assert (found.tp[k], found.fp[k]) == ((chosen & (y == 1)).sum(), (chosen & (y == 0)).sum())
        assert view.grid.labels(edges[k]) == found.labels[k]
    assert (found.tp[-1], found.fp[-1]) == (0, 0)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.333, 1.0])
def test_the_top_share_is_selected(share):
    s, y, g = people()
    got = at_capacity(tallied(s, y, g), share)
    k = int(len(s) * share)
    top = np.argsort(-s, kind="stable")[:k]
    assert got["selected"] == pytest.approx(k / len(s), abs=1e-3)
    assert got["selected"] <= share + 1e-9
    for row in got["groups"]:
        own = top if row["group"] == "everyone" else top[g[top] == row["group"]]
        everyone = np.ones(len(s), bool) if row["group"] == "everyone" else g == row["group"]
        assert row["sensitivity"] == pytest.approx(y[own].sum() / y[everyone].sum(), abs=0.004)
        if y[own].any():
            assert row["nne"] == pytest.approx(1 / y[own].mean(), rel=0.02)
        assert row["slots"] == pytest.approx(len(own) / k, abs=0.002)
        assert row["due"] == pytest.approx(y[everyone].sum() / y.sum())
        assert row["sensitivity_low"] <= row["sensitivity"] <= row["sensitivity_high"]


def test_ties_are_told_and_wait_together():
    s = [0.9] * 5 + [0.5] * 20 + [0.1] * 75
    got = at_capacity(tallied(s, [1] * 10 + [0] * 90, ["a"] * 100), 0.1)
    assert (got["selected"], got["tied"]) == (0.05, 20)
    assert got["threshold"] == pytest.approx(0.9, abs=1e-4)


def test_more_people_at_the_top_than_slots_selects_nobody():
    got = at_capacity(tallied([0.9] * 30 + [0.1] * 70, [1, 0] * 50, ["a"] * 100), 0.1)
    assert (got["selected"], got["tied"]) == (0, 30)
    assert np.isnan(got["threshold"])
    assert np.isnan(got["groups"][0]["ppv"])


def test_the_price_of_equal_sensitivity_by_hand():
    """Ten slots for 100: all eight cases of b and none of the four of a are found, so 8/12 is owed to both.

    a reaches 3 of 4 with its upper four people (three cases, one not): four more slots of 100, three more found.
    """
    b = pl.DataFrame({"s": [0.9] * 10 + [0.05] * 40, "y": [1] * 8 + [0] * 42, "g": ["b"] * 50})
    a = pl.DataFrame({"s": [0.6, 0.55, 0.5, 0.45, 0.4] + [0.1] * 45, "y": [1, 0, 1, 1, 1] + [0] * 45, "g": ["a"] * 50})
    view = count(pl.concat([a, b]), "y", "s", ["g"])
    got = price(view, view, 0.1)
    rows = {r["group"]: r for r in got["groups"]}
    assert (rows["a"]["sensitivity"], rows["b"]["sensitivity"]) == (0, 1)
    assert rows["a"]["owed"] == pytest.approx(8 / 12)
    assert (got["extra_own"], got["found_own"]) == pytest.approx((40, 30))
    assert (got["extra_one"], got["found_one"]) == pytest.approx((40, 30))
    assert rows["b"]["extra"] == 0


def test_the_price_of_no_harm_between_two_scores():
    """A better score that ranks a lower: with the slots it asks for, a has as many cases found as before."""
    s, y, g = people(4000)
    rng = np.random.default_rng(1)
    new = np.clip(s * np.where(g == "a", 0.6, 1.2) + 0.02 * rng.random(4000), 0, 1)
    before, after = tallied(s, y, g), tallied(new, y, g)
    got = price(after, before, 0.1)
    a = got["groups"][0]
    assert a["sensitivity"] < a["owed"]
    assert got["extra_one"] >= got["extra_own"] > 0
    assert y[(g == "a") & (new >= a["threshold"] - 1e-9)].sum() / y[g == "a"].sum() >= a["owed"] - 1e-9
    assert price(before, before.select(before.groups), 0.1)["extra_own"] == 0


@pytest.mark.parametrize("share", [0.0, -0.1, 1.2])
def test_a_capacity_is_a_share(share):
    with pytest.raises(PrimumError, match="is no share of the people"):
        at_capacity(tallied([0.1, 0.2], [0, 1], ["a", "a"]), share)


def test_prices_need_the_same_groups():
    one, two = tallied([0.1, 0.2], [0, 1], ["a", "a"]), tallied([0.1, 0.2], [0, 1], ["a", "b"])
    with pytest.raises(PrimumError, match="different groups"):
        price(one, two, 0.5)
