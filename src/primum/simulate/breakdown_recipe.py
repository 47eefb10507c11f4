"""A population in which a certificate on the register is false: a fixed recipe, for all to rebuild."""

from __future__ import annotations

import numpy as np
import polars as pl

from primum.errors import PrimumError
from primum.simulate.chances import logistic

THRESHOLD = 0.15
"""The decision's threshold, odds 0.15/0.85."""


def breakdown(n: int = 60_000, seed: int = 3, *, sensitivity: tuple[float, float] = (0.8, 0.5)) -> pl.DataFrame:
    """Return people with two policies: one threshold for all, and one that lets women wait longer.

    Recipe, in the order of drawing from `numpy.random.default_rng(seed)`: man = U < .5; x ~ N(0, 1);
    p = 1/(1 + exp(2.2 − 1.2x)); Y = U < p; S = Y·1{U < c}. Before: p ≥ .15 for all. After: p ≥ .10 for men,
    p ≥ .19 for women. Judged at a threshold of .15.

    Parameters
    ----------
    n
        People.
    seed
        The published example uses 3.
    sensitivity
        Chance c that a case is recorded, of women and of men, in (0, 1].

    Returns
    -------
    man, x, p, Y (true), S (registered), before, after (decisions, 0/1).

    Raises
    ------
    PrimumError
        If a sensitivity is outside (0, 1], or `n` is below 1.

    Notes
    -----
    The change in women's net benefit is +.00163 on the register and −.00143 in truth.
    """
    if n < 1:
        raise PrimumError(f"n is {n}.", expected="at least 1 person")
    for sex, c in zip(("women", "men"), sensitivity, strict=True):
        if not 0 < c <= 1:
            raise PrimumError(f"The sensitivity of the record for {sex} is {c}.", expected="above 0 and at most 1")
    rng = np.random.default_rng(seed)
    man = rng.random(n) < 0.5
    x = rng.normal(size=n)
    p = logistic(-2.2 + 1.2 * x)
    ill = rng.random(n) < p
    recorded = ill & (rng.random(n) < np.where(man, sensitivity[1], sensitivity[0]))
    after = p >= np.where(man, 0.10, 0.19)
    frame = pl.DataFrame({"man": man, "x": x, "p": p, "Y": ill, "S": recorded, "before": p >= 0.15, "after": after})
    return frame.with_columns(pl.col("man", "Y", "S", "before", "after").cast(pl.Int8))
