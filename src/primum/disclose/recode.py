"""Tallies as they may leave: small groups joined, score steps joined, then rounded. All else is measured from them.

Four layers, each a coarser look at the one before, and in each of them the sum of what is hidden may be shown too:
who has the outcome in each group; who of them is selected; the score steps of the groups that have enough people for a
curve; everyone's own score steps. The steps of an attribute are the same for all its groups and are joined from
everyone's, so that subtracting the groups from everyone gives no more than the remainder (see `partition`), and no two
tables cut the score at edges between which there are a few people. What several models, intersections and attributes
give away together is looked at in `leaving`, `crossed` and `related`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from primum.disclose.crossed import REST, Stages, crossed, tree
from primum.disclose.dense import Cube, Dense, cube, linked, to_tally
from primum.disclose.leaving import (
    HOUSEHOLDS,
    INSTITUTIONS,
    PERSONS,
    Group,
    Rule,
    Scored,
    Units,
    apart,
    labels,
    leaving,
    rules,
)
from primum.disclose.partition import Bools, Ints, partition
from primum.disclose.presets import Policy
from primum.disclose.related import pinned, related
from primum.disclose.rounding import rounded
from primum.disclose.weights import coarse, mean_weight, weighted
from primum.errors import unknown
from primum.measure.table import EVERYONE
from primum.tally.score import ScoreTally

__all__ = ["HOUSEHOLDS", "INSTITUTIONS", "PERSONS", "REST", "Division", "Recoded", "recode"]

RING = "With the other intersections it would give small counts away."
STEPS = 10
"""Score steps that a group must have in common with the others before its ranking and calibration are measured."""


@dataclass(frozen=True)
class Division:
    """How one way of dividing people leaves.

    Attributes
    ----------
    title, names
        As in the use case, and its attributes.
    shown
        Groups whose decisions are shown, all of their four counts for every model.
    counted
        Groups of which only the people and those with the outcome are shown.
    ranked
        Groups, of those shown, whose score steps are shown.
    withheld
        Groups of which nothing is shown, with their true number of people. It stays in the room.
    why
        Why an intersection does not leave, where that does not depend on its counts.
    """

    title: str
    names: tuple[str, ...]
    shown: tuple[Group, ...]
    counted: tuple[Group, ...]
    ranked: tuple[Group, ...]
    withheld: Mapping[Group, int]
    why: str = ""


@dataclass(frozen=True, eq=False)
class Recoded:
    """Protected tallies.

    Attributes
    ----------
    policy, cuts
        The rules, and the decision threshold of each model.
    divisions
        Title → how it leaves.
    everyone, whole
        Model → everyone, on everyone's steps; and at the decision alone.
    decided, ranked
        Model → title → groups and remainder, at the decision and on the steps of the attribute. A title without
        groups that may be shown is not there.
    people, total
        Title → group → people without and with the outcome, each rounded once; and of everyone.
    left_out
        Model → why it does not leave.
    """

    policy: Policy
    cuts: Mapping[str, float]
    divisions: Mapping[str, Division]
    everyone: Mapping[str, ScoreTally]
    whole: Mapping[str, ScoreTally]
    decided: Mapping[str, Mapping[str, ScoreTally]]
    ranked: Mapping[str, Mapping[str, ScoreTally]]
    people: Mapping[str, Mapping[Group, tuple[int, int]]]
    total: tuple[int, int]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Return every count that may be shown, one row each: the register of the release."""
        rows: list[dict[str, Any]] = []
        for model, tally in self.everyone.items():
            rows += _rows(model, None, tally)
            rows += _rows(model, None, self.whole[model])
            for title, view in self.decided[model].items():
                rows += _rows(model, title, view)
            for title, view in self.ranked[model].items():
                rows += _rows(model, title, view)
        told: list[tuple[str | None, Mapping[Group, tuple[int, int]]]] = [
            (None, {(): self.total}),
            *self.people.items(),
        ]
        for of, found in told:
            for group, both in found.items():
                rows += [
                    {"model": None, "attribute": of, "group": " · ".join(group) or EVERYONE, "outcome": y,
                     "low": None, "high": None, "count": both[y]} for y in (0, 1)
                ]  # fmt: skip
        seen = {tuple(r.values()): r for r in rows}
        return list(seen.values())


