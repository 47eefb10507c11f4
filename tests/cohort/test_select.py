"""From table to cohort: the flow, the outcome, scores, identifiers, weights, and every message of refusal."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from primum.cohort.cohort import FlowStep
from primum.cohort.select import assemble
from primum.cohort.table import Table
from primum.errors import PrimumError
from primum.usecase import MISSING, UseCase


def question(**changes):
    base = {
        "name": "test",
        "title": "A test",
        "question": "Does it work?",
        "intended_use": "tests",
        "population": "people in a test",
        "include": [{"column": "age", "at_least": 18}],
        "outcome": {
            "name": "illness",
            "when": [{"column": "ill", "equals": "yes"}],
            "recorded_by": "a nurse",
        },
        "groups": [{"column": "sex"}],
        "decision": {"act": "call", "threshold": 0.2},
        "models": [{"name": "risk", "score": "risk"}],
    }
    return UseCase(**{**base, **changes})


def people(**changes):
    base = {
        "age": [10, 20, 30, 40, None, 60],
        "sex": ["f", "f", "m", None, "m", "m"],
        "ill": ["yes", "yes", "no", "no", "no", None],
        "risk": [0.9, 0.8, 0.1, 0.2, 0.3, 0.4],
        "height": [1.5, 1.6, float("nan"), 1.8, 1.9, 1.7],
        "smokes": [True, False, None, True, True, False],
        "unused": [1, 2, 3, 4, 5, 6],
    }
    return Table(pl.DataFrame({**base, **changes}, strict=False))


def test_flow_and_parts_agree():
    cohort = assemble(question(features=["height", "sex", "smokes"]), people())
    assert cohort.flow == [
        FlowStep("rows read", 6, 0, ""),
        FlowStep("Age ≥ 18", 4, 2, "1 do not meet this, 1 are unknown"),
        FlowStep("outcome known", 3, 1, "the outcome of 1 was not recorded"),
    ]
    assert (cohort.n, cohort.events) == (3, 1)
    assert cohort.outcome.tolist() == [1, 0, 0]
    assert cohort.outcome.dtype == np.int8
    assert cohort.groups["sex"].to_list() == ["f", "m", MISSING]
    assert cohort.levels == {"sex": ["f", "m", MISSING]} or cohort.levels == {"sex": ["m", "f", MISSING]}
    assert cohort.scores["risk"].tolist() == [0.8, 0.1, 0.2]
    assert cohort.unrecorded == {
        "sex": {
            "m": {"n": 2, "unknown_outcome": 1},
            "f": {"n": 1, "unknown_outcome": 0},
            MISSING: {"n": 1, "unknown_outcome": 0},
        }
    }
    assert cohort.features.to_dict(as_series=False) == {
        "height": [1.6, None, 1.8],
        "sex": ["f", "m", None],
        "smokes": [0, None, 1],
    }
    assert cohort.truth is None
    assert cohort.person is None
    assert cohort.weight is None


def test_lazy_frames_give_the_same(tmp_path):
    eager = people()
    eager.frame.write_parquet(tmp_path / "a.parquet")
    lazy = assemble(question(), Table(pl.scan_parquet(tmp_path / "a.parquet")))
    assert lazy.groups.equals(assemble(question(), eager).groups)
    assert lazy.flow == assemble(question(), eager).flow


def test_derived_columns():
    frame = people(a=[1, 1, None, 2, 3, 4], b=[1, 2, 3, 4, 5, 6])
    cohort = assemble(
        question(
            derive=[
                {"name": "total", "sum": ["a", "b"]},
                {"name": "average", "mean": ["a", "b"]},
                {"name": "twice", "sum": ["total", "total"]},
            ],
            features=["total", "average", "twice"],
        ),
        frame,
    )
    assert cohort.features.to_dict(as_series=False) == {
        "total": [3.0, None, 6.0],
        "average": [1.5, 3.0, 3.0],
        "twice": [6.0, None, 12.0],
    }


def test_truth():
    outcome = {
        **question().outcome.model_dump(exclude_none=True),
        "truth": [{"column": "height", "at_least": 1.7}],
    }
    cohort = assemble(question(outcome=outcome), people())
    assert np.array_equal(cohort.truth, [0.0, np.nan, 1.0], equal_nan=True)
    with pytest.raises(PrimumError, match="The truth is unknown for everybody"):
        assemble(question(outcome=outcome), people(height=[None] * 6))


def test_missing_codes_reach_groups_features_and_outcome():
    cohort = assemble(
        question(data={"missing_codes": {"sex": ["x"], "height": [99]}}, features=["height"]),
        people(sex=["f", "f", "m", "x", "m", "m"], height=[1.5, 1.6, 99, 1.8, 1.9, 1.7]),
    )
    assert cohort.groups["sex"].to_list() == ["f", "m", MISSING]
    assert cohort.features["height"].to_list() == [1.6, None, 1.8]
    assert {(row["column"], row["code"], row["count"], row["how"]) for row in cohort.missing_codes} == {
        ("sex", "x", 1, "declared"),
        ("height", 99, 1, "declared"),
    }


def test_codes_are_not_detected_in_scores_weights_and_identifiers():
    n = 40
    frame = pl.DataFrame(
        {
            "age": [30] * n,
            "sex": ["f", "m"] * 20,
            "ill": ["yes", "no", "no", "no"] * 10,
            "points": [*range(1, 21), *range(1, 19), 99, 99],
            "lab": [*range(1, 21), *range(1, 19), 99, 99],
            "weight": [*([1.0] * 38), 99.0, 99.0],
            "id": [*range(1, 40), 9999],
        }
    )
    cohort = assemble(
        question(
            features=["lab"],
            weight="weight",
            identifiers={"person": "id"},
            models=[{"name": "points", "score": "points", "scale": "points", "range": [0, 100]}],
        ),
        Table(frame),
    )
    assert [row["column"] for row in cohort.missing_codes] == ["lab"]
    assert cohort.features["lab"].null_count() == 2
    assert cohort.scores["points"].max() == 99
    assert cohort.weight.max() == 99
    assert np.unique(cohort.person).size == n


def test_declared_codes_count_in_scores():
    usecase = question(
        data={"missing_codes": {"risk": [-1]}},
        models=[{"name": "risk", "score": "risk", "missing_scores": "exclude"}],
    )
    cohort = assemble(usecase, people(risk=[0.9, 0.8, -1.0, 0.2, 0.3, 0.4]))
    assert np.array_equal(cohort.scores["risk"], [0.8, np.nan, 0.2], equal_nan=True)


def test_less_risk_is_turned():
    usecase = question(
        models=[
            {"name": "survival", "score": "risk", "higher_means": "less risk"},
            {
                "name": "points",
                "score": "height",
                "scale": "points",
                "range": [0, 3],
                "higher_means": "less risk",
                "missing_scores": "exclude",
            },
        ]
    )
    cohort = assemble(usecase, people())
    assert cohort.scores["survival"] == pytest.approx([0.2, 0.9, 0.8])
    assert cohort.scores["points"] == pytest.approx([1.4, np.nan, 1.2], nan_ok=True)


def test_identifiers_are_codes():
    usecase = question(identifiers={"person": "p", "family": "f", "site": "s"})
    table = people(
        p=["a", "b", "c", "d", "e", "f"],
        f=["x", "y", None, None, "x", "y"],
        s=["u", None, None, "v", "u", "u"],
    )
    cohort = assemble(usecase, table)
    assert cohort.person.tolist() == [0, 1, 2]
    assert cohort.family.tolist() == [0, 1, 2]
    assert cohort.site.tolist() == [1, 1, 0]


def test_repeated_visits_when_declared():
    table = people(p=[1, 2, 2, 2, 3, 3])
    with pytest.raises(
        PrimumError, match=r"1 persons have more than one row: 'p' occurs up to 3 times[\s\S]*repeated_visits"
    ):
        assemble(question(identifiers={"person": "p"}), table)
    cohort = assemble(question(identifiers={"person": "p", "repeated_visits": True}), table)
    assert cohort.person.tolist() == [0, 0, 0]


def test_unknown_person_is_nobody_elses_duplicate():
    cohort = assemble(question(identifiers={"person": "p"}), people(p=[1, None, None, 2, 3, 4]))
    assert np.unique(cohort.person).size == 3


def test_missing_columns_are_named_with_their_nearest():
    with pytest.raises(
        PrimumError,
        match=r"no column 'heigth' \(features\), 'rsk' \(models: score\)[\s\S]*available: height, risk"
        r"[\s\S]*'height' for 'heigth'; 'risk' for 'rsk'",
    ):
        assemble(question(features=["heigth"], models=[{"name": "m", "score": "rsk"}]), people())


def test_missing_code_for_an_unknown_column():
    with pytest.raises(PrimumError, match=r"no column 'hight' in data: missing_codes[\s\S]*'height'"):
        assemble(question(data={"missing_codes": {"hight": [9]}}), people())


def test_missing_code_for_a_column_that_is_not_used():
    assert assemble(question(data={"missing_codes": {"unused": [6]}}), people()).missing_codes == []


def test_derived_name_that_is_taken():
    with pytest.raises(PrimumError, match="'height' has the name of a column in the data"):
        assemble(question(derive=[{"name": "height", "sum": ["age"]}]), people())


def test_derived_from_text():
    with pytest.raises(PrimumError, match="'total' adds up 'sex', which holds string"):
        assemble(question(derive=[{"name": "total", "sum": ["sex"]}], features=["total"]), people())


def test_derived_before_its_parts():
    rules = [{"name": "second", "sum": ["first"]}, {"name": "first", "sum": ["age"]}]
    with pytest.raises(PrimumError, match="'second' uses 'first' before it is derived"):
        assemble(question(derive=rules), people())


def test_no_rows():
    with pytest.raises(PrimumError, match="The data hold no rows"):
        assemble(question(), Table(people().frame.clear()))


def test_the_filter_that_leaves_nobody():
    include = [{"column": "age", "at_least": 18}, {"column": "sex", "equals": "F"}]
    with pytest.raises(
        PrimumError, match=r"Nobody is left after the filter 'Sex = F'[\s\S]*4 people before it[\s\S]*f, m"
    ):
        assemble(question(include=include), people())
    with pytest.raises(PrimumError, match=r"filter 'Age ≥ 90'[\s\S]*age from 10 to 60"):
        assemble(question(include=[{"column": "age", "at_least": 90}]), people())


def test_outcome_with_one_class():
    outcome = {"name": "illness", "when": [{"column": "ill", "equals": "Yes"}], "recorded_by": "x"}
    with pytest.raises(
        PrimumError,
        match=r"Nobody has the outcome 'illness': 0 with it, 3 without it[\s\S]*ill = no \(2\), ill = yes \(1\)",
    ):
        assemble(question(outcome=outcome), people())
    outcome["when"] = [{"column": "age", "at_least": 1}]
    with pytest.raises(PrimumError, match=r"Everybody has[\s\S]*age from 20 to 60"):
        assemble(question(outcome=outcome), people())


def test_outcome_known_of_nobody():
    with pytest.raises(PrimumError, match="'illness' is unknown for all 4 people included"):
        assemble(question(), people(ill=[None] * 6))


def test_model_from_a_file_without_features():
    with pytest.raises(PrimumError, match=r"model 'ours' needs features[\s\S]*score: COLUMN"):
        assemble(question(models=[{"name": "ours", "file": "ours.skops"}]), people())


def test_missing_scores():
    with pytest.raises(
        PrimumError,
        match=r"'risk' of the model 'risk' is missing for 1 of 3 people\.[\s\S]*'missing_scores: exclude'",
    ):
        assemble(question(), people(risk=[0.1, float("nan"), 0.1, 0.2, 0.3, 0.4]))
    with pytest.raises(PrimumError, match=r"missing for everybody \(3 people\)"):
        assemble(question(), people(risk=[None] * 6))


def test_scores_outside_their_scale():
    with pytest.raises(
        PrimumError,
        match=r"runs from -0\.5 to 12: 2 people lie outside \[0, 1\][\s\S]*scale: points[\s\S]*\[-0\.5, 12\]",
    ):
        assemble(question(), people(risk=[0.1, -0.5, 12, 0.2, 0.3, 0.4]))
    points = {"name": "p", "score": "risk", "scale": "points", "range": [0, 10]}
    with pytest.raises(PrimumError, match=r"runs from 0\.2 to 12, outside its declared range"):
        assemble(question(models=[points]), people(risk=[0.1, 0.5, 12, 0.2, 0.3, 0.4]))


def test_people_who_are_left_out_may_have_odd_scores():
    assert assemble(question(), people(risk=[7.0, 0.8, 0.1, 0.2, 9.0, -3.0])).n == 3


def test_infinite_and_text_scores():
    with pytest.raises(PrimumError, match="infinite for 1 people"):
        assemble(question(), people(risk=[0.1, float("inf"), 0.1, 0.2, 0.3, 0.4]))
    with pytest.raises(PrimumError, match="The score 'risk' of the model 'risk' holds string"):
        assemble(question(), people(risk=["high"] * 6))


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([1, -1, 1, 1, 1, 1], "negative for 1 of 3"),
        ([1, float("inf"), 1, 1, 1, 1], "infinite for 1 of 3"),
        ([1, None, 1, 1, 1, 1], "missing for 1 of 3"),
        ([1, 0, 0, 0, 1, 1], "zero for everybody"),
        (["a"] * 6, "holds string"),
    ],
)
def test_weights_that_cannot_be(weights, told):
    with pytest.raises(PrimumError, match=f"The weight 'w' (is )?{told}"):
        assemble(question(weight="w"), people(w=weights))


def test_weights():
    assert assemble(question(weight="w"), people(w=[1, 2, 0, 4, 5, 6])).weight.tolist() == [2.0, 0.0, 4.0]


def test_features_that_no_model_takes():
    dates = pl.Series(["2020-01-01"] * 6).str.to_date()
    with pytest.raises(PrimumError, match="'when' holds date; models take numbers and text"):
        assemble(question(features=["when"]), people(when=dates))
    with pytest.raises(PrimumError, match="'height' is infinite for 1 people"):
        assemble(question(features=["height"]), people(height=[1, float("inf"), 1, 1, 1, 1]))


def test_a_feature_missing_for_everybody_is_noted():
    cohort = assemble(question(features=["height"]), people(height=[None] * 6))
    assert any("'height' is missing for everybody" in note for note in cohort.notes)


def test_a_group_without_known_outcomes_is_noted():
    table = people(sex=["f", "f", "m", "m", "m", "d"])
    cohort = assemble(question(), table)
    assert cohort.levels["sex"] == ["m", "f"] or cohort.levels["sex"] == ["f", "m"]
    assert cohort.unrecorded["sex"]["d"] == {"n": 1, "unknown_outcome": 1}
    assert any("nobody in d has a known outcome" in note for note in cohort.notes)


def test_one_group_left_with_known_outcomes():
    table = people(sex=["f", "f", "f", "f", "m", "m"])
    with pytest.raises(PrimumError, match="everybody with a known outcome into one group: 'f'"):
        assemble(question(), table)


def test_reference_is_a_group():
    with pytest.raises(PrimumError, match=r"no group 'women' in 'sex' \(its reference group\)"):
        assemble(question(groups=[{"column": "sex", "reference": "women"}]), people())


def test_support2_needs_no_training(data_dir):
    """Published survival predictions: who died within 60 days, against the model and the physicians."""
    frame = pl.read_csv(data_dir / "support2" / "support2.csv.gz", infer_schema_length=None)
    frame = frame.rename(str.strip).with_columns(pl.col(pl.String).str.strip_chars().replace("", None))
    frame = frame.with_columns(
        pl.col("surv2m", "prg2m", "d.time").cast(pl.Float64),
        pl.col("death").cast(pl.Int64),
    )
    usecase = question(
        include=[{"column": "surv2m", "known": True}],
        outcome={
            "name": "death within two months",
            "when": [{"column": "death", "equals": 1}, {"column": "d.time", "at_most": 60}],
            "recorded_by": "the study",
        },
        groups=[{"column": "race"}, {"column": "sex"}],
        models=[
            {"name": "SUPPORT", "score": "surv2m", "higher_means": "less risk"},
            {
                "name": "physicians",
                "score": "prg2m",
                "higher_means": "less risk",
                "missing_scores": "exclude",
            },
        ],
    )
    cohort = assemble(usecase, Table(frame))
    assert (cohort.n, cohort.events) == (9104, 3158)
    assert cohort.scores["SUPPORT"].mean() == pytest.approx(0.364, abs=5e-4)
    assert int((~np.isnan(cohort.scores["physicians"])).sum()) == 7456
    assert cohort.levels["race"] == ["white", "black", "hispanic", "other", "asian", MISSING]
