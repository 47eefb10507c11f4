"""Stigma and discrimination in data and pipeline: what tells the group, what the model makes of it, who bears it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.chapters import proxies_borne as borne
from primum.chapters import proxies_told as telling
from primum.chapters.scored import linked, score_of, tallied, threshold
from primum.check import proxies as check
from primum.cohort.split import clusters, folds
from primum.errors import PrimumError
from primum.execute.run import file_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primum.chapters.proxies_told import Bench
    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.usecase import Groups
    from primum.usecase_proxies import Discrimination

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]
FOLDS, SEED_STEP = 3, 0xD15C
SHOWN = 5
"""Proxies of each attribute that become findings."""
STAGES = ("what tells the group", "the model", "who bears it")
NO_FEATURES = "the use case names no features"
BROUGHT = "the score was brought along: this can be asked of a model trained here only"


def proxies_chapter(
    run: Run,
    cohort: Cohort,
    told: Discrimination,
    *,
    estimators: Mapping[str, Any],
    base: Path | None,
    trust_pickle: bool,
    progress: Progress,
    score: Floats | None = None,
) -> list[Finding]:
    """Look for stigma and discrimination, keep the chapter, and return the findings; verdicts need declared margins.

    Parameters
    ----------
    told
        The use case's section on discrimination.
    estimators, base, trust_pickle
        As in `audit`, for a model that was brought along.
    score
        Everybody's score by the primary model. Left out: as it was brought, or as the audit kept it when it trained
        the model; where it did not, the left-out scores of the three models that this chapter trains.
    """
    usecase, model = run.usecase, run.usecase.primary
    groups = [g for g in usecase.groups if (g.title in told.groups if told.groups else not g.is_exploratory)]
    content: Row = {
        "model": model.name, "trained": model.train, "level": usecase.level, "people": cohort.n, "folds": FOLDS,
        "told": told.model_dump(mode="json"), "act": usecase.decision.act, "why_not": {}, "own_scores": False,
        "own": {g.title: telling.own_columns(usecase, g) for g in groups}, "left_out": [],
        **{k: [] for k in ("strength", "features", "importance", "influence", "flow", "direct", "not_used", "disparity",
                           "burden", "persistence", "attrition", "not_followed", "stigma")},
    }  # fmt: skip
    progress.step(0, len(STAGES), STAGES[0])
    bench = _bench(run, cohort, told, groups, content)
    if bench is not None:
        content["strength"], content["features"] = telling.strength(bench)
        content["left_out"] = [
            {"attribute": g.title, "group": level, "why": telling.FEW}
            for g in groups
            for level in cohort.levels[g.title]
            if level not in bench.assessable(g.title)
        ]
    progress.step(1, len(STAGES), STAGES[1])
    own = _of_model(run, bench, content)
    if score is None and model.train is None:
        score = score_of(model, cohort, None, run, estimators, base, trust_pickle=trust_pickle)[0]
    elif score is None:
        score = _audited(run, cohort.n)
    if score is None:
        score, content["own_scores"] = own, True
    progress.step(2, len(STAGES), STAGES[2])
    if score is not None:
        _borne(run, cohort, told, groups, bench, score, content)
    run.keep_chapter("proxies", content)
    progress.step(len(STAGES), len(STAGES), "told")
    return findings(run.chapters["proxies"], check.Judge(told, model.name))


def _bench(run: Run, cohort: Cohort, told: Discrimination, groups: list[Groups], content: Row) -> Bench | None:
    if not cohort.features.width:
        content["why_not"] |= {"features": NO_FEATURES}
        return None
    from primum.learn.prepare import encode

    together = clusters(cohort.person, cohort.family)
    try:
        fold = folds(cohort.outcome, together, FOLDS, run.usecase.seed + SEED_STEP)
    except PrimumError as error:
        content["why_not"] |= {"features": error.what}
        return None
    matrix, unit = encode(cohort.features), linked(run.usecase, cohort)
    return telling.Bench(run.usecase, told, cohort, groups, matrix, fold, unit)


def _audited(run: Run, people: int) -> Floats | None:
    """Return everybody's score by the primary model as this audit kept it while it runs; None where it did not."""
    place = run.work / f"{file_name(run.usecase.primary.name)}.scores"
    if "models" not in run.chapters or not place.is_file():
        return None
    score = np.frombuffer(place.read_bytes(), dtype=np.float64).copy()
    return score if len(score) == people else None


def _of_model(run: Run, bench: Bench | None, content: Row) -> Floats | None:
    """Add what the model does with its features, and return its left-out risks; None where none is trained here."""
    model = run.usecase.primary
    if model.train is None or bench is None:
        content["why_not"] |= {"model": BROUGHT if model.train is None else content["why_not"]["features"]}
        return None
    from primum.stress.direct_use import fit, importance, normalised

    people = bench.people
    try:
        models = fit(
            model.train, bench.matrix, people.outcome, bench.fold, weight=people.weight,
            seed=run.usecase.seed % 2**31,
        )  # fmt: skip
    except PrimumError as error:
        content["why_not"] |= {"model": error.what}
        return None
    falls = importance(models)
    share = normalised(falls)
    content["importance"] = [{"feature": k, "fall": v, "share": share[k]} for k, v in falls.items()]
    content["influence"] = telling.influence(content["features"], share)
    strongest = dict.fromkeys(r["feature"] for r in content["influence"] if r["value"] > 0 and not r["legitimate"])
    again = list(strongest)[: bench.told.retrained] if bench.matrix.values.shape[1] > 1 else []
    content["flow"] = telling.flow(bench, models, again)
    cut = threshold(run.usecase, model, models.risk, people.weight)
    content["direct"], content["not_used"] = telling.direct(bench, models, cut)
    content["retrained"] = again
    return models.risk


