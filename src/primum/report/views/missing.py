"""What is missing, and for whom: what the gaps say, what could be done about them, and what tips the findings."""

from __future__ import annotations

from typing import Any

from primum.check.missing import gap_words, tipping_words
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, of_metric, percent, points, rate, span
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import OVERALL

TITLE = "What is missing, and for whom"
SHOWN = ("auroc", "sensitivity", "specificity", "oe_ratio", "calibration_slope", "net_benefit")
MOST = 8
LEAD = (
    "A value is rarely missing by chance. Who is measured depends on how ill people look, on habits and on access, and "
    "these may differ between groups. A model learns from such gaps, whether or not anyone meant it to."
)
SMALL = (
    "Cells with few people are shown as 'few'. This keeps them from being read as results; it does not make the report "
    "safe to release."
)
ADJUSTED = (
    "The odds ratio compares people who are alike in all other features, in which other values are missing, and in "
    "their groups: about 1 means that these account for the difference. It is not the effect of a measurement."
)
COMPLETE = (
    "Dropping everybody with a gap changes who the numbers are about. Weighted, the complete cases stand for "
    "everybody, provided that being complete has nothing to do with what was not seen."
)
COMPARED = (
    "Every way of dealing with gaps is tried with the same learner, in the same parts of the people: fitted on some, "
    "judged on the others, whose outcomes nothing had seen. Drawn strategies were fitted once for each draw and pooled "
    "by Rubin's rules, so that their intervals tell of what is not known. None was calibrated afterwards, so figures "
    "differ a little from the audited model's."
)
CHANGED = (
    "Change against the model's own way with gaps, in net benefit per 1,000 people: cases found, less false alarms at "
    "their declared price. Intervals are for each group alone."
)
STRESS = (
    "Each input was taken away from everybody when the model was used, not when it was trained, and the same people "
    "were decided about again."
)
STRESS_WORTH = "Below is what each group loses or gains in net benefit per 1,000 people."
STRESS_POINTS = (
    "Below is the change in those found of 1,000 who have it; the score is in points, so a false alarm has no price."
)
MASKED = (
    "Some known values were hidden at random and filled in again by equations that had never seen the person. The "
    "error is in standard deviations: 1 is as bad as the mean would be (a draw errs more than a best guess, on "
    "purpose)."
)
TIPS = (
    "Nobody can see what was not measured. If in one group it lay higher or lower than was drawn for it, would the "
    "verdict on that group's sensitivity be another one? The models were not trained anew."
)
BOUNDS = (
    "People of unknown membership may belong to any group. The range holds whoever they are; the outer limits add the "
    "uncertainty of a sample."
)
PERSONS = "These intervals count people as independent and with equal weight."
WIDE = 100
"""Upper over lower limit from which an odds ratio tells nothing: the gaps go along with those of other features."""


def section(run: Audited) -> Section | None:
    """Return the chapter of what is missing; None where it was not asked for."""
    c = chapter(run, "missing")
    if not c:
        return None
    out: list[Block] = [Text(LEAD), Bullets(lines(run)), Table(gaps(c))]
    out += [Text(f"{ADJUSTED} {SMALL}", note=True), Pictures("missing")]
    out += [Table(gaps(c, a), f"The same by {a}", short=True) for a in _attributes(c.get("gaps", []))]
    told = predicts(c)
    out += [Table(told, "What the pattern of gaps gives away", short=True)] if told else []
    if any(r["missing"] or r["few"] for r in c["membership"]):
        out += [Heading("People whose group is not known"), Table(membership(c))]
        out += [Text(BOUNDS), Table(bounds(c))] if c.get("bounds") else []
    if c.get("complete"):
        out += [Heading("Who is lost if people with a gap are dropped"), Text(COMPLETE), Table(complete(c))]
    if c.get("strategies"):
        out += _strategies(c)
    out += _inputs(c)
    if c.get("tipping"):
        out += [Heading("What would tip the verdicts"), Text(TIPS), Table(tips(c))]
        out.append(Text(f"Drawn by '{c['shifted_with']}'. {PERSONS}", note=True))
    return Section("missing", TITLE, [b for b in out if not isinstance(b, Table) or b.grid])


