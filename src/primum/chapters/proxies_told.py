"""What tells the group, and what the model does with it: strength, influence, information flow, direct use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.learn.learning_curve import Known, mean
from primum.measure.intervals import wilson
from primum.stress.proxies import Teller, auroc, auroc_limits, cells, difference_limits, told_by_trees
from primum.usecase import MISSING

if TYPE_CHECKING:
    from primum.cohort.cohort import Cohort
    from primum.learn.prepare import Matrix
    from primum.stress.direct_use import Models
    from primum.stress.proxies import Cells
    from primum.usecase import Groups, UseCase
    from primum.usecase_proxies import Discrimination

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Row = dict[str, Any]
FEWEST = 20
"""Fewest people in a group, and outside it, before it is asked whether features tell it."""
FEW = f"fewer than {FEWEST} people in this group, or outside it"


@dataclass(frozen=True)
class Bench:
    """The people, their features, and what every part of the chapter shares.

    Attributes
    ----------
    usecase, told
        The question, and its section on discrimination.
    people
        Everybody.
    groups
        The attributes looked at.
    matrix
        Features as numbers.
    fold
        The fold in which each person is left out, shape (people,).
    unit
        Who belongs together, for the intervals; None when nobody does.
    """

    usecase: UseCase
    told: Discrimination
    people: Cohort
    groups: list[Groups]
    matrix: Matrix
    fold: Ints
    unit: Ints | None

    @cached_property
    def cells(self) -> Cells:
        """Features cut into cells."""
        return cells(self.matrix)

    def members(self, title: str) -> npt.NDArray[Any]:
        """Return everybody's group, shape (people,)."""
        return np.asarray(self.people.groups[title].to_list())

    def assessable(self, title: str) -> list[str]:
        """Return the groups with enough people inside and outside."""
        label = self.members(title)
        return [g for g in self.people.levels[title] if FEWEST <= int((label == g).sum()) <= self.people.n - FEWEST]

    def limits(self, found: Known) -> Row:
        """Return value and interval of a number that takes the models as they are."""
        low, high = found.limits(self.usecase.level, self.unit)
        return {"value": found.value, "low": low, "high": high}


def own_columns(usecase: UseCase, group: Groups) -> list[str]:
    """Return the features that are the attribute itself: its column, and what that was derived from or into."""
    parts = [group.title] if group.intersection is None else list(group.intersection)
    columns = {g.column for g in usecase.groups if g.title in parts and g.column is not None}
    for d in usecase.derive:
        sources = set(d.sum or d.mean or [])
        if d.name in columns:
            columns |= sources
        elif sources & columns:
            columns.add(d.name)
    return [f for f in usecase.features if f in columns]


def strength(bench: Bench) -> tuple[list[Row], list[Row]]:
    """Return how well features tell each group: together (a row a group), and one by one (a row a group and feature).

    The attribute's own column is never among them.
    """
    labels = {g.title: bench.members(g.title) for g in bench.groups}
    wanted = [(g, level) for g in bench.groups for level in bench.assessable(g.title)]
    if not wanted:
        return [], []
    target = np.column_stack([labels[g.title] == level for g, level in wanted]).astype(np.float64)
    teller = Teller(bench.cells, target, bench.fold, bench.people.weight)
    legitimate = bench.cells.place(bench.told.legitimate)
    together: list[Row] = []
    for group in bench.groups:
        own = set(bench.cells.place(own_columns(bench.usecase, group)))
        chosen = [j for j in range(len(bench.matrix.names)) if j not in own]
        accepted = [j for j in legitimate if j not in own]
        at = [t for t, (g, _) in enumerate(wanted) if g is group]
        if at and chosen:
            together += _together(bench, teller, wanted, at, chosen, accepted)
    return together, _one_by_one(bench, teller, wanted, legitimate)


def _together(
    bench: Bench,
    teller: Teller,
    wanted: Sequence[tuple[Groups, str]],
    at: list[int],
    chosen: list[int],
    accepted: list[int],
) -> list[Row]:
    sets = [chosen, accepted] if accepted else [chosen]
    if bench.told.learner == "trees":
        title = wanted[at[0]][0].title
        names, code = np.unique(bench.members(title), return_inverse=True)
        place = [int(np.flatnonzero(names == wanted[t][1])[0]) for t in at]
        scores = [
            told_by_trees(
                _only(bench.matrix, some), code, bench.fold, weight=bench.people.weight,
                seed=bench.usecase.seed % 2**31,
            )[:, place]
            for some in sets
        ]  # fmt: skip
    else:
        scores = [teller.told(some)[:, at] for some in sets]
    rows = []
    for i, t in enumerate(at):
        group, level = wanted[t]
        member = teller.target[:, t] == 1
        found = [auroc(s[:, i], member, bench.fold, bench.people.weight) for s in scores]
        row: Row = {"attribute": group.title, "group": level, "n": int(member.sum()), "features": len(chosen),
                    "together": _auroc(bench, found[0]), "legitimate": None, "added": None}  # fmt: skip
        if accepted:
            low, high = difference_limits(found[0] - found[1], bench.usecase.level, bench.unit)
            added = {"value": (found[0] - found[1]).value, "low": low, "high": high}
            row |= {"legitimate": _auroc(bench, found[1]), "added": added}
        rows.append(row)
    return rows


