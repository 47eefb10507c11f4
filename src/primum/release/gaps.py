"""How many values of each variable are missing among everyone, where that gives nobody away.

A count of gaps leaves if it is 0 or at least t, and so is its complement; if it, and its complement, is the same as
that of every other variable, or differs by t people or more, since what is measured together is missing together and a
reader may know so (R13); if no group that is withheld is nearly as large, since that group may be those without a
value; and if what is left of it beside the groups that were not asked at all is 0 or at least t. Where a variable is
withheld for being small, another that is not small is withheld with it, so that being withheld does not tell (R12).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from primum.disclose.recode import Recoded
from primum.execute.run import Run
from primum.measure.intervals import wilson
from primum.measure.table import EVERYONE
from primum.release.flow import shown_as
from primum.release.printed import rows as digits
from primum.usecase import MISSING, OVERALL

UNITS = "Missing values do not leave: it is not known how many {units} stand behind them."
UNSCORED = "Missing values do not leave: they were counted among more people than those who have a score."
SMALL = "Missing values do not leave: those of a few people could be told from the others."
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
    beside = _not_asked(inside, recoded)
    seen: list[int] = []
    found: dict[str, int | None] = {}
    for r in sorted(every, key=lambda r: (-int(r["missing"]), str(r["variable"]))):
        m, variable = int(r["missing"]), str(r["variable"])
        others = [*seen, *(people - k for k in seen), *equal, *beside[variable]]
        apart = all(m == k or abs(m - k) >= t for k in others) and all(abs(m - k) >= t for k in small)
        alone = all(k == 0 or k >= t for k in (m, people - m))
        found[variable] = m if alone and (apart or not m) else None
        seen += [m] if found[variable] else []
    if not _ambiguous(found, {str(r["variable"]): int(r["missing"]) for r in every}, t):
        return [], SMALL
    level = inside.usecase.level
    return [_row(str(r["variable"]), found[r["variable"]], n, recoded, level, key) for r in every], ""


def _ambiguous(found: dict[str, int | None], truth: dict[str, int], t: int) -> bool:
    """Withhold one variable more where all that are withheld miss 1 to t − 1; return whether there was one to take."""
    withheld = [truth[v] for v, m in found.items() if m is None]
    if not withheld or any(m >= t for m in withheld):
        return True
    shown = [(m, v) for v, m in found.items() if m]
    if not shown:
        return False
    found[min(shown)[1]] = None
    return True


def _not_asked(inside: Run, recoded: Recoded) -> dict[str, list[int]]:
    """Return, for each variable, the people of the groups that are shown in which nobody, or everybody, has a value.

    A question for women only is missing in every man: what is missing beyond them are the women who did not answer.
    """
    people = int(next(iter(inside.tallies.values())).n.sum())
    every = inside.chapters["people"]["missingness"]
    found: dict[str, list[int]] = {str(r["variable"]): [] for r in every}
    for d in recoded.divisions.values():
        if len(d.names) > 1:
            continue
        shown = {" · ".join(g) for g in (*d.shown, *d.counted)}
        for variable, sums in found.items():
            own = [r for r in every if (r["variable"], r["attribute"]) == (variable, d.title) and r["level"] in shown]
            none = sum(int(r["n"]) for r in own if r["missing"] == r["n"])
            whole = sum(int(r["n"]) for r in own if not r["missing"])
            sums += [k for k in (none, people - whole) if k not in {0, people}]
    return found


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
    shown = min(shown_as(missing, recoded, key), n)
    low, high = wilson(shown, n, level=level)
    told: dict[str, Any] = digits({"share": shown / n, "low": float(low), "high": float(high)}, recoded.policy, n)
    return where | {"missing": shown} | told
