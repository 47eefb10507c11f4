"""Stigma and discrimination: what tells the group, what the model makes of it, and who bears the decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from primum.check import proxies as check
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, percent, plain, points, rate
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import OVERALL

TITLE = "Stigma and discrimination, in the data and on the way"
LEAD = (
    "Whether a model treats a group worse is asked from the data to the decision: who is in the data at all, what in "
    "them tells the group, what the model does with that, and who bears the refusals and false alarms. A number here "
    "proves no discrimination and its absence proves no innocence. A verdict is given only where a margin was declared "
    "beforehand; everything else describes."
)
HOW = (
    "How well features tell a group is judged on people who were left out when telling was learnt, in {folds} parts. "
    "Intervals are made wide enough for a feature that tells nothing. {learner} What the model does is judged on "
    "models trained anew on the other parts."
)
LEARNERS = {
    "additive": "Curves of all features are added up; interactions would tell more, so these are lower bounds.",
    "trees": "All features together are judged by boosted trees, single features by curves.",
}
OWN_SCORES = "Decisions in this chapter are those of its own models, trained on two thirds of the people each."
TOP = 5


def section(run: Audited) -> Section | None:
    """Return the chapter; None where it was not asked for."""
    held = chapter(run, "proxies")
    if not held:
        return None
    told = held["told"]
    learner = LEARNERS[told["learner"]]
    out: list[Block] = [Text(LEAD), Text(declared(held)), *_judged(run)]
    out += _part(check.STRENGTH, [strength(held)], _why(held, "features", held["strength"]))
    out.append(Text(HOW.format(folds=held["folds"], learner=learner), note=True))
    out += _part(check.INFLUENCE, [influence(held)], _why(held, "model", held["influence"]))
    out += [Pictures("proxies")]
    out += _part(check.FLOW, [flow(held)], _why(held, "model", held["flow"]))
    out += _part(check.DIRECT, [direct(held)], _why(held, "model", held["direct"]))
    out += [Text(_not_used(held), note=True)] if held["not_used"] else []
    out += _part(check.DISPARITY, [disparity(held)], "")
    out += [Text(_strata(held), note=True)]
    out += [Text(OWN_SCORES, note=True)] if held["own_scores"] else []
    out += _part(check.BURDEN, [burden(held)], "")
    out += _part(check.PERSISTENCE, [persistence(held)], _why(held, "persistence", held["persistence"]))
    out += _part(check.STIGMA, [stigma(held)], "")
    out += _part(check.ATTRITION, [attrition(held)], "")
    if held["left_out"]:
        who = ", ".join(words.full_name(r["attribute"], r["group"]) for r in held["left_out"])
        out.append(Text(f"Too few people to ask what tells them: {who}.", note=True))
    return Section("proxies", TITLE, out)


def declared(held: Row) -> str:
    """Return what was declared, as one paragraph."""
    told = held["told"]
    is_ = {"help": "a help that can be refused", "burden": "a burden that can be imposed"}[told["selected_is"]]
    parts = [f"Being selected is declared to be {is_}."]
    for name, said in (
        ("legitimate", "Accepted reasons for the decision: {}."),
        ("immutable", "Nobody can change: {}."),
        ("historic", "Stays on file: {}."),
    ):
        if told[name]:
            parts.append(said.format(", ".join(told[name])))
    if not told["legitimate"]:
        parts.append("No feature was declared an accepted reason, so nothing is compared among people alike.")
    parts.append(f"A flag is seen by: {told['visible_to']}; its cost: {told['cost']}. Chosen: {told['chosen']}.")
    return " ".join(parts)


def strength(held: Row) -> Grid:
    """Return how well all features tell each group."""
    given = any(r["added"] for r in held["strength"])
    heads = ["Group", "People", "All features"]
    heads += ["Legitimate ones alone", "The others add"] if given else []

    def line(r: Row) -> list[Cell]:
        row = cells(count(r["n"]), _rate(r["together"]))
        if given:
            row += cells(_rate(r["legitimate"]), _points(r["added"]))
        return row

    return Grid("Pairs in which the features tell the group", heads, _by_attribute(held["strength"], line))


def influence(held: Row) -> Grid:
    """Return the first proxies of each attribute."""
    heads = ["Feature", "Tells best", "Pairs told", "Share of importance", "Tells × matters", "Accepted reason"]
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["influence"]):
        lines.append(Line(words.capital(attribute), section=True))
        own = held["own"].get(attribute) or []
        if own:
            lines.append(Line(", ".join(own), [Cell("the attribute itself"), *(Cell(NONE) for _ in heads[2:])]))
        lines += [
            Line(
                r["feature"],
                cells(
                    words.group_name(attribute, r["group"]), _rate(r["auroc"]), percent(r["importance"]),
                    _plain(r), "yes" if r["legitimate"] else "no",
                ),
            )
            for r in [x for x in held["influence"] if x["attribute"] == attribute][:TOP]
        ]  # fmt: skip
    return Grid("Proxies that the model leans on", heads, lines)


def flow(held: Row) -> Grid:
    """Return what training without a feature does to the gaps in mean risk."""
    heads = ["Group", "Gap in mean risk", "Gap without it", "Change"]
    lines: list[Line] = []
    for feature in dict.fromkeys(r["feature"] for r in held["flow"]):
        mine = [r for r in held["flow"] if r["feature"] == feature]
        lines.append(Line(f"Without {feature} (AUROC of the outcome {_points(mine[0]['auroc'])})", section=True))
        lines += [
            Line(
                words.full_name(r["attribute"], r["group"]),
                cells(points(r["with"], places=1), points(r["without"], places=1), _points(r)),
            )
            for r in mine
        ]
    return Grid("What reaches the score through a proxy", heads, lines)


def direct(held: Row) -> Grid:
    """Return what changing the attribute alone does."""
    heads = ["Group", "People", "Risk moves by", "Net", "Decisions that turn round"]
    return Grid(
        "Only the attribute changed",
        heads,
        _by_attribute(
            held["direct"],
            lambda r: cells(count(r["n"]), _rate(r["size"], 1), _points(r["signed"]), _rate(r, 1)),
        ),
    )


def disparity(held: Row) -> Grid:
    """Return disparities as they are and within strata."""
    given = any(r["given"] for r in held["disparity"])
    first = held["disparity"][0] if held["disparity"] else {"bad": "", "good": ""}
    heads = ["Group", "People", "As it is", *(["Within strata", "Turned round"] if given else [])]

    def line(r: Row) -> list[Cell]:
        row = cells(count(r["n"]), (_points(r["crude"]), r["crude"]["reason"]))
        if given and r["given"]:
            row += cells((_points(r["given"]), r["given"]["reason"]), "yes" if r["reversed"] else "no")
        return row

    title = f"Share of {first['bad']} minus share of {first['good']}"
    return Grid(title, heads, _by_attribute(held["disparity"], line))


def burden(held: Row) -> Grid:
    """Return the false alarms of each group."""
    heads = ["Group", "Per 1,000 people", "For each person found", "Times its share", "Of those without it"]

    def line(r: Row) -> list[Cell]:
        return cells(
            *((_plain(r[k], places), r[k]["reason"]) for k, places in (("per_1000", 0), ("per_true", 1))),
            (_plain(r["share_ratio"]), r["share_ratio"]["reason"]),
            (_rate(r["fpr"]), r["fpr"]["reason"]),
        )

    return Grid("False alarms", heads, _by_attribute(held["burden"], line))


def persistence(held: Row) -> Grid:
    """Return how much of the score rests on what nobody can change."""
    heads = ["Group", "Features", "Only these carry", "With what they share", "Explained by curves"]

    def line(r: Row) -> list[Cell]:
        return cells(r["what"], (_rate(r), r["reason"]), _rate(r["alone"]), percent(r["explained"]["value"]))

    return Grid("Share of the score that cannot be changed", heads, _by_attribute(held["persistence"], line))


def stigma(held: Row) -> Grid:
    """Return the three sides of stigma."""
    heads = ["Group", "False alarms, times its share", "A flag is seen by", "Share that cannot be changed"]

    def line(r: Row) -> list[Cell]:
        part = _rate(r["persistence"]) if r["persistence"] else NONE
        return cells((_plain(r["burden"]), r["burden"]["reason"]), r["visible_to"], part)

    return Grid("Three sides of stigma, not multiplied", heads, _by_attribute(held["stigma"], line))


def attrition(held: Row) -> Grid:
    """Return who was left at each step."""
    heads = ["Group", "Step", "People", "Of the first step", "Lost here", "Than everybody else"]
    lines: list[Line] = []
    for attribute in dict.fromkeys(r["attribute"] for r in held["attrition"]):
        lines.append(Line(words.capital(attribute), section=True))
        mine = [r for r in held["attrition"] if r["attribute"] == attribute]
        for group in dict.fromkeys(r["group"] for r in mine):
            for i, r in enumerate(x for x in mine if x["group"] == group):
                step = {"aside": f"{r['step']} (nobody leaves)", "reached": f"reached: {r['step']}"}
                lost = (_rate(r["lost"], 1), r["lost"]["reason"]) if r["lost"] else NONE
                more = (_points(r["more"]), r["more"]["reason"]) if r["more"] else NONE
                head = words.group_name(attribute, group) if i == 0 else ""
                lines.append(
                    Line(
                        head,
                        cells(step.get(r["kind"], r["step"]), count(r["after"]), percent(r["left"]), lost, more),
                    )
                )
    return Grid("Who was lost at each step", heads, lines)


def _part(what: check.Check, grids: Sequence[Grid], why: str) -> list[Block]:
    out: list[Block] = [Heading(f"{what.title} ({what.code})"), Text(what.what)]
    shown = [g for g in grids if g]
    out += [Table(g) for g in shown]
    if shown:
        out.append(Text(f"What to do. {what.do}"))
    else:
        out.append(Text(f"Not told here: {why or 'nobody is there to tell it of'}."))
    return out


def _judged(run: Audited) -> list[Block]:
    """Return what was shown by a declared margin."""
    codes = {c.code for c in check.CHECKS}
    found = [f for f in run.findings if f.check in codes and f.margin is not None]
    if not found:
        return [Text("No margin was declared, so this chapter gives no verdicts.")]
    said = [f"{f.words} {words.capital(str(f.verdict))}." for f in found if f.verdict == "harm shown"]
    more = [Bullets(said)] if said else []
    rest = len(found) - len(said)
    return [Text(f"By declared margins: {len(said)} with harm shown, {rest} without."), *more]


def _why(held: Row, key: str, rows: Sequence[Any]) -> str:
    return "" if rows else str(held["why_not"].get(key) or held["why_not"].get("features") or "")


def _not_used(held: Row) -> str:
    said = [f"{r['attribute']} ({r['why'].rstrip('.')})" for r in held["not_used"]]
    return f"Not changed: {'; '.join(said)}."


def _strata(held: Row) -> str:
    if not held.get("strata"):
        return "No strata: no feature was declared to compare within."
    left = held["strata_left_out"]
    more = f" Left out, because strata would hold too few people: {', '.join(left)}." if left else ""
    shares = [r["compared"] for r in held["disparity"]]
    return (
        f"Strata: {', '.join(held['strata'])}, numbers in thirds. {percent(min(shares))} of people are in strata in "
        f"which both decisions occur.{more}"
    )


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
        return f"{fixed(r['value'], places)} [{fixed(r['low'], places)} or more]"
    return plain(r["value"], r.get("low"), r.get("high"), places)
