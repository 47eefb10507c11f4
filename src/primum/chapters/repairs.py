"""The laboratory of repairs: each is fitted on some people, and judged on others whom nobody had looked at."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.chapters.repair_judged import Judge, frontier, ledger, overall, told, walked
from primum.chapters.repair_measured import Version, of_rows, performance
from primum.chapters.repair_people import Parts, three_parts
from primum.chapters.scored import score_of, threshold
from primum.check.advice import advice
from primum.check.repairs import failed_finding, repair_findings
from primum.cohort.split import clusters
from primum.errors import PrimumError
from primum.usecase_repair import COMPARATORS, TRAINED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.usecase import Repair

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bench:
    """The model in use, ready to be repaired.

    Attributes
    ----------
    parts
        Who trains, mends and certifies.
    estimator
        The model, fitted on those who train (or brought along).
    x
        What it takes, shape (people, columns).
    cut
        Threshold of its decision.
    """

    parts: Parts
    estimator: Any
    x: npt.NDArray[np.float64]
    cut: float


def repairs_chapter(
    run: Run,
    cohort: Cohort,
    *,
    estimators: Mapping[str, Any],
    base: Path | None,
    trust_pickle: bool,
    progress: Progress,
) -> list[Finding]:
    """Try every declared repair, certify or refuse it, keep the chapter and the certificates, return the findings."""
    usecase = run.usecase
    bench = _bench(run, cohort, estimators, base, trust_pickle=trust_pickle)
    held = bench.parts.certify
    people = of_rows(cohort, held)
    risk = bench.estimator.predict_proba(bench.x[held])[:, 1]
    before = Version(usecase.primary.name, risk, (risk >= bench.cut).astype(np.int64))
    judge = Judge.of(usecase, people, before, bench.cut)
    rows = performance(usecase, people, usecase.primary, before, bench.cut)
    tried: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for i, repair in enumerate(usecase.repairs):
        progress.step(i, len(usecase.repairs), repair.name)
        entry: dict[str, Any] = {
            "name": repair.name, "method": repair.method, "by": repair.by, "description": repair.description,
            "comparator": repair.method in COMPARATORS, "failed": "",
        }  # fmt: skip
        try:
            fitted = _fitted(repair, bench, cohort, usecase.seed)
            after = _version(repair, fitted, bench, cohort)
        except (PrimumError, ValueError, np.linalg.LinAlgError) as error:  # told in the report; the others go on
            why = error.what if isinstance(error, PrimumError) else f"it failed on these data ({error})."
            tried.append(entry | {"failed": why})
            findings.append(failed_finding(repair.name, before.name, why))
            continue
        change = judge.change(after, fitted)
        certificate = judge.certificate(change)
        issued = {"plan": run.plan.hash, "date": run.plan.created[:10]}
        walk = walked(judge, change, **issued) if repair.walk and not certificate.granted else None
        entries = ledger(judge, change)
        said = advice(certificate, walk=walk, ledger=entries, comparator=bool(entry["comparator"]))
        entry |= {
            "learnt": fitted.describe(),
            "cost_without_group": getattr(fitted, "cost_without_group", ""),
            **told(certificate, **issued),
            "overall": overall(judge, change),
            "walk": walk,
            "ledger": entries,
            "frontier": frontier(judge, change),
            "advice": said,
        }
        tried.append(entry)
        run.keep_certificate(repair.name, entry["certificate"])
        rows += performance(usecase, people, usecase.primary, after, bench.cut)
        findings += repair_findings(repair.name, before.name, certificate, said)
    progress.step(len(usecase.repairs), len(usecase.repairs), "judged")
    outcome = cohort.outcome
    assert usecase.no_harm is not None
    run.keep_chapter(
        "repairs",
        {
            "model": before.name,
            "cut": bench.cut,
            "people": {
                key: int(v)
                for part in ("train", "fix", "certify")
                for where in [getattr(bench.parts, part)]
                for key, v in ((part, where.size), (f"{part}_events", outcome[where].sum()))
            },
            "no_harm": usecase.no_harm.model_dump(mode="json"),
            "utility": {
                "name": judge.utility.name, "words": judge.utility.words, "among": judge.utility.among,
            },
            "performance": rows,
            "repairs": tried,
        },
    )  # fmt: skip
    return findings


def _bench(run: Run, cohort: Cohort, estimators: Mapping[str, Any], base: Path | None, *, trust_pickle: bool) -> Bench:
    usecase, model = run.usecase, run.usecase.primary
    assert usecase.no_harm is not None
    if model.scale != "probability":
        raise PrimumError(
            f"The primary model '{model.name}' gives points, and repairs need a probability.",
            expected="a model whose score is the risk of the outcome, from 0 to 1",
            mend="calibrate the points first and audit the risk, or leave 'repairs' out",
        )
    if model.train is None:
        from primum.mitigate.base import GivenScore

        score = score_of(model, cohort, None, run, estimators, base, trust_pickle=trust_pickle)[0]
        known = np.isfinite(score)
        parts = three_parts(cohort, held_out=usecase.no_harm.held_out, trained=False, seed=usecase.seed, known=known)
        cut = threshold(usecase, model, score[parts.fix], _some(cohort.weight, parts.fix))
        return Bench(parts, GivenScore(), np.nan_to_num(score)[:, None], cut)
    from primum.learn.prepare import encode
    from primum.learn.trained import Trained

    parts = three_parts(
        cohort, held_out=usecase.no_harm.held_out, trained=True, seed=usecase.seed,
        known=np.ones(cohort.n, dtype=bool),
    )  # fmt: skip
    matrix = encode(cohort.features)
    estimator = Trained(model.train, tuple(matrix.names), matrix.levels, seed=usecase.seed % 2**31)
    t = parts.train
    estimator.fit(matrix.values[t], cohort.outcome[t], sample_weight=_some(cohort.weight, t))
    cut = threshold(
        usecase, model, estimator.predict_proba(matrix.values[parts.fix])[:, 1], _some(cohort.weight, parts.fix)
    )
    return Bench(parts, estimator, matrix.values, cut)


def _fitted(repair: Repair, bench: Bench, cohort: Cohort, seed: int) -> Any:
    """Return the repair, fitted on those who train (if it trains) or mend."""
    from sklearn.base import clone

    from primum.mitigate.catalogue import build

    anew = repair.method in TRAINED
    rows = bench.parts.train if anew else bench.parts.fix
    unfitted = build(
        repair.method,
        clone(bench.estimator) if anew else bench.estimator,
        threshold=bench.cut,
        prefit=not anew,
        settings=repair.settings,
        seed=seed % 2**31,
    )
    own: dict[str, Any] = {} if cohort.weight is None else {"sample_weight": cohort.weight[rows]}
    together = clusters(cohort.person, cohort.family)
    if together is not None and "cluster" in signature(unfitted.fit).parameters:
        own["cluster"] = together[rows]
    return unfitted.fit(bench.x[rows], cohort.outcome[rows], group=_members(cohort, repair, rows), **own)


def _version(repair: Repair, fitted: Any, bench: Bench, cohort: Cohort) -> Version:
    held = bench.parts.certify
    group = _members(cohort, repair, held)
    risk = np.asarray(fitted.predict_proba(bench.x[held], group=group)[:, 1], dtype=np.float64)
    return Version(repair.name, risk, np.asarray(fitted.predict(bench.x[held], group=group), dtype=np.int64))


def _members(cohort: Cohort, repair: Repair, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
    return cohort.groups[rows].select(repair.by)


def _some(values: Scores | None, rows: npt.NDArray[np.int64]) -> Scores | None:
    return None if values is None else values[rows]
