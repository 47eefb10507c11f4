"""`primum attack`: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from primum.cli import _told
from primum.cli_attack import register


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    register(made, _told)
    made.command("other")(lambda: None)  # with one command only, typer takes no name
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a small release: two groups, one table."""
    release = tmp_path / "release"
    (release / "tables").mkdir(parents=True)
    groups = {"everyone": (300, 90), "Female": (160, 50), "Male": (140, 40)}
    rows = [
        {"model": None, "attribute": None if g == "everyone" else "sex", "group": g, "outcome": y, "count": n}
        for g, own in groups.items()
        for y, n in enumerate(own)
    ]
    content = {
        "format": "primum counts 1", "t": 10, "w": 10, "rounding": "none", "models": {}, "counts": rows,
        "attributes": {"sex": {"shown": ["Female", "Male"], "unnamed": False}},
    }  # fmt: skip
    (release / "counts.json").write_text(json.dumps(content))
    (release / "release.json").write_text(json.dumps({"name": "release"}))
    (release / "tables" / "groups.csv").write_text("attribute,group,n,events\nsex,Female,210,50\nsex,Male,180,40\n")
    return release


def test_nothing_is_found_in_an_honest_release(app, folder, tmp_path):
    got = CliRunner().invoke(app, ["attack", str(folder), "--out", str(tmp_path / "attack.json")])
    assert got.exit_code == 0, got.output
    assert "6 registered counts" in got.output
    assert "nothing was pinned" in got.output
    assert json.loads((tmp_path / "attack.json").read_text())["passed"] is True


def test_a_planted_count_ends_in_1(app, folder):
    (folder / "tables" / "more.csv").write_text("group,n\nMale,91\n")
    got = CliRunner().invoke(app, ["attack", str(folder)])
    assert got.exit_code == 1
    assert "91 people, sex = Male" in got.output
    assert "must not leave" in got.output


def test_too_little_time_ends_in_1(app, folder):
    got = CliRunner().invoke(app, ["attack", str(folder), "--time-limit", "0.000001"])
    assert got.exit_code == 1
    assert "time ran out" in got.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "no folder"),
        ([".", "--key-file", "nowhere"], "no key file"),
        ([".", "--ledger", "nowhere"], "no ledger"),
        ([".", "--out", "{folder}/attack.json"], "lies in the release"),
        ([".", "--out", "{folder}/counts.json"], "is there already"),
        ([".", "--with", "{folder}/tables"], "no counts.json"),
        ([".", "--time-limit", "-1"], "time limit of -1"),
    ],
)
def test_bad_input_ends_in_2(app, folder, arguments, why):
    asked = [a.format(folder=folder).replace("nowhere", str(folder / "nowhere")) for a in arguments]
    got = CliRunner().invoke(app, ["attack", *(str(folder) if a == "." else a for a in asked)])
    assert got.exit_code == 2, got.output
    assert why in " ".join(got.output.split())
    assert "Traceback" not in got.output
