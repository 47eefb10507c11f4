"""The probability that a weighted sum of gamma variables is below zero, by quadrature in the complex plane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEANS = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])  # sin φ: how far the path of the quadrature may lean
NEAR = np.arange(0, 6.5, 0.5)  # where paths are looked along first
FAR = np.concatenate([NEAR, np.arange(7, 41, 1.0)])  # and where that is not far enough
AGREED = 1e-7  # with half as many nodes; what then remains is about the square of it
MOST = 2**14  # nodes
NEGLIGIBLE = -38.0  # logarithm of what may be left beyond its end
AT_ONCE = 1_000_000  # numbers held at a time


def below_zero(c: Floats, a: Floats) -> Floats:
    """Return P(Σ G_j a_j ≤ 0) for independent G_j ~ Gamma(c_j).

    Inverting the moment generating function through the saddle point −ρ gives, with b_j = a_j/(1 + a_j ρ),

        p = (1/2πiρ) Π (1 + a_j ρ)^(−c_j) ∫ Π (1 − b_j δ)^(−c_j) (1 − δ/ρ)^(−1) dδ.

    The path is a hyperbola, δ = τ (sin(φ + iu) − sin φ), τ the width at the saddle point; it leans by φ to the side on
    which the integrand falls off. The trapezoidal rule in u converges exponentially; nodes are doubled until it has.
    Accurate to about six digits however small p is, and usually to ten. Where it does not converge p is 1.

    Parameters
    ----------
    c
        Shapes, 0 or at least 1, and at least 1 in the first column; shape (rows, terms).
    a
        Weights on a scale where the least is −1, which stands in the first column; some of the others are above 0.

    Returns
    -------
    Floats
        Shape (rows,).
    """
    rho = _saddle(c, a)
    tilt = 1 + a * rho[:, None]
    height = -(c * np.log1p(a * rho[:, None])).sum(-1) - np.log(rho)
    b = np.concatenate([a / tilt, 1 / rho[:, None]], axis=1)
    c = np.concatenate([c, np.ones_like(c[:, :1])], axis=1)
    tau = 1 / np.sqrt((c * b**2).sum(-1))
    sine, end = _path(c, b, tau)
    scale = np.exp(height) / np.pi
    p, area = np.ones(len(c)), np.zeros(len(c))
    active, nodes = np.arange(len(c)), 16
    while active.size and nodes <= MOST:
        at = np.arange(0, nodes) if nodes == 16 else np.arange(1, nodes, 2)  # nodes that are new
        u = end[active, None] * at / nodes
        width = tau[active] * end[active] / nodes
        now = area[active] / 2 + width * _heights(c[active], b[active], tau[active], sine[active], u)
        good = np.abs(now - area[active]) <= AGREED * np.abs(now)
        area[active] = now
        p[active[good]] = np.clip(now[good] * scale[active[good]], 0.0, 1.0)
        active, nodes = active[~good], nodes * 2
    return p


def _path(c: Floats, b: Floats, tau: Floats) -> tuple[Floats, Floats]:
    """Return sin φ of the path along which the integrand is least, and where it may end; shapes (rows,)."""
    sine, end = _look_along(c, b, tau, NEAR)
    far = np.flatnonzero(end >= NEAR[-1])
    if far.size:
        sine[far], end[far] = _look_along(c[far], b[far], tau[far], FAR)
    return sine, end


def _look_along(c: Floats, b: Floats, tau: Floats, nodes: Floats) -> tuple[Floats, Floats]:
    """Return the best path and its end, judged at a few nodes.

    It ends where the integrand is negligible on this path and on the upright one, along which it only falls: from
    there the rest of the way could be upright.
    """
    u, sine = np.broadcast_to(nodes, (len(c), len(nodes))), np.ones(len(c))
    sizes = np.stack([_integrand(c, b, tau, lean * sine, u)[0] for lean in LEANS])
    over = (sizes < NEGLIGIBLE) & (sizes[len(LEANS) // 2] < NEGLIGIBLE)
    over[..., -1] = True
    last = over.argmax(-1)
    sizes = np.where(np.arange(len(nodes)) > last[..., None], -np.inf, sizes)
    most = sizes.max(-1, keepdims=True)
    best = (np.log(np.exp(sizes - most).sum(-1)) + most[..., 0]).argmin(0)
    return LEANS[best], nodes[last[best, np.arange(len(c))]]


def _heights(c: Floats, b: Floats, tau: Floats, sine: Floats, u: Floats) -> Floats:
    """Return the sum of the integrand's real part at nodes u, the node 0 by half; shape (rows,)."""
    log_size, angle = _integrand(c, b, tau, sine, u)
    cosine = np.sqrt(1 - sine**2)[:, None]
    forward = np.exp(log_size) * (cosine * np.cos(angle) + sine[:, None] * np.tanh(u) * np.sin(angle))
    return np.asarray(np.where(u > 0, forward, forward / 2).sum(-1), dtype=np.float64)


def _integrand(c: Floats, b: Floats, tau: Floats, sine: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Return Π (1 − b_j δ)^(−c_j) cosh u on the path, as logarithm of its size and as angle, shape (rows, nodes)."""
    x = (tau * sine)[:, None] * (np.cosh(u) - 1)
    y = (tau * np.sqrt(1 - sine**2))[:, None] * np.sinh(u)
    log_size, angle = np.broadcast_to(np.log(np.cosh(u)), x.shape).copy(), np.zeros(x.shape)
    for j in _parts(b, x):
        bx, by = b[:, j, None] * x[:, None, :], b[:, j, None] * y[:, None, :]
        log_size -= np.einsum("rj,rju->ru", c[:, j], np.log1p(bx * (bx - 2) + by**2)) / 2
        angle += np.einsum("rj,rju->ru", c[:, j], np.arctan2(by, 1 - bx))
    return log_size, angle


def _parts(b: Floats, t: Floats) -> Iterator[slice]:
    """Return columns of b in parts that keep (rows, part, nodes) small."""
    size = max(1, AT_ONCE // t.size)
    return (slice(i, i + size) for i in range(0, b.shape[1], size))


def _saddle(c: Floats, a: Floats) -> Floats:
    """Return where −Σ c_j ln(1 + a_j ρ) − ln ρ is least on (0, 1), near enough for the quadrature; shape (rows,).

    The function is self-concordant, so Newton's steps, damped by 1 + decrement, stay inside and converge.
    """
    mean, var = (c * a).sum(-1), (c * a**2).sum(-1)
    rho: Floats = np.minimum((mean + np.sqrt(mean**2 + 4 * var)) / (2 * var), 0.9)
    for _ in range(200):
        b = a / (1 + a * rho[:, None])
        first = -(c * b).sum(-1) - 1 / rho
        second = (c * b**2).sum(-1) + 1 / rho**2
        decrement = np.abs(first) / np.sqrt(second)
        if (decrement < 1e-3).all():
            break
        rho = np.asarray(rho - first / second / (1 + decrement), dtype=np.float64)
    return rho
