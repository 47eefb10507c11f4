"""The run folder: resumed after any interruption, never half-finished, without rows, with changes of plan shown."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from primum import atomic
from primum.audit import audit
from primum.errors import PrimumError
from primum.execute.run import Run, file_name

TRAINED = [{"name": "logistic", "train": "logistic"}, {"name": "boosting", "train": "boosting"}]
QUICK = {"groups": [{"column": "sex"}], "folds": 2}
LEFT = ("report.html", "report.pdf", "findings.json", "chapters", "tallies", "work")


class Heard:
    """Progress that writes down what it hears, and raises when told to."""

    def __init__(self, stop: str = "") -> None:
        self.said: list[str] = []
        self.stop = stop

    def _hear(self, text: str) -> None:
        self.said.append(text)
        if self.stop and text == self.stop:
            raise KeyboardInterrupt

    def start(self, chapters: list[str]) -> None:
        self._hear("start " + " ".join(chapters))

    def chapter(self, name: str) -> None:
        self._hear(f"chapter {name}")

    def step(self, done: int, total: int, text: str) -> None:
        self._hear(f"step {done} of {total} {text}")

    def done(self, name: str) -> None:
        self._hear(f"done {name}")


def told(folder: Path) -> dict[str, Any]:
    """Return everything that a run says, but for when and how fast."""
    kept = {
        p.name: json.loads(p.read_text()) for p in [folder / "findings.json", *(folder / "chapters").glob("*.json")]
    }
    kept["findings.json"].pop("created")
    for model in kept["models.json"]["models"]:
        model.pop("seconds")
    kept |= {p.name: p.read_bytes() for p in (folder / "tallies").iterdir()}
    return kept


def written(folder: Path, question: dict[str, Any], people: pl.DataFrame) -> Path:
    """Write people and use case to files; return the latter."""
    people.write_csv(folder / "people.csv")
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(question | {"data": {"path": "people.csv"}}), encoding="utf-8")
    return path


def command(case: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "primum", "audit", str(case), "--out", str(out), "--no-pdf", *more]


ALONE = "import sys; from primum.audit import audit; audit(sys.argv[1], out=sys.argv[2])"


def alone(case: Path, out: Path, **env: str) -> subprocess.Popen[str]:
    """Audit in a process of its own, without a report."""
    return subprocess.Popen(
        [sys.executable, "-c", ALONE, str(case), str(out)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env,
    )  # fmt: skip


def resumes(case: Path, out: Path, **env: str) -> None:
    """Audit in a process of its own, to the end."""
    process = alone(case, out, **env)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, question, people) -> tuple[Path, dict[str, Any]]:
    """The case of two trained models, and what an audit of it says when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    case = written(folder, question(models=TRAINED, **QUICK), people(500))
    audit(case, out=folder / "run")
    return case, told(folder / "run")


def test_a_second_audit_in_a_process_with_another_hash_seed_says_the_same(undisturbed, tmp_path):
    case, before = undisturbed
    resumes(case, tmp_path / "run", PYTHONHASHSEED="123", POLARS_MAX_THREADS="1")
    assert told(tmp_path / "run") == before


def test_the_same_folder_again_says_the_same(small_run, small_case, people):
    before, created = told(small_run.path), small_run.plan.created
    again = audit(small_case(), data=people(), out=small_run.path)
    assert told(again.path) == before
    assert again.manifest["deviations"] == []
    assert again.plan.created == created


def killed(case: Path, out: Path, after: float) -> None:
    process = alone(case, out)
    time.sleep(after)
    process.kill()
    process.communicate(timeout=60)


def nothing_looks_finished(out: Path) -> None:
    """Check that an interrupted folder is refused and that every file in it is whole."""
    if not out.is_dir():
        return
    status = json.loads((out / "manifest.json").read_text())["status"] if (out / "manifest.json").is_file() else ""
    if status != "finished":
        with pytest.raises(PrimumError, match=r"is not finished|is not the folder of an audit"):
            Run.load(out)
    else:
        Run.load(out)
    for file in out.rglob("*.json"):
        json.loads(file.read_text())


