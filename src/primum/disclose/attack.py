"""The attack on a set of releases: what is the least and the most that a hidden count can be?

Cheapest first: adding and subtracting exact releases (row space), then linear programs, then integer programs where a
count got away narrowly. A count is safe only when all of them fail; a search that runs out of time counts as a leak.
Not covered: statistics that are no sums of people (see `inversion`), and other knowledge that a reader may have.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from primum.disclose.constraints import Floats, RowSpace, Support, System, extreme, system
from primum.disclose.releases import Atoms, Release, marginals, place
from primum.errors import PrimumError

How = Literal["told", "two tables", "row space", "linear program", "integer program", "no time"]
NARROW = 2.0  # an interval below this multiple of what is demanded is looked at again in whole numbers
SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class Target:
    """A count that must not be pinned.

    Attributes
    ----------
    where
        Its name in the protected report.
    support
        Which atoms it adds up, shape (atoms,).
    whole
        The group it is a share of; given for sensitive variables, where 0 % and 100 % say something of everyone.
    """

    where: str
    support: Support
    whole: Support | None = None


@dataclass(frozen=True)
class Verdict:
    """What the attack found out about one protected count.

    Attributes
    ----------
    where
        The count.
    low, high
        The least and the most it can be, whole people; NaN where the search did not end.
    how
        The strongest step that was needed.
    passed
        Whether the count is protected.
    why
        One plain sentence.
    """

    where: str
    low: float
    high: float
    how: How
    passed: bool
    why: str


@dataclass(frozen=True)
class Attack:
    """The verdict on every protected count; `passed` only if each passed."""

    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing leaked."""
        return all(v.passed for v in self.verdicts)

    @property
    def leaks(self) -> tuple[Verdict, ...]:
        """The counts that leaked, or whose attack did not end."""
        return tuple(v for v in self.verdicts if not v.passed)


def attack(
    releases: Sequence[Release],
    targets: Sequence[Target],
    *,
    t: int,
    w: float | None = None,
    time_limit: float = 60.0,
) -> Attack:
    """Try to pin each protected count from everything that was released.

    A count passes if and only if it can be t or more, its interval is at least w wide, and no share of 0 or 1 follows.

    Parameters
    ----------
    releases
        Everything a reader sees, of this export and of earlier ones about the same people.
    targets
        The protected counts.
    t
        Smallest number of persons that may be shown.
    w
        Smallest width of the interval; `t` by default.
    time_limit
        Seconds for all counts together; what is not decided by then has failed.

    Raises
    ------
    PrimumError
        If t < 1 or w < 0, or the supports do not fit together.
    """
    width = float(t) if w is None else float(w)
    if t < 1 or width < 0:
        raise PrimumError(f"An attack with t = {t} and w = {width} protects nothing.", expected="t ≥ 1 and w ≥ 0")
    begun = time.monotonic()
    if not targets:
        return Attack((), 0.0)
    questions = [target.support for target in targets]
    questions += [target.whole for target in targets if target.whole is not None]
    known = system(releases, questions)
    search = _Search(known, RowSpace(known), t, width, begun + time_limit)
    verdicts = tuple(search.verdict(target) for target in targets)
    return Attack(verdicts, time.monotonic() - begun)


def small_cells(atoms: Atoms, tables: Sequence[Sequence[str]], *, t: int) -> list[Target]:
    """Return the cells of some tables that hold 1 to t − 1 people: what a release must hide.

    Parameters
    ----------
    atoms
        True counts.
    tables
        The variables of each table.
    t
        Smallest number of persons that may be shown.
    """
    flat = atoms.counts.reshape(-1)
    cells = [(place(names, key), support) for names in tables for key, support in marginals(atoms, names)]
    return [Target(where, support) for where, support in cells if 0 < flat[support].sum() < t]


@dataclass(frozen=True, eq=False)
class _Search:
    """One attack under way."""

    known: System
    rows: RowSpace
    t: int
    w: float
    deadline: float

    def verdict(self, target: Target) -> Verdict:
        """Return what can be found out about one count."""
        row = self.known.row(target.support)
        if self._left() <= 0:
            return _failed(target.where, "no time", "The time ran out before this count was looked at.")
        value = self.rows.value(row)
        if value is not None:
            said = "It follows exactly, by adding and subtracting releases."
            return Verdict(target.where, round(value), round(value), "row space", passed=False, why=said)
        found = self._interval(target.where, row, whole=False)
        if found.passed and (found.high < NARROW * self.t or found.high - found.low < NARROW * self.w):
            found = self._interval(target.where, row, whole=True)
        if found.passed and target.whole is not None:
            return self._certain(target, found)
        return found

    def _left(self) -> float:
        return self.deadline - time.monotonic()

    def _interval(self, where: str, row: Floats, *, whole: bool) -> Verdict:
        """Return the verdict on the interval that a linear or an integer program gives."""
        how: How = "integer program" if whole else "linear program"
        ends = []
        for largest in (False, True):
            outcome, value = extreme(self.known, row, largest=largest, whole=whole, seconds=self._left())
            if outcome not in {"solved", "unbounded"}:
                return _failed(where, how, _SAID[outcome])
            ends.append(value)
        low = float(math.ceil(ends[0] - SLACK))
        high = float(math.floor(ends[1] + SLACK)) if math.isfinite(ends[1]) else math.inf
        if high < low:
            return _failed(where, how, _SAID["contradictory"])
        why = ""
        if high < self.t:
            why = f"It is at most {high:.0f}, which is below {self.t}."
        elif high - low < self.w:
            why = f"It lies between {low:.0f} and {high:.0f}, which is narrower than {self.w:g}."
        return Verdict(where, low, high, how, passed=not why, why=why or "It could not be pinned.")

    def _certain(self, target: Target, found: Verdict) -> Verdict:
        """Return a failure if everyone of the group must belong to the count."""
        assert target.whole is not None
        rest = self.known.row(target.whole & ~target.support)
        outcome, most = extreme(self.known, rest, largest=True, whole=False, seconds=self._left())
        if outcome not in {"solved", "unbounded"}:
            return _failed(target.where, found.how, _SAID[outcome])
        if most < 1 - SLACK:
            said = "Everyone of the group must belong to it: a share of 1."
            return Verdict(target.where, found.low, found.high, found.how, passed=False, why=said)
        return found


_SAID = {
    "time ran out": "The time ran out; what is not shown to be safe is not safe.",
    "contradictory": "The releases contradict one another, so nothing can be shown about this count.",
    "failed": "The solver gave up; what is not shown to be safe is not safe.",
}


def _failed(where: str, how: How, why: str) -> Verdict:
    return Verdict(where, math.nan, math.nan, how, passed=False, why=why)
