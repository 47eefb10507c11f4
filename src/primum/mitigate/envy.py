"""Envy: would a group be served better as another group?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.finding import Estimate
from primum.mitigate.fair_use import flat
from primum.mitigate.membership import membership
from primum.mitigate.paired_loss import GAINS, HARMED, UNKNOWN, gains, judged, level, usual_bound

Floats = npt.NDArray[np.float64]
ENVIES, CONTENT = "envies", "prefers its own"


@dataclass(frozen=True)
class Envy:
    """What a group would gain by being taken for another.

    Attributes
    ----------
    group, other
        Whose people, by whose model (or with whose value of the attribute).
    measure
        "log loss", "brier" or "net benefit".
    estimate
        Mean gain of the other's risk over its own; positive = the group would be served better as the other.
    p_envy
        One-sided, of H0: mean gain ≤ 0, times the number of others (Bonferroni), at most 1.
    verdict
        "envies", "prefers its own" or "not assessable".
    words
        In one sentence.
    """

    group: str
    other: str
    measure: str
    estimate: Estimate
    p_envy: float
    verdict: str
    words: str

    def row(self) -> dict[str, Any]:
        """Return it as one JSON-ready row."""
        return flat(asdict(self))


def envy(
    outcome: npt.ArrayLike,
    own: npt.ArrayLike,
    swapped: Mapping[str, npt.ArrayLike] | Callable[[str], npt.ArrayLike],
    group: Any,
    *,
    measure: str = "log loss",
    threshold: float | None = None,
    alpha: float = 0.05,
    bound: str | None = None,
    seed: int = 0,
) -> tuple[Envy, ...]:
    """Compare, for each group, its own risks with those it would get as a member of each other group.

    Only on people that the models were not trained on. Limits of a group are at α divided by the number of others:
    the chance that a group is said to envy somebody although it does not is at most α.
    Source: Ustun, Liu & Parkes (2019), ICML, PMLR 97:6373-6382.

    Parameters
    ----------
    outcome
        0/1, shape (people,).
    own
        Risk that each person gets, shape (people,).
    swapped
        Group → the risk that *everybody* would get as its member, shape (people,): `Decoupled.swapped(X)`. Or a
        function of the group's name that returns it, for a model with the attribute as a feature; it is asked for
        every group among the people.
    group
        Who belongs where (of several attributes: cells of all).
    measure, threshold, alpha, bound, seed
        As in `fair_use`.

    Returns
    -------
    tuple of Envy
        One for each ordered pair of groups.

    Raises
    ------
    PrimumError
        As `fair_use`; if there is no other group to compare with.
    """
    alpha, name = level(alpha), bound or usual_bound(measure)
    y = np.asarray(outcome, dtype=np.float64).ravel()
    cells = membership(group, len(y)).cells
    here = np.unique(cells).tolist()
    offered = {g: swapped(g) for g in here} if callable(swapped) else dict(swapped)
    if not any(g != o for g in here for o in offered):
        raise PrimumError(
            "There is no other group's model to compare with.",
            expected="at least two groups, and the risk as a member of another",
            available=list(offered),
            mend="decoupled models whose groups all keep the pooled model cannot be envied",
        )
    rows = []
    for g in here:
        mine = cells == g
        others = [o for o in offered if o != g]
        for o in others:
            each, low, high = gains(y[mine], np.asarray(own)[mine], np.asarray(offered[o])[mine], measure, threshold)
            found = judged(each, y[mine], low, high, alpha=alpha / len(others), bound=name, seed=seed)
            verdict = {GAINS: ENVIES, HARMED: CONTENT, UNKNOWN: UNKNOWN}[found.verdict]
            words = {
                ENVIES: f"{g} would be served better as {o}.",
                CONTENT: f"{g} is served better as itself than as {o}.",
                UNKNOWN: f"Whether {g} would be served better as {o} cannot be told.",
            }[verdict]
            rows.append(Envy(g, o, measure, found.estimate, min(1.0, found.p_gain * len(others)), verdict, words))
    return tuple(rows)
