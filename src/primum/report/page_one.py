"""What the first page says, as plain data: what was asked, what was found, what could not be found out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from primum.errors import PrimumError
from primum.finding import Finding, Verdict
from primum.report import forest, words
from primum.report.numbers import (
    NONE,
    WITHHELD,
    count,
    counted,
    half_up,
    known,
    of_metric,
    percent,
    rate,
    threshold,
    withheld,
)
from primum.report.source import (
    Audited,
    chapter,
    decided,
    divisions,
    estimates,
    headline,
    models,
    pick,
    primary,
    verdicts,
)
from primum.report.source import threshold as model_threshold
from primum.report.views import missing, recording, repairs
from primum.usecase import MISSING, OVERALL

MOST_ROWS, MOST_LINES = 24, 4
NOT_DONE = "Not part of this audit."
ABSENT = words.ABSENT


@dataclass(frozen=True)
class Line:
    """One group in the forest of page one."""

    name: str
    cases: str
    found: str
    reason: str
    strip: str
    chip: dict[str, str] | None


@dataclass(frozen=True)
class Division:
    """One way of dividing the people, with its rows."""

    title: str
    lines: list[Line]


@dataclass(frozen=True)
class PageOne:
    """Everything on page one; the fields stand in reading order."""

    model: str
    model_description: str
    decision: str
    exchange: str
    overall: str
    bar: str
    bar_key: list[tuple[str, str]]
    metric: str
    metric_plain: str
    margin: str
    axis: str
    everyone: Line | None
    divisions: list[Division]
    left_out: str
    harmed: list[str]
    other_models: list[str]
    not_assessable: list[str]
    record: list[str]
    care: list[str]
    repairs: list[str]
    no_repair: str
    stands: list[str]
    not_tried: str
    decide: list[str]
    not_looked_at: list[str]
    withheld: list[str]
    stamp: str
    legend: list[dict[str, str]] = field(default_factory=list)


def page_one(run: Audited, *, export: bool = False) -> PageOne:
    """Return the first page for the primary model; with `export`, of a report that may leave the room."""
    model, metric = primary(run), headline(run)
    at = model_threshold(run, model)
    about = next((m for m in models(run) if m["name"] == model), {})
    scale = str(about.get("scale", "probability"))
    found = verdicts(run, model, metric)
    split, left_out = _divisions(run, model, metric, found)
    size = run.usecase.margins.get(metric)
    crossed = {a for a, _, cross in divisions(run) if cross}
    lost = missing.inputs_lost(run)
    overall, bar, key = _overall(run, model, metric, at)
    return PageOne(
        model=model,
        model_description=str(about.get("description", "")),
        decision=words.decision(run.usecase, at, scale=scale),
        exchange=words.exchange(at, scale=scale, capacity=run.usecase.decision.capacity is not None),
        overall=overall,
        bar=bar,
        bar_key=key,
        metric=metric,
        metric_plain=words.PLAIN.get(metric, words.metric_title(metric)),
        margin=words.acceptable(metric, size) if size else "",
        axis=forest.axis(),
        everyone=_line(run, model, metric, OVERALL, "everyone", None),
        divisions=split,
        left_out=left_out,
        harmed=_harmed(run, found, crossed),
        other_models=_others(run, model),
        not_assessable=_not_assessable(run, found, crossed),
        record=record_lines(run, export=export),
        care=_care(run),
        repairs=repairs.lines(run),
        no_repair=ABSENT if export else "No repair was tried.",
        decide=_decide(run, at, scale, metric, found),
        stands=lost,
        not_tried=_not_tried(lost=bool(lost), export=export),
        not_looked_at=_not_looked_at(run, export=export),
        withheld=_withheld(found, crossed),
        stamp=stamp(run, export=export),
        legend=_legend(found, split),
    )


INSIDE = "inside: must not leave the room"


def stamp(run: Audited, *, export: bool = False, brief: bool = False) -> str:
    """Return where this report belongs: "inside: must not leave the room", or what it was released under.

    Raises
    ------
    PrimumError
        If a report is to leave whose run says nothing of a release.
    """
    if not export:
        return INSIDE
    told = run.manifest.get("release") or {}
    if not told.get("preset"):
        raise PrimumError(
            "This run was not protected for release, so its report cannot be written as one.",
            expected="a run whose manifest holds 'release': {'preset', 'words', 'date'}",
            mend="make the release with: primum release RUN --preset NAME",
        )
    if brief:
        return f"release · preset {told['preset']} · {str(told.get('date') or '')[:10]}".removesuffix(" · ")
    rules, said = f"preset {told['preset']}", str(told.get("words") or "")
    parts = ("release", "" if said.startswith(rules) else rules, said, str(told.get("date") or "")[:10])
    return " · ".join(p for p in parts if p)


NO_REPAIR = "whether a repair would help the groups that are failed, and hurt nobody"
CAUSES = "why groups differ"
INPUTS = "how the model stands up to missing inputs"
HARDER = "shift, corrupted or poisoned data"
MAY_LEAVE = "whether this report may leave the room that holds the data: small counts are shown as they are"
NOT_LOOKED_AT = [
    NO_REPAIR,
    INPUTS,
    "how it stands up to a shift in the population, and to corrupted or poisoned data",
    CAUSES,
    "what happens to patients after they are selected or left alone",
    "people outside the population above, and groups that the data do not name",
    MAY_LEAVE,
]


def _not_tried(*, lost: bool, export: bool) -> str:
    named = f"{'' if lost else 'missing inputs, '}{HARDER}"
    return f"Not part of this release: {named}." if export else f"Not part of this audit: {named} were not tried."


def _not_looked_at(run: Audited, *, export: bool = False) -> list[str]:
    """Return what this audit leaves open."""
    done = {
        MAY_LEAVE: export,
        NO_REPAIR: bool(repairs.tried(run)),
        CAUSES: bool(chapter(run, "diagnosis")),
        INPUTS: bool(missing.inputs_lost(run)),
    }
    return [x for x in NOT_LOOKED_AT if not done.get(x)]


def record_lines(run: Audited, *, export: bool = False) -> list[str]:
    """Return what is known about how equally the outcome was recorded."""
    record = chapter(run, "record")
    if not record:
        return [f"{ABSENT if export else NOT_DONE} The outcome was recorded by {run.usecase.outcome.recorded_by}."]
    lines = [f"The outcome was recorded by {record.get('recorded_by') or run.usecase.outcome.recorded_by}."]
    if record.get("truth_name") and record.get("rows"):
        said = [_missed(r) for r in record["rows"]]
        lines.append(f"Of those who have it by {record['truth_name']}, the record misses: {'; '.join(said[:12])}.")
    else:
        lines.append(
            "There is no better measurement to hold it against, so this audit cannot tell whether "
            f"{run.usecase.outcome.name} is equally well recorded in every group."
        )
    wrong = chapter(run, "recording")
    if wrong:
        tips = recording.within(wrong)
        many = f"{count(len(tips))} verdicts" if len(tips) != 1 else "1 verdict"
        lines.append(
            f"{many} of this report would change if groups were recorded as unequally as was declared possible."
        )
    shares = record.get("unrecorded") or chapter(run, "people").get("unrecorded") or {}
    first: dict[str, dict[str, int]] = next(iter(shares.values()), {})
    whole = all(c["n"] is not None and c["unknown_outcome"] is not None for c in first.values())
    n = sum(c["n"] for c in first.values()) if whole else 0
    k = sum(c["unknown_outcome"] for c in first.values()) if whole else 0
    if n:
        lines.append(f"For {count(k)} of {count(n)} people ({percent(k / n)}) it is unknown; by group in chapter 2.")
    return lines


def _missed(row: Any) -> str:
    name = words.group_name(row["attribute"], row["group"])
    if row.get("status") == "suppressed":
        return f"{name} {WITHHELD}"
    if not known(row["share_missed"]):
        return f"{name} {NONE} ({row['reason']})"
    return f"{name} {rate(row['share_missed'], row['low'], row['high'])}"


def _overall(run: Audited, model: str, metric: str, at: float | None) -> tuple[str, str, list[tuple[str, str]]]:
    consequences = chapter(run, "groups").get("consequences", [])
    row = pick(consequences, model=model, attribute=OVERALL)
    if row is None:
        value = decided(estimates(run), model, metric, OVERALL, "everyone", at)
        text = of_metric(metric, value["value"], value["low"], value["high"]) if value else NONE
        return f"{words.metric_title(metric)}: {text}.", "", []
    sensitivity = decided(estimates(run), model, "sensitivity", OVERALL, "everyone", at)
    parts = [row["found"], row["missed"], row["false_alarms"], row["left_alone"]]
    text = words.per_thousand(row, sensitivity, run.usecase)
    if not all(known(p) for p in parts):
        return text, "", []
    missed = half_up(float(row["with_outcome"])) - half_up(float(parts[0]))
    shown = [parts[0], missed, parts[2], parts[3]]
    key = list(zip(("found", "missed", "alarmed", "alone"), (count(v) for v in shown), strict=True))
    return text, forest.thousand(*(float(p) for p in parts)), key


def _divisions(
    run: Audited, model: str, metric: str, found: dict[tuple[str, str], Finding]
) -> tuple[list[Division], str]:
    """Return the rows of the forest: every single attribute, or only what is not reassuring when there are too many."""
    plain = [(a, groups) for a, groups, cross in divisions(run) if not cross]
    many = sum(len(g) for _, g in plain) > MOST_ROWS
    out, dropped = [], 0
    for attribute, groups in plain:
        kept = []
        for group in groups:
            finding = found.get((attribute, group))
            if many and finding and finding.verdict is Verdict.NO_HARM:
                dropped += 1
                continue
            kept.append(_line(run, model, metric, attribute, group, finding))
        if kept:
            out.append(Division(words.capital(attribute), kept))
    note = f"{dropped} more groups, with no harm shown within the margin, are in chapter 5." if dropped else ""
    return out, note


def _line(run: Audited, model: str, metric: str, attribute: str, group: str, finding: Finding | None) -> Line:
    row = decided(estimates(run), model, metric, attribute, group, model_threshold(run, model))
    chip = words.chip(finding) if finding else None
    name = "Not recorded" if group == MISSING else words.group_name(attribute, group)
    if row is None:
        return Line(name, NONE, NONE, "not computed", forest.strip(None, None, None), chip)
    if withheld(row):
        return Line(name, counted(row["events"]), WITHHELD, "", forest.strip(None, None, None), chip)
    other = None
    if finding and known(finding.estimate.value) and known(row["value"]):
        other = float(row["value"]) - finding.estimate.value
    lower = metric in {"fpr", "fnr", "brier"}
    drawn = forest.strip(
        row["value"],
        row["low"],
        row["high"],
        other=other,
        margin=(finding.margin or 0.0) if finding else 0.0,
        better="lower" if lower else "higher",
        kind=chip["kind"] if chip else "gone",
    )
    reason = str(row.get("reason") or "") if not known(row["value"]) else ""
    value = of_metric(metric, row["value"], row["low"], row["high"])
    return Line(name, counted(row["events"]), value, reason, drawn, chip)


def _harmed(run: Audited, found: dict[tuple[str, str], Finding], crossed: set[str]) -> list[str]:
    """Return where harm is shown: single groups in full, intersections by name, in the declared order."""
    harmed = [f for f in found.values() if words.shown(f) is Verdict.HARM]
    single = [f for f in harmed if f.attribute not in crossed]
    said = [(words.sentence(f, run.usecase.outcome.name), words.at_once(f)) for f in single[:MOST_LINES]]
    lines = [" ".join(filter(None, parts)) for parts in said]
    if len(single) > MOST_LINES:
        lines.append(f"Harm is shown for {len(single) - MOST_LINES} more groups; see the table and chapter 5.")
    inner = [words.group_name(f.attribute, f.group) for f in harmed if f.attribute in crossed]
    if inner:
        lines.append(f"Harm is also shown in these intersections: {_few(inner)}.")
    return lines


def _not_assessable(run: Audited, found: dict[tuple[str, str], Finding], crossed: set[str]) -> list[str]:
    few = [f for f in found.values() if words.shown(f) is Verdict.NOT_ASSESSABLE]
    outcome = run.usecase.outcome.name
    single = [f for f in few if f.attribute not in crossed]
    lines = [words.sentence(f, outcome) for f in single[:MOST_LINES]]
    if len(single) > MOST_LINES:
        names = [words.full_name(f.attribute, f.group) for f in single[MOST_LINES:]]
        lines.append(f"Too few cases also for: {_few(names)}.")
    inner = [f for f in few if f.attribute in crossed]
    if inner:
        names = [words.group_name(f.attribute, f.group) for f in inner]
        lines.append(f"Too few cases also in these intersections: {_few(names)}.")
    return lines


def _withheld(found: dict[tuple[str, str], Finding], crossed: set[str]) -> list[str]:
    """Return the groups about which this report may not speak."""
    hidden = [f for f in found.values() if words.shown(f) is Verdict.SUPPRESSED]
    single = [words.full_name(f.attribute, f.group) for f in hidden if f.attribute not in crossed]
    inner = [words.group_name(f.attribute, f.group) for f in hidden if f.attribute in crossed]
    lines = [f"{_few(single)}: {LEFT_OUT}."] if single else []
    return lines + ([f"Also withheld in these intersections: {_few(inner)}."] if inner else [])


LEFT_OUT = "withheld so that nobody can be recognised. This is no good news: nothing is known from this report"


def _others(run: Audited, model: str) -> list[str]:
    """Return where harm is shown by the other declared margins, and by the other models."""
    first, names = headline(run), [str(m["name"]) for m in models(run)]
    margins = [_harm_by(run, model, m, words.lower(words.metric_title(m))) for m in run.usecase.margins if m != first]
    rivals = [_harm_by(run, name, first, name) for name in names if name != model]
    lines = [f"Other margins of this model: {'; '.join(filter(None, margins))}." if any(margins) else ""]
    lines.append(f"Other models: {'; '.join(filter(None, rivals))}." if any(rivals) else "")
    return [line for line in lines if line]


OPEN = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.SUPPRESSED)


def _harm_by(run: Audited, model: str, metric: str, title: str) -> str:
    found = list(verdicts(run, model, metric).values())
    if not found:
        return ""
    harmed = [words.full_name(f.attribute, f.group) for f in found if f.verdict is Verdict.HARM]
    open_ = sum(words.shown(f) in OPEN for f in found)
    said = f"harm shown for {_few(harmed, 3)}" if harmed else "harm shown for no group"
    gone = sum(words.shown(f) is Verdict.SUPPRESSED for f in found)
    hidden = f", {gone} withheld" if gone else ""
    return f"{title}: {said}, {open_ - gone} of {len(found)} groups open{hidden}"


def _few(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _care(run: Audited) -> list[str]:
    """Return what a reader must know before trusting any number on the page."""
    people = chapter(run, "people")
    lines = [f"{i['title']}: {i['what']}." for i in people.get("leakage", []) if i.get("severity") != "note"]
    changed = run.manifest.get("deviations") or []
    if changed:
        what = ", ".join(str(d["field"]) for d in changed)
        lines.append(f"The plan was changed after it was frozen ({what}); see the last chapter.")
    if run.manifest.get("status") not in {None, "finished"}:
        lines.append("The audit is not finished: chapters are missing.")
    return lines


def _decide(
    run: Audited, at: float | None, scale: str, metric: str, found: dict[tuple[str, str], Finding]
) -> list[str]:
    """Return the questions that remain with people."""
    decision = run.usecase.decision
    lines = []
    if known(at):
        lines.append(
            f"Is {threshold(at, scale)} the right threshold, and its price in false alarms right for every group? "
            f"A miss: the person {decision.miss}. A false alarm: the person {decision.false_alarm}."
        )
    size = run.usecase.margins.get(metric)
    if size:
        lines.append(f"Is a shortfall of {words.margin(metric, size)} really acceptable, and to whom was it put?")
    if any(f.verdict is Verdict.HARM for f in found.values()):
        lines.append("May the model be used at all for the groups where harm is shown, and what do they get instead?")
    if any(f.verdict in {Verdict.NOT_ASSESSABLE, Verdict.INCONCLUSIVE} for f in found.values()):
        lines.append("Who gathers the missing cases, and what happens to those groups until then?")
    if any(words.shown(f) is Verdict.SUPPRESSED for f in found.values()):
        lines.append("Who looks, inside the room, at the groups that are withheld here?")
    return lines


def _legend(found: dict[tuple[str, str], Finding], split: list[Division]) -> list[dict[str, str]]:
    shown = {line.chip["kind"] for d in split for line in d.lines if line.chip}
    out = []
    for verdict, (shape, kind) in words.SHAPES.items():
        if kind in shown and any(words.shown(f) is verdict for f in found.values()):
            text = words.SUPPRESSED if verdict is Verdict.SUPPRESSED else str(verdict)
            out.append({"shape": shape, "kind": kind, "text": text, "means": words.MEANINGS[verdict]})
    return out
