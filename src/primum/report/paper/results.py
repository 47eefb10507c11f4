"""The results of a paper: people, performance, groups, repairs. Numbers and verdicts only, nothing interpreted."""

from __future__ import annotations

from collections.abc import Sequence

from primum.finding import Finding, Verdict, judge
from primum.measure.metric import METRICS
from primum.report import words
from primum.report.numbers import RATES, fixed, half_up, known
from primum.report.paper import printed
from primum.report.paper.design import flow
from primum.report.paper.manuscript import Block, Heading, PaperTable, Slot, bullets, listed, text
from primum.report.paper.table_set import number_of, verdict
from primum.report.source import Audited, Row, chapter, decided, divisions, estimates, models, pick, primary, verdicts
from primum.report.source import threshold as cut_of
from primum.report.views import repairs
from primum.usecase import OVERALL

SAID = ("sensitivity", "specificity", "ppv", "auroc", "oe_ratio", "calibration_slope", "net_benefit")
LISTED = 30


def results(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the results, and the place of the discussion, which only people can write."""
    return [
        Heading("Results", level=1),
        *people(run, tables),
        *record(run),
        *performance(run, tables),
        *groups(run, tables),
        *repaired(run, tables),
        Heading("Discussion", level=1),
        text(Slot("interpretation, limitations and use of the findings (TRIPOD+AI 25 to 27)")),
    ]


def people(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return who was analysed."""
    row = decided(estimates(run), primary(run), "prevalence", OVERALL, "everyone", None) or {}
    n, events, name = row.get("n"), row.get("events"), run.usecase.outcome.name
    cut = bool(run.manifest.get("release"))
    lines = [flow(run)]
    if known(n):
        lines.append(f"{fixed(n)} people were analysed; {printed.share(events, n, protected=cut)} had {name}.")
    lost = [m for m in models(run) if m.get("not_scored")]
    for m in lost:
        first: dict[str, int] = next(iter(m["not_scored"].values()), {})
        if not cut:
            lines.append(f"{m['name']} gave no score to {fixed(sum(first.values()))} people.")
    lines.append(_gaps(run))
    table = number_of(tables, "people")
    lines.append(f"{table} shows people by group." if table else "")
    sides = [t for t in tables if "-people-by-" in t.name]
    if sides:
        where = f"Tables {sides[0].number} to {sides[-1].number}" if len(sides) > 1 else f"Table {sides[0].number}"
        lines.append(f"Their characteristics are in supplementary {where}.")
    return [Heading("Participants"), text(" ".join(x for x in lines if x))]


def _gaps(run: Audited) -> str:
    """Return how many predictors have gaps, and which has most."""
    rows = [r for r in chapter(run, "people").get("missingness", []) if r["attribute"] == OVERALL]
    rows = [r for r in rows if known(r.get("share"))]
    some = sorted((r for r in rows if r["missing"]), key=lambda r: -float(r["share"]))
    if not rows:
        return ""
    if not some:
        return f"None of {fixed(len(rows))} predictors had missing values."
    labels = chapter(run, "people").get("labels") or {}
    most = str(labels.get(some[0]["variable"], some[0]["variable"]))
    which = f"most of all '{most.rstrip('?. ')}' ({printed.percent(some[0]['share'], 1)})"
    return f"{fixed(len(some))} of {fixed(len(rows))} predictors had missing values, {which}."


def record(run: Audited) -> list[Block]:
    """Return how many of those who have the outcome by the better measurement the record misses."""
    held = chapter(run, "record")
    crossed = {a for a, _, cross in divisions(run) if cross}
    rows = [r for r in held.get("rows") or [] if r["attribute"] not in crossed and known(r.get("share_missed"))]
    if not rows:
        return []
    sure = printed.level(run.usecase.level)
    said = [
        f"{words.full_name(r['attribute'], r['group'])}, {printed.estimate('fnr', _missed(r), sure=sure)}" for r in rows
    ]
    lead = f"Of those who have it by {held.get('truth_name') or 'the better measurement'}, the record misses:"
    return [Heading("The record of the outcome"), text(f"{lead} {'; '.join(said)}.")]


def _missed(r: Row) -> Row:
    return {"value": r["share_missed"], "low": r["low"], "high": r["high"]}


def performance(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the performance of every model in everyone."""
    sure = printed.level(run.usecase.level)
    lines = []
    for m in models(run):
        at, name = cut_of(run, m["name"]), str(m["name"])
        rows = {k: decided(estimates(run), name, k, OVERALL, "everyone", at) for k in SAID}
        told = [f"{printed.name(k)} {printed.estimate(k, r, sure=sure)}" for k, r in rows.items() if r is not None]
        if told:
            lines.append(f"{name}: {'; '.join(told)}.")
    natural = _natural(run)
    table = number_of(tables, "performance")
    where = f"All measures are in {table}." if table else ""
    out: list[Block] = [Heading("Performance in everyone"), *bullets(lines)]
    return [*out, text(" ".join(x for x in (natural, where) if x))] if natural or where else out


def _natural(run: Audited) -> str:
    """Return what the primary model would do among 1,000 people."""
    row = pick(chapter(run, "groups").get("consequences", []), model=primary(run), attribute=OVERALL)
    if row is None or not all(known(row.get(k)) for k in ("with_outcome", "found", "false_alarms")):
        return ""
    ill, found = half_up(float(row["with_outcome"])), half_up(float(row["found"]))
    name = run.usecase.outcome.name
    return (
        f"Of {fixed(row['per'])} people, {fixed(ill)} have {name}: {primary(run)} would select {fixed(found)} of them "
        f"and miss {fixed(ill - found)}, and would select {fixed(row['false_alarms'])} people without {name}."
    )


def groups(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the verdicts of the primary model by measure, and where other models are shown to harm."""
    first = primary(run)
    out: list[Block] = [Heading("Performance by group")]
    places = [t for t in (number_of(tables, "performance-by-group"), number_of(tables, "differences")) if t]
    lead = f"Performance and differences by group are in {listed(places)}. " if places else ""
    crossed = {a for a, _, cross in divisions(run) if cross}
    told = False
    for metric in run.usecase.margins:
        found = list(verdicts(run, first, metric).values())
        if found:
            out += _of_measure(run, metric, found, crossed, lead if not told else "")
            told = True
    if not told:
        out.append(text(f"{lead}No group was compared on a measure with a margin."))
    others = [_others(run, str(m["name"])) for m in models(run) if m["name"] != first]
    others = [x for x in others if x]
    return [*out, text(f"Other models. {' '.join(others)}")] if others else out


def _of_measure(run: Audited, metric: str, found: list[Finding], crossed: set[str], lead: str) -> list[Block]:
    """Return the verdicts on one measure: harm in sentences, the rest as lists with intervals."""
    single = [f for f in found if f.attribute not in crossed]
    both = [f for f in found if f.attribute in crossed]
    size = f"{printed.margin(metric, run.usecase.margins[metric])}{_points(metric)}"
    title = words.capital(printed.name(metric))
    counts = listed(_counts(single)) or "none"
    inner = f" Of {fixed(len(both))} combinations of groups: {listed(_counts(both))}." if both else ""
    text_ = f"{lead}{title} of {primary(run)} (margin {size}), {fixed(len(single))} groups: {counts}.{inner}"
    lines = [sentence(run, f) for f in found if f.verdict is Verdict.HARM]
    for kind, name in (
        (Verdict.NO_HARM, "No harm shown within the margin"),
        (Verdict.INCONCLUSIVE, "Inconclusive"),
        (Verdict.NOT_ASSESSABLE, "Not assessable"),
        (Verdict.SUPPRESSED, "Inconclusive (suppressed)"),
    ):
        here = [f for f in single if f.verdict is kind and not _signal(run, f)]
        if here:
            shown = "; ".join(_brief(f) for f in here[:LISTED])
            more = f"; and {fixed(len(here) - LISTED)} more" if len(here) > LISTED else ""
            lines.append(f"{name}: {shown}{more}.")
    signals = [f for f in found if _signal(run, f)]
    if signals:
        shown = "; ".join(_brief(f) for f in signals)
        lines.append(f"Too few people to judge, yet the whole interval lies beyond the margin: {shown}.")
    return [text(text_), *bullets(lines)]


def _signal(run: Audited, f: Finding) -> bool:
    """Whether a group has too few people to be judged, and the whole interval lies beyond the margin all the same."""
    better = METRICS[f.metric].better
    if f.verdict is not Verdict.NOT_ASSESSABLE or not f.estimate.ok or better == "none":
        return False
    way = better if better in {"higher", "lower"} else "zero"
    return judge(f.estimate.low, f.estimate.high, run.usecase.margins[f.metric], better=way) is Verdict.HARM


def _counts(found: list[Finding]) -> list[str]:
    order = (Verdict.HARM, Verdict.NO_HARM, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.SUPPRESSED)
    names = {Verdict.SUPPRESSED: "inconclusive (suppressed)"}
    said = [(names.get(v, str(v)), sum(f.verdict is v for f in found)) for v in order]
    return [f"{name} in {fixed(k)}" for name, k in said if k]


def sentence(run: Audited, f: Finding) -> str:
    """Return where harm is shown, in one sentence with its interval."""
    sure, name = printed.level(f.estimate.level), words.full_name(f.attribute, f.group)
    value = printed.difference(f.metric, f.estimate, sure=sure).replace(" (", f"{_points(f.metric)} (", 1)
    own = decided(estimates(run), f.model, f.metric, f.attribute, f.group, cut_of(run, f.model))
    known_own = own is not None and known(own.get("value"))
    here = (
        f"; its own {printed.name(f.metric)} is {printed.estimate(f.metric, own or {}, sure=sure)}" if known_own else ""
    )
    against = words.comparator(f.comparator) if f.comparator else "what it was compared with"
    at_once = words.at_once(f)
    return f"Harm shown: {name}, a difference of {value} from {against}{here}.{f' {at_once}' if at_once else ''}"


def _points(metric: str) -> str:
    return " percentage points" if metric in RATES else ""


def _brief(f: Finding) -> str:
    """Return a group with its difference and what it lacks: 'Asian (ethnicity) −28.8 (−46.1 to −9.6), 272 more …'."""
    name = words.full_name(f.attribute, f.group)
    if f.verdict is Verdict.SUPPRESSED or printed.withheld(f.estimate):
        return name
    value = printed.difference(f.metric, f.estimate)
    lack = verdict(f).partition(" (")[2].rstrip(")") if f.verdict is Verdict.NOT_ASSESSABLE else ""
    return f"{name}, {value}{f', {lack}' if lack else ''}"


def _others(run: Audited, model: str) -> str:
    """Return where harm is shown with another model."""
    told = []
    for metric in run.usecase.margins:
        found = list(verdicts(run, model, metric).values())
        if not found:
            continue
        harmed = [words.full_name(f.attribute, f.group) for f in found if f.verdict is Verdict.HARM]
        who = listed(harmed) if harmed else "no group"
        told.append(f"{printed.name(metric)}, {who}")
    return f"With {model}, harm was shown for: {'; '.join(told)}." if told else ""


def repaired(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return what became of each repair."""
    lines = repairs.lines(run)
    if not lines:
        return []
    table = number_of(tables, "repairs")
    where = f"{table} shows who would gain and who would lose." if table else ""
    plain = [line.replace("\N{NO-BREAK SPACE}%", "%") for line in lines]
    return [Heading("Repairs"), *bullets(plain), *([text(where)] if where else [])]
