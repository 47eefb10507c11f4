"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import primum
from primum.cli import app
from primum.cli_progress import Bars, Lines, progress
from primum.cli_summary import ROWS, interval, summary
from primum.errors import MissingExtraError, PrimumError
from primum.execute.progress import Progress, Silent
from primum.finding import Estimate, Finding, Status, Verdict

runner = CliRunner()
WIDE = {"COLUMNS": "160"}
SOME = Estimate(-0.2, -0.3, -0.1, "Newcombe", 100, 30, 70)
NONE = Estimate(math.nan, math.nan, math.nan, "", 0, 0, 0, Status.NOT_ESTIMABLE, "no positives in this group")


def finding(verdict: Verdict, **changes: Any) -> Finding:
    values: dict[str, Any] = {
        "check": "PRM-G01", "title": "Shortfall", "model": "m", "metric": "sensitivity", "attribute": "sex",
        "group": "Female", "comparator": "everyone else", "estimate": SOME, "margin": 0.1, "verdict": verdict,
    }  # fmt: skip
    return Finding(**{**values, **changes})


class Ran:
    """A run without rows."""

    def __init__(self, findings: list[Finding], path: Path) -> None:
        self.findings, self.path = findings, path
        self.reported: list[Any] = []

    def report(self, out: Path | None = None, *, pdf: bool = True) -> Path:
        self.reported.append((out, pdf))
        return (out or self.path) / "report.html"


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """Stand in for the audit; `stub.act` is what it does, `stub.asked` what it was asked."""
    module = types.ModuleType("primum.audit")
    module.asked, module.run = {}, Ran([finding(Verdict.HARM), finding(Verdict.NO_HARM)], tmp_path / "run")
    module.act = lambda watch: None

    def audit(usecase: str, **options: Any) -> Ran:
        module.asked = {"usecase": usecase, **options}
        module.act(options["progress"])
        return module.run

    module.audit = audit
    monkeypatch.setitem(sys.modules, "primum.audit", module)
    return module


def fails(error: BaseException) -> Any:
    def act(_: Progress) -> None:
        raise error

    return act


def test_version_help_and_list():
    assert runner.invoke(app, ["--version"]).stdout == f"primum {primum.__version__}\n"
    helped = runner.invoke(app, ["--help"])
    assert helped.exit_code == 0
    assert all(command in helped.stdout for command in ("audit", "report", "list", "init", "schema"))
    listed = runner.invoke(app, ["list"])
    assert listed.exit_code == 0
    assert "nhanes-depression      Depression risk in US adults" in listed.stdout


def test_audit_passes_everything_on_and_prints_what_was_found(stub, tmp_path):
    result = runner.invoke(app, ["audit", "mine.yaml", "--data", "d.csv", "--out", str(tmp_path)], env=WIDE)
    assert result.exit_code == 0, result.stderr
    watch = stub.asked.pop("progress")
    assert isinstance(watch, Progress)
    assert stub.asked == {
        "usecase": "mine.yaml", "data": Path("d.csv"), "out": tmp_path, "resume": True, "trust_pickle": False,
    }  # fmt: skip
    assert stub.run.reported == [(None, True)]
    for words in (
        "sex Female vs everyone else",
        "sensitivity",
        "-0.20 [-0.30, -0.10]",
        "harm shown",
        "report.html",
    ):
        assert words in result.stdout
    assert "1 harm shown, 1 no harm shown within the margin" in result.stdout


def test_options_of_the_audit(stub):
    result = runner.invoke(app, ["audit", "mine.yaml", "--no-pdf", "--fresh", "--trust-pickle"])
    assert result.exit_code == 0
    assert (stub.asked["resume"], stub.asked["trust_pickle"], stub.run.reported) == (
        False,
        True,
        [(None, False)],
    )


