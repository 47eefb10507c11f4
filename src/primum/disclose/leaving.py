"""What leaves of a model: its cells of groups × outcome × score step, the rule on a count, and which models leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from primum.disclose.dense import Cube, cube, public_edges
from primum.disclose.partition import Ints, Passes, joined
from primum.disclose.presets import Policy
from primum.disclose.weights import Limit, carried, limits, scales, spread_out, weighted
from primum.errors import PrimumError
from primum.tally.score import ScoreTally

PERSONS, HOUSEHOLDS, INSTITUTIONS = "persons", "households", "institutions"
HEAVY = (
    "Even for everyone together, one person or two may carry too much of the weight of those who are found, missed, "
    "alarmed or left alone."
)
Group = tuple[str, ...]
Units = Mapping[str, Mapping[str, ScoreTally]]


@dataclass(frozen=True)
class Rule:
    """The rule on a count: `least` of each unit, persons first; `zeros`: whether nobody may be told of.

    Where people have weights, Σw and Σw² stand behind the counts of units, multiplied with `by`, and `limits` are the
    rules on dominance; see `primum.disclose.weights`.
    """

    least: tuple[int, ...]
    zeros: bool
    limits: tuple[Limit, ...] = ()
    by: tuple[float, float] = (1.0, 1.0)

    def __call__(self, counts: Ints) -> bool:
        """Whether counts of shape (…, units) may be printed."""
        return self.enough(counts) and self.spread_out(counts)

    def enough(self, counts: Ints) -> bool:
        """Whether there are units enough."""
        nobody = counts[..., 0] == 0
        ok = (counts[..., 0] >= self.least[0]) | (nobody & self.zeros)
        for u, wanted in enumerate(self.least[1:], start=1):
            ok &= (counts[..., u] >= wanted) | nobody
        return bool(ok.all())

    def spread_out(self, counts: Ints) -> bool:
        """Whether nobody's weight shows through."""
        if not self.limits:
            return True
        n, w, ww = counts[..., 0], counts[..., -2], counts[..., -1]
        return bool(spread_out(n, w, ww, self.by, self.limits).all())

    def apart(self, differences: Ints) -> bool:
        """Whether two models' counts may be compared: they count the same people, or enough more or fewer."""
        return replace(self, zeros=True)(np.abs(differences))

    def size(self, counts: Ints) -> Ints:
        """Return how many units there are in counts of shape (groups, …, units), for each group."""
        own = counts[..., : len(self.least)]
        return np.asarray(own.sum(axis=tuple(range(1, own.ndim))), dtype=np.int64)


def rules(policy: Policy, units: Units, tallies: Mapping[str, ScoreTally]) -> list[Rule]:
    """Return the rule for 2, 3, … t persons; other units at that number too, or at their own where that is lower.

    Raises
    ------
    PrimumError
        If people have weights and several rows, and the policy looks at dominance.
    """
    t, zeros = int(policy["t"]), policy["certainty"] != "fail" and policy["zeros"] in {"allow", "review"}
    own = [
        int(policy[key]) if isinstance(policy[key], int) else 0
        for name, key in ((HOUSEHOLDS, "t_household"), (INSTITUTIONS, "t_institution"))
        if name in units
    ]
    heavy = limits(policy) if weighted(tallies.values()) else ()
    if heavy and PERSONS in units:
        raise PrimumError(
            "These people have weights and several rows each, so that how much one person weighs is not known.",
            expected="one row a person where there are weights",
            mend="audit one record of each person, such as the first",
        )
    by = scales(tallies.values()) if heavy else (1.0, 1.0)
    return [Rule((u, *(k if u == t else min(k, u) for k in own)), zeros, heavy, by) for u in range(2, t + 1)]


