"""`primum release`: what may leave of an audit, protected, measured again, attacked and sealed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer, told: Callable[..., Any]) -> None:
    """Add the command."""
    app.command(name="release")(told(release))


def release(
    run: Annotated[Path, typer.Argument(help="The run folder of an audit, as it was made in the room.")],
    *,
    preset: Annotated[str, typer.Option(help="The bureau's rules: a name, or a YAML file of your own.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the release; beside the run if left out.")] = None,
    name: Annotated[str, typer.Option(help="Its name; from the audit, the preset and the day if left out.")] = "",
    t: Annotated[int | None, typer.Option("--t", help="A larger minimum of people behind every count.")] = None,
    exception: Annotated[
        list[str] | None, typer.Option(help="'RULE: reason' of a rule that is set aside; once for each.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who answers for the exceptions.")] = None,
    signed: Annotated[list[str] | None, typer.Option(help="'PHENOTYPE: NAME' of a signature; once for each.")] = None,
    phenotypes: Annotated[Path | None, typer.Option(help="The project's own list of sensitive phenotypes.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger of all that ever left; made if not there.")] = None,
    earlier: Annotated[
        list[Path] | None, typer.Option("--with", help="Folder of an earlier release about these people.")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="The project's secret; it never leaves.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds for the attack instead of the preset's; out of time is failing.")
    ] = None,
    no_pdf: Annotated[bool, typer.Option("--no-pdf", help="Write the report as HTML only.")] = False,
) -> None:
    """Write what may leave of a finished audit: a folder and its zip, for the output checker to look at."""
    from rich.console import Console

    from primum.cli_progress import progress
    from primum.execute.run import Run
    from primum.release.order import order
    from primum.release.release import release as make

    audited = Run.load(run)
    changed: dict[str, Any] = {"t": t, "audit_time_limit": time_limit}
    wanted = order(
        audited,
        preset,
        name=name,
        exceptions=exception or [],
        by=by,
        signed=signed or [],
        project=phenotypes,
        ledger=ledger,
        key_file=key_file,
        earlier=earlier or [],
        **{name: value for name, value in changed.items() if value is not None},
    )
    target, begun = out or audited.path.parent / wanted.name, ledger is not None and not ledger.exists()
    with progress(Console(stderr=True)) as watch:
        made = make(audited, wanted, target, progress=watch, pdf=not no_pdf)
    (inside, had), (left, of) = made.assessable["inside"], made.assessable["release"]
    screen = Console() if os.environ.get("COLUMNS") else Console(width=120)
    screen.print(f"rules:    {wanted.policy.words}", highlight=False)
    screen.print(f"attack:   {made.assault.summary}", highlight=False)
    screen.print(
        f"verdicts: {left} of {of} group questions have one, decided or inconclusive; inside {inside} of {had}",
        highlight=False,
    )
    if ledger is None:
        said = (
            "compared with the folders given alone; without a ledger nothing protects against any other"
            if earlier
            else "no ledger was given: nothing protects against what this release and an earlier one tell together; "
            "keep one with --ledger FILE"
        )
        screen.print(f"earlier:  {said}", highlight=False)
    elif begun:
        screen.print(
            f"earlier:  the ledger '{ledger}' was begun now, so no earlier export was compared", highlight=False
        )
    typer.echo(f"release:  {made.folder}")
    typer.echo(f"zip:      {made.zip}")
    typer.echo("A person must read the control form, complete it and sign it. primum declares nothing safe in law.")
