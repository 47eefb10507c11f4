"""Which groups of an attribute may be shown: the others are joined, so that nothing about one of them can be found.

Global recoding. Everything that is printed depends on the hidden groups only through their sum, the remainder. Take
the true data and deal the labels of the hidden groups out anew among the people of the remainder: every printed number
stays what it is. So a hidden group may have anything from nobody to the whole remainder in a cell, and where the
remainder holds at least t people the interval of an attacker reaches t and is at least t wide. No search is needed.

Where the people and the cases of some hidden groups are printed as well, a hidden cell is one of a two-way table with
known margins: its interval is as wide as the smallest margin or its complement, all of which hold at least t.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Passes = Callable[[Ints], bool]


def partition(counts: Ints, rules: Sequence[Passes], *, among: Bools | None = None, size: Ints | None = None) -> Bools:
    """Return which groups may be shown when the sum of all others can be had by subtraction.

    Parameters
    ----------
    counts
        What is printed of each group, shape (groups, …); the last axis may hold several units that are counted.
    rules
        Whether counts of shape (…) may be printed, from the laxest rule to the one that holds. Each starts from what
        the one before hides, so that a stricter policy never shows a group that a laxer one hides.
    among
        Groups that may be shown at all; None for every one.
    size
        How large each group is; None for the sum of its counts.

    Notes
    -----
    Groups that do not pass are joined. While their sum does not pass either, the smallest group that is shown joins
    them. With a single hidden group the sum is that group, so it is never the only one unless it passes.
    """
    shown = np.ones(len(counts), dtype=np.bool_) if among is None else among.copy()
    size = counts.reshape(len(counts), -1).sum(axis=1) if size is None else size
    for passes in rules:
        shown &= np.array([passes(c) for c in counts], dtype=np.bool_)
        while shown.any() and not shown.all() and not passes(counts[~shown].sum(axis=0)):
            candidates = np.flatnonzero(shown)
            shown[candidates[np.argmin(size[candidates])]] = False
    return shown


def joined(counts: Ints, passes: Passes) -> Ints:
    """Return the first bin of each step when bins are joined, from the highest down, until each step passes.

    Parameters
    ----------
    counts
        Shape (bins, …), from the lowest bin up.
    passes
        Whether counts of shape (…) may be printed.

    Returns
    -------
    First bins of the steps, increasing; what is left over at the low end joins the lowest step, and this the next one
    while it does not pass (more people always do, but one of them may weigh too much). Empty where even all bins
    together do not pass.
    """
    starts: list[int] = []
    waiting = np.zeros(counts.shape[1:], dtype=np.int64)
    for i in range(len(counts) - 1, -1, -1):
        waiting = waiting + counts[i]
        if passes(waiting):
            starts.append(i)
            waiting = np.zeros_like(waiting)
    while starts and starts[-1] > 0:
        starts[-1] = 0
        end = starts[-2] if len(starts) > 1 else len(counts)
        if not passes(counts[:end].sum(axis=0)):
            starts.pop()
    return np.array(starts[::-1], dtype=np.int64)
