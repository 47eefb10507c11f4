"""Bounds for unknown membership: by trying every allocation, and against linear programming."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from primum.errors import PrimumError
from primum.measure.informative import measured_or_not, score_test, shares_differ
from primum.measure.missing_selection import adjusted_odds_ratio, complete_case_weights, logistic
from primum.measure.unknown_membership import (
    CELLS,
    difference_bounds,
    mean_bounds,
    proxy_bounds,
    proxy_difference,
    rate_bounds,
)


def every_mean(worth, known, unassigned):
    """Return the means under every allocation of the unassigned."""
    for take in product(*(range(u + 1) for u in unassigned)):
        n = np.array(known) + take
        if n.sum():
            yield float(np.array(worth) @ n / n.sum())


@pytest.mark.parametrize(
    ("worth", "known", "unassigned"),
    [
        ((1, 0), (3, 2), (2, 4)),
        ((1, 0), (0, 0), (1, 2)),
        ((1, 0, -0.25), (4, 9, 6), (3, 2, 5)),
        ((2, 1), (0, 3), (2, 0)),
    ],
)
def test_mean_bounds_are_the_extremes_of_all_allocations(worth, known, unassigned):
    found = mean_bounds(worth, known, unassigned)
    means = list(every_mean(worth, known, unassigned))
    assert (found.low, found.high) == pytest.approx((min(means), max(means)))


def test_differences_are_the_extremes_of_all_allocations():
    a, b, u = (5, 3), (4, 4), (2, 3)
    found = difference_bounds(rate_bounds(a, u), rate_bounds(b, u))
    gaps = []
    for x, y in product(range(u[0] + 1), range(u[1] + 1)):
        one = (a[0] + x) / (sum(a) + x + y)
        two = (b[0] + u[0] - x) / (sum(b) + sum(u) - x - y)
        gaps.append(one - two)
    assert (found.low, found.high) == pytest.approx((min(gaps), max(gaps)))


def test_nobody_unknown_leaves_the_rate_with_its_wilson_limits():
    from primum.measure.intervals import wilson

    found = rate_bounds((8, 2), (0, 0))
    assert found.low == found.known == found.high == 0.8
    assert (found.outer_low, found.outer_high) == pytest.approx(tuple(float(v) for v in wilson(8, 10)))


def tables(strata, groups, seed):
    rng = np.random.default_rng(seed)
    z = rng.dirichlet(np.ones(strata))
    return z, rng.dirichlet(np.ones(groups), strata), rng.dirichlet(np.ones(4) * 0.7, strata).reshape(strata, 2, 2)


def by_linear_program(metric, z, p, q, group, sign, other=None):
    """Return the extreme of a metric by the Charnes-Cooper transform, over all joint tables w[z, group, y, d]."""
    strata, groups = p.shape
    size = strata * groups * 4

    def at(s, g, y, d):
        return ((s * groups + g) * 2 + y) * 2 + d

    up, down = CELLS[metric]
    cost, bottom = np.zeros(size + 1), np.zeros(size + 1)
    for s in range(strata):
        for y, d in up:
            cost[at(s, group, y, d)] = z[s]
        for y, d in (*up, *down):
            bottom[at(s, group, y, d)] = z[s]
    rows, right = [bottom], [1.0]
    for s in range(strata):
        for g in range(groups):
            row = np.zeros(size + 1)
            row[[at(s, g, y, d) for y in (0, 1) for d in (0, 1)]] = 1
            row[-1] = -p[s, g]
            rows.append(row)
            right.append(0)
        for y, d in product((0, 1), (0, 1)):
            row = np.zeros(size + 1)
            row[[at(s, g, y, d) for g in range(groups)]] = 1
            row[-1] = -q[s, y, d]
            rows.append(row)
            right.append(0)
    found = linprog(sign * cost, A_eq=np.array(rows), b_eq=right, bounds=(0, None))
    assert found.status == 0
    return sign * found.fun


@pytest.mark.parametrize("metric", list(CELLS))
@pytest.mark.parametrize(("strata", "groups"), [(1, 2), (4, 2), (5, 3)])
def test_proxy_bounds_are_those_of_the_linear_program(metric, strata, groups):
    z, p, q = tables(strata, groups, strata * 10 + groups)
    for g, found in enumerate(proxy_bounds(metric, z, p, q)):
        assert found.low == pytest.approx(by_linear_program(metric, z, p, q, g, 1), abs=1e-7)
        assert found.high == pytest.approx(by_linear_program(metric, z, p, q, g, -1), abs=1e-7)
        assert found.low <= found.known <= found.high


def test_a_perfect_proxy_leaves_no_doubt():
    q = np.array([[[0.5, 0.1], [0.1, 0.3]], [[0.4, 0.2], [0.3, 0.1]]])
    first, second = proxy_bounds("sensitivity", [0.5, 0.5], [[1, 0], [0, 1]], q)
    assert first.low == pytest.approx(first.high) == pytest.approx(0.75)
    assert proxy_difference([first, second], 0, 1).low == pytest.approx(0.5)


def test_bounds_hold_the_truth_where_the_proxy_weighted_value_does_not():
    """Membership decides the model's sensitivity within each stratum: weighting by the proxy is biased (Chen 2019)."""
    rng = np.random.default_rng(6)
    n = 200_000
    z, y = rng.integers(0, 3, n), rng.random(n) < 0.3
    a = rng.random(n) < np.array([0.2, 0.5, 0.8])[z]
    d = rng.random(n) < np.where(y, np.where(a, 0.5, 0.8), 0.1)
    q = np.array([[[((z == s) & (y == i) & (d == j)).sum() for j in (0, 1)] for i in (0, 1)] for s in range(3)]) / 1.0
    share = q.sum(axis=(1, 2))
    p = np.array([[(~a)[z == s].mean(), a[z == s].mean()] for s in range(3)])
    truth = d[a & y].mean()
    found = proxy_bounds("sensitivity", share / n, p, q / share[:, None, None])[1]
    assert found.low < truth < found.high
    assert abs(found.known - truth) > 0.05


