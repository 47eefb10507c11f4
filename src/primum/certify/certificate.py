"""The no-harm certificate: no declared group of patients is worse off by the margin, or an honest refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from primum.certify.bound import bound as named
from primum.certify.differences import Evidence, people
from primum.certify.group_verdict import CERTIFIED, GroupVerdict, judge_group
from primum.certify.robust import Range, RobustVerdict, resolve, robust_verdict
from primum.certify.units import unit_evidence
from primum.certify.utility import Utility
from primum.certify.words import DOES_NOT_SAY, assumptions, guarantee_words, headline
from primum.errors import PrimumError, unknown
from primum.tally.paired import PairedTally
from primum.tally.paired_units import UnitTally

CROSS = " × "
JOIN = " · "
NAMES = ("the model in use", "the repaired model")
View = tuple[str, ...]


@dataclass(frozen=True)
class Certificate:
    """Whether a repaired model may replace the model in use without harm to any declared group.

    Attributes
    ----------
    granted
        Every group is certified; where a range of diagnostic sensitivity was declared for a group, over that range.
    improves
        Whether the group named beforehand as worst off gains at level α; None if none was named, or nobody of it was
        counted. False means not shown.
    utility, margin, alpha, bound, seed
        As declared.
    groups
        One verdict a group, as recorded.
    worst_off
        (attribute, group), or None.
    robust
        Verdicts over declared ranges of diagnostic sensitivity, or None.
    guarantee
        What is promised, in words.
    assumptions, does_not_say
        What must hold, and what must not be read into it.
    names
        The model in use and the repaired one.
    people, events
        Who was counted.
    """

    granted: bool
    improves: bool | None
    utility: Utility
    margin: float
    alpha: float
    bound: str
    groups: tuple[GroupVerdict, ...]
    worst_off: tuple[str, str] | None
    robust: tuple[RobustVerdict, ...] | None
    guarantee: str
    assumptions: tuple[str, ...]
    does_not_say: tuple[str, ...]
    names: tuple[str, str]
    people: int
    events: int
    seed: int = 0

    @property
    def deciding(self) -> tuple[GroupVerdict | RobustVerdict, ...]:
        """The verdicts that decide: the robust one where a range was declared, else the one as recorded."""
        firm = {(r.attribute, r.group): r for r in self.robust or ()}
        return tuple(firm.get((g.attribute, g.group), g) for g in self.groups)

    @property
    def improvement(self) -> bool:
        """Whether it is granted and the worst-off group gains."""
        return self.granted and bool(self.improves)

    @property
    def words(self) -> str:
        """The certificate in one or two sentences."""
        return headline(self)


def certify(
    pairs: PairedTally,
    *,
    utility: Utility | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    groups: Sequence[str | View] | None = None,
    declared: Mapping[str | View, Sequence[str]] | None = None,
    worst_off: tuple[str, str] | None = None,
    bound: str = "gaffke",
    recorded: Mapping[tuple[str, str] | str, Range] | None = None,
    at_random: bool = True,
    names: tuple[str, str] = NAMES,
    units: UnitTally | None = None,
    same: bool = False,
    seed: int = 0,
) -> Certificate:
    """Test that no group is worse off by the margin, and grant or refuse.

    Granted exactly when every group of every attribute rejects δ ≤ −margin at level `alpha`. This is an
    intersection-union test: the probability of a false certificate is at most alpha without any correction for the
    number of groups, under any overlap. Source: Berger (1982), Technometrics 24:295-300.

    Parameters
    ----------
    pairs
        People by group, outcome, decision of the model in use and of the repaired one, none of whom helped to fit
        or choose either.
    utility
        What a decision is worth (`net_benefit(t)`, `SENSITIVITY`, `SPECIFICITY`, `declared(…)`). With a utility among
        cases, n counts cases.
    margin
        The greatest mean loss per person that would not matter clinically: 0.005 is 5 net true positives per 1,000.
    alpha
        Probability of a false certificate.
    groups
        Attributes ("sex"), or intersections ("sex × age", ("sex", "age")); None: every attribute of the tally.
    declared
        Attribute (or intersection) → labels that must be judged. One that nobody here has is *not assessable*.
    worst_off
        (attribute, group) named beforehand; it is also tested for a gain.
    bound
        "gaffke", "phan", "betting" or "student".
    recorded
        (attribute, group), or the group's name → least and greatest share of its cases that is recorded.
    at_random
        Whether recording is taken to be at random within a group; if not, the sharp worst case over the range.
    names
        The two models, as readers know them.
    units
        Clusters or weights of the same people: `primum.tally.paired_units.count_units`.
    same
        The two models are declared to be one and the same (a repair of strength 0): granted by construction.
    seed
        Of the bound's draws.

    Raises
    ------
    PrimumError
        If something is not declared or out of range, a name does not exist, or the tallies do not fit each other.
    """
    rule = named(bound)
    u, epsilon, level = check_terms(utility, margin, alpha)
    cells = cells_of(pairs, groups, declared)
    keys = [(CROSS.join(view), JOIN.join(group)) for view, group, _ in cells]
    if worst_off is not None and tuple(worst_off) not in keys:
        raise unknown("group", CROSS.join(worst_off), [CROSS.join(k) for k in keys], where="this certificate")
    if same:
        _check_same(pairs)
    verdicts: list[GroupVerdict] = []
    evidence: dict[tuple[str, str], tuple[npt.NDArray[np.int64], Evidence]] = {}
    for key, (view, group, n) in zip(keys, cells, strict=True):
        seen = people(n) if units is None else unit_evidence(units, view, group, int(n.sum()))
        evidence[key] = n, seen
        verdicts.append(
            judge_group(*key, n, seen, utility=u, margin=epsilon, alpha=level, bound=rule, same=same, seed=seed)
        )
    ranges = resolve(recorded or {}, keys)
    robust = [
        robust_verdict(
            *key, *evidence[key], share, utility=u, margin=epsilon, alpha=level, bound=rule, at_random=at_random,
            seed=seed,
        )
        for key, share in ranges.items()
        if not same
    ]  # fmt: skip
    everyone = pairs.n.sum(axis=0)
    result = Certificate(
        granted=False,
        improves=None,
        utility=u,
        margin=epsilon,
        alpha=level,
        bound=bound,
        groups=tuple(verdicts),
        worst_off=None if worst_off is None else (worst_off[0], worst_off[1]),
        robust=tuple(robust) if recorded else None,
        guarantee=guarantee_words(level, rule.guarantee),
        assumptions=assumptions(
            names=names,
            recorded=[f"{JOIN.join(k[1:])} {100 * lo:g} to {100 * hi:g} %" for k, (lo, hi) in ranges.items()],
            at_random=at_random,
            units=units.word if units is not None else "",
            same=same,
        ),
        does_not_say=DOES_NOT_SAY,
        names=(str(names[0]), str(names[1])),
        people=int(everyone.sum()),
        events=int(everyone[1].sum()),
        seed=seed,
    )
    granted = all(v.verdict == CERTIFIED for v in result.deciding)
    return replace(result, granted=granted, improves=_improves(result))


def check_terms(utility: Utility | None, margin: float | None, alpha: float | None) -> tuple[Utility, float, float]:
    """Return utility, margin and alpha if all are declared and possible.

    Raises
    ------
    PrimumError
        If one is missing or out of range; says how to choose it.
    """
    if not isinstance(utility, Utility):
        raise PrimumError(
            "No utility was declared." if utility is None else f"The utility is {utility!r}.",
            expected="net_benefit(threshold), SENSITIVITY, SPECIFICITY or declared(…)",
            mend="say what a found case is worth against a false alarm; net_benefit(0.1) means 9 false alarms",
        )
    worst = -utility.limits[0]
    if margin is None or not 0 < margin < worst:
        raise PrimumError(
            "No margin was declared." if margin is None else f"The margin is {margin!r}.",
            expected=f"a number above 0 and below {worst:g}, the most that one patient can lose",
            mend="ask clinicians for the smallest mean loss in a group that would matter: 0.005 is 5 net true "
            "positives (or what the utility counts) per 1,000 people. A margin of 0 cannot be met if nothing changes",
        )
    if alpha is None or not 0 < alpha < 0.5:
        raise PrimumError(
            "No alpha was declared." if alpha is None else f"alpha is {alpha!r}.",
            expected="a probability above 0 and below 0.5",
            mend="ask how often a harmful repair may slip through: 0.05 is one time in 20. Smaller needs more people",
        )
    return utility, float(margin), float(alpha)


def _improves(certificate: Certificate) -> bool | None:
    """Return whether the worst-off group gains: over the declared range, where there is one."""
    if certificate.worst_off is None:
        return None
    (one,) = (v for v in certificate.deciding if (v.attribute, v.group) == certificate.worst_off)
    low = [one.at_low.low, one.at_high.low] if isinstance(one, RobustVerdict) else [one.estimate.low]
    return None if any(map(math.isnan, low)) else min(low) > 0


def cells_of(
    pairs: PairedTally,
    groups: Sequence[str | View] | None,
    declared: Mapping[str | View, Sequence[str]] | None,
) -> list[tuple[View, tuple[str, ...], npt.NDArray[np.int64]]]:
    """Return (attributes, labels, counts) of every group to judge, those that nobody has with zeros."""
    must = {_view(k, pairs.attributes): v for k, v in (declared or {}).items()}
    if isinstance(groups, str):
        groups = [groups]
    views = [_view(g, pairs.attributes) for g in (pairs.attributes if groups is None else groups)]
    views = list(dict.fromkeys([*views, *must]))
    if not views:
        raise PrimumError(
            "There are no groups to judge.",
            expected="at least one attribute of patients",
            available=pairs.attributes,
            mend="count the pairs by group: count_pairs(y, before, after, {'sex': …})",
        )
    cells: list[tuple[View, tuple[str, ...], npt.NDArray[np.int64]]] = []
    for view in views:
        tally = pairs.by(*view)
        counts = dict(zip(tally.groups, tally.n, strict=True))
        absent = {tuple(label.split(JOIN)) if len(view) > 1 else (label,) for label in map(str, must.get(view, ()))}
        nobody = np.zeros((2, 2, 2), dtype=np.int64)
        cells += [(view, group, counts.get(group, nobody)) for group in sorted({*counts, *absent})]
    if not cells:
        raise PrimumError("The tally has no people and no groups.", expected="people who can be judged")
    return cells


def _view(name: str | View, attributes: tuple[str, ...]) -> View:
    """Return the attributes that a name or a tuple stands for."""
    parts = (name,) if isinstance(name, str) and name in attributes else name
    view = tuple(parts.split(CROSS)) if isinstance(parts, str) else tuple(parts)
    for part in view:
        if part not in attributes:
            raise unknown("attribute", part, attributes, where="this tally")
    return view


def _check_same(pairs: PairedTally) -> None:
    changed = int(pairs.n[:, :, 0, 1].sum() + pairs.n[:, :, 1, 0].sum())
    if changed:
        raise PrimumError(
            f"The two models are declared to be the same, and decide differently about {changed} people.",
            expected="same=True only for one and the same model",
        )
