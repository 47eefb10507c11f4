"""A made-up finished run, shaped exactly as the audit writes one: three models, small groups, a group without events.

Scores and outcomes are drawn from one seed and counted with plain NumPy, so every number in it is consistent.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtri

import primum
from primum.chapters import further, joint
from primum.finding import Estimate, Finding, Status, Verdict, judge
from primum.measure.table import Settings
from primum.usecase import MISSING, UseCase

Z = float(ndtri(0.975))
MODELS = ("boosting", "logistic", "explainable boosting")
THRESHOLD = 0.1
MARGIN = 0.10
SHARES = {
    "Non-Hispanic White": 0.36, "Non-Hispanic Black": 0.23, "Mexican American": 0.14, "Other Hispanic": 0.09,
    "Non-Hispanic Asian": 0.11, "Other or multiracial": 0.05, MISSING: 0.02,
}  # fmt: skip
PREVALENCE = {"Non-Hispanic Asian": 0.045, "Other or multiracial": 0.14, MISSING: 0.0}


def wilson(k: float, n: float) -> tuple[float, float, float]:
    """Return rate and 95 % limits (Wilson 1927); NaN when n is 0."""
    if n == 0:
        return math.nan, math.nan, math.nan
    p, z2 = k / n, Z * Z
    middle = (k + z2 / 2) / (n + z2)
    half = Z * math.sqrt(n * p * (1 - p) + z2 / 4) / (n + z2)
    return p, max(middle - half, 0.0) if k else 0.0, min(middle + half, 1.0) if k < n else 1.0


def usecase() -> UseCase:
    """Return the question that the sample answers."""
    return UseCase.model_validate(
        {
            "name": "sample-depression",
            "title": "Inviting adults for a depression interview",
            "question": "Among adults in the community, who should be invited for a depression interview?",
            "intended_use": "Population screening invitation; a clinician decides about treatment.",
            "population": "Adults aged 18 and over who answered the depression questionnaire",
            "outcome": {
                "name": "depression",
                "when": [{"column": "PHQ9", "at_least": 10}],
                "recorded_by": "self-report on the nine-item Patient Health Questionnaire, total of 10 or more",
            },
            "features": ["age", "bmi", "income", "smoker"],
            "groups": [
                {"name": "sex", "column": "sex"},
                {"name": "ethnicity", "column": "ethnicity", "reference": "overall"},
                {"name": "age", "column": "age", "bins": [35, 50, 65]},
                {"intersection": ["sex", "ethnicity"]},
            ],
            "decision": {
                "act": "invite for an interview",
                "threshold": THRESHOLD,
                "chosen": "agreed by two psychiatrists and a patient panel",
                "miss": "goes without the offer of help",
                "false_alarm": "spends an hour in an interview that was not needed",
            },
            "margins": {"sensitivity": MARGIN, "calibration_slope": 0.2},
            "models": [
                {"name": MODELS[0], "train": "boosting"},
                {"name": MODELS[1], "train": "logistic"},
                {"name": MODELS[2], "train": "ebm"},
            ],
        }
    )


class _People:
    """Drawn people: outcome, scores by model, and group membership by attribute."""

    def __init__(self, n: int) -> None:
        draw = np.random.default_rng([20260101, 25])
        self.sex = np.where(draw.random(n) < 0.52, "Women", "Men")
        self.ethnicity = draw.choice(list(SHARES), n, p=list(SHARES.values()))
        self.age = draw.choice(["<35", "35–49", "50–64", "≥65"], n, p=[0.27, 0.24, 0.26, 0.23])
        base = np.array([PREVALENCE.get(e, 0.092) for e in self.ethnicity]) * np.where(self.sex == "Women", 1.3, 0.7)
        self.y = draw.random(n) < base
        signal = np.where(self.y, 1.35, 0.0) * np.where(self.sex == "Women", 0.85, 1.1)
        signal *= np.select(
            [self.ethnicity == "Non-Hispanic Asian", self.ethnicity == "Mexican American"], [0.6, 0.35], 1.0
        )
        self.scores = {}
        for i, name in enumerate(MODELS):
            logit = -2.65 + (1.0 - 0.06 * i) * (signal + draw.normal(0, 1.0, n)) + 0.35 * (self.sex == "Women")
            self.scores[name] = 1 / (1 + np.exp(-logit))
        self.attributes = {
            "sex": self.sex,
            "ethnicity": self.ethnicity,
            "age": self.age,
            "sex × ethnicity": np.array([f"{s} · {e}" for s, e in zip(self.sex, self.ethnicity, strict=True)]),
        }

    def groups(self) -> list[tuple[str, str, np.ndarray]]:
        """Return (attribute, group, members), the whole first and missing membership last."""
        out = [("overall", "everyone", np.ones(self.y.size, bool))]
        for name, column in self.attributes.items():
            levels = sorted(set(column), key=lambda g: (MISSING in g, name != "age" and -np.sum(column == g)))
            if name == "age":
                levels = ["<35", "35–49", "50–64", "≥65"]
            out += [(name, str(g), column == g) for g in levels]
        return out


def _row(model: str, metric: str, attribute: str, group: str, value: Any, members: np.ndarray, **more: Any) -> dict:
    value, low, high = (None if isinstance(v, float) and math.isnan(v) else float(v) for v in value)
    events = int(members.sum())
    return {
        "model": model, "metric": metric, "attribute": attribute, "group": group, "comparator": "",
        "comparison": "estimate", "at": THRESHOLD, "value": value, "low": low, "high": high, "level": 0.95,
        "method": "Wilson", "n": int(members.size), "events": events, "nonevents": int(members.size) - events,
        "status": "ok", "reason": "",
    } | more  # fmt: skip


def _auroc(s: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    m, n = int(y.sum()), int((~y).sum())
    if m == 0 or n == 0:
        return math.nan, math.nan, math.nan
    rank = np.argsort(np.argsort(s)) + 1
    a = (rank[y].sum() - m * (m + 1) / 2) / (m * n)
    se = math.sqrt(max(a * (1 - a), 1e-6) / min(m, n))
    return a, max(a - Z * se, 0), min(a + Z * se, 1)


def _estimates(people: _People, model: str, attribute: str, group: str, inside: np.ndarray) -> list[dict]:
    y, s = people.y[inside], people.scores[model][inside]
    hit = s >= THRESHOLD
    tp, fp, fn, tn = (int(v.sum()) for v in (hit & y, hit & ~y, ~hit & y, ~hit & ~y))
    n = y.size
    nothing_with = "no people with the outcome in this group"
    rows = []
    counts = {
        "prevalence": (tp + fn, n), "selection_rate": (tp + fp, n), "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp), "ppv": (tp, tp + fp), "npv": (tn, tn + fn), "fpr": (fp, fp + tn),
        "fnr": (fn, tp + fn), "accuracy": (tp + tn, n),
    }  # fmt: skip
    for metric, (k, d) in counts.items():
        status = {} if d else {"status": "not estimable", "reason": nothing_with, "method": ""}
        if d and metric == "sensitivity" and d < 10:
            status = {"status": "below the declared precision", "reason": f"{d} people with the outcome; 10 are needed"}
        rows.append(_row(model, metric, attribute, group, wilson(k, d), y, **status))
    none = {} if y.any() else {"status": "not estimable", "reason": nothing_with, "method": ""}
    nb = (tp - fp * THRESHOLD / (1 - THRESHOLD)) / n
    rows += [
        _row(model, "auroc", attribute, group, _auroc(s, y), y, **({"method": "DeLong", "at": None} | none)),
        _row(model, "brier", attribute, group, (np.mean((s - y) ** 2),) * 3, y, method="bootstrap", at=None),
        _row(model, "net_benefit", attribute, group, (nb, nb - 0.006, nb + 0.006), y, method="bootstrap"),
    ]
    half = 1.6 / math.sqrt(max(int(y.sum()), 1))
    oe = y.sum() / s.sum()
    three = [("oe_ratio", oe, oe * math.exp(half)), ("calibration_intercept", math.log(max(oe, 0.01)), None)]
    three.append(("calibration_slope", 0.95 + 0.1 * (model == MODELS[1]), None))
    for metric, value, _ in three:
        limits = (value, value - half, value + half) if y.any() else (math.nan,) * 3
        rows.append(_row(model, metric, attribute, group, limits, y, **({"method": "bootstrap", "at": None} | none)))
    return rows


def _newcombe(k1: int, n1: int, k2: int, n2: int) -> tuple[float, float, float]:
    (p, pl, ph), (q, ql, qh) = wilson(k1, n1), wilson(k2, n2)
    d = p - q
    return d, d - math.hypot(p - pl, qh - q), d + math.hypot(ph - p, q - ql)


def _compare(people: _People, model: str, attribute: str, group: str, inside: np.ndarray) -> tuple[list[dict], list]:
    y, hit = people.y, people.scores[model] >= THRESHOLD
    k1, n1 = int((hit & y & inside).sum()), int((y & inside).sum())
    k2, n2 = int((hit & y & ~inside).sum()), int((y & ~inside).sum())
    value = _newcombe(k1, n1, k2, n2) if n1 and n2 else (math.nan,) * 3
    bad = {} if n1 else {"status": "not estimable", "reason": "no people with the outcome in this group"}
    if 0 < n1 < 30:
        bad = {"status": "below the declared precision", "reason": f"{n1} people with the outcome; 30 are needed"}
    common = {"comparator": "everyone else", "method": "Newcombe"} | bad
    inside_y = y[inside]
    rows = [_row(model, "sensitivity", attribute, group, value, inside_y, comparison="difference", **common)]
    log = [math.nan] * 3
    if k1 and k2:
        half = Z * math.sqrt(1 / k1 - 1 / n1 + 1 / k2 - 1 / n2)
        log = [math.log(k1 * n2 / (n1 * k2)) + h for h in (0, -half, half)]
    ratio = tuple(math.exp(v) for v in log)
    rows.append(_row(model, "sensitivity", attribute, group, ratio, inside_y, comparison="ratio", **common))
    verdict = judge(value[1], value[2], MARGIN, better="higher")
    more, reason = None, ""
    if n1 < 30:
        verdict, more = Verdict.NOT_ASSESSABLE, 146 - n1
        reason = "no people with the outcome in this group" if n1 == 0 else f"only {n1} people with the outcome"
    status = Status(bad.get("status", "ok"))
    estimate = Estimate(*value, "Newcombe", int(inside.sum()), n1, int(inside.sum()) - n1, status, reason)
    finding = Finding(
        "PRM-G01", "Shortfall against the comparator", model, "sensitivity", attribute, group, "everyone else",
        estimate, MARGIN, verdict, reason, more,
    )  # fmt: skip
    return rows, [finding]


def _curve(y: np.ndarray, s: np.ndarray, bins: int) -> list[dict]:
    out = []
    for part in np.array_split(np.argsort(s, kind="stable"), bins):
        if part.size:
            k = int(y[part].sum())
            p, low, high = wilson(k, part.size)
            predicted = float(s[part].mean())
            row = {"predicted": predicted, "observed": p, "low": low, "high": high, "n": int(part.size), "events": k}
            out.append(row)
    return out


def _decision(y: np.ndarray, s: np.ndarray) -> list[dict]:
    out = []
    for t in np.arange(1, 41) / 100:
        w, prevalence = t / (1 - t), float(y.mean())
        nb = float(np.mean((s >= t) & y) - w * np.mean((s >= t) & ~y))
        se = float(np.std(((s >= t) & y) - w * ((s >= t) & ~y)) / math.sqrt(y.size))
        treat = prevalence - w * (1 - prevalence)
        out.append({"t": float(t), "model": nb, "low": nb - Z * se, "high": nb + Z * se, "treat_all": treat})
    return out


def _groups(people: _People) -> tuple[dict, list[Finding]]:
    grid = [i / 100 for i in range(1, 100)]
    chapter: dict[str, Any] = {
        "estimates": [], "comparisons": [], "consequences": [],
        "calibration": {}, "decision_curves": {}, "thresholds": {},
    }  # fmt: skip
    findings: list[Finding] = []
    for model in MODELS:
        tallies, calibration, decision = [], {}, {}
        for attribute, group, inside in people.groups():
            y, s = people.y[inside], people.scores[model][inside]
            tp = [int(((s >= t) & y).sum()) for t in grid]
            fp = [int(((s >= t) & ~y).sum()) for t in grid]
            events, nonevents = int(y.sum()), int((~y).sum())
            tallies.append(
                {"attribute": attribute, "group": group, "events": events, "nonevents": nonevents, "tp": tp, "fp": fp}
            )
            at, n = grid.index(THRESHOLD), y.size
            per = [events, tp[at], events - tp[at], fp[at], nonevents - fp[at]]
            names = ("with_outcome", "found", "missed", "false_alarms", "left_alone")
            chapter["consequences"].append(
                {"model": model, "attribute": attribute, "group": group, "per": 1000}
                | {k: 1000 * v / n for k, v in zip(names, per, strict=True)}
            )
            if attribute == "overall":
                continue
            chapter["estimates"] += _estimates(people, model, attribute, group, inside)
            rows, found = _compare(people, model, attribute, group, inside)
            chapter["comparisons"] += rows
            findings += found
            if events >= 20:
                calibration.setdefault(attribute, {})[group] = _curve(y, s, 5)
                decision.setdefault(attribute, {})[group] = _decision(y, s)
        _at_once(people, model, chapter)
        chapter["thresholds"][model] = {"t": grid, "groups": tallies}
        chapter["calibration"][model], chapter["decision_curves"][model] = calibration, decision
    return chapter, findings


def _at_once(people: _People, model: str, chapter: dict[str, Any]) -> None:
    """Add what holds for all groups at once, as the audit computes it from tallies."""
    question = usecase()
    plain = [a for a in people.attributes if "×" not in a]
    columns = {a: people.attributes[a] for a in plain} | {"y": people.y.astype(int), "risk": people.scores[model]}
    tally = primum.count(pl.DataFrame(columns), outcome="y", score="risk", by=plain, thresholds=[THRESHOLD])
    tally = replace(tally, score_name=model)
    settings = Settings(at=THRESHOLD, replicates=200, seed=1, level=0.95)
    for key, empty in {**further.empty(), **joint.empty()}.items():
        chapter.setdefault(key, empty)
    for group in question.groups:
        view = tally.by(list(group.intersection) if group.intersection else [group.title])
        joint.compare_jointly(chapter, question, group, view, settings, [])
        if model == MODELS[0]:
            joint.describe_spread(chapter, question, group, view, settings)
        further.add(chapter, question, tally, group, view, settings)
    if model == MODELS[0]:
        joint.search(chapter, question, tally, settings)


def _performance(people: _People) -> dict:
    everyone = np.ones(people.y.size, bool)
    out: dict[str, Any] = {"estimates": [], "calibration": {}, "decision_curve": {}, "roc": {}, "between_models": []}
    for model in MODELS:
        s, y = people.scores[model], people.y
        out["estimates"] += _estimates(people, model, "overall", "everyone", everyone)
        out["calibration"][model] = _curve(y, s, 10)
        out["decision_curve"][model] = _decision(y, s)
        out["roc"][model] = [
            {"t": t, "fpr": float((s >= t)[~y].mean()), "sensitivity": float((s >= t)[y].mean())}
            for t in [i / 100 for i in range(101)]
        ]
    for b in MODELS[1:]:
        row: dict[str, Any] = {"a": MODELS[0], "b": b, "people": int(people.y.size)}
        for name, outcome in (("with_outcome", 1), ("without_outcome", 0)):
            here = people.y == outcome
            x, z = people.scores[MODELS[0]][here] >= THRESHOLD, people.scores[b][here] >= THRESHOLD
            cells = {"both": x & z, "only_a": x & ~z, "only_b": ~x & z, "neither": ~x & ~z}
            row |= {f"{name}_{k}": int(v.sum()) for k, v in cells.items()}
        out["between_models"].append(row)
    return out


def _table_one(people: _People) -> dict:
    columns, masks = [], []
    for attribute, group, inside in people.groups():
        if "×" not in attribute:
            events = int(people.y[inside].sum())
            columns.append({"attribute": attribute, "level": group, "n": int(inside.sum()), "events": events})
            masks.append(inside)
    draw = np.random.default_rng(3)
    bmi, smoker = draw.normal(29.5, 7, people.y.size), draw.random(people.y.size) < 0.19
    rows = []
    for variable, label, kind, x in [
        ("depression", "Depression", "outcome", people.y), ("bmi", "Body-mass index, kg/m²", "number", bmi),
        ("smoker", "Smokes now", "category", smoker),
    ]:  # fmt: skip
        cells, smd = [], []
        for m in masks:
            v, rest = x[m].astype(float), x[~m].astype(float)
            mean, sd = float(v.mean()), float(v.std(ddof=1))
            text = f"{mean:.1f} ({sd:.1f})" if kind == "number" else f"{int(v.sum())} ({100 * mean:.0f} %)"
            cell = {"text": text, "mean": mean, "sd": sd, "n": int(v.sum()), "share": mean, "missing": 0.02}
            cells.append(cell)
            spread = math.sqrt((v.var() + rest.var()) / 2) if rest.size else 0
            smd.append((mean - float(rest.mean())) / spread if spread else None)
        category = "yes" if kind == "category" else None
        rows.append(
            {"variable": variable, "label": label, "kind": kind, "category": category, "cells": cells, "smd": smd}
        )
    return {"columns": columns, "rows": rows}


def _people_chapter(people: _People) -> dict:
    missingness, shares, unrecorded = [], [], {}
    for attribute, group, inside in people.groups():
        if "×" in attribute:
            continue
        n = int(inside.sum())
        for variable, p in (("income", 0.11), ("bmi", 0.02)):
            k = round(n * p)
            v, low, high = wilson(k, n)
            missingness.append(
                {"variable": variable, "attribute": attribute, "level": group, "n": n, "missing": k}
                | {"share": v, "low": low, "high": high}
            )
        if attribute != "overall":
            unrecorded.setdefault(attribute, {})[group] = {"n": round(n * 1.08), "unknown_outcome": round(n * 0.08)}
    here = [("Women", 0.52, 0.508), ("Men", 0.48, 0.492)]
    for level, share, declared in here:
        d = share - declared
        shares.append(
            {"attribute": "sex", "level": level, "n": round(5068 * share), "share": share, "declared": declared}
            | {"difference": d, "low": d - 0.014, "high": d + 0.014}
        )
    n = people.y.size
    flow = [
        {"step": "rows read", "n": 9254, "removed": 0, "why": ""},
        {"step": "adults", "n": 5856, "removed": 3398, "why": "age below 18"},
        {"step": "outcome known", "n": n, "removed": 5856 - n, "why": "questionnaire not completed"},
    ]
    return {
        "source": "A made-up survey of adults, for tests", "n": n, "events": int(people.y.sum()), "flow": flow,
        "table_one": _table_one(people), "missingness": missingness, "representativeness": shares,
        "unrecorded": unrecorded,
        "leakage": [
            {"check": "PRM-P01", "title": "A feature nearly gives the outcome away",
             "what": "antidepressant alone: AUROC 0.91", "columns": ["antidepressant"], "severity": "warning"}
        ],
        "missing_codes": [{"column": "income", "code": 99, "count": 41, "how": "detected"}],
        "notes": ["Survey weights were not used."],
    }  # fmt: skip


@lru_cache(maxsize=1)
def sample_run() -> SimpleNamespace:
    """Return a finished run with the attributes of `primum.execute.run.Run` that the report reads."""
    people = _People(5068)
    groups, findings = _groups(people)
    chapter = _people_chapter(people)
    n, events = people.y.size, int(people.y.sum())
    leak = Estimate(0.91, 0.89, 0.93, "DeLong", n, events, n - events)
    findings.insert(
        0,
        Finding(
            "PRM-P01", "Leakage", "", "auroc", "overall", "everyone", "", leak, None, Verdict.INCONCLUSIVE,
            "antidepressant alone: AUROC 0.91", words="Antidepressant use alone nearly gives the outcome away.",
        ),
    )  # fmt: skip
    models = [
        {
            "name": m, "kind": k, "description": d, "scale": "probability", "threshold": THRESHOLD, "n_scored": n,
            "not_scored": {}, "settings": {"learning_rate": 0.1, "folds": 5}, "seconds": 3.2 + i,
            "tally": f"tallies/{m}.parquet", "auroc_bracket": 2e-6,
        }
        for i, (m, k, d) in enumerate(
            zip(
                MODELS, ("boosting", "logistic", "ebm"),
                ("Gradient-boosted trees", "Logistic regression with splines", "Explainable boosting machine"),
                strict=True,
            )
        )
    ]  # fmt: skip
    record = {
        "recorded_by": usecase().outcome.recorded_by,
        "truth_name": None,
        "rows": [],
        "unrecorded": chapter["unrecorded"],
    }
    manifest = {
        "primum": "0.1.0", "python": "3.11.9", "packages": {"numpy": "2.4.6", "polars": "2.1.0"},
        "platform": "Linux x86_64", "plan_hash": "7c1e" + "a9" * 30, "created": "2026-03-02T09:30:00+00:00",
        "seconds": {"people": 1.2, "models": 24.0, "performance": 2.1, "groups": 8.8, "record": 0.1}, "seed": 20260101,
        "status": "finished", "deviations": [{"field": "margins.sensitivity", "before": 0.05, "now": 0.1}],
        "data": {"source": "NHANES 2017-2018", "people": 9254},
    }  # fmt: skip
    return SimpleNamespace(
        path=Path("runs/sample-depression"), usecase=usecase(),
        plan=SimpleNamespace(hash=manifest["plan_hash"], created=manifest["created"], contents={}),
        chapters={
            "people": chapter, "models": {"primary": MODELS[0], "models": models},
            "performance": _performance(people), "groups": _as_written(groups), "record": record,
        },
        findings=findings, tallies={}, manifest=manifest,
    )  # fmt: skip


def _as_written(content: Any) -> Any:
    """Return a chapter as it is read from its file: undefined numbers are null."""
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, dict):
        return {k: _as_written(v) for k, v in content.items()}
    return [_as_written(v) for v in content] if isinstance(content, list | tuple) else content


def record_with_truth() -> dict[str, Any]:
    """Return a record chapter for an outcome that has a better measurement (diagnosed against measured diabetes)."""
    rows = []
    for attribute, group, truth, recorded in [
        ("overall", "everyone", 900, 640), ("sex", "Women", 420, 310), ("sex", "Men", 480, 330), ("sex", MISSING, 0, 0)
    ]:  # fmt: skip
        v, low, high = wilson(truth - recorded, truth)
        ok = truth > 0
        rows.append(
            {
                "attribute": attribute, "group": group, "n_truth": truth, "recorded": recorded,
                "missed": truth - recorded, "share_missed": v if ok else None, "low": low if ok else None,
                "high": high if ok else None, "status": "ok" if ok else "not estimable",
                "reason": "" if ok else "nobody with measured diabetes in this group",
            }
        )  # fmt: skip
    return {"recorded_by": "a doctor's word", "truth_name": "HbA1c of 6.5 % or more", "rows": rows, "unrecorded": {}}
