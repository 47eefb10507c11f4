"""Evidence that grows with every patient and may be looked at whenever one likes: a bet against a mean."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.certify.betting import CAUTION, START
from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EProcess:
    """The wealth of a gambler who bets, patient after patient, that a mean is larger than a null value.

    While the mean is not larger, the wealth does not grow on average, so the probability that it *ever* reaches 1/α
    is at most α (Ville): one may look after each patient, and stop when one likes. With X = (d − low)/(high − low)
    and m the null on that scale, E_t = Π (1 + λ_s (X_s − m)). The stake λ_s depends on earlier patients only:
    min(√(2 ln(1/α) / (n σ̂²_{s−1})), .75/m), with the regularised running mean and variance of X, lagged by one;
    n is the `horizon`, or s·ln(1 + s) where there is none.

    Source: Waudby-Smith & Ramdas (2024), J R Stat Soc B 86:1-27. What is refuted is that the mean was at or
    below the null for *every* patient so far. Not valid where patients are related, or where the null, the limits or
    α are chosen after looking.

    Attributes
    ----------
    null
        The mean under the null hypothesis: mean ≤ null.
    low, high
        The least and the greatest that an observation can be.
    alpha
        The level at which stakes aim. Valid for other levels too.
    horizon
        How many patients are expected; None for an open end. A wrong guess costs power, never validity.
    renew
        None: everything is put in at the start, so evidence gathered against harm has to be lost again before harm
        that sets in later shows. A number: 1/2 is put in at the start, and of the rest the j-th share 1/(j(j + 1))
        after every so many patients; what is not put in yet is kept. Still a wealth that does not grow on average.
    n, total, squares
        Patients so far; sum of X; sum of the squared distances from the running mean.
    log_e, peak
        Logarithm of the wealth now, and of the greatest so far.
    invested
        With `renew`: logarithm of the wealth without what is kept; None before the first patient.
    """

    null: float
    low: float
    high: float
    alpha: float
    horizon: int | None = None
    renew: int | None = None
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    log_e: float = 0.0
    peak: float = 0.0
    invested: float | None = None

    def __post_init__(self) -> None:
        if not self.low < self.null < self.high:
            raise PrimumError(
                f"The null value {self.null:g} does not lie between the least and the greatest possible, "
                f"{self.low:g} and {self.high:g}.",
                expected="a margin smaller than what one patient can lose",
                mend="with a larger margin there is nothing to test: every model passes",
            )
        if not 0 < self.alpha < 1:
            raise PrimumError(f"The level is {self.alpha!r}.", expected="a probability between 0 and 1")
        if self.horizon is not None and self.horizon < 1:
            raise PrimumError(f"The horizon is {self.horizon!r} patients.", expected="at least 1, or None")
        if self.renew is not None and self.renew < 1:
            raise PrimumError(f"Bets are renewed after {self.renew!r} patients.", expected="at least 1, or None")

    @property
    def e(self) -> float:
        """The e-value now: evidence against the null; 20 is as strong as p = 0.05."""
        return math.exp(min(self.log_e, 700.0))

    @property
    def crossed(self) -> bool:
        """Whether the wealth has reached 1/α at any time."""
        return self.peak >= math.log(1 / self.alpha)

    def after(self, values: npt.ArrayLike) -> EProcess:
        """Return the process after further patients, in the order in which they came.

        In one batch or in many: the result is the same to the last digit.

        Raises
        ------
        PrimumError
            If a value is not finite or lies outside the limits.
        """
        d = np.asarray(values, dtype=np.float64).ravel()
        slack = 1e-9 * max(1.0, abs(self.low), abs(self.high))
        if not np.isfinite(d).all() or (d < self.low - slack).any() or (d > self.high + slack).any():
            raise PrimumError(
                "A difference lies outside the declared limits.", expected=f"from {self.low:g} to {self.high:g}"
            )
        if not d.size:
            return self
        x, m = scaled(d, self.null, self.low, self.high)
        steps, total, squares = bets(x, m, self.alpha, self.horizon, n=self.n, total=self.total, squares=self.squares)
        invested = None
        if self.renew is None:
            path = _onwards(steps, self.log_e)
        else:
            path, invested = _renewed(steps, self.n, self.invested, self.renew)
        return replace(
            self,
            n=self.n + d.size,
            total=float(total),
            squares=float(squares),
            log_e=float(path[-1]),
            peak=max(self.peak, float(path.max())),
            invested=invested,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state, ready for JSON."""
        return asdict(self)


