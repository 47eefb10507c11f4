"""Strategies for gaps side by side, for every group: the same learner, the same parts, each strategy in turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.chapters.missing_audit import groups_of, seen_of_everybody
from primum.chapters.scored import tallied, threshold
from primum.errors import PrimumError
from primum.learn.impute.crossfit import CrossFitted, cross_fit_filled
from primum.learn.impute.strategies import AS_IT_IS, OWN, STRATEGIES, Strategy
from primum.learn.prepare import Matrix
from primum.measure.intervals import z_value
from primum.measure.missing_selection import complete_case_weights
from primum.measure.pooling import pool, pool_estimates
from primum.measure.table import EVERYONE, Settings, estimates, row
from primum.stress.missing import changes, masked, masking_errors
from primum.tally.paired import count_pairs
from primum.usecase import OVERALL, Model

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.usecase import UseCase
    from primum.usecase_missing import Missing

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]
METRICS = ("auroc", "sensitivity", "specificity", "oe_ratio", "calibration_slope", "net_benefit")
COMPLETE, WEIGHTED = "complete case", "complete case, weighted"
WEIGHTED_WORDS = "complete cases, weighted so that they stand for everybody"


@dataclass(frozen=True)
class Bench:
    """What every strategy works with.

    Attributes
    ----------
    usecase, cohort, declared
        The question, the people, and what was declared under `missing`.
    matrix, part
        Features with gaps, and the part of each person.
    kind
        The learner.
    columns
        Which features are looked at.
    """

    usecase: UseCase
    cohort: Cohort
    declared: Missing
    matrix: Matrix
    part: npt.NDArray[np.int64]
    kind: str
    columns: list[str]

    @property
    def group(self) -> Any:
        """Membership for the strategies that tell groups apart; None where none was declared."""
        return None if self.declared.by is None else self.cohort.groups.select(self.declared.by)

    def fitted(self, chosen: Strategy) -> CrossFitted:
        """Return a strategy and its learner, fitted without each part in turn."""
        return cross_fit_filled(
            chosen, self.kind, self.matrix, self.cohort.outcome, self.part,
            group=self.group if chosen.needs_group else None, draws=self.declared.draws,
            seed=self.usecase.seed % 2**31, weight=self.cohort.weight,
        )  # fmt: skip

    def model(self, name: str) -> Model:
        """Return a strategy's scores as a model: a probability, people without a score left out."""
        return Model(name=name, train="logistic", missing_scores="exclude")

    def cut(self, score: Floats) -> float:
        """Return the threshold of the decision for these scores."""
        return threshold(self.usecase, self.model("score"), score, self.cohort.weight)


@dataclass(frozen=True)
class Compared:
    """What the comparison gives to the chapter: lists of rows, and the fits that later steps go on from."""

    strategies: list[Row]
    performance: list[Row]
    against_own: list[Row]
    masking: list[Row]
    weights: Row | None
    own: CrossFitted
    drawn: tuple[Strategy, CrossFitted] | None


def compared(bench: Bench, step: Callable[[int, int, str], None]) -> Compared:
    """Fit and judge the model's own way with gaps, then every declared strategy; one that fails is told and passed."""
    names = [AS_IT_IS, *bench.declared.strategies]
    own = bench.fitted(OWN)
    told = [_told(OWN, own)]
    performance, masking, against = _performance(bench, AS_IT_IS, own.score), [], []
    weights: Row | None = None
    drawn: tuple[Strategy, CrossFitted] | None = None
    for i, name in enumerate(names[1:], start=1):
        step(i, len(names), name)
        chosen = STRATEGIES[name]
        try:
            fitted = bench.fitted(chosen)
        except PrimumError as error:
            told.append({"name": name, "words": chosen.words, "failed": error.what})
            continue
        told.append(_told(chosen, fitted))
        performance += _performance(bench, name, fitted.score)
        if name == COMPLETE:
            weights = _weighted(bench, fitted, performance)
            told.append({"name": WEIGHTED, "words": WEIGHTED_WORDS, "failed": "", "learner": fitted.kind, "draws": 1})
            continue
        against += _against_own(bench, name, own, fitted)
        if name != "native":
            masking += _masking(bench, chosen, fitted)
        if chosen.several and drawn is None:
            drawn = chosen, fitted
    return Compared(told, performance, against, masking, weights, own, drawn)


def _told(chosen: Strategy, fitted: CrossFitted) -> Row:
    return {
        "name": chosen.name, "words": chosen.words, "failed": "", "learner": fitted.kind, "draws": len(fitted.score),
        "scored": int(np.isfinite(fitted.score[0]).sum()),
    }  # fmt: skip


