"""Tables of what could be done about gaps: strategies side by side, inputs taken away, and what tips the verdicts."""

from __future__ import annotations

from collections.abc import Callable

from primum.finding import Verdict
from primum.report import words
from primum.report.grid import Cell, Grid, Line
from primum.report.numbers import NONE, count, fixed, known, of_metric, span
from primum.report.say import say, spoken
from primum.report.source import Row
from primum.report.views.missing_gaps import heading
from primum.usecase import OVERALL

SHOWN = ("auroc", "sensitivity", "specificity", "oe_ratio", "calibration_slope", "net_benefit")
MOST = 8


def strategies(c: Row, attribute: str = OVERALL) -> Grid:
    """Return every strategy side by side, for everyone or for the groups of an attribute."""
    heads = [say("missing.ways.head.strategy"), say("missing.ways.head.people"), *map(words.metric_title, SHOWN)]
    rows = {(r["model"], r["group"], r["metric"]): r for r in c["performance"] if r["attribute"] == attribute}
    groups = list(dict.fromkeys(g for _, g, _ in rows))
    out: list[Line] = []
    for group in groups:
        if attribute != OVERALL:
            out.append(Line(words.group_name(attribute, group), section=True))
        for s in c["strategies"]:
            if s["failed"]:
                if attribute == OVERALL:
                    out.append(_without_numbers(s, Cell(say("missing.ways.failed"), s["failed"])))
                continue
            own = [rows.get((s["name"], group, m)) for m in SHOWN]
            n = next((r["n"] for r in own if r), None)
            if n is not None and n < c["few"]:
                out.append(_without_numbers(s, Cell(say("missing.few"))))
                continue
            shown = [
                Cell(of_metric(m, r["value"], r["low"], r["high"]), str(r["reason"] or "")) if r else Cell(NONE)
                for m, r in zip(SHOWN, own, strict=True)
            ]
            out.append(Line(f"{s['name']} ({_how(s)})", [Cell(count(n)), *shown]))
    if attribute == OVERALL:
        return Grid(say("missing.ways.caption"), heads, out)
    return Grid(say("missing.ways.caption_by", attribute=attribute), heads, out)


def _without_numbers(s: Row, why: Cell) -> Line:
    return Line(str(s["name"]), [why, *[Cell(NONE)] * len(SHOWN)])


def _how(s: Row) -> str:
    draws = say("missing.ways.draws", n=s["draws"]) if s["draws"] > 1 else ""
    return ", ".join(t for t in (str(s["learner"]), draws) if t)


def against(c: Row) -> Grid:
    """Return the change of net benefit by group under each strategy."""
    rows = [r for r in c["against_own"] if r["metric"] == "net_benefit"]
    return _across(rows, "strategy", say("missing.against.caption"))


def inputs(c: Row, metric: str) -> Grid:
    """Return the change by group without each input."""
    rows = [r for r in c["inputs"] if r["metric"] == metric]
    return _across(rows, "loss", say("missing.inputs.caption", metric=words.metric_title(metric)))


def _across(rows: list[Row], over: str, caption: str) -> Grid:
    """Return groups in rows and `over` in columns, values per 1,000; columns beyond `MOST` are left out and counted."""
    names = list(dict.fromkeys(str(r[over]) for r in rows))
    size = {n: max((abs(r["value"]) for r in rows if r[over] == n and known(r["value"])), default=0.0) for n in names}
    kept = sorted(names, key=lambda n: -size[n])[:MOST]
    if len(names) > len(kept):
        caption = say("missing.across.more", caption=caption, n=len(names) - len(kept))
    return Grid(caption, [say("missing.across.group"), *kept], _lines(rows, over, kept, _per))


def _lines(rows: list[Row], over: str, names: list[str], cell: Callable[[Row | None], Cell]) -> list[Line]:
    """Return a line for each group, under its attribute, with a cell for each name that `over` has."""
    out: list[Line] = []
    last = ""
    for attribute, group in dict.fromkeys((r["attribute"], r["group"]) for r in rows):
        if attribute not in {last, OVERALL}:
            out.append(Line(words.capital(attribute), section=True))
        last = attribute
        own = {str(r[over]): r for r in rows if (r["attribute"], r["group"]) == (attribute, group)}
        out.append(Line(words.group_name(attribute, group), [cell(own.get(n)) for n in names]))
    return out


def _per(r: Row | None) -> Cell:
    if r is None or not known(r["value"]):
        return Cell(NONE)
    sign = "+" if r["value"] > 0 else ""
    shown = "▼ " if r["high"] < 0 else "▲ " if r["low"] > 0 else ""
    return Cell(f"{shown}{sign}{fixed(1000 * r['value'], 1)} {span(r['low'], r['high'], 1, scale=1000)}")


def masking(c: Row) -> Grid:
    """Return the error of each strategy by group, all columns together."""
    rows = [r for r in c["masking"] if r["column"] == "all columns"]
    names = list(dict.fromkeys(str(r["strategy"]) for r in rows))
    lines = _lines(rows, "strategy", names, _error)
    return Grid(say("missing.masking.caption"), [say("missing.masking.group"), *names], lines)


def _error(r: Row | None) -> Cell:
    if r is None:
        return Cell(NONE)
    return Cell(f"{fixed(r['error'], 2)} {span(r['low'], r['high'], 2)}", _worse(r))


def _worse(r: Row) -> str:
    if known(r["ratio_low"]) and (r["ratio_low"] > 1 or r["ratio_high"] < 1):
        return say("missing.masking.ratio", n=fixed(r["ratio"], 2))
    return ""


def tips(c: Row) -> Grid:
    """Return where the verdict on each group tips."""
    heads = [say(f"missing.tips.head.{k}") for k in ("group", "gaps", "verdict", "lower", "higher")]
    out: list[Line] = []
    for r in c["tipping"]:
        if str(r["column"]) != heading(out):
            out.append(Line(str(r["column"]), section=True))
        ends = [_end(r, "down", "least"), _end(r, "up", "most")]
        name = words.full_name(r["attribute"], r["group"])
        out.append(Line(name, [Cell(count(r["gaps"])), Cell(_verdict(r["verdict"])), *ends]))
    return Grid(say("missing.tips.caption"), heads, out)


def _end(r: Row, way: str, furthest: str) -> Cell:
    """Return the shift one way at which the verdict tips, or how far it was looked for."""
    if r[way] is None:
        return Cell(say("missing.tips.not_within", n=fixed(abs(r[furthest]), 2)))
    size = abs(r[way])
    at = say("missing.tips.at", n=fixed(size, 2), amount=f"{size * r['unit']:.3g}")
    return Cell(at, _verdict(r[f"{way}_verdict"]))


def _verdict(told: str) -> str:
    """Return a verdict by the declared margin; what the interval shows where none was declared."""
    if told in set(Verdict):
        return spoken()(f"report.verdict.{Verdict(told).name.lower()}.name")
    return say(f"missing.tips.verdict.{told}")
