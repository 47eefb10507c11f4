"""What a release says of itself: by which rules, how much was withheld and why, what a person must look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from primum.disclose.presets import Policy
from primum.disclose.recode import Division, Recoded
from primum.disclose.weights import weighted
from primum.execute.run import Run
from primum.finding import Finding, Verdict
from primum.release import logs, phenotypes
from primum.release.order import Order, names
from primum.release.register import Hidden

CELLS = {(1, 1): "found", (1, 0): "missed", (0, 1): "alarmed", (0, 0): "left alone"}
"""(outcome, decision) in words."""
SMALL, CERTAIN, COMPLEMENT = "small count", "class disclosure", "complementary"
DECIDED = frozenset({Verdict.HARM, Verdict.NO_HARM, Verdict.INCONCLUSIVE})
"""Verdicts of groups that could be assessed: there were enough people, whatever came out."""


def about(recoded: Recoded, wanted: Order) -> dict[str, Any]:
    """Return what the report, its control form and its log tell of the release; no true count is among it."""
    policy, rounding = wanted.policy, wanted.policy["rounding"]
    told = told_withheld(recoded)
    rounded = "not rounded" if rounding == "none" else f"{rounding}, base {policy['base']}"
    if weighted(recoded.everyone.values()):
        rounded += "; counts are of people, unweighted; rates are weighted, by mean weights that are rounded"
    return {
        "preset": policy.name,
        "t": int(policy["t"]),
        "title": policy.title,
        "words": policy.words,
        "name": wanted.name,
        "date": wanted.date,
        "withheld": told,
        "log": logs.public([], int(policy["t"]), date=wanted.date, exceptions=len(wanted.exemptions))
        | {"withheld": told},
        "rounding": rounded,
        "exceptions": [{"rule": e.rule, "reason": e.reason} for e in wanted.exemptions],
    }


def told_withheld(recoded: Recoded) -> dict[str, str]:
    """Return by class of reason whether something is withheld: "some" or "0".

    Numbers would say too much. Groups are withheld with all their cells, so that a reader who multiplies them out would
    know of each cell whether it is small; and the number of groups without a name would follow.
    """
    some = any(d.counted or d.withheld for d in recoded.divisions.values())
    strict = recoded.policy["certainty"] == "fail"
    told = {SMALL: some, COMPLEMENT: some, CERTAIN: some and strict, "other rule": bool(recoded.left_out)}
    return {name: "some" if there else "0" for name, there in told.items()}


def private_cells(hidden: Hidden, policy: Policy) -> dict[str, tuple[int, str]]:
    """Return each withheld count at the decision, with its true value and the class of reason. It stays in the room."""
    t, strict = int(policy["t"]), policy["certainty"] == "fail"
    found: dict[str, tuple[int, str]] = {}
    for (title, label), cells in hidden.items():
        for (model, y, decided), n in cells.items():
            why = SMALL if 0 < n < t else CERTAIN if n == 0 and strict else COMPLEMENT
            found[f"{model} | {title} = {label} | {CELLS[y, decided]}"] = (n, why)
    return found


def reviews(recoded: Recoded, run: Run, wanted: Order) -> list[tuple[str, str]]:
    """Return what an output checker must judge: (kind, where)."""
    policy = recoded.policy
    found: list[tuple[str, str]] = []
    for title, division in recoded.divisions.items():
        shares = list(_shares(division, recoded))
        if any(s in {0.0, 1.0} for s in shares):
            found.append(("certainty", title))
        elif policy["g"] is not None and any(s >= policy["g"] or s <= 1 - policy["g"] for s in shares):
            found.append(("share", title))
    if policy["t_institution"] == "review" and run.usecase.identifiers.site is not None:
        found.append(("institution", run.usecase.population))
    found += [("phenotype", p.name) for p in phenotypes.needed(names(run), wanted.project)]
    if wanted.ledger is None:
        found.append(("filter", "no ledger was given, so earlier exports were not compared"))
    return found


def _shares(division: Division, recoded: Recoded) -> Iterable[float]:
    """Yield the shares with the outcome, found and alarmed of each group that is shown."""
    for model, cut in recoded.cuts.items():
        view = recoded.decided[model].get(division.title)
        if view is None:
            continue
        c = view.at(cut, "n")
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = ((c.tp + c.fn) / (c.tp + c.fn + c.fp + c.tn), c.tp / (c.tp + c.fn), c.fp / (c.fp + c.tn))
        for values in shares:
            yield from (float(v) for v in values if np.isfinite(v))


def assessable(inside: Sequence[Finding], released: Sequence[Finding]) -> Mapping[str, tuple[int, int]]:
    """Return how many group findings have a verdict inside and in the release, each of those that could have one.

    Only findings of the models that leave are counted on both sides.
    """
    models = {f.model for f in released}
    parts = {"inside": inside, "release": released}
    told = {}
    for name, findings in parts.items():
        own = [f for f in findings if f.check == "PRM-G01" and f.model in models]
        told[name] = (sum(f.verdict in DECIDED for f in own), len(own))
    return told