def test_killed_at_random_moments_it_resumes_and_ends_the_same(undisturbed, tmp_path):
    case, before = undisturbed
    out, chance = tmp_path / "run", random.Random(7)
    for _ in range(3):
        killed(case, out, chance.uniform(0.8, 4))
        nothing_looks_finished(out)
    resumes(case, out)
    assert told(out) == before
    assert Run.load(out).manifest["deviations"] == []
    assert not list(out.rglob("*.part"))
    assert not (out / "work").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_killed_once_at_any_moment_it_resumes_and_ends_the_same(undisturbed, tmp_path, seed):
    case, before = undisturbed
    out = tmp_path / "run"
    killed(case, out, random.Random(seed).uniform(0.3, 9))
    nothing_looks_finished(out)
    resumes(case, out)
    assert told(out) == before
    assert not list(out.rglob("*.part"))


def test_a_finished_model_is_not_trained_again(undisturbed, tmp_path, monkeypatch):
    import primum.learn.crossfit as learning

    case, before = undisturbed
    trained: list[str] = []
    fit = learning.cross_fit
    monkeypatch.setattr(learning, "cross_fit", lambda m, *a, **k: trained.append(m.name) or fit(m, *a, **k))
    with pytest.raises(KeyboardInterrupt):
        audit(case, out=tmp_path / "run", progress=Heard("step 1 of 2 boosting"))
    assert trained == ["logistic"]
    assert {p.name for p in (tmp_path / "run" / "work").iterdir()} == {
        "people.json", "logistic.scores", "logistic.json",
    }  # fmt: skip
    with pytest.raises(PrimumError, match="is not finished"):
        Run.load(tmp_path / "run")
    audit(case, out=tmp_path / "run")
    assert trained == ["logistic", "boosting"]
    assert told(tmp_path / "run") == before


def test_other_people_are_not_given_the_scores_of_those_before(tmp_path, small_case, people, monkeypatch):
    import primum.learn.crossfit as learning

    trained: list[str] = []
    fit = learning.cross_fit
    monkeypatch.setattr(learning, "cross_fit", lambda m, *a, **k: trained.append(m.name) or fit(m, *a, **k))
    case = small_case(models=TRAINED[:1], chapters=["models"], folds=2)
    with pytest.raises(KeyboardInterrupt):
        audit(case, data=people(400), out=tmp_path / "run", progress=Heard("step 1 of 1 counted"))
    changed = people(400).with_columns(pl.col("marker").reverse())
    run = audit(case, data=changed, out=tmp_path / "run")
    assert trained == ["logistic", "logistic"]
    fresh = audit(case, data=changed, out=tmp_path / "fresh")
    assert run.tallies["logistic"].measure(["auroc"]).equals(fresh.tallies["logistic"].measure(["auroc"]))


