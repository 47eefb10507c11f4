"""What a metric is: a pure function over counts, and what a reader must know about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.tally.score import Counts

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A measure of performance.

    Attributes
    ----------
    id, title, words
        Stable name, printed name, and the name in plain words.
    formula, reference
        How it is computed; where it comes from.
    range
        Lowest and highest possible value.
    better
        "higher", "lower", "one" (nearest to 1), "zero" (nearest to 0) or "none" (a description, not a merit).
    needs
        "counts" (tp, fp, fn, tn at the threshold), or "histogram" (the whole score axis).
    kernel
        counts, threshold → values of shape (...,); or histogram, threshold → values of shape (...,).
    undefined
        The same input for one group → the reason why there is no value, or "".
    rate
        For a proportion: (counts → numerator, counts → denominator); gives Wilson intervals.
    limits
        For an interval of its own → low, high, method: "closed" takes counts, counts of Σw², threshold and level;
        "bootstrap" takes the histogram, replicates, seed and level.
    probability
        Whether the score must be a probability.
    denominator
        Which people count: "events", "nonevents", "selected", "unselected", "everyone".
    """

    id: str
    title: str
    words: str
    formula: str
    range: tuple[float, float]
    better: Literal["higher", "lower", "one", "zero", "none"]
    needs: Literal["counts", "histogram"]
    kernel: Callable[[Any, float], Any]
    undefined: Callable[[Any, float], str]
    reference: str
    denominator: Literal["events", "nonevents", "selected", "unselected", "everyone"] = "everyone"
    rate: tuple[Callable[[Counts], Any], Callable[[Counts], Any]] | None = None
    interval: Literal["wilson", "delong", "mover", "linear", "closed", "bootstrap", "none"] = "linear"
    limits: Callable[..., tuple[Any, Any, str]] | None = None
    probability: bool = False
    threshold: bool = False


def divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    """Return numerator / denominator, NaN where the denominator is 0: 0/0 is never 0."""
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(bottom > 0, top / bottom, np.nan), dtype=np.float64)


def effective(total: npt.ArrayLike, squares: npt.ArrayLike) -> Floats:
    """Return the effective number of people (Σw)²/Σw² behind a weighted total (Kish 1965); 0 where nobody is."""
    return np.nan_to_num(divide(np.square(np.asarray(total, dtype=np.float64)), squares))


NO_EVENTS = "nobody with the outcome in this group"
NO_NONEVENTS = "nobody without the outcome in this group"
NO_PEOPLE = "nobody in this group"
