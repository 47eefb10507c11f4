"""Drafted use cases: always loadable, honest about guessing, and good enough to audit SUPPORT at once."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primum.cohort.draft import draft
from primum.cohort.yamltext import scalar, text
from primum.errors import PrimumError
from primum.usecase_file import loads


def registry(n=400):
    """Return people with an event, its time in months, two survival scores, and a risk that rises."""
    rng = np.random.default_rng(1)
    risk = rng.uniform(0.02, 0.9, n)
    time = np.ceil(rng.exponential(-12 / np.log(1 - risk)))
    dead = time < 60
    return pl.DataFrame(
        {
            "patient_id": np.arange(n) // 2,
            "Sex": rng.choice(["f", "m"], n),
            "ethnicity": rng.choice(["a", "b", "c", None], n),
            "ageYears": rng.uniform(16, 95, n),
            "died": dead.astype(int),
            "followup_months": np.minimum(time, 60),
            "surv_1y": 1 - risk,
            "score_5y": np.clip(risk * 1.1, 0, 1),
            "hospital": rng.choice(["x", "y"], n),
            "ward": rng.choice(["x", "y", "z"], n),
            "pulse": np.where(rng.random(n) < 0.1, 0, rng.normal(80, 10, n)),
            "smokes": rng.choice(["yes", "no", "?"], n),
            "death_cause": np.where(dead, "known", "none"),
        }
    )


@pytest.fixture
def drafted(tmp_path):
    registry().write_csv(tmp_path / "My Registry.csv")
    return draft(tmp_path / "My Registry.csv")


def test_outcome_within_the_horizon_that_the_scores_name(drafted):
    usecase = loads(drafted)
    assert [c.model_dump(exclude_none=True) for c in usecase.outcome.when] == [
        {"column": "died", "equals": 1},
        {"column": "followup_months", "at_most": 12},
    ]
    assert "counted in months" in drafted


def test_scores_become_models_with_a_direction(drafted):
    models = loads(drafted).models
    assert [(m.name, m.score, m.higher_means) for m in models] == [("surv_1y", "surv_1y", "less risk")]
    assert "#   score: score_5y" in drafted


def test_identifiers_groups_features_and_leaks(drafted):
    usecase = loads(drafted)
    assert usecase.identifiers.person == "patient_id"
    assert usecase.identifiers.repeated_visits
    groups = {g.name: g for g in usecase.groups}
    assert {name: g.column for name, g in groups.items()} == {
        "sex": "Sex",
        "race or ethnicity": "ethnicity",
        "age": "ageYears",
    }
    assert groups["age"].bins == [18, 35, 50, 65, 80]
    assert set(usecase.features) & {"died", "followup_months", "surv_1y", "patient_id", "death_cause"} == set()
    assert {"pulse", "smokes", "ageYears"} <= set(usecase.features)
    assert re.search(r"# - death_cause  # GUESS: its name tells of the outcome", drafted)
    assert "at_least: 18" in drafted  # the youngest is 16


def test_missing_codes_and_zeros_are_shown(drafted):
    assert re.search(r'#   smokes: "\?" \(\d+ times\) becomes missing', drafted)
    assert re.search(r"#   pulse: \[0\]  # GUESS: \d+ zeros", drafted)


def test_commented_lines_can_be_taken_into_use(drafted):
    """Uncomment the other model, the zeros and the intersection: still one valid use case."""
    edited = drafted.replace("  # missing_codes:", "  missing_codes:").replace("  #   pulse:", "    pulse:")
    edited = edited.replace("  # - intersection:", "  - intersection:")
    edited = re.sub(r"^  # (- name: score_5y|  score:|  higher_means:)", r"  \1", edited, flags=re.MULTILINE)
    usecase = loads(edited)
    assert usecase.data.missing_codes == {"pulse": [0]}
    assert [m.score for m in usecase.models] == ["surv_1y", "score_5y"]
    assert usecase.models[1].higher_means == "more risk"
    assert usecase.groups[-1].intersection == ["sex", "race or ethnicity"]


def test_every_guess_is_marked_for_a_human(drafted):
    marks = re.findall(r"# GUESS: .*", drafted)
    assert len(marks) > 15
    assert all(mark.endswith("please check") for mark in marks)
    for part in ("title:", "question:", "intended_use:", "population:", "recorded_by:", "act:", "threshold:"):
        assert re.search(rf"^ *{part} .*# GUESS: ", drafted, flags=re.MULTILINE), part


def test_without_scores_models_are_trained(tmp_path):
    frame = registry().drop("surv_1y", "score_5y", "death_cause", "followup_months")
    frame.write_parquet(tmp_path / "a.parquet")
    usecase = loads(draft(tmp_path / "a.parquet"))
    assert [m.train for m in usecase.models] == ["boosting", "logistic", "ebm"]
    assert [c.model_dump(exclude_none=True) for c in usecase.outcome.when] == [{"column": "died", "equals": 1}]
    assert "Sex" in usecase.features


def test_missing_scores_are_left_out_and_counted(tmp_path):
    frame = registry().with_columns(pl.when(pl.col("ageYears") > 30).then("surv_1y").alias("surv_1y"))
    frame.write_csv(tmp_path / "a.csv")
    usecase = loads(draft(tmp_path / "a.csv"))
    assert usecase.models[0].missing_scores == "exclude"


def test_a_share_that_is_no_prediction_is_no_model(tmp_path):
    frame = registry().drop("surv_1y", "score_5y").with_columns(pl.Series("oxygen_share", np.linspace(0, 1, 400)))
    frame.write_csv(tmp_path / "a.csv")
    assert all(m.train for m in loads(draft(tmp_path / "a.csv")).models)


def test_risk_points_are_offered(tmp_path):
    frame = (
        registry().drop("surv_1y", "score_5y").with_columns((pl.col("ageYears") // 10).cast(int).alias("decile_score"))
    )
    frame.write_csv(tmp_path / "a.csv")
    assert "# - {name: decile_score, score: decile_score, " in draft(tmp_path / "a.csv")
    assert "scale: points, range: [1, 9]}" in draft(tmp_path / "a.csv")


def test_the_path_is_absolute_or_relative_to_the_place_of_the_text(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "cases").mkdir()
    registry().write_csv(tmp_path / "data" / "a.csv")
    monkeypatch.chdir(tmp_path)
    assert loads(draft("data/a.csv")).data.path == str(tmp_path / "data" / "a.csv")
    assert loads(draft("data/a.csv", beside=tmp_path / "cases")).data.path == "../data/a.csv"


def test_too_little_to_draft_from(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(PrimumError, match="1 rows and 1 columns with a name: too little"):
        draft(tmp_path / "a.csv")
    with pytest.raises(PrimumError, match="no file or folder"):
        draft(tmp_path / "b.csv")


def test_support_needs_no_edit(data_dir):
    """SUPPORT's own two-month survival against the physicians', for death within 60 days."""
    words = draft(data_dir / "support2")
    usecase = loads(words)
    assert [c.model_dump(exclude_none=True) for c in usecase.outcome.when] == [
        {"column": "death", "equals": 1},
        {"column": "d.time", "at_most": 60},
    ]
    assert [(m.score, m.higher_means, m.missing_scores) for m in usecase.models] == [
        ("surv2m", "less risk", "exclude"),
        ("prg2m", "less risk", "exclude"),
    ]
    assert "AUROC 0.813" in words
    assert "AUROC 0.804" in words
    assert [g.column for g in usecase.groups] == ["sex", "race", "age", "income", "edu"]
    assert usecase.data.path == str(data_dir.resolve() / "support2") or usecase.data.path.endswith("support2")
    leaks = {"death", "d.time", "hospdead", "slos", "charges", "totcst", "totmcst", "dnr", "dnrday", "hday", "sfdm2"}
    scores = {"surv2m", "surv6m", "prg2m", "prg6m", "sno"}
    assert set(usecase.features) & (leaks | scores) == set()
    assert "{column: d.time, at_most: 180}" in words


def test_support_draft_assembles(data_dir):
    from primum.cohort.read import read
    from primum.cohort.select import assemble

    usecase = loads(draft(data_dir / "support2"))
    cohort = assemble(usecase, read(usecase.data))
    assert len(cohort.outcome) == 9105
    assert int(cohort.outcome.sum()) == 3159
    known = ~np.isnan(cohort.scores["prg2m"])
    assert known.sum() == 7456
    assert cohort.scores["prg2m"][known].mean() == pytest.approx(0.381, abs=0.001)  # turned: risk of death


@pytest.mark.parametrize(
    ("path", "outcome", "groups"),
    [
        ("diabetes130/diabetic_data.csv.gz", "readmitted", {"gender", "race", "age", "payer_code"}),
        ("readmission", "readmitted", {"sex", "race", "age", "insurer"}),
        ("heart_uci_4sites/heart_4sites.csv", "num", {"sex", "age", "site"}),
        ("small_clinical/causaldata__nhefs.csv.gz", "death", {"sex", "race", "age", "income", "education"}),
    ],
)
def test_real_sets(data_dir, path, outcome, groups):
    usecase = loads(draft(data_dir / path))
    assert usecase.outcome.when[0].column == outcome
    assert {g.column for g in usecase.groups} == groups


def test_visits_of_a_person_are_seen(data_dir):
    identifiers = loads(draft(data_dir / "diabetes130" / "diabetic_data.csv.gz")).identifiers
    assert (identifiers.person, identifiers.repeated_visits) == ("patient_nbr", True)


ODD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    [
        "yes",
        "no",
        "null",
        "1",
        "a: b",
        "# x",
        "- y",
        "{z}",
        "'",
        '"',
        "overall",
        "\n",
        "on",
        "é",
        "~",
        "1e5",
        "<<",
        "=",
        "😀",
    ]
)
VALUES = st.sampled_from(
    [
        [1, 0, 1, 0],
        [1, 2, 3, 4],
        ["a", "b", "a", "c"],
        [0.1, 0.2, 0.3, 0.4],
        [None] * 4,
        [True, False, None, True],
        ["\n", '"', ":", "#"],
    ]
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(columns=st.dictionaries(ODD, VALUES, min_size=1, max_size=5), event=ODD)
def test_any_names_give_a_draft_that_loads(tmp_path_factory, columns, event):
    rng = np.random.default_rng(len(columns))
    long = {name: values * 15 for name, values in columns.items()}
    long[event] = [0, 1, 1] * 20
    long[f"{event} risk"] = list(rng.random(60))
    path = tmp_path_factory.mktemp("odd") / "a.parquet"
    pl.DataFrame(long, strict=False).write_parquet(path)
    usecase = loads(draft(path))
    named = {c.column for c in usecase.outcome.when} | {g.column for g in usecase.groups} | set(usecase.features)
    named |= {m.score for m in usecase.models if m.score}
    assert named <= set(long)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_yaml(words):
    assert yaml.safe_load(f"a: {text(words)}")["a"] == words
    assert yaml.safe_load(f"- {{column: {text(words)}, equals: {text(words)}}}")[0] == {
        "column": words,
        "equals": words,
    }


@given(st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False))
def test_scalars_survive_yaml(value):
    assert yaml.safe_load(scalar(value)) == value
