"""The model card: nine parts after Mitchell et al. (2019), numbers from the run, and room for what people know.

References
----------
Mitchell M, Wu S, Zaldivar A, et al. Model cards for model reporting. FAT* 2019, 220-229.
"""

from __future__ import annotations

from collections.abc import Sequence

from primum.report.numbers import RATES, known
from primum.report.page_one_thousand import thousand
from primum.report.pages import tables
from primum.report.pages.facts import about, filters, inputs, people, points, source, unknown_outcome
from primum.report.pages.form import form
from primum.report.pages.judged import Judged, hidden, judged, unknown
from primum.report.pages.names import Voice, voice
from primum.report.pages.page import Block, Page, released
from primum.report.pages.summary import next_step
from primum.report.section import Bullets, Text
from primum.report.source import Audited, divisions, estimates, primary
from primum.report.source import threshold as model_threshold
from primum.report.views import repairs

KIND = "model_card"
TOPICS = {
    "details": ("made_by", "version", "kind", "inputs", "source", "licence", "contact"),
    "use": ("uses", "users", "outside"),
    "factors": ("groups", "setting", "other"),
    "metrics": ("measures", "threshold", "margins", "uncertainty"),
    "evaluation": ("people", "why", "prepared"),
    "training": ("which",),
    "results": ("everyone", "groups", "combined"),
    "ethics": ("sensitive", "life", "repairs", "risks", "fraught"),
    "caveats": ("limits", "open", "advice"),
}
LIMITS = ("described", "effect", "causes", "alone", "margin", "open")
MOST = 40
Blocks = Sequence[Block]


def model_card(run: Audited, code: str = "en") -> Page:
    """Return the model card of the primary model.

    What people write about it stands in the scenario of the use case: `texts`, `model-card`, for example
    `details.licence`.

    Raises
    ------
    PrimumError
        If there is no such language, or the use case gives a text for a topic that the card does not have.
    """
    trained = run.usecase.primary.train is not None
    settled = frozenset({"details.inputs", "training.which"} if trained else ())
    return form(run, voice(run, code), KIND, TOPICS, ANSWERS, settled=settled, model=primary(run))


def _version(run: Audited, v: Voice) -> Blocks:
    m = run.manifest
    day = v.say.day(str(m.get("created") or run.plan.created))
    key, plan = "model_card.details.version.auto", str(run.plan.hash)[:12]
    return [Text(v.say(key, date=day, version=str(m.get("primum", "")), plan=plan))]


def _kind(run: Audited, v: Voice) -> Blocks:
    told, key = about(run), "model_card.details.kind"
    description = str(told.get("description") or told.get("kind") or "")
    if points(run):
        low, high = run.usecase.primary.limits
        output = v.say(f"{key}.output_points", low=v.say.general(low), high=v.say.general(high))
    else:
        output = v.say(f"{key}.output_probability", outcome=v.own(run.usecase.outcome.name))
    return [Text(f"{v.sentence(description)}. {output}" if description else output)]


def _inputs(run: Audited, v: Voice) -> Blocks:
    names = inputs(run, v)
    if run.usecase.primary.train is None or not names:
        return []
    return [Text(v.say("model_card.details.inputs.auto", n=v.say.count(len(names)), inputs="; ".join(names)))]


def _uses(run: Audited, v: Voice) -> Blocks:
    return [Text(f"{v.sentence(run.usecase.intended_use)}."), Text(next_step(run, v))]


def _users(run: Audited, v: Voice) -> Blocks:
    scenario = run.usecase.scenario
    actors = [a for a in scenario.actors if a.part == "decides"] if scenario else []
    return [Bullets([f"{v.sentence(a.name)}. {v.own(a.about)}".strip() for a in actors])]


