"""Registered counts as equations: what every reader of a release, and of earlier ones about the same people, can solve.

One system for each model, and one for the people alone. Beside the counts a reader knows the rules: a count shown is 0
or at least t, a group that is named has at least t people, and rounding has a known reach.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from primum.disclose.constraints import System
from primum.release.layout import Index, Layout, Slice, layout
from primum.release.pieces import Mask, Variable, mask
from primum.release.registered import REST, Registered, Row

LARGEST = 50_000
TOTAL, BELOW, ABOVE = "everyone", "below the threshold", "from the threshold on"


@dataclass(frozen=True)
class Told:
    """One equation: these unknowns hold between `low` and `high` people."""

    where: str
    cells: Index
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Question:
    """Everything that is known about one model's tables, or about the people alone.

    Attributes
    ----------
    model
        Its name; None for the people alone.
    layout
        The unknowns.
    told
        The equations.
    cut
        The decision threshold.
    unplaced
        Registered counts that could not be written over the attributes: a person must look at them.
    """

    model: str | None
    layout: Layout
    told: tuple[Told, ...]
    cut: float | None
    unplaced: tuple[str, ...]

    def system(self) -> System:
        """Return it as matrices."""
        from scipy.sparse import csr_array

        size = self.layout.size
        exact = [r for r in self.told if r.high - r.low <= 1e-9]
        near = [r for r in self.told if r.high - r.low > 1e-9]
        seams = self.layout.seams()

        def matrix(plus: Sequence[Index], minus: Sequence[Index | None]) -> csr_array:
            parts = [(p, np.ones(len(p))) if m is None else
                     (np.concatenate([p, m]), np.concatenate([np.ones(len(p)), -np.ones(len(m))]))
                     for p, m in zip(plus, minus, strict=True)]  # fmt: skip
            ends = np.cumsum([0, *(len(p[0]) for p in parts)])
            columns = np.concatenate([p[0] for p in parts]) if parts else np.zeros(0, dtype=np.intp)
            values = np.concatenate([p[1] for p in parts]) if parts else np.zeros(0)
            return csr_array((values, columns, ends), shape=(len(parts), size))

        plus: list[Index] = [r.cells for r in exact] + [a for a, _ in seams]
        minus: list[Index | None] = [None] * len(exact) + [b for _, b in seams]
        return System(
            cells=size,
            cell_of=np.arange(size),
            equal=matrix(plus, minus),
            value=np.array([r.low for r in exact] + [0.0] * len(seams)),
            between=matrix([r.cells for r in near], [None] * len(near)),
            low=np.array([r.low for r in near]),
            high=np.array([r.high for r in near]),
        )

    def slices(self, outcome: int | None, low: float = -math.inf, high: float = math.inf) -> npt.NDArray[np.bool_]:
        """Return which slices lie in a range of scores with an outcome."""
        return np.array(
            [(outcome is None or s.outcome == outcome) and low <= s.low and s.high <= high for s in self.layout.slices]
        )


def question(
    releases: Sequence[Registered],
    model: str | None,
    held: Mapping[str, Variable],
    about: Mapping[str, str],
    *,
    steps: bool = True,
    only: frozenset[str] | None = None,
) -> Question:
    """Return what releases about the same people tell of one model.

    Parameters
    ----------
    releases
        The release first, then earlier ones.
    model
        The model; None for the people alone.
    held, about
        The attributes in pieces (`pieces.variables`).
    steps
        False looks at the decision only, which is smaller.
    only
        Leave out all variables but these, and the score steps that are told of others only.
    """
    near = {n: v for n, v in held.items() if only is None or n in only}
    rows = [
        (r, row) for r in releases for row in r.rows if row.model in {None, model} and _about_these(r, row, about, near)
    ]
    cut = None if model is None else next((c for r in releases if (c := r.models.get(model)) is not None), None)
    if model is not None and not all(scores_all(release, model) for release in releases):
        rows = [(release, row) for release, row in rows if row.model == model]
    rows = [(r, row) for r, row in rows if model is None or row.model is not None or not _follows(r, model, row)]
    if model is None:
        rows += [(r, row) for r in releases for row in _people(r) if _about_these(r, row, about, near)]
    inner = _edges([row for _, row in rows if only is None or row.attribute is not None]) if steps else set()
    everyone = _edges([row for _, row in rows if row.attribute is None])
    if steps and (not near or not inner <= everyone | {cut}):
        inner |= everyone  # steps of everyone alone, or that do not lie within each other
    ends = [-math.inf, *sorted(inner | ({cut} if cut is not None else set())), math.inf]
    slices = [Slice(y, a, b) for y in (0, 1) for a, b in itertools.pairwise(ends)]
    crossed = {tuple(sorted({about[n] for n in d.of})) for r in releases for d in r.attributes.values()}
    own = sorted(c for c in crossed if len(c) > 1 and set(c) <= set(near))
    places = layout(near, own, slices)
    if places.size > LARGEST:
        places = layout(near, own, slices, whole=False)
    made = Question(model, places, (), cut, ())
    told: list[Told] = []
    unplaced: list[str] = []
    for release, row in [*rows, *([] if model is None else _summed(rows, ends))]:
        cells = _cells(made, release, row, held, about)
        if cells is None:
            unplaced.append(f"{release.name}: {row.where}")
        elif len(cells):
            low, high = _reach(release, row)
            told.append(Told(row.where, cells, low, high))
    told += _named(made, releases, held, about)
    return Question(model, places, tuple(_narrowest(told)), cut, tuple(unplaced))


@dataclass(frozen=True)
class _Sum(Row):
    """Score steps of one group added up to a decision, with the reach of their sum."""

    least: float = 0.0
    most: float = 0.0


def _about_these(release: Registered, row: Row, about: Mapping[str, str], near: Mapping[str, Variable]) -> bool:
    """Whether a row is about everyone, or about these variables."""
    divided = None if row.attribute is None else release.attributes.get(row.attribute)
    return divided is None or all(about.get(n, "") in near for n in divided.of)


def _reach(release: Registered, row: Row) -> tuple[float, float]:
    """Return what is known of a registered count; a sum of rounded steps is known as well as its parts."""
    if isinstance(row, _Sum):
        return row.least, row.most
    source = release.source(row)
    found = None if source is None else totals(release, source, row.attribute, row.group, row.outcome)
    return release.known(row) if found is None else found


def _follows(release: Registered, model: str, row: Row) -> bool:
    """Whether a count of people is the sum of the model's own counts, and so tells nothing more."""
    if release.source(row) == model:
        return True
    reach = totals(release, model, row.attribute, row.group, row.outcome)
    return reach is not None and reach == _reach(release, row) and reach[0] == reach[1]


