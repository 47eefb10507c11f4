"""The algorithms that a propagation study compares: each is trained on the record and answers about other people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.errors import PrimumError, unknown
from primum.stress.logistic import Logistic
from primum.stress.parity import Goal, alike, equal_shares, filled, top, top_by_group

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
UNCORRECTED, ORACLE = "uncorrected", "oracle"


@dataclass(frozen=True)
class Rule:
    """Who is selected: everybody at or above `threshold`, or the `capacity` share with the highest risks.

    Attributes
    ----------
    threshold, capacity
        One of them.
    exchange
        The risk whose odds say how many false alarms a case found is worth.
    margin, alpha
        Of the no-harm certificate.
    fitted_to
        Whose record group thresholds are fitted to: "training" or "judged" people.
    penalty
        Of every logistic regression.
    """

    threshold: float | None
    capacity: float | None
    exchange: float
    margin: float
    alpha: float
    fitted_to: str = "training"
    penalty: float = 1e-6


@dataclass(frozen=True)
class Case:
    """One population with one record: what an arm is given.

    Attributes
    ----------
    x
        Features without the group, shape (people, features).
    codes, labels
        Group of each person, shape (people,), and the groups' names.
    record, truth
        0/1, shape (people,); the record NaN where nothing was recorded. Only the oracle and what is "known" of the
        record's errors look at the truth.
    train, judged
        Who trains, and who is judged; nobody is both.
    rule
        Who is selected.
    seed
        Of arms with chance in them.
    """

    x: Floats
    codes: Ints
    labels: tuple[str, ...]
    record: Floats
    truth: Floats
    train: Bools
    judged: Bools
    rule: Rule
    seed: int = 0

    @cached_property
    def wide(self) -> Floats:
        """The features and a column for each group but the first, shape (people, columns)."""
        return np.column_stack([self.x, np.eye(len(self.labels))[self.codes][:, 1:]])

    @cached_property
    def learn(self) -> Bools:
        """Who trains and has a record."""
        return self.train & np.isfinite(self.record)

    @cached_property
    def names(self) -> npt.NDArray[np.str_]:
        """The group's name of each person, shape (people,)."""
        return np.array(self.labels, dtype=np.str_)[self.codes]

    @cached_property
    def risk(self) -> Floats:
        """What the uncorrected model says of everybody, shape (people,)."""
        return self.fitted(self.wide, self.record, self.learn)

    @cached_property
    def places(self) -> int:
        """How many are selected among those judged: the capacity, or as many as the uncorrected model selects."""
        if self.rule.capacity is not None:
            return round(self.rule.capacity * int(self.judged.sum()))
        return int((self.risk[self.judged] >= float(self.rule.threshold or 0.0)).sum())

    @cached_property
    def errors(self) -> dict[str, tuple[float, float]]:
        """Group → (e₀, e₁) of the record among the training people: what a validation of all of them would find."""
        found = {}
        for g, name in enumerate(self.labels):
            own = self.learn & (self.codes == g)
            no, yes = (self.record[own & (self.truth == v)] for v in (0, 1))
            found[name] = (float(no.mean()) if no.size else 0.0, float(1 - yes.mean()) if yes.size else 0.0)
        return found

    def fitted(self, x: Floats, y: Floats, who: Bools, weight: Floats | None = None) -> Floats:
        """Return the risk of everybody by a logistic regression trained on `who`."""
        both_outcomes(y[who])
        return Logistic(self.rule.penalty).fit(x[who], y[who], weight).risk(x)

    def select(self, risk: Floats) -> Bools:
        """Return who is selected among those judged, by one rule for all, shape (judged,)."""
        own = risk[self.judged]
        return top(own, self.places) if self.rule.threshold is None else own >= self.rule.threshold


@dataclass(frozen=True)
class Answer:
    """What an arm says of the people judged.

    Attributes
    ----------
    risk
        Shape (judged,); the uncorrected model's where the arm changes decisions alone.
    selected
        Shape (judged,).
    told
        What was learnt, JSON-ready.
    """

    risk: Floats
    selected: Bools
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """An algorithm: its name, what it does in one sentence, and the function that does it."""

    name: str
    words: str
    run: Callable[[Case], Answer]


def both_outcomes(y: Floats) -> None:
    """Refuse to train on people of one outcome.

    Raises
    ------
    PrimumError
        If nobody, or everybody, has it.
    """
    if not 0 < float(y.sum()) < y.size:
        raise PrimumError(
            f"{int(y.sum())} of {y.size} training people have the outcome on record.",
            expected="people with and people without it",
            mend="lower the dose, or take more people",
        )


def _plain(case: Case, risk: Floats, **told: Any) -> Answer:
    return Answer(risk[case.judged], case.select(risk), told)


def _uncorrected(case: Case) -> Answer:
    return _plain(case, case.risk)


def _blind(case: Case) -> Answer:
    return _plain(case, case.fitted(case.x, case.record, case.learn))


def _oracle(case: Case) -> Answer:
    return _plain(case, case.fitted(case.wide, case.truth, case.train))


def _reweighing(case: Case) -> Answer:
    from primum.mitigate.reweighing import reweigh

    both_outcomes(case.record[case.learn])
    weight, _ = reweigh(case.record[case.learn], case.names[case.learn])
    return _plain(case, case.fitted(case.wide, case.record, case.learn, weight))


def _demographic(case: Case) -> Answer:
    own, codes = case.risk[case.judged], case.codes[case.judged]
    shares = equal_shares(codes, len(case.labels), case.places)
    return Answer(own, top_by_group(own, codes, shares))


