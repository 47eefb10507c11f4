"""A propagation study told in sections: what was asked, what happened at each dose, what survives, who gains."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import polars as pl

from primum.report.figures.study import Studied
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, fixed, known, percent, points, span
from primum.report.section import Block, Bullets, Heading, Pairs, Pictures, Section, Table, Text
from primum.report.words import lower, metric_title

EVERYONE, UNCORRECTED, ORACLE = "everyone", "uncorrected", "oracle"
TRUTH, RECORD = "truth", "record"
KINDS = {"gains": "chip none", "loses": "chip harm", "agrees": "chip none", "contradicts": "chip harm"}
SHAPES = {"gains": "▲", "loses": "▼", "agrees": "●", "contradicts": "▼"}
SIMULATED = (
    "Each seed is another population of the same kind. Intervals are over seeds: they tell how far the mean of so many "
    "populations can be off, not how far one register can be."
)
DIVIDED = (
    "Each seed divides the same people anew into those who train and those who are judged. Intervals are over such "
    "divisions: they tell how much the division matters, and not how much other people would differ."
)
LEDGER = (
    "Against the uncorrected model, judged on the truth. Net benefit counts cases found, less false alarms at their "
    "declared price, per 1,000 people of the group. A group can lose sensitivity and still be better off: the places "
    "that it had may have been those of a group whose cases nobody recorded."
)
MISLEADS = (
    "The last column is what an audit on the record would have said. Where the two disagree, harm was measured on the "
    "wrong labels."
)
CHECK = (
    "Record less truth for the uncorrected model at the greatest dose, in each group alone. 'Expected' is what theory "
    "says of such an error where decisions tell no more about the record than the outcome does."
)


class Told(Studied, Protocol):
    """A finished study, as the page reads it."""

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def ledger(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def check(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def summary(self) -> dict[str, Any]: ...  # noqa: D102


def study_sections(run: Told) -> list[Section]:
    """Return the sections of the page."""
    named = list(enumerate(run.study.biases))
    found = [
        Section("short", "In short", [Bullets(in_short(run)), Text(_how(run), note=True)]),
        Section("asked", "What was asked", _asked(run)),
    ]
    found += [Section(f"bias-{i + 1}", f"Bias: {b.name}", _bias(run, i)) for i, b in named]
    found.append(Section("survives", "Which number survives a biased record, and which does not", _survives(run)))
    found.append(Section("limits", "What this study does not say", _limits(run)))
    return found


def in_short(run: Told) -> list[str]:
    """Return one or two sentences a bias: what the record says of the uncorrected model, and what is true."""
    out = []
    for bias in run.study.biases:
        row = {
            (g, on): r
            for (g, on), r in _rows(run, bias.name, UNCORRECTED, "sensitivity").items()
            if g != EVERYONE and known(r["mean"])
        }
        groups = list(dict.fromkeys(g for g, _ in row))
        both = [g for g in groups if (g, TRUTH) in row and (g, RECORD) in row]
        if not both:
            continue
        low, high = (f(both, key=lambda g: row[g, TRUTH]["mean"]) for f in (min, max))
        told = (
            f"{bias.name}: the uncorrected model finds {percent(row[low, TRUTH]['mean'], 1)} of the true cases of "
            f"{low} and {percent(row[high, TRUTH]['mean'], 1)} of {high}; on the record it seems to find "
            f"{percent(row[low, RECORD]['mean'], 1)} and {percent(row[high, RECORD]['mean'], 1)}."
        )
        best = _rows(run, bias.name, ORACLE, "sensitivity")
        if (low, TRUTH) in best and known(best[low, TRUTH]["mean"]) and known(best[high, TRUTH]["mean"]):
            told += (
                f" Trained on the truth: {percent(best[low, TRUTH]['mean'], 1)} and "
                f"{percent(best[high, TRUTH]['mean'], 1)}."
            )
        wrong = _misled(run, bias.name)
        if wrong:
            told += f" The record tells the wrong story of {wrong[0]}" + (
                f", and of {len(wrong) - 1} more." if len(wrong) > 1 else "."
            )
        out.append(told)
    return out


def _misled(run: Told, bias: str) -> list[str]:
    rows = run.ledger.filter(
        pl.col("bias") == bias, pl.col("dose") == max(run.study.doses), pl.col("metric") == "net_benefit",
        pl.col("judged_on") == TRUTH, pl.col("misleads"), pl.col("group") != EVERYONE,
    )  # fmt: skip
    return [f"{arm} for {group} (it {verdict} in truth)" for arm, group, verdict in
            rows.select("arm", "group", "verdict").rows()]  # fmt: skip


def _rows(run: Told, bias: str, arm: str, metric: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (group, judged on) → the mean over seeds at the greatest dose."""
    top = max(run.study.doses)
    found = run.curves.filter(
        pl.col("bias") == bias, pl.col("arm") == arm, pl.col("metric") == metric, pl.col("dose") == top
    )
    return {(r["group"], r["judged_on"]): r for r in found.rows(named=True)}


