"""The gate on a points score: it counts the people in its bins itself, and passes what stands on a crowd."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer
from typer.testing import CliRunner

from primum.cli import app
from primum.disclose.model_bins import _round
from primum.disclose.model_gate import gate
from primum.disclose.presets import preset
from primum.learn.prepare import Matrix
from primum.learn.scorecard import scorecard
from primum.learn.trained import Trained

OPEN = preset("ons_sdap")
ROOMS = ["ons_sdap", "uk_biobank", "opensafely"]


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return Matrix(X, [f"f{i}" for i in range(X.shape[1])], {}), 1 - y


def practice(n=1500, seed=5):
    """People like those of a survey: whole numbers, answers with gaps, a category with rare levels."""
    rng = np.random.default_rng(seed)
    age, sleep = rng.integers(18, 81, n).astype(float), rng.integers(3, 13, n).astype(float)
    health = rng.choice(6, n, p=[0.1, 0.3, 0.35, 0.2, 0.046, 0.004]).astype(float)
    told = np.where(rng.random(n) < 0.03, np.nan, rng.random(n) < 0.25)
    bmi = np.where(rng.random(n) < 0.05, np.nan, rng.normal(29, 7, n).round(1))
    eta = -2.6 + 0.5 * (health - 2) + 1.1 * np.nan_to_num(told) - 0.15 * (sleep - 7) - 0.01 * (age - 50)
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    names = ["age", "sleep", "health", "told", "bmi"]
    return Matrix(np.column_stack([age, sleep, health, told, bmi]), names, {"health": list("abcdef")}), y


def blocked(told):
    return {f.rule for f in told.findings if f.status == "blocked"}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("people", [cancer, practice])
def test_a_points_score_passes_where_files_may_leave(people, room):
    matrix, y = people()
    model = scorecard(matrix, seed=0).fit(matrix.values, y)
    told = gate(model, matrix.values, y, policy=preset(room), shadows=4)
    assert told.status == "review", told.why
    flags = {name: risk["risk"] for name, risk in told.structural.items()}
    assert not flags["dof_risk"]
    assert not flags["k_anonymity_risk"]
    assert not flags["class_disclosure_risk"]
    assert not flags["unnecessary_risk"]
    safe = {f.rule for f in told.findings if f.status == "safe"}
    assert safe >= {"R1", "R5"}


def test_it_passes_within_the_calibrated_model_of_the_house_too():
    matrix, y = practice()
    model = Trained("scorecard", tuple(matrix.names), matrix.levels).fit(matrix.values, y)
    assert gate(model, matrix.values, y, policy=OPEN, shadows=4).status == "review"


def test_with_ten_of_either_outcome_in_a_band_no_structural_risk_is_left():
    matrix, y = practice()
    model = scorecard(matrix, seed=0).set_params(model__mixed=10).fit(matrix.values, y)
    told = gate(model, matrix.values, y, policy=OPEN, shadows=4)
    assert [name for name, risk in told.structural.items() if risk["risk"]] == []


def test_a_room_that_lets_no_file_out_lets_this_one_stay():
    matrix, y = practice()
    model = scorecard(matrix, seed=0).fit(matrix.values, y)
    told = gate(model, matrix.values, y, policy=preset("cbs"), shadows=4)
    assert [(f.rule, f.where) for f in told.findings if f.status == "blocked"] == [("R10", "policy")]


@pytest.mark.parametrize("least", [1, 3])
def test_bins_of_few_people_are_found_whatever_they_were_told(least):
    matrix, y = practice()
    matrix.values[matrix.values[:, 2] == 5, 2] = 2.0
    matrix.values[:6, 2] = 5.0  # six people of a rare category, who are all ill
    y[:6] = 1
    model = scorecard(matrix, seed=0, least=least).fit(matrix.values, y)
    assert any(c[0] == 2 and c[1] == "is" and c[2] >= 4 for c in model["bins"].columns_)
    model["bins"].least = 10
    assert "R15" in blocked(gate(model, matrix.values, y, policy=OPEN, shadows=0))


def test_people_are_counted_and_not_rows():
    matrix, y = practice()
    model = scorecard(matrix, seed=0).fit(matrix.values, y)
    one = np.arange(len(y)) // 150  # ten people have all the rows
    assert "R1" in blocked(gate(model, matrix.values, y, policy=OPEN, persons=one, shadows=0))


def test_an_edge_at_a_persons_value_is_blocked():
    matrix, y = practice()
    model = scorecard(matrix, seed=0).fit(matrix.values, y)
    columns = model["bins"].columns_
    k = next(i for i, c in enumerate(columns) if c[1] == "from")
    before = gate(model, matrix.values, y, policy=OPEN, shadows=0)
    assert "R5" not in blocked(before)
    j, kind, edge = columns[k]
    columns[k] = (j, kind, edge + 0.0137)
    told = gate(model, matrix.values, y, policy=OPEN, shadows=0)
    assert "R5" in blocked(told)
    columns[k] = (j, kind, edge)
    model["bins"].steps_[j] = 0.0137
    assert "R5" in blocked(gate(model, matrix.values, y, policy=OPEN, shadows=0))


@pytest.mark.parametrize(
    ("edge", "step", "fine"),
    [(0.3, 0.1, True), (1450, 50, True), (-0.004, 0.002, True), (0.0, 0.0, True), (0.35, 0.1, False), (3, 3, False),
     (1.0, 0.0, False), (7.31, 1, False)],
)  # fmt: skip
def test_what_a_round_number_is(edge, step, fine):
    assert _round(edge, step) is fine


def test_a_saved_score_passes_the_command(tmp_path):
    io = pytest.importorskip("skops.io")
    matrix, y = practice()
    io.dump(scorecard(matrix, seed=0).fit(matrix.values, y), tmp_path / "points.skops")
    frame = pl.DataFrame(matrix.values, schema=matrix.names).with_columns(pl.Series("ill", y))
    frame.write_parquet(tmp_path / "rows.parquet")
    asked = ["gate", str(tmp_path / "points.skops"), "--data", str(tmp_path / "rows.parquet"), "--outcome", "ill",
             "--preset", "ons_sdap", "--shadows", "4", "--out", str(tmp_path / "gate.json")]  # fmt: skip
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "review: an output checker must look" in done.output
    assert json.loads((tmp_path / "gate.json").read_text())["status"] == "review"


@pytest.mark.slow
def test_the_points_score_on_nhanes_passes():
    from primum.audit import _table, assemble, question_of
    from primum.learn.prepare import encode

    question, base = question_of("nhanes-depression")
    cohort = assemble(question, _table(question, None, base))
    matrix, y = encode(cohort.features), np.asarray(cohort.outcome).astype(int)
    model = scorecard(matrix, seed=0).fit(matrix.values, y)
    assert gate(model, matrix.values, y, policy=OPEN, shadows=8).status == "review"
