"""Tallies as they may leave: small groups joined, score steps joined, then rounded. All else is measured from them.

Four layers, each a coarser look at the one before, and in each of them the sum of what is hidden may be shown too:
who has the outcome in each group; who of them is selected; the score steps of the groups that have enough people for a
curve; everyone's own score steps. The steps of an attribute are the same for all its groups, so that subtracting the
groups from everyone gives no more than the remainder (see `partition`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.disclose.dense import Dense, dense, linked, public_edges, to_tally
from primum.disclose.partition import Bools, Ints, Passes, joined, partition
from primum.disclose.presets import Policy
from primum.disclose.releases import EVERYONE
from primum.disclose.rounding import rounded
from primum.errors import PrimumError
from primum.tally.score import ScoreTally

REST = "(other groups together)"
STEPS = 6
"""Score steps that a group must have in common with the others before its ranking and calibration are measured."""
PERSONS, HOUSEHOLDS, INSTITUTIONS = "persons", "households", "institutions"
Group = tuple[str, ...]
Units = Mapping[str, Mapping[str, ScoreTally]]


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
    """

    title: str
    names: tuple[str, ...]
    shown: tuple[Group, ...]
    counted: tuple[Group, ...]
    ranked: tuple[Group, ...]
    withheld: Mapping[Group, int]


@dataclass(frozen=True, eq=False)
class Recoded:
    """Protected tallies.

    Attributes
    ----------
    policy, cuts
        The rules, and the decision threshold of each model.
    divisions
        Title → how it leaves.
    everyone
        Model → everyone, on everyone's steps.
    decided, ranked
        Model → title → groups and remainder, at the decision and on the steps of the attribute. A title without
        groups that may be shown is not there.
    people
        Title → group → people without and with the outcome.
    left_out
        Model → why it does not leave.
    """

    policy: Policy
    cuts: Mapping[str, float]
    divisions: Mapping[str, Division]
    everyone: Mapping[str, ScoreTally]
    decided: Mapping[str, Mapping[str, ScoreTally]]
    ranked: Mapping[str, Mapping[str, ScoreTally]]
    people: Mapping[str, Mapping[Group, tuple[int, int]]]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Return every count that may be shown, one row each: the register of the release."""
        rows: list[dict[str, Any]] = []
        for model, tally in self.everyone.items():
            rows += _rows(model, None, tally)
            for title, view in self.decided[model].items():
                rows += _rows(model, title, view)
            for title, view in self.ranked[model].items():
                rows += _rows(model, title, view)
        for title, found in self.people.items():
            for group, both in found.items():
                rows += [
                    {"model": None, "attribute": title, "group": " · ".join(group), "outcome": y, "low": None,
                     "high": None, "count": both[y]} for y in (0, 1)
                ]  # fmt: skip
        seen = {tuple(r.values()): r for r in rows}
        return list(seen.values())


@dataclass(frozen=True, eq=False)
class _Scored:
    """One model on its way: the tallies of each unit, public edges, and where the decision lies among them."""

    name: str
    units: tuple[ScoreTally, ...]
    edges: npt.NDArray[np.float64]
    split: int

    def counts(self, names: Sequence[str], groups: Sequence[Group] | None = None) -> tuple[tuple[Group, ...], Ints]:
        """Return groups, and units in each of their cells, shape (groups, 2, bins, units)."""
        tables = [dense(t, names, self.edges) for t in self.units]
        wanted = tuple(groups) if groups is not None else tables[0].groups
        out = np.zeros((len(wanted), 2, len(self.edges), len(tables)), dtype=np.int64)
        for u, table in enumerate(tables):
            at = {g: i for i, g in enumerate(table.groups)}
            for k, group in enumerate(wanted):
                if group in at:
                    out[k, ..., u] = table.n[at[group]]
        return wanted, out

    def decided(self, counts: Ints) -> Ints:
        """Return counts below and from the decision on, shape (…, 2, 2, units)."""
        sides = (counts[..., : self.split, :].sum(axis=-2), counts[..., self.split :, :].sum(axis=-2))
        return np.stack(sides, axis=-2)

    def steps(self, counts: Ints, passes: Passes) -> Ints:
        """Return the first bins of common steps of groups, shape of counts (groups, 2, bins, units)."""
        bins = np.moveaxis(counts, -2, 0)
        low, high = joined(bins[: self.split], passes), joined(bins[self.split :], passes)
        return np.concatenate([low, high + self.split]) if len(low) and len(high) else np.zeros(0, dtype=np.int64)


def recode(
    tallies: Mapping[str, ScoreTally],
    cuts: Mapping[str, float],
    groups: Sequence[tuple[str, tuple[str, ...]]],
    policy: Policy,
    *,
    units: Units | None = None,
    key: bytes = b"",
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

    Raises
    ------
    PrimumError
        If there is nobody to protect, or even everyone together is too few.
    """
    t, given = int(policy["t"]), units or {}
    rules = [_rule(policy, given, u, zeros=_zeros(policy)) for u in range(2, t + 1)]
    passes, strict = rules[-1], _rule(policy, given, t, zeros=False)
    scored, left_out = _leaving(tallies, cuts, given, passes, t)
    divisions: dict[str, Division] = {}
    starts: dict[str, dict[str, Ints]] = {m.name: {} for m in scored}
    for title, names in groups:
        if len(names) == 1:
            divisions[title], found = _single(title, names, scored, rules, strict)
            for name, first in found.items():
                starts[name][title] = first
    for title, names in groups:
        if len(names) > 1:
            parents = {d.names[0]: d for d in divisions.values() if len(d.names) == 1}
            divisions[title] = _crossed(title, names, scored, [parents[n] for n in names], rules)
    divisions = {title: divisions[title] for title, _ in groups}
    everyone, decided, ranked = {}, {}, {}
    for model in scored:
        tally = tallies[model.name]
        own = model.steps(model.counts(())[1], strict)
        own = own if len(own) else np.array([0, model.split])
        make = _Made(model, tally, policy, key)
        everyone[model.name] = make.view((), own, None)
        decided[model.name] = {
            title: make.view(d.names, np.array([0, model.split]), d.shown) for title, d in divisions.items() if d.shown
        }
        ranked[model.name] = {
            title: make.view(d.names, starts[model.name][title], d.ranked) for title, d in divisions.items() if d.ranked
        }
    people = {
        title: _people(d, scored[0], decided[scored[0].name].get(title), policy, key)
        for title, d in divisions.items()
        if len(d.names) == 1
    }
    kept = {m.name: cuts[m.name] for m in scored}
    return Recoded(policy, kept, divisions, everyone, decided, ranked, people, left_out)


