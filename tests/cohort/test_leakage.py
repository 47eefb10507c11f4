"""Leakage: what must be found, and what must not be taken for it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.cohort.cohort import Cohort
from primum.cohort.leakage import auroc_alone, leakage
from primum.usecase import UseCase

N = 2000
RNG = np.random.default_rng(5)
Y = (RNG.random(N) < 0.2).astype(np.int8)


def question(derive=(), when=("ill",), truth=None, features=()):
    outcome = {
        "name": "illness",
        "when": [{"column": c, "equals": 1} for c in when],
        "recorded_by": "a nurse",
    }
    if truth:
        outcome["truth"] = [{"column": truth, "at_least": 1}]
    return UseCase(
        name="test",
        title="t",
        question="q",
        intended_use="u",
        population="p",
        outcome=outcome,
        derive=list(derive),
        features=list(features),
        groups=[{"column": "sex"}],
        decision={"act": "call", "threshold": 0.2},
        models=[{"name": "risk", "score": "risk"}],
    )


def cohort(y=Y, person=None, family=None, **features):
    return Cohort(
        features=pl.DataFrame(features),
        outcome=y,
        truth=None,
        groups=pl.DataFrame({"sex": ["f", "m"] * (y.size // 2)}),
        levels={"sex": ["f", "m"]},
        scores={},
        person=person,
        family=family,
        site=None,
        weight=None,
        flow=[],
        unrecorded={},
    )


def checks(rows):
    """Give what was found; that few combinations of values repeat is only a note, and has its own test."""
    return [(row["check"], row["columns"], row["severity"]) for row in rows if row["severity"] != "note"]


def test_honest_features_raise_nothing():
    noise = RNG.normal(size=N)
    informative = Y + RNG.normal(size=N)
    assert leakage(cohort(noise=noise, informative=informative), question()) == []


def test_auroc_alone_is_mann_whitney():
    from sklearn.metrics import roc_auc_score

    values = RNG.integers(0, 9, N) + Y
    assert auroc_alone(Y, values) == pytest.approx(roc_auc_score(Y, values), abs=1e-14)
    assert np.isnan(auroc_alone(np.zeros(3, dtype=int), np.arange(3)))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_that_is_the_outcome(sign):
    rows = leakage(cohort(billing=sign * (10.0 * Y + RNG.normal(size=N))), question())
    assert checks(rows) == [("outcome in disguise", ["billing"], "problem")]
    assert "'Billing' alone tells who has the outcome (AUROC 1.000)" in rows[0]["what"]


def test_only_the_known_values_count():
    disguise = np.where(RNG.random(N) < 0.5, np.nan, Y * 1.0)
    rows = leakage(cohort(x=pl.Series(disguise).fill_nan(None)), question())
    assert checks(rows) == [("outcome in disguise", ["x"], "problem")]


def test_missingness_that_tells_the_outcome():
    x = pl.Series(np.where(Y == 1, RNG.normal(size=N), np.nan)).fill_nan(None)
    rows = leakage(cohort(date_of_diagnosis=x), question())
    assert checks(rows) == [("outcome in disguise", ["date_of_diagnosis"], "problem")]
    assert "is missing gives the outcome away" in rows[-1]["what"]


def test_text_that_is_the_outcome():
    words = np.where(Y == 1, RNG.choice(["a", "b"], N), RNG.choice(["c", "d"], N))
    rows = leakage(cohort(ward=words), question())
    assert checks(rows) == [("outcome in disguise", ["ward"], "problem")]


def test_numbers_that_are_codes():
    """2 for the ill, 1 and 3 for the others: no ranking sees it, the shares do."""
    codes = np.where(Y == 1, 2, RNG.choice([1, 3], N))
    assert checks(leakage(cohort(code=codes), question())) == [("outcome in disguise", ["code"], "problem")]


def test_ten_thousand_levels_know_nothing():
    """In the same sample, the share of events by value would always be the outcome itself."""
    y = np.tile(Y, 5)
    rows = leakage(cohort(y=y, name=[f"level {i}" for i in range(10_000)], id=np.arange(10_000)), question())
    assert rows == []


def test_few_people_prove_nothing():
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], dtype=np.int8)
    assert leakage(cohort(y=y, x=np.arange(10.0, 0, -1)), question()) == []


def test_copied_rows():
    x = RNG.normal(size=N)
    x[:7], y = x[100:107], Y.copy()
    y[:7] = y[100:107]
    rows = leakage(cohort(y=y, x=x), question())
    assert checks(rows) == [("duplicated rows", [], "warning")]
    assert rows[0]["what"].startswith("7 of 2,000 rows repeat")


def test_the_same_features_with_another_outcome_are_no_copy():
    x = RNG.normal(size=N)
    y = Y.copy()
    x[0], y[0] = x[1], 1 - y[1]
    assert leakage(cohort(y=y, x=x), question()) == []


def test_few_combinations_are_expected_to_repeat():
    (row,) = leakage(cohort(x=RNG.integers(0, 4, N)), question())
    assert (row["check"], row["severity"]) == ("duplicated rows", "note")
    assert "to be expected" in row["what"]


def test_sources_of_the_outcome():
    derive = [{"name": "total", "sum": ["item1", "item2"]}, {"name": "score", "sum": ["item2", "other"]}]
    x = RNG.normal(size=(4, N))
    rows = leakage(cohort(item1=x[0], total=x[1], score=x[2], innocent=x[3]), question(derive=derive, when=["total"]))
    assert checks(rows) == [("outcome source", ["item1", "total", "score"], "problem")]
    assert "The outcome 'illness' is made from 'Item 1', 'Total', 'Score'" in rows[0]["what"]


def test_source_of_the_truth():
    rows = leakage(cohort(lab=RNG.normal(size=N)), question(truth="lab"))
    assert checks(rows) == [("truth source", ["lab"], "warning")]


def test_the_same_person_in_two_folds():
    person = np.arange(N) // 2
    folds = np.arange(N) % 2
    rows = leakage(cohort(person=person, family=person // 2), question(), folds)
    assert checks(rows) == [
        ("person in several folds", [], "problem"),
        ("family in several folds", [], "problem"),
    ]
    assert rows[0]["what"].startswith("1,000 persons stand on both sides")
    assert rows[1]["what"].startswith("500 families stand on both sides")
    assert leakage(cohort(person=person), question(), person % 5) == []
