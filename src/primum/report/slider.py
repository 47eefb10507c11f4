"""The threshold that a reader can move: the tallies that the page carries, and its table at the declared threshold.

`threshold.js` computes the same numbers in the page with the same formulas; the table made here is what stands there
before anything is moved, and what is printed.
"""

from __future__ import annotations

import json
from typing import Any

from primum.report.grid import Cell, Grid, Line
from primum.report.numbers import NONE, count, fixed, missed_of, percent, percent_form, span, withheld_word
from primum.report.say import say, spoken
from primum.report.source import Audited, chapter, models, primary, threshold
from primum.report.words import capital, group_name
from primum.usecase import OVERALL

PER = 1000
COLUMNS = ("group", "people", "ill", "found", "missed", "alarms", "sensitivity", "specificity", "ppv")
_SAID = {
    "of": ("k", "n"), "nobody": (), "nobody_ill": (), "nobody_well": (), "nobody_selected": (), "not_scored": (),
    "price.same": (), "price.more": ("n",), "price.less": ("n",),
    "said": ("at", "per", "ill", "outcome", "found", "missed", "alarms"),
}  # fmt: skip
"""What the page's script says, and what it fills in."""


def data(run: Audited) -> dict[str, Any] | None:
    """Return what the page's script needs, or None when the run holds no thresholds."""
    from primum.measure.intervals import z_value

    held = chapter(run, "groups").get("thresholds") or {}
    listed = [_model(run, m, held[m["name"]]) for m in models(run) if (held.get(m["name"]) or {}).get("t")]
    if not listed:
        return None
    about = {"z": z_value(run.usecase.level), "per": PER, "outcome": run.usecase.outcome.name}
    return {**about, "words": said(), "models": listed}


def said() -> dict[str, str]:
    """Return the words of the page's script, each {placeholder} left for it to fill in."""
    marks = {"thousands": spoken()("language.thousands"), "decimal": spoken()("language.decimal")}
    forms = {"percent": percent_form(), "interval": spoken()("common.interval", low="{low}", high="{high}")}
    told = {k: say(f"threshold.{k}", **{name: f"{{{name}}}" for name in names}) for k, names in _SAID.items()}
    return {**marks, **forms, "withheld": withheld_word(), **told}


def _model(run: Audited, about: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    order = sorted(range(len(held["t"])), key=lambda i: float(held["t"][i]))
    grid = [float(held["t"][i]) for i in order]
    at = threshold(run, about["name"])
    return {
        "name": about["name"],
        "scale": about.get("scale", "probability"),
        "t": grid,
        "declared": nearest(grid, grid[0] if at is None else at),
        "groups": [_group(g, order) for g in held["groups"]],
    }


def _group(held: dict[str, Any], order: list[int]) -> dict[str, Any]:
    """Return the counts of one group; of one that is withheld, its name only."""
    name = {"attribute": held["attribute"], "group": held["group"]}
    parts = (held.get("events"), held.get("nonevents"), held.get("tp"), held.get("fp"))
    if held.get("status") == "suppressed" or any(part is None for part in parts):
        return {**name, "withheld": True}
    counts = {"events": held["events"], "nonevents": held["nonevents"]}
    return {**name, **counts, "tp": [held["tp"][i] for i in order], "fp": [held["fp"][i] for i in order]}


def nearest(grid: list[float], at: float) -> int:
    """Return the index of the threshold closest to `at`."""
    return min(range(len(grid)), key=lambda i: abs(grid[i] - at))


def script_text(content: dict[str, Any]) -> str:
    """Return JSON that is safe inside a script element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def table(run: Audited) -> Grid:
    """Return the table at the declared threshold of the primary model."""
    content = data(run)
    if content is None:
        return Grid("", _heads(), [])
    model = next((m for m in content["models"] if m["name"] == primary(run)), content["models"][0])
    lines: list[Line] = []
    seen = OVERALL
    for g in model["groups"]:
        if g["attribute"] != seen:
            seen = g["attribute"]
            lines.append(Line(capital(seen), section=True))
        i = model["declared"]
        name = group_name(g["attribute"], g["group"])
        told = [Cell(withheld_word())] * (len(COLUMNS) - 1)
        if "withheld" not in g:
            told = row(g["events"], g["nonevents"], g["tp"][i], g["fp"][i], content["z"])
        lines.append(Line(name, told))
    return Grid(say("threshold.caption", per=count(PER)), _heads(), lines)


def _heads() -> list[str]:
    return [say(f"threshold.head.{column}") for column in COLUMNS]


def row(events: int, nonevents: int, tp: int, fp: int, z: float) -> list[Cell]:
    """Return the cells of one group from its four counts."""
    n = events + nonevents
    return [
        Cell(count(n)),
        _per(events, n),
        _per(tp, n),
        Cell(missed_of(PER * events / n, PER * tp / n), _of(events - tp, n)) if n else _per(0, 0),
        _per(fp, n),
        _rate(tp, events, z, "nobody_ill"),
        _rate(nonevents - fp, nonevents, z, "nobody_well"),
        _rate(tp, tp + fp, z, "nobody_selected"),
    ]


def wilson(k: int, n: int, z: float) -> tuple[float, float]:
    """Return the Wilson limits of k/n, n > 0, as the page's script has them (Wilson 1927)."""
    p, z2 = k / n, z * z
    centre, half = p + z2 / (2 * n), z * (p * (1 - p) / n + z2 / (4 * n * n)) ** 0.5
    low, high = (centre - half) / (1 + z2 / n), (centre + half) / (1 + z2 / n)
    return (0.0 if k == 0 else low), (1.0 if k == n else high)


def _per(k: int, n: int) -> Cell:
    return Cell(fixed(PER * k / n), _of(k, n)) if n else Cell(NONE, say("threshold.nobody"))


def _of(k: int, n: int) -> str:
    return say("threshold.of", k=count(k), n=count(n))


def _rate(k: int, n: int, z: float, why: str) -> Cell:
    if n == 0:
        return Cell(NONE, say(f"threshold.{why}"))
    return Cell(percent(k / n), span(*wilson(k, n, z), scale=100))
