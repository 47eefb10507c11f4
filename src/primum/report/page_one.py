"""What the first page says, as plain data: what was asked, what was found, what could not be found out."""

from __future__ import annotations

from dataclasses import dataclass, field

from primum.report import forest, page_one_open, page_one_verdicts, words
from primum.report.numbers import NONE, count, half_up, of_metric
from primum.report.page_one_groups import Division, Line, legend, row, rows
from primum.report.page_one_record import record_lines
from primum.report.page_one_thousand import PER, consequence, thousand
from primum.report.say import say
from primum.report.source import (
    Audited,
    decided,
    divisions,
    estimates,
    headline,
    models,
    primary,
    threshold,
    verdicts,
)
from primum.report.stamp import stamp
from primum.report.views import missing, repairs
from primum.usecase import OVERALL


@dataclass(frozen=True)
class PageOne:
    """Everything on page one; the fields stand in reading order."""

    model: str
    model_description: str
    decision: str
    exchange: str
    overall: str
    bar: str
    bar_key: list[tuple[str, float, str]]
    metric: str
    metric_plain: str
    margin: str
    axis: str
    everyone: Line | None
    divisions: list[Division]
    left_out: str
    harmed: list[str]
    other_models: list[str]
    not_assessable: list[str]
    record: list[str]
    care: list[str]
    repairs: list[str]
    no_repair: str
    stands: list[str]
    not_tried: str
    decide: list[str]
    not_looked_at: list[str]
    withheld: list[str]
    stamp: str
    legend: list[dict[str, str]] = field(default_factory=list)


def page_one(run: Audited, *, export: bool = False) -> PageOne:
    """Return the first page for the primary model; with `export`, of a report that may leave the room."""
    model, metric = primary(run), headline(run)
    at = threshold(run, model)
    about = next((m for m in models(run) if m["name"] == model), {})
    scale = str(about.get("scale", "probability"))
    found = verdicts(run, model, metric)
    split, left_out = rows(run, model, metric, found)
    size = run.usecase.margins.get(metric)
    crossed = {a for a, _, cross in divisions(run) if cross}
    lost = missing.inputs_lost(run)
    overall, bar, key = _overall(run, model, metric, at)
    return PageOne(
        model=model,
        model_description=str(about.get("description", "")),
        decision=words.decision(run.usecase, at, scale=scale),
        exchange=words.exchange(at, scale=scale, capacity=run.usecase.decision.capacity is not None),
        overall=overall,
        bar=bar,
        bar_key=key,
        metric=metric,
        metric_plain=words.plain(metric),
        margin=words.acceptable(metric, size) if size else "",
        axis=forest.axis(),
        everyone=row(run, model, metric, OVERALL, "everyone", None),
        divisions=split,
        left_out=left_out,
        harmed=page_one_verdicts.harmed(run, found, crossed),
        other_models=page_one_verdicts.others(run, model),
        not_assessable=page_one_verdicts.not_assessable(run, found, crossed),
        record=record_lines(run, export=export),
        care=page_one_open.care(run),
        repairs=[*([say("page_one.repairs_trained")] if repairs.trained(run) else []), *repairs.lines(run)],
        no_repair=words.absent() if export else say("page_one.no_repair"),
        decide=page_one_open.decide(run, at, scale, metric, found),
        stands=lost,
        not_tried=page_one_open.not_tried(lost=bool(lost), export=export),
        not_looked_at=page_one_open.not_looked_at(run, export=export),
        withheld=page_one_verdicts.withheld(found, crossed),
        stamp=stamp(run, export=export),
        legend=legend(found, split),
    )


def _overall(run: Audited, model: str, metric: str, at: float | None) -> tuple[str, str, list[tuple[str, float, str]]]:
    """Return what happens to everyone: in words, as a bar, and its parts as (kind, people, words)."""
    told = consequence(run)
    if told is None:
        value = decided(estimates(run), model, metric, OVERALL, "everyone", at)
        text = of_metric(metric, value["value"], value["low"], value["high"]) if value else NONE
        return say("page_one.overall", metric=words.metric_title(metric), value=text), "", []
    sensitivity = decided(estimates(run), model, "sensitivity", OVERALL, "everyone", at)
    people = thousand(run)
    if not people:
        return words.per_thousand(told, sensitivity, run.usecase), "", []
    told |= {"per": PER, "with_outcome": people["found"] + people["missed"]}
    told |= {"found": people["found"], "false_alarms": people["alarmed"]}
    text = words.per_thousand(told, sensitivity, run.usecase)
    drawn = forest.thousand(*people.values())
    return text, drawn, [(k, half_up(n), say(f"page_one.bar.{k}", n=count(n))) for k, n in people.items()]
