"""The tables of the paper: people, performance overall and by group, differences with verdicts, repairs, measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from primum.finding import Finding, Verdict
from primum.measure.metric import METRICS
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, fixed, half_up, known, withheld_word
from primum.report.paper import printed
from primum.report.paper.behind import Who, behind, number
from primum.report.paper.manuscript import PaperTable
from primum.report.say import say, told
from primum.report.source import (
    Audited,
    Row,
    chapter,
    decided,
    divisions,
    estimates,
    models,
    primary,
    threshold,
    verdicts,
)
from primum.report.views import people, repairs
from primum.usecase import OVERALL, Precision

BY_GROUP = (
    "selection_rate", "sensitivity", "specificity", "ppv", "auroc", "oe_ratio", "calibration_slope", "net_benefit",
)  # fmt: skip
JUDGED = frozenset({"certified", "harmed"})
"""How the group of a repair can end, apart from not assessable."""


def tables(run: Audited) -> list[PaperTable]:
    """Return every table in the order of its number: those of the paper first, then the supplementary ones."""
    first = primary(run)
    found: list[PaperTable] = []
    main = [
        ("people", people_by_group(run), people_note(run), False),
        ("performance", overall(run), performance_note(run), False),
        ("performance-by-group", by_group(run, first), performance_note(run), False),
        ("differences", differences(run, first), difference_note(run), False),
        ("repairs", who_gains(run), repair_note(run), False),
    ]
    found += [
        PaperTable(str(i), f"table-{i}-{name}", grid, note, aside)
        for i, (name, grid, note, aside) in enumerate([m for m in main if m[1]], start=1)
    ]
    extra = [("measures", measures(run), say("paper.table.measures.symbols"), False)]
    extra += [(f"people-by-{_file(a)}", grid, characteristics_note(), True) for a, grid in characteristics(run)]
    for m in (x["name"] for x in models(run) if x["name"] != first):
        extra.append((f"performance-by-group-{_file(m)}", by_group(run, m), performance_note(run), True))
        extra.append((f"differences-{_file(m)}", differences(run, m), difference_note(run), True))
    found += [
        PaperTable(f"S{i}", f"table-s{i}-{name}", grid, note, aside)
        for i, (name, grid, note, aside) in enumerate([x for x in extra if x[1]], start=1)
    ]
    return found


def number_of(found: Sequence[PaperTable], name: str) -> str:
    """Return 'Table 3' for a table whose file name ends so, or "" when it is not there."""
    number = next((t.number for t in found if t.name.partition("-")[2].partition("-")[2] == name), "")
    return say("paper.table.name", number=number) if number else ""


def indexed(rows: Iterable[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Return rows by (model, metric, attribute, group), so that a large run is not searched for every cell."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for r in rows:
        found.setdefault((r["model"], r["metric"], r["attribute"], r["group"]), []).append(r)
    return found


def attribute_line(attribute: str) -> Line:
    """Return the heading of one way of dividing the people."""
    return Line(words.capital(attribute), section=True)


def people_by_group(run: Audited) -> Grid:
    """Return how many people there are in each group, and how many have the outcome."""
    model = primary(run)
    heads = [*_heads("group", "people"), say("paper.table.head.outcome", outcome=run.usecase.outcome.name)]
    unknown = chapter(run, "people").get("unrecorded") or {}
    heads += _heads("unknown") if unknown else []
    everyone = decided(estimates(run), model, "prevalence", OVERALL, "everyone", None)
    if everyone is None:
        return Grid("", heads, [])
    total = everyone.get("n")
    cut = bool(run.manifest.get("release"))
    none = _unknown(unknown, None)
    lines = [
        Line(words.group_name(OVERALL, "everyone"), _people(everyone, total, none, asked=bool(unknown), protected=cut))
    ]
    for attribute, groups, _ in divisions(run):
        lines.append(attribute_line(attribute))
        for group in groups:
            row = decided(estimates(run), model, "prevalence", attribute, group, None)
            if row is not None:
                gone = _unknown(unknown.get(attribute) or {}, group)
                cells_ = _people(row, total, gone, asked=bool(unknown), protected=cut)
                lines.append(Line(words.group_name(attribute, group), cells_))
    return Grid(say("paper.table.people.caption"), heads, lines)


def _people(row: Row, total: object, unknown: str, *, asked: bool, protected: bool) -> list[Cell]:
    hidden = printed.withheld(row)
    n, events = row.get("n"), row.get("events")
    if hidden and not known(n):
        return cells(withheld_word(), withheld_word(), *([unknown] if asked else []))
    both = [printed.share(a, b, protected=protected) for a, b in ((n, total), (events, n))]
    return cells(*both, *([unknown] if asked else []))


def _unknown(levels: Row, group: str | None) -> str:
    """Return how many eligible people have no outcome: of one group, or (None) of the first division."""
    if group is None:
        first: Row = next(iter(levels.values()), {}) if levels else {}
        if any(c["n"] is None or c["unknown_outcome"] is None for c in first.values()):
            return withheld_word()
        n = sum(c["n"] for c in first.values())
        return printed.share(sum(c["unknown_outcome"] for c in first.values()), n) if n else NONE
    cell = levels.get(group)
    return printed.share(cell["unknown_outcome"], cell["n"]) if cell else NONE


def people_note(run: Audited) -> str:
    """Return what stands below the table of people."""
    return _note(say("paper.table.people.note"), *_hidden(run))


def overall(run: Audited) -> Grid:
    """Return every measure for everyone, a column a model."""
    listed = [m["name"] for m in models(run)]
    rows = chapter(run, "performance").get("estimates", [])
    lines = []
    for metric in METRICS:
        found = [decided(rows, m, metric, OVERALL, "everyone", threshold(run, m)) for m in listed]
        if metric != "n" and any(r is not None for r in found):
            said = [Cell(printed.estimate(metric, r) if r is not None else NONE) for r in found]
            lines.append(Line(words.capital(printed.name(metric)), said))
    caption = say("paper.table.performance.caption", level=printed.level(run.usecase.level))
    return Grid(caption, [*_heads("measure"), *listed], lines)


def performance_note(run: Audited) -> str:
    """Return what stands below a table of performance."""
    return _note(say("paper.table.abbreviations"), *_hidden(run))


def by_group(run: Audited, model: str) -> Grid:
    """Return the main measures of one model in every group."""
    rows, at = indexed(estimates(run)), threshold(run, model)
    there = {metric for name, metric, *_ in rows if name == model}
    wanted = [m for m in METRICS if (m in BY_GROUP or m in run.usecase.margins) and m in there]
    lines = [_of_group(rows, model, wanted, at, OVERALL, "everyone")]
    for attribute, groups, _ in divisions(run):
        lines.append(attribute_line(attribute))
        lines += [_of_group(rows, model, wanted, at, attribute, g) for g in groups]
    heads = [*_heads("group", "people", "cases"), *(words.capital(printed.name(m)) for m in wanted)]
    caption = say("paper.table.by_group.caption", model=model, level=printed.level(run.usecase.level))
    return Grid(caption, heads, lines)


def _of_group(
    rows: Mapping[tuple[str, ...], list[Row]],
    model: str,
    wanted: list[str],
    at: float | None,
    attribute: str,
    group: str,
) -> Line:
    held = [rows.get((model, m, attribute, group), []) for m in wanted]
    found = [decided(own, model, m, attribute, group, at) for own, m in zip(held, wanted, strict=True)]
    first = next((r for r in found if r is not None), None)
    hidden = first is not None and printed.withheld(first)
    people_ = [printed.counted((first or {}).get(k), hidden=hidden) for k in ("n", "events")]
    said = [printed.estimate(m, r) if r is not None else NONE for m, r in zip(wanted, found, strict=True)]
    return Line(words.group_name(attribute, group), cells(*people_, *said))


def differences(run: Audited, model: str) -> Grid:
    """Return the difference of each group to its comparator, with the margin and the verdict, a block a measure."""
    joint = indexed(chapter(run, "groups").get("joint", []))
    sure = printed.level(run.usecase.level)
    heads = [*_heads("group", "number", "comparator"), say("paper.table.head.difference", level=sure)]
    heads += [say("paper.table.head.simultaneous", level=sure)] if joint else []
    lines: list[Line] = []
    exploratory = {g.title for g in run.usecase.groups if g.is_exploratory}
    for metric, size in run.usecase.margins.items():
        found, who = verdicts(run, model, metric), behind(run, model, metric)
        for attribute, groups, _ in divisions(run):
            here = [found[attribute, g] for g in groups if (attribute, g) in found]
            if here:
                kind = "section_exploratory" if attribute in exploratory else "section"
                head = say(
                    f"paper.table.differences.{kind}",
                    measure=words.capital(printed.name(metric)),
                    unit=printed.unit(metric),
                    margin=printed.margin(metric, size),
                    who=say(f"paper.table.differences.who.{who}", outcome=run.usecase.outcome.name),
                    attribute=words.capital(attribute),
                )
                lines.append(Line(head, section=True))
                lines += [_difference(run, f, who, joint, wide=bool(joint)) for f in here]
    caption = say("paper.table.differences.caption", model=model)
    return Grid(caption, [*heads, *_heads("verdict")], lines)


def _difference(run: Audited, f: Finding, who: Who, joint: Mapping[tuple[str, ...], list[Row]], *, wide: bool) -> Line:
    e = f.estimate
    hidden = f.verdict is Verdict.SUPPRESSED or printed.withheld(e)
    row = next(iter(joint.get((f.model, f.metric, f.attribute, f.group), [])), None)
    at_once = printed.limits(f.metric, row.get("joint_low"), row.get("joint_high")) if row else NONE
    said = [
        printed.counted(number(run, f, who), hidden=hidden),
        words.comparator(f.comparator) if f.comparator else NONE,
        withheld_word() if hidden and not known(e.value) else printed.difference(f.metric, e),
        *([withheld_word() if hidden else at_once] if wide else []),
        verdict(run, f),
    ]
    return Line(words.group_name(f.attribute, f.group), cells(*said))


def verdict(run: Audited, f: Finding) -> str:
    """Return the verdict with what it lacks: 'not assessable (about 120 more cases needed for 80% power)'."""
    if f.verdict is Verdict.SUPPRESSED or printed.withheld(f.estimate):
        return printed.verdict(Verdict.SUPPRESSED)
    said, more = printed.verdict(f.verdict), lack(run, f)
    if not more or f.verdict is Verdict.INCONCLUSIVE:
        return said
    return say("paper.verdict.lacking", verdict=said, lack=more)


def lack(run: Audited, f: Finding) -> str:
    """Return how many more people a verdict needs: 'about 120 more cases needed for 80% power', or ""."""
    if not f.more_events:
        return ""
    kind = "events" if f.more_kind == "events" else "nonevents"
    have = f.estimate.events if kind == "events" else f.estimate.nonevents
    least = run.usecase.precision.get(f.metric, Precision()).events
    rule = "least" if have + f.more_events == least else "more"
    return told(f"paper.verdict.{rule}.{kind}", f.more_events, count=fixed(f.more_events))


def difference_note(run: Audited) -> str:
    """Return what stands below a table of differences."""
    joint = chapter(run, "groups").get("joint", [])
    at_once = say("paper.table.differences.simultaneous") if joint else ""
    return _note(say("paper.table.differences.note"), at_once, *_hidden(run))


def who_gains(run: Audited) -> Grid:
    """Return what each repair changes for each group; repairs that change nothing are left out."""
    heads = _heads("group", "people", "found", "spared", "change", "verdict")
    lines: list[Line] = []
    for r in repairs.tried(run):
        if r["failed"] or not repairs.changed(r):
            continue
        state = "granted" if r["granted"] else "refused"
        kind = f"{state}_comparator" if r["comparator"] else state
        lines.append(Line(say(f"paper.table.repairs.{kind}", repair=words.capital(r["name"])), section=True))
        lines += [_changed(g) for g in r["groups"]]
    return Grid(say("paper.table.repairs.caption"), heads, lines)


def _changed(g: Row) -> Line:
    both = [f"{fixed(g[a])}/{fixed(g[b])}" for a, b in (("found", "lost"), ("spared", "alarmed"))]
    n = printed.counted(g["events"] + g["nonevents"])
    said = str(g.get("decides", g["verdict"]))
    state = say(f"paper.table.repairs.{said}") if said in JUDGED else printed.verdict(Verdict(said))
    return Line(words.full_name(g["attribute"], g["group"]), cells(n, *both, _per_thousand(g), state))


def _per_thousand(g: Row) -> str:
    """Return a change of utility per 1,000 people with its limits."""
    value, low, high = g.get("value"), g.get("low"), g.get("high")
    if not known(value):
        return printed.no_value(g)
    number = half_up(1000 * float(value or 0), 1)
    change = f"{'+' if number > 0 else ''}{fixed(number, 1)}"
    if not known(low):
        return change
    ends = {"low": fixed(1000 * float(low or 0), 1), "high": fixed(1000 * float(high or 0), 1)}
    return say("paper.number.estimate", value=change, **ends)


def repair_note(run: Audited) -> str:
    """Return what stands below the table of repairs."""
    declared = run.usecase.no_harm
    if declared is None:
        return ""
    same = [r["name"] for r in repairs.tried(run) if not r["failed"] and not repairs.changed(r)]
    none = say("paper.table.repairs.unchanged", repairs="; ".join(same)) if same else ""
    utility = chapter(run, "repairs").get("utility", {}).get("words") or say("paper.table.repairs.utility")
    note = say("paper.table.repairs.note", utility=utility, level=printed.level(1 - declared.alpha))
    return _note(note, none)


def measures(run: Audited) -> Grid:
    """Return how each measure that was computed is defined, with the methods of its intervals."""
    used: dict[str, set[str]] = {}
    for r in estimates(run):
        if r["metric"] in METRICS and r["metric"] != "n":
            used.setdefault(r["metric"], set()).add(str(r.get("method") or "none"))
    lines = [
        Line(
            words.capital(printed.name(name)),
            cells(m.words, m.formula, "; ".join(sorted(used[name] - {"none", "count"})) or NONE),
        )
        for name, m in METRICS.items()
        if name in used
    ]
    return Grid(say("paper.table.measures.caption"), _heads("measure", "words", "formula", "interval"), lines)


def characteristics(run: Audited) -> list[tuple[str, Grid]]:
    """Return the characteristics of people, once for each way of dividing them."""
    held = chapter(run, "people").get("table_one") or {}
    if len(held.get("rows", [])) < 2:
        return []  # only the outcome: the table of people by group has it
    by = [str(c["attribute"]) for c in held["columns"] if c["attribute"] != OVERALL]
    found = []
    for attribute, grid in zip(dict.fromkeys(by) or ["everyone"], people.table_one(run), strict=True):
        lines = [Line(x.head, [Cell(c.text.replace("\N{NO-BREAK SPACE}%", "%")) for c in x.cells]) for x in grid.lines]
        caption = (
            say("paper.table.characteristics.caption", attribute=attribute)
            if by
            else say("paper.table.characteristics.everyone")
        )
        found.append((attribute, Grid(caption, grid.columns, lines)))
    return found


def characteristics_note() -> str:
    """Return what stands below a table of characteristics."""
    return say("paper.table.characteristics.note")


def _hidden(run: Audited) -> list[str]:
    """Return what is said of hidden numbers, where there are any."""
    digits = [say("paper.table.digits")] if run.manifest.get("release") else []
    if not any(printed.withheld(r) for r in estimates(run)):
        return digits
    return [*digits, say("paper.table.withheld", word=withheld_word())]


def _note(*said: str) -> str:
    return " ".join(x for x in said if x)


def _heads(*names: str) -> list[str]:
    return [say(f"paper.table.head.{name}") for name in names]


def _file(name: str) -> str:
    """Return a name as part of a file name."""
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(part for part in safe.split("-") if part) or "x"
