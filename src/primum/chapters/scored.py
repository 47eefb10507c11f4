"""The models: a score for everybody, counted. Downstream of this chapter no row is seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.cohort.split import clusters
from primum.disclose.dense import public_edges
from primum.errors import PrimumError
from primum.measure.ranking import bracket
from primum.tally.count import count
from primum.tally.paired import count_pairs
from primum.tally.resample import histogram

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.execute.checkpoint import Kept
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.tally.score import ScoreTally
    from primum.usecase import Model, UseCase

Scores = npt.NDArray[np.float64]


def models_chapter(
    run: Run,
    cohort: Cohort,
    parts: Any,
    kept: Kept,
    *,
    estimators: Mapping[str, Any],
    base: Path | None,
    trust_pickle: bool,
    progress: Progress,
) -> None:
    """Score everybody with every model, count the scores, and keep the chapter and the tallies."""
    told, scores, cuts = [], {}, {}
    total = len(run.usecase.models)
    for i, model in enumerate(run.usecase.models):
        progress.step(i, total, model.name)
        found = kept.get(model.name)
        started = time.perf_counter()
        if found is None:
            found = score_of(model, cohort, parts, run, estimators, base, trust_pickle=trust_pickle)
            found[1]["seconds"] = round(time.perf_counter() - started, 2)
            if model.train is not None:  # what was brought along is read again, as it may have changed meanwhile
                kept.put(model.name, *found)
        score, description = found
        cut = threshold(run.usecase, model, score, cohort.weight)
        tally = tallied(run.usecase, cohort, model, score, cut)
        scores[model.name], cuts[model.name] = score, cut
        told.append(_told(run, cohort, model, description, tally, cut))
        told[-1]["units"] = {
            unit: run.keep_units(unit, model.name, one_each(run.usecase, cohort, model, score, tally, codes))
            for unit, codes in shared(cohort).items()
        }
    progress.step(total, total, "counted")
    pairs = [_pair(cohort, a, b, scores, cuts) for j, a in enumerate(scores) for b in list(scores)[j + 1 :]]
    run.keep_chapter("models", {"primary": run.usecase.primary.name, "models": told, "between_models": pairs})


def score_of(
    model: Model,
    cohort: Cohort,
    parts: Any,
    run: Run,
    estimators: Mapping[str, Any],
    base: Path | None,
    *,
    trust_pickle: bool,
) -> tuple[Scores, dict[str, Any]]:
    """Return everybody's score by one model, and what the model is."""
    if model.score is not None:
        return cohort.scores[model.name], {"kind": "score column", "settings": {"column": model.score}}
    if model.name in estimators:
        from primum.learn.estimator import estimator_scores

        score = estimator_scores(estimators[model.name], cohort.features, name=model.name)
        return score, {"kind": "estimator", "settings": {"class": type(estimators[model.name]).__name__}}
    if model.file is not None:
        from primum.learn.own import own_scores

        score = own_scores(model, cohort.features, base=base, trust_pickle=trust_pickle)
        return score, {"kind": "file", "settings": {"file": Path(model.file).name}}
    from primum.learn.crossfit import cross_fit

    fitted = cross_fit(model, cohort.features, cohort.outcome, parts, seed=run.usecase.seed, weight=cohort.weight)
    return fitted.score, {"kind": model.train, "settings": fitted.description}


def threshold(usecase: UseCase, model: Model, score: Scores, weight: Scores | None = None) -> float:
    """Return the decision threshold: the declared one, or the lowest score at which the capacity is not exceeded.

    People with the same score are selected together or not at all. With survey weights, the capacity is a share of
    the weights.

    Raises
    ------
    PrimumError
        If the capacity is less than one person, or less than all who share the highest score.
    """
    decision = usecase.decision
    if decision.threshold is not None:
        return float(decision.threshold)
    assert decision.capacity is not None
    known = np.isfinite(score)
    values, place = np.unique(-score[known], return_inverse=True)
    at = np.bincount(place, weights=None if weight is None else weight[known])
    total = float(at.sum())
    places = decision.capacity * total * (1 + 1e-12)  # 0.29 of 100 people are 29, whatever the last digit says
    room = np.cumsum(at) <= places
    if not room.any():
        why = f"the {at[0] / total:.1%} of people to whom '{model.name}' gives its highest score, {-values[0]:g}"
        if weight is None and places < 1:
            why = f"one of {total:,.0f} people"
        raise PrimumError(
            f"A capacity of {decision.capacity:g} is less than {why}.", mend="declare a larger capacity, or a threshold"
        )
    return float(-values[room][-1])


