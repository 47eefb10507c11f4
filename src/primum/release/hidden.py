"""The counts that a reader was not told and might work out: every cell of every group, named or not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from primum.release.bounds import Hidden
from primum.release.pieces import Mask, Variable, mask
from primum.release.registered import JOINED, Registered
from primum.release.system import Question

True_ = Mapping[tuple[str, str], Mapping[tuple[str, int, int], int]]
"""(attribute, label) → (model, outcome, decision) → true people of a group withheld; it stays in the room."""


def hidden(
    asked: Question,
    releases: Sequence[Registered],
    held: Mapping[str, Variable],
    about: Mapping[str, str],
    *,
    truth: True_ | None = None,
    steps: bool = False,
) -> list[Hidden]:
    """Return every count to attack in one model's tables.

    Parameters
    ----------
    asked
        The model's tables.
    releases, held, about
        As for `system.question`.
    truth
        True counts of withheld groups: those of 1 to t − 1 must be in the open whatever else a reader sees.
    steps
        True asks for score steps, False for people, outcomes and decisions.
    """
    t = releases[0].t
    small = _small(asked, releases, held, about, truth or {}, t)
    found: dict[bytes, Hidden] = {}
    titles = {tuple(about[n] for n in d.of): d.of for r in releases for d in r.attributes.values()}
    everyone = [("everyone", (), (), np.array(True))]  # noqa: FBT003 - a table without axes
    groups = [*everyone, *(g for names, of in titles.items() for g in _groups(asked, releases, names, of, about))]
    for who, names, place, chosen in groups:
        for said, outcome, low, high in _steps(asked) if steps else _decisions(asked):
            cells = asked.layout.where(names, chosen, asked.slices(outcome, low, high))
            if cells is None or not len(cells):
                continue
            truly = (names, place, outcome, low, high) in small
            if cells.tobytes() not in found or truly:
                found[cells.tobytes()] = Hidden(f"{_model(asked)}{who}{said}", cells, small=truly)
    return list(found.values())


def _groups(
    asked: Question,
    releases: Sequence[Registered],
    names: tuple[str, ...],
    of: Sequence[str],
    about: Mapping[str, str],
) -> Iterator[tuple[str, tuple[str, ...], tuple[int, ...], Mask]]:
    """Yield every cell of crossed attributes, and all cells together that are not shown: in all, and in each row."""
    held = asked.layout.variables
    if len(set(names)) != len(names) or not set(names) <= set(held):
        return
    shape = tuple(len(held[n].pieces) for n in names)
    title = " × ".join(of)
    for place in np.ndindex(*shape):
        chosen: Mask = np.zeros(shape, dtype=np.bool_)
        chosen[place] = True
        label = JOINED.join(held[n].pieces[i] for n, i in zip(names, place, strict=True))
        yield f"{title} = {label}", names, tuple(place), chosen
    rest: Mask = np.ones(shape, dtype=np.bool_)
    for release in releases:
        for group in {r.group for r in release.rows if _crosses(release, r.attribute, of)}:
            own = mask(group, of, held, about)
            rest &= True if own is None else ~own
    if rest.sum() > 1:
        yield f"{title} = all that is not shown", names, (), rest
    for axis, name in enumerate(names if len(names) > 1 else ()):
        for i, piece in enumerate(held[name].pieces):
            row: Mask = np.zeros(shape, dtype=np.bool_)
            row[(slice(None),) * axis + (i,)] = True
            if (row & rest).sum() > 1:
                yield f"{title} = all that is not shown of {piece}", names, (), row & rest


def _crosses(release: Registered, attribute: str | None, of: Sequence[str]) -> bool:
    return attribute in release.attributes and tuple(release.attributes[attribute or ""].of) == tuple(of)


def told(asked: Question, targets: Sequence[Hidden]) -> tuple[list[tuple[Hidden, float, float]], list[Hidden]]:
    """Return the counts that stand in the release themselves, with what is known of them, and the others."""
    known: dict[bytes, tuple[float, float]] = {}
    for row in asked.told:
        if math.isfinite(row.high):
            known[row.cells.tobytes()] = (row.low, row.high)
    shown = [(h, *known[h.cells.tobytes()]) for h in targets if h.cells.tobytes() in known]
    return shown, [h for h in targets if h.cells.tobytes() not in known]


def _model(asked: Question) -> str:
    return f"{asked.model}: " if asked.model else ""


def _decisions(asked: Question) -> list[tuple[str, int | None, float, float]]:
    """Return the outcomes and decisions to ask about."""
    ends = (-math.inf, math.inf)
    if asked.model is None:
        return [("", None, *ends), (", without the outcome", 0, *ends), (", with the outcome", 1, *ends)]
    if asked.cut is None:
        return [(f", {'with' if y else 'without'} the outcome", y, *ends) for y in (0, 1)]
    sides = ((", not selected", -math.inf, asked.cut), (", selected", asked.cut, math.inf))
    names = (", without the outcome", ", with the outcome")
    return [(names[y] + side, y, low, high) for y in (0, 1) for side, low, high in sides]


def _steps(asked: Question) -> list[tuple[str, int | None, float, float]]:
    """Return the score steps to ask about: every one between two limits that are told of anybody."""
    sides = ("without", "with")
    return [
        (f", {sides[s.outcome]} the outcome, score {s.low:g} to {s.high:g}", s.outcome, s.low, s.high)
        for s in asked.layout.slices
    ]


def _small(
    asked: Question,
    releases: Sequence[Registered],
    held: Mapping[str, Variable],
    about: Mapping[str, str],
    truth: True_,
    t: int,
) -> set[tuple[tuple[str, ...], tuple[int, ...], int | None, float, float]]:
    """Return which counts are truly 1 to t − 1."""
    found: set[tuple[tuple[str, ...], tuple[int, ...], int | None, float, float]] = set()
    for (title, label), counts in truth.items():
        divided = next((r.attributes[title] for r in releases if title in r.attributes), None)
        chosen = None if divided is None else mask(label, divided.of, held, about)
        if divided is None or chosen is None or chosen.sum() != 1:
            continue
        names, place = tuple(about[n] for n in divided.of), tuple(int(i) for i in np.argwhere(chosen)[0])
        mine = {(y, d): n for (m, y, d), n in counts.items() if m == asked.model}
        if asked.model is None and counts:
            first = next(iter(counts))[0]
            mine = {(y, d): n for (m, y, d), n in counts.items() if m == first}
        sums: dict[tuple[int | None, float, float], int] = {(None, -math.inf, math.inf): sum(mine.values())}
        for y in (0, 1):
            for low, high, sides in _sides(asked.cut):
                sums[y, low, high] = sum(n for (o, d), n in mine.items() if o == y and d in sides)
        found |= {(names, place, y, low, high) for (y, low, high), n in sums.items() if 0 < n < t}
    return found


def _sides(cut: float | None) -> list[tuple[float, float, tuple[int, ...]]]:
    both = (-math.inf, math.inf, (0, 1))
    return [both] if cut is None else [both, (-math.inf, cut, (0,)), (cut, math.inf, (1,))]
