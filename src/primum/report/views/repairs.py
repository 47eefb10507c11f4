"""What was tried to help the groups that the model fails: who gains, who loses, and what was certified."""

from __future__ import annotations

from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, known, of_metric, percent, span
from primum.report.section import Block, Bullets, Heading, Pairs, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import OVERALL

TITLE = "Repairs, and who would be worse off"
SHOWN = ("net_benefit", "sensitivity", "specificity", "selection_rate", "auroc", "oe_ratio")
LEAD = (
    "Each repair was fitted on some people and judged on others whom nobody had looked at. It is acceptable only "
    "if no group loses more than was declared beforehand, each group shown by its own interval. A narrower gap is no "
    "aim: where it narrows because somebody loses, the ledger below says so."
)
MEAN = (
    "A certificate speaks of means over groups. It is no promise to any single patient, and holds for such people only."
)
LEDGER = (
    "A gap can narrow because those worst off gain or because others lose. The levelling-up share is the part of the "
    "narrowing that the worst-off gained; 0 % means that it came from others losing. These are points without "
    "intervals, for the people kept for the judgement."
)
WALK = (
    "Where the whole repair is refused, steps towards it are tested one by one, from the model as it is, until "
    "one is refused. The chance that any step is certified falsely is the declared one for the whole walk."
)
MANY = (
    "Each certificate stands on its own: whoever picks the best of several takes the chance of error several times. "
    "Name the one repair beforehand, or divide alpha by their number."
)
KINDS = {"certified": "chip none", "harmed": "chip harm", "not assessable": "chip few"}
SHAPES = {"certified": "●", "harmed": "▼", "not assessable": "○"}


def section(run: Audited) -> Section:
    """Return the chapter of the repairs."""
    all_ = tried(run)
    if not all_:
        said = Text("No repair was declared in the use case, so none was tried.")
        return Section("repairs", TITLE, [said])
    out: list[Block] = [Text(LEAD), Text(rule(run)), Text(people(run)), Table(overview(run)), Bullets(lines(run))]
    out.append(Pictures("repairs"))
    for i, metric in enumerate(ledger_metrics(run)):
        out += [Heading("Who paid for a narrower gap?"), Text(LEDGER)] if i == 0 else []
        folded = f"The same for {words.lower(words.metric_title(metric))}" if i else ""
        out.append(Table(ledger(run, metric), folded, short=i > 0))
    steps = walks(run)
    if steps:
        out += [Heading("As far as nobody is shown to be harmed"), Text(WALK), Table(steps)]
    out.append(Heading("Group by group"))
    for i, r in enumerate(r for r in all_ if not r["failed"]):
        out.append(Table(groups(run, r["name"]), f"{r['name']}: {_state(r)}" if i else ""))
        firm = robust(run, r["name"])
        out += [Text(f"If the record misses cases, {r['name']}:"), Bullets(firm)] if firm else []
        out += [Text(f"{r['name']}: {r['cost_without_group']}", note=True)] if r["cost_without_group"] else []
    out += [
        Heading("What a certificate says", "certificate"),
        Pairs(certificate(run)),
        Text(f"{MEAN} {MANY}", note=True),
    ]
    return Section("repairs", TITLE, out)


def tried(run: Audited) -> list[Row]:
    """Return the repairs that were tried, in the declared order."""
    return list(chapter(run, "repairs").get("repairs", []))


def people(run: Audited) -> str:
    """Say who fitted and who certified."""
    n = chapter(run, "repairs").get("people", {})
    if not n:
        return ""
    train = f"{count(n['train'])} people trained the model, " if n.get("train") else ""
    return (
        f"{train}{count(n['fix'])} fitted the repairs, and {count(n['certify'])} others, "
        f"{count(n['certify_events'])} of them with {run.usecase.outcome.name}, were kept for the judgement."
    )


def rule(run: Audited) -> str:
    """Say what was declared: margin, error, who chose them."""
    declared = run.usecase.no_harm
    if declared is None:
        return ""
    held = chapter(run, "repairs").get("utility", {})
    return (
        f"Declared beforehand: no group may lose more than {fixed(1000 * declared.margin, 1)} {held.get('words', '')} "
        f"per 1,000 people ({held.get('name', '')}); at most {percent(declared.alpha)} of certificates of a harmful "
        f"repair may go through. Chosen by: {declared.chosen}."
    )


def lines(run: Audited) -> list[str]:
    """Return one sentence a repair, for page one."""
    said = [(r["name"], f"could not be tried. {r['failed']}" if r["failed"] else r["advice"]) for r in tried(run)]
    return [f"{words.capital(name)}: {text}" for name, text in said]


def overview(run: Audited) -> Grid:
    """Return all repairs side by side for everyone: what they change, and the verdict."""
    heads = ["Repair", "Certificate", "Change for everyone, per 1,000", *(words.metric_title(m) for m in SHOWN)]
    rows = chapter(run, "repairs").get("performance", [])
    before = str(chapter(run, "repairs").get("model", ""))
    out = [Line(f"{before} as it is", [Cell(NONE), Cell(NONE), *_everyone(rows, before)])]
    for r in tried(run):
        if r["failed"]:
            out.append(Line(r["name"], [Cell("could not be tried", r["failed"]), *[Cell(NONE)] * (len(heads) - 2)]))
            continue
        out.append(Line(r["name"], [Cell(_state(r)), per_thousand(r["overall"]), *_everyone(rows, r["name"])]))
    return Grid("Every repair among the people kept for the judgement", heads, out)