def test_control_c_ends_with_130_and_the_same_command_resumes(undisturbed, tmp_path, monkeypatch):
    import primum.learn.crossfit as learning

    case, before = undisturbed
    out = tmp_path / "run"
    process = subprocess.Popen(command(case, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (out / "work" / "logistic.json").is_file():
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "finished chapters are kept; run the same command to resume" in errors
    assert "Traceback" not in errors
    refused = subprocess.run(
        [sys.executable, "-m", "primum", "report", str(out)], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "is not finished" in refused.stderr
    trained: list[str] = []
    fit = learning.cross_fit
    monkeypatch.setattr(learning, "cross_fit", lambda m, *a, **k: trained.append(m.name) or fit(m, *a, **k))
    audit(case, out=out)
    assert "logistic" not in trained, "what another process had finished is taken over"
    assert told(out) == before


def test_a_folder_that_is_none_or_damaged_is_refused(small_run, tmp_path):
    import shutil

    with pytest.raises(PrimumError, match="is not the folder of an audit"):
        Run.load(tmp_path)
    for file, content in {
        "manifest.json": '{"status": "fin', "findings.json": '{"findings": [{"check": 1}]}', "plan.json": "{}",
        "chapters/models.json": '{"models": [{}]}', "chapters/people.json": "x", "manifest.json ": "[]",
    }.items():  # fmt: skip
        copy = tmp_path / str(abs(hash(file)))
        shutil.copytree(small_run.path, copy)
        (copy / file.strip()).write_text(content)
        with pytest.raises(PrimumError):
            Run.load(copy)
    copy = tmp_path / "tally"
    shutil.copytree(small_run.path, copy)
    tally = next((copy / "tallies").iterdir())
    tally.write_bytes(tally.read_bytes()[:-40])
    with pytest.raises(PrimumError):
        Run.load(copy)
    tally.unlink()
    with pytest.raises(PrimumError, match="There is no file"):
        Run.load(copy)


def test_loaded_is_what_was_computed(trained_run):
    loaded = Run.load(trained_run.path)
    assert json.dumps([f.row() for f in loaded.findings]) == json.dumps([f.row() for f in trained_run.findings])
    assert loaded.chapters == trained_run.chapters
    assert loaded.usecase == trained_run.usecase
    assert loaded.table().equals(trained_run.table())
    for name, tally in trained_run.tallies.items():
        assert loaded.tallies[name].measure(["n", "brier"]).equals(tally.measure(["n", "brier"]))


def test_nothing_in_the_folder_holds_a_row(tmp_path, small_case, people):
    planted = people(600).with_columns(
        pl.format("ZQXJ-{}", pl.col("id")).alias("id"),
        pl.when(pl.int_range(pl.len()) == 7).then(pl.lit(91.73461)).otherwise(pl.col("marker")).alias("marker"),
        pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("QWVZ")).otherwise(pl.lit("usual")).alias("job"),
    )
    models = [*TRAINED[:1], {"name": "score", "score": "risk"}]
    case = small_case(models=models, features=["age", "marker", "job"], **QUICK)
    run = audit(case, data=planted, out=tmp_path / "run")
    run.report()
    assert not run.work.exists()
    files = [p for p in run.path.rglob("*") if p.is_file()]
    assert len(files) > 20
    found = {}
    for file in files:
        content = readable(file)
        found |= {(file.name, word): 1 for word in (b"ZQXJ-", b"91.73461") if word in content}
    assert found == {}


def readable(file: Path) -> bytes:
    """Return the bytes of a file and of what is packed in it."""
    import zipfile

    content = file.read_bytes()
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as pack:
            for name in pack.namelist():
                part = pack.read(name)
                content += part
                if name.endswith(".parquet"):
                    content += pl.read_parquet(io.BytesIO(part)).write_csv().encode()
    if file.suffix == ".parquet":
        content += pl.read_parquet(file).write_csv().encode()
    return content


def test_a_change_of_plan_is_shown_everywhere(tmp_path, small_case, people):
    data, out = people(600), tmp_path / "run"
    first = audit(small_case(**QUICK), data=data, out=out)
    decision = {"act": "invite", "threshold": 0.3}
    run = audit(small_case(**QUICK, margins={"sensitivity": 0.2, "auroc": 0.05}, decision=decision), data=data, out=out)
    assert run.manifest["deviations"] == [
        {"field": "thresholds.act at", "before": 0.2, "now": 0.3},
        {"field": "margins.sensitivity", "before": 0.1, "now": 0.2},
    ]
    assert run.manifest["first_plan"] == first.plan.hash != run.plan.hash
    changed = [f for f in run.findings if f.check == "PRM-D01"]
    assert [f.words for f in changed] == [
        "thresholds.act at was 0.2 when the plan was frozen, and is 0.3 now.",
        "margins.sensitivity was 0.1 when the plan was frozen, and is 0.2 now.",
    ]
    page = run.report(pdf=False, figures=False).read_text()
    assert "thresholds.act at" in page
    assert "margins.sensitivity" in page
    fresh = audit(small_case(**QUICK, decision=decision), data=data, out=out, resume=False)
    assert [d["field"] for d in fresh.manifest["deviations"]] == ["thresholds.act at"]
    assert not (out / "report.html").exists(), "an old report would be taken for the new one"
    back = audit(small_case(**QUICK), data=data, out=out)
    assert back.manifest["deviations"] == []


def test_a_change_of_words_is_no_deviation(tmp_path, small_case, people):
    data, out = people(600), tmp_path / "run"
    first = audit(small_case(**QUICK), data=data, out=out)
    decision = {"act": "phone", "threshold": 0.2, "miss": "stays ill", "chosen": "by the board"}
    run = audit(small_case(**QUICK, title="Another", question="Who?", decision=decision, notes="!"), data=data, out=out)
    assert run.manifest["deviations"] == []
    assert run.plan.hash == first.plan.hash
    assert Run.load(out).usecase.title == "Another"


def test_what_an_audit_did_not_make_is_never_overwritten(tmp_path, small_case, people):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.png").write_text("mine")
    (tmp_path / "usecase.yaml").write_text("# mine")
    for resume in (True, False):
        with pytest.raises(PrimumError, match=r"holds usecase\.yaml and figures, which no audit made"):
            audit(small_case(**QUICK), data=people(600), out=tmp_path, resume=resume)
    assert (tmp_path / "figures" / "mine.png").read_text() == "mine"
    assert (tmp_path / "usecase.yaml").read_text() == "# mine"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "people.csv").write_text("mine")
    audit(small_case(**QUICK), data=people(600), out=tmp_path / "data")
    assert (tmp_path / "data" / "people.csv").read_text() == "mine"


def test_the_folder_of_another_use_case_is_refused(small_run, small_case, people):
    before = told(small_run.path)
    with pytest.raises(PrimumError, match=r"holds the audit of another use case, 'small'"):
        audit(small_case(**QUICK, name="other"), data=people(600), out=small_run.path)
    assert told(small_run.path) == before


def test_a_wrong_path_puts_nothing_away(small_run, small_case, tmp_path):
    before = told(small_run.path)
    with pytest.raises(PrimumError, match=r"typo\.csv"):
        audit(small_case(), data=tmp_path / "typo.csv", out=small_run.path)
    assert told(small_run.path) == before
    Run.load(small_run.path)


@pytest.mark.parametrize("nth", [0, 1, 2, 3, 4, 6, 8])
def test_a_full_disk_leaves_nothing_half_written_and_resumes(nth, tmp_path, small_case, people, monkeypatch):
    data, out, writes = people(600), tmp_path / "run", []
    true = os.fsync

    def full(handle: int) -> None:
        writes.append(handle)
        if len(writes) > nth:
            raise OSError(errno.ENOSPC, "No space left on device")
        true(handle)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "fsync", full)
        with pytest.raises(PrimumError, match=r"could not be written: No space left on device") as error:
            audit(small_case(**QUICK), data=data, out=out)
    assert "an audit resumes" in str(error.value)
    assert not list(out.rglob("*.part"))
    nothing_looks_finished(out)
    assert not (out / "report.html").exists()
    run = audit(small_case(**QUICK), data=data, out=out)
    assert Run.load(out).manifest["status"] == run.manifest["status"] == "finished"


