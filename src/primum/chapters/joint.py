"""What holds for all groups at once: simultaneous intervals, equality, borrowed strength, subgroups searched."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from primum.errors import PrimumError
from primum.finding import Finding, Verdict, judge
from primum.measure.discovery import discover
from primum.measure.equality import equality
from primum.measure.estimate import Settings, estimates
from primum.measure.gaps import Gap, gaps
from primum.measure.metric import METRICS
from primum.measure.shrink import beta_binomial
from primum.measure.spread import spread
from primum.measure.structured import structured
from primum.tally.score import ScoreTally
from primum.usecase import Groups, UseCase

DEPTH = 3
LISTED = 2000  # subgroups named one by one in the run folder; all of them are counted


def empty() -> dict[str, Any]:
    """Return the parts of the chapter, with nothing in them."""
    return {"joint": [], "equality": [], "shrunk": [], "structure": [], "discovery": []}


def declared(usecase: UseCase) -> list[str]:
    """Return the metrics with a margin that are compared between groups (not with an ideal value)."""
    return [m for m in usecase.margins if METRICS[m].better in {"higher", "lower"}]


def compare_jointly(
    chapter: dict[str, Any],
    usecase: UseCase,
    group: Groups,
    view: ScoreTally,
    settings: Settings,
    findings: list[Finding],
) -> list[Finding]:
    """Add simultaneous intervals, and return the findings with a word on whether harm also holds for all at once."""
    result = list(findings)
    for name in declared(usecase):
        found = gaps(
            view, [name], settings, group.reference,
            confirmatory=[] if group.is_exploratory else None,
            margins={name: usecase.margins[name]}, better=METRICS[name].better,
        )  # fmt: skip
        for g in found:
            chapter["joint"].append({"model": view.score_name, "attribute": group.title, **_row(g)})
        held = {g.group: _holds(g, usecase.margins[name]) for g in found}
        result = [_noted(f, len(found), holds=held[f.group]) if _harm(f, name, held) else f for f in result]
    return result


def describe_spread(
    chapter: dict[str, Any], usecase: UseCase, group: Groups, view: ScoreTally, settings: Settings
) -> None:
    """Add the test of equality, the spread between groups, and estimates that borrow strength."""
    for name in declared(usecase):
        where = {"model": view.score_name, "attribute": group.title, "metric": name}
        if len(view.groups) > 1:
            same, wide = equality(view, name, settings), spread(view, name, settings)
            chapter["equality"].append(
                {
                    **where,
                    **asdict(same),
                    "spread": wide.shown,
                    "variance": wide.corrected,
                    "low": wide.low,
                    "high": wide.high,
                }
            )
        if METRICS[name].rate is not None:
            _shrunk(chapter, where, group, view, name, settings)


def search(chapter: dict[str, Any], usecase: UseCase, tally: ScoreTally, settings: Settings) -> None:
    """Add the subgroups searched for the first declared rate of the primary model, and why each was or was not kept."""
    rates = [m for m in declared(usecase) if METRICS[m].rate is not None]
    if not rates or len(tally.attributes) < 2:
        return
    depth = min(DEPTH, len(tally.attributes))
    where = {"model": tally.score_name, "metric": rates[0], "depth": depth}
    try:
        found = discover(
            tally, rates[0], seed=usecase.seed, at=settings.at, depth=depth, margin=usecase.margins[rates[0]]
        )
    except PrimumError as error:
        chapter["discovery"].append(
            {**where, "reason": error.what, "searched": 0, "confirmed": [], "statuses": {}, "rows": []}
        )
        return
    chapter["discovery"].append(
        {
            **where,
            "reason": "",
            "margin": usecase.margins[rates[0]],
            "searched": int(sum(found.statuses.values())),
            "statuses": {str(k): int(v) for k, v in found.statuses.items()},
            "confirmed": found.rows(),
            "rows": found.searched.head(LISTED).to_dicts(),
        }
    )


def _shrunk(
    chapter: dict[str, Any], where: dict[str, Any], group: Groups, view: ScoreTally, name: str, settings: Settings
) -> None:
    own = [e[name] for e in estimates(view, [name], settings)]
    size = np.array([_size(e.n_effective, e.events, e.nonevents, e.n, METRICS[name].denominator) for e in own])
    raw = np.array([e.value for e in own])
    hits = np.where(size > 0, np.nan_to_num(raw) * size, 0.0)
    if METRICS[name].denominator not in {"events", "nonevents", "everyone"} or (size > 0).sum() < 2:
        return
    kept: Any = beta_binomial(hits, size, level=settings.level)
    method = kept.method
    if group.intersection is not None:
        spread_of_one = np.nan_to_num(raw * (1 - raw))
        kept = structured(view.groups, raw, size, spread_of_one, level=settings.level)
        method = "main effects and random interactions"
        chapter["structure"].append({**where, "q": kept.q, "df": kept.df, "p": kept.p, "interaction": kept.interaction})
    for i, g in enumerate(view.groups):
        chapter["shrunk"].append(
            {
                **where, "group": " · ".join(g), "raw": raw[i], "people": size[i], "value": kept.value[i],
                "low": kept.low[i], "high": kept.high[i], "kept": kept.weight[i], "method": method,
            }
        )  # fmt: skip


def _size(effective: float | None, events: int, nonevents: int, n: int, denominator: str) -> float:
    if effective is not None:
        return effective
    return float({"events": events, "nonevents": nonevents}.get(denominator, n))


def _row(g: Gap) -> dict[str, Any]:
    return {**asdict(g), "verdict": None if g.verdict is None else str(g.verdict)}


def _holds(g: Gap, margin: float) -> bool:
    better = METRICS[g.metric].better
    return judge(g.joint_low, g.joint_high, margin, better=better) is Verdict.HARM


def _harm(f: Finding, name: str, held: dict[str, bool]) -> bool:
    return f.verdict is Verdict.HARM and f.metric == name and f.group in held


def _noted(f: Finding, several: int, *, holds: bool) -> Finding:
    at_once = f"all {several} groups are compared at once" if several > 1 else "compared"
    note = f"it holds when {at_once}" if holds else f"by its own interval; not when {at_once}"
    return replace(
        f, reason=f"{f.reason}; {note}" if f.reason else note, words=f.words.removesuffix(".") + f"; {note}."
    )
