"""The search: can each count that nobody was told be pinned? Cheapest first, and two tables are proof that it cannot.

A table of counts that agrees with everything told is a witness. Two witnesses between which a count differs enough
show that it is not pinned, without any search of its own; each linear program yields one more. Whole numbers matter
where an interval is narrow: then an integer program decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from primum.disclose.attack import How, Verdict
from primum.disclose.constraints import Floats, Outcome, RowSpace, System, solved
from primum.disclose.differencing import unsafe
from primum.release.layout import Index

NARROW = 2.0
SLACK = 1e-6
RANDOM = 8
MANY = 600
_SAID = {
    "time ran out": "The time ran out; what is not shown to be safe is not safe.",
    "contradictory": "What is told contradicts itself, so nothing can be shown about this count.",
    "failed": "The solver gave up; what is not shown to be safe is not safe.",
}


@dataclass(frozen=True, eq=False)
class Hidden:
    """A count that a reader was not told.

    Attributes
    ----------
    where
        Its name.
    cells
        The unknowns it adds up.
    small
        Whether it is truly 1 to t − 1, known inside only: then the interval must reach t and be wide whatever it is.
    """

    where: str
    cells: Index
    small: bool = False


@dataclass(eq=False)
class Block:
    """Unknowns that equations join, apart from all others; it keeps the tables it has found."""

    known: System
    deadline: float
    tables: list[Floats] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    programs: int = 0
    broken: Outcome | None = None
    rows: RowSpace | None = None

    def begin(self, wanted: Sequence[Index]) -> None:
        """Find first tables, in random directions over the counts that will be asked for."""
        rng = np.random.default_rng(len(wanted))
        for i in range(RANDOM):
            row = np.zeros(self.known.cells)
            for cells, weight in zip(wanted, rng.choice([-1.0, 0.0, 1.0], len(wanted)), strict=True):
                row[cells] += weight * (i > 0)
            outcome, _ = self.solve(row, largest=True)
            if outcome == "unbounded":
                outcome, _ = self.solve(row, largest=False)
            if outcome not in {"solved", "unbounded"}:
                self.broken = outcome
                return

    def solve(self, row: Floats, *, largest: bool, whole: bool = False) -> tuple[Outcome, float]:
        """Return an end of a count, and keep the table that reaches it."""
        self.programs += 1
        left = self.deadline - time.monotonic()
        outcome, value, table = solved(self.known, row, largest=largest, whole=whole, seconds=left)
        if table is not None:
            near = np.round(table)
            fine = bool(np.abs(table - near).max(initial=0.0) < SLACK)
            self.tables.append(near if fine else table)
            self.whole.append(fine)
        return outcome, value

    def row(self, cells: Index) -> Floats:
        """Return a count as a row over the unknowns."""
        row = np.zeros(self.known.cells)
        row[cells] = 1.0
        return row

    def seen(self, cells: Index) -> tuple[float, float, float, float]:
        """Return the least and the most of a count in whole tables, and in all; NaN where there is none."""
        values = np.array([table[cells].sum() for table in self.tables])
        mine = values[np.array(self.whole, dtype=bool)] if len(values) else values
        ends = [(v.min(), v.max()) if len(v) else (math.nan, math.nan) for v in (mine, values)]
        return (*ends[0], *ends[1])

    def exact(self, cells: Index) -> float | None:
        """Return a count that follows by adding and subtracting."""
        if self.rows is None and len(self.known.value) <= MANY:
            self.rows = RowSpace(self.known)
        return self.rows.value(self.row(cells)) if self.rows is not None else None


class Search:
    """One system under attack, in blocks."""

    def __init__(self, known: System, t: int, w: float, deadline: float, *, zeros: bool = False) -> None:
        self.t, self.w, self.deadline, self.zeros = t, w, deadline, zeros
        self.block_of, self.place, self.blocks = _blocks(known, deadline)

    @property
    def programs(self) -> int:
        """How many programs were solved."""
        return sum(b.programs for b in self.blocks)

    def run(self, targets: Sequence[Hidden]) -> list[Verdict]:
        """Return the verdict on each count, in the order given."""
        parts = [self._parts(t.cells) for t in targets]
        for i, block in enumerate(self.blocks):
            wanted = [cells for p in parts for b, cells in p if b == i]
            if wanted:
                block.begin(wanted)
        return [self._verdict(t, p) for t, p in zip(targets, parts, strict=True)]

    def _parts(self, cells: Index) -> list[tuple[int, Index]]:
        """Return the blocks that a count lies in, and its unknowns there."""
        blocks = self.block_of[cells]
        return [(int(b), self.place[cells[blocks == b]]) for b in np.unique(blocks)]

    def _verdict(self, target: Hidden, parts: list[tuple[int, Index]]) -> Verdict:
        broken = next((self.blocks[b].broken for b, _ in parts if self.blocks[b].broken), None)
        if broken is not None or time.monotonic() >= self.deadline:
            return _failed(target.where, "linear program" if broken else "no time", broken or "time ran out")
        return self._witnessed(target, parts) or self._searched(target, parts)

    def _searched(self, target: Hidden, parts: list[tuple[int, Index]]) -> Verdict:
        """Return the verdict that the row space, linear and integer programs give."""
        exact = [self.blocks[b].exact(cells) for b, cells in parts]
        if all(e is not None for e in exact):
            value = float(round(sum(e for e in exact if e is not None)))
            return self._judged(target, value, value, "row space")
        low, high, outcome = self._ends(parts, whole=False)
        if outcome != "solved":
            return _failed(target.where, "linear program", outcome)
        found = self._judged(target, low, high, "linear program")
        narrow = high < NARROW * self.t or high - low < NARROW * self.w
        if found.passed and narrow and low < self.t and high >= 1 and self._witnessed(target, parts) is None:
            low, high, outcome = self._ends(parts, whole=True)
            if outcome != "solved":
                return _failed(target.where, "integer program", outcome)
            found = self._judged(target, low, high, "integer program")
        return found

    def _witnessed(self, target: Hidden, parts: list[tuple[int, Index]]) -> Verdict | None:
        """Return a pass if two tables show that the count is open: whole ones, or others that are far apart."""
        least, most, lowest, highest = np.sum([self.blocks[b].seen(cells) for b, cells in parts], axis=0)
        for low, high, factor in ((least, most, 1.0), (lowest, highest, NARROW)):
            if high >= factor * self.t and high - low >= factor * max(self.w, 1.0):
                why = f"Two tables agree with everything told: one has {low:.0f}, the other {high:.0f}."
                return Verdict(target.where, math.floor(low), math.ceil(high), "two tables", passed=True, why=why)
        return None

    def _ends(self, parts: list[tuple[int, Index]], *, whole: bool) -> tuple[float, float, Outcome]:
        ends = np.zeros(2)
        for b, cells in parts:
            row = self.blocks[b].row(cells)
            for i, largest in enumerate((False, True)):
                outcome, value = self.blocks[b].solve(row, largest=largest, whole=whole)
                if outcome not in {"solved", "unbounded"}:
                    return math.nan, math.nan, outcome
                ends[i] += value
        high = math.floor(ends[1] + SLACK) if math.isfinite(ends[1]) else math.inf
        low = max(float(math.ceil(ends[0] - SLACK)), 0.0)
        return (low, high, "solved") if high >= low else (low, high, "contradictory")

    def _judged(self, target: Hidden, low: float, high: float, how: How) -> Verdict:
        return judged(target, low, high, how, t=self.t, w=self.w, zeros=self.zeros)


def _blocks(known: System, deadline: float) -> tuple[Index, Index, list[Block]]:
    """Return the block of each unknown, its place there, and the blocks."""
    from scipy.sparse import csr_array, vstack
    from scipy.sparse.csgraph import connected_components

    rows = csr_array(abs(vstack([known.equal, known.between])))
    joined = csr_array((rows.data, rows.indices, rows.indptr), shape=rows.shape)
    size, count = known.cells, joined.shape[0]
    columns = joined.indices + count
    starts = np.repeat(np.arange(count), np.diff(joined.indptr))
    graph = csr_array((np.ones(len(columns)), (starts, columns)), shape=(count + size, count + size))
    number, of = connected_components(graph, directed=False)
    block_of, row_of = of[count:], of[:count]
    place = np.zeros(size, dtype=np.intp)
    equal, between = csr_array(known.equal), csr_array(known.between)
    exact = len(known.value)
    blocks = []
    used = np.unique(block_of)
    for b in used:
        cells = np.flatnonzero(block_of == b)
        place[cells] = np.arange(len(cells))
        one, two = row_of[:exact] == b, row_of[exact:] == b
        part = System(
            cells=len(cells), cell_of=np.arange(len(cells)),
            equal=equal[one][:, cells], value=known.value[one],
            between=between[two][:, cells], low=known.low[two], high=known.high[two],
        )  # fmt: skip
        blocks.append(Block(part, deadline))
    del number
    return np.searchsorted(used, block_of), place, blocks


def judged(target: Hidden, low: float, high: float, how: How, *, t: int, w: float, zeros: bool) -> Verdict:
    """Return the verdict on an interval.

    A count is pinned when it can be 1 to t − 1 and either cannot reach t or lies in an interval narrower than w. One
    that is nobody for certain is told where the policy lets no zero be told (`zeros`).
    """
    pinned = (high < t or high - low < w) if target.small else unsafe(low, high, t=t, w=w)
    why = "It could not be pinned."
    if high < 1 and not target.small:
        pinned, why = zeros, "It is nobody, for certain."
    elif pinned and high == low:
        why = f"It is {high:.0f}."
    elif pinned and high < t:
        why = f"It lies between {low:.0f} and {high:.0f}, which is below {t}."
    elif pinned:
        why = f"It lies between {low:.0f} and {high:.0f}, which is narrower than {w:g}."
    elif low >= t:
        why = f"It is at least {low:.0f}, which may be told."
    return Verdict(target.where, low, high, how, passed=not pinned, why=why)


def _failed(where: str, how: How, outcome: str) -> Verdict:
    return Verdict(where, math.nan, math.nan, how, passed=False, why=_SAID[outcome])