def _borne(
    run: Run,
    cohort: Cohort,
    told: Discrimination,
    groups: Sequence[Groups],
    bench: Bench | None,
    score: Floats,
    content: Row,
) -> None:
    usecase, model = run.usecase, run.usecase.primary
    cut = threshold(usecase, model, score, cohort.weight)
    known = np.isfinite(score)
    selected = np.where(known, score, -np.inf) >= cut
    strata, used, left = borne.strata_of(bench) if bench is not None else (None, [], [])
    content |= {"cut": cut, "strata": used, "strata_left_out": left}
    unit = linked(usecase, cohort)
    content["disparity"] = borne.disparities(usecase, told, cohort, groups, selected, known, strata, unit)
    tally = tallied(usecase, cohort, model, score, cut)
    content["burden"] = borne.burden_rows(tally, usecase, cohort, groups, cut)
    if bench is None:
        content["why_not"] |= {"persistence": content["why_not"]["features"]}
    else:
        content["persistence"], why = borne.persistence(bench, score, risk=model.scale == "probability")
        content["why_not"] |= {"persistence": why} if why else {}
    content["attrition"], content["not_followed"] = borne.attrition(usecase, told, cohort, groups, selected, known)
    content["stigma"] = borne.stigma(told, content["burden"], content["persistence"])


def findings(content: Mapping[str, Any], judge: check.Judge) -> list[Finding]:
    """Return the findings of a chapter as it was kept: one a group and check, the strongest of each for features."""
    level = content["level"]
    found = [_strength(r, judge, level) for r in content["strength"]]
    for attribute in dict.fromkeys(r["attribute"] for r in content["influence"]):
        top = [r for r in content["influence"] if r["attribute"] == attribute and r["value"]][:SHOWN]
        found += [
            judge.finding(
                check.INFLUENCE, check.estimate(r, n=r["n"], level=level), check.influence_words(r), r,
                metric=f"proxy_influence of {r['feature']}",
            )
            for r in top
        ]  # fmt: skip
    for r in _largest(content["flow"]):
        e = check.estimate(r, n=r["n"], level=level)
        metric = f"gap_change without {r['feature']}"
        found.append(judge.finding(check.FLOW, e, check.flow_words(r), r, metric=metric))
    found += [
        judge.finding(check.DIRECT, check.estimate(r, n=r["n"], level=level), check.direct_words(r), r)
        for r in content["direct"]
    ]
    for r in content["disparity"]:
        e = check.estimate(r["given"] or r["crude"], n=r["n"], level=level)
        metric = "" if r["given"] else "demographic_disparity"
        found.append(judge.finding(check.DISPARITY, e, check.disparity_words(r), r, metric=metric, judged=not metric))
    for r in content["burden"]:
        e = check.estimate(r["share_ratio"], n=r["n"], events=r["events"], method="delta method", level=level)
        found.append(judge.finding(check.BURDEN, e, check.burden_words(r), r, baseline=1.0))
    found += [
        judge.finding(check.PERSISTENCE, check.estimate(r, n=r["n"], level=level), check.persistence_words(r),
                      r)
        for r in content["persistence"] if r["whole"]
    ]  # fmt: skip
    found += [
        judge.finding(
            check.ATTRITION, check.estimate(r["more"], n=r["before"], method="Newcombe", level=level),
            check.attrition_words(r["attribute"], r), r, comparator="everyone else",
            metric=f"share_lost at {r['step']}", judged=r["kind"] == "kept",
        )
        for r in content["attrition"] if r["more"] is not None and r["kind"] != "reached"
    ]  # fmt: skip
    found += [judge.finding(check.STIGMA, check.no_number(), check.stigma_words(r), r) for r in content["stigma"]]
    return found


def _strength(r: Mapping[str, Any], judge: check.Judge, level: float) -> Finding:
    """Return what the features add to legitimate ones where these were declared, else how well they tell the group."""
    if r["added"]:
        e, metric = check.estimate(r["added"], n=r["n"], level=level), ""
    else:
        e, metric = check.estimate(r["together"], n=r["n"], level=level), "proxy_auroc"
    return judge.finding(check.STRENGTH, e, check.strength_words(r), r, metric=metric, judged=not metric)


def _largest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return, for each feature taken away and each attribute, the group whose gap changes most."""
    best: dict[tuple[str, str], Mapping[str, Any]] = {}
    for r in rows:
        key = (r["feature"], r["attribute"])
        if r["value"] is not None and (key not in best or abs(r["value"]) > abs(best[key]["value"])):
            best[key] = r
    return list(best.values())
