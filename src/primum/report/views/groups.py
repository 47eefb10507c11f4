"""Every group: estimates, comparisons with verdicts, consequences per 1,000 people."""

from __future__ import annotations

from primum.finding import Finding, Status, Verdict
from primum.report import words
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, alone_of, count, counted, known, missed_of, of_metric, withheld, withheld_word
from primum.report.say import say, spoken
from primum.report.source import Audited, Row, chapter, decided, divisions, estimates, every, threshold, verdicts
from primum.usecase import OVERALL

DECISIONS = (
    "prevalence", "selection_rate", "sensitivity", "specificity", "ppv", "npv", "nne", "fp_per_tp", "net_benefit",
    "standardised_net_benefit", "interventions_avoided",
)  # fmt: skip
RISKS = (
    "auroc", "average_precision", "oe_ratio", "calibration_intercept", "calibration_slope", "brier", "ici", "e50",
    "e90", "debiased_calibration_error",
)  # fmt: skip
PARTS = {"decided": DECISIONS, "scores": RISKS}


def performance(run: Audited, models: list[str]) -> Grid:
    """Return every metric for everyone, one column a model."""
    rows = chapter(run, "performance").get("estimates", [])
    metrics = list(dict.fromkeys(r["metric"] for r in rows if r.get("comparison", "estimate") == "estimate"))
    lines = []
    for metric in metrics:
        found = [decided(rows, m, metric, OVERALL, "everyone", threshold(run, m)) for m in models]
        lines.append(Line(_title(metric), [_value(metric, r) for r in found]))
    return Grid(say("groups.performance"), ["", *models], lines)


def by_group(run: Audited, model: str, part: str, most: int | None = None) -> Grid:
    """Return the estimates of one model, one row a group; `part` is a key of `PARTS`."""
    rows = [r for r in estimates(run) if r["model"] == model]
    at = threshold(run, model)
    present = {r["metric"] for r in rows}
    metrics = [m for m in PARTS[part] if m in present][:most]
    effective = any(known(r.get("n_effective")) for r in rows)

    def line(attribute: str, group: str) -> Line:
        return _estimate_line(rows, model, metrics, attribute, group, at, effective=effective)

    lines = [line(OVERALL, "everyone")]
    for attribute, groups, _ in divisions(run):
        lines.append(Line(words.capital(attribute), section=True))
        lines += [line(attribute, g) for g in groups]
    heads = [say(f"groups.head.{k}") for k in ("group", "people", "cases")]
    heads += [say("groups.effective")] if effective else []
    heads += [words.metric_title(m) for m in metrics]
    return Grid(say(f"groups.{part}", model=model), heads, lines if metrics else [])


def _estimate_line(
    rows: list[Row], model: str, metrics: list[str], attribute: str, group: str, at: float | None, *, effective: bool
) -> Line:
    found = [decided(rows, model, m, attribute, group, at) for m in metrics]
    some = next((r for r in found if r is not None), None)
    people = [Cell(counted(some["n"])), Cell(counted(some["events"]))] if some else [Cell(NONE), Cell(NONE)]
    if effective:
        whole = decided(rows, model, "prevalence", attribute, group, at) or {}
        people.append(Cell(withheld_word() if withheld(whole) else count(whole.get("n_effective"))))
    pairs = zip(metrics, found, strict=True)
    return Line(words.group_name(attribute, group), [*people, *(_value(m, r) for m, r in pairs)])


def _value(metric: str, row: Row | None) -> Cell:
    if row is None:
        return Cell(NONE, say("groups.uncomputed"))
    if withheld(row):
        return Cell(withheld_word())
    text = of_metric(metric, row["value"], row["low"], row["high"])
    status = spoken()(f"report.status.{Status(row['status']).name.lower()}")
    reason = status if known(row["value"]) else str(row.get("reason") or status)
    return Cell(text, reason if row["status"] != "ok" else "")


def _title(metric: str) -> str:
    plain, title = words.plain(metric), words.metric_title(metric)
    return f"{title} ({plain})" if plain.lower() != title.lower() else title


