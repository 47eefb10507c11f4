"""How far can one go? From the model in use towards the full repair, as far as harmlessness can be certified."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from primum.certify.bound import bound as named
from primum.certify.certificate import CROSS, JOIN, NAMES, Certificate, cells_of, certify
from primum.certify.differences import people
from primum.certify.group_verdict import CERTIFIED, judge_group
from primum.certify.robust import Range
from primum.certify.utility import Utility
from primum.errors import PrimumError
from primum.tally.paired import PairedTally
from primum.tally.paired_units import UnitTally

Group = tuple[str, str]
Counted = PairedTally | tuple[PairedTally, UnitTally | None]
Status = Literal["in use", "certified", "refused", "not reached"]


@dataclass(frozen=True)
class Step:
    """One step of a walk.

    Attributes
    ----------
    strength
        λ: 0 is the model in use, 1 the full repair.
    status
        "in use" (λ = 0, granted by construction), "certified", "refused" (the walk ends here) or "not reached" (never
        tested, so nothing is claimed of it).
    certificate
        With every group's verdict; None where not reached.
    improves
        Whether the group named as worst off gains at this step, as shown by the chain that comes back from the full
        repair; None where none was named, or that chain did not get here.
    """

    strength: float
    status: Status
    certificate: Certificate | None
    improves: bool | None = None


@dataclass(frozen=True)
class Walk:
    """A walk, tested in fixed sequence on people who had no part in fitting.

    Attributes
    ----------
    steps
        In order, from λ = 0.
    alpha
        The probability that *any* step is certified falsely.
    """

    steps: tuple[Step, ...]
    alpha: float

    @property
    def reached(self) -> Step:
        """The furthest certified step; the model in use where nothing beyond it could be certified."""
        return [s for s in self.steps if s.status in {"in use", "certified"}][-1]

    @property
    def strength(self) -> float:
        """Its λ."""
        return self.reached.strength

    @property
    def refused(self) -> Step | None:
        """The step at which the walk ended; None if it reached the full repair."""
        return next((s for s in self.steps if s.status == "refused"), None)

    @property
    def words(self) -> str:
        """The outcome in one or two plain sentences."""
        if self.refused is None:
            return "The full repair is certified: no group is harmed beyond the margin."
        why = "; ".join(
            f"{v.group} is {v.verdict}" for v in self.refused.certificate.deciding if v.verdict != CERTIFIED
        ) if self.refused.certificate is not None else ""  # fmt: skip
        if self.strength == 0:
            return (
                f"Nothing can be certified: already at {self.refused.strength:.0%} of the repair {why}. The model in "
                "use stays as it is."
            )
        return f"{self.strength:.0%} of the repair is certified; at {self.refused.strength:.0%} {why}."

    def to_document(self) -> dict[str, Any]:
        """Return the walk, ready for JSON, with every step's certificate."""
        from primum.certify.document import to_document

        steps = [
            {
                "strength": s.strength,
                "status": s.status,
                "improves": s.improves,
                "certificate": None if s.certificate is None else to_document(s.certificate),
            }
            for s in self.steps
        ]
        return {"chosen": self.strength, "alpha": self.alpha, "words": self.words, "steps": steps}


