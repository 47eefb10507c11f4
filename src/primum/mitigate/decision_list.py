"""A list of exceptions to a model, "if of group g: model h", which grows without any group becoming worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
SLACK = 1e-12


@dataclass(frozen=True)
class Update:
    """One entry of the list; later ones come first when the list is read.

    Attributes
    ----------
    group
        Number of the group.
    model
        Number of the model it gets; −1 for a repair.
    version
        For a repair: the group gets back what the list said after so many entries; −1 otherwise.
    round
        Which accepted update it belongs to, from 1.
    """

    group: int
    model: int
    version: int
    round: int


def readings(updates: Sequence[Update], inside: Bools) -> Ints:
    """Return which model each cell gets after 0, 1, 2 … entries, shape (entries + 1, cells); 0 is the base model.

    Parameters
    ----------
    updates
        The list.
    inside
        Which cells belong to which group, shape (groups, cells). Cells are people who share all group memberships.
    """
    versions = [np.zeros(inside.shape[1], dtype=np.int64)]
    for u in updates:
        versions.append(_read(versions, u, inside[u.group]))
    return np.array(versions)


def grow(
    loss: Floats,
    weight: Floats,
    inside: Bools,
    allowed: Bools,
    *,
    drop: float,
    smallest: float,
    most: int | None = None,
) -> list[Update]:
    """Return the list that PREPEND with repair makes of these losses.

    Again and again, of all groups and allowed models for which the group's mean loss falls by more than `drop`, the
    pair that lowers everybody's loss most is put first in the list. If a group (any: accepted before or not) now has
    a larger loss than under an earlier version of the list, that version is put back for it. So after each round no
    group's loss, nor everybody's, is larger than it ever was. Every entry lowers everybody's loss, an accepted one by
    more than smallest · drop: losses within [0, 1] allow fewer than 1/(smallest · drop) updates.

    Source: Globus-Harris, Kearns & Roth (2022), "An algorithmic framework for bias bounties", FAccT; their repair
    extended from accepted groups to all. The guarantee is about these people; for others use a certificate.

    Parameters
    ----------
    loss
        Total loss of a cell's people under each model, shape (cells, models); column 0 is the base model.
    weight
        Total weight of a cell's people, shape (cells,).
    inside
        Which cells belong to which group, shape (groups, cells).
    allowed
        Which models a group may get, shape (groups, models).
    drop
        Least fall of the group's mean loss, above 0.
    smallest
        Least share of all people that a group has for an update, above 0.
    most
        Stop after so many updates; None: when there is none left.

    Raises
    ------
    PrimumError
        If `drop` or `smallest` is not above 0.
    """
    if not (drop > 0 and 0 < smallest <= 1):
        raise PrimumError(
            f"drop = {drop!r} and smallest = {smallest!r} let the list grow for ever.",
            expected="both above 0: the least fall of a group's mean loss, and the least share of people it has",
        )
    size = inside @ weight
    versions = [np.zeros(loss.shape[0], dtype=np.int64)]
    updates: list[Update] = []
    enough = (size > 0) & (size >= smallest * weight.sum() * (1 - SLACK))
    under = inside @ loss
    turn = 0
    while most is None or turn < most:
        fall = _totals(loss, inside, versions[-1])[:, None] - under
        good = allowed & enough[:, None] & (fall > drop * size[:, None] + SLACK * weight.sum())
        if not good.any():
            break
        g, h = np.unravel_index(int(np.argmax(np.where(good, fall, -np.inf))), fall.shape)
        turn += 1
        updates.append(Update(int(g), int(h), -1, turn))
        versions.append(_read(versions, updates[-1], inside[g]))
        _mend(updates, versions, loss, inside, turn, SLACK * weight.sum())
    return updates


def _mend(updates: list[Update], versions: list[Ints], loss: Floats, inside: Bools, turn: int, slack: float) -> None:
    """Put earlier versions back until no group is worse off than under any version."""
    history = [_totals(loss, inside, v) for v in versions]
    while True:
        past = np.array(history)
        excess = past[-1] - past.min(axis=0)
        g = int(np.argmax(excess))
        if not excess[g] > slack:
            return
        updates.append(Update(g, -1, int(np.argmin(past[:, g])), turn))
        versions.append(_read(versions, updates[-1], inside[g]))
        history.append(_totals(loss, inside, versions[-1]))


def _read(versions: Sequence[Ints], u: Update, members: Bools) -> Ints:
    return np.where(members, u.model if u.version < 0 else versions[u.version], versions[-1])


def _totals(loss: Floats, inside: Bools, reading: Ints) -> Floats:
    """Return each group's total loss, shape (groups,)."""
    return np.asarray(inside @ loss[np.arange(loss.shape[0]), reading], dtype=np.float64)
