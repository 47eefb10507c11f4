"""The likelihood of one latent outcome and its indicators, from cross-products alone: its cost is free of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEAST = -12.0  # log of the smallest residual variance, indicators having variance 1
STEP = 1e-5


@dataclass(frozen=True, eq=False)
class Moments:
    """Cross-products of the design D = [1, groups but the reference, features] and the standardised indicators."""

    people: int
    dd: Floats
    dy: Floats
    yy: Floats
    centre: Floats
    unit: Floats
    feature_centre: Floats
    feature_unit: Floats
    groups: int

    @property
    def indicators(self) -> int:
        """Number of indicators."""
        return len(self.yy)

    @property
    def features(self) -> int:
        """Number of features."""
        return len(self.dd) - 1 - self.groups

    def free(self) -> Floats:
        """Return the coefficients of unrestricted regressions, shape (design, indicators)."""
        return np.asarray(np.linalg.lstsq(self.dd, self.dy, rcond=None)[0], dtype=np.float64)

    def residual(self, coefficients: Floats) -> Floats:
        """Return Σ (y − Dᵀ C)(y − Dᵀ C)ᵀ over people."""
        cross = coefficients.T @ self.dy
        return np.asarray(self.yy - cross - cross.T + coefficients.T @ self.dd @ coefficients)


@dataclass(frozen=True, eq=False)
class Parts:
    """Parameters by name: ν (J,), λ (J,), log θ (J,), γ (G,), β (p,), δ (G, released)."""

    intercepts: Floats
    loadings: Floats
    log_theta: Floats
    effects: Floats
    slopes: Floats
    released: Floats


@dataclass(frozen=True)
class Layout:
    """How parameters lie in one vector, and which indicators' intercepts are released."""

    indicators: int
    groups: int
    features: int
    freed: tuple[int, ...]

    def parts(self, theta: Floats) -> Parts:
        """Return the parameters by name."""
        j, g, p = self.indicators, self.groups, self.features
        cut = np.cumsum([j, j, j, g, p])
        a, b, c, d, e, f = np.split(theta, cut)
        return Parts(a, b, c, d, e, f.reshape(g, len(self.freed)))

    def coefficients(self, theta: Floats) -> Floats:
        """Return the mean of the indicators as coefficients of the design, shape (design, indicators)."""
        t = self.parts(theta)
        rows = np.concatenate([t.effects, t.slopes])[:, None] * t.loadings
        rows[: self.groups, list(self.freed)] += t.released
        return np.vstack([t.intercepts, rows])

    def grown(self, base: Layout, theta: Floats) -> Floats:
        """Return the parameters of a layout with fewer released, δ of the new ones 0."""
        old = base.parts(theta)
        more = np.zeros((self.groups, len(self.freed) - len(base.freed)))
        return np.concatenate([theta[: len(theta) - old.released.size], np.hstack([old.released, more]).ravel()])

    def spare(self, m: Moments) -> int:
        """Return the degrees of freedom left over against the unrestricted model."""
        full = m.indicators * len(m.dd) + m.indicators * (m.indicators + 1) // 2
        return full - (3 * self.indicators + self.groups + self.features + self.groups * len(self.freed))

    def objective(self, theta: Floats, m: Moments) -> tuple[float, Floats]:
        """Return −2 log likelihood a person, without its constant, and the gradient."""
        t = self.parts(theta)
        noise = np.exp(t.log_theta)
        cover = np.outer(t.loadings, t.loadings) + np.diag(noise)
        inverse = np.linalg.inv(cover)
        c = self.coefficients(theta)
        left = m.residual(c) / m.people
        value = float(np.linalg.slogdet(cover)[1] + np.sum(inverse * left))
        by_cover = inverse - inverse @ left @ inverse
        by_mean = 2 / m.people * (m.dd @ c - m.dy) @ inverse
        bend = np.concatenate([t.effects, t.slopes])
        loadings = 2 * by_cover @ t.loadings + by_mean[1:].T @ bend
        latent = by_mean[1:] @ t.loadings
        released = by_mean[1 : 1 + self.groups][:, list(self.freed)]
        slope = np.concatenate([by_mean[0], loadings, np.diag(by_cover) * noise, latent, released.ravel()])
        return value, slope

    def errors(self, theta: Floats, m: Moments) -> Floats:
        """Return standard errors from the curvature of the log likelihood, in the layout of the parameters."""
        columns = [
            (self.objective(theta + STEP * e, m)[1] - self.objective(theta - STEP * e, m)[1]) / (2 * STEP)
            for e in np.eye(len(theta))
        ]
        curve = np.stack(columns) * m.people / 2
        cover = np.linalg.pinv((curve + curve.T) / 2)
        return np.sqrt(np.maximum(np.diag(cover), 0.0))


def start(layout: Layout, m: Moments) -> Floats:
    """Return a first guess: the leading component of what the design leaves over, and regressions on it."""
    free = m.free()
    left = m.residual(free) / m.people
    values, vectors = np.linalg.eigh(left)
    loadings = vectors[:, -1] * np.sqrt(values[-1])
    loadings = loadings if loadings.sum() >= 0 else -loadings
    noise = np.maximum(np.diag(left) - loadings**2, 0.05)
    latent = free[1:] @ loadings / (loadings @ loadings)
    released = np.zeros(layout.groups * len(layout.freed))
    return np.concatenate([free[0], loadings, np.log(noise), latent, released])


def maximise(layout: Layout, m: Moments, first: Floats, steps: int) -> tuple[Floats, float]:
    """Return the maximum-likelihood parameters, most loadings positive, and −2 log likelihood without its constant."""
    from scipy.optimize import minimize

    j = layout.indicators
    limits = [(None, None)] * (2 * j) + [(LEAST, None)] * j + [(None, None)] * (len(first) - 3 * j)
    found = minimize(
        layout.objective, first, args=(m,), jac=True, method="L-BFGS-B", bounds=limits,
        options={"maxiter": steps, "maxfun": 10 * steps, "ftol": 1e-13, "gtol": 1e-9, "maxcor": 30},
    )  # fmt: skip
    theta = np.asarray(found.x, dtype=np.float64)
    if layout.parts(theta).loadings.sum() < 0:
        theta = theta.copy()
        theta[j : 2 * j] *= -1
        theta[3 * j : 3 * j + layout.groups + layout.features] *= -1
    return theta, float(found.fun) * m.people


def saturated(m: Moments) -> float:
    """Return −2 log likelihood, without its constant, of free regressions with a free residual covariance."""
    left = m.residual(m.free()) / m.people
    return float(m.people * (np.linalg.slogdet(left)[1] + m.indicators))


def deviance(left: Floats) -> float:
    """Return −2 log likelihood, without its constant, of one factor for residuals of mean 0, shape (people, J)."""
    j = left.shape[1]
    nothing = np.zeros(j)
    m = Moments(
        len(left), np.array([[float(len(left))]]), left.sum(0)[None, :], left.T @ left, nothing, nothing + 1,
        np.zeros(0), np.zeros(0), 0,
    )  # fmt: skip
    layout = Layout(j, 0, 0, ())
    return maximise(layout, m, start(layout, m), 2000)[1]
