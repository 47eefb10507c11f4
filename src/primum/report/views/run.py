"""The question, the models, the limits and how to do it all again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from primum.measure.metric import METRICS
from primum.report import words
from primum.report.grid import Grid, Line, cells, flat
from primum.report.numbers import count, counted, fixed, general, known, percent, threshold
from primum.report.say import say, spoken
from primum.report.source import Audited, chapter, estimates, models
from primum.report.views.labels import labels
from primum.usecase import OVERALL, Condition, Groups, UseCase

_VERSION = re.compile(r"\d[\w.]*")


def question(run: Audited) -> list[tuple[str, str]]:
    """Return the use case as pairs of a name and a text."""
    usecase = run.usecase
    d, o = usecase.decision, usecase.outcome
    names = labels(chapter(run, "people"))
    features = ", ".join(names.get(f, f) for f in usecase.features)
    none = say("again.none")
    told = {
        "question": usecase.question,
        "use": usecase.intended_use,
        "people": usecase.population,
        "filters": "; ".join(condition(c, names) for c in usecase.include) or none,
        "outcome": f"{o.name}: {'; '.join(condition(c, names) for c in o.when)}",
        "recorded": o.recorded_by,
        "better": o.truth_name or (say("again.declared") if o.truth else none),
        "features": f"{len(usecase.features)}: {features}" if features else say("again.brought"),
        "decision": d.act,
        "threshold": _rule(usecase),
        "chosen": d.chosen,
        "miss": say("again.person", what=d.miss),
        "alarm": say("again.person", what=d.false_alarm),
        "groups": "; ".join(_group(g) for g in usecase.groups),
        "margins": "; ".join(words.margin(m, v) for m, v in usecase.margins.items()) or say("again.no_margins"),
        "precision": "; ".join(_precision(usecase)) or say("again.default_precision"),
        "notes": usecase.notes or none,
    }
    return [(say(f"again.question.{k}"), text) for k, text in told.items()]


def _rule(usecase: UseCase) -> str:
    d = usecase.decision
    if d.capacity is not None:
        return say("again.capacity", share=percent(d.capacity))
    scale = usecase.models[0].scale
    also = ", ".join(threshold(t, scale) for t in d.other_thresholds)
    at = threshold(d.threshold, scale)
    return say("again.threshold_also", threshold=at, others=also) if also else at


def _precision(usecase: UseCase) -> list[str]:
    return [
        say("again.precision", metric=words.metric_title(m), events=p.events, width=general(p.half_width))
        for m, p in usecase.precision.items()
    ]


def _group(g: Groups) -> str:
    against = words.comparator(OVERALL) if g.reference == OVERALL else g.reference
    if not g.bins:
        return say("again.group", group=g.title, comparator=against)
    bins = ", ".join(map(general, g.bins))
    return say("again.group_cut", group=g.title, bins=bins, comparator=against)


def condition(c: Condition, names: Mapping[str, str] | None = None) -> str:
    """Return one condition in words, with the labels of columns where they are given."""
    parts = []
    for name in ("equals", "one_of", "none_of", "at_least", "at_most", "above", "below"):
        value: Any = getattr(c, name)
        if value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            text = general(shown) if isinstance(shown, float) else shown
            parts.append(say(f"again.condition.{name}", value=text))
    if c.known is not None:
        parts.append(say("again.condition.known" if c.known else "again.condition.unknown"))
    return say("again.condition.whole", column=(names or {}).get(c.column, c.column), tests=spoken().listed(parts))


def model_table(run: Audited) -> Grid:
    """Return what was audited: kind, threshold, people scored and not."""
    lines = []
    for m in models(run):
        parts = list((m.get("not_scored") or {}).values())[:1]
        whole = m.get("not_scored", {}) is not None and all(k is not None for v in parts for k in v.values())
        if run.manifest.get("release") and not parts:
            whole = False  # who was not scored is no part of a release, and nobody is not the same as not told
        missed = sum(sum(v.values()) for v in parts) if whole else None
        lines.append(
            Line(
                m["name"],
                cells(
                    m.get("description") or m["kind"],
                    threshold(m["threshold"], m.get("scale", "probability")),
                    counted(m["n_scored"]),
                    counted(missed),
                    _settings(m.get("settings") or {}),
                ),
            )
        )
    heads = [say(f"again.models.{k}") for k in ("model", "what", "threshold", "scored", "missed", "settings")]
    return Grid(say("again.models.caption"), heads, lines)


def _settings(settings: dict[str, Any]) -> str:
    own = settings.get("settings")
    simple = {k: v for k, v in (own if isinstance(own, dict) else settings).items() if isinstance(v, (str, int, float))}
    if isinstance(settings.get("calibration"), str):
        simple["calibration"] = settings["calibration"]
    return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in simple.items())


def not_scored(run: Audited) -> Grid:
    """Return the people without a score, by group."""
    lines = []
    for m in models(run):
        for attribute, levels in (m.get("not_scored") or {}).items():
            lines += [
                Line(
                    say("again.models.group", model=m["name"], group=words.group_name(attribute, g)), cells(counted(k))
                )
                for g, k in levels.items()
                if k != 0
            ]
    heads = [say("groups.head.group"), say("groups.head.people")]
    return Grid(say("again.not_scored"), heads, lines)


def deviations(run: Audited) -> Grid:
    """Return what was changed after the plan was frozen."""
    names = {k: say(f"again.changes.{k}") for k in ("field", "before", "now")}
    return flat(say("again.changes.caption"), run.manifest.get("deviations") or [], names)


def environment(run: Audited, *, export: bool = False) -> list[tuple[str, str]]:
    """Return what is needed to get the same numbers again.

    With `export` only what may leave: days instead of times, the first digits of the plan, nothing of the machine and
    no size of the data, which is told by the protected counts alone.
    """
    m = run.manifest
    if export:
        return _exported(run)
    packages = ", ".join(f"{k} {v}" for k, v in (m.get("packages") or {}).items())
    took: dict[str, float] = dict(m.get("seconds") or {})
    seconds = took.pop("in all", sum(took.values()))
    people = (m.get("data") or {}).get("people")
    return _named(
        {
            "plan": str(run.plan.hash),
            "frozen": str(run.plan.created),
            "run": str(m.get("created", "")),
            **_settled(run),
            "data": say("again.people", people=count(people)) if known(people) else "",
            "primum": str(m.get("primum", "")),
            "python": str(m.get("python", "")),
            "packages": packages,
            "platform": str(m.get("platform", "")),
            "time": say("again.seconds", seconds=fixed(seconds, 0)),
        }
    )


def _exported(run: Audited) -> list[tuple[str, str]]:
    m = run.manifest
    versions: dict[str, Any] = dict(m.get("packages") or {})
    packages = ", ".join(f"{k} {v}" for k, v in versions.items() if _VERSION.fullmatch(str(v)))
    return _named(
        {
            "plan": str(run.plan.hash)[:12],
            "frozen": str(run.plan.created)[:10],
            "run": str(m.get("created", ""))[:10],
            **_settled(run),
            "primum": str(m.get("primum", "")),
            "packages": packages,
        }
    )


def _settled(run: Audited) -> dict[str, str]:
    return {
        "seed": str(run.manifest.get("seed", run.usecase.seed)),
        "folds": str(run.usecase.folds),
        "replicates": count(run.usecase.replicates),
        "level": percent(run.usecase.level),
    }


def _named(told: dict[str, str]) -> list[tuple[str, str]]:
    return [(say(f"again.environment.{k}"), text) for k, text in told.items()]


def glossary(used: set[str]) -> Grid:
    """Return how every metric in the report is defined."""
    heads = [say(f"limits.glossary.{k}") for k in ("metric", "words", "formula", "source")]
    lines = [
        Line(words.metric_title(m), cells(*(say(f"limits.metric.{m}.{k}") for k in ("words", "formula", "source"))))
        for m in METRICS
        if m in used
    ]
    return Grid(say("limits.glossary.caption"), heads, lines)


LIMITS = ("described", "effect", "causes", "alone", "margin", "open", "named")


def limits(run: Audited, *, export: bool = False) -> list[str]:
    """Return what the report cannot tell."""
    effective = any(known(r.get("n_effective")) for r in estimates(run))
    keys = [*LIMITS, *(["effective"] if effective else []), *(["protected"] if export else [])]
    return [say(f"limits.{k}") for k in keys]
