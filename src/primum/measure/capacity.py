"""Capacity: only so many people can be seen. Who is selected, and what it would cost to leave nobody behind.

A capacity is a share of all people. Slots are zero-sum: a score cannot raise one group's share of them without
lowering another's, so what a fairer ranking would need is told as a price in additional slots.
Not valid where a slot is not worth the same to everyone, or where those selected do not come.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.consequences import consequences, names, pooled
from primum.measure.steps import Steps, steps, thresholds
from primum.tally.score import Counts, ScoreTally
from primum.usecase import OVERALL

EVERYONE = "everyone"
SLACK = 1e-9  # of a share: sums of weights are not exact


def within(s: Steps, share: float) -> int:
    """Return the lowest step that selects at most this share of the people: as many as fit, never more."""
    return int(np.flatnonzero(s.selected <= s.everyone * (share + SLACK))[0])


def reaching(s: Steps, sensitivity: float) -> int:
    """Return the highest step that finds at least this share of those with the outcome."""
    return int(np.flatnonzero(s.tp >= s.events * (sensitivity - SLACK))[-1])


def at_capacity(view: ScoreTally, share: float, *, level: float = 0.95) -> dict[str, Any]:
    """Return what happens when the `share` of people with the highest scores is selected.

    Returns
    -------
    "capacity", "threshold" (select from this score on; NaN when even the highest score has too many), "selected" (the
    share that fits), "tied" (people who share the next lower step: they cannot be told apart, so they all wait),
    "groups": a row per group and for everyone, with "slots" (its share of those selected), "due" (its share of those
    with the outcome) and the columns of `consequences`; "price": see `price`.

    Intervals take the threshold as given. Raises `PrimumError` for a share outside (0, 1].
    """
    _check(share)
    everyone = steps(view.by(), 0)
    k = within(everyone, share)
    label = int(everyone.labels[k])
    c, ww = view.at_label(label), view.at_label(label, "ww")
    rows = consequences(pooled(c), pooled(ww), None, level)
    chosen, events = c.tp + c.fp, c.tp + c.fn
    with np.errstate(invalid="ignore", divide="ignore"):
        slots, due = (np.append(x / x.sum(), 1.0) for x in (chosen, events))
    attribute = " × ".join(view.attributes) or OVERALL
    groups = [
        {"attribute": attribute, "group": group, "n": n, "events": e, "slots": float(a), "due": float(b), **row}
        for (group, n, e), a, b, row in zip(names(view, EVERYONE), slots, due, rows, strict=True)
    ]
    tied = float(everyone.selected[k - 1] - everyone.selected[k]) if k else 0.0
    return {
        "capacity": share,
        "threshold": float(thresholds(view, np.array([label]))[0]),
        "selected": float(everyone.selected[k] / everyone.everyone),
        "tied": tied,
        "groups": groups,
        "price": price(view, view, share),
    }


def price(new: ScoreTally, old: ScoreTally, share: float) -> dict[str, Any]:
    """Return how many more slots `new` needs so that no group has fewer of its cases found than it is owed.

    With two scores, a group is owed the sensitivity that `old` gives it at this capacity: the price of no harm. With
    one score (`new` is `old`), every group is owed the sensitivity of everyone together: the price of equal
    sensitivity without taking a slot from anybody.

    Returns
    -------
    "extra_one" and "extra_own": additional slots per 1,000 people with one threshold for all, and with a threshold
    for each group that is lowered only where needed; "found_one" and "found_own": additional cases found per 1,000;
    "groups": what each is owed, its sensitivity at the capacity, its own threshold and extra slots per 1,000 of all.

    Not valid out of sample: group thresholds are read off these people, so small groups look dearer or cheaper than
    they are.

    Raises
    ------
    PrimumError
        For a share outside (0, 1], or tallies of different groups.
    """
    _check(share)
    if new.groups != old.groups:
        raise PrimumError("The two scores were tallied for different groups.", mend="tally both by the same attribute")
    before, everyone = steps(old.by(), 0), steps(new.by(), 0)
    old_label, base = int(before.labels[within(before, share)]), within(everyone, share)
    label = int(everyone.labels[base])
    was, now = old.at_label(old_label), new.at_label(label)
    total = everyone.everyone
    with np.errstate(invalid="ignore", divide="ignore"):
        owed, has = was.tp / (was.tp + was.fn), now.tp / (now.tp + now.fn)
    if new is old:
        owed = np.where(np.isfinite(owed), was.tp.sum() / (was.tp + was.fn).sum(), np.nan)
    labels, rows = np.full(len(new.groups), label, dtype=np.int64), []
    for i, group in enumerate(new.groups):
        s = steps(new, i)
        if np.isfinite(owed[i]) and has[i] < owed[i] - SLACK:
            labels[i] = s.labels[reaching(s, float(owed[i]))]
        rows.append({"group": " · ".join(group), "owed": float(owed[i]), "sensitivity": float(has[i])})
    one, own = new.at_label(int(labels.min())), new.at_label(labels)
    for i, (row, t) in enumerate(zip(rows, thresholds(new, labels).tolist(), strict=True)):
        row["threshold"] = t
        row["extra"] = float(1000 * (_chosen(own)[i] - _chosen(now)[i]) / total)
    return {
        **{
            f"extra_{k}": float(1000 * (_chosen(c) - _chosen(now)).sum() / total)
            for k, c in (("one", one), ("own", own))
        },
        **{f"found_{k}": float(1000 * (c.tp - now.tp).sum() / total) for k, c in (("one", one), ("own", own))},
        "groups": rows,
    }


def _chosen(c: Counts) -> npt.NDArray[np.float64]:
    return np.asarray(c.tp + c.fp)


def _check(share: float) -> None:
    if not 0 < share <= 1:
        raise PrimumError(
            f"A capacity of {share:g} is no share of the people.", expected="above 0, at most 1; 10 % is 0.10"
        )
