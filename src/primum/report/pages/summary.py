"""One page for everyone: what the model does to people, in short sentences and numbers of people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from primum.finding import Finding
from primum.report.numbers import half_up, known
from primum.report.page_one_thousand import consequence, thousand
from primum.report.pages.facts import people
from primum.report.pages.facts import points as is_points
from primum.report.pages.judged import Judged, by_chance, crossed, hidden, judged, shares, unknown
from primum.report.pages.names import CLOSE, OPEN, Voice, voice
from primum.report.pages.page import Block, notice, plain, released, render, stamp
from primum.report.section import Bullets, Text
from primum.report.source import Audited, chapter, decided, estimates, models, primary
from primum.report.source import threshold as model_threshold
from primum.report.views import missing, repairs
from primum.usecase import OVERALL

LONG = 260
"""Most letters of a text of the use case."""
DETAIL = ((3, 8), (2, 5), (1, 4), (0, 2))
"""Most groups told in a line of their own, most names in a list: the first that leaves the type readable is taken."""
READABLE = 7.8
LARGEST, SMALLEST, ROOM = 10.0, 6.5, 300_000
"""Points: the type in print; and letters × points² that one sheet holds, in the widest of usual typefaces."""
HEADING = 120
KINDS = ("found", "missed", "alarmed", "alone")


@dataclass(frozen=True)
class Chapter:
    """A heading and what stands below it."""

    id: str
    title: str
    blocks: Sequence[Block]


def summary(run: Audited, code: str) -> str:
    """Return the page as HTML; printed on A4 it is one sheet.

    Raises
    ------
    PrimumError
        If there is no such language.
    MissingExtraError
        If jinja2 is not installed.
    """
    v = voice(run, code)
    told = judged(run)
    counts = thousand(run)
    first = [_for(run, v), _who(run, v)]
    lines = _found(run, v, counts)
    table, foot, title = _table(run, v, counts), _foot(run, v), short(v.own(run.usecase.title), 120)
    fixed = sum(len(x) for x in [*lines, foot, *(r["means"] for r in table)])
    for detail in DETAIL:
        last = [
            _harm(run, v, told, *detail),
            _open(run, v, told, *detail),
            _not_looked(run, v),
            _decide(run, v, told),
        ]
        letters = _length([*first, *last]) + fixed
        if points(letters) >= READABLE:
            break
    bar = [f".bar .c-{k} {{ flex: {counts[k]:.0f} 0 0; }}" for k in KINDS if counts]
    style = "\n".join([*bar, f"@media print {{ .summary {{ font-size: {points(letters):.1f}pt; }} }}"])
    return render(
        "page_summary.html", v, style=style, eyebrow=title, stamp=stamp(run, v), notice=notice(run, v), first=first,
        last=last, table=table, thousand=lines, foot=foot,
    )  # fmt: skip


def points(letters: int) -> float:
    """Return the size of type, in points, at which so many letters fit on one sheet of A4."""
    return min(LARGEST, max(SMALLEST, math.floor(10 * math.sqrt(ROOM / max(letters, 1))) / 10))


def short(text: str, most: int = LONG) -> str:
    """Return a text cut after its last whole sentence within `most` letters, else after its last whole word."""
    if len(plain(text)) <= most:
        return text
    bare = plain(text)[:most]
    ends = [m.end() for m in re.finditer(r"[.!?;](?=\s)", bare)]
    cut = bare[: ends[-1]] if ends and ends[-1] > most // 3 else f"{bare.rsplit(' ', 1)[0]} …"
    return f"{OPEN}{cut}{CLOSE}" if text.startswith(OPEN) else cut


def _for(run: Audited, v: Voice) -> Chapter:
    usecase, say = run.usecase, v.say
    text = short(v.sentence(usecase.intended_use))
    return Chapter("for", say("summary.for.title"), [Text(_stop(text)), Text(next_step(run, v))])


def next_step(run: Audited, v: Voice) -> str:
    """Return what is done for whom."""
    decision, say = run.usecase.decision, v.say
    act = short(v.own(decision.act).rstrip("."), 120)
    act = say("common.quoted", text=act) if act.startswith(OPEN) else act
    if decision.capacity is not None:
        return say("summary.for.capacity", share=say.percent(decision.capacity), act=act)
    at = model_threshold(run, primary(run))
    if is_points(run):
        return say("summary.for.points", at=say.general(at or 0.0), act=act)
    return say("summary.for.probability", at=say.percent(at), act=act)


def _who(run: Audited, v: Voice) -> Chapter:
    say, outcome = v.say, v.own(run.usecase.outcome.name)
    n, events = people(run)
    population = short(v.sentence(run.usecase.population))
    key = "summary.who.people" if known(n) else "summary.who.people_withheld"
    lines = [say(key, n=say.count(n), population=population) if known(n) else say(key, population=population)]
    if known(events):
        lines.append(say("summary.who.events", events=say.count(events), outcome=outcome))
    by = short(v.own(run.usecase.outcome.recorded_by).rstrip("."))
    lines.append(_stop(say("summary.who.recorded", by=by).rstrip(".")))
    return Chapter("who", say("summary.who.title"), [Text(" ".join(lines))])


def _table(run: Audited, v: Voice, counts: Mapping[str, float]) -> list[dict[str, str]]:
    say, outcome, decision = v.say, v.own(run.usecase.outcome.name), run.usecase.decision
    out = []
    for kind in KINDS if counts else ():
        means = say(f"summary.thousand.{kind}_means", outcome=outcome)
        if kind == "missed" and decision.miss != type(decision).model_fields["miss"].default:
            means += f" {short(v.phrase('summary.thousand.miss', decision.miss), 160)}"
        if kind == "alarmed" and decision.false_alarm != type(decision).model_fields["false_alarm"].default:
            means += f" {short(v.phrase('summary.thousand.alarm', decision.false_alarm), 160)}"
        name, many = say(f"summary.thousand.{kind}"), say.count(counts[kind])
        out.append({"kind": kind, "name": name, "many": many, "means": means})
    return out


def _found(run: Audited, v: Voice, counts: Mapping[str, float]) -> list[str]:
    """Return how many of 100 who have it are found, or why nothing can be said."""
    say, model = v.say, primary(run)
    row = decided(estimates(run), model, "sensitivity", OVERALL, "everyone", model_threshold(run, model))
    if not counts:
        why = consequence(run)
        if why is None:
            return [say("summary.thousand.unknown_bare")]
        reason = str(why.get("reason") or "")
        if released(run) or not reason:
            return [say("summary.thousand.withheld")]
        return [say("summary.thousand.unknown", reason=v.own(reason))]
    if row is None or not known(row["value"]):
        return []
    outcome, n = v.own(run.usecase.outcome.name), say.of_100(row["value"])
    between = say.between(row["low"], row["high"])
    if not between:
        return [say("summary.thousand.of_found_only", outcome=outcome, n=n)]
    line = say("summary.thousand.of_found", outcome=outcome, n=n, between=between)
    return [f"{line} {say('summary.thousand.chance')}"]


def _harm(run: Audited, v: Voice, told: Sequence[Judged], most: int, names: int) -> Chapter:
    say, inner = v.say, crossed(run)
    outcome = v.own(run.usecase.outcome.name)
    blocks: list[Block] = []
    if not told:
        blocks = [Text(say("summary.harm.no_limit"))]
    elif not any(j.harmed for j in told):
        blocks = [Text(say("summary.harm.none"))]
    else:
        blocks = [Text(say("summary.harm.lead"))]
    for j in told:
        if not j.harmed:
            continue
        single = [f for f in j.harmed if f.attribute not in inner]
        lines = [_line(run, v, j.family, f) for f in single[:most]]
        rest = [v.full(f.attribute, f.group) for f in single[most:]]
        if rest:
            lines.append(say("summary.harm.more", groups=say.listed(rest, names)))
        both = [v.full(f.attribute, f.group) for f in j.harmed if f.attribute in inner]
        if both:
            lines.append(say("summary.harm.combined", groups=say.listed(both, min(names, 3))))
        lead = f"summary.harm.{j.family}.lead"
        blocks += [Text(say(lead, outcome=outcome)), Bullets(lines)]
    return Chapter("harm", say("summary.harm.title"), blocks)


def _line(run: Audited, v: Voice, family: str, finding: Finding) -> str:
    """Return a group for which harm is shown, with its numbers where people can be counted."""
    say, name, told = v.say, v.full(finding.attribute, finding.group), shares(run, finding)
    name = name[:1].upper() + name[1:]
    if told is None:
        line = f"{name}."
    else:
        value, low, high, other = told
        against = v.comparator(finding.comparator)
        line = say(
            f"summary.harm.{family}.line", group=name, n=say.of_100(value), between=say.between(low, high),
            comparator=against[:1].upper() + against[1:], other=say.of_100(other),
        )  # fmt: skip
    return f"{line} {say('summary.harm.alone')}" if by_chance(finding) else line


def _open(run: Audited, v: Voice, told: Sequence[Judged], most: int, names: int) -> Chapter:
    say, outcome = v.say, v.own(run.usecase.outcome.name)
    gone = hidden(told)
    lines = _signals(run, v, told, most)
    for j in told:
        above = {(f.attribute, f.group) for f in j.signals}
        pairs = [p for p in unknown(j, gone) if p not in above]
        if pairs:
            lines.append(say(f"summary.open.{j.family}", outcome=outcome, groups=v.together(pairs, names)))
    if gone:
        lines.append(say("summary.open.withheld", groups=v.together(gone, names)))
    some = "summary.open.lead_released" if any(j.withheld for j in told) else "summary.open.lead"
    lead = some if lines else ("summary.open.none" if told else "summary.harm.no_limit")
    blocks: list[Block] = [Text(say(lead))]
    return Chapter("open", say("summary.open.title"), [*blocks, Bullets(lines)] if lines else blocks)


def _signals(run: Audited, v: Voice, told: Sequence[Judged], most: int) -> list[str]:
    """Return the groups, combined ones too, that are too small to judge but worse than the limit even at best."""
    say, outcome = v.say, v.own(run.usecase.outcome.name)
    lines = []
    for j in told:
        for f in j.signals[:most]:
            said = _line(run, v, j.family, f)
            if shares(run, f) is None:
                said = f"{say(f'summary.harm.{j.family}.lead', outcome=outcome)} {said}"
            lines.append(say("summary.open.signal", said=said))
    rest = dict.fromkeys(v.full(f.attribute, f.group) for j in told for f in j.signals[most:])
    return [*lines, say("summary.open.signal_more", groups=say.listed(list(rest)))] if rest else lines


def _not_looked(run: Audited, v: Voice) -> Chapter:
    done = {
        "repairs": bool(repairs.tried(run)),
        "causes": bool(chapter(run, "diagnosis")),
        "inputs": bool(missing.inputs_lost(run)),
    }
    names = ("repairs", "causes", "inputs", "shift", "after", "others")
    lines = [v.say(f"summary.not_looked.{n}") for n in names if not done.get(n)]
    title = "summary.not_looked.title_released" if released(run) else "summary.not_looked.title"
    return Chapter("not-looked", v.say(title), [Bullets(lines)])


def _decide(run: Audited, v: Voice, told: Sequence[Judged]) -> Chapter:
    say = v.say
    lines = [say("summary.decide.use"), _limit(run, v)]
    if any(j.harmed for j in told):
        lines.append(say("summary.decide.harmed"))
    if any(j.open or j.withheld for j in told):
        lines.append(say("summary.decide.open"))
    scenario = run.usecase.scenario
    who = v.own(scenario.decision) if scenario and scenario.decision else ""
    if who and not who.startswith(OPEN):  # a page is in one language: what nobody translated is left out
        lines.append(say("summary.decide.decision", who=short(who, 160).rstrip(".")))
    return Chapter("decide", say("summary.decide.title"), [Bullets([x for x in lines if x])])


def _limit(run: Audited, v: Voice) -> str:
    """Return what the threshold says about the two kinds of mistake: (1 − t) / t false alarms for a miss."""
    at, say = model_threshold(run, primary(run)), v.say
    if at is None or (run.usecase.decision.capacity is not None and released(run)):  # then it is one person's score
        return ""
    if is_points(run):
        return say("summary.decide.limit_points", at=say.general(at))
    if not 0 < at < 1:
        return ""
    odds = (1 - at) / at
    shown = say.percent(at)
    if abs(odds - 1) < 0.05:
        return say("summary.decide.limit_same", at=shown)
    key, odds = ("limit", odds) if odds > 1 else ("limit_less", 1 / odds)
    places = 0 if odds >= 10 or abs(odds - half_up(odds)) < 0.05 else 1
    return say(f"summary.decide.{key}", at=shown, n=say.fixed(odds, places))


def _foot(run: Audited, v: Voice) -> str:
    others = [str(m["name"]) for m in models(run) if m["name"] != primary(run)]
    told = v.say("summary.foot_released" if released(run) else "summary.foot")
    return f"{v.say('summary.other_models', models=v.say.listed(others, 4))} {told}" if others else told


def _stop(text: str) -> str:
    """Return a text that ends as a sentence does."""
    end = CLOSE if text.endswith(CLOSE) else ""
    bare = text.removesuffix(end) if end else text
    return f"{bare}{'' if bare.endswith(('.', '!', '?', '…')) else '.'}{end}"


def _length(chapters: Sequence[Chapter]) -> int:
    """Return the letters of chapters; a heading takes the room of `HEADING` of them."""
    blocks = [b for c in chapters for b in c.blocks]
    inner = sum(len(b.text) if isinstance(b, Text) else sum(map(len, getattr(b, "lines", ()))) for b in blocks)
    return inner + HEADING * len(chapters)
