"""Methods, first part: design, people, outcome, predictors, sample size, missing data (TRIPOD+AI 4 to 11)."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.evidence import scenario_of
from primum.report import words
from primum.report.numbers import count, fixed, known
from primum.report.paper import printed
from primum.report.paper.manuscript import (
    Block,
    Heading,
    Inline,
    Paragraph,
    Slot,
    bullets,
    cite,
    listed,
    phrase,
    sentences,
    text,
    written,
)
from primum.report.say import say, told
from primum.report.source import Audited, chapter, divisions, estimates, models, pick, primary
from primum.report.views.run import condition
from primum.usecase import OVERALL, Condition, Precision, UseCase

CHECKLIST = "tripod-ai"


def asked(run: Audited, *items: str) -> list[Paragraph]:
    """Return, for each item of TRIPOD+AI, the text that a person gave, or a slot, as a list."""
    scenario = scenario_of(run)
    texts = scenario.texts.get(CHECKLIST, {}) if scenario else {}
    without = scenario.not_applicable.get(CHECKLIST, {}) if scenario else {}
    lines: list[Sequence[Inline]] = []
    for item in items:
        what = words.capital(say(f"paper.asks.{item}"))
        if item in without:
            lines.append((say("paper.asked.not_applicable", what=what, why=without[item].rstrip(".")),))
        elif item in texts:
            lines.append((say("paper.asked.given", what=what, text=texts[item].rstrip(".")),))
        else:
            lines.append((Slot(asked_for(item)),))
    return bullets(lines)


def asked_for(item: str) -> str:
    """Return what an item of TRIPOD+AI asks for, with its number."""
    return say("paper.item", what=say(f"paper.asks.{item}"), item=item)


def trained(run: Audited) -> list[str]:
    """Return the names of the models that were trained in the audit."""
    return [m.name for m in run.usecase.models if m.train is not None]


def title(run: Audited) -> str:
    """Return a first title: what was predicted, in whom, and what was done."""
    usecase, many = run.usecase, len(run.usecase.models)
    kind = "paper.title.developed" if len(trained(run)) == many else "paper.title.evaluated"
    whom = words.lower(usecase.population.rstrip("."))
    said = told(kind, many, count=many, outcome=usecase.outcome.name, whom=whom)
    by = listed([a for a, _, cross in divisions(run) if not cross])
    return say("paper.title.by", title=said, groups=by) if by else said


def design(run: Audited) -> list[Block]:
    """Return aim, kind of study and plan."""
    usecase, own, many = run.usecase, trained(run), len(run.usecase.models)
    about = {"count": many, "models": listed([m.name for m in usecase.models]), "outcome": usecase.outcome.name}
    if len(own) == many:
        did = told("paper.design.developed", many, **about)
    elif own:
        did = say("paper.design.some", trained=listed(own), **about)
    else:
        did = told("paper.design.brought", many, **about)
    asks = phrase(
        "paper.design.question",
        question=usecase.question.strip(),
        use=usecase.intended_use.strip(),
        source=cite("tripod2024"),
    )
    return [Heading(say("paper.design.heading")), sentences(did, asks), *asked(run, "3a", "3c"), *plan(run)]


def plan(run: Audited) -> list[Block]:
    """Return what was fixed beforehand, and what was changed after that."""
    digits = str(run.plan.hash)[:12]
    if run.manifest.get("release"):
        fixed_ = say("paper.plan.fixed", digits=digits)
    else:
        fixed_ = say("paper.plan.fixed_on", digits=digits, day=str(run.plan.created)[:10])
    changed = run.manifest.get("deviations") or []
    if not changed:
        return [sentences(fixed_, say("paper.plan.unchanged"), say("paper.plan.declared"))]
    lines = [
        say("paper.plan.change", field=d["field"], before=_plain(d.get("before")), now=_plain(d.get("now")))
        for d in changed
    ]
    told_ = say("paper.plan.changed", changes="; ".join(lines))
    return [sentences(fixed_, told_, say("paper.plan.declared_changed"))]


def _plain(value: object) -> str:
    if value is None:
        return say("paper.plan.nothing")
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return shown if len(shown) <= 120 else f"{shown[:117]}…"


def participants(run: Audited) -> list[Block]:
    """Return the source of the data and who was eligible."""
    usecase = run.usecase
    cut = bool(run.manifest.get("release"))
    known_source = str(usecase.data.source or "")
    if known_source and not cut:
        known_source = str(chapter(run, "people").get("source") or known_source)
    filters = listed([said(run, c) for c in usecase.include])
    return [
        Heading(say("paper.data.heading")),
        sentences(
            say("paper.data.source", data=known_source) if known_source else "",
            say("paper.data.eligible", population=words.lower(usecase.population.rstrip("."))),
            say("paper.data.filters", filters=filters) if filters else say("paper.data.no_filter"),
            say("paper.data.unknown"),
        ),
        *notes(run),
        *asked(run, *([] if known_source else ["5a"]), "5b", "6a", "6c"),
    ]


def notes(run: Audited) -> list[Block]:
    """Return notes on the data: those of the program, and those of the people who declared the analysis."""
    own = [] if run.manifest.get("release") else [str(n).rstrip(".") for n in chapter(run, "people").get("notes") or []]
    out: list[Block] = [text(say("paper.data.notes", notes=". ".join(own)))] if own else []
    given = run.usecase.notes.strip()
    return [*out, text(*phrase("paper.data.declared", notes=written(given, "")))] if given else out


def said(run: Audited, c: Condition) -> str:
    """Return a condition in words, its column by its label."""
    labels = chapter(run, "people").get("labels") or {}
    return condition(c.model_copy(update={"column": labels.get(c.column, c.column)}))


def outcome(run: Audited) -> list[Block]:
    """Return the definition of the outcome and who recorded it."""
    o = run.usecase.outcome
    labels = chapter(run, "people").get("labels") or {}
    columns = {c.column for c in o.when}
    derived = [
        say(
            "paper.outcome.sum" if d.sum else "paper.outcome.mean",
            name=d.name,
            parts="; ".join(labels.get(c, c) for c in d.sum or d.mean or []),
        )
        for d in run.usecase.derive
        if d.name in columns
    ]
    truth = ""
    if o.truth:
        truth = say("paper.outcome.truth", name=o.truth_name or listed([said(run, c) for c in o.truth]))
    return [
        Heading(say("paper.outcome.heading")),
        sentences(
            say("paper.outcome.defined", outcome=o.name, conditions=listed([said(run, c) for c in o.when])),
            *derived,
            say("paper.outcome.recorded", by=o.recorded_by.strip().rstrip(".")),
            truth,
        ),
        *asked(run, "8a", "8b", "8c"),
    ]


def predictors(run: Audited) -> list[Block]:
    """Return the predictors by their labels."""
    usecase = run.usecase
    labels = chapter(run, "people").get("labels") or {}
    names = [str(labels.get(f, f)).rstrip("?. ") for f in usecase.features]
    brought = [m.name for m in usecase.models if m.train is None]
    lines: list[Block] = [Heading(say("paper.predictors.heading"))]
    if names:
        lines.append(text(told("paper.predictors.used", len(names), count=len(names), names="; ".join(names))))
    if brought:
        key = "paper.predictors.brought.one" if len(brought) == 1 else "paper.predictors.brought.many"
        lines.append(text(*phrase(key, models=listed(brought), slot=Slot(say("paper.predictors.slot")))))
    return [*lines, *asked(run, "9a", "9b", "9c")]


def sample(run: Audited) -> list[Block]:
    """Return how many people there were and what was needed to judge a group."""
    usecase = run.usecase
    row = pick(estimates(run), model=primary(run), metric="prevalence", attribute=OVERALL) or {}
    n, events = row.get("n"), row.get("events")
    cut = bool(run.manifest.get("release"))
    lines = []
    if known(n) and known(events):
        of = printed.share(events, n, protected=cut)
        lines.append(say("paper.sample.people_events", count=count(n), events=of, outcome=usecase.outcome.name))
    elif known(n):
        lines.append(say("paper.sample.people", count=count(n)))
    return [Heading(say("paper.sample.heading")), sentences(*lines, *_rule(usecase)), *asked(run, "10")]


def _rule(usecase: UseCase) -> list[str]:
    """Return when a group is judged, and what the number of people that stands beside the others means."""
    least = {m: usecase.precision.get(m, Precision()) for m in usecase.margins}
    if not least:
        return []
    wide = [printed.name(m) for m, p in least.items() if p.half_width > usecase.margins[m]]
    return [
        say("paper.sample.rule", needed="; ".join(_precision(m, p) for m, p in least.items())),
        say("paper.sample.wide", measures=listed(wide)) if wide else "",
        say("paper.sample.lacking"),
    ]


def _precision(metric: str, p: Precision) -> str:
    from primum.measure.metric import METRICS

    one = METRICS[metric].denominator
    who = one if one in {"events", "nonevents"} else "both"
    width = printed.width(metric, p.half_width)
    return say(f"paper.sample.needed.{who}", measure=printed.name(metric), count=p.events, width=width)


def missing(run: Audited) -> list[Block]:
    """Return what was done about missing values."""
    people = chapter(run, "people")
    codes = people.get("missing_codes") or []
    read = [c for c in codes if c.get("becomes") == "missing"]
    lines = []
    if read:
        columns = list(dict.fromkeys(str(c["column"]) for c in read))
        labels = people.get("labels") or {}
        lines.append(say("paper.missing.codes", columns=listed([labels.get(c, c) for c in columns])))
    own = [m for m in run.usecase.models if m.train is not None]
    lines += [say(f"paper.missing.{m.train}", model=m.name) for m in own]
    lost = [m["name"] for m in models(run) if m.get("not_scored")]
    if lost:
        lines.append(say("paper.missing.not_scored", models=listed(lost)))
    lines.append(say("paper.missing.outcome"))
    compared = chapter(run, "missing")
    if compared.get("strategies"):
        names = listed([str(s.get("name", s)) if isinstance(s, dict) else str(s) for s in compared["strategies"]])
        lines.append(say("paper.missing.compared", names=names))
    rest = asked(run, "11") if len(own) < len(run.usecase.models) else []
    return [Heading(say("paper.missing.heading")), sentences(*lines), *rest]


def flow(run: Audited) -> str:
    """Return how many people each filter left, in one sentence, or ""."""
    steps = chapter(run, "people").get("flow") or []
    if len(steps) < 2:
        return ""
    left = [
        say("paper.results.people.step", removed=fixed(s["removed"]), step=s["step"], left=fixed(s["n"]))
        for s in steps[1:]
    ]
    first = steps[0]
    return say("paper.results.people.flow", count=fixed(first["n"]), first=first["step"], steps=listed(left))