def test_fail_on_violation_is_asked_for(stub):
    assert runner.invoke(app, ["audit", "x"]).exit_code == 0
    assert runner.invoke(app, ["audit", "x", "--fail-on-violation"]).exit_code == 1
    stub.run.findings = [finding(v) for v in Verdict if v is not Verdict.HARM]
    assert runner.invoke(app, ["audit", "x", "--fail-on-violation"]).exit_code == 0


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PrimumError("There is no column 'x'.", available=["y"], mend="use 'y'"), 2,
         "There is no column 'x'.\n  available: y\n  to mend:   use 'y'\n"),
        (MissingExtraError("typst", "report", "The PDF"), 2, "pip install 'primum[report]'"),
        (OSError(errno.ENOSPC, "No space left on device", "out/x.json"), 2,
         "The disk is full: could not write 'out/x.json'"),
        (OSError(errno.EDQUOT, "Quota exceeded"), 2, "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/out"), 2,
         "Could not open or write '/out': Permission denied"),
        (MemoryError(), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, "finished chapters are kept; run the same command to resume"),
        (ZeroDivisionError("by zero"), 70, "This is a defect in primum 0.1.0: ZeroDivisionError: by zero\n"),
        (FileNotFoundError(errno.ENOENT, "No such file", "template"), 70, "This is a defect in primum"),
    ],
)  # fmt: skip
def test_what_stops_an_audit_is_told_without_a_traceback(stub, error, code, words):
    stub.act = fails(error)
    result = runner.invoke(app, ["audit", "x"])
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert "report:" not in result.stdout


def test_traceback_shows_where_a_defect_is(stub):
    stub.act = fails(ZeroDivisionError("by zero"))
    result = runner.invoke(app, ["--traceback", "audit", "x"])
    assert result.exit_code == 70
    assert "Traceback (most recent call last)" in result.stderr
    assert "Traceback" not in runner.invoke(app, ["audit", "x"]).stderr


def test_an_unknown_option_is_bad_input():
    assert runner.invoke(app, ["audit", "x", "--colour", "red"]).exit_code == 2
    assert runner.invoke(app, ["audit"]).exit_code == 2


def test_report_re_renders_a_run(monkeypatch, tmp_path):
    opened = Ran([], tmp_path)
    module = types.ModuleType("primum.execute.run")
    module.Run = types.SimpleNamespace(load=lambda path: opened if path == tmp_path else None)
    monkeypatch.setitem(sys.modules, "primum.execute.run", module)
    result = runner.invoke(app, ["report", str(tmp_path), "--out", str(tmp_path / "r"), "--no-pdf"])
    assert result.exit_code == 0, result.stderr
    assert opened.reported == [(tmp_path / "r", False)]
    assert result.stdout == f"report: {tmp_path / 'r' / 'report.html'}\n"


def test_init_drafts_and_never_overwrites(monkeypatch, tmp_path):
    module = types.ModuleType("primum.cohort.draft")
    module.draft = lambda path, beside=None: f"# drafted from {path.name}\n"
    monkeypatch.setitem(sys.modules, "primum.cohort.draft", module)
    assert runner.invoke(app, ["init", "d.csv"]).stdout == "# drafted from d.csv\n"
    out = tmp_path / "mine.yaml"
    result = runner.invoke(app, ["init", "d.csv", "--out", str(out)])
    assert result.exit_code == 0
    assert out.read_text() == "# drafted from d.csv\n"
    assert f"primum audit {out}" in result.stderr
    again = runner.invoke(app, ["init", "d.csv", "--out", str(out)])
    assert again.exit_code == 2
    assert "is there already; it was left as it is" in again.stderr


def test_schema_goes_to_the_screen_or_a_file(tmp_path):
    shown = runner.invoke(app, ["schema"])
    assert json.loads(shown.stdout)["title"] == "primum use case"
    assert runner.invoke(app, ["schema", "--out", str(tmp_path / "s.json")]).exit_code == 0
    assert (tmp_path / "s.json").read_text() == shown.stdout
    nowhere = runner.invoke(app, ["schema", "--out", str(tmp_path / "s.json" / "x")])
    assert nowhere.exit_code == 2