def comparisons(run: Audited, model: str, metric: str) -> Grid:
    """Return every group against its comparator on one metric, with the verdict."""
    found = verdicts(run, model, metric)
    lines: list[Line] = []
    for attribute, groups, _ in divisions(run):
        here = [found[attribute, g] for g in groups if (attribute, g) in found]
        if here:
            lines.append(Line(words.capital(attribute), section=True))
            lines += [_compared(run, f) for f in here]
    size = run.usecase.margins.get(metric)
    title = words.metric_title(metric)
    caption = (
        say("groups.comparisons.caption_margin", metric=title, model=model, margin=words.margin(metric, size))
        if size
        else say("groups.comparisons.caption", metric=title, model=model)
    )
    heads = [
        say("groups.head.group"), say("groups.head.cases"), say("groups.comparisons.here"),
        say("groups.head.compared"), say("groups.head.difference"), say("groups.comparisons.verdict"),
        say("groups.comparisons.more"),
    ]  # fmt: skip
    return Grid(caption, heads, lines)


def _compared(run: Audited, finding: Finding) -> Line:
    e = finding.estimate
    at = threshold(run, finding.model)
    own = decided(estimates(run), finding.model, finding.metric, finding.attribute, finding.group, at)
    difference = of_metric(finding.metric, e.value, e.low, e.high, comparison="difference")
    hidden = words.shown(finding) is Verdict.SUPPRESSED
    reason = (finding.reason or e.reason) if not (known(e.value) or hidden) else ""
    cases = counted(own["events"] if hidden and own else None if hidden else e.events)
    more = _more(finding) if finding.more_events else NONE
    own_cell = Cell(of_metric(finding.metric, own["value"], own["low"], own["high"])) if own else Cell(NONE)
    own_cell = Cell(withheld_word()) if withheld(own or {}) else own_cell
    shape, kind = words.SHAPES[words.shown(finding)]
    return Line(
        words.group_name(finding.attribute, finding.group),
        [
            Cell(cases),
            own_cell,
            Cell(words.comparator(finding.comparator) if finding.comparator else withheld_word() if hidden else NONE),
            Cell(withheld_word() if hidden else difference, reason),
            Cell(f"{shape} {words.verdict(finding)}", finding.reason if known(e.value) else "", f"chip {kind}"),
            Cell(withheld_word() if hidden else more),
        ],
    )


def _more(finding: Finding) -> str:
    kind = "cases" if finding.more_kind == "events" else "people"
    return say(f"groups.comparisons.{kind}", number=count(finding.more_events))


def consequences(run: Audited, model: str) -> Grid:
    """Return what happens to 1,000 people of each group."""
    rows: list[Row] = every(chapter(run, "groups").get("consequences", []), model=model)
    keys = ("with_outcome", "found", "missed", "false_alarms", "left_alone")
    lines: list[Line] = []
    seen = OVERALL
    for row in rows:
        if row["attribute"] != seen:
            seen = row["attribute"]
            lines.append(Line(words.capital(seen), section=True))
        lines.append(Line(words.group_name(row["attribute"], row["group"]), _fates(row, keys)))
    per = count(rows[0]["per"] if rows else 1000)
    fates = [say(f"groups.consequences.{k}") for k in ("have", "found", "missed", "alarms", "alone")]
    heads = [say("groups.head.group"), *fates]
    return Grid(say("groups.consequences.caption", people=per, model=model), heads, lines)


def _fates(row: Row, keys: tuple[str, ...]) -> list[Cell]:
    if row.get("status") == "suppressed":
        return cells(*[withheld_word()] * len(keys))
    said = {k: count(row[k]) for k in keys} | {"missed": missed_of(row["with_outcome"], row["found"])}
    if known(row["left_alone"]):
        said["left_alone"] = count(alone_of(row["per"], row["with_outcome"], row["false_alarms"]))
    return cells(*(said[k] for k in keys))


def between(run: Audited) -> Grid:
    """Return the people on whom two models decide differently."""
    lines = []
    for r in chapter(run, "performance").get("between_models", []):
        for outcome in ("with_outcome", "without_outcome"):
            four = [r.get(f"{outcome}_{k}") for k in ("both", "only_a", "only_b", "neither")]
            if all(known(v) for v in four):
                head = say(f"groups.between.{outcome}", first=r["a"], second=r["b"])
                lines.append(Line(head, cells(*map(count, four))))
    heads = [say(f"groups.between.{k}") for k in ("models", "both", "first", "second", "neither")]
    return Grid(say("groups.between.caption"), heads, lines)
