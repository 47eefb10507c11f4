"""What groups bear: refusals, false alarms, scores that cannot be changed, and people lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from primum.chapters.measured import grouped
from primum.chapters.proxies_told import FEWEST
from primum.errors import PrimumError
from primum.learn.learning_curve import Known
from primum.measure.attrition import Step, ledger
from primum.measure.burden import burdens, people_per_independent
from primum.measure.disparity import conditional_disparity, estimate, reversed_by
from primum.measure.table import Settings, estimates
from primum.stress.persistence import LEAST, stand_in
from primum.stress.proxies import cells
from primum.usecase import OVERALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primum.chapters.proxies_told import Bench
    from primum.cohort.cohort import Cohort
    from primum.finding import Estimate
    from primum.tally.score import ScoreTally
    from primum.usecase import Groups, UseCase
    from primum.usecase_proxies import Discrimination

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Row = dict[str, Any]
PARTS, PER_STRATUM = 3, 20
EVERYONE = "everyone"
WORDS = {
    "help": ("those refused", "those accepted"),
    "burden": ("those it is imposed on", "those left alone"),
}


def plain(e: Estimate) -> Row:
    """Return an estimate as a JSON-ready row."""
    return {"value": e.value, "low": e.low, "high": e.high, "method": e.method, "n": e.n, "reason": e.reason}


def strata_of(bench: Bench) -> tuple[Ints | None, list[str], list[str]]:
    """Return everybody's stratum, the features crossed, and those left out because strata would hold too few people.

    Numbers are cut into thirds. Features are crossed in the order declared, while there are 20 people a stratum on
    average. None where no feature was declared.
    """
    names = bench.told.legitimate if bench.told.strata is None else bench.told.strata
    if not names:
        return None, [], []
    coarse = cells(bench.matrix, bins=PARTS)
    stratum = np.zeros(bench.people.n, dtype=np.int64)
    used: list[str] = []
    left: list[str] = []
    for j, name in zip(coarse.place(names), names, strict=True):
        crossed = np.unique(stratum * int(coarse.number[j]) + coarse.code[:, j], return_inverse=True)[1]
        if used and bench.people.n / (int(crossed.max()) + 1) < PER_STRATUM:
            left.append(name)
            continue
        stratum, used = crossed.astype(np.int64), [*used, name]
    return stratum, used, left


def disparities(
    usecase: UseCase, told: Discrimination, people: Cohort, groups: Sequence[Groups], selected: npt.NDArray[np.bool_],
    known: npt.NDArray[np.bool_], strata: Ints | None, unit: Ints | None,
) -> list[Row]:  # fmt: skip
    """Return a row a group: disparity of the decision as it is, and within the strata (None without)."""
    bad = (~selected if told.selected_is == "help" else selected)[known]
    weight = np.ones(int(known.sum())) if people.weight is None else people.weight[known]
    together = None if unit is None else unit[known]
    rows = []
    for group in groups:
        levels = people.levels[group.title]
        code = np.searchsorted(sorted(levels), np.asarray(people.groups[group.title].to_list())[known])
        order = [sorted(levels).index(level) for level in levels]
        found = [
            _disparity(code, np.zeros(len(code), dtype=np.int64) if s is None else s[known], bad, weight,
                       len(levels), usecase.level, together)
            for s in ([None] if strata is None else [None, strata])
        ]  # fmt: skip
        for level, at in zip(levels, order, strict=True):
            crude, given = found[0][0][at], found[1][0][at] if len(found) > 1 else None
            rows.append(
                {"attribute": group.title, "group": level, "n": int((code == at).sum()), "crude": plain(crude),
                 "given": None if given is None else plain(given), "compared": found[-1][1],
                 "reversed": given is not None and reversed_by(crude.value, given.value),
                 "bad": WORDS[told.selected_is][0], "good": WORDS[told.selected_is][1]}
            )  # fmt: skip
    return rows


def _disparity(
    code: Ints, stratum: Ints, bad: npt.NDArray[np.bool_], weight: Floats, groups: int, level: float, unit: Ints | None
) -> tuple[list[Estimate], float]:
    place = np.unique(stratum, return_inverse=True)[1]
    shape = (groups, int(place.max()) + 1, 2)
    at = np.ravel_multi_index((code, place, (~bad).astype(np.int64)), shape)
    counts, squares = (
        np.bincount(at, weights=w, minlength=int(np.prod(shape))).reshape(shape) for w in (weight, weight**2)
    )
    found = conditional_disparity(counts[..., 0], counts[..., 1])
    n = np.bincount(code, minlength=groups)
    if unit is None:
        return found.estimates(squares, n, level=level), found.compared
    out = []
    for g in range(groups):
        moved = found.psi[g].reshape(-1)[at] * weight
        low, high = Known(float(found.value[g]), moved).limits(level, unit)
        out.append(estimate(float(found.value[g]), low, high, int(n[g]), level, "linearised, cluster-robust"))
    return out, found.compared


def burden_rows(tally: ScoreTally, usecase: UseCase, people: Cohort, groups: Sequence[Groups], cut: float) -> list[Row]:
    """Return a row a group: false alarms per 1,000, for each person found, and against its share of the people."""
    settings = Settings(at=cut, replicates=usecase.replicates, seed=usecase.seed, level=usecase.level)
    rows = []
    for group in groups:
        view = grouped(tally, group, usecase, people.levels[group.title])
        fpr = [e["fpr"] for e in estimates(view, ["fpr"], settings)]
        found = burdens(view.at(cut), view.people(), design=people_per_independent(view, fpr), level=usecase.level)
        for g, one, rate in zip(view.groups, found, fpr, strict=True):
            rows.append(
                {"attribute": group.title, "group": " · ".join(g), "n": one.per_1000.n, "events": one.per_1000.events,
                 "per_1000": plain(one.per_1000), "per_true": plain(one.per_true),
                 "share_ratio": plain(one.share_ratio), "fpr": plain(rate)}
            )  # fmt: skip
    return rows


def persistence(bench: Bench, score: Floats, *, risk: bool) -> tuple[list[Row], str]:
    """Return a row a group (and everyone): share of the score from immutable and historic features; and why not."""
    told, everybody = bench.told, np.ones(bench.people.n, dtype=bool)
    blocks = {"immutable": told.immutable, "historic": told.historic}
    named = {k: v for k, v in blocks.items() if v}
    if not named:
        return [], "no feature was declared immutable or historic"
    if len(named) == 2:
        named["immutable or historic"] = list(dict.fromkeys(told.immutable + told.historic))
    rows: list[Row] = []
    for what, block in named.items():
        found = stand_in(bench.cells, score, block, bench.fold, risk=risk, weight=bench.people.weight)
        whole = what == list(named)[-1]
        asked = [(OVERALL, EVERYONE, everybody)]
        if whole:
            asked += [
                (g.title, level, bench.members(g.title) == level) for g in bench.groups
                for level in bench.assessable(g.title)
            ]  # fmt: skip
        for attribute, level, who in asked:
            explained = bench.limits(found.explained(who))
            enough = explained["value"] >= LEAST
            nothing = {"value": float("nan"), "low": float("nan"), "high": float("nan")}
            why = (
                "" if enough
                else f"a sum of curves explains {100 * explained['value']:.0f} % of this score, too little to part it"
            )  # fmt: skip
            rows.append(
                {"attribute": attribute, "group": level, "what": what, "whole": whole, "n": int(who.sum()),
                 "explained": explained, "reason": why,
                 **(bench.limits(found.unique(who)) if enough else nothing),
                 "alone": bench.limits(found.by_block(who)) if enough else nothing}
            )  # fmt: skip
    return rows, ""


def attrition(
    usecase: UseCase, told: Discrimination, people: Cohort, groups: Sequence[Groups],
    selected: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_],
) -> tuple[list[Row], list[Row]]:  # fmt: skip
    """Return a row a step and group, and the groups left out with the reason.

    From the people eligible on, every step is known by group; steps before them only where they were declared.

    Raises
    ------
    PrimumError
        If a group that was counted before the data is none of theirs, or grows on the way.
    """
    gaps = people.features.select(pl.any_horizontal(pl.all().is_null())) if people.features.width else None
    complete = None if gaps is None else ~gaps.to_series().to_numpy()
    rows, left = [], []
    for group in groups:
        eligible = people.unrecorded[group.title]
        label = np.asarray(people.groups[group.title].to_list())
        before = [b for b in told.before if group.title in b.people]
        there = [g for g in eligible if all(g in b.people[group.title] for b in before)]
        left += [
            {"attribute": group.title, "group": g, "why": "not counted at the declared steps before the data"}
            for g in eligible
            if g not in there
        ]
        strange = [g for b in before for g in b.people[group.title] if g not in eligible]
        if strange:
            raise PrimumError(
                f"At '{before[0].step}' people of '{strange[0]}' ({group.title}) were counted, and the data have none.",
                available=list(eligible),
                mend="name the groups under discrimination: before as they are shown here",
            )
        steps = [Step(b.step, b.people[group.title]) for b in before]
        steps.append(Step("included", {g: eligible[g]["n"] for g in there}))
        steps.append(Step("outcome recorded", _count(label, np.ones(people.n, dtype=bool), there)))
        if complete is not None and not complete.all():
            steps.append(Step("every measurement there", _count(label, complete, there), "aside"))
        if not known.all():
            steps.append(Step("scored", _count(label, known, there)))
        steps.append(Step(usecase.decision.act, _count(label, selected & known, there), "reached"))
        for row in ledger(steps, there, level=usecase.level):
            estimates_ = {k: None if row[k] is None else plain(row[k]) for k in ("lost", "more")}
            rows.append({"attribute": group.title, **row, **estimates_})
    return rows, left


def _count(label: npt.NDArray[Any], who: npt.NDArray[np.bool_], groups: Sequence[str]) -> Mapping[str, int]:
    return {g: int((who & (label == g)).sum()) for g in groups}


def stigma(told: Discrimination, burden: Sequence[Row], lasting: Sequence[Row]) -> list[Row]:
    """Return the three sides of stigma for each group that has a burden: they are never multiplied."""
    whole = {(r["attribute"], r["group"]): r for r in lasting if r["whole"]}
    rows = []
    for b in burden:
        found = whole.get((b["attribute"], b["group"]))
        part = {k: found[k] for k in ("value", "low", "high")} if found is not None else None
        if part is not None and not np.isfinite(part["value"]):
            part = None
        rows.append({"attribute": b["attribute"], "group": b["group"], "n": b["n"], "burden": b["share_ratio"],
                     "visible_to": told.visible_to, "cost": told.cost, "persistence": part,
                     "few": b["n"] < FEWEST})  # fmt: skip
    return rows
