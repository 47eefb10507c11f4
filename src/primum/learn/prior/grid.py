"""Grids that tell nobody's own value: round numbers between the first and the last percent of the people."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
FEW_VALUES = 12


def public_grid(values: npt.ArrayLike, parts: int = 10) -> Floats:
    """Return grid points for a feature, increasing.

    At most `FEW_VALUES` different values are their own grid (yes/no, counts, scales). Otherwise quantiles are rounded
    to a round step, so that a point is no patient's value unless that value is round.

    Parameters
    ----------
    values
        (people,), NaN where missing.
    parts
        Intervals to aim at; ties and rounding leave fewer.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    own = np.unique(x)
    if own.size <= FEW_VALUES:
        return own
    q = np.quantile(x, np.linspace(0.01, 0.99, parts + 1))
    step = round_step((q[-1] - q[0]) / (4 * parts)) if q[-1] > q[0] else round_step((own[-1] - own[0]) / (4 * parts))
    grid = np.unique(np.round(q / step) * step)
    if grid.size < 2:
        grid = np.array([math.floor(own[0] / step) * step, math.ceil(own[-1] / step) * step])
    digits = max(0, -math.floor(math.log10(step)) + 1)
    return np.unique(np.round(grid, digits))


def is_discrete(values: npt.ArrayLike) -> bool:
    """Say whether a feature has so few values that each is a grid point of its own."""
    x = np.asarray(values, dtype=np.float64)
    return bool(np.unique(x[np.isfinite(x)]).size <= FEW_VALUES)


def round_step(size: float) -> float:
    """Return the largest of 1, 2, 5 × 10^k that is not above `size`."""
    power = 10.0 ** math.floor(math.log10(size))
    return float(max(m * power for m in (1, 2, 5) if m * power <= size * (1 + 1e-12)))
