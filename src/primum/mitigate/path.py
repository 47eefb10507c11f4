"""The way from the model in use (λ = 0) to the full repair (λ = 1), in steps that can each be used."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.learn.calibrate import expit, logit

Floats = npt.NDArray[np.float64]
Path = Literal["auto", "logit", "probability", "thresholds", "switch"]
PATHS = {
    "auto": "thresholds where the repair has thresholds, logit where it changes risks, switch where it does neither",
    "logit": "risks are mixed on the logit scale",
    "probability": "risks are mixed as they are",
    "thresholds": "each group's threshold moves from the common one to its own",
    "switch": "all or nothing",
}


def strengths(steps: int) -> tuple[float, ...]:
    """Return λ = 0, 1/steps, …, 1.

    Raises
    ------
    PrimumError
        If there is not at least one step.
    """
    if isinstance(steps, bool) or int(steps) != steps or steps < 1:
        raise PrimumError(f"A walk of {steps!r} steps is none.", expected="a whole number, at least 1")
    return tuple(k / int(steps) for k in range(int(steps) + 1))


def blend(before: npt.ArrayLike, after: npt.ArrayLike, strength: float, *, scale: str = "logit") -> Floats:
    """Return risks between those of two models, shape (people,).

    Logit scale: logit p = (1 − λ) logit p₀ + λ logit p₁; probability scale: p = (1 − λ) p₀ + λ p₁. At λ = 0 and 1 the
    models' own risks come back unchanged. In between each person's risk moves in one direction only, so a decision
    changes at most once along the way. A blend of two calibrated models need not be calibrated.

    Parameters
    ----------
    before, after
        Risks, shape (people,).
    strength
        λ, from 0 to 1.
    scale
        "logit" or "probability".

    Raises
    ------
    PrimumError
        If λ is not from 0 to 1, or the scale unknown.
    """
    if scale not in {"logit", "probability"}:
        raise unknown("scale", scale, ["logit", "probability"])
    p, q = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    at = _checked(strength)
    if at in {0.0, 1.0}:
        return (q if at else p).copy()
    if scale == "probability":
        mixed = p + at * (q - p)
    else:
        own, other = logit(p), logit(q)
        mixed = np.where(p == q, p, expit(own + at * (other - own)))
    return np.clip(mixed, np.minimum(p, q), np.maximum(p, q))


def moved(common: float, own: npt.ArrayLike, strength: float) -> Floats:
    """Return thresholds on their way from the common one to each group's own: t + λ (t_g − t), shape (groups,).

    NaN means that nobody is selected; on the way there the threshold moves to just above 1.

    Raises
    ------
    PrimumError
        If λ is not from 0 to 1.
    """
    target = np.asarray(own, dtype=np.float64)
    target = np.where(np.isnan(target), np.nextafter(1.0, 2.0), target)
    at = _checked(strength)
    if at in {0.0, 1.0}:
        return target.copy() if at else np.full_like(target, common)
    return np.asarray(common + at * (target - common), dtype=np.float64)


def _checked(strength: float) -> float:
    if not 0 <= strength <= 1:
        raise PrimumError(
            f"A strength of {strength!r} is none.", expected="0 (the model in use) to 1 (the full repair)"
        )
    return float(strength)