def _how(run: Told) -> str:
    study = run.study
    rule = (
        f"people with a risk of {percent(study.threshold)} or more are selected"
        if study.threshold is not None
        else f"the {percent(study.capacity)} of people with the highest risks are selected"
    )
    return (
        f"{run.summary['runs']} runs, {len(study.arms)} algorithms in each, {study.seeds} seeds; {rule}. "
        f"{SIMULATED if study.simulated else DIVIDED}"
    )


def _asked(run: Told) -> list[Block]:
    from primum.stress.arms import ARMS

    study = run.study
    grid = Grid(
        "The algorithms", ["Algorithm", "What it does"], [Line(name, cells(ARMS[name].words)) for name in study.arms]
    )
    people = study.population
    source = (
        f"simulated depression registry, {people.registry.people:,} people a seed" if people.registry is not None
        else f"the published recipe, {people.recipe.people:,} people a seed" if people.recipe is not None
        else f"the use case {people.usecase if isinstance(people.usecase, str) else people.usecase.name}"
    )  # fmt: skip
    pairs = [
        ("Question", study.question), ("People", source), ("Groups", study.group),
        ("Doses", ", ".join(f"{d:g}" for d in study.doses)),
        ("Price of a false alarm", f"that of a threshold of {percent(study.rule.exchange, 1)}"),
        ("Notes", " ".join([*run.summary["notes"], study.notes]).strip()),
    ]  # fmt: skip
    return [Pairs(pairs), Table(grid)]


def _bias(run: Told, number: int) -> list[Block]:
    bias = run.study.biases[number]
    out: list[Block] = [Text(bias.words)] if bias.words else []
    out += [Pictures(f"study {number + 1}"), Table(_found(run, bias.name))]
    out += [Heading("Who gains, who loses"), Text(LEDGER), Table(_ledger(run, bias.name)), Text(MISLEADS, note=True)]
    learnt = _learnt(run, bias.name)
    out += [Text(learnt)] if learnt else []
    failed = [f for f in run.summary["failed"] if f["bias"] in {bias.name, ""}]
    if failed:
        out.append(Bullets([f"{f['arm']} gave no answer in {f['runs']} runs (dose {f['dose']:g}): {f['why']}"
                            for f in failed]))  # fmt: skip
    return out


def _groups(run: Told, bias: str) -> list[str]:
    found = run.curves.filter(pl.col("bias") == bias)["group"].unique().sort().to_list()
    return [g for g in found if g != EVERYONE]


def _found(run: Told, bias: str) -> Grid:
    groups = _groups(run, bias)
    heads = ["Algorithm"]
    for g in groups:
        heads += [f"{g}: found in truth", f"{g}: found on record", f"{g}: selected"]
    lines = []
    for arm in run.study.arms:
        found, chosen = (_rows(run, bias, arm, m) for m in ("sensitivity", "selection_rate"))
        if not found:
            continue
        row: list[str] = []
        for g in groups:
            row += [_rate(found.get((g, TRUTH))), _rate(found.get((g, RECORD))), _rate(chosen.get((g, TRUTH)))]
        lines.append(Line(arm, cells(*row)))
    return Grid(f"At a dose of {percent(max(run.study.doses))}: share of the cases found, and of people selected",
                heads, lines)  # fmt: skip


def _rate(row: dict[str, Any] | None) -> str:
    if not row or not known(row["mean"]):
        return NONE
    return f"{percent(row['mean'], 1)} {span(row['low'], row['high'], 1, scale=100)}".strip()