def _strategies(c: Row) -> list[Block]:
    out: list[Block] = [Heading("Ways of dealing with gaps, side by side"), Text(COMPARED), Table(strategies(c))]
    out += [Table(strategies(c, a), f"The same by {a}", short=True) for a in _attributes(c["performance"])]
    if c["against_own"]:
        out += [Text(CHANGED), Table(against(c))]
    if c["masking"]:
        out += [Heading("How wrong is what is filled in?"), Text(MASKED), Table(masking(c))]
    return out


def _inputs(c: Row) -> list[Block]:
    if c.get("inputs_why"):
        return [Heading("If an input is missing"), Text(words.capital(f"{c['inputs_why']}."))]
    if not c.get("inputs"):
        return []
    metric = _stress_metric(c)
    said = f"{STRESS} {STRESS_WORTH if metric == 'net_benefit' else STRESS_POINTS}"
    out: list[Block] = [Heading("If an input is missing"), Text(said), Table(inputs(c, metric))]
    if metric != "sensitivity":
        out.append(Table(inputs(c, "sensitivity"), "The same for those found, of those who have it", short=True))
    failed = [f"Without {r['loss']}: no score ({r['why']})" for r in c.get("inputs_failed", [])]
    out += [Bullets(failed)] if failed else []
    out += [Text(PERSONS, note=True)] if c["linked"] or c["weighted"] else []
    return out


def lines(run: Audited) -> list[str]:
    """Return the sentences of the chapter: gaps that tell of the outcome, inputs that matter, verdicts that tip."""
    c = chapter(run, "missing")
    if not c:
        return []
    told = [r for r in c["gaps"] if known(r["p_holm"]) and r["p_holm"] < 0.05]
    whole = [r for r in told if r["attribute"] == OVERALL]
    apart = [r for r in told if known(r["rest_low"]) and (r["rest_low"] > 0 or r["rest_high"] < 0)]
    out = [gap_words(r) for r in [*whole[:3], *apart[:2]]]
    if c["gaps"] and not out:
        out.append("In no column do those who were not measured have the outcome visibly more or less often.")
    out += [worst(r) for r in _worst(c)]
    out += [tipping_words(r) for r in c.get("tipping", []) if r["up"] is not None or r["down"] is not None][:2]
    return out


def inputs_lost(run: Audited) -> list[str]:
    """Return which group suffers first when an input is missing at the moment of use; nothing if that was not tried."""
    c = chapter(run, "missing")
    if not c.get("inputs"):
        return []
    return [worst(r) for r in _worst(c)] or ["No single missing input is shown to cost any group."]


def worst(r: Row) -> str:
    """Say which group a missing input costs, and how much."""
    unit = "net benefit" if r["metric"] == "net_benefit" else "sensitivity"
    return (
        f"Without {r['loss']}, {words.full_name(r['attribute'], r['group'])} loses "
        f"{fixed(-1000 * r['value'], 1)} {span(-r['high'], -r['low'], 1, scale=1000)} of {unit} per 1,000."
    )


def _worst(c: Row) -> list[Row]:
    """Return the losses that are shown (interval below 0), the largest first, at most two, one for each input."""
    metric = _stress_metric(c)
    shown = [r for r in c.get("inputs", []) if r["metric"] == metric and known(r["high"]) and r["high"] < 0]
    shown = [r for r in shown if r["attribute"] != OVERALL]
    out: list[Row] = []
    for r in sorted(shown, key=lambda r: float(r["high"])):
        if r["loss"] not in {o["loss"] for o in out}:
            out.append(r)
    return out[:2]


def _stress_metric(c: Row) -> str:
    return "net_benefit" if any(r["metric"] == "net_benefit" for r in c.get("inputs", [])) else "sensitivity"


