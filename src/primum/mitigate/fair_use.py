"""Fair use: does reporting an attribute help every group that reports it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from primum.finding import Estimate
from primum.mitigate.membership import Membership, membership
from primum.mitigate.paired_loss import GAINS, HARMED, UNKNOWN, gains, judged, level, usual_bound
from primum.usecase import MISSING


@dataclass(frozen=True)
class FairUse:
    """What a group gains by reporting the attribute.

    Attributes
    ----------
    attribute, group
        Whose.
    measure
        "log loss", "brier" or "net benefit".
    estimate
        Mean gain of the model that uses the attribute over the one without it; positive = reporting helps.
    p_gain, p_harm
        One-sided.
    verdict
        "gains", "harmed" or "not assessable".
    need
        More people of this group needed to show a gain, or harm, of this size.
    words
        In one sentence.
    """

    attribute: str
    group: str
    measure: str
    estimate: Estimate
    p_gain: float
    p_harm: float
    verdict: str
    need: int | None
    words: str

    def row(self) -> dict[str, Any]:
        """Return it as one JSON-ready row."""
        return flat(asdict(self))


def fair_use(
    outcome: npt.ArrayLike,
    generic: npt.ArrayLike,
    personal: npt.ArrayLike,
    group: Any,
    *,
    measure: str = "log loss",
    threshold: float | None = None,
    alpha: float = 0.05,
    bound: str | None = None,
    seed: int = 0,
) -> tuple[FairUse, ...]:
    """Compare, in each group, a model that uses the attribute with one trained without it.

    Only on people that neither model was trained on. Each group has its own one-sided test at level α of
    H0: mean gain ≤ 0, so "every group gains" is an intersection-union test and needs no correction; a claim that
    *some* group is harmed does: divide α by the number of groups.
    Source: Suriyakumar, Ghassemi & Ustun (2023), ICML, PMLR 202:33209-33228.

    Parameters
    ----------
    outcome
        0/1, shape (people,).
    generic
        Risk by the model without the attribute.
    personal
        Risk by the model with it: as a feature, decoupled, or repaired.
    group
        The reported attribute(s). Of several, their intersections are rows too.
    measure
        "log loss", "brier" or "net benefit".
    threshold
        Of the decision, for net benefit.
    alpha
        Level of each one-sided test.
    bound
        A name of `certify.bound`. Default: Gaffke's for net benefit; Student's t for log loss and Brier score, of
        which nearly everybody has a different gain. For a proof, name "phan" or "betting".
    seed
        Of the bound.

    Returns
    -------
    tuple of FairUse
        Sorted by attribute and group. People who reported nothing are a row of their own.

    Raises
    ------
    PrimumError
        If lengths differ, risks lie outside [0, 1], α is out of range, or net benefit lacks a threshold.
    """
    alpha, name = level(alpha), bound or usual_bound(measure)
    each, low, high = gains(outcome, generic, personal, measure, threshold)
    y = np.asarray(outcome, dtype=np.float64).ravel().astype(np.int64)
    people = membership(group, len(y))
    rows = []
    for attribute, who, own in _groups(people):
        found = judged(each[own], y[own], low, high, alpha=alpha, bound=name, seed=seed)
        words = {
            GAINS: f"Reporting '{attribute}' helps {who}.",
            HARMED: f"Reporting '{attribute}' harms {who}: they would be served better without it.",
            UNKNOWN: f"Whether reporting '{attribute}' helps {who} cannot be told from {int(own.sum()):,} people.",
        }[found.verdict]
        rows.append(
            FairUse(
                attribute, who, measure, found.estimate, found.p_gain, found.p_harm, found.verdict, found.need, words
            )
        )
    return tuple(rows)


def every_group_gains(rows: Iterable[FairUse]) -> bool | None:
    """Say whether all groups that report gain: True, False (one is harmed), or None (it cannot be told).

    True carries the level of the single tests (intersection-union); people who reported nothing do not count.
    """
    verdicts = [r.verdict for r in rows if MISSING not in r.group.split(" · ")]
    if HARMED in verdicts:
        return False
    return True if verdicts and all(v == GAINS for v in verdicts) else None


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its estimate's numbers beside the rest, NaN as None."""
    estimate = row.pop("estimate")
    merged = row | {k: estimate[k] for k in ("value", "low", "high", "method", "n", "events", "nonevents", "level")}
    merged |= {"status": str(estimate["status"]), "reason": estimate["reason"]}
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in merged.items()}


def _groups(people: Membership) -> list[tuple[str, str, npt.NDArray[np.bool_]]]:
    found = [(a, g, people.of(a, g)) for a, g in people.groups]
    if len(people.attributes) > 1:
        cells = people.cells
        found += [(" × ".join(people.attributes), str(c), cells == c) for c in np.unique(cells)]
    return found
