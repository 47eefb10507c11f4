"""Every table of the report as plain rows, to be written as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from primum.report.numbers import known
from primum.report.source import Audited, chapter

WITHHELD = "withheld"
"""The mark of a number that may not be told; a table is data, so it is the same in every language."""
COUNTED = frozenset({"n", "events", "nonevents"})
NUMBERS = frozenset({"value", "low", "high", "n", "events", "nonevents", "share", "missing", "text"})
PEOPLE = ("flow", "missingness", "representativeness", "leakage", "missing_codes")

PROXIES = {
    "group_told": "strength", "proxy_influence": "influence", "proxy_removed": "flow", "attribute_flipped": "direct",
    "disparity": "disparity", "false_alarms": "burden", "score_unchangeable": "persistence", "attrition": "attrition",
}  # fmt: skip
MISSING = {
    "missing_outcome": "gaps", "missing_patterns": "predicts", "missing_membership": "membership",
    "membership_bounds": "bounds", "complete_cases": "complete", "missing_strategies": "performance",
    "missing_strategies_changes": "against_own", "missing_fill_error": "masking", "missing_inputs": "inputs",
    "missing_shifts": "shifts", "missing_tipping": "tipping",
}  # fmt: skip
AT_ONCE = {
    "all_groups_at_once": "joint", "groups_alike": "equality", "borrowed_strength": "shrunk",
    "interactions": "structure", "policies": "policies", "exposure": "exposure", "gap_parts": "decomposition",
}  # fmt: skip


def tables(run: Audited) -> dict[str, list[dict[str, Any]]]:
    """Return name -> rows; a chapter that was not asked for gives no table."""
    people, groups, performance = (chapter(run, c) for c in ("people", "groups", "performance"))
    found: dict[str, list[dict[str, Any]]] = {"findings": [f.row() for f in run.findings]}
    found |= {name: list(people.get(name, [])) for name in PEOPLE}
    found["table_one"] = _table_one(people.get("table_one") or {})
    found["outcome_unknown"] = [
        {"attribute": a, "level": level, **cell}
        for a, levels in (people.get("unrecorded") or {}).items()
        for level, cell in levels.items()
    ]
    found["models"] = [
        {k: v for k, v in m.items() if not isinstance(v, dict)} for m in chapter(run, "models").get("models", [])
    ]
    found["performance"] = list(performance.get("estimates", []))
    found["models_compared"] = list(performance.get("between_models", []))
    found["roc"] = _stack(performance.get("roc"), ("model",))
    found["calibration"] = _stack(performance.get("calibration"), ("model",))
    found["decision_curve"] = _stack(performance.get("decision_curve"), ("model_name",))
    found["groups"] = list(groups.get("estimates", []))
    found["comparisons"] = list(groups.get("comparisons", []))
    found["consequences"] = list(groups.get("consequences", []))
    found["group_calibration"] = _stack(groups.get("calibration"), ("model", "attribute", "group"))
    found["group_decision_curves"] = _stack(groups.get("decision_curves"), ("model_name", "attribute", "group"))
    for name, key in AT_ONCE.items():
        found[name] = list(groups.get(key, []))
    found["capacity"] = [
        {"model": c["model"], "capacity": c["capacity"], "threshold": c["threshold"], **g}
        for c in groups.get("capacity", [])
        for g in c["groups"]
    ]
    found["precision_recall"] = _stack(performance.get("precision_recall"), ("model",))
    found["group_calibration_smooth"] = _stack(groups.get("smooth"), ("model", "attribute", "group"))
    searches = groups.get("discovery", [])
    for name, key in (("subgroups_searched", "rows"), ("subgroups_confirmed", "confirmed")):
        found[name] = [{"model": s["model"], "metric": s["metric"], **r} for s in searches for r in s[key]]
    found["thresholds"] = _thresholds(groups.get("thresholds") or {})
    wrong = chapter(run, "recording")
    found["record_tipping"] = list(wrong.get("tipping", []))
    found["record_errors"] = list(wrong.get("rates", []))
    found["in_truth"] = list(wrong.get("in_truth", []))
    told = chapter(run, "proxies")
    found["proxies"] = [_flat(r, "given") for r in told.get("features", [])]
    found |= {name: [_flat(r) for r in told.get(key, [])] for name, key in PROXIES.items()}
    gone = chapter(run, "missing")
    found |= {name: list(gone.get(key) or []) for name, key in MISSING.items()}
    found["diagnosis"] = [
        {k: r[k] for k in ("attribute", "group", "n", "events", "suggestion")}
        | {"record": r["label"]["verdict"]}
        | {
            f"{k}_{x}": (r.get(k) or {}).get(x)
            for k in ("curve", "own", "explained")
            for x in ("verdict", "value", "low", "high")
        }
        for r in chapter(run, "diagnosis").get("groups", [])
    ]
    tried = chapter(run, "repairs")
    found["repairs"] = list(tried.get("performance", []))
    found["repairs_by_group"] = [
        {"repair": r["name"], **g} for r in tried.get("repairs", []) for g in r.get("groups", [])
    ]
    found["levelling_down"] = [
        {"repair": r["name"], **e} for r in tried.get("repairs", []) for e in r.get("ledger", [])
    ]
    found["record"] = list(chapter(run, "record").get("rows", []))
    return {name: rows for name, rows in found.items() if rows}


def _flat(row: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """Return a row whose nested estimates are columns of their own: name, name_low, name_high."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key in without:
            continue
        if isinstance(value, Mapping):
            flat |= {key if k == "value" else f"{key}_{k}": v for k, v in value.items()}
        else:
            flat[key] = value
    return flat


