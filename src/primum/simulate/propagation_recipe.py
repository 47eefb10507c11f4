"""A small population in which a register's bias can be followed through models: a fixed recipe, for all to rebuild."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.errors import PrimumError
from primum.simulate.chances import Floats, logistic, mean_logits

FEATURES = ("core", "x1", "ext", "x3", "young")
"""What models are trained on; `male` is added where sex is a feature."""
SEED, PEOPLE = 1, 200_000
WOMEN, MEN = 0.55, 0.35


def propagation(
    n: int = PEOPLE, seed: int = SEED, *, sensitivity: tuple[float, float] = (WOMEN, MEN)
) -> pl.DataFrame:  # fmt: skip
    """Return people of whom each case is recorded with a chance that depends on sex alone.

    Recipe, in the order of drawing from `numpy.random.default_rng(seed)`: male = U < .5; age ~ U(18, 80);
    x ~ N(0, I₄), one row a person; Y; S. core = x₀ − 0.3·male; ext = x₂ + 0.5·male;
    logit P(Y) = −4.0 + 0.9 core + 0.5 x₁ + 0.5 ext + 0.4 x₃ + 0.25·1{age < 35}; S = Y·1{U < c}.

    Parameters
    ----------
    n
        People; train on the first half, judge on the second.
    seed
        The published table uses 1.
    sensitivity
        Chance c that a case is recorded, of women and of men, in (0, 1].

    Returns
    -------
    x0, x1, x2, x3, core, ext, young, male, age; risk = P(Y); Y (true), S (registered).

    Raises
    ------
    PrimumError
        If a sensitivity is outside (0, 1], or `n` is below 2.

    Notes
    -----
    True prevalence .0356 of women and .0361 of men; registered .0195 and .0125. Here a model that does not see
    sex nearly agrees with one trained on the truth; in the two variants it does not.
    """
    base, u = _drawn(n, seed, sensitivity)
    chance = np.where(base["male"] == 1, sensitivity[1], sensitivity[0])
    return _told(base, u < chance)


def propagation_by_severity(
    n: int = PEOPLE, seed: int = SEED, *, sensitivity: tuple[float, float] = (WOMEN, MEN), slope: float = 1.5
) -> pl.DataFrame:
    """Return the same people, recorded the more often the more their illness looks as doctors expect.

    P(S = 1 | Y = 1) = 1/(1 + exp(−a_sex − slope·z)) with z = core − ext, standardised among the cases, and a_sex
    such that the mean among the cases is `sensitivity`. What men show more of (`ext`) counts against being
    recorded, so that a model learns from the record to overlook it; leaving out sex does not mend that.

    Raises
    ------
    PrimumError
        As `propagation`, or if `slope` is not a finite number.
    """
    if not np.isfinite(slope):
        raise PrimumError(f"The slope is {slope}.", expected="a finite number")
    base, u = _drawn(n, seed, sensitivity)
    look, ill = base["core"] - base["ext"], base["Y"] == 1
    z = (look - look[ill].mean()) / look[ill].std()
    chance = np.zeros(n)
    for sex, mean in enumerate(sensitivity):
        who = ill & (base["male"] == sex)
        chance[who] = logistic(mean_logits(mean, slope * z[who], "core − ext"))
    return _told(base, u < chance)


def propagation_item_shift(
    n: int = PEOPLE, seed: int = SEED, *, sensitivity: tuple[float, float] = (WOMEN, MEN), shift: float = -0.6
) -> pl.DataFrame:
    """Return the same people, but men admit to less: their `core` is reported lower by `shift` at equal illness.

    The outcome still depends on the core symptoms that they have (column `core_true`). A model without sex takes
    men for healthier than they are, even when it is trained on the truth.

    Raises
    ------
    PrimumError
        As `propagation`, or if `shift` is not a finite number.
    """
    if not np.isfinite(shift):
        raise PrimumError(f"The shift is {shift}.", expected="a finite number")
    frame = propagation(n, seed, sensitivity=sensitivity)
    return frame.with_columns(
        pl.col("core").alias("core_true"), (pl.col("core") + shift * pl.col("male")).alias("core")
    )


def _drawn(n: int, seed: int, sensitivity: tuple[float, float]) -> tuple[dict[str, npt.NDArray[np.float64]], Floats]:
    if n < 2:
        raise PrimumError(f"n is {n}.", expected="at least 2 people: half to train on, half to judge on")
    for sex, c in zip(("women", "men"), sensitivity, strict=True):
        if not 0 < c <= 1:
            raise PrimumError(f"The sensitivity of the record for {sex} is {c}.", expected="above 0 and at most 1")
    rng = np.random.default_rng(seed)
    male = rng.random(n) < 0.5
    age = rng.uniform(18, 80, n)
    x = rng.normal(size=(n, 4))
    core, ext, young = x[:, 0] - 0.3 * male, x[:, 2] + 0.5 * male, age < 35
    risk = logistic(-4.0 + 0.9 * core + 0.5 * x[:, 1] + 0.5 * ext + 0.4 * x[:, 3] + 0.25 * young)
    ill = rng.random(n) < risk
    columns: dict[str, Any] = {f"x{j}": x[:, j] for j in range(4)}
    columns |= {"core": core, "ext": ext, "young": young, "male": male, "age": age, "risk": risk, "Y": ill}
    return {name: np.asarray(c, dtype=np.float64) for name, c in columns.items()}, rng.random(n)


def _told(base: dict[str, npt.NDArray[np.float64]], recorded: npt.NDArray[np.bool_]) -> pl.DataFrame:
    frame = pl.DataFrame({**base, "S": base["Y"] * recorded})
    return frame.with_columns(pl.col("young", "male", "Y", "S").cast(pl.Int8))
