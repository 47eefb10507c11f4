"""A propagation study told in sections: what was asked, what happened at each dose, what survives, who gains."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import polars as pl

from primum.report.figures.study import Studied
from primum.report.grid import Cell, Grid, Line, cells
from primum.report.numbers import NONE, count, fixed, general, known, percent, points, span
from primum.report.say import say, told
from primum.report.section import Block, Bullets, Heading, Pairs, Pictures, Section, Table, Text
from primum.report.words import lower, metric_title

EVERYONE, UNCORRECTED, ORACLE = "everyone", "uncorrected", "oracle"
TRUTH, RECORD = "truth", "record"
KINDS = {"gains": "chip none", "loses": "chip harm", "agrees": "chip none", "contradicts": "chip harm"}
SHAPES = {"gains": "▲", "loses": "▼", "agrees": "●", "contradicts": "▼"}


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
        Section("short", say("study.short.title"), [Bullets(in_short(run)), Text(_how(run), note=True)]),
        Section("asked", say("study.asked.title"), _asked(run)),
    ]
    found += [Section(f"bias-{i + 1}", say("study.bias.title", bias=b.name), _bias(run, i)) for i, b in named]
    found.append(Section("survives", say("study.survives.title"), _survives(run)))
    found.append(Section("limits", say("study.limits.title"), _limits(run)))
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
        said = [
            say(
                "study.short.found", bias=bias.name, lowest=low, highest=high,
                low=_mean(row[low, TRUTH]), high=_mean(row[high, TRUTH]),
                low_recorded=_mean(row[low, RECORD]), high_recorded=_mean(row[high, RECORD]),
            )
        ]  # fmt: skip
        best = _rows(run, bias.name, ORACLE, "sensitivity")
        if (low, TRUTH) in best and known(best[low, TRUTH]["mean"]) and known(best[high, TRUTH]["mean"]):
            said.append(say("study.short.oracle", low=_mean(best[low, TRUTH]), high=_mean(best[high, TRUTH])))
        wrong = _misled(run, bias.name)
        if wrong:
            said.append(told("study.short.misled", len(wrong), first=wrong[0], more=len(wrong) - 1))
        out.append(" ".join(said))
    return out


def _mean(row: dict[str, Any]) -> str:
    return percent(row["mean"], 1)


def _misled(run: Told, bias: str) -> list[str]:
    rows = run.ledger.filter(
        pl.col("bias") == bias, pl.col("dose") == max(run.study.doses), pl.col("metric") == "net_benefit",
        pl.col("judged_on") == TRUTH, pl.col("misleads"), pl.col("group") != EVERYONE,
    )  # fmt: skip
    found = rows.select("arm", "group", "verdict").rows()
    return [say(f"study.short.{verdict}", arm=arm, group=group) for arm, group, verdict in found]


def _rows(run: Told, bias: str, arm: str, metric: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (group, judged on) → the mean over seeds at the greatest dose."""
    top = max(run.study.doses)
    found = run.curves.filter(
        pl.col("bias") == bias, pl.col("arm") == arm, pl.col("metric") == metric, pl.col("dose") == top
    )
    return {(r["group"], r["judged_on"]): r for r in found.rows(named=True)}


def _how(run: Told) -> str:
    study = run.study
    rule, share = ("capacity", study.capacity) if study.threshold is None else ("threshold", study.threshold)
    size = {"runs": run.summary["runs"], "arms": len(study.arms), "seeds": study.seeds}
    seeds = say("study.how.simulated" if study.simulated else "study.how.divided")
    return f"{say(f'study.how.{rule}', share=percent(share), **size)} {seeds}"


def _asked(run: Told) -> list[Block]:
    study = run.study
    lines = [Line(name, cells(say(f"study.arm.{name}"))) for name in study.arms]
    grid = Grid(say("study.asked.caption"), [say("study.algorithm"), say("study.asked.does")], lines)
    people = study.population
    source = (
        say("study.asked.registry", people=count(people.registry.people)) if people.registry is not None
        else say("study.asked.recipe", people=count(people.recipe.people)) if people.recipe is not None
        else say("study.asked.usecase", name=people.usecase if isinstance(people.usecase, str) else people.usecase.name)
    )  # fmt: skip
    pairs = {
        "question": study.question, "people": source, "groups": study.group,
        "doses": ", ".join(map(general, study.doses)),
        "price": say("study.asked.exchange", threshold=percent(study.rule.exchange, 1)),
        "notes": " ".join([*run.summary["notes"], study.notes]).strip(),
    }  # fmt: skip
    return [Pairs([(say(f"study.asked.{k}"), text) for k, text in pairs.items()]), Table(grid)]


