"""`primum power`: how many cases each group needs, asked before any data are collected."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primum.errors import PrimumError


def power(
    usecase: Annotated[str, typer.Argument(help="A built-in use case (see `primum list`) or a YAML file.")],
    *,
    prevalence: Annotated[float, typer.Option(help="Expected share with the outcome, between 0 and 1.")],
    expect: Annotated[
        list[str] | None, typer.Option(help="What the comparator is expected to reach, e.g. sensitivity=0.8.")
    ] = None,
    power: Annotated[float, typer.Option(help="Chance of showing a shortfall as large as the margin.")] = 0.8,
) -> None:
    """Tell how many cases, and people, each group needs for the declared margins and precision."""
    from rich.console import Console
    from rich.table import Table

    from primum.measure.need import needs
    from primum.usecase_file import load

    for name, value in (("prevalence", prevalence), ("power", power)):
        if not 0 < value < 1:
            raise PrimumError(f"--{name} {value:g} is not a share.", expected="a number between 0 and 1")
    question = load(usecase)
    rows = needs(question, prevalence, _expected(expect or []), power=power)
    table = Table(title=f"What each group needs — {question.title}", title_justify="left")
    for heading in ("metric", "to show", "expected", "of whom", "needed", "people in all"):
        table.add_column(heading, justify="right" if heading in {"expected", "needed", "people in all"} else "left")
    for r in rows:
        table.add_row(r["metric"], r["purpose"], _number(r["expected"]), r["kind"], _whole(r["n"]), _whole(r["people"]))
    console = Console()
    console.print(table)
    console.print(
        f"For one group, at a prevalence of {prevalence:g}, power {power:g}, level {question.level:g}. "
        "Normal approximations: "
        "add a margin for small groups. Every group needs the same, so the rarest decides how many people to recruit. "
        "'shortfall 0.1 v …': to tell a shortfall as large as the declared margin from chance."
    )


def _expected(given: list[str]) -> dict[str, float]:
    from primum.errors import unknown
    from primum.usecase import METRIC_IDS

    found = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in METRIC_IDS:
            raise unknown("metric", name, METRIC_IDS)
        try:
            found[name] = float(value)
        except ValueError:
            raise PrimumError(
                f"--expect {text} has no number.", expected="METRIC=VALUE, e.g. sensitivity=0.8"
            ) from None
        if not 0 < found[name] < 1:
            raise PrimumError(f"--expect {text} is not between 0 and 1.", expected="METRIC=VALUE, e.g. sensitivity=0.8")
    return found


def _number(value: Any) -> str:
    return "" if value is None else f"{value:g}"


def _whole(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
