"""Comparators: what other toolkits would do about the gap, through fairlearn. None of them promises not to harm."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from primum.errors import MissingExtraError, PrimumError, unknown
from primum.mitigate.base import GivenScore, Repair, declared_threshold, outcomes, risks
from primum.mitigate.membership import membership

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Parity = Literal["equalized_odds", "demographic_parity", "true_positive_rate_parity", "false_positive_rate_parity"]
PARITIES: tuple[str, ...] = get_args(Parity)
NO_PROMISE = (
    "A comparator: it narrows a gap between groups on the people it was fitted on, promises nothing about anybody's "
    "loss, and may decide about equal patients by a coin."
)


class Comparator(Repair):
    """What the comparators share: `predict_proba` is the probability of being selected, and no longer a risk.

    Decisions are drawn from it with `random_state`: the same people in the same order get the same decisions.
    """

    random_state: int
    cost_without_group = (
        "Without group membership everyone is decided by the base model at the declared threshold: the parity that "
        "was bought is gone."
    )

    def predict(self, X: Any, *, group: Any = None) -> Ints:
        """Return the decision, drawn with `random_state` where it is randomised, shape (people,)."""
        if self.random_state is None:
            raise PrimumError("random_state is None, so decisions would differ from run to run.", expected="a number")
        p = self.predict_proba(X, group=group)[:, 1]
        draw = np.random.RandomState(self.random_state).rand(len(p))  # the draws of fairlearn
        return np.asarray(p >= draw, dtype=np.int64)


class FairlearnThresholds(Comparator):
    """Randomised thresholds per group by fairlearn's ThresholdOptimizer (Hardt, Price & Srebro 2016).

    Not valid as a repair of patients' care: see `NO_PROMISE`. Weights are refused, since fairlearn's search has none.

    Parameters
    ----------
    estimator, prefit
        The base model, and whether it is fitted already.
    threshold
        The declared threshold: for people in no known group.
    constraint
        "equalized_odds", "demographic_parity", "true_positive_rate_parity" or "false_positive_rate_parity".
    objective
        As fairlearn names them: "balanced_accuracy_score", "accuracy_score", …
    random_state
        Of the draws.

    Attributes
    ----------
    optimizer_
        The fitted ThresholdOptimizer; its X is the base model's risk.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        constraint: Parity = "equalized_odds",
        objective: str = "balanced_accuracy_score",
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.constraint = constraint
        self.objective = objective
        self.random_state = random_state

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any, sample_weight: Any = None) -> Self:
        """Fit the base model (unless `prefit`) and fairlearn's thresholds.

        Raises
        ------
        PrimumError
            If fairlearn is not installed, for weights, an unknown constraint or objective, or a group in which
            everyone has the same outcome.
        """
        _check(self.constraint, sample_weight)
        try:
            from fairlearn.postprocessing import ThresholdOptimizer
        except ImportError as cause:
            raise MissingExtraError("fairlearn", "comparators", "A comparator") from cause
        outcome = outcomes(y)
        members = membership(group, len(outcome))
        self._fit_base(X, outcome)
        optimizer = ThresholdOptimizer(
            estimator=GivenScore().fit(None), constraints=self.constraint, objective=self.objective, prefit=True,
            predict_method="predict_proba",
        )  # fmt: skip
        try:
            self.optimizer_ = optimizer.fit(
                self._base(X)[:, None], outcome, sensitive_features=members.cells.astype(object)
            )
        except ValueError as cause:
            raise PrimumError(
                f"fairlearn refused: {str(cause).strip().splitlines()[0]}",
                expected="people with and without the outcome in every group, and an objective that the constraint has",
                mend="join small groups, or leave them out of the comparison",
            ) from cause
        self.attributes_ = members.attributes
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return the probabilities of not being and being selected (not of the outcome), shape (people, 2).

        Whoever is in no known group is selected for certain from the declared threshold on.
        """
        score = self._base(X)
        rules = self.optimizer_.interpolated_thresholder_.interpolation_dict
        cells = None if group is None else membership(group, len(score)).cells
        p, known = np.zeros(len(score)), np.zeros(len(score), dtype=bool)
        for name, rule in rules.items() if cells is not None else ():
            own = cells == str(name)
            s = score[own]
            chance = rule.p0 * rule.operation0(s) + rule.p1 * rule.operation1(s)
            ignore = rule.get("p_ignore", 0.0)
            p[own] = (1 - ignore) * chance + (ignore * rule.prediction_constant if ignore else 0.0)
            known |= own
        if not known.all():
            p[~known] = score[~known] >= declared_threshold(self.threshold)
        return risks(p)

    def describe(self) -> dict[str, Any]:
        """Return what was learnt, JSON-ready."""
        rules = self.optimizer_.interpolated_thresholder_.interpolation_dict
        groups = [
            {
                "group": str(name),
                "mixture": [
                    {"chance": float(getattr(rule, f"p{k}")), "rule": repr(getattr(rule, f"operation{k}"))}
                    for k in (0, 1)
                ],
                "ignore": float(rule.get("p_ignore", 0.0)),
                "constant": float(rule.get("prediction_constant", 0.0)),
            }
            for name, rule in rules.items()
        ]
        return {
            "repair": type(self).__name__,
            "comparator": NO_PROMISE,
            "constraint": self.constraint,
            "attributes": list(self.attributes_),
            "threshold": self.threshold,
            "groups": groups,
            "cost_without_group": self.cost_without_group,
        }


class FairlearnReduction(Comparator):
    """A mixture of models trained under a parity constraint by fairlearn's ExponentiatedGradient (Agarwal et al. 2018).

    The base model is trained again and again on reweighted people, so it must be one that takes `sample_weight`. A
    false alarm costs t/(1 − t) of a missed case, as declared by the threshold. Not valid as a repair of patients'
    care: see `NO_PROMISE`.

    Parameters
    ----------
    estimator
        The base model; it is always trained (`prefit` must stay False).
    threshold
        The declared threshold, whose odds are the exchange rate.
    constraint
        As in `FairlearnThresholds`.
    allowed
        How far the constraint may be violated (fairlearn's `eps`).
    rounds
        At most so many.
    random_state
        Of the draws.

    Attributes
    ----------
    mixture_
        The fitted ExponentiatedGradient.
    """

    cost_without_group = "Nothing: membership is used in training only."

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        constraint: Parity = "equalized_odds",
        allowed: float = 0.01,
        rounds: int = 50,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.constraint = constraint
        self.allowed = allowed
        self.rounds = rounds
        self.random_state = random_state

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any, sample_weight: Any = None) -> Self:
        """Fit the base model and the mixture.

        Raises
        ------
        PrimumError
            If fairlearn is not installed, for weights, an unknown constraint, no threshold, or `prefit`.
        """
        _check(self.constraint, sample_weight)
        at = declared_threshold(self.threshold)
        if self.prefit:
            raise PrimumError("This comparator trains the model itself.", expected="prefit=False")
        try:
            from fairlearn import reductions
        except ImportError as cause:
            raise MissingExtraError("fairlearn", "comparators", "A comparator") from cause
        outcome = outcomes(y)
        members = membership(group, len(outcome))
        self._fit_base(X, outcome)
        name = {
            "equalized_odds": "EqualizedOdds",
            "demographic_parity": "DemographicParity",
            "true_positive_rate_parity": "TruePositiveRateParity",
            "false_positive_rate_parity": "FalsePositiveRateParity",
        }[self.constraint]
        mixture = reductions.ExponentiatedGradient(
            self.estimator,
            constraints=getattr(reductions, name)(difference_bound=self.allowed),
            objective=reductions.ErrorRate(costs={"fp": at, "fn": 1 - at}),
            eps=self.allowed,
            max_iter=self.rounds,
        )
        with warnings.catch_warnings():  # what fairlearn asks of pandas is not the user's affair
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            self.mixture_ = mixture.fit(X, outcome, sensitive_features=members.cells.astype(object))
        self.attributes_ = members.attributes
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:  # noqa: ARG002 - not needed at prediction
        """Return the probabilities of not being and being selected (not of the outcome), shape (people, 2)."""
        weights = np.asarray(self.mixture_.weights_, dtype=np.float64)
        p = np.zeros(len(self._base(X)))
        for weight, model in zip(weights, self.mixture_.predictors_, strict=True):
            if weight > 0:
                p += weight * np.asarray(model.predict(X), dtype=np.float64)
        return risks(p)

    def describe(self) -> dict[str, Any]:
        """Return what was learnt, JSON-ready."""
        return {
            "repair": type(self).__name__,
            "comparator": NO_PROMISE,
            "constraint": self.constraint,
            "attributes": list(self.attributes_),
            "threshold": self.threshold,
            "weights": [float(w) for w in self.mixture_.weights_],
            "violation": float(self.mixture_.best_gap_),
            "cost_without_group": self.cost_without_group,
        }


def _check(constraint: str, sample_weight: Any) -> None:
    if constraint not in PARITIES:
        raise unknown("constraint", str(constraint), PARITIES)
    if sample_weight is not None:
        raise PrimumError(
            "Weights were given, and the comparators of fairlearn cannot use them.",
            mend="leave out the weights; with weights, SameSensitivity and EqualizedOdds compare without coins",
        )
