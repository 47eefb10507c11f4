"""Judging a repaired model against the model in use: certificate, walk, ledger and frontier, from paired tallies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.certify.bound import bound
from primum.certify.certificate import CROSS, JOIN, Certificate, certify
from primum.certify.differences import estimate, lower_limit, upper_limit, worth
from primum.certify.differences import people as alone
from primum.certify.document import to_document
from primum.certify.group_verdict import CERTIFIED, GroupVerdict
from primum.certify.units import unit_evidence
from primum.certify.utility import SENSITIVITY, SPECIFICITY, Utility, declared, net_benefit
from primum.certify.walk import Walk, spared, walk
from primum.chapters.repair_measured import Version
from primum.chapters.scored import linked
from primum.cohort.cohort import Cohort
from primum.measure.kernel import divide
from primum.measure.levelling import ledger_of_pairs
from primum.mitigate.membership import membership
from primum.mitigate.path import blend, moved, strengths
from primum.mitigate.unchanged import unchanged_groups
from primum.tally.paired import PairedTally, count_pairs
from primum.tally.paired_units import UnitTally, count_units
from primum.usecase import UseCase

Decide = Callable[[float], npt.NDArray[np.int64]]
STEPS, FRONTIER = 10, 5
EVERYONE = ("", "everyone")
OF_LEDGER = ("net_benefit", "sensitivity", "specificity")


@dataclass(frozen=True)
class Change:
    """What going from the model in use to a repaired one changes, counted once.

    Attributes
    ----------
    after, fitted
        The repaired model among those who judge, and the fitted repair.
    pairs, units
        People by both decisions; the same as families, repeated visits or weights, None where each person is one.
    untouched
        Groups for which the repair changes nothing by the way it is built.
    decide
        Decisions at each step on the way there; None where there is nothing in between.
    """

    after: Version
    fitted: Any
    pairs: PairedTally
    units: UnitTally | None
    untouched: frozenset[tuple[str, str]]
    decide: Decide | None


@dataclass(frozen=True)
class Judge:
    """What every repair of this run is held against.

    Attributes
    ----------
    usecase, people
        The question, and the people kept for the judgement.
    before, cut
        The model in use among them, and its threshold.
    utility
        As declared.
    attributes
        Titles of all groups that are no intersections → labels, shape (people,).
    views
        Which groups must not lose → their labels, and the number of each person's, shape (people,).
    """

    usecase: UseCase
    people: Cohort
    before: Version
    cut: float
    utility: Utility
    attributes: dict[str, npt.NDArray[Any]]
    views: dict[tuple[str, ...], tuple[npt.NDArray[np.str_], npt.NDArray[np.int64]]]

    @classmethod
    def of(cls, usecase: UseCase, people: Cohort, before: Version, cut: float) -> Self:
        """Return the judge of a use case."""
        told = usecase.no_harm
        assert told is not None
        crossed = {g.title: tuple(g.intersection) for g in usecase.groups if g.intersection is not None}
        names = told.groups or [g.title for g in usecase.groups if not g.is_exploratory]
        attributes = {c: people.groups[c].to_numpy() for c in people.groups.columns if c not in crossed}
        views = {
            view: membership({a: attributes[a] for a in view}, people.n).coded_cells
            for view in (crossed.get(n, (n,)) for n in names)
        }
        return cls(usecase, people, before, cut, utility_of(usecase, cut), attributes, views)

    def change(self, after: Version, fitted: Any) -> Change:
        """Count what a repaired model changes."""
        pairs, units = self.pairs(after.decision), self.units(after.decision)
        return Change(after, fitted, pairs, units, self.unchanged(fitted), self.along(after, fitted))

    def certificate(self, change: Change) -> Certificate:
        """Test that nobody loses more than declared by going from the model in use to this one."""
        found = certify(change.pairs, units=change.units, **self.terms(change.after.name))
        return spared(found, change.pairs, change.untouched) if change.untouched else found

    def along(self, after: Version, fitted: Any) -> Decide | None:
        """Return decisions at each step from the model in use to a repair; None where there is nothing in between."""
        own = getattr(fitted, "thresholds_", None)
        if own is not None and hasattr(own, "thresholds"):
            by = dict(zip(own.groups, own.thresholds, strict=True))
            names, codes = membership(self.people.groups.select(fitted.attributes_), self.people.n).coded_cells
            mine = np.array([by.get(str(c), self.cut) for c in names])[codes]
            return lambda step: (self.before.score >= moved(self.cut, mine, step)).astype(np.int64)
        if ((after.score >= self.cut) == (after.decision == 1)).all():
            return lambda step: (blend(self.before.score, after.score, step) >= self.cut).astype(np.int64)
        return None

    def unchanged(self, fitted: Any) -> frozenset[tuple[str, str]]:
        """Return the groups for which a repair changes nothing by the way it is built."""
        by = tuple(getattr(fitted, "attributes_", ()))
        views = [v for v in self.views if set(v) <= set(by)]
        if not views:
            return frozenset()
        return unchanged_groups(fitted, membership(self.people.groups.select(by), self.people.n), views)

    def terms(self, name: str) -> dict[str, Any]:
        """Return what was declared, as a certificate asks for it."""
        told = self.usecase.no_harm
        assert told is not None
        ranges = {(a, g): r for a, groups in (told.recorded or {}).items() for g, r in groups.items()}
        titles = {tuple(g.intersection): g.title for g in self.usecase.groups if g.intersection is not None}
        levels = {  # of everybody, so that a group with nobody among these people is judged, too
            v: [g for g in self.people.levels[titles.get(v, v[0])] if len(v) == 1 or g.count(JOIN) == len(v) - 1]
            for v in self.views
        }
        return {
            "utility": self.utility,
            "margin": told.margin,
            "alpha": told.alpha,
            "groups": list(self.views),
            "declared": levels,
            "worst_off": next(iter(told.worst_off.items())) if told.worst_off else None,
            "bound": told.bound,
            "recorded": ranges or None,
            "names": (self.before.name, name),
            "seed": self.usecase.seed,
        }

    def pairs(self, decision: npt.NDArray[np.int64]) -> PairedTally:
        """Count what these decisions change."""
        return count_pairs(self.people.outcome, self.before.decision, decision, self.attributes)

    def units(self, decision: npt.NDArray[np.int64]) -> UnitTally | None:
        """Count the same by families, repeated visits or weights; None where each person is one of their own."""
        together, told = linked(self.usecase, self.people), self.usecase.no_harm
        assert told is not None
        if together is None and told.largest_cluster is not None:
            together = np.arange(self.people.n)  # nobody is linked among these people, but they could be
        if together is None and self.people.weight is None:
            return None
        return count_units(
            self.people.outcome, self.before.decision, decision, self.attributes, clusters=together,
            weights=self.people.weight, max_weight=told.largest_weight, max_size=told.largest_cluster,
            views=[*self.views, ()], word=self._word() if together is not None else "people",
        )  # fmt: skip

    def _word(self) -> str:
        """Return what those are called who belong together."""
        ids = self.usecase.identifiers
        if ids.variance_by is not None:
            return {"person": "patients", "family": "families", "site": "sites"}[ids.variance_by]
        return "patients" if ids.family is None else "families"

    def levels_of(self, decision: npt.NDArray[np.int64]) -> dict[tuple[str, str], float]:
        """Return the mean utility of every group (and of everyone) under these decisions; NaN for nobody counted."""
        y = self.people.outcome.astype(np.int64)
        u = np.array(self.utility.worth)[decision, y]
        w = (np.ones(len(y)) if self.people.weight is None else self.people.weight) * self.utility.counted[y]
        found = {EVERYONE: float(divide(u @ w, w.sum()))}
        for view, (names, codes) in self.views.items():
            mean = divide(*(np.bincount(codes, weights=x, minlength=len(names)) for x in (u * w, w)))
            found |= {(CROSS.join(view), str(g)): float(m) for g, m in zip(names, mean, strict=True)}
        return found


def utility_of(usecase: UseCase, cut: float) -> Utility:
    """Return the declared utility."""
    told = usecase.no_harm
    assert told is not None
    if isinstance(told.utility, dict):
        return declared(told.utility)
    return {"sensitivity": SENSITIVITY, "specificity": SPECIFICITY}.get(told.utility) or net_benefit(cut)


def told(certificate: Certificate, plan: str, date: str) -> dict[str, Any]:
    """Return a certificate as the chapter keeps it: the document, and its rows by group."""
    return {
        "granted": certificate.granted,
        "improves": certificate.improves,
        "words": certificate.words,
        "groups": [
            flat(g) | {"decides": d.verdict}
            for g, d in zip(certificate.groups, certificate.deciding, strict=True)
        ],
        "robust": [{"attribute": r.attribute, "group": r.group, "verdict": r.verdict, "words": r.words,
                    "recorded": list(r.recorded)} for r in certificate.robust or ()],
        "certificate": to_document(certificate, plan=plan, date=date),
    }  # fmt: skip


def flat(g: GroupVerdict) -> dict[str, Any]:
    """Return a verdict as one row."""
    row = {k: v for k, v in asdict(g).items() if k != "estimate"}
    return row | {
        "value": g.estimate.value,
        "low": g.estimate.low,
        "high": g.estimate.high,
        "reason": g.estimate.reason,
    }


def overall(judge: Judge, change: Change) -> dict[str, Any]:
    """Return the change for everyone together, with its one-sided limits; nothing is judged by it."""
    told_ = judge.usecase.no_harm
    assert told_ is not None
    n, units = change.pairs.by().n[0], change.units
    seen = alone(n) if units is None else unit_evidence(units, (), (), int(n.sum()))
    scale, rule = worth(judge.utility), bound(told_.bound)
    return {
        "value": estimate(seen, scale),
        "low": lower_limit(seen, scale, rule, told_.alpha, seed=judge.usecase.seed),
        "high": upper_limit(seen, scale, rule, told_.alpha, seed=judge.usecase.seed),
    }


def walked(judge: Judge, change: Change, plan: str, date: str) -> dict[str, Any] | None:
    """Return how far towards a repair nobody is shown to lose; None where there is nothing in between."""
    if change.decide is None:
        return None
    steps = {s: change.decide(s) for s in strengths(STEPS)}
    found: Walk = walk(
        list(steps),
        lambda s: (judge.pairs(steps[s]), judge.units(steps[s])),
        untouched=lambda _: change.untouched,
        **judge.terms(change.after.name),
    )
    stopped = found.refused.certificate if found.refused else None
    step = found.reached.certificate if found.strength else None
    if step is not None and found.strength < 1:  # the document is about the step, not about the whole repair
        step = replace(step, names=(step.names[0], f"{step.names[1]}, {found.strength:.0%} of the way"))
    return {
        "reached": found.strength,
        "words": found.words,
        "stopped_by": [v.group for v in stopped.deciding if v.verdict != CERTIFIED] if stopped else [],
        "steps": [{"share": s.strength, "status": s.status} for s in found.steps],
        "groups": [flat(g) for g in found.reached.certificate.groups] if found.reached.certificate else [],
        "certificate": None if step is None else to_document(step, plan=plan, date=date),
    }


def frontier(judge: Judge, change: Change) -> list[dict[str, Any]]:
    """Return the mean utility of everyone and of the worst-off group, at each step towards the repair.

    Worst off is the group named beforehand; without one, the group that has least, which is often the one in which the
    outcome is rarest.
    """
    told = judge.usecase.no_harm
    named = next(iter(told.worst_off.items())) if told is not None and told.worst_off else None
    made = {0.0: judge.before.decision, 1.0: change.after.decision}
    if change.decide is not None:
        made |= {s: change.decide(s) for s in strengths(FRONTIER)[1:-1]}
    rows = []
    for share in sorted(made):
        level = judge.levels_of(made[share])
        everyone = level.pop(EVERYONE)
        known = {k: v for k, v in level.items() if np.isfinite(v)}
        least = min(known, key=lambda k: known[k]) if known else EVERYONE
        worst = named if named in known else least
        rows.append(
            {
                "share": share,
                "kind": {0.0: "as it is", 1.0: "whole"}.get(share, "a step"),
                "everyone": everyone,
                "worst": known.get(worst, everyone),
                "worst_group": " ".join(worst).strip(),
            }
        )
    return rows


def ledger(judge: Judge, change: Change) -> list[dict[str, Any]]:
    """Return where each gap went, attribute by attribute: points, unweighted, for the people kept for the judgement."""
    return [
        {
            "attribute": CROSS.join(view),
            "of": metric,
            **ledger_of_pairs(change.pairs.by(*view), metric, judge.cut).row(),
        }
        for view in judge.views
        for metric in OF_LEDGER
    ]
