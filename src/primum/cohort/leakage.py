"""Signs that a model may know the answer: shared people, copied rows, the outcome in disguise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from primum.cohort.columns import label

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.usecase import UseCase

DISGUISE = 0.99
FEWEST = 5
Row = dict[str, Any]


def leakage(cohort: Cohort, usecase: UseCase, folds: np.ndarray[Any, Any] | None = None) -> list[Row]:
    """Return what was found, one row each: `check, title, what, columns, severity`.

    `severity` is "problem" (results cannot be trusted until it is mended), "warning" (look at it) or "note".
    An empty list means that every check ran and found nothing. `folds` (n,) are those of the cross-fitting,
    if there are any.
    """
    rows: list[Row] = []
    if folds is not None:
        rows += _shared(cohort, folds)
    rows += _copies(cohort)
    rows += _sources(cohort, usecase)
    told = {column for row in rows if row["check"] == "outcome source" for column in row["columns"]}
    rows += [row for name in cohort.features.columns if name not in told for row in _disguise(cohort, name)]
    return rows


def auroc_alone(outcome: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> float:
    """Return the AUROC of one number, ties counted half (Mann-Whitney); NaN with one class."""
    positives = int(outcome.sum())
    negatives = outcome.size - positives
    if not positives or not negatives:
        return float("nan")
    _, rank, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    won = middle[rank][outcome == 1].sum() - positives * (positives + 1) / 2
    return float(won / (positives * negatives))


def _row(check: str, title: str, what: str, columns: list[str], severity: str) -> Row:
    return {"check": check, "title": title, "what": what, "columns": columns, "severity": severity}


def _shared(cohort: Cohort, folds: np.ndarray[Any, Any]) -> list[Row]:
    rows = []
    for kind, code in (("person", cohort.person), ("family", cohort.family)):
        if code is None:
            continue
        pairs = np.unique(np.stack([code, folds]), axis=1)
        across = int((np.bincount(pairs[0]) > 1).sum())
        if across:
            what = (
                f"{across:,} {'persons' if kind == 'person' else 'families'} stand on both sides of a fold, "
                "so the model was tested on people it had seen."
            )
            rows.append(_row(f"{kind} in several folds", f"The same {kind} on both sides", what, [], "problem"))
    return rows


def _copies(cohort: Cohort) -> list[Row]:
    if not cohort.features.width:
        return []
    rows = cohort.features.with_columns(pl.Series("outcome ", cohort.outcome))
    distinct = rows.unique().height
    copies = rows.height - distinct
    if not copies:
        return []
    common = distinct < rows.height / 2
    what = f"{copies:,} of {rows.height:,} rows repeat another row in every feature and in the outcome."
    what += (
        " With so few combinations of values this is to be expected."
        if common
        else " If they are the same people, tests on one copy are answered by the other."
    )
    return [_row("duplicated rows", "Rows that repeat", what, [], "note" if common else "warning")]


def _sources(cohort: Cohort, usecase: UseCase) -> list[Row]:
    """Find features from which the outcome, or its truth, was made."""
    parts = {rule.name: list(rule.sum or rule.mean or []) for rule in usecase.derive}
    rows = []
    for tests, name, severity in (
        (usecase.outcome.when, "outcome", "problem"),
        (usecase.outcome.truth or [], "truth", "warning"),
    ):
        found = _expand([test.column for test in tests], parts)
        used = [column for column in cohort.features.columns if column in found]
        used += [
            column
            for column in cohort.features.columns
            if column in parts and column not in found and found & _expand([column], parts)
        ]
        if used:
            whole = f"outcome '{usecase.outcome.name}'" if name == "outcome" else "measured truth"
            what = f"The {whole} is made from {_listed(cohort, used)}, used as features too."
            rows.append(_row(f"{name} source", f"The {name} among the features", what, used, severity))
    return rows


def _expand(columns: list[str], parts: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(columns)
    while todo:
        column = todo.pop()
        if column not in found:
            found.add(column)
            todo += parts.get(column, [])
    return found


def _disguise(cohort: Cohort, name: str) -> list[Row]:
    """Ask whether one feature alone, or its being missing, gives the outcome away."""
    values, y = cohort.features[name], cohort.outcome
    words = label(name, cohort.labels)
    absent = values.is_null().to_numpy()
    rows = []
    if _both(y) and _extreme(pattern := auroc_alone(y, absent.astype(float))):
        what = f"Whether '{words}' is missing gives the outcome away (AUROC alone {pattern:.3f})."
        rows.append(_row("outcome in disguise", "Missing values that tell the outcome", what, [name], "problem"))
    known, seen = values.filter(~values.is_null()), y[~absent]
    if not _both(seen):
        return rows
    text = known.dtype == pl.String
    alone = float("nan") if text else auroc_alone(seen, known.cast(pl.Float64).to_numpy())
    if not _extreme(alone) and (text or known.n_unique() <= 50):
        alone = _share_auroc(known, seen)
    if _extreme(alone):
        what = f"'{words}' alone tells who has the outcome (AUROC {max(alone, 1 - alone):.3f})."
        rows.append(_row("outcome in disguise", "A feature that is the outcome in disguise", what, [name], "problem"))
    return rows


def _share_auroc(values: pl.Series, outcome: np.ndarray[Any, Any]) -> float:
    """Return the AUROC of the share of events by value, learnt on one half and tested on the other.

    Out of sample, because with 10,000 values the shares of a sample always seem to know the outcome.
    """
    code = values.rank("dense").cast(pl.Int64).to_numpy() - 1
    half = np.zeros(outcome.size, dtype=np.int64)
    rng = np.random.default_rng([20260101, 2])
    for kind in (0, 1):  # stratified, so that both halves hold events
        who = rng.permutation(np.flatnonzero(outcome == kind))
        half[who[: who.size // 2]] = 1
    parts = []
    for tested in (0, 1):
        learn, test = half != tested, half == tested
        events = np.bincount(code[learn], weights=outcome[learn], minlength=int(code.max()) + 1)
        people = np.bincount(code[learn], minlength=events.size)
        share = (events + outcome[learn].mean()) / (people + 1)
        parts.append(auroc_alone(outcome[test], share[code[test]]))
    return float(np.mean(parts))


def _both(outcome: np.ndarray[Any, Any]) -> bool:
    positives = int(outcome.sum())
    return positives >= FEWEST and outcome.size - positives >= FEWEST and outcome.size >= 4 * FEWEST


def _extreme(value: float) -> bool:
    return value > DISGUISE or value < 1 - DISGUISE


def _listed(cohort: Cohort, columns: list[str]) -> str:
    return ", ".join(f"'{label(column, cohort.labels)}'" for column in columns)
