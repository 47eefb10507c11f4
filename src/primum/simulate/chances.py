"""Chances on the logistic scale: linear predictors, and intercepts solved for so that published margins hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]


def logistic(x: Floats) -> Floats:
    """Return 1/(1 + exp(−x)), safe at both ends."""
    p = np.negative(np.clip(x, -500, 500))
    np.exp(p, out=p)
    p += 1
    return np.reciprocal(p, out=p)


def logit(p: float) -> float:
    """Return log(p/(1 − p))."""
    return float(np.log(p / (1 - p)))


def linear(effects: Mapping[Any, float], terms: Mapping[str, Floats], n: int) -> Floats:
    """Return the sum of effect × term, shape (n,)."""
    total = np.zeros(n)
    for name, effect in effects.items():
        if effect:
            total += effect * terms[name]
    return total


def solve(margins: Callable[[Floats], Floats], targets: Sequence[float], start: Sequence[float], what: str) -> Floats:
    """Return the unknowns at which the margins are the targets.

    Newton's method with numerical derivatives and halved steps.

    Parameters
    ----------
    margins
        From the unknowns, shape (k,), to the margins, shape (k,).
    targets
        The published values, all positive; compared on the log scale.
    start
        First guess.
    what
        Named in the message.

    Raises
    ------
    PrimumError
        If no values of the unknowns give these margins.
    """
    x, goal = np.array(start, dtype=np.float64), np.log(np.asarray(targets, dtype=np.float64))

    def miss(at: Floats) -> Floats:
        return np.asarray(np.log(np.maximum(margins(at), 1e-300)) - goal)

    here = miss(x)
    for _ in range(60):
        if np.abs(here).max() < 1e-9:
            return x
        slope = np.column_stack([(miss(x + step) - here) / 1e-5 for step in 1e-5 * np.eye(x.size)])
        move = np.linalg.lstsq(slope, -here, rcond=None)[0]
        move *= min(1.0, 3.0 / max(float(np.abs(move).max()), 1e-12))
        for _ in range(25):
            there = miss(x + move)
            if np.abs(there).max() < np.abs(here).max():
                break
            move /= 2
        else:
            break
        x, here = x + move, there
    if np.abs(here).max() < 1e-6:
        return x
    reached = ", ".join(f"{v:.4g}" for v in margins(x))
    raise PrimumError(
        f"The numbers of {what} cannot all hold: asked for {', '.join(f'{t:.4g}' for t in targets)}, "
        f"nearest {reached}.",
        expected="numbers that some population can have together",
        mend="nobody is recorded who was not recognised first: raise help_seeking or recognition, or ask for less",
    )


def mean_logits(mean: float, slopes: Floats, where: str) -> Floats:
    """Return a + slopes with `a` such that the mean chance is `mean`, shape of `slopes`; 0 and 1 give ∓infinity.

    Raises
    ------
    PrimumError
        If a slope is not finite.
    """
    if not np.isfinite(slopes).all():
        raise PrimumError(f"{where} has values that are not finite numbers.", mend="fill or leave out those people")
    if slopes.size == 0 or mean <= 0 or mean >= 1:
        return np.full(slopes.shape, np.inf if mean >= 1 else -np.inf)
    low, high = logit(mean) - float(slopes.max()), logit(mean) - float(slopes.min())
    for _ in range(60):
        a = (low + high) / 2
        if logistic(slopes + a).mean() < mean:
            low = a
        else:
            high = a
        if high - low < 1e-12:
            break
    return np.asarray(slopes + (low + high) / 2)