def _attributes(rows: list[Row]) -> list[str]:
    return [a for a in dict.fromkeys(str(r["attribute"]) for r in rows) if a != OVERALL]


def gaps(c: Row, attribute: str = OVERALL) -> Grid:
    """Return, for each column, who was measured and the outcome of those who were and were not."""
    heads = [
        "Column", "Not measured", "Outcome, measured", "Outcome, not measured", "Difference",
        "Odds ratio, all else alike" if attribute == OVERALL else "More than in everybody else",
    ]  # fmt: skip
    out: list[Line] = []
    for r in c["gaps"]:
        if r["attribute"] != attribute:
            continue
        if attribute != OVERALL and (not out or r["variable"] != c_last(out)):
            out.append(Line(str(r["variable"]), section=True))
        if attribute == OVERALL:
            last = Cell(_ratio(r))
        else:
            last = Cell(points(r["rest_difference"], r["rest_low"], r["rest_high"]))
        head = str(r["variable"]) if attribute == OVERALL else words.group_name(attribute, str(r["group"]))
        few = Cell("few", str(r["reason"]))
        if r["few"]:
            share = few if r["share"] is None else Cell(rate(r["share"], r["share_low"], r["share_high"]))
            out.append(
                Line(head, [share, Cell("few"), Cell("few"), few if r["share"] is not None else Cell("few"), last])
            )
            continue
        measured = Cell(rate(r["measured_rate"], r["measured_low"], r["measured_high"]), str(r["reason"]))
        gone = Cell(rate(r["missing_rate"], r["missing_low"], r["missing_high"]))
        share = Cell(rate(r["share"], r["share_low"], r["share_high"]))
        out.append(Line(head, [share, measured, gone, Cell(points(r["difference"], r["low"], r["high"])), last]))
    by = "" if attribute == OVERALL else f", by {attribute}"
    return Grid(f"Do those who were not measured differ in the outcome?{by}", heads, out)


def c_last(out: list[Line]) -> str:
    """Return the heading under which the last line stands, "" before the first."""
    return next((line.head for line in reversed(out) if line.section), "")


def _ratio(r: Row) -> str:
    if not known(r["odds_ratio"]):
        return NONE
    if not r["odds_low"] or r["odds_high"] / r["odds_low"] > WIDE:
        return "cannot be told"
    return f"{fixed(r['odds_ratio'], 2)} {span(r['odds_low'], r['odds_high'], 2)}"


def predicts(c: Row) -> Grid:
    """Return how well the pattern of gaps alone tells the outcome and membership."""
    out = [
        Line(
            "The outcome" if not r["group"] else f"{words.full_name(str(r['of']), str(r['group']))}",
            cells(of_metric("auroc", r["auroc"], r["low"], r["high"]), count(r["events"])),
        )
        for r in c.get("predicts", [])
        if known(r["auroc"])
    ]
    return Grid("AUROC of guessing it from which values are missing (0.5: not at all)", ["", "AUROC", "People"], out)


def membership(c: Row) -> Grid:
    """Return, for each attribute, how many people have no known membership."""
    heads = ["Attribute", "Not recorded", "Outcome, recorded", "Outcome, not recorded", "Difference"]
    out = []
    for r in c["membership"]:
        if r["few"] or not r["missing"]:
            text = "few" if r["few"] else "nobody"
            out.append(Line(words.capital(str(r["attribute"])), cells(text, NONE, NONE, NONE)))
            continue
        out.append(
            Line(
                words.capital(str(r["attribute"])),
                cells(
                    f"{count(r['missing'])} ({percent(r['share'], 1)})",
                    rate(r["measured_rate"], r["measured_low"], r["measured_high"]),
                    rate(r["missing_rate"], r["missing_low"], r["missing_high"]),
                    points(r["difference"], r["low"], r["high"]),
                ),
            )
        )
    return Grid("People whose group is not known", heads, out)


