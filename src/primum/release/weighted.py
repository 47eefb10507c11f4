"""The register of a weighted release against what is printed: rates and curves must follow from counts × mean weights.

Also that no mean weight says more than its people carry (see `primum.disclose.weights`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from typing import Any

import numpy as np

from primum.disclose.digits import digits
from primum.disclose.weights import step
from primum.measure.table import EVERYONE
from primum.release.leak import Leak
from primum.release.registered import Registered

PARTS = {
    "tp": ("tp",), "fn": ("fn",), "fp": ("fp",), "tn": ("tn",), "events": ("tp", "fn"), "nonevents": ("fp", "tn"),
    "selected": ("tp", "fp"), "unselected": ("fn", "tn"), "right": ("tp", "tn"), "wrong": ("fp", "fn"),
    "n": ("tp", "fn", "fp", "tn"),
}  # fmt: skip
"""What a rate stands on → the cells of the decision that it adds up."""
_NEAR = 1e-6
Group = tuple[str | None, str]


def is_weighted(registered: Registered) -> bool:
    """Whether the counts of a release come with weights."""
    return any("weight" in r for r in registered.raw.get("counts", ()))


def rates(registered: Registered, group: Group, top: str, bottom: str, model: str | None = None) -> list[float]:
    """Return every quotient of two weighted counts of a group at the decision, for one model or for each.

    Parameters
    ----------
    group
        (attribute, label); no attribute for everyone.
    top, bottom
        Names in `PARTS`.
    """
    found = []
    for name, cut in registered.models.items():
        if cut is None or model not in {None, name}:
            continue
        rows = _rows(registered, name, group)
        low, high = _ends(rows)
        sides = {
            "fn": (1, low, cut), "tp": (1, cut, high), "tn": (0, low, cut), "fp": (0, cut, high),
        }  # fmt: skip
        options = {
            cell: {_mass(r) for r in rows if (r["outcome"], r["low"], r["high"]) == where}
            for cell, where in sides.items()
        }
        for masses in product(*(sorted(o) for o in options.values())):
            own = dict(zip(options, masses, strict=True))
            under = sum(own[c] for c in PARTS[bottom])
            if under > 0:
                found.append(sum(own[c] for c in PARTS[top]) / under)
    return found


def reached(registered: Registered, group: Group, model: str, outcome: int) -> list[float]:
    """Return the weighted shares of those with an outcome at or above each registered score step, from 0 to 1."""
    rows = [r for r in _rows(registered, model, group) if r["outcome"] == outcome]
    edges = sorted({r["low"] for r in rows} | {r["high"] for r in rows})
    steps = {(r["low"], r["high"]): _mass(r) for r in rows}
    if any(ends not in steps for ends in pairwise(edges)):
        return []
    masses = np.array([steps[ends] for ends in pairwise(edges)])
    total = float(masses.sum())
    return [0.0, *(float(x) / total for x in np.cumsum(masses[::-1]))] if total > 0 else []


def too_fine(registered: Registered) -> Iterator[Leak]:
    """Yield every mean weight with a finer step than its people carry, and every ratio with more decimals."""
    for r in registered.raw.get("counts", ()):
        weight, ratio, n = r.get("weight"), r.get("weight_ratio"), int(r["count"])
        if weight is None or n == 0:
            continue
        where = f"counts.json: {r.get('model')}, {r.get('attribute') or EVERYONE} = {r.get('group')}"
        unit = float(step(np.array([weight]), np.array([float(n)]))[0])
        if unit > 0 and abs(weight / unit - round(weight / unit)) > _NEAR:
            yield Leak("inversion", where, f"The mean weight {weight:g} is finer than {n:,} people carry: {unit:g}.")
        places = 10 ** max(digits(n), 1)
        if ratio is not None and abs(ratio * places - round(ratio * places)) > _NEAR:
            yield Leak("inversion", where, f"The ratio of weights {ratio:g} has more decimals than {n:,} people carry.")


def _rows(registered: Registered, model: str, group: Group) -> list[Mapping[str, Any]]:
    return [
        r
        for r in registered.raw.get("counts", ())
        if r.get("model") == model and r.get("attribute") == group[0] and (group[0] is None or r["group"] == group[1])
    ]


def _ends(rows: list[Mapping[str, Any]]) -> tuple[float, float]:
    return min((r["low"] for r in rows), default=0.0), max((r["high"] for r in rows), default=0.0)


def _mass(row: Mapping[str, Any]) -> float:
    return float(row["count"]) * float(row.get("weight", 1.0) or 0.0)
