"""The people: who was kept and why, Table 1, what is missing, whom they represent."""

from __future__ import annotations

from collections import Counter
from typing import Any

from primum.report.grid import Cell, Grid, Line, cells, flat
from primum.report.numbers import NONE, count, counted, fixed, known, percent, points, rate, withheld_word
from primum.report.say import say
from primum.report.source import Audited, chapter
from primum.report.views.labels import labelled
from primum.report.words import capital, group_name
from primum.usecase import OVERALL


def not_told(run: Audited, part: str) -> str:
    """Return why a part of the chapter is not there; "" when it is."""
    return str((chapter(run, "people").get("not_available") or {}).get(part, ""))


def flow(run: Audited) -> Grid:
    """Return how many people each filter left."""
    steps = chapter(run, "people").get("flow", [])
    lines = [Line(s["step"], cells(counted(s["removed"]), counted(s["n"]), s.get("why") or "")) for s in steps]
    heads = [say(f"people.flow.{k}") for k in ("step", "removed", "left", "why")]
    return Grid(say("people.flow.caption"), heads, lines)


def table_one(run: Audited) -> list[Grid]:
    """Return Table 1 once for each way of dividing the people, with standardised differences in small print."""
    table: dict[str, Any] = chapter(run, "people").get("table_one") or {"columns": [], "rows": []}
    columns = list(table["columns"])
    attributes = list(dict.fromkeys(c["attribute"] for c in columns if c["attribute"] != OVERALL)) or [OVERALL]
    grids = []
    for attribute in attributes:
        kept = [i for i, c in enumerate(columns) if c["attribute"] in {OVERALL, attribute}]
        heads = [group_name(columns[i]["attribute"], columns[i]["level"]) for i in kept]
        lines = [
            Line(say("people.row"), [Cell(counted(columns[i]["n"])) for i in kept]),
            *(Line(_label(r), [_one(r, i) for i in kept]) for r in table["rows"]),
        ]
        caption = say("people.who_by", attribute=attribute) if attribute != OVERALL else say("people.who")
        grids.append(Grid(caption, ["", *heads], lines))
    return grids


INDENT = "\N{EM SPACE}"
FAR = 0.1  # standardised mean difference from which a cell is marked


def table_one_together(run: Audited) -> Grid:
    """Return Table 1 as one table, for paper: a star in place of standardised differences of `FAR` and more."""
    table: dict[str, Any] = chapter(run, "people").get("table_one") or {"columns": [], "rows": []}
    columns = list(table["columns"])
    heads = [
        group_name(c["attribute"], c["level"])
        if c["attribute"] == OVERALL
        else f"{capital(c['attribute'])}:\n{group_name('', c['level'])}"
        for c in columns
    ]
    lines = [Line(say("people.row"), [Cell(counted(c["n"])) for c in columns])] if columns else []
    many = Counter(r["variable"] for r in table["rows"])
    seen = ""
    for r in table["rows"]:
        head = _label(r)
        if many[r["variable"]] > 1 and r.get("category"):
            lines += [Line(str(r["label"]), section=True)] if r["variable"] != seen else []
            head = f"{INDENT}{r['category']}"
        seen = r["variable"]
        lines.append(Line(head, [_starred(r, i) for i in range(len(columns))]))
    return Grid(say("people.who"), ["", *heads], lines)


def _starred(row: dict[str, Any], i: int) -> Cell:
    cell = _one(row, i)
    distance = row["smd"][i] if i < len(row["smd"]) else None
    return Cell(f"{cell.text}*" if distance is not None and known(distance) and abs(distance) >= FAR else cell.text)


def _label(row: dict[str, Any]) -> str:
    category = row.get("category")
    return f"{row['label']}: {category}" if category else str(row["label"])


def _one(row: dict[str, Any], i: int) -> Cell:
    distance = row["smd"][i] if i < len(row["smd"]) else None
    note = say("people.distance", distance=fixed(distance, 2)) if known(distance) else ""
    cell = row["cells"][i]
    if cell.get("status") == "suppressed":
        return Cell(withheld_word())
    return Cell(cell.get("text") or NONE, note)