def _performance(bench: Bench, name: str, score: Floats, cohort: Cohort | None = None) -> list[Row]:
    """Return long rows of every metric and group, pooled over the draws."""
    usecase, people = bench.usecase, bench.cohort if cohort is None else cohort
    model, rows = bench.model(name), []
    cuts = [bench.cut(one) for one in score]
    tallies = [tallied(usecase, people, model, one, cut) for one, cut in zip(score, cuts, strict=True)]
    for group in (None, *usecase.groups):
        names = [] if group is None else group.intersection or [group.title]
        views = [t.by(*names) for t in tallies]
        found = [
            estimates(view, METRICS, Settings(at=cut, replicates=usecase.replicates, seed=usecase.seed,
                                              level=usecase.level))
            for view, cut in zip(views, cuts, strict=True)
        ]  # fmt: skip
        labels = [g for g in views[0].groups if all(g in v.groups for v in views)]
        for label in labels:
            each = [f[v.groups.index(label)] for f, v in zip(found, views, strict=True)]
            for metric in METRICS:
                one = each[0][metric] if len(each) == 1 else pool_estimates([e[metric] for e in each], metric)
                rows.append(
                    row(one, model=name, metric=metric, attribute=OVERALL if group is None else group.title,
                        group=" · ".join(label) or EVERYONE, at=cuts[0])
                )  # fmt: skip
    return rows


def _weighted(bench: Bench, fitted: CrossFitted, performance: list[Row]) -> Row:
    """Add the rows of the weighted complete cases, and return what the weights are."""
    cohort = bench.cohort
    complete = np.isfinite(fitted.score[0])
    seen = seen_of_everybody(bench.usecase, cohort, bench.matrix)
    found = complete_case_weights(np.column_stack([seen, cohort.outcome]), complete)
    weight = found.weight if cohort.weight is None else found.weight * cohort.weight
    performance += _performance(bench, WEIGHTED, fitted.score, replace(cohort, weight=np.asarray(weight)))
    return {
        "people": int(complete.sum()), "effective": found.effective, "largest": found.largest, "cut": found.cut,
        "seen": int(seen.shape[1]) + 1,
    }  # fmt: skip


def _against_own(bench: Bench, name: str, own: CrossFitted, fitted: CrossFitted) -> list[Row]:
    """Return what changes for each group if the model's own way with gaps is replaced, pooled over the draws."""
    y, level = bench.cohort.outcome, bench.usecase.level
    cut = bench.cut(own.score[0])
    before = own.score[0] >= cut
    after = [(one, bench.cut(one)) for one in fitted.score]
    rows = []
    for attribute, group, members in groups_of(bench.usecase, bench.cohort):
        n = int(members.sum())
        found = [
            changes(count_pairs(y[members], before[members], (s >= c)[members]).n[0] if n else np.zeros((2, 2, 2)), cut,
                    level=level)
            for s, c in after
        ]  # fmt: skip
        events = int(y[members].sum())
        for metric in found[0]:
            each = [f[metric] for f in found]
            rows.append(
                {"strategy": name, "attribute": attribute, "group": group, "metric": metric, "n": n, "events": events}
                | _pooled(each, n, level)
            )  # fmt: skip
    return rows


def _pooled(each: list[tuple[float, float, float]], n: int, level: float) -> Row:
    if len(each) == 1 or any(not math.isfinite(v) for e in each for v in e):
        value, low, high = each[0] if len(each) == 1 else (math.nan,) * 3
        return {"value": value, "low": low, "high": high}
    z = z_value(level)
    spread = [((high - low) / (2 * z)) ** 2 for _, low, high in each]
    found = pool([e[0] for e in each], spread, complete_df=max(n - 1, 1), level=level)
    return {"value": found.value, "low": found.low, "high": found.high}


def _masking(bench: Bench, chosen: Strategy, fitted: CrossFitted) -> list[Row]:
    """Return how wrong a strategy fills what was hidden at random, by group; its fillers never saw the person."""
    names, x = bench.matrix.names, bench.matrix.values
    at = [names.index(c) for c in bench.columns]
    hidden = masked(x, bench.declared.mask, columns=at, seed=bench.usecase.seed)
    group = bench.group if chosen.needs_group else None
    full = fitted.completed(0, np.where(hidden, np.nan, x), None if group is None else _labels(group))
    rows = []
    for attribute in [OVERALL, *(g.title for g in bench.usecase.groups if g.intersection is None)]:
        labels = np.full(len(x), EVERYONE) if attribute == OVERALL else bench.cohort.groups[attribute].to_numpy()
        found = masking_errors(
            x, full, hidden, labels, names=names, categories=bench.matrix.categories,
            level=bench.usecase.level,
        )  # fmt: skip
        rows += [{"strategy": chosen.name, "attribute": attribute} | r for r in found]
    return rows


def _labels(group: Any) -> npt.NDArray[np.str_]:
    from primum.learn.label_noise import group_labels

    return group_labels(group, len(group))
