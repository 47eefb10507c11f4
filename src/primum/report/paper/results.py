"""The results of a paper: people, performance, groups, repairs. Numbers and verdicts only, nothing interpreted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from primum.finding import Finding, Verdict, judge
from primum.measure.metric import METRICS
from primum.report import words
from primum.report.numbers import fixed, half_up, known
from primum.report.paper import printed
from primum.report.paper.design import flow
from primum.report.paper.manuscript import Block, Heading, PaperTable, Slot, bullets, listed, sentences, text
from primum.report.paper.table_set import lack, number_of
from primum.report.say import say, told
from primum.report.source import Audited, Row, chapter, decided, divisions, estimates, models, pick, primary, verdicts
from primum.report.source import threshold as cut_of
from primum.report.views import repairs
from primum.usecase import OVERALL

SAID = ("sensitivity", "specificity", "ppv", "auroc", "oe_ratio", "calibration_slope", "net_benefit")
BY_THRESHOLD = frozenset({"sensitivity", "specificity", "fpr", "fnr"})
"""Measures at the threshold among those with, or without, the outcome."""
LISTED = 30
_ALONE = re.compile(r"not when all (\d+) groups are compared at once")
ORDER = (Verdict.HARM, Verdict.NO_HARM, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.SUPPRESSED)


def results(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the results, and the place of the discussion, which only people can write."""
    return [
        Heading(say("paper.results.heading"), level=1),
        *people(run, tables),
        *record(run),
        *performance(run, tables),
        *groups(run, tables),
        *repaired(run, tables),
        Heading(say("paper.results.discussion"), level=1),
        text(Slot(say("paper.results.slot"))),
    ]


