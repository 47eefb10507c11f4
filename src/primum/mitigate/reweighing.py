"""Reweighing: weights under which the outcome is independent of the group, and a model trained with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.kernel import divide
from primum.mitigate.base import Repair, outcomes, risks
from primum.mitigate.membership import membership
from primum.mitigate.training import not_prefit, sample_weights, trained

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellWeight:
    """What reweighing does to one group: factors for people without and with the outcome, prevalence before, after.

    `reason` says why a group keeps its weights; "" where it is reweighed.
    """

    group: str
    n: int
    events: int
    without_outcome: float
    with_outcome: float
    prevalence: float
    weighted_prevalence: float
    reason: str = ""


def reweigh(
    outcome: npt.ArrayLike, cells: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> tuple[Floats, tuple[CellWeight, ...]]:
    """Return weights W_g · W_y / (W · W_gy) times the given ones, shape (people,), and what they are by group.

    In the weighted people every group has the same prevalence, that of everyone before: the disparate impact of the
    labels is 1 exactly. Each group keeps its total weight, and so does each outcome. A group with nobody with, or
    nobody without, the outcome cannot be made like the others by any weight: it keeps its weights, is said, and the
    others are reweighed among themselves.
    Source: Kamiran & Calders (2012), Knowl Inf Syst 33:1-33.

    Parameters
    ----------
    outcome
        0/1, shape (people,).
    cells
        One label a person (disjoint groups), shape (people,).
    weight
        Sample weights to start from.

    Raises
    ------
    PrimumError
        If not a single group has people with and without the outcome.
    """
    y, labels = outcomes(outcome), np.asarray(cells)
    w = sample_weights(weight, len(y))
    names, at = np.unique(labels, return_inverse=True)
    people = np.bincount(2 * at + y, minlength=2 * len(names)).reshape(-1, 2)
    mass = np.bincount(2 * at + y, weights=w, minlength=2 * len(names)).reshape(-1, 2)
    both = np.asarray((mass > 0).all(axis=1))
    if not both.any():
        raise PrimumError(
            f"All {len(names)} groups have people of one outcome only: {', '.join(names[:8].tolist())}"
            + (" …" if len(names) > 8 else "."),
            expected="people with and without the outcome in a group (of several attributes: in a cell)",
            mend="put small groups together, or give fewer attributes",
        )
    own = mass[both]
    factor = np.ones_like(mass)
    factor[both] = own.sum(1, keepdims=True) * own.sum(0) / (own.sum() * own)
    after = mass * factor
    told = tuple(
        CellWeight(
            group=str(g),
            n=int(people[k].sum()),
            events=int(people[k, 1]),
            without_outcome=float(factor[k, 0]),
            with_outcome=float(factor[k, 1]),
            prevalence=float(divide(mass[k, 1], mass[k].sum())),
            weighted_prevalence=float(divide(after[k, 1], after[k].sum())),
            reason=""
            if both[k]
            else f"keeps its weights: {'everybody' if mass[k, 1] else 'nobody'} in it has the outcome",
        )
        for k, g in enumerate(names)
    )
    return w * factor[at, y], told


class Reweighing(Repair):
    """A model trained on people reweighed so that the outcome is independent of the group.

    Not valid where prevalence truly differs between groups and risks are to be believed: the model is then made to
    predict too much where the outcome is rarer and too little where it is more common. It addresses labels whose
    frequency is an artefact of how they were recorded.

    Parameters
    ----------
    estimator
        Any classifier that can be trained with sample weights.
    threshold
        Risk from which `predict` says 1.
    prefit
        Must be False: reweighing is a training.
    seed
        For an estimator that leaves `random_state` open.

    Attributes
    ----------
    weights_
        What was learnt, one entry a group (with several attributes: a cell of all).
    """

    cost_without_group: ClassVar[str] = "Nothing: membership is used in training only."

    def __init__(self, estimator: Any, *, threshold: float | None = None, prefit: bool = False, seed: int = 0) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any = None, sample_weight: Any = None) -> Self:
        """Weigh and train.

        Raises
        ------
        PrimumError
            As `reweigh`; if the estimator takes no weights; with `prefit`.
        """
        not_prefit(self.prefit, "Reweighing")
        outcome = outcomes(y)
        weight, self.weights_ = reweigh(outcome, membership(group, len(outcome)).cells, sample_weight)
        self.estimator_ = trained(self.estimator, X, outcome, weight, seed=self.seed)
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:  # noqa: ARG002 - not needed here
        """Return the risks of the model trained with weights, shape (people, 2)."""
        return risks(self._base(X))

    def describe(self) -> dict[str, Any]:
        """Return the weights by group, who keeps theirs, and lowest over highest prevalence of those reweighed."""
        reweighed = [c for c in self.weights_ if not c.reason]
        before, after = ([getattr(c, k) for c in reweighed] for k in ("prevalence", "weighted_prevalence"))
        return {
            "repair": "reweighing",
            "rule": "weight = share of the group × share of the outcome / share of both",
            "lowest_over_highest_prevalence": {
                "before": min(before) / max(before),
                "after": min(after) / max(after),
            },
            "left_as_they_are": [c.group for c in self.weights_ if c.reason],
            "groups": [
                {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in asdict(c).items()}
                for c in self.weights_  # NaN where a group has no weight at all
            ],
        }


def _plain(c: CellWeight) -> dict[str, Any]:
    """Return one group, JSON-ready: a prevalence of people whose weights are all 0 is null."""
    return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in asdict(c).items()}
