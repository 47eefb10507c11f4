"""The regression behind chained equations: a line drawn from its posterior, not the best one."""

from __future__ import annotations

import hashlib
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin

Floats = npt.NDArray[np.float64]
STREAM = 51_977
RIDGE = 1e-5


class PosteriorLine(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Bayesian linear regression with one draw of its coefficients and its residual spread, shared by all people.

    σ² ~ (n − p) s²/χ²(n − p) and β ~ N(β̂, σ² (XᵀX + ridge)⁻¹), under a flat prior. `predict(return_std=True)` gives the
    drawn line and the drawn σ, so that a normal draw around it is a draw from the posterior predictive distribution.
    Scikit-learn's BayesianRidge gives each person the uncertainty of the line on their own; a mean over people then
    forgets most of it.
    Source: Rubin (1987), p. 167; van Buuren (2018), Flexible Imputation of Missing Data, algorithm 3.1.

    Parameters
    ----------
    seed
        Together with the data it is fitted to, this decides the draw.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to X (people, columns) without gaps, y (people,), and draw."""
        x, target = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        self.centre_ = x.mean(axis=0)
        spread = x.std(axis=0)
        self.spread_ = np.where(spread > 1e-12, spread, 1.0)
        z = np.column_stack([np.ones(len(x)), (x - self.centre_) / self.spread_])
        cross = z.T @ z
        root = np.linalg.cholesky(cross + np.diag(RIDGE * np.diag(cross) + 1e-9))
        best = np.linalg.solve(root.T, np.linalg.solve(root, z.T @ target))
        residual = target - z @ best
        free = max(len(x) - z.shape[1], 1)
        digest = hashlib.blake2b(target.tobytes(), digest_size=8).digest()
        rng = np.random.default_rng([self.seed, STREAM, int.from_bytes(digest, "big")])
        self.sigma_ = float(np.sqrt(residual @ residual / rng.chisquare(free)))
        self.coef_ = best + self.sigma_ * np.linalg.solve(root.T, rng.standard_normal(len(best)))
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:  # noqa: FBT001, FBT002 - scikit-learn's signature
        """Return the drawn line at X, and with `return_std` the drawn spread around it."""
        z = (np.asarray(X, dtype=np.float64) - self.centre_) / self.spread_
        line = self.coef_[0] + z @ self.coef_[1:]
        return (line, np.full(len(line), self.sigma_)) if return_std else line