def test_bad_tables_are_told():
    with pytest.raises(PrimumError, match="no bound for the metric 'auroc'"):
        proxy_bounds("auroc", [1.0], [[1.0]], np.full((1, 2, 2), 0.25))
    with pytest.raises(PrimumError, match="are no probabilities"):
        proxy_bounds("ppv", [1.0], [[0.7, 0.7]], np.full((1, 2, 2), 0.25))
    with pytest.raises(PrimumError, match="have shapes"):
        proxy_bounds("ppv", [1.0], [[0.5, 0.5]], np.full((2, 2, 2), 0.25))
    with pytest.raises(PrimumError, match="one count, not below 0"):
        mean_bounds((1, 0), (1, -1), (0, 0))


# -- informative missingness and complete cases ---------------------------------------------------------------------


def test_measured_or_not_written_out():
    row = measured_or_not([[700, 300], [170, 30]])
    assert (row["measured_rate"], row["missing_rate"]) == (0.3, 0.15)
    assert row["difference"] == pytest.approx(-0.15)
    p = 330 / 1200
    z = 0.15 / np.sqrt(p * (1 - p) * (1 / 1000 + 1 / 200))
    from scipy.stats import norm

    assert row["p"] == pytest.approx(2 * norm.sf(z))
    assert row["low"] < -0.15 < row["high"] < 0


def test_the_score_test_is_the_chi_square_test():
    from scipy.stats import chi2_contingency

    assert score_test([30, 12], [90, 70]) == pytest.approx(
        chi2_contingency([[30, 60], [12, 58]], correction=False).pvalue
    )


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([[50, 20], [10, 3]], {"missing_events"}),
        ([[50, 20], [2, 1]], {"missing_events", "missing", "measured", "share"}),
    ],
)
def test_few_people_are_hidden_and_cannot_be_found_by_taking_away(counts, hidden):
    row = measured_or_not(counts, few=5)
    assert row["few"]
    assert all(row[k] is None for k in {*hidden, "measured_events"})
    assert np.isnan(row["difference"])
    assert measured_or_not(counts, few=0)["missing_events"] == counts[1][1]


def test_everybody_measured_is_no_result():
    assert measured_or_not([[50, 20], [0, 0]])["reason"] == "everybody was measured"
    assert measured_or_not([[0, 0], [50, 20]])["reason"] == "nobody was measured"
    assert np.isnan(shares_differ((0, 1), (0, 5))).all()


def test_logistic_against_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 2))
    y = rng.random(500) < 1 / (1 + np.exp(-0.5 - x[:, 0]))
    found = logistic(x, y, ridge=1e-9)
    theirs = sm.Logit(y.astype(float), sm.add_constant(x)).fit(disp=0)
    assert found.beta == pytest.approx(theirs.params, abs=1e-5)
    assert found.covariance == pytest.approx(theirs.cov_params(), abs=1e-5)
    ratio = adjusted_odds_ratio(x[:, 0] > 0, y, x[:, 1:])
    whole = sm.Logit(y.astype(float), sm.add_constant(np.column_stack([x[:, 0] > 0, x[:, 1]]))).fit(disp=0)
    assert ratio[0] == pytest.approx(np.exp(whole.params[1]), rel=0.02)
    assert ratio[1:] == pytest.approx(tuple(np.exp(whole.conf_int()[1])), rel=0.02)


def test_weighted_complete_cases_recover_what_dropping_distorts():
    """Sensitivity differs by z, and so does being complete: dropping is biased, weighting by what was seen is not."""
    rng = np.random.default_rng(7)
    n = 20_000
    z = rng.random(n) < 0.5
    found = rng.random(n) < np.where(z, 0.9, 0.5)
    complete = rng.random(n) < np.where(z, 0.9, 0.3)
    w = complete_case_weights(z[:, None], complete)
    assert abs(found[complete].mean() - 0.7) > 0.08
    assert (w.weight @ found) / w.weight.sum() == pytest.approx(0.7, abs=0.02)
    assert w.weight[~complete].max() == 0
    assert w.weight[complete].mean() == pytest.approx(1)
    assert w.effective < complete.sum()


def test_weights_in_bad_cases():
    with pytest.raises(PrimumError, match="Nobody is without a gap"):
        complete_case_weights(np.zeros((4, 1)), np.zeros(4))
    with pytest.raises(PrimumError, match="has gaps itself"):
        complete_case_weights([[np.nan], [1.0]], [1, 0])
    assert complete_case_weights(np.zeros((4, 1)), np.ones(4)).effective == 4
