"""`primum study`: what it prints, writes and refuses."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from primum.cli import _told
from primum.cli_study import register
from primum.stress.study import StudyRun

runner = CliRunner()
SMALL = """
name: tiny
title: A tiny study
question: What does it learn?
population: {recipe: {people: 3000}}
truth: Y
group: sex
features: [core, x1]
threshold: 0.05
biases:
  - {name: missed, parts: [{kind: as recorded, column: S}]}
doses: [0, 1]
arms: [uncorrected, oracle]
seeds: 2
"""


@pytest.fixture(scope="module")
def app():
    app = typer.Typer()

    @app.callback()
    def nothing():
        pass

    register(app, _told)
    return app


@pytest.fixture
def file(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SMALL)
    return tmp_path / "tiny.yaml"


def test_a_study_runs_and_leaves_its_report(app, file, tmp_path):
    result = runner.invoke(app, ["study", str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "missed: the uncorrected model finds" in result.output
    assert (tmp_path / "out" / "report.html").is_file()
    assert StudyRun.load(tmp_path / "out").summary["runs"] == 4
    assert "runs: finished" in result.stderr


def test_seeds_and_people_can_be_changed(app, file, tmp_path):
    options = ["--seeds", "1", "--people", "2000", "--out", str(tmp_path / "out")]
    assert runner.invoke(app, ["study", str(file), *options]).exit_code == 0
    run = StudyRun.load(tmp_path / "out")
    assert run.study.seeds == 1
    assert abs(run.summary["judged"] - 1000) <= 2
    again = runner.invoke(app, ["study", str(file), "--out", str(tmp_path / "out")])
    assert again.exit_code == 2
    assert "another version of 'tiny'" in again.output


def test_the_built_in_studies_are_listed(app):
    result = runner.invoke(app, ["study", "--list"])
    assert result.exit_code == 0
    assert {"registry-depression", "propagation-b4"} <= set(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "No study was named"),
        (["registry"], "There is no study 'registry'"),
        (["propagation-b4", "--workers", "0"], "number of workers is 0"),
        (["propagation-b4", "--seeds", "0"], "seeds: Input should be greater than or equal to 1"),
        (["nhanes-diabetes", "--people", "100"], "this study has real ones"),
        (["propagation-b4", "--data", "x.csv"], "are simulated"),
    ],
)
def test_bad_input_ends_with_two(app, tmp_path, arguments, words):
    if arguments:
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    result = runner.invoke(app, ["study", *arguments])
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_every_mistake_has_its_line(app, tmp_path):
    (tmp_path / "bad.yaml").write_text(SMALL.replace("seeds: 2", "seeds: 0").replace("oracle]", "orakel]"))
    result = runner.invoke(app, ["study", str(tmp_path / "bad.yaml")])
    assert result.exit_code == 2
    assert "2 mistakes" in result.output
    assert "did you mean 'oracle'?" in result.output
    assert "line 14" in result.output


def test_the_summary_is_json(app, file, tmp_path):
    runner.invoke(app, ["study", str(file), "--out", str(tmp_path / "out")])
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["failed"] == []