def people(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return who was analysed."""
    row = decided(estimates(run), primary(run), "prevalence", OVERALL, "everyone", None) or {}
    n, events, name = row.get("n"), row.get("events"), run.usecase.outcome.name
    cut = bool(run.manifest.get("release"))
    lines = [flow(run)]
    if known(n):
        of = printed.share(events, n, protected=cut)
        lines.append(say("paper.results.people.analysed", count=fixed(n), events=of, outcome=name))
    lost = [m for m in models(run) if m.get("not_scored")]
    for m in lost:
        first: dict[str, int] = next(iter(m["not_scored"].values()), {})
        if not cut:
            many = sum(first.values())
            lines.append(told("paper.results.people.not_scored", many, count=fixed(many), model=m["name"]))
    lines += [_unrecorded(run), _gaps(run)]
    table = number_of(tables, "people")
    lines.append(say("paper.results.people.table", table=table) if table else "")
    sides = [t for t in tables if "-people-by-" in t.name]
    if sides:
        ends = {"first": sides[0].number, "last": sides[-1].number}
        lines.append(told("paper.results.people.sides", len(sides), **ends))
    return [Heading(say("paper.results.people.heading")), sentences(*lines)]


def _unrecorded(run: Audited) -> str:
    """Return how many were left out because their outcome is unknown, and between which shares over the groups."""
    held = chapter(run, "people").get("unrecorded") or {}
    cells = {(a, g): c for a, groups in held.items() for g, c in groups.items() if c["n"]}
    if not cells or any(c["unknown_outcome"] is None for c in cells.values()):
        return ""
    everyone = next(iter(held.values())).values()
    eligible, lost = (sum(c[k] for c in everyone) for k in ("n", "unknown_outcome"))
    if not lost:
        return ""
    ranked = sorted(cells, key=lambda k: float(cells[k]["unknown_outcome"] / cells[k]["n"]))
    ends = {
        k: printed.percent(cells[at]["unknown_outcome"] / cells[at]["n"], 1)
        for k, at in (("low", ranked[0]), ("high", ranked[-1]))
    }
    names = {"first": words.full_name(*ranked[0]), "last": words.full_name(*ranked[-1])}
    about = {"eligible": fixed(eligible), "count": printed.share(lost, eligible)}
    return told("paper.results.people.unrecorded", lost, **about, **names, **ends)


def _gaps(run: Audited) -> str:
    """Return how many predictors have gaps, and which has most."""
    every = [r for r in chapter(run, "people").get("missingness", []) if r["attribute"] == OVERALL]
    rows = [r for r in every if known(r.get("share"))]
    some = sorted((r for r in rows if r["missing"]), key=lambda r: -float(r["share"]))
    if not rows:
        return ""
    if not some and len(rows) < len(every):
        return ""
    if not some:
        return say("paper.results.people.no_gaps", count=fixed(len(rows)))
    labels = chapter(run, "people").get("labels") or {}
    most = str(labels.get(some[0]["variable"], some[0]["variable"]))
    return say(
        "paper.results.people.gaps" if len(rows) == len(every) else "paper.results.people.gaps_shown",
        some=fixed(len(some)),
        count=fixed(len(rows)),
        name=most.rstrip("?. "),
        share=printed.percent(some[0]["share"], 1),
    )


def record(run: Audited) -> list[Block]:
    """Return how many of those who have the outcome by the better measurement the record misses."""
    held = chapter(run, "record")
    crossed = {a for a, _, cross in divisions(run) if cross}
    rows = [r for r in held.get("rows") or [] if r["attribute"] not in crossed and known(r.get("share_missed"))]
    if not rows:
        return []
    sure = printed.level(run.usecase.level)
    said = "; ".join(
        say(
            "paper.results.record.group",
            group=words.full_name(r["attribute"], r["group"]),
            share=printed.estimate("fnr", _missed(r), sure=sure),
        )
        for r in rows
    )
    truth = held.get("truth_name")
    line = (
        say("paper.results.record.named", truth=truth, groups=said)
        if truth
        else say("paper.results.record.unnamed", groups=said)
    )
    return [Heading(say("paper.results.record.heading")), text(line)]


def _missed(r: Row) -> Row:
    return {"value": r["share_missed"], "low": r["low"], "high": r["high"]}


def performance(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the performance of every model in everyone."""
    sure = printed.level(run.usecase.level)
    lines = []
    for m in models(run):
        at, name = cut_of(run, m["name"]), str(m["name"])
        rows = {k: decided(estimates(run), name, k, OVERALL, "everyone", at) for k in SAID}
        values = [
            say("paper.results.performance.value", measure=printed.name(k), estimate=printed.estimate(k, r, sure=sure))
            for k, r in rows.items()
            if r is not None
        ]
        if rows["net_benefit"] is not None:
            values[-1] = _beside(values[-1], decided(estimates(run), name, "prevalence", OVERALL, "everyone", None), at)
        if values:
            lines.append(say("paper.results.performance.model", model=name, values="; ".join(values)))
    natural = _natural(run)
    table = number_of(tables, "performance")
    where = say("paper.results.performance.table", table=table) if table else ""
    out: list[Block] = [Heading(say("paper.results.performance.heading")), *bullets(lines)]
    return [*out, sentences(natural, where)] if natural or where else out


def _beside(value: str, prevalence: Row | None, at: float | None) -> str:
    """Return a net benefit beside that of selecting everybody, p − (1 − p) · t/(1 − t), and of selecting nobody."""
    if prevalence is None or not known(prevalence.get("value")) or at is None or not 0 < at < 1:
        return value
    everybody = printed.everybody(float(prevalence["value"]), at)
    return say("paper.results.performance.beside", value=value, everybody=everybody)


def _natural(run: Audited) -> str:
    """Return what the primary model would do among 1,000 people."""
    row = pick(chapter(run, "groups").get("consequences", []), model=primary(run), attribute=OVERALL)
    if row is None or not all(known(row.get(k)) for k in ("with_outcome", "found", "false_alarms")):
        return ""
    ill, found = half_up(float(row["with_outcome"])), half_up(float(row["found"]))
    return say(
        "paper.results.performance.natural",
        per=fixed(row["per"]),
        ill=fixed(ill),
        outcome=run.usecase.outcome.name,
        model=primary(run),
        found=fixed(found),
        missed=fixed(ill - found),
        alarms=fixed(row["false_alarms"]),
    )


def groups(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return the verdicts of the primary model by measure, and where other models are shown to harm."""
    first = primary(run)
    out: list[Block] = [Heading(say("paper.results.groups.heading"))]
    places = [t for t in (number_of(tables, "performance-by-group"), number_of(tables, "differences")) if t]
    lead = say("paper.results.groups.tables", tables=listed(places)) if places else ""
    crossed = {a for a, _, cross in divisions(run) if cross}
    spoken_of = cautious = False
    for metric in run.usecase.margins:
        found = list(verdicts(run, first, metric).values())
        if found:
            out += _of_measure(run, metric, found, crossed, lead if not spoken_of else "")
            spoken_of = True
        if not cautious and metric in BY_THRESHOLD and any(f.verdict is Verdict.HARM for f in found):
            out.append(text(_caution(run, number_of(tables, "performance-by-group"))))
            cautious = True
    if not spoken_of:
        out.append(sentences(lead, say("paper.results.groups.none")))
    others = [x for x in (_others(run, str(m["name"])) for m in models(run) if m["name"] != first) if x]
    return [*out, text(say("paper.results.groups.others", models=" ".join(others)))] if others else out


def _caution(run: Audited, table: str) -> str:
    """Return what a difference at one threshold may come from, and where to look."""
    there = {r["metric"] for r in chapter(run, "groups").get("estimates", []) if r["model"] == primary(run)}
    if table and {"oe_ratio", "net_benefit"} <= there:
        return say("paper.results.groups.caution_table", table=table)
    return say("paper.results.groups.caution")


def _of_measure(run: Audited, metric: str, found: list[Finding], crossed: set[str], lead: str) -> list[Block]:
    """Return the verdicts on one measure: harm in sentences, the rest as lists with intervals."""
    single = [f for f in found if f.attribute not in crossed]
    both = [f for f in found if f.attribute in crossed]
    own = told(
        "paper.results.groups.verdicts",
        len(single),
        measure=words.capital(printed.name(metric)),
        model=primary(run),
        margin=printed.margin_with_unit(metric, run.usecase.margins[metric]),
        count=fixed(len(single)),
        verdicts=listed(_counts(single)) or say("paper.results.groups.no_verdict"),
    )
    inner = ""
    if both:
        k = len(both)
        inner = told("paper.results.groups.combined", k, count=fixed(k), verdicts=listed(_counts(both)))
    lines = [sentence(run, f) for f in found if f.verdict is Verdict.HARM]
    for kind in ORDER[1:]:
        here = [f for f in single if f.verdict is kind and not _signal(run, f)]
        if here:
            shown = {
                "verdict": words.capital(printed.verdict(kind)),
                "groups": "; ".join(_brief(run, f) for f in here[:LISTED]),
            }
            more = len(here) - LISTED
            lines.append(
                say("paper.results.groups.list_more", count=fixed(more), **shown)
                if more > 0
                else say("paper.results.groups.list", **shown)
            )
    signals = [f for f in found if _signal(run, f)]
    if signals:
        lines.append(say("paper.results.groups.few", groups="; ".join(_brief(run, f) for f in signals)))
    return [sentences(lead, own, inner), *bullets(lines)]


def _signal(run: Audited, f: Finding) -> bool:
    """Whether a group has too few people to be judged, and the whole interval lies beyond the margin all the same."""
    better = METRICS[f.metric].better
    if f.verdict is not Verdict.NOT_ASSESSABLE or not f.estimate.ok or better == "none":
        return False
    way = better if better in {"higher", "lower"} else "zero"
    return judge(f.estimate.low, f.estimate.high, run.usecase.margins[f.metric], better=way) is Verdict.HARM


def _counts(found: list[Finding]) -> list[str]:
    several = [(v, sum(f.verdict is v for f in found)) for v in ORDER]
    return [say("paper.results.groups.in", verdict=printed.verdict(v), count=fixed(k)) for v, k in several if k]


def sentence(run: Audited, f: Finding) -> str:
    """Return where harm is shown, in one sentence with its interval."""
    sure = printed.level(f.estimate.level)
    about = {
        "group": words.full_name(f.attribute, f.group),
        "difference": printed.difference(f.metric, f.estimate, sure=sure, units=True),
        "comparator": words.comparator(f.comparator) if f.comparator else say("paper.results.groups.comparator"),
    }
    alone = _ALONE.search(f.reason)
    if alone:
        about["n"] = alone[1]
    key = f"paper.results.groups.{'alone' if alone else 'harm'}"
    row = decided(estimates(run), f.model, f.metric, f.attribute, f.group, cut_of(run, f.model))
    if row is not None and known(row.get("value")):
        own = {"measure": printed.name(f.metric), "own": printed.estimate(f.metric, row, sure=sure)}
        harm = say(f"{key}_own", **about, **own)
    else:
        harm = say(key, **about)
    at_once = "" if alone else words.at_once(f)
    return f"{harm} {at_once}" if at_once else harm


def _brief(run: Audited, f: Finding) -> str:
    """Return a group with its difference and what it lacks: 'Asian (ethnicity) −28.8 (−46.1 to −9.6), 272 more …'."""
    name = words.full_name(f.attribute, f.group)
    if f.verdict is Verdict.SUPPRESSED or printed.withheld(f.estimate):
        return name
    value, few = printed.difference(f.metric, f.estimate), f.verdict is Verdict.NOT_ASSESSABLE and lack(run, f)
    if few:
        return say("paper.results.groups.group_lack", group=name, difference=value, lack=few)
    return say("paper.results.groups.group", group=name, difference=value)


def _others(run: Audited, model: str) -> str:
    """Return where harm is shown with another model."""
    said = []
    for metric in run.usecase.margins:
        found = list(verdicts(run, model, metric).values())
        if not found:
            continue
        harmed = [_harmed(f) for f in found if f.verdict is Verdict.HARM]
        who = listed(harmed) if harmed else say("paper.results.groups.no_group")
        said.append(say("paper.results.groups.other_measure", measure=printed.name(metric), groups=who))
    return say("paper.results.groups.other", model=model, measures="; ".join(said)) if said else ""


def _harmed(f: Finding) -> str:
    """Return a group for which harm is shown; whether it is so for this group looked at alone."""
    name = words.full_name(f.attribute, f.group)
    return say("paper.results.groups.other_alone", group=name) if _ALONE.search(f.reason) else name


def repaired(run: Audited, tables: Sequence[PaperTable]) -> list[Block]:
    """Return what became of each repair."""
    lines = repairs.lines(run)
    if not lines:
        return []
    table = number_of(tables, "repairs")
    where = say("paper.results.repairs.table", table=table) if table else ""
    plain = [line.replace("\N{NO-BREAK SPACE}%", "%") for line in lines]
    return [Heading(say("paper.results.repairs.heading")), *bullets(plain), *([text(where)] if where else [])]
