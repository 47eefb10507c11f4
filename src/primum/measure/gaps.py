"""Differences between groups with simultaneous intervals: against a reference, everyone else, or all pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError, unknown
from primum.finding import Verdict, judge
from primum.measure.compare import REST
from primum.measure.contrast import Contrasts, two_sided
from primum.measure.estimate import Settings
from primum.measure.intervals import z_value
from primum.measure.metric import metric
from primum.measure.multiplicity import benjamini_hochberg, holm
from primum.measure.sides import Sides, sides, stream
from primum.tally.score import ScoreTally
from primum.usecase import OVERALL

Ints = npt.NDArray[np.int64]
PAIRS = "all pairs"
MOST = 20_000  # comparisons in one family


@dataclass(frozen=True)
class Gap:
    """One difference, group minus comparator, in one metric.

    Attributes
    ----------
    value, low, high
        Difference and its own interval at `level`.
    joint_low, joint_high
        Simultaneous interval: all of a family hold together at `level`.
    p
        Two-sided, of no difference; dual to `low`, `high`.
    adjusted, adjustment
        "max-T" in a confirmatory family (dual to the simultaneous interval), "Benjamini-Hochberg" q in an exploratory
        one.
    holm
        Holm's adjusted p in a confirmatory family, NaN in an exploratory one.
    p_margin, verdict
        With a margin: the p-value of a difference beyond it (one-sided, or the larger of two one-sided ones), and the
        verdict at 5 %; NaN and None without.
    n, events, nonevents
        People in the group.
    reason
        Why there is no value, or "".
    """

    group: str
    comparator: str
    metric: str
    value: float
    low: float
    high: float
    joint_low: float
    joint_high: float
    p: float
    adjusted: float
    adjustment: str
    holm: float
    method: str
    level: float
    n: int
    events: int
    nonevents: int
    reason: str = ""
    margin: float | None = None
    p_margin: float = float("nan")
    verdict: Verdict | None = None


def gaps(
    view: ScoreTally,
    metrics: Sequence[str],
    settings: Settings,
    against: str = OVERALL,
    *,
    confirmatory: Collection[str] | None = None,
    margins: dict[str, float] | None = None,
    better: str = "zero",
) -> list[Gap]:
    """Return the differences between groups, with intervals that hold for all of a family at once.

    Parameters
    ----------
    view
        Tally by one attribute or an intersection.
    metrics
        Metric ids; those without an interval are passed over. Each metric is a family of its own.
    settings
        Threshold, replicates, seed and level.
    against
        A group's label; "overall": each group against everyone else; "all pairs".
    confirmatory
        Groups declared beforehand; None: all. A pair is confirmatory when both of its groups are. The others form an
        exploratory family.
    margins
        Metric → largest tolerable difference, for `p_margin` and `verdict`.
    better
        "zero": equivalence, no difference beyond the margin on either side (two one-sided tests: the 90 % interval
        inside ±margin); "higher" or "lower": no shortfall beyond the margin, as in `finding.judge`.

    Raises
    ------
    PrimumError
        For an unknown group, or more than 20,000 comparisons.

    Notes
    -----
    Intervals are Newcombe's for rates (the groups' own limits combined for other metrics) at a larger critical value,
    from the dependence between bootstrapped cells; far in the tails a rate's limits are the wider of Wilson's and
    Jeffreys', so that small counts neither give zero width nor false alarms.
    Sources: Hothorn, Bretz & Westfall (2008), Biom J 50:346-363; Schuirmann (1987), J Pharmacokin Biopharm 15:657-80.

    Not valid across metrics or attributes (each is a family of its own), for groups chosen after seeing the data, or
    for AUROC and calibration in groups with fewer than about ten events or non-events. Verdicts are one group at a
    time: "no harm in every group" needs no correction (intersection-union); "harm in some group" is to be read off the
    simultaneous interval.
    """
    names = [" · ".join(g) for g in view.groups]
    for label in (against, *(confirmatory or ())):
        if label not in (names if label != against else (*names, OVERALL, PAIRS)):
            raise unknown("group", label, names, where=f"'{' × '.join(view.attributes)}'")
    one, two = _pairs(names, against)
    declared = np.array([confirmatory is None or n in confirmatory for n in names])
    inside = declared[one] & (declared[two] if against == PAIRS else True)
    result: list[Gap] = []
    for m in (metric(k) for k in metrics):
        if m.interval == "none" or not len(one):
            continue
        s = sides(view, m, settings, rest=against == OVERALL)
        for index, firm in ((np.flatnonzero(inside), True), (np.flatnonzero(~inside), False)):
            if len(index):
                rng = stream(view, settings, f"gaps {m.id} {firm}")
                found = _family(s, one[index], two[index], settings.level, settings.replicates, rng, firm=firm)
                margin = (margins or {}).get(m.id)
                result += found if margin is None else _judged(s, one[index], two[index], found, margin, better)
    return result


def _pairs(names: list[str], against: str) -> tuple[Ints, Ints]:
    """Return the units on either side of every comparison."""
    groups = len(names)
    if against == PAIRS:
        if groups * (groups - 1) // 2 > MOST:
            raise PrimumError(
                f"All pairs of {groups} groups are {groups * (groups - 1) // 2:,} comparisons.",
                expected=f"at most {MOST:,}",
                mend="compare with a reference or with everyone else",
            )
        both = np.array(list(combinations(range(groups), 2)), dtype=np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]
    own = np.arange(groups)
    if against == OVERALL:
        return (own, own + groups) if groups > 1 else (own[:0], own[:0])
    at = names.index(against)
    own = own[own != at]
    return own, np.full_like(own, at)


def _family(
    s: Sides, one: Ints, two: Ints, level: float, replicates: int, rng: np.random.Generator, *, firm: bool
) -> list[Gap]:
    """Return the comparisons of one family: units `one` minus units `two`."""
    reason = _reasons(s, one, two)
    known = np.flatnonzero([not r for r in reason])
    c = Contrasts(s, one[known], two[known])
    names = ("value", "low", "high", "joint_low", "joint_high", "p", "adjusted", "holm")
    point: dict[str, Any] = dict.fromkeys(names, np.zeros(0))
    if len(known):
        root = c.root(safe=True)
        p = two_sided(root)
        critical, adjusted = c.joint(root, level, replicates, rng)
        point["value"], point["p"] = c.value, two_sided(c.root(safe=False))
        point["low"], point["high"] = c.interval(z_value(level), safe=False)
        point["joint_low"], point["joint_high"] = c.interval(critical, safe=True)
        point["adjusted"] = adjusted if firm else benjamini_hochberg(p)
        point["holm"] = holm(p) if firm else np.full(len(p), np.nan)
    place = {int(k): i for i, k in enumerate(known)}
    values: list[dict[str, Any]] = [
        {name: float(x[place[k]]) if k in place else float("nan") for name, x in point.items()} for k in range(len(one))
    ]
    return [
        Gap(
            group=s.groups[i], comparator=s.groups[j] if j < len(s.groups) else REST, metric=s.metric.id, level=level,
            **values[k],
            adjustment="max-T" if firm else "Benjamini-Hochberg",
            method="Newcombe" if s.metric.rate else "independent sum of limits",
            n=int(s.people[i].sum()), events=int(s.people[i, 1]), nonevents=int(s.people[i, 0]), reason=reason[k],
        )
        for k, (i, j) in enumerate(zip(one.tolist(), two.tolist(), strict=True))
    ]  # fmt: skip


def _judged(s: Sides, one: Ints, two: Ints, found: list[Gap], margin: float, better: str) -> list[Gap]:
    """Return the comparisons with the p-value of a difference beyond the margin, and the verdict at 5 %."""
    known = np.flatnonzero([not g.reason for g in found])
    result = [replace(g, margin=margin, verdict=Verdict.NOT_ASSESSABLE) for g in found]
    if len(known):
        c = Contrasts(s, one[known], two[known])
        low, high = c.interval(z_value(0.9), safe=False)
        for i, a, b, p in zip(known.tolist(), low.tolist(), high.tolist(), c.beyond(margin, better), strict=True):
            result[i] = replace(result[i], p_margin=float(p), verdict=judge(a, b, margin, better=better))
    return result


def _reasons(s: Sides, one: Ints, two: Ints) -> list[str]:
    """Return why there is no comparison, or ""."""
    pairs = zip(one.tolist(), two.tolist(), strict=True)
    return [s.reason[i] or (f"comparator: {s.reason[j]}" if s.reason[j] else "") for i, j in pairs]