def _parity(goal: Goal) -> Callable[[Case], Answer]:
    def run(case: Case) -> Answer:
        judged = case.rule.fitted_to == "judged"
        fit = case.judged & np.isfinite(case.record) if judged else case.learn
        if case.rule.threshold is not None:
            return _by_thresholds(case, fit, goal)
        own, codes, groups = case.risk[case.judged], case.codes[case.judged], len(case.labels)
        share = case.places / int(case.judged.sum())
        wanted = round(share * int(fit.sum()))
        places = alike(case.risk[fit], case.record[fit] == 1, case.codes[fit], groups, wanted, goal)
        if not judged:
            part = places / np.maximum(np.bincount(case.codes[fit], minlength=groups), 1)
            people = np.bincount(codes, minlength=groups)
            places = filled(part * people, people, case.places)
        return Answer(own, top_by_group(own, codes, places), {"places": dict(zip(case.labels, places, strict=True))})

    return run


def _by_thresholds(case: Case, fit: Bools, goal: Goal) -> Answer:
    from primum.mitigate.equalized_odds import equalized_odds, same_sensitivity
    from primum.tally.count import count

    at = float(case.rule.threshold or 0.0)
    frame = pl.DataFrame({"risk": case.risk[fit], "record": case.record[fit], "group": case.names[fit]})
    tally = count(frame, "record", "risk", "group", thresholds=(at,))
    found = same_sensitivity(tally, at) if goal == "opportunity" else equalized_odds(tally, at)
    own = case.risk[case.judged]
    selected = found.decide(own, case.names[case.judged]) == 1
    return Answer(own, selected, {"thresholds": dict(zip(found.groups, found.thresholds, strict=True))})


def _no_harm(case: Case) -> Answer:
    from primum.mitigate.group_calibration import GroupCalibration
    from primum.mitigate.no_harm import NoHarm

    both_outcomes(case.record[case.learn])
    cut = case.rule.threshold
    if cut is None:
        cut = float(np.quantile(case.risk[case.train], 1 - float(case.rule.capacity or 0.0)))
    repair = NoHarm(
        Logistic(case.rule.penalty),
        GroupCalibration(None),
        threshold=cut,
        margin=case.rule.margin,
        alpha=case.rule.alpha,
        random_state=case.seed,
    ).fit(case.wide[case.learn], case.record[case.learn], group=case.names[case.learn])
    group = case.names[case.judged]
    risk = repair.predict_proba(case.wide[case.judged], group=group)[:, 1]
    chosen = top(risk, case.places) if case.rule.threshold is None else risk >= cut
    return Answer(risk, chosen, {"strength": repair.lambda_, "words": repair.words_})


def _surrogate(case: Case) -> Answer:
    from primum.learn.surrogate import SurrogateLogistic

    both_outcomes(case.record[case.learn])
    model = SurrogateLogistic(case.errors, penalty=max(case.rule.penalty, 1e-6))
    model.fit(case.wide[case.learn], case.record[case.learn], group=case.names[case.learn])
    return _plain(case, model.predict_proba(case.wide)[:, 1], errors=case.errors)


def _divided(case: Case) -> Answer:
    from primum.measure.recording import errors_by_group

    e0, e1 = errors_by_group(case.labels, case.errors)
    risk = (case.risk - e0[case.codes]) / (1 - e0 - e1)[case.codes]
    return _plain(case, np.clip(risk, 0.0, 1.0), errors=case.errors)


def _purple(case: Case) -> Answer:
    from primum.learn.purple import Purple

    both_outcomes(case.record[case.learn])
    model = Purple(penalty=case.rule.penalty)
    model.fit(case.x[case.learn], case.record[case.learn], group=case.names[case.learn])
    risk = model.predict_proba(case.x)[:, 1]
    seen = case.judged & np.isfinite(case.record)
    rows = model.relative_prevalence(
        case.x[seen], group=case.names[seen], reference=case.labels[-1], y=case.record[seen]
    )
    told = [{k: r[k] for k in ("group", "reference", "relative_prevalence", "recorded", "recording")} for r in rows]
    own = risk[case.judged]
    return Answer(own, top(own, case.places), {"recording": model.k_, "relative": told})


ARMS: dict[str, Arm] = {
    a.name: a
    for a in (
        Arm(UNCORRECTED, "Logistic regression on the record, with the group as a feature.", _uncorrected),
        Arm("group-blind", "The same without the group.", _blind),
        Arm("equalized odds", "The uncorrected risks with thresholds for each group that bring sensitivity and false "
            "positives on the record together.", _parity("odds")),
        Arm("equal opportunity", "The uncorrected risks with thresholds for each group that give all groups the same "
            "sensitivity on the record.", _parity("opportunity")),
        Arm("demographic parity", "The uncorrected risks; the same share of every group is selected, as many as before "
            "in all.", _demographic),
        Arm("reweighing", "Trained with weights under which the record does not depend on the group.", _reweighing),
        Arm("no harm", "Recalibrated by group as far as a certificate on the record allows; its base model is trained "
            "on two fifths of the training people, the others fit and certify the repair.", _no_harm),
        Arm("surrogate loss", "Trained on the record with the loss of the truth; the record's error rates are known.",
            _surrogate),
        Arm("divided by c", "The uncorrected risks, corrected by the record's known error rates.", _divided),
        Arm("PURPLE", "Relative prevalence and recording learnt together, without knowing the error rates. Its level "
            "is not identified, so it selects as many as the uncorrected model.", _purple),
        Arm(ORACLE, "Trained on the truth, with the group as a feature: what nobody has.", _oracle),
    )
}  # fmt: skip


def arm(name: str) -> Arm:
    """Return the arm of this name.

    Raises
    ------
    PrimumError
        If there is none.
    """
    if name not in ARMS:
        raise unknown("arm", name, list(ARMS))
    return ARMS[name]
