"""What a clinician asks next: threshold policies, who is under-represented at the top, and why there is a gap."""

from __future__ import annotations

from typing import Any

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import (
    NONE,
    RATES,
    count,
    counted,
    fixed,
    half_up,
    known,
    of_metric,
    percent,
    rate,
    span,
    withheld,
    withheld_word,
)
from primum.report.numbers import threshold as threshold_words
from primum.report.say import say
from primum.report.source import Audited, Row, chapter, clustered, divisions, every, models
from primum.report.views.joint import by_attribute, largest, left_out
from primum.usecase import OVERALL

EVERYONE = "everyone"
PARTS = ("case_mix", "prevalence", "calibration", "discrimination")


def policy_note(run: Audited) -> str:
    """Return what to bear in mind with threshold policies."""
    note = say("further.policies.note")
    return f"{note} {say('further.narrow')}" if clustered(run) else note


def policies(run: Audited, model: str) -> list[Grid]:
    """Return the threshold policies side by side, one table for each way of dividing the people."""
    rows: list[Row] = every(chapter(run, "groups").get("policies", []), model=model)
    scale = next((str(m.get("scale", "probability")) for m in models(run) if m["name"] == model), "probability")
    worth = any(known(r.get("net_benefit")) for r in rows)
    heads = [
        say("groups.head.group"), say("groups.head.people"), say("further.policies.threshold"),
        say("further.policies.selected"), say("groups.head.found"), say("further.policies.alarms"),
        *([say("further.policies.benefit")] if worth else []),
    ]  # fmt: skip
    grids = []
    for attribute, _, _ in divisions(run):
        lines: list[Line] = []
        for policy in dict.fromkeys(r["policy"] for r in rows):
            here = every(rows, attribute=attribute, policy=policy)
            if here:
                lines.append(Line(say(f"further.policies.{policy}"), section=True))
                own, whole = ([r for r in here if (r["group"] == EVERYONE) == w] for w in (False, True))
                lines += [_policy(r, scale, worth=worth) for r in [*largest(own), *whole]] + left_out(len(own))
        if lines:
            caption = say("further.policies.caption", attribute=attribute, model=model)
            grids.append(Grid(caption, heads, lines))
    return grids


def _policy(row: Row, scale: str, *, worth: bool) -> Line:
    whole = row["group"] == EVERYONE
    if known(row["threshold"]):
        cut = Cell(threshold_words(row["threshold"], scale), str(row.get("reason") or ""))
    else:
        lacking = say("further.policies.by_group" if whole else "further.policies.unselected")
        cut = Cell(lacking, str(row.get("reason") or ""))
    name = words.group_name(OVERALL if whole else row["attribute"], row["group"])
    if row.get("status") == "suppressed":
        return Line(name, cells(*[withheld_word()] * (6 if worth else 5)))
    found = rate(row["sensitivity"], row["sensitivity_low"], row["sensitivity_high"])
    shown = [
        Cell(counted(row["n"])), cut, Cell(percent(row["selected"])),
        Cell(found, "" if known(row["sensitivity"]) else say("further.nobody")), Cell(count(row["false_alarms"])),
    ]  # fmt: skip
    if worth:
        value, low, high = (row.get(f"net_benefit{end}") for end in ("", "_low", "_high"))
        shown.append(Cell(of_metric("net_benefit", value, low, high)))
    return Line(name, shown)


def exposure(run: Audited, model: str) -> Grid:
    """Return how far each group falls short of its part of those selected, over all thresholds."""
    rows: list[Row] = every(chapter(run, "groups").get("exposure", []), model=model)

    def line(r: Row) -> Line:
        if withheld(r):
            return Line(words.group_name(r["attribute"], r["group"]), cells(*[withheld_word()] * 5))
        value = rate(r["value"], r["low"], r["high"])
        reason = str(r.get("reason") or "") or ("" if known(r["low"]) else say("further.exposure.no_interval"))
        return Line(
            words.group_name(r["attribute"], r["group"]),
            cells(
                counted(r["n"]), counted(r["events"]), percent(r["share"], 1), percent(r["due"], 1),
                (value, reason),
            ),
        )  # fmt: skip

    heads = [
        *(say(f"groups.head.{k}") for k in ("group", "people", "cases")), say("further.exposure.share"),
        say("groups.head.due"), say("further.exposure.lacking"),
    ]  # fmt: skip
    return Grid(say("further.exposure.caption", model=model), heads, by_attribute(run, rows, line, words.capital))


def gap_metrics(run: Audited, model: str) -> list[str]:
    """Return the metrics whose gaps are taken apart."""
    rows = every(chapter(run, "groups").get("decomposition", []), model=model)
    return list(dict.fromkeys(r["metric"] for r in rows))


def gap_parts(run: Audited, model: str, metric: str) -> Grid:
    """Return every gap to the comparator and the four parts that add up to it."""
    rows: list[Row] = every(chapter(run, "groups").get("decomposition", []), model=model, metric=metric)
    heads = [
        say("groups.head.group"), say("groups.head.compared"), *(say(f"further.gap.{k}") for k in ("gap", *PARTS)),
    ]  # fmt: skip
    title = words.lower(words.metric_title(metric))
    caption = "further.gap.caption_points" if metric in RATES else "further.gap.caption"
    return Grid(say(caption, metric=title, model=model), heads, by_attribute(run, rows, _gap, words.capital))


def _gap(row: Row) -> Line:
    other = "overall" if row["comparator"] == "overall" else row["comparator"]
    if row.get("status") == "suppressed":
        return Line(
            words.group_name(row["attribute"], row["group"]), cells(words.comparator(other), *[withheld_word()] * 5)
        )
    reason = str(row.get("reason") or "")
    shown = [Cell(words.comparator(other)), _part(row, "gap", reason)]
    for part in PARTS:
        lacking = say("further.gap.nothing") if part == "case_mix" and not row.get("over") else ""
        shown.append(_part(row, part, lacking))
    return Line(words.group_name(row["attribute"], row["group"]), shown)


def _part(row: Row, part: str, reason: str) -> Cell:
    value: Any = row.get(part)
    low, high = (row.get(f"{part}{end}") for end in ("_low", "_high"))
    if not known(value):
        return Cell(NONE, reason)
    if row["metric"] in RATES:
        return Cell(_signed(float(100 * value), 1), span(low, high, 1, scale=100))
    return Cell(_signed(float(value), 3), span(low, high, 3))


def _signed(value: Any, places: int) -> str:
    return ("+" if half_up(value, places) > 0 else "") + fixed(value, places)
