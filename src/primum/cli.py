"""The command line: thin, every command is one public function.

Exit codes: 0 it ran; 1 it ran and a declared margin is violated (only with --fail-on-violation), or a certificate is
not as it was written, or a model file is blocked, or a release leaks; 2 bad input;
70 a defect in primum; 130 interrupted.
"""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import primum
from primum.cli_attack import register as register_attack
from primum.cli_certificate import certificate
from primum.cli_gate import register as register_gate
from primum.cli_power import power
from primum.cli_release import register as register_release
from primum.cli_study import register as register_study
from primum.cli_tally import audit_of_tallies, register
from primum.errors import PrimumError

if TYPE_CHECKING:
    from collections.abc import Callable

VIOLATED, BAD_INPUT, DEFECT, INTERRUPTED = 1, 2, 70, 130
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
}

app = typer.Typer(
    name="primum",
    help="First, do no harm: audit a clinical prediction model for every group of patients.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_settings = {"traceback": False}


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command: whatever stops it is told in clear words and ends in the right exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            _say("", "Stopped: finished chapters are kept; run the same command to resume.")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if _settings["traceback"]:
                import traceback

                traceback.print_exc()
            code, lines = _explained(error)
            if code is None:
                raise
            _say(*lines)
            raise typer.Exit(code) from None

    return wrapped


def _explained(error: Exception) -> tuple[int | None, list[str]]:
    """Return the exit code of an error and the lines that explain it; no code if it is not ours to tell."""
    if isinstance(error, PrimumError):
        return BAD_INPUT, str(error).splitlines()
    if isinstance(error, BrokenPipeError):
        return None, []
    if isinstance(error, OSError) and error.errno in _FULL | _REFUSED:
        where = f" '{error.filename}'" if error.filename else ""
        if error.errno in _FULL:
            mend = "free some space or choose another folder with --out, then run the same command to resume"
            return BAD_INPUT, [f"The disk is full: could not write{where}.", f"  to mend:   {mend}"]
        return BAD_INPUT, [
            f"Could not open or write{where}: {error.strerror}.",
            "  to mend:   check the path and its permissions, or choose another folder with --out",
        ]
    if isinstance(error, MemoryError):
        return BAD_INPUT, [
            "There is not enough memory for these data.",
            "  to mend:   keep only the columns needed",
        ]
    return DEFECT, [
        f"This is a defect in primum {primum.__version__}: {type(error).__name__}: {error}",
        "Please report it, with what `primum --traceback …` shows for the same command.",
    ]


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it with the value)
    if wanted:
        typer.echo(f"primum {primum.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error came from.")] = False,
) -> None:
    """Set what holds for every command."""
    del version
    _settings["traceback"] = traceback


@app.command()
@_told
def audit(
    usecase: Annotated[
        str | None, typer.Argument(help="A built-in use case (see `primum list`) or a YAML file.")
    ] = None,
    *,
    data: Annotated[Path | None, typer.Option(help="Data file, folder or glob, instead of the use case's own.")] = None,
    tally: Annotated[
        list[Path] | None,
        typer.Option(help="Go on from a file of `primum count` instead of rows; once for each file."),
    ] = None,
    diff: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--diff", metavar="OLD NEW", help="Say what changed between two finished audits; nothing is run."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/NAME if left out. With --diff: folder for two files.")
    ] = None,
    fail_on_violation: Annotated[
        bool, typer.Option("--fail-on-violation", help="Exit with 1 when a declared margin is violated.")
    ] = False,
    no_pdf: Annotated[bool, typer.Option("--no-pdf", help="Write the report as HTML only.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what an earlier run finished.")] = False,
    trust_pickle: Annotated[
        bool,
        typer.Option("--trust-pickle", help="Load pickled models. They can run any code: only your own."),
    ] = False,
) -> None:
    """Audit a model for every group of patients and write the report."""
    if diff is not None:
        _differ(usecase, diff, out, fail_on_violation=fail_on_violation)
        return
    if usecase is None:
        from primum.usecase_file import builtin

        raise PrimumError("No use case was named.", available=list(builtin()), mend="primum audit USECASE")
    from rich.console import Console

    from primum.cli_progress import progress
    from primum.cli_summary import summary
    from primum.finding import Verdict

    with progress(Console(stderr=True)) as watch:
        if tally:
            run = audit_of_tallies(usecase, tally, data=data, out=out, progress=watch)
        else:
            from primum.audit import audit as run_audit

            run = run_audit(usecase, data=data, out=out, progress=watch, resume=not fresh, trust_pickle=trust_pickle)
        watch.chapter("report")
        report_path = run.report(pdf=not no_pdf)
        watch.done("report")
    screen = Console()
    summary(run.findings, screen if screen.is_terminal or os.environ.get("COLUMNS") else Console(width=120))
    typer.echo(f"run:    {run.path}")
    typer.echo(f"report: {report_path}")
    if fail_on_violation and any(f.verdict is Verdict.HARM and f.margin is not None for f in run.findings):
        raise typer.Exit(VIOLATED)


def _differ(usecase: str | None, pair: tuple[Path, Path], out: Path | None, *, fail_on_violation: bool) -> None:
    """Tell what changed between two audits; with `fail_on_violation`, exit with 1 where something stands worse."""
    from primum.cli_difference import difference

    if usecase is not None:
        raise PrimumError(
            f"--diff compares two finished audits, so the use case '{usecase}' is one too many.",
            mend="primum audit --diff OLD NEW",
        )
    if difference(*pair, out).worse and fail_on_violation:
        raise typer.Exit(VIOLATED)


@app.command()
@_told
def report(
    run: Annotated[Path, typer.Argument(help="The run folder of an audit.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Where to write; the run folder if left out.")] = None,
    no_pdf: Annotated[bool, typer.Option("--no-pdf", help="Write the report as HTML only.")] = False,
) -> None:
    """Write the report of a finished audit again, without the data."""
    from primum.execute.run import Run

    typer.echo(f"report: {Run.load(run).report(out, pdf=not no_pdf)}")


@app.command(name="list")
@_told
def list_() -> None:
    """List the built-in use cases."""
    from primum.usecase_file import builtin

    for name, title in builtin().items():
        typer.echo(f"{name:<22} {title}")


@app.command()
@_told
def init(
    data: Annotated[Path, typer.Argument(help="A data file, or a folder that holds one.")],
    *,
    out: Annotated[Path | None, typer.Option(help="File to write; the screen if left out.")] = None,
) -> None:
    """Draft a use case from a data set; every guess is marked for a human."""
    from primum.cohort.draft import draft

    _write(draft(data, beside=None if out is None else out.parent), out)
    if out is not None:
        _say(f"Read every line marked GUESS, then run: primum audit {out}")


@app.command()
@_told
def schema(*, out: Annotated[Path | None, typer.Option(help="File to write; the screen if left out.")] = None) -> None:
    """Print the JSON Schema of a use case, for editors."""
    import json

    from primum.usecase_file import schema as described

    _write(json.dumps(described(), indent=2, ensure_ascii=False) + "\n", out)


def _write(text: str, out: Path | None) -> None:
    """Write text to a new file, or to the screen; a file that is there stays."""
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        raise PrimumError(f"'{out}' is there already; it was left as it is.", mend="choose another name with --out")
    out.write_text(text, encoding="utf-8")


app.command("power")(_told(power))


register(app, _told)
register_study(app, _told)
app.command()(_told(certificate))
register_release(app, _told)
register_attack(app, _told)
register_gate(app, _told)


def main() -> None:
    """Run the command line."""
    app(prog_name="primum")