def _bias(run: Told, number: int) -> list[Block]:
    bias = run.study.biases[number]
    out: list[Block] = [Text(bias.words)] if bias.words else []
    out += [Pictures(f"study {number + 1}"), Table(_found(run, bias.name))]
    out += [Heading(say("study.ledger.title")), Text(say("study.ledger.lead")), Table(_ledger(run, bias.name))]
    out.append(Text(say("study.ledger.misleads"), note=True))
    learnt = _learnt(run, bias.name)
    out += [Text(learnt)] if learnt else []
    failed = [f for f in run.summary["failed"] if f["bias"] in {bias.name, ""}]
    if failed:
        out.append(Bullets([
            say("study.bias.failed", arm=f["arm"], runs=f["runs"], dose=general(f["dose"]), reason=f["why"])
            for f in failed
        ]))  # fmt: skip
    return out


def _groups(run: Told, bias: str) -> list[str]:
    found = run.curves.filter(pl.col("bias") == bias)["group"].unique().sort().to_list()
    return [g for g in found if g != EVERYONE]


def _found(run: Told, bias: str) -> Grid:
    groups = _groups(run, bias)
    heads = [say("study.algorithm")]
    for g in groups:
        heads += [say(f"study.found.{k}", group=g) for k in ("truth", "record", "selected")]
    lines = []
    for arm in run.study.arms:
        found, chosen = (_rows(run, bias, arm, m) for m in ("sensitivity", "selection_rate"))
        if not found:
            continue
        row: list[str] = []
        for g in groups:
            row += [_rate(found.get((g, TRUTH))), _rate(found.get((g, RECORD))), _rate(chosen.get((g, TRUTH)))]
        lines.append(Line(arm, cells(*row)))
    return Grid(say("study.found.caption", dose=percent(max(run.study.doses))), heads, lines)


def _rate(row: dict[str, Any] | None) -> str:
    if not row or not known(row["mean"]):
        return NONE
    return f"{percent(row['mean'], 1)} {span(row['low'], row['high'], 1, scale=100)}".strip()


def _ledger(run: Told, bias: str) -> Grid:
    top = max(run.study.doses)
    own = run.ledger.filter(pl.col("bias") == bias, pl.col("dose") == top)
    rows = {(r["arm"], r["group"], r["metric"], r["judged_on"]): r for r in own.rows(named=True)}
    heads = [say("study.algorithm"), *(say(f"study.ledger.{k}") for k in ("benefit", "verdict", "found", "record"))]
    lines: list[Line] = []
    for g in _groups(run, bias):
        lines.append(Line(g, section=True))
        for arm in run.study.arms:
            worth = rows.get((arm, g, "net_benefit", TRUTH))
            if worth is None:
                continue
            recorded, found = rows[arm, g, "net_benefit", RECORD], rows[arm, g, "sensitivity", TRUTH]
            change = points(found["mean"], found["low"], found["high"], 1)
            lines.append(
                Line(arm, [Cell(_thousand(worth)), _chip(worth["verdict"]), Cell(change), _chip(recorded["verdict"])])
            )
    return Grid(say("study.ledger.caption", dose=percent(top)), heads, lines)


def _thousand(row: dict[str, Any]) -> str:
    if not known(row["mean"]):
        return NONE
    sign = "+" if row["mean"] > 0 else ""
    return f"{sign}{fixed(1000 * row['mean'], 2)} {span(row['low'], row['high'], 2, scale=1000)}".strip()


def _chip(verdict: str) -> Cell:
    return Cell(f"{SHAPES.get(verdict, '○')} {say(f'study.verdict.{verdict}')}", kind=KINDS.get(verdict, "chip few"))


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
            say(
                "study.bias.often", group=group, times=fixed(mean["relative_prevalence"], 2),
                reference=own[0]["reference"], recorded=fixed(mean["recorded"], 2),
            )
        )  # fmt: skip
    return say("study.bias.learnt", groups="; ".join(said)) if said else ""


def _survives(run: Told) -> list[Block]:
    heads = [say(f"study.survives.{k}") for k in ("metric", "group", "gap", "measured", "expected", "theory")]
    out: list[Block] = [Text(say("study.survives.lead"))]
    for bias in run.study.biases:
        own = run.check.filter(pl.col("bias") == bias.name)
        lines = [
            Line(
                metric_title(r["metric"]),
                [
                    Cell(r["group"]),
                    Cell(_plain(r)),
                    Cell(say(f"study.measured.{r['measured']}")),
                    Cell(say(f"study.measured.{r['expected']}") if r["expected"] else NONE),
                    _chip(r["verdict"]),
                ],
            )
            for r in own.rows(named=True)
        ]
        out.append(Table(Grid(bias.name, heads, lines)))
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
    none = say("study.survives.none")
    return say("study.survives.told", alive=", ".join(alive) or none, dead=", ".join(dead) or none)


def _limits(run: Told) -> list[Block]:
    fitted = "judged" if run.study.fitted_to == "judged" else "training"
    people = "simulated" if run.study.simulated else "divided"
    return [Bullets([say(f"study.limits.{k}") for k in ("regression", "known", fitted, "purple", people)])]