def _zeros(policy: Policy) -> bool:
    """Whether a count of nobody may be told of a sensitive variable, such as a group in which nobody is missed."""
    return policy["certainty"] != "fail" and policy["zeros"] in {"allow", "review"}


def _rule(policy: Policy, units: Units, t: int, *, zeros: bool) -> Passes:
    """Return the rule on one count at the threshold t, or at the policy's own of other units where that is lower."""
    least = [t]
    for name, key in ((HOUSEHOLDS, "t_household"), (INSTITUTIONS, "t_institution")):
        if name in units:
            least.append(min(int(policy[key]), t) if isinstance(policy[key], int) else 0)
            if t == int(policy["t"]) and isinstance(policy[key], int):
                least[-1] = int(policy[key])

    def passes(counts: Ints) -> bool:
        nobody = counts[..., 0] == 0
        ok = (counts[..., 0] >= least[0]) | (nobody & zeros)
        for u, wanted in enumerate(least[1:], start=1):
            ok &= (counts[..., u] >= wanted) | nobody
        return bool(ok.all())

    return passes


def _leaving(
    tallies: Mapping[str, ScoreTally], cuts: Mapping[str, float], units: Units, passes: Passes, t: int
) -> tuple[list[_Scored], dict[str, str]]:
    """Return the models that may leave, the primary one first, and why the others may not."""
    scored: list[_Scored] = []
    left_out: dict[str, str] = {}
    for name, tally in tallies.items():
        own = [units[PERSONS][name] if PERSONS in units else tally]
        own += [units[u][name] for u in (HOUSEHOLDS, INSTITUTIONS) if u in units]
        edges = public_edges(tally.grid)
        model = _Scored(name, tuple(own), edges, int(np.searchsorted(edges, cuts[name])))
        counts = model.decided(model.counts(())[1])[0]
        if not passes(counts):
            left_out[name] = "Even for everyone together, too few people are found, missed, alarmed or left alone."
        elif scored and not _same_people(scored[0], model, t):
            left_out[name] = "It scores a few people fewer or more than the first model, which would set them apart."
        else:
            scored.append(model)
    if not scored or scored[0].name != next(iter(tallies)):
        first = next(iter(tallies))
        raise PrimumError(
            f"Nothing about '{first}' may leave. {left_out[first]}",
            expected=f"at least {t} of each, and 0 only where the policy lets it be told",
            mend="release an audit of more people, or ask the output checker",
        )
    return scored, left_out


