"""How often a model goes against what is known: steps on a grid where the risk moves the wrong way, by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.learn.calibrate import logit
from primum.learn.prior.columns import place
from primum.learn.prior.constraints import Monotone
from primum.learn.prior.grid import public_grid
from primum.measure.intervals import z_value
from primum.usecase import OVERALL

Floats = npt.NDArray[np.float64]
TOLERANCE = 1e-6
SALT = 0x5109


def violations(
    risk: Callable[[Floats], Floats],
    values: Floats,
    names: Sequence[str],
    rules: Sequence[Monotone],
    groups: Mapping[str, Sequence[str]],
    *,
    grids: Mapping[str, Floats] | None = None,
    most: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> list[dict[str, Any]]:
    """Count, for each rule and group, the steps along a grid where the risk of a person moves against the rule.

    Every person keeps all other features; the one of the rule is moved along the grid. A step is against the rule when
    the log odds move the wrong way by more than 1e-6.

    Parameters
    ----------
    risk
        (people, features) → (people,) risks.
    values
        (people, features), NaN where missing.
    groups
        Attribute → (people,) labels.
    grids
        Feature → grid points in increasing order; public ones are made where none are given.
    most
        People looked at, drawn at random by the seed.

    Returns
    -------
    list of dict
        Share of steps against the rule with its interval (people as clusters of steps), share of people with any such
        step, the mean of a person's largest wrong fall in log odds, and the people behind.

    Notes
    -----
    Moving one feature alone may make people who cannot be (a child's age with a grandmother's history): a wrong step
    there harms nobody. The interval is for people like these and this one model.
    """
    n = len(values)
    rows = np.arange(n)
    if n > most:
        rows = np.sort(np.random.default_rng([seed, SALT]).choice(n, most, replace=False))
    x = values[rows]
    told: list[dict[str, Any]] = []
    for rule in rules:
        j = place(rule.feature, names)
        own = (grids or {}).get(rule.feature)
        grid = public_grid(values[:, j]) if own is None else np.asarray(own, dtype=np.float64)
        wrong = _wrong(risk, x, j, grid, rule.sign)
        for attribute, labels in {OVERALL: [OVERALL] * n, **groups}.items():
            where = np.asarray(labels, dtype=np.str_)[rows]
            told += [_row(rule, attribute, str(g), wrong[where == g], len(grid) - 1, level) for g in np.unique(where)]
    return told


def _wrong(risk: Callable[[Floats], Floats], x: Floats, j: int, grid: Floats, sign: int) -> Floats:
    """Return how far each step goes against the rule, 0 where it does not, shape (people, steps)."""
    curve = np.empty((len(x), len(grid)))
    moved = x.copy()
    for k, z in enumerate(grid):
        moved[:, j] = z
        curve[:, k] = logit(risk(moved))
    against = -sign * np.diff(curve, axis=1)
    return np.where(against > TOLERANCE, against, 0.0)


def _row(rule: Monotone, attribute: str, group: str, wrong: Floats, steps: int, level: float) -> dict[str, Any]:
    n = len(wrong)
    own = (wrong > 0).mean(axis=1) if steps else np.zeros(n)
    share = float(own.mean())
    half = z_value(level) * float(own.std(ddof=1)) / np.sqrt(n) if n > 1 else np.nan
    return {
        "feature": rule.feature, "direction": rule.direction, "attribute": attribute, "group": group, "n": n,
        "pairs": n * steps, "violating": int((wrong > 0).sum()), "share": share, "low": max(share - half, 0.0),
        "high": min(share + half, 1.0), "people": float((wrong > 0).any(axis=1).mean()) if steps else 0.0,
        "size": float(wrong.max(axis=1).mean()) if steps else 0.0,
    }  # fmt: skip
