"""Why does the model fail a group? Learning curves, models of its own, what can be explained, and the record.

Only people who are not kept for certificates are looked at. Models are trained without the inner calibration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.chapters.repair_measured import of_rows
from primum.chapters.repair_people import three_parts
from primum.chapters.scored import linked, tallied, threshold
from primum.check.diagnosis import (
    IMPROVING,
    MARGIN,
    NOT_TRIED,
    SERVED_WORSE,
    UNTOLD,
    curve_verdict,
    diagnosis_findings,
    evidence,
    explained_verdict,
    own_verdict,
    record_sign,
    remedies,
    suggestion,
)
from primum.check.record import record_findings
from primum.cohort.split import clusters, folds
from primum.errors import PrimumError
from primum.measure.table import Settings, estimates
from primum.tally.moment import count_moments

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.execute.progress import Progress
    from primum.execute.run import Run
    from primum.finding import Finding
    from primum.learn.learning_curve import Known, Learner
    from primum.usecase import UseCase

Floats = npt.NDArray[np.float64]
Some = npt.NDArray[np.bool_]
Row = dict[str, Any]
FOLDS, QUARTERS = 3, 4
OWN_EVENTS = 30
"""Fewest people with, and without, the outcome on whom a group's own model is trained."""
JUDGED = 10
"""Fewest people with, and without, the outcome in a group of which anything is said."""
MOST_MIXED = 3
"""In how many groups, those that gain most, it is asked whose data help."""
SEED_STEP = 0xD1A6
WHOLE = "everybody is in this group"
BROUGHT = "the score was brought along: what more data would do can be asked of a model trained here only"
NOISE = (
    "How much of the outcome could be explained at best is not measurable here: that takes repeated measurements of "
    "the same people. What is explained in a group, next to the others, is a sign and no proof: people who differ "
    "little from each other are harder to tell apart even with perfect measurements."
)


def diagnosis_chapter(run: Run, cohort: Cohort, *, progress: Progress) -> list[Finding]:
    """Look for the cause of each group's gap, keep the chapter, and return one finding a group; none judges harm."""
    usecase, model = run.usecase, run.usecase.primary
    titles = _titles(usecase)
    content: Row = {"model": model.name, "trained": model.train, "margin": MARGIN, "level": usecase.level,
                    "why_not": "", "noise": NOISE, "people": {}}  # fmt: skip
    rows, people = _empty(cohort, titles), cohort
    if model.train is None:
        content["why_not"] = BROUGHT
    else:
        try:
            people = of_rows(cohort, _rows(usecase, cohort))
            bench = _bench(usecase, people, model.train)
            found = _empty(people, titles)
            _measured(usecase, bench, found, progress)
            rows = found
            content["people"] = {"n": people.n, "events": people.events, "folds": FOLDS}
        except PrimumError as error:
            content["why_not"] = error.what
    recorded = _recorded(usecase, cohort, titles)
    for row in rows:
        row["label"] = record_sign(
            recorded.get((row["attribute"], row["group"])), _declared(usecase, row["attribute"]), row["group"]
        )
        row |= {"remedies": remedies(row), "suggestion": suggestion(row), "evidence": evidence(row)}
    run.keep_chapter("diagnosis", content | {"groups": rows})
    return diagnosis_findings(model.name, run.chapters["diagnosis"]["groups"], content["why_not"])


