"""Methods, first part: design, people, outcome, predictors, sample size, missing data (TRIPOD+AI 4 to 11)."""

from __future__ import annotations

from collections.abc import Sequence

from primum.assure.evidence import scenario_of
from primum.report import words
from primum.report.numbers import RATES, count, fixed, known
from primum.report.paper import printed
from primum.report.paper.manuscript import Block, Heading, Inline, Paragraph, Slot, bullets, cite, listed, text, written
from primum.report.source import Audited, chapter, divisions, estimates, models, pick, primary
from primum.report.views.run import condition
from primum.usecase import OVERALL, Condition, Precision

CHECKLIST = "tripod-ai"
GAPS = {
    "logistic": "missing numbers were set to the median of the training folds, with an indicator of missingness, and a "
    "missing category was a category of its own",
    "boosting": "missing values were not imputed: they follow a branch that the trees learn",
    "ebm": "missing values were not imputed: each predictor has a term for 'missing'",
}
NO_CALCULATION = "how the size of the sample was justified; no calculation was made here"


def asked(run: Audited, items: Sequence[tuple[str, str]]) -> list[Paragraph]:
    """Return, for each (item of TRIPOD+AI, what it asks for), the text that a person gave, or a slot, as a list."""
    scenario = scenario_of(run)
    texts = scenario.texts.get(CHECKLIST, {}) if scenario else {}
    without = scenario.not_applicable.get(CHECKLIST, {}) if scenario else {}
    lines: list[Sequence[Inline]] = []
    for item, what in items:
        if item in without:
            lines.append((f"{words.capital(what)}: not applicable, {without[item].rstrip('.')}.",))
        elif item in texts:
            lines.append((f"{words.capital(what)}: {texts[item].rstrip('.')}.",))
        else:
            lines.append((Slot(f"{what} (TRIPOD+AI {item})"),))
    return bullets(lines)


def trained(run: Audited) -> list[str]:
    """Return the names of the models that were trained in the audit."""
    return [m.name for m in run.usecase.models if m.train is not None]


def title(run: Audited) -> str:
    """Return a first title: what was predicted, in whom, and what was done."""
    usecase, own = run.usecase, trained(run)
    done = "development and internal validation" if len(own) == len(usecase.models) else "evaluation"
    many = len(usecase.models)
    what = "a prediction model" if many == 1 else f"{many} prediction models"
    by = listed([a for a, _, cross in divisions(run) if not cross])
    whom = words.lower(usecase.population.rstrip("."))
    return f"Prediction of {usecase.outcome.name} in {whom}: {done} of {what}" + (
        f" with performance by {by}" if by else ""
    )


def design(run: Audited) -> list[Block]:
    """Return aim, kind of study and plan."""
    usecase, own = run.usecase, trained(run)
    names = listed([m.name for m in usecase.models])
    several = "models" if len(usecase.models) > 1 else "model"
    if len(own) == len(usecase.models):
        did = f"We developed and internally validated {len(own)} prediction {several} ({names})"
    elif own:
        did = (
            f"We evaluated {len(usecase.models)} prediction models ({names}), of which {listed(own)} were trained here,"
        )
    else:
        did = f"We evaluated {len(usecase.models)} prediction {several} ({names}), made elsewhere,"
    return [
        Heading("Design"),
        text(
            f"{did} for {usecase.outcome.name}, in everyone and in each declared group of people. The question was: "
            f"{usecase.question.strip()} The intended use: {usecase.intended_use.strip()} The text follows the order "
            "of the TRIPOD+AI items ",
            cite("tripod2024"),
            ".",
        ),
        *asked(run, [("3a", "healthcare context and rationale"), ("3c", "known health inequalities between groups")]),
        *plan(run),
    ]


def plan(run: Audited) -> list[Block]:
    """Return what was fixed beforehand, and what was changed after that."""
    short = str(run.plan.hash)[:12]
    day = "" if run.manifest.get("release") else f" on {str(run.plan.created)[:10]}"
    said = (
        "People, outcome, predictors, groups, comparisons, decision threshold, measures, margins and models were "
        f"written into a plan, which the program fixed{day} before it read the data (first 12 digits of its SHA-256: "
        f"{short})."
    )
    changed = run.manifest.get("deviations") or []
    if not changed:
        return [text(f"{said} Nothing was changed after that.")]
    lines = [f"{d['field']}: {_plain(d.get('before'))} in the plan, {_plain(d.get('now'))} here" for d in changed]
    return [text(f"{said} After the first plan the following was changed: {'; '.join(lines)}.")]


def _plain(value: object) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list) else "nothing" if value is None else str(value)
    return shown if len(shown) <= 120 else f"{shown[:117]}…"


def participants(run: Audited) -> list[Block]:
    """Return the source of the data and who was eligible."""
    usecase = run.usecase
    cut = bool(run.manifest.get("release"))
    known_source = str(usecase.data.source or "")
    if known_source and not cut:
        known_source = str(chapter(run, "people").get("source") or known_source)
    filters = listed([said(run, c) for c in usecase.include])
    eligible = f" Filters, in this order: {filters}." if filters else " No further filter was applied."
    lead = f"The data are from {known_source}. " if known_source else ""
    return [
        Heading("Data and participants"),
        text(
            f"{lead}Eligible were {words.lower(usecase.population.rstrip('.'))}.{eligible} People whose outcome is "
            "unknown could not be analysed; they are counted."
        ),
        *notes(run),
        *asked(
            run,
            [
                *([] if known_source else [("5a", "source of the data, and why it was chosen")]),
                ("5b", "dates of accrual and of the end of follow-up"),
                ("6a", "setting, number and location of centres"),
                ("6c", "treatments received, and how they were handled"),
            ],
        ),
    ]


