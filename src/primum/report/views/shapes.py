"""What a model makes of each feature: curves for a clinician to read and to challenge, group by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from primum.report import words
from primum.report.figures.shapes import strongest
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, span
from primum.report.say import say, spoken
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row
from primum.report.views.labels import labelled
from primum.usecase import OVERALL

NEAR = math.log(1.05)


def section(run: Audited) -> Section | None:
    """Return the chapter of the shapes; None where they were not asked for."""
    held = labelled(run, "shapes")
    if not held.get("models"):
        return None
    out: list[Block] = [Text(say("shapes.lead"))]
    for m in held["models"]:
        several = len(held["models"]) > 1
        out += [Heading(str(m["name"]))] if several else []
        out += [Table(overview(m)), Text(say("shapes.same"), note=True)]
    asked = [say(f"shapes.ask.{k}") for k in ("direction", "bend", "group", "missing")]
    out += [Heading(say("shapes.ask.title")), Bullets(asked), Pictures("shapes")]
    for m in held["models"]:
        for feature in strongest(m["rows"]):
            folded = say("shapes.curve.folded", feature=words.capital(feature))
            out.append(Table(curve(m["rows"], feature, int(held["few"])), folded, short=True))
    out.append(Text(say("shapes.how"), note=True))
    return Section("shapes", spoken()("report.chapter.shapes"), out)


def overview(model: Row) -> Grid:
    """Return one line a feature: where the risk is lowest and highest, and the group whose curve departs most."""
    heads = [say(f"shapes.overview.{k}") for k in ("feature", "lowest", "highest", "odds", "departs", "ratio")]
    swings: Sequence[Row] = model["swing"]
    out = []
    for feature in strongest(model["rows"]):
        own = [s for s in swings if s["feature"] == feature]
        whole = next((s for s in own if s["attribute"] == OVERALL), None)
        if whole is None:
            out.append(Line(feature, [Cell(NONE, say("shapes.overview.few")), *cells(*[NONE] * 4)]))
            continue
        far = max((s for s in own if s["attribute"] != OVERALL), key=lambda s: s["apart"], default=None)
        departs = [Cell(say("shapes.overview.nobody")), Cell(NONE)]
        if far is not None and far["apart"] > NEAR:
            departs = cells(words.full_name(far["attribute"], far["group"]), fixed(math.exp(far["apart"]), 2))
        low, high = (place(str(whole[k])) for k in ("lowest", "highest"))
        out.append(Line(feature, [*cells(low, high, fixed(whole["ratio"], 2)), *departs]))
    return Grid(say("shapes.overview.caption", model=model["name"]), heads, out)


def curve(rows: Sequence[Row], feature: str, few: int) -> Grid:
    """Return the points of one feature's curve for everyone."""
    heads = [
        say("shapes.curve.at"), say("groups.head.people"), say("shapes.curve.odds"), say("shapes.curve.range"),
    ]  # fmt: skip
    out = []
    for r in rows:
        if r["feature"] != feature or r["attribute"] != OVERALL:
            continue
        note = say("shapes.curve.few", few=few) if r["small"] else ""
        limits = span(_odds(r["low"]), _odds(r["high"]), 2) or NONE
        at = say("shapes.curve.up_to", value=r["label"]) if r["kind"] == "number" else place(str(r["label"]))
        out.append(Line(at, [*cells(count(r["n"])), Cell(fixed(_odds(r["effect"]), 2), note), Cell(limits)]))
    return Grid(say("shapes.curve.caption", feature=words.capital(feature)), heads, out)


def place(label: str) -> str:
    """Return a point of a curve as readers say it."""
    return words.group_name("", label)


def _odds(value: Any) -> float | None:
    return None if value is None else math.exp(float(value))
