"""The register of a release: every count that leaves, as counts.json tells it; and the true counts of what does not."""

from __future__ import annotations

from typing import Any

from primum.disclose.recode import REST, Recoded
from primum.execute.run import Run
from primum.release.beside import NOTHING, Beside
from primum.release.registered import FORMAT
from primum.release.withheld import named
from primum.usecase import Precision

Hidden = dict[tuple[str, str], dict[tuple[str, int, int], int]]
"""(title, label) of a withheld group → (model, outcome, decision) → people."""


def register(recoded: Recoded, run: Run, beside: Beside = NOTHING) -> dict[str, Any]:
    """Return counts.json: every count that leaves, and which groups have none."""
    t = int(recoded.policy["t"])
    attributes = {}
    for title, d in recoded.divisions.items():
        public = named(d, recoded)
        rest = bool(d.counted or d.withheld)
        attributes[title] = {
            "of": list(d.names),
            "shown": [" · ".join(g) for g in (*d.shown, *d.counted)],
            "ranked": [" · ".join(g) for g in d.ranked],
            "remainder": REST if rest and d.shown else None,
            "withheld": [" · ".join(g) for g in public],
            "unnamed": len(public) < len(d.withheld),
        }
    return {
        "format": FORMAT,
        "preset": recoded.policy.name,
        "t": t,
        "w": int(recoded.policy["w"]),
        "rounding": recoded.policy["rounding"],
        "base": int(recoded.policy["base"]),
        "outcome": run.usecase.outcome.name,
        "declared": sorted({p.events for p in (Precision(), *run.usecase.precision.values())}),
        "models": {m: {"threshold": cut} for m, cut in recoded.cuts.items()},
        "attributes": attributes,
        "counts": recoded.rows(),
        "beside": beside.rows(),
    }


def truth(recoded: Recoded, run: Run) -> Hidden:
    """Return the true counts of each withheld group: (title, label) → (model, outcome, decision) → people."""
    found: dict[tuple[str, str], dict[tuple[str, int, int], int]] = {}
    for title, d in recoded.divisions.items():
        for model, cut in recoded.cuts.items():
            view = run.tallies[model].by(*d.names)
            c = view.at(cut, "n")
            for i, g in enumerate(view.groups):
                if g in d.shown:
                    continue
                own = found.setdefault((title, " · ".join(g)), {})
                cells = ((1, 1, c.tp), (1, 0, c.fn), (0, 1, c.fp), (0, 0, c.tn))
                own |= {(model, y, k): int(n[i]) for y, k, n in cells}
    return found