@dataclass(frozen=True)
class Bench:
    """The people looked at, and a learner that may be trained on some of them.

    Attributes
    ----------
    people
        Those not kept for certificates.
    learner, quarter
        The learner with its folds, and the quarter of each person, shape (people,).
    unit
        Who belongs together, for the intervals; None when nobody does.
    level
        Of the intervals.
    """

    people: Cohort
    learner: Learner
    quarter: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64] | None
    level: float

    def explained(self, risks: list[Floats], who: Some) -> Known:
        """Return the share of outcome variation that these risks explain among some."""
        from primum.learn.learning_curve import explained, squared_loss

        y, weight = self.people.outcome, self.people.weight
        trained = self._trained([squared_loss(y, [r]) for r in risks], who)
        return explained(y, squared_loss(y, risks), who, weight, trained=trained)

    def log_loss(self, risks: list[Floats], who: Some) -> Known:
        """Return the mean log loss of these risks among some."""
        from primum.learn.learning_curve import log_loss, mean

        y = self.people.outcome
        known = mean(log_loss(y, risks), who, self.people.weight)
        return replace(known, trained=self._trained([log_loss(y, [r]) for r in risks], who))

    def _trained(self, losses: list[Floats], who: Some) -> float:
        """Return the variance from whom the models were trained on; known where there are two of them."""
        from primum.learn.learning_curve import disagreement

        if len(losses) != 2:
            return 0.0
        return disagreement(self.learner, (losses[0], losses[1]), who, self.people.weight, self.unit)

    def told(self, known: Known) -> Row:
        """Return value and limits."""
        from primum.learn.learning_curve import summary

        return dict(summary(known, self.level, self.unit))

    def gain(self, fewer: list[Floats], more: list[Floats], who: Some) -> Row:
        """Return what is explained in addition, and how much log loss is spared, by going from one to the other."""
        row = self.told(self.explained(more, who) - self.explained(fewer, who))
        return row | {"log_loss": self.told(self.log_loss(fewer, who) - self.log_loss(more, who))}

    def curve(self, risks: dict[float, list[Floats]], who: Some, trained: Some | None = None) -> Row:
        """Return the curve of some: what is explained at each share, and what the last doubling gave."""
        all_ = who if trained is None else trained
        kept = (FOLDS - 1) / FOLDS
        points = [
            {"share": share, "people": round(share * kept * float(all_.sum())), **self.told(self.explained(r, who))}
            for share, r in risks.items()
        ]
        if 0.5 not in risks:
            nan = float("nan")
            return {"verdict": UNTOLD, "reason": "half of the people are too few to train on", "points": points,
                    "value": nan, "low": nan, "high": nan}  # fmt: skip
        gain = self.gain(risks[0.5], risks[1.0], who)
        few = _few(self.people.outcome[who])
        verdict = UNTOLD if few else curve_verdict(gain["low"], gain["high"])
        return {"verdict": verdict, "reason": few, "points": points, **gain}


def _titles(usecase: UseCase) -> list[str]:
    declared = usecase.no_harm.groups if usecase.no_harm is not None else None
    return declared or [g.title for g in usecase.groups if not g.is_exploratory]


def _rows(usecase: UseCase, cohort: Cohort) -> npt.NDArray[np.int64]:
    """Return the rows of those who are not kept for certificates."""
    if usecase.no_harm is None:
        return np.arange(cohort.n)
    parts = three_parts(
        cohort, held_out=usecase.no_harm.held_out, trained=True, seed=usecase.seed, known=np.ones(cohort.n, dtype=bool)
    )
    return np.sort(np.concatenate([parts.train, parts.fix]))


