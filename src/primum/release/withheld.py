"""What of a release is withheld: rows without numbers, findings without a verdict, and which groups may be named."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from primum.check.groups import CODE, TITLE
from primum.disclose.presets import Policy
from primum.disclose.recode import REST, Division, Recoded
from primum.finding import Estimate, Finding, Status, Verdict
from primum.measure.intervals import wilson
from primum.measure.metric import METRICS
from primum.measure.table import Settings, row
from primum.release.printed import printed
from primum.usecase import UseCase

FEW_STEPS = "withheld: too few score steps may be shown"
WITHHELD = "withheld"


def name_of(label: tuple[str, ...]) -> str:
    """Return the name of a group; all that is joined goes by one name."""
    return REST if REST in label else " · ".join(label)


def suppressed(
    chapter: dict[str, Any],
    usecase: UseCase,
    division: Division,
    recoded: Recoded,
    model: str,
    settings: Settings,
) -> list[Finding]:
    """Add rows and findings of what is withheld; a group with too few people to be named is not named."""
    findings: list[Finding] = []
    seen = {g for g in division.shown if g not in division.ranked}
    for group in (*named(division, recoded), *division.counted, *sorted(seen)):
        known = recoded.people.get(division.title, {}).get(group)
        metrics = [m for m in METRICS if group not in seen or METRICS[m].needs == "histogram"]
        for name in metrics:
            e = _withheld(FEW_STEPS if group in seen else WITHHELD, known, settings.level)
            counted = {"n"} if usecase.weight is not None else {"n", "prevalence"}  # nobody is weighted in these counts
            if known is not None and name in counted and group not in seen:
                e = _counted(name, known, recoded.policy, settings.level)
            at = settings.at if METRICS[name].threshold else None
            where = {"model": model, "attribute": division.title, "group": name_of(group), "metric": name, "at": at}
            told = row(e, **where)
            if known is None:
                told |= {"n": None, "events": None, "nonevents": None}
            chapter["estimates"].append(told)
            if name in usecase.margins and not e.ok:
                findings.append(_finding(usecase, model, division.title, name_of(group), name, e))
    return findings


def named(division: Division, recoded: Recoded) -> list[tuple[str, ...]]:
    """Return the withheld groups that may be named: all of an attribute or none, or those of public labels crossed.

    A name tells that t people or more have it. So names are told only where every withheld group has as many, and the
    remainder is so large that none of them is bounded by it more narrowly than the policy's width.
    """
    t, w = int(recoded.policy["t"]), int(recoded.policy["w"])
    if len(division.names) == 1:
        sizes = division.withheld.values()
        told = all(n >= t for n in sizes) and sum(sizes) - t * len(sizes) >= w
        return sorted(division.withheld) if told else []
    public = [
        sorted({g[0] for g in (*d.shown, *d.counted, *named(d, recoded))})
        for name in division.names
        for d in recoded.divisions.values()
        if d.names == (name,)
    ]
    shown = set(division.shown)
    return [g for g in product(*public) if g not in shown]  # all of them: which of them are empty is not told


def _withheld(why: str, known: tuple[int, int] | None, level: float) -> Estimate:
    without, having = known or (0, 0)
    nan = math.nan
    return Estimate(nan, nan, nan, "", without + having, having, without, Status.SUPPRESSED, why, level)


def _counted(name: str, known: tuple[int, int], policy: Policy, level: float) -> Estimate:
    """Return the people, or the share of those with the outcome, of a group whose decisions are withheld."""
    without, having = known
    n = without + having
    if name == "n":
        return Estimate(n, math.nan, math.nan, "", n, having, without, level=level)
    low, high = wilson(having, n, level=level)
    return printed(Estimate(having / n, float(low), float(high), "Wilson", n, having, without, level=level), policy)


def _finding(usecase: UseCase, model: str, attribute: str, group: str, metric: str, e: Estimate) -> Finding:
    return Finding(
        check=CODE, title=TITLE, model=model, metric=metric, attribute=attribute, group=group, comparator="",
        estimate=e, margin=usecase.margins[metric], verdict=Verdict.SUPPRESSED, reason=e.reason,
        words=f"{group} ({attribute}): {Verdict.SUPPRESSED}. {METRICS[metric].title}: {e.reason}.",
    )  # fmt: skip
