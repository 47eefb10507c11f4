"""How many values of each variable are missing among everyone, where that gives nobody away.

A count of gaps leaves if it is 0 or at least t, and so is its complement; if it is the same as that of every other
variable, or differs by t people or more, since what is measured together is missing together and a reader may know so
(R13); and if no group that is withheld is nearly as large, since that group may be those without a value.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from primum.disclose.recode import Recoded
from primum.disclose.rounding import rounded
from primum.execute.run import Run
from primum.measure.intervals import wilson
from primum.measure.table import EVERYONE
from primum.release.printed import rows as digits
from primum.usecase import MISSING, OVERALL

UNITS = "Missing values do not leave: it is not known how many {units} stand behind them."
UNSCORED = "Missing values do not leave: they were counted among more people than those who have a score."
NO_ROWS = "This audit was not made from rows, so nobody knows what was missing."


def gaps(
    inside: Run, recoded: Recoded, units: Collection[str], *, key: bytes = b""
) -> tuple[list[dict[str, Any]], str]:
    """Return a row for each variable, {"variable", "n", "missing", "share", "low", "high", …}, or why there are none.

    A variable of which nothing may be told is withheld: it has no number. See `flow` for the parameters.
    """
    every = [r for r in inside.chapters.get("people", {}).get("missingness") or [] if r["attribute"] == OVERALL]
    people = int(next(iter(inside.tallies.values())).n.sum())
    if not every:
        return [], NO_ROWS
    if units:
        return [], UNITS.format(units=" and ".join(sorted(units)))
    if any(int(r["n"]) != people for r in every):
        return [], UNSCORED
    t, n = int(recoded.policy["t"]), sum(recoded.total)
    small, equal = _sizes(inside, recoded)
    seen: list[int] = []
    found = {}
    for r in sorted(every, key=lambda r: (-int(r["missing"]), str(r["variable"]))):
        m = int(r["missing"])
        alone = all(k == 0 or k >= t for k in (m, people - m))
        apart = all(m == k or abs(m - k) >= t for k in (*seen, *equal)) and all(abs(m - k) >= t for k in small)
        found[r["variable"]] = m if alone and (apart or not m) else None
        seen += [m] if found[r["variable"]] else []
    level = inside.usecase.level
    return [_row(str(r["variable"]), found[r["variable"]], n, recoded, level, key) for r in every], ""


def _sizes(inside: Run, recoded: Recoded) -> tuple[list[int], list[int]]:
    """Return the sizes of the groups that are withheld, and of groups without a record that are shown."""
    tally = next(iter(inside.tallies.values()))
    hidden, shown = [], []
    for d in recoded.divisions.values():
        view = tally.by(*d.names)
        open_ = {*d.shown, *d.counted}
        for group, n in zip(view.groups, view.people().sum(axis=1).tolist(), strict=True):
            if group not in open_:
                hidden.append(int(n))
            elif MISSING in group:
                shown.append(int(n))
    return hidden, shown


def _row(variable: str, missing: int | None, n: int, recoded: Recoded, level: float, key: bytes) -> dict[str, Any]:
    where = {"variable": variable, "attribute": OVERALL, "level": EVERYONE, "n": n}
    if missing is None:
        return where | dict.fromkeys(("missing", "share", "low", "high")) | {"status": "suppressed"}
    atoms = np.unpackbits(np.frombuffer(f"missing|{variable}".encode(), dtype=np.uint8))
    shown = rounded(missing, recoded.policy["rounding"], recoded.policy["base"], key=key, support=atoms)
    shown = min(shown, n)
    low, high = wilson(shown, n, level=level)
    told: dict[str, Any] = digits({"share": shown / n, "low": float(low), "high": float(high)}, recoded.policy, n)
    return where | {"missing": shown} | told
