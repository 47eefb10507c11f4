"""What was tried to help the groups that the model fails: who gains, who loses, and what was certified."""

from __future__ import annotations

from primum.check.advice import listed
from primum.measure.levelling import SAME
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NBSP, NONE, count, fixed, half_up, known, of_metric, percent, span
from primum.report.section import Block, Bullets, Heading, Pairs, Pictures, Section, Table, Text
from primum.report.source import Audited, Row, chapter
from primum.usecase import OVERALL

TITLE = "Repairs, and who would be worse off"
SHOWN = ("sensitivity", "specificity", "selection_rate", "auroc", "oe_ratio")
OF_RISKS = ("auroc", "oe_ratio")
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
    "narrowing that the worst-off gained: 0 % means that all of it came from others losing, and over 100 % that "
    "others gained too. These are points without intervals, for the people kept for the judgement: small ones may be "
    "chance."
)
LIMITS = (
    "Changes are against the model as it is. Their limits, in square brackets, are one-sided: the truth lies below the "
    "lower one with a probability of {alpha} at most, and likewise above the upper one."
)
FILES = (
    "Each certificate, or refusal, is a document of its own in the folder certificates/, with a hash: "
    "primum certificate FILE verifies it and says in plain words what it holds."
)
NO_RISK = "not a risk"
UNCHANGED = "no change"
WITHOUT = "If group membership is not known when the model is used"
WALK = (
    "Where the whole repair is refused, steps towards it are tested one by one, from the model as it is, until "
    "one is refused. The chance that any step is certified falsely is the declared one for the whole walk. It comes on "
    "top of the chance that the whole repair, tested first, is certified falsely."
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
        said = "No repair was declared in the use case, so none was tried."
        return Section("repairs", TITLE, [Text(words.ABSENT if run.manifest.get("release") else said)])
    out: list[Block] = [
        Text(LEAD),
        Text(rule(run)),
        Text(people(run)),
        Table(overview(run)),
        Text(limits(run), note=True),
    ]
    out += [Bullets(lines(run)), Pictures("repairs")]
    for i, metric in enumerate(ledger_metrics(run)):
        out += [Heading("Who paid for a narrower gap?"), Text(LEDGER)] if i == 0 else []
        folded = f"The same for {words.lower(words.metric_title(metric))}" if i else ""
        out.append(Table(ledger(run, metric), folded, short=i > 0))
    steps = walks(run)
    if steps:
        out += [Heading("As far as nobody is shown to be harmed"), Text(WALK), Table(steps)]
    out.append(Heading("Group by group"))
    same = [r["name"] for r in all_ if not r["failed"] and not changed(r)]
    out += [Text(f"Nothing changes for anybody here with {listed(same)}.")] if same else []
    for i, r in enumerate(r for r in all_ if not r["failed"] and changed(r)):
        out.append(Table(groups(run, r["name"]), f"{words.capital(r['name'])}: {_state(r)}" if i else ""))
        firm = robust(run, r["name"])
        out += [Text(f"If the record misses cases, {r['name']}:"), Bullets(firm)] if firm else []
    told = without_group(run)
    out += [Heading(WITHOUT), Bullets(told)] if told else []
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
    among = str(held.get("among", "everyone")).replace("everyone", "people")
    return (
        f"Declared beforehand: no group may lose more than {1000 * declared.margin:g} {held.get('words', '')} "
        f"per 1,000 {among} ({held.get('name', '')}). A repair that does harm is certified with a probability of "
        f"{percent(declared.alpha)} at most. How this was chosen: {declared.chosen}."
    )


def limits(run: Audited) -> str:
    """Say what the limits of changes mean."""
    declared = run.usecase.no_harm
    return "" if declared is None else LIMITS.format(alpha=percent(declared.alpha))


def lines(run: Audited) -> list[str]:
    """Return one sentence a repair, for page one."""
    said = [(r["name"], f"could not be tried. {r['failed']}" if r["failed"] else r["advice"]) for r in tried(run)]
    return [f"{words.capital(name)}: {text}" for name, text in said]


def overview(run: Audited) -> Grid:
    """Return all repairs side by side for everyone: what they change, and the verdict."""
    heads = ["Repair", "Certificate", "Change for everyone, per 1,000", *(words.metric_title(m) for m in SHOWN)]
    rows = chapter(run, "repairs").get("performance", [])
    before = str(chapter(run, "repairs").get("model", ""))
    out = [Line(f"{before} as it is", [Cell(NONE), Cell(NONE, _worth(rows, before)), *_everyone(rows, before)])]
    for r in tried(run):
        if r["failed"]:
            out.append(Line(r["name"], [Cell("could not be tried", r["failed"]), *[Cell(NONE)] * (len(heads) - 2)]))
            continue
        shown = _everyone(rows, r["name"], risks=not r["comparator"])
        out.append(Line(r["name"], [_verdict(r), per_thousand(r["overall"], apart=True), *shown]))
    return Grid("Every repair among the people kept for the judgement", heads, out)


def _everyone(rows: list[Row], model: str, *, risks: bool = True) -> list[Cell]:
    """Return the metrics of everyone; what a comparator gives is a chance of being selected, no risk."""
    shown = []
    for metric in SHOWN:
        row = _row(rows, model, metric)
        if metric in OF_RISKS and not risks:
            shown.append(Cell(NONE, NO_RISK))
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
    return f"net benefit {fixed(1000 * row['value'])} {span(row['low'], row['high'], scale=1000)} per 1,000".strip()


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
        return UNCHANGED
    if r["granted"]:
        return "granted" + ("; the worst-off group gains" if r.get("improves") else "")
    return "refused: " + ("a group is harmed" if _harms(r) else "not shown for every group")


def _verdict(r: Row) -> Cell:
    if not changed(r):
        return Cell(UNCHANGED)
    kind = "certified" if r["granted"] else "harmed" if _harms(r) else "not assessable"
    return Cell(f"{SHAPES[kind]} {'granted' if r['granted'] else 'refused'}", kind=KINDS[kind])


def _harms(r: Row) -> bool:
    return any(g.get("decides", g["verdict"]) == "harmed" for g in r["groups"])


def groups(run: Audited, name: str) -> Grid:
    """Return what one repair changes for every group, and each group's verdict."""
    r = next(r for r in tried(run) if r["name"] == name)
    heads = [
        "Group", "People", "Cases", "Cases found / lost", "False alarms spared / added", "Change per 1,000", "Verdict",
    ]  # fmt: skip
    out: list[Line] = []
    last = ""
    for g in r["groups"]:
        if g["attribute"] != last:
            last = g["attribute"]
            out.append(Line(words.capital(last), section=True))
        said = g.get("decides", g["verdict"])
        by_record = "" if said == g["verdict"] else f"as recorded: {g['verdict']}"
        verdict = Cell(f"{SHAPES[said]} {said}{_need(g)}", by_record, kind=KINDS[said])
        both = [f"{count(g[a])} / {count(g[b])}" for a, b in (("found", "lost"), ("spared", "alarmed"))]
        counts = cells(count(g["events"] + g["nonevents"]), count(g["events"]), *both)
        out.append(Line(words.group_name(g["attribute"], g["group"]), [*counts, per_thousand(g), verdict]))
    return Grid(f"What changes with {name}", heads, out)


def _need(g: Row) -> str:
    return f" (+{count(g['need'])})" if g["verdict"] == "not assessable" and known(g.get("need")) else ""


def ledger_metrics(run: Audited) -> list[str]:
    """Return the metrics whose gaps are accounted for."""
    return list(dict.fromkeys(e["of"] for r in tried(run) if not r["failed"] and changed(r) for e in r["ledger"]))


def ledger(run: Audited, metric: str) -> Grid:
    """Return the levelling-down ledger of a metric: where each gap went."""
    heads = ["Repair", "Gap before", "Gap after", "Worst-off gained", "Best-off lost", "Levelling-up share", "In words"]
    out: list[Line] = []
    rows = [(r["name"], e) for r in tried(run) if not r["failed"] and changed(r) for e in r["ledger"]]
    rows = [(name, e) for name, e in rows if e["of"] == metric]
    for attribute in dict.fromkeys(e["attribute"] for _, e in rows):
        out.append(Line(words.capital(attribute), section=True))
        for name, e in rows:
            if e["attribute"] == attribute:
                numbers = [_amount(e[k], metric) for k in ("gap_before", "gap_after", "gained", "lost")]
                out.append(Line(name, cells(*numbers, _share(e), who_paid(e))))
    unit = "per 1,000 people" if metric == "net_benefit" else "percentage points"
    return Grid(f"{words.metric_title(metric)}, {unit}", heads, out)


def who_paid(e: Row) -> str:
    """Say who gained and who lost when a gap changed; the numbers stand beside it."""
    if not known(e["gap_before"]) or not known(e["gap_after"]):
        return str(e["words"])
    losers = [str(g["group"]) for g in e["groups"] if known(g["change"]) and g["change"] < -SAME]
    lost = f"{listed(losers)} lost" if losers else "nobody lost"
    if not e["narrowed"] > SAME:
        wider = e["gap_after"] > e["gap_before"] + SAME
        return f"{'Widened' if wider else 'As wide as before'}; {lost}."
    gain = "gained" if e["gained"] > SAME else "did not gain"
    down = " Levelling down." if e["strict"] else ""
    return f"Narrowed: {e['worst']}, the worst-off, {gain}; {lost}.{down}"


def _amount(value: float | None, metric: str) -> str:
    return fixed(None if value is None else (1000 if metric == "net_benefit" else 100) * value, 1)


def _share(e: Row) -> str:
    if not known(e["share"]):
        return NONE
    return "over 100\N{NO-BREAK SPACE}%" if e["share"] > 1 + SAME else percent(e["share"])


def walks(run: Audited) -> Grid:
    """Return, for repairs refused whole, how far towards them nobody is shown to lose."""
    heads = ["Repair", "Furthest certified step", "Stopped by", "In words"]
    out = [
        Line(
            r["name"],
            cells(percent(w["reached"]), listed(w["stopped_by"]) or NONE, w["words"].replace("%", f"{NBSP}%")),
        )
        for r in tried(run)
        if (w := r.get("walk")) and changed(r)
    ]
    return Grid("Steps towards the repairs that were refused", heads, out)


def robust(run: Audited, name: str) -> list[str]:
    """Return what holds over the declared ranges of recording, one sentence a group."""
    return [str(v["words"]) for r in tried(run) if r["name"] == name for v in r.get("robust", [])]


def without_group(run: Audited) -> list[str]:
    """Return what each repair loses when nobody's group is known at prediction: one sentence a kind of repair."""
    told: dict[str, list[str]] = {}
    for r in tried(run):
        if not r["failed"] and r["cost_without_group"]:
            told.setdefault(str(r["cost_without_group"]), []).append(str(r["name"]))
    return [f"{words.capital(listed(names))}: {words.lower(text)}" for text, names in told.items()]


def certificate(run: Audited) -> list[tuple[str, str]]:
    """Return what is promised, what must hold and what is not said: of the certificates, as they share it."""
    documents = [r["certificate"] for r in tried(run) if r.get("certificate")]
    if not documents:
        return []
    document = max(documents, key=lambda d: len(d["assumptions"]))  # one of no change assumes less
    old, new = document["names"]
    holds = " ".join(document["assumptions"]).replace(f"{new} or {old}", "the model as it is or as it is repaired")
    return [
        ("Promise", str(document["guarantee"])),
        ("It holds if", holds),
        ("It does not say", " ".join(document["does_not_say"])),
        ("Files", FILES),
    ]
