"""`primum attack`: our own adversary on a finished release folder, before anything leaves the room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from primum.errors import PrimumError

PINNED = 1


def register(app: typer.Typer, told: Callable[..., Any]) -> None:
    """Add the command to the command line; `told` explains what stops it."""
    app.command()(told(attack))


def attack(
    release: Annotated[Path, typer.Argument(help="The folder of a release.")],
    *,
    ledger: Annotated[Path | None, typer.Option(help="The project's ledger; all exports in it count.")] = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", "--with", help="Folder of an earlier release, under any preset; once for each."),
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="File with the project's key, of ledger and seals.")] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds; what is not decided by then has failed.")] = 60.0,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON to this file. It stays inside.")] = None,
) -> None:
    """Try to find out from a release what it must not tell; exit with 1 when something was found."""
    from rich.console import Console

    from primum.cli_progress import progress
    from primum.release.assault import assault

    if out is not None and out.exists():
        raise PrimumError(f"'{out}' is there already; it was left as it is.", mend="choose another name with --out")
    if out is not None and out.resolve().is_relative_to(release.resolve()):
        raise PrimumError(
            f"'{out}' lies in the release.", mend="what the attack found stays inside: write it elsewhere"
        )
    with progress(Console(stderr=True)) as watch:
        watch.chapter("attack")
        found = assault(
            release, ledger=ledger, earlier=earlier or (), time_limit=time_limit, progress=watch, key=_key(key_file)
        )
        watch.done("attack")
    for line in found.lines():
        typer.echo(line)
    if out is not None:
        import json

        out.write_text(json.dumps(found.dump(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"written:  {out}")
    if not found.passed:
        raise typer.Exit(PINNED)


def _key(path: Path | None) -> bytes | None:
    """Return the project's key from its file.

    Raises
    ------
    PrimumError
        If there is no such file.
    """
    if path is None:
        return None
    if not path.is_file():
        raise PrimumError(
            f"There is no key file '{path}'.", expected="the file that the project's releases were made with"
        )
    return path.read_bytes().strip()
