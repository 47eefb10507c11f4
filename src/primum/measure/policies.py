"""Ways of choosing thresholds, side by side: the same for all, or one for each group, and what each means for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from primum.errors import PrimumError
from primum.measure.capacity import EVERYONE, reaching, within
from primum.measure.consequences import consequences, names, pooled
from primum.measure.steps import Steps, steps, thresholds
from primum.measure.utility import odds
from primum.tally.score import ScoreTally

Ints = npt.NDArray[np.int64]
POLICIES = {
    "same threshold": "everyone is selected from the same score on",
    "same sensitivity": "each group has the same share of its cases found",
    "highest net benefit": "each group has the threshold that is worth most to it at the declared exchange rate",
    "same selection rate": "the same share of each group is selected",
}
NOTE = (
    "Thresholds of groups were chosen on the people on whom they are judged: the smaller the group, the more they "
    "flatter. Intervals take thresholds as given."
)


def best(s: Steps, exchange: float) -> int:
    """Return the step of highest net benefit; of equals, the one that selects fewest."""
    value = s.tp - s.fp * odds(exchange)
    return int(np.flatnonzero(value >= value.max() - 1e-9 * max(s.everyone, 1.0))[-1])


def policies(
    view: ScoreTally,
    at: float,
    *,
    sensitivity: float | None = None,
    selected: float | None = None,
    level: float = 0.95,
) -> list[dict[str, Any]]:
    """Return one row for each policy and group (and everyone together): threshold, shares, and consequences.

    Parameters
    ----------
    view
        Tally by one attribute or an intersection.
    at
        The declared threshold: that of "same threshold", and the exchange rate t/(1 − t) of net benefit in all.
    sensitivity, selected
        What "same sensitivity" and "same selection rate" aim at; left out, what everyone together has at `at`.
    level
        Of the intervals.

    Returns
    -------
    Rows with "policy", "attribute", "group", "threshold" (select from this score on; NaN: nobody, or no one number
    for everyone), "target", "n", "events", "reason", and the columns of `consequences`. "Same sensitivity" takes the
    highest threshold that reaches its target, "same selection rate" the lowest that does not exceed it; a score with
    few steps can miss both by as much as one step, so `sensitivity` and `selected` say what came of it. A group
    without cases has no threshold by sensitivity: its reason says so, and it keeps the declared one.

    Sources: Hardt et al. (2016), NeurIPS (thresholds by group); Pfohl et al. (2022), FAccT (net benefit). Not valid
    as a forecast: see `NOTE`. Selecting by group may be unlawful where the attribute is protected, and "same
    sensitivity" and "same selection rate" treat people of the same risk differently.

    Raises
    ------
    PrimumError
        For a target outside (0, 1], or a threshold that is no edge of the tally.
    """
    for name, target in (("sensitivity", sensitivity), ("share selected", selected)):
        if target is not None and not 0 < target <= 1:
            raise PrimumError(f"A {name} of {target:g} is no target.", expected="above 0, at most 1")
    declared, exchange = view.grid.cut(at), at if view.grid.probability and 0 < at < 1 else None
    everyone, own = steps(view.by(), 0), [steps(view, i) for i in range(len(view.groups))]
    there = np.searchsorted(everyone.labels, declared)
    found = everyone.tp[there] / everyone.events if everyone.events > 0 else np.nan
    aims: dict[str, float | None] = {
        "same threshold": None,
        "same sensitivity": float(found) if sensitivity is None else sensitivity,
        "highest net benefit": None,
        "same selection rate": float(everyone.selected[there] / everyone.everyone) if selected is None else selected,
    }
    rows: list[dict[str, Any]] = []
    for policy, aim in aims.items():
        if policy == "highest net benefit" and exchange is None:
            continue
        labels = np.full(len(own), declared, dtype=np.int64)
        reasons = [_label(labels, i, s, policy, aim, exchange) for i, s in enumerate(own)]
        c, ww = pooled(view.at_label(labels)), pooled(view.at_label(labels, "ww"))
        one = len(set(labels.tolist())) == 1
        values = np.where(labels == declared, at, thresholds(view, labels)).tolist()
        values.append(values[0] if one and values else float("nan"))
        for (group, n, events), t, reason, row in zip(
            names(view, EVERYONE), values, [*reasons, ""], consequences(c, ww, exchange, level), strict=True
        ):
            where = {"policy": policy, "attribute": " × ".join(view.attributes), "group": group, "threshold": t}
            rows.append({**where, "target": aim, "n": n, "events": events, "reason": reason, **row})
    return rows


def _label(labels: Ints, i: int, s: Steps, policy: str, aim: float | None, exchange: float | None) -> str:
    """Set the threshold of one group; return why it has none of its own, or ""."""
    if policy == "same threshold":
        return ""
    if s.everyone <= 0:
        return "nobody in this group"
    if policy == "same sensitivity":
        if s.events <= 0 or aim is None or not np.isfinite(aim):
            return "nobody with the outcome in this group: the declared threshold is kept"
        labels[i] = s.labels[reaching(s, aim)]
    elif policy == "highest net benefit" and exchange is not None:
        labels[i] = s.labels[best(s, exchange)]
    elif aim is not None:
        labels[i] = s.labels[within(s, aim)]
    return ""
