"""How intersections leave: whole rows of one attribute, on the groups that each attribute shows; and no rings of them.

Why this is enough. Take the table of one intersection. What is hidden in it lies in rows that are joined. Of two
people in such rows, exchange the row labels, each together with whatever other intersections tie to that attribute.
If the intersections form no ring, the part that is exchanged and the part that stays have only this one table in
common, so every printed number of every other table stays what it is. Within the table a hidden cell is one of a
two-way table whose known margins all hold at least t, so its interval reaches t and is at least t wide. In a ring
(sex × age, age × region, region × sex) the margins of a three-way table are known, and single people can be pinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from primum.disclose.leaving import Group, Rule, Scored, apart, labels
from primum.disclose.partition import Bools, Ints, partition

REST = "(other groups together)"


@dataclass(frozen=True, eq=False)
class Stages:
    """Which groups of an attribute show their decisions, under each rule from the laxest on."""

    groups: tuple[Group, ...]
    shown: tuple[Bools, ...]


def tree(groups: Sequence[tuple[str, tuple[str, ...]]]) -> set[str]:
    """Return the titles of the intersections that form no ring; pairs come first, then in alphabetical order.

    Parameters
    ----------
    groups
        (title, attributes), of which those with several attributes are intersections.
    """
    part: dict[str, str] = {}

    def root(name: str) -> str:
        while part.setdefault(name, name) != name:
            name = part[name]
        return name

    kept = set()
    for title, names in sorted((g for g in groups if len(g[1]) > 1), key=lambda g: (len(g[1]), sorted(g[1]), g[0])):
        roots = [root(n) for n in names]
        if len(set(roots)) == len(roots):
            kept.add(title)
            part |= dict.fromkeys(roots, roots[0])
    return kept


def crossed(
    names: tuple[str, ...], scored: Sequence[Scored], parents: Mapping[str, Stages], rules: Sequence[Rule]
) -> tuple[Group, ...]:
    """Return the groups of an intersection that are shown.

    The rows are those of the attribute with most labels. Each stricter rule starts from what the one before hides, in
    the attributes as in the rows, so that a stricter policy never shows more.
    """
    groups = labels(scored, names)
    decided = np.stack([m.decided(m.counts(names, groups)[1]) for m in scored], axis=1)
    cells = np.concatenate([_flat(decided), _flat(apart(scored, names, groups))], axis=1)
    own = _flat(decided).shape[1]
    axis = min(range(len(names)), key=lambda k: (-len(parents[names[k]].groups), names[k]))
    kept: set[str] = {g[0] for g in parents[names[axis]].groups}
    coarse: list[Group] = []
    for stage, rule in enumerate(rules):
        known = [
            {g[0] for g, s in zip(p.groups, p.shown[stage], strict=True) if s} for p in (parents[n] for n in names)
        ]
        coarse = [tuple(x if x in k else REST for x, k in zip(g, known, strict=True)) for g in groups]
        rows, table = _rows(coarse, cells, axis)

        def passes(row: Ints, rule: Rule = rule) -> bool:
            return rule(row[..., :own, :]) and rule.apart(row[..., own:, :])

        among = np.array([r in kept or r == REST for r in rows])
        shown = partition(table, [passes], among=among, size=rule.size(table[..., :own, :]))
        kept = {r for r, s in zip(rows, shown, strict=True) if s}
    if _empty(groups, coarse, own_people(decided), axis, kept):
        return ()
    return tuple(g for g in sorted(set(coarse)) if g[axis] in kept and REST not in g)


def own_people(decided: Ints) -> Ints:
    """Return the people of each group, by the first model."""
    return np.asarray(decided[:, 0, ..., 0].reshape(len(decided), -1).sum(axis=1), dtype=np.int64)


def _empty(groups: Sequence[Group], coarse: Sequence[Group], people: Ints, axis: int, kept: set[str]) -> bool:
    """Whether nobody is in a combination of a joined row and a column: who knows that could take the rows apart."""
    rows = {g[axis] for g in groups if g[axis] not in kept}
    columns = {c[:axis] + c[axis + 1 :] for c in coarse}
    there = {
        (g[axis], c[:axis] + c[axis + 1 :]) for g, c, n in zip(groups, coarse, people.tolist(), strict=True) if n > 0
    }
    return any((r, c) not in there for r in rows for c in columns)


def _flat(counts: Ints) -> Ints:
    """Return counts of shape (groups, …, units) as (groups, cells, units)."""
    return counts.reshape(len(counts), -1, counts.shape[-1])


def _rows(coarse: Sequence[Group], cells: Ints, axis: int) -> tuple[list[str], Ints]:
    """Return the labels of one attribute and their tables over the others, shape (labels, others, cells, units)."""
    rows = sorted({c[axis] for c in coarse})
    columns = sorted({c[:axis] + c[axis + 1 :] for c in coarse})
    table = np.zeros((len(rows), len(columns), *cells.shape[1:]), dtype=np.int64)
    for c, n in zip(coarse, cells, strict=True):
        table[rows.index(c[axis]), columns.index(c[:axis] + c[axis + 1 :])] += n
    return rows, table