def missingness(run: Audited) -> list[Grid]:
    """Return the share of missing values by variable, once for each way of dividing the people, or for everyone."""
    rows = labelled(run, "people").get("missingness", [])
    everyone = {r["variable"]: r for r in rows if r["attribute"] == OVERALL}
    some = [v for v, r in everyone.items() if r["missing"] != 0]  # a number that is withheld is none
    some.sort(key=lambda v: -float(everyone[v]["share"] or 0))
    if some and len(everyone) == len(rows):
        heads = [say("people.missing.variable"), group_name(OVERALL, OVERALL)]
        return [Grid(say("people.missing.everyone"), heads, [Line(v, [_missing(everyone[v])]) for v in some])]
    grids = []
    for attribute in dict.fromkeys(r["attribute"] for r in rows if r["attribute"] != OVERALL):
        here = {(r["variable"], r["level"]): r for r in rows if r["attribute"] == attribute}
        levels = list(dict.fromkeys(level for _, level in here))
        lines = [
            Line(v, [Cell(percent(everyone[v]["share"])), *(_missing(here.get((v, g))) for g in levels)]) for v in some
        ]
        heads = [
            say("people.missing.variable"),
            group_name(OVERALL, OVERALL),
            *(group_name(attribute, g) for g in levels),
        ]
        grids.append(Grid(say("people.missing.caption", attribute=attribute), heads, lines))
    return [g for g in grids if g]


def _missing(row: dict[str, Any] | None) -> Cell:
    if row is not None and row.get("status") == "suppressed":
        return Cell(withheld_word())
    if row is None or not known(row["share"]):
        return Cell(NONE, say("people.nobody"))
    of = say("people.missing.of", missing=count(row["missing"]), people=count(row["n"]))
    return Cell(percent(row["share"]), of)


def representativeness(run: Audited) -> Grid:
    """Return the shares of groups here beside those declared for the population the model is meant for."""
    rows = chapter(run, "people").get("representativeness", [])
    lines = [
        Line(
            f"{capital(r['attribute'])}: {group_name(r['attribute'], r['level'])}",
            cells(
                counted(r["n"]),
                percent(r["share"], 1) if known(r["share"]) else withheld_word(),
                percent(r["declared"], 1),
                points(r["difference"], r["low"], r["high"], 1) if known(r["difference"]) else withheld_word(),
            ),
        )
        for r in rows
    ]
    heads = [
        say("groups.head.group"), *(say(f"people.represent.{k}") for k in ("people", "here", "there")),
        say("groups.head.difference"),
    ]  # fmt: skip
    return Grid(say("people.represent.caption"), heads, lines)


def unrecorded(run: Audited) -> Grid:
    """Return for each group the people whose outcome nobody knows."""
    source = chapter(run, "people").get("unrecorded") or {}
    lines = []
    for attribute, levels in source.items():
        lines.append(Line(capital(attribute), section=True))
        for level, cell in levels.items():
            n, k = cell["n"], cell["unknown_outcome"]
            hidden = n is None or k is None
            share = (percent(k / n), "") if n and not hidden else (NONE, say("people.nobody"))
            share = (withheld_word(), "") if hidden else share
            lines.append(Line(group_name(attribute, level), cells(counted(n), counted(k), share)))
    heads = [
        say("groups.head.group"), say("people.unrecorded.eligible"), say("people.unrecorded.unknown"),
        say("groups.head.share"),
    ]  # fmt: skip
    return Grid(say("people.unrecorded.caption"), heads, lines)


def leakage(run: Audited) -> Grid:
    """Return what may have let the answer slip into the question."""
    rows = chapter(run, "people").get("leakage", [])
    names = {k: say(f"people.leakage.{k}") for k in ("title", "what", "columns", "severity", "check")}
    return flat(say("people.leakage.caption"), rows, names)


def missing_codes(run: Audited) -> Grid:
    """Return the values that were taken for missing."""
    rows = labelled(run, "people").get("missing_codes", [])
    names = {k: say(f"people.codes.{k}") for k in ("column", "code", "count", "becomes", "how")}
    return flat(say("people.codes.caption"), rows, names)


def record(run: Audited) -> Grid:
    """Return for each group how many of those who have it by the better measurement the record misses."""
    rows = chapter(run, "record").get("rows", [])
    lines = [
        Line(
            f"{capital(r['attribute'])}: {group_name(r['attribute'], r['group'])}"
            if r["attribute"] != OVERALL
            else group_name(OVERALL, r["group"]),
            cells(
                count(r["n_truth"]),
                count(r["recorded"]),
                count(r["missed"]),
                (rate(r["share_missed"], r["low"], r["high"]), "" if known(r["share_missed"]) else r["reason"]),
            ),
        )
        for r in rows
    ]
    heads = [say("groups.head.group"), *(say(f"people.record.{k}") for k in ("have", "recorded", "missed", "share"))]
    return Grid(say("people.record.caption"), heads, lines)