def _stack(tree: Any, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the rows at the leaves of nested dicts, each with the names on the way to it."""
    if not tree:
        return []
    if not keys:
        return [dict(row) for row in tree]
    return [{keys[0]: name, **row} for name, branch in tree.items() for row in _stack(branch, keys[1:])]


def _table_one(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = table.get("columns", [])
    return [
        {
            "variable": row["variable"],
            "label": row["label"],
            "kind": row["kind"],
            "category": row.get("category"),
            "attribute": column["attribute"],
            "level": column["level"],
            **cell,
            "smd": row["smd"][i] if i < len(row["smd"]) else None,
        }
        for row in table.get("rows", [])
        for i, (column, cell) in enumerate(zip(columns, row["cells"], strict=True))
    ]


def _thresholds(held: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "model": model,
            "attribute": g["attribute"],
            "group": g["group"],
            "threshold": t,
            "tp": tp,
            "fp": fp,
            "fn": g["events"] - tp,
            "tn": g["nonevents"] - fp,
        }
        for model, content in held.items()
        for g in content["groups"]
        if g.get("tp") is not None and g.get("events") is not None
        for t, tp, fp in zip(content["t"], g["tp"], g["fp"], strict=True)
    ]


def to_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV: UTF-8, one header line, empty where there is no value, "withheld" where it may not be told.

    A text that a spreadsheet would take for a formula is quoted with a leading apostrophe.
    """
    listed = list(rows)
    names = list(dict.fromkeys(k for r in listed for k in r))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in listed:
        writer.writerow({k: _safe(v) for k, v in _marked(row).items()})
    return out.getvalue().encode("utf8")


def _marked(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row in which numbers that are withheld say so, all with the same word."""
    if row.get("status") != "suppressed":
        return row
    nothing = not known(row.get("value")) and row.get("n") == 0  # a finding cannot say otherwise that nothing is told
    return {k: WITHHELD if k in NUMBERS and (_empty(v) or (nothing and k in COUNTED)) else v for k, v in row.items()}


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _safe(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value.strip("-–"):
        return f"'{value}"
    return "" if _empty(value) else value