def _apart(first: _Scored, other: _Scored, names: Sequence[str], groups: Sequence[Group] | None) -> Ints:
    """Return how many people more or fewer the other model counts, shape (groups, 2)."""
    wanted, own = first.counts(names, groups)
    return np.asarray(np.abs(own.sum(axis=2) - other.counts(names, wanted)[1].sum(axis=2))[..., 0], dtype=np.int64)


def _same_people(first: _Scored, other: _Scored, t: int) -> bool:
    apart = _apart(first, other, (), None)
    return bool(((apart == 0) | (apart >= t)).all())


def _single(
    title: str, names: tuple[str, ...], scored: list[_Scored], rules: Sequence[Passes], strict: Passes
) -> tuple[Division, dict[str, Ints]]:
    """Return how one attribute leaves, and the common steps of the groups that are ranked, for each model."""
    groups, _ = scored[0].counts(names)
    counts = [m.counts(names, groups)[1] for m in scored]
    events = np.stack([c.sum(axis=2) for c in counts], axis=1)  # groups, models, outcome, units
    counted = partition(events, rules, among=_alike(scored, names, groups, rules[-1]))
    decisions = np.stack([m.decided(c) for m, c in zip(scored, counts, strict=True)], axis=1)
    shown = partition(decisions, rules, among=counted)
    ranked, starts = _ranked(scored, counts, shown, strict)
    people = counts[0].sum(axis=(1, 2))[:, 0]

    def of(mask: Bools) -> tuple[Group, ...]:
        return tuple(g for g, m in zip(groups, mask, strict=True) if m)

    withheld = {g: int(n) for g, n, c in zip(groups, people, counted, strict=True) if not c}
    return Division(title, names, of(shown), of(counted & ~shown), of(ranked), withheld), starts


def _alike(scored: list[_Scored], names: tuple[str, ...], groups: Sequence[Group], passes: Passes) -> Bools:
    """Return the groups that every model counts alike, or with a difference that is large enough itself."""
    fine = np.ones(len(groups), dtype=np.bool_)
    for other in scored[1:]:
        apart = _apart(scored[0], other, names, groups)
        units = len(scored[0].units)
        fine &= np.array([all(k == 0 or passes(np.full((1, units), k)) for k in row) for row in apart])
    return fine


def _ranked(scored: list[_Scored], counts: list[Ints], shown: Bools, strict: Passes) -> tuple[Bools, dict[str, Ints]]:
    """Return the groups with enough steps in common, and the steps of each model."""
    none: Bools = np.zeros(len(shown), dtype=np.bool_)
    alone = np.array(
        [
            min(len(m.steps(c[i : i + 1], strict)) for m, c in zip(scored, counts, strict=True)) if shown[i] else 0
            for i in range(len(shown))
        ]
    )
    need = [min(STEPS, len(m.steps(c.sum(axis=0, keepdims=True), strict))) for m, c in zip(scored, counts, strict=True)]
    chosen = shown & (alone >= max(min(need), 2))
    while chosen.any():
        starts = {}
        for m, c in zip(scored, counts, strict=True):
            rest = c[~chosen].sum(axis=0, keepdims=True)
            starts[m.name] = m.steps(np.concatenate([c[chosen], rest]) if not chosen.all() else c, strict)
        if all(len(starts[m.name]) >= max(k, 2) for m, k in zip(scored, need, strict=True)):
            return chosen, starts
        candidates = np.flatnonzero(chosen)
        chosen[candidates[np.argmin(alone[candidates])]] = False
    return none, {}


def _coarse(groups: Sequence[Group], parents: Sequence[Division]) -> list[Group]:
    kept = [{g[0] for g in d.shown} for d in parents]
    return [tuple(x if x in k else REST for x, k in zip(g, kept, strict=True)) for g in groups]