def tallied(usecase: UseCase, cohort: Cohort, model: Model, score: Scores, cut: float) -> ScoreTally:
    """Return the tally of one model by every attribute."""
    attributes = [g.title for g in usecase.groups if g.intersection is None]
    frame = cohort.groups.select(attributes).with_columns(
        pl.Series("outcome ", cohort.outcome), pl.Series("score ", score, nan_to_null=True)
    )
    if cohort.weight is not None:
        frame = frame.with_columns(pl.Series("weight ", cohort.weight))
    together = linked(usecase, cohort)
    if together is not None:
        frame = frame.with_columns(pl.Series("who belongs together", together))
    views = [[g.title] if g.intersection is None else list(g.intersection) for g in usecase.groups]
    low, high = model.limits
    declared = {cut, *usecase.decision.other_thresholds}
    if model.scale == "points" and high - low <= 100:
        declared |= set(np.arange(np.ceil(low), np.floor(high) + 1).tolist())
    return count(
        frame,
        outcome="outcome ",
        score="score ",
        by=attributes,
        thresholds=sorted(declared),
        weight=None if cohort.weight is None else "weight ",
        cluster=None if together is None else "who belongs together",
        views=views,
        score_range=(low, high),
        missing=model.missing_scores,
        outcome_name=usecase.outcome.name,
        score_name=model.name,
    )


def shared(cohort: Cohort) -> dict[str, npt.NDArray[np.int64]]:
    """Return the codes of persons with several rows, of households and of institutions, where they are known."""
    known = {"persons": cohort.person, "households": cohort.family, "institutions": cohort.site}
    found = {unit: codes for unit, codes in known.items() if codes is not None}
    if "persons" in found and len(np.unique(found["persons"])) == len(found["persons"]):
        del found["persons"]
    return found


def one_each(
    usecase: UseCase, cohort: Cohort, model: Model, score: Scores, tally: ScoreTally, codes: npt.NDArray[np.int64]
) -> ScoreTally:
    """Return the tally of the first scored row of each unit, on edges that do not depend on the data.

    A sum of its counts is at most the number of distinct units behind the same sum of the whole tally.
    """
    attributes = [g.title for g in usecase.groups if g.intersection is None]
    scored = np.flatnonzero(np.isfinite(score))
    rows = scored[np.unique(codes[scored], return_index=True)[1]]
    frame = cohort.groups.select(attributes).with_columns(
        pl.Series("outcome ", cohort.outcome), pl.Series("score ", score, nan_to_null=True)
    )
    return count(
        frame[rows],
        outcome="outcome ",
        score="score ",
        by=attributes,
        thresholds=public_edges(tally.grid)[1:].tolist(),
        decisions_only=True,
        score_range=model.limits,
        outcome_name=usecase.outcome.name,
        score_name=model.name,
    )


def linked(usecase: UseCase, cohort: Cohort) -> npt.NDArray[np.int64] | None:
    """Return who belongs together for the intervals: families and repeated visits, or what `variance_by` names.

    None when nobody does.
    """
    ids = usecase.identifiers
    if ids.variance_by is not None:
        codes = {"person": cohort.person, "family": cohort.family, "site": cohort.site}[ids.variance_by]
    else:
        codes = clusters(cohort.person if ids.repeated_visits else None, cohort.family)
    if codes is None or len(np.unique(codes)) == len(codes):
        return None
    return codes


def _told(
    run: Run, cohort: Cohort, model: Model, description: dict[str, Any], tally: ScoreTally, cut: float
) -> dict[str, Any]:
    lost = {a: {g[0]: k for g, k in sorted(tally.by(a).left_out.items())} for a in tally.attributes if tally.left_out}
    return {
        "name": model.name,
        "kind": description["kind"],
        "description": model.description,
        "scale": model.scale,
        "range": list(model.limits),
        "higher_means": model.higher_means,
        "threshold": cut,
        "n_scored": int(tally.n.sum()),
        "n_people": cohort.n,
        "not_scored": lost,
        "settings": description["settings"],
        "seconds": description.get("seconds"),
        "tally": run.keep_tally(model.name, tally),
        "auroc_bracket": bracket(histogram(tally.by(), 0)),
    }


def _pair(cohort: Cohort, a: str, b: str, scores: dict[str, Scores], cuts: dict[str, float]) -> dict[str, Any]:
    """Return how two models decide about the people whom both score: from a paired tally."""
    known = np.isfinite(scores[a]) & np.isfinite(scores[b])
    pair = count_pairs(
        cohort.outcome[known],
        (scores[a][known] >= cuts[a]).astype(np.int64),
        (scores[b][known] >= cuts[b]).astype(np.int64),
    )
    n = pair.n.sum(axis=0)
    words = ("without_outcome", "with_outcome")
    parts = {"neither": (0, 0), "only_a": (1, 0), "only_b": (0, 1), "both": (1, 1)}
    return {"a": a, "b": b, "people": int(n.sum())} | {
        f"{word}_{part}": int(n[(y, *at)]) for y, word in enumerate(words) for part, at in parts.items()
    }
