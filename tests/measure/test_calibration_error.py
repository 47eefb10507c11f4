"""ICI, E50, E90, the de-biased error against published figures, and the refusal of the plug-in one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from primum.errors import PrimumError
from primum.measure.calibration_error import debiased, e50, e90, ici, plug_in
from primum.measure.compare import compare
from primum.measure.table import Settings, estimates
from primum.tally.count import count
from primum.tally.resample import histogram

NAMES = ("ici", "e50", "e90", "debiased_calibration_error")


def hist(s, y, w=None):
    frame = pl.DataFrame({"s": s, "y": y} | ({} if w is None else {"w": w}))
    return histogram(count(frame, "y", "s", weight=None if w is None else "w"), 0)


def by_hand(s, y, bins=15):
    """Both errors over bins of equal numbers, straight from rows."""
    order = np.argsort(s, kind="stable")
    part = np.minimum(((np.arange(len(s)) + 0.5) / len(s) * bins).astype(int), bins - 1)
    best = plain = 0.0
    for b in range(bins):
        p, o = s[order][part == b], y[order][part == b]
        gap = p.mean() - o.mean()
        plain += len(p) / len(s) * abs(gap)
        if len(p) > 1:
            best += len(p) / len(s) * (gap**2 - o.mean() * (1 - o.mean()) / (len(p) - 1))
    return best, plain


@pytest.mark.parametrize("n", [40, 1000, 3000])
def test_both_errors_are_their_formulas(n):
    rng = np.random.default_rng(n)
    s = rng.beta(1, 9, n)
    y = (rng.random(n) < s).astype(int)
    assert (float(debiased(hist(s, y))), float(plug_in(hist(s, y)))) == pytest.approx(by_hand(s, y), abs=2e-4)


PUBLISHED = {100: (0.0798, 60), 300: (0.0469, 60), 1000: (0.0255, 60), 3000: (0.0150, 40), 10_000: (0.0082, 20)}


@pytest.mark.parametrize("n", PUBLISHED)
def test_only_the_plug_in_error_grows_as_groups_shrink(n):
    """Calibrated Beta(1, 9) risks: the plug-in error of 400 repeats was .0798 at 100 people and .0082 at 10,000."""
    expected, repeats = PUBLISHED[n]
    rng = np.random.default_rng([7, n])
    plain, best = [], []
    for _ in range(repeats):
        s = rng.beta(1, 9, n)
        h = hist(s, (rng.random(n) < s).astype(int))
        plain.append(float(plug_in(h)))
        best.append(float(debiased(h)))
    error = np.std(plain) / np.sqrt(repeats)
    assert np.mean(plain) == pytest.approx(expected, abs=4 * error + 3e-4)
    assert abs(np.mean(best)) < 4 * np.std(best) / np.sqrt(repeats)


@pytest.mark.slow
@pytest.mark.parametrize("n", PUBLISHED)
def test_the_published_table_in_full(n):
    """400 repeats: de-biased −.000440, −.000059, −.000024, .000008, .000001; none is distinguishable from 0."""
    rng = np.random.default_rng([8, n])
    plain, best = np.empty(400), np.empty(400)
    for i in range(400):
        s = rng.beta(1, 9, n)
        h = hist(s, (rng.random(n) < s).astype(int))
        plain[i], best[i] = plug_in(h), debiased(h)
    assert plain.mean() == pytest.approx(PUBLISHED[n][0], abs=0.004 if n == 100 else 0.0012)
    assert abs(best.mean()) < 4 * best.std() / 20


def test_the_index_of_a_plain_shift_is_the_shift():
    """Observed risk .1 above predicted everywhere: mean, median and 90th percentile are .1."""
    s = np.repeat([0.1, 0.2, 0.3, 0.4], 1000)
    y = np.concatenate([np.arange(1000) < round(1000 * (r + 0.1)) for r in (0.1, 0.2, 0.3, 0.4)]).astype(int)
    h = hist(s, y)
    assert [float(f(h)) for f in (ici, e50, e90)] == pytest.approx([0.1] * 3, abs=1e-6)


def test_quantiles_are_those_of_people():
    """Gaps of 0, .1 and .2 in windows that do not overlap: weights of people, not of bins, decide."""
    rng = np.random.default_rng(2)
    s = rng.beta(2, 6, 60_000)
    p = np.clip(s * 1.5, 0, 1)
    h = hist(s, (rng.random(60_000) < p).astype(int))
    gap = np.abs(p - s)
    want = [gap.mean(), np.median(gap), np.quantile(gap, 0.9)]
    assert [float(f(h)) for f in (ici, e50, e90)] == pytest.approx(want, abs=0.012)


def test_ece_is_refused_with_the_reason():
    view = count(pl.DataFrame({"s": [0.1, 0.4], "y": [0, 1], "g": ["a", "b"]}), "y", "s", ["g"])
    for call in (
        lambda: view.measure(["ece"], by="g"),
        lambda: compare(view, ["ece"], Settings()),
        lambda: estimates(view, ["expected_calibration_error"], Settings()),
    ):
        with pytest.raises(PrimumError, match="grows as groups shrink") as caught:
            call()
        assert "debiased_calibration_error" in str(caught.value)


def miscalibrated(n, a, b, seed, repeats):
    rng = np.random.default_rng(seed)
    frames = []
    for r in range(repeats):
        p = rng.beta(1, 5, n)
        y = (rng.random(n) < p).astype(int)
        frames.append(pl.DataFrame({"s": expit(a + b * logit(p)), "y": y, "g": [f"{r:03d}"] * n}))
    p = rng.beta(1, 5, 300_000)
    gap = np.abs(p - expit(a + b * logit(p)))
    truth = [gap.mean(), np.median(gap), np.quantile(gap, 0.9), (gap**2).mean()]
    found = estimates(count(pl.concat(frames), "y", "s", ["g"]), NAMES, Settings(replicates=200))
    return [np.mean([e[k].low <= t <= e[k].high for e in found]) for k, t in zip(NAMES, truth, strict=True)]


@pytest.mark.parametrize("shift", [(0.0, 1.0), (0.5, 1.4)])
def test_intervals_cover(shift):
    assert min(miscalibrated(800, *shift, seed=1, repeats=60)) >= 0.88


@pytest.mark.slow
@pytest.mark.parametrize("shift", [(0.0, 1.0), (0.3, 1.0), (0.5, 1.4), (0.0, 0.6)])
@pytest.mark.parametrize("n", [300, 1000, 5000])
def test_intervals_cover_at_every_size(shift, n):
    """ICI, E90 and the de-biased error: .92-.99; E50 .87 at the least (5,000 people, slope .6: smoothing bias)."""
    cover = miscalibrated(n, *shift, seed=n, repeats=300)
    assert min(cover[0], *cover[2:]) >= 0.90
    assert cover[1] >= 0.84


def test_clusters_get_a_linearised_interval():
    rng = np.random.default_rng(4)
    s = np.repeat(rng.beta(1, 4, 200), 3)
    frame = pl.DataFrame({"s": s, "y": (rng.random(600) < s).astype(int), "f": np.repeat(np.arange(200), 3)})
    e = estimates(count(frame, "y", "s", cluster="f"), NAMES, Settings())[0]
    assert {e[k].method for k in NAMES} == {"linearised, cluster-robust"}
