"""R5, order statistics: no minimum, maximum or single person's value; quantiles are means of neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from primum.disclose.presets import Policy
from primum.disclose.rules_ruling import Ruling
from primum.errors import PrimumError


def quantile_rule(q: float, n: int, policy: Policy) -> Ruling:
    """Return whether a quantile of n people may be shown, as a mean of neighbours.

    Raises
    ------
    PrimumError
        If q lies outside 0 to 1.
    """
    if not 0 <= q <= 1:
        raise PrimumError(f"The quantile {q!r}.", expected="a share from 0 to 1")
    if q in {0, 1}:
        return Ruling("R5", "fail", "a minimum or maximum is one person's value")
    tail = n * min(q, 1 - q)
    if tail < policy["tail"] - 1e-9:
        return Ruling("R5", "fail", f"{tail:g} people in the tail, {policy['tail']} are needed")
    return Ruling("R5", "protected", f"mean of the {policy['t']} or {policy['t'] + 1} nearest")


def pseudo_quantile(values: npt.ArrayLike, q: float, policy: Policy) -> float:
    """Return the mean of at least t neighbours around a quantile.

    Parameters
    ----------
    values
        One number per person, shape (persons,); missing ones are left out.
    q
        Which quantile, strictly between 0 and 1.
    policy
        t, how many neighbours; `tail`, how many people must lie beyond.

    Raises
    ------
    PrimumError
        If the quantile may not be shown.
    """
    known = np.asarray(values, dtype=np.float64)
    known = np.sort(known[~np.isnan(known)])
    told = quantile_rule(q, len(known), policy)
    if not told.passes:
        raise PrimumError(
            f"The {q:.0%} quantile may not be shown: {told.why}.",
            expected="a quantile with enough people on both sides",
            mend="use a quantile nearer to the middle, or a larger group",
        )
    t = int(policy["t"])
    centre = q * (len(known) - 1)
    first = max(math.ceil(centre - t / 2), 0)
    last = min(max(math.floor(centre + t / 2), first + t - 1), len(known) - 1)
    first = min(first, last - t + 1)
    return float(known[max(first, 0) : last + 1].mean())


def public_bins(values: npt.ArrayLike, edges: Sequence[float]) -> npt.NDArray[np.int64]:
    """Count people in bins of a public grid whose first and last bins are open-ended, shape (edges + 1,).

    Raises
    ------
    PrimumError
        If the edges are not increasing, or the outermost are the minimum or maximum of the data.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if list(edges) != sorted(set(edges)):
        raise PrimumError(f"The edges {list(edges)} are not increasing and distinct.")
    if len(known) and len(edges) > 1 and edges[0] == known.min() and edges[-1] == known.max():
        raise PrimumError(
            "The outermost edges are the minimum and the maximum of the data.",
            expected="a grid that does not depend on the data",
            mend="choose round numbers before looking; the outermost bins are open-ended",
        )
    return np.bincount(np.searchsorted(np.asarray(edges), known, side="right"), minlength=len(edges) + 1)
