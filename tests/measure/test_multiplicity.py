"""Adjusted p-values against statsmodels and written-out cases; the critical value of many comparisons at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from primum.measure.multiplicity import benjamini_hochberg, gaussian, holm, max_t


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_statsmodels(p):
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        np.testing.assert_allclose(ours(p), multipletests(p, method=method)[1], atol=1e-12)


def test_a_written_out_case_of_holm_and_benjamini_hochberg():
    p = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02])


@pytest.mark.parametrize("method", [holm, benjamini_hochberg])
def test_a_comparison_without_a_p_value_stays_without_and_is_not_counted(method):
    found = method([0.01, np.nan, 0.03])
    assert np.isnan(found[1])
    np.testing.assert_array_equal(found[[0, 2]], method([0.01, 0.03]))
    assert len(method([])) == 0


def test_max_t_rejects_exactly_beyond_its_critical_value():
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((999, 400))
    found = max_t(np.linspace(0, 6, 400), draws + np.linspace(0, 6, 400), np.ones(400))
    np.testing.assert_array_equal(found.adjusted <= 0.05, np.linspace(0, 6, 400) > found.critical)
    assert np.all(np.diff(found.adjusted) <= 0)
    assert found.adjusted[-1] == 1 / 1000


def test_max_t_is_sidak_for_independent_and_a_single_z_for_identical_comparisons():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((20_000, 10))
    sidak = 2.800  # Φ⁻¹(1 − (1 − .95^(1/10))/2)
    assert max_t(np.zeros(10), noise, np.ones(10)).critical == pytest.approx(sidak, abs=0.03)
    same = np.repeat(noise[:, :1], 10, axis=1)
    assert max_t(np.zeros(10), same * 3, np.full(10, 3.0)).critical == pytest.approx(1.96, abs=0.04)


def test_a_replicate_as_large_as_what_was_seen_counts_against_it():
    draws = np.arange(1.0, 100.0)[:, None] + 50
    assert max_t([50.0], draws, [1.0]).adjusted[0] == (1 + 50) / 100  # 50, 51 … 99


def test_max_t_passes_over_what_has_no_estimate_or_no_error_and_never_rejects_with_too_few_replicates():
    rng = np.random.default_rng(2)
    found = max_t([np.nan, 1.0, 5.0], rng.standard_normal((100, 3)), [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(np.isnan(found.adjusted), [True, True, False])
    assert max_t([9.0], rng.standard_normal((10, 1)), [1.0]).critical == np.inf
    assert np.isnan(max_t([np.nan], np.zeros((10, 1)), [1.0]).critical)


@pytest.mark.parametrize("columns", [5, 250])
def test_gaussian_keeps_the_correlations_and_nothing_else(columns):
    rng = np.random.default_rng(3)
    shared = rng.exponential(size=(4000, 1))
    draws = 7 + 2 * (shared + rng.exponential(size=(4000, columns)))
    draws[:, 1] = 5.0
    draws[3, 2] = np.nan
    found = gaussian(draws, 20_000 if columns == 5 else 2000, rng)
    near = 0.03 if columns == 5 else 0.12
    np.testing.assert_allclose(found.std(axis=0), 1, atol=near)
    between = np.corrcoef(found.T)
    assert between[0, 2:].mean() == pytest.approx(0.5, abs=near)
    assert np.abs(between[1, 2:]).max() < near
