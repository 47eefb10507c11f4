"""GroupVerdict: what the certificate says of one group, from its interval and the margin declared beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from primum.certify.bound import Bound
from primum.certify.differences import (
    Evidence,
    Worth,
    estimate,
    excess,
    lower_limit,
    p_value,
    total,
    upper_limit,
    worth,
)
from primum.certify.need import need
from primum.certify.utility import Utility
from primum.certify.words import group_words
from primum.finding import Estimate, Status

Said = Literal["certified", "harmed", "not assessable"]
CERTIFIED: Said = "certified"
HARMED: Said = "harmed"
NOT_ASSESSABLE: Said = "not assessable"
BY_CONSTRUCTION = "by construction"


@dataclass(frozen=True)
class GroupVerdict:
    """The verdict on one group.

    Attributes
    ----------
    attribute, group
        Which patients: "sex", "women"; "sex × age", "women · 65+".
    n
        Units counted: people, cases where the utility is taken among cases, clusters.
    events, nonevents
        People of the group with and without the outcome.
    found, lost
        Cases whom only the repaired model flags, and cases whom only the model in use flags.
    spared, alarmed
        The same for people without the outcome: no longer flagged, newly flagged.
    estimate
        The mean difference δ with two one-sided 1 − α limits; `method` names the bound, `level` is 1 − 2α.
    p
        Of H0: δ ≤ −margin.
    verdict
        "certified" (the lower limit lies above −margin), "harmed" (the upper limit lies below −margin) or
        "not assessable".
    need
        How many more units would settle it at 80 % power; None where settled, or where no number is expected to.
    unit
        What is counted in `n` and `need`.
    words
        All this in plain sentences.
    """

    attribute: str
    group: str
    n: int
    events: int
    nonevents: int
    found: int
    lost: int
    spared: int
    alarmed: int
    estimate: Estimate
    p: float
    verdict: Said
    need: int | None
    unit: str
    words: str


@dataclass(frozen=True)
class Judged:
    """A mean difference, its limits, its p-value and what follows from them."""

    estimate: Estimate
    p: float
    verdict: Said
    need: int | None
    reason: str
    n: int


def judge_group(
    attribute: str,
    group: str,
    pairs_n: npt.NDArray[np.int64],
    evidence: Evidence,
    *,
    utility: Utility,
    margin: float,
    alpha: float,
    bound: Bound,
    same: bool = False,
    seed: int = 0,
) -> GroupVerdict:
    """Return the verdict on one group.

    Parameters
    ----------
    attribute, group
        Its name.
    pairs_n
        Its people by (outcome, decision before, decision after), shape (2, 2, 2).
    evidence
        The same people as units of observation.
    utility, margin, alpha, bound
        As declared for the certificate.
    same
        The two models are declared to be one and the same: δ = 0 is known, not estimated.
    seed
        Of the bound.
    """
    n = np.asarray(pairs_n)
    unit = counted_word(utility, evidence)
    count = int(excess(evidence, worth(utility), 0.0).n)
    if same:
        value = Estimate(0.0, 0.0, 0.0, BY_CONSTRUCTION, count, int(n[1].sum()), int(n[0].sum()), level=1 - 2 * alpha)
        judged = Judged(value, 0.0, CERTIFIED, None, "", count)
    else:
        judged = judge_mean(n, evidence, worth(utility), margin, alpha, bound, seed=seed)
    return GroupVerdict(
        attribute,
        group,
        judged.n,
        int(n[1].sum()),
        int(n[0].sum()),
        found=int(n[1, 0, 1]),
        lost=int(n[1, 1, 0]),
        spared=int(n[0, 1, 0]),
        alarmed=int(n[0, 0, 1]),
        estimate=judged.estimate,
        p=judged.p,
        verdict=judged.verdict,
        need=judged.need,
        unit=unit,
        words=group_words(
            group, judged.estimate, judged.verdict, utility, margin, unit, need=judged.need, reason=judged.reason
        ),
    )


def judge_mean(
    pairs_n: npt.NDArray[np.int64],
    evidence: Evidence,
    scale: Worth,
    margin: float,
    alpha: float,
    bound: Bound,
    *,
    needed: bool = True,
    seed: int = 0,
) -> Judged:
    """Return limits, p-value and verdict of a mean of worth, and (if `needed`) what is missing; see `judge_group`."""
    events, nonevents = int(pairs_n[1].sum()), int(pairs_n[0].sum())
    z = excess(evidence, scale, -margin)
    if not z.n:
        missing = Estimate(
            math.nan, math.nan, math.nan, bound.name, 0, events, nonevents, Status.NOT_ESTIMABLE,
            "nobody of this group to count in the certification data", 1 - 2 * alpha,
        )  # fmt: skip
        wanted, _ = need(z, 0.0, alpha, bound, unchanged=margin, seed=seed)
        return Judged(missing, 1.0, NOT_ASSESSABLE, wanted, missing.reason, 0)
    low = lower_limit(evidence, scale, bound, alpha, seed=seed)
    high = upper_limit(evidence, scale, bound, alpha, seed=seed)
    p = p_value(evidence, scale, -margin, bound, seed=seed)
    value = Estimate(estimate(evidence, scale), low, high, bound.name, z.n, events, nonevents, level=1 - 2 * alpha)
    if low > -margin:
        return Judged(value, p, CERTIFIED, None, "", z.n)
    if high < -margin:
        return Judged(value, p, HARMED, None, "", z.n)
    if not needed:
        return Judged(value, p, NOT_ASSESSABLE, None, "", z.n)
    typical = total(evidence, scale) / z.n
    wanted, reason = need(z, 0.0, alpha, bound, unchanged=margin * typical, seed=seed)
    return Judged(value, p, NOT_ASSESSABLE, wanted, reason, z.n)


def counted_word(utility: Utility, evidence: Evidence) -> str:
    """Return what is counted, in the plural: "people", "cases", "families with cases"."""
    if utility.among == "everyone":
        return evidence.word
    return utility.among if evidence.word == "people" else f"{evidence.word} with {utility.among}"
