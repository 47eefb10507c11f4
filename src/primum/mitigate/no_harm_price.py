"""Only so many can be seen: what a new score costs in extra places if no group may have fewer of its cases found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.capacity import SLACK, price, reaching, within
from primum.measure.kernel import divide
from primum.measure.steps import steps
from primum.mitigate.base import outcomes
from primum.mitigate.group_thresholds import GroupThresholds, ThresholdRepair, chosen, tallied
from primum.mitigate.membership import membership
from primum.tally.score import ScoreTally

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NoHarmPrice:
    """The price of no harm, in places; people are weighted where the tally is.

    Attributes
    ----------
    capacity, places
        The share of people who can be seen, and how many that is.
    needed
        The fewest places with which every group keeps its sensitivity, each with its own threshold.
    extra, spare
        max(0, needed − places), and max(0, places − needed).
    extra_lowered
        Extra places if nobody may lose the place that the new score gives at one threshold for all.
    extra_one
        Extra places if there may be only one threshold for all.
    owed, has, own
        Sensitivity of each group: with the score in use at this capacity (NaN: no cases), with the new score at one
        threshold and the same capacity, and with `thresholds`; shape (groups,).
    minimum
        Places that each group needs to keep what it is owed, shape (groups,).
    thresholds
        The plan: what each group needs, and spare places to the highest scores left.
    """

    capacity: float
    places: float
    needed: float
    extra: float
    spare: float
    extra_lowered: float
    extra_one: float
    owed: Floats
    has: Floats
    own: Floats
    minimum: Floats
    thresholds: GroupThresholds

    def rows(self) -> list[dict[str, Any]]:
        """Return one JSON-ready row a group."""
        after = self.thresholds.after
        columns = {
            "owed": self.owed, "has": self.has, "own": self.own, "minimum": self.minimum,
            "places": after.tp + after.fp, "threshold": self.thresholds.thresholds,
        }  # fmt: skip
        return [
            {"group": g, **{k: float(v[i]) if np.isfinite(v[i]) else None for k, v in columns.items()}}
            for i, g in enumerate(self.thresholds.groups)
        ]


def no_harm_price(new: ScoreTally, old: ScoreTally, share: float) -> NoHarmPrice:
    """Return how many more places `new` needs so that no group has fewer of its cases found than with `old`.

    Δk such that TPR_g(new, k + Δk) ≥ TPR_g(old, k) for every group g. A group's places and cases found both rise as
    its threshold falls, and groups share nothing but the places, so each takes its highest threshold that reaches
    what it is owed: the sum of these places is the least there is, without searching combinations. Places that are
    then left over go to the highest scores of all groups, from one more common threshold on. People who share a step
    of the score wait together.

    Not valid out of sample: thresholds are read off these people, so a small group looks dearer or cheaper than it is.
    Not valid where a place is worth more to one group than to another.

    Raises
    ------
    PrimumError
        For a share outside (0, 1], or tallies of different people: other groups or another number of cases.
    """
    told = price(new, old, share)  # also refuses a wrong share and different groups
    if (new.people() != old.people()).any():
        raise PrimumError("The two scores were tallied for different people.", expected="both scores of each person")
    everyone, before = steps(new.by(), 0), steps(old.by(), 0)
    total, places = everyone.everyone, everyone.everyone * share
    common = int(everyone.labels[within(everyone, share)])
    was, now = old.at_label(int(before.labels[within(before, share)])), new.at_label(common)
    owed, has = divide(was.tp, was.tp + was.fn), divide(now.tp, now.tp + now.fn)
    least = np.empty(len(new.groups), dtype=np.int64)
    minimum = np.zeros(len(new.groups))
    reasons = [""] * len(new.groups)
    for i in range(len(new.groups)):
        s = steps(new, i)
        k = reaching(s, float(owed[i])) if np.isfinite(owed[i]) else len(s.labels) - 1
        least[i], minimum[i] = s.labels[k], s.selected[k]
        if not np.isfinite(owed[i]):
            reasons[i] = "nobody with the outcome in this group: nothing can be owed to it"
    needed = float(minimum.sum())
    labels = least if needed > places * (1 + SLACK) else _filled(new, least, everyone.labels, places)
    plan = chosen(new, float(new.grid.value(common)), labels, reasons, common=common)
    return NoHarmPrice(
        capacity=share,
        places=places,
        needed=needed,
        extra=max(0.0, needed - places),
        spare=max(0.0, places - needed),
        extra_lowered=told["extra_own"] * total / 1000,
        extra_one=told["extra_one"] * total / 1000,
        owed=owed,
        has=has,
        own=divide(plan.after.tp, plan.after.tp + plan.after.fn),
        minimum=minimum,
        thresholds=plan,
    )


def _filled(new: ScoreTally, least: Ints, labels: Ints, places: float) -> Ints:
    """Return the thresholds when spare places go to the highest scores left: the lowest common one that still fits."""
    low, high = 0, len(labels) - 1  # the highest label adds nobody
    while low < high:
        middle = (low + high) // 2
        c = new.at_label(np.minimum(least, labels[middle]))
        if float((c.tp + c.fp).sum()) <= places * (1 + SLACK):
            high = middle
        else:
            low = middle + 1
    return np.asarray(np.minimum(least, labels[high]), dtype=np.int64)


class NoHarmPlaces(ThresholdRepair):
    """Give out the places of a programme by a new score so that no group has fewer of its cases found than before.

    Parameters
    ----------
    estimator, prefit
        The new model, and whether it is fitted already.
    in_use
        The fitted model that gives out the places now; it reads the same X.
    capacity
        The share of people who can be seen; there is no usual value.
    threshold
        Not used: places, not risks, decide. Kept so that all repairs are made alike.

    Attributes
    ----------
    price_
        `NoHarmPrice`: the plan needs `price_.extra` places more than there are.
    """

    def __init__(
        self,
        estimator: Any,
        in_use: Any = None,
        *,
        capacity: float | None = None,
        threshold: float | None = None,
        prefit: bool = False,
    ) -> None:
        self.estimator = estimator
        self.in_use = in_use
        self.capacity = capacity
        self.threshold = threshold
        self.prefit = prefit

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any, sample_weight: Any = None) -> Self:
        """Fit the new model (unless `prefit`) and plan the places.

        Raises
        ------
        PrimumError
            Without a capacity, a model in use, or group membership.
        """
        if self.in_use is None or self.capacity is None:
            raise PrimumError(
                "The price of no harm needs the model in use and the capacity of the programme.",
                expected="in_use=… (fitted) and capacity=…, a share of the people",
            )
        members = membership(group, len(outcomes(y)))
        self._fit_base(X, y, sample_weight)
        old = np.asarray(self.in_use.predict_proba(X), dtype=np.float64)[:, 1]
        views = [tallied(score, y, members, 0.5, sample_weight) for score in (self._base(X), old)]
        self.price_ = no_harm_price(views[0], views[1], float(self.capacity))
        self.attributes_, self.thresholds_ = members.attributes, self.price_.thresholds
        return self

    def describe(self) -> dict[str, Any]:
        """Return what was learnt, JSON-ready."""
        p = self.price_
        names = ("capacity", "places", "needed", "extra", "spare", "extra_lowered", "extra_one")
        return {**super().describe(), **{k: float(getattr(p, k)) for k in names}, "groups": p.rows()}
