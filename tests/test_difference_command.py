"""`primum audit --diff OLD NEW`: what is printed, what is written, and what is refused."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Annotated

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from primum.audit import audit
from primum.cli_difference import FILES, difference
from primum.errors import PrimumError


@pytest.fixture(scope="module")
def later(tmp_path_factory, small_case, people):
    """A second audit a year later: another threshold, fewer people."""
    decision = {"act": "invite", "threshold": 0.4}
    return audit(small_case(decision=decision), data=people(900), out=tmp_path_factory.mktemp("later") / "run")


def told(old: Path, new: Path, out: Path | None = None) -> str:
    screen = StringIO()
    difference(old, new, out, Console(file=screen, width=140))
    return screen.getvalue()


def test_the_same_audit_twice_says_that_nothing_changed(small_run, tmp_path):
    text = told(small_run.path, small_run.path, tmp_path / "out")
    assert text.count(f"plan {small_run.plan.hash[:12]}") == 2
    assert "1,000 people" in text
    assert "Nothing changed." in text
    assert "Claims whose state changed" not in text
    assert "Nothing changed." in (tmp_path / "out" / "difference.md").read_text()


def test_claims_come_first_then_findings_people_and_plan(small_run, later, tmp_path):
    text = told(small_run.path, later.path, tmp_path / "out")
    parts = ["The plan changed in 1 field", "stand worse than before", "Claims whose state changed", "People", "Plan"]
    at = [text.index(p) for p in parts]
    assert at == sorted(at)
    assert "1,000 → 900 people (overall, everyone)." in text
    assert "thresholds.act at: 0.2, now 0.4" in text
    document = json.loads((tmp_path / "out" / "difference.json").read_text())
    assert document["kind"] == "primum audit difference"
    assert document["claims"][0]["worse"]
    page = (tmp_path / "out" / "difference.md").read_text()
    assert page.startswith("# What changed between two audits")
    assert page.index("## Claims") < page.index("## People") < page.index("## Plan")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
    assert {f.name for f in (tmp_path / "out").iterdir()} == set(FILES)


def test_long_lists_are_cut_on_the_screen_only(small_run, later, tmp_path, monkeypatch):
    monkeypatch.setattr("primum.cli_difference.MOST", 2)
    text = told(small_run.path, later.path, tmp_path)
    document = json.loads((tmp_path / "difference.json").read_text())
    assert f"… and {len(document['people']) - 2:,} more; --out DIR writes them all" in text


def test_files_that_are_there_stay(small_run, tmp_path):
    told(small_run.path, small_run.path, tmp_path)
    with pytest.raises(PrimumError, match=r"difference.json' is there already; it was left as it is"):
        told(small_run.path, small_run.path, tmp_path)


def test_a_release_an_unfinished_run_and_any_folder_are_refused(small_run, later, tmp_path):
    release = tmp_path / "release"
    release.mkdir()
    (release / "release.json").write_text("{}")
    with pytest.raises(PrimumError, match="is a release: its numbers are protected"):
        told(small_run.path, release)
    with pytest.raises(PrimumError, match="is a release"):
        told(tmp_path / "name.zip", later.path)
    half = tmp_path / "half"
    shutil.copytree(later.path, half)
    manifest = json.loads((half / "manifest.json").read_text())
    (half / "manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    with pytest.raises(PrimumError, match="is not finished"):
        told(small_run.path, half)
    with pytest.raises(PrimumError, match="is not the folder of an audit"):
        told(small_run.path, tmp_path)
    plan = json.loads((half / "plan.json").read_text())
    plan["contents"]["seed"] = 99
    (half / "manifest.json").write_text(json.dumps(manifest))
    (half / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(PrimumError, match="was changed after it was frozen"):
        told(small_run.path, half)


def test_it_is_an_option_of_audit(small_run, later):
    """The command as the command line declares it: with --diff no use case is needed."""
    app = typer.Typer()

    @app.command()
    def one(
        usecase: Annotated[str | None, typer.Argument()] = None,
        *,
        diff: Annotated[tuple[Path, Path] | None, typer.Option("--diff", metavar="OLD NEW")] = None,
        out: Annotated[Path | None, typer.Option()] = None,
    ) -> None:
        if diff is not None:
            difference(*diff, out)
        else:
            typer.echo(f"audit of {usecase}")

    run = CliRunner(env={"COLUMNS": "140"})
    done = run.invoke(app, ["--diff", str(small_run.path), str(later.path)])
    assert done.exit_code == 0, done.output
    assert "Claims whose state changed" in done.output
    assert run.invoke(app, ["mine.yaml"]).output.strip() == "audit of mine.yaml"
    assert run.invoke(app, ["--diff", str(small_run.path)]).exit_code == 2