def notes(run: Audited) -> list[Block]:
    """Return notes on the data: those of the program, and those of the people who declared the analysis."""
    own = [] if run.manifest.get("release") else [str(n).rstrip(".") for n in chapter(run, "people").get("notes") or []]
    out: list[Block] = [text(f"On the data: {'. '.join(own)}.")] if own else []
    given = run.usecase.notes.strip()
    return [*out, text("Notes of those who declared the analysis: ", written(given, ""), ".")] if given else out


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
        f"{d.name} is the {'sum' if d.sum else 'mean'} of: {'; '.join(labels.get(c, c) for c in d.sum or d.mean or [])}"
        for d in run.usecase.derive
        if d.name in columns
    ]
    parts = f" {'. '.join(derived)}." if derived else ""
    truth = ""
    if o.truth:
        name = o.truth_name or listed([said(run, c) for c in o.truth])
        truth = f" The record was held against a better measurement of the same thing: {name}."
    return [
        Heading("Outcome"),
        text(
            f"The outcome was {o.name}, present where {listed([said(run, c) for c in o.when])}.{parts} It was recorded "
            f"by {o.recorded_by.strip().rstrip('.')}.{truth}"
        ),
        *asked(run, [("8b", "who assessed the outcome"), ("8c", "blinding of the assessment of the outcome")]),
    ]


def predictors(run: Audited) -> list[Block]:
    """Return the predictors by their labels."""
    usecase = run.usecase
    labels = chapter(run, "people").get("labels") or {}
    names = [str(labels.get(f, f)).rstrip("?. ") for f in usecase.features]
    brought = [m.name for m in usecase.models if m.train is None]
    lines: list[Block] = [Heading("Predictors")]
    if names:
        lines.append(text(f"The models could use {len(names)} predictors: {'; '.join(names)}."))
    if brought:
        them = "their" if len(brought) > 1 else "its"
        lines.append(text(f"{listed(brought)} came with {them} scores or as a fitted model. ", Slot("its predictors")))
    return [
        *lines,
        *asked(
            run,
            [
                ("9a", "how the predictors were chosen"),
                ("9b", "how and when the predictors were measured"),
                ("9c", "who assessed the predictors"),
            ],
        ),
    ]


def sample(run: Audited) -> list[Block]:
    """Return how many people there were and what was needed to judge a group."""
    usecase = run.usecase
    row = pick(estimates(run), model=primary(run), metric="prevalence", attribute=OVERALL) or {}
    n, events = row.get("n"), row.get("events")
    cut = bool(run.manifest.get("release"))
    of = f", of whom {printed.share(events, n, protected=cut)} had {usecase.outcome.name}" if known(events) else ""
    lead = f"All eligible people with a known outcome were used: {count(n)}{of}. " if known(n) else ""
    needed = [_precision(m, usecase.precision.get(m, Precision())) for m in usecase.margins]
    rule = (
        f"The least that had to be known before a group was judged was declared beforehand: {'; '.join(needed)}. "
        "Groups with less are reported as not assessable, with the number of people that is lacking. "
        if needed
        else ""
    )
    return [Heading("Sample size"), text(lead + rule), *asked(run, [("10", NO_CALCULATION)])]


def _precision(metric: str, p: Precision) -> str:
    from primum.measure.metric import METRICS

    who = {"events": "people with the outcome", "nonevents": "people without the outcome"}
    whom = who.get(METRICS[metric].denominator, "people with the outcome and as many without it")
    scale = 100 if metric in RATES else 1
    unit = " percentage points" if metric in RATES else ""
    wide = f"an interval of at most ±{scale * p.half_width:g}{unit}"
    return f"for {printed.name(metric)}, at least {p.events} {whom}, and {wide}"


def missing(run: Audited) -> list[Block]:
    """Return what was done about missing values."""
    people = chapter(run, "people")
    codes = people.get("missing_codes") or []
    read = [c for c in codes if c.get("becomes") == "missing"]
    lines = []
    if read:
        columns = list(dict.fromkeys(str(c["column"]) for c in read))
        labels = people.get("labels") or {}
        lines.append(f"Codes that mean 'missing' were read as such in {listed([labels.get(c, c) for c in columns])}.")
    lines += [f"In {m.name}, {GAPS[m.train]}." for m in run.usecase.models if m.train is not None and m.train in GAPS]
    lost = [m for m in models(run) if m.get("not_scored")]
    if lost:
        lines.append(f"People to whom {listed([m['name'] for m in lost])} gives no score were left out of its numbers.")
    lines.append(
        "The outcome was never imputed. People whose membership of a group is missing are a group of their own, "
        "'not recorded'."
    )
    compared = chapter(run, "missing")
    if compared.get("strategies"):
        names = listed([str(s.get("name", s)) if isinstance(s, dict) else str(s) for s in compared["strategies"]])
        lines.append(f"Other ways of dealing with gaps were compared with this one: {names}.")
    rest: list[Block] = [text(" ".join(lines))]
    if any(m.train is None for m in run.usecase.models):
        rest += asked(run, [("11", "how models that were brought along deal with missing predictors")])
    return [Heading("Missing data"), *rest]


def flow(run: Audited) -> str:
    """Return how many people each filter left, in one sentence, or ""."""
    steps = chapter(run, "people").get("flow") or []
    if len(steps) < 2:
        return ""
    left = [
        f"{fixed(s['removed'])} were left out at the step ‘{s['step']}’ ({fixed(s['n'])} remained)" for s in steps[1:]
    ]
    return f"Of {fixed(steps[0]['n'])} {steps[0]['step']}, {listed(left)}."


def quoted(given: str, what: str) -> Inline:
    """Return a human reason in quotation marks, or its slot."""
    return written(given, what)
