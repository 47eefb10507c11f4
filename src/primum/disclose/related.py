"""Attributes that imply one another: a fine and a coarse age, two sets of age bands, a region and its hospital.

A reader knows that nobody of 75 is under 65. With such knowledge two tables of people give a third: 65 and over
without 65–74 is 75 and over, whether or not 75 and over is shown. So where a combination is empty although many people
would be expected in it, the two attributes are taken to be related, and every empty combination of theirs is taken as
known to be impossible. What the others can be, given all that is printed of both attributes, is found by linear
programs, and groups join the remainder until no count of 1 to t − 1 people can be pinned.

Not covered: what only three attributes together give away, and related attributes of so few people that no empty
combination stands out. The attack on the finished release looks at the same tables again.
"""

from __future__ import annotations

import numpy as np

from primum.disclose.partition import Bools, Ints

EXPECTED = 10.0
_CLOSE = 1e-6


def related(people: Ints) -> bool:
    """Whether a cell of a two-way table is empty in which, were the two independent, ten people or more would be.

    By chance such a cell is empty with a probability below e⁻¹⁰.
    """
    expected = np.outer(people.sum(axis=1), people.sum(axis=0)) / max(int(people.sum()), 1)
    return bool(((people == 0) & (expected >= EXPECTED)).any())


def pinned(table: Ints, possible: Bools, shown: tuple[Bools, Bools], t: int, w: int) -> tuple[int, int] | None:
    """Return a cell, or a row or column without its other end (−1), whose 1 to t − 1 people are given away.

    Parameters
    ----------
    table
        True counts, shape (rows, columns).
    possible
        Cells that are not known to be empty.
    shown
        Rows and columns whose sums are printed; of the others, the sum of their sums is.
    t, w
        The greatest possible value must reach t, and the interval be w wide.
    """
    cells = np.argwhere(possible)
    lines = [(0, i) for i in range(table.shape[0])] + [(1, j) for j in range(table.shape[1])]
    secrets = [(int(i), int(j)) for i, j in np.argwhere((table > 0) & (table < t))]
    aims = [(cells == s).all(axis=1) for s in secrets]
    for axis, k in lines:
        if 0 < int(table.sum(axis=1 - axis)[k]) < t:
            secrets.append((k, -1) if axis == 0 else (-1, k))
            aims.append(cells[:, axis] == k)
    if not secrets:
        return None
    sums = [cells[:, axis] == k for axis, k in lines if shown[axis][k]]
    sums += [~shown[axis][cells[:, axis]] for axis in (0, 1) if not shown[axis].all()]
    low, high = _bounds(np.array(sums), table[possible], np.array(aims))
    bad = np.flatnonzero((high < t - _CLOSE) | (high - low < w - _CLOSE))
    return secrets[int(bad[0])] if len(bad) else None


def _bounds(sums: Bools, truth: Ints, aims: Bools) -> tuple[Ints, Ints]:
    """Return the least and the greatest value of each aim, given the sums; one program with a copy for each aim."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, kron

    copies = len(aims)
    rows = csr_array(kron(np.eye(copies), sums.astype(np.float64)))
    values = np.tile(sums.astype(np.int64) @ truth, copies)
    ends = []
    for sign in (1, -1):
        found = milp(
            sign * aims.reshape(-1).astype(np.float64),
            integrality=np.zeros(rows.shape[1]),
            bounds=Bounds(0, np.inf),
            constraints=LinearConstraint(rows, values, values),
        )
        if found.x is None:  # not shown to be safe
            return aims.astype(np.int64) @ truth, aims.astype(np.int64) @ truth
        ends.append((found.x.reshape(copies, -1) * aims).sum(axis=1))
    return ends[0], ends[1]