def _ledger(run: Told, bias: str) -> Grid:
    top = max(run.study.doses)
    own = run.ledger.filter(pl.col("bias") == bias, pl.col("dose") == top)
    rows = {(r["arm"], r["group"], r["metric"], r["judged_on"]): r for r in own.rows(named=True)}
    heads = ["Algorithm", "Change of net benefit per 1,000", "Verdict", "Change of cases found", "On the record"]
    lines: list[Line] = []
    for g in _groups(run, bias):
        lines.append(Line(g, section=True))
        for arm in run.study.arms:
            worth = rows.get((arm, g, "net_benefit", TRUTH))
            if worth is None:
                continue
            told, found = rows[arm, g, "net_benefit", RECORD], rows[arm, g, "sensitivity", TRUTH]
            change = points(found["mean"], found["low"], found["high"], 1)
            lines.append(
                Line(arm, [Cell(_thousand(worth)), _chip(worth["verdict"]), Cell(change), _chip(told["verdict"])])
            )
    return Grid(f"Against the uncorrected model, at a dose of {percent(top)}", heads, lines)


def _thousand(row: dict[str, Any]) -> str:
    if not known(row["mean"]):
        return NONE
    sign = "+" if row["mean"] > 0 else ""
    return f"{sign}{fixed(1000 * row['mean'], 2)} {span(row['low'], row['high'], 2, scale=1000)}".strip()


def _chip(verdict: str) -> Cell:
    return Cell(f"{SHAPES.get(verdict, '○')} {verdict}", kind=KINDS.get(verdict, "chip few"))


def _learnt(run: Told, bias: str) -> str:
    """Say what PURPLE learnt about relative prevalence."""
    rows = [
        r for t in run.summary["told"] if t["bias"] == bias for r in t["told"].get("PURPLE", {}).get("relative", [])
    ]
    said = []
    for group in dict.fromkeys(r["group"] for r in rows):
        own = [r for r in rows if r["group"] == group]
        mean = {k: sum(r[k] for r in own) / len(own) for k in ("relative_prevalence", "recorded")}
        said.append(
            f"{group} {fixed(mean['relative_prevalence'], 2)} times as often as {own[0]['reference']}, where the "
            f"record says {fixed(mean['recorded'], 2)}"
        )
    return f"PURPLE, which is not told how completely groups are recorded: {'; '.join(said)}." if said else ""


def _survives(run: Told) -> list[Block]:
    out: list[Block] = [Text(CHECK)]
    for bias in run.study.biases:
        own = run.check.filter(pl.col("bias") == bias.name)
        heads = ["Metric", "Group", "Record less truth", "Measured", "Expected", "Theory"]
        lines = [
            Line(
                metric_title(r["metric"]),
                [
                    Cell(r["group"]),
                    Cell(_plain(r)),
                    Cell(r["measured"]),
                    Cell(r["expected"] or NONE),
                    _chip(r["verdict"]),
                ],
            )
            for r in own.rows(named=True)
        ]
        out.append(Table(Grid(f"{bias.name}", heads, lines)))
        out.append(Text(_survivors(own), note=True))
    return out


def _plain(row: dict[str, Any]) -> str:
    if not known(row["mean"]):
        return NONE
    sign = "+" if row["mean"] > 0 else ""
    return f"{sign}{fixed(row['mean'], 3)} {span(row['low'], row['high'], 3)}".strip()


def _survivors(own: pl.DataFrame) -> str:
    if not own.height:
        return ""
    kinds = own.group_by("metric", maintain_order=True).agg(pl.col("measured"))
    alive = [lower(metric_title(m)) for m, k in kinds.rows() if set(k) == {"survives"}]
    dead = [lower(metric_title(m)) for m, k in kinds.rows() if set(k) & {"too low", "too high"} and "survives" not in k]
    return (
        f"Survive in every group: {', '.join(alive) or 'none'}. Wrong in every group, or unclear in some: "
        f"{', '.join(dead) or 'none'}."
    )


def _limits(run: Told) -> list[Block]:
    study = run.study
    whose = "very people who are judged, which flatters them" if study.fitted_to == "judged" else "training people"
    lines = [
        "Every algorithm is a logistic regression; what another kind learns from the same record may differ.",
        "'Known error rates' are those of all training people, as if every one of them had been validated.",
        f"Thresholds of equalized odds and equal opportunity are fitted to the record of the {whose}.",
        "PURPLE's level is not identified: it selects as many people as the uncorrected model, or as there are places.",
    ]
    if study.simulated:
        lines.append("The people are simulated. Sizes of effects are those of the assumptions, not of a country.")
    else:
        lines.append("The truth is a better measurement, not the truth itself; its own errors count as the record's.")
    return [Bullets(lines)]
