"""Learning curves: what a learner explains of the outcome from a quarter, a half and all of its training people.

Every risk comes from a model that did not train on that person's fold. Models are not recalibrated: the inner
calibration of `Trained` would cost three more fits each, and would hide part of what more people teach.

The share of the outcome's variation that is explained, S = 1 − Brier / (ȳ (1 − ȳ)) within the group, puts groups with
different prevalence on one scale: 1 is certainty, 0 is no better than the group's own prevalence, below 0 is worse
(Brier skill score; Steyerberg et al. 2010, Epidemiology 21:128-138). It also depends on how different the people of a
group are from each other, so a lower share alone proves no noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.prepare import Matrix
from primum.learn.train import one_thread_when_small, train

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Some = npt.NDArray[np.bool_]
SHARES = (0.25, 0.5, 1.0)
QUARTERS = 4
LEAST = 10
"""Fewest people with, and without, the outcome that a model may be trained on here."""
EDGE = 1e-6


@dataclass(frozen=True)
class Learner:
    """A learner, the people it may learn from, and the fold in which each is left out.

    Attributes
    ----------
    kind
        "logistic", "boosting" or "ebm".
    matrix
        Features of all people.
    outcome
        0 or 1, shape (people,).
    fold
        Fold of each person, shape (people,); families belong in one fold.
    weight
        Sample weights, shape (people,), or None.
    seed
        Of the learner.
    """

    kind: str
    matrix: Matrix
    outcome: npt.NDArray[np.int8]
    fold: Ints
    weight: Floats | None = None
    seed: int = 0

    def fewest(self, who: Some) -> int:
        """Return how many people with (or without) the outcome the poorest fold would have to train on."""
        y = np.asarray(self.outcome)
        left = [who & (self.fold != k) for k in np.unique(self.fold)]
        return min(int(min(y[rows].sum(), rows.sum() - y[rows].sum())) for rows in left)

    def left_out_risk(self, who: Some) -> Floats:
        """Return everybody's risk, shape (people,), by a model trained on those of `who` outside that person's fold.

        Raises
        ------
        PrimumError
            If a fold would leave fewer than 10 people with, or without, the outcome to train on.
        """
        fewest = self.fewest(who)
        if fewest < LEAST:
            raise PrimumError(
                f"Only {fewest} people with (or without) the outcome are there to train on.",
                expected=f"at least {LEAST} of each outside every fold",
                mend="bring more people, or leave learning curves out",
            )
        risk = np.full(len(self.fold), np.nan)
        with one_thread_when_small(int(who.sum())):
            for k in np.unique(self.fold):
                own = self.fold == k
                rows = who & ~own
                here = own | rows
                part = replace(self.matrix, values=self.matrix.values[here])
                weight = None if self.weight is None else self.weight[here]
                scored, _ = train(
                    self.kind, part, np.asarray(self.outcome)[here], rows[here], weight=weight, seed=self.seed
                )
                risk[own] = scored[own[here]]
        return risk


def learning_curve(
    learner: Learner, quarter: Ints, who: Some | None = None, *, whole: Floats | None = None
) -> dict[float, list[Floats]]:
    """Return share of the training people → everybody's left-out risks by the models trained on such a share.

    The subsets are nested: each quarter lies in a half. Two disjoint halves (and a quarter of each) are trained, so
    that what is said of half the people hangs less on who happened to be in it.

    Parameters
    ----------
    quarter
        0 to 3 for each person, shape (people,), drawn within folds; families belong in one quarter.
    who
        Those who may train, shape (people,); everybody if left out.
    whole
        Left-out risks by the models trained on all of them, where they are there already.

    Returns
    -------
    dict
        A share is left out where it holds fewer than 10 people with (or without) the outcome.

    Raises
    ------
    PrimumError
        If that is so for all shares.
    """
    everyone = np.ones(len(quarter), dtype=bool) if who is None else who
    sets = {
        0.25: [everyone & (quarter == 0), everyone & (quarter == 2)],
        0.5: [everyone & (quarter < 2), everyone & (quarter >= 2)],
        1.0: [everyone],
    }
    found = {
        share: [whole if share == 1 and whole is not None else learner.left_out_risk(rows) for rows in several]
        for share, several in sets.items()
        if share == 1 or min(learner.fewest(rows) for rows in several) >= LEAST
    }
    return dict(sorted(found.items()))


def squared_loss(outcome: npt.ArrayLike, risks: list[Floats]) -> Floats:
    """Return each person's squared error, shape (people,), averaged over the models."""
    y = np.asarray(outcome, dtype=np.float64)
    return np.asarray(np.mean([(y - p) ** 2 for p in risks], axis=0))