def _one_by_one(bench: Bench, teller: Teller, wanted: Sequence[tuple[Groups, str]], legitimate: list[int]) -> list[Row]:
    own = {g.title: set(bench.cells.place(own_columns(bench.usecase, g))) for g in bench.groups}
    weight, level = bench.people.weight, bench.usecase.level
    accepted = teller.told(legitimate) if legitimate else None
    base: dict[int, Known] = {}
    rows = []
    for j, name in enumerate(bench.matrix.names):
        alone = teller.told([j])
        more = teller.told([*legitimate, j]) if accepted is not None and j not in legitimate else None
        for t, (group, label) in enumerate(wanted):
            if j in own[group.title]:
                continue
            member = teller.target[:, t] == 1
            row: Row = {"attribute": group.title, "group": label, "feature": name, "n": int(member.sum()),
                        **_auroc(bench, auroc(alone[:, t], member, bench.fold, weight)),
                        "legitimate": j in legitimate, "given": None}  # fmt: skip
            if more is not None and accepted is not None and not own[group.title] & set(legitimate):
                if t not in base:
                    base[t] = auroc(accepted[:, t], member, bench.fold, weight)
                gain = auroc(more[:, t], member, bench.fold, weight) - base[t]
                low, high = difference_limits(gain, level, bench.unit)
                row["given"] = {"value": gain.value, "low": low, "high": high}
            rows.append(row)
    return rows


def influence(features: Sequence[Row], share: dict[str, float]) -> list[Row]:
    """Return a row an attribute and feature, for the group that it tells best: importance × (AUROC − .5)·2, sorted.

    Limits are those of the AUROC; the importance is taken as it is. What tells nothing counts 0. Who has no group on
    record counts only where nobody else does: that is how the form was filled in.
    """
    rows = []
    for key in dict.fromkeys((r["attribute"], r["feature"]) for r in features):
        mine = [r for r in features if (r["attribute"], r["feature"]) == key and np.isfinite(r["value"])]
        if not mine or not np.isfinite(share.get(key[1], np.nan)):
            continue
        best = max(mine, key=lambda r: (r["group"] != MISSING, r["value"]))
        rows.append(
            {"attribute": key[0], "feature": key[1], "group": best["group"], "n": best["n"],
             "legitimate": best["legitimate"], "importance": share[key[1]],
             "auroc": {k: best[k] for k in ("value", "low", "high")},
             **{k: share[key[1]] * max(2 * (best[k] - 0.5), 0.0) for k in ("value", "low", "high")}}
        )  # fmt: skip
    return sorted(rows, key=lambda r: (-r["value"], r["feature"]))


def flow(bench: Bench, models: Models, features: Sequence[str]) -> list[Row]:
    """Return, for each feature taken away and each group, the gap of mean risk with and without it, and its change.

    The gap is the mean risk of the group minus that of everybody else; the change counts towards 0 as negative where
    the gap was positive. The interval takes both models as they are.
    """
    from primum.stress.direct_use import without

    weight = bench.people.weight
    whole = auroc(models.raw, models.outcome, models.fold, weight)
    rows = []
    for name in features:
        less = without(models, name)
        lost = auroc(less.raw, less.outcome, less.fold, weight) - whole
        for group in bench.groups:
            label = bench.members(group.title)
            for level in bench.assessable(group.title):
                inside = label == level
                before, after = (_gap(m.risk, inside, weight) for m in (models, less))
                rows.append(
                    {"attribute": group.title, "group": level, "feature": name, "n": int(inside.sum()),
                     "with": before.value, "without": after.value, **bench.limits(after - before),
                     "auroc": bench.limits(lost)}
                )  # fmt: skip
    return rows


def direct(bench: Bench, models: Models, cut: float) -> tuple[list[Row], list[Row]]:
    """Return what changing the attribute alone does to each group; and attributes that cannot be changed, with why."""
    from primum.stress.direct_use import flip

    rows, not_used = [], []
    for group in bench.groups:
        if group.column is None:
            not_used.append({"attribute": group.title, "why": "an intersection is no feature"})
            continue
        if group.column not in bench.matrix.names:
            not_used.append({"attribute": group.title, "why": "the model is not given it"})
            continue
        label = bench.members(group.title)
        try:
            found = flip(models, group.column, label.tolist(), [MISSING], cut)
        except PrimumError as error:
            not_used.append({"attribute": group.title, "why": error.what})
            continue
        known = np.isfinite(found.size)
        for level in bench.assessable(group.title):
            who = (label == level) & known
            if not who.any():
                continue
            size, signed, changed = (
                bench.limits(mean(np.nan_to_num(x), who, bench.people.weight))
                for x in (found.size, found.signed, found.changed)
            )
            independent = int(who.sum()) if bench.unit is None else len(np.unique(bench.unit[who]))
            changed = _within(changed, independent, bench.usecase.level)
            rows.append({"attribute": group.title, "group": level, "feature": group.column, "n": int(who.sum()),
                         **changed, "size": size, "signed": signed})  # fmt: skip
    return rows, not_used


def _within(row: Row, n: int, level: float) -> Row:
    """Keep limits of a share within 0 and 1; where nobody (or everybody) changes there is no spread, and Wilson's."""
    if row["value"] in {0.0, 1.0}:
        low, high = (float(x) for x in wilson(row["value"] * n, n, level))
        return row | {"low": low, "high": high}
    return row | {"low": max(row["low"], 0.0), "high": min(row["high"], 1.0)}


def _gap(risk: Floats, inside: npt.NDArray[np.bool_], weight: Floats | None) -> Known:
    return mean(risk, inside, weight) - mean(risk, ~inside, weight)


def _auroc(bench: Bench, found: Known) -> Row:
    low, high = auroc_limits(found, bench.usecase.level, bench.unit)
    return {"value": found.value, "low": low, "high": high}


def _only(matrix: Matrix, chosen: Sequence[int]) -> Matrix:
    from primum.learn.prepare import Matrix as Whole

    names = [matrix.names[j] for j in chosen]
    return Whole(matrix.values[:, list(chosen)], names, {k: v for k, v in matrix.levels.items() if k in names})
