"""Why the model may fail a group, before any repair is offered: data, model, measurements, or the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from primum.check.diagnosis import IMPROVING, LESS, SERVED_WORSE, UNEQUAL, UNSEEN
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, plain, points, rate
from primum.report.say import say, spoken, told
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter

SIGNS = frozenset({UNEQUAL, LESS, IMPROVING, SERVED_WORSE})


def section(run: Audited) -> Section | None:
    """Return the chapter of the diagnosis; None when it was not made."""
    found = chapter(run, "diagnosis")
    if not found:
        return None
    title, lead = spoken()("report.chapter.diagnosis"), Text(say("diagnosis.lead"))
    if found["why_not"]:
        why = Text(say("diagnosis.not_here", reason=_stop(found["why_not"])))
        return Section("diagnosis", title, [lead, why, Bullets(_said(run)), Table(labels(run))])
    out: list[Block] = [lead, Text(people(run)), Table(overview(run)), Bullets(_said(run)), Pictures("diagnosis")]
    out += [Heading(say("diagnosis.how.title")), Text(say("diagnosis.how.text"), note=True)]
    out += [Text(found["noise"], note=True), Table(numbers(run), say("diagnosis.numbers.folded"), short=True)]
    if any(r["label"]["verdict"] != UNSEEN for r in found["groups"]):
        out.append(Table(labels(run), say("diagnosis.labels.folded")))
    return Section("diagnosis", title, out)


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
    quiet = [(words.full_name(r["attribute"], r["group"]), _signs(r)) for r in rows if not r["suggestion"]]
    shown += [say("diagnosis.sign_only", group=name, signs=spoken().listed(signs)) for name, signs in quiet if signs]
    silent = [name for name, signs in quiet if not signs]
    if silent:
        shown.append(say("diagnosis.nothing", groups=", ".join(silent)))
    return shown


def _signs(r: Row) -> list[str]:
    """Return the signs of a group that could point to a cause, in words."""
    looked = [r[k] for k in ("label", "explained", "curve", "own_curve", "own") if r.get(k)]
    return list(dict.fromkeys(_sign(k) for k in looked if k.get("verdict") in SIGNS))


def people(run: Audited) -> str:
    """Say on whom this was done, and by which margin a gain is taken for none."""
    found = chapter(run, "diagnosis")
    n, margin = found["people"], 100 * found["margin"]
    who = "trained" if run.usecase.no_harm is None else "trained_held"
    trained = say(
        f"diagnosis.people.{who}",
        n=count(n["n"]),
        events=count(n["events"]),
        outcome=run.usecase.outcome.name,
        folds=n["folds"],
    )
    counts = told("diagnosis.people.counts", margin, margin=fixed(margin))
    return f"{trained} {counts} {say('diagnosis.people.not_judged')}"


def overview(run: Audited) -> Grid:
    """Return every group with its four signs and the suggestion."""
    keys = ("group", "people", "cases", "record", "explained", "curve", "own", "suggestion")

    def less(r: Row) -> str:
        looked = r["explained"]
        return say("diagnosis.overview.note", sign=_sign(looked)) if looked["verdict"] == LESS else ""

    def shown(r: Row) -> list[Cell]:
        curve = r["own_curve"] if r.get("own_curve") else r["curve"]
        return [
            *cells(count(r["n"]), count(r["events"]), _sign(r["label"])),
            Cell(rate(r["explained"]["value"]), less(r)),
            Cell(_sign(curve), str(curve.get("reason") or "")),
            Cell(_sign(r["own"]), str(r["own"].get("reason") or "")),
            Cell(words.capital(_remedies(r))),
        ]

    return _grid(run, "overview", keys, shown)


def numbers(run: Audited) -> Grid:
    """Return the numbers behind the signs, with intervals."""
    keys = ("group", "gain", "own_doubled", "others_doubled", "own", "explained", "difference", "auroc")

    def shown(r: Row) -> list[Cell]:
        mix, e, a = r.get("composition") or {}, r["explained"], r.get("auroc") or {}
        return [
            _gain(r["curve"]),
            _gain(mix.get("own")),
            _gain(mix.get("others")),
            _gain(r["own"]),
            Cell(rate(e["value"], e["low"], e["high"], 1), say("diagnosis.numbers.judged_by", method=e["by"])),
            Cell(points(e["difference"], e["difference_low"], e["difference_high"], 1)),
            Cell(plain(a.get("value"), a.get("low"), a.get("high")), str(a.get("reason") or "")),
        ]

    return _grid(run, "numbers", keys, shown)


def labels(run: Audited) -> Grid:
    """Return what is known of the record, group by group."""
    keys = ("group", "people", "cases", "sign", "words")

    def shown(r: Row) -> list[Cell]:
        return cells(count(r["n"]), count(r["events"]), _sign(r["label"]), r["label"]["words"])

    return _grid(run, "labels", keys, shown)


def _grid(run: Audited, name: str, heads: Sequence[str], shown: Callable[[Row], list[Cell]]) -> Grid:
    out: list[Line] = []
    last = ""
    for r in chapter(run, "diagnosis").get("groups", []):
        if r["attribute"] != last:
            last = r["attribute"]
            out.append(Line(words.capital(last), section=True))
        out.append(Line(_name(r), shown(r)))
    return Grid(say(f"diagnosis.{name}.caption"), [say(f"diagnosis.{name}.head.{k}") for k in heads], out)


def _remedies(r: Row) -> str:
    named = [say(f"diagnosis.remedy.{k}") for k in r["remedies"]]
    return reduce(lambda first, next_: say("diagnosis.remedy.then", first=first, next=next_), named) if named else NONE


def _name(r: Row) -> str:
    return words.group_name(r["attribute"], r["group"])


def _sign(looked: Row) -> str:
    return say(f"diagnosis.sign.{looked['verdict']}")


def _gain(known_: Row | None) -> Cell:
    if not known_ or not known(known_.get("value")):
        return Cell(NONE, str((known_ or {}).get("reason") or ""))
    return Cell(points(known_["value"], known_["low"], known_["high"], 1))


def _stop(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
