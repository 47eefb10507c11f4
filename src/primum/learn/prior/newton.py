"""The mode of a logistic posterior with Gaussian priors, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.calibrate import expit

Floats = npt.NDArray[np.float64]
STEPS, FAR, FLAT = 100, 60.0, 1e-7


@dataclass(frozen=True)
class Mode:
    """Where the posterior is highest.

    Attributes
    ----------
    beta
        Intercept and slopes, shape (1 + features,).
    covariance
        Of beta: the inverse curvature there (Laplace), or the sandwich where people have weights.
    steps
        Newton steps taken.
    """

    beta: Floats
    covariance: Floats
    steps: int

    @property
    def sd(self) -> Floats:
        """Standard deviations, shape (1 + features,)."""
        return np.sqrt(np.diag(self.covariance))


def posterior_mode(
    x: Floats,
    y: Floats,
    *,
    mean: Floats | None = None,
    precision: Floats | None = None,
    offset: Floats | None = None,
    weight: Floats | None = None,
) -> Mode:
    """Maximise Σ w [yη − log(1 + e^η)] − ½ Σ precision (β − mean)², with η = offset + β₀ + xβ.

    Without a precision it is maximum likelihood. The intercept has no prior.

    Parameters
    ----------
    x
        (people, features), without missing values.
    y
        (people,) 0 or 1.
    mean, precision
        (features,) of the Gaussian priors; precision 0 is a flat one.
    offset
        (people,) log odds that are taken as they are.
    weight
        (people,), mean 1; the covariance is then the sandwich of White (1980), Econometrica 48:817-838.

    Raises
    ------
    PrimumError
        If there is no finite mode: the features separate cases from non-cases.
    """
    n, p = x.shape
    w = np.ones(n) if weight is None else weight
    base = np.zeros(n) if offset is None else offset
    m = np.concatenate([[0.0], np.zeros(p) if mean is None else mean])
    lam = np.concatenate([[0.0], np.zeros(p) if precision is None else precision])
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    # Work on standardised columns (well conditioned), with the priors on their own scale: β = T b.
    z = np.column_stack([np.ones(n), (x - centre) / scale])
    back = np.eye(p + 1)
    back[1:, 1:] = np.diag(1 / scale)
    back[0, 1:] = -centre / scale
    ridge = back.T @ np.diag(lam) @ back
    b = np.zeros(p + 1)
    b[1:] = np.where(lam[1:] > 0, m[1:] * scale, 0.0)

    def loss(c: Floats) -> float:
        eta = base + z @ c
        away = back @ c - m
        return float(w @ (np.logaddexp(0, eta) - y * eta) + lam @ away**2 / 2)

    here = loss(b)
    for step in range(1, STEPS + 1):
        risk = expit(base + z @ b)
        slope = z.T @ (w * (risk - y)) + back.T @ (lam * (back @ b - m))
        curve = (z * (w * risk * (1 - risk))[:, None]).T @ z + ridge
        try:
            move = np.linalg.solve(curve, slope)
        except np.linalg.LinAlgError:
            break
        size = 1.0
        while not (new := loss(b - size * move)) <= here + 1e-12 * abs(here) and size > 1e-10:
            size /= 2
        b, here = b - size * move, new
        if not np.isfinite(b).all() or np.abs(b).max() > FAR:
            break
        if np.abs(size * move).max() < 1e-9 * (1 + np.abs(b).max()):
            if np.linalg.eigvalsh(curve)[0] < FLAT * w.sum():
                break
            inverse = back @ np.linalg.inv(curve) @ back.T
            if weight is not None:
                score = np.column_stack([np.ones(n), x]) * (w * (y - risk))[:, None]
                inverse = inverse @ (score.T @ score) @ inverse
            return Mode(back @ b, inverse, step)
    raise PrimumError(
        "There is no best fit: some features separate cases from non-cases, or say the same twice.",
        expected="people with and without the outcome at every level of every feature",
        mend="more people, fewer features, or a penalty (or prior) on every feature",
    )
