"""Answers to a questionnaire: graded responses to one trait, with items that the sexes answer differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.simulate.chances import Floats
from primum.simulate.parameters import FURTHER, NINE, Item, Parameters, Sexes

ANSWERS = (*NINE, *FURTHER)
Answers = dict[str, npt.NDArray[np.int8]]


def trait(parameters: Parameters, severity: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return what all answers share, from the severity (0 none, 1 mild, 2 moderate, 3 severe), shape (people,)."""
    s = parameters.symptoms
    where = np.array([s.trait.value[g] for g in ("none", "mild", "moderate", "severe")])
    spread = np.where(severity > 0, s.trait_spread.value["depressed"], s.trait_spread.value["none"])
    return np.asarray(where[severity] + spread * rng.standard_normal(severity.size))


def answers(
    items: Mapping[Any, Item], shifts: Mapping[Any, tuple[float, float]], level: Floats,
    male: npt.NDArray[np.bool_], rng: np.random.Generator,
) -> Answers:  # fmt: skip
    """Return one answer an item: the number of steps that discrimination × trait + shift + noise N(0, 1) has passed.

    Parameters
    ----------
    items
        Symptom -> its item.
    shifts
        Symptom -> shift of women and of men.
    level
        The trait, shape (people,).
    male
        Shape (people,).
    rng
        Draws one normal number an item and person.
    """
    theta, found = level.astype(np.float32), Answers()
    for name in ANSWERS:
        item, (women, men) = items[name], shifts[name]
        x = rng.standard_normal(level.size, dtype=np.float32)
        x += np.float32(item.discrimination) * theta
        x += np.where(male, np.float32(men), np.float32(women))
        answer = np.zeros(level.size, dtype=np.int8)
        for step in item.steps:
            answer += x > step
        found[name] = answer
    return found


def total(found: Mapping[str, npt.NDArray[np.int8]]) -> npt.NDArray[np.int8]:
    """Return the sum of the nine answers, 0 to 27."""
    return np.asarray(np.sum([found[name] for name in NINE], axis=0, dtype=np.int8))


def shift(name: str, item: Item, level: Floats, male: npt.NDArray[np.bool_], weight: Floats) -> tuple[float, float]:
    """Return the shift of women and of men at which the depressed answer as published.

    With `effect_size`: women 0, men such that (mean of men − mean of women)/pooled standard deviation is that
    size. With `shares`: one shift a sex. Weights are the chances of being depressed.

    Raises
    ------
    PrimumError
        If no shift between −10 and 10 does.
    """
    moments = {sex: _answered(item, level[male == sex], weight[male == sex]) for sex in (False, True)}
    if item.shares is not None:
        share: dict[Sexes, float] = item.shares
        return (
            _root(lambda d: moments[False](d)[0] - share["female"], name),
            _root(lambda d: moments[True](d)[0] - share["male"], name),
        )
    if not item.effect_size:
        return 0.0, 0.0
    mean, variance = moments[False](0.0)
    size = item.effect_size

    def miss(d: float) -> float:
        m, v = moments[True](d)
        return float(m - mean - size * np.sqrt((v + variance) / 2))

    return 0.0, _root(miss, name)


def _answered(item: Item, level: Floats, weight: Floats) -> Callable[[float], tuple[float, float]]:
    """Return the function from a shift to the weighted mean and variance of the answer."""
    # A grid of the trait stands for the people: 200 bins, weighted.
    counts, edges = np.histogram(level, bins=200, weights=weight)
    middle, share = (edges[1:] + edges[:-1]) / 2, counts / counts.sum()

    def moments(d: float) -> tuple[float, float]:
        from scipy.special import ndtr

        above = [float(share @ ndtr(item.discrimination * middle + d - step)) for step in item.steps]
        mean = sum(above)
        square = sum((2 * k + 1) * p for k, p in enumerate(above))
        return mean, square - mean**2

    return moments


def _root(miss: Callable[[float], float], name: str) -> float:
    from scipy.optimize import brentq

    if miss(-10.0) * miss(10.0) > 0:
        raise PrimumError(
            f"No shift of the item '{name}' makes the sexes differ as asked.",
            mend="ask for a smaller effect size, or move the item's steps nearer to the depressed",
        )
    return float(brentq(miss, -10.0, 10.0, xtol=1e-10))
