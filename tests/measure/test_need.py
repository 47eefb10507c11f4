"""Sample sizes: published numbers, and the promise kept in simulation."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from primum.cli import app
from primum.measure.intervals import wilson, z_value
from primum.measure.need import needs
from primum.measure.power import equal_groups, people_needed
from primum.measure.riley import n_auroc, n_observed_expected, n_rate, n_slope, se_auroc
from primum.usecase_file import load


def test_published_sizes():
    assert equal_groups(0.80, 0.70) == pytest.approx(291, abs=1)
    assert n_observed_expected(0.1, 0.051 * z_value(0.95)) == pytest.approx(3461, abs=1)
    n = n_auroc(0.1, 0.8, 0.025 * z_value(0.95))
    assert se_auroc(n, 0.1, 0.8) == pytest.approx(0.025, rel=1e-6)
    assert 60 < n * 0.1 < 170  # events for SE(C) < .025, as published for C .64-.85 and prevalence .05-.30


def test_a_rate_is_as_precise_as_promised():
    n = n_rate(0.8, 0.1)
    low, high = wilson(0.8 * n, n)
    assert (high - low) / 2 == pytest.approx(0.1, rel=1e-6)


def test_a_comparator_that_is_too_small_can_never_be_enough():
    assert people_needed(0.8, 0.1, 50) == np.inf
    assert people_needed(0.8, 0.1) < people_needed(0.8, 0.1, 1000)


def test_slope_formula_agrees_with_simulation():
    from scipy.special import expit, logit, ndtri

    phi, c, half = 0.2, 0.75, 0.3
    n = int(n_slope(phi, c, half))
    rng = np.random.default_rng(3)
    sigma = np.sqrt(2) * ndtri(c)
    import statsmodels.api as sm

    slopes = []
    for _ in range(150):
        y = rng.random(n) < phi
        lp = logit(phi) + np.where(y, 0.5, -0.5) * sigma**2 + sigma * rng.standard_normal(n)
        slopes.append(sm.GLM(y.astype(float), sm.add_constant(lp), family=sm.families.Binomial()).fit().params[1])
    assert np.std(slopes) * z_value(0.95) == pytest.approx(half, rel=0.2)
    assert expit(0) == 0.5


def test_power_is_as_promised_in_simulation():
    n = int(np.ceil(people_needed(0.8, 0.1, 5000)))
    rng = np.random.default_rng(6)
    a, b = rng.binomial(n, 0.7, 4000) / n, rng.binomial(5000, 0.8, 4000) / 5000
    z = (b - a) / np.sqrt(a * (1 - a) / n + b * (1 - b) / 5000)
    assert (z > z_value(0.95)).mean() == pytest.approx(0.8, abs=0.04)


def test_needs_of_a_use_case():
    rows = needs(load("nhanes-depression"), 0.1, {"sensitivity": 0.8})
    found = {(r["metric"], r["purpose"]): r for r in rows}
    assert found["sensitivity", "shortfall 0.1 v an equal group"]["n"] == 291
    assert found["sensitivity", "shortfall 0.1 v an equal group"]["people"] == 2905
    assert found["specificity", "shortfall 0.1 v an equal group"]["kind"] == "non-cases"


def test_the_command_line_tells_and_refuses():
    run = CliRunner()
    told = run.invoke(app, ["power", "nhanes-depression", "--prevalence", "0.1"])
    assert told.exit_code == 0
    assert "291" in told.stdout
    for arguments, words in (
        (["--prevalence", "10"], "not a share"),
        (["--prevalence", "0.1", "--expect", "sensitivty=0.8"], "sensitivity"),
        (["--prevalence", "0.1", "--expect", "sensitivity=high"], "has no number"),
    ):
        refused = run.invoke(app, ["power", "nhanes-depression", *arguments])
        assert refused.exit_code == 2
        assert words in refused.stderr
