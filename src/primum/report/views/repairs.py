"""What was tried to help the groups that the model fails: who gains, who loses, and what was certified."""

from __future__ import annotations

from collections.abc import Sequence

from primum.measure.levelling import SAME
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NBSP, NONE, count, fixed, half_up, known, of_metric, percent, span
from primum.report.say import say, spoken
from primum.report.section import Block, Bullets, Heading, Pairs, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import OVERALL

SHOWN = ("sensitivity", "specificity", "selection_rate", "auroc", "oe_ratio")
OF_RISKS = ("auroc", "oe_ratio")
KINDS = {"certified": "chip none", "harmed": "chip harm", "not assessable": "chip few"}
SHAPES = {"certified": "●", "harmed": "▼", "not assessable": "○"}
MOST = 3


def section(run: Audited) -> Section:
    """Return the chapter of the repairs."""
    if not tried(run):
        why = "absent" if run.manifest.get("release") else "none"
        return Section("repairs", say(f"repairs.title_{why}"), [Text(say(f"repairs.{why}"))])
    title = spoken()("report.chapter.repairs")
    out: list[Block] = [
        Text(say("repairs.lead")),
        Text(rule(run)),
        Text(people(run)),
        Table(overview(run)),
        Text(limits(run), note=True),
        Bullets(lines(run)),
        Pictures("repairs"),
        *_ledgers(run),
    ]
    steps = walks(run)
    if steps:
        out += [Heading(say("repairs.walk.title")), Text(say("repairs.walk.lead")), Table(steps)]
    out += _groups(run)
    without = without_group(run)
    out += [Heading(say("repairs.groups.without")), Bullets(without)] if without else []
    out += [
        Heading(say("repairs.certificate.title"), "certificate"),
        Pairs(certificate(run)),
        Text(f"{say('repairs.certificate.mean')} {say('repairs.certificate.many')}", note=True),
    ]
    return Section("repairs", title, out)


def _ledgers(run: Audited) -> list[Block]:
    metrics = ledger_metrics(run)
    if not metrics:
        return []
    title, lead = say("repairs.ledger.title"), say("repairs.ledger.lead")
    out: list[Block] = [Heading(title), Text(lead), Table(ledger(run, metrics[0]))]
    for metric in metrics[1:]:
        folded = say("repairs.ledger.folded", metric=words.lower(words.metric_title(metric)))
        out.append(Table(ledger(run, metric), folded, short=True))
    return out


def _groups(run: Audited) -> list[Block]:
    out: list[Block] = [Heading(say("repairs.groups.title"))]
    fitted = [r for r in tried(run) if not r["failed"]]
    same = [r["name"] for r in fitted if not changed(r)]
    out += [Text(say("repairs.groups.same", repairs=_listed(same)))] if same else []
    for i, r in enumerate(r for r in fitted if changed(r)):
        out.append(Table(groups(run, r["name"]), f"{words.capital(r['name'])}: {_state(r)}" if i else ""))
        firm = robust(run, r["name"])
        out += [Text(say("repairs.groups.missed", repair=r["name"])), Bullets(firm)] if firm else []
    return out


def tried(run: Audited) -> list[Row]:
    """Return the repairs that were tried, in the declared order."""
    return list(chapter(run, "repairs").get("repairs", []))


def people(run: Audited) -> str:
    """Say who fitted and who certified."""
    n = chapter(run, "repairs").get("people", {})
    if not n:
        return ""
    told = {k: count(n[k]) for k in ("fix", "certify")}
    told |= {"events": count(n["certify_events"]), "outcome": run.usecase.outcome.name}
    if trained(run):
        return say("repairs.people_trained", train=count(n["train"]), **told)
    return say("repairs.people", **told)


def trained(run: Audited) -> bool:
    """Say whether the model was trained anew for the repairs, so that it is not the one of page one."""
    return bool((chapter(run, "repairs").get("people") or {}).get("train"))


def _before(run: Audited) -> str:
    """Return what the repairs are compared with."""
    kind = "before_trained" if trained(run) else "before"
    return say(f"repairs.overview.{kind}", model=str(chapter(run, "repairs").get("model", "")))


def rule(run: Audited) -> str:
    """Say what was declared: margin, error, who chose them."""
    declared = run.usecase.no_harm
    if declared is None:
        return ""
    held = chapter(run, "repairs").get("utility", {})
    margin = say(
        "repairs.rule.margin",
        margin=f"{1000 * declared.margin:g}",
        unit=held.get("words", ""),
        among=say(f"repairs.rule.among.{held.get('among', 'everyone')}"),
        utility=held.get("name", ""),
    )
    return f"{margin} {say('repairs.rule.error', alpha=percent(declared.alpha), chosen=declared.chosen)}"


def limits(run: Audited) -> str:
    """Say what the limits of changes mean."""
    declared = run.usecase.no_harm
    return "" if declared is None else say("repairs.limits", alpha=percent(declared.alpha), before=_before(run))


def lines(run: Audited) -> list[str]:
    """Return one sentence a repair, for page one."""
    return [_line(words.capital(r["name"]), r) for r in tried(run)]


