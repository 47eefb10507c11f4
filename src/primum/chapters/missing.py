"""What is missing, and for whom: the gaps, what they say, what could be done, and what happens without an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.chapters.missing_audit import (
    bound_rows,
    gap_rows,
    groups_of,
    lost_rows,
    membership_rows,
    predicted_by_gaps,
)
from primum.chapters.missing_compared import Bench, Compared, compared
from primum.chapters.missing_shifted import shift_rows
from primum.chapters.scored import linked, score_of, threshold
from primum.check.missing import missing_findings
from primum.cohort.split import clusters, folds
from primum.errors import PrimumError
from primum.learn.impute.crossfit import CrossFitted
from primum.learn.impute.strategies import OWN
from primum.learn.prepare import Matrix, encode
from primum.stress.missing import Loss, changes, losses, without
from primum.tally.paired import count_pairs

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.usecase_missing import Missing

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]
PARTS, SEED_STEP = 3, 91
NO_INPUTS = "the score was brought along as a column: what it would have been without an input cannot be known from it"
NO_FEATURES = "no features are named in the use case, so there is nothing to look for gaps in"
FAIL = "it gives no score without this input"


def missing_chapter(
    run: Run,
    cohort: Cohort,
    declared: Missing,
    *,
    estimators: Mapping[str, Any],
    base: Path | None,
    trust_pickle: bool,
    progress: Progress,
) -> list[Finding]:
    """Audit gaps, compare the declared strategies, take inputs away, and return the findings.

    Raises
    ------
    PrimumError
        If a strategy, a column or a block is declared that does not exist, or people are too few to train on.
    """
    usecase = run.usecase
    told: Row = {
        "declared": declared.model_dump(mode="json"), "n": cohort.n, "events": cohort.events, "few": declared.few,
        "model": usecase.primary.name, "threshold": None, "weighted": cohort.weight is not None,
        "linked": linked(usecase, cohort) is not None, "inputs_why": "", "gaps": [], "columns": [],
    }  # fmt: skip
    told["membership"] = membership_rows(usecase, cohort, declared.few)
    tally = run.tallies.get(usecase.primary.name)
    if tally is not None and tally.grid.thresholds:
        told["bounds"] = bound_rows(usecase, tally, _declared_cut(run, tally.grid.thresholds))
    if not cohort.features.width:
        run.keep_chapter("missing", told | {"inputs_why": NO_FEATURES})
        return missing_findings(told, usecase.primary.name)
    matrix = encode(cohort.features)
    columns = _columns(declared, matrix)
    part = folds(cohort.outcome, clusters(cohort.person, cohort.family), PARTS, usecase.seed + SEED_STEP)
    told["columns"] = columns
    told["gaps"] = gap_rows(usecase, cohort, matrix, columns, declared.few)
    told["predicts"] = predicted_by_gaps(usecase, cohort, matrix, part)
    gone = np.isnan(matrix.values)
    told["complete"] = lost_rows(usecase, cohort, ~gone.any(axis=1), declared.few)
    kind = declared.learner or usecase.primary.train or "logistic"
    bench = Bench(usecase, cohort, declared, matrix, part, kind, columns)
    own: CrossFitted | None = None
    if declared.strategies:
        found = compared(bench, lambda i, n, name: progress.step(i, n + 1, name))
        told |= _of(found)
        own = found.own if kind == (usecase.primary.train or "") else None
        if found.drawn is not None:
            chosen, fitted = found.drawn
            told["shifts"], told["tipping"] = shift_rows(bench, chosen, fitted)
            told["shifted_with"] = chosen.name
    progress.step(len(declared.strategies) + 1, len(declared.strategies) + 2, "without an input")
    told |= _inputs(run, bench, own, estimators, base, trust_pickle=trust_pickle)
    progress.step(len(declared.strategies) + 2, len(declared.strategies) + 2, "told")
    run.keep_chapter("missing", told)
    return missing_findings(told, usecase.primary.name)


def _of(found: Compared) -> Row:
    return {
        "strategies": found.strategies, "performance": found.performance, "against_own": found.against_own,
        "masking": found.masking, "weights": found.weights,
    }  # fmt: skip


def _columns(declared: Missing, matrix: Matrix) -> list[str]:
    """Return the features to look at: those declared, or all with a gap, most gaps first."""
    gaps = dict(zip(matrix.names, np.isnan(matrix.values).sum(axis=0).tolist(), strict=True))
    wanted = declared.columns or [name for name in matrix.names if gaps[name]]
    strange = [c for c in wanted if c not in gaps]
    if strange:
        raise PrimumError(f"'{strange[0]}' is no feature.", available=matrix.names)
    return sorted(wanted, key=lambda c: -gaps[c])


def _declared_cut(run: Run, thresholds: tuple[float, ...]) -> float:
    listed = run.chapters.get("models", {}).get("models", [])
    own = next((m["threshold"] for m in listed if m["name"] == run.usecase.primary.name), None)
    return float(thresholds[0] if own is None else own)


def _inputs(
    run: Run, bench: Bench, own: CrossFitted | None, estimators: Mapping[str, Any], base: Path | None, *,
    trust_pickle: bool,
) -> Row:  # fmt: skip
    """Take each input, and each block, away from everybody at prediction, and return what changes for each group."""
    model, cohort, matrix = run.usecase.primary, bench.cohort, bench.matrix
    if model.score is not None and model.name not in estimators:
        return {"inputs": [], "inputs_why": NO_INPUTS}
    all_ = losses(bench.declared.columns or matrix.names, bench.declared.blocks, matrix.names)
    score: Callable[[Loss | None], Floats]
    if model.train is not None and model.name not in estimators:
        fitted = own or replace(bench, kind=model.train).fitted(OWN)
        first = fitted.score[0]

        def score(loss: Loss | None) -> Floats:
            return first if loss is None else fitted.rescored(without(matrix.values, matrix.names, loss), None)
    else:

        def score(loss: Loss | None) -> Floats:
            return score_of(
                model, cohort if loss is None else _blanked(cohort, loss), None, run, estimators, base,
                trust_pickle=trust_pickle,
            )[0]  # fmt: skip

    before = score(None)
    cut = threshold(run.usecase, model, before, cohort.weight)
    price = cut if model.scale == "probability" else None
    rows: list[Row] = []
    failed: list[Row] = []
    for loss in all_:
        try:
            after = score(loss)
        except (PrimumError, ValueError, TypeError) as error:  # a model of the user's own may fail in its own way
            why = error.what if isinstance(error, PrimumError) else str(error).strip().splitlines()[0]
            failed.append({"loss": loss.name, "columns": list(loss.columns), "why": why or FAIL})
            continue
        rows += _changed(bench, loss, before, after, cut, price)
    return {"inputs": rows, "inputs_failed": failed, "threshold": cut}


def _blanked(cohort: Cohort, loss: Loss) -> Cohort:
    import polars as pl

    kinds = cohort.features.schema
    return replace(
        cohort, features=cohort.features.with_columns(pl.lit(None, dtype=kinds[c]).alias(c) for c in loss.columns)
    )


def _changed(
    bench: Bench, loss: Loss, before: Floats, after: Floats, cut: float, price: float | None
) -> list[Row]:  # fmt: skip
    y, rows = bench.cohort.outcome, []
    known = np.isfinite(before) & np.isfinite(after)
    for attribute, group, members in groups_of(bench.usecase, bench.cohort):
        own = members & known
        n = count_pairs(y[own], (before >= cut)[own], (after >= cut)[own]).n[0] if own.any() else np.zeros((2, 2, 2))
        rows += [
            {"loss": loss.name, "columns": list(loss.columns), "attribute": attribute, "group": group, "metric": metric,
             "n": int(own.sum()), "events": int(y[own].sum()), "value": value, "low": low, "high": high}
            for metric, (value, low, high) in changes(n, price, level=bench.usecase.level).items()
        ]  # fmt: skip
    return rows
