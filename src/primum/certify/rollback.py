"""Rollback: the repaired model where it is certified, the model in use elsewhere.

When a certificate is refused because of some groups, the others need not wait. Let f* decide as f₁ in certified
groups and as f₀ in all others. For *disjoint* groups

    P(some group loses the margin or more under f*) ≤ Σ α_g ,

because f* can only harm a group that was certified wrongly. So α is split here, α/G a group or by Holm's steps, and
NOT spent whole on every group: picking the groups that passed is a choice, for which the intersection-union test of
the whole certificate gives no cover.

Not valid for overlapping groups: a person who belongs to a certified and to a refused group would need both models.
There, repair group after group with PREPEND, which puts an earlier group's model back where a later one would hurt it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from primum.certify.bound import bound as named
from primum.certify.certificate import CROSS, JOIN, NAMES, cells_of, check_terms
from primum.certify.differences import people
from primum.certify.group_verdict import CERTIFIED, GroupVerdict, judge_group
from primum.certify.units import unit_evidence
from primum.certify.utility import Utility
from primum.errors import PrimumError
from primum.tally.paired import PairedTally, members
from primum.tally.paired_units import UnitTally

Split = Literal["holm", "equal"]


@dataclass(frozen=True)
class Rollback:
    """Which model decides for which group.

    Attributes
    ----------
    attributes
        Whose groups these are; several form an intersection.
    repaired, kept
        Groups for which the repaired model decides, and those for which the model in use is kept. A group that was
        not seen here keeps the model in use.
    verdicts
        One a group; limits are at its own share of alpha.
    levels
        The α_g at which each group was tested.
    guarantee
        What is promised, in words.
    """

    attributes: tuple[str, ...]
    repaired: tuple[str, ...]
    kept: tuple[str, ...]
    verdicts: tuple[GroupVerdict, ...]
    levels: tuple[float, ...]
    alpha: float
    split: Split
    guarantee: str

    def decide(self, groups: Mapping[str, Any], before: npt.ArrayLike, after: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the decisions (or risks) of f*, shape (people,).

        Parameters
        ----------
        groups
            Attribute → labels, shape (people,).
        before, after
            Decisions or risks of the model in use and of the repaired one.

        Raises
        ------
        PrimumError
            If an attribute is missing.
        """
        lost = [a for a in self.attributes if a not in groups]
        if lost:
            raise PrimumError(
                f"Membership by {', '.join(lost)} is needed to know whose model decides.", available=list(groups)
            )
        old, new = np.asarray(before), np.asarray(after)
        found, at = members({a: groups[a] for a in self.attributes}, len(old))
        certified = np.array([JOIN.join(g) in self.repaired for g in found], dtype=bool)
        return np.asarray(np.where(certified[at], new, old))


def rollback(
    pairs: PairedTally,
    *,
    attribute: str | tuple[str, ...],
    utility: Utility | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    split: Split = "holm",
    bound: str = "gaffke",
    names: tuple[str, str] = NAMES,
    units: UnitTally | None = None,
    seed: int = 0,
) -> Rollback:
    """Return for which of disjoint groups the repaired model may be used.

    Parameters
    ----------
    pairs
        As for `certify`: people who helped neither to fit nor to choose a model.
    attribute
        One attribute, or a tuple of several that form an intersection: such groups are disjoint.
    utility, margin, alpha, bound, names, units, seed
        As for `certify`.
    split
        "holm": the group with the smallest p-value is tested at α/G, the next at α/(G − 1), … until one fails.
        "equal": α/G each. Both keep the promise; Holm's keeps at least as many groups.

    Raises
    ------
    PrimumError
        If groups overlap, a name does not exist, or something is not declared.
    """
    rule = named(bound)
    u, epsilon, level = check_terms(utility, margin, alpha)
    if split not in ("holm", "equal"):
        raise PrimumError(f"alpha cannot be split by {split!r}.", available=["holm", "equal"])
    view = (attribute,) if attribute in pairs.attributes else _disjoint(attribute)
    cells = cells_of(pairs, [view], None)
    size = len(cells)

    def verdict(i: int, share: float) -> GroupVerdict:
        _, group, n = cells[i]
        seen = people(n) if units is None else unit_evidence(units, view, group, int(n.sum()))
        return judge_group(
            CROSS.join(view), JOIN.join(group), n, seen, utility=u, margin=epsilon, alpha=share, bound=rule, seed=seed
        )

    verdicts = [verdict(i, level / size) for i in range(size)]
    levels = [level / size] * size
    if split == "holm":
        for step, i in enumerate(sorted(range(size), key=lambda i: verdicts[i].p)):
            levels[i] = level / (size - step)
            verdicts[i] = verdict(i, levels[i])
            if verdicts[i].verdict != CERTIFIED:
                break
    good = tuple(v.group for v in verdicts if v.verdict == CERTIFIED)
    rest = tuple(v.group for v in verdicts if v.verdict != CERTIFIED)
    return Rollback(
        view, good, rest, tuple(verdicts), tuple(levels), level, split,
        _guarantee(level, size, split, names, rule.guarantee),
    )  # fmt: skip


def _disjoint(attribute: object) -> tuple[str, ...]:
    """Return the attributes of one partition: a name, "a × b", or a tuple of names."""
    if isinstance(attribute, str):
        return tuple(attribute.split(CROSS))
    if isinstance(attribute, tuple) and all(isinstance(a, str) for a in attribute):
        return attribute
    raise PrimumError(
        f"Groups of several attributes overlap: {attribute!r}. A person could belong to a certified group and to a "
        "refused one.",
        expected="one attribute, or an intersection as a tuple: attribute=('sex', 'age')",
        mend="repair group after group with PREPEND with repair, which never leaves an earlier group worse off",
    )


def _guarantee(alpha: float, size: int, split: Split, names: tuple[str, str], bound: str) -> str:
    old, new = names
    how = f"{alpha:g}/{size} a group" if split == "equal" else f"Holm's steps over {size} groups"
    return (
        f"{new[:1].upper()}{new[1:]} decides in the certified groups, {old} in all others. The probability that any "
        f"group loses the margin or more is at most {alpha:g}, because alpha was split ({how}). Per group: {bound}"
    )
