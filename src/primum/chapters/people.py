"""The people and the record: who is audited, and how the outcome was written down."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from primum.check.record import nothing_to_compare, record_findings, record_rows
from primum.cohort.describe import table_one
from primum.cohort.leakage import leakage
from primum.cohort.missingness import missingness
from primum.cohort.representativeness import representativeness
from primum.tally.moment import count_moments

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.cohort.table import Table
    from primum.execute.run import Run
    from primum.finding import Finding


def people_chapter(run: Run, cohort: Cohort, table: Table, parts: Any) -> None:
    """Keep the chapter of the people: flow, Table 1, missing values, leakage, representativeness."""
    run.keep_chapter(
        "people",
        {
            "source": table.source,
            "labels": cohort.labels,
            "n": cohort.n,
            "events": cohort.events,
            "flow": [asdict(s) for s in cohort.flow],
            "table_one": table_one(cohort, run.usecase),
            "missingness": missingness(cohort, run.usecase),
            "leakage": leakage(cohort, run.usecase, parts),
            "representativeness": representativeness(cohort, run.usecase),
            "missing_codes": cohort.missing_codes,
            "unrecorded": cohort.unrecorded,
            "notes": cohort.notes,
        },
    )


def record_chapter(run: Run, cohort: Cohort) -> list[Finding]:
    """Keep the chapter of the record, and return its findings: who truly has the outcome and is not recorded."""
    outcome = run.usecase.outcome
    rows: list[dict[str, Any]] = []
    findings: list[Finding] = []
    if cohort.truth is None:
        findings.append(nothing_to_compare())
    else:
        truly = pl.Series(cohort.truth == 1)
        frame = cohort.groups.with_columns(pl.Series("recorded ", cohort.outcome)).filter(truly)
        rows += record_rows(count_moments(frame, ["recorded "]), "overall")
        for group in run.usecase.groups:
            tally = count_moments(frame, ["recorded "], [group.title]).order(cohort.levels[group.title])
            rows += record_rows(tally, group.title)
            findings += record_findings(tally, group.title, outcome.unrecorded_margin)
    run.keep_chapter(
        "record",
        {
            "recorded_by": outcome.recorded_by,
            "truth_name": outcome.truth_name,
            "rows": rows,
            "unrecorded": cohort.unrecorded,
        },
    )
    return findings
