"""`primum count`, `primum merge` and `primum audit --tally`: what one site counts, another can go on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primum.errors import PrimumError

if TYPE_CHECKING:
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.tally.score import ScoreTally

YAML = {".yaml", ".yml"}


def register(app: typer.Typer, told: Callable[..., Any]) -> None:
    """Add the commands to the command line; `told` explains what stops them."""
    app.command()(told(count))
    app.command()(told(merge))


def count(
    what: Annotated[str, typer.Argument(help="Data file, folder or glob; or a use case, whose scores are counted.")],
    *,
    out: Annotated[Path, typer.Option(help="Tally file to write. With several models, each name is added to it.")],
    outcome: Annotated[str | None, typer.Option(help="Column of 0 and 1.")] = None,
    score: Annotated[str | None, typer.Option(help="Column of risks from 0 to 1.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Column of groups; several with commas, or say it again.")
    ] = None,
    threshold: Annotated[list[float] | None, typer.Option(help="Decision threshold; say it again for more.")] = None,
    weight: Annotated[str | None, typer.Option(help="Column of weights.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Column that says who belongs together.")] = None,
    score_range: Annotated[
        tuple[float, float] | None, typer.Option("--range", help="Lowest and highest points, if not a risk.")
    ] = None,
    exclude_missing: Annotated[
        bool, typer.Option("--exclude-missing", help="Leave out people without a score, and count them.")
    ] = False,
    decisions_only: Annotated[
        bool, typer.Option("--decisions-only", help="Count what is decided at the thresholds and nothing else.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="With a use case: data instead of its own.")] = None,
) -> None:
    """Count rows into a tally file, which holds numbers of people and no rows."""
    columns = (outcome, score, by, threshold, weight, cluster, score_range)
    if _is_use_case(what):
        if any(c is not None for c in columns) or exclude_missing or decisions_only:
            raise PrimumError(
                "A use case says itself what is counted.",
                mend="leave out all options but --data and --out, or give a data file instead of the use case",
            )
        tallies = _of_use_case(what, data)
    else:
        lacking = [f"--{k}" for k, v in {"outcome": outcome, "score": score}.items() if v is None]
        if lacking or data is not None:
            raise PrimumError(
                f"'{what}' is taken for data" + (f", but {' and '.join(lacking)} is not given." if lacking else "."),
                expected="primum count DATA --outcome COLUMN --score COLUMN --by COLUMNS --out FILE, "
                "or primum count USECASE --data DATA --out FILE",
            )
        from primum.cohort.read import read_path
        from primum.tally.count import count as counted

        tally = counted(
            read_path(what).frame,
            outcome=str(outcome),
            score=str(score),
            by=[name.strip() for given in by or [] for name in given.split(",") if name.strip()],
            thresholds=threshold or (),
            weight=weight,
            cluster=cluster,
            score_range=score_range or (0.0, 1.0),
            missing="exclude" if exclude_missing else "refuse",
            decisions_only=decisions_only,
        )
        tallies = [tally]
    for tally, place in zip(tallies, _places(out, tallies), strict=True):
        _keep(tally, place)


def merge(
    tallies: Annotated[list[Path], typer.Argument(help="Tally files of several sites.")],
    *,
    out: Annotated[Path, typer.Option(help="Tally file to write.")],
) -> None:
    """Add tallies of the same score from several sites."""
    from primum.audit_tally import merged
    from primum.tally.file import read

    found = merged([(str(p), read(p)) for p in tallies])
    if len(found) > 1:
        raise PrimumError(
            f"These tallies are of {len(found)} scores: {', '.join(found)}.",
            expected="one score",
            mend="merge the files of each score on their own",
        )
    _keep(next(iter(found.values())), out)


def audit_of_tallies(
    usecase: str, tallies: list[Path], *, data: Path | None, out: Path | None, progress: Progress
) -> Run:
    """Audit from tally files."""
    from primum.audit_tally import audit_tallies

    if data is not None:
        raise PrimumError("An audit goes on from rows or from tallies.", mend="leave out --data or --tally")
    return audit_tallies(usecase, tallies, out=out, progress=progress)


def _is_use_case(what: str) -> bool:
    from primum.usecase_file import builtin

    return Path(what).suffix.lower() in YAML or (what in builtin() and not Path(what).exists())


def _of_use_case(usecase: str, data: Path | None) -> list[ScoreTally]:
    """Return the tallies that an audit of this use case would make, for its models that are score columns."""
    from primum.chapters.scored import tallied
    from primum.cohort.read import read, read_path
    from primum.cohort.select import assemble
    from primum.usecase_file import folder, load

    question = load(usecase)
    scored = [m for m in question.models if m.score is not None]
    if not scored:
        raise PrimumError(
            f"No model of '{question.name}' is a score column.",
            mend="score everybody first and name the column under models: score: …; a model trained here needs rows",
        )
    question = question.model_copy(update={"models": scored})
    table = read_path(data) if data is not None else read(question.data, base=folder(usecase))
    cohort = assemble(question, table)
    at = question.decision.threshold
    # a capacity is turned into a threshold when all sites are added up; until then there is none
    return [
        tallied(question, cohort, m, cohort.scores[m.name], m.limits[0] if at is None else float(at)) for m in scored
    ]


def _places(out: Path, tallies: list[ScoreTally]) -> list[Path]:
    from primum.execute.run import file_name

    if len(tallies) == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{file_name(t.score_name)}{out.suffix}") for t in tallies]


def _keep(tally: ScoreTally, place: Path) -> None:
    from primum.atomic import write_bytes
    from primum.tally.file import to_bytes

    if place.exists():
        raise PrimumError(f"'{place}' is there already; it was left as it is.", mend="choose another name with --out")
    write_bytes(place, to_bytes(tally))
    people, lost = int(tally.n.sum()), sum(tally.left_out.values())
    by = " × ".join(tally.attributes) or "everyone"
    typer.echo(f"tally:  {place}")
    typer.echo(f"        {tally.score_name} against {tally.outcome_name}: {people:,} people by {by}"
               + (f", {lost:,} left out" if lost else ""))  # fmt: skip