def recode(
    tallies: Mapping[str, ScoreTally],
    cuts: Mapping[str, float],
    groups: Sequence[tuple[str, tuple[str, ...]]],
    policy: Policy,
    *,
    units: Units | None = None,
    key: bytes = b"",
    zeros: bool | None = None,
) -> Recoded:
    """Return tallies as they may leave.

    Parameters
    ----------
    tallies, cuts
        Model → counts by all attributes together, and its decision threshold. The first model is the primary one.
    groups
        (title, attributes) of each way of dividing people; one attribute, or the attributes of an intersection, each
        of which is listed on its own too.
    policy
        The thresholds.
    units
        "persons", "households", "institutions" → model → counts of one row for each of them, where a row is not a
        person of a household of their own. One row each makes the counts of sums too small, never too large.
    key
        The project's secret, for keyed rounding.
    zeros
        Whether a count of nobody may be told; None leaves it to the policy.

    Raises
    ------
    PrimumError
        If there is nobody to protect, or even everyone together is too few.
    """
    given = units or {}
    every = rules(policy, given, tallies)
    every = every if zeros is None else [replace(r, zeros=zeros) for r in every]
    passes = every[-1]
    strict = replace(passes, zeros=False)
    scored, left_out = leaving(tallies, cuts, given, passes)
    own = {m.name: m.steps(m.counts(())[1], strict) for m in scored}
    own = {m.name: own[m.name] if len(own[m.name]) else np.array([0, m.split]) for m in scored}
    singles = _apart_enough(groups, scored, every, own, policy)
    allowed = tree(groups)
    divisions: dict[str, Division] = {}
    for title, names in groups:
        if len(names) == 1:
            divisions[title] = singles[title].division(title)
            continue
        parents = {s.name: s.stages for s in singles.values()}
        if lacking := [n for n in names if n not in parents]:
            raise unknown("attribute", lacking[0], tuple(parents), where=f"the groups, for '{title}'")
        shown = crossed(names, scored, parents, every) if title in allowed else ()
        found = zip(*scored[0].counts(names, labels(scored, names)), strict=True)
        withheld = {g: int(n[..., 0].sum()) for g, n in found if g not in set(shown)}
        divisions[title] = Division(title, names, shown, (), (), withheld, "" if title in allowed else RING)
    everyone, whole, decided, ranked = {}, {}, {}, {}
    makers = {m.name: _Made(m, _rows_of(m, tallies[m.name]), policy, key) for m in scored}
    for name, make in makers.items():
        decision = np.array([0, make.model.split])
        everyone[name] = make.view((), own[name], None)
        whole[name] = make.view((), decision, None)
        decided[name] = {title: make.view(d.names, decision, d.shown) for title, d in divisions.items() if d.shown}
        ranked[name] = {
            title: make.view(d.names, singles[title].starts[name], d.ranked)
            for title, d in divisions.items()
            if d.ranked
        }
    first = next(iter(makers.values())).rows
    people = {
        title: _people(d.names, (*d.shown, *d.counted), first, policy, key)
        for title, d in divisions.items()
        if len(d.names) == 1
    }
    total = _people((), [()], first, policy, key)[()]
    kept = {m.name: cuts[m.name] for m in scored}
    return Recoded(policy, kept, divisions, everyone, whole, decided, ranked, people, total, left_out)


def _rows_of(model: Scored, tally: ScoreTally) -> Cube:
    """Return the counts of rows: those by which the model is protected, unless persons have several rows."""
    first = model.units[0]
    return first if first.tally is tally else cube(tally, model.edges)


@dataclass(frozen=True, eq=False)
class _Single:
    """How one attribute leaves: masks over its groups, and the steps of each model."""

    name: str
    groups: tuple[Group, ...]
    people: Ints
    counted: Bools
    stages: Stages
    ranked: Bools
    starts: Mapping[str, Ints]

    @property
    def shown(self) -> Bools:
        return self.stages.shown[-1]

    def division(self, title: str) -> Division:
        """Return it in words."""

        def of(mask: Bools) -> tuple[Group, ...]:
            return tuple(g for g, m in zip(self.groups, mask, strict=True) if m)

        hidden = {g: int(n) for g, n, c in zip(self.groups, self.people, self.counted, strict=True) if not c}
        return Division(title, (self.name,), of(self.shown), of(self.counted & ~self.shown), of(self.ranked), hidden)


