"""The attrition ledger: how many of each group are left at every step, and which group loses more than the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from primum.errors import PrimumError
from primum.finding import Estimate, Status
from primum.measure.intervals import mover, wilson

NOBODY_BEFORE = "nobody of this group is there before the step"
NO_OTHERS = "there is nobody else to compare with"


@dataclass(frozen=True)
class Step:
    """One step of the way: people of each group who are there after it.

    Attributes
    ----------
    name
        What readers see.
    people
        Group → people left.
    kind
        "kept" goes on to the next step; "aside" is counted among those before it and nobody leaves; "reached" is the
        end of the way, whom the decision reaches.
    """

    name: str
    people: Mapping[str, int]
    kind: Literal["kept", "aside", "reached"] = "kept"


def ledger(steps: Sequence[Step], groups: Sequence[str], *, level: float = 0.95) -> list[dict[str, Any]]:
    """Return one row a step and group, in this order; the first step is where counting begins and loses nobody.

    Each row has people `before` and `after`, and two estimates: `lost`, the share of those before who are not there
    after (Wilson), and `more`, the difference to the same share among everybody else (Newcombe's hybrid score, method
    10). For a step "reached" they are about the share that is reached. `left` is the share of the first step's people.

    People count as independent; where families are lost together the intervals are too narrow.

    Raises
    ------
    PrimumError
        If there is no step, a count is below 0, or a group has more people after a step than before it.
    """
    if not steps:
        raise PrimumError("There is no step to count.", expected="at least the people whom the counting begins with")
    here = _counts(steps[0], groups)
    first, rows = here, []
    for at, step in enumerate(steps):
        after = _counts(step, groups)
        gained = [g for g, a, b in zip(groups, here, after, strict=True) if b > a]
        if gained:
            raise PrimumError(
                f"At '{step.name}' there are more people in {', '.join(gained)} than before it.",
                expected="counts that stay or fall from step to step",
                mend="put the steps in the order in which people pass them, and count the same people at each",
            )
        for i, group in enumerate(groups):
            left = after[i] / first[i] if first[i] else float("nan")
            row = {"step": step.name, "kind": step.kind, "at": at, "group": group, "before": here[i],
                   "after": after[i], "left": left}  # fmt: skip
            if at == 0:
                rows.append(row | {"lost": None, "more": None})
                continue
            gone = after[i] if step.kind == "reached" else here[i] - after[i]
            others_gone = sum(after) if step.kind == "reached" else sum(here) - sum(after)
            rows.append(row | _lost(gone, here[i], others_gone - gone, sum(here) - here[i], level))
        if step.kind == "kept":
            here = after
    return rows


def _lost(gone: int, before: int, others_gone: int, others: int, level: float) -> dict[str, Estimate]:
    if not before:
        nothing = _none(NOBODY_BEFORE, level)
        return {"lost": nothing, "more": nothing}
    own = _share(gone, before, level)
    lost = Estimate(*own, "Wilson", before, gone, before - gone, level=level)
    if not others:
        return {"lost": lost, "more": _none(NO_OTHERS, level)}
    rest = _share(others_gone, others, level)
    low, high = mover(own, rest)
    more = Estimate(own[0] - rest[0], float(low), float(high), "Newcombe", before, gone, before - gone, level=level)
    return {"lost": lost, "more": more}


def _share(k: int, n: int, level: float) -> tuple[float, float, float]:
    low, high = wilson(k, n, level)
    return k / n, float(low), float(high)


def _counts(step: Step, groups: Sequence[str]) -> list[int]:
    found = [int(step.people.get(g, 0)) for g in groups]
    if any(k < 0 for k in found):
        raise PrimumError(f"At '{step.name}' a count of people is below 0.", expected="numbers of people, 0 or more")
    return found


def _none(why: str, level: float) -> Estimate:
    nan = float(np.nan)
    return Estimate(nan, nan, nan, "none", 0, 0, 0, Status.NOT_ESTIMABLE, why, level)
