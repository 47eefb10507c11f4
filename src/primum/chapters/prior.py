"""What is known before the data: what each constraint costs, where publications do not fit, what rules do, shapes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.chapters.repair_judged import Judge
from primum.chapters.repair_measured import Version, of_rows
from primum.chapters.scored import linked, score_of, threshold
from primum.check.prior import conflict_findings, price_findings, rule_findings
from primum.cohort.split import clusters, folds
from primum.errors import PrimumError
from primum.learn.prepare import Matrix, encode
from primum.usecase import OVERALL

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.learn.prior.constraints import Constraints
    from primum.learn.prior.published import EffectPrior
    from primum.usecase_prior import Prior

FOLDS, SEED_STEP, MOVED = 3, 57, 1500
Rows = list[dict[str, Any]]
Floats = npt.NDArray[np.float64]


def prior_chapter(
    run: Run,
    cohort: Cohort,
    declared: Prior,
    *,
    estimators: Mapping[str, Any],
    base: Path | None,
    trust_pickle: bool,
    progress: Progress,
) -> list[Finding]:
    """Measure what is declared, keep the chapters "prior" and "shapes", and return the findings.

    Raises
    ------
    PrimumError
        For prior knowledge that contradicts itself, is on the wrong scale, or names what is not there.
    """
    usecase, model = run.usecase, run.usecase.primary
    held, priors = constraints_of(declared), priors_of(declared)  # refuses, before anything is trained
    matrix = encode(cohort.features)
    groups = {c: cohort.groups[c].to_list() for c in cohort.groups.columns}
    told: dict[str, Any] = {"model": model.name, "constraints": held.words(), "folds": FOLDS}
    findings: list[Finding] = []
    models: list[tuple[str, Any, list[str] | None]] = []
    seed = usecase.seed % 2**31
    parts = folds(cohort.outcome, clusters(cohort.person, cohort.family), FOLDS, usecase.seed + SEED_STEP)
    weight = None if cohort.weight is None else cohort.weight / cohort.weight.mean()
    progress.step(0, 4, "constraints")
    if declared.constrained:
        price_rows, broken, models = _constraints(run, cohort, matrix, held, parts, weight, groups)
        told |= {
            "price": price_rows,
            "violations": broken,
            "linked": linked(usecase, cohort) is not None or weight is not None,
        }
        findings += price_findings(price_rows, model.name)
    elif declared.shapes and model.train is not None:
        from primum.learn.prior.constrained import cross_fitted

        found = cross_fitted(model.train, matrix, cohort.outcome, parts, seed=seed, weight=weight)[1]
        models = [(model.name, found, None)]
    progress.step(1, 4, "published effects")
    if priors:
        told |= _published(declared, priors, cohort, matrix)
        findings += conflict_findings(told["conflict"], model.name)
    progress.step(2, 4, "expert rules")
    if declared.rules:
        told["rules"], certificates = _rules(run, cohort, declared, estimators, base, trust_pickle=trust_pickle)
        for name, certificate in certificates:
            findings += rule_findings(name, model.name, certificate)
    progress.step(3, 4, "shapes")
    if declared.shapes and models:
        from primum.learn.prior.shapes import FEW

        shown = [{"name": name, **_shapes(fitted, matrix, cohort, seed, which)} for name, fitted, which in models]
        run.keep_chapter("shapes", {"few": FEW, "models": shown})
    run.keep_chapter("prior", told)
    progress.step(4, 4, "done")
    return findings


def constraints_of(declared: Prior) -> Constraints:
    """Return the declared constraints, checked against each other."""
    from primum.learn.prior.constraints import bounded_effect, constraints

    bounds = [
        bounded_effect(b.feature, b.low, b.high, scale=b.scale, per=b.per, reason=b.reason) for b in declared.bounded
    ]
    return constraints(dict(declared.monotone), bounds, allowed=declared.allowed, forbidden=declared.forbidden)


def priors_of(declared: Prior) -> list[EffectPrior]:
    """Return the published effects on the log odds scale."""
    from primum.learn.prior.published import log_odds_ratio, odds_ratio

    found = []
    for p in declared.published:
        if p.odds_ratio is not None:
            assert p.low is not None
            assert p.high is not None
            found.append(odds_ratio(p.feature, p.odds_ratio, p.low, p.high, level=p.level, per=p.per, source=p.source))
        else:
            assert p.coefficient is not None
            found.append(
                log_odds_ratio(
                    p.feature, p.coefficient, se=p.se, low=p.low, high=p.high, level=p.level, per=p.per, source=p.source
                )
            )
    return found


def _constraints(
    run: Run, cohort: Cohort, matrix: Matrix, held: Constraints, parts: Any, weight: Floats | None, groups: Any
) -> tuple[Rows, Rows, list[tuple[str, Any, list[str] | None]]]:
    from primum.learn.prior.constrained import twins
    from primum.learn.prior.price import price
    from primum.learn.prior.violations import violations

    usecase, model = run.usecase, run.usecase.primary
    if model.train is None:
        raise PrimumError(
            f"Constraints need a model that is trained here, and '{model.name}' is not.", expected="train: …"
        )
    seed = usecase.seed % 2**31
    found = twins(model.train, matrix, cohort.outcome, parts, held, seed=seed, weight=weight)
    cut = threshold(usecase, model, found.free, cohort.weight)
    rows = price(cohort.outcome, found.free, found.held, groups, threshold=cut, seed=seed)
    one = found.free_models[0]
    broken = violations(
        lambda x: one.predict_proba(x)[:, 1], matrix.values, matrix.names, held.monotone, groups, most=MOVED, seed=seed
    )
    under = (f"{model.name} under the constraints", found.held_models, list(held.features) or None)
    return rows, broken, [(model.name, found.free_models, None), under]


def _published(declared: Prior, priors: list[EffectPrior], cohort: Cohort, matrix: Matrix) -> dict[str, Any]:
    """Return conflict rows (one set an attribute) and what each effect became, among people with complete features."""
    from primum.learn.prior.conflict import prior_conflict
    from primum.learn.prior.prior_logistic import PriorLogistic

    names = list(dict.fromkeys([*(p.feature for p in priors), *declared.adjusted_for]))
    categories = [n for n in names if n in matrix.levels]
    if categories:
        raise PrimumError(
            f"'{categories[0]}' holds categories; a published effect is per unit of a number.",
            expected="a feature of numbers, 0 and 1 for yes and no",
            mend=f"derive a column that is 1 where '{categories[0]}' has the level that the publication speaks of",
        )
    x = matrix.values[:, [matrix.names.index(n) for n in names]]
    whole = ~np.isnan(x).any(axis=1)
    x, y = x[whole], cohort.outcome[whole]
    w = None if cohort.weight is None else cohort.weight[whole]
    rows: Rows = []
    for i, attribute in enumerate(cohort.groups.columns):
        labels = cohort.groups[attribute].to_numpy()[whole]
        found = prior_conflict(x, y, priors, group=labels, names=names, widen=declared.widen, sample_weight=w)
        everyone = [{**r, "attribute": OVERALL} for r in found if r["group"] == OVERALL and i == 0]
        rows += everyone + [{**r, "attribute": attribute} for r in found if r["group"] != OVERALL]
    rows.sort(key=lambda r: names.index(r["feature"]))  # stable: everyone first, then attribute by attribute
    fit = PriorLogistic(priors, names=names, widen=declared.widen).fit(x, y, sample_weight=w)
    return {"conflict": rows, "effects": fit.describe(), "complete": int(whole.sum()), "people": cohort.n}


def _rules(
    run: Run, cohort: Cohort, declared: Prior, estimators: Mapping[str, Any], base: Path | None, *, trust_pickle: bool
) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """Certify the rules together, on cross-fitted (or brought) scores: rules learn nothing from these people."""
    from primum.certify.document import to_document
    from primum.learn.prior.expert_rules import ExpertRules, KnownRisks
    from primum.learn.prior.rules import rule

    usecase, model = run.usecase, run.usecase.primary
    if usecase.no_harm is None:
        raise PrimumError("Expert rules are certified by what no group may lose.", expected="no_harm in the use case")
    parts = folds(cohort.outcome, clusters(cohort.person, cohort.family), usecase.folds, usecase.seed)
    score = score_of(model, cohort, parts, run, estimators, base, trust_pickle=trust_pickle)[0]
    known = np.flatnonzero(np.isfinite(score))
    people, risk = of_rows(cohort, known), score[known]
    cut = threshold(usecase, model, risk, people.weight)
    found = [
        rule(r.name, r.when, at_least=r.at_least, at_most=r.at_most, select=r.select, reason=r.reason)
        for r in declared.rules
    ]
    fit = ExpertRules(KnownRisks(risk), rules=found, threshold=cut, prefit=True)
    fit.fit(people.features, people.outcome, group=people.groups[people.groups.columns[0]])
    decision = fit.predict(people.features)
    judge = Judge.of(usecase, people, Version(model.name, risk, (risk >= cut).astype(np.int64)), cut)
    after = Version("with expert rules", fit.predict_proba(people.features)[:, 1], decision)
    certificate = judge.certificate(judge.change(after, fit))
    document = to_document(certificate)
    run.keep_certificate("expert rules", document)
    told = fit.describe() | {"granted": certificate.granted, "cut": cut, "certificate": document}
    return told, [("expert rules", certificate)]


def _shapes(fitted: Any, matrix: Matrix, cohort: Cohort, seed: int, which: list[str] | None) -> dict[str, Any]:
    from primum.learn.prior.shapes import shapes, swing

    plain = {c: cohort.groups[c].to_list() for c in cohort.groups.columns if " × " not in c}
    risks = [(lambda x, m=m: m.predict_proba(x)[:, 1]) for m in fitted]
    rows = shapes(risks, matrix, plain, features=which, most=MOVED, seed=seed)
    place = {(c, g): i for c in plain for i, g in enumerate(cohort.levels.get(c, []))}
    order = [OVERALL, *plain]
    rows.sort(key=lambda r: _place(r, matrix.names, order, place))  # stable: points keep their order
    return {"rows": rows, "swing": swing(rows)}


def _place(
    row: dict[str, Any], names: list[str], order: list[str], place: dict[tuple[str, str], int]
) -> tuple[int, ...]:
    """Return where a shape row belongs: features as given, everyone first, groups in the order of their levels."""
    at = place.get((row["attribute"], row["group"]), len(place))
    return names.index(row["feature"]), order.index(row["attribute"]), at
