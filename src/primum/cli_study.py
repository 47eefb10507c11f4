"""`primum study`: how bias in a record travels into models, over local workers, resumable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from primum.errors import PrimumError


def register(app: typer.Typer, told: Callable[..., Any]) -> None:
    """Add the command to the command line; `told` explains what stops it."""
    app.command()(told(study))


def study(
    name: Annotated[str | None, typer.Argument(help="A built-in study (see --list) or a YAML file.")] = None,
    *,
    out: Annotated[Path | None, typer.Option(help="Folder of the study; studies/NAME if left out.")] = None,
    workers: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Data of a study's use case, instead of its own.")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds, instead of the study's own number.")] = None,
    people: Annotated[int | None, typer.Option(help="Simulated people a seed, instead of the study's own.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the built-in studies.")] = False,
) -> None:
    """Follow bias in a record through uncorrected and corrected models, judged on the record and on the truth."""
    from primum.stress.study_file import builtin_studies, load_study

    if list_:
        for known, title in builtin_studies().items():
            typer.echo(f"{known:<22} {title}")
        return
    if name is None:
        raise PrimumError("No study was named.", available=list(builtin_studies()), mend="primum study NAME --out DIR")
    from rich.console import Console

    from primum.cli_progress import progress
    from primum.report.study import render_study
    from primum.stress.study import run_study

    asked: Any = name
    if seeds is not None or people is not None:
        asked = _changed(load_study(name), seeds, people)
    with progress(Console(stderr=True)) as watch:
        run = run_study(asked, out=out, workers=workers, data=data, base=Path(name).parent, progress=watch)
        watch.chapter("report")
        page = render_study(run)
        watch.done("report")
    for line in _said(run):
        typer.echo(line)
    typer.echo(f"study:  {run.path}")
    typer.echo(f"report: {page}")


def _changed(asked: Any, seeds: int | None, people: int | None) -> Any:
    """Return the study with another number of seeds or simulated people, checked again."""
    from pydantic import ValidationError

    from primum.stress.specification import Study

    plain = asked.dump()
    if seeds is not None:
        plain["seeds"] = seeds
    if people is not None:
        kind = next((k for k in ("registry", "recipe") if plain["population"].get(k) is not None), None)
        if kind is None:
            raise PrimumError("--people is for simulated people; this study has real ones.", mend="leave it out")
        plain["population"][kind]["people"] = people
    try:
        return Study.model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise PrimumError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _said(run: Any) -> list[str]:
    """Return the study in a few lines: the uncorrected model's sensitivity at the greatest dose, twice."""
    from primum.report.views.study import in_short

    return [f"- {line}" for line in in_short(run)]
