"""Bound: a name for each lower confidence bound on a mean, and the guarantee that it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from primum.certify import betting, gaffke, phan, student
from primum.certify.sample import Sample
from primum.errors import unknown


class Lower(Protocol):
    """One-sided 1 − α lower confidence bound on the mean."""

    def __call__(self, sample: Sample, alpha: float, *, seed: int = 0) -> float:
        """Return the bound, never below `sample.low`."""


class PValue(Protocol):
    """p-value of the hypothesis that the mean is not larger than `null`."""

    def __call__(self, sample: Sample, null: float, *, seed: int = 0) -> float:
        """Return p, below α exactly where the lower bound at α is above `null`."""


@dataclass(frozen=True)
class Bound:
    """A way to bound the mean of independent bounded observations from below.

    Attributes
    ----------
    name
        How it is asked for.
    lower
        Its lower bound.
    p_value
        Its test.
    guarantee
        What is known of its error rate, in one sentence.
    proven
        Whether at most α of false certificates is a theorem for every sample size and every distribution within
        the limits.
    """

    name: str
    lower: Lower
    p_value: PValue
    guarantee: str
    proven: bool


BOUNDS = {
    b.name: b
    for b in (
        Bound(
            "gaffke",
            gaffke.lower,
            gaffke.p_value,
            "Exact when each patient's change takes two values, the least and the greatest possible (it then equals "
            "Clopper-Pearson); for other bounded changes its error rate is conjectured, not proven, to stay below "
            "alpha, and no counterexample is known (Gaffke 2005; Learned-Miller & Thomas 2019).",
            proven=False,
        ),
        Bound(
            "phan",
            phan.lower,
            phan.p_value,
            "Proven: the error rate is at most alpha for every sample size and every distribution within the limits "
            "(Phan, Thomas & Learned-Miller 2021).",
            proven=True,
        ),
        Bound(
            "betting",
            betting.lower,
            betting.p_value,
            "Proven: the error rate is at most alpha for every sample size and every distribution within the limits "
            "(Ville 1939; Waudby-Smith & Ramdas 2024).",
            proven=True,
        ),
        Bound(
            "student",
            student.lower,
            student.p_value,
            "None in small samples: up to six times too many false certificates where harm is rare; shown for "
            "comparison only.",
            proven=False,
        ),
    )
}


def bound(name: str) -> Bound:
    """Return the bound of this name.

    Raises
    ------
    PrimumError
        If there is none.
    """
    if name not in BOUNDS:
        raise unknown("bound", str(name), list(BOUNDS), where="certify")
    return BOUNDS[name]