def _crossed(
    title: str, names: tuple[str, ...], scored: list[_Scored], parents: list[Division], rules: Sequence[Passes]
) -> Division:
    """Return how an intersection leaves: whole rows of one attribute, on the groups that each attribute shows."""
    groups, first = scored[0].counts(names)
    coarse = _coarse(groups, parents)
    axes = [sorted({c[k] for c in coarse}) for k in range(len(names))]
    cells = []
    for m in scored:
        own = m.decided(m.counts(names, groups)[1])
        table = np.zeros((*(len(a) for a in axes), *own.shape[1:]), dtype=np.int64)
        for c, n in zip(coarse, own, strict=True):
            table[tuple(a.index(x) for a, x in zip(axes, c, strict=True))] += n
        cells.append(table)
    whole = np.stack(cells, axis=-4)  # …, models, outcome, decision, units
    best: tuple[Group, ...] = ()
    for axis, levels in enumerate(axes):
        rows = partition(np.moveaxis(whole, axis, 0), rules)
        kept = {x for x, r in zip(levels, rows, strict=True) if r}
        named = tuple(g for g in sorted(set(coarse)) if g[axis] in kept and REST not in g)
        best = max(best, named, key=len)
    people = dict(zip(groups, first.sum(axis=(1, 2))[:, 0].tolist(), strict=True))
    return Division(title, names, best, (), (), {g: n for g, n in people.items() if g not in set(best)})


@dataclass(frozen=True, eq=False)
class _Made:
    """Makes the protected views of one model."""

    model: _Scored
    tally: ScoreTally
    policy: Policy
    key: bytes

    def view(self, names: tuple[str, ...], starts: Ints, shown: Sequence[Group] | None) -> ScoreTally:
        """Return the groups shown and the remainder on these steps, rounded."""
        table, rest = dense(self.tally, names, self.model.edges).steps(starts), (REST,) * len(names)
        if shown is not None:
            wanted = set(shown)
            table = table.joined(np.array([g in wanted for g in table.groups]), rest)
        clusters = linked(self.tally, names, table, rest)
        return to_tally(self._rounded(table, names), names, self.tally, clusters)

    def _rounded(self, table: Dense, names: tuple[str, ...]) -> Dense:
        if self.policy["rounding"] == "none":
            return table
        sums = table.sums.copy()
        for at in np.argwhere(table.sums[0] > 0).tolist():
            group, y, step = at
            n = int(table.sums[0, group, y, step])
            place = f"{self.model.name}|{names}|{table.groups[group]}|{y}|{table.edges[step]:.12g}"
            atoms = np.unpackbits(np.frombuffer(place.encode(), dtype=np.uint8))
            shown = rounded(n, self.policy["rounding"], self.policy["base"], key=self.key, support=atoms)
            sums[:, group, y, step] *= shown / n
            sums[0, group, y, step] = shown
        return replace(table, sums=sums)


def _people(
    division: Division, first: _Scored, view: ScoreTally | None, policy: Policy, key: bytes
) -> dict[Group, tuple[int, int]]:
    """Return people without and with the outcome of each group that is shown or counted."""
    found: dict[Group, tuple[int, int]] = {}
    if view is not None:
        both = view.people().tolist()
        found = {g: (int(both[i][0]), int(both[i][1])) for i, g in enumerate(view.groups) if REST not in g}
    groups, counts = first.counts(division.names, division.counted)
    for group, own in zip(groups, counts.sum(axis=2)[..., 0].tolist(), strict=True):
        atoms = [np.unpackbits(np.frombuffer(f"{division.names}|{group}|{y}".encode(), dtype=np.uint8)) for y in (0, 1)]
        told = [rounded(own[y], policy["rounding"], policy["base"], key=key, support=atoms[y]) for y in (0, 1)]
        found[group] = (told[0], told[1])
    return found


def _rows(model: str, title: str | None, view: ScoreTally) -> list[dict[str, Any]]:
    ends = [view.grid.low, *view.grid.thresholds, view.grid.high]
    table = np.zeros((len(view.groups), 2, len(ends) - 1), dtype=np.int64)
    table[view.group, view.outcome, view.label] = view.n
    names = [REST if REST in g else " · ".join(g) or EVERYONE for g in view.groups]
    return [
        {
            "model": model, "attribute": title, "group": name, "outcome": y,
            "low": ends[k], "high": ends[k + 1], "count": int(table[i, y, k]),
        }
        for i, name in enumerate(names)
        for y in (0, 1)
        for k in range(len(ends) - 1)
    ]  # fmt: skip