def walk(
    strengths: Sequence[float],
    pairs: Callable[[float], Counted],
    *,
    utility: Utility,
    margin: float,
    alpha: float,
    groups: Sequence[str | tuple[str, ...]] | None = None,
    declared: Mapping[str | tuple[str, ...], Sequence[str]] | None = None,
    worst_off: Group | None = None,
    bound: str = "gaffke",
    recorded: Mapping[Group | str, Range] | None = None,
    names: tuple[str, str] = NAMES,
    untouched: Callable[[float], Collection[Group]] | None = None,
    seed: int = 0,
) -> Walk:
    """Test each step against the model in use, in the given order, until one is refused.

    Fixed-sequence testing: a false certificate anywhere needs one at the *first* harmful step, which is tested at
    level α once. So the probability that any step of the walk is certified falsely is at most α, without any
    correction, although the furthest certified one is chosen (Angelopoulos, Bates, Candès, Jordan & Lei 2021, "Learn
    then test", arXiv 2110.01052; Maurer, Hothorn & Lehmacher 1995). Valid only if strengths, their order and all
    models were fixed before these people's outcomes were looked at.

    If a worst-off group is named, whether it gains is a second claim with a chain of its own: it starts at the full
    repair and comes back, step by step, until a gain is no longer shown. Its error is at most α as well (so both
    claims together at most 2α).

    Parameters
    ----------
    strengths
        λ in increasing order, beginning with 0.
    pairs
        λ → the paired tally of untouched people: decisions of the model in use against those at λ; with clusters or
        weights (paired tally, unit tally).
    utility, margin, alpha, groups, declared, worst_off, bound, recorded, names, seed
        As in `certify`.
    untouched
        λ → groups (attribute, label) for which every decision is known to be the same as before by the way in which
        the repair is built. They are harmless by construction and need no people.

    Raises
    ------
    PrimumError
        If strengths do not start at 0 and increase, or a group said to be untouched is not.
    """
    s = [float(x) for x in strengths]
    if len(s) < 2 or s[0] != 0 or any(b <= a for a, b in pairwise(s)):
        raise PrimumError(f"The strengths are {s}.", expected="0 and at least one more, increasing")

    def judged(strength: float) -> Certificate:
        counted = pairs(strength)
        tally, units = counted if isinstance(counted, tuple) else (counted, None)
        result = certify(
            tally, utility=utility, margin=margin, alpha=alpha, groups=groups, declared=declared, worst_off=worst_off,
            bound=bound, recorded=recorded, names=names, units=units, same=strength == 0, seed=seed,
        )  # fmt: skip
        still = frozenset(untouched(strength)) if untouched is not None and strength else frozenset()
        return spared(result, tally, still) if still else result

    steps = [Step(0.0, "in use", judged(0.0))]
    for strength in s[1:]:
        if steps[-1].status in {"refused", "not reached"}:
            steps.append(Step(strength, "not reached", None))
            continue
        certificate = judged(strength)
        steps.append(Step(strength, "certified" if certificate.granted else "refused", certificate))
    if worst_off is not None:
        steps = _gains(steps, judged)
    return Walk(tuple(steps), float(alpha))


def spared(certificate: Certificate, pairs: PairedTally, untouched: Collection[Group]) -> Certificate:
    """Return the certificate with groups that no decision can change for certified by construction.

    Raises
    ------
    PrimumError
        If a decision about such a group did change.
    """
    views = dict.fromkeys(v.attribute for v in certificate.groups if (v.attribute, v.group) in untouched)
    counts = (
        {(CROSS.join(view), JOIN.join(group)): n for view, group, n in cells_of(pairs, [*views], None)} if views else {}
    )
    verdicts = []
    for v in certificate.groups:
        if (v.attribute, v.group) not in untouched:
            verdicts.append(v)
            continue
        if v.found or v.lost or v.spared or v.alarmed:
            raise PrimumError(
                f"Nothing was to change for {v.group} ({v.attribute}), and "
                f"{v.found + v.lost + v.spared + v.alarmed} decisions did.",
                expected="only groups which the repair cannot reach",
            )
        n = counts[v.attribute, v.group]
        known = judge_group(
            v.attribute, v.group, n, people(n), utility=certificate.utility, margin=certificate.margin,
            alpha=certificate.alpha, bound=named(certificate.bound), same=True, seed=certificate.seed,
        )  # fmt: skip
        verdicts.append(known)
    robust = certificate.robust
    if robust is not None:
        robust = tuple(r for r in robust if (r.attribute, r.group) not in untouched)
    result = replace(certificate, groups=tuple(verdicts), robust=robust)
    return replace(result, granted=all(v.verdict == CERTIFIED for v in result.deciding))


def _gains(steps: list[Step], judged: Callable[[float], Certificate]) -> list[Step]:
    """Return the steps with the chain for the worst-off group's gain, from the full repair backwards."""
    done = [_with_gain(steps[0], None)]
    open_ = True
    for step in reversed(steps[1:]):
        gain = bool((step.certificate or judged(step.strength)).improves) if open_ else None
        done.insert(1, _with_gain(step, gain))
        open_ = bool(gain)
    return done


def _with_gain(step: Step, gain: bool | None) -> Step:  # noqa: FBT001 - private
    """Return the step saying what the chain says, its certificate included: a gain shown out of turn is not shown."""
    certificate = step.certificate
    if certificate is not None and certificate.improves is not None:
        certificate = replace(certificate, improves=bool(gain))
    return replace(step, improves=gain, certificate=certificate)