def _line(name: str, r: Row) -> str:
    return say("repairs.failed", repair=name, why=r["failed"]) if r["failed"] else f"{name}: {r['advice']}"


def overview(run: Audited) -> Grid:
    """Return all repairs side by side for everyone: what they change, and the verdict."""
    heads = [say(f"repairs.overview.head.{k}") for k in ("repair", "certificate", "change")]
    heads += map(words.metric_title, SHOWN)
    rows = chapter(run, "repairs").get("performance", [])
    before = str(chapter(run, "repairs").get("model", ""))
    out = [Line(_before(run), [Cell(NONE), Cell(NONE, _worth(rows, before)), *_everyone(rows, before)])]
    for r in tried(run):
        if r["failed"]:
            out.append(Line(r["name"], [Cell(say("repairs.could_not"), r["failed"]), *[Cell(NONE)] * (len(heads) - 2)]))
            continue
        shown = _everyone(rows, r["name"], risks=not r["comparator"])
        out.append(Line(r["name"], [_verdict(r), per_thousand(r["overall"], apart=True), *shown]))
    return Grid(say("repairs.overview.caption"), heads, out)


def _everyone(rows: list[Row], model: str, *, risks: bool = True) -> list[Cell]:
    """Return the metrics of everyone; what a comparator gives is a chance of being selected, no risk."""
    shown = []
    for metric in SHOWN:
        row = _row(rows, model, metric)
        if metric in OF_RISKS and not risks:
            shown.append(Cell(NONE, say("repairs.overview.not_a_risk")))
        elif row is None:
            shown.append(Cell(NONE))
        else:
            shown.append(Cell(of_metric(metric, row["value"], row["low"], row["high"]), str(row.get("reason") or "")))
    return shown


def _row(rows: list[Row], model: str, metric: str) -> Row | None:
    return next((r for r in rows if (r["model"], r["metric"], r["attribute"]) == (model, metric, OVERALL)), None)


def _worth(rows: list[Row], model: str) -> str:
    row = _row(rows, model, "net_benefit")
    if row is None or not known(row["value"]):
        return ""
    limits_ = span(row["low"], row["high"], scale=1000)
    return say("repairs.overview.worth", value=fixed(1000 * row["value"]), limits=limits_)


def per_thousand(row: Row, *, apart: bool = False) -> Cell:
    """Return a change of utility per 1,000 people, with its limits beside it, or in small print below it."""
    if not known(row.get("value")):
        return Cell(NONE, str(row.get("reason") or ""))
    number = half_up(1000 * float(row["value"]), 1)
    sign = "+" if number > 0 else ""
    change, limits_ = f"{sign}{fixed(number, 1)}", span(row["low"], row["high"], 1, scale=1000)
    return Cell(change, limits_) if apart else Cell(f"{change} {limits_}".strip())


def changed(r: Row) -> bool:
    """Say whether a repair changes a decision about anybody who was judged."""
    return any(g[k] for g in r["groups"] for k in ("found", "lost", "spared", "alarmed"))


def _state(r: Row) -> str:
    if not changed(r):
        return say("repairs.state.unchanged")
    if r["granted"]:
        return say("repairs.state.gains") if r.get("improves") else say("repairs.state.granted")
    return say("repairs.state.harmed") if _harms(r) else say("repairs.state.not_shown")


def _verdict(r: Row) -> Cell:
    if not changed(r):
        return Cell(say("repairs.state.unchanged"))
    kind = "certified" if r["granted"] else "harmed" if _harms(r) else "not assessable"
    told = say("repairs.state.granted") if r["granted"] else say("repairs.state.refused")
    return Cell(f"{SHAPES[kind]} {told}", kind=KINDS[kind])


def _harms(r: Row) -> bool:
    return any(g.get("decides", g["verdict"]) == "harmed" for g in r["groups"])


def groups(run: Audited, name: str) -> Grid:
    """Return what one repair changes for every group, and each group's verdict."""
    r = next(r for r in tried(run) if r["name"] == name)
    keys = ("group", "people", "cases", "found", "alarms", "change", "verdict")
    out: list[Line] = []
    last = ""
    for g in r["groups"]:
        if g["attribute"] != last:
            last = g["attribute"]
            out.append(Line(words.capital(last), section=True))
        both = [f"{count(g[a])} / {count(g[b])}" for a, b in (("found", "lost"), ("spared", "alarmed"))]
        counts = cells(count(g["events"] + g["nonevents"]), count(g["events"]), *both)
        out.append(Line(words.group_name(g["attribute"], g["group"]), [*counts, per_thousand(g), _of_group(g)]))
    heads = [say(f"repairs.groups.head.{k}") for k in keys]
    return Grid(say("repairs.groups.caption", repair=name), heads, out)


