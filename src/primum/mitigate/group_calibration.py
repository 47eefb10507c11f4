"""Group calibration: each group's risks set right on its own people, small groups leaning on everyone's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.mitigate.base import Repair, outcomes, risks
from primum.mitigate.membership import membership
from primum.mitigate.shrunken_logistic import PRIOR_SPREAD, shrunken_fits
from primum.mitigate.training import cross_scores, sample_weights

Floats = npt.NDArray[np.float64]
METHODS = ("intercept", "logistic", "isotonic")
MOSTLY_POOLED = 0.5


@dataclass(frozen=True)
class Calibration:
    """The recalibration of one group.

    Attributes
    ----------
    n, events
        Calibration people, unweighted.
    kind
        "intercept", "logistic" or "isotonic".
    intercept, slope
        Of log-odds; NaN for isotonic.
    kept
        Share of the group's own deviation in the intercept that was kept: 0 = everyone's calibration, 1 = its own.
    small
        Whether less than half was kept.
    before, after
        Observed over expected events among the calibration people; NaN where none is expected.
    steps
        For isotonic: scores and risks between which it interpolates.
    """

    group: str
    n: int
    events: int
    kind: str
    intercept: float
    slope: float
    kept: float
    small: bool
    before: float
    after: float
    steps: tuple[Floats, Floats] | None = field(default=None, repr=False)

    def apply(self, score: Floats) -> Floats:
        """Return the recalibrated risks."""
        from primum.learn.calibrate import expit, logit

        if self.steps is not None:
            return np.interp(score, *self.steps)
        return expit(self.intercept + self.slope * logit(score))


@dataclass(frozen=True)
class GroupCalibrations:
    """All groups' recalibrations, everyone's (intercept, slope), and the spread between groups of both."""

    groups: dict[str, Calibration]
    pooled: tuple[float, float]
    spread: tuple[float, float]

    def apply(self, score: Floats, cells: npt.ArrayLike) -> Floats:
        """Return recalibrated risks; people of a group that was not seen keep their score."""
        labels, result = np.asarray(cells), np.array(score, dtype=np.float64)
        for name in np.unique(labels).tolist():
            if name in self.groups:
                own = labels == name
                result[own] = self.groups[name].apply(result[own])
        return result


def calibrate_groups(
    score: Floats,
    outcome: npt.ArrayLike,
    cells: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    method: str = "logistic",
    least_events: int = 200,
) -> GroupCalibrations:
    """Return each group's recalibration, from people that the model was not trained on.

    Logistic recalibrations are shrunk to everyone's (`shrunken_fits`); isotonic ones are given to groups with at
    least `least_events` people with and as many without the outcome, and are not shrunk.

    Parameters
    ----------
    score
        Probabilities, shape (people,).
    outcome
        0/1, shape (people,).
    cells
        One label a person, shape (people,).
    weight
        Sample weights.
    method
        "intercept", "logistic" (intercept and slope) or "isotonic".
    least_events
        See above.

    Raises
    ------
    PrimumError
        For an unknown method.
    """
    if method not in METHODS:
        raise unknown("method of calibration", method, METHODS)
    y, labels = outcomes(outcome), np.asarray(cells)
    w = sample_weights(weight, len(y))
    names, at = np.unique(labels, return_inverse=True)
    fits = shrunken_fits(score, y, at, len(names), weight=w, slopes=method != "intercept")
    groups = {}
    for k, name in enumerate(names.tolist()):
        own = at == k
        n, events = int(own.sum()), int(y[own].sum())
        large = method == "isotonic" and min(events, n - events) >= least_events
        steps = _isotonic(score[own], y[own], w[own]) if large else None
        found = Calibration(
            group=name,
            n=n,
            events=events,
            kind="isotonic" if large else "intercept" if method == "intercept" else "logistic",
            intercept=float("nan") if large else float(fits.intercept[k]),
            slope=float("nan") if large else float(fits.slope[k]),
            kept=1.0 if large else float(fits.kept[k, 0]),
            small=not large and bool(fits.kept[k, 0] < MOSTLY_POOLED),
            before=_observed_expected(y[own], score[own], w[own]),
            after=float("nan"),
            steps=steps,
        )
        after = _observed_expected(y[own], found.apply(score[own]), w[own])
        groups[name] = Calibration(**{**found.__dict__, "after": after})
    return GroupCalibrations(groups, fits.pooled, fits.spread)


def _isotonic(score: Floats, y: npt.NDArray[np.int64], w: Floats) -> tuple[Floats, Floats]:
    """Fit a non-decreasing risk; half a person at either end keeps it away from 0 and 1."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(score, y, sample_weight=w)
    edge = 0.5 / (len(y) + 1)
    return np.asarray(fitted.X_thresholds_), np.clip(fitted.y_thresholds_, edge, 1 - edge)


