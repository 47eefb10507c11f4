"""People whose risk is known: a few numbers, a few categories, gaps."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.learn import additive


@pytest.fixture(scope="session", autouse=True)
def _short_ebm():
    """Keep explainable boosting machines small: their settings are not under test here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(additive.SETTINGS, "outer_bags", 2)
        patch.setitem(additive.SETTINGS, "max_rounds", 100)
        yield


def draw_people(n: int, seed: int = 1) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Return features, outcome and the true risk."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(18, 80, n)
    pressure = rng.normal(120, 15, n)
    sex = rng.choice(["female", "male"], n)
    income = rng.choice(["low", "middle", "high"], n)
    risk = 1 / (1 + np.exp(-(-2 + 1.2 * np.cos(age / 8) + 0.04 * (pressure - 120) + 0.8 * (income == "low"))))
    outcome = (rng.random(n) < risk).astype(np.int8)
    gap = rng.random((n, 2)) < 0.1
    features = pl.DataFrame(
        {
            "age": age,
            "pressure": pl.Series([None if g else v for g, v in zip(gap[:, 0], pressure, strict=True)]),
            "sex": sex,
            "income": pl.Series([None if g else v for g, v in zip(gap[:, 1], income, strict=True)]),
            "visits": rng.poisson(0.4, n),
        }
    )
    return features, outcome, risk


def stratified(outcome: np.ndarray, n_folds: int, seed: int = 0) -> np.ndarray:
    """Return folds with as many events in each."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(outcome), dtype=int)
    for level in (0, 1):
        rows = rng.permutation(np.flatnonzero(outcome == level))
        folds[rows] = np.arange(len(rows)) % n_folds
    return folds


@pytest.fixture(scope="session")
def cohort() -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Give 900 people and five folds."""
    features, outcome, _ = draw_people(900)
    return features, outcome, stratified(outcome, 5)


@pytest.fixture(scope="session")
def people():
    """Give the function that draws people: features, outcome, true risk."""
    return draw_people


@pytest.fixture(scope="session")
def folds_of():
    """Give the function that draws stratified folds."""
    return stratified
