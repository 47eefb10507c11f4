"""Robust to under-diagnosis: does the certificate survive if only some cases are recorded, and down to how few?

Let c = P(recorded | case, group) be the group's diagnostic sensitivity, nobody without the condition be recorded, and
recording not depend on the decision within the group (D ⊥ S | Y, g; "selected completely at random"). With g₁ and g₀
the worth of a change of decision to a case and to a non-case, and S the recorded outcome,

    δ(c) = E[S (g₁ − g₀)] / c + E[g₀];   for net benefit  δ(c) = (1 + w) E[ΔS] / c − w E[Δ].

δ is monotone in 1/c, so over a declared range the worst case is an end point. Both end points are tested, each at
level α with the finite-sample bound of the certificate on the transformed values; both must pass (intersection-union).
Where recording may depend on the patient, c(x) in [c_lo, c_hi], the sharp worst case weighs recorded cases who gain by
1/c_hi and those who lose by 1/c_lo.

Not valid where people without the condition are recorded as cases. Sensitivity needs no correction when recording is
at random within the group: it is the same among recorded cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from primum.certify.bound import Bound
from primum.certify.differences import Evidence, Worth, estimate, lower_limit, worth
from primum.certify.group_verdict import CERTIFIED, HARMED, NOT_ASSESSABLE, Said, judge_mean
from primum.certify.utility import Utility
from primum.errors import PrimumError
from primum.finding import Estimate

Range = tuple[float, float]
LEAST = 0.01  # the search for a breakdown value stops here: 1 case in 100 recorded


@dataclass(frozen=True)
class Breakdown:
    """For which diagnostic sensitivities c something holds.

    Attributes
    ----------
    holds
        "above" `value`, "below" it, "always" or "never" (for c in (0, 1]).
    value
        c*; None with "always" and "never".
    """

    holds: Literal["above", "below", "always", "never"]
    value: float | None = None

    def at(self, c: float) -> bool:
        """Say whether it holds at c."""
        if self.value is None:
            return self.holds == "always"
        return c > self.value if self.holds == "above" else c < self.value


@dataclass(frozen=True)
class RobustVerdict:
    """The verdict on one group for a declared range of diagnostic sensitivity.

    Attributes
    ----------
    attribute, group
        Which patients.
    recorded
        The declared range (least, greatest share of cases that is recorded).
    at_low, at_high
        δ with its limits at the two ends; both are the one worst case where recording is not at random.
    breakdown, breakdown_margin
        Where the estimate is above 0, and above −margin.
    tested
        Where this group would be certified: the limit, not the estimate, is above −margin.
    verdict
        "certified" if certified at both ends, "harmed" if harmed at both, else "not assessable".
    words
        In plain sentences.
    """

    attribute: str
    group: str
    recorded: Range
    at_low: Estimate
    at_high: Estimate
    breakdown: Breakdown
    breakdown_margin: Breakdown
    tested: Breakdown
    verdict: Said
    words: str


def corrected(utility: Utility, low: float, high: float | None = None) -> Worth:
    """Return what a change is worth once recorded cases are weighted for those not recorded.

    With one value, recording is at random: weight 1/c. With two, the sharp worst case over c(x) in [low, high].

    Raises
    ------
    PrimumError
        If a share is outside (0, 1], or the utility is not a mean over everyone.
    """
    c_lo, c_hi = check_range((low, low if high is None else high))
    if utility.among != "everyone":
        raise PrimumError(
            f"The {utility.name} is a mean among {utility.among}; who they are depends on what is not recorded.",
            expected="a utility of everyone, such as net benefit",
            mend="certify net benefit; sensitivity needs no correction if cases are recorded at random in each group",
        )
    gain = utility.gain
    share = gain[1] - gain[0]
    values = gain.copy()
    values[1] = np.where(share > 0, share / c_hi, share / c_lo) + gain[0]
    return Worth(values, utility.counted)


def check_range(share: Range) -> Range:
    """Return a declared range of diagnostic sensitivity.

    Raises
    ------
    PrimumError
        If it is no range within (0, 1].
    """
    low, high = float(share[0]), float(share[1])
    if not 0 < low <= high <= 1:
        raise PrimumError(
            f"The share of cases that is recorded was declared as {low:g} to {high:g}.",
            expected="two numbers, 0 < least ≤ greatest ≤ 1",
            mend="take them from a validation study or a survey: 0.5 means that half of the cases are in the record",
        )
    return low, high


def breakdown(pairs_n: npt.ArrayLike, utility: Utility, margin: float = 0.0) -> Breakdown:
    """Return for which diagnostic sensitivities the estimate δ(c) lies above −margin (recording at random).

    c* = (1 + w) E[ΔS] / (w E[Δ] − margin) for net benefit. It holds above c* where recorded cases are lost on balance,
    below it where they are gained.

    Parameters
    ----------
    pairs_n
        People by (recorded outcome, decision before, decision after), shape (2, 2, 2).
    utility
        Of everyone.
    margin
        0: where the estimate is a gain.
    """
    n = np.asarray(pairs_n, dtype=np.float64)
    return _where(*_parts(n / n.sum(), utility), margin) if n.sum() else Breakdown("never")


def _parts(share: npt.NDArray[np.float64], utility: Utility) -> tuple[float, float]:
    """Return A and B of δ(c) = A/c + B from the shares of the eight cells."""
    gain = utility.gain
    return float((share[1] * (gain[1] - gain[0])).sum()), float((share.sum(axis=0) * gain[0]).sum())


def _where(slope: float, rest: float, margin: float) -> Breakdown:
    """Solve slope/c + rest > −margin for c in (0, 1]."""
    room = rest + margin
    if abs(slope) < 1e-15:
        return Breakdown("always" if room > 0 else "never")
    if slope < 0:
        return Breakdown("above", -slope / room) if room > 0 and -slope / room < 1 else Breakdown("never")
    return Breakdown("always") if room >= 0 or slope / -room > 1 else Breakdown("below", slope / -room)


def robust_verdict(
    attribute: str,
    group: str,
    pairs_n: npt.NDArray[np.int64],
    evidence: Evidence,
    recorded: Range,
    *,
    utility: Utility,
    margin: float,
    alpha: float,
    bound: Bound,
    at_random: bool = True,
    seed: int = 0,
) -> RobustVerdict:
    """Return the verdict on one group over a declared range of diagnostic sensitivity.

    Raises
    ------
    PrimumError
        If the range is not within (0, 1], or the utility cannot be corrected.
    """
    low, high = check_range(recorded)
    if utility.among == "cases" and at_random:
        scales = [worth(utility)]  # the same among recorded cases, whatever their share
    elif at_random:
        scales = [corrected(utility, low), corrected(utility, high)]
    else:
        scales = [corrected(utility, low, high)]
    ends = [judge_mean(pairs_n, evidence, s, margin, alpha, bound, seed=seed, needed=False) for s in scales]
    said = {e.verdict for e in ends}
    verdict = CERTIFIED if said == {CERTIFIED} else HARMED if said == {HARMED} else NOT_ASSESSABLE

    def limit(c: float) -> float:
        scale = corrected(utility, c) if at_random else corrected(utility, min(c, high), high)
        return lower_limit(evidence, scale, bound, alpha, seed=seed)

    def middle(c: float) -> float:
        return estimate(evidence, corrected(utility, c) if at_random else corrected(utility, min(c, high), high))

    if utility.among == "cases":
        whole = Breakdown("always" if ends[0].estimate.value > 0 else "never")
        within = Breakdown("always" if ends[0].estimate.value > -margin else "never")
        tested = Breakdown("always" if ends[0].verdict == CERTIFIED else "never")
    elif not ends[0].n:
        whole = within = tested = Breakdown("never")
    else:
        top = 1.0 if at_random else high
        whole = _search(middle, 0.0, top)
        within = _search(middle, -margin, top)
        tested = _search(limit, -margin, top)
    return RobustVerdict(
        attribute, group, (low, high), ends[0].estimate, ends[-1].estimate, whole, within, tested, verdict,
        _words(group, (low, high), verdict, tested, at_random=at_random),
    )  # fmt: skip


def _search(value: Callable[[float], float], level: float, top: float) -> Breakdown:
    """Return where value(c) > level on [LEAST, top]: value is monotone in c, to the precision of the bound."""
    at_top, at_least = value(top) > level, value(LEAST) > level
    if at_top == at_least:
        return Breakdown("always" if at_top else "never")
    from scipy.optimize import brentq

    # in 1/c the value is a straight line, its limit nearly one
    crossing = float(brentq(lambda u: value(1 / u) - level, 1 / top, 1 / LEAST, xtol=1e-7, rtol=1e-7))
    return Breakdown("above" if at_top else "below", 1 / crossing)


def holds_words(group: str, where: Breakdown) -> str:
    """Return for which share of recorded cases this group is certified, in one sentence."""
    if where.holds == "always":
        return f"For {group}, this certificate holds whatever share of the cases is recorded."
    if where.value is None:
        return f"For {group}, it holds for no share of recorded cases."
    # rounded so that the sentence never promises more than was shown
    share = math.ceil(100 * where.value - 1e-6) if where.holds == "above" else math.floor(100 * where.value + 1e-6)
    unless = "unless" if where.holds == "above" else "only if"
    return f"For {group}, this certificate holds {unless} fewer than {share} % of the cases are recorded."


def _words(group: str, recorded: Range, verdict: Said, tested: Breakdown, *, at_random: bool) -> str:
    low, high = (f"{100 * c:g} %" for c in recorded)
    span = f"exactly {low}" if low == high else f"{low} to {high}"
    said = {
        CERTIFIED: "no harm beyond the margin",
        HARMED: "harmed",
        NOT_ASSESSABLE: "not certified over this range",
    }[verdict]
    chance = "" if at_random else " (whoever they are, within this range)"
    return f"{group}: if {span} of cases are recorded{chance}, {said}. {holds_words(group, tested)}"


def resolve(
    recorded: Mapping[tuple[str, str] | str, Range], names: list[tuple[str, str]]
) -> dict[tuple[str, str], Range]:
    """Return the declared ranges by (attribute, group); a bare group's name may be used where only one has it.

    Raises
    ------
    PrimumError
        If a name is not among the groups of the certificate, or is the name of several.
    """
    result: dict[tuple[str, str], Range] = {}
    for key, share in recorded.items():
        hits = [n for n in names if n == key or n[1] == key]
        if len(hits) != 1:
            raise PrimumError(
                f"A share of recorded cases was declared for {key!r}: the name of {len(hits)} of these groups.",
                expected="an (attribute, group) of the certificate",
                available=names,
            )
        result[hits[0]] = check_range(share)
    return {name: result[name] for name in names if name in result}
