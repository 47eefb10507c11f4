"""A model with expert rules on top, which answers as a repair does and is certified like one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted

from primum.errors import PrimumError
from primum.learn.label_noise import group_labels
from primum.learn.prior.columns import labels_of, names_of
from primum.learn.prior.prior_logistic import decided
from primum.learn.prior.rules import Rule, applies, bounds, words

Floats = npt.NDArray[np.float64]


class ExpertRules(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A model with expert rules on top. It answers as a repair does, so that it can be certified like one.

    Rules do harm as models do: each one that selects more people costs false alarms in some group, and each one that
    caps a risk may lose cases. Certify them on people who had no part in either.

    Parameters
    ----------
    estimator
        The base model.
    rules
        From `rule`. All hold at once; where they ask for opposite things of one person, fit and predict refuse.
    names, levels
        Names of the columns of X and the levels of those that hold codes (as in `Matrix`); a frame brings its own.
    threshold
        Of the decision; "always" and "never" need it.
    prefit
        Whether the base model is fitted already.

    Attributes
    ----------
    estimator_, classes_
        The fitted base model, array([0, 1]).
    touched_
        What each rule did to whom, among those given to `fit`.
    """

    cost_without_group = "Nothing: the rules do not ask for the group."

    def __init__(
        self,
        estimator: Any,
        *,
        rules: Sequence[Rule] = (),
        names: Sequence[str] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
        threshold: float | None = None,
        prefit: bool = False,
    ) -> None:
        self.estimator = estimator
        self.rules = rules
        self.names = names
        self.levels = levels
        self.threshold = threshold
        self.prefit = prefit

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any = None, sample_weight: Any = None) -> Self:
        """Fit (or take over) the base model, check the rules on these people and note whom they touch, by group.

        Raises
        ------
        PrimumError
            For a rule about a column that is not there or holds another kind of values, rules that contradict each
            other for somebody here, or a selection without a threshold.
        """
        if not self.rules:
            raise PrimumError("There are no expert rules.", expected="rules=[rule(…), …]")
        self.names_ = names_of(X, self.names)
        outcome = labels_of(y, len(X))
        if self.prefit:
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
        else:
            extra = {} if sample_weight is None else {"sample_weight": sample_weight}
            self.estimator_ = clone(self.estimator).fit(X, outcome.astype(np.int64), **extra)
        self.classes_ = np.array([0, 1])
        self.touched_ = self._touched(X, outcome, group)
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:  # noqa: ARG002 - a repair's signature
        """Return the probabilities of outcome 0 and 1 under the rules, shape (people, 2).

        Raises
        ------
        PrimumError
            Where the rules contradict each other for somebody.
        """
        check_is_fitted(self, "estimator_")
        low, high = self._limits(X)
        p = np.clip(self._base(X), low, high)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any, *, group: Any = None) -> npt.NDArray[np.int64]:
        """Return the decision, 1 where the risk under the rules reaches the threshold, shape (people,)."""
        return decided(self.predict_proba(X, group=group)[:, 1], self.threshold)

    def describe(self) -> dict[str, Any]:
        """Return the rules in words and whom each touched, JSON-ready."""
        check_is_fitted(self, "estimator_")
        return {
            "rules": [{"name": r.name, "words": words(r, self.threshold), "reason": r.reason} for r in self.rules],
            "touched": self.touched_,
        }

    def _base(self, X: Any) -> Floats:
        return np.asarray(self.estimator_.predict_proba(X), dtype=np.float64)[:, 1]

    def _limits(self, X: Any) -> tuple[Floats, Floats]:
        """Return the least and greatest risk that the rules leave each person."""
        low, high = np.zeros(len(X)), np.ones(len(X))
        by = np.full(len(X), -1), np.full(len(X), -1)
        for i, r in enumerate(self.rules):
            holds = applies(r, X, self.names_, self.levels or {})[0]
            least, greatest = bounds(r, self.threshold)
            up, down = holds & (least > low), holds & (greatest < high)
            low[up], high[down] = least, greatest
            by[0][up], by[1][down] = i, i
        clash = np.flatnonzero(low > high)
        if clash.size:
            one, other = (self.rules[int(b[clash[0]])].name for b in by)
            raise PrimumError(
                f"The rules '{one}' and '{other}' contradict each other for {clash.size} people: at least "
                f"{low[clash[0]]:g} and at most {high[clash[0]]:g}.",
                expected="rules that can hold together for everyone",
                mend="let one of them exclude the other's people by a further condition",
            )
        return low, high

    def _touched(self, X: Any, outcome: Floats, group: Any) -> list[dict[str, Any]]:
        labels = np.full(len(outcome), "everyone") if group is None else group_labels(group, len(outcome))
        before, cut = self._base(X), self.threshold
        self._limits(X)  # refuses contradictions
        told = []
        for r in self.rules:
            holds, unclear = applies(r, X, self.names_, self.levels or {})
            after = np.where(holds, np.clip(before, *bounds(r, cut)), before)
            for g in np.unique(labels):
                own = labels == g
                row: dict[str, Any] = {
                    "rule": r.name, "group": str(g), "people": int(own.sum()), "holds": int((own & holds).sum()),
                    "cases": int(outcome[own & holds].sum()), "unknown": int((own & unclear).sum()),
                    "changed": int((own & (after != before)).sum()),
                }  # fmt: skip
                if cut is not None:
                    row["selected_in_addition"] = int((own & (before < cut) & (after >= cut)).sum())
                    row["no_longer_selected"] = int((own & (before >= cut) & (after < cut)).sum())
                told.append(row)
        return told


class KnownRisks(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A model that was run elsewhere, on these very people: its risks in their order, whatever X is.

    With it, rules are put on top of cross-fitted risks. Rules that were written beforehand learn nothing from anybody,
    so they can be certified on all people whose risk is honest.
    """

    def __init__(self, risk: Floats) -> None:
        self.risk = risk

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Do nothing: the risks are known."""
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the risks as probabilities, shape (people, 2).

        Raises
        ------
        PrimumError
            For another number of people.
        """
        if len(X) != len(self.risk):
            raise PrimumError(
                f"There are {len(self.risk)} known risks and {len(X)} people.", expected="the same people"
            )
        return np.column_stack([1 - self.risk, self.risk])

    def __sklearn_is_fitted__(self) -> bool:
        """Say that it is always fitted."""
        return True
