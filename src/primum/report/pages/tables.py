"""The tables of the model card and the datasheet, in the language of the page."""

from __future__ import annotations

from collections.abc import Sequence

from primum.finding import Finding
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NBSP, known
from primum.report.pages.facts import people
from primum.report.pages.names import REMAINDER, Voice
from primum.report.pages.page import released
from primum.report.section import Table, Text
from primum.report.source import (
    Audited,
    Row,
    chapter,
    decided,
    divisions,
    estimates,
    pick,
    primary,
    threshold,
    verdicts,
)
from primum.usecase import OVERALL

USUAL = ("sensitivity", "specificity", "ppv", "auroc", "oe_ratio", "net_benefit")
"""Metrics that the page shows for each group, after those with a declared margin."""
COLUMNS, ROWS = 6, 15


def shown(run: Audited) -> list[str]:
    """Return the metrics of the page that the run holds for everyone."""
    held = {r["metric"] for r in chapter(run, "performance").get("estimates", []) if r["model"] == primary(run)}
    return [m for m in dict.fromkeys([*run.usecase.margins, *USUAL]) if m in held]


def metrics(run: Audited, v: Voice) -> Table:
    """Return what was measured, in words."""
    say = v.say
    lines = [Line(say(f"report.metric.{m}.title"), cells(say(f"report.metric.{m}.plain"))) for m in shown(run)]
    return Table(Grid(say("tables.metrics_caption"), [say("tables.metric"), say("tables.words")], lines))


def everyone(run: Audited, v: Voice) -> Table:
    """Return the metrics of the primary model for everyone together."""
    say, model = v.say, primary(run)
    lines = []
    for m in shown(run):
        row = decided(estimates(run), model, m, OVERALL, "everyone", threshold(run, model))
        lines.append(Line(say(f"report.metric.{m}.title"), cells(_value(v, m, row))))
    return Table(Grid(say("tables.everyone_caption"), [say("tables.metric"), say("tables.value")], lines))


def by_group(run: Audited, v: Voice, *, crossed: bool) -> list[Table]:
    """Return one table for each attribute: people, metrics with intervals, below each the verdict on its margin."""
    say, model = v.say, primary(run)
    listed = shown(run)[:COLUMNS]
    judged = {m: verdicts(run, model, m) for m in run.usecase.margins}
    outcome, at, out = v.own(run.usecase.outcome.name), threshold(run, model), []
    heads = [say("tables.group"), say("tables.people"), say("tables.events", outcome=outcome)]
    heads += [say(f"report.metric.{m}.title") for m in listed]
    for attribute, groups, is_crossed in divisions(run):
        if is_crossed is not crossed:
            continue
        lines = []
        for group in _groups(run, attribute, groups):
            rows = {m: decided(estimates(run), model, m, attribute, group, at) for m in listed}
            told = [_judged(v, m, rows[m], judged.get(m, {}).get((attribute, group))) for m in listed]
            lines.append(Line(v.within(attribute, group), [*_people(run, v, attribute, group), *told]))
        key = "tables.combined_caption" if crossed else "tables.groups_caption"
        caption = say(key, model=model, attribute=v.attribute(attribute))
        out.append(Table(Grid(caption, heads, lines)))
    return out


def _groups(run: Audited, attribute: str, groups: Sequence[str]) -> Sequence[str]:
    """Return the groups that are told: the remainder only if it and the others are everyone, each once."""
    if REMAINDER not in groups:
        return groups
    n = [(_row(run, attribute, g) or {}).get("n") for g in groups]
    whole = all(map(known, n)) and sum(n) == people(run)[0]  # type: ignore[arg-type]
    return groups if whole else [g for g in groups if g != REMAINDER]


def counts(run: Audited, v: Voice) -> list[Table]:
    """Return how many people each group has, and how many of them with the outcome."""
    say = v.say
    heads = [say("tables.group"), say("tables.people"), say("tables.events", outcome=v.own(run.usecase.outcome.name))]
    out = []
    for attribute, groups, _ in divisions(run):
        lines = [Line(v.within(attribute, g), _people(run, v, attribute, g)) for g in _groups(run, attribute, groups)]
        out.append(Table(Grid(say("tables.counts_caption", attribute=v.attribute(attribute)), heads, lines)))
    return out


def inside(run: Audited, v: Voice, *found: Table) -> list[Table | Text]:
    """Return tables of counts that no release registers; in a release, that they stay inside."""
    if released(run):
        return [Text(v.say("common.stays"))]
    return [t for t in found if t.grid]


def flow(run: Audited, v: Voice) -> Table:
    """Return how many people each filter left."""
    say = v.say
    lines = [
        Line(
            v.own(str(s["step"])), cells(say.count(s.get("removed")), say.count(s.get("n")), v.own(s.get("why") or ""))
        )
        for s in chapter(run, "people").get("flow") or []
    ]
    heads = [say(f"tables.{k}") for k in ("step", "removed", "left", "why")]
    return Table(Grid(say("tables.flow_caption"), heads, lines))


