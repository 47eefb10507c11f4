"""Dividing people into parts that share nobody: some to fit on, others to certify on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.mitigate.membership import Membership
from primum.tally.paired import members

Ints = npt.NDArray[np.int64]
SALT = 0x5EED
DECK = 40


def divide_people(
    y: npt.ArrayLike, people: Membership, shares: Mapping[str, float], *, cluster: Any = None, seed: int = 0
) -> dict[str, Ints]:
    """Return the row numbers of each part, sorted; parts are disjoint and together are everybody.

    Stratified by outcome and group (the cell of all attributes): within a stratum people are put in random order and
    dealt to the parts in turn, so each part gets its share of every stratum to within a person or two. Clusters stay
    together; a cluster's stratum is its first person's group and whether anybody in it has the outcome.

    Parameters
    ----------
    y
        0/1, shape (people,).
    people
        Their groups.
    shares
        Part → share of people, above 0, summing to 1; rounded to fortieths.
    cluster
        A code for each person's cluster, or None.
    seed
        The same seed gives the same parts.

    Raises
    ------
    PrimumError
        If a share is impossible, or a part lacks a group, or people with or without the outcome.
    """
    outcome = np.asarray(y, dtype=np.int64)
    pattern = _deal(shares)
    unit = np.arange(outcome.size) if cluster is None else members({"cluster": cluster}, outcome.size)[1]
    size = int(unit.max()) + 1
    first = np.full(size, -1, dtype=np.int64)
    first[unit[::-1]] = np.arange(outcome.size)[::-1]
    _, cell = np.unique(people.cells, return_inverse=True)
    with_events = np.bincount(unit, weights=outcome, minlength=size) > 0
    large = np.bincount(unit, minlength=size)
    rng = np.random.default_rng([seed, SALT])
    order = np.lexsort((rng.random(size), large, with_events, cell[first]))
    part = np.empty(size, dtype=np.int64)
    part[order] = pattern[(np.arange(size) + int(rng.integers(DECK))) % DECK]
    parts = {name: np.flatnonzero(part[unit] == k) for k, name in enumerate(shares)}
    for name, rows in parts.items():
        _complete(name, rows, outcome, people)
    return parts


def _deal(shares: Mapping[str, float]) -> Ints:
    """Return whose turn it is, shape (DECK,): always the part that lags most behind its share."""
    wanted = np.array(list(shares.values()), dtype=np.float64)
    cards = np.round(wanted * DECK)
    if not np.isfinite(wanted).all() or (cards < 1).any() or abs(wanted.sum() - 1) > 1e-9:
        told = ", ".join(f"{k} {v:g}" for k, v in shares.items())
        raise PrimumError(
            f"People cannot be divided in these shares: {told}.",
            expected=f"each at least {1 / DECK:g}, 1 in total",
            mend="choose test_size and repair_size so that something is left to fit the model on",
        )
    cards[np.argmax(cards)] += DECK - cards.sum()
    given, turns = np.zeros(cards.size), []
    for k in range(DECK):
        lag = cards * (k + 1) / DECK - given
        turn = int(np.argmax(np.where(given < cards, lag, -np.inf)))
        given[turn] += 1
        turns.append(turn)
    return np.array(turns, dtype=np.int64)


def _complete(name: str, rows: Ints, y: Ints, people: Membership) -> None:
    if np.unique(y[rows]).size < 2:
        raise PrimumError(
            f"The part for {name} has {rows.size} people, {int(y[rows].sum())} of them with the outcome.",
            expected="people with and without the outcome in each part",
            mend="bring more people, or fit the models elsewhere and use prefit=True to only certify here",
        )
    absent = [f"{a}: {g}" for a, g in people.groups if not people.of(a, g)[rows].any()]
    if absent:
        raise PrimumError(
            f"The part for {name} has nobody of {', '.join(absent)}.",
            expected="every group in each part",
            mend="a group this small cannot be certified: join it with another, leave these people to the model in "
            "use, or bring more of them",
        )