def _groups(run: Audited, v: Voice) -> Blocks:
    against = {g.title: g.reference for g in run.usecase.groups}
    lines = [
        v.say(
            "model_card.factors.groups.auto", attribute=v.sentence(v.attribute(a)),
            groups=", ".join(v.within(a, g) for g in groups), comparator=v.comparator(against.get(a, "overall")),
        )
        for a, groups, _ in divisions(run)
    ]  # fmt: skip
    return [Bullets(lines)]


def _setting(run: Audited, v: Voice) -> Blocks:
    scenario = run.usecase.scenario
    return [Text(f"{v.sentence(scenario.setting)}.")] if scenario else []


def _threshold(run: Audited, v: Voice) -> Blocks:
    decision, at = run.usecase.decision, model_threshold(run, primary(run))
    hidden = at is None or (decision.capacity is not None and released(run))  # then it is the score of one person
    cut = v.say("common.withheld") if hidden or at is None else v.say.general(at) if points(run) else v.say.percent(at)
    chosen = v.own(decision.chosen).rstrip(".")
    if decision.capacity is None:
        return [Text(v.say("model_card.metrics.threshold.auto", at=cut, chosen=chosen))]
    share = v.say.percent(decision.capacity)
    return [Text(v.say("model_card.metrics.threshold.capacity", share=share, at=cut, chosen=chosen))]


def _margins(run: Audited, v: Voice) -> Blocks:
    if not run.usecase.margins:
        return [Text(v.say("model_card.metrics.margins.none"))]
    lines = []
    for metric, size in run.usecase.margins.items():
        margin = v.say("common.points", n=v.say.general(100 * size)) if metric in RATES else v.say.general(size)
        title = v.say(f"report.metric.{metric}.title")
        lines.append(v.say("model_card.metrics.margins.auto", metric=title, margin=margin))
    return [Bullets(lines)]


def _uncertainty(run: Audited, v: Voice) -> Blocks:
    shown = tables.shown(run)
    methods = dict.fromkeys(str(r["method"]) for r in estimates(run) if r["metric"] in shown and r.get("method"))
    key = "model_card.metrics.uncertainty.auto"
    return [Text(v.say(key, level=v.say.percent(run.usecase.level), methods=", ".join(methods)))]


def _people(run: Audited, v: Voice) -> Blocks:
    (n, events), say = people(run), v.say
    where, population = v.sentence(source(run) or run.usecase.name), v.sentence(run.usecase.population)
    if not known(n):
        return [Text(say("model_card.evaluation.people.bare", source=where, population=population))]
    told = say(
        "model_card.evaluation.people.auto", source=where, population=population, n=say.count(n),
        events=say.count(events), outcome=v.own(run.usecase.outcome.name),
    )  # fmt: skip
    return [Text(told), *tables.inside(run, v, tables.flow(run, v))]


def _prepared(run: Audited, v: Voice) -> Blocks:
    told, out = filters(run, v), []
    if told:
        out.append(Text(v.say("datasheet.preparation.done.filters", filters=told)))
    lost = unknown_outcome(run)
    if lost is not None:
        unknown, n = map(v.say.count, lost)
        out.append(Text(v.say("model_card.evaluation.prepared.auto", unknown=unknown, n=n)))
    return out


def _training(run: Audited, v: Voice) -> Blocks:
    if run.usecase.primary.train is None:
        return [Text(v.say("model_card.training.which.brought"))]
    return [Text(v.say("model_card.training.which.trained", folds=v.say.count(run.usecase.folds)))]


def _everyone(run: Audited, v: Voice) -> Blocks:
    counts = {k: v.say.count(x) for k, x in thousand(run).items()}
    told = [Text(v.say("model_card.results.everyone.auto", **counts))] if counts else []
    return [*told, tables.everyone(run, v)]


def _combined(run: Audited, v: Voice) -> Blocks:
    found = tables.by_group(run, v, crossed=True)
    return found or [Text(v.say("model_card.results.combined.none"))]


