"""The plan: one hash for one use case everywhere, and changes that are named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from primum.errors import PrimumError
from primum.plan import ABSENT, Plan, deviations, freeze, without_secret
from primum.usecase import METRIC_IDS, UseCase
from primum.usecase_file import dumps, load, loads


@pytest.fixture
def usecase() -> UseCase:
    return load("nhanes-depression")


def changed(usecase: UseCase, **fields: object) -> UseCase:
    return UseCase.model_validate({**usecase.model_dump(mode="json"), **fields})


def test_the_plan_lists_what_will_be_computed(usecase):
    plan = freeze(usecase)
    assert re.fullmatch(r"[0-9a-f]{64}", plan.hash)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", plan.created)
    contents = plan.contents
    assert contents["metrics"] == list(METRIC_IDS)
    assert contents["thresholds"] == {"act at": 0.1, "capacity": None, "others": [0.05, 0.2]}
    assert contents["margins"]["sensitivity"] == 0.1
    assert set(contents["models"]) == {m.name for m in usecase.models}
    assert set(contents["comparisons"].values()) == {"everyone else"}
    assert contents["groups"]["age"] == {"bins": [35.0, 50.0, 65.0], "column": "AgeInYearsAtScreening"}
    assert (contents["seed"], contents["replicates"]) == (usecase.seed, usecase.replicates)


CODE = """
from primum.usecase_file import load
from primum.plan import freeze
print(freeze(load("nhanes-diabetes")).hash)
"""


def test_the_hash_is_the_same_in_every_process():
    hashes = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4711")
    }
    assert hashes == {freeze(load("nhanes-diabetes")).hash}


def test_the_hash_of_a_small_use_case_is_known():
    """A change here means that no earlier run can be compared any more: raise `plan.VERSION` and say so."""
    small = UseCase.model_validate(
        {
            "name": "small", "title": "t", "question": "q", "intended_use": "u", "population": "p",
            "outcome": {"name": "o", "when": [{"column": "y", "equals": 1}], "recorded_by": "r"},
            "groups": [{"column": "sex"}], "decision": {"act": "a", "threshold": 0.1},
            "models": [{"name": "m", "score": "s"}],
        }
    )  # fmt: skip
    assert freeze(small).hash == "966a5e8e46b7033d8e98abaa19d47110b4a18e5f6947746e6d9ed03bc61c16f3"


def test_the_order_of_keys_and_the_words_do_not_matter(usecase):
    data = usecase.model_dump(mode="json")
    data["margins"] = dict(reversed(data["margins"].items()))
    backwards = UseCase.model_validate(dict(reversed(data.items())))
    assert freeze(backwards).hash == freeze(usecase).hash
    assert freeze(loads(dumps(usecase))).hash == freeze(usecase).hash
    words = changed(usecase, notes="n", title="t", question="q", intended_use="i", population="p", name="other")
    assert freeze(words).hash == freeze(usecase).hash


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"seed": 7}, [("seed", 20260101, 7)]),
        ({"level": 0.9}, [("level", 0.95, 0.9)]),
        ({"replicates": 500}, [("replicates", 1000, 500)]),
        ({"margins": {"sensitivity": 0.2, "specificity": 0.1}},
         [("margins.sensitivity", 0.1, 0.2), ("margins.auroc", 0.05, ABSENT)]),
        ({"decision": {"act": "a", "threshold": 0.2, "other_thresholds": [0.2, 0.05]}},
         [("thresholds.act at", 0.1, 0.2)]),
        ({"decision": {"act": "other words", "threshold": 0.1, "other_thresholds": [0.2, 0.05]}}, []),
        ({"chapters": ["people"]},
         [("chapters", ["people", "models", "performance", "groups", "record"], ["people"])]),
    ],
)  # fmt: skip
def test_a_change_is_a_deviation_with_its_field(usecase, fields, expected):
    before, now = freeze(usecase), freeze(changed(usecase, **fields))
    rows = deviations(before, now)
    assert [(r["field"], r["before"], r["now"]) for r in rows] == expected
    assert (before.hash == now.hash) == (not expected)


def test_changed_groups_and_models_are_named(usecase):
    data = usecase.model_dump(mode="json")
    data["groups"][2]["bins"] = [40]
    data["groups"][0]["reference"] = "Female"
    data["models"] = [{"name": "mine", "score": "risk"}, *data["models"][1:]]
    rows = deviations(freeze(usecase), freeze(UseCase.model_validate(data)))
    fields = [r["field"] for r in rows]
    assert "groups.age.bins" in fields
    assert {"field": "comparisons.sex", "before": "everyone else", "now": "Female"} in rows
    assert {"field": "models.mine.score", "before": ABSENT, "now": "risk"} in rows
    assert not any(f.startswith("order.") for f in fields)
    swapped = changed(usecase, models=list(reversed(usecase.model_dump(mode="json")["models"])))
    assert [r["field"] for r in deviations(freeze(usecase), freeze(swapped))] == ["order.models"]


def test_a_value_that_only_changes_its_type_is_a_deviation(usecase):
    def plan(value: object) -> Plan:
        return freeze(changed(usecase, include=[{"column": "a", "equals": value}]))

    assert len({plan(v).hash for v in (1, 1.0, True, "1")}) == 4
    assert len(deviations(plan(1), plan(True))) == 1


def test_extra_is_part_of_the_hash(usecase):
    assert freeze(usecase, extra={"rows": 5}).hash != freeze(usecase).hash
    assert deviations(freeze(usecase, extra={"rows": 5}), freeze(usecase, extra={"rows": 6})) == [
        {"field": "extra.rows", "before": 5, "now": 6}
    ]


def test_a_plan_survives_the_disk_and_notices_changes(usecase, tmp_path):
    plan, path = freeze(usecase), tmp_path / "plan.json"
    plan.write(path)
    assert Plan.read(path) == plan
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]
    raw = json.loads(path.read_text())
    raw["contents"]["seed"] = 1
    path.write_text(json.dumps(raw))
    with pytest.raises(PrimumError, match="was changed after it was frozen"):
        Plan.read(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "5", '{"hash": 1, "created": 2, "contents": 3}', "[" * 100_000])
def test_what_is_no_plan_is_told(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PrimumError, match="is not a plan that can be read"):
        Plan.read(tmp_path / "plan.json")
    with pytest.raises(PrimumError, match="FileNotFoundError"):
        Plan.read(tmp_path / "none.json")


def test_nothing_half_written_looks_finished(usecase, tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    freeze(usecase).write(tmp_path / "plan.json")
    before = (tmp_path / "plan.json").read_text()
    monkeypatch.setattr("primum.atomic.os.fsync", full)
    with pytest.raises(PrimumError, match="No space left"):
        freeze(changed(usecase, seed=7)).write(tmp_path / "plan.json")
    assert (tmp_path / "plan.json").read_text() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@host:5432/db?password=secret", "postgresql://host:5432/db"),
        ("duckdb:///data/file.db", "duckdb:///data/file.db"),
        ("postgresql://ann:secret@[bad/db", "postgresql:…"),
    ],
)
def test_a_plan_keeps_no_password(usecase, url, shown):
    assert without_secret(url) == shown
    plan = freeze(changed(usecase, data={"url": url, "table": "t"}))
    assert "secret" not in json.dumps(plan.contents)


NO_HARM = {"margin": 0.01, "alpha": 0.05}


@pytest.mark.parametrize(
    ("fields", "moved"),
    [
        ({"no_harm": NO_HARM | {"margin": 0.02}}, "no_harm"),
        ({"no_harm": NO_HARM | {"alpha": 0.1}}, "no_harm"),
        ({"no_harm": NO_HARM | {"held_out": 0.4}}, "no_harm"),
        ({"no_harm": NO_HARM, "recording": {"made_up": 0.1}}, "recording"),
        ({"no_harm": NO_HARM, "missing": {"mask": 0.2}}, "missing"),
        ({"no_harm": NO_HARM, "discrimination": {"retrained": 1}}, "discrimination"),
    ],
)
def test_what_no_group_may_lose_is_frozen_before_results(usecase, fields, moved):
    before = changed(usecase, no_harm=NO_HARM)
    rows = deviations(freeze(before), freeze(changed(usecase, **fields)))
    assert {r["field"].split(".")[0] for r in rows} == {moved}
    words = changed(usecase, no_harm=NO_HARM | {"chosen": "with the patients' council"})
    assert freeze(words).hash == freeze(before).hash
