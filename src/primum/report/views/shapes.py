"""What a model makes of each feature: curves for a clinician to read and to challenge, group by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from primum.report import words
from primum.report.figures.shapes import strongest
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, span
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import MISSING, OVERALL

TITLE = "What the model makes of each feature"
LEAD = (
    "Each curve says how the odds of the outcome, as the model sees them, move along one feature: 1 is the mean of the "
    "group, 2 is twice those odds. A curve shows what the model does, not what causes the outcome."
)
HOW = (
    "Numbers: accumulated local effects on the log odds, which move each person only within their own interval of a "
    "public grid of round numbers. Categories and missing values: partial dependence. Each is centred at the mean of "
    "its own group, so curves of groups compare in slope, not in height. Where nobody of a group is in an interval, "
    "the curve there is everyone's."
)
ASK = (
    "Does the direction agree with what is known? If not: a shortcut, another way of recording, or new knowledge?",
    "Where a curve bends, are there enough people behind it (solid marks)?",
    "Where a group's curve departs from everyone's, is there a clinical reason, or is it measured differently?",
    "Does a missing value raise or lower the risk? Then who decides what is measured decides on the risk.",
)
SAME = "For a model without interactions all groups share the curve; then only the people behind it differ."
NEAR = math.log(1.05)


def section(run: Audited) -> Section | None:
    """Return the chapter of the shapes; None where they were not asked for."""
    told = chapter(run, "shapes")
    if not told.get("models"):
        return None
    out: list[Block] = [Text(LEAD)]
    for m in told["models"]:
        several = len(told["models"]) > 1
        out += [Heading(str(m["name"]))] if several else []
        out += [Table(overview(m)), Text(SAME, note=True)]
    out += [Heading("To ask of every curve"), Bullets(list(ASK)), Pictures("shapes")]
    for m in told["models"]:
        for feature in strongest(m["rows"]):
            out.append(
                Table(curve(m["rows"], feature, int(told["few"])), f"{words.capital(feature)} in numbers", short=True)
            )
    out.append(Text(HOW, note=True))
    return Section("shapes", TITLE, out)


def overview(model: Row) -> Grid:
    """Return one line a feature: where the risk is lowest and highest, and the group whose curve departs most."""
    heads = ["Feature", "Lowest at", "Highest at", "Odds, highest against lowest", "Departs most", "By (odds ratio)"]
    swings: Sequence[Row] = model["swing"]
    out = []
    for feature in strongest(model["rows"]):
        own = [s for s in swings if s["feature"] == feature]
        whole = next((s for s in own if s["attribute"] == OVERALL), None)
        if whole is None:
            out.append(Line(feature, [Cell(NONE, "too few people at all but one point"), *cells(*[NONE] * 4)]))
            continue
        far = max((s for s in own if s["attribute"] != OVERALL), key=lambda s: s["apart"], default=None)
        departs = [Cell("no group"), Cell(NONE)]
        if far is not None and far["apart"] > NEAR:
            departs = cells(words.full_name(far["attribute"], far["group"]), fixed(math.exp(far["apart"]), 2))
        low, high = (place(str(whole[k])) for k in ("lowest", "highest"))
        out.append(Line(feature, [*cells(low, high, fixed(whole["ratio"], 2)), *departs]))
    return Grid(f"Every feature of {model['name']}, the strongest first", heads, out)


def curve(rows: Sequence[Row], feature: str, few: int) -> Grid:
    """Return the points of one feature's curve for everyone."""
    heads = ["At", "People", "Odds against the mean", "Range over the folds"]
    out = []
    for r in rows:
        if r["feature"] != feature or r["attribute"] != OVERALL:
            continue
        note = f"fewer than {few} people" if r["small"] else ""
        limits = span(_odds(r["low"]), _odds(r["high"]), 2) or NONE
        at = f"up to {r['label']}" if r["kind"] == "number" else place(str(r["label"]))
        out.append(Line(at, [*cells(count(r["n"])), Cell(fixed(_odds(r["effect"]), 2), note), Cell(limits)]))
    return Grid(f"{words.capital(feature)}, everyone", heads, out)


def place(label: str) -> str:
    """Return a point of a curve as readers say it."""
    return "not recorded" if label == MISSING else label


def _odds(value: Any) -> float | None:
    return None if value is None else math.exp(float(value))
