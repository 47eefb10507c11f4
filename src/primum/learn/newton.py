"""Logistic regression by Newton's method, for a handful of columns; the same numbers on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ROUNDS, SMALL = 50, 1e-8


def fit_logistic(
    Z: Floats, y: Floats, *, weight: Floats | None = None, ridge: float = 0.0, start: Floats | None = None
) -> Floats:
    """Return the coefficients of a logistic regression, shape (columns,).

    Parameters
    ----------
    Z
        Columns, the first of them the intercept, shape (people, columns).
    y
        Outcome, shape (people,).
    weight
        Of each person, shape (people,); None for 1.
    ridge
        Penalty: half of it times the sum of squared coefficients, the intercept left out.
    start
        Coefficients to start from, shape (columns,); None for zeros.

    Notes
    -----
    Steps are halved until the penalised likelihood does not fall. Where the outcome is separated and nothing is
    penalised, coefficients grow until the rounds end.
    """
    w = np.ones(len(y)) if weight is None else weight * (len(weight) / weight.sum())
    penalty = np.full(Z.shape[1], ridge)
    penalty[0] = 0.0
    beta = np.zeros(Z.shape[1]) if start is None else start

    def worth(b: Floats) -> float:
        eta = Z @ b
        return float(w @ (y * eta - np.logaddexp(0, eta)) - penalty @ b**2 / 2)

    now = worth(beta)
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-(Z @ beta)))
        slope = Z.T @ (w * (y - p)) - penalty * beta
        curve = Z.T @ (Z * (w * p * (1 - p))[:, None]) + np.diag(penalty + SMALL)
        move = np.linalg.solve(curve, slope)
        size, then = 1.0, worth(beta + move)
        while then < now - SMALL and size > 1e-6:
            size /= 2
            then = worth(beta + size * move)
        beta = beta + size * move
        if abs(then - now) < SMALL:
            break
        now = then
    return np.asarray(beta, dtype=np.float64)
