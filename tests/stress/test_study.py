"""Studies as a whole: resumed after kill -9, the same twice, real people, and everything that can be asked wrongly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from primum.errors import PrimumError
from primum.stress.biases import KINDS, AsRecorded, build
from primum.stress.dose_response import pick
from primum.stress.study import StudyRun, run_study
from primum.stress.study_file import builtin_studies, dumps_study, load_study, loads_study

SCRIPT = """
import json, sys
from primum.stress.specification import Study
from primum.stress.study import run_study
if __name__ == "__main__":
    run_study(Study.model_validate(json.loads(sys.argv[1])), out=sys.argv[2], workers=2)
"""


@pytest.fixture(scope="module")
def study(study_of):
    return study_of(population={"registry": {"people": 8000}}, truth="true_depressed", features=["age", "contacts"],
                    doses=[0.0, 0.25, 0.5, 1.0], seeds=4, arms=["uncorrected", "oracle"])  # fmt: skip


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory):
    return run_study(study, out=tmp_path_factory.mktemp("whole") / "run")


def test_a_killed_study_goes_on_and_loses_nothing(study, whole, tmp_path):
    import psutil

    (tmp_path / "go.py").write_text(SCRIPT)
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, str(tmp_path / "go.py"), json.dumps(study.dump()), str(out)])
    until = time.monotonic() + 120
    while len(list((out / "runs").glob("*.json"))) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive, "workers end when their parent is killed"
    kept = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (out / "runs").glob("*.json")}
    assert 2 <= len(kept) < len(study.runs()), "killed in the middle"
    with pytest.raises(PrimumError, match="is not finished"):
        StudyRun.load(out)
    again = run_study(study, out=out)
    for name, (content, when) in kept.items():
        assert (out / "runs" / name).read_bytes() == content
        assert (out / "runs" / name).stat().st_mtime_ns == when
    assert (out / "table.parquet").read_bytes() == (whole.path / "table.parquet").read_bytes()
    assert again.summary == whole.summary
    assert not (out / "work").exists()


def test_a_finished_study_opens_again(whole):
    again = StudyRun.load(whole.path)
    assert again.table.equals(whole.table)
    assert again.ledger.equals(whole.ledger)
    assert again.drift.equals(whole.drift)
    assert "small" in repr(again)
    assert {p.name for p in (whole.path / "tables").iterdir()} == {"curves.csv", "drift.csv", "ledger.csv", "trust.csv"}


def test_a_finished_study_is_not_computed_again(study, whole):
    before = {p: p.stat().st_mtime_ns for p in (whole.path / "runs").iterdir()}
    assert run_study(study, out=whole.path).table.equals(whole.table)
    assert {p: p.stat().st_mtime_ns for p in (whole.path / "runs").iterdir()} == before


def test_the_folder_of_another_study_is_refused(study, study_of, whole, tmp_path):
    with pytest.raises(PrimumError, match="another version of 'small'"):
        run_study(study.model_copy(update={"seeds": 5}), out=whole.path)
    with pytest.raises(PrimumError, match="another study, 'small'"):
        run_study(study_of(name="other"), out=whole.path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PrimumError, match="something that no study made"):
        run_study(study, out=tmp_path)
    with pytest.raises(PrimumError, match="not the folder of a study"):
        StudyRun.load(tmp_path)


def test_words_do_not_make_another_study(study):
    assert study.model_copy(update={"title": "Another title", "notes": "x"}).hash() == study.hash()
    assert study.model_copy(update={"threshold": 0.06}).hash() != study.hash()


def test_workers_are_checked_before_anything_is_made(study, tmp_path):
    with pytest.raises(PrimumError, match="number of workers is 0"):
        run_study(study, out=tmp_path / "run", workers=0)
    assert not (tmp_path / "run").exists()


def test_the_built_in_studies_are_whole():
    assert set(builtin_studies()) == {"meps-spending", "nhanes-diabetes", "propagation-b4", "registry-depression"}
    for name in builtin_studies():
        study = load_study(name)
        assert loads_study(dumps_study(study)) == study


@pytest.mark.slow
def test_the_registry_study_follows_the_table_of_trust(tmp_path):
    study = load_study("registry-depression").model_copy(update={"seeds": 6, "doses": [0.0, 1.0]})
    run = run_study(study, out=tmp_path / "run", workers=2)
    named = run.check.filter(pl.col("bias") != "as the registers hold it")
    wrong = named.filter(pl.col("verdict") == "contradicts")
    assert wrong.height == 0, wrong.rows()


def test_diabetes_that_nobody_told(tmp_path):
    arms = ["uncorrected", "group-blind", "divided by c", "oracle"]
    study = load_study("nhanes-diabetes").model_copy(update={"doses": [0.0, 1.0], "seeds": 4, "arms": arms})
    run = run_study(study, out=tmp_path / "run")
    assert run.summary["failed"] == []
    missed = {g: np.mean([e["errors"][g][1] for e in run.summary["errors"]]) for g in ("White", "Black", "Asian")}
    assert missed == pytest.approx({"White": 0.15, "Black": 0.32, "Asian": 0.34}, abs=0.07)
    key = {"bias": "as told by a doctor", "dose": 1.0, "arm": "uncorrected", "metric": "sensitivity"}
    told, true = ({g: pick(run.curves, **key, group=g, judged_on=on)["mean"] for g in ("White", "Black")}
                  for on in ("record", "truth"))  # fmt: skip
    assert true["White"] - true["Black"] > 0.03
    assert told["Black"] > true["Black"], "those whom nobody told are those the model does not find"
    assert any("truth was not measured" in note for note in run.summary["notes"])


def test_spending_in_place_of_need(data_dir, tmp_path):
    file = data_dir / "meps_2006" / "meps_2006.parquet"
    if not file.is_file():
        pytest.skip("no meps_2006 among the test data")
    arms = ["uncorrected", "oracle"]
    study = load_study("meps-spending").model_copy(update={"doses": [0.0, 1.0], "seeds": 4, "arms": arms})
    run = run_study(study, data=file, out=tmp_path / "run")
    key = {"bias": "spending for need", "dose": 1.0, "metric": "selection_rate", "judged_on": "truth"}
    spending, need = (pick(run.curves, **key, arm=a, group="Black") for a in arms)
    assert need["low"] > spending["high"], "by need, more Black people would be chosen than by spending"
    with pytest.raises(PrimumError, match="or other people"):
        run_study(study, data=pl.read_parquet(file).head(20_000), out=tmp_path / "run")


def test_without_the_data_of_a_use_case_the_error_says_which(tmp_path):
    with pytest.raises(PrimumError, match="meps_2006"):
        run_study("meps-spending", out=tmp_path / "run")


def bias(error=None, **part):
    return {"biases": [{"name": "a", "error": error, "parts": [part]}]}


MISTAKES = [
    ({"arms": ["uncorrected", "group blind"]}, "no arm 'group blind'"),
    ({"arms": ["oracle"]}, "the arm 'uncorrected' is needed"),
    ({"doses": [0.0, 1.5]}, r"doses\[1\]: given 1.5"),
    ({"doses": [-0.1]}, r"doses\[0\]: given -0.1"),
    ({"doses": [1.0, 0.5]}, "increasing"),
    ({"doses": [0.0]}, "a dose above 0 is needed"),
    ({"truth": None}, "a propagation study needs a truth"),
    ({"features": []}, "features are needed"),
    ({"features": ["sex"]}, "is the group"),
    ({"threshold": None}, "exactly one of threshold, capacity"),
    ({"threshold": None, "capacity": 0.05}, "needs exchange"),
    ({"seeds": 0}, "seeds: given 0"),
    ({"population": {}}, "exactly one of registry, recipe, usecase"),
    ({"nonsense": 1}, "there is no 'nonsense' in a study"),
    (bias(kind="underdiagnosis", sensitivity=0.5), "no kind of bias 'underdiagnosis'"),
    (bias(kind="under-diagnosis", sensitivity=1.5), "sensitivity of the record is 1.5"),
    (bias(kind="under-diagnosis"), "lacks 'sensitivity'"),
    (bias(kind="under-diagnosis", sensitivity=0.5, colour=1), "no setting 'colour'"),
    (bias(error="missed", kind="as recorded", column="S"), "no recording error 'missed'"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), MISTAKES, ids=[w for _, w in MISTAKES])
def test_mistakes_in_a_study_are_told(study_of, changes, words):
    from primum.usecase_yaml import write

    plain = study_of().model_dump(mode="json") | changes
    with pytest.raises(PrimumError, match=words):
        loads_study(write(plain))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"truth": "true_state"}, "no column of the truth 'true_state'"),
        ({"features": ["core", "weight"]}, "no column 'weight'"),
        ({"group": "young", "features": ["core"], "truth": "x0"}, "values other than 0 and 1"),
        ({"biases": [{"name": "a", "parts": [{"kind": "under-diagnosis", "sensitivity": {"women": 0.5}}]}]},
         "no group 'women'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_people_is_told(study_of, tmp_path, changes, words):
    with pytest.raises(PrimumError, match=words):
        run_study(study_of(**changes), out=tmp_path / "run")


def test_a_use_case_without_truth_is_refused(study_of, tmp_path, question, people):
    from primum.usecase import UseCase

    plain = study_of().dump() | {"population": {"usecase": question()}, "features": [], "arms": ["uncorrected"]}
    plain.pop("truth")
    study = loads_study(json.dumps(plain))
    assert isinstance(study.population.usecase, UseCase)
    with pytest.raises(PrimumError, match="names no truth: a propagation study needs one"):
        run_study(study, data=people(500), out=tmp_path / "run")
    with pytest.raises(PrimumError, match="are simulated"):
        run_study(study_of(), data=people(500), out=tmp_path / "run")


def test_a_study_that_does_not_exist():
    with pytest.raises(PrimumError, match="did you mean 'registry-depression'"):
        load_study("registry-depresion")
    with pytest.raises(PrimumError, match="There is no file"):
        load_study(Path("nowhere.yaml"))


def test_an_arm_that_fails_is_told_and_the_others_go_on(study_of, tmp_path):
    """With 400 people hardly any man is recorded, and PURPLE needs ten."""
    study = study_of(
        population={"recipe": {"people": 400}}, arms=["uncorrected", "PURPLE", "oracle"], seeds=1, first_seed=3
    )
    run = run_study(study, out=tmp_path / "run")
    assert {f["arm"] for f in run.summary["failed"]} == {"PURPLE"}
    assert "recorded with the outcome" in run.summary["failed"][0]["why"]
    assert set(run.table["arm"]) == {"uncorrected", "oracle"}
    assert run.curves["low"].null_count() == run.curves.height, "one seed has no interval"


def test_as_recorded_is_a_bias_like_the_others():
    rng = np.random.default_rng(4)
    n = 50_000
    frame = pl.DataFrame({"(record)": rng.integers(0, 2, n), "kept": rng.integers(0, 2, n),
                          "g": np.where(rng.random(n) < 0.5, "a", "b")})  # fmt: skip
    none, half, full = (AsRecorded("kept", group="g", dose=d).inject(frame, 1) for d in (0.0, 0.5, 1.0))
    assert none.frame.equals(frame)
    assert full.frame["(record)"].equals(full.frame["kept"].alias("(record)"))
    moved = (half.frame["(record)"] != frame["(record)"]).sum()
    assert moved / (frame["kept"] != frame["(record)"]).sum() == pytest.approx(0.5, abs=0.02)
    for r in half.steps[0].realised:
        assert r.realised == pytest.approx(r.expected, abs=0.02)


def test_every_kind_of_bias_can_be_built():
    settings = {
        "as recorded": {"column": "S"}, "under-diagnosis": {"sensitivity": 0.5},
        "under-diagnosis by severity": {"sensitivity": 0.5, "severity": "x"}, "label noise": {"false_positive": 0.1},
        "disparate testing": {"tested": 0.5}, "selective labels": {"tested": 0.5},
        "spending for need": {"need": "x", "access": 0.5, "into": "cost"}, "proxy label": {"cost": "cost"},
        "measurement error": {"column": "x", "noise": 1.0}, "item shift": {"items": ["x"], "shift": -0.5},
        "missingness": {"column": "x", "chance": 0.3}, "selection": {"share": 0.5},
    }  # fmt: skip
    assert set(settings) == set(KINDS)
    for kind, own in settings.items():
        assert build([{"kind": kind, **own}], "g").parts


def test_every_kind_of_bias_runs_in_a_study(study_of):
    """Selection takes people from training alone; missing labels do not train; lost features are filled."""
    from primum.stress.population import simulated
    from primum.stress.propagation import made, propagate

    parts = {
        "selection": {"kind": "selection", "share": {"male": 0.4}},
        "labels": {"kind": "selective labels", "tested": {"male": 0.5}},
        "missing": {"kind": "missingness", "column": "core", "chance": {"male": 0.5}},
        "error": {"kind": "measurement error", "column": "core", "offset": {"male": -1.0}},
    }
    study = study_of(biases=[{"name": k, "parts": [v]} for k, v in parts.items()], arms=["uncorrected"])
    people = simulated(study, 1)
    none, _ = made(study, people, -1, 0.0, 1)
    for i, name in enumerate(parts):
        case, steps = made(study, people, i, 1.0, 1)
        assert steps, name
        assert case.judged.sum() == none.judged.sum()
        assert np.isfinite(case.x).all()
        assert propagate(study, people, i, 1.0, 1)["rows"]
        if name == "selection":
            assert case.train.sum() < 0.8 * none.train.sum()
            np.testing.assert_array_equal(case.truth, none.truth)
        if name == "labels":
            assert case.learn.sum() < case.train.sum()


def test_too_few_people(study_of, tmp_path):
    study = study_of(population={"recipe": {"people": 100}}, train_share=0.9)
    with pytest.raises(PrimumError, match="too few: 90 would train and 10 be judged"):
        run_study(study, out=tmp_path / "run")
