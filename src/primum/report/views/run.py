"""The question, the models, the limits and how to do it all again."""

from __future__ import annotations

import re
from typing import Any

from primum.measure.metric import METRICS
from primum.report import words
from primum.report.grid import Grid, Line, cells, flat
from primum.report.numbers import count, counted, fixed, known, percent, threshold
from primum.report.source import Audited, chapter, estimates, models
from primum.usecase import Condition, Groups, UseCase

_VERSION = re.compile(r"\d[\w.]*")


def question(run: Audited) -> list[tuple[str, str]]:
    """Return the use case as pairs of a name and a text."""
    usecase = run.usecase
    d, o = usecase.decision, usecase.outcome
    labels: dict[str, str] = chapter(run, "people").get("labels") or {}
    features = ", ".join(labels.get(f, f) for f in usecase.features)
    return [
        ("Question", usecase.question),
        ("Intended use", usecase.intended_use),
        ("People", usecase.population),
        ("Filters", "; ".join(condition(c) for c in usecase.include) or "none"),
        ("Outcome", f"{o.name}: {'; '.join(condition(c) for c in o.when)}"),
        ("Recorded by", o.recorded_by),
        ("Better measurement", o.truth_name or ("declared" if o.truth else "none")),
        ("Features", f"{len(usecase.features)}: {features}" if features else "none: scores are brought along"),
        ("Decision", d.act),
        ("Threshold", _rule(usecase)),
        ("Chosen by", d.chosen),
        ("A miss", f"the person {d.miss}"),
        ("A false alarm", f"the person {d.false_alarm}"),
        ("Groups", "; ".join(_group(g) for g in usecase.groups)),
        ("Margins", "; ".join(words.margin(m, v) for m, v in usecase.margins.items()) or "none declared"),
        ("Least precision", "; ".join(_precision(usecase)) or "the default of every metric"),
        ("Notes", usecase.notes or "none"),
    ]


def _rule(usecase: UseCase) -> str:
    d = usecase.decision
    if d.capacity is not None:
        return f"the {percent(d.capacity)} with the highest scores"
    scale = usecase.models[0].scale
    also = ", ".join(threshold(t, scale) for t in d.other_thresholds)
    return threshold(d.threshold, scale) + (f" (also looked at: {also})" if also else "")


def _precision(usecase: UseCase) -> list[str]:
    return [
        f"{words.metric_title(m)}: {p.events} events, interval no wider than ± {p.half_width:g}"
        for m, p in usecase.precision.items()
    ]


def _group(g: Groups) -> str:
    against = "everyone else" if g.reference == "overall" else g.reference
    cut = f", cut at {', '.join(f'{b:g}' for b in g.bins)}" if g.bins else ""
    return f"{g.title}{cut} (compared with {against})"


def condition(c: Condition) -> str:
    """Return one condition in words."""
    tests = {
        "equals": "is {}", "one_of": "is one of {}", "none_of": "is none of {}", "at_least": "≥ {}",
        "at_most": "≤ {}", "above": "> {}", "below": "< {}",
    }  # fmt: skip
    parts = []
    for name, pattern in tests.items():
        value: Any = getattr(c, name)
        if value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            parts.append(pattern.format(f"{shown:g}" if isinstance(shown, float) else shown))
    if c.known is not None:
        parts.append("is known" if c.known else "is unknown")
    return f"{c.column} {' and '.join(parts)}"


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
    heads = ["Model", "What it is", "Threshold", "People scored", "Not scored", "Settings"]
    return Grid("The models", heads, lines)


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
                Line(f"{m['name']}, {words.group_name(attribute, g)}", cells(counted(k)))
                for g, k in levels.items()
                if k != 0
            ]
    return Grid("People whom a model could not score, and who are left out of its numbers", ["Group", "People"], lines)


def deviations(run: Audited) -> Grid:
    """Return what was changed after the plan was frozen."""
    names = {"field": "What", "before": "In the plan", "now": "In this run"}
    return flat("Changes after the plan was frozen", run.manifest.get("deviations") or [], names)


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
    data = m.get("data") or {}
    return [
        ("Plan", str(run.plan.hash)),
        ("Plan frozen", str(run.plan.created)),
        ("Audit run", str(m.get("created", ""))),
        ("Seed", str(m.get("seed", run.usecase.seed))),
        ("Folds", str(run.usecase.folds)),
        ("Bootstrap replicates", count(run.usecase.replicates)),
        ("Level of intervals", percent(run.usecase.level)),
        ("Data", ", ".join(f"{count(v)} {k}" for k, v in data.items() if isinstance(v, int))),
        ("primum", str(m.get("primum", ""))),
        ("Python", str(m.get("python", ""))),
        ("Packages", packages),
        ("Platform", str(m.get("platform", ""))),
        ("Time", f"{fixed(seconds, 0)} seconds"),
    ]


def _exported(run: Audited) -> list[tuple[str, str]]:
    m = run.manifest
    versions: dict[str, Any] = dict(m.get("packages") or {})
    packages = ", ".join(f"{k} {v}" for k, v in versions.items() if _VERSION.fullmatch(str(v)))
    return [
        ("Plan", str(run.plan.hash)[:12]),
        ("Plan frozen", str(run.plan.created)[:10]),
        ("Audit run", str(m.get("created", ""))[:10]),
        ("Seed", str(m.get("seed", run.usecase.seed))),
        ("Folds", str(run.usecase.folds)),
        ("Bootstrap replicates", count(run.usecase.replicates)),
        ("Level of intervals", percent(run.usecase.level)),
        ("primum", str(m.get("primum", ""))),
        ("Packages", packages),
    ]


def glossary(used: set[str]) -> Grid:
    """Return how every metric in the report is defined, from the registry."""
    lines = [Line(m.title, cells(m.words, m.formula, m.reference)) for name, m in METRICS.items() if name in used]
    return Grid("How each number is defined", ["Metric", "In words", "Formula", "Source"], lines)


LIMITS = [
    "The audit describes how predictions and decisions would have turned out for the people in these data.",
    "It does not show what happens to patients when somebody acts on the predictions.",
    "Differences between groups are described, not explained: model, record, sampling and illness can all cause them.",
    "Each group is judged on its own. With many groups, some verdicts will be wrong by chance (see chapter 5).",
    "'No harm shown within the margin' means that a larger difference does not fit these data. Smaller ones may exist.",
    "'Inconclusive' and 'not assessable' are not good news: nothing is known.",
    "Only the groups named in the use case were looked at. Averages hide people inside every group.",
]
EFFECTIVE = (
    "People here carry weights or belong together (families, hospitals, repeated visits), so they tell less than as "
    "many independent people. 'Effective people' is how many independent people would tell as much."
)


PROTECTED = (
    "This is a release: numbers come from protected counts, so they may differ a little from those inside the room. "
    "What is withheld is withheld with one word, whatever the reason; ranks, gaps and verdicts that rest on it are not "
    "given."
)


def limits(run: Audited, *, export: bool = False) -> list[str]:
    """Return what the report cannot tell."""
    effective = any(known(r.get("n_effective")) for r in estimates(run))
    return [*LIMITS, *([EFFECTIVE] if effective else []), *([PROTECTED] if export else [])]