def missing(run: Audited, v: Voice) -> list[Table]:
    """Return the variables with the most missing values, for everyone, and the people of unknown outcome by group."""
    say, held = v.say, chapter(run, "people")
    labels: dict[str, str] = held.get("labels") or {}
    rows = [
        r for r in held.get("missingness") or [] if r["attribute"] == OVERALL and known(r["share"]) and r["missing"]
    ]
    rows.sort(key=lambda r: -float(r["share"]))
    lines = [
        Line(
            v.own(labels.get(r["variable"], r["variable"])), cells(say.count(r["missing"]), say.percent(r["share"], 1))
        )
        for r in rows[:ROWS]
    ]
    if len(rows) > ROWS:
        lines.append(Line(say("tables.others", n=say.count(len(rows) - ROWS)), cells("", "")))
    heads = [say("tables.variable"), say("tables.missing"), say("tables.share")]
    out = [Table(Grid(say("tables.missing_caption"), heads, lines))]
    heads = [say("tables.group"), say("tables.people"), say("tables.unknown")]
    lines = [
        Line(v.full(a, g), cells(say.count(c["n"]), say.count(c["unknown_outcome"])))
        for a, levels in (held.get("unrecorded") or {}).items()
        for g, c in levels.items()
        if " · " not in g
    ]
    return [*out, Table(Grid(say("tables.unknown_caption"), heads, lines))]


def codes(run: Audited, v: Voice) -> Table:
    """Return the values that were read as missing."""
    say = v.say
    labels: dict[str, str] = chapter(run, "people").get("labels") or {}
    lines = [
        Line(v.own(labels.get(r["column"], r["column"])), cells(_code(v, r["code"]), say.count(r.get("count"))))
        for r in chapter(run, "people").get("missing_codes") or []
    ]
    return Table(Grid(say("tables.codes_caption"), [say(f"tables.{k}") for k in ("variable", "code", "times")], lines))


def population(run: Audited, v: Voice) -> Table:
    """Return the shares of groups here beside those of the population that the model is meant for."""
    say = v.say
    lines = [
        Line(v.full(r["attribute"], r["level"]), cells(say.percent(r["share"], 1), say.percent(r["declared"], 1)))
        for r in chapter(run, "people").get("representativeness") or []
    ]
    return Table(Grid(say("tables.shares_caption"), [say(f"tables.{k}") for k in ("group", "here", "there")], lines))


def errors(run: Audited, v: Voice) -> Table:
    """Return what happens when the model errs, and to whom, as the scenario tells."""
    say, scenario = v.say, run.usecase.scenario
    told: Sequence[tuple[str, ...]] = (
        [(e.error, e.to, e.what, e.noticed, e.undone) for e in scenario.on_error] if scenario else []
    )
    lines = [Line(v.own(first), cells(*(v.own(x) for x in rest))) for first, *rest in told]
    heads = [say(f"tables.{k}") for k in ("error", "borne", "happens", "noticed", "undone")]
    return Table(Grid(say("tables.errors_caption"), heads, lines))


def _value(v: Voice, metric: str, row: Row | None) -> str:
    """Return a metric with its interval; a dash with its reason where there is none; withheld where it is hidden."""
    if row is None:
        return v.say("common.none")
    if known(row["value"]):
        return v.say.measured(metric, row["value"], row["low"], row["high"])
    status = str(row.get("status"))
    return v.say("report.status.suppressed" if status == "suppressed" else "report.status.not_estimable")


def _row(run: Audited, attribute: str, group: str) -> Row | None:
    """Return a row that tells how many people a group has."""
    rows, model = estimates(run), primary(run)
    found = decided(rows, model, "n", attribute, group, None)
    return found or pick(rows, model=model, attribute=attribute, group=group, comparison="estimate")


def _people(run: Audited, v: Voice, attribute: str, group: str) -> list[Cell]:
    """Return how many people a group has and how many of them have the outcome."""
    row = _row(run, attribute, group) or {}
    return cells(v.say.count(row.get("n")), v.say.count(row.get("events")))


def _judged(v: Voice, metric: str, row: Row | None, finding: Finding | None) -> Cell:
    """Return a value and, below it, the verdict on its margin, where one was declared; the interval may wrap."""
    value = _value(v, metric, row).replace(NBSP, " ")
    if finding is None:
        return Cell(value)
    kind = finding.verdict.name.lower()
    return Cell(value, v.say(f"report.verdict.{kind}.name"), kind)


def _code(v: Voice, code: object) -> str:
    return v.own(f"{code:.3g}" if isinstance(code, float) else str(code))
