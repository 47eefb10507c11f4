"""Complementary suppression: which further cells to withhold so that no withheld count can be worked out.

A reader who knows the published sums can bound every withheld count by linear programs. A withheld count is safe when
the greatest integer it may be reaches t and its interval is at least w wide. If it is not, the dual of the program
that bounds it names the published cells that the bound rests on: one of them must go. That is a hitting set, which an
integer program solves exactly on small families, and which a greedy choice solves on large ones; either way the
pattern is handed out only after every withheld count has been audited again.

References: Fischetti and Salazar (2000), Management Science 46; Hundepool et al. (2012), Statistical Disclosure
Control, Wiley.
Not valid against a reader who knows counts that are in none of the tables; add what is known as a table.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
EXACT_CELLS = 60
_PATIENCE = 1.0  # seconds for one search of whole counts; not found in time counts as not safe
_SEEN = 300
_CLOSE = 1e-6


@dataclass(eq=False)
class Family:
    """Linked tables as one system of sums over hidden counts.

    Attributes
    ----------
    sums
        Which hidden counts each cell adds up, 0/1, shape (cells, columns).
    secrets
        The same for what must not be found out, shape (secrets, columns).
    truth
        The hidden counts, shape (columns,).
    cost
        Price of withholding each cell, shape (cells,).
    keep
        Cells that stay published whatever happens, shape (cells,).
    deadline
        When the audit gives up, on the clock of `time.monotonic`.
    """

    sums: Floats
    secrets: Floats
    truth: Ints
    cost: Floats
    keep: Bools
    deadline: float = math.inf
    seen: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = self.sums @ self.truth
        self.seen.append(self.truth)

    def hurry(self) -> None:
        """Refuse once the time is up: an audit that runs out of time has failed."""
        if time.monotonic() > self.deadline:
            raise PrimumError(
                "The disclosure audit ran out of time, so nothing is released.",
                expected="every withheld count audited",
                mend="publish fewer tables, use coarser groups, or raise audit_time_limit",
            )

    def remember(self, point: Ints) -> None:
        """Keep whole counts that fit what was published: they prove secrets safe without another program."""
        self.seen.append(point)
        if len(self.seen) > _SEEN:
            del self.seen[1]  # the truth, which always fits, is first


def merged(sums: Bools, secrets: Bools, counts: Ints) -> tuple[Floats, Floats, Ints]:
    """Add up atoms that no cell and no secret tells apart; the reader's problem stays the same."""
    both = np.ascontiguousarray(np.packbits(np.vstack([sums, secrets]), axis=0).T)
    _, first, to = np.unique(both, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(to.reshape(-1), weights=counts, minlength=len(first)).astype(np.int64)
    return sums[:, first].astype(np.float64), secrets[:, first].astype(np.float64), total


def interval(family: Family, hidden: Bools, secret: Floats) -> tuple[float, float]:
    """Return the least and the greatest integer that a sum may be, given what is published.

    Parameters
    ----------
    family
        The tables.
    hidden
        Which cells are withheld, shape (cells,).
    secret
        Which hidden counts the sum adds up, shape (columns,).

    Returns
    -------
    Both ends; the upper is infinite where nothing published bounds it.
    """
    ends = []
    for sign in (-1, 1):
        end, _ = _relaxed(family, hidden, secret, sign)
        near = float(round(end)) if math.isfinite(end) else end
        values = _fitting(family, hidden) @ secret
        if math.isfinite(end) and near not in values:  # the end may not be reached in whole counts
            near = float(secret @ _integer(family, family.sums[~hidden], family.published[~hidden], sign * secret))
        ends.append(near)
    return ends[0], ends[1]


def solve(family: Family, start: Bools, relevant: Ints, t: int, w: int, *, exact: bool | None = None) -> Bools:
    """Return which cells to withhold so that every relevant secret is safe.

    Parameters
    ----------
    family
        The tables.
    start
        Cells withheld already; they stay withheld.
    relevant
        Indices of the secrets that count at this threshold.
    t, w
        What the greatest possible value must reach, and how wide the interval must be.
    exact
        Whether to find the cheapest set; None: when there are at most 60 cells.

    Raises
    ------
    PrimumError
        If cells that must stay give a secret away, or the time runs out.
    """
    small = len(family.cost) <= EXACT_CELLS if exact is None else exact
    if not small:
        hidden, _ = _grown(family, start, relevant, t, w)
        return _shortened(family, hidden, start, relevant, t, w)
    cuts: list[Bools] = []
    hidden = start
    while True:
        safe, found = _grown(family, hidden, relevant, t, w)
        if not found:
            return hidden
        cuts += found
        cheapest = _cheapest(family, start, cuts)
        if family.cost @ safe <= family.cost @ cheapest + _CLOSE and not (cheapest & ~safe).any():
            return safe
        hidden = cheapest


def _grown(family: Family, start: Bools, relevant: Ints, t: int, w: int) -> tuple[Bools, list[Bools]]:
    """Return a safe pattern that holds `start`, found greedily, and every cut met on the way."""
    hidden, cuts = start, []
    while found := _cuts(family, hidden, relevant, t, w):
        cuts += found
        hidden = _greedy(family, hidden, found)
    return hidden, cuts


def _cuts(family: Family, hidden: Bools, relevant: Ints, t: int, w: int) -> list[Bools]:
    """Return, for each secret that is not proven safe, the published cells of which at least one must go."""
    found: dict[bytes, Bools] = {}
    for i in relevant:
        secret = family.secrets[i]
        if _shown_safe(family, hidden, secret, t, w):
            continue
        cut = _unsafe(family, hidden, secret, t, w)
        if cut is None:
            continue
        free = ~hidden & ~family.keep
        cut = cut & free if (cut & ~hidden).any() else free
        if not cut.any():
            raise PrimumError(
                "These tables cannot be protected: what must stay published gives a small count away.",
                mend="keep fewer tables, join small groups, or publish fewer tables",
            )
        found[cut.tobytes()] = cut
    return list(found.values())


def _unsafe(family: Family, hidden: Bools, secret: Floats, t: int, w: int) -> Bools | None:
    """Return the published cells that a secret's bounds rest on, or None when whole counts prove it safe."""
    high, above = _relaxed(family, hidden, secret, 1)
    if high < t - _CLOSE:
        return above
    low, below = _relaxed(family, hidden, secret, -1)
    if high - low < w - _CLOSE:
        return above | below
    if _shown_safe(family, hidden, secret, t, w):  # the programs ended in whole counts
        return None
    truth = float(secret @ family.truth)
    for least, furthest in ((max(t, truth + w), math.inf), (0.0, truth - w), (t, math.inf)):
        if least > high + _CLOSE or furthest < low - _CLOSE:
            continue
        most = min(furthest, max(least, truth) + 4 * w) - truth
        point = _moved(family, family.sums[~hidden], secret, least - truth, most)
        if point is not None:
            family.remember(point)
        if _shown_safe(family, hidden, secret, t, w):
            return None
    if len(family.cost) > EXACT_CELLS:
        return above | below  # not proven safe in time: withhold more around it and audit again
    low, high = interval(family, hidden, secret)  # the last word of a small family: both ends in whole counts
    return None if high >= t and high - low >= w else ~hidden


def _shown_safe(family: Family, hidden: Bools, secret: Floats, t: int, w: int) -> bool:
    """Whether counts seen before that fit everything published already prove a secret safe."""
    values = _fitting(family, hidden) @ secret
    return bool(values.max() >= t and values.max() - values.min() >= w)


def _fitting(family: Family, hidden: Bools) -> Ints:
    """Return the whole counts seen before that fit everything published; the truth is one of them."""
    points = np.array(family.seen)
    sums = points.astype(np.float64) @ family.sums[~hidden].T
    return np.asarray(points[(sums == family.published[~hidden]).all(axis=1)])


def _relaxed(family: Family, hidden: Bools, secret: Floats, sign: int) -> tuple[float, Bools]:
    """Return one end of an interval without integrality, and the published cells that the bound rests on."""
    from scipy.optimize import linprog

    family.hurry()
    rows, values = family.sums[~hidden], family.published[~hidden]
    system: dict[str, Any] = {"A_eq": rows, "b_eq": values} if len(rows) else {}
    found = linprog(-sign * secret, bounds=(0, None), method="highs", **system)
    if found.status not in {0, 3}:  # presolve cannot always tell unbounded from infeasible
        found = linprog(-sign * secret, bounds=(0, None), method="highs", options={"presolve": False}, **system)
    rests = np.zeros(len(hidden), dtype=np.bool_)
    if found.status == 3:
        return math.inf, rests
    if found.status != 0:
        raise PrimumError("The disclosure audit could not bound a count, so nothing is released.")
    if len(rows):
        rests[~hidden] = np.abs(found.eqlin.marginals) > 1e-9
    if np.abs(found.x - np.round(found.x)).max(initial=0) < _CLOSE:
        family.remember(np.round(found.x).astype(np.int64))
    return float(-sign * found.fun), rests


def _moved(family: Family, rows: Floats, secret: Floats, least: float, most: float) -> Ints | None:
    """Return whole counts that fit and move a secret by `least` to `most`, moving few people; None if none are found.

    Near the truth there are mostly whole solutions, because few people have to be exchanged to make one.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack

    family.hurry()
    table = csr_array(np.vstack([rows, secret]))
    none = np.zeros(len(rows))
    found = milp(
        np.ones(2 * len(secret)),
        integrality=np.ones(2 * len(secret)),
        bounds=Bounds(0, np.concatenate([np.full(len(secret), np.inf), family.truth])),
        constraints=LinearConstraint(hstack([table, -table]), np.append(none, least), np.append(none, most)),
        options={"mip_rel_gap": 10.0, "time_limit": max(min(_PATIENCE, family.deadline - time.monotonic()), 0.01)},
    )
    if found.x is None:
        return None
    more, less = np.split(np.round(found.x).astype(np.int64), 2)
    point = np.asarray(family.truth + more - less, dtype=np.int64)
    fits = (point >= 0).all() and (rows @ (point - family.truth) == 0).all()
    return point if fits else None


def _integer(family: Family, rows: Floats, values: Floats, gain: Floats) -> Ints:
    """Return the whole counts that fit and make a sum greatest; a time-out is an error."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    family.hurry()
    left = family.deadline - time.monotonic()
    found = milp(
        -gain,
        integrality=np.ones(len(gain)),
        bounds=Bounds(0, np.inf),
        constraints=LinearConstraint(rows, values, values),
        options={"mip_rel_gap": 0.0} | ({"time_limit": max(left, 0.01)} if left < math.inf else {}),
    )
    if found.status != 0:
        family.deadline = -math.inf
        family.hurry()
    return np.asarray(np.round(found.x), dtype=np.int64)


def _cheapest(family: Family, start: Bools, cuts: list[Bools]) -> Bools:
    """Return the cheapest set of cells that meets every cut, by an integer program."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    family.hurry()
    left = family.deadline - time.monotonic()
    tie = 1 + 1e-7 * np.arange(len(start)) / max(len(start), 1)  # the first cell in alphabetical order
    found = milp(
        family.cost * tie,
        integrality=np.ones(len(start)),
        bounds=Bounds(start.astype(float), (start | ~family.keep).astype(float)),
        constraints=[LinearConstraint(np.array(cuts, dtype=np.float64), 1, np.inf)],
        options={"mip_rel_gap": 0.0} | ({"time_limit": max(left, 0.01)} if left < math.inf else {}),
    )
    if found.status != 0:
        family.deadline = -math.inf
        family.hurry()
    return np.asarray(np.round(found.x) == 1)


def _greedy(family: Family, hidden: Bools, cuts: list[Bools]) -> Bools:
    """Return the cells withheld with cells added that meet the cuts, the most met for their price first."""
    family.hurry()
    hidden, open_cuts = hidden.copy(), np.array(cuts)
    while len(open_cuts):
        worth = np.where(hidden, -1.0, open_cuts.sum(axis=0) / family.cost)
        best = int(np.argmax(worth))
        hidden[best] = True
        open_cuts = open_cuts[~open_cuts[:, best]]
    return hidden


def _shortened(family: Family, hidden: Bools, start: Bools, relevant: Ints, t: int, w: int) -> Bools:
    """Publish again what a greedy choice turns out not to need, the dearest first."""
    extra = np.flatnonzero(hidden & ~start)
    for i in extra[np.argsort(-family.cost[extra], kind="stable")]:
        less = hidden.copy()
        less[i] = False
        if not _cuts(family, less, relevant, t, w):
            hidden = less
    return hidden