def _summed(rows: Sequence[tuple[Registered, Row]], ends: Sequence[float]) -> list[tuple[Registered, Row]]:
    """Return steps added up to the coarser steps that this look has, where they are finer than those."""
    found: list[tuple[Registered, Row]] = []
    groups: dict[tuple[str, str | None, str, int | None], list[tuple[Registered, Row]]] = {}
    for release, row in rows:
        if row.model is not None and not is_remainder(release, row):
            groups.setdefault((release.name, row.attribute, row.group, row.outcome), []).append((release, row))
    for steps in groups.values():
        release = steps[0][0]
        ordered = sorted(((_low(r), _high(r), r) for _, r in steps), key=lambda x: x[:2])
        for low, high in itertools.pairwise(ends):
            inside = [x for x in ordered if low <= x[0] and x[1] <= high]
            if len(inside) < 2 or any((x[0], x[1]) == (low, high) for x in inside):
                continue
            if (
                inside[0][0] == low
                and inside[-1][1] == high
                and all(a[1] == b[0] for a, b in itertools.pairwise(inside))
            ):
                reach = [release.known(r) for _, _, r in inside]
                first = inside[0][2]
                found.append((release, _Sum(
                    first.model, first.attribute, first.group, first.outcome, first.low, inside[-1][2].high,
                    sum(r.count for _, _, r in inside), sum(r[0] for r in reach), sum(r[1] for r in reach),
                )))  # fmt: skip
    return found


def _low(row: Row) -> float:
    return -math.inf if row.low is None else row.low


def _high(row: Row) -> float:
    return math.inf if row.high is None else row.high


def is_remainder(release: Registered, row: Row) -> bool:
    """Whether a row is about all groups of an attribute that are not named beside it."""
    if row.attribute is None:
        return False
    divided = release.attributes.get(row.attribute)
    return row.group == REST or (divided is not None and row.group == divided.remainder)


@lru_cache(maxsize=256)
def scores_all(release: Registered, model: str) -> bool:
    """Whether a model may score the same people as the people's own counts are about."""
    for row in release.rows:
        if row.model is None:
            mine, (low, high) = totals(release, model, row.attribute, row.group, row.outcome), _reach(release, row)
            if mine is not None and (mine[0] > high or low > mine[1]):
                return False
    return True