def _single(
    name: str, scored: Sequence[Scored], every: Sequence[Rule], own: Mapping[str, Ints], barred: frozenset[Group]
) -> _Single:
    """Return how one attribute leaves, without the groups that another attribute would give away."""
    groups = labels(scored, (name,))
    counts = [m.counts((name,), groups)[1] for m in scored]
    events = np.concatenate([c.sum(axis=2) for c in counts], axis=1)  # groups, models × outcome, units
    between = apart(scored, (name,), groups)
    both = np.concatenate([events, between.reshape(len(groups), -1, events.shape[-1])], axis=1)
    decisions = np.stack([m.decided(c) for m, c in zip(scored, counts, strict=True)], axis=1)
    counted = np.array([g not in barred for g in groups])
    shown, stages = counted, []
    for rule in every:

        def passes(own: Ints, rule: Rule = rule) -> bool:
            return rule(own[: events.shape[1]]) and rule.apart(own[events.shape[1] :])

        counted = partition(both, [passes], among=counted, size=rule.size(events))
        shown = partition(decisions, [rule], among=shown & counted, size=rule.size(decisions))
        stages.append(shown)
    ranked, starts = _ranked(scored, counts, shown, replace(every[-1], zeros=False), own)
    people = counts[0].sum(axis=(1, 2))[:, 0]
    return _Single(name, groups, people, counted, Stages(groups, tuple(stages)), ranked, starts)


def _ranked(
    scored: Sequence[Scored], counts: list[Ints], shown: Bools, strict: Rule, own: Mapping[str, Ints]
) -> tuple[Bools, dict[str, Ints]]:
    """Return the groups with enough steps in common, and the steps of each model, all of them steps of everyone."""
    none: Bools = np.zeros(len(shown), dtype=np.bool_)
    each = list(zip(scored, counts, strict=True))
    alone = np.array(
        [min(len(m.steps(c[i : i + 1], strict, own[m.name])) for m, c in each) if s else 0 for i, s in enumerate(shown)]
    )
    need = [max(min(STEPS, len(own[m.name])), 2) for m in scored]
    chosen = shown & (alone >= min(need))
    while chosen.any():
        starts = {}
        for m, c in each:
            rest = c[~chosen].sum(axis=0, keepdims=True)
            together = np.concatenate([c[chosen], rest]) if not chosen.all() else c
            starts[m.name] = m.steps(together, strict, own[m.name])
        if all(len(starts[m.name]) >= k for m, k in zip(scored, need, strict=True)):
            return chosen, starts
        candidates = np.flatnonzero(chosen)
        chosen[candidates[np.argmin(alone[candidates])]] = False
    return none, {}


def _apart_enough(
    groups: Sequence[tuple[str, tuple[str, ...]]],
    scored: Sequence[Scored],
    every: Sequence[Rule],
    own: Mapping[str, Ints],
    policy: Policy,
) -> dict[str, _Single]:
    """Return how each attribute leaves, so that no two of them together give a few people away."""
    titles = {names[0]: title for title, names in groups if len(names) == 1}
    barred: dict[str, frozenset[Group]] = dict.fromkeys(titles, frozenset())
    found = {n: _single(n, scored, every, own, barred[n]) for n in sorted(titles)}
    pairs = list(combinations(sorted(titles), 2))
    while pairs:
        a, b = pairs[-1]
        worse = _gives_away(found[a], found[b], scored, policy)
        if worse is None:
            pairs.pop()
            continue
        name, group = worse
        barred[name] |= {group}
        found[name] = _single(name, scored, every, own, barred[name])
        pairs = list(combinations(sorted(titles), 2))
    return {titles[n]: found[n] for n in found}


def _gives_away(a: _Single, b: _Single, scored: Sequence[Scored], policy: Policy) -> tuple[str, Group] | None:
    """Return the attribute and the group that must join the remainder; None where nothing is given away."""
    t, w = int(policy["t"]), int(policy["w"])
    rows, columns = ({g: i for i, g in enumerate(s.groups)} for s in (a, b))
    pairs = labels(scored, (a.name, b.name))
    at = np.array([rows[g[:1]] for g in pairs]), np.array([columns[g[1:]] for g in pairs])
    for layer, model in [("people", scored[0]), *(("decided", m) for m in scored), *(("ranked", m) for m in scored)]:
        shown = {"people": (a.counted, b.counted), "decided": (a.shown, b.shown), "ranked": (a.ranked, b.ranked)}[layer]
        if not shown[0].any() or not shown[1].any():
            continue
        counts = model.counts((a.name, b.name), pairs)[1][..., 0]
        table = np.zeros((len(rows), len(columns), *counts.shape[1:]), dtype=np.int64)
        table[at] = counts
        people = table.sum(axis=(2, 3))
        if not related(people):
            continue
        starts = np.array([0, model.split]) if layer == "decided" else np.array([0])
        if layer == "ranked":
            starts = np.intersect1d(a.starts[model.name], b.starts[model.name])
        table = np.add.reduceat(table, starts, axis=3).reshape(*people.shape, -1)
        for k in range(table.shape[2]):
            if bad := pinned(table[..., k], people > 0, shown, t, w):
                return _worse(a, b, shown, people > 0, bad)
    return None


