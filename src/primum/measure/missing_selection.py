"""Complete cases weighted back to everybody: who is lost when people with gaps are dropped, and what to make of it.

ω(x) = P(R = 1) / P(R = 1 | what was seen of everybody), and a metric among complete cases becomes Σωm / Σω.
Source: Zhang & Long (2021), NeurIPS 34, arXiv 2112.04899. Right where, given what was seen of everybody, being complete
has nothing to do with what was not seen; wrong where it has, and no data can tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
LARGEST = 20.0
RIDGE = 1.0
MOSTLY = 0.9
FEWEST = (30, 5)
"""Of those not measured: the share in one group from which on the others are counted, and how many of these, people
and people with the outcome, a comparison asks for."""
STEPS = 50


@dataclass(frozen=True)
class Logistic:
    """A logistic regression: `beta` and its covariance, intercept first, shapes (columns + 1,) and its square."""

    beta: Floats
    covariance: Floats

    def chance(self, x: npt.ArrayLike) -> Floats:
        """Return P(1 | x), shape (people,)."""
        eta = self.beta[0] + np.asarray(x, dtype=np.float64) @ self.beta[1:]
        return np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))


def logistic(x: npt.ArrayLike, y: npt.ArrayLike, *, ridge: float = RIDGE) -> Logistic:
    """Fit a logistic regression by Newton's method; half the ridge times the squared slopes is added to the loss.

    Parameters
    ----------
    x
        Shape (people, columns), complete; put columns on one scale first.
    y
        0/1, shape (people,); both occur.
    """
    design = np.column_stack([np.ones(len(np.asarray(y))), np.asarray(x, dtype=np.float64)])
    outcome = np.asarray(y, dtype=np.float64)
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-9
    beta = np.zeros(design.shape[1])
    beta[0] = math.log(outcome.mean() / (1 - outcome.mean()))

    def loss(b: Floats) -> float:
        eta = design @ b
        return float((np.logaddexp(0, eta) - outcome * eta).sum() + (penalty * b**2).sum() / 2)

    curve = np.eye(len(beta))
    for _ in range(STEPS):
        p = 0.5 * (1 + np.tanh(0.5 * (design @ beta)))
        slope = design.T @ (p - outcome) + penalty * beta
        curve = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step, size, here = np.linalg.solve(curve, slope), 1.0, loss(beta)
        while loss(beta - size * step) > here and size > 1e-8:
            size /= 2
        beta = beta - size * step
        if np.abs(size * step).max() < 1e-8:
            break
    return Logistic(beta, np.asarray(np.linalg.inv(curve), dtype=np.float64))


@dataclass(frozen=True)
class Weights:
    """Weights that make the complete cases stand for everybody.

    Attributes
    ----------
    weight
        Shape (people,): above 0 for complete cases, 0 for the others; mean 1 among complete cases.
    largest
        The largest weight before it was cut.
    cut
        How many weights were cut at `LARGEST` times the mean.
    effective
        (Σω)²/Σω²: how many equally weighted people would be worth as much.
    """

    weight: Floats
    largest: float
    cut: int
    effective: float


def complete_case_weights(seen: npt.ArrayLike, complete: npt.ArrayLike) -> Weights:
    """Return weights ω for complete cases from what was seen of everybody.

    Parameters
    ----------
    seen
        What is known of everybody: features without gaps, membership, and (as this is for judging a model, not for
        using it) the outcome; shape (people, columns).
    complete
        Who has no gap, shape (people,).

    Raises
    ------
    PrimumError
        If nobody is complete, or `seen` has gaps.
    """
    x, kept = np.asarray(seen, dtype=np.float64), np.asarray(complete, dtype=bool)
    x = x.reshape(len(kept), -1)
    if not kept.any():
        raise PrimumError(
            "Nobody is without a gap, so there are no complete cases to weight.",
            mend="leave out the column that almost nobody has, or impute",
        )
    if not np.isfinite(x).all():
        raise PrimumError(
            "What is seen of everybody has gaps itself.", expected="columns that are known for every person"
        )
    if kept.all():
        return Weights(np.ones(len(kept)), 1.0, 0, float(len(kept)))
    centre, spread = x.mean(axis=0), x.std(axis=0)
    z = (x - centre) / np.where(spread > 0, spread, 1.0)
    chance = logistic(z, kept).chance(z) if x.shape[1] else np.full(len(kept), kept.mean())
    weight = np.where(kept, kept.mean() / np.maximum(chance, 1e-6), 0.0)
    weight /= weight[kept].mean()
    largest, cut = float(weight.max()), weight > LARGEST
    weight = np.minimum(weight, LARGEST)
    return Weights(weight, largest, int(cut.sum()), float(weight.sum() ** 2 / (weight**2).sum()))


def without_overlap(gone: npt.ArrayLike, outcome: npt.ArrayLike, labels: npt.ArrayLike) -> str | None:
    """Return the group that holds nearly all of those not measured, or None where the others hold enough of them.

    Where nearly all of those not measured are of one group, whether it is the gap or the group that goes along with
    the outcome rests on the few others; with too few of them an odds ratio given the group is extrapolated.

    Parameters
    ----------
    gone
        Who was not measured, shape (people,).
    outcome
        0/1, shape (people,).
    labels
        The group of each person in one division, shape (people,).
    """
    lost = np.asarray(gone, dtype=bool)
    own, y = np.asarray(labels)[lost], np.asarray(outcome)[lost] == 1
    groups, sizes = np.unique(own.astype(str), return_counts=True)
    if not len(own) or sizes.max() < MOSTLY * len(own):
        return None
    largest = str(groups[sizes.argmax()])
    rest = own.astype(str) != largest
    return largest if rest.sum() < FEWEST[0] or (rest & y).sum() < FEWEST[1] else None


def adjusted_odds_ratio(
    exposed: npt.ArrayLike, outcome: npt.ArrayLike, others: npt.ArrayLike, *, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the odds ratio of the outcome by `exposed` (0/1), given the other columns, with Wald's interval.

    NaN where the exposed or the outcome do not vary. The slopes of the others are penalised a little, that of the
    exposure hardly. Not valid with fewer than about ten events a column, nor as an effect of anything: it says whether
    people who look alike otherwise still differ.
    """
    from primum.measure.intervals import z_value

    e, y = np.asarray(exposed, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    x = np.asarray(others, dtype=np.float64).reshape(len(e), -1)
    if min(e.mean(), 1 - e.mean(), y.mean(), 1 - y.mean()) <= 0:
        return math.nan, math.nan, math.nan
    spread = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    large = 100.0  # on this scale the ridge hardly touches the exposure
    fitted = logistic(np.column_stack([e * large, z]), y)
    slope, error = float(fitted.beta[1]) * large, math.sqrt(float(fitted.covariance[1, 1])) * large
    half = z_value(level) * error
    return math.exp(slope), math.exp(min(slope - half, 700)), math.exp(min(slope + half, 700))
