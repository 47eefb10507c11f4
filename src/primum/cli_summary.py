"""What an audit found, in the few lines that fit on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from primum.finding import Estimate, Finding, Verdict
from primum.usecase import OVERALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

ROWS = 12
FIRST = (Verdict.HARM, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)


def summary(findings: Sequence[Finding], console: Console) -> None:
    """Print the most important findings: harm first, then what could not be told.

    With several models, the table is about the primary one, which comes first; the counts below it are about all.
    """
    from rich.markup import escape
    from rich.table import Table

    weight = {v: i for i, v in enumerate(FIRST)}
    models = list(dict.fromkeys(f.model for f in findings if f.model))
    ranked = sorted(
        (f for f in findings if f.model in {"", *models[:1]} and f.verdict is not Verdict.NOT_APPLICABLE and _tells(f)),
        key=lambda f: weight.get(f.verdict, len(weight)),
    )
    counts = {v: sum(f.verdict is v for f in findings) for v in Verdict}
    title = f"What was found about the model '{models[0]}'" if models else "What was found"
    table = Table(title=escape(title), title_justify="left", box=None, pad_edge=False)
    for column in ("group", "metric", "difference", "verdict"):
        table.add_column(column, justify="right" if column == "difference" else "left", overflow="fold")
    for finding in ranked[:ROWS]:
        parts = (finding.group,) if finding.attribute == OVERALL else (finding.attribute, finding.group)
        group = " ".join(part for part in parts if part)
        against = f" vs {finding.comparator}" if finding.comparator else ""
        more = f" (needs {finding.more_events:,} more {finding.more_kind})" if finding.more_events else ""
        cells = (group + against, finding.metric or finding.title, interval(finding.estimate))
        table.add_row(*map(escape, cells), escape(f"{finding.verdict}{more}"))
    console.print(table)
    told = ", ".join(f"{n} {v}" for v, n in counts.items() if n) or "no findings"
    audited = [m for m in models if not any(f.check == "PRM-H02" and f.model == m for f in findings)]
    if len(audited) > 1 or len(models) > len(audited):
        told = f"All {len(audited)} models{' and their repairs' if len(models) > len(audited) else ''}: {told}"
    hidden = len(findings) - min(len(ranked), ROWS)
    for finding in findings:
        if finding.check == "PRM-H02":
            console.print(f"Repair '{finding.model}': {finding.words}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{told}" + (f"; {hidden} more rows are in the report" if hidden > 0 else ""),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def interval(estimate: Estimate) -> str:
    """Return a difference as `-0.12 [-0.17, -0.06]`; a dash where there is none."""
    if not estimate.ok:
        return "–"
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"{estimate.value:+.2f}"
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"


def _tells(f: Finding) -> bool:
    """Whether a finding belongs in the short table: a check of the data that found nothing does not."""
    return f.margin is not None or f.verdict is not Verdict.NO_HARM
