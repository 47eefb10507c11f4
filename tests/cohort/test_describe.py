"""Table 1, standardised differences, missingness and representativeness, against numbers worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primum.cohort.cohort import Cohort
from primum.cohort.columns import label
from primum.cohort.describe import missingness, representativeness, table_one
from primum.cohort.smd import smd_binary, smd_categories, smd_number
from primum.measure.intervals import wilson
from primum.usecase import MISSING, UseCase

SEX = ["f", "f", "f", "m", "m", MISSING]


def question(groups=None, **changes):
    base = {
        "name": "test",
        "title": "t",
        "question": "q",
        "intended_use": "u",
        "population": "p",
        "outcome": {"name": "illness", "when": [{"column": "ill", "equals": 1}], "recorded_by": "a nurse"},
        "groups": groups or [{"column": "sex"}],
        "decision": {"act": "call", "threshold": 0.2},
        "models": [{"name": "risk", "score": "risk"}],
    }
    return UseCase(**{**base, **changes})


def cohort(features=None, truth=None, groups=None, levels=None):
    return Cohort(
        features=pl.DataFrame(features or {}, strict=False),
        outcome=np.array([1, 0, 0, 1, 0, 1], dtype=np.int8),
        truth=truth,
        groups=pl.DataFrame(groups or {"sex": SEX}),
        levels=levels or {"sex": ["f", "m", MISSING]},
        scores={},
        person=None,
        family=None,
        site=None,
        weight=None,
        flow=[],
        unrecorded={},
        labels={"ward": "Ward on admission"},
    )


def test_columns_and_outcome():
    table = table_one(cohort(), question())
    assert table["columns"] == [
        {"attribute": "overall", "level": "everyone", "n": 6, "events": 3},
        {"attribute": "sex", "level": "f", "n": 3, "events": 1},
        {"attribute": "sex", "level": "m", "n": 2, "events": 1},
        {"attribute": "sex", "level": MISSING, "n": 1, "events": 1},
    ]
    row = table["rows"][0]
    assert (row["variable"], row["label"], row["kind"], row["category"]) == ("outcome", "illness", "outcome", None)
    assert [cell["text"] for cell in row["cells"]] == ["3 (50.0 %)", "1 (33.3 %)", "1 (50.0 %)", "1 (100.0 %)"]
    # women 1/3 against the others 2/3
    assert row["smd"][1] == pytest.approx((1 / 3 - 2 / 3) / math.sqrt(2 / 9))
    assert row["smd"][0] is None


def test_numbers():
    row = table_one(cohort({"height": [1.0, 2.0, 3.0, 5.0, None, None]}), question())["rows"][1]
    assert (row["label"], row["kind"]) == ("Height", "number")
    cell = row["cells"][1]
    assert cell["text"] == "2.0 (1.0)"
    assert (cell["mean"], cell["sd"], cell["n"], cell["missing"]) == (2.0, 1.0, 3, 0.0)
    assert row["cells"][2]["text"] == "5.0"
    assert row["cells"][2]["sd"] is None
    assert row["cells"][2]["missing"] == 0.5
    assert row["cells"][3]["text"] == "–"
    assert row["cells"][3]["missing"] == 1.0
    assert row["smd"] == [None, None, None, None]  # one man is known: no spread


def test_categories_one_difference_a_variable():
    rows = table_one(cohort({"ward": ["a", "a", "b", "b", None, "a"]}), question())["rows"][1:]
    assert [(r["category"], r["label"]) for r in rows] == [("a", "Ward on admission"), ("b", "Ward on admission")]
    assert [c["text"] for c in rows[0]["cells"]] == ["3 (60.0 %)", "2 (66.7 %)", "0 (0.0 %)", "1 (100.0 %)"]
    assert rows[0]["cells"][2]["missing"] == 0.5
    expected = abs(2 / 3 - 1 / 2) / math.sqrt((2 / 9 + 1 / 4) / 2)
    assert rows[0]["smd"][1] == pytest.approx(expected)
    assert rows[1]["smd"] == [None] * 4


def test_yes_no_is_one_row():
    rows = table_one(cohort({"smokes": [1, 0, 1, 0, 1, None]}), question())["rows"][1:]
    assert [(r["kind"], r["category"]) for r in rows] == [("category", "yes")]
    assert rows[0]["cells"][0]["text"] == "3 (60.0 %)"


def test_many_categories_are_gathered():
    words = [f"w{i}" for i in range(30)] * 2
    n = len(words)
    big = Cohort(
        features=pl.DataFrame({"code": words}),
        outcome=np.tile(np.array([0, 1], dtype=np.int8), n // 2),
        truth=None,
        groups=pl.DataFrame({"sex": ["f", "m"] * (n // 2)}),
        levels={"sex": ["f", "m"]},
        scores={},
        person=None,
        family=None,
        site=None,
        weight=None,
        flow=[],
        unrecorded={},
    )
    rows = table_one(big, question())["rows"][1:]
    assert len(rows) == 21
    assert rows[-1]["category"] == "10 other values"
    assert rows[-1]["cells"][0]["n"] == 20


def test_declared_reference():
    table = table_one(cohort({"x": [1.0, 2.0, 3.0, 4.0, 6.0, 0.0]}), question([{"column": "sex", "reference": "m"}]))
    smd = table["rows"][1]["smd"]
    assert smd[1] == pytest.approx((2 - 5) / math.sqrt((1 + 2) / 2))
    assert smd[2] is None


def test_without_features_the_groups_are_described():
    table = table_one(cohort(), question())
    assert [(r["variable"], r["category"]) for r in table["rows"][1:]] == [
        ("sex", "f"),
        ("sex", "m"),
        ("sex", MISSING),
    ]


def test_truth_has_a_row():
    table = table_one(cohort(truth=np.array([1, 1, np.nan, 0, 0, 1.0])), question())
    row = table["rows"][1]
    assert (row["variable"], row["kind"]) == ("truth", "outcome")
    assert row["cells"][0]["text"] == "3 (60.0 %)"


def test_intersections_stay_out_of_table_one():
    groups = [{"column": "sex"}, {"column": "age"}, {"intersection": ["sex", "age"]}]
    people = cohort(
        groups={"sex": SEX, "age": ["<1", "≥1"] * 3, "sex × age": [f"{s} · x" for s in SEX]},
        levels={
            "sex": ["f", "m", MISSING],
            "age": ["<1", "≥1"],
            "sex × age": ["f · x", "m · x", f"{MISSING} · x"],
        },
    )
    table = table_one(people, question(groups))
    assert [c["attribute"] for c in table["columns"]] == ["overall", "sex", "sex", "sex", "age", "age"]


def test_everything_is_json():
    people = cohort({"x": [None, 1.0, None, None, None, None], "t": [None, "a", None, None, None, None]})
    usecase = question([{"column": "sex", "population_shares": {"f": 0.5, "m": 0.5}}])
    for part in (table_one(people, usecase), missingness(people), representativeness(people, usecase)):
        json.dumps(part, allow_nan=False)


def test_missingness():
    rows = missingness(cohort({"x": [None, 1.0, None, 1.0, 1.0, 1.0]}), question())
    assert [(r["attribute"], r["level"], r["n"], r["missing"]) for r in rows] == [
        ("overall", "everyone", 6, 2),
        ("sex", "f", 3, 2),
        ("sex", "m", 2, 0),
        ("sex", MISSING, 1, 0),
    ]
    low, high = wilson(2, 3)
    assert rows[1]["share"] == pytest.approx(2 / 3)
    assert (rows[1]["low"], rows[1]["high"]) == (float(low), float(high))
    assert missingness(cohort(), question()) == []


def test_representativeness():
    usecase = question([{"column": "sex", "population_shares": {"m": 0.5, "d": 0.1}}], level=0.9)
    rows = representativeness(cohort(), usecase)
    low, high = wilson(2, 5, 0.9)
    assert rows[0] == {
        "attribute": "sex",
        "level": "m",
        "n": 2,
        "share": 0.4,
        "declared": 0.5,
        "difference": pytest.approx(-0.1),
        "low": pytest.approx(float(low) - 0.5),
        "high": pytest.approx(float(high) - 0.5),
    }
    assert (rows[1]["level"], rows[1]["n"], rows[1]["share"]) == ("d", 0, 0.0)
    assert representativeness(cohort(), question()) == []


def test_declared_missing_share_counts_everybody():
    usecase = question([{"column": "sex", "population_shares": {"m": 0.5, MISSING: 0.1}}])
    rows = representativeness(cohort(), usecase)
    assert [(r["level"], r["share"]) for r in rows] == [("m", pytest.approx(2 / 6)), (MISSING, pytest.approx(1 / 6))]


def test_smd_of_numbers():
    assert smd_number(3.0, 1.0, 1.0, 3.0) == pytest.approx(2 / math.sqrt(5))
    assert math.isnan(smd_number(1.0, 0.0, 2.0, 0.0))
    assert math.isnan(smd_number(1.0, math.nan, 2.0, 1.0))


def test_smd_of_three_categories_by_hand():
    """Yang & Dalton (2012), written out with the inverse of a 2 × 2 matrix."""
    a, b = np.array([50, 30, 20]), np.array([20, 30, 50])
    p, q = a[:2] / 100, b[:2] / 100
    s11 = (p[0] * (1 - p[0]) + q[0] * (1 - q[0])) / 2
    s22 = (p[1] * (1 - p[1]) + q[1] * (1 - q[1])) / 2
    s12 = -(p[0] * p[1] + q[0] * q[1]) / 2
    d = p - q
    expected = math.sqrt((s22 * d[0] ** 2 - 2 * s12 * d[0] * d[1] + s11 * d[1] ** 2) / (s11 * s22 - s12**2))
    assert smd_categories(a, b) == pytest.approx(expected)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_smd_of_categories_does_not_depend_on_their_order(counts, random):
    other = [*counts[1:], counts[0]]
    order = list(range(len(counts)))
    random.shuffle(order)
    forth = smd_categories(counts, other)
    assert smd_categories([counts[i] for i in order], [other[i] for i in order]) == pytest.approx(forth, abs=1e-7)
    assert smd_categories(other, counts) == pytest.approx(forth, abs=1e-9)
    assert smd_categories([*counts, 0], [*other, 0]) == pytest.approx(forth, abs=1e-9)


def test_two_categories_are_the_binary_case():
    assert smd_categories([30, 70], [60, 40]) == pytest.approx(abs(smd_binary(0.3, 0.6)))


@pytest.mark.parametrize(("a", "b"), [([0, 0], [1, 2]), ([5, 0], [0, 5]), ([5, 0], [5, 0])])
def test_smd_of_categories_undefined(a, b):
    assert math.isnan(smd_categories(a, b))


def test_labels_are_words():
    assert label("HaveSeriousDifficultyWalking", {}) == "Have serious difficulty walking"
    assert label("phq9_total", {}) == "Phq 9 total"
    assert label("BMI", {}) == "BMI"
    assert label("d.time", {"d.time": "Days to death"}) == "Days to death"
