"""Intersections explained by their parts: main effects for all, interactions only as far as the data show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.intervals import z_value
from primum.measure.shrink import between_variance

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Structured:
    """Estimates of intersections from a model of main effects plus random interactions.

    Attributes
    ----------
    additive
        What main effects alone predict, shape (cells,).
    value, low, high
        The additive prediction, moved towards the raw estimate as far as interactions are real.
    weight
        How much of the raw departure from the additive prediction is kept, 0 to 1.
    q, df, p
        Goodness of fit of main effects alone: Cochran's Q of the residuals, degrees of freedom, p-value (NaN when
        there is nothing left to test). A small p says that main effects do not explain the intersections.
    interaction
        Standard deviation of the interactions.
    """

    additive: Floats
    value: Floats
    low: Floats
    high: Floats
    weight: Floats
    q: float
    df: int
    p: float
    interaction: float


def structured(
    levels: Sequence[tuple[str, ...]],
    value: npt.ArrayLike,
    n: npt.ArrayLike,
    spread: npt.ArrayLike,
    *,
    level: float = 0.95,
) -> Structured:
    """Return structured estimates of a mean (a rate, a Brier score …) in every intersection.

    Parameters
    ----------
    levels
        The level of each attribute, one tuple a cell, shape (cells, attributes).
    value, n
        Raw estimate and the people behind it, shape (cells,); cells with n = 0 may have NaN.
    spread
        Variance of one person in each cell (p(1 − p) for a rate); pooled over cells, weighted by people, because the
        variance of a small cell is itself poorly known.

    Notes
    -----
    Weighted least squares on main effects; the variance beyond chance around it is that of the interactions, by
    moments; each cell is then an empirical-Bayes compromise. Not valid for a comparison of two cells (their errors are
    shared), nor when cells were chosen by their result. Main idea: Herlihy et al. (2024), arXiv 2401.14893, with
    random interactions in place of a penalty.

    Raises
    ------
    PrimumError
        If fewer cells have people than there are main effects.
    """
    from scipy.special import chdtrc

    y, people, s2 = (np.asarray(a, dtype=np.float64) for a in (value, n, spread))
    x = design(levels)
    seen = (people > 0) & np.isfinite(y)
    rank = int(np.linalg.matrix_rank(x[seen])) if seen.any() else 0
    if rank == 0:
        raise PrimumError("No intersection has anybody in it.", mend="use fewer attributes")
    pooled = float((people * np.nan_to_num(s2))[seen].sum() / people[seen].sum())
    v = np.where(seen, max(pooled, 1e-12) / np.where(people > 0, people, 1.0), np.inf)
    tau2 = between_variance(y[seen], v[seen], _full_rank(x[seen]))
    bread, beta = _wls(x[seen], y[seen], 1 / (v[seen] + tau2))
    _, fixed = _wls(x[seen], y[seen], 1 / v[seen])
    q = float(((y[seen] - x[seen] @ fixed) ** 2 / v[seen]).sum())
    df = int(seen.sum()) - rank
    additive = x @ beta
    keep = np.where(seen, tau2 / (np.where(seen, v, 1.0) + tau2), 0.0)
    shrunk = additive + keep * np.where(seen, y - additive, 0.0)
    error = np.einsum("ij,jk,ik->i", x, bread, x)
    own = np.where(seen, keep * np.where(seen, v, 0.0), tau2)
    half = z_value(level) * np.sqrt(own + (1 - keep) ** 2 * error)
    return Structured(
        additive, shrunk, shrunk - half, shrunk + half, keep, q, df,
        float(chdtrc(df, q)) if df > 0 else float("nan"), float(np.sqrt(tau2)),
    )  # fmt: skip


def design(levels: Sequence[tuple[str, ...]]) -> Floats:
    """Return the design of main effects: an intercept and, for each attribute, every level but the first, as 0/1."""
    columns = [np.ones(len(levels))]
    for k in range(len(levels[0]) if levels else 0):
        names = sorted({cell[k] for cell in levels})
        columns += [np.array([cell[k] == name for cell in levels], dtype=np.float64) for name in names[1:]]
    return np.stack(columns, axis=1)


def _wls(x: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    bread = np.asarray(np.linalg.pinv(x.T @ (w[:, None] * x)), dtype=np.float64)
    return bread, bread @ (x.T @ (w * y))


def _full_rank(x: Floats) -> Floats:
    """Return as many columns as the rank, spanning the same space."""
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return np.asarray(u[:, s > 1e-9 * s.max()] if s.size else x, dtype=np.float64)