def _everyone(rows: list[Row], model: str) -> list[Cell]:
    shown = []
    for metric in SHOWN:
        row = next((r for r in rows if (r["model"], r["metric"], r["attribute"]) == (model, metric, OVERALL)), None)
        if row is None:
            shown.append(Cell(NONE))
        else:
            shown.append(Cell(of_metric(metric, row["value"], row["low"], row["high"]), str(row.get("reason") or "")))
    return shown


def per_thousand(row: Row) -> Cell:
    """Return a change of utility per 1,000 people, with its limits."""
    if not known(row.get("value")):
        return Cell(NONE, str(row.get("reason") or ""))
    sign = "+" if float(row["value"]) > 0 else ""
    limits = span(row["low"], row["high"], 1, scale=1000)
    return Cell(f"{sign}{fixed(1000 * float(row['value']), 1)} {limits}".strip())


def _state(r: Row) -> str:
    if r["granted"]:
        return "granted" + ("; the worst-off group gains" if r.get("improves") else "")
    return "refused"


def groups(run: Audited, name: str) -> Grid:
    """Return what one repair changes for every group, and each group's verdict."""
    r = next(r for r in tried(run) if r["name"] == name)
    heads = [
        "Group", "People", "Cases", "Cases found in addition", "Cases no longer found", "False alarms spared",
        "False alarms in addition", "Change per 1,000", "Verdict",
    ]  # fmt: skip
    out: list[Line] = []
    last = ""
    for g in r["groups"]:
        if g["attribute"] != last:
            last = g["attribute"]
            out.append(Line(words.capital(last), section=True))
        verdict = Cell(f"{SHAPES[g['verdict']]} {g['verdict']}{_need(g)}", kind=KINDS[g["verdict"]])
        counts = cells(*(count(g[k]) for k in ("n", "events", "found", "lost", "spared", "alarmed")))
        out.append(Line(words.group_name(g["attribute"], g["group"]), [*counts, per_thousand(g), verdict]))
    return Grid(f"What changes with {name}", heads, out)


def _need(g: Row) -> str:
    return f" (+{count(g['need'])})" if g["verdict"] == "not assessable" and known(g.get("need")) else ""


def ledger_metrics(run: Audited) -> list[str]:
    """Return the metrics whose gaps are accounted for."""
    return list(dict.fromkeys(e["of"] for r in tried(run) for e in r.get("ledger", [])))


def ledger(run: Audited, metric: str) -> Grid:
    """Return the levelling-down ledger of a metric: where each gap went."""
    heads = ["Repair", "Gap before", "Gap after", "Worst-off gained", "Best-off lost", "Levelling-up share", "In words"]
    out: list[Line] = []
    rows = [(r["name"], e) for r in tried(run) for e in r.get("ledger", []) if e["of"] == metric]
    for attribute in dict.fromkeys(e["attribute"] for _, e in rows):
        out.append(Line(words.capital(attribute), section=True))
        for name, e in rows:
            if e["attribute"] == attribute:
                numbers = [_thousandth(e[k], metric) for k in ("gap_before", "gap_after", "gained", "lost")]
                out.append(Line(name, cells(*numbers, _share(e), e["words"])))
    return Grid(f"Who paid for a narrower gap? {words.metric_title(metric)}", heads, out)


def _thousandth(value: float | None, metric: str) -> str:
    return fixed(value, 4) if metric == "net_benefit" else percent(value, 1)


def _share(e: Row) -> str:
    return percent(e["share"]) if known(e["share"]) else NONE


def walks(run: Audited) -> Grid:
    """Return, for repairs refused whole, how far towards them nobody is shown to lose."""
    heads = ["Repair", "Furthest certified step", "Stopped by", "In words"]
    out = [
        Line(r["name"], cells(percent(w["reached"]), ", ".join(w["stopped_by"]) or NONE, w["words"]))
        for r in tried(run)
        if (w := r.get("walk"))
    ]
    return Grid("As far as nobody is shown to be harmed", heads, out)


def robust(run: Audited, name: str) -> list[str]:
    """Return what holds over the declared ranges of recording, one sentence a group."""
    return [str(v["words"]) for r in tried(run) if r["name"] == name for v in r.get("robust", [])]


def certificate(run: Audited) -> list[tuple[str, str]]:
    """Return what is promised, what must hold and what is not said: of the first certificate, as they share it."""
    document = next((r["certificate"] for r in tried(run) if r.get("certificate")), None)
    if document is None:
        return []
    return [
        ("Promise", str(document["guarantee"])),
        ("It holds if", " ".join(document["assumptions"])),
        ("It does not say", " ".join(document["does_not_say"])),
        ("Files", "Each certificate, or refusal, is a document of its own in the folder certificates/, with a hash."),
    ]
