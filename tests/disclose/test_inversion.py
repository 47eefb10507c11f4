"""Printed statistics turned back into counts: the cases with their exact numbers, and statistics computed elsewhere."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from primum.disclose import inversion
from primum.errors import PrimumError

EVENTS = [0.5818, 0.7840, 0.6197, 0.4890, 0.6709, 0.4491, 0.5118]
NONEVENTS = [
    0.4404, 0.5386, 0.0753, 0.3033, 0.3921, 0.5729, 0.3578, 0.3463, 0.5145, 0.1756, 0.3922, 0.3339, 0.1200, 0.5144,
    0.4249, 0.3596, 0.6215, 0.2825, 0.3738, 0.6017, 0.2788, 0.4504, 0.3156, 0.0694, 0.1215, 0.1863, 0.4742, 0.2729,
    0.5493, 0.2062, 0.1780, 0.0886, 0.3394,
]  # fmt: skip
SCORES = np.array(EVENTS + NONEVENTS)
LABELS = np.array([1] * 7 + [0] * 33)


def decided(threshold: float) -> tuple[int, int]:
    flagged = threshold <= SCORES
    return int((flagged & (LABELS == 1)).sum()), int((flagged & (LABELS == 0)).sum())


class TestRate:
    def test_t8_a_sensitivity_names_its_fraction(self):
        assert inversion.rate(0.714, 3, range(5, 10)) == [(5, 7)]
        assert inversion.rate(0.71, 2, range(1, 13)) == [(5, 7)]

    def test_one_digit_does_not(self):
        assert len(inversion.rate(0.7, 1, range(5, 10))) > 1

    @pytest.mark.parametrize("digits", [1, 2, 3])
    def test_the_truth_is_always_among_the_candidates(self, digits):
        for n in range(1, 40):
            for k in range(n + 1):
                assert (k, n) in inversion.rate(round(k / n, digits), digits, [n, n + 1, 0])

    @pytest.mark.parametrize(("digits", "share"), [(2, 0.044), (3, 0.409), (4, 0.932)])
    def test_t23_rounding_n_alone_leaves_rates_that_name_the_fraction(self, digits, share):
        unique = []
        for n in range(20, 200):
            near = 5 * round(n / 5)
            for k in range(1, 10):
                found = inversion.rate(round(k / n, digits), digits, range(near - 2, near + 3))
                assert (k, n) in found
                unique.append(len(found) == 1)
        assert np.mean(unique) == pytest.approx(share, abs=0.01)  # how ties round moves it by half a point

    def test_negative_digits_are_refused(self):
        with pytest.raises(PrimumError, match="-1 decimals"):
            inversion.rate(0.5, -1, [2])


class TestInterval:
    def test_t9_wilson(self):
        assert inversion.wilson_limits(0.121, 0.646, 3, range(1, 200)) == [(3, 9)]

    def test_the_interval_is_that_of_statsmodels(self):
        proportion = pytest.importorskip("statsmodels.stats.proportion")
        z = 1.959963984540054
        for k, n in [(0, 8), (3, 9), (17, 61), (50, 50)]:
            low, high = proportion.proportion_confint(k, n, method="wilson")
            assert inversion.wilson_limits(low, high, 9, [n, n + 1], z=z) == [(k, n)]

    def test_t9_wald(self):
        assert inversion.wald_size(0.8, 1.96 * math.sqrt(0.16 / 17)) == pytest.approx(17, abs=1e-9)
        assert math.isnan(inversion.wald_size(1.0, 0.0))


class TestAuc:
    value = 205 / 231

    def test_the_data_have_it(self):
        above = [(e > o) + 0.5 * (e == o) for e in EVENTS for o in NONEVENTS]
        assert np.mean(above) == pytest.approx(self.value)

    @pytest.mark.parametrize(("digits", "left"), [(4, 6), (3, 29), (2, 37)])
    def test_t12_digits_narrow_the_events(self, digits, left):
        found = inversion.auc_events(round(self.value, digits), digits, 40)
        assert len(found) == left
        assert 7 in found

    def test_t12_four_decimals(self):
        assert inversion.auc_events(0.8874, 4, 40) == [3, 7, 14, 26, 33, 37]


class TestNetBenefit:
    def nb(self, threshold: float) -> float:
        tp, fp = decided(threshold)
        return (tp - fp * threshold / (1 - threshold)) / 40

    def solve(self, digits: int) -> tuple[float, float]:
        unit = Decimal(1).scaleb(-digits)  # 0.01875 prints as 0.0188
        exact = (Decimal(self.nb(t)).quantize(Decimal("1e-15")) for t in (0.2, 0.2001))
        a, b = (float(value.quantize(unit, ROUND_HALF_UP)) for value in exact)
        return inversion.net_benefit_pair((0.2, a), (0.2001, b), 40)

    def test_t11_two_thresholds_give_the_counts(self):
        assert self.nb(0.2) == pytest.approx(0.01875)
        assert self.nb(0.2001) == pytest.approx(0.0186523315, abs=1e-10)
        assert self.solve(12) == pytest.approx((7, 25), abs=1e-4)

    def test_t11_digits(self):
        assert self.solve(4) == pytest.approx((7.15, 25.6), abs=0.01)
        assert self.solve(7) == pytest.approx((7.00, 25.01), abs=0.01)
        assert self.solve(3)[1] == pytest.approx(0)  # equal values: the attack fails

    def test_t11_one_value_leaves_seven_pairs(self):
        found = inversion.net_benefit(0.019, 3, 0.2, events=7, nonevents=33)
        assert len(found) == 7
        assert (7, 25) in found

    def test_equal_thresholds_are_refused(self):
        with pytest.raises(PrimumError, match="two different thresholds"):
            inversion.net_benefit_pair((0.2, 0.1), (0.2, 0.1), 40)


class TestChiSquare:
    def test_t15_22_leaves_two_tables(self):
        assert inversion.chi_square(22, 0, group=60, events=74, n=240) == [4, 33]
        # the expected count is 18.5, so both lie equally far from it: only the direction of the effect tells them apart
        assert inversion.chi_square(21.908, 3, group=60, events=74, n=240) == [4, 33]

    def test_the_statistic_is_that_of_scipy(self):
        from scipy.stats import chi2_contingency

        for a in (0, 4, 18, 33, 60):
            table = [[60 - a, a], [180 - 74 + a, 74 - a]]
            value = chi2_contingency(table, correction=False).statistic
            assert a in inversion.chi_square(round(value, 6), 6, group=60, events=74, n=240)

    def test_an_empty_margin_has_no_statistic(self):
        assert inversion.chi_square(0, 2, group=0, events=3, n=10) == []


class TestSaturatedLogit:
    cells = ((40, 200), (45, 150), (48, 120))

    def test_t29_the_fourth_cell(self):
        found = inversion.saturated_logit((-1.3863, 0.9808, 0.5390, -0.8267), 1.2640, 4, cells=self.cells)
        assert found == [(1, 3)]

    def test_the_printed_numbers_are_those_of_a_fit(self):
        api = pytest.importorskip("statsmodels.api")
        rows, y = [], []
        for (x, z), (k, n) in zip([(0, 0), (0, 1), (1, 0), (1, 1)], [*self.cells, (1, 3)], strict=True):
            rows += [(1, x, z, x * z)] * n
            y += [1] * k + [0] * (n - k)
        fit = api.Logit(np.array(y), np.array(rows, dtype=float)).fit(disp=0)
        assert fit.params.round(4) == pytest.approx([-1.3863, 0.9808, 0.5390, -0.8267])
        assert fit.bse[3] == pytest.approx(1.2640, abs=5e-5)


class TestHiddenMean:
    groups = ((500, 0.21), (300, 0.25))
    overall = (500 * 0.21 + 300 * 0.25 + 6 * 0.80) / 806

    @pytest.mark.parametrize(("digits", "low", "high"), [(4, 0.796, 0.809), (3, 0.695, 0.830), (2, 0.225, 1.568)])
    def test_t13_the_digits_of_the_total_give_the_hidden_mean(self, digits, low, high):
        found = inversion.hidden_mean(806, round(self.overall, digits), self.groups, digits=digits)
        assert found == pytest.approx((low, high), abs=1e-3)

    def test_t13_exactly(self):
        assert inversion.hidden_mean(806, self.overall, self.groups) == pytest.approx((0.8, 0.8))

    def test_digits_of_the_groups_widen_it(self):
        narrow = inversion.hidden_mean(806, 0.2293, self.groups, digits=4)
        wide = inversion.hidden_mean(806, 0.2293, self.groups, digits=4, known_digits=2)
        assert wide[0] < narrow[0] < narrow[1] < wide[1]

    @pytest.mark.parametrize(("digits", "record"), [(6, 65.0148), (3, 65.007), (2, 64.91), (1, 65.4)])
    def test_t5_two_versions_give_the_added_record(self, digits, record):
        new, old = round(60.499032, digits), round(60.406873, digits)
        low, high = inversion.hidden_mean(50, new, [(49, old)])
        assert low == high == pytest.approx(record, abs=1e-4)

    def test_nobody_left(self):
        with pytest.raises(PrimumError, match="nobody is left"):
            inversion.hidden_mean(10, 0.5, [(10, 0.5)])


class TestRoc:
    def curve(self, scores: np.ndarray, labels: np.ndarray, *, drop: bool = False) -> tuple[np.ndarray, ...]:
        metrics = pytest.importorskip("sklearn.metrics")
        return metrics.roc_curve(labels, scores, drop_intermediate=drop)

    def test_t10_small_every_person(self):
        curve = self.curve(SCORES, LABELS)
        assert len(curve[0]) == 41
        steps = inversion.roc_steps(*curve)
        assert sum(s.events for s in steps) == 7
        assert sum(s.nonevents for s in steps) == 33
        assert sorted(inversion.records(steps)) == sorted(zip(SCORES.tolist(), LABELS.tolist(), strict=True))

    def large(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(2)
        y = rng.random(3000) < 0.12
        return np.clip(rng.normal(0.3 + 0.2 * y, 0.15), 0, 1), y.astype(int)

    def test_t10_large_every_score(self):
        s, y = self.large()
        assert (y.sum(), (1 - y).sum(), len(np.unique(s))) == (349, 2651, 2951)
        curve = self.curve(s, y)
        assert len(curve[0]) == 2952
        steps = inversion.roc_steps(*curve)
        assert sum(p.events for p in steps) == 349
        alone = inversion.records(steps)
        truth = set(zip(s.tolist(), y.tolist(), strict=True))
        assert set(alone) <= truth
        assert len(alone) > 2900

    def test_t10_steps_of_ten_and_ten_give_no_record(self):
        s, y = self.large()
        points, last = [(0.0, 0.0, np.inf)], [0, 0]
        for cut in np.arange(1.0, -0.005, -0.01):
            flagged = s >= cut - 1e-12
            now = [int((flagged & (y == 1)).sum()), int((flagged & (y == 0)).sum())]
            if min(now[0] - last[0], now[1] - last[1]) >= 10:
                points.append((now[1] / 2651, now[0] / 349, cut))
                last = now
        points[-1] = (1.0, 1.0, 0.0)
        assert len(points) == 23
        steps = inversion.roc_steps(*np.array(points).T, events=349, nonevents=2651)
        assert min(min(p.events, p.nonevents) for p in steps) >= 10
        assert inversion.records(steps) == []

    def test_a_smooth_curve_has_no_class_size(self):
        x = np.linspace(0, 1, 50)
        assert inversion.roc_steps(x**1.1, x**0.3, 1 - x) is None

    def test_wrong_class_sizes_do_not_fit(self):
        assert inversion.roc_steps(*self.curve(SCORES, LABELS), events=8, nonevents=33) is None
