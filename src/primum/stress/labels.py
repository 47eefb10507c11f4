"""Which published metric survives a biased record, and which lies: measured in a study, beside what theory says."""

from __future__ import annotations

import polars as pl

from primum.measure.recording_trust import TRUST
from primum.stress.arms import UNCORRECTED
from primum.stress.dose_response import KEYS, over_seeds
from primum.stress.judging import EVERYONE, METRIC_NAMES, RECORD, TRUTH
from primum.stress.specification import Study

SURVIVES, LOW, HIGH, UNSHOWN = "survives", "too low", "too high", "not shown"
HALF, EITHER = "pulled to one half", "either way"
AGREES, CONTRADICTS, OPEN, SILENT = "agrees", "contradicts", "not shown", "no claim"


def drift(study: Study, table: pl.DataFrame) -> pl.DataFrame:
    """Return record − truth of every metric: a row a bias, dose above 0, arm, group and metric.

    Columns: mean, low, high and seeds of the difference (taken within each seed), `truth` (the mean on the truth),
    `measured` ("survives" where the limits lie within ± the study's tolerance, "too low" and "too high" where they
    leave out 0 on one side, else "not shown"), `expected` (the effect in the table of trust, "" where the bias
    follows none of its lines) and `verdict` ("agrees", "contradicts", "not shown", "no claim").

    Not valid as a test of the theory where the decision tells more about the record than the outcome does, as when
    a feature influences who is recorded: the difference is then a finding about that bias.
    """
    wide = table.filter(pl.col("dose") > 0, pl.col("metric").is_in(METRIC_NAMES)).pivot(
        "judged_on", index=[k for k in KEYS if k != "judged_on"], values="value", aggregate_function="first"
    )
    wide = wide.with_columns((pl.col(RECORD) - pl.col(TRUTH)).alias("value"))
    by = [k for k in KEYS if k not in {"seed", "judged_on"}]
    found = over_seeds(wide, by, study.level)
    truth = wide.group_by(by).agg(pl.col(TRUTH).mean().alias("truth"))
    found = found.join(truth, on=by, how="left")
    lines = {(t.metric, t.error): t.effect for t in TRUST}
    errors = {b.name: b.error for b in study.biases}
    expected = [lines.get((m, errors[b] or ""), "") for b, m in zip(found["bias"], found["metric"], strict=True)]
    rows = found.with_columns(pl.Series("expected", expected, dtype=pl.String)).rows(named=True)
    measured = [_measured(r["low"], r["high"], study.tolerance) for r in rows]
    verdicts = [_verdict(r["expected"], r["low"], r["high"], r["truth"], study.tolerance) for r in rows]
    return pl.DataFrame(rows, schema_overrides={"low": pl.Float64, "high": pl.Float64}).with_columns(
        pl.Series("measured", measured, dtype=pl.String), pl.Series("verdict", verdicts, dtype=pl.String)
    ).sort(by)  # fmt: skip


def living_check(study: Study, drifts: pl.DataFrame, *, arm: str = UNCORRECTED) -> pl.DataFrame:
    """Return the table of trust as this study measured it: the greatest dose, one arm, every group but everyone.

    Everyone together is left out: where groups differ in recording, the table speaks of each group alone.
    """
    top = max(study.doses)
    return drifts.filter(
        pl.col("dose") == top, pl.col("arm") == arm, pl.col("group") != EVERYONE
    ).sort("bias", "metric", "group")  # fmt: skip


def _measured(low: float | None, high: float | None, tolerance: float) -> str:
    if low is None or high is None:
        return UNSHOWN
    if -tolerance <= low and high <= tolerance:
        return SURVIVES
    return LOW if high < 0 else HIGH if low > 0 else UNSHOWN


def _verdict(expected: str, low: float | None, high: float | None, truth: float | None, tolerance: float) -> str:
    if expected in {"", EITHER}:
        return SILENT
    if low is None or high is None:
        return OPEN
    if expected == SURVIVES:
        if -tolerance <= low and high <= tolerance:
            return AGREES
        return CONTRADICTS if low > tolerance or high < -tolerance else OPEN
    up = expected == HIGH or (expected == HALF and (truth or 0.0) < 0.5)
    below, above = (low, high) if up else (-high, -low)
    return AGREES if below > 0 else CONTRADICTS if above < 0 else OPEN