def _bench(usecase: UseCase, people: Cohort, kind: str) -> Bench:
    from primum.learn.learning_curve import Learner
    from primum.learn.prepare import encode

    together = clusters(people.person, people.family)
    piece = folds(people.outcome, together, FOLDS * QUARTERS, usecase.seed + SEED_STEP)
    learner = Learner(kind, encode(people.features), people.outcome, piece % FOLDS, people.weight, usecase.seed % 2**31)
    return Bench(people, learner, piece // FOLDS, linked(usecase, people), usecase.level)


def _empty(people: Cohort, titles: list[str]) -> list[Row]:
    """Return one row a group that is there, in the order shown."""
    rows = []
    for title in titles:
        column = people.groups[title].to_numpy()
        for level in people.levels[title]:
            n, events = int((column == level).sum()), int(people.outcome[column == level].sum())
            if n:
                rows.append({"attribute": title, "group": level, "n": n, "events": events})
    return rows


def _measured(usecase: UseCase, bench: Bench, rows: list[Row], progress: Progress) -> None:
    """Write into each row what the models show."""
    from primum.learn.learning_curve import learning_curve

    steps = len(rows) + 2
    progress.step(0, steps, "learning curves")
    shared = learning_curve(bench.learner, bench.quarter)
    best: dict[str, Floats] = {}
    for i, row in enumerate(rows):
        progress.step(i + 1, steps, f"{row['attribute']}: {row['group']}")
        who = bench.people.groups[row["attribute"]].to_numpy() == row["group"]
        row["curve"] = bench.curve(shared, who)
        row["own"], own = _own(bench, shared[1.0], who)
        if row["own"]["verdict"] == SERVED_WORSE:
            curve = learning_curve(bench.learner, bench.quarter, who, whole=own[0])
            row["own_curve"] = bench.curve(curve, who, who)
        served = own if row["own"]["verdict"] == SERVED_WORSE else shared[1.0]
        best.setdefault(row["attribute"], shared[1.0][0].copy())[who] = served[0][who]
        row["explained"] = _explained(bench, served, shared[1.0], who) | {
            "by": "a model of its own" if row["own"]["verdict"] == SERVED_WORSE else "the shared model"
        }
    progress.step(len(rows) + 1, steps, "whose data help")
    for row in _mixed(rows):
        row["composition"] = _composition(bench, shared[1.0], row)
    for title, score in best.items():
        ranked = _auroc(usecase, bench.people, title, score)
        for row in rows:
            if row["attribute"] == title:
                row["auroc"] = ranked.get(row["group"])
    progress.step(steps, steps, "told")


def _own(bench: Bench, shared: list[Floats], who: Some) -> tuple[Row, list[Floats]]:
    """Return whether a model trained on the group alone serves it better, and its risks."""
    fewest = bench.learner.fewest(who)
    if who.all():
        return {"verdict": NOT_TRIED, "reason": WHOLE}, []
    if fewest < OWN_EVENTS:
        reason = f"{fewest} people with (or without) the outcome to train on, fewer than {OWN_EVENTS}"
        return {"verdict": NOT_TRIED, "reason": reason}, []
    own = [bench.learner.left_out_risk(who)]
    gain = bench.gain(shared, own, who)
    return {"verdict": own_verdict(gain["low"], gain["high"]), "reason": "", "trained_on_events": fewest, **gain}, own


def _explained(bench: Bench, served: list[Floats], shared: list[Floats], who: Some) -> Row:
    here, rest = bench.explained(served, who), bench.explained(shared, ~who)
    difference = bench.told(here - rest)
    few = _few(bench.people.outcome[who]) or _few(bench.people.outcome[~who])
    return {
        **bench.told(here),
        "rest": rest.value,
        "difference": difference["value"],
        "difference_low": difference["low"],
        "difference_high": difference["high"],
        "verdict": UNTOLD if few else explained_verdict(difference["low"], difference["high"]),
        "reason": few,
    }


def _mixed(rows: list[Row]) -> Iterator[Row]:
    asked = [
        r
        for r in rows
        if r["curve"]["verdict"] == IMPROVING and r["own"]["verdict"] != SERVED_WORSE and r["own"]["reason"] != WHOLE
    ]
    yield from sorted(asked, key=lambda r: -float(r["curve"]["value"]))[:MOST_MIXED]


def _composition(bench: Bench, shared: list[Floats], row: Row) -> Row:
    """Return what is gained by doubling only the group's own people, and only the others."""
    who = bench.people.groups[row["attribute"]].to_numpy() == row["group"]
    halves = (bench.quarter < QUARTERS // 2, bench.quarter >= QUARTERS // 2)
    found = {}
    for name, kept in (("own", ~who), ("others", who)):
        trained = [kept | half for half in halves]
        if min(bench.learner.fewest(t) for t in trained) >= JUDGED:
            gain = bench.gain([bench.learner.left_out_risk(t) for t in trained], shared, who)
            found[name] = gain | {"verdict": curve_verdict(gain["low"], gain["high"])}
    return found


def _auroc(usecase: UseCase, people: Cohort, title: str, score: Floats) -> dict[str, Row]:
    """Return group → AUROC of the score that serves it best, counted first."""
    model = usecase.primary
    cut = threshold(usecase, model, score, people.weight)
    tally = tallied(usecase, people, model, score, cut)
    crossed = next((g.intersection for g in usecase.groups if g.title == title and g.intersection), None)
    view = tally.by(*(crossed or [title]))
    settings = Settings(at=cut, replicates=usecase.replicates, seed=usecase.seed, level=usecase.level)
    return {
        " · ".join(label): {"value": e["auroc"].value, "low": e["auroc"].low, "high": e["auroc"].high,
                            "reason": e["auroc"].reason}
        for label, e in zip(view.groups, estimates(view, ["auroc"], settings), strict=True)
    }  # fmt: skip


def _recorded(usecase: UseCase, cohort: Cohort, titles: list[str]) -> dict[tuple[str, str], Finding]:
    """Return (attribute, group) → the record against the better measurement, of all people as in its own chapter."""
    if cohort.truth is None:
        return {}
    frame = cohort.groups.with_columns(pl.Series("recorded ", cohort.outcome)).filter(pl.Series(cohort.truth == 1))
    return {
        (f.attribute, f.group): f
        for title in titles
        for f in record_findings(
            count_moments(frame, ["recorded "], [title]).order(cohort.levels[title]),
            title,
            usecase.outcome.unrecorded_margin,
        )
    }


def _declared(usecase: UseCase, attribute: str) -> dict[str, tuple[float, float]] | None:
    ranges = usecase.no_harm.recorded if usecase.no_harm is not None else None
    return (ranges or {}).get(attribute)


def _few(outcome: npt.NDArray[Any]) -> str:
    few = min(int(outcome.sum()), int(len(outcome) - outcome.sum())) < JUDGED
    return f"fewer than {JUDGED} people with, or without, the outcome" if few else ""
