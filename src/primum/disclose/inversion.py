"""Statistics turned back into the counts they came from, by listing every count that reproduces the printed digits.

A printed number stands for the closed interval of half a unit of its last digit to both sides, so nothing that any
rule of rounding could have printed is left out. One candidate means that the number gives the counts away.
Each function knows only what a reader knows: the printed value, its digits, and sizes that are public.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Pair = tuple[int, int]
SLACK = 1e-12
Z = 1.96
LARGEST_CLASS = 20_000
# a curve is the same for double the class sizes: the smallest that fit are the ones an attacker names first
FIT = 1e-6


def half_unit(digits: int) -> float:
    """Return half a unit of the last printed digit.

    Raises
    ------
    PrimumError
        If `digits` is negative.
    """
    if digits < 0:
        raise PrimumError(f"A number cannot have {digits} decimals.", expected="0 or more")
    return 0.5 * 10.0**-digits


def rate(value: float, digits: int, sizes: Iterable[int]) -> list[Pair]:
    """Return every fraction (k, n) that prints as `value`.

    Parameters
    ----------
    value
        The printed rate.
    digits
        Its decimals.
    sizes
        Denominators that are possible, such as 5 to 9 for "7, rounded to 5".
    """
    half = half_unit(digits) + SLACK
    found = []
    for n in sizes:
        if n < 1:
            continue
        first, last = math.ceil((value - half) * n), math.floor((value + half) * n)
        found += [(k, n) for k in range(max(first, 0), min(last, n) + 1) if abs(k / n - value) <= half]
    return found


def wilson_limits(low: float, high: float, digits: int, sizes: Iterable[int], *, z: float = Z) -> list[Pair]:
    """Return every (k, n) whose Wilson score interval prints as (low, high).

    Source of the interval: Wilson (1927), J Am Stat Assoc 22:209-212; written out here a second time on purpose.
    """
    half = half_unit(digits) + SLACK
    found = []
    for n in sizes:
        if n < 1:
            continue
        k = np.arange(n + 1)
        p = k / n
        centre = (k + z**2 / 2) / (n + z**2)
        reach = z / (n + z**2) * np.sqrt(n * p * (1 - p) + z**2 / 4)
        fits = (abs(centre - reach - low) <= half) & (abs(centre + reach - high) <= half)
        found += [(int(i), n) for i in k[fits]]
    return found


def wald_size(p: float, half_width: float, *, z: float = Z) -> float:
    """Return the n that a rate and the half-width of its Wald interval stand for: z² p (1 − p) / h².

    NaN at a rate of 0 or 1, where the interval has no width.
    """
    return z**2 * p * (1 - p) / half_width**2 if 0 < p < 1 and half_width > 0 else math.nan


def auc_events(value: float, digits: int, n: int) -> list[int]:
    """Return every number of events that a printed AUC leaves possible.

    The AUC is U / (m (n − m)) with m events; U counts pairs, and a tied pair is one half.
    """
    half = half_unit(digits) + SLACK
    found = []
    for m in range(1, n):
        pairs = m * (n - m)
        twice_least = max(math.ceil(2 * (value - half) * pairs), 0)
        if twice_least <= min(2 * (value + half) * pairs, 2 * pairs):
            found.append(m)
    return found


def net_benefit_pair(first: tuple[float, float], second: tuple[float, float], n: int) -> tuple[float, float]:
    """Return true and false positives from net benefits at two thresholds with the same people flagged.

    NB·n = TP − FP·t/(1 − t) at two thresholds is two equations with two unknowns.

    Parameters
    ----------
    first, second
        (threshold, net benefit).
    n
        Everyone.

    Raises
    ------
    PrimumError
        If the thresholds are equal.
    """
    (a, nb_a), (b, nb_b) = first, second
    if math.isclose(a, b):
        raise PrimumError(f"Both net benefits are at {a}.", expected="two different thresholds")
    odds_a, odds_b = a / (1 - a), b / (1 - b)
    false_positives = n * (nb_a - nb_b) / (odds_b - odds_a)
    return n * nb_a + false_positives * odds_a, false_positives


def net_benefit(value: float, digits: int, threshold: float, *, events: int, nonevents: int) -> list[Pair]:
    """Return every (TP, FP) that one printed net benefit leaves possible."""
    n, odds, half = events + nonevents, threshold / (1 - threshold), half_unit(digits) + SLACK
    return [
        (tp, fp) for tp in range(events + 1) for fp in range(nonevents + 1) if abs((tp - fp * odds) / n - value) <= half
    ]


def chi_square(value: float, digits: int, *, group: int, events: int, n: int) -> list[int]:
    """Return every number of events in a group that a printed chi-square of a 2 × 2 table leaves possible.

    Pearson's statistic without continuity correction: n (ad − bc)² / product of the four margins. The direction of
    the effect, where a report states it, halves the list.

    Parameters
    ----------
    value, digits
        The printed statistic.
    group, events, n
        The public margins: size of the group, events of everyone, everyone.
    """
    half = half_unit(digits) + SLACK
    margins = group * (n - group) * events * (n - events)
    if margins <= 0:
        return []
    found = []
    for a in range(max(0, group + events - n), min(group, events) + 1):
        cross = a * (n - group - events + a) - (group - a) * (events - a)
        if abs(n * cross**2 / margins - value) <= half:
            found.append(a)
    return found


def saturated_logit(
    coefficients: tuple[float, float, float, float],
    error: float,
    digits: int,
    *,
    cells: Sequence[Pair],
    largest: int = 1000,
) -> list[Pair]:
    """Return every (events, n) of the fourth cell of a saturated logistic model of two 0/1 predictors.

    Such a model is the table: the fourth cell's rate is the inverse logit of the sum of all coefficients, and the
    variance of the interaction is the sum over the cells of 1/events + 1/non-events.

    Parameters
    ----------
    coefficients
        Intercept, two main effects, interaction, as printed.
    error
        Printed standard error of the interaction.
    digits
        Decimals of all of these.
    cells
        (events, n) of the other three cells.
    largest
        Largest size tried.
    """
    half = half_unit(digits)
    total = math.fsum(coefficients)
    low, high = (1 / (1 + math.exp(-(total + s * 4 * half))) for s in (-1, 1))
    others = math.fsum(1 / k + 1 / (n - k) for k, n in cells)
    least, most = (max(error - half, 0.0) ** 2 - others, (error + half) ** 2 - others)
    return [
        (k, n)
        for n in range(2, largest + 1)
        for k in range(max(1, math.ceil(low * n - SLACK)), min(n - 1, math.floor(high * n + SLACK)) + 1)
        if least - SLACK <= 1 / k + 1 / (n - k) <= most + SLACK
    ]


def hidden_mean(
    n: int,
    mean: float,
    known: Sequence[tuple[int, float]],
    *,
    digits: int | None = None,
    known_digits: int | None = None,
) -> tuple[float, float]:
    """Return the interval of the mean of those who are left when known groups are taken from everyone.

    Also the value of one record that was added between two versions, or the rate of a hidden group.

    Parameters
    ----------
    n, mean
        Everyone, and their printed mean.
    known
        (people, printed mean) of every other group; the groups may not overlap.
    digits, known_digits
        Decimals of the mean of everyone, and of the groups; None for exact numbers.

    Raises
    ------
    PrimumError
        If nobody is left.
    """
    left = n - sum(k for k, _ in known)
    if left < 1:
        raise PrimumError(
            f"The known groups hold {n - left} people of {n}: nobody is left.",
            expected="disjoint groups, and one hidden",
        )
    reach = n * (0.0 if digits is None else half_unit(digits))
    reach += (n - left) * (0.0 if known_digits is None else half_unit(known_digits))
    middle = n * mean - math.fsum(k * m for k, m in known)
    return (middle - reach) / left, (middle + reach) / left


@dataclass(frozen=True)
class Step:
    """Who lies between two points of an ROC curve: those at or above this threshold and below the one before."""

    threshold: float
    events: int
    nonevents: int


def roc_steps(
    false_positive_rate: npt.ArrayLike,
    true_positive_rate: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    *,
    events: int | None = None,
    nonevents: int | None = None,
) -> list[Step] | None:
    """Return how many events and non-events stand behind each step of a curve.

    The class sizes, where they are not public, are the smallest that make every point a whole number of people: the
    reciprocals of the smallest steps on a curve with all its points. A step of one person is a record.

    Parameters
    ----------
    false_positive_rate, true_positive_rate, thresholds
        The curve, from the highest threshold down; shape (points,).
    events, nonevents
        Class sizes if the report prints them.

    Returns
    -------
    list of Step, or None
        None where no class size fits: rounded or smoothed curves.
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (false_positive_rate, true_positive_rate))
    cuts = np.asarray(thresholds, dtype=np.float64)
    sizes = (_class_size(y) if events is None else events, _class_size(x) if nonevents is None else nonevents)
    if sizes[0] is None or sizes[1] is None:
        return None
    steps = []
    for rates, size in ((y, sizes[0]), (x, sizes[1])):
        counts = rates * size
        if (abs(counts - np.round(counts)) > max(FIT, FIT * size)).any():
            return None
        steps.append(np.diff(np.round(counts).astype(int)))
    return [Step(float(c), int(e), int(o)) for c, e, o in zip(cuts[1:], *steps, strict=True) if e or o]


def records(steps: Sequence[Step]) -> list[tuple[float, int]]:
    """Return every (score, outcome) that steps give away: those of a step with a single kind of person, or alone."""
    found = []
    for step in steps:
        if not (step.events and step.nonevents):
            found += [(step.threshold, int(step.events > 0))] * (step.events + step.nonevents)
    return found


def _class_size(rates: npt.NDArray[np.float64]) -> int | None:
    """Return the smallest number of people that makes every rate a whole number of them."""
    moves = np.diff(np.sort(rates))
    moves = moves[moves > FIT / LARGEST_CLASS]
    if not len(moves):
        return None
    for size in range(max(1, round(0.5 / float(moves.min()))), LARGEST_CLASS + 1):
        counts = rates * size
        if (abs(counts - np.round(counts)) <= FIT * 10).all():
            return size
    return None