def bounds(c: Row) -> Grid:
    """Return what sensitivity and specificity of each group could be."""
    heads = ["Group", "Of those known", "Whoever the unknown are", "Outer limits", "Difference to the other groups"]
    out: list[Line] = []
    for r in c["bounds"]:
        title = words.capital(f"{words.metric_title(r['metric'])} by {r['attribute']}")
        if title != c_last(out):
            out.append(Line(title, section=True))
        out.append(
            Line(
                words.group_name(r["attribute"], r["group"]),
                cells(
                    percent(r["known"], 1),
                    span(r["low"], r["high"], 1, scale=100) or NONE,
                    span(r["outer_low"], r["outer_high"], 1, scale=100) or NONE,
                    f"{points(r['gap'], places=1)} {span(r['gap_low'], r['gap_high'], 1, scale=100)}".strip(),
                ),
            )
        )
    return Grid("What each group could be, in per cent", heads, out)


def complete(c: Row) -> Grid:
    """Return who would be lost among complete cases, by group and outcome."""
    heads = ["Group", "Lost", "Lost, with the outcome", "Lost, without it", "More than everybody else"]
    out: list[Line] = []
    keyed: dict[tuple[str, str], dict[str, Any]] = {}
    for r in c["complete"]:
        keyed.setdefault((r["attribute"], r["group"]), {})[r["outcome"]] = r
    last = ""
    for (attribute, group), by in keyed.items():
        if attribute not in {last, OVERALL}:
            out.append(Line(words.capital(attribute), section=True))
        last = attribute
        shares = [
            Cell("few") if by[k]["few"] else Cell(rate(by[k]["share"], by[k]["low"], by[k]["high"]))
            for k in ("all", "with", "without")
        ]
        a = by["all"]
        more = Cell(points(a["difference"], a["difference_low"], a["difference_high"]))
        out.append(Line(words.group_name(attribute, group), [*shares, more]))
    w = c.get("weights")
    note = (
        f" ({count(w['people'])} complete cases, worth {count(w['effective'])} when weighted; largest weight "
        f"{fixed(w['largest'], 1)})"
        if w
        else ""
    )
    return Grid(f"Who has a gap in some feature{note}", heads, out)


def strategies(c: Row, attribute: str = OVERALL) -> Grid:
    """Return every strategy side by side, for everyone or for the groups of an attribute."""
    heads = ["Strategy", "People", *(words.metric_title(m) for m in SHOWN)]
    rows = {
        (r["model"], r["group"], r["metric"]): r for r in c["performance"] if r["attribute"] == attribute
    }  # fmt: skip
    groups = list(dict.fromkeys(g for _, g, _ in rows))
    out: list[Line] = []
    for group in groups:
        if attribute != OVERALL:
            out.append(Line(words.group_name(attribute, group), section=True))
        for s in c["strategies"]:
            if s["failed"]:
                if attribute == OVERALL:
                    out.append(Line(s["name"], [Cell("failed", s["failed"]), *[Cell(NONE)] * len(SHOWN)]))
                continue
            own = [rows.get((s["name"], group, m)) for m in SHOWN]
            n = next((r["n"] for r in own if r), None)
            if n is not None and n < c["few"]:
                out.append(Line(str(s["name"]), [Cell("few"), *[Cell(NONE)] * len(SHOWN)]))
                continue
            shown = [
                Cell(of_metric(m, r["value"], r["low"], r["high"]), str(r["reason"] or "")) if r else Cell(NONE)
                for m, r in zip(SHOWN, own, strict=True)
            ]
            draws = f"{s['draws']} draws" if s["draws"] > 1 else ""
            told = ", ".join(t for t in (str(s["learner"]), draws) if t)
            out.append(Line(f"{s['name']} ({told})", [Cell(count(n)), *shown]))
    by = "" if attribute == OVERALL else f", by {attribute}"
    return Grid(f"Ways of dealing with gaps{by}", heads, out)


