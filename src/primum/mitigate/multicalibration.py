"""Multicalibration: risks that agree with what happened in many overlapping groups, at every level of risk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.mitigate.base import Repair, outcomes, risks
from primum.mitigate.corrections import in_range, multicalibrate
from primum.mitigate.membership import membership
from primum.mitigate.training import cross_scores, held_out

Floats = npt.NDArray[np.float64]


class MultiCalibration(Repair):
    """A model whose risks are corrected until they hold in many overlapping groups, at every level of risk.

    Needs many people who were not used in training: with small cells it fits chance, which `validation_fraction`
    guards against (without it, people not used in fitting may well get worse risks than before). Well calibrated
    models often have it already (Hansen et al. 2024, NeurIPS). Bins are tenths of the base model's risk, the
    declared threshold among their edges. Order within a group may change.

    Parameters
    ----------
    estimator
        The base model.
    threshold
        Risk from which `predict` says 1; also an edge of the bins.
    prefit
        The model is fitted already and X, y are *other* people. Otherwise corrections are learnt from cross-fitted
        scores, and the model then trained on everybody.
    alpha, least, rounds, rate, depth
        As in `multicalibrate`.
    bins
        Number of bins.
    validation_fraction
        Share of people (by outcome) held out to check each update; None: no check, everybody is fitted.
    cv, seed
        As in `GroupCalibration`; the seed also draws who is held out.

    Attributes
    ----------
    corrections_
        What was learnt.
    converged_
        Whether every cell that is large enough is α-calibrated on the fitting people.
    """

    cost_without_group: ClassVar[str] = (
        "The base model's risk is given as it is: corrections are made by group, so none is made. The same holds for "
        "people of a group of which nobody was seen in fitting."
    )

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        alpha: float = 0.01,
        bins: int = 10,
        least: int = 100,
        rounds: int = 1000,
        rate: float = 0.3,
        depth: int = 1,
        validation_fraction: float | None = 0.25,
        cv: Any = 5,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.alpha = alpha
        self.bins = bins
        self.least = least
        self.rounds = rounds
        self.rate = rate
        self.depth = depth
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any = None, sample_weight: Any = None) -> Self:
        """Train the base model (unless `prefit`) and learn the corrections.

        Raises
        ------
        PrimumError
            If groups are missing, a label is not 0/1, or a setting is out of range.
        """
        outcome = outcomes(y)
        people = membership(group, len(outcome))
        in_range(self.alpha, self.least, self.rounds, self.rate, self.depth)
        if self.bins < 1:
            raise PrimumError(f"bins is {self.bins!r}.", expected="at least 1")
        check = held_out(outcome, self.validation_fraction, seed=self.seed)
        self._fit_base(X, outcome, sample_weight)
        if self.prefit:
            score = self._base(X)
        else:
            score = cross_scores(self.estimator, X, outcome, sample_weight, cv=self.cv, seed=self.seed)
        declared = [] if self.threshold is None else [float(self.threshold)]
        inner = np.quantile(score[~check], np.arange(1, self.bins) / self.bins)
        self.corrections_ = multicalibrate(
            score,
            outcome,
            people,
            weight=sample_weight,
            alpha=self.alpha,
            edges=np.unique(np.concatenate([inner, declared])),
            least=self.least,
            rounds=self.rounds,
            rate=self.rate,
            depth=self.depth,
            held_out=check,
        )
        self.converged_ = not self.corrections_.left
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return corrected risks; without `group`, and for groups not seen, the base model's. Shape (people, 2)."""
        score = self._base(X)
        if group is None:
            return risks(score)
        return risks(self.corrections_.apply(score, membership(group, len(score))))

    def describe(self) -> dict[str, Any]:
        """Return updates in order, what is left, and the Brier score of fitting people before and after."""
        found = self.corrections_
        return {
            "repair": "multicalibration",
            "alpha": self.alpha,
            "scores": "of a fitted model, on other people" if self.prefit else "cross-fitted",
            "held_out": self.validation_fraction,
            "converged": self.converged_,
            "brier": {"before": found.start, "after": float(found.brier[-1])},
            "bins": found.edges.tolist(),
            "cells_too_small": found.small,
            "updates": [asdict(u) for u in found.updates],
            "left": [asdict(v) for v in found.left],
            "groups": {a: list(g) for a, g in found.known.items()},
        }