def log_loss(outcome: npt.ArrayLike, risks: list[Floats]) -> Floats:
    """Return each person's log loss, shape (people,), averaged over the models; risks are kept 1e-6 from 0 and 1."""
    y = np.asarray(outcome, dtype=np.float64)
    kept = [np.clip(p, EDGE, 1 - EDGE) for p in risks]
    return np.asarray(np.mean([-np.where(y == 1, np.log(p), np.log1p(-p)) for p in kept], axis=0))


@dataclass(frozen=True)
class Known:
    """A number that was estimated from some of the people.

    Attributes
    ----------
    value
        The number; NaN where undefined.
    influence
        What each person adds to its error, shape (people,), 0 for people it does not rest on.
    trained
        Variance that comes from which people the models were trained on, where it is known.
    """

    value: float
    influence: Floats
    trained: float = 0.0

    def __sub__(self, other: Known) -> Known:
        return Known(self.value - other.value, self.influence - other.influence, self.trained + other.trained)

    def spread(self, unit: Ints | None = None) -> tuple[float, int]:
        """Return the variance from who was judged, and of how many people, or `unit`s of people, it is made.

        For a mean of independent people it is s² / n. NaN below two of them.
        """
        rests = self.influence != 0
        each = self.influence[rests]
        if unit is not None:
            each = np.bincount(np.unique(unit[rests], return_inverse=True)[1], weights=each)
        n = len(each)
        return (float(n / (n - 1) * (each**2).sum()) if n > 1 else float("nan")), n

    def limits(self, level: float, unit: Ints | None = None) -> tuple[float, float]:
        """Return the two-sided interval: Student's t over people, or over `unit`s of people who belong together."""
        from scipy.special import stdtrit

        variance, n = self.spread(unit)
        if not np.isfinite(self.value + variance):
            return float("nan"), float("nan")
        half = float(stdtrit(n - 1, 0.5 + level / 2) * np.sqrt(variance + self.trained))
        return self.value - half, self.value + half


def mean(values: Floats, who: Some, weight: Floats | None = None) -> Known:
    """Return the (weighted) mean of some people's values."""
    w = _shares(who, weight)
    value = float(w @ np.where(who, values, 0.0)) if w.any() else float("nan")
    return Known(value, np.where(who, w * (values - value), 0.0))


def explained(
    outcome: npt.ArrayLike, loss: Floats, who: Some, weight: Floats | None = None, *, trained: float = 0.0
) -> Known:
    """Return the share of the outcome's variation among `who` that is explained, 1 − mean loss / (ȳ (1 − ȳ)).

    NaN where everybody, or nobody, has the outcome. The influence allows for the prevalence being estimated too.
    `trained` is the variance of the mean loss that comes from whom the models were trained on.
    """
    y = np.asarray(outcome, dtype=np.float64)
    share, spent = mean(y, who, weight), mean(loss, who, weight)
    spread = share.value * (1 - share.value)
    if not spread > 0:
        return Known(float("nan"), np.zeros(len(y)))
    moved = spent.influence / spread - spent.value * (1 - 2 * share.value) / spread**2 * share.influence
    return Known(1 - spent.value / spread, -moved, trained / spread**2)


def disagreement(
    learner: Learner, losses: tuple[Floats, Floats], who: Some, weight: Floats | None = None, unit: Ints | None = None
) -> float:
    """Return the variance of the mean loss of two models that comes from whom each was trained on.

    Two models trained on disjoint halves differ among the same people by more than chance among those people
    explains. What is left of the squared difference, less that chance, is twice the variance of one of them, and four
    times that of their mean; the mean over the folds has that, divided by their number. A rough number with three
    folds: that models of different folds share people is left out, and so is the model trained on all of them, which
    varies less and along with its halves. In simulations it errs to the cautious side, because it is never below 0.
    """
    found = []
    for k in np.unique(learner.fold):
        known = mean(losses[0] - losses[1], who & (learner.fold == k), weight)
        chance, n = known.spread(unit)
        if n > 1:
            found.append(known.value**2 - chance)
    return max(0.0, float(np.mean(found)) / (4 * len(found))) if found else 0.0


def summary(known: Known, level: float, unit: Ints | None = None) -> Mapping[str, float]:
    """Return value and limits as a row."""
    low, high = known.limits(level, unit)
    return {"value": known.value, "low": low, "high": high}


def _shares(who: Some, weight: Floats | None) -> Floats:
    w = np.where(who, 1.0 if weight is None else weight, 0.0)
    total = float(w.sum())
    return w / total if total > 0 else np.zeros(len(w))
