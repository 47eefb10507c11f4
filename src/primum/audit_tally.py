"""An audit that goes on from tallies: two hospitals, one report, no rows exchanged."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import primum
from primum.audit import question_of
from primum.chapters.manifest import environment
from primum.chapters.measured import groups_chapter, performance_chapter
from primum.check.people import people_findings, plan_findings
from primum.cohort.groups import JOIN, bin_labels
from primum.cohort.representativeness import share_rows
from primum.cohort.table import Table
from primum.errors import PrimumError, unknown
from primum.execute.checkpoint import open_run
from primum.execute.progress import Progress, Silent
from primum.execute.run import Run
from primum.measure.ranking import bracket
from primum.plan import freeze
from primum.tally.file import read
from primum.tally.resample import histogram
from primum.tally.score import ScoreTally
from primum.usecase import MISSING, OVERALL, Groups, Model, UseCase

NOT_AVAILABLE = {
    "flow": "Who was kept and why is not available from a tally: the filters were applied where the rows are.",
    "table_one": "Only the number of people and of cases is available from a tally; other variables are not.",
    "missingness": "Missing values are not available from a tally.",
    "leakage": "Signs of leakage cannot be looked for in a tally: they were, or were not, where the rows are.",
}


def audit_tallies(
    usecase: UseCase | str | Path,
    tallies: Iterable[ScoreTally | str | Path],
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """Audit models from counts alone; return the run, ready for its report.

    Parameters
    ----------
    usecase
        The question: a `UseCase`, a YAML file, or the name of a built-in one. Each site counts with the same one.
    tallies
        Tallies or their files, of one or more sites; those of the same score are added. Models of the use case
        without a tally are left out, and a note says so.
    out
        Run folder; `runs/NAME` by default.
    progress
        Listener; none by default.

    Raises
    ------
    PrimumError
        If tallies differ from the use case or from each other; the message names the difference.
    """
    question, _ = question_of(usecase)
    listen, started = progress or Silent(), time.perf_counter()
    given = [
        (str(t) if isinstance(t, str | Path) else "", read(t) if isinstance(t, str | Path) else t) for t in tallies
    ]
    together = _of_question(question, merged(given))
    kept = [m for m in question.models if m.name in together]
    left_out = [m.name for m in question.models if m.name not in together]
    question = question.model_copy(update={"models": kept})
    chapters = [
        c for c in ("people", "models", "performance", "groups") if c in {"people", "models", *question.chapters}
    ]
    listen.start([*chapters, "findings"])
    run = open_run(question, freeze(question), Path(out) if out else Path("runs") / question.name, resume=False)
    source = f"{len(given)} {'tally' if len(given) == 1 else 'tallies'}; no rows were read"
    first = together[kept[0].name]
    levels = {g.title: _order(g, question, first) for g in question.groups}
    listen.chapter("people")
    run.keep_chapter("people", _people(question, first, levels, source, left_out))
    listen.done("people")
    listen.chapter("models")
    told = [_told(run, m, together[m.name]) for m in kept]
    run.keep_chapter("models", {"primary": kept[0].name, "models": told, "between_models": []})
    listen.done("models")
    findings = [*plan_findings(run.manifest["deviations"]), *people_findings(run.chapters["people"])]
    for name, tell in (("performance", performance_chapter), ("groups", groups_chapter)):
        if name in chapters:
            listen.chapter(name)
            findings += tell(run, levels, listen)
            listen.done(name)
    listen.chapter("findings")
    run.findings = findings
    people = int(first.n.sum())
    run.manifest |= environment(run, Table(frame=first.frame(), source=source), people, time.perf_counter() - started)
    run.finish()
    listen.done("findings")
    return run


def merged(tallies: Sequence[tuple[str, ScoreTally]]) -> dict[str, ScoreTally]:
    """Return score name → the sum of its tallies; each comes with the name of its file, or "".

    Raises
    ------
    PrimumError
        If two tallies of one score cannot be added; the message names the file.
    """
    found: dict[str, ScoreTally] = {}
    for file, tally in tallies:
        name = tally.score_name
        try:
            found[name] = found[name] + tally if name in found else tally
        except PrimumError as e:
            raise PrimumError(
                f"'{file}': {e.what}" if file else e.what, expected=e.expected, available=e.available, mend=e.mend
            ) from None
    return found


def _of_question(usecase: UseCase, tallies: Mapping[str, ScoreTally]) -> dict[str, ScoreTally]:
    """Return the tallies by the attributes of the question, after checking that they are about it."""
    if not tallies:
        raise PrimumError("There is no tally to audit.", mend="make one with: primum count")
    names = [m.name for m in usecase.models]
    titles = [g.title for g in usecase.groups if g.intersection is None]
    for name, tally in tallies.items():
        if name not in names:
            raise unknown("model", name, names, where="the use case; a tally counts it")
        if tally.outcome_name != usecase.outcome.name:
            raise PrimumError(
                f"The tally of '{name}' counts the outcome '{tally.outcome_name}', not '{usecase.outcome.name}'.",
                mend="count with this use case: primum count USECASE --data …",
            )
        for title in titles:
            if title not in tally.attributes:
                raise unknown("attribute", title, tally.attributes, where=f"the tally of '{name}'")
        limits = next(m.limits for m in usecase.models if m.name == name)
        if (tally.grid.low, tally.grid.high) != limits:
            raise PrimumError(
                f"The tally of '{name}' has scores from {tally.grid.low:g} to {tally.grid.high:g}.",
                expected=f"{limits[0]:g} to {limits[1]:g}, as in the use case",
            )
        if tally.grid.decisions_only:
            raise PrimumError(
                f"The tally of '{name}' counts decisions only.",
                expected="the whole score axis",
                mend="count again without --decisions-only",
            )
    return {m: tallies[m].by(titles) for m in names if m in tallies}


def _order(group: Groups, usecase: UseCase, tally: ScoreTally) -> list[str]:
    """Return the groups of an attribute in the order shown: bins and labels as declared, others by size."""
    if group.intersection is not None:
        parts = [next(g for g in usecase.groups if g.title == p) for p in group.intersection]
        rank = [{name: i for i, name in enumerate(_order(p, usecase, tally))} for p in parts]
        crossed = sorted(
            tally.by(group.intersection).groups,
            key=lambda g: (MISSING in g, *(rank[i][name] for i, name in enumerate(g))),
        )
        return [JOIN.join(g) for g in crossed]
    view = tally.by(group.title)
    size = {g[0]: int(k) for g, k in zip(view.groups, view.people().sum(axis=1), strict=True)}
    labels = group.labels or {}
    named = list(labels.values())
    if group.bins is not None:
        both = [*bin_labels(group.bins, whole=True), *bin_labels(group.bins, whole=False)]
        named = [labels.get(b, b) for b in both]
    declared = {name: i for i, name in enumerate(dict.fromkeys(named))}
    return sorted(size, key=lambda g: (g == MISSING, declared.get(g, len(declared)), -size[g], g))


def _people(
    usecase: UseCase, tally: ScoreTally, levels: Mapping[str, Sequence[str]], source: str, left_out: Sequence[str]
) -> dict[str, Any]:
    """Return the chapter of the people: how many, with how many cases, in each group."""
    single = [g for g in usecase.groups if g.intersection is None]
    everyone = tally.by().people()[0]
    columns = [{"attribute": OVERALL, "level": "everyone", "n": int(everyone.sum()), "events": int(everyone[1])}]
    shares = []
    for group in single:
        view = tally.by(group.title)
        at = {g[0]: view.people()[i] for i, g in enumerate(view.groups)}
        columns += [
            {"attribute": group.title, "level": g, "n": int(at[g].sum()), "events": int(at[g][1])}
            for g in levels[group.title]
        ]
        if group.population_shares:
            shares += share_rows(group, {g: int(at[g].sum()) for g in levels[group.title]}, usecase.level)
    cells = [_cell(c["n"], c["events"]) for c in columns]
    rows = [
        {"variable": "outcome", "label": usecase.outcome.name, "kind": "outcome", "category": None,
         "cells": cells, "smd": [None] * len(cells)}
    ]  # fmt: skip
    notes = [f"There is no tally of {', '.join(left_out)}: not audited."] if left_out else []
    if tally.left_out:
        lost = sum(tally.left_out.values())
        notes.append(f"{lost:,} people without a score or an outcome are in no number below.")
    return {
        "source": source, "labels": {}, "n": int(everyone.sum()), "events": int(everyone[1]), "flow": [],
        "table_one": {"columns": columns, "rows": rows}, "missingness": [], "leakage": [],
        "representativeness": shares, "missing_codes": [], "unrecorded": {}, "notes": notes,
        "not_available": NOT_AVAILABLE,
    }  # fmt: skip


def _cell(n: Any, events: Any) -> dict[str, Any]:
    share = events / n if n else None
    text = f"{events:,} ({share:.1%})" if share is not None else "–"
    return {"text": text, "mean": None, "sd": None, "n": events, "share": share, "missing": 0}


def _told(run: Run, model: Model, tally: ScoreTally) -> dict[str, Any]:
    lost = {a: {g[0]: k for g, k in sorted(tally.by(a).left_out.items())} for a in tally.attributes if tally.left_out}
    n = int(tally.n.sum())
    return {
        "name": model.name,
        "kind": "tally",
        "description": model.description,
        "scale": model.scale,
        "range": list(model.limits),
        "higher_means": model.higher_means,
        "threshold": _cut(run.usecase, tally),
        "n_scored": n,
        "n_people": n + sum(tally.left_out.values()),
        "not_scored": lost,
        "settings": {"counted with": f"primum {primum.__version__}"},
        "seconds": None,
        "tally": run.keep_tally(model.name, tally),
        "auroc_bracket": bracket(histogram(tally.by(), 0)),
    }


def _cut(usecase: UseCase, tally: ScoreTally) -> float:
    """Return the decision threshold: as declared, or the lowest edge that selects no more people than can be."""
    decision = usecase.decision
    if decision.threshold is not None:
        tally.grid.cut(float(decision.threshold))
        return float(decision.threshold)
    assert decision.capacity is not None
    grid = tally.grid
    cents = [grid.low + (grid.high - grid.low) * k / 100 for k in range(101)]
    edges = sorted({t for t in [*cents, *grid.thresholds] if grid.is_edge(t)})
    everyone = tally.by()
    total = float(everyone.w.sum())
    for t in edges:
        c = everyone.at(t)
        if float(c.tp[0] + c.fp[0]) <= decision.capacity * total * (1 + 1e-12):
            return t
    raise PrimumError(
        f"A capacity of {decision.capacity:g} is less than the share of people with the highest scores.",
        mend="declare a larger capacity, or a threshold",
    )