def totals(
    release: Registered, model: str | None, attribute: str | None, group: str, outcome: int | None
) -> tuple[float, float] | None:
    """Return what is known of a group's total over all scores; None where its steps are no chain over all of them."""
    rows = [r for r in release.by_place.get((model, attribute, group), ()) if r.outcome == outcome]
    sums: dict[float, tuple[float, float]] = {-math.inf: (0.0, 0.0)}
    for start, end, row in sorted(
        ((-math.inf if r.low is None else r.low, math.inf if r.high is None else r.high, r) for r in rows),
        key=lambda x: x[:2],
    ):
        if start in sums:
            low, high = release.known(row)
            old = sums.get(end, (0.0, math.inf))
            sums[end] = (max(old[0], sums[start][0] + low), min(old[1], sums[start][1] + high))
    return sums.get(math.inf)


def _people(release: Registered) -> list[Row]:
    """Return people and outcomes of everyone and of groups, added up from the models that score all of them."""
    found: list[Row] = []
    told = {(r.attribute, r.group, r.outcome) for r in release.rows if r.model is None}
    for model in release.models:
        if not scores_all(release, model):
            continue
        for attribute, group in dict.fromkeys((r.attribute, r.group) for r in release.rows if r.model == model):
            for outcome in (0, 1):
                reach = totals(release, model, attribute, group, outcome)
                if reach is None or (attribute, group, outcome) in told:
                    continue
                row = _Sum(None, attribute, group, outcome, None, None, 0, *reach)
                found += [] if is_remainder(release, row) else [row]
    return found


def _edges(rows: Sequence[Row]) -> set[float]:
    """Return the limits of the score steps."""
    return {e for r in rows for e in (r.low, r.high) if e is not None}


def _cells(
    made: Question, release: Registered, row: Row, held: Mapping[str, Variable], about: Mapping[str, str]
) -> Index | None:
    """Return the unknowns that a registered count adds up; None where it cannot be placed, none where it is coarser."""
    names, chosen = group_mask(release, row, held, about)
    if chosen is None:
        return None
    low, high = -math.inf if row.low is None else row.low, math.inf if row.high is None else row.high
    inner = {s.low for s in made.layout.slices} | {s.high for s in made.layout.slices}
    if low not in inner or high not in inner:
        return np.zeros(0, dtype=np.intp)  # a step that this coarser look does not have
    return made.layout.where(names, chosen, made.slices(row.outcome, low, high))


def group_mask(
    release: Registered, row: Row, held: Mapping[str, Variable], about: Mapping[str, str]
) -> tuple[tuple[str, ...], Mask | None]:
    """Return the variables and the pieces of a row's group; the remainder is whoever its own table does not name."""
    if row.attribute is None:
        return (), np.array(True)  # noqa: FBT003 - a table without axes
    divided = release.attributes.get(row.attribute)
    if divided is None or any(n not in about for n in divided.of):
        return (), None
    names = tuple(about[n] for n in divided.of)
    if len(set(names)) != len(names):
        return names, None
    if not is_remainder(release, row):
        return names, mask(row.group, divided.of, held, about)
    here = release.at((row.model, row.attribute, row.outcome, row.low, row.high))
    beside = {r.group for r in here} - {divided.remainder, REST}
    chosen = np.ones(tuple(len(held[n].pieces) for n in names), dtype=np.bool_)
    for group in beside:
        own = mask(group, divided.of, held, about)
        if own is None:
            return names, None
        chosen &= ~own
    return names, chosen


def _named(
    made: Question, releases: Sequence[Registered], held: Mapping[str, Variable], about: Mapping[str, str]
) -> list[Told]:
    """Return what the rules tell: a group that is named has at least t people."""
    found = []
    for release in releases:
        for title, label in release.withheld:
            divided = release.attributes[title]
            chosen = mask(label, divided.of, held, about)
            if (
                chosen is not None and len(divided.of) == 1 and about[divided.of[0]] in made.layout.variables
            ):  # of crossed groups the names are no secret
                cells = made.layout.where(tuple(about[n] for n in divided.of), chosen, made.slices(None))
                if cells is not None:
                    found.append(Told(f"{title} = {label} is named", cells, float(release.t), math.inf))
    return found


def _narrowest(told: Sequence[Told]) -> list[Told]:
    """Return each set of unknowns once, with all that is told of it; a contradiction keeps both."""
    found: dict[bytes, list[Told]] = {}
    for row in told:
        key = row.cells.tobytes()
        same = found.setdefault(key, [])
        fits = next((i for i, o in enumerate(same) if o.low <= row.high and row.low <= o.high), None)
        if fits is None:
            same.append(row)
        else:
            other = same[fits]
            same[fits] = Told(other.where, other.cells, max(other.low, row.low), min(other.high, row.high))
    return [row for rows in found.values() for row in rows]
