"""What a clinician asks next: threshold policies, who is under-represented at the top, and why there is a gap."""

from __future__ import annotations

from typing import Any

from primum.measure.policies import NOTE, POLICIES
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import (
    NBSP,
    NONE,
    RATES,
    WITHHELD,
    count,
    counted,
    known,
    of_metric,
    percent,
    plain,
    rate,
    span,
    withheld,
)
from primum.report.numbers import threshold as threshold_words
from primum.report.source import Audited, Row, chapter, clustered, divisions, every, models
from primum.report.views.joint import by_attribute, largest, left_out

EVERYONE = "everyone"
PARTS = ("case_mix", "prevalence", "calibration", "discrimination")
POLICY_NOTE = f"{NOTE} Thresholds that differ by group treat people of the same risk differently, and may be unlawful."
EXPOSURE = (
    "When people are selected from the highest risk down, a group should make up as large a part of those selected as "
    "of those who have it. The last column says how much of that part is lacking, averaged over all places where the "
    "line could be drawn; 0 % means that nothing is lacking anywhere."
)
GAP = (
    "Each gap to the comparator is divided into four parts that add up to it. Case mix: other attributes are mixed "
    "differently, as far as both have such people. Prevalence: the outcome is more or less common. Calibration: "
    "predicted risks are too high or too low. Discrimination: the score separates those with the outcome less well or "
    "better. The parts describe where the gap arises in the numbers; they do not say what caused it."
)


NARROW = "These intervals take people as independent; here they belong together, so the intervals are too narrow."


def policy_note(run: Audited) -> str:
    """Return what to bear in mind with threshold policies."""
    return f"{POLICY_NOTE} {NARROW}" if clustered(run) else POLICY_NOTE


def policies(run: Audited, model: str) -> list[Grid]:
    """Return the threshold policies side by side, one table for each way of dividing the people."""
    rows: list[Row] = every(chapter(run, "groups").get("policies", []), model=model)
    scale = next((str(m.get("scale", "probability")) for m in models(run) if m["name"] == model), "probability")
    worth = any(known(r.get("net_benefit")) for r in rows)
    heads = [
        "Group", "People", "Threshold", "Selected", "Found, of those who have it", "False alarms per 1,000",
        *(["Net benefit"] if worth else []),
    ]  # fmt: skip
    grids = []
    for attribute, _, _ in divisions(run):
        lines: list[Line] = []
        for policy in dict.fromkeys(r["policy"] for r in rows):
            here = every(rows, attribute=attribute, policy=policy)
            if here:
                meaning = POLICIES.get(policy, "")
                lines.append(Line(words.capital(f"{policy}: {meaning}" if meaning else policy), section=True))
                own, whole = ([r for r in here if (r["group"] == EVERYONE) == w] for w in (False, True))
                lines += [_policy(r, scale, worth=worth) for r in [*largest(own), *whole]] + left_out(len(own))
        if lines:
            grids.append(Grid(f"Threshold policies by {attribute}, {model}", heads, lines))
    return grids


def _policy(row: Row, scale: str, *, worth: bool) -> Line:
    whole = row["group"] == EVERYONE
    if known(row["threshold"]):
        cut = Cell(threshold_words(row["threshold"], scale), str(row.get("reason") or ""))
    else:
        cut = Cell("by group" if whole else "nobody is selected", str(row.get("reason") or ""))
    if row.get("status") == "suppressed":
        name = "Everyone" if whole else words.group_name(row["attribute"], row["group"])
        return Line(name, cells(*[WITHHELD] * (6 if worth else 5)))
    found = rate(row["sensitivity"], row["sensitivity_low"], row["sensitivity_high"])
    shown = [
        Cell(counted(row["n"])), cut, Cell(percent(row["selected"])),
        Cell(found, "" if known(row["sensitivity"]) else "nobody has it"), Cell(count(row["false_alarms"])),
    ]  # fmt: skip
    if worth:
        value, low, high = (row.get(f"net_benefit{end}") for end in ("", "_low", "_high"))
        shown.append(Cell(of_metric("net_benefit", value, low, high)))
    return Line("Everyone" if whole else words.group_name(row["attribute"], row["group"]), shown)


def exposure(run: Audited, model: str) -> Grid:
    """Return how far each group falls short of its part of those selected, over all thresholds."""
    rows: list[Row] = every(chapter(run, "groups").get("exposure", []), model=model)

    def line(r: Row) -> Line:
        if withheld(r):
            return Line(words.group_name(r["attribute"], r["group"]), cells(*[WITHHELD] * 5))
        value = rate(r["value"], r["low"], r["high"])
        reason = str(r.get("reason") or "") or ("" if known(r["low"]) else "no interval can be given")
        return Line(
            words.group_name(r["attribute"], r["group"]),
            cells(
                counted(r["n"]), counted(r["events"]), percent(r["share"], 1), percent(r["due"], 1),
                (value, reason),
            ),
        )  # fmt: skip

    heads = ["Group", "People", "Cases", "Of all people", "Of those who have it", "Lacking, on average"]
    caption = f"Who is under-represented among the highest risks, {model}"
    return Grid(caption, heads, by_attribute(run, rows, line, words.capital))


def gap_metrics(run: Audited, model: str) -> list[str]:
    """Return the metrics whose gaps are taken apart."""
    rows = every(chapter(run, "groups").get("decomposition", []), model=model)
    return list(dict.fromkeys(r["metric"] for r in rows))


def gap_parts(run: Audited, model: str, metric: str) -> Grid:
    """Return every gap to the comparator and the four parts that add up to it."""
    rows: list[Row] = every(chapter(run, "groups").get("decomposition", []), model=model, metric=metric)
    heads = ["Group", "Compared with", "Gap", "Case mix", "Prevalence", "Calibration", "Discrimination"]
    caption = f"Why the gap in {words.lower(words.metric_title(metric))}? {model}" + (
        " (percentage points)" if metric in RATES else ""
    )
    return Grid(caption, heads, by_attribute(run, rows, _gap, words.capital))


def _gap(row: Row) -> Line:
    other = "overall" if row["comparator"] == "overall" else row["comparator"]
    if row.get("status") == "suppressed":
        return Line(words.group_name(row["attribute"], row["group"]), cells(words.comparator(other), *[WITHHELD] * 5))
    reason = str(row.get("reason") or "")
    shown = [Cell(words.comparator(other)), _part(row, "gap", reason)]
    for part in PARTS:
        lacking = "nothing to compare it over" if part == "case_mix" and not row.get("over") else ""
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
    text = plain(value, places=places)
    return f"+{text}" if value > 0 and text.strip("0.") else text.replace(NBSP, "")
