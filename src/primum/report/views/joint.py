"""All groups at once: simultaneous intervals, whether groups could be alike, and estimates that borrow strength."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from primum.finding import Verdict, judge
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import (
    NBSP,
    NONE,
    RATES,
    WITHHELD,
    count,
    counted,
    fixed,
    half_up,
    known,
    of_metric,
    p_value,
    percent,
    rate,
    span,
    withheld,
)
from primum.report.source import Audited, Row, chapter, decided, divisions, estimates, every, threshold

LEVEL = 0.05
MOST = 60  # groups of one attribute in a table
COUNTED = {"sensitivity": "Cases", "fnr": "Cases", "specificity": "People without it", "fpr": "People without it"}
EXPLORATORY = "Benjamini-Hochberg"
AT_ONCE = (
    "Looked at one by one, about one group in twenty seems to differ by chance alone. The intervals 'all groups at "
    "once' are wider: all of those under one heading hold together. p is adjusted for the number of groups; where "
    "groups were declared exploratory, q stands for the share of false finds."
)
ALIKE = (
    "Could all groups be alike? A small p says that chance alone would rarely give such differences. The spread is the "
    "standard deviation between groups, less what chance adds."
)
CAUTION = (
    "Borrowed values pull every group towards the others, the smallest groups most, and so make a group that does "
    "badly look better than its own people say. They never stand instead of the raw ones, and no verdict rests on them."
)


def metrics(run: Audited, model: str, part: str = "joint") -> list[str]:
    """Return the metrics that a part of the chapter holds for a model."""
    return list(dict.fromkeys(r["metric"] for r in every(chapter(run, "groups").get(part, []), model=model)))


def by_attribute(run: Audited, rows: list[Row], line: Callable[[Row], Line], head: Callable[[str], str]) -> list[Line]:
    """Return rows under a heading for each attribute, in the order declared."""
    lines: list[Line] = []
    for attribute, _, _ in divisions(run):
        here = every(rows, attribute=attribute)
        if here:
            lines += [Line(head(attribute), section=True), *map(line, largest(here)), *left_out(len(here))]
    return lines


def largest(rows: list[Row]) -> list[Row]:
    """Return at most `MOST` groups in their order: those with the most cases."""
    if len(rows) <= MOST:
        return rows
    ranked = sorted(range(len(rows)), key=lambda i: -float(rows[i].get("events") or rows[i].get("people") or 0))
    return [rows[i] for i in sorted(ranked[:MOST])]


def left_out(groups: int) -> list[Line]:
    """Return a line that says how many groups are not shown, where there are any."""
    left = groups - MOST
    return [Line(f"{count(left)} more groups, with fewer cases, are in the folder of tables", section=True)][: left > 0]


def at_once(run: Audited, model: str, metric: str) -> Grid:
    """Return the differences with their own intervals, and with those that hold for all groups of an attribute."""
    rows: list[Row] = every(chapter(run, "groups").get("joint", []), model=model, metric=metric)

    def head(attribute: str) -> str:
        kinds = {r["adjustment"] == EXPLORATORY for r in rows if r["attribute"] == attribute}
        role = "exploratory" if kinds == {True} else "confirmatory" if kinds == {False} else "partly exploratory"
        return f"{words.capital(attribute)} ({role})"

    heads = [
        "Group",
        "Cases",
        "Compared with",
        "Difference",
        "Looked at alone",
        "All groups at once",
        "Adjusted p or q",
    ]
    caption = f"{words.metric_title(metric)}, all groups compared at once, {model}"
    return Grid(caption, heads, by_attribute(run, rows, _gap, head))


def _gap(row: Row) -> Line:
    metric = row["metric"]
    if withheld(row):
        shown = cells(WITHHELD, words.comparator(row["comparator"]), *[WITHHELD] * 4)
        return Line(words.group_name(row["attribute"], row["group"]), shown)
    if not known(row["value"]):
        undefined = Cell(NONE, str(row.get("reason") or "not estimable"))
        shown = [Cell(count(row["events"])), Cell(words.comparator(row["comparator"])), undefined, *cells(*[NONE] * 3)]
        return Line(words.group_name(row["attribute"], row["group"]), shown)
    margin = row.get("margin")
    beyond = [
        "beyond the margin" if margin is not None and _harm(metric, low, high, float(margin)) else ""
        for low, high in ((row["low"], row["high"]), (row["joint_low"], row["joint_high"]))
    ]
    exploratory = row["adjustment"] == EXPLORATORY
    return Line(
        words.group_name(row["attribute"], row["group"]),
        [
            Cell(counted(row["events"])),
            Cell(words.comparator(row["comparator"])),
            Cell(of_metric(metric, row["value"], comparison="difference")),
            Cell(_limits(metric, row["low"], row["high"]), beyond[0]),
            Cell(_limits(metric, row["joint_low"], row["joint_high"]), beyond[1]),
            Cell(_told("q" if exploratory else "p", row["adjusted"])),
        ],
    )


def _limits(metric: str, low: Any, high: Any) -> str:
    share = metric in RATES
    return span(low, high, 1 if share else 2, scale=100 if share else 1) or NONE


def _harm(metric: str, low: Any, high: Any, margin: float) -> bool:
    from primum.measure.metric import METRICS

    if not (known(low) and known(high) and metric in METRICS):
        return False
    return judge(low, high, margin, better=METRICS[metric].better) is Verdict.HARM


def _told(name: str, value: Any) -> str:
    if not known(value):
        return NONE
    text = p_value(value)
    return f"{name}{NBSP}{text}" if text.startswith("<") else f"{name}{NBSP}={NBSP}{text}"


def alike(run: Audited, model: str) -> Grid:
    """Return for each metric and attribute whether all groups could be alike, and how far they truly lie apart."""
    rows: list[Row] = every(chapter(run, "groups").get("equality", []), model=model)
    lines: list[Line] = []
    for metric in dict.fromkeys(r["metric"] for r in rows):
        lines.append(Line(words.metric_title(metric), section=True))
        for attribute, _, _ in divisions(run):
            lines += [_alike(r) for r in every(rows, metric=metric, attribute=attribute)]
    heads = ["Divided by", "Could they be alike?", "p", "Spread between groups", "Groups compared", "Test"]
    return Grid(f"Could all groups be alike? {model}", heads, lines)


def _alike(row: Row) -> Line:
    left = f"without {', '.join(words.group_name('', g) for g in row['left_out'])}" if row["left_out"] else ""
    compared = Cell(count(len(row["groups"])), left)
    if not known(row["p"]):
        return Line(
            words.capital(row["attribute"]), [*cells("too few groups to tell", NONE, NONE), compared, Cell(NONE)]
        )
    answer = "chance alone is unlikely" if row["p"] <= LEVEL else "chance alone could explain it"
    return Line(
        words.capital(row["attribute"]),
        [Cell(answer), Cell(p_value(row["p"])), _spread(row), compared, Cell(str(row["method"]))],
    )


def _spread(row: Row) -> Cell:
    if not known(row["spread"]):
        return Cell(NONE)
    limits = [math.sqrt(max(float(row[k]), 0.0)) if known(row[k]) else None for k in ("low", "high")]
    note = "no more than chance" if float(row["spread"]) == 0 else ""
    return Cell(distance(row["metric"], row["spread"], *limits), note)


def distance(metric: str, value: Any, low: Any = None, high: Any = None) -> str:
    """Return a standard deviation on the scale of a metric: '4.7 points [2.7–6.4]'."""
    if metric not in RATES:
        return of_metric(metric, value, low, high)
    limits = span(low, high, 1, scale=100)
    return f"{fixed(100 * value, 1)}{NBSP}points" + (NBSP + limits if limits else "") if known(value) else NONE


def borrowed(run: Audited, model: str, metric: str) -> Grid:
    """Return raw estimates beside those that borrow strength."""
    rows: list[Row] = every(chapter(run, "groups").get("shrunk", []), model=model, metric=metric)
    own, at = estimates(run), threshold(run, model)

    def line(row: Row) -> Line:
        if withheld(row):
            return Line(words.group_name(row["attribute"], row["group"]), cells(*[WITHHELD] * 4))
        raw = decided(own, model, metric, row["attribute"], row["group"], at) or {}
        text = rate(row["raw"], raw.get("low"), raw.get("high")) if known(row["raw"]) else NONE
        reason = "" if known(row["raw"]) else str(raw.get("reason") or "nobody counts here")
        away = known(row["raw"]) and known(raw.get("low")) and not raw["low"] <= row["value"] <= raw["high"]
        kept = f"under 1{NBSP}%" if known(row["kept"]) and 0 < half_up(100 * row["kept"], 2) < 1 else None
        return Line(
            words.group_name(row["attribute"], row["group"]),
            cells(
                counted(row["people"]), (text, reason),
                (rate(row["value"], row["low"], row["high"]), "its own people say otherwise" if away else ""),
                kept or percent(row["kept"]),
            ),
        )  # fmt: skip

    def head(attribute: str) -> str:
        here = every(rows, attribute=attribute)
        name = words.capital(attribute)
        if all(not known(r["kept"]) or r["kept"] < 0.01 for r in here):
            return f"{name}: the method could not tell the spread from chance, so it gives all about the same value"
        return name

    heads = [
        "Group",
        COUNTED.get(metric, "People"),
        "Raw, its own people only",
        "Borrowing strength",
        "Of its own kept",
    ]
    caption = f"{words.metric_title(metric)} of small groups, raw and borrowing strength, {model}"
    return Grid(caption, heads, by_attribute(run, rows, line, head))


def interactions(run: Audited, model: str) -> list[str]:
    """Return in words whether intersections are more than the sum of their parts."""
    out = []
    for r in every(chapter(run, "groups").get("structure", []), model=model):
        where = f"{words.capital(r['attribute'])}, {words.lower(words.metric_title(r['metric']))}"
        apart = distance(r["metric"], r["interaction"])
        if not known(r["p"]):
            out.append(f"{where}: nothing is left by which to tell whether intersections are more than their parts.")
        elif r["p"] <= LEVEL:
            out.append(
                f"{where}: the parts one by one do not explain the intersections "
                f"({_told('p', r['p'])}); what is peculiar to an intersection has a standard deviation of {apart}."
            )
        else:
            out.append(
                f"{where}: the parts one by one explain the intersections as well as chance allows "
                f"({_told('p', r['p'])}; standard deviation of what is peculiar to an intersection: {apart})."
            )
    return out