def test_a_file_too_large_for_the_system_is_told_in_words(tmp_path, question, people):
    case = written(tmp_path, question(**QUICK), people(600))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    done = subprocess.run(
        command(case, tmp_path / "run"), capture_output=True, text=True, check=False, preexec_fn=limited
    )
    assert done.returncode == 2, done.stderr
    assert "could not be written: File too large" in done.stderr
    assert "run the same command again; an audit resumes" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_looks_finished(tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.part"))
    assert audit(case, out=tmp_path / "run").manifest["status"] == "finished"


@pytest.mark.slow
def test_a_disk_that_is_really_full(tmp_path, question, people):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        case = written(tmp_path, question(**QUICK), people(600))
        done = subprocess.run(command(case, disk / "run"), capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        nothing_looks_finished(disk / "run")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        again = subprocess.run(command(case, disk / "run"), capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        Run.load(disk / "run")
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_a_folder_that_cannot_be_made_is_told(tmp_path, small_case, people):
    (tmp_path / "file").write_text("")
    with pytest.raises(PrimumError, match=r"file/run.*could not be written"):
        audit(small_case(**QUICK), data=people(600), out=tmp_path / "file" / "run")


def test_different_names_are_different_files():
    names = ["a b", "a-b", "a.b", "a,b", "ä", "a+b"]
    assert len({file_name(n) for n in names}) == len(names)
    assert file_name("boosting") == "boosting"


def test_models_whose_names_differ_in_a_sign_only_keep_their_own_tally(tmp_path, small_case, people):
    models = [{"name": "a b", "score": "risk"}, {"name": "a-b", "score": "healthy", "higher_means": "more risk"}]
    run = audit(small_case(models=models, **QUICK), data=people(600), out=tmp_path / "run")
    loaded = Run.load(run.path)
    for name in ("a b", "a-b"):
        assert loaded.tallies[name].measure(["auroc"]).equals(run.tallies[name].measure(["auroc"]))
    assert len(list((run.path / "tallies").iterdir())) == 2


def test_left_over_parts_of_a_killed_audit_are_cleared_away(tmp_path, small_case, people):
    with pytest.raises(KeyboardInterrupt):
        audit(small_case(**QUICK), data=people(600), out=tmp_path / "run", progress=Heard("chapter groups"))
    for name in (".findings.json.1.part", "chapters/.groups.json.1.part"):
        (tmp_path / "run" / name).write_text("half")
    assert all((tmp_path / "run" / n).exists() == (n in {"chapters", "tallies", "work"}) for n in LEFT)
    audit(small_case(**QUICK), data=people(600), out=tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.part"))
