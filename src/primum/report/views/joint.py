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
    withheld_word,
)
from primum.report.say import say, spoken
from primum.report.source import Audited, Row, chapter, decided, divisions, estimates, every, threshold

LEVEL = 0.05
MOST = 60  # groups of one attribute in a table
COUNTED = {"sensitivity": "cases", "fnr": "cases", "specificity": "without", "fpr": "without"}
EXPLORATORY = "Benjamini-Hochberg"


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
    return [Line(say("joint.more", groups=count(left)), section=True)] if left > 0 else []


def counted_as(metric: str, other: str) -> str:
    """Return the head of a column that counts the people behind a metric; `other` where it has none of its own."""
    return say(f"joint.counted.{COUNTED.get(metric, other)}")


def at_once(run: Audited, model: str, metric: str) -> Grid:
    """Return the differences with their own intervals, and with those that hold for all groups of an attribute."""
    rows: list[Row] = every(chapter(run, "groups").get("joint", []), model=model, metric=metric)

    def head(attribute: str) -> str:
        kinds = {r["adjustment"] == EXPLORATORY for r in rows if r["attribute"] == attribute}
        role = "exploratory" if kinds == {True} else "confirmatory" if kinds == {False} else "partly"
        return say(f"joint.at_once.{role}", attribute=words.capital(attribute))

    heads = [
        *(say(f"groups.head.{k}") for k in ("group", "cases", "compared", "difference")),
        *(say(f"joint.at_once.{k}") for k in ("alone", "together", "adjusted")),
    ]
    caption = say("joint.at_once.caption", metric=words.metric_title(metric), model=model)
    return Grid(caption, heads, by_attribute(run, rows, _gap, head))


def _gap(row: Row) -> Line:
    metric = row["metric"]
    if withheld(row):
        shown = cells(withheld_word(), words.comparator(row["comparator"]), *[withheld_word()] * 4)
        return Line(words.group_name(row["attribute"], row["group"]), shown)
    if not known(row["value"]):
        undefined = Cell(NONE, str(row.get("reason") or spoken()("report.status.not_estimable")))
        shown = [Cell(count(row["events"])), Cell(words.comparator(row["comparator"])), undefined, *cells(*[NONE] * 3)]
        return Line(words.group_name(row["attribute"], row["group"]), shown)
    margin = row.get("margin")
    beyond = [
        say("joint.at_once.beyond") if margin is not None and _harm(metric, low, high, float(margin)) else ""
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
    heads = [say(f"joint.alike.{k}") for k in ("by", "answer", "p", "spread", "compared", "test")]
    return Grid(say("joint.alike.caption", model=model), heads, lines)


def _alike(row: Row) -> Line:
    left = ", ".join(words.group_name("", g) for g in row["left_out"])
    compared = Cell(count(len(row["groups"])), say("joint.alike.without", groups=left) if left else "")
    if not known(row["p"]):
        return Line(words.capital(row["attribute"]), [*cells(say("joint.alike.few"), NONE, NONE), compared, Cell(NONE)])
    answer = say("joint.alike.unlikely" if row["p"] <= LEVEL else "joint.alike.chance")
    return Line(
        words.capital(row["attribute"]),
        [Cell(answer), Cell(p_value(row["p"])), _spread(row), compared, Cell(str(row["method"]))],
    )


def _spread(row: Row) -> Cell:
    if not known(row["spread"]):
        return Cell(NONE)
    limits = [math.sqrt(max(float(row[k]), 0.0)) if known(row[k]) else None for k in ("low", "high")]
    note = say("joint.alike.no_more") if float(row["spread"]) == 0 else ""
    return Cell(distance(row["metric"], row["spread"], *limits), note)


def distance(metric: str, value: Any, low: Any = None, high: Any = None) -> str:
    """Return a standard deviation on the scale of a metric: '4.7 points [2.7–6.4]'."""
    if metric not in RATES:
        return of_metric(metric, value, low, high)
    if not known(value):
        return NONE
    limits = span(low, high, 1, scale=100)
    number = spoken()("common.points", n=fixed(100 * value, 1)).replace(" ", NBSP)
    return number + (NBSP + limits if limits else "")


def borrowed(run: Audited, model: str, metric: str) -> Grid:
    """Return raw estimates beside those that borrow strength."""
    rows: list[Row] = every(chapter(run, "groups").get("shrunk", []), model=model, metric=metric)
    own, at = estimates(run), threshold(run, model)

    def line(row: Row) -> Line:
        if withheld(row):
            return Line(words.group_name(row["attribute"], row["group"]), cells(*[withheld_word()] * 4))
        raw = decided(own, model, metric, row["attribute"], row["group"], at) or {}
        text = rate(row["raw"], raw.get("low"), raw.get("high")) if known(row["raw"]) else NONE
        reason = "" if known(row["raw"]) else str(raw.get("reason") or say("joint.borrowed.nobody"))
        away = known(row["raw"]) and known(raw.get("low")) and not raw["low"] <= row["value"] <= raw["high"]
        little = known(row["kept"]) and 0 < half_up(100 * row["kept"], 2) < 1
        kept = say("joint.borrowed.under", share=percent(0.01)) if little else percent(row["kept"])
        return Line(
            words.group_name(row["attribute"], row["group"]),
            cells(
                counted(row["people"]), (text, reason),
                (rate(row["value"], row["low"], row["high"]), say("joint.borrowed.otherwise") if away else ""),
                kept,
            ),
        )  # fmt: skip

    def head(attribute: str) -> str:
        here = every(rows, attribute=attribute)
        name = words.capital(attribute)
        if all(not known(r["kept"]) or r["kept"] < 0.01 for r in here):
            return say("joint.borrowed.same", attribute=name)
        return name

    heads = [
        say("groups.head.group"), counted_as(metric, "people"),
        *(say(f"joint.borrowed.{k}") for k in ("raw", "value", "kept")),
    ]  # fmt: skip
    caption = say("joint.borrowed.caption", metric=words.metric_title(metric), model=model)
    return Grid(caption, heads, by_attribute(run, rows, line, head))


def interactions(run: Audited, model: str) -> list[str]:
    """Return in words whether intersections are more than the sum of their parts."""
    out = []
    for r in every(chapter(run, "groups").get("structure", []), model=model):
        about = {"attribute": words.capital(r["attribute"]), "metric": words.lower(words.metric_title(r["metric"]))}
        if not known(r["p"]):
            out.append(say("joint.parts.unknown", **about))
            continue
        answer = "more" if r["p"] <= LEVEL else "enough"
        spread = distance(r["metric"], r["interaction"])
        out.append(say(f"joint.parts.{answer}", **about, p=_told("p", r["p"]), spread=spread))
    return out