def _of_group(g: Row) -> Cell:
    """Return the verdict that decides, how many more people a judgement needs, and the verdict without such a range."""
    said = g.get("decides", g["verdict"])
    told, recorded = _said(said), "" if said == g["verdict"] else _said(g["verdict"])
    if g["verdict"] == "not assessable" and known(g.get("need")):
        told = say("repairs.verdict.need", verdict=told, n=count(g["need"]))
    note = say("repairs.verdict.as_recorded", verdict=recorded) if recorded else ""
    return Cell(f"{SHAPES[said]} {told}", note, kind=KINDS[said])


def _said(verdict: str) -> str:
    return say(f"repairs.verdict.{verdict}")


def ledger_metrics(run: Audited) -> list[str]:
    """Return the metrics whose gaps are accounted for."""
    return list(dict.fromkeys(e["of"] for r in tried(run) if not r["failed"] and changed(r) for e in r["ledger"]))


def ledger(run: Audited, metric: str) -> Grid:
    """Return the levelling-down ledger of a metric: where each gap went."""
    keys = ("repair", "before", "after", "gained", "lost", "share", "words")
    out: list[Line] = []
    rows = [(r["name"], e) for r in tried(run) if not r["failed"] and changed(r) for e in r["ledger"]]
    rows = [(name, e) for name, e in rows if e["of"] == metric]
    for attribute in dict.fromkeys(e["attribute"] for _, e in rows):
        out.append(Line(words.capital(attribute), section=True))
        for name, e in rows:
            if e["attribute"] == attribute:
                numbers = [_amount(e[k], metric) for k in ("gap_before", "gap_after", "gained", "lost")]
                out.append(Line(name, cells(*numbers, _share(e), who_paid(e))))
    unit = "worth" if metric == "net_benefit" else "points"
    caption = say(f"repairs.ledger.caption_{unit}", metric=words.metric_title(metric))
    return Grid(caption, [say(f"repairs.ledger.head.{k}") for k in keys], out)


def who_paid(e: Row) -> str:
    """Say who gained and who lost when a gap changed; the numbers stand beside it."""
    if not known(e["gap_before"]) or not known(e["gap_after"]):
        return str(e["words"])
    losers = [str(g["group"]) for g in e["groups"] if known(g["change"]) and g["change"] < -SAME]
    if e["narrowed"] > SAME:
        how = "gained" if e["gained"] > SAME else "not_gained"
    else:
        how = "wider" if e["gap_after"] > e["gap_before"] + SAME else "same"
    named = {"worst": e["worst"]} if e["narrowed"] > SAME else {}
    if losers:
        told = say(f"repairs.paid.{how}", who=_listed(losers), **named)
    else:
        told = say(f"repairs.paid.{how}_nobody", **named)
    return f"{told} {say('repairs.paid.down')}" if named and e["strict"] else told


def _listed(names: Sequence[str]) -> str:
    return spoken().listed(names, MOST - 1 if len(names) > MOST else None)


def _amount(value: float | None, metric: str) -> str:
    return fixed(None if value is None else (1000 if metric == "net_benefit" else 100) * value, 1)


def _share(e: Row) -> str:
    if not known(e["share"]):
        return NONE
    return say("repairs.ledger.over", share=percent(1)) if e["share"] > 1 + SAME else percent(e["share"])


def walks(run: Audited) -> Grid:
    """Return, for repairs refused whole, how far towards them nobody is shown to lose."""
    heads = [say(f"repairs.walk.head.{k}") for k in ("repair", "reached", "stopped", "words")]
    out = [
        Line(
            r["name"],
            cells(percent(w["reached"]), _listed(w["stopped_by"]) or NONE, w["words"].replace("%", f"{NBSP}%")),
        )
        for r in tried(run)
        if (w := r.get("walk")) and changed(r)
    ]
    return Grid(say("repairs.walk.caption"), heads, out)


def robust(run: Audited, name: str) -> list[str]:
    """Return what holds over the declared ranges of recording, one sentence a group."""
    return [str(v["words"]) for r in tried(run) if r["name"] == name for v in r.get("robust", [])]


def without_group(run: Audited) -> list[str]:
    """Return what each repair loses when nobody's group is known at prediction: one sentence a kind of repair."""
    told: dict[str, list[str]] = {}
    for r in tried(run):
        if not r["failed"] and r["cost_without_group"]:
            told.setdefault(str(r["cost_without_group"]), []).append(str(r["name"]))
    return [f"{words.capital(_listed(names))}: {words.lower(text)}" for text, names in told.items()]


def certificate(run: Audited) -> list[tuple[str, str]]:
    """Return what is promised, what must hold and what is not said: of the certificates, as they share it."""
    documents = [r["certificate"] for r in tried(run) if r.get("certificate")]
    if not documents:
        return []
    document = max(documents, key=lambda d: len(d["assumptions"]))  # one of no change assumes less
    old, new = document["names"]
    holds = " ".join(document["assumptions"]).replace(f"{new} or {old}", say("repairs.certificate.models"))
    return [
        (say("repairs.certificate.promise"), str(document["guarantee"])),
        (say("repairs.certificate.holds"), holds),
        (say("repairs.certificate.not_said"), " ".join(document["does_not_say"])),
        (say("repairs.certificate.files"), say("repairs.certificate.folder")),
    ]
