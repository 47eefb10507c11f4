"""Inputs taken away and values hidden: counts by hand, known errors recovered, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest

from primum.errors import PrimumError
from primum.learn.impute.chained import ChainedFiller
from primum.learn.impute.simple import SimpleFiller
from primum.stress.missing import EVERYTHING, Loss, changes, losses, masked, masking_errors, without

NAMES = ["a", "b", "c"]


def test_losses_are_each_column_then_each_block():
    found = losses(["a", "b"], {"both": ["b", "c"]}, NAMES)
    assert found == [Loss("a", ("a",)), Loss("b", ("b",)), Loss("both", ("b", "c"))]
    with pytest.raises(PrimumError, match="no feature 'd'"):
        losses(["d"], {}, NAMES)
    with pytest.raises(PrimumError, match="block 'a' has the name of a column"):
        losses(["a"], {"a": ["b"]}, NAMES)


def test_without_takes_away_from_everybody_and_leaves_the_original():
    x = np.ones((2, 3))
    out = without(x, NAMES, Loss("both", ("a", "c")))
    assert np.isnan(out[:, [0, 2]]).all()
    assert x.sum() == 6
    assert out[:, 1].tolist() == [1, 1]


def test_changes_by_hand():
    n = np.zeros((2, 2, 2))
    n[1] = [[10, 6], [2, 32]]  # 6 more found, 2 lost, of 50
    n[0] = [[900, 25], [5, 20]]  # 25 more alarmed, 5 spared, of 950
    found = changes(n, 0.2)
    assert found["sensitivity"][0] == pytest.approx(4 / 50)
    assert found["specificity"][0] == pytest.approx(-20 / 950)
    assert found["net_benefit"][0] == pytest.approx((4 - 0.25 * 20) / 1000)
    # Agresti & Min (2005): half a person in each discordant cell
    d, size = 4 / 51, 51
    half = 1.959964 * np.sqrt(((6.5 + 2.5) / size - d**2) / size)
    assert found["sensitivity"][1:] == pytest.approx((d - half, d + half), abs=1e-6)
    assert "net_benefit" not in changes(n, None)
    assert np.isnan(changes(np.zeros((2, 2, 2)), 0.2)["sensitivity"]).all()


def test_no_change_has_an_interval_too():
    n = np.zeros((2, 2, 2))
    n[1, 1, 1], n[0, 0, 0] = 20, 80
    value, low, high = changes(n, 0.2)["sensitivity"]
    assert low < value == 0 < high


def test_intervals_of_changes_cover():
    rng = np.random.default_rng(4)
    p = np.array([[[0.6, 0.06], [0.04, 0.1]], [[0.03, 0.02], [0.05, 0.1]]])
    w, hit, repeats = 0.25, np.zeros(2), 1500
    truth = np.array([(p[1, 0, 1] - p[1, 1, 0]) / p[1].sum(),
                      p[1, 0, 1] - p[1, 1, 0] + w * (p[0, 1, 0] - p[0, 0, 1])])  # fmt: skip
    for n in rng.multinomial(300, p.ravel(), repeats).reshape(-1, 2, 2, 2):
        found = changes(n, 0.2)
        for i, metric in enumerate(("sensitivity", "net_benefit")):
            hit[i] += found[metric][1] <= truth[i] <= found[metric][2]
    assert (hit / repeats > 0.935).all()
    assert (hit / repeats < 0.985).all()


def test_hidden_values_were_known_and_are_as_many_as_asked_for():
    x = np.random.default_rng(1).normal(size=(5000, 3))
    x[:1000, 0] = np.nan
    hidden = masked(x, 0.2, columns=[0, 1], seed=3)
    assert not hidden[:1000, 0].any()
    assert not hidden[:, 2].any()
    assert hidden[1000:, 0].mean() == pytest.approx(0.2, abs=0.02)
    assert np.array_equal(hidden, masked(x, 0.2, columns=[0, 1], seed=3))
    with pytest.raises(PrimumError, match="A share of 1"):
        masked(x, 1.0)


def populations(n=12_000, seed=2):
    """Return two groups: b follows a with correlation .8 in one, and lies anywhere (twice as wide) in the other."""
    rng = np.random.default_rng(seed)
    loose = rng.random(n) < 0.5
    a = rng.normal(size=n)
    b = np.where(loose, 2 * rng.normal(size=n), 0.8 * a + 0.6 * rng.normal(size=n))
    return np.column_stack([a, b]), np.where(loose, "loose", "tight")


def test_masking_recovers_the_known_error_of_a_simple_fill():
    """A median near 0 errs by the standard deviation of the group: 2 and 1, over √2.5 for both together."""
    x, group = populations()
    hidden = masked(x, 0.3, columns=[1], seed=1)
    full = SimpleFiller().fit_transform(np.where(hidden, np.nan, x))
    rows = {r["group"]: r for r in masking_errors(x, full, hidden, group, names=["a", "b"]) if r["column"] == "b"}
    for name, sd in (("loose", 2.0), ("tight", 1.0)):
        truth = sd / np.sqrt(2.5)
        assert rows[name]["error"] == pytest.approx(truth, rel=0.05)
        assert rows[name]["low"] < truth < rows[name]["high"]
        assert rows[name]["bias_low"] < 0 < rows[name]["bias_high"]
    assert rows["loose"]["ratio"] == pytest.approx(2, rel=0.08)
    assert rows["tight"]["ratio_high"] < 1


def test_masking_recovers_the_known_error_of_a_draw():
    """With correlation .8 the best guess errs .6 standard deviations, and a draw √2 times that."""
    rng = np.random.default_rng(9)
    a = rng.normal(size=8000)
    x = np.column_stack([a, 0.8 * a + 0.6 * rng.normal(size=8000)])
    hidden = masked(x, 0.2, columns=[1], seed=1)
    full = ChainedFiller(rounds=2).fit_transform(np.where(hidden, np.nan, x))
    row = next(r for r in masking_errors(x, full, hidden, np.full(8000, "all"), names=["a", "b"]))
    assert row["error"] == pytest.approx(0.6 * np.sqrt(2), rel=0.05)
    assert abs(row["bias"]) < 0.05


def test_categories_are_right_or_wrong():
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.integers(0, 3, 3000).astype(float), rng.normal(size=3000)])
    hidden = masked(x, 0.5, columns=[0], seed=1)
    full = SimpleFiller(["c", "d"], {"c": ["x", "y", "z"]}).fit_transform(np.where(hidden, np.nan, x))
    (row,) = masking_errors(x, full, hidden, np.full(3000, "all"), names=["c", "d"], categories=[0])
    assert row["what"] == "share wrong"
    assert row["error"] == pytest.approx(2 / 3, abs=0.04)
    assert row["column"] != EVERYTHING


def test_drawn_categories_keep_their_shares():
    """A category drawn through linear equations is approximate: its shares are kept within a few points."""
    rng = np.random.default_rng(5)
    a = rng.normal(size=6000)
    c = np.digitize(a + rng.normal(size=6000), [-0.7, 1.2]).astype(float)
    gone = rng.random(6000) < 0.4
    x = np.column_stack([a, np.where(gone, np.nan, c)])
    full = ChainedFiller(["a", "c"], {"c": ["x", "y", "z"]}, rounds=2).fit_transform(x)
    for k in range(3):
        assert (full[gone, 1] == k).mean() == pytest.approx((c[gone] == k).mean(), abs=0.06)