def _sensitive(run: Audited, v: Voice) -> Blocks:
    usecase, key = run.usecase, "model_card.ethics.sensitive"
    plain = [g for g in usecase.groups if g.column is not None]
    if usecase.primary.train is None:
        names = v.say.listed([v.attribute(g.title) for g in plain])
        return [Text(v.say(f"{key}.unknown", groups=names))]
    parts = {
        "inputs": [v.attribute(g.title) for g in plain if g.column in usecase.features],
        "compared": [v.attribute(g.title) for g in plain if g.column not in usecase.features],
    }
    return [Text(v.say(f"{key}.{k}", groups=v.say.listed(names))) for k, names in parts.items() if names]


def _life(run: Audited, v: Voice) -> Blocks:
    decision, key = run.usecase.decision, "model_card.ethics.life"
    lines = [v.say(f"{key}.miss", what=v.own(decision.miss)), v.say(f"{key}.alarm", what=v.own(decision.false_alarm))]
    return [Bullets(lines)]


def _repairs(run: Audited, v: Voice) -> Blocks:
    names = list(dict.fromkeys(str(r["name"]) for r in repairs.tried(run) if r.get("name")))
    key = "model_card.ethics.repairs"
    if names:
        return [Text(v.say(f"{key}.tried", repairs=v.say.listed([v.own(n) for n in names])))]
    return [] if released(run) else [Text(v.say(f"{key}.none"))]


def _risks(run: Audited, v: Voice) -> Blocks:
    lines = [
        _of(v, "model_card.ethics.risks.shown", j, [(f.attribute, f.group) for f in j.harmed])
        for j in judged(run)
        if j.harmed
    ]
    told = Bullets(lines) if lines else Text(v.say("model_card.ethics.risks.none"))
    return [told, tables.errors(run, v)]


def _open(run: Audited, v: Voice) -> Blocks:
    key = "model_card.caveats.open"
    found = judged(run)
    gone = hidden(found)
    lines = [_of(v, f"{key}.line", j, pairs) for j in found if (pairs := unknown(j, gone))]
    if gone:
        lines.append(v.say(f"{key}.withheld", groups=v.together(gone, MOST)))
    if not lines:
        return [Text(v.say(f"{key}.none"))] if found else [Text(v.say("summary.harm.no_limit"))]
    return [Bullets(lines)]


def _of(v: Voice, key: str, found: Judged, pairs: Sequence[tuple[str, str]]) -> str:
    """Return groups, behind the names of the metrics that they are about."""
    titles = dict.fromkeys(
        v.say(f"report.metric.{f.metric}.title") for f in [*found.harmed, *found.open, *found.withheld]
    )
    return v.say(key, metric=", ".join(titles), groups=v.together(pairs, MOST))


def _limits(run: Audited, v: Voice) -> Blocks:
    names = [*LIMITS, "withheld"] if released(run) else LIMITS
    return [Bullets([v.say(f"limits.{n}") for n in names])]


ANSWERS = {
    "details.version": _version,
    "details.kind": _kind,
    "details.inputs": _inputs,
    "use.uses": _uses,
    "use.users": _users,
    "factors.groups": _groups,
    "factors.setting": _setting,
    "factors.other": lambda _, v: [Text(v.say("model_card.factors.other.auto"))],
    "metrics.measures": lambda run, v: [tables.metrics(run, v)],
    "metrics.threshold": _threshold,
    "metrics.margins": _margins,
    "metrics.uncertainty": _uncertainty,
    "evaluation.people": _people,
    "evaluation.prepared": _prepared,
    "training.which": _training,
    "results.everyone": _everyone,
    "results.groups": lambda run, v: tables.by_group(run, v, crossed=False),
    "results.combined": _combined,
    "ethics.sensitive": _sensitive,
    "ethics.life": _life,
    "ethics.repairs": _repairs,
    "ethics.risks": _risks,
    "caveats.limits": _limits,
    "caveats.open": _open,
}
