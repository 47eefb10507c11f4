"""Tasks over workers: resumed, whole, the same whoever did them; and what goes wrong told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from primum.errors import PrimumError
from primum.execute.tasks import Task, run_tasks


def square(payload):
    if payload == "bad":
        raise PrimumError("This one cannot be done.")
    if payload == "die":
        os._exit(3)
    return {"square": payload**2, "process": os.getpid(), "threads": os.environ.get("OMP_NUM_THREADS")}


def tasks(*numbers):
    return [Task(f"n{n}", n, f"number {n}") for n in numbers]


class Heard:
    def __init__(self):
        self.steps = []

    def step(self, done, total, text):
        self.steps.append((done, total))


def test_results_come_in_the_order_of_the_tasks_and_files_are_left(tmp_path):
    heard = Heard()
    found = run_tasks(square, tasks(3, 1, 2), tmp_path, progress=heard)
    assert [r["square"] for r in found] == [9, 1, 4]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["n1.json", "n2.json", "n3.json"]
    assert heard.steps[-1] == (3, 3)


def test_what_is_there_is_not_done_again_and_half_files_are_cleared(tmp_path):
    (tmp_path / "n3.json").write_text(json.dumps({"square": -1}))
    (tmp_path / ".n1.json.77.part").write_text("{")
    found = run_tasks(square, tasks(3, 1), tmp_path)
    assert [r["square"] for r in found] == [-1, 1]
    assert not list(tmp_path.glob(".*part"))


def test_two_workers_are_other_processes_and_find_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    found = run_tasks(square, tasks(*range(4)), tmp_path / "two", workers=2)
    assert [r["square"] for r in found] == [0, 1, 4, 9]
    assert os.getpid() not in {r["process"] for r in found}
    assert {r["threads"] for r in found} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_an_error_of_a_task_goes_through_and_finished_ones_stay(tmp_path):
    with pytest.raises(PrimumError, match="cannot be done"):
        run_tasks(square, [*tasks(5), Task("bad", "bad")], tmp_path)
    assert (tmp_path / "n5.json").is_file()
    assert not (tmp_path / "bad.json").exists()


def test_a_worker_that_dies_is_told(tmp_path):
    with pytest.raises(PrimumError, match="A worker died"):
        run_tasks(square, [*tasks(5, 6), Task("die", "die")], tmp_path, workers=2)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, 1000])
def test_workers_are_whole_numbers_from_one(tmp_path, workers):
    with pytest.raises(PrimumError, match="number of workers"):
        run_tasks(square, tasks(1), tmp_path, workers=workers)


def test_keys_are_file_names_and_different(tmp_path):
    with pytest.raises(PrimumError, match="cannot be the name"):
        run_tasks(square, [Task("../up", 1)], tmp_path)
    with pytest.raises(PrimumError, match="Two tasks are named 'n1'"):
        run_tasks(square, tasks(1, 1), tmp_path)


def test_a_damaged_result_says_which_file_to_delete(tmp_path):
    (tmp_path / "n1.json").write_text("{half")
    with pytest.raises(PrimumError, match=r"delete '.*n1\.json'"):
        run_tasks(square, tasks(1), Path(tmp_path))