def _observed_expected(y: npt.NDArray[np.int64], p: Floats, w: Floats) -> float:
    expected = float(w @ p)
    return float(w @ y) / expected if expected > 0 else float("nan")


class GroupCalibration(Repair):
    """A model whose risks are recalibrated within each group, on people it was not trained on.

    Order within a group is kept (isotonic calibration may make ties), so each group's AUROC stays; decisions at the
    threshold change. Pfohl et al. (2022, arXiv 2202.01906) found that parity constraints typically do not better
    this. Not valid where the outcome is recorded differently from group to group: it then learns the record.

    Parameters
    ----------
    estimator
        The base model.
    threshold
        Risk from which `predict` says 1.
    prefit
        The model is fitted already and X, y are *other* people, of whom it knows nothing. Otherwise the calibration
        is learnt from cross-fitted scores, and the model then trained on everybody.
    method
        "intercept", "logistic" (intercept and slope) or "isotonic" (groups with at least `least_events` people with,
        and as many without, the outcome; the others logistic).
    least_events
        For isotonic calibration.
    cv
        Folds of cross-fitting: a number, or splits that keep families together.
    seed
        For folds, and an estimator that leaves `random_state` open.

    Attributes
    ----------
    calibrations_
        What was learnt, by group (with several attributes: by cell of all).
    """

    cost_without_group: ClassVar[str] = (
        "The base model's risk is given as it is: a group whose risks were too low or too high gets them so again. "
        "The same holds for a group of which nobody was seen in fitting."
    )

    def __init__(
        self,
        estimator: Any,
        *,
        threshold: float | None = None,
        prefit: bool = False,
        method: str = "logistic",
        least_events: int = 200,
        cv: Any = 5,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.prefit = prefit
        self.method = method
        self.least_events = least_events
        self.cv = cv
        self.seed = seed

    def fit(self, X: Any, y: npt.ArrayLike, *, group: Any = None, sample_weight: Any = None) -> Self:
        """Train the base model (unless `prefit`) and learn each group's calibration.

        Raises
        ------
        PrimumError
            If groups are missing, a label is not 0/1, the method is unknown, or there are too few people.
        """
        outcome = outcomes(y)
        people = membership(group, len(outcome))
        if self.method not in METHODS:
            raise unknown("method of calibration", self.method, METHODS)
        if self.least_events < 1:
            raise PrimumError(f"least_events is {self.least_events}.", expected="a whole number, at least 1")
        self._fit_base(X, outcome, sample_weight)
        if self.prefit:
            score = self._base(X)
        else:
            score = cross_scores(self.estimator, X, outcome, sample_weight, cv=self.cv, seed=self.seed)
        self.calibrations_ = calibrate_groups(
            score,
            outcome,
            people.cells,
            weight=sample_weight,
            method=self.method,
            least_events=self.least_events,
        )
        return self

    def predict_proba(self, X: Any, *, group: Any = None) -> Floats:
        """Return recalibrated risks; without `group`, and for groups not seen, the base model's. Shape (people, 2)."""
        score = self._base(X)
        if group is None:
            return risks(score)
        return risks(self.calibrations_.apply(score, membership(group, len(score)).cells))

    def describe(self) -> dict[str, Any]:
        """Return everyone's calibration, the spread between groups, and one entry a group."""
        found = self.calibrations_
        return {
            "repair": "group calibration",
            "method": self.method,
            "scores": "of a fitted model, on other people" if self.prefit else "cross-fitted",
            "rule": (
                "logit(risk) = intercept + slope × logit(score). A group's deviation from everyone's is shrunk by "
                f"empirical Bayes, one imaginary group of deviation {PRIOR_SPREAD} among the groups; 'small' groups "
                f"keep less than {MOSTLY_POOLED:.0%} of their own."
            ),
            "everyone": {"intercept": found.pooled[0], "slope": found.pooled[1]},
            "spread_between_groups": {"intercept": found.spread[0], "slope": found.spread[1]},
            "groups": [_told(c) for c in found.groups.values()],
        }


def _told(c: Calibration) -> dict[str, Any]:
    named = {k: v for k, v in c.__dict__.items() if k not in {"steps", "before", "after"}}
    named |= {"observed_over_expected_before": c.before, "observed_over_expected_after": c.after}
    told = {k: None if isinstance(v, float) and v != v else v for k, v in named.items()}  # noqa: PLR0124 - NaN
    if c.steps is not None:
        told["steps"] = {"score": c.steps[0].tolist(), "risk": c.steps[1].tolist()}
    return told
