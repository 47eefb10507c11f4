"""Stigma and discrimination: what tells the group, what the model makes of it, and who bears the decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from primum.check import proxies as check
from primum.finding import Verdict
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, percent, plain, points, rate
from primum.report.say import say, spoken
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row
from primum.report.views.labels import labelled
from primum.usecase import OVERALL

TOP = 5
MARKED = ("aside", "reached")


def section(run: Audited) -> Section | None:
    """Return the chapter; None where it was not asked for."""
    held = labelled(run, "proxies")
    if not held:
        return None
    out: list[Block] = [Text(say("proxies.lead")), Text(declared(held)), *_judged(run)]
    out += _part(check.STRENGTH, strength(held), _why(held, "features", held["strength"]))
    out.append(Text(say(f"proxies.how.{held['told']['learner']}", folds=held["folds"]), note=True))
    out += _part(check.INFLUENCE, influence(held), _why(held, "model", held["influence"]))
    out += [Pictures("proxies")]
    out += _part(check.FLOW, flow(held), _why(held, "model", held["flow"]))
    out += _part(check.DIRECT, direct(held), _why(held, "model", held["direct"]))
    out += [Text(_not_used(held), note=True)] if held["not_used"] else []
    out += _part(check.DISPARITY, disparity(held), "")
    out += [Text(_strata(held), note=True)]
    out += [Text(say("proxies.own_scores"), note=True)] if held["own_scores"] else []
    out += _part(check.BURDEN, burden(held), "")
    out += _part(check.PERSISTENCE, persistence(held), _why(held, "persistence", held["persistence"]))
    out += _part(check.STIGMA, stigma(held), "")
    out += _part(check.ATTRITION, attrition(held), "")
    if held["left_out"]:
        who = ", ".join(words.full_name(r["attribute"], r["group"]) for r in held["left_out"])
        out.append(Text(say("proxies.left_out", groups=who), note=True))
    return Section("proxies", spoken()("report.chapter.proxies"), out)


def declared(held: Row) -> str:
    """Return what was declared, as one paragraph."""
    told = held["told"]
    parts = [say(f"proxies.declared.{told['selected_is']}")]
    parts += [
        say(f"proxies.declared.{k}", features=", ".join(told[k]))
        for k in ("legitimate", "immutable", "historic")
        if told[k]
    ]
    parts += [] if told["legitimate"] else [say("proxies.declared.nothing_accepted")]
    parts.append(say("proxies.declared.flag", who=told["visible_to"], cost=told["cost"], chosen=told["chosen"]))
    return " ".join(parts)


def strength(held: Row) -> Grid:
    """Return how well all features tell each group."""
    given = any(r["added"] for r in held["strength"])
    keys = ("group", "people", "all", *(("accepted", "others") if given else ()))

    def line(r: Row) -> list[Cell]:
        row = cells(count(r["n"]), _rate(r["together"]))
        if given:
            row += cells(_rate(r["legitimate"]), _points(r["added"]))
        return row

    return _grid("strength", keys, _by_attribute(held["strength"], line))


def influence(held: Row) -> Grid:
    """Return the first proxies of each attribute."""
    keys = ("feature", "group", "pairs", "importance", "both", "accepted")
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["influence"]):
        lines.append(Line(words.capital(attribute), section=True))
        own = held["own"].get(attribute) or []
        if own:
            lines.append(Line(", ".join(own), [Cell(say("proxies.influence.itself")), *(Cell(NONE) for _ in keys[2:])]))
        lines += [
            Line(
                r["feature"],
                cells(
                    words.group_name(attribute, r["group"]), _rate(r["auroc"]), percent(r["importance"]),
                    _plain(r), _answer(r["legitimate"]),
                ),
            )
            for r in [x for x in held["influence"] if x["attribute"] == attribute][:TOP]
        ]  # fmt: skip
    return _grid("influence", keys, lines)


def flow(held: Row) -> Grid:
    """Return what training without a feature does to the gaps in mean risk."""
    lines: list[Line] = []
    for feature in dict.fromkeys(r["feature"] for r in held["flow"]):
        mine = [r for r in held["flow"] if r["feature"] == feature]
        without = say("proxies.flow.without", feature=feature, change=_points(mine[0]["auroc"]))
        lines.append(Line(without, section=True))
        lines += [
            Line(
                words.full_name(r["attribute"], r["group"]),
                cells(points(r["with"], places=1), points(r["without"], places=1), _points(r)),
            )
            for r in mine
        ]
    return _grid("flow", ("group", "gap", "without", "change"), lines)


def direct(held: Row) -> Grid:
    """Return what changing the attribute alone does."""
    lines = _by_attribute(
        held["direct"],
        lambda r: cells(count(r["n"]), _rate(r["size"], 1), _points(r["signed"]), _rate(r, 1)),
    )
    return _grid("direct", ("group", "people", "size", "net", "turned"), lines)


def disparity(held: Row) -> Grid:
    """Return disparities as they are and within strata."""
    given = any(r["given"] for r in held["disparity"])
    first = held["disparity"][0] if held["disparity"] else {"bad": "", "good": ""}
    keys = ("group", "people", "crude", *(("within", "turned") if given else ()))

    def line(r: Row) -> list[Cell]:
        row = cells(count(r["n"]), (_points(r["crude"]), r["crude"]["reason"]))
        if given and r["given"]:
            row += cells((_points(r["given"]), r["given"]["reason"]), _answer(r["reversed"]))
        return row

    return _grid("disparity", keys, _by_attribute(held["disparity"], line), bad=first["bad"], good=first["good"])


def burden(held: Row) -> Grid:
    """Return the false alarms of each group."""
    keys = ("group", "per_1000", "per_found", "ratio", "without")

    def line(r: Row) -> list[Cell]:
        return cells(
            *((_plain(r[k], places), r[k]["reason"]) for k, places in (("per_1000", 0), ("per_true", 1))),
            (_plain(r["share_ratio"]), r["share_ratio"]["reason"]),
            (_rate(r["fpr"]), r["fpr"]["reason"]),
        )

    return _grid("burden", keys, _by_attribute(held["burden"], line))


def persistence(held: Row) -> Grid:
    """Return how much of the score rests on what nobody can change."""
    keys = ("group", "features", "alone", "shared", "explained")

    def line(r: Row) -> list[Cell]:
        return cells(
            say(f"proxies.persistence.of.{r['what']}"),
            (_rate(r), r["reason"]),
            _rate(r["alone"]),
            percent(r["explained"]["value"]),
        )

    return _grid("persistence", keys, _by_attribute(held["persistence"], line))


def stigma(held: Row) -> Grid:
    """Return the three sides of stigma."""
    keys = ("group", "burden", "seen_by", "unchanged")

    def line(r: Row) -> list[Cell]:
        part = _rate(r["persistence"]) if r["persistence"] else NONE
        return cells((_plain(r["burden"]), r["burden"]["reason"]), r["visible_to"], part)

    return _grid("stigma", keys, _by_attribute(held["stigma"], line))


def attrition(held: Row) -> Grid:
    """Return who was left at each step."""
    keys = ("group", "step", "people", "left", "lost", "more")
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["attrition"]):
        lines.append(Line(words.capital(attribute), section=True))
        mine = [r for r in held["attrition"] if r["attribute"] == attribute]
        for group in dict.fromkeys(r["group"] for r in mine):
            for i, r in enumerate(x for x in mine if x["group"] == group):
                lost = (_rate(r["lost"], 1), r["lost"]["reason"]) if r["lost"] else NONE
                more = (_points(r["more"]), r["more"]["reason"]) if r["more"] else NONE
                head = words.group_name(attribute, group) if i == 0 else ""
                lines.append(Line(head, cells(_step(r), count(r["after"]), percent(r["left"]), lost, more)))
    return _grid("attrition", keys, lines)


def _step(r: Row) -> str:
    return say(f"proxies.attrition.{r['kind']}", step=r["step"]) if r["kind"] in MARKED else str(r["step"])


def _grid(name: str, heads: Sequence[str], lines: list[Line], **named: object) -> Grid:
    return Grid(say(f"proxies.{name}.caption", **named), [say(f"proxies.{name}.head.{k}") for k in heads], lines)


def _answer(said: object) -> str:
    return say("proxies.answer.positive") if said else say("proxies.answer.negative")


def _part(what: check.Check, grid: Grid, why: str) -> list[Block]:
    out: list[Block] = [Heading(f"{what.title} ({what.code})"), Text(what.what)]
    if grid:
        return [*out, Table(grid), Text(say("proxies.part.do", text=what.do))]
    return [*out, Text(say("proxies.part.not_told", why=why) if why else say("proxies.part.nobody"))]


def _judged(run: Audited) -> list[Block]:
    """Return what was shown by a declared margin."""
    codes = {c.code for c in check.CHECKS}
    found = [f for f in run.findings if f.check in codes and f.margin is not None]
    if not found:
        return [Text(say("proxies.judged.none"))]
    harm = words.capital(spoken()("report.verdict.harm.name"))
    said = [f"{f.words} {harm}." for f in found if f.verdict is Verdict.HARM]
    more = [Bullets(said)] if said else []
    return [Text(say("proxies.judged.told", shown=len(said), rest=len(found) - len(said))), *more]


def _why(held: Row, key: str, rows: Sequence[Any]) -> str:
    return "" if rows else str(held["why_not"].get(key) or held["why_not"].get("features") or "")


def _not_used(held: Row) -> str:
    said = [f"{r['attribute']} ({r['why'].rstrip('.')})" for r in held["not_used"]]
    return say("proxies.direct.not_changed", attributes="; ".join(said))


def _strata(held: Row) -> str:
    if not held.get("strata"):
        return say("proxies.strata.none")
    share = percent(min(r["compared"] for r in held["disparity"]))
    used = say("proxies.strata.used", features=", ".join(held["strata"]), share=share)
    left = held["strata_left_out"]
    return f"{used} {say('proxies.strata.left_out', features=', '.join(left))}" if left else used


def _by_attribute(rows: Iterable[Row], line: Callable[[Row], list[Cell]]) -> list[Line]:
    listed, lines = list(rows), []
    for attribute in dict.fromkeys(r["attribute"] for r in listed):
        if attribute != OVERALL:
            lines.append(Line(words.capital(attribute), section=True))
        lines += [Line(words.group_name(attribute, r["group"]), line(r)) for r in listed if r["attribute"] == attribute]
    return lines


def _rate(r: Row, places: int = 0) -> str:
    return rate(r["value"], r.get("low"), r.get("high"), places)


def _points(r: Row) -> str:
    return points(r["value"], r.get("low"), r.get("high"), 1)


def _plain(r: Row, places: int = 2) -> str:
    if known(r["value"]) and known(r.get("low")) and not known(r.get("high")):
        return say("proxies.at_least", value=fixed(r["value"], places), low=fixed(r["low"], places))
    return plain(r["value"], r.get("low"), r.get("high"), places)
