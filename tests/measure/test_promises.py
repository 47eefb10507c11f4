"""What intervals promise, checked by simulation where no enumeration is possible."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from primum.finding import Verdict, judge
from primum.measure.compare import compare
from primum.measure.table import Settings, estimates
from primum.measure.utility import net_benefit, net_benefit_interval
from primum.tally.count import count
from primum.tally.score import Counts

# -- net benefit: one multinomial draw a cohort, a hundred thousand cohorts -------------------------------------------


def net_benefit_coverage(n, prevalence, sensitivity, fpr, t, repeats, seed=0) -> float:
    rng = np.random.default_rng([seed, n, int(100 * prevalence)])
    p = [prevalence * sensitivity, (1 - prevalence) * fpr, prevalence * (1 - sensitivity), (1 - prevalence) * (1 - fpr)]
    tp, fp, fn, tn = rng.multinomial(n, p, repeats).T.astype(float)
    c = Counts(tp, fp, fn, tn)
    low, high = net_benefit_interval(c, c, t, 0.95)
    truth = p[0] - p[1] * t / (1 - t)
    assert (low < high).all()
    assert (low <= net_benefit(c, t) + 1e-12).all()
    assert (net_benefit(c, t) <= high + 1e-12).all()
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize("t", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("prevalence", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("n", [20, 100, 1000])
def test_net_benefit_covers(n, prevalence, t):
    assert net_benefit_coverage(n, prevalence, 0.7, 0.2, t, 20_000) >= 0.93


def test_the_limits_of_net_benefit_are_those_of_a_big_simulation():
    """Half of the interval is 1.96 standard deviations of net benefit itself, once people are many."""
    rng = np.random.default_rng(1)
    p, t, n = [0.07, 0.18, 0.03, 0.72], 0.2, 5000
    c = Counts(*rng.multinomial(n, p, 50_000).T.astype(float))
    spread = np.std(net_benefit(c, t))
    mean = Counts(*(np.array(n * q) for q in p))
    low, high = net_benefit_interval(mean, mean, t, 0.95)
    assert float(high - low) / 2 == pytest.approx(1.96 * spread, rel=0.02)


@pytest.mark.slow
def test_net_benefit_covers_everywhere():
    worst = 1.0
    for n in (20, 50, 100, 1000):
        for prevalence in (0.01, 0.05, 0.2, 0.5, 0.9):
            for sensitivity, fpr in ((0.5, 0.05), (0.7, 0.2), (0.95, 0.5), (1.0, 1.0)):
                for t in (0.01, 0.05, 0.2, 0.5, 0.9):
                    share = net_benefit_coverage(n, prevalence, sensitivity, fpr, t, 20_000, seed=1)
                    worst = min(worst, share)
                    if share < 0.93:
                        print(f"n {n}  prevalence {prevalence}  TPR {sensitivity}  FPR {fpr}  t {t}: {share:.3f}")
    print(f"worst {worst:.3f}")
    assert worst >= 0.87


# -- what rests on linearisation --------------------------------------------------------------------------------------


def cohorts(n, prevalence, repeats, seed=0) -> pl.DataFrame:
    """`repeats` cohorts of `n` people with perfectly calibrated risks, one group each."""
    rng = np.random.default_rng([seed, n, int(100 * prevalence)])
    risk = expit(np.log(prevalence / (1 - prevalence)) + rng.normal(0, 1.2, n * repeats))
    y = rng.random(n * repeats) < risk
    return pl.DataFrame({"y": y, "s": risk, "g": np.repeat(np.arange(repeats), n)})


def calibration_coverage(n, prevalence, repeats, seed=0) -> dict[str, tuple[float, float]]:
    """Return metric → share of intervals that hold the ideal, and share of cohorts that have an interval."""
    ideal = {"oe_ratio": 1.0, "calibration_intercept": 0.0, "calibration_slope": 1.0}
    view = count(cohorts(n, prevalence, repeats, seed), "y", "s", "g")
    found = estimates(view, list(ideal), Settings(replicates=200))
    result = {}
    for name, truth in ideal.items():
        limits = np.array([(e[name].low, e[name].high) for e in found])
        known = np.isfinite(limits).all(axis=1)
        assert (limits[known, 0] < limits[known, 1]).all()
        held = (limits[known, 0] <= truth) & (truth <= limits[known, 1])
        result[name] = (float(held.mean()), float(known.mean()))
    return result


@pytest.mark.parametrize(("n", "prevalence", "floor"), [(100, 0.2, 0.88), (100, 0.5, 0.90), (1000, 0.2, 0.90)])
def test_calibration_covers(n, prevalence, floor):
    for name, (held, known) in calibration_coverage(n, prevalence, 200).items():
        assert held >= floor, name
        assert known > 0.95, name


@pytest.mark.slow
@pytest.mark.parametrize("prevalence", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("n", [20, 100, 1000])
def test_calibration_covers_everywhere(n, prevalence):
    for name, (held, known) in calibration_coverage(n, prevalence, 1500, seed=1).items():
        print(f"{name:22} n {n:4}  prevalence {prevalence:.2f}  coverage {held:.3f}  has an interval {known:.3f}")
        if n * prevalence >= 20:
            assert held >= 0.92, name


# -- verdicts under equality ------------------------------------------------------------------------------------------


def verdicts(metric, groups, size, margin, better, seed) -> np.ndarray:
    """Return whether harm is shown in groups that are all alike, each compared with the first (a large one)."""
    rng = np.random.default_rng(seed)
    n = groups * size + 20 * size
    risk = expit(rng.normal(-1, 1.2, n))
    label = np.r_[np.repeat("0", 20 * size), np.repeat(np.arange(1, groups + 1), size).astype(str)]
    frame = pl.DataFrame({"y": rng.random(n) < risk, "s": risk, "g": label})
    view = count(frame, "y", "s", "g")
    found = compare(view, [metric], Settings(at=0.3, replicates=200), "0")
    shown = [judge(c.difference.low, c.difference.high, margin, better=better) for c in found if c.difference.ok]
    assert len(shown) > 0.9 * groups
    return np.array([v is Verdict.HARM for v in shown])


@pytest.mark.parametrize(
    ("metric", "better"), [("sensitivity", "higher"), ("fpr", "lower"), ("auroc", "higher"), ("net_benefit", "higher")]
)
def test_harm_is_not_shown_in_groups_that_are_all_alike(metric, better):
    """Under equality with a margin of .05: at most 2.5 % and Monte-Carlo error."""
    shown = verdicts(metric, 400, 150, 0.05, better, seed=3)
    assert shown.mean() <= 0.025 + 2.6 * np.sqrt(0.025 * 0.975 / len(shown))


@pytest.mark.slow
@pytest.mark.parametrize("size", [30, 100, 400])
@pytest.mark.parametrize(
    ("metric", "better"),
    [("sensitivity", "higher"), ("fpr", "lower"), ("ppv", "higher"), ("auroc", "higher"), ("net_benefit", "higher")],
)
def test_harm_is_not_shown_in_many_groups_that_are_all_alike(metric, better, size):
    shown = verdicts(metric, 2000, size, 0.05, better, seed=4)
    print(f"{metric:12} people in the group {size:4}: harm shown in {shown.mean():.4f}")
    assert shown.mean() <= 0.025 + 2.6 * np.sqrt(0.025 * 0.975 / len(shown))
