"""Sums of powers of prediction and error: seven terms for the measures of a continuous outcome, 21 for their variances.

For a person with prediction p (less a fixed centre) and error e = prediction − outcome, the terms are
z = (1, p, e, p², pe, e², |e|). Every measure is a function of Σ w z; every variance by linearisation is a quadratic
form in Σ w² z zᵀ, whose entries are 21 different monomials. Both are plain sums, so tallies can be added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Power = tuple[int, int, int]  # of p, of e, of |e|

TERMS: tuple[Power, ...] = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (2, 0, 0), (1, 1, 0), (0, 2, 0), (0, 0, 1))


def _times(a: Power, b: Power) -> Power:
    p, e, size = (x + y for x, y in zip(a, b, strict=True))
    return (p, e + 2, 0) if size == 2 else (p, e, size)


PRODUCTS: tuple[Power, ...] = tuple(sorted({_times(a, b) for a in TERMS for b in TERMS}))
PLACE = np.array([[PRODUCTS.index(_times(a, b)) for b in TERMS] for a in TERMS], dtype=np.int64)
"""Position in `PRODUCTS` of the product of two terms, shape (7, 7)."""


def columns(p: Any, e: Any, powers: tuple[Power, ...]) -> list[Any]:
    """Return each monomial of p and e: arrays, or expressions of an engine."""
    parts = (p, e, abs(e) if isinstance(e, np.ndarray) else e.abs())
    found = []
    for power in powers:
        factors = [x for x, times in zip(parts, power, strict=True) for _ in range(times)]
        product = factors[0] if factors else p * 0 + 1
        for x in factors[1:]:
            product = product * x
        found.append(product)
    return found


def matrix(products: Floats) -> Floats:
    """Return Σ w² z zᵀ, shape (..., 7, 7), from the sums of the products, shape (..., 21)."""
    return np.asarray(products[..., PLACE], dtype=np.float64)


def shift(by: npt.ArrayLike) -> Floats:
    """Return the matrices A with A z the terms about a centre that lies `by` higher, shape (..., 7, 7)."""
    d = np.asarray(by, dtype=np.float64)
    a = np.zeros((*d.shape, 7, 7)) + np.eye(7)
    a[..., 1, 0] = -d
    a[..., 3, 0], a[..., 3, 1] = d**2, -2 * d
    a[..., 4, 2] = -d
    return a
