"""Decoupled models: one model a group, where the group has the people for it; the pooled model elsewhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.mitigate.base import Repair, outcomes, risks
from primum.mitigate.membership import membership
from primum.mitigate.training import sample_weights, trained

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Whose:
    """Which model a group has: its own, or the pooled one and why."""

    group: str
    n: int
    events: int
    own: bool
    words: str


class Decoupled(Repair):
    """One model a group, trained on its people only; groups with too few cases keep the pooled model.

    A group gains where what predicts the outcome differs between groups, and loses where its own people are fewer
    than the model needs: ask `fair_use` and `envy` on held-out people before it is used. Groups that differ in how
    the outcome is recorded learn the record.
    Sources: Dwork, Immorlica, Kalai & Leiserson (2018), FAT*, PMLR 81:119-133; Ustun, Liu & Parkes (2019), ICML.

    Parameters
    ----------
    estimator
        The base model; a copy is trained for each group.
    threshold
        Risk from which `predict` says 1.
    prefit
        The pooled model is fitted already and taken over; groups' own models are trained on X, y.
    least_events
        People with, and as many without, the outcome that a group needs for a model of its own.
    seed
        For an estimator that leaves `random_state` open.

    Attributes
    ----------
    models_
        Group → its own model (with several attributes: by cell of all).
    whose_
        One entry a group: which model it has.
    """

    cost_without_group: ClassVar[str] = (
        "The pooled model's risk is given: what a group's own model had gained is lost. The same holds for groups of "
        "which nobody was seen in fitting."
    )

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        least_events: int = 50,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.least_events = least_events
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any = None, sample_weight: Any = None) -> Self:
        """Train the pooled model (unless `prefit`) and one model for each group that is large enough.

        Raises
        ------
        PrimumError
            If groups are missing, a label is not 0/1, or `least_events` is below 1.
        """
        from sklearn.utils import _safe_indexing

        outcome = outcomes(y)
        cells = membership(group, len(outcome)).cells
        if self.least_events < 1:
            raise PrimumError(f"least_events is {self.least_events!r}.", expected="a whole number, at least 1")
        weight = None if sample_weight is None else sample_weights(sample_weight, len(outcome))
        self._fit_base(X, outcome, weight)
        self.models_: dict[str, Any] = {}
        told = []
        for name in np.unique(cells).tolist():
            own = np.flatnonzero(cells == name)
            n, events = len(own), int(outcome[own].sum())
            rarer = min(events, n - events)
            large = rarer >= self.least_events
            if large:
                mine = None if weight is None else weight[own]
                self.models_[name] = trained(self.estimator, _safe_indexing(X, own), outcome[own], mine, seed=self.seed)
            kind = "with" if events <= n - events else "without"
            words = (
                f"Its own model, trained on {n:,} people."
                if large
                else f"Keeps the pooled model: {rarer} people {kind} the outcome, {self.least_events} are needed."
            )
            told.append(Whose(name, n, events, large, words))
        self.whose_ = tuple(told)
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return each person's risk by the model of the group, the pooled one without `group`. Shape (people, 2)."""
        from sklearn.utils import _safe_indexing

        score = np.array(self._base(X), dtype=np.float64)
        if group is not None:
            cells = membership(group, len(score)).cells
            for name, model in self.models_.items():
                own = np.flatnonzero(cells == name)
                if own.size:
                    score[own] = np.asarray(model.predict_proba(_safe_indexing(X, own)), dtype=np.float64)[:, 1]
        return risks(score)

    def swapped(self, X: Any) -> dict[str, Floats]:
        """Return the risk that everybody would get as a member of each group: what `envy` compares.

        Groups that keep the pooled model are left out; shape (people,) each.
        """
        return {name: np.asarray(m.predict_proba(X), dtype=np.float64)[:, 1] for name, m in self.models_.items()}

    def describe(self) -> dict[str, Any]:
        """Return which model each group has."""
        return {
            "repair": "decoupled models",
            "rule": f"a model of its own from {self.least_events} people with and as many without the outcome",
            "groups": [asdict(w) for w in self.whose_],
        }