@dataclass(frozen=True, eq=False)
class Scored:
    """One model on its way: the counts of each unit, public edges, and where the decision lies among them.

    With `by`, Σw and Σw² multiplied with it are counted behind the units.
    """

    name: str
    units: tuple[Cube, ...]
    edges: npt.NDArray[np.float64]
    split: int
    by: tuple[float, float] | None = None
    seen: dict[tuple[str, ...], tuple[tuple[Group, ...], Ints]] = field(default_factory=dict)

    def counts(self, names: Sequence[str], groups: Sequence[Group] | None = None) -> tuple[tuple[Group, ...], Ints]:
        """Return groups, and units in each of their cells, shape (groups, 2, bins, units)."""
        key = tuple(names)
        if key not in self.seen:
            tables = [c.dense(names) for c in self.units]
            found = tables[0].groups
            counts = [tables[0].n, *(_placed(t.groups, t.n, found) for t in tables[1:])]
            counts += carried(tables[0].sums[1], tables[0].sums[2], self.by) if self.by else ()
            self.seen[key] = found, np.stack(counts, axis=-1)
        found, own = self.seen[key]
        if groups is None or tuple(groups) == found:
            return found, own
        return tuple(groups), _placed(found, own, groups)

    def decided(self, counts: Ints) -> Ints:
        """Return counts below and from the decision on, shape (…, 2, 2, units)."""
        sides = (counts[..., : self.split, :].sum(axis=-2), counts[..., self.split :, :].sum(axis=-2))
        return np.stack(sides, axis=-2)

    def steps(self, counts: Ints, passes: Passes, on: Ints | None = None) -> Ints:
        """Return the first bins of common steps of groups, shape of counts (groups, 2, bins, units).

        With `on`, the steps of groups are joined from these steps of everyone, so that they never cut one in two.
        None are returned where a side of the decision is too small for a step.
        """
        starts = np.arange(len(self.edges)) if on is None else on
        bins = np.moveaxis(np.add.reduceat(counts, starts, axis=2), 2, 0)
        k = int(np.searchsorted(starts, self.split))
        low, high = joined(bins[:k], passes), joined(bins[k:], passes)
        found = starts[np.concatenate([low, high + k])] if len(low) and len(high) else np.zeros(0, dtype=np.int64)
        return np.asarray(found, dtype=np.int64)


def leaving(
    tallies: Mapping[str, ScoreTally], cuts: Mapping[str, float], units: Units, passes: Rule
) -> tuple[list[Scored], dict[str, str]]:
    """Return the models that may leave, the primary one first, and why the others may not.

    Raises
    ------
    PrimumError
        If the primary model may not leave.
    """
    scored: list[Scored] = []
    left_out: dict[str, str] = {}
    for name, tally in tallies.items():
        own = [units[PERSONS][name] if PERSONS in units else tally]
        own += [units[u][name] for u in (HOUSEHOLDS, INSTITUTIONS) if u in units]
        edges = public_edges(tally.grid)
        split, by = int(np.searchsorted(edges, cuts[name])), passes.by if passes.limits else None
        model = Scored(name, tuple(cube(t, edges) for t in own), edges, split, by)
        if not 0 < model.split < len(edges):
            left_out[name] = "Its decision threshold lies at an end of the score, so everyone or nobody is selected."
        elif not passes.enough(everyone := model.decided(model.counts(())[1])[0]):
            left_out[name] = "Even for everyone together, too few people are found, missed, alarmed or left alone."
        elif not passes.spread_out(everyone):
            left_out[name] = HEAVY
        elif not passes.apart(apart([*scored, model], (), ((),))):
            left_out[name] = "It scores a few people fewer or more than another model, which would set them apart."
        else:
            scored.append(model)
    if not scored or scored[0].name != next(iter(tallies)):
        first = next(iter(tallies))
        if left_out[first] == HEAVY:
            raise PrimumError(
                f"Nothing about '{first}' may leave. {HEAVY}",
                expected="; ".join(c.words for c in passes.limits),
                mend="trim the weights, for example at five times their mean, and audit again",
            )
        raise PrimumError(
            f"Nothing about '{first}' may leave. {left_out[first]}",
            expected=f"at least {passes.least[0]} of each, and 0 only where the policy lets it be told",
            mend="release an audit of more people, or ask the output checker",
        )
    return scored, left_out


def labels(scored: Sequence[Scored], names: Sequence[str]) -> tuple[Group, ...]:
    """Return the groups of everyone whom any of the models scores, in order."""
    return tuple(sorted({g for m in scored for g in m.counts(names)[0]}))


def apart(scored: Sequence[Scored], names: Sequence[str], groups: Sequence[Group]) -> Ints:
    """Return how many more units one model counts than another, shape (groups, pairs of models, 2, units)."""
    people = [m.counts(names, groups)[1].sum(axis=2) for m in scored]
    none = np.zeros((len(groups), 0, *people[0].shape[1:]), dtype=np.int64)
    return np.concatenate([none, *((a - b)[:, None] for a, b in combinations(people, 2))], axis=1)


def _placed(found: Sequence[Group], counts: Ints, wanted: Sequence[Group]) -> Ints:
    """Return the counts of these groups, 0 for one that is not there."""
    at = {g: i for i, g in enumerate(found)}
    out = np.zeros((len(wanted), *counts.shape[1:]), dtype=np.int64)
    for k, group in enumerate(wanted):
        if group in at:
            out[k] = counts[at[group]]
    return out