def _worse(
    a: _Single, b: _Single, shown: tuple[Bools, Bools], possible: Bools, bad: tuple[int, int]
) -> tuple[str, Group]:
    """Return which group joins the remainder: the smallest near the count, of the attribute that shows more."""
    around = (possible[:, bad[1]] if bad[1] >= 0 else possible[bad[0]] @ possible.T) > 0
    across = (possible[bad[0]] if bad[0] >= 0 else possible[:, bad[1]] @ possible) > 0
    options = []
    for single, mask, near in ((a, shown[0], around), (b, shown[1], across)):
        groups = np.flatnonzero(mask & near) if (mask & near).any() else np.flatnonzero(mask)
        smallest = groups[np.argmin(single.people[groups])]
        options.append((-int(mask.sum()), single.name, single.groups[smallest]))
    _, name, group = min(options)
    return name, group


@dataclass(frozen=True, eq=False)
class _Made:
    """Makes the protected views of one model."""

    model: Scored
    rows: Cube
    policy: Policy
    key: bytes

    def view(self, names: tuple[str, ...], starts: Ints, shown: Sequence[Group] | None) -> ScoreTally:
        """Return the groups shown and the remainder on these steps, rounded."""
        table, rest = self.rows.dense(names).steps(starts), (REST,) * len(names)
        if shown is not None:
            wanted = set(shown)
            table = table.joined(np.array([g in wanted for g in table.groups]), rest)
        clusters = linked(self.rows.tally, names, table, rest)
        return to_tally(self._rounded(table, names), names, self.rows.tally, clusters)

    def _rounded(self, table: Dense, names: tuple[str, ...]) -> Dense:
        if self.policy["rounding"] != "none":
            table = self._counts_rounded(table, names)
        heavy = (table.sums[1] != table.sums[0]).any() or (table.sums[2] != table.sums[0]).any()
        return replace(table, sums=coarse(table.sums, int(self.policy["max_digits"]))) if heavy else table

    def _counts_rounded(self, table: Dense, names: tuple[str, ...]) -> Dense:
        sums = table.sums.copy()
        for at in np.argwhere(table.sums[0] > 0).tolist():
            group, y, step = at
            n = int(table.sums[0, group, y, step])
            place = f"{self.model.name}|{names}|{table.groups[group]}|{y}|{table.edges[step]:.12g}"
            atoms = np.unpackbits(np.frombuffer(place.encode(), dtype=np.uint8))
            shown = rounded(n, self.policy["rounding"], self.policy["base"], key=self.key, support=atoms)
            sums[:, group, y, step] *= shown / n
            sums[0, group, y, step] = shown
        if (table.sums[1] == table.sums[0]).all() and (table.sums[2] == table.sums[0]).all():
            sums[1] = sums[2] = sums[0]  # nobody has a weight, and no rounding error may look like one
        return replace(table, sums=sums)


def _people(
    names: tuple[str, ...], groups: Sequence[Group], rows: Cube, policy: Policy, key: bytes
) -> dict[Group, tuple[int, int]]:
    """Return people without and with the outcome of each group that is shown or counted."""
    table = rows.dense(names)
    at = {g: i for i, g in enumerate(table.groups)}
    found: dict[Group, tuple[int, int]] = {}
    for group in groups:
        own = table.n[at[group]].sum(axis=-1).tolist() if group in at else [0, 0]
        atoms = [np.unpackbits(np.frombuffer(f"{names}|{group}|{y}".encode(), dtype=np.uint8)) for y in (0, 1)]
        told = [rounded(own[y], policy["rounding"], policy["base"], key=key, support=atoms[y]) for y in (0, 1)]
        found[group] = (told[0], told[1])
    return found


def _rows(model: str, title: str | None, view: ScoreTally) -> list[dict[str, Any]]:
    ends = [view.grid.low, *view.grid.thresholds, view.grid.high]
    table = np.zeros((3, len(view.groups), 2, len(ends) - 1), dtype=np.float64)
    table[:, view.group, view.outcome, view.label] = view.n, view.w, view.ww
    names = [REST if REST in g else " · ".join(g) or EVERYONE for g in view.groups]
    heavy = weighted([view])
    return [
        {
            "model": model, "attribute": title, "group": name, "outcome": y,
            "low": ends[k], "high": ends[k + 1], "count": int(table[0, i, y, k]),
        } | (mean_weight(*table[:, i, y, k].tolist()) if heavy else {})
        for i, name in enumerate(names)
        for y in (0, 1)
        for k in range(len(ends) - 1)
    ]  # fmt: skip
