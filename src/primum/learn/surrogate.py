"""Logistic regression on a noisy record whose error rates are known: the loss of the truth, from the record alone.

With error rates (e₀, e₁) of each group, ℓ̃(f,1) = [(1−e₀) ℓ(f,1) − e₁ ℓ(f,0)]/(1−e₀−e₁) and
ℓ̃(f,0) = [(1−e₁) ℓ(f,0) − e₀ ℓ(f,1)]/(1−e₀−e₁) have, in the mean over records given the truth, the value ℓ(f,Y).
Sources: Natarajan, Dhillon, Ravikumar & Tewari (2013), NeurIPS 26; by group, Wang, Liu & Levy (2021), FAccT,
doi 10.1145/3442188.3445915.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.label_noise import (
    CONTRADICTED,
    UNCHECKABLE,
    UNCONTRADICTED,
    RecordedOutcome,
    bands,
    binary,
    case_weights,
    fractional_logistic,
    group_labels,
    observed_expected,
    tells,
)
from primum.measure.recording import Errors, checked_errors, errors_by_group

Floats = npt.NDArray[np.float64]
BANDS = 5
RANDOM = "within a group, the record depends on the outcome alone"
KNOWN = "the error rates are those of these people"


def surrogate_loss(
    loss: Callable[[Floats, int], Floats], score: npt.ArrayLike, record: npt.ArrayLike, e0: Any, e1: Any
) -> Floats:
    """Return ℓ̃(score, record): the loss whose mean over records, given the truth, is the loss of the truth.

    Parameters
    ----------
    loss
        (score, outcome 0 or 1) → loss.
    score, record
        Shape (...,); the record is 0/1.
    e0, e1
        P(recorded | no case) and P(not recorded | case), broadcast.
    """
    no, yes = checked_errors(e0, e1)
    f, s = np.asarray(score, dtype=np.float64), np.asarray(record)
    informative = 1 - no - yes
    one = ((1 - no) * loss(f, 1) - yes * loss(f, 0)) / informative
    zero = ((1 - yes) * loss(f, 0) - no * loss(f, 1)) / informative
    return np.where(s == 1, one, zero)


def logistic_loss(score: Floats, outcome: int) -> Floats:
    """Return log(1 + e^−f) for outcome 1 and log(1 + e^f) for outcome 0."""
    return np.asarray(np.logaddexp(0, -score if outcome else score))


class SurrogateLogistic(RecordedOutcome):
    """Logistic regression of the true outcome, fitted to the record with the surrogate loss of each group.

    For the logistic loss ℓ(f,1) − ℓ(f,0) is a straight line, so the surrogate is log(1 + e^f) − αf with α the part of
    a case that a person counts as. α may lie outside [0, 1], which makes weights of ℓ negative; the sum stays convex,
    but without a penalty it may have no minimum. Nothing is clipped: clipping α would bring the bias back. Instead the
    slopes are penalised, and a mean α outside (0, 1) in any group is refused.

    Parameters
    ----------
    errors
        Group → (e₀, e₁).
    penalty
        Half of it times the sum of squared standardised slopes is added to the summed loss; above 0. 1 is the penalty
        of scikit-learn's C = 1.
    threshold
        Of the decision.

    Notes
    -----
    Not valid where, among people of a group with the same outcome, those with some features are recorded more often.
    Error rates that were estimated carry their own uncertainty: see `measure.recording_validation`.
    """

    assumes = (RANDOM, KNOWN, "the log odds of the true outcome are linear in the features, alike in every group")

    def __init__(self, errors: Errors | None = None, *, penalty: float = 1.0, threshold: float | None = None) -> None:
        self.errors = errors
        self.penalty = penalty
        self.threshold = threshold

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any, sample_weight: Any = None) -> Self:
        """Fit to the record `y` (0/1).

        Raises
        ------
        PrimumError
            Without error rates (nothing identifies them here), with rates that say nothing or contradict the record,
            or a penalty that is not above 0.
        """
        x, g = self._start(X, group)
        s = binary(y, "record", len(x))
        if self.errors is None:
            raise PrimumError(
                "There are no error rates, and the record alone does not tell them.",
                expected="errors={group: (e0, e1), …}",
                mend="validate some people of every group (measure.recording_validation), or use Purple for what can "
                "be learnt without: relative prevalence",
            )
        if not self.penalty > 0:
            raise PrimumError(
                f"The penalty is {self.penalty!r}.",
                expected="a number above 0: with negative weights an unpenalised fit may not exist",
            )
        self.case_share_ = case_weights(s, g, self.errors)
        w = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.intercept_, self.coef_, self.n_iter_ = fractional_logistic(x, self.case_share_, w, self.penalty)
        self.outside_ = float(((self.case_share_ < 0) | (self.case_share_ > 1)).mean())
        return self

    def recorded_proba(self, X: Any, *, group: Any) -> Floats:
        """Return the probability of being recorded: e₀ + (1 − e₀ − e₁) P(Y=1 | x), shape (people,)."""
        risk = self.predict_proba(X)[:, 1]
        names, at = np.unique(group_labels(group, len(risk)), return_inverse=True)
        e0, e1 = errors_by_group(names.tolist(), self.errors or {})
        return np.asarray(e0[at] + (1 - e0 - e1)[at] * risk)

    def check(self, X: Any, y: npt.ArrayLike, *, group: Any, margin: float = 0.1) -> list[dict[str, Any]]:
        """Return what these (better: other) people say about the assumptions, one row a check and group.

        The record that the model expects is set against the record that there is, by group and by fifth of the risk.
        Wrong error rates and a wrong model look alike here; error rates that are wrong by the same factor in the
        whole of a group with its own intercept could not be seen at all.
        """
        expected = self.recorded_proba(X, group=group)
        s = binary(y, "record", len(expected))
        g = group_labels(group, len(expected))
        part = bands(self.predict_proba(X)[:, 1], BANDS)
        rows = []
        for name in np.unique(g).tolist():
            own = g == name
            rows.append(observed_expected(KNOWN, "recorded / expected", name, s[own], expected[own], margin=margin))
            for k in range(BANDS):
                inside = own & (part == k)
                what = f"recorded / expected, risk fifth {k + 1}"
                rows.append(observed_expected(RANDOM, what, name, s[inside], expected[inside], margin=2 * margin))
        negative = self.outside_
        rows.append(
            tells(
                "the loss has a minimum", "share of people who count as less than none or more than one case",
                "everyone", negative,
                verdict=UNCONTRADICTED if np.isfinite(self.coef_).all() else CONTRADICTED,
                words=f"{negative:.0%} of the weights are negative for one outcome; the loss is convex and penalised",
            )
        )  # fmt: skip
        rows.append(
            tells(RANDOM, "who is missed among people alike in the features", "everyone", verdict=UNCHECKABLE,
                  words="whether missed cases differ in what is not measured needs a better measurement of some people")
        )  # fmt: skip
        return rows