def scaled(d: Floats, null: float, low: float, high: float) -> tuple[Floats, float]:
    """Return observations and null on the scale from 0 to 1."""
    return np.clip((d - low) / (high - low), 0.0, 1.0), (null - low) / (high - low)


def wealth(x: Floats, m: float, alpha: float, horizon: int | None) -> Floats:
    """Return the logarithm of the wealth after each patient, from the start, shape (..., patients)."""
    return _onwards(bets(x, m, alpha, horizon)[0], 0.0)


def bets(
    x: Floats, m: float, alpha: float, horizon: int | None, *, n: int = 0, total: float = 0.0, squares: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Return the logarithm of the factor by which each patient changes the wealth, and the sums to go on from.

    Parameters
    ----------
    x
        Observations from 0 to 1 in order, shape (..., patients).
    m
        The null on that scale.
    alpha, horizon
        As in `EProcess`.
    n, total, squares
        The state to go on from.

    Returns
    -------
    tuple
        Factors, shape (..., patients); sum of x, sum of squared distances, each of shape (...).
    """
    seen = n + np.arange(1, x.shape[-1] + 1, dtype=np.float64)
    sums = _onwards(x, total)
    mean = (START[0] + sums) / (seen + 1)
    spread = _onwards((x - mean) ** 2, squares)
    variance = (START[1] + spread) / (seen + 1)
    before = np.full((*x.shape[:-1], 1), (START[1] + squares) / (n + 1))
    lagged = np.concatenate([before, variance[..., :-1]], axis=-1)
    length = float(horizon) if horizon is not None else seen * np.log1p(seen)
    stake = np.minimum(np.sqrt(2 * math.log(1 / alpha) / (length * lagged)), CAUTION / m)
    return np.log1p(stake * (x - m)), sums[..., -1], spread[..., -1]


def least_people(null: float, low: float, high: float, alpha: float, horizon: int | None = None) -> int:
    """Return how many patients it takes at least, if the new decision is the same as the old for every one.

    A group smaller than this cannot be certified, however harmless the change. Where nobody has harmed or been
    helped, this is the price of ruling out rare harm.
    """
    target, most = math.log(1 / alpha), 1 << 10
    start = EProcess(null, low, high, alpha, horizon)
    while most <= 1 << 24:
        x, m = scaled(np.zeros(most), null, low, high)
        path = wealth(x, m, start.alpha, horizon)
        if (path >= target).any():
            return int(np.argmax(path >= target)) + 1
        most *= 4
    return most


def _renewed(steps: Floats, n: int, invested: float | None, renew: int) -> tuple[Floats, float]:
    """Return the logarithm of the wealth after each patient, shares put in on the way, and of the part invested."""
    now, at, path = -math.inf if invested is None else invested, 0, []
    while at < steps.size:
        share, into = divmod(n + at, renew)
        if into == 0:
            now = float(np.logaddexp(now, -math.log((share + 1) * (share + 2))))
        part = _onwards(steps[at : at + renew - into], now)
        path.append(np.logaddexp(part, -math.log(share + 2)))
        now, at = float(part[-1]), at + part.size
    return np.concatenate(path), now


def _onwards(steps: Floats, start: float) -> Floats:
    """Return the running sum along the last axis, going on from `start`, added strictly in order."""
    first = np.full((*steps.shape[:-1], 1), start)
    return np.cumsum(np.concatenate([first, steps], axis=-1), axis=-1)[..., 1:]