def _across(rows: list[Row], over: str, caption: str) -> Grid:
    """Return groups in rows and `over` in columns, values per 1,000; columns beyond `MOST` are left out and counted."""
    names = list(dict.fromkeys(str(r[over]) for r in rows))
    size = {n: max((abs(r["value"]) for r in rows if r[over] == n and known(r["value"])), default=0.0) for n in names}
    kept = sorted(names, key=lambda n: -size[n])[:MOST]
    more = f"; {len(names) - len(kept)} with smaller changes are in the tables" if len(names) > len(kept) else ""
    out: list[Line] = []
    last = ""
    for attribute, group in dict.fromkeys((r["attribute"], r["group"]) for r in rows):
        if attribute not in {last, OVERALL}:
            out.append(Line(words.capital(attribute), section=True))
        last = attribute
        own = {str(r[over]): r for r in rows if (r["attribute"], r["group"]) == (attribute, group)}
        out.append(Line(words.group_name(attribute, group), [_per(own.get(n)) for n in kept]))
    return Grid(f"{caption}{more}", ["Group", *kept], out)


def _per(r: Row | None) -> Cell:
    if r is None or not known(r["value"]):
        return Cell(NONE)
    sign = "+" if r["value"] > 0 else ""
    shown = "▼ " if r["high"] < 0 else "▲ " if r["low"] > 0 else ""
    return Cell(f"{shown}{sign}{fixed(1000 * r['value'], 1)} {span(r['low'], r['high'], 1, scale=1000)}")


def against(c: Row) -> Grid:
    """Return the change of net benefit by group under each strategy."""
    rows = [r for r in c["against_own"] if r["metric"] == "net_benefit"]
    return _across(rows, "strategy", "Change in net benefit per 1,000, against the model's own way")


def inputs(c: Row, metric: str) -> Grid:
    """Return the change by group without each input."""
    rows = [r for r in c["inputs"] if r["metric"] == metric]
    return _across(rows, "loss", f"{words.metric_title(metric)} per 1,000: change without an input")


def masking(c: Row) -> Grid:
    """Return the error of each strategy by group, all columns together."""
    rows = [r for r in c["masking"] if r["column"] == "all columns"]
    names = list(dict.fromkeys(r["strategy"] for r in rows))
    out: list[Line] = []
    last = ""
    for attribute, group in dict.fromkeys((r["attribute"], r["group"]) for r in rows):
        if attribute not in {last, OVERALL}:
            out.append(Line(words.capital(attribute), section=True))
        last = attribute
        own = {r["strategy"]: r for r in rows if (r["attribute"], r["group"]) == (attribute, group)}
        shown = [
            Cell(f"{fixed(r['error'], 2)} {span(r['low'], r['high'], 2)}", _worse(r))
            if (r := own.get(n))
            else Cell(NONE)
            for n in names
        ]
        out.append(Line(words.group_name(attribute, group), shown))
    return Grid("Error of what is filled in, numbers, in standard deviations", ["Group", *names], out)


def _worse(r: Row) -> str:
    if known(r["ratio_low"]) and (r["ratio_low"] > 1 or r["ratio_high"] < 1):
        return f"{fixed(r['ratio'], 2)} times that of everybody else"
    return ""


def tips(c: Row) -> Grid:
    """Return where the verdict on each group tips."""
    heads = ["Group", "Not measured", "Verdict as drawn", "Tips if lower by", "Tips if higher by"]
    out: list[Line] = []
    for r in c["tipping"]:
        if str(r["column"]) != c_last(out):
            out.append(Line(str(r["column"]), section=True))
        ends = [
            Cell(f"{fixed(abs(r[k]), 2)} SD ({_unit(abs(r[k]) * r['unit'])})", str(r[f"{k}_verdict"]))
            if r[k] is not None
            else Cell(f"not within {fixed(abs(r[e]), 2)} SD")
            for k, e in (("down", "least"), ("up", "most"))
        ]
        name = words.full_name(r["attribute"], r["group"])
        out.append(Line(name, [Cell(count(r["gaps"])), Cell(str(r["verdict"])), *ends]))
    return Grid("How far the unmeasured would have to lie from what was drawn for them", heads, out)


def _unit(value: float) -> str:
    return f"{value:.3g}"