def test_a_reader_that_closes_the_pipe_is_no_defect():
    command = f"{sys.executable} -m primum schema | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "defect" not in done.stderr


INTERRUPTED = """
import sys, time, types
module = types.ModuleType("primum.audit")
def audit(usecase, progress=None, **options):
    progress.start(["people", "models"])
    progress.chapter("people")
    progress.done("people")
    progress.chapter("models")
    time.sleep(60)
module.audit = audit
sys.modules["primum.audit"] = module
from primum.cli import main
sys.argv = ["primum", "audit", "x"]
main()
"""


def test_control_c_ends_with_130_and_says_how_to_resume():
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTED], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    seen = ""
    while "models (2 of 2)" not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "finished chapters are kept; run the same command to resume" in rest
    assert "Traceback" not in rest


def play(watch: Progress) -> None:
    watch.start(["people", "models"])
    watch.done("people")
    watch.chapter("models")
    watch.step(0, 4, "fold 1 of [4]")
    watch.step(1, 4, "fold 2 of [4]")
    watch.done("models")


def test_plain_progress_says_chapters_and_the_time_left(monkeypatch):
    clock = iter([100.0, 104.0, 110.0, 130.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    lines.start(["people", "models"])
    lines.chapter("models")
    lines.step(0, 4, "too early to say")
    lines.step(1, 4, "fold 2 of [4]")
    lines.done("models")
    assert out.getvalue().splitlines() == [
        "chapters: people, models",
        "models (2 of 2) …",
        "models: 1 of 4, about 30 s left: fold 2 of [4]",
        "models: finished in 30 s",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_fits_its_screen(terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)
    with progress(console) as watch:
        assert isinstance(watch, Bars if terminal else Lines)
        assert isinstance(watch, Progress)
        play(watch)
    assert "models" in out.getvalue()
    assert ("\x1b[" in out.getvalue()) == terminal


def test_silence_is_a_progress_too():
    assert isinstance(Silent(), Progress)
    play(Silent())


def test_the_summary_begins_with_harm_and_stays_short():
    findings = [finding(Verdict.NO_HARM, group=f"g{i}") for i in range(ROWS)]
    findings += [
        finding(Verdict.NOT_ASSESSABLE, group="Asian [x]", estimate=NONE, more_events=120),
        finding(Verdict.HARM, group="Old"),
    ]
    out = io.StringIO()
    summary(findings, Console(file=out, width=150))
    lines = out.getvalue().splitlines()
    assert "Old" in lines[2]
    assert "harm shown" in lines[2]
    assert "Asian [x]" in lines[3]
    assert "not assessable (needs 120 more events)" in lines[3]
    assert "–" in lines[3]
    assert "2 more rows are in the report" in lines[-1]
    assert len(lines) == ROWS + 3


def test_with_several_models_the_table_is_about_the_first():
    findings = [finding(Verdict.NO_HARM, model="mine"), finding(Verdict.HARM, model="other", group="Old")]
    out = io.StringIO()
    summary(findings, Console(file=out, width=150))
    assert "What was found about the model 'mine'" in out.getvalue()
    assert "Old" not in out.getvalue()
    assert "All 2 models: 1 harm shown, 1 no harm shown within the margin; 1 more rows" in out.getvalue()


def test_intervals_are_short():
    assert interval(SOME) == "-0.20 [-0.30, -0.10]"
    assert interval(NONE) == "–"
    assert interval(Estimate(0.5, math.nan, math.nan, "", 10, 5, 5)) == "+0.50"


def test_a_summary_of_nothing_says_so():
    out = io.StringIO()
    summary([], Console(file=out))
    assert "no findings" in out.getvalue()


def test_python_m_primum_is_primum():
    done = subprocess.run(
        [sys.executable, "-m", "primum", "audit", os.devnull + ".yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("There is no file")
