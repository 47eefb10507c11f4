"""The tables of the paper: people, performance overall and by group, differences with verdicts, repairs, measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from primum.finding import Finding, Verdict
from primum.measure.metric import METRICS
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, fixed, half_up, known
from primum.report.paper import printed
from primum.report.paper.manuscript import MISSING_WORD, PaperTable
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
from primum.usecase import OVERALL

BY_GROUP = ("selection_rate", "sensitivity", "specificity", "ppv", "auroc", "oe_ratio", "calibration_slope")
HIDDEN = "inconclusive (suppressed)"
STATES = {"certified": "no loss beyond the margin", "harmed": "loses more than the margin"}
ABBREVIATIONS = "AUROC=area under the receiver operating characteristic curve; CI=confidence interval."
WITHHELD = f"“{MISSING_WORD}”: not shown, to protect people in small cells, of this group or of another."
DIGITS = "Numbers rest on protected counts, with as many digits as these allow; limits are rounded outwards."
SYMBOLS = (
    "TP, FP, TN, FN=true and false positives and negatives; n=people; t=decision threshold; y=outcome; s=predicted "
    "risk; P, R=precision and recall at each threshold; b=bin of risks."
)
REPAIRS = (
    "Found/lost: people with the outcome whom only the repaired model selects, and whom only the present one selects. "
    "Spared/added: people without it whom only the present model selects, and whom only the repaired one selects. "
    "Change: {} per 1,000 people of the group, with one-sided limits at {} each. {}"
)


def tables(run: Audited) -> list[PaperTable]:
    """Return every table in the order of its number: those of the paper first, then the supplementary ones."""
    first = primary(run)
    found: list[PaperTable] = []
    main = [
        ("people", people_by_group(run), people_note(run), False),
        ("performance", overall(run), f"{ABBREVIATIONS} {_hidden(run)}", False),
        ("performance-by-group", by_group(run, first), f"{ABBREVIATIONS} {_hidden(run)}", False),
        ("differences", differences(run, first), f"{difference_note(run)} {_hidden(run)}", False),
        ("repairs", who_gains(run), repair_note(run), False),
    ]
    found += [
        PaperTable(str(i), f"table-{i}-{name}", grid, note.strip(), aside)
        for i, (name, grid, note, aside) in enumerate([m for m in main if m[1]], start=1)
    ]
    extra = [("measures", measures(run), SYMBOLS, False)]
    extra += [(f"people-by-{_file(a)}", grid, characteristics_note(), True) for a, grid in characteristics(run)]
    for m in (x["name"] for x in models(run) if x["name"] != first):
        note = f"{ABBREVIATIONS} {_hidden(run)}"
        extra.append((f"performance-by-group-{_file(m)}", by_group(run, m), note, True))
        extra.append((f"differences-{_file(m)}", differences(run, m), f"{difference_note(run)} {_hidden(run)}", True))
    found += [
        PaperTable(f"S{i}", f"table-s{i}-{name}", grid, note.strip(), aside)
        for i, (name, grid, note, aside) in enumerate([x for x in extra if x[1]], start=1)
    ]
    return found


def number_of(found: Sequence[PaperTable], name: str) -> str:
    """Return 'Table 3' for a table whose file name ends so, or "" when it is not there."""
    return next((f"Table {t.number}" for t in found if t.name.partition("-")[2].partition("-")[2] == name), "")


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
    heads = ["Group", "People", f"With {run.usecase.outcome.name}"]
    unknown = chapter(run, "people").get("unrecorded") or {}
    heads += ["Outcome unknown, of those eligible"] if unknown else []
    everyone = decided(estimates(run), model, "prevalence", OVERALL, "everyone", None)
    if everyone is None:
        return Grid("", heads, [])
    total = everyone.get("n")
    cut = bool(run.manifest.get("release"))
    none = _unknown(unknown, None)
    lines = [Line("Everyone", _people(everyone, total, none, asked=bool(unknown), protected=cut))]
    for attribute, groups, _ in divisions(run):
        lines.append(attribute_line(attribute))
        for group in groups:
            row = decided(estimates(run), model, "prevalence", attribute, group, None)
            if row is not None:
                gone = _unknown(unknown.get(attribute) or {}, group)
                cells_ = _people(row, total, gone, asked=bool(unknown), protected=cut)
                lines.append(Line(words.group_name(attribute, group), cells_))
    return Grid("People in the analysis, by group", heads, lines)


def _people(row: Row, total: object, unknown: str, *, asked: bool, protected: bool) -> list[Cell]:
    hidden = printed.withheld(row)
    n, events = row.get("n"), row.get("events")
    if hidden and not known(n):
        return cells(MISSING_WORD, MISSING_WORD, *([unknown] if asked else []))
    both = [printed.share(a, b, protected=protected) for a, b in ((n, total), (events, n))]
    return cells(*both, *([unknown] if asked else []))


def _unknown(levels: Row, group: str | None) -> str:
    """Return how many eligible people have no outcome: of one group, or (None) of the first division."""
    if group is None:
        first: Row = next(iter(levels.values()), {}) if levels else {}
        if any(c["n"] is None or c["unknown_outcome"] is None for c in first.values()):
            return MISSING_WORD
        n = sum(c["n"] for c in first.values())
        return printed.share(sum(c["unknown_outcome"] for c in first.values()), n) if n else NONE
    cell = levels.get(group)
    return printed.share(cell["unknown_outcome"], cell["n"]) if cell else NONE


def people_note(run: Audited) -> str:
    """Return what stands below the table of people."""
    said = "Values are numbers (percentages): people of everyone, the outcome of the people in the group."
    return f"{said} {_hidden(run)}"


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
    sure = printed.level(run.usecase.level)
    caption = f"Performance in everyone. Values are estimates ({sure} CI)"
    return Grid(caption, ["Measure", *listed], lines)


def by_group(run: Audited, model: str) -> Grid:
    """Return the main measures of one model in every group."""
    rows, at = indexed(estimates(run)), threshold(run, model)
    there = {metric for name, metric, *_ in rows if name == model}
    wanted = [m for m in METRICS if (m in BY_GROUP or m in run.usecase.margins) and m in there]
    lines = [_of_group(rows, model, wanted, at, OVERALL, "everyone")]
    for attribute, groups, _ in divisions(run):
        lines.append(attribute_line(attribute))
        lines += [_of_group(rows, model, wanted, at, attribute, g) for g in groups]
    sure = printed.level(run.usecase.level)
    heads = ["Group", "People", "Cases", *(words.capital(printed.name(m)) for m in wanted)]
    return Grid(f"Performance of {model} in every group. Values are estimates ({sure} CI)", heads, lines)


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
    heads = ["Group", "Cases", "Compared with", f"Difference ({sure} CI)"]
    heads += [f"Simultaneous {sure} CI"] if joint else []
    lines: list[Line] = []
    exploratory = {g.title for g in run.usecase.groups if g.is_exploratory}
    for metric, size in run.usecase.margins.items():
        found = verdicts(run, model, metric)
        for attribute, groups, _ in divisions(run):
            here = [found[attribute, g] for g in groups if (attribute, g) in found]
            if here:
                kind = " (exploratory)" if attribute in exploratory else ""
                unit = printed.unit(metric)
                lead = f"{words.capital(printed.name(metric))}, {unit}; margin {printed.margin(metric, size)}"
                lines.append(Line(f"{lead}. {words.capital(attribute)}{kind}", section=True))
                lines += [_difference(f, joint, wide=bool(joint)) for f in here]
    caption = f"Differences between groups, {model}, with the margins declared beforehand and the verdicts"
    return Grid(caption, [*heads, "Verdict"], lines)


def _difference(f: Finding, joint: Mapping[tuple[str, ...], list[Row]], *, wide: bool) -> Line:
    e = f.estimate
    hidden = f.verdict is Verdict.SUPPRESSED or printed.withheld(e)
    row = next(iter(joint.get((f.model, f.metric, f.attribute, f.group), [])), None)
    at_once = printed.limits(f.metric, row.get("joint_low"), row.get("joint_high")) if row else NONE
    said = [
        printed.counted(e.events, hidden=hidden),
        words.comparator(f.comparator) if f.comparator else NONE,
        MISSING_WORD if hidden and not known(e.value) else printed.difference(f.metric, e),
        *([MISSING_WORD if hidden else at_once] if wide else []),
        verdict(f),
    ]
    return Line(words.group_name(f.attribute, f.group), cells(*said))


def verdict(f: Finding) -> str:
    """Return the verdict with what it lacks: 'not assessable (120 more cases needed)'."""
    if f.verdict is Verdict.SUPPRESSED or printed.withheld(f.estimate):
        return HIDDEN
    who = "cases" if f.more_kind == "events" else "people without it"
    more = f" ({fixed(f.more_events)} more {who} needed)" if f.more_events else ""
    return f"{f.verdict}{more if f.verdict is not Verdict.INCONCLUSIVE else ''}"


def difference_note(run: Audited) -> str:
    """Return what stands below a table of differences."""
    joint = chapter(run, "groups").get("joint", [])
    at_once = " Simultaneous intervals hold together for all groups under one heading." if joint else ""
    return (
        "CI=confidence interval. A difference is the group minus what it is compared with. Harm shown: the whole "
        "interval lies beyond the margin; no harm shown within the margin: the whole interval lies inside it; "
        f"inconclusive: it reaches both sides; not assessable: too few people by what was declared.{at_once}"
    )


def who_gains(run: Audited) -> Grid:
    """Return what each repair changes for each group; repairs that change nothing are left out."""
    heads = ["Group", "People", "Found/lost", "Spared/added", "Change per 1,000 (limits)", "Verdict"]
    lines: list[Line] = []
    for r in repairs.tried(run):
        if r["failed"] or not repairs.changed(r):
            continue
        state = "granted" if r["granted"] else "refused"
        role = "; for comparison only" if r["comparator"] else ""
        lines.append(Line(f"{words.capital(r['name'])} (certificate {state}{role})", section=True))
        lines += [_changed(g) for g in r["groups"]]
    return Grid("What each repair would change, for whom", heads, lines)


def _changed(g: Row) -> Line:
    both = [f"{fixed(g[a])}/{fixed(g[b])}" for a, b in (("found", "lost"), ("spared", "alarmed"))]
    value = g.get("value")
    change = "not estimable"
    if known(value):
        number = half_up(1000 * float(value or 0), 1)
        change = f"{'+' if number > 0 else ''}{fixed(number, 1)}"
        change += f" ({fixed(1000 * g['low'], 1)} to {fixed(1000 * g['high'], 1)})" if known(g["low"]) else ""
    n = printed.counted(g["events"] + g["nonevents"])
    said = STATES.get(str(g.get("decides", g["verdict"])), str(g["verdict"]))
    return Line(words.full_name(g["attribute"], g["group"]), cells(n, *both, change, said))


def repair_note(run: Audited) -> str:
    """Return what stands below the table of repairs."""
    declared = run.usecase.no_harm
    if declared is None:
        return ""
    same = [r["name"] for r in repairs.tried(run) if not r["failed"] and not repairs.changed(r)]
    none = f"No decision about anybody here changes with: {'; '.join(same)}." if same else ""
    utility = str(chapter(run, "repairs").get("utility", {}).get("words", "")) or "the declared utility"
    return REPAIRS.format(utility, printed.level(1 - declared.alpha), none).strip()


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
    return Grid("Measures of performance", ["Measure", "In words", "Formula", "Interval"], lines)


def characteristics(run: Audited) -> list[tuple[str, Grid]]:
    """Return the characteristics of people, once for each way of dividing them."""
    if len((chapter(run, "people").get("table_one") or {}).get("rows", [])) < 2:
        return []  # only the outcome: the table of people by group has it
    found = []
    for grid in people.table_one(run):
        attribute = grid.caption.rpartition(", by ")[2] if ", by " in grid.caption else "everyone"
        lines = [Line(x.head, [Cell(c.text.replace("\N{NO-BREAK SPACE}%", "%")) for c in x.cells]) for x in grid.lines]
        found.append((attribute, Grid(f"Characteristics of people, by {attribute}", grid.columns, lines)))
    return found


def characteristics_note() -> str:
    """Return what stands below a table of characteristics."""
    return "Values are numbers (percentages of those with a known value) or means (standard deviations)."


def _hidden(run: Audited) -> str:
    """Return what is said of hidden numbers, where there are any."""
    some = any(printed.withheld(r) for r in estimates(run))
    digits = DIGITS if run.manifest.get("release") else ""
    return f"{digits} {WITHHELD if some else ''}".strip()


def _file(name: str) -> str:
    """Return a name as part of a file name."""
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(part for part in safe.split("-") if part) or "x"
