"""Why the model may fail a group, before any repair is offered: data, model, measurements, or the record."""

from __future__ import annotations

from collections.abc import Callable

from primum.check.diagnosis import LESS, UNSEEN
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, plain, points, rate
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter

TITLE = "Why does the model fail a group?"
LEAD = (
    "A gap has causes, and each asks for another remedy: cases that are recorded less often in one group (mend the "
    "record), measurements that say less about it (better measurements), too few people to learn from (more data), or "
    "a model that cannot hold two groups at once (modelling). They are looked for in this order, before any repair is "
    "offered, and nothing is suggested where nothing is shown."
)
HOW = (
    "Explained is the share of the group's own variation of the outcome that the predicted risks account for: 100 % is "
    "certainty, 0 % no better than one risk for the whole group. The gain from twice the data is what a model trained "
    "on everyone explains beyond models trained on halves of them. Models are trained as for the audit but without the "
    "calibration on top, and always judged on people they were not trained on. Intervals of a gain from "
    "more data allow, roughly, for who happened to be in the halves; all hold for each group by itself, so with many "
    "groups some signs come by chance."
)
SHORT = {
    "labels": "the record",
    "measurements": "better measurements",
    "data": "more data",
    "modelling": "modelling",
}
NOT_HERE = "Learning curves and models of a group's own: not applicable here. Reason: {}"


def section(run: Audited) -> Section | None:
    """Return the chapter of the diagnosis; None when it was not made."""
    found = chapter(run, "diagnosis")
    if not found:
        return None
    out: list[Block] = [Text(LEAD)]
    if found["why_not"]:
        out += [Text(NOT_HERE.format(_stop(found["why_not"]))), Bullets(_said(run)), Table(labels(run))]
        return Section("diagnosis", TITLE, out)
    out += [Text(people(run)), Table(overview(run)), Bullets(_said(run)), Pictures("diagnosis")]
    out += [Heading("How this was found out"), Text(HOW, note=True), Text(found["noise"], note=True)]
    out += [Table(numbers(run), "Gain from more data, own models and ranking, group by group", short=True)]
    if any(r["label"]["verdict"] != UNSEEN for r in found["groups"]):
        out.append(Table(labels(run), "How the outcome is recorded, group by group"))
    return Section("diagnosis", TITLE, out)


def lines(run: Audited) -> list[str]:
    """Return the suggestions, one sentence a group, for whoever needs them elsewhere."""
    return [
        f"{words.full_name(r['attribute'], r['group'])}: {r['suggestion']}"
        for r in chapter(run, "diagnosis").get("groups", [])
        if r["suggestion"]
    ]


def _said(run: Audited) -> list[str]:
    rows = chapter(run, "diagnosis").get("groups", [])
    shown = [
        f"{words.full_name(r['attribute'], r['group'])}: {r['suggestion']} {' '.join(r['evidence'])}"
        for r in rows
        if r["suggestion"]
    ]
    silent = [words.full_name(r["attribute"], r["group"]) for r in rows if not r["suggestion"]]
    if silent:
        shown.append(f"Nothing is shown that would point to a cause for: {', '.join(silent)}.")
    return shown


def people(run: Audited) -> str:
    """Say on whom this was done, and by which margin a gain is taken for none."""
    found = chapter(run, "diagnosis")
    n, margin = found["people"], 100 * found["margin"]
    held = "who are not kept for certificates, " if run.usecase.no_harm is not None else ""
    return (
        f"Trained again and again on {count(n['n'])} people {held}{count(n['events'])} of them with "
        f"{run.usecase.outcome.name}, in {n['folds']} folds. A difference counts when its whole interval lies beyond "
        f"{fixed(margin)} {'point' if margin == 1 else 'points'} of explained share, and is taken for none when "
        "it lies below; this line is drawn by the tool, not by the use case. Harm is not judged in this chapter."
    )


def overview(run: Audited) -> Grid:
    """Return every group with its four signs and the suggestion."""
    heads = ["Group", "People", "Cases", "Record", "Explained", "Twice the data", "Model of its own", "Suggestion"]

    def told(r: Row) -> list[Cell]:
        curve = r["own_curve"] if r.get("own_curve") else r["curve"]
        remedy = ", then ".join(SHORT[k] for k in r["remedies"]) or NONE
        return [
            *cells(count(r["n"]), count(r["events"]), r["label"]["verdict"]),
            Cell(rate(r["explained"]["value"]), _noted(r["explained"]["verdict"])),
            Cell(curve["verdict"], str(curve.get("reason") or "")),
            Cell(r["own"]["verdict"], str(r["own"].get("reason") or "")),
            Cell(words.capital(remedy)),
        ]

    return _grid(run, "What is shown for each group", heads, told)


def numbers(run: Audited) -> Grid:
    """Return the numbers behind the signs, with intervals."""
    heads = [
        "Group", "Gain from twice the data", "Only its own people doubled", "Only the others doubled",
        "Gain from a model of its own", "Explained", "Explained, less that of others", "AUROC",
    ]  # fmt: skip

    def told(r: Row) -> list[Cell]:
        mix, e, a = r.get("composition") or {}, r["explained"], r.get("auroc") or {}
        return [
            _gain(r["curve"]),
            _gain(mix.get("own")),
            _gain(mix.get("others")),
            _gain(r["own"]),
            Cell(rate(e["value"], e["low"], e["high"], 1), f"by {e['by']}"),
            Cell(points(e["difference"], e["difference_low"], e["difference_high"], 1)),
            Cell(plain(a.get("value"), a.get("low"), a.get("high")), str(a.get("reason") or "")),
        ]

    return _grid(run, "Points of explained share, with intervals", heads, told)


def labels(run: Audited) -> Grid:
    """Return what is known of the record, group by group."""
    heads = ["Group", "People", "Cases", "Sign", "In words"]

    def told(r: Row) -> list[Cell]:
        return cells(count(r["n"]), count(r["events"]), r["label"]["verdict"], r["label"]["words"])

    return _grid(run, "How the outcome is recorded", heads, told)


def _grid(run: Audited, caption: str, heads: list[str], told: Callable[[Row], list[Cell]]) -> Grid:
    out: list[Line] = []
    last = ""
    for r in chapter(run, "diagnosis").get("groups", []):
        if r["attribute"] != last:
            last = r["attribute"]
            out.append(Line(words.capital(last), section=True))
        out.append(Line(_name(r), told(r)))
    return Grid(caption, heads, out)


def _name(r: Row) -> str:
    return words.group_name(r["attribute"], r["group"])


def _noted(verdict: str) -> str:
    return verdict if verdict == LESS else ""


def _gain(known_: Row | None) -> Cell:
    if not known_ or not known(known_.get("value")):
        return Cell(NONE, str((known_ or {}).get("reason") or ""))
    return Cell(points(known_["value"], known_["low"], known_["high"], 1))


def _stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
