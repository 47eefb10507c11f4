"""Multiply imputed data: one certificate from several completed copies of the same people.

Where outcomes, groups or what a decision rests on were imputed, each imputation gives a paired tally. They are not
further people. Two ways to pool:

- "rubin": mean and variance of d from each copy are combined by Rubin's rules with the degrees of freedom of Barnard
  and Rubin and a t reference. Approximate: like Student's t it is too ready to certify small groups.
- "e-values": the betting e-value of each copy is averaged. An average of e-values is an e-value however dependent the
  copies are, so the error rate holds for every n, if each copy is distributed as the complete data would be.

Both rest on the imputation model being right, and on it having been fitted to the certification people with no use of
the decision of only one of the two models. Not valid for a single imputation taken for the truth.
Sources: Rubin (1987); Barnard & Rubin (1999), Biometrika 86:948-955; Vovk & Wang (2021), Ann Stat 49:1736-1754.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from primum.certify.betting import evidence
from primum.certify.certificate import CROSS, JOIN, NAMES, Certificate, View, cells_of, certify, check_terms
from primum.certify.differences import excess as excess_of
from primum.certify.differences import people, worth
from primum.certify.group_verdict import GroupVerdict, Said, counted_word
from primum.certify.need import AT_OR_BEYOND, POWER
from primum.certify.sample import Sample
from primum.certify.utility import Utility
from primum.certify.words import group_words
from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.pooling import Rubin, rubin
from primum.tally.paired import PairedTally

Rule = Literal["rubin", "e-values"]
Counts = npt.NDArray[np.int64]
METHODS = {
    "rubin": "Rubin's rules, t reference (approximate)",
    "e-values": "betting e-values averaged over imputations",
}
GUARANTEES = {
    "rubin": "None in small samples: Rubin's rules with a t reference are approximate.",
    "e-values": "Proven for every sample size if the imputations are distributed as the complete data would be: an "
    "average of e-values is an e-value.",
}


def certify_imputed(
    imputations: Sequence[PairedTally],
    *,
    utility: Utility | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    groups: Sequence[str | View] | None = None,
    worst_off: tuple[str, str] | None = None,
    rule: Rule = "e-values",
    names: tuple[str, str] = NAMES,
    seed: int = 0,
) -> Certificate:
    """Grant or refuse a certificate from imputed data.

    Parameters
    ----------
    imputations
        One paired tally for each completed copy of the same people. Counts in the verdicts are means over copies,
        rounded.
    utility, margin, alpha, groups, worst_off, names, seed
        As for `certify`.
    rule
        "e-values" (exact, needs more people) or "rubin" (approximate).

    Raises
    ------
    PrimumError
        If there are fewer than two imputations, they hold different numbers of people, or something is not declared.
    """
    if rule not in METHODS:
        raise PrimumError(f"Imputations cannot be pooled by {rule!r}.", available=list(METHODS))
    u, epsilon, level = check_terms(utility, margin, alpha)
    sizes = {int(t.n.sum()) for t in imputations}
    if len(imputations) < 2 or len(sizes) > 1 or len({t.attributes for t in imputations}) > 1:
        raise PrimumError(
            f"There are {len(imputations)} imputations, of {sorted(sizes)} people.",
            expected="at least two tallies of the same people by the same attributes",
            mend="impute outcome and groups for everybody several times, and count each copy",
        )
    frame = certify(
        imputations[0], utility=u, margin=epsilon, alpha=level, groups=groups, names=names, seed=seed, bound="student",
        declared=_labels(imputations, groups), worst_off=worst_off,
    )  # fmt: skip
    found = [
        {(CROSS.join(v), JOIN.join(g)): n for v, g, n in cells_of(t, groups, _labels(imputations, groups))}
        for t in imputations
    ]
    verdicts = tuple(
        _verdict(g, [f[g.attribute, g.group] for f in found], u, epsilon, level, rule, seed) for g in frame.groups
    )
    low = {(v.attribute, v.group): v.estimate.low for v in verdicts}
    gain = low.get(worst_off, math.nan) if worst_off else math.nan
    return replace(
        frame,
        granted=all(v.verdict == "certified" for v in verdicts),
        improves=None if math.isnan(gain) else gain > 0,
        bound=METHODS[rule],
        groups=verdicts,
        guarantee=frame.guarantee.split("Per group: ")[0] + f"Per group: {GUARANTEES[rule]}",
        assumptions=(
            *frame.assumptions,
            f"{len(imputations)} imputations were drawn from the right model. Counts are means over them, rounded.",
        ),
        events=round(float(np.mean([int(t.n[:, 1].sum()) for t in imputations]))),
    )


def _labels(imputations: Sequence[PairedTally], groups: Sequence[str | View] | None) -> dict[str | View, list[str]]:
    """Return every label that occurs in some imputation, so that all are asked about the same groups."""
    result: dict[str | View, set[str]] = {}
    for tally in imputations:
        for view, group, _ in cells_of(tally, groups, None):
            result.setdefault(view, set()).add(JOIN.join(group))
    return {view: sorted(labels) for view, labels in result.items()}


def _verdict(
    name: GroupVerdict, counts: list[Counts], utility: Utility, margin: float, alpha: float, rule: Rule, seed: int
) -> GroupVerdict:
    samples = [excess_of(people(n), worth(utility), 0.0) for n in counts]
    mean = np.mean(counts, axis=0)
    events, nonevents = round(float(mean[1].sum())), round(float(mean[0].sum()))
    size = round(float(np.mean([s.n for s in samples])))
    method, unit, need, reason = METHODS[rule], counted_word(utility, people(counts[0])), None, ""
    if min(s.n for s in samples) < 2:
        reason = "fewer than two people of this group to count in some imputation"
        value = Estimate(
            math.nan, math.nan, math.nan, method, size, events, nonevents, Status.NOT_ESTIMABLE, reason, 1 - 2 * alpha
        )
        p, said = 1.0, "not assessable"
    else:
        pooled = rubin([s.mean for s in samples], [s.variance / s.n for s in samples], complete_df=size - 1)
        low, high, p = (
            _rubin(pooled, margin, alpha) if rule == "rubin" else _averaged(samples, margin, alpha, seed=seed)
        )
        value = Estimate(pooled.value, low, high, method, size, events, nonevents, level=1 - 2 * alpha)
        said = "certified" if low > -margin else "harmed" if high < -margin else "not assessable"
        if low > high:
            said, reason = "not assessable", "the imputations contradict each other"
        elif said == "not assessable":
            need, reason = _need(pooled, size, margin, alpha)
    verdict: Said = said  # type: ignore[assignment] # one of the three
    return replace(
        name, n=size, events=events, nonevents=nonevents,
        found=round(float(mean[1, 0, 1])), lost=round(float(mean[1, 1, 0])),
        spared=round(float(mean[0, 1, 0])), alarmed=round(float(mean[0, 0, 1])),
        estimate=value, p=p, verdict=verdict, need=need,
        words=group_words(name.group, value, verdict, utility, margin, unit, need=need, reason=reason),
    )  # fmt: skip


def _rubin(pooled: Rubin, margin: float, alpha: float) -> tuple[float, float, float]:
    from scipy.special import stdtr, stdtrit

    half = -float(stdtrit(pooled.df, alpha)) * pooled.error
    if pooled.error > 0:
        p = float(stdtr(pooled.df, -(pooled.value + margin) / pooled.error))
    else:
        p = 0.0 if pooled.value > -margin else 1.0
    return pooled.value - half, pooled.value + half, p


def _averaged(samples: list[Sample], margin: float, alpha: float, *, seed: int) -> tuple[float, float, float]:
    def averaged(sides: list[Sample]) -> Callable[[float], float]:
        each = [evidence(s, seed=seed) for s in sides]
        return lambda null: float(np.mean([min(e(null), 1e300) for e in each]))

    def lower(sides: list[Sample]) -> float:
        against, left, right = averaged(sides), sides[0].low, sides[0].high
        for _ in range(40):
            middle = (left + right) / 2
            left, right = (middle, right) if against(middle) > 1 / alpha else (left, middle)
        return left

    p = min(1.0, 1 / max(averaged(samples)(-margin), 1e-300))
    return lower(samples), -lower([s.mirrored for s in samples]), p


def _need(pooled: Rubin, n: int, margin: float, alpha: float) -> tuple[int | None, str]:
    """Return how many more people: the pooled variance scaled to n, the share of missing information kept."""
    from scipy.special import ndtri

    if pooled.value <= -margin:
        return None, AT_OR_BEYOND
    wanted = (ndtri(1 - alpha) + ndtri(POWER)) ** 2 * pooled.error**2 * n / (pooled.value + margin) ** 2
    more = math.ceil(wanted) - n
    return (more, "") if more > 0 else (None, "the normal approximation says that enough are there, this rule does not")
