"""Expected under-representation against its published figures and by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as sk

from primum.errors import PrimumError
from primum.measure.exposure import exposure
from primum.measure.precision_recall import precision_recall
from primum.tally.count import count


def tallied(s, y, g):
    return count(pl.DataFrame({"s": s, "y": y, "g": g}), "y", "s", ["g"])


def by_hand(s, y, g, group, window=(0.0, 1.0)):
    """E over all people's scores τ of 1 − min(ρ(τ), 1), straight from rows."""
    due = np.mean(g[y == 1] == group)
    rank = np.argsort(np.argsort(s)) / len(s)
    taus = s[(rank >= window[0]) & (rank < window[1])]
    return np.mean([max(1 - np.mean(g[s >= t] == group) / due, 0) for t in taus])


def test_the_published_figures():
    """Petersen et al. (2023), their Beta risks: EUR .0381 for A and .4044 for B at the same AUROC of .75."""
    rng, n = np.random.default_rng(0), 400_000
    a = rng.beta(3.1956183608423134, 3.1956183608423134 / 2, n)
    ya = (rng.random(n) < a).astype(int)
    b = rng.beta(1.6046978496458115, 2 * 1.6046978496458115, n)
    yb = (rng.random(n) < b).astype(int)
    view = tallied(np.r_[a, b], np.r_[ya, yb], ["A"] * n + ["B"] * n)
    rows = {r["group"]: r for r in exposure(view, replicates=100)}
    assert rows["A"]["value"] == pytest.approx(0.0381, abs=1e-4)
    assert rows["B"]["value"] == pytest.approx(0.4044, abs=2e-4)
    assert rows["A"]["due"] == pytest.approx(0.66689, abs=2e-4)
    assert rows["B"]["low"] < 0.4044 < rows["B"]["high"]


@pytest.mark.parametrize("window", [(0.0, 1.0), (0.5, 1.0), (0.2, 0.6)])
def test_it_is_its_formula(window):
    rng = np.random.default_rng(5)
    g = rng.choice(["a", "b", "c"], 400)
    s = (rng.permutation(400) + 0.5) / 400
    y = (rng.random(400) < np.clip(s + 0.2 * (g == "b"), 0, 1)).astype(int)
    for row in exposure(tallied(s, y, g), window=window, replicates=20):
        assert row["value"] == pytest.approx(by_hand(s, y, g, row["group"], window), abs=1e-9)


def test_ties_wait_together():
    """Two steps of score: a is not in the upper one at all, and 40 of 100 in everybody; its due is one half."""
    s, y = [0.2] * 50 + [0.8] * 50, [1, 0] * 50
    g = ["a"] * 40 + ["b"] * 60
    y[:40], y[40:] = [1] * 30 + [0] * 10, [1] * 30 + [0] * 30
    a = exposure(tallied(s, y, g), replicates=50)[0]
    assert a["due"] == 0.5
    assert a["value"] == pytest.approx(0.5 * 1 + 0.5 * (1 - 0.4 / 0.5))


@pytest.mark.parametrize("n", [200, 2000])
def test_no_difference_includes_zero(n):
    rng = np.random.default_rng(n)
    lows = []
    for _ in range(40):
        s = rng.beta(1, 4, n)
        g = rng.choice(["a", "b"], n, p=[0.2, 0.8])
        lows += [r["low"] for r in exposure(tallied(s, (rng.random(n) < s).astype(int), g), replicates=150)]
    assert np.mean(np.array(lows) == 0) >= 0.92


@pytest.mark.slow
def test_a_difference_is_covered():
    def draw(rng, n):
        g = rng.choice(["a", "b"], n, p=[0.3, 0.7])
        s = np.where(g == "a", rng.beta(1, 6, n), rng.beta(1, 3, n))
        return s, (rng.random(n) < np.where(g == "a", np.minimum(1.5 * s, 1), s)).astype(int), g

    truth = exposure(tallied(*draw(np.random.default_rng(0), 1_000_000)), replicates=2)[0]["value"]
    rng, hits = np.random.default_rng(1), []
    for _ in range(200):
        a = exposure(tallied(*draw(rng, 1500)), replicates=300)[0]
        hits.append(a["low"] <= truth <= a["high"])
    assert 0.92 <= np.mean(hits) <= 1


def test_groups_without_cases_have_a_reason_and_windows_must_hold_ranks():
    view = tallied([0.1, 0.9, 0.5], [1, 1, 0], ["a", "a", "b"])
    a, b = exposure(view, replicates=20)
    assert np.isnan(b["value"])
    assert np.isnan(b["low"])
    assert b["reason"] == "nobody with the outcome in this group"
    assert a["value"] == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)
    with pytest.raises(PrimumError, match="holds no ranks"):
        exposure(view, window=(1.0, 0.5))


# -- precision and recall ---------------------------------------------------------------------------------------------


def test_precision_and_recall_are_scikit_learns():
    rng = np.random.default_rng(6)
    s = np.round(rng.beta(1, 3, 900), 2)
    y = (rng.random(900) < s).astype(int)
    precision, recall, cut = sk.precision_recall_curve(y, s)
    rows = precision_recall(tallied(s, y, ["a"] * 900), 0)
    ours = sorted((r["t"], r["ppv"], r["sensitivity"]) for r in rows)
    assert np.array(ours) == pytest.approx(np.stack([cut, precision[:-1], recall[:-1]], axis=1))
    assert rows[0]["prevalence"] == pytest.approx(y.mean())


def test_many_thresholds_are_thinned_and_each_is_exact():
    rng = np.random.default_rng(7)
    s = rng.random(20_000)
    y = (rng.random(20_000) < s).astype(int)
    rows = precision_recall(tallied(s, y, ["a"] * 20_000), 0, points=100)
    assert 90 <= len(rows) <= 102
    assert rows[-1]["sensitivity"] == 1
    assert rows[-1]["ppv"] == pytest.approx(y.mean())
    for r in rows[::20]:
        chosen = s >= r["t"] - 1e-12
        assert y[chosen].mean() == pytest.approx(r["ppv"], abs=1e-3)
    assert precision_recall(tallied([0.1, 0.2], [0, 0], ["a", "a"]), 0) == []
