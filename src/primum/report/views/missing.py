"""What is missing, and for whom: the chapter, and its sentences."""

from __future__ import annotations

from primum.check.missing import gap_words, tipping_words
from primum.report import words
from primum.report.numbers import fixed, known, span
from primum.report.say import say, spoken
from primum.report.section import Block, Bullets, Heading, Pictures, Section, Table, Text
from primum.report.source import Audited, Row
from primum.report.views.labels import labelled
from primum.report.views.missing_gaps import bounds, complete, gaps, membership, predicts
from primum.report.views.missing_ways import against, inputs, masking, strategies, tips
from primum.usecase import OVERALL


def section(run: Audited) -> Section | None:
    """Return the chapter of what is missing; None where it was not asked for."""
    c = labelled(run, "missing")
    if not c:
        return None
    out: list[Block] = [Text(say("missing.lead")), Bullets(lines(run)), *_gaps(c)]
    if any(r["missing"] or r["few"] for r in c["membership"]):
        out += [Heading(say("missing.membership.title")), Table(membership(c))]
        out += [Text(say("missing.bounds.lead")), Table(bounds(c))] if c.get("bounds") else []
    if c.get("complete"):
        out += [Heading(say("missing.complete.title")), Text(say("missing.complete.lead")), Table(complete(c))]
    if c.get("strategies"):
        out += _strategies(c)
    out += _inputs(c)
    if c.get("tipping"):
        out += [Heading(say("missing.tips.title")), Text(say("missing.tips.lead")), Table(tips(c))]
        drawn = say("missing.drawn_by", strategy=c["shifted_with"])
        out.append(Text(f"{drawn} {say('missing.persons')}", note=True))
    title = spoken()("report.chapter.missing")
    return Section("missing", title, [b for b in out if not isinstance(b, Table) or b.grid])


def _gaps(c: Row) -> list[Block]:
    out: list[Block] = [Table(gaps(c))]
    out += [Text(f"{say('missing.gaps.adjusted')} {say('missing.gaps.small')}", note=True), Pictures("missing")]
    out += [Table(gaps(c, a), _same_by(a), short=True) for a in _attributes(c.get("gaps", []))]
    pattern = predicts(c)
    return [*out, Table(pattern, say("missing.pattern.folded"), short=True)] if pattern else out


def _strategies(c: Row) -> list[Block]:
    out: list[Block] = [Heading(say("missing.ways.title")), Text(say("missing.ways.lead")), Table(strategies(c))]
    out += [Table(strategies(c, a), _same_by(a), short=True) for a in _attributes(c["performance"])]
    if c["against_own"]:
        out += [Text(say("missing.against.lead")), Table(against(c))]
    if c["masking"]:
        out += [Heading(say("missing.masking.title")), Text(say("missing.masking.lead")), Table(masking(c))]
    return out


def _inputs(c: Row) -> list[Block]:
    title = Heading(say("missing.inputs.title"))
    if c.get("inputs_why"):
        return [title, Text(words.capital(f"{c['inputs_why']}."))]
    if not c.get("inputs"):
        return []
    metric = _stress_metric(c)
    measured = say("missing.inputs.worth") if metric == "net_benefit" else say("missing.inputs.points")
    out: list[Block] = [title, Text(f"{say('missing.inputs.lead')} {measured}"), Table(inputs(c, metric))]
    if metric != "sensitivity":
        out.append(Table(inputs(c, "sensitivity"), say("missing.inputs.found"), short=True))
    failed = [say("missing.inputs.failed", loss=r["loss"], why=r["why"]) for r in c.get("inputs_failed", [])]
    out += [Bullets(failed)] if failed else []
    out += [Text(say("missing.persons"), note=True)] if c["linked"] or c["weighted"] else []
    return out


def _same_by(attribute: str) -> str:
    return say("missing.same_by", attribute=attribute)


def _attributes(rows: list[Row]) -> list[str]:
    return [a for a in dict.fromkeys(str(r["attribute"]) for r in rows) if a != OVERALL]


def lines(run: Audited) -> list[str]:
    """Return the sentences of the chapter: gaps that tell of the outcome, inputs that matter, verdicts that tip."""
    c = labelled(run, "missing")
    if not c:
        return []
    told = [r for r in c["gaps"] if known(r["p_holm"]) and r["p_holm"] < 0.05]
    whole = [r for r in told if r["attribute"] == OVERALL and not r.get("odds_reason")]
    apart = [r for r in told if known(r["rest_low"]) and (r["rest_low"] > 0 or r["rest_high"] < 0)]
    out = [gap_words(r) for r in [*whole[:3], *apart[:2]]]
    if c["gaps"] and not out:
        out.append(say("missing.none_told"))
    out += [worst(r) for r in _worst(c)]
    out += [tipping_words(r) for r in c.get("tipping", []) if r["up"] is not None or r["down"] is not None][:2]
    return out


def inputs_lost(run: Audited) -> list[str]:
    """Return which group suffers first when an input is missing at the moment of use; nothing if that was not tried."""
    c = labelled(run, "missing")
    if not c.get("inputs"):
        return []
    return [worst(r) for r in _worst(c)] or [say("missing.none_costly")]


def worst(r: Row) -> str:
    """Say which group a missing input costs, and how much."""
    unit = "net_benefit" if r["metric"] == "net_benefit" else "sensitivity"
    return say(
        f"missing.worst.{unit}",
        loss=r["loss"],
        who=words.full_name(r["attribute"], r["group"]),
        size=fixed(-1000 * r["value"], 1),
        limits=span(-r["high"], -r["low"], 1, scale=1000),
    )


def _worst(c: Row) -> list[Row]:
    """Return the losses that are shown (interval below 0), the largest first, at most two, one for each input."""
    metric = _stress_metric(c)
    shown = [r for r in c.get("inputs", []) if r["metric"] == metric and known(r["high"]) and r["high"] < 0]
    shown = [r for r in shown if r["attribute"] != OVERALL]
    out: list[Row] = []
    for r in sorted(shown, key=lambda r: float(r["high"])):
        if r["loss"] not in {o["loss"] for o in out}:
            out.append(r)
    return out[:2]


def _stress_metric(c: Row) -> str:
    return "net_benefit" if any(r["metric"] == "net_benefit" for r in c.get("inputs", [])) else "sensitivity"
